"""Back packs."""

from dataclasses import replace

import numpy as np

from mta_core.data.objects.palette import BLACK, DARK, RUBBER, SOBER, VIVID, between, chance, tone
from mta_core.data.objects.shapes import arc, curve, tube
from mta_core.data.objects.thing import blank
from mta_core.data.rooms.arrays import Floats
from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.materials import Material
from mta_core.data.rooms.solids import Solid, rounded_box
from mta_core.data.rooms.textures import weave


def back_pack(rng: np.random.Generator) -> Furnishing:
    """A rounded sack with front and side pockets, zips, a handle on top and two shoulder straps behind."""
    item = blank()
    width, depth, height = between(rng, 0.28, 0.34), between(rng, 0.15, 0.2), between(rng, 0.4, 0.48)
    cloth = Material(tone(rng, *VIVID, *VIVID, *DARK, *SOBER), weave)
    other = cloth if chance(rng, 0.4) else Material(tone(rng, *VIVID, *DARK, *SOBER), weave)
    item.add(_sack(width, depth, height, 0.16), cloth)
    item.add(_sack(width * 1.02, depth * 1.02, height * between(rng, 0.12, 0.2), 0.05), other)
    pocket = between(rng, 0.4, 0.5) * height
    front = depth / 2
    item.add(_sack(width * 0.78, 0.09, pocket, 0.07).moved(0, front + 0.005, 0.015), other)
    item.add(_sack(width * 0.62, 0.06, height * 0.26, 0.05).moved(0, front - 0.02, pocket + 0.035), cloth)
    for side in (-1, 1):
        item.add(_sack(0.06, depth * 0.7, height * 0.36, 0.04).moved(side * width * 0.49, 0, 0.02), other)
        start, end = (side * width * 0.22, -front, height * 0.9), (side * width * 0.36, -front, height * 0.08)
        strap = curve([start, (side * width * 0.26, -front - 0.08, height * 0.7), end], 20)
        item.add(tube(strap, 0.03, 0.3, np.array([1.0, 0.0, 0.0])), BLACK)
    grip = arc(0.05, 0.0, np.pi, 16, 0.9)
    item.add(tube(np.add(grip, (0, -front * 0.5, height - 0.012)), 0.009), BLACK)
    metal = RUBBER if chance(rng, 0.6) else Material((0.5, 0.5, 0.5), gloss=0.2)
    item.add(_zip(width * 0.68, front + 0.047, pocket * 0.78), metal)
    item.add(_zip(width * 0.92, front * 0.72, height * 0.8), metal)
    return item


def _sack(width: float, depth: float, height: float, round_: float) -> Solid:
    """A box with soft edges that narrows and leans back a little towards the top."""
    solid = rounded_box(width, depth, height, round_ * 0.5, 4)
    share = solid.corners[..., 2:] / height
    narrow = np.array([0.14, 0.25, 0.0], np.float32) * share**2
    bulge = np.array([0.05, 0.1, 0.0], np.float32) * np.sin(np.pi * share)
    return replace(solid, corners=solid.corners * (1 - narrow + bulge))


def _zip(width: float, y: float, z: float) -> Solid:
    """A zip that runs over the top of a pocket."""
    shape: Floats = np.array([[-0.5, -0.06], [-0.47, 0.0], [-0.3, 0.03], [0.3, 0.03], [0.47, 0.0], [0.5, -0.06]])
    points = [(width * float(x), y, z + width * 0.8 * float(rise)) for x, rise in shape]
    return tube(curve(points, 24), 0.0045, segments=8)
