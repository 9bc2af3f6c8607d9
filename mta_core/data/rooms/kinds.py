"""Room kinds: what is in a bedroom, a living room, a dining kitchen, a study and a classroom, and where."""

from collections.abc import Callable

import numpy as np

from mta_core.data.rooms import hangings, lamps, ornaments, seating, storage, tables
from mta_core.data.rooms.beds import bed
from mta_core.data.rooms.decorator import Decorator
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.groups import ahead, dining_group, media_unit, seat_at, wall_of, working_place
from mta_core.data.rooms.scene import Pose


def bedroom(d: Decorator) -> None:
    """A bed with nightstands, wardrobe, dresser, and what else fits."""
    sleeper = bed(d.rng, d.style)
    pose = d.against_wall(sleeper, 0.08)
    if pose is not None:
        _beside_bed(d, sleeper, pose)
    d.against_wall(storage.wardrobe(d.rng, d.style))
    dresser = storage.chest(d.rng, d.style, d.between(0.8, 1.3), 0.45, d.between(0.75, 1.0), 3)
    d.ornaments_on(dresser, dresser.height, 4, lamp=d.chance(0.4))
    if d.chance(0.35):
        screen = hangings.television(d.rng, d.style, d.between(0.6, 0.85), True)
        low = storage.chest(d.rng, d.style, 1.2, 0.42, 0.6, 2)
        low.carry(screen, 0, 0.21, low.height)
        d.against_wall(low)
    d.against_wall(dresser)
    if d.chance(0.7):
        d.against_wall(storage.bookshelf(d.rng, d.style, d.between(0.6, 1.0), d.between(0.9, 1.9)))
    if d.chance(0.4):
        working_place(d)
    elif d.chance(0.6):
        d.against_wall(seating.sofa(d.rng, d.style, 1), d.between(0.05, 0.2))
    if d.chance(0.5):
        d.against_wall(seating.chair(d.rng, d.style), 0.1)
    d.corner_things(2)
    if d.chance(0.4):
        d.hang(hangings.mirror(d.rng, d.style), 1.5)


def _beside_bed(d: Decorator, sleeper: Furnishing, pose: Pose) -> None:
    for side in (-1, 1):
        stand = storage.chest(d.rng, d.style, d.between(0.4, 0.52), 0.4, d.between(0.45, 0.58), 2)
        if d.chance(0.7):
            stand.carry(lamps.table_lamp(d.rng, d.style), 0, 0.2, stand.height)
        else:
            d.ornaments_on(stand, stand.height, 1)
        d.relative(stand, pose, side * (sleeper.width / 2 + stand.width / 2 + 0.06), 0.0)
    wall, along = wall_of(d, pose)
    if d.chance(0.6):
        d.picture_row(along, wall, max(1.65, sleeper.height + 0.45))
    else:
        d.hang(d.picture(d.between(0.7, 1.0)), max(1.75, sleeper.height + 0.6), along, wall)
    if d.chance(0.7):
        x, y = ahead(pose, sleeper.depth * 0.75)
        d.rug_at(x, y, sleeper.width + 1.1, 1.7, pose.yaw)


def living_room(d: Decorator) -> None:
    """Sofa, coffee table and television facing each other, shelves round about."""
    seats = int(d.rng.choice([2, 3, 3]))
    couch = seating.sofa(d.rng, d.style, seats)
    pose = d.against_wall(couch, d.between(0.04, 0.2))
    if pose is not None:
        _around_sofa(d, couch, pose)
    facing: tuple[int, ...] = (0, 1, 2, 3) if pose is None else ((wall_of(d, pose)[0] + 2) % 4,)
    media_unit(d, facing)
    d.against_wall(storage.bookshelf(d.rng, d.style, d.between(0.8, 1.8), d.between(1.2, 2.1)))
    if d.chance(0.75):
        side = storage.chest(d.rng, d.style, d.between(1.0, 1.6), 0.42, d.between(0.7, 0.9), 1)
        d.ornaments_on(side, side.height, 4, lamp=d.chance(0.5))
        d.against_wall(side)
    if d.chance(0.35):
        dining_group(d)
    if d.chance(0.5):
        d.against_wall(storage.bookshelf(d.rng, d.style, d.between(0.6, 1.2), d.between(0.8, 2.0)))
    d.corner_things(3)


def _around_sofa(d: Decorator, couch: Furnishing, pose: Pose) -> None:
    wall, along = wall_of(d, pose)
    if d.chance(0.5):
        d.picture_row(along, wall, 1.6)
    else:
        d.hang(d.picture(d.between(0.7, 1.1)), 1.65, along, wall)
    if d.chance(0.75):
        x, y = ahead(pose, couch.depth + 0.6)
        d.rug_at(x, y, couch.width + d.between(0.1, 0.6), d.between(1.5, 2.0), pose.yaw)
    if d.chance(0.3):
        low = tables.round_table(d.rng, d.style, d.between(0.65, 0.9), d.between(0.38, 0.45))
    else:
        low = tables.rectangular_table(
            d.rng, d.style, d.between(0.85, 1.2), d.between(0.5, 0.65), d.between(0.36, 0.45)
        )
    d.table_setting(low, low.height)
    d.relative(low, pose, d.between(-0.1, 0.1), couch.depth + d.between(0.35, 0.45))
    for side in (-1, 1):
        if d.chance(0.45):
            end = tables.round_table(d.rng, d.style, 0.45, 0.52)
            end.carry(lamps.table_lamp(d.rng, d.style), 0, 0.22, end.height)
            d.relative(end, pose, side * (couch.width / 2 + 0.27), 0.1)
        elif d.chance(0.5):
            d.relative(lamps.floor_lamp(d.rng, d.style), pose, side * (couch.width / 2 + 0.26), 0.05)
        if d.chance(0.55):
            seat = seating.sofa(d.rng, d.style, 1)
            turn = side * (np.pi / 2 + d.between(-0.3, 0.15))
            d.relative(seat, pose, side * (couch.width / 2 + 0.75), couch.depth + d.between(0.5, 0.8), turn)
    if d.chance(0.35):
        d.relative(seating.stool(d.rng, d.style), pose, couch.width * 0.3, couch.depth + 1.15)


