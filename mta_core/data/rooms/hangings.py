"""Things for the wall: pictures, mirrors, clocks, televisions, whiteboards, wall shelves.

The origin is the middle of the back unless a function says otherwise.
"""

import numpy as np

from mta_core.data.rooms import paintings
from mta_core.data.rooms.books import book_row
from mta_core.data.rooms.furnishing import Furnishing, Piece
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.ornaments import ornament
from mta_core.data.rooms.solids import boxes, cylinder
from mta_core.data.rooms.style import Style

_SUBJECTS = (paintings.landscape, paintings.abstract, paintings.blocks, paintings.portrait)
_TONES = ("#7c9299", "#b98a5a", "#5f7a5a", "#c2a98a", "#8a5a50", "#4d5f7a", "#c7b48a", "#6d6875", "#a9b3a4", "#3e5257")


def _frame(item: Furnishing, width: float, height: float, rim: float, depth: float, material: Material) -> None:
    """Four mouldings round an opening centred on the origin."""
    for side in (-1, 1):
        item.add_box((rim, depth, height), (side * (width - rim) / 2, depth / 2, -height / 2), material)
        item.add_box((width - 2 * rim, depth, rim), (0, depth / 2, side * (height - rim) / 2 - rim / 2), material)


def _plate(item: Furnishing, width: float, height: float, y: float, material: Material) -> None:
    item.add(boxes(np.array([[0, y, 0]]), np.array([[width, 0.006, height]])), material)


def picture(rng: np.random.Generator, style: Style, width: float, height: float) -> Furnishing:
    """A framed picture, with or without a mount."""
    item = Furnishing(width, 0.03, height, Label.PICTURE)
    rim = float(rng.uniform(0.012, 0.045))
    black, white = Material(colour("#26241f")), Material(colour("#eeeae0"))
    frame = (style.wood, black, white, style.metal)[int(rng.integers(4))]
    _frame(item, width, height, rim, 0.028, frame)
    mount = float(rng.uniform(0.1, 0.2)) * min(width, height) if rng.random() < 0.55 else 0.0
    _plate(item, width - 2 * rim, height - 2 * rim, 0.008, Material(colour("#eeebe2"), gloss=0.03, rough=0.05))
    first, second = (colour(_TONES[int(i)]) for i in rng.permutation(len(_TONES))[:2])
    inner_width, inner_height = width - 2 * (rim + mount), height - 2 * (rim + mount)
    subject = _SUBJECTS[int(rng.integers(len(_SUBJECTS)))]
    canvas = Material(first, subject, second, scale=max(min(inner_width, inner_height), 0.1), gloss=0.03, rough=0.05)
    _plate(item, inner_width, inner_height, 0.013, canvas)
    return item


def mirror(rng: np.random.Generator, style: Style) -> Furnishing:
    """A round or rectangular looking glass."""
    glass = Material((0.04, 0.045, 0.05), gloss=0.8, rough=0.0)
    if rng.random() < 0.5:
        radius = float(rng.uniform(0.25, 0.42))
        item = Furnishing(2 * radius, 0.03, 2 * radius, Label.OBJECTS)
        item.add(cylinder(radius, 0.02, segments=44).turned(0, -np.pi / 2), style.metal)
        item.add(cylinder(radius * 0.95, 0.004, segments=44).turned(0, -np.pi / 2).moved(0, 0.02), glass)
        return item
    width, height = float(rng.uniform(0.4, 0.7)), float(rng.uniform(0.7, 1.1))
    item = Furnishing(width, 0.03, height, Label.OBJECTS)
    _frame(item, width, height, 0.03, 0.03, style.wood)
    _plate(item, width - 0.06, height - 0.06, 0.012, glass)
    return item


def clock(rng: np.random.Generator, style: Style) -> Furnishing:
    """A wall clock."""
    radius = float(rng.uniform(0.13, 0.2))
    item = Furnishing(2 * radius, 0.05, 2 * radius, Label.OBJECTS)
    item.add(cylinder(radius, 0.035, segments=36).turned(0, -np.pi / 2), style.metal)
    item.add(
        cylinder(radius * 0.9, 0.004, segments=36).turned(0, -np.pi / 2).moved(0, 0.035), Material(colour("#f1eee6"))
    )
    hand = Material((0.02, 0.02, 0.02))
    item.add_box((0.012, 0.004, radius * 0.75), (0, 0.042, 0), hand)
    item.add_box((radius * 0.5, 0.004, 0.014), (radius * 0.25, 0.042, -0.007), hand)
    return item


def television(rng: np.random.Generator, style: Style, width: float, stand: bool) -> Furnishing:
    """A flat screen, on or off; with `stand` it rests on z = 0, else it is centred on the origin."""
    height = width * 0.575
    item = Furnishing(width, 0.2 if stand else 0.07, height, Label.TV)
    z, y = (height / 2 + 0.07, 0.1) if stand else (0.0, 0.03)
    case = Material(colour("#17181a"), gloss=0.04, rough=0.1)
    item.add(boxes(np.array([[0, y, z]]), np.array([[width, 0.035, height]])), case)
    on = rng.random() < 0.3
    hues = [colour(_TONES[int(i)]) for i in rng.permutation(len(_TONES))[:2]]
    screen = Material(hues[0], paintings.broadcast, hues[1], scale=width, gloss=0.04, rough=0.0, glow=0.6)
    if not on:
        screen = Material((0.012, 0.013, 0.015), gloss=0.06, rough=0.0)
    plate = boxes(np.array([[0.0, 0.0, 0.0]]), np.array([[width - 0.024, 0.004, height - 0.024]]))
    shown = Piece(plate.moved(0, y + 0.0185, z), screen, Label.TV, 0, origin=(0.0, y, z))
    item.pieces.append(shown)
    if stand:
        item.add_box((width * 0.3, 0.2, 0.014), (0, 0.1, 0), case, 0.005)
        item.add_box((0.06, 0.03, 0.09), (0, 0.09, 0.01), case)
    return item


def whiteboard(rng: np.random.Generator, style: Style, width: float) -> Furnishing:
    """A whiteboard or a blackboard with a pen ledge."""
    item = Furnishing(width, 0.06, 1.0, Label.OBJECTS)
    board = colour("#f2f3f2") if rng.random() < 0.65 else colour("#2f4a3f")
    _frame(item, width, 1.0, 0.03, 0.025, style.metal if rng.random() < 0.5 else style.wood)
    _plate(item, width - 0.06, 0.94, 0.012, Material(board, gloss=0.04, rough=0.08))
    item.add_box((width * 0.5, 0.07, 0.015), (0, 0.035, -0.515), style.metal)
    return item


def wall_shelf(rng: np.random.Generator, style: Style, width: float) -> Furnishing:
    """A floating board with books and ornaments; the board's top is at z = 0."""
    item = Furnishing(width, 0.24, 0.35, Label.FURNITURE)
    item.add_box((width, 0.24, 0.03), (0, 0.12, -0.03), style.wood, 0.004)
    x = -width / 2 + 0.03
    while x < width / 2 - 0.15:
        room = width / 2 - x - 0.03
        if rng.random() < 0.5:
            row = min(room, float(rng.uniform(0.15, 0.4)))
            item.carry(book_row(rng, style, row, 0.3), x + row / 2, 0.12, 0.0)
            x += row + 0.02
        else:
            thing = ornament(rng, style)
            if thing.width < room and thing.fits_in(0.4, 0.23, 0.4):
                item.carry(thing, x + thing.width / 2, 0.12, 0.0)
                x += thing.width
            x += float(rng.uniform(0.02, 0.15))
    return item
