"""Scissors, staplers, punchers and tape dispensers."""

import numpy as np

from mta_core.data.objects.palette import (
    CHROME,
    DARK,
    PALE,
    RUBBER,
    SOBER,
    STEEL,
    VIVID,
    between,
    chance,
    metal,
    plastic,
    tone,
)
from mta_core.data.objects.shapes import annulus, prism, slab, tube
from mta_core.data.objects.thing import blank
from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import Solid, cylinder, rounded_box

_Z = np.array([0.0, 0.0, 1.0])


def scissors(rng: np.random.Generator) -> Furnishing:
    """Two crossed blades on a pivot with a loop of plastic on each, lying more or less open."""
    item = blank()
    grip = plastic(rng, *VIVID, *VIVID, *DARK)
    blade, loop = between(rng, 0.085, 0.105), between(rng, 0.024, 0.029)
    for side in (-1, 1):
        z, turn = 0.004 + 0.0025 * side, side * between(rng, 0.1, 0.32)
        outline = np.array([(-0.009, -0.03), (0.009, -0.03), (0.01, 0.0), (0.002 * side, blade), (-0.01, 0.0)])
        item.add(prism(outline, 0.003).turned(2, turn).moved(z=z), STEEL)
        long_ = between(rng, 1.2, 1.45)
        ring = np.add(_loop(loop, long_), (side * loop * 0.85, -0.034 - loop * long_, 0.008))
        item.add(tube(ring, 0.0075, 0.8, _Z, 12).turned(2, turn), grip)
        neck = np.array([(0, -0.012, 0.007), (0, -0.03, 0.008), (side * loop * 0.3, -0.042, 0.008)])
        item.add(tube(neck, 0.0085, 0.7, segments=12).turned(2, turn), grip)
    item.add(cylinder(0.0055, 0.012, 0.0045), CHROME)
    return item


def _loop(radius: float, long_: float) -> Floats:
    angle = np.linspace(0, 2 * np.pi, 33)
    return np.stack([radius * np.cos(angle), radius * long_ * np.sin(angle), np.zeros(33)], axis=1)


def stapler(rng: np.random.Generator) -> Furnishing:
    """A long base and a long arm that meet at a hinge, open a little; seen from the side."""
    item = blank()
    length, gape = between(rng, 0.13, 0.16), between(rng, 0.1, 0.26)
    body = plastic(rng, *VIVID, *DARK, *DARK)
    item.add(rounded_box(length, 0.036, 0.012, 0.005), body if chance(rng, 0.5) else RUBBER)
    item.add_box((length * 0.16, 0.026, 0.003), (length * 0.4, 0, 0.012), CHROME)
    arm: list[tuple[Solid, Material]] = [
        (rounded_box(length * 0.92, 0.016, 0.014, 0.003).moved(length * 0.48), STEEL),
        (slab(_arm(rng, length), 0.03).moved(z=0.008), body),
        (rounded_box(0.03, 0.034, 0.034, 0.008).moved(0.012, 0, -0.008), body),
    ]
    for solid, material in arm:
        item.add(solid.turned(1, -gape).moved(-length / 2 + 0.004, 0, 0.022), material)
    hinge = cylinder(0.007, 0.04).turned(0, -np.pi / 2).moved(-length / 2 + 0.015, -0.02, 0.026)
    item.add(hinge, metal(rng))
    return item


def _arm(rng: np.random.Generator, length: float) -> Floats:
    """(n, 2) side view of the cover: rounded at the nose, thick over the spring."""
    thick = between(rng, 0.02, 0.028)
    x = np.linspace(0, 1, 24)
    top = thick * (0.75 + 0.3 * np.sin(np.pi * x**0.8)) * np.clip(1 - x**14, 0, 1) ** 0.5
    upper = np.stack([x * length, np.maximum(top, 0.001)], axis=1)
    return np.concatenate([[(0.0, 0.0)], upper, [(length, 0.0)]])


