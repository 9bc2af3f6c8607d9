"""Surface normals as three numbers, for the robustness study."""

from __future__ import annotations

import torch
from torch import Tensor

from mta_core.tasks.base import Legend, Span
from mta_core.tasks.colours import INVALID
from mta_core.tasks.normals import DIRECTIONS, Normals
from mta_core.tasks.numbers import Numbers


class ComponentNormals(Numbers):
    """Prediction: three numbers, (B, 3, H, W), that need not be of length 1. Target: unit normals in camera
    coordinates, NaN where there is none; takes labels of the space of unit vectors, where a zero vector is none."""

    name, label, letter = "normals", "Surface normals", "n"
    space = "components"
    takes = (Normals.space,)
    channels = 3
    goals = Normals.goals
    difference_label = "Change of the normal's components"
    tones = None

    def convert(self, target: Tensor, space: str) -> Tensor:
        if space != Normals.space:
            return super().convert(target, space)
        is_known = target.square().sum(-3, keepdim=True) > 0.25  # false for NaN
        return torch.where(is_known, target, torch.nan)

    def everywhere(self, text: str) -> Tensor:
        """Named by where the surface looks, as for normals."""
        return Normals().everywhere(text)

    def span(self, *values: Tensor) -> Span | None:
        return None

    def colour(self, value: Tensor, span: Span | None = None) -> Tensor:
        return torch.where(self.valid(value)[:, None], (value.float() + 1) / 2, INVALID).clamp(0, 1)

    def legend(self, *values: Tensor) -> Legend:
        return Legend(DIRECTIONS)
