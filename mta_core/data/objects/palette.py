"""Colours and materials of manufactured things."""

import numpy as np

from mta_core.data.rooms.arrays import Triple
from mta_core.data.rooms.materials import Material, colour
from mta_core.data.rooms.textures import brushed

VIVID = ("#c8242b", "#1f5fae", "#2f8a4a", "#e0a21b", "#e4662a", "#7a3d8f", "#1d9aa8", "#d9478a", "#8fae2c")
SOBER = ("#1b1c1e", "#2a2c30", "#6f7378", "#b9bcc0", "#e6e5e1", "#d3ccbc")
DARK = ("#141516", "#1d1f22", "#2b2d31")
PALE = ("#efeeea", "#dfddd6", "#cfd2d4", "#d8cfbd")

BLACK = Material(colour("#151617"), gloss=0.04, rough=0.15)
RUBBER = Material(colour("#1a1a1b"), gloss=0.015, rough=0.4)
STEEL = Material(colour("#b4b8bc"), brushed, gloss=0.35, rough=0.1)
CHROME = Material(colour("#9fa4a8"), gloss=0.55, rough=0.04)
PAPER = Material(colour("#f2f0ea"))
HOLLOW = Material(colour("#0b0b0c"))


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A uniform number."""
    return float(rng.uniform(low, high))


def chance(rng: np.random.Generator, share: float) -> bool:
    """True in a share of the cases."""
    return bool(rng.random() < share)


def tone(rng: np.random.Generator, *codes: str) -> Triple:
    """One of the sRGB codes as linear RGB, a little lighter or darker than it says."""
    red, green, blue = colour(codes[int(rng.integers(len(codes)))])
    light = between(rng, 0.85, 1.12)
    return min(red * light, 0.9), min(green * light, 0.9), min(blue * light, 0.9)


def plastic(rng: np.random.Generator, *codes: str) -> Material:
    """Moulded plastic, matt to shiny."""
    return Material(tone(rng, *codes), gloss=between(rng, 0.025, 0.055), rough=between(rng, 0.06, 0.25))


def lacquered(rng: np.random.Generator, *codes: str) -> Material:
    """Painted or powder-coated metal."""
    return Material(tone(rng, *codes), brushed, gloss=between(rng, 0.04, 0.07), rough=between(rng, 0.05, 0.2))


def metal(rng: np.random.Generator) -> Material:
    """Bare metal from dark to bright."""
    return Material(tone(rng, "#b4b8bc", "#8d9194", "#c3c0b8", "#4a4c50"), brushed, gloss=0.35, rough=0.12)
