"""The two cameras that look at a workplace: a sharp one with a lens and a cheap one on a cable."""

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

from mta_core.data.objects.framing import Framing
from mta_core.data.objects.kinds import Kind
from mta_core.data.objects.palette import between, chance
from mta_core.data.objects.setting import Exposure
from mta_core.data.rooms.arrays import Floats, Ints
from mta_core.data.rooms.sensor import capture, expose


def dslr_framing(rng: np.random.Generator, kind: Kind) -> Framing:
    """A long lens, held almost level, the object large and near the middle."""
    return _framing(rng, kind, fields=(24, 40), fills=(0.58, 0.82), roll=0.05)


def webcam_framing(rng: np.random.Generator, kind: Kind) -> Framing:
    """A wide lens, close and often askew."""
    return _framing(rng, kind, fields=(42, 58), fills=(0.55, 0.82), roll=0.12)


def _framing(
    rng: np.random.Generator, kind: Kind, fields: tuple[int, int], fills: tuple[float, float], roll: float
) -> Framing:
    low, high = np.radians(kind.rise)
    fill = between(rng, *fills)
    slack = 0.6 * (1 - fill)
    return Framing(
        azimuth=between(rng, -0.35, 0.35),
        elevation=between(rng, float(low), float(high)),
        roll=float(np.clip(rng.normal(0, roll / 2), -roll, roll)),
        field_of_view=float(np.radians(between(rng, *fields))),
        fill=fill,
        offset=(between(rng, -slack, slack), between(rng, -slack, slack)),
    )


def dslr(rng: np.random.Generator, seen: Exposure) -> Ints:
    """(size, size, 3) uint8: a crisp photograph, the background a little out of focus."""
    display = seen.smooth_edges(expose(rng, seen.radiance))
    display = _defocused(rng, display, seen)
    fine = display - gaussian_filter(display, (1.0, 1.0, 0))
    return capture(rng, np.clip(display + between(rng, 0.4, 0.8) * fine, 0, 1))


def _defocused(rng: np.random.Generator, display: Floats, seen: Exposure) -> Floats:
    """Blur what lies well behind or before the object, without letting the object bleed into it."""
    focus = float(np.median(seen.depth[seen.mask])) if seen.mask.any() else 1.0
    extent = float(np.ptp(np.quantile(seen.depth[seen.mask], [0.02, 0.98]))) if seen.mask.any() else 0.1
    away = np.clip((np.abs(seen.depth - focus) - extent) / focus, 0, 1) * ~seen.mask
    strength = between(rng, 0.0, 3.0) * len(display) / 224
    weight = (~seen.mask).astype(np.float32)[..., None]
    total = gaussian_filter(display * weight, (strength, strength, 0))
    blurred = total / np.maximum(gaussian_filter(weight, (strength, strength, 0)), 1e-3)
    share = np.clip(3 * gaussian_filter(away, 1.0), 0, 1)[..., None] * weight
    result: Floats = display + (blurred - display) * share
    return result


def webcam(rng: np.random.Generator, seen: Exposure, size: int) -> Ints:
    """(size, size, 3) uint8 enlarged from a low-resolution exposure: soft, noisy, tinted, often too bright."""
    display = seen.smooth_edges(expose(rng, seen.radiance))
    cast = np.array([between(rng, 0.84, 1.12), 1.0, between(rng, 0.84, 1.14)], np.float32)
    display = display * cast * between(rng, 1.0, 1.45) + between(rng, 0.0, 0.08)
    glare = gaussian_filter(np.maximum(display - 0.95, 0), (3, 3, 0))
    blur = between(rng, 0.35, 0.75)
    soft = gaussian_filter(np.clip(display, 0, 1) + glare, (blur, blur, 0))
    if chance(rng, 0.5):  # a fixed, crude sharpening, as in the firmware of such cameras
        soft = soft + 0.7 * (soft - gaussian_filter(soft, (1.2, 1.2, 0)))
    level = between(rng, 0.012, 0.04)
    height, width = soft.shape[:2]
    grey = rng.standard_normal((height, width, 1), dtype=np.float32)
    blotches = zoom(rng.standard_normal((height // 3, width // 3, 3), dtype=np.float32), (3, 3, 1), order=1)
    noise = 0.8 * grey
    noise = noise + 0.6 * np.pad(blotches, ((0, height % 3), (0, width % 3), (0, 0)), mode="edge")
    stored = np.rint(np.clip(soft + level * noise, 0, 1) * 255).astype(np.uint8)
    enlarged: Ints = np.asarray(Image.fromarray(stored).resize((size, size), Image.Resampling.BILINEAR))
    return enlarged
