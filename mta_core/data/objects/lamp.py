"""Desk lamps."""

import numpy as np

from mta_core.data.objects.palette import SOBER, VIVID, between, chance, lacquered, metal
from mta_core.data.objects.shapes import arc, tilted, tube
from mta_core.data.objects.thing import blank
from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.solids import cylinder, ellipsoid, lathe, rod


def desk_lamp(rng: np.random.Generator) -> Furnishing:
    """A foot, a jointed or bent arm and a shade with its bulb."""
    item = blank()
    paint = lacquered(rng, *VIVID, *SOBER)
    arm = metal(rng) if chance(rng, 0.5) else paint
    item.add(cylinder(between(rng, 0.07, 0.09), 0.018, 0.066, 32), paint)
    if chance(rng, 0.3):
        bend = between(rng, 0.08, 0.12)
        straight = between(rng, 0.22, 0.28)
        path = np.add(arc(bend, np.pi, between(rng, 0.2, 0.7), 20), (bend, 0, straight))
        item.add(tube(np.concatenate([[[0, 0, 0.01]], path]), 0.008), arm)
        head = path[-1]
    else:
        head = _arms(rng, item, arm, paint)
    _shade(rng, item, head, paint)
    return item


def _arms(rng: np.random.Generator, item: Furnishing, arm: Material, paint: Material) -> Floats:
    """Two pairs of rods; returns the (3,) end of the upper one."""
    lean, rise = between(rng, 0.2, 0.6), between(rng, 0.1, 0.6)
    hip = np.array([0.0, 0.0, 0.02])
    knee = hip + between(rng, 0.19, 0.25) * np.array([-np.sin(lean), 0, np.cos(lean)])
    head = knee + between(rng, 0.2, 0.26) * np.array([np.cos(rise), 0, np.sin(rise)])
    for shift in (-0.009, 0.009):
        off = np.array([0, shift, 0])
        item.add(rod(hip + off, knee + off, 0.0055), arm)
        item.add(rod(knee + off, head + off, 0.0055), arm)
    for joint in (hip, knee, head):
        item.add(ellipsoid(0.016, 0.02, 0.016, 9).moved(*(float(c) for c in joint)), paint)
    return head


def _shade(rng: np.random.Generator, item: Furnishing, head: Floats, paint: Material) -> None:
    """A cone or a bell hanging open downwards from the arm's end, white inside."""
    wide, tall = between(rng, 0.065, 0.085), between(rng, 0.09, 0.12)
    bulge = between(rng, 0.5, 1.0)
    at = np.linspace(0, 1, 10)
    profile = [(0.022 + (wide - 0.022) * float(t) ** bulge, tall * float(t)) for t in at]
    axis = np.array([between(rng, 0.1, 0.7), between(rng, -0.1, 0.5), -1.0])
    place = tuple(float(c) for c in head)
    item.add(tilted(lathe([(0.0, -0.03), (0.02, -0.028), (0.022, 0.0), *profile]), axis).moved(*place), paint)
    inner = [(r * 0.95, z) for r, z in profile]
    glow = 1.5 if chance(rng, 0.6) else 0.0
    item.add(tilted(lathe(inner), axis).moved(*place), Material(colour("#efece2"), glow=0.5 * glow))
    bulb = Material(colour("#fff3d6"), glow=2 * glow)
    item.add(tilted(ellipsoid(0.024, 0.024, 0.032, 10).moved(z=tall * 0.75), axis).moved(*place), bulb)
