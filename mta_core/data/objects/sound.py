"""Headphones and speakers."""

import numpy as np

from mta_core.data.objects.palette import (
    BLACK,
    CHROME,
    DARK,
    HOLLOW,
    PALE,
    RUBBER,
    SOBER,
    VIVID,
    between,
    chance,
    metal,
    plastic,
    tone,
)
from mta_core.data.objects.shapes import annulus, arc, tube
from mta_core.data.objects.thing import blank, turn
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import Solid, ellipsoid, lathe, rod, rounded_box
from mta_core.data.rooms.style import wood_material
from mta_core.data.rooms.textures import leather

_Y = np.array([0.0, 1.0, 0.0])


def headphones(rng: np.random.Generator) -> Furnishing:
    """A padded band with an ear cup at each end, standing on the cups or lying."""
    item = blank()
    reach, tall = between(rng, 0.075, 0.088), between(rng, 1.05, 1.3)
    shell = plastic(rng, *VIVID, *DARK, *DARK, *PALE)
    band = shell if chance(rng, 0.5) else plastic(rng, *DARK, *SOBER)
    pad = Material(tone(rng, *DARK, *DARK, "#6d4a33", "#cfc6b8"), leather, gloss=0.03, rough=0.3)
    wide = between(rng, 0.01, 0.018)
    arch = arc(reach, -0.12, np.pi + 0.12, 36, tall)
    item.add(tube(arch, wide, 0.35, _Y, 14), band)
    item.add(tube(arc(reach * 0.95, 0.6, np.pi - 0.6, 24, tall), wide * 0.95, 0.5, _Y, 14), pad)
    cup, low = between(rng, 0.034, 0.045), between(rng, 0.035, 0.05)
    for side in (-1, 1):
        x = side * reach
        item.add(rod(np.array([x, 0, 0]), np.array([x, 0, -low]), 0.006), metal(rng))
        item.add(_cup(cup, 0.026, side).moved(x, 0, -low), shell)
        item.add(_cup(cup * 0.55, 0.029, side).moved(x, 0, -low), plastic(rng, *DARK, "#b9bcc0", *VIVID))
        item.add(_pad(cup).turned(1, -side * np.pi / 2).moved(x, 0, -low), pad)
    lying = between(rng, 1.1, 1.4) if chance(rng, 0.4) else between(rng, -0.1, 0.1)
    turn(item, 0, lying)
    return item


def _cup(radius: float, depth: float, side: int) -> Solid:
    """A shallow dome whose top points outwards along x."""
    profile = [(radius, 0.0), (radius, depth * 0.45), (radius * 0.85, depth * 0.8), (radius * 0.5, depth), (0.0, depth)]
    return lathe(profile, segments=32).turned(1, side * np.pi / 2)


def _pad(radius: float) -> Solid:
    """A cushioned ring with its front along +z."""
    angle = np.linspace(0, 2 * np.pi, 32)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(32)], axis=1) * (radius * 0.78)
    return tube(np.add(ring, (0, 0, 0.006)), 0.013, 1.0, np.array([0.0, 0.0, 1.0]))


def speaker(rng: np.random.Generator) -> Furnishing:
    """A cabinet with a woofer and a tweeter, now and then a third cone or a bass port."""
    item = blank()
    width = between(rng, 0.13, 0.18)
    depth, height = width * between(rng, 0.9, 1.2), width * between(rng, 1.5, 1.9)
    case = wood_material(rng) if chance(rng, 0.45) else plastic(rng, *DARK, *DARK, *PALE, "#b9bcc0")
    item.add(rounded_box(width, depth, height, between(rng, 0.003, 0.015)), case)
    front = case if chance(rng, 0.4) else plastic(rng, *DARK)
    item.add_box((width * 0.93, 0.006, height * 0.95), (0, depth / 2, height * 0.025), front, 0.002)
    cone = Material(tone(rng, "#1b1c1e", "#2a2c30", "#c9a227", "#d8d6cf", "#7c8086"), gloss=0.02, rough=0.3)
    ring = CHROME if chance(rng, 0.5) else plastic(rng, *SOBER)
    woofer, face = width * between(rng, 0.36, 0.42), depth / 2 + 0.003
    _driver(item, woofer, (0, face, height * 0.05 + woofer * 1.05), cone, ring)
    tweeter = width * between(rng, 0.15, 0.22)
    _driver(item, tweeter, (0, face, height * 0.93 - tweeter), cone, ring)
    if chance(rng, 0.3):
        item.add_box((0.01, 0.01, 0.006), (width * 0.35, face, height * 0.04), Material(tone(rng, *VIVID), glow=1.0))
    return item


def _driver(item: Furnishing, radius: float, at: tuple[float, float, float], cone: Material, ring: Material) -> None:
    """A loudspeaker facing +y: a trim ring, a rubber surround, the cone and its dust cap."""
    for solid, material in (
        (annulus(radius, radius * 0.88, 0.006), ring),
        (lathe([(radius * 0.7, 0.004), (radius * 0.8, 0.009), (radius * 0.9, 0.002)]), RUBBER),
        (lathe([(radius * 0.1, 0.001), (radius * 0.72, 0.005)]), cone),
        (ellipsoid(radius * 0.28, radius * 0.28, radius * 0.16).moved(z=0.002), BLACK),
        (annulus(radius * 0.9, 0.0, 0.001), HOLLOW),
    ):
        item.add(solid.turned(0, -np.pi / 2).moved(*at), material)
