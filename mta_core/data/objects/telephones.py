"""Desk phones, mobile phones and calculators."""

import numpy as np

from mta_core.data.objects.palette import BLACK, DARK, PALE, RUBBER, SOBER, VIVID, between, chance, plastic, tone
from mta_core.data.objects.prints import icons
from mta_core.data.objects.shapes import curve, joined, keys, slab, tube
from mta_core.data.objects.thing import blank, turn
from mta_core.data.rooms.furnishing import Furnishing, Piece
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import Solid, rounded_box

_LCD = ("#8c9a7b", "#a9b59a", "#7f9490")


def _lcd(rng: np.random.Generator) -> Material:
    return Material(tone(rng, *_LCD), gloss=0.05, rough=0.02)


def calculator(rng: np.random.Generator) -> Furnishing:
    """A flat body with a display across the top and a field of keys, some in colour."""
    item = blank()
    width, depth = between(rng, 0.075, 0.1), between(rng, 0.125, 0.15)
    case = plastic(rng, *DARK, *DARK, *PALE, "#b9bcc0", *VIVID[:3])
    item.add(rounded_box(width, depth, 0.016, 0.006), case)
    head = depth * 0.28
    item.add_box((width * 0.86, head * 0.72, 0.002), (0, -depth / 2 + head * 0.56, 0.0155), BLACK, 0.0008)
    item.add_box((width * 0.76, head * 0.46, 0.001), (0, -depth / 2 + head * 0.6, 0.0175), _lcd(rng))
    _digits(rng, item, width * 0.72, head * 0.3, -depth / 2 + head * 0.6)
    columns, rows = int(rng.choice([4, 5])), int(rng.choice([5, 6]))
    field = keys(columns, rows, width * 0.88, depth * 0.66, 0.005, 0.0045).moved(0, depth * 0.14, 0.0155)
    plain, special, loud = tone(rng, *PALE, *DARK), tone(rng, *SOBER), tone(rng, *VIVID)
    if abs(plain[1] - case.colour[1]) < 0.12:
        plain = tone(rng, *(PALE if case.colour[1] < 0.3 else DARK))
    tints = np.tile(np.array(plain, np.float32), (columns * rows, 1))
    tints[:columns], tints[columns - 1 :: columns], tints[[0, -1]] = special, special, loud
    item.pieces.append(Piece(field, Material(plain, gloss=0.03, rough=0.2), Label.OBJECTS, 0, tints))
    prop = between(rng, 0.0, 0.3)
    turn(item, 0, -prop)
    return item


def _digits(rng: np.random.Generator, item: Furnishing, width: float, height: float, y: float) -> None:
    """A row of dark figures at the right of the display (at -x, as the reader sits at +y)."""
    count, cell = int(rng.integers(3, 9)), width / 9
    for k in range(count):
        shape = (cell * float(rng.choice([0.25, 0.6, 0.6])), height, 0.0006)
        item.add_box(shape, (-width / 2 + (k + 0.5) * cell, y, 0.0183), Material((0.03, 0.035, 0.03)))


