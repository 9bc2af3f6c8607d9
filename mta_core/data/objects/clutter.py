"""What lies around an object on a desk or on the floor. Nothing here belongs to one of the classes."""

import numpy as np

from mta_core.data.objects.palette import PALE, PAPER, SOBER, VIVID, between, chance, tone
from mta_core.data.objects.thing import blank
from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.books import book_row, book_stack
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.ornaments import bowl, carton, figurine, vase
from mta_core.data.rooms.plants import plant
from mta_core.data.rooms.scene import Pose, SceneBuilder
from mta_core.data.rooms.solids import box, ellipsoid
from mta_core.data.rooms.style import Style


def desk_thing(rng: np.random.Generator, style: Style) -> Furnishing:
    """Something that stands on a desk."""
    kind = int(rng.choice(7, p=[0.24, 0.14, 0.12, 0.12, 0.12, 0.14, 0.12]))
    if kind == 0:
        return book_stack(rng, style)
    if kind == 1:
        return book_row(rng, style, between(rng, 0.12, 0.3), 0.26)
    if kind == 2:
        return plant(rng, style, between(rng, 0.2, 0.35))
    if kind == 3:
        return ball(rng)
    return (bowl, carton, vase, figurine)[kind - 4 if kind < 7 else 0](rng, style)


def floor_thing(rng: np.random.Generator, style: Style) -> Furnishing:
    """Something that stands on the floor."""
    kind = int(rng.integers(4))
    if kind == 0:
        return plant(rng, style, between(rng, 0.6, 1.2))
    if kind == 1:
        return book_stack(rng, style)
    return carton(rng, style)


def ball(rng: np.random.Generator) -> Furnishing:
    """A small ball."""
    item = blank()
    radius = between(rng, 0.02, 0.04)
    item.width = item.depth = 2 * radius
    skin = Material(tone(rng, *VIVID, *PALE), gloss=0.04, rough=0.2)
    item.add(ellipsoid(radius, radius, radius).moved(0, radius, radius), skin)
    return item


def sheets(rng: np.random.Generator) -> Furnishing:
    """Loose pages or a pad of notes, lying flat."""
    item = blank()
    large = chance(rng, 0.6)
    width, depth = (0.21, 0.297) if large else (0.076, 0.076)
    paper = PAPER if large else Material(tone(rng, "#f2df6b", "#f4a7b9", "#a7d8f0", "#b9e39b"))
    for k in range(int(rng.integers(1, 3))):
        page = box(width, depth, 0.0012 if large else 0.004).turned(2, between(rng, -0.3, 0.3))
        item.add(page.moved(between(rng, -0.02, 0.02), between(rng, -0.02, 0.02), 0.0013 * k), paper)
    if large:
        ink = Material(tone(rng, *SOBER[:3]))
        for k in range(18):
            line = box(between(rng, 0.08, 0.15), 0.002, 0.0006)
            item.add(line.moved(0, 0.12 - 0.014 * k, 0.0032), ink)
    return item


def scatter(
    rng: np.random.Generator, builder: SceneBuilder, style: Style, around: Floats, top: tuple[float, ...], floor: bool
) -> None:
    """Put things beside and behind the object, and flat ones on a desk anywhere.

    around: (N, 3) the object's points. top: x0, x1, y0, y1 of what they may stand on, metres.
    """
    low, high = around.min(axis=0), around.max(axis=0)
    if not floor:
        _spread(rng, builder, low, high, top)
    reach, middle = max(float((high - low)[:2].max()), 0.2), (low + high) / 2
    taken: list[tuple[float, float, float]] = []
    for _ in range(int(rng.integers(10, 22))):
        thing = (floor_thing if floor else desk_thing)(rng, style)
        radius = float(np.hypot(thing.width, thing.depth)) / 2
        away = between(rng, 0.0, float(high[0] - low[0]) / 2 + radius + 0.9 * reach)
        x = float(middle[0]) + float(rng.choice([-1, 1])) * away
        y = between(rng, top[2], max(float(middle[1]), top[2] + 0.01))
        pose = Pose(x, y, float(low[2]), between(rng, -0.5, 0.5))
        free = _inside(pose, radius * 0.8, top) and _beside(x, y, radius, low, high)
        if free and all(np.hypot(x - a, y - b) > radius + c for a, b, c in taken):
            taken.append((x, y, radius))
            centred = blank()
            centred.carry(thing, 0, 0, 0)
            builder.place(centred, pose)


def _spread(rng: np.random.Generator, builder: SceneBuilder, low: Floats, high: Floats, top: tuple[float, ...]) -> None:
    """Pages and notes, which may also lie between the object and the camera."""
    reach, middle = max(float((high - low)[:2].max()), 0.2), (low + high) / 2
    for _ in range(int(rng.integers(0, 3))):
        x = float(middle[0]) + between(rng, -0.9, 0.9) * reach
        y = between(rng, float(low[1]) - 0.1, float(high[1]) + 0.15)
        pose = Pose(x, y, float(low[2]) + 0.0005, between(rng, -0.7, 0.7))
        if _inside(pose, 0.11, top) and _beside(x, y, 0.06, low, high):
            builder.place(sheets(rng), pose)


def _inside(pose: Pose, radius: float, top: tuple[float, ...]) -> bool:
    return top[0] + radius < pose.x < top[1] - radius and top[2] + radius < pose.y < top[3] - radius


def _beside(x: float, y: float, radius: float, low: Floats, high: Floats) -> bool:
    """Whether a round thing keeps clear of the object's rectangle on the ground."""
    gap = np.maximum(np.maximum(low[:2] - [x, y], [x, y] - high[:2]), 0)
    return bool(np.hypot(*gap) > radius + 0.01)
