"""What a camera does: blur, noise, more or less light."""

from __future__ import annotations

from math import ceil

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from mta_core.survival.base import Transformation


class Blur(Transformation):
    name = "blur"
    label = "Blur"
    summary = "Gaussian, cut off at three sigma, mirrored at the border"
    axis = "sigma in pixels"
    bounds = (0, 20)
    identity = 0.0
    strengths = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
    middle = 1.0

    def change(self, image: Tensor, strength: float, random: torch.Generator) -> Tensor:
        radius = min(ceil(3 * strength), min(image.shape[-2:]) - 1)
        blurred: Tensor = gaussian_blur(image, [2 * radius + 1] * 2, [strength] * 2)
        return blurred.clamp(0, 1)

    def said(self, strength: float) -> str:
        return f"{strength:g} px"


class SensorNoise(Transformation):
    name = "noise"
    label = "Noise"
    summary = "Gaussian, for each pixel and channel by itself, then clipped"
    axis = "sigma in 1/255"
    bounds = (0, 255)
    identity = 0.0
    strengths = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    middle = 8.0

    def change(self, image: Tensor, strength: float, random: torch.Generator) -> Tensor:
        return (image + strength / 255 * torch.randn(image.shape, generator=random)).clamp(0, 1)

    def said(self, strength: float) -> str:
        return f"{strength:g}/255"


class Brightness(Transformation):
    name = "brightness"
    label = "Brightness"
    summary = "every value times a factor, then clipped"
    axis = "factor"
    bounds = (0, 4)
    identity = 1.0
    strengths = (0.25, 0.5, 0.75, 1.25, 1.5, 2.0)
    num_before = 3
    middle = 1.25

    def change(self, image: Tensor, strength: float, random: torch.Generator) -> Tensor:
        return (image * strength).clamp(0, 1)

    def said(self, strength: float) -> str:
        return f"×{strength:g}"
