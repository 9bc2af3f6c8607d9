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


SCALE = torch.cat(
    [F.interpolate(rgb(CIVIDIS).T[None], 255, mode="linear", align_corners=True)[0].T, torch.full((1, 3), INVALID)]
)
"""The cividis scale in 255 tones, and the grey of pixels without a value: (256, 3) in [0, 1]."""


def usual_span(*values: Tensor) -> tuple[float, float]:
    """What all but the lowest and the highest 1 % of these numbers lie between: a few wild pixels must not flatten the
    scale for all others."""
    known = torch.cat([value.flatten() for value in values])
    if not len(known):
        return (0.0, 1.0)
    low, high = (float(known.kthvalue(max(1, round(q * len(known)))).values) for q in (0.01, 0.99))
    return (low, max(high, low + 1e-3))


def tone(values: Tensor) -> Tensor:
    """Places in `SCALE` of values in [0, 1], uint8; what lies outside takes the nearest end, NaN the grey."""
    return torch.where(values.isnan(), 255, (values.clamp(0, 1) * 254).round()).to(torch.uint8)
