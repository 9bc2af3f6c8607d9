"""Small things that stand on furniture: vases, bottles, bowls, cups, boxes, figurines."""

import numpy as np

from mta_core.data.rooms.books import book_stack
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.plants import plant
from mta_core.data.rooms.solids import curtain, cylinder, ellipsoid, lathe, rod
from mta_core.data.rooms.style import Style
from mta_core.data.rooms.textures import brushed, carpet, weave


def _ceramic(rng: np.random.Generator, style: Style) -> Material:
    return style.ceramics[int(rng.integers(len(style.ceramics)))]


def vase(rng: np.random.Generator, style: Style) -> Furnishing:
    """A vase, round or slender, now and then with twigs."""
    radius, height = float(rng.uniform(0.05, 0.1)), float(rng.uniform(0.18, 0.36))
    item = Furnishing(2 * radius, 2 * radius, height, Label.OBJECTS)
    shapes = (
        [(0.5, 0.0), (0.8, 0.15), (1.0, 0.4), (0.85, 0.65), (0.4, 0.85), (0.38, 0.93), (0.5, 1.0)],
        [(0.45, 0.0), (0.55, 0.2), (0.75, 0.5), (0.95, 0.75), (0.8, 0.93), (0.6, 1.0)],
        [(0.7, 0.0), (1.0, 0.2), (0.95, 0.4), (0.5, 0.6), (0.25, 0.75), (0.22, 0.95), (0.3, 1.0)],
    )
    profile = _spline([(r * radius, z * height) for r, z in shapes[int(rng.integers(len(shapes)))]])
    inside = [(profile[-1][0] * 0.8, height), (profile[-1][0] * 0.7, height * 0.6), (0.0, height * 0.55)]
    item.add(lathe(profile).moved(0, radius), _ceramic(rng, style))
    item.add(lathe(inside, smooth=False).moved(0, radius), Material((0.03, 0.03, 0.03)))
    if rng.random() < 0.5:
        twig = Material(colour("#7a5a3c"))
        for _ in range(int(rng.integers(4, 8))):
            lean = rng.uniform(-0.14, 0.14, 2)
            tip = np.array([lean[0], radius + lean[1], height + float(rng.uniform(0.12, 0.35))])
            item.add(rod(np.array([0, radius, height * 0.6]), tip, 0.003, 0.002, 6), twig)
            item.add(ellipsoid(0.012, 0.012, 0.02, 7).moved(*(float(c) for c in tip)), style.accents[0])
    return item


def _spline(points: list[tuple[float, float]], count: int = 18) -> list[tuple[float, float]]:
    """A smooth profile through the given points (cosine-eased between neighbours, then averaged)."""
    t = np.linspace(0, len(points) - 1, count)
    knots = np.arange(len(points))
    radius = np.interp(t, knots, [p[0] for p in points])
    height = np.interp(t, knots, [p[1] for p in points])
    for _ in range(2):
        radius[1:-1] = (radius[:-2] + 2 * radius[1:-1] + radius[2:]) / 4
    return [(float(r), float(h)) for r, h in zip(radius, height, strict=True)]


def bottle(rng: np.random.Generator, style: Style) -> Furnishing:
    """A wine or oil bottle with a label."""
    height, radius = float(rng.uniform(0.24, 0.32)), float(rng.uniform(0.032, 0.042))
    item = Furnishing(2 * radius, 2 * radius, height, Label.OBJECTS)
    glass = colour(("#22402c", "#4a2a16", "#7d9aa0", "#2b2b2b")[int(rng.integers(4))])
    shape = [
        (0.9, 0.0),
        (1.0, 0.03),
        (1.0, 0.5),
        (0.95, 0.6),
        (0.5, 0.72),
        (0.33, 0.8),
        (0.33, 0.97),
        (0.36, 1.0),
        (0.0, 1.0),
    ]
    item.add(
        lathe([(r * radius, z * height) for r, z in shape], segments=20).moved(0, radius),
        Material(glass, gloss=0.08, rough=0.04),
    )
    paper = Material(colour("#e6dfcf"), weave)
    band = [(radius * 1.02, height * 0.18), (radius * 1.02, height * 0.45)]
    item.add(lathe(band, segments=20).moved(0, radius), paper)
    return item


def bowl(rng: np.random.Generator, style: Style) -> Furnishing:
    """A bowl, often full of fruit."""
    radius, height = float(rng.uniform(0.1, 0.16)), float(rng.uniform(0.06, 0.1))
    item = Furnishing(2 * radius, 2 * radius, height, Label.OBJECTS)
    outer = [(radius * s, height * z) for s, z in ((0.35, 0.0), (0.38, 0.08), (0.65, 0.25), (0.87, 0.55), (1.0, 1.0))]
    inner = [(r * 0.95, max(z, 0.012)) for r, z in outer[::-1]] + [(0.0, 0.012)]
    material = _ceramic(rng, style)
    item.add(lathe(_spline(outer)).moved(0, radius), material)
    item.add(lathe(_spline(inner)).moved(0, radius), material)
    if rng.random() < 0.6:
        fruit = Material(
            colour(("#b5482e", "#c98a2b", "#8b9a3c", "#7a3b3b")[int(rng.integers(4))]), brushed, gloss=0.03, rough=0.1
        )
        for k in range(5):
            angle, size = 2 * np.pi * k / 4, float(rng.uniform(0.032, 0.04))
            out = 0.0 if k == 4 else radius * 0.45
            solid = ellipsoid(size, size, size * 0.95, 10)
            item.add(
                solid.moved(
                    out * float(np.cos(angle)), radius + out * float(np.sin(angle)), height * (1.2 if k == 4 else 0.75)
                ),
                fruit,
            )
    return item


