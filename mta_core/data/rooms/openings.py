"""Windows with curtains or blinds, and doors; built in the frame of their wall (x along it, +y into the room)."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.solids import boxes, curtain, cylinder, ellipsoid, panel, rod
from mta_core.data.rooms.style import Style

REVEAL = 0.14  # metres from the wall's face to the glass


@dataclass(frozen=True)
class Opening:
    """A hole in a wall: `left`..`right` along the wall from its middle, `low`..`high` above the floor, metres."""

    wall: int
    left: float
    right: float
    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


def window(rng: np.random.Generator, style: Style, hole: Opening, sky: Material, ceiling: float) -> Furnishing:
    """Glass, frame, mullions, reveal, sill and something to draw across."""
    width, height = hole.right - hole.left, hole.high - hole.low
    item = Furnishing(width, 0.2, height, Label.WINDOW)
    pane = panel(np.array([hole.right, -REVEAL, hole.low]), np.array([-width, 0, 0]), np.array([0, 0, height]))
    item.add(pane, sky)
    _reveal(item, hole, style.wall)
    frame = style.trim if rng.random() < 0.8 else style.wood
    _bars(rng, item, hole, frame)
    if hole.low > 0.2:
        item.add_box(
            (width + 0.12, REVEAL + 0.05, 0.03), (hole.middle, -REVEAL / 2 + 0.03, hole.low - 0.03), frame, 0.008
        )
    kind = float(rng.random())
    if kind < 0.62:
        _curtains(rng, style, item, hole, ceiling)
    elif kind < 0.8:
        _blind(rng, style, item, hole)
    return item


def _reveal(item: Furnishing, hole: Opening, wall: Material) -> None:
    """The four sides of the hole."""
    inward, up = np.array([0, REVEAL, 0]), np.array([0, 0, hole.high - hole.low])
    along = np.array([hole.right - hole.left, 0, 0])
    for corner, first, second in (
        (np.array([hole.left, -REVEAL, hole.low]), inward, up),
        (np.array([hole.right, -REVEAL, hole.low]), up, inward),
        (np.array([hole.left, -REVEAL, hole.low]), along, inward),
        (np.array([hole.left, -REVEAL, hole.high]), inward, along),
    ):
        item.add(panel(corner, first, second), wall, Label.WALL)


def _bars(rng: np.random.Generator, item: Furnishing, hole: Opening, frame: Material) -> None:
    width, height, rim, y = hole.right - hole.left, hole.high - hole.low, 0.055, -REVEAL + 0.03
    bars = []
    for x in (hole.left + rim / 2, hole.right - rim / 2):
        bars.append(((x, y, hole.low + height / 2), (rim, 0.05, height)))
    for z in (hole.low + rim / 2, hole.high - rim / 2):
        bars.append(((hole.middle, y, z), (width - 2 * rim, 0.048, rim)))
    columns = max(round(width / float(rng.uniform(0.55, 0.9))), 1)
    for k in range(1, columns):
        bars.append(((hole.left + k * width / columns, y, hole.low + height / 2), (0.05, 0.044, height - 2 * rim)))
    rows = int(rng.integers(1, 4)) if height < 1.7 else int(rng.integers(2, 4))
    for k in range(1, rows):
        bars.append(((hole.middle, y, hole.low + k * height / rows), (width - 2 * rim, 0.036, 0.03)))
    item.add(boxes(np.array([b[0] for b in bars]), np.array([b[1] for b in bars])), frame)


def _curtains(rng: np.random.Generator, style: Style, item: Furnishing, hole: Opening, ceiling: float) -> None:
    top = min(hole.high + float(rng.uniform(0.1, 0.25)), ceiling - 0.06)
    long = bool(rng.random() < 0.7) or hole.low < 0.3
    low = 0.015 if long else hole.low - 0.12
    cloth = style.cloth if rng.random() < 0.5 else style.accents[int(rng.integers(len(style.accents)))]
    span = hole.right - hole.left + 0.3
    width = float(rng.uniform(0.16, 0.3)) * span
    fold, phase = float(rng.uniform(0.09, 0.14)), float(rng.uniform(0, 6))
    for side in (-1, 1):
        hanging = curtain(width, top - low, fold, float(rng.uniform(0.02, 0.032)), phase + side)
        item.add(hanging.moved(hole.middle + side * (span - width) / 2, 0.085, low), cloth)
    ends = [np.array([hole.middle + side * (span / 2 + 0.06), 0.085, top + 0.005]) for side in (-1, 1)]
    item.add(rod(ends[0], ends[1], 0.012), style.metal)
    for end in ends:
        item.add(ellipsoid(0.025, 0.025, 0.025, 8).moved(*(float(v) for v in end)), style.metal)


def _blind(rng: np.random.Generator, style: Style, item: Furnishing, hole: Opening) -> None:
    """A roller blind or slats, partly let down."""
    width, drop = hole.right - hole.left - 0.03, (hole.high - hole.low) * float(rng.uniform(0.15, 0.6))
    if rng.random() < 0.5:
        item.add_box((width, 0.006, drop), (hole.middle, -0.04, hole.high - drop), style.cloth)
        roll = cylinder(0.025, width).turned(1, np.pi / 2)
        item.add(roll.moved(hole.left + 0.015, -0.045, hole.high - 0.03), style.cloth)
        return
    count = max(int(drop / 0.045), 3)
    levels = hole.high - 0.02 - 0.045 * np.arange(count)
    slats = boxes(np.zeros((count, 3)), np.broadcast_to([width, 0.042, 0.003], (count, 3))).turned(0, 0.5)
    lift = np.zeros((len(slats.corners), 1, 3), np.float32)
    lift[:, 0, 0], lift[:, 0, 1], lift[:, 0, 2] = hole.middle, -0.045, levels[slats.part]
    material = Material(colour("#ece8df"), gloss=0.02)
    item.add(type(slats)(slats.corners + lift, slats.normals, slats.part, False), material)


def radiator(hole: Opening) -> Furnishing:
    """A panel radiator under a window: ribs between two rails."""
    width, top = (hole.right - hole.left) * 0.6, hole.low - 0.12
    item = Furnishing(width, 0.1, top, Label.OBJECTS)
    enamel = Material(colour("#efede8"), gloss=0.04, rough=0.15)
    count = int(width / 0.06)
    x = hole.middle + (np.arange(count) - (count - 1) / 2) * 0.06
    tall = top - 0.12
    centres = np.stack([x, np.full(count, 0.06), np.full(count, 0.12 + tall / 2)], axis=1)
    item.add(boxes(centres, np.broadcast_to([0.045, 0.06, tall], (count, 3))), enamel)
    item.add_box((count * 0.06 - 0.02, 0.02, tall - 0.02), (hole.middle, 0.05, 0.13), enamel)
    for z in (0.14, top - 0.06):
        item.add_box((count * 0.06, 0.03, 0.03), (hole.middle, 0.05, z), enamel)
    item.add(rod(np.array([x[-1], 0.05, 0.0]), np.array([x[-1], 0.05, 0.2]), 0.009), enamel)
    return item


def door(rng: np.random.Generator, style: Style, hole: Opening) -> Furnishing:
    """A closed panelled door with its architrave; NYUv2's thirteen classes count doors as wall."""
    width, height = hole.right - hole.left, hole.high
    item = Furnishing(width, 0.05, height, Label.WALL)
    leaf = style.wood if rng.random() < 0.45 else Material(colour("#ebe7df"), gloss=0.03)
    x = hole.middle
    item.add_box((width, 0.04, height), (x, -0.005, 0), leaf)
    for side in (-1, 1):
        item.add_box((0.08, 0.03, height + 0.08), (x + side * (width / 2 + 0.04), 0.015, 0), style.trim, 0.008)
    item.add_box((width, 0.03, 0.08), (x, 0.015, height), style.trim, 0.008)
    rows = int(rng.integers(0, 4))
    for k in range(rows):
        tall = (height - 0.3) / rows
        for side in (-1, 1):
            item.add_box(
                (width / 2 - 0.16, 0.014, tall - 0.12), (x + side * width * 0.22, 0.016, 0.2 + k * tall), leaf, 0.006
            )
    knob = ellipsoid(0.028, 0.03, 0.028, 9).moved(x + width / 2 - 0.08, 0.06, 1.02)
    item.add(knob, style.metal)
    switch = Material(colour("#f4f3ef"), gloss=0.03)
    item.add_box(
        (0.08, 0.012, 0.08), (x + width / 2 + 0.2, 0.006, 1.06), switch, 0.004, Label.OBJECTS, item.new_group()
    )
    item.add(
        rod(np.array([x + width / 2 - 0.08, 0.01, 1.02]), np.array([x + width / 2 - 0.08, 0.06, 1.02]), 0.01),
        style.metal,
    )
    return item
