"""Colour scales that the colour-blind can read."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

CIVIDIS = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838",
)  # fmt: skip
"""Anchors of the cividis scale (Nuñez, Anderton, Renslow, PLOS ONE 2018), dark to light."""

INVALID = 0.5
"""The grey of pixels without a value."""


def rgb(colours: tuple[str, ...]) -> Tensor:
    """(N, 3) in [0, 1] from "#rrggbb" strings."""
    return torch.tensor([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])


_CIVIDIS_TABLE = F.interpolate(rgb(CIVIDIS).T[None], 256, mode="linear", align_corners=True)[0].T


def cividis(values: Tensor) -> Tensor:
    """(B, H, W) in [0, 1] to (B, 3, H, W) in [0, 1]; values outside are clamped."""
    index = (values.clamp(0, 1) * 255).round().long()
    return _CIVIDIS_TABLE.to(values.device)[index].movedim(-1, 1)
