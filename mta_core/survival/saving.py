"""Saving: rounding, and the formats that throw away what people hardly see, by the codecs that programs save with."""

from __future__ import annotations

import io
from typing import ClassVar

import torch
from torch import Tensor

from mta_core.imaging import decode, to_pil
from mta_core.survival.base import Transformation, Trial

QUALITIES = (95.0, 90.0, 75.0, 50.0, 30.0, 10.0)


class Untouched(Transformation):
    """Nothing happens to the picture: what every curve starts from."""

    name = "none"
    label = "Untouched"
    summary = "the picture as the attack made it"
    strengths = (None,)
    middle = None

    def change(self, image: Tensor, strength: float, random: torch.Generator) -> Tensor:
        return image

    def leaves(self, strength: float | None) -> bool:
        return True


UNTOUCHED = Trial(Untouched(), None)


class Rounding(Transformation):
    name = "rounding"
    label = "8-bit rounding"
    summary = "to 256 levels a channel, as every PNG file has them"
    strengths = (None,)
    middle = None

    def change(self, image: Tensor, strength: float, random: torch.Generator) -> Tensor:
        return (image * 255).round() / 255


class BitDepth(Transformation):
    name = "bits"
    label = "Bit depth"
    summary = "to the nearest of 2^bits levels a channel"
    axis = "bits a channel"
    bounds = (1, 8)
    is_whole = True
    strengths = (7.0, 6.0, 5.0, 4.0, 3.0, 2.0)
    middle = 4.0

    def change(self, image: Tensor, strength: float, random: torch.Generator) -> Tensor:
        steps = 2**strength - 1
        return (image * steps).round() / steps

    def said(self, strength: float) -> str:
        return f"{strength:g} bits" if strength != 1 else "1 bit"


class _Format(Transformation):
    """A file format with a quality, saved to memory and read again by Pillow."""

    axis = "quality"
    bounds = (1, 100)
    is_whole = True
    strengths = QUALITIES
    middle = 75.0
    format: ClassVar[str]

    def change(self, image: Tensor, strength: float, random: torch.Generator) -> Tensor:
        file = io.BytesIO()
        to_pil(image).save(file, self.format, quality=int(strength))
        return decode(file.getvalue())

    def said(self, strength: float) -> str:
        return f"quality {strength:g}"


class Jpeg(_Format):
    name = "jpeg"
    label = "JPEG"
    summary = "saved with colour at half resolution (4:2:0), as most programs do, and read again"
    format = "JPEG"


class WebP(_Format):
    name = "webp"
    label = "WebP"
    summary = "saved as lossy WebP and read again"
    format = "WEBP"
