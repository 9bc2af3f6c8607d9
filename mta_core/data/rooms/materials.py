"""What a surface is made of: a base colour, a texture and how it reflects."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from mta_core.data.rooms.arrays import Floats, Ints, Triple


@dataclass(frozen=True)
class Surface:
    """Hit points that share one material, in the coordinates of the furnishing they belong to.

    point, normal: (N, 3) metres and unit vectors.
    footprint: (N,) metres one pixel covers there; textures fade out detail smaller than this.
    solid: (N,) number of the solid, so that two boards of a table do not repeat the same grain.
    grain: (N,) axis 0..2 along which wood runs.
    colour: (N, 3) linear base colour.
    """

    point: Floats
    normal: Floats
    footprint: Floats
    solid: Floats
    grain: Ints
    colour: Floats

    def planar(self) -> tuple[Floats, Floats]:
        """(N,) coordinates on the coordinate plane most parallel to the surface, in metres."""
        size = np.abs(self.normal)
        along_x = (size[:, 0] >= size[:, 1]) & (size[:, 0] >= size[:, 2])
        along_z = ~along_x & (size[:, 2] >= size[:, 1])
        u = np.where(along_x, self.point[:, 1], self.point[:, 0])
        v = np.where(along_z, self.point[:, 1], self.point[:, 2])
        return u, v

    def detail(self, period: float) -> Floats:
        """(N,) 1 where a pattern of this period (metres) is resolved, falling to 0 where it would alias."""
        resolved: Floats = np.clip(1.6 - 2.2 * self.footprint / period, 0.0, 1.0)
        return resolved


Texture = Callable[[Surface, "Material"], Floats]


@dataclass(frozen=True)
class Material:
    """Colour and reflection of a surface.

    colour, accent: linear RGB in [0, 1]; the accent is the texture's second colour.
    texture: returns the (N, 3) albedo of a `Surface`; None for one even colour.
    scale: metres, the texture's period.
    gloss: mirror reflectance at normal incidence, 0 for matt.
    rough: spread of the reflection, 0 for a mirror.
    glow: emitted radiance as a multiple of the colour.
    """

    colour: Triple
    texture: Texture | None = field(default=None, repr=False)
    accent: Triple = (0.5, 0.5, 0.5)
    scale: float = 1.0
    gloss: float = 0.0
    rough: float = 0.3
    glow: float = 0.0

    def tinted(self, colour: Triple) -> "Material":
        """The same material in another colour."""
        return replace(self, colour=colour)

    def albedo(self, surface: Surface) -> Floats:
        """(N, 3) linear albedo in [0, 1]."""
        if self.texture is None:
            return surface.colour
        return np.clip(self.texture(surface, self), 0.0, 0.95)


def colour(code: str) -> Triple:
    """An sRGB code such as "#c8b6a0" as linear RGB in [0, 1]."""
    values = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue


def shade(base: Triple, factor: float) -> Triple:
    """A colour made lighter (factor > 1) or darker."""
    red, green, blue = (min(value * factor, 0.95) for value in base)
    return red, green, blue


def mix(first: Triple, second: Triple, share: float) -> Triple:
    """A blend holding `share` of the second colour."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue
