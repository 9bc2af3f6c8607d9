"""Mugs, bottles and trash cans."""

import numpy as np

from mta_core.data.objects.palette import (
    BLACK,
    CHROME,
    DARK,
    HOLLOW,
    PALE,
    PAPER,
    SOBER,
    VIVID,
    between,
    chance,
    lacquered,
    metal,
    plastic,
    tone,
)
from mta_core.data.objects.prints import banded, mesh
from mta_core.data.objects.shapes import arc, joined, tube
from mta_core.data.objects.thing import blank
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material, colour, shade
from mta_core.data.rooms.solids import cylinder, ellipsoid, lathe


def mug(rng: np.random.Generator) -> Furnishing:
    """A cup with a handle, plain, striped or with a coloured inside, often filled."""
    item = blank()
    radius, height = between(rng, 0.037, 0.046), between(rng, 0.085, 0.115)
    foot = between(rng, 0.75, 1.0)
    base, other = tone(rng, *VIVID, *PALE, *PALE, DARK[1]), tone(rng, *VIVID, *PALE, *DARK)
    texture = None
    if chance(rng, 0.5):
        low = between(rng, 0.1, 0.5)
        texture = banded(base, other, (low * height, (low + between(rng, 0.12, 0.4)) * height))
    glaze = Material(base, texture, gloss=0.05, rough=0.05)
    outside = [(0.0, 0.0), (radius * foot * 0.94, 0.0), (radius * foot, 0.006), (radius, height * 0.45)]
    item.add(lathe([*outside, (radius, height)], smooth=False, segments=36), glaze)
    inside = Material(other if chance(rng, 0.4) else base, gloss=0.05, rough=0.05)
    item.add(lathe([(radius, height), (radius * 0.9, height), (radius * 0.86, 0.01)], False, 36), inside)
    drink = colour("#2a1609") if chance(rng, 0.6) else inside.colour
    item.add(cylinder(radius * 0.9, 0.002, segments=36).moved(z=height * 0.72), Material(drink, gloss=0.05, rough=0.02))
    reach = between(rng, 0.28, 0.36) * height
    handle = tube(arc(reach, -np.pi / 2, np.pi / 2, 18, between(rng, 0.9, 1.15)), 0.006, 1.5)
    item.add(handle.moved(radius * 0.95, 0, height * 0.5), Material(base, gloss=0.05, rough=0.05))
    return item


_PROFILES = (
    # (radius, height) as shares of the whole: wine, sport, squeezed plastic, flask
    ((0.9, 0.0), (1.0, 0.03), (1.0, 0.52), (0.92, 0.62), (0.45, 0.73), (0.34, 0.8), (0.34, 0.93)),
    ((0.9, 0.0), (1.0, 0.03), (1.0, 0.38), (0.86, 0.5), (0.98, 0.62), (0.9, 0.76), (0.5, 0.85), (0.45, 0.9)),
    ((0.85, 0.0), (1.0, 0.05), (0.92, 0.28), (1.0, 0.5), (0.9, 0.66), (0.4, 0.82), (0.36, 0.9)),
    ((0.95, 0.0), (1.0, 0.02), (1.0, 0.66), (0.9, 0.75), (0.6, 0.82), (0.5, 0.9)),
)


