"""Floor, table, pendant and ceiling lamps, each with the light it gives."""

import numpy as np

from mta_core.data.rooms.arrays import Triple
from mta_core.data.rooms.furnishing import Furnishing, Glow
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.solids import cylinder, ellipsoid, lathe, rod
from mta_core.data.rooms.style import Style

WARM: Triple = (1.0, 0.76, 0.5)


def _shade(
    rng: np.random.Generator, radius: float, height: float, lit: bool, style: Style
) -> tuple[Material, list[tuple[float, float]]]:
    tone = colour(("#f2e8d4", "#ece4d8", "#e8d7b8")[int(rng.integers(3))])
    material = Material(tone, glow=2.2 if lit else 0.0)
    return material, [(radius, 0.0), (radius * float(rng.uniform(0.55, 1.0)), height)]


def table_lamp(rng: np.random.Generator, style: Style) -> Furnishing:
    """A turned foot and a fabric shade."""
    height, radius = float(rng.uniform(0.36, 0.55)), float(rng.uniform(0.11, 0.17))
    lit = bool(rng.random() < 0.75)
    item = Furnishing(2 * radius, 2 * radius, height, Label.OBJECTS)
    tall = height * 0.42
    material, profile = _shade(rng, radius, tall, lit, style)
    item.add(lathe(profile, smooth=False).moved(0, radius, height - tall), material)
    foot = style.ceramics[int(rng.integers(len(style.ceramics)))]
    if rng.random() < 0.5:
        item.add(ellipsoid(radius * 0.6, radius * 0.6, height * 0.24).moved(0, radius, height * 0.26), foot)
    else:
        item.add(cylinder(0.014, height * 0.7).moved(0, radius), style.metal)
    item.add(cylinder(radius * 0.55, 0.02).moved(0, radius), foot)
    if lit:
        item.glows.append(Glow((0, radius, height - tall / 2), radius * 1.3, 0.4, WARM))
    return item


def floor_lamp(rng: np.random.Generator, style: Style) -> Furnishing:
    """A standing lamp on a disc or a tripod."""
    height, radius = float(rng.uniform(1.45, 1.75)), float(rng.uniform(0.17, 0.24))
    lit = bool(rng.random() < 0.75)
    item = Furnishing(0.46, 0.46, height, Label.OBJECTS)
    y, tall = 0.23, 0.28
    material, profile = _shade(rng, radius, tall, lit, style)
    item.add(lathe(profile, smooth=False).moved(0, y, height - tall), material)
    hub = height - tall * 0.8
    if rng.random() < 0.5:
        item.add(cylinder(0.15, 0.025).moved(0, y), style.metal)
        item.add(cylinder(0.012, hub).moved(0, y), style.metal)
    else:
        for k in range(3):
            angle = 2 * np.pi * k / 3 + 0.4
            foot = np.array([0.22 * np.cos(angle), y + 0.22 * np.sin(angle), 0])
            item.add(rod(foot, np.array([0, y, hub]), 0.014, 0.012), style.wood)
    if lit:
        item.glows.append(Glow((0, y, height - tall / 2), radius * 1.25, 0.7, WARM))
    return item


def pendant(rng: np.random.Generator, style: Style, drop: float) -> Furnishing:
    """A lamp hanging `drop` metres below the ceiling; its origin is the ceiling point."""
    radius = float(rng.uniform(0.15, 0.26))
    lit = bool(rng.random() < 0.8)
    item = Furnishing(2 * radius, 2 * radius, drop, Label.OBJECTS)
    kind = int(rng.integers(3))
    if kind == 0:
        radius *= 0.7
        item.width = item.depth = 2 * radius
        item.add(
            ellipsoid(radius, radius, radius).moved(0, radius, -drop - radius * 0.5),
            Material(colour("#f4efe4"), glow=2.6 if lit else 0.0),
        )
        place = -drop - radius * 0.5
    else:
        tall = radius * (0.75 if kind == 1 else 1.1)
        dome = [(radius * float(np.sin(a)), tall * float(np.cos(a))) for a in np.linspace(np.pi / 2, 0.06, 12)]
        cone = [(radius, 0.0), (0.03, tall)]
        skin = style.ceramics[int(rng.integers(len(style.ceramics)))]
        item.add(lathe(dome if kind == 1 else cone, smooth=kind == 1).moved(0, radius, -drop - tall * 0.5), skin)
        item.add(
            ellipsoid(0.06, 0.06, 0.06, 10).moved(0, radius, -drop - tall * 0.2),
            Material(colour("#fff4dc"), glow=5.0 if lit else 0.0),
        )
        place = -drop - tall * 0.6
    item.add(cylinder(0.006, drop, segments=8).moved(0, radius, -drop), Material((0.03, 0.03, 0.03)))
    if lit:
        item.glows.append(Glow((0, radius, place), radius * 1.2, 1.1, WARM))
    return item


def ceiling_light(rng: np.random.Generator, style: Style, lit: bool) -> Furnishing:
    """A flush disc or panel under the ceiling; its origin is the ceiling point."""
    radius = float(rng.uniform(0.18, 0.3))
    item = Furnishing(2 * radius, 2 * radius, 0.1, Label.OBJECTS)
    glass = Material(colour("#f7f3e8"), glow=3.0 if lit else 0.0)
    if rng.random() < 0.6:
        item.add(ellipsoid(radius, radius, 0.09).moved(0, radius, -0.01), glass)
        item.add(cylinder(radius * 1.05, 0.02).moved(0, radius, -0.02), style.metal)
    else:
        item.add_box((4 * radius, 1.4 * radius, 0.05), (0, radius, -0.05), glass)
    if lit:
        warmth: Triple = (1.0, float(rng.uniform(0.8, 0.95)), float(rng.uniform(0.6, 0.88)))
        item.glows.append(Glow((0, radius, -0.13), 0.16, 2.2, warmth))
    return item