def phone(rng: np.random.Generator) -> Furnishing:
    """A desk telephone: a wedge with keys and a display, the handset at its left and a coiled cord."""
    item = blank()
    width, depth, tall = between(rng, 0.19, 0.23), between(rng, 0.19, 0.22), between(rng, 0.06, 0.085)
    case = plastic(rng, *DARK, *DARK, *PALE, *PALE, VIVID[0], "#6f7378")
    slope = float(np.arctan2(tall - 0.03, depth))
    outline = np.array([(-depth / 2, 0), (depth / 2, 0), (depth / 2, 0.03), (-depth / 2, tall)])
    item.add(slab(outline, width).turned(2, np.pi / 2), case)

    def on_top(solid: Solid, x: float, y: float) -> Solid:
        """Set a solid on the slope at share y of the way from the middle to the front."""
        lifted = (0.03 + tall) / 2 - (tall - 0.03) * y / 2
        return solid.turned(0, -slope).moved(x, depth / 2 * y, lifted)

    middle = -width * 0.17
    item.add(on_top(rounded_box(width * 0.5, depth * 0.22, 0.006, 0.002), middle, -0.62), BLACK)
    item.add(on_top(rounded_box(width * 0.42, depth * 0.15, 0.007, 0.001), middle, -0.62), _lcd(rng))
    caps = Material(tone(rng, *(PALE if case.colour[1] < 0.3 else DARK)), gloss=0.03, rough=0.2)
    item.add(on_top(keys(3, 4, width * 0.34, depth * 0.45, 0.007, 0.006), middle + width * 0.07, 0.28), caps)
    column = keys(1, 4, width * 0.09, depth * 0.45, 0.006, 0.006)
    item.add(on_top(column, middle - width * 0.2, 0.28), plastic(rng, *SOBER))
    handset = joined(_handset(depth))
    item.add(on_top(handset, width * 0.33, 0.0), case if chance(rng, 0.7) else plastic(rng, *DARK))
    _cord(item, width, depth)
    return item


def _handset(depth: float) -> list[Solid]:
    """A bowed grip with an ear piece and a mouth piece, along y, resting on z = 0."""
    grip = curve(
        [(0, -depth * 0.5, 0.022), (0, -depth * 0.3, 0.044), (0, depth * 0.3, 0.044), (0, depth * 0.5, 0.022)], 20
    )
    ends = [rounded_box(0.052, 0.058, 0.034, 0.014).moved(0, side * depth * 0.42, 0.004) for side in (-1, 1)]
    return [tube(grip, 0.021, 0.62, np.array([1.0, 0.0, 0.0]), 14), *ends]


def _cord(item: Furnishing, width: float, depth: float) -> None:
    turns = np.linspace(0, 2 * np.pi * 16, 16 * 9)
    share = turns / turns[-1]
    x = width * 0.36 + 0.09 * np.sin(np.pi * share)
    y = depth * (0.5 - 0.75 * share)
    coil = np.stack([x + 0.0075 * np.cos(turns), y, 0.011 + 0.0075 * np.sin(turns)], axis=1)
    item.add(tube(coil, 0.0026, segments=6), RUBBER)


def mobile_phone(rng: np.random.Generator) -> Furnishing:
    """A touch phone on its back or leaning: a dark glass front with icons and a home button."""
    item = blank()
    width = between(rng, 0.058, 0.068)
    depth, rim = width * between(rng, 1.85, 2.05), between(rng, 0.09, 0.14)
    case = plastic(rng, *DARK, *DARK, *PALE, "#b9bcc0", *VIVID)
    item.add(rounded_box(width, depth, 0.009, 0.0042, 3), case)
    item.add_box(
        (width * 0.95, depth * 0.97, 0.001), (0, 0, 0.0086), BLACK if chance(rng, 0.8) else plastic(rng, *PALE)
    )
    glass = icons(rng, width * 0.88, depth * (1 - 2 * rim), 0.6)
    item.add_box((width * 0.88, depth * (1 - 2 * rim), 0.0006), (0, 0, 0.0094), glass)
    button = rounded_box(width * 0.2, width * (0.2 if chance(rng, 0.6) else 0.09), 0.0016, 0.0007)
    item.add(button.moved(0, depth * (0.5 - rim / 2), 0.009), plastic(rng, *SOBER))
    item.add_box((width * 0.22, 0.0022, 0.0006), (0, -depth * (0.5 - rim / 2), 0.0094), plastic(rng, "#6f7378"))
    item.add_box((0.003, depth * 0.12, 0.004), (width / 2, -depth * 0.25, 0.0025), plastic(rng, *SOBER))
    prop = between(rng, 0.0, 0.25)
    turn(item, 0, -prop)
    return item
