"""The classes of objects and how each is stood, turned and looked at."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mta_core.data.objects import (
    computers,
    furniture,
    helmet,
    lamp,
    machines,
    sound,
    stationery,
    telephones,
    vessels,
)
from mta_core.data.rooms.furnishing import Furnishing


@dataclass(frozen=True)
class Kind:
    """One class of objects.

    build: makes an example, its front towards +y. turn: the most it is turned about the vertical, radians either way.
    rise: lowest and highest elevation of the camera in a room, degrees. on_floor: whether it stands on the floor.
    """

    build: Callable[[np.random.Generator], Furnishing]
    turn: float
    rise: tuple[float, float]
    on_floor: bool = False


KINDS: dict[str, Kind] = {
    "bike_helmet": Kind(helmet.bike_helmet, 3.1, (15, 45)),
    "bookcase": Kind(furniture.bookcase, 0.6, (5, 15), True),
    "bottle": Kind(vessels.bottle, 3.1, (8, 30)),
    "calculator": Kind(telephones.calculator, 0.6, (45, 72)),
    "desk_chair": Kind(furniture.desk_chair, 2.6, (10, 28), True),
    "desk_lamp": Kind(lamp.desk_lamp, 0.7, (5, 24)),
    "file_cabinet": Kind(furniture.file_cabinet, 0.7, (8, 25), True),
    "headphones": Kind(sound.headphones, 0.8, (15, 40)),
    "keyboard": Kind(computers.keyboard, 0.5, (35, 65)),
    "laptop_computer": Kind(computers.laptop_computer, 0.7, (18, 38)),
    "monitor": Kind(computers.monitor, 0.6, (5, 22)),
    "mouse": Kind(computers.mouse, 1.2, (28, 58)),
    "mug": Kind(vessels.mug, 0.8, (15, 42)),
    "phone": Kind(telephones.phone, 0.6, (32, 60)),
    "printer": Kind(machines.printer, 0.6, (15, 35)),
    "scissors": Kind(stationery.scissors, 3.1, (50, 78)),
    "speaker": Kind(sound.speaker, 0.6, (5, 24)),
    "stapler": Kind(stationery.stapler, 0.5, (12, 36)),
    "tape_dispenser": Kind(stationery.tape_dispenser, 0.5, (14, 36)),
    "trash_can": Kind(vessels.trash_can, 0.6, (15, 35), True),
}

CLASS_NAMES: tuple[str, ...] = tuple(KINDS)
"""As Office-31 spells its folders, in alphabetical order."""
