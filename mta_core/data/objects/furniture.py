"""Bookcases, file cabinets and desk chairs."""

import numpy as np

from mta_core.data.objects.palette import (
    BLACK,
    CHROME,
    DARK,
    HOLLOW,
    PAPER,
    RUBBER,
    SOBER,
    VIVID,
    between,
    chance,
    lacquered,
    metal,
    tone,
)
from mta_core.data.objects.shapes import tube
from mta_core.data.objects.thing import blank
from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import cylinder, ellipsoid, grid, rod, rounded_box
from mta_core.data.rooms.storage import bookshelf
from mta_core.data.rooms.style import choose_style
from mta_core.data.rooms.textures import weave


def bookcase(rng: np.random.Generator) -> Furnishing:
    """An open case of shelves with books."""
    item = blank()
    width, height = between(rng, 0.7, 1.15), between(rng, 1.1, 1.9)
    item.carry(bookshelf(rng, choose_style(rng), width, height), 0, 0, 0)
    return item


def file_cabinet(rng: np.random.Generator) -> Furnishing:
    """A steel cabinet of two to four drawers, each with a handle and a label holder."""
    item = blank()
    rows = int(rng.integers(2, 5))
    width, depth, row = between(rng, 0.4, 0.5), between(rng, 0.45, 0.6), between(rng, 0.28, 0.33)
    height = rows * row + 0.08
    steel = lacquered(rng, "#8d9194", "#c9c6bd", "#2b2d31", "#d3ccbc", "#5f6a6c", "#3c4f6b")
    item.add_box((width, depth, height - 0.03), (0, 0, 0.03), steel, 0.006)
    item.add_box((width - 0.02, depth - 0.03, 0.03), (0, 0, 0), HOLLOW)
    pulled = int(rng.integers(rows)) if chance(rng, 0.3) else -1
    bar = chance(rng, 0.5)
    grip = BLACK if chance(rng, 0.3) else metal(rng)
    for k in range(rows):
        z, out = 0.05 + k * row, between(rng, 0.08, 0.2) if k == pulled else 0.0
        front = depth / 2 + out
        item.add_box((width - 0.03, 0.02 + out, row - 0.018), (0, front - out / 2, z), steel, 0.004)
        item.add_box((width - 0.026, 0.004, 0.01), (0, depth / 2 + 0.001, z - 0.014), HOLLOW)
        item.add_box((0.2 if bar else 0.11, 0.03, 0.018 if bar else 0.03), (0, front + 0.022, z + row * 0.45), grip)
        item.add_box((0.08, 0.006, 0.045), (0, front + 0.012, z + row * 0.68), metal(rng))
        item.add_box((0.066, 0.008, 0.03), (0, front + 0.013, z + row * 0.68 + 0.008), PAPER)
    item.add(cylinder(0.011, 0.012).turned(0, -np.pi / 2).moved(width * 0.38, depth / 2 + 0.01, height - 0.07), CHROME)
    return item


def desk_chair(rng: np.random.Generator) -> Furnishing:
    """A swivel chair: five castors, a gas spring, a seat, a back and often armrests."""
    item = blank()
    cloth = Material(tone(rng, *VIVID, *DARK, *DARK, *SOBER), weave)
    frame = BLACK if chance(rng, 0.7) else metal(rng)
    turn, seat = between(rng, 0, 1.2), between(rng, 0.44, 0.5)
    hub = np.array([0, 0, 0.12])
    for k in range(5):
        angle = turn + 2 * np.pi * k / 5
        foot = np.array([0.29 * np.cos(angle), 0.29 * np.sin(angle), 0.075])
        item.add(rod(hub, foot, 0.026, 0.016), frame)
        item.add(ellipsoid(0.026, 0.026, 0.03, 8).moved(float(foot[0]), float(foot[1]), 0.03), RUBBER)
    item.add(cylinder(0.032, seat - 0.1).moved(z=0.08), frame)
    item.add(cylinder(0.02, seat - 0.06).moved(z=0.06), CHROME)
    item.add(rounded_box(0.48, 0.46, 0.09, 0.044, 4).moved(z=seat - 0.04), cloth)
    _back(rng, item, seat, cloth, frame)
    if chance(rng, 0.7):
        for side in (-1, 1):
            item.add(tube(_arm(side, seat), 0.014, 1.4), frame)
            item.add_box((0.055, 0.24, 0.03), (side * 0.28, 0.0, seat + 0.19), RUBBER, 0.012)
    return item


def _arm(side: int, seat: float) -> Floats:
    return np.array([[side * x, 0.0, seat + z] for x, z in ((0.1, -0.03), (0.27, -0.03), (0.285, 0.0), (0.28, 0.2))])


def _back(rng: np.random.Generator, item: Furnishing, seat: float, cloth: Material, frame: Material) -> None:
    """A backrest bent round the sitter, on one or two bars."""
    wide, tall, low = between(rng, 0.36, 0.46), between(rng, 0.32, 0.6), between(rng, 0.1, 0.17)
    u, v = np.meshgrid(np.linspace(-1, 1, 14), np.linspace(0, 1, 12), indexing="ij")
    half = wide / 2 * (1 - between(rng, 0.0, 0.5) * np.abs(2 * v - 1) ** 3)
    y = -0.21 + 0.05 * u**2 - 0.1 * v + 0.03 * np.sin(np.pi * v)
    points = np.stack([half * u, y, seat + low + tall * v], axis=-1)
    thick = 0.028 * ((1 - u**6) * (1 - (2 * v - 1) ** 6)) ** 0.3
    for sign in (-1, 1):
        item.add(grid(points + np.stack([0 * u, sign * thick, 0 * u], axis=-1)), cloth)
    for x in (-0.07, 0.07) if chance(rng, 0.4) else (0.0,):
        bends = ((-0.05, -0.05), (-0.24, -0.04), (-0.27, 0.05), (-0.27, low + 0.2))
        path = np.array([[x, y, seat + z] for y, z in bends])
        item.add(tube(path, 0.016, 1.5), frame)
