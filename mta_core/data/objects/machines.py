"""Printers, projectors and desktop computers."""

import numpy as np

from mta_core.data.objects.palette import (
    BLACK,
    CHROME,
    DARK,
    HOLLOW,
    PALE,
    PAPER,
    SOBER,
    VIVID,
    between,
    chance,
    plastic,
    tone,
)
from mta_core.data.objects.shapes import annulus, keys
from mta_core.data.objects.thing import blank, turn
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import cylinder, ellipsoid, rounded_box


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


def projector(rng: np.random.Generator) -> Furnishing:
    """A flat box with a large lens in front, vents beside it and a key cross on top."""
    item = blank()
    width, depth, height = between(rng, 0.28, 0.33), between(rng, 0.2, 0.25), between(rng, 0.08, 0.1)
    case = plastic(rng, *PALE, *PALE, *DARK, "#6f7378")
    item.add(rounded_box(width, depth, height, 0.018, 3).moved(z=0.014), case)
    for x in (-0.4, 0.4):
        item.add(cylinder(0.014, 0.02).moved(width * x, depth * 0.35), BLACK)
    side = float(rng.choice([-1, 1]))
    at = (side * width * between(rng, 0.1, 0.27), depth / 2, 0.014 + height * 0.52)
    _lens(item, height * between(rng, 0.38, 0.44), at)
    slots = keys(1, 6, width * 0.3, height * 0.62, 0.004, height * 0.055).turned(0, -np.pi / 2)
    item.add(slots.moved(-side * width * 0.28, depth / 2, 0.014 + height * 0.5), HOLLOW)
    top = height + 0.0135
    item.add(cylinder(0.026, 0.002).moved(-side * width * 0.25, 0, top), plastic(rng, *SOBER))
    item.add(keys(3, 2, 0.07, 0.03, 0.003, 0.008).moved(side * width * 0.1, -depth * 0.2, top), plastic(rng, *SOBER))
    item.add_box((width * 0.6, 0.002, 0.003), (0, depth / 2, 0.014 + height * 0.04), HOLLOW)
    return item


def _lens(item: Furnishing, radius: float, at: tuple[float, float, float]) -> None:
    """A lens facing +y in two collars, with a bluish coating."""
    glass = Material((0.05, 0.09, 0.2), gloss=0.25, rough=0.02)
    for solid, material in (
        (annulus(radius, radius * 0.8, 0.014), BLACK),
        (annulus(radius * 0.82, radius * 0.62, 0.03), CHROME),
        (annulus(radius * 0.64, radius * 0.55, 0.024), BLACK),
        (ellipsoid(radius * 0.6, radius * 0.6, 0.018), glass),
    ):
        item.add(solid.turned(0, -np.pi / 2).moved(*at), material)


def desktop_computer(rng: np.random.Generator) -> Furnishing:
    """A tower: drive bays, a glowing power button, sockets and a grille in its front, seen from a corner."""
    item = blank()
    width, depth, height = between(rng, 0.17, 0.21), between(rng, 0.38, 0.45), between(rng, 0.38, 0.44)
    case = plastic(rng, *DARK, *DARK, *PALE, "#b9bcc0")
    front = plastic(rng, *DARK, *SOBER) if chance(rng, 0.6) else case
    item.add_box((width, depth, height), (0, 0, 0.012), case, 0.004)
    item.add(rounded_box(width * 1.01, 0.05, height * 1.01, 0.014).moved(0, depth / 2, 0.01), front)
    face = depth / 2 + 0.0255
    for k in range(int(rng.integers(1, 4))):
        item.add_box((width * 0.84, 0.003, 0.042), (0, face, height * 0.86 - 0.05 * k), HOLLOW)
        item.add_box((width * 0.8, 0.005, 0.036), (0, face, height * 0.863 - 0.05 * k), plastic(rng, *SOBER))
        item.add_box((width * 0.1, 0.007, 0.006), (width * 0.28, face, height * 0.87 - 0.05 * k), HOLLOW)
    glow = Material(tone(rng, "#4fa3ff", "#59d36a", "#ffffff"), glow=1.2)
    for radius, deep, material in ((0.021, 0.002, CHROME), (0.016, 0.004, BLACK), (0.009, 0.005, glow)):
        item.add(cylinder(radius, deep).turned(0, -np.pi / 2).moved(0, face - 0.001, height * 0.52), material)
    item.add(keys(4, 1, width * 0.5, 0.012, 0.003, 0.012).turned(0, -np.pi / 2).moved(0, face, height * 0.43), HOLLOW)
    slots = keys(1, 7, width * 0.7, height * 0.26, 0.003, 0.007).turned(0, -np.pi / 2)
    item.add(slots.moved(0, face - 0.001, height * 0.2), HOLLOW)
    lean = float(rng.choice([-0.55, 0.55]))
    turn(item, 2, lean)
    return item
