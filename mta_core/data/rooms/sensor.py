"""From radiance to the picture a hand-held camera stores."""

import numpy as np
from scipy.ndimage import gaussian_filter

from mta_core.data.rooms.arrays import Floats, Ints

_CONTRAST = 1.3


def expose(rng: np.random.Generator, radiance: Floats) -> Floats:
    """(H, W, 3) linear radiance -> display values in [0, 1]: exposure, white balance, highlight roll-off, sRGB."""
    luminance = 0.25 * radiance[..., 0] + 0.6 * radiance[..., 1] + 0.15 * radiance[..., 2]
    middle = float(np.exp(np.log(luminance + 0.02).mean()))
    gain = float(rng.uniform(0.85, 1.2)) / middle
    tint = float(rng.normal(0, 0.03))
    balance = _balance(radiance) * np.array([1 + tint, 1.0, 1 - tint], np.float32)
    linear = np.maximum(radiance * gain * balance, 0)
    # A sigmoid in log exposure, as film and eye respond; the middle tone comes out at 26 % reflectance.
    response = linear**_CONTRAST
    display = np.clip(1.06 * response / (response + 3.1), 0, 1)
    grey = display.mean(axis=2, keepdims=True)
    display = np.clip(grey + 1.2 * (display - grey), 0, 1)
    encoded: Floats = np.where(display < 0.0031308, 12.92 * display, 1.055 * display ** (1 / 2.4) - 0.055).astype(
        np.float32
    )
    return encoded


def _balance(radiance: Floats) -> Floats:
    """Half-way automatic white balance, as a camera does it."""
    mean = np.minimum(radiance, 1.5).reshape(-1, 3).mean(axis=0)
    gains: Floats = ((mean.mean() / mean) ** 0.6).astype(np.float32)
    return gains


def capture(rng: np.random.Generator, display: Floats) -> Ints:
    """(H, W, 3) display values in [0, 1] -> uint8 with lens and sensor flaws."""
    height, width = display.shape[:2]
    blur = float(rng.uniform(0.25, 0.6))
    soft = gaussian_filter(display, (blur, blur, 0))
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    vignette = 1 - float(rng.uniform(0.02, 0.09)) * (x**2 + y**2)
    soft = soft * vignette[..., None].astype(np.float32)
    level = float(rng.uniform(0.004, 0.013))
    noise = rng.standard_normal((height, width, 3), dtype=np.float32)
    grey = rng.standard_normal((height, width, 1), dtype=np.float32)
    # Shot noise grows with the root of the signal, read noise does not; display values compress it in highlights.
    scale = level * (0.5 + 0.7 * np.sqrt(np.clip(soft, 0, 1)))
    noisy = soft + scale * (0.6 * noise + 0.7 * grey)
    stored: Ints = (np.clip(noisy, 0, 1) * 255 + 0.5).astype(np.uint8)
    return stored
