"""Bookshelves, dressers, wardrobes, nightstands, sideboards, filing cabinets and kitchen units."""

from itertools import pairwise

import numpy as np

from mta_core.data.rooms.books import book_row
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.ornaments import bottle, carton, ornament
from mta_core.data.rooms.solids import rod, rounded_box
from mta_core.data.rooms.style import Style, lacquer
from mta_core.data.rooms.tables import table_top


def bookshelf(rng: np.random.Generator, style: Style, width: float, height: float) -> Furnishing:
    """An open case of shelves holding rows of books and a few ornaments."""
    depth, board = 0.3, 0.022
    item = Furnishing(width, depth, height, Label.FURNITURE)
    case = style.cabinet if rng.random() < 0.6 else style.wood
    for side in (-1, 1):
        item.add_box((board, depth, height), (side * (width - board) / 2, depth / 2, 0), case)
    item.add_box((width - 2 * board, 0.01, height - 0.05), (0, 0.008, 0.05), case)
    levels = np.linspace(0.07, height - board, max(round(height / 0.36), 1) + 1)
    bays = max(round(width / 0.85), 1)
    for level in levels:
        item.add_box((width - 2 * board, depth - 0.012, board), (0, depth / 2 + 0.004, float(level)), case)
    item.add_box((width - 2 * board, 0.02, 0.07), (0, depth - 0.03, 0), case)
    for k in range(1, bays):
        item.add_box(
            (board, depth - 0.014, height - 0.1), (-width / 2 + k * width / bays, depth / 2 + 0.003, 0.08), case
        )
    for low, high in pairwise(levels):
        for k in range(bays):
            middle = -width / 2 + (k + 0.5) * width / bays
            room = width / bays - 2 * board - 0.01
            _fill_shelf(rng, style, item, middle, room, float(low) + board, float(high - low) - board)
    return item


def _fill_shelf(
    rng: np.random.Generator, style: Style, item: Furnishing, x: float, width: float, z: float, clearance: float
) -> None:
    if rng.random() < 0.12:
        return
    share = float(rng.uniform(0.55, 1.0)) if rng.random() < 0.8 else 0.0
    books = width * share
    side = float(rng.choice([-1, 1]))
    if books > 0.1:
        item.carry(book_row(rng, style, books, clearance), x + side * (width - books) / 2, 0.15, z)
    left = width - max(books, 0.0)
    if left < 0.2:
        return
    for _ in range(4):
        thing = ornament(rng, style)
        if thing.fits_in(left - 0.02, 0.27, clearance - 0.01):
            item.carry(thing, x - side * (width - left) / 2, 0.16, z)
            return


def _drawers(
    rng: np.random.Generator,
    style: Style,
    item: Furnishing,
    columns: int,
    rows: int,
    low: float,
    high: float,
    front: Material,
) -> None:
    """Drawer or door fronts with handles over the face y = depth."""
    width, depth = item.width - 0.03, item.depth
    knob = bool(rng.random() < 0.4)
    cell, tall = width / columns, (high - low) / rows
    for column in range(columns):
        x = -width / 2 + (column + 0.5) * cell
        for row in range(rows):
            z = low + row * tall
            item.add_box((cell - 0.01, 0.02, tall - 0.01), (x, depth - 0.01, z + 0.005), front, 0.004)
            if tall > 0.5:
                side = 1 if column % 2 == 0 else -1
                grip = (x + side * (cell / 2 - 0.05), depth + 0.012, z + tall * 0.45)
                item.add_box((0.012, 0.02, 0.14), grip, style.metal)
            elif knob:
                for offset in (-cell / 4, cell / 4) if cell > 0.6 else (0.0,):
                    start = np.array([x + offset, depth, z + tall / 2])
                    item.add(rod(start, start + np.array([0, 0.026, 0]), 0.014), style.metal)
            else:
                item.add_box((min(0.16, cell * 0.4), 0.016, 0.014), (x, depth + 0.012, z + tall * 0.62), style.metal)


def chest(rng: np.random.Generator, style: Style, width: float, depth: float, height: float, rows: int) -> Furnishing:
    """A dresser, sideboard or nightstand with ornaments to be added on top by the caller."""
    item = Furnishing(width, depth, height, Label.FURNITURE)
    case = style.cabinet if rng.random() < 0.75 else lacquer(rng)
    foot = float(rng.choice([0.0, 0.06, 0.14]))
    item.add_box((width - 0.006, depth - 0.02, height - foot - 0.025), (0, depth / 2 - 0.01, foot), case)
    item.add(
        rounded_box(width, depth, 0.028, 0.006).moved(0, depth / 2, height - 0.028),
        style.wood if rng.random() < 0.5 else case,
    )
    if foot:
        for x in (-width / 2 + 0.05, width / 2 - 0.05):
            for y in (0.05, depth - 0.06):
                item.add_box((0.04, 0.04, foot), (x, y, 0), style.wood)
    columns = max(round(width / 0.55), 1)
    _drawers(rng, style, item, columns, rows, foot + 0.02, height - 0.04, case)
    return item


