"""Pictures on things: what a screen shows, a printed band, a perforated sheet.

Each function returns a texture for a flat front in the frame of its piece: x across and z up from its middle.
"""

import numpy as np

from mta_core.data.rooms.arrays import Floats, Triple
from mta_core.data.rooms.materials import Material, Surface, Texture, colour

_DESKTOPS = (
    ("#2b6cb0", "#9fd0f0"), ("#3d7a3a", "#8fc6ea"), ("#4a2f73", "#d98aa5"), ("#16324f", "#3f8f9c"),
    ("#b0532a", "#f0c27a"), ("#59656e", "#c3ccd1"), ("#0f5a5e", "#c2e0a8"),
)  # fmt: skip
_ICONS = ("#e8413b", "#38a852", "#2f7de1", "#f3b62b", "#f2f2f0", "#8a4fc7", "#20b3c2", "#f07d2e", "#2b2d31")


def desktop(rng: np.random.Generator, width: float, height: float, glow: float) -> Material:
    """A screen of `width` x `height` metres that shows a wallpaper, windows and a task bar."""
    low, high = (colour(code) for code in _DESKTOPS[int(rng.integers(len(_DESKTOPS)))])
    windows = [_window(rng, width, height) for _ in range(int(rng.integers(0, 3)))]

    def texture(surface: Surface, material: Material) -> Floats:
        x, z = surface.point[:, 0], surface.point[:, 2]
        hill = 0.5 + z / height + 0.18 * np.sin(x / width * 5 + 1) * np.cos(z / height * 4)
        result = np.asarray(low) + (np.asarray(high) - np.asarray(low)) * np.clip(hill, 0, 1)[:, None]
        for left, right, bottom, top in windows:
            inside = (x > left) & (x < right) & (z > bottom) & (z < top)
            bar = inside & (z > top - 0.06 * height)
            line = inside & ~bar & (np.mod((top - z) / (0.055 * height), 1) > 0.55) & (x < right - 0.1 * width)
            result[inside] = (0.82, 0.83, 0.85)
            result[bar] = (0.15, 0.25, 0.45)
            result[line] = (0.35, 0.36, 0.4)
        result[z < -0.44 * height] = (0.05, 0.09, 0.2)
        return np.asarray(result, np.float32)

    return Material(high, texture, low, gloss=0.03, rough=0.02, glow=glow)


def _window(rng: np.random.Generator, width: float, height: float) -> tuple[float, float, float, float]:
    wide, tall = float(rng.uniform(0.35, 0.6)) * width, float(rng.uniform(0.4, 0.7)) * height
    left = float(rng.uniform(-0.47, 0.47 - wide / width)) * width
    bottom = float(rng.uniform(-0.42, 0.46 - tall / height)) * height
    return left, left + wide, bottom, bottom + tall


def banded(base: Triple, band: Triple, levels: tuple[float, ...]) -> Texture:
    """Horizontal bands between pairs of heights, metres from the frame's origin."""

    def texture(surface: Surface, material: Material) -> Floats:
        z = surface.point[:, 2]
        share = np.zeros(len(z))
        for low, high in zip(levels[::2], levels[1::2], strict=True):
            share = np.maximum(share, (z > low) & (z < high))
        result: Floats = (np.asarray(base) + (np.asarray(band) - np.asarray(base)) * share[:, None]).astype(np.float32)
        return result

    return texture


def mesh(surface: Surface, material: Material) -> Floats:
    """A sheet with rows of holes in the accent colour; `scale` is their spacing."""
    angle = np.arctan2(surface.point[:, 1], surface.point[:, 0])
    u = np.where(np.abs(surface.normal[:, 1]) > 0.95, surface.point[:, 0] / material.scale, angle * 9)
    v = surface.point[:, 2] / material.scale
    hole = np.clip(2 * np.cos(2 * np.pi * u) * np.cos(2 * np.pi * v) + 0.4, 0, 1) * surface.detail(material.scale * 0.5)
    accent = np.asarray(material.accent, np.float32)
    result: Floats = surface.colour + (accent - surface.colour) * (0.4 + 0.6 * hole)[:, None]
    return result


def ticks(half: float) -> Texture:
    """Ruler marks in the accent colour along both edges of a strip that lies along x, `half` metres half as wide.

    They come every `scale` metres, the fifth and the tenth longer.
    """

    def texture(surface: Surface, material: Material) -> Floats:
        x, edge = surface.point[:, 0] / material.scale, half - np.abs(surface.point[:, 1])
        number = np.round(x)
        long_ = np.where(np.mod(number, 10) == 0, 0.85, np.where(np.mod(number, 5) == 0, 0.65, 0.42))
        mark = (np.abs(x - number) < 0.2) & (edge < long_ * half)
        return np.where(mark[:, None], np.asarray(material.accent, np.float32), surface.colour)

    return texture


def ruled(depth: float) -> Texture:
    """A lying page of `depth` metres with lines in the accent colour every `scale` metres."""

    def texture(surface: Surface, material: Material) -> Floats:
        y = surface.point[:, 1] + depth / 2
        place = y / material.scale
        line = (np.abs(place - np.round(place)) < 0.1) & (y > 0.1 * depth) & (y < 0.95 * depth)
        return np.where(line[:, None], np.asarray(material.accent, np.float32), surface.colour)

    return texture


def icons(rng: np.random.Generator, width: float, depth: float, glow: float) -> Material:
    """The home screen of a phone that lies on its back, its foot towards +y: rows of coloured icons."""
    low, high = (np.asarray(colour(code)) for code in _DESKTOPS[int(rng.integers(len(_DESKTOPS)))])
    tints = np.asarray([colour(code) for code in _ICONS])[rng.permutation(len(_ICONS))]

    def texture(surface: Surface, material: Material) -> Floats:
        u, v = surface.point[:, 0] / width + 0.5, surface.point[:, 1] / depth + 0.5
        column, row = np.clip(np.floor(u * 4), 0, 3), np.clip(np.floor(v * 6.4), 0, 6)
        off = np.maximum(np.abs(u * 4 - column - 0.5), np.abs(v * 6.4 - row - 0.5))
        shown = (off < 0.34) & (v > 0.06) & ((row < 4) | (row == 5)) & (v < 0.95)
        base = low + (high - low) * np.clip(v, 0, 1)[:, None]
        number = (row * 4 + column).astype(np.int64) * 5 % len(tints)
        return np.asarray(np.where(shown[:, None], tints[number], base), np.float32)

    return Material(_mean(low, high), texture, gloss=0.04, rough=0.02, glow=glow)


def _mean(low: Floats, high: Floats) -> Triple:
    red, green, blue = (float(value) for value in (low + high) / 2)
    return red, green, blue
