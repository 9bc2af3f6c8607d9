"""Letter trays, paper notebooks and ring binders."""

from dataclasses import replace

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
    lacquered,
    plastic,
    tone,
)
from mta_core.data.objects.prints import ruled
from mta_core.data.objects.shapes import annulus, tube
from mta_core.data.objects.thing import blank, turn
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import box, rod
from mta_core.data.rooms.textures import leather


def letter_tray(rng: np.random.Generator) -> Furnishing:
    """Two to four shallow trays on corner posts, open in front, some with paper."""
    item = blank()
    count, step = int(rng.integers(2, 5)), between(rng, 0.06, 0.075)
    width, depth, wall = between(rng, 0.25, 0.29), between(rng, 0.31, 0.35), between(rng, 0.03, 0.04)
    skin = plastic(rng, *VIVID, *DARK, *PALE) if chance(rng, 0.6) else lacquered(rng, *SOBER)
    for level in range(count):
        z, back = 0.008 + level * step, -0.012 * level
        item.add_box((width, depth, 0.005), (0, back, z), skin)
        for side in (-1, 1):
            item.add_box((0.005, depth, wall), (side * width / 2, back, z), skin)
            item.add_box((width * 0.24, 0.005, wall * 0.6), (side * width * 0.38, back + depth / 2, z), skin)
        item.add_box((width, 0.005, wall), (0, back - depth / 2, z), skin)
        for k in range(int(rng.integers(0, 4))):
            page = box(0.21, 0.29, 0.004).turned(2, between(rng, -0.06, 0.06))
            item.add(page.moved(0, back + between(rng, 0.0, 0.015), z + 0.006 + 0.0045 * k), PAPER)
    posts = skin if chance(rng, 0.5) else CHROME
    high = 0.008 + (count - 1) * step
    for side in (-1, 1):
        for y in (-0.42, 0.42):
            foot = np.array([side * (width / 2 + 0.004), depth * y, 0.0])
            item.add(rod(foot, foot + np.array([0, -0.012 * (count - 1), high + wall * 0.5]), 0.006), posts)
    return item


def paper_notebook(rng: np.random.Generator) -> Furnishing:
    """A spiral pad or a bound book, closed with a label on its cover or turned to a ruled page."""
    item = blank()
    width, depth, thick = between(rng, 0.14, 0.18), between(rng, 0.2, 0.23), between(rng, 0.012, 0.02)
    cover = Material(tone(rng, *VIVID, *VIVID, *DARK, "#6d4a33"), leather, gloss=0.03, rough=0.25)
    item.add_box((width, depth, 0.003), (0, 0, 0), cover)
    item.add_box((width * 0.97, depth * 0.97, thick), (0, 0, 0.003), PAPER)
    spiral = chance(rng, 0.7)
    if chance(rng, 0.5):
        item.add_box((width, depth, 0.003), (0, 0, thick + 0.003), cover)
        _label(rng, item, width, depth, thick + 0.006)
    else:
        page = Material(PAPER.colour, ruled(depth), tone(rng, "#6f8fc4", "#8a8f96"), scale=0.011)
        item.add_box((width * 0.97, depth * 0.97, 0.002), (0, 0, thick + 0.002), page)
    if spiral:
        _coil(item, width, depth, thick, CHROME if chance(rng, 0.6) else BLACK)
    else:
        item.add_box((0.014, depth * 1.004, thick + 0.007), (width / 2 - 0.005, 0, 0), cover, 0.003)
    return item


def _label(rng: np.random.Generator, item: Furnishing, width: float, depth: float, z: float) -> None:
    y = -depth * between(rng, 0.0, 0.2)
    item.add_box((width * 0.55, depth * 0.22, 0.0008), (-0.006, y, z), Material(tone(rng, *PALE)))
    ink = Material(tone(rng, *DARK))
    for k in (-1, 0, 1):
        item.add_box((width * 0.38, 0.003, 0.0012), (-0.006, y + 0.013 * k, z), ink)


def _coil(item: Furnishing, width: float, depth: float, thick: float, wire: Material) -> None:
    """Wire loops along the spine, which is on the reader's left (+x, as the reader sits at +y)."""
    radius, turns = thick * 0.75 + 0.004, 16
    angle = np.linspace(0, 2 * np.pi * turns, turns * 10)
    x, z = width / 2 - 0.004 + radius * np.cos(angle), thick / 2 + 0.003 + radius * np.sin(angle)
    y = depth * 0.94 * (angle / angle[-1] - 0.5)
    item.add(tube(np.stack([x, y, z], axis=1), 0.0018, segments=6), wire)


def ring_binder(rng: np.random.Generator) -> Furnishing:
    """One or two lever arch files standing on a desk, each with a label and a finger hole on its back."""
    item = blank()
    count = int(rng.choice([1, 1, 2]))
    thick, depth, height = between(rng, 0.06, 0.08), between(rng, 0.27, 0.29), between(rng, 0.31, 0.33)
    for k in range(count):
        cover = plastic(rng, *VIVID, *VIVID, *DARK, "#6f7378")
        one = blank()
        for side in (-1, 1):
            one.add_box((0.004, depth, height), (side * thick / 2, 0, 0), cover)
        one.add_box((thick, 0.005, height), (0, depth / 2, 0), cover)
        one.add_box((thick * 0.8, depth * 0.86, height * 0.93), (0, -0.01, height * 0.02), PAPER)
        _back(rng, one, thick, depth / 2 + 0.0025, height)
        shift = (k - (count - 1) / 2) * (thick + 0.006)
        item.pieces += [replace(piece, solid=piece.solid.moved(shift)) for piece in one.pieces]
    lean = float(rng.choice([-0.6, 0.6]))
    turn(item, 2, lean)
    return item


def _back(rng: np.random.Generator, item: Furnishing, thick: float, y: float, height: float) -> None:
    """Label and finger hole on the face at y."""
    item.add_box((thick * 0.78, 0.002, height * 0.5), (0, y, height * 0.4), PAPER)
    ink = Material(tone(rng, *DARK, *VIVID))
    for k in range(int(rng.integers(2, 5))):
        item.add_box((thick * between(rng, 0.4, 0.65), 0.003, 0.009), (0, y, height * (0.8 - 0.07 * k)), ink)
    item.add(annulus(0.017, 0.012, 0.005).turned(0, -np.pi / 2).moved(0, y - 0.002, height * 0.16), CHROME)
    item.add(annulus(0.0125, 0.0, 0.002).turned(0, -np.pi / 2).moved(0, y - 0.001, height * 0.16), HOLLOW)