def bottle(rng: np.random.Generator) -> Furnishing:
    """A wine, water or sports bottle with its cap and a label."""
    item = blank()
    kind = int(rng.integers(len(_PROFILES)))
    height = between(rng, 0.22, 0.3)
    radius = height * between(rng, 0.12, 0.155)
    glass = ("#1f4a2c", "#54301a", "#2b2d31") if kind == 0 else (*VIVID, "#9cc3d4", "#bcd4dc", "#b4b8bc")
    skin = Material(tone(rng, *glass), gloss=0.07, rough=0.04)
    points = np.array(_PROFILES[kind]) * [radius, height]
    at = np.linspace(0, len(points) - 1, 40)
    shape = np.stack([np.interp(at, np.arange(len(points)), axis) for axis in points.T], axis=1)
    for _ in range(4):
        shape[1:-1] = (shape[:-2] + 2 * shape[1:-1] + shape[2:]) / 4
    item.add(lathe([(0.0, 0.0), *((float(r), float(z)) for r, z in shape)], segments=32), skin)
    neck = float(shape[-1, 0])
    cap = Material(tone(rng, *VIVID, *PALE, *DARK), gloss=0.04, rough=0.12)
    item.add(cylinder(neck * 1.12, height * 0.09, neck * 1.05).moved(z=height * 0.91), cap)
    if kind in (1, 3) and chance(rng, 0.6):
        item.add(cylinder(neck * 0.45, height * 0.05).moved(z=height), plastic(rng, *PALE, *DARK))
    if kind in (0, 2) or chance(rng, 0.3):
        low, high = height * 0.16, height * between(rng, 0.4, 0.48)
        print_ = Material(PAPER.colour, banded(tone(rng, *PALE, *VIVID), cap.colour, (low * 1.3, low * 1.7)))
        item.add(lathe([(radius * 1.02, low), (radius * 1.02, high)], segments=32), print_)
    return item


def trash_can(rng: np.random.Generator) -> Furnishing:
    """An open basket, a pedal bin with a domed lid or a swing-top bin."""
    item = blank()
    radius, height = between(rng, 0.13, 0.16), between(rng, 0.3, 0.42)
    kind = int(rng.choice(3, p=[0.5, 0.3, 0.2]))
    body = lacquered(rng, *SOBER, *VIVID[:4]) if chance(rng, 0.6) else metal(rng)
    if kind == 0:
        _basket(rng, item, radius, height, body)
        return item
    item.add(cylinder(radius, height, radius * (1.0 if kind == 1 else 1.12), segments=36), body)
    lid = BLACK if chance(rng, 0.5) else body
    top = radius * (1.02 if kind == 1 else 1.14)
    item.add(cylinder(top, 0.03, segments=36).moved(z=height), lid)
    dome = ellipsoid(top * 0.98, top * 0.98, radius * (0.35 if kind == 1 else 0.75))
    item.add(dome.moved(z=height + 0.028), lid)
    if kind == 1:
        item.add_box((0.06, 0.07, 0.014), (0, radius + 0.02, 0.012), BLACK, 0.005)
        item.add(cylinder(radius * 1.03, 0.03, segments=36), BLACK)
    else:
        item.add_box((radius * 1.0, 0.02, radius * 0.42), (0, top * 0.84, height + 0.03), HOLLOW)
    return item


def _basket(rng: np.random.Generator, item: Furnishing, radius: float, height: float, body: Material) -> None:
    foot = between(rng, 0.72, 0.85) * radius
    if chance(rng, 0.5):
        body = Material(body.colour, mesh, HOLLOW.colour, scale=0.02, gloss=0.05, rough=0.2)
    item.add(lathe([(foot, 0.0), (radius, height)], segments=36), body)
    item.add(lathe([(radius * 0.97, height), (foot * 0.97, 0.004)], segments=36), Material(shade(body.colour, 0.5)))
    item.add(cylinder(foot, 0.006, segments=36), body)
    angle = np.linspace(0, 2 * np.pi, 40)
    ring = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(40, height)], axis=1)
    item.add(tube(ring, 0.006, side=np.array([0.0, 0.0, 1.0])), CHROME if chance(rng, 0.4) else body)
    crumpled = []
    for _ in range(int(rng.integers(0, 7))):
        x, y = (float(v) for v in rng.uniform(-0.5, 0.5, 2) * radius)
        size = between(rng, 0.03, 0.045)
        ball = ellipsoid(size, size * 0.8, size * 0.9, 6).turned(0, between(rng, 0, 3))
        crumpled.append(ball.moved(x, y, height * between(rng, 0.75, 0.98)))
    if crumpled:
        item.add(joined(crumpled), PAPER)
