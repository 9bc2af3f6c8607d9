"""`render_object`: one picture of one object."""

from dataclasses import dataclass

import numpy as np

from mta_core.data.objects.cameras import dslr, dslr_framing, webcam, webcam_framing
from mta_core.data.objects.kinds import CLASS_NAMES, KINDS
from mta_core.data.objects.setting import shoot
from mta_core.data.objects.studio import cut_out, studio
from mta_core.data.objects.workplace import workplace
from mta_core.data.rooms.arrays import Bools, Ints

DOMAINS = ("amazon", "dslr", "webcam")
"""Catalogue pictures, photographs of a workplace, and the same seen by a webcam."""


@dataclass(frozen=True)
class ObjectPicture:
    """A picture and what it shows.

    image: (size, size, 3) uint8 sRGB. label: index into `CLASS_NAMES`. mask: (size, size) where the object is seen.
    """

    image: Ints
    label: int
    mask: Bools


def render_object(seed: int, domain: str, label: int | None = None, size: int = 224) -> ObjectPicture:
    """Build an object from `seed` (any non-negative integer) and photograph it in the manner of a domain.

    Without a label, consecutive seeds go through the classes in turn. The same arguments give the same bytes.
    """
    if seed < 0:
        raise ValueError(f"expected a non-negative seed, got {seed}")
    if domain not in DOMAINS:
        raise ValueError(f"expected a domain among {', '.join(DOMAINS)}, got {domain!r}")
    if label is None:
        label = seed % len(CLASS_NAMES)
    if size < 64:
        raise ValueError(f"expected a size of at least 64 pixels, got {size}")
    if not 0 <= label < len(CLASS_NAMES):
        raise ValueError(f"expected a label from 0 to {len(CLASS_NAMES) - 1}, got {label}")
    rngs = [np.random.default_rng([seed, DOMAINS.index(domain), label, stream]) for stream in range(4)]
    image, mask = _photograph(domain, label, size, *rngs)
    return ObjectPicture(image, label, mask)


def _photograph(
    domain: str,
    label: int,
    size: int,
    framing_rng: np.random.Generator,
    scene_rng: np.random.Generator,
    light_rng: np.random.Generator,
    sensor_rng: np.random.Generator,
) -> tuple[Ints, Bools]:
    kind = KINDS[CLASS_NAMES[label]]
    if domain == "amazon":
        seen = shoot(light_rng, studio(scene_rng, kind), size)
        return cut_out(sensor_rng, seen), seen.mask
    if domain == "dslr":
        seen = shoot(light_rng, workplace(scene_rng, kind, dslr_framing(framing_rng, kind)), size)
        return dslr(sensor_rng, seen), seen.mask
    coarse = int(sensor_rng.integers(round(size * 0.43), round(size * 0.57) + 1))
    seen = shoot(light_rng, workplace(scene_rng, kind, webcam_framing(framing_rng, kind)), coarse)
    at = np.arange(size) * coarse // size
    return webcam(sensor_rng, seen, size), seen.mask[at][:, at]
