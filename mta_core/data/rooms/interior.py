"""From a random generator to a furnished room: shell, openings, furnishings and the daylight outside."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.rooms import openings, shell
from mta_core.data.rooms.arrays import Triple
from mta_core.data.rooms.decorator import Decorator
from mta_core.data.rooms.kinds import ROOM_KINDS
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.openings import Opening
from mta_core.data.rooms.plan import Plan
from mta_core.data.rooms.scene import Pose, Scene, SceneBuilder
from mta_core.data.rooms.style import Style, choose_style

# Sky and vegetation for different hours and seasons.
_SKIES = (
    ("#dfeaf5", "#5f7a4a"),
    ("#f4f2ee", "#7c8a66"),
    ("#cfe2f7", "#4f6f3f"),
    ("#ffe9cf", "#7d7350"),
    ("#e7ecef", "#8f938a"),
)


@dataclass(frozen=True)
class Daylight:
    """What comes through the windows: linear colour, brightness, and the direction to the sun if it shines in."""

    colour: Triple
    strength: float
    sun: Triple | None


@dataclass(frozen=True)
class Interior:
    """A finished room with the plan it was built by."""

    scene: Scene
    plan: Plan
    windows: tuple[Opening, ...]
    daylight: Daylight
    sky: Material


def furnish(rng: np.random.Generator) -> Interior:
    """Build a random room."""
    style = choose_style(rng)
    kind = int(rng.choice(len(ROOM_KINDS), p=[share for _, share in ROOM_KINDS]))
    stretch = float(rng.choice([1.0, 1.45], p=[0.87, 0.13]))
    width, depth = stretch * float(rng.uniform(3.0, 4.4)), stretch * float(rng.uniform(3.1, 4.7))
    height = float(rng.uniform(2.4, 2.8)) + 0.3 * (stretch - 1)
    windows, doors = _openings(rng, width, depth, height)
    plan = Plan(width, depth, height, [*windows, *doors])
    builder = SceneBuilder()
    sky = _sky(rng)
    _build_shell(rng, style, plan, builder, windows, doors, sky)
    _keep_clear(plan, windows, doors)
    decorator = Decorator(rng, style, plan, builder)
    ROOM_KINDS[kind][0](decorator)
    decorator.pictures(int(rng.integers(3, 7)))
    daylight = _daylight(rng, plan, windows, sky)
    decorator.ceiling_lamp(width / 2, depth / 2, lit=bool(rng.random() < (0.85 if daylight.strength < 4 else 0.6)))
    return Interior(builder.build(), plan, tuple(windows), daylight, sky)


def _openings(
    rng: np.random.Generator, width: float, depth: float, height: float
) -> tuple[list[Opening], list[Opening]]:
    """One or two windowed walls and a door elsewhere."""
    walls = [int(w) for w in rng.permutation(4)]
    windows = []
    for wall in walls[: int(rng.choice([1, 2]))]:
        length = width if wall % 2 == 0 else depth
        french = bool(rng.random() < 0.2)
        low = 0.12 if french else float(rng.uniform(0.75, 1.0))
        high = min(height - 0.25, float(rng.uniform(2.0, 2.3)))
        size = float(rng.uniform(0.9, min(2.3, length * 0.6)))
        if rng.random() < 0.25 and length > 3.8:
            size = min(size, 1.15)
            gap = size / 2 + float(rng.uniform(0.35, 0.5))
            windows += [Opening(wall, s * gap - size / 2, s * gap + size / 2, low, high) for s in (-1, 1)]
            continue
        middle = float(rng.uniform(-1, 1)) * (length - size - 0.8) / 2 * 0.6
        windows.append(Opening(wall, middle - size / 2, middle + size / 2, low, high))
    wall = walls[2]
    length = width if wall % 2 == 0 else depth
    middle = float(rng.choice([-1, 1])) * (length / 2 - float(rng.uniform(0.65, 1.0)))
    return windows, [Opening(wall, middle - 0.42, middle + 0.42, 0.0, 2.03)]


def _build_shell(
    rng: np.random.Generator,
    style: Style,
    plan: Plan,
    builder: SceneBuilder,
    windows: list[Opening],
    doors: list[Opening],
    sky: Material,
) -> None:
    corner = Pose(0.0, 0.0, 0.0, 0.0)
    builder.place(shell.floor(style, plan.width, plan.depth), corner)
    builder.place(shell.ceiling(rng, style, plan.width, plan.depth, plan.height), corner)
    feature = int(rng.integers(4))
    for wall in range(4):
        holes = [o for o in windows if o.wall == wall]
        leaves = [o for o in doors if o.wall == wall]
        item = shell.wall(rng, style, wall == feature, plan.length(wall), plan.height, holes, leaves)
        builder.place(item, plan.wall_pose(wall))
    state = int(rng.integers(2**31))  # all windows of a room are dressed alike
    for hole in windows:
        dressed = openings.window(np.random.default_rng(state), style, hole, sky, plan.height)
        builder.place(dressed, plan.wall_pose(hole.wall))
        if hole.low > 0.6 and state % 5 < 3:
            builder.place(openings.radiator(hole), plan.wall_pose(hole.wall))
    for hole in doors:
        builder.place(openings.door(rng, style, hole), plan.wall_pose(hole.wall, off=0.001))


def _keep_clear(plan: Plan, windows: list[Opening], doors: list[Opening]) -> None:
    """Reserve the floor a door needs and a strip for curtains."""
    for hole, reach in [*((o, 0.14) for o in windows), *((o, 0.8) for o in doors)]:
        wider = 0.2 if reach < 0.5 else 0.0
        near, far = plan.wall_pose(hole.wall, hole.left - wider), plan.wall_pose(hole.wall, hole.right + wider, reach)
        xs, ys = sorted((near.x, far.x)), sorted((near.y, far.y))
        plan.taken.append((xs[0], ys[0], xs[1], ys[1]))


def _sky(rng: np.random.Generator) -> Material:
    """The glass of the windows: its colour is the sky's, its accent that of what grows outside."""
    pale, green = _SKIES[int(rng.integers(len(_SKIES)))]
    return Material(colour(pale), None, colour(green), glow=float(rng.uniform(1.2, 2.6)))


def _daylight(rng: np.random.Generator, plan: Plan, windows: list[Opening], sky: Material) -> Daylight:
    strength = float(rng.choice([2.0, 4.5, 7.0], p=[0.2, 0.35, 0.45]))
    if rng.random() > 0.55:
        return Daylight(sky.colour, strength, None)
    hole = windows[int(rng.integers(len(windows)))]
    outward = plan.wall_pose(hole.wall).yaw - np.pi / 2 + float(rng.uniform(-0.8, 0.8))
    rise = float(rng.uniform(0.45, 0.95))
    sun = (float(np.cos(outward) * np.cos(rise)), float(np.sin(outward) * np.cos(rise)), float(np.sin(rise)))
    return Daylight(sky.colour, strength, sun)
