"""The picture itself, drawn from what a network keeps of it."""

from __future__ import annotations

import torch
from torch import Tensor

from mta_core.tasks.base import Legend, Span
from mta_core.tasks.colours import INVALID
from mta_core.tasks.numbers import Numbers

BLACK_AND_WHITE = (("black", "#000000"), ("white", "#ffffff"))


class Autoencoding(Numbers):
    """Prediction and target: the clean picture as 2 * image - 1, (B, 3, H, W) in [-1, 1]; labelled everywhere."""

    name, label, letter = "autoencoding", "Auto-encoder", "A"
    space = "picture"
    channels = 3
    difference_label = "Change of the drawn picture"
    tones = None

    def span(self, *values: Tensor) -> Span | None:
        return None

    def colour(self, value: Tensor, span: Span | None = None) -> Tensor:
        """The colours of the picture."""
        return torch.where(self.valid(value)[:, None], (value.float() + 1) / 2, INVALID).clamp(0, 1)

    def legend(self, *values: Tensor) -> Legend:
        return Legend(BLACK_AND_WHITE)
