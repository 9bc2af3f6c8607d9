"""Beds with frame, mattress, blanket and pillows."""

import numpy as np

from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.seating import cushion
from mta_core.data.rooms.solids import pillow, rounded_box
from mta_core.data.rooms.style import Style, cloth_material
from mta_core.data.rooms.textures import weave


def bed(rng: np.random.Generator, style: Style) -> Furnishing:
    """A single or double bed, head at the wall."""
    double = bool(rng.random() < 0.7)
    width = float(rng.uniform(1.45, 1.85)) if double else float(rng.uniform(0.9, 1.1))
    length, top = float(rng.uniform(2.0, 2.12)), float(rng.uniform(0.46, 0.58))
    item = Furnishing(width, length, 1.0, Label.BED)
    _frame(rng, style, item, width, length, top - 0.2)
    linen = Material(colour(("#f0ede6", "#e4e0da", "#dfe5ea", "#efe6da")[int(rng.integers(4))]), weave)
    item.add_box((width - 0.06, length - 0.1, 0.22), (0, length / 2 + 0.02, top - 0.2), linen, 0.06)
    _covers(rng, style, item, width, length, top)
    _pillows(rng, style, item, linen, 2 if double else 1, width, top)
    return item


def _frame(rng: np.random.Generator, style: Style, item: Furnishing, width: float, length: float, top: float) -> None:
    upholstered = bool(rng.random() < 0.4)
    frame = style.upholstery if upholstered else style.wood
    radius = 0.03 if upholstered else 0.012
    low = 0.0 if rng.random() < 0.5 else 0.12
    item.add_box((width, length - 0.02, top - low + 0.03), (0, length / 2 + 0.01, low), frame, radius)
    if low:
        for x in (-width / 2 + 0.06, width / 2 - 0.06):
            for y in (0.08, length - 0.08):
                item.add_box((0.06, 0.06, low), (x, y, 0), style.wood)
    head = float(rng.uniform(0.9, 1.2))
    item.height = head
    if upholstered:
        count = max(int(width / 0.35), 2)
        for k in range(count):
            x = (k + 0.5 - count / 2) * width / count
            item.add_box((width / count - 0.006, 0.09, head - 0.1), (x, 0.03, 0.1), frame, 0.035)
    else:
        item.add_box((width + 0.04, 0.05, head), (0, 0.0, 0), frame, 0.02)


def _covers(rng: np.random.Generator, style: Style, item: Furnishing, width: float, length: float, top: float) -> None:
    tone = style.accents[int(rng.integers(len(style.accents)))]
    blanket = tone if rng.random() < 0.5 else cloth_material(rng, style.cloth.colour, tone.colour)
    start = float(rng.uniform(0.55, 0.8))
    reach, drop = length - start - 0.02, float(rng.uniform(0.18, 0.3))
    item.add_box((width + 0.03, reach, drop + 0.05), (0, start + reach / 2 + 0.02, top - drop), blanket, 0.05)
    fold = rounded_box(width + 0.04, 0.24, 0.06, 0.028, 3)
    item.add(fold.moved(0, start + 0.1, top + 0.015), style.cloth if blanket is tone else tone)
    if rng.random() < 0.4:
        throw = style.accents[int(rng.integers(len(style.accents)))]
        item.add_box((width + 0.05, 0.5, drop), (0, length - 0.42, top - drop + 0.065), throw, 0.05)


def _pillows(
    rng: np.random.Generator, style: Style, item: Furnishing, linen: Material, count: int, width: float, top: float
) -> None:
    for k in range(count):
        x = (k + 0.5 - count / 2) * width * 0.48
        solid = (
            pillow(0.66, 0.44, 0.17).turned(0, float(rng.uniform(0.25, 0.6))).turned(2, float(rng.uniform(-0.1, 0.1)))
        )
        item.add(solid.moved(x, 0.3, top + 0.15), linen, Label.OBJECTS, item.new_group())
        if rng.random() < 0.6:
            item.carry(cushion(rng, style), x * 0.8, 0.58, top + 0.02, float(rng.uniform(-0.2, 0.2)))
