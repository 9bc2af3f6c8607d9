"""Rows and stacks of books."""

import numpy as np

from mta_core.data.rooms.arrays import Triple
from mta_core.data.rooms.furnishing import Furnishing, Piece
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour, shade
from mta_core.data.rooms.solids import boxes
from mta_core.data.rooms.style import Style
from mta_core.data.rooms.textures import brushed, spines


def book_row(rng: np.random.Generator, style: Style, width: float, clearance: float) -> Furnishing:
    """Books standing side by side, spines towards +y, filling up to `width`; some lean a little further back."""
    centres, sizes, tints = [], [], []
    x, base = -width / 2, float(rng.uniform(0.6, 0.85)) * clearance
    while True:
        thick, depth = float(rng.uniform(0.016, 0.045)), float(rng.uniform(0.14, 0.2))
        tall = min(base * float(rng.uniform(0.8, 1.18)), clearance * 0.95)
        if x + thick > width / 2:
            break
        centres.append((x + thick / 2, 0.22 - depth / 2, tall / 2))
        sizes.append((thick * 0.96, depth, tall))
        tints.append(_book_tint(rng, style))
        x += thick
    item = Furnishing(width, 0.22, clearance, Label.BOOKS)
    if centres:
        solid = boxes(np.array(centres), np.array(sizes))
        material = Material((0.4, 0.35, 0.3), spines, colour("#e2d9c3"), gloss=0.02)
        item.pieces.append(Piece(solid, material, Label.BOOKS, 0, np.array(tints, np.float32)))
    return item


def _book_tint(rng: np.random.Generator, style: Style) -> Triple:
    tone = style.book_colours[int(rng.integers(len(style.book_colours)))]
    return shade(tone, float(rng.uniform(0.75, 1.2)))


def book_stack(rng: np.random.Generator, style: Style) -> Furnishing:
    """A few books lying on each other."""
    item = Furnishing(0.26, 0.2, 0.12, Label.BOOKS)
    z = 0.0
    for _ in range(int(rng.integers(2, 6))):
        width, depth, thick = (
            float(rng.uniform(0.2, 0.27)),
            float(rng.uniform(0.15, 0.2)),
            float(rng.uniform(0.015, 0.04)),
        )
        solid = boxes(np.array([[0, 0, thick / 2]]), np.array([[width, depth, thick]])).turned(
            2, float(rng.uniform(-0.2, 0.2))
        )
        item.add(solid.moved(0, 0.1, z), Material(_book_tint(rng, style), brushed, gloss=0.02))
        z += thick
    item.height = z
    return item
