"""House plants."""

import numpy as np

from mta_core.data.rooms.furnishing import Furnishing
from mta_core.data.rooms.labels import Label
from mta_core.data.rooms.materials import Material, colour, mix
from mta_core.data.rooms.solids import Solid, grid, lathe, merged, rod
from mta_core.data.rooms.style import Style
from mta_core.data.rooms.textures import foliage


def _leaf(length: float, width: float, droop: float, angle: float, tilt: float) -> Solid:
    """A bent leaf growing from the origin."""
    t, s = np.meshgrid(np.linspace(0, 1, 6), np.linspace(-1, 1, 3), indexing="ij")
    half = width / 2 * np.sin(np.pi * (0.06 + 0.94 * t) ** 0.8)
    x, y = length * t, half * s
    z = length * (tilt * t - droop * t**2) + 0.25 * np.abs(y)
    return grid(np.stack([x, y, z], axis=-1)).turned(2, angle)


def plant(rng: np.random.Generator, style: Style, height: float) -> Furnishing:
    """A house plant in a pot, `height` metres tall over all."""
    pot_height, radius = min(0.3, height * 0.33), min(0.17, height * 0.17)
    item = Furnishing(2 * radius + 0.1, 2 * radius + 0.1, height, Label.OBJECTS)
    y = radius + 0.05
    profile = [
        (0.0, 0.0),
        (radius * 0.75, 0.0),
        (radius, pot_height),
        (radius * 0.9, pot_height),
        (radius * 0.88, pot_height - 0.02),
        (0.0, pot_height - 0.02),
    ]
    item.add(lathe(profile, smooth=False).moved(0, y), style.ceramics[int(rng.integers(len(style.ceramics)))])
    green = colour(("#4c6b3a", "#39593a", "#6d8549", "#557a5a")[int(rng.integers(4))])
    material = Material(green, foliage, mix(green, colour("#a9b86a"), 0.5), gloss=0.03, rough=0.2)
    span = height - pot_height
    bushy = bool(rng.random() < 0.5)
    leaves = []
    for k in range(int(rng.integers(16, 30))):
        angle = 2.4 * k + float(rng.uniform(-0.3, 0.3))
        share = float(rng.uniform(0.1, 1.0))
        length = span * (float(rng.uniform(0.3, 0.45)) if bushy else float(rng.uniform(0.5, 0.85)))
        width, tilt = (
            (length * 0.45, float(rng.uniform(0.0, 0.6))) if bushy else (length * 0.12, float(rng.uniform(1.0, 1.9)))
        )
        start = pot_height - 0.02 + (span * 0.75 * share if bushy else 0.0)
        leaves.append(
            _leaf(min(length, 0.42), min(width, 0.2), float(rng.uniform(0.3, 0.8)), angle, tilt).moved(z=start)
        )
    item.add(merged(leaves).moved(0, y), material)
    if bushy:
        item.add(
            rod(np.array([0, y, pot_height - 0.03]), np.array([0.02, y, height * 0.9]), 0.012, 0.006, 8),
            Material(colour("#6b5138")),
        )
    return item
