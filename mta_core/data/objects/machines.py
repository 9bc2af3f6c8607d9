"""Printers."""

import numpy as np

from mta_core.data.objects.palette import (
    BLACK,
    DARK,
    HOLLOW,
    PALE,
    PAPER,
    SOBER,
    VIVID,
    between,
    blank,
    chance,
    plastic,
    tone,
)
from mta_core.data.objects.shapes import keys
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import rounded_box


def printer(rng: np.random.Generator) -> Furnishing:
    """A box with a sheet feeder at the back, a slot and a tray with a printed page in front, and a key panel."""
    item = blank()
    width, depth, height = between(rng, 0.4, 0.47), between(rng, 0.28, 0.34), between(rng, 0.16, 0.25)
    case = plastic(rng, *PALE, *PALE, *DARK, "#6f7378")
    trim = plastic(rng, *DARK, *SOBER)
    item.add(rounded_box(width, depth, height, 0.025, 3), case)
    item.add_box((width * 0.96, depth * 0.8, 0.02), (0, -0.01, height - 0.008), trim, 0.008)
    item.add_box((width * 0.72, 0.02, height * 0.34), (0, depth / 2 - 0.004, height * 0.2), HOLLOW)
    _tray(rng, item, width, depth, height * 0.22, trim)
    _feeder(rng, item, width, depth, height, case if chance(rng, 0.5) else trim)
    front = depth / 2 + 0.001
    item.add_box((width * 0.2, 0.006, height * 0.2), (-width * 0.33, front, height * 0.66), BLACK, 0.002)
    screen = Material(tone(rng, "#6fa6d8", "#8c9a7b", "#4f7fb5"), gloss=0.04, rough=0.02, glow=0.4)
    item.add_box((width * 0.13, 0.008, height * 0.13), (-width * 0.33, front + 0.001, height * 0.695), screen)
    buttons = keys(3, 1, width * 0.2, height * 0.12, 0.006, 0.012).turned(0, -np.pi / 2)
    item.add(buttons.moved(-width * 0.08, front, height * 0.76), plastic(rng, *VIVID, *SOBER))
    return item


def _tray(rng: np.random.Generator, item: Furnishing, width: float, depth: float, z: float, trim: Material) -> None:
    reach = between(rng, 0.1, 0.16)
    y = depth / 2 + reach / 2 - 0.02
    item.add_box((width * 0.66, reach, 0.008), (0, y, z), trim, 0.003)
    if chance(rng, 0.85):
        item.add_box((width * 0.5, reach * 1.15, 0.004), (0, y + 0.008, z + 0.009), PAPER)
        for k in range(int(rng.integers(3, 7))):
            line = (width * between(rng, 0.2, 0.42), reach * 0.06, 0.0006)
            item.add_box(line, (0, y + reach * (0.45 - 0.13 * k), z + 0.013), Material(tone(rng, "#4a4c50", *VIVID)))


def _feeder(
    rng: np.random.Generator, item: Furnishing, width: float, depth: float, height: float, trim: Material
) -> None:
    lean, tall = between(rng, 0.25, 0.5), between(rng, 0.14, 0.2)
    for size, lift, material in (
        ((width * 0.64, 0.012, tall), 0.0, trim),
        ((width * 0.52, 0.008, tall + between(rng, 0.03, 0.07)), 0.012, PAPER),
    ):
        sheet = rounded_box(*size, 0.003).turned(0, lean)
        item.add(sheet.moved(0, -depth * 0.36 + lift, height - 0.02), material)
