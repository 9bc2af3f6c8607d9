"""Principal curvatures of surfaces."""

from __future__ import annotations

import torch
from torch import Tensor

from mta_core.tasks.base import Legend, Span
from mta_core.tasks.colours import INVALID, rgb
from mta_core.tasks.numbers import Numbers

CORNERS = (
    ("both low", "#00224e"), ("first low, second high", "#56b4e9"),
    ("first high, second low", "#d55e00"), ("both high", "#fee838"),
)  # fmt: skip
"""Colours at the ends of both scales; between them they are mixed. Lightness tells the sum, blue or red the rest."""


class Curvature(Numbers):
    """Prediction and target: both principal curvatures, (B, 2, H, W) in [-1, 1], in the data's own order; NaN where
    there is no geometry."""

    name, label, letter = "curvature", "Principal curvature", "p"
    space = "curvatures"
    channels = 2
    difference_label = "Change of curvature"
    tones = None

    def colour(self, value: Tensor, span: Span | None = None) -> Tensor:
        first, second = self.share(value, span)[:, :, None].clamp(0, 1).unbind(1)
        low_low, low_high, high_low, high_high = (
            colour.view(3, 1, 1) for colour in rgb(tuple(colour for _, colour in CORNERS)).to(value.device)
        )
        low = low_low + second * (low_high - low_low)
        high = high_low + second * (high_high - high_low)
        return torch.where(self.valid(value)[:, None], low + first * (high - low), INVALID)

    def legend(self, *values: Tensor) -> Legend:
        return Legend(CORNERS)