def kitchen(d: Decorator) -> None:
    """Units along a wall, a fridge, a dining group."""
    walls = [k for k in range(4) if not any(o.wall == k for o in d.plan.openings)] or [0]
    wall = walls[int(d.rng.integers(len(walls)))]
    units = storage.kitchen(d.rng, d.style, min(d.plan.length(wall) - 0.9, d.between(1.8, 3.4)))
    pose = d.against_wall(units, 0.015, (wall,)) or d.against_wall(units, 0.015)
    fridge = storage.refrigerator(d.rng, d.style)
    if pose is not None:
        side = float(d.rng.choice([-1, 1]))
        offset = units.width / 2 + fridge.width / 2 + 0.04
        if (
            d.relative(fridge, pose, side * offset, 0.0) is None
            and d.relative(fridge, pose, -side * offset, 0.0) is None
        ):
            d.against_wall(fridge)
    dining_group(d)
    side_board = storage.chest(d.rng, d.style, d.between(0.9, 1.5), 0.42, d.between(0.75, 0.95), 2)
    d.ornaments_on(side_board, side_board.height, 4, lamp=d.chance(0.3))
    d.against_wall(side_board)
    if d.chance(0.5):
        d.against_wall(storage.bookshelf(d.rng, d.style, d.between(0.6, 0.9), d.between(0.9, 1.8)))
    if d.chance(0.35):
        d.hang(hangings.television(d.rng, d.style, d.between(0.6, 0.8), False), 1.6)
    if d.chance(0.4):
        d.hang(ornaments.towel(d.rng, d.style), 1.2)
    if d.chance(0.5):
        d.hang(hangings.clock(d.rng, d.style), 1.9)
    d.corner_things(2)


def study(d: Decorator) -> None:
    """Desks, bookshelves, filing cabinets and a place to sit."""
    working_place(d)
    if d.chance(0.5):
        working_place(d)
    for _ in range(int(d.rng.integers(1, 4))):
        d.against_wall(storage.bookshelf(d.rng, d.style, d.between(0.7, 1.7), d.between(1.1, 2.15)))
    if d.chance(0.6):
        pose = d.against_wall(seating.sofa(d.rng, d.style, int(d.rng.integers(1, 3))), 0.08)
        if pose is not None and d.chance(0.6):
            x, y = ahead(pose, 1.2)
            d.rug_at(x, y, 1.8, 1.3, pose.yaw)
    if d.chance(0.5):
        dining_group(d)
    for _ in range(int(d.rng.integers(0, 3))):
        d.against_wall(storage.filing_cabinet(d.rng, d.style))
    if d.chance(0.4):
        d.hang(hangings.whiteboard(d.rng, d.style, d.between(1.1, 1.6)), 1.5)
    if d.chance(0.5):
        d.hang(hangings.clock(d.rng, d.style), 2.0)
    d.corner_things(3)


def classroom(d: Decorator) -> None:
    """Rows of tables and chairs facing a board, shelves at the back."""
    front = 0
    d.hang(hangings.whiteboard(d.rng, d.style, d.between(1.6, 2.4)), 1.45, d.between(-0.3, 0.3), front)
    d.hang(hangings.television(d.rng, d.style, d.between(0.8, 1.1), False), 1.6, None, int(d.rng.choice([0, 1, 3])))
    for row in range(2):
        for column in range(2):
            table = tables.rectangular_table(d.rng, d.style, d.between(1.15, 1.3), 0.6, 0.74)
            if d.chance(0.6):
                d.table_setting(table, table.height)
            x, y = d.plan.width * (0.3 + 0.42 * column), 1.25 + row * 1.45
            pose = Pose(x, y, 0.0, d.between(-0.03, 0.03))
            if not d.plan.fits(table, pose):
                continue
            d.plan.take(table, pose)
            d.builder.place(table, pose)
            for place in (-0.3, 0.3):
                maker = seating.shell_chair if d.chance(0.5) else seating.chair
                seat_at(d, maker(d.rng, d.style), pose, place, table.depth + d.between(0.05, 0.3), np.pi)
    for _ in range(3):
        d.against_wall(storage.bookshelf(d.rng, d.style, d.between(0.8, 1.8), d.between(0.9, 1.9)), 0.03, (1, 2, 3))
    d.against_wall(storage.filing_cabinet(d.rng, d.style))
    d.hang(hangings.clock(d.rng, d.style), 2.1)
    d.corner_things(2)


RoomKind = Callable[[Decorator], None]
# With the share of each kind among the seeds.
ROOM_KINDS: tuple[tuple[RoomKind, float], ...] = (
    (bedroom, 0.32),
    (living_room, 0.28),
    (kitchen, 0.17),
    (study, 0.15),
    (classroom, 0.08),
)
