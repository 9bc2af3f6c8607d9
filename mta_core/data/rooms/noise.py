"""Tileable noise pictures, looked up by every procedural texture."""

from functools import lru_cache

import numpy as np

from mta_core.data.rooms.arrays import Floats

SIZE = 512


@lru_cache(maxsize=8)
def noise_picture(number: int, slope: float, stretch: float) -> Floats:
    """A (SIZE, SIZE) float32 tile with mean 0 and standard deviation 1.

    Its amplitude spectrum falls as frequency ** -slope; `stretch` > 1 draws the pattern out along the second axis.
    """
    white = np.random.default_rng(7_000 + number).standard_normal((SIZE, SIZE))
    rows = np.fft.fftfreq(SIZE)[:, None] * SIZE
    columns = np.fft.rfftfreq(SIZE)[None, :] * SIZE
    radius = np.sqrt(rows**2 + (columns * stretch) ** 2)
    radius[0, 0] = 1.0
    gain = np.where(radius < 3.0, 0.3, 1.0) * radius**-slope
    gain[0, 0] = 0.0
    tile = np.fft.irfft2(np.fft.rfft2(white) * gain, s=(SIZE, SIZE))
    normalised: Floats = (tile / tile.std()).astype(np.float32)
    return normalised


def look_up(tile: Floats, u: Floats, v: Floats) -> Floats:
    """Bilinear values of a tile at (N,) coordinates, where one unit is one tile; the tile repeats."""
    x, y = u * SIZE, v * SIZE
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
    column, row = x0.astype(np.int32) & (SIZE - 1), y0.astype(np.int32) & (SIZE - 1)
    right, below = (column + 1) & (SIZE - 1), (row + 1) & (SIZE - 1)
    flat = tile.ravel()
    upper = flat[row * SIZE + column] * (1 - fx) + flat[row * SIZE + right] * fx
    lower = flat[below * SIZE + column] * (1 - fx) + flat[below * SIZE + right] * fx
    values: Floats = upper * (1 - fy) + lower * fy
    return values


def clouds(u: Floats, v: Floats) -> Floats:
    """Soft blotches over several scales, the largest about a fifth of a unit."""
    return look_up(noise_picture(0, 1.6, 1.0), u, v)


def grit(u: Floats, v: Floats) -> Floats:
    """Fine, almost white grain."""
    return look_up(noise_picture(1, 0.45, 1.0), u, v)


def fibres(u: Floats, v: Floats) -> Floats:
    """Streaks along u, as in wood or brushed metal."""
    return look_up(noise_picture(2, 1.1, 14.0), u, v)


def hashed(number: Floats, salt: float) -> Floats:
    """A value in [0, 1) for each whole number, the same for equal numbers."""
    mixed = np.sin(number * 12.9898 + salt * 78.233) * 43758.547
    values: Floats = mixed - np.floor(mixed)
    return values
