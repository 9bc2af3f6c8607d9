"""Floor, ceiling, walls with their holes, skirting and cornice."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.openings import Opening
from mta_core.data.rooms.solids import boxes, merged, panel
from mta_core.data.rooms.style import Style


def floor(style: Style, width: float, depth: float) -> Furnishing:
    """The floor, its origin at a corner of the room."""
    item = Furnishing(width, depth, 0.0, Label.FLOOR)
    item.add(panel(np.zeros(3), np.array([width, 0, 0]), np.array([0, depth, 0])), style.floor)
    return item


def ceiling(rng: np.random.Generator, style: Style, width: float, depth: float, height: float) -> Furnishing:
    """The ceiling, now and then with beams."""
    item = Furnishing(width, depth, 0.0, Label.CEILING)
    item.add(panel(np.array([0, 0, height]), np.array([0, depth, 0]), np.array([width, 0, 0])), style.ceiling)
    if rng.random() < 0.12:
        count = int(depth / 0.8)
        for k in range(count):
            item.add_box((width, 0.11, 0.14), (width / 2, (k + 0.5) * depth / count, height - 0.139), style.wood)
    return item


def wall(
    rng: np.random.Generator,
    style: Style,
    feature: bool,
    length: float,
    height: float,
    holes: list[Opening],
    doors: list[Opening],
) -> Furnishing:
    """One wall in its own frame: origin at the middle of its foot, x along it, facing +y; windows are its holes."""
    item = Furnishing(length, 0.0, height, Label.WALL)
    xs = sorted({-length / 2, length / 2, *(hole.left for hole in holes), *(hole.right for hole in holes)})
    zs = sorted({0.0, height, *(hole.low for hole in holes), *(hole.high for hole in holes)})
    fields = []
    for left, right in pairwise(xs):
        for low, high in pairwise(zs):
            if not any(_inside(hole, (left + right) / 2, (low + high) / 2) for hole in holes):
                corner = np.array([right, 0, low])
                fields.append(panel(corner, np.array([left - right, 0, 0]), np.array([0, 0, high - low])))
    # One part for the whole wall: its fields are one flat face.
    whole = merged(fields)
    item.add(replace(whole, part=np.zeros_like(whole.part)), style.feature_wall if feature else style.wall)
    _skirting(style, item, length, [*holes, *doors])
    return item


def _inside(hole: Opening, x: float, z: float) -> bool:
    return hole.left < x < hole.right and hole.low < z < hole.high


def _skirting(style: Style, item: Furnishing, length: float, holes: list[Opening]) -> None:
    tall = 0.09
    stops = sorted((hole.left - 0.08, hole.right + 0.08) for hole in holes if hole.low < 0.1)
    start = -length / 2
    centres, sizes = [], []
    for left, right in [*stops, (length / 2, length / 2)]:
        if left - start > 0.02:
            centres.append(((start + left) / 2, 0.007, tall / 2))
            sizes.append((left - start, 0.014, tall))
        start = right
    item.add(boxes(np.array(centres), np.array(sizes)), style.trim)
