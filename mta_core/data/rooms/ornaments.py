"""Small things that stand on furniture: vases, bottles, bowls, cups, plants, boxes, books."""

import numpy as np

from mta_core.data.rooms.arrays import Triple
from mta_core.data.rooms.furnishing import Furnishing, Piece
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour, mix, shade
from mta_core.data.rooms.solids import Solid, boxes, curtain, cylinder, ellipsoid, grid, lathe, merged, rod
from mta_core.data.rooms.style import Style
from mta_core.data.rooms.textures import brushed, carpet, foliage, spines, weave


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
    shape = [(0.9, 0.0), (1.0, 0.03), (1.0, 0.5), (0.95, 0.6), (0.5, 0.72), (0.33, 0.8), (0.33, 0.97), (0.36, 1.0), (0.0, 1.0)]
    item.add(lathe([(r * radius, z * height) for r, z in shape], segments=20).moved(0, radius), Material(glass, gloss=0.08, rough=0.04))
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
        fruit = Material(colour(("#b5482e", "#c98a2b", "#8b9a3c", "#7a3b3b")[int(rng.integers(4))]), brushed, gloss=0.03, rough=0.1)
        for k in range(5):
            angle, size = 2 * np.pi * k / 4, float(rng.uniform(0.032, 0.04))
            out = 0.0 if k == 4 else radius * 0.45
            solid = ellipsoid(size, size, size * 0.95, 10)
            item.add(solid.moved(out * float(np.cos(angle)), radius + out * float(np.sin(angle)), height * (1.2 if k == 4 else 0.75)), fruit)
    return item


def cup(rng: np.random.Generator, style: Style) -> Furnishing:
    """A mug or tumbler."""
    radius, height = float(rng.uniform(0.035, 0.045)), float(rng.uniform(0.07, 0.11))
    item = Furnishing(2 * radius, 2 * radius, height, Label.OBJECTS)
    profile = [(0.0, 0.0), (radius * 0.85, 0.0), (radius, height), (radius * 0.9, height), (radius * 0.8, 0.02), (0.0, 0.02)]
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
    profile = [(0.0, 0.0), (radius * 0.8, 0.0), (radius, height), (radius * 0.92, height), (radius * 0.75, 0.03), (0.0, 0.03)]
    item.add(lathe(profile, smooth=False).moved(0, radius), material)
    return item


def _leaf(length: float, width: float, droop: float, angle: float, tilt: float) -> Solid:
    """A bent leaf growing from the origin."""
    t, s = np.meshgrid(np.linspace(0, 1, 6), np.linspace(-1, 1, 3), indexing="ij")
    half = width / 2 * np.sin(np.pi * (0.06 + 0.94 * t) ** 0.8)
    x, y = length * t, half * s
    z = length * (tilt * t - droop * t**2) + 0.25 * np.abs(y)
    return grid(np.stack([x, y, z], axis=-1)).turned(2, angle)


def plant(rng: np.random.Generator, style: Style, height: float) -> Furnishing:
    """A house plant in a pot, `height` metres tall over all."""
    pot_height, radius = min(0.3, height * 0.33), min(0.17, height * 0.17)
    item = Furnishing(2 * radius + 0.1, 2 * radius + 0.1, height, Label.OBJECTS)
    y = radius + 0.05
    profile = [(0.0, 0.0), (radius * 0.75, 0.0), (radius, pot_height), (radius * 0.9, pot_height), (radius * 0.88, pot_height - 0.02), (0.0, pot_height - 0.02)]
    item.add(lathe(profile, smooth=False).moved(0, y), _ceramic(rng, style))
    green = colour(("#4c6b3a", "#39593a", "#6d8549", "#557a5a")[int(rng.integers(4))])
    material = Material(green, foliage, mix(green, colour("#a9b86a"), 0.5), gloss=0.03, rough=0.2)
    span = height - pot_height
    bushy = bool(rng.random() < 0.5)
    leaves = []
    for k in range(int(rng.integers(16, 30))):
        angle = 2.4 * k + float(rng.uniform(-0.3, 0.3))
        share = float(rng.uniform(0.1, 1.0))
        length = span * (float(rng.uniform(0.3, 0.45)) if bushy else float(rng.uniform(0.5, 0.85)))
        width, tilt = (length * 0.45, float(rng.uniform(0.0, 0.6))) if bushy else (length * 0.12, float(rng.uniform(1.0, 1.9)))
        start = pot_height - 0.02 + (span * 0.75 * share if bushy else 0.0)
        leaves.append(_leaf(min(length, 0.42), min(width, 0.2), float(rng.uniform(0.3, 0.8)), angle, tilt).moved(z=start))
    item.add(merged(leaves).moved(0, y), material)
    if bushy:
        item.add(rod(np.array([0, y, pot_height - 0.03]), np.array([0.02, y, height * 0.9]), 0.012, 0.006, 8), Material(colour("#6b5138")))
    return item


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
        width, depth, thick = float(rng.uniform(0.2, 0.27)), float(rng.uniform(0.15, 0.2)), float(rng.uniform(0.015, 0.04))
        solid = boxes(np.array([[0, 0, thick / 2]]), np.array([[width, depth, thick]])).turned(2, float(rng.uniform(-0.2, 0.2)))
        item.add(solid.moved(0, 0.1, z), Material(_book_tint(rng, style), brushed, gloss=0.02))
        z += thick
    item.height = z
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