def wardrobe(rng: np.random.Generator, style: Style) -> Furnishing:
    """A tall cupboard with two or three doors, some with a mirror."""
    width, height = float(rng.uniform(0.9, 1.7)), float(rng.uniform(1.85, 2.2))
    item = Furnishing(width, 0.58, height, Label.FURNITURE)
    item.add_box((width, 0.57, height), (0, 0.285, 0), style.cabinet)
    item.add_box((width + 0.04, 0.61, 0.04), (0, 0.305, height - 0.03), style.cabinet, 0.01)
    columns = 2 if width < 1.3 else 3
    _drawers(rng, style, item, columns, 1, 0.09, height - 0.05, style.cabinet)
    if columns == 3 and rng.random() < 0.5:
        mirror = Material((0.05, 0.055, 0.06), gloss=0.75, rough=0.0)
        item.add_box((width / 3 - 0.12, 0.004, height - 0.4), (0, 0.581, 0.22), mirror)
    return item


def kitchen(rng: np.random.Generator, style: Style, width: float) -> Furnishing:
    """A run of base units with worktop, splashback goods, wall cupboards and perhaps a cooker hood."""
    item = Furnishing(width, 0.62, 2.15, Label.FURNITURE)
    front = style.cabinet if rng.random() < 0.5 else lacquer(rng)
    item.add_box((width, 0.58, 0.1), (0, 0.27, 0), Material((0.05, 0.05, 0.05)))
    item.add_box((width, 0.6, 0.76), (0, 0.3, 0.1), front)
    columns = max(round(width / 0.6), 1)
    item.depth = 0.61
    _drawers(rng, style, item, columns, int(rng.integers(1, 4)), 0.12, 0.86, front)
    item.depth = 0.64
    item.add_box((width + 0.02, 0.64, 0.036), (0, 0.32, 0.87), table_top(rng, style), 0.008)
    _wall_cupboards(rng, style, item, columns, front)
    taken = -width / 2 + 0.2
    while taken < width / 2 - 0.25:
        thing = bottle(rng, style) if rng.random() < 0.3 else ornament(rng, style)
        if thing.fits_in(0.5, 0.42, 0.52):
            item.carry(
                thing, taken + thing.width / 2, float(rng.uniform(0.22, 0.42)), 0.906, float(rng.uniform(-0.4, 0.4))
            )
            taken += thing.width
        taken += float(rng.uniform(0.08, 0.4))
    return item


def _wall_cupboards(rng: np.random.Generator, style: Style, item: Furnishing, columns: int, front: Material) -> None:
    cell = item.width / columns
    gap = int(rng.integers(columns))
    for k in range(columns):
        x = -item.width / 2 + (k + 0.5) * cell
        if k == gap and columns > 2:
            hood = Material(colour("#b9bcc0"), gloss=0.3, rough=0.12)
            item.add_box((cell * 0.9, 0.45, 0.08), (x, 0.225, 1.55), hood, 0.01)
            item.add_box((cell * 0.4, 0.28, 0.55), (x, 0.14, 1.62), hood)
            continue
        item.add_box((cell - 0.002, 0.32, 0.7), (x, 0.16, 1.45), front)
        item.add_box((cell - 0.012, 0.02, 0.69), (x, 0.33, 1.455), front, 0.004)
        item.add_box((0.012, 0.02, 0.12), (x + cell * 0.38, 0.35, 1.48), style.metal)


def refrigerator(rng: np.random.Generator, style: Style) -> Furnishing:
    """A fridge-freezer."""
    height = float(rng.uniform(1.6, 1.85))
    item = Furnishing(0.62, 0.66, height, Label.FURNITURE)
    tone = colour(("#e9e9e7", "#b5b8bb", "#3d4043", "#b8c7c2")[int(rng.integers(4))])
    skin = Material(tone, gloss=0.06, rough=0.1)
    split = height * float(rng.choice([0.35, 0.66]))
    item.add_box((0.62, 0.58, height), (0, 0.29, 0), skin)
    item.add_box((0.615, 0.07, split - 0.03), (0, 0.62, 0.02), skin, 0.02)
    item.add_box((0.615, 0.07, height - split - 0.01), (0, 0.62, split + 0.005), skin, 0.02)
    for z in (split - 0.42, split + 0.08):
        item.add(rod(np.array([0.25, 0.69, z]), np.array([0.25, 0.69, z + 0.34]), 0.011), style.metal)
    return item


def filing_cabinet(rng: np.random.Generator, style: Style) -> Furnishing:
    """A steel cabinet with drawers and a carton on top."""
    item = chest(rng, style, 0.47, 0.6, float(rng.choice([0.7, 1.05, 1.35])), 3)
    item.carry(carton(rng, style), 0, 0.3, item.height)
    return item
