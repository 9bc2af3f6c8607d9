"""Bicycles."""

import numpy as np

from mta_core.data.objects.palette import (
    BLACK,
    DARK,
    PALE,
    RUBBER,
    STEEL,
    VIVID,
    between,
    chance,
    lacquered,
    metal,
    plastic,
)
from mta_core.data.objects.shapes import annulus, curve, joined, tube
from mta_core.data.objects.thing import blank
from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import Solid, cylinder, ellipsoid, rod

_Y = np.array([0.0, 1.0, 0.0])


def bike(rng: np.random.Generator) -> Furnishing:
    """A diamond or a low frame between two spoked wheels, with handlebar, saddle, crank and often mudguards."""
    item = blank()
    wheel, base = between(rng, 0.3, 0.345), between(rng, 1.0, 1.1)
    paint = lacquered(rng, *VIVID, *VIVID, *DARK, *PALE)
    rear, front = np.array([-base / 2, 0, wheel]), np.array([base / 2, 0, wheel])
    for hub in (rear, front):
        _wheel(rng, item, wheel, hub)
    crank = np.array([-base * 0.08, 0, wheel * 0.85])
    seat = crank + np.array([-0.17, 0, between(rng, 0.42, 0.5)])
    head = front + np.array([-0.19, 0, between(rng, 0.42, 0.5)])
    item.add(_frame(crank, seat, head, rear, front, step_through=chance(rng, 0.25)), paint)
    _saddle(rng, item, seat)
    _handlebar(rng, item, head)
    _drive(item, crank, rear)
    if chance(rng, 0.5):
        for hub, start, stop in ((rear, 0.6, 3.2), (front, 0.5, 2.3)):
            item.add(_mudguard(wheel, hub, start, stop), BLACK if chance(rng, 0.5) else paint)
    return item


def _frame(crank: Floats, seat: Floats, head: Floats, rear: Floats, front: Floats, step_through: bool) -> Solid:
    """The tubes and the fork between (3,) points, metres."""
    down = np.array([0.25, 0.0, -1.0])  # from the steering head towards the front hub
    tubes = [
        (crank, seat, 0.019),
        (crank, head + 0.12 * down, 0.024),
        (crank + (seat - crank) * (0.4 if step_through else 0.88), head + 0.04 * down, 0.019),
        (seat + (crank - seat) * 0.12, rear, 0.012),
        (crank, rear, 0.014),
        (head - 0.05 * down, head + 0.15 * down, 0.023),
        (head + 0.15 * down, front, 0.018),
    ]
    return joined([rod(start, end, radius) for start, end, radius in tubes])


def _circle(radius: float, hub: Floats, start: float = 0.0, stop: float = 2 * np.pi, count: int = 44) -> Floats:
    angle = np.linspace(start, stop, count)
    return np.add(np.stack([radius * np.cos(angle), 0 * angle, radius * np.sin(angle)], axis=1), hub)


def _wheel(rng: np.random.Generator, item: Furnishing, radius: float, hub: Floats) -> None:
    thick = between(rng, 0.016, 0.024)
    item.add(tube(_circle(radius - thick, hub), thick, side=_Y, segments=8), RUBBER)
    item.add(tube(_circle(radius - 2.3 * thick, hub), 0.009, side=_Y, segments=6), STEEL)
    turn = between(rng, 0, 1)
    ends = _circle(radius - 2.3 * thick, hub, turn, turn + 2 * np.pi, 21)[:-1]
    item.add(joined([rod(hub, end, 0.0022, segments=4) for end in ends]), STEEL)
    item.add(cylinder(0.022, 0.09).moved(z=-0.045).turned(0, np.pi / 2).moved(*(float(c) for c in hub)), STEEL)


def _mudguard(wheel: float, hub: Floats, start: float, stop: float) -> Solid:
    return tube(_circle(wheel + 0.014, hub, start, stop), 0.024, 0.2, _Y)


def _saddle(rng: np.random.Generator, item: Furnishing, seat: Floats) -> None:
    top = seat + np.array([-0.03, 0, between(rng, 0.07, 0.14)])
    item.add(rod(seat, top, 0.012), metal(rng))
    x, _, z = (float(value) for value in top)
    skin = plastic(rng, *DARK, *DARK, "#6d4a33")
    item.add(ellipsoid(0.13, 0.045, 0.028).moved(x + 0.04, 0, z + 0.01), skin)
    item.add(ellipsoid(0.07, 0.08, 0.032).moved(x - 0.05, 0, z + 0.014), skin)


def _handlebar(rng: np.random.Generator, item: Furnishing, head: Floats) -> None:
    """A flat or a dropped bar on its stem."""
    steel = metal(rng)
    clamp = head + np.array([0.03, 0, 0.11])
    item.add(rod(head, head + np.array([-0.02, 0, 0.1]), 0.014), steel)
    item.add(rod(head + np.array([-0.02, 0, 0.1]), clamp, 0.014), steel)
    dropped = chance(rng, 0.3)
    for side in (-1, 1):
        if dropped:
            bends = [(0.0, 0.0, 0.0), (0, 0.2, 0), (0.1, 0.21, -0.02), (0.09, 0.21, -0.12), (-0.04, 0.21, -0.13)]
        else:
            bends = [(0.0, 0.0, 0.0), (0.01, 0.1, 0.02), (-0.02, 0.2, 0.04), (-0.1, 0.28, 0.04)]
        path = np.add(curve([(x, side * y, z) for x, y, z in bends], 24), clamp)
        item.add(tube(path, 0.012, segments=8), steel)
        item.add(tube(path[-7:], 0.017, segments=8), RUBBER)


def _drive(item: Furnishing, crank: Floats, rear: Floats) -> None:
    """Chain ring, chain, crank arms and pedals."""
    dark = Material((0.05, 0.05, 0.055), gloss=0.1)
    x, _, z = (float(value) for value in crank)
    item.add(annulus(0.085, 0.06, 0.006).turned(0, np.pi / 2).moved(x, 0.05, z), STEEL)
    item.add(annulus(0.04, 0.015, 0.006).turned(0, np.pi / 2).moved(float(rear[0]), 0.05, float(rear[2])), dark)
    for rise in (-1, 1):
        start, end = crank + np.array([0, 0.047, 0.085 * rise]), rear + np.array([0, 0.047, 0.04 * rise])
        item.add(rod(start, end, 0.004, segments=6), dark)
    for side in (-1, 1):
        pedal = crank + np.array([0.12 * side, 0.075 * side, -0.1 * side])
        item.add(rod(crank + np.array([0, 0.06 * side, 0]), pedal, 0.011), STEEL)
        item.add_box(
            (0.09, 0.08, 0.02), (float(pedal[0]), float(pedal[1] + 0.04 * side), float(pedal[2])), BLACK, 0.005
        )
