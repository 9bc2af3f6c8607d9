"""Groups of furniture that several kinds of room share: table and chairs, desk and chair, television corner."""

import numpy as np

from mta_core.data.rooms import books, hangings, lamps, ornaments, seating, storage, tables
from mta_core.data.rooms.decorator import Decorator
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.scene import Pose


def wall_of(d: Decorator, pose: Pose) -> tuple[int, float]:
    """The wall a pose backs on to, and the place along it."""
    wall = {0: 0, 1: 1, 2: 2, 3: 3}[round(pose.yaw / (np.pi / 2)) % 4]
    offset = (pose.x - d.plan.width / 2, pose.y - d.plan.depth / 2)
    along = offset[0] * np.cos(pose.yaw) + offset[1] * np.sin(pose.yaw)
    return wall, float(along)


def ahead(pose: Pose, distance: float, aside: float = 0.0) -> tuple[float, float]:
    """The floor point `distance` metres in front of a pose and `aside` metres to its right, as (x, y)."""
    cosine, sine = float(np.cos(pose.yaw)), float(np.sin(pose.yaw))
    return pose.x + aside * cosine - distance * sine, pose.y + aside * sine + distance * cosine


def seat_at(d: Decorator, item: Furnishing, table: Pose, x: float, y: float, yaw: float) -> None:
    """Stand a chair with its front edge reaching (x, y) of a table's frame and facing `yaw`; skip it if blocked.

    The seat may slide under the table, so only its rear half needs free floor.
    """
    turn = yaw + d.between(-0.12, 0.12)
    cosine, sine = float(np.cos(yaw)), float(np.sin(yaw))
    back_x, back_y = x + sine * (item.depth - 0.12), y - cosine * (item.depth - 0.12)
    rear = Furnishing(item.width, item.depth * 0.42, item.height, item.label)
    if d.relative(rear, table, back_x, back_y, turn) is not None:
        d.relative(item, table, back_x, back_y, turn, solid=False)


def media_unit(d: Decorator, walls: tuple[int, ...]) -> None:
    """A low cabinet with a television on it or on the wall above."""
    width = d.between(0.85, 1.3)
    unit = storage.chest(d.rng, d.style, width + d.between(0.2, 0.6), 0.42, d.between(0.42, 0.58), 1)
    mounted = d.chance(0.35)
    if not mounted:
        unit.carry(hangings.television(d.rng, d.style, width, True), 0, 0.2, unit.height)
    pose = d.against_wall(unit, 0.03, walls) or d.against_wall(unit)
    if pose is None:
        return
    if mounted:
        wall, along = wall_of(d, pose)
        d.hang(hangings.television(d.rng, d.style, width, False), unit.height + 0.2 + 0.3 * width, along, wall)


def dining_group(d: Decorator, setting: bool = True) -> Pose | None:
    """A table with chairs around it, a lamp above."""
    table, side = d.dining_table()
    yaw = float(d.rng.integers(2)) * np.pi / 2 + d.between(-0.05, 0.05)
    if setting:
        d.table_setting(table, table.height)
    pose = d.plan.in_the_open(d.rng, table, 1.15, yaw)
    if pose is None:
        return None
    d.builder.place(table, pose)
    maker = (seating.chair, seating.chair, seating.shell_chair)[int(d.rng.integers(3))]
    state = d.rng.integers(2**31)
    count = 2 if side > 1.3 else 1
    spots = [((k - (count - 1) / 2) * 0.58, edge) for edge in (-1, 1) for k in range(count)]
    ends = [(s * side / 2, 0) for s in (-1, 1)] if d.chance(0.6) else []
    for x, edge in spots:
        item = maker(np.random.default_rng(state), d.style)
        out = d.between(0.1, 0.3)
        y = table.depth + out if edge > 0 else -out
        seat_at(d, item, pose, x, y, np.pi if edge > 0 else 0.0)
    for x, _ in ends:
        item = maker(np.random.default_rng(state), d.style)
        out = d.between(0.12, 0.3)
        seat_at(d, item, pose, x + np.sign(x) * out, table.depth / 2, np.pi / 2 if x > 0 else -np.pi / 2)
    if d.chance(0.6):
        x, y = ahead(pose, table.depth / 2)
        lamp = lamps.pendant(d.rng, d.style, d.plan.height - d.between(1.55, 1.8))
        d.builder.place(lamp, Pose(x, y - lamp.depth / 2, d.plan.height, 0.0))
    return pose


def working_place(d: Decorator, walls: tuple[int, ...] = (0, 1, 2, 3)) -> None:
    """A desk facing a wall with a chair, a screen or a lamp, and a shelf above."""
    desk = tables.desk(d.rng, d.style, d.between(1.1, 1.6))
    if d.chance(0.75):
        desk.carry(
            hangings.television(d.rng, d.style, d.between(0.5, 0.62), True),
            d.between(-0.1, 0.1),
            0.18,
            desk.height,
            d.between(-0.15, 0.15),
        )
    for side in (-1, 1):
        x = side * (desk.width / 2 - 0.2)
        thing = lamps.table_lamp(d.rng, d.style) if d.chance(0.35) else ornaments.ornament(d.rng, d.style)
        desk.carry(thing, x, d.between(0.2, 0.35), desk.height, d.between(-0.4, 0.4))
    if d.chance(0.6):
        desk.carry(books.book_stack(d.rng, d.style), d.between(-0.3, 0.3), 0.45, desk.height, d.between(-0.6, 0.6))
    pose = d.against_wall(desk, 0.03, walls)
    if pose is None:
        return
    maker = (seating.office_chair, seating.office_chair, seating.chair, seating.shell_chair)[int(d.rng.integers(4))]
    seat_at(d, maker(d.rng, d.style), pose, d.between(-0.1, 0.15), desk.depth + d.between(0.05, 0.25), np.pi)
    wall, along = wall_of(d, pose)
    if d.chance(0.5):
        shelf = hangings.wall_shelf(d.rng, d.style, d.between(0.7, 1.2))
        d.hang(shelf, 1.55, along, wall)
    else:
        d.hang(d.picture(), 1.65, along, wall)