def punchers(rng: np.random.Generator) -> Furnishing:
    """A hole punch: a wide foot, a steel bridge with two pins and a broad lever that rises towards the front."""
    item = blank()
    width, depth = between(rng, 0.11, 0.135), between(rng, 0.095, 0.115)
    body = plastic(rng, *VIVID, *DARK, *DARK)
    foot = body if chance(rng, 0.4) else RUBBER
    item.add(rounded_box(width, depth, 0.014, 0.006), foot)
    item.add_box((width * 0.9, depth * 0.5, 0.022), (0, -depth * 0.1, 0.006), STEEL, 0.003)
    for side in (-1, 1):
        item.add(cylinder(0.008, 0.034).moved(side * width * 0.3, depth * 0.06, 0.014), CHROME)
        item.add(cylinder(0.012, 0.01).moved(side * width * 0.3, depth * 0.06, 0.026), STEEL)
        item.add_box((0.004, depth * 0.45, 0.042), (side * width * 0.44, -depth * 0.2, 0.014), STEEL)
    item.add(cylinder(0.006, width * 0.96).turned(1, np.pi / 2).moved(-width * 0.48, -depth * 0.3, 0.046), CHROME)
    v = np.linspace(0, 1, 12)
    thick = 0.013 * np.clip(1 - (2 * v - 1) ** 8, 0, 1) ** 0.5 + 0.001
    bow = 0.012 * np.sin(np.pi * v)
    upper, lower = np.stack([v, bow + thick], axis=1), np.stack([v, bow - thick * 0.3], axis=1)
    outline = np.concatenate([upper, lower[::-1]]) * [depth * between(rng, 1.05, 1.25), 1.0]
    lever = slab(outline, width * between(rng, 0.82, 0.98)).turned(2, np.pi / 2)
    item.add(lever.turned(0, between(rng, 0.12, 0.32)).moved(0, -depth * 0.46, 0.044), body)
    return item


def tape_dispenser(rng: np.random.Generator) -> Furnishing:
    """A heavy foot with a hub that carries a roll of tape, and a toothed cutter at the nose."""
    item = blank()
    length, thick = between(rng, 0.15, 0.18), between(rng, 0.045, 0.06)
    body = plastic(rng, *DARK, *DARK, *VIVID, *PALE)
    roll = between(rng, 0.036, 0.043)
    hub_x, hub_z = -length * 0.14, roll + 0.022
    for side in (-1, 1):
        cheek = slab(_cheek(length, roll), 0.009).moved(0, side * (thick / 2 - 0.0045), 0)
        item.add(cheek, body)
    item.add(slab(np.array([(-0.46, 0), (0.5, 0), (0.5, 0.016), (-0.46, 0.016)]) * [length, 1.0], thick), body)
    _roll(rng, item, roll, thick, (hub_x, hub_z), np.array([length * 0.5, 0, 0.062]))
    item.add_box((0.05, thick - 0.022, 0.05), (length * 0.46, 0, 0.01), body, 0.006)
    item.add_box((0.006, thick * 0.95, 0.016), (length * 0.5 + 0.004, 0, 0.052), CHROME)
    return item


def _roll(
    rng: np.random.Generator, item: Furnishing, radius: float, thick: float, hub: tuple[float, float], nose: Floats
) -> None:
    """Tape, its core and the hub at (x, z), and the strip that runs to the nose (3,); metres."""
    tape = Material(tone(rng, "#cdb98a", "#d9cfae", "#b9c7c9", "#e3dcc4"), gloss=0.06, rough=0.05)
    wide = thick - 0.022
    core, axle = plastic(rng, *PALE, *VIVID), plastic(rng, *SOBER)
    _lay(item, annulus(radius, radius * 0.64, wide, 40), (hub[0], wide / 2, hub[1]), tape)
    _lay(item, annulus(radius * 0.66, radius * 0.5, wide * 1.04, 40), (hub[0], wide * 0.52, hub[1]), core)
    _lay(item, cylinder(radius * 0.5, thick * 0.96), (hub[0], thick * 0.48, hub[1]), axle)
    top = np.array([hub[0] + radius * 0.35, 0, hub[1] + radius * 0.94])
    item.add(tube(np.linspace(top, nose, 6), wide / 2, 0.03, np.array([0.0, 1.0, 0.0])), tape)


def _lay(item: Furnishing, solid: Solid, at: tuple[float, float, float], material: Material) -> None:
    """Add a wheel with its axle along y; the middle of its front face comes to `at`."""
    item.add(solid.turned(0, np.pi / 2).moved(*at), material)


def _cheek(length: float, roll: float) -> Floats:
    """(n, 2) side view: a low hull rising to the nose."""
    x = np.linspace(-0.5, 0.5, 26)
    top = 0.028 + roll * 0.75 * np.exp(-(((x + 0.14) / 0.2) ** 2)) + 0.03 * np.clip(x / 0.5, 0, 1) ** 2
    upper = np.stack([x * length, top], axis=1)
    return np.concatenate([[(-0.5 * length, 0.0)], upper, [(0.5 * length, 0.0)]])
