"""Pens and rulers."""

import numpy as np

from mta_core.data.objects.palette import (
    BLACK,
    CHROME,
    DARK,
    HOLLOW,
    PALE,
    STEEL,
    VIVID,
    between,
    chance,
    plastic,
    tone,
)
from mta_core.data.objects.prints import ticks
from mta_core.data.objects.thing import blank
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import Solid, box, cylinder, lathe, rounded_box


def pen(rng: np.random.Generator) -> Furnishing:
    """A ball pen with a push button, or a capped one, lying along x."""
    item = blank()
    radius, length = between(rng, 0.0055, 0.007), between(rng, 0.125, 0.145)
    barrel = plastic(rng, *VIVID, *VIVID, *DARK, *PALE)
    trim = CHROME if chance(rng, 0.5) else plastic(rng, *DARK, *VIVID)
    capped = chance(rng, 0.4)
    grip = barrel if chance(rng, 0.4) else BLACK
    tip = [(0.0, 0.0), (0.0012, 0.001), (0.0018, 0.006), (radius * 0.85, 0.022), (radius, 0.03)]
    parts: list[tuple[Solid, Material]] = [
        (lathe(tip), trim),
        (cylinder(radius * 1.04, length * 0.26, radius).moved(z=0.028), grip),
        (cylinder(radius, length - 0.03).moved(z=0.03), barrel),
        (cylinder(radius * 1.08, 0.005).moved(z=length * 0.55), trim),
    ]
    if capped:
        parts.append((cylinder(radius * 1.15, length * 0.42, radius * 1.1).moved(z=length * 0.6), trim))
    else:
        parts.append((cylinder(radius * 0.55, 0.012).moved(z=length), trim))
    clip = box(0.004, 0.0022, length * 0.32).moved(0, radius * 1.35, length * 0.66)
    parts += [(clip, trim), (box(0.004, 0.005, 0.006).moved(0, radius, length * 0.96), trim)]
    roll = between(rng, -0.9, 0.9)
    for solid, material in parts:
        item.add(solid.moved(z=-length / 2).turned(2, roll).turned(0, np.pi / 2).turned(2, np.pi / 2), material)
    return item


def ruler(rng: np.random.Generator) -> Furnishing:
    """A flat strip of wood, plastic or steel with marks along both edges."""
    item = blank()
    length, width = between(rng, 0.16, 0.22), between(rng, 0.028, 0.036)
    kind = int(rng.integers(3))
    if kind == 0:
        base = Material(tone(rng, "#dcbf8c", "#c79c68", "#e3cfa4"), gloss=0.03)
    else:
        base = plastic(rng, *VIVID, *PALE, "#e8cf5a", "#e8cf5a") if kind == 1 else Material(STEEL.colour, gloss=0.2)
    dark = base.colour[1] > 0.12
    ink = tone(rng, *DARK) if dark else tone(rng, *PALE)
    marked = Material(base.colour, ticks(width / 2), ink, scale=0.004, gloss=base.gloss * 0.4, rough=0.2)
    item.add(rounded_box(length, width, 0.004, 0.001), base)
    item.add_box((length * 0.97, width * 0.985, 0.0006), (0, 0, 0.0038), marked)
    if chance(rng, 0.6):
        item.add(cylinder(width * 0.11, 0.0009).moved(length * 0.465, 0, 0.0039), HOLLOW)
    if chance(rng, 0.4):
        item.add_box((length * 0.16, width * 0.16, 0.0009), (-length * 0.2, 0, 0.0039), Material(tone(rng, *VIVID)))
    return item
