"""The classes of objects and how each is stood, turned and looked at."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mta_core.data.objects import (
    bags,
    bike,
    computers,
    furniture,
    helmet,
    lamp,
    machines,
    paperwork,
    sound,
    stationery,
    telephones,
    vessels,
    writing,
)
from mta_core.data.rooms.furnishing import Furnishing


@dataclass(frozen=True)
class Kind:
    """One class of objects.

    build: makes an example, its front towards +y. turn: the most it is turned about the vertical, radians either way.
    rise: lowest and highest elevation of the camera in a room, degrees. on_floor: whether it stands on the floor.
    reversible: whether it is as often shown from behind.
    """

    build: Callable[[np.random.Generator], Furnishing]
    turn: float
    rise: tuple[float, float]
    on_floor: bool = False
    reversible: bool = False

    def yaw(self, rng: np.random.Generator) -> float:
        """A turn about the vertical in radians."""
        return float(rng.uniform(-self.turn, self.turn)) + np.pi * int(rng.integers(2)) * self.reversible


KINDS: dict[str, Kind] = {
    "back_pack": Kind(bags.back_pack, 0.7, (8, 28), on_floor=True),
    "bike": Kind(bike.bike, 0.5, (4, 18), on_floor=True, reversible=True),
    "bike_helmet": Kind(helmet.bike_helmet, 3.1, (15, 45)),
    "bookcase": Kind(furniture.bookcase, 0.6, (5, 15), on_floor=True),
    "bottle": Kind(vessels.bottle, 3.1, (8, 30)),
    "calculator": Kind(telephones.calculator, 0.6, (45, 72)),
    "desk_chair": Kind(furniture.desk_chair, 2.6, (10, 28), on_floor=True),
    "desk_lamp": Kind(lamp.desk_lamp, 0.7, (5, 24)),
    "desktop_computer": Kind(machines.desktop_computer, 0.3, (8, 26)),
    "file_cabinet": Kind(furniture.file_cabinet, 0.7, (8, 25), on_floor=True),
    "headphones": Kind(sound.headphones, 0.8, (15, 40)),
    "keyboard": Kind(computers.keyboard, 0.5, (35, 65)),
    "laptop_computer": Kind(computers.laptop_computer, 0.7, (18, 38)),
    "letter_tray": Kind(paperwork.letter_tray, 0.7, (14, 36)),
    "mobile_phone": Kind(telephones.mobile_phone, 0.6, (42, 72)),
    "monitor": Kind(computers.monitor, 0.6, (5, 22)),
    "mouse": Kind(computers.mouse, 1.2, (28, 58)),
    "mug": Kind(vessels.mug, 0.5, (15, 42), reversible=True),
    "paper_notebook": Kind(paperwork.paper_notebook, 0.7, (38, 70)),
    "pen": Kind(writing.pen, 0.9, (30, 72), reversible=True),
    "phone": Kind(telephones.phone, 0.6, (32, 60)),
    "printer": Kind(machines.printer, 0.6, (15, 35)),
    "projector": Kind(machines.projector, 0.7, (14, 36)),
    "punchers": Kind(stationery.punchers, 0.8, (16, 38)),
    "ring_binder": Kind(paperwork.ring_binder, 0.3, (8, 30)),
    "ruler": Kind(writing.ruler, 0.9, (45, 78), reversible=True),
    "scissors": Kind(stationery.scissors, 3.1, (50, 78)),
    "speaker": Kind(sound.speaker, 0.6, (5, 24)),
    "stapler": Kind(stationery.stapler, 0.5, (12, 36), reversible=True),
    "tape_dispenser": Kind(stationery.tape_dispenser, 0.5, (14, 36), reversible=True),
    "trash_can": Kind(vessels.trash_can, 0.6, (15, 35), on_floor=True),
}

CLASS_NAMES: tuple[str, ...] = tuple(KINDS)
"""As Office-31 spells its folders, in alphabetical order."""