def cup(rng: np.random.Generator, style: Style) -> Furnishing:
    """A mug or tumbler."""
    radius, height = float(rng.uniform(0.035, 0.045)), float(rng.uniform(0.07, 0.11))
    item = Furnishing(2 * radius, 2 * radius, height, Label.OBJECTS)
    profile = [
        (0.0, 0.0),
        (radius * 0.85, 0.0),
        (radius, height),
        (radius * 0.9, height),
        (radius * 0.8, 0.02),
        (0.0, 0.02),
    ]
    item.add(lathe(profile, smooth=False, segments=20).moved(0, radius), _ceramic(rng, style))
    return item


def carton(rng: np.random.Generator, style: Style) -> Furnishing:
    """A storage box with a lid."""
    width, depth, height = (float(v) for v in rng.uniform([0.2, 0.16, 0.1], [0.38, 0.28, 0.24]))
    item = Furnishing(width, depth, height, Label.OBJECTS)
    material = style.accents[int(rng.integers(3))] if rng.random() < 0.5 else Material(colour("#b08d63"), weave)
    item.add_box((width - 0.012, depth - 0.012, height - 0.04), (0, depth / 2, 0), material)
    item.add_box((width, depth, 0.05), (0, depth / 2, height - 0.05), material, 0.006)
    return item


def basket(rng: np.random.Generator, style: Style) -> Furnishing:
    """A woven floor basket or a waste bin."""
    radius, height = float(rng.uniform(0.14, 0.22)), float(rng.uniform(0.26, 0.4))
    item = Furnishing(2 * radius, 2 * radius, height, Label.OBJECTS)
    material = Material(colour("#b08a5a"), carpet) if rng.random() < 0.6 else _ceramic(rng, style)
    profile = [
        (0.0, 0.0),
        (radius * 0.8, 0.0),
        (radius, height),
        (radius * 0.92, height),
        (radius * 0.75, 0.03),
        (0.0, 0.03),
    ]
    item.add(lathe(profile, smooth=False).moved(0, radius), material)
    return item


def ornament(rng: np.random.Generator, style: Style) -> Furnishing:
    """Any small thing, for shelves and table tops."""
    makers = (vase, bottle, bowl, cup, carton, book_stack, clock, figurine)
    weights = (0.2, 0.12, 0.15, 0.1, 0.1, 0.18, 0.05, 0.1)
    if rng.random() < 0.12:
        return plant(rng, style, float(rng.uniform(0.24, 0.4)))
    return makers[int(rng.choice(len(makers), p=weights))](rng, style)


def clock(rng: np.random.Generator, style: Style) -> Furnishing:
    """A table clock."""
    item = Furnishing(0.14, 0.06, 0.15, Label.OBJECTS)
    item.add(cylinder(0.07, 0.05).turned(0, -np.pi / 2).moved(0, 0.005, 0.08), style.metal)
    item.add(cylinder(0.06, 0.004).turned(0, -np.pi / 2).moved(0, 0.055, 0.08), Material(colour("#f0ede4")))
    item.add_box((0.08, 0.05, 0.02), (0, 0.03, 0), style.metal)
    return item


def figurine(rng: np.random.Generator, style: Style) -> Furnishing:
    """A turned sculpture: stacked balls."""
    item = Furnishing(0.14, 0.14, 0.3, Label.OBJECTS)
    material = _ceramic(rng, style) if rng.random() < 0.6 else style.wood
    z = 0.0
    for size in sorted(rng.uniform(0.03, 0.07, int(rng.integers(2, 4))), reverse=True):
        item.add(ellipsoid(float(size), float(size), float(size) * 0.9).moved(0, 0.07, z + float(size) * 0.9), material)
        z += 1.75 * float(size)
    item.height = z
    return item


def towel(rng: np.random.Generator, style: Style) -> Furnishing:
    """A cloth hanging from a rail."""
    item = Furnishing(0.4, 0.06, 0.6, Label.OBJECTS)
    item.add(curtain(0.36, 0.5, 0.12, 0.008, float(rng.uniform(0, 6))).moved(0, 0.04, 0.05), style.accents[0])
    item.add(rod(np.array([-0.22, 0.04, 0.56]), np.array([0.22, 0.04, 0.56]), 0.008), style.metal)
    return item
