"""Where people photograph things: on a desk at a wall, or on the floor of an office."""

import numpy as np

from mta_core.data.objects.clutter import scatter
from mta_core.data.objects.framing import Framing, standing
from mta_core.data.objects.kinds import Kind
from mta_core.data.objects.palette import between, chance
from mta_core.data.objects.setting import Setting
from mta_core.data.rooms import openings, shell
from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.hangings import picture
from mta_core.data.rooms.interior import Daylight, Interior
from mta_core.data.rooms.lamps import ceiling_light
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.openings import Opening
from mta_core.data.rooms.plan import Plan
from mta_core.data.rooms.scene import Pose, SceneBuilder
from mta_core.data.rooms.style import Style, choose_style
from mta_core.data.rooms.tables import rectangular_table

_SKIES = ("#dfeaf5", "#f4f2ee", "#cfe2f7", "#ffe9cf", "#e7ecef")


def workplace(rng: np.random.Generator, kind: Kind, framing: Framing) -> Setting:
    """An object among clutter in a furnished corner, looked at as `framing` says."""
    style, item, yaw = choose_style(rng), kind.build(rng), kind.yaw(rng)
    width, depth, height = between(rng, 1.3, 2.0), between(rng, 0.7, 0.9), between(rng, 0.71, 0.76)
    # The object stands at x = 0 until the room is known; the wall behind it is y = 0.
    reach = float(standing(item, 0, 0, 0, yaw)[1][:, 1].max())
    y = reach + between(rng, 0.08, 0.5) if kind.on_floor else 0.03 + depth * between(rng, 0.45, 0.62)
    z = 0.0 if kind.on_floor else height
    room = _room(rng, framing.camera(standing(item, 0, y, z, yaw)[1]).position)
    pose, points = standing(item, room.width / 2, y, z, yaw)
    builder = SceneBuilder()
    builder.place(item, pose)
    sky = Material(colour(_SKIES[int(rng.integers(len(_SKIES)))]), None, colour("#7c8a66"), glow=between(rng, 1.2, 2.4))
    _enclose(rng, builder, style, room, sky)
    middle, half, front = room.width / 2, 1.8, y + 0.3
    if not kind.on_floor:
        shift = between(rng, -0.2, 0.2) * width
        builder.place(rectangular_table(rng, style, width, depth, height), room.wall_pose(0, shift, 0.03))
        middle, half, front = middle + shift, width / 2, depth
    scatter(rng, builder, style, points, (middle - half, middle + half, 0.05, front), kind.on_floor)
    _hang(rng, builder, style, room, points)
    interior = Interior(builder.build(), room, tuple(room.openings), _daylight(rng, room, sky), sky)
    return Setting(interior, framing.camera(points), item.groups)


def _room(rng: np.random.Generator, eye: tuple[float, float, float]) -> Plan:
    """A room large enough for the camera, with one or two windows."""
    width = max(between(rng, 2.6, 4.2), 2 * abs(eye[0]) + 0.6)
    depth = max(between(rng, 2.8, 4.4), eye[1] + 0.5)
    height = max(between(rng, 2.4, 2.8), eye[2] + 0.4)
    holes = []
    for wall in (int(w) for w in rng.permutation([1, 2, 3])[: int(rng.choice([1, 2]))]):
        length = width if wall == 2 else depth
        size = between(rng, 0.9, 1.5)
        near = between(rng, 0.3, max(0.35, min(length - size - 0.3, 1.2)))  # from the wall behind the desk
        left = {1: near - depth / 2, 2: -size / 2, 3: depth / 2 - near - size}[wall]
        holes.append(Opening(wall, left, left + size, between(rng, 0.75, 1.0), between(rng, 1.9, 2.2)))
    return Plan(width, depth, height, holes)


def _enclose(rng: np.random.Generator, builder: SceneBuilder, style: Style, room: Plan, sky: Material) -> None:
    corner = Pose(0.0, 0.0, 0.0, 0.0)
    builder.place(shell.floor(style, room.width, room.depth), corner)
    builder.place(shell.ceiling(rng, style, room.width, room.depth, room.height), corner)
    for wall in range(4):
        holes = [hole for hole in room.openings if hole.wall == wall]
        item = shell.wall(rng, style, wall == 0, room.length(wall), room.height, holes, [])
        builder.place(item, room.wall_pose(wall))
        for hole in holes:
            builder.place(openings.window(rng, style, hole, sky, room.height), room.wall_pose(wall))
    lamp = ceiling_light(rng, style, lit=chance(rng, 0.75))
    along = (between(rng, 0.3, 0.7), between(rng, 0.3, 0.7))
    builder.place(lamp, Pose(along[0] * room.width, along[1] * room.depth, room.height, 0.0))


def _hang(rng: np.random.Generator, builder: SceneBuilder, style: Style, room: Plan, points: Floats) -> None:
    """Pictures on the wall behind, above the object."""
    low = max(float(points[:, 2].max()) + 0.12, 1.0)
    x = -room.width / 2 + 0.2
    while x < room.width / 2 - 0.5:
        width, height = between(rng, 0.25, 0.5), between(rng, 0.25, 0.5)
        if low + height < room.height - 0.1 and chance(rng, 0.6):
            builder.place(picture(rng, style, width, height), room.wall_pose(0, x + width / 2, 0.002, low + height / 2))
        x += width + between(rng, 0.1, 0.5)


def _daylight(rng: np.random.Generator, room: Plan, sky: Material) -> Daylight:
    strength = between(rng, 2.0, 6.5)
    if chance(rng, 0.65):
        return Daylight(sky.colour, strength, None)
    outward = room.wall_pose(room.openings[0].wall).yaw - np.pi / 2 + between(rng, -0.7, 0.7)
    rise = between(rng, 0.4, 0.9)
    sun = (float(np.cos(outward) * np.cos(rise)), float(np.sin(outward) * np.cos(rise)), float(np.sin(rise)))
    return Daylight(sky.colour, strength, sun)
