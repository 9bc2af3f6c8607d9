"""Depths on Taskonomy's logarithmic scale, for the robustness study."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mta_core.tasks.depth import TOLERANCE, Depth, parse_metres
from mta_core.tasks.numbers import Numbers

PER_METRE = 512
"""Taskonomy's unit of depth is 1/512 m (StanfordVL/taskonomy, data/README.md)."""
SCALE_END = math.log(2**16)
"""The study's code trains on log(1 + x) / log(2^16), x in that unit (columbia/MTRobust, dataloaders/new/configs/
depth_zbuffer and depth_euclidean): 1 cm is 0.16, 1 m 0.56, 10 m 0.77."""


def from_metres(metres: Tensor) -> Tensor:
    """Depths in metres on the logarithmic scale, [0, 1] for up to 128 m; NaN where there is none (0, less, or not
    finite)."""
    known = (metres > 0) & metres.isfinite()
    return torch.where(known, torch.log1p(PER_METRE * metres) / SCALE_END, torch.nan)


def to_metres(values: Tensor) -> Tensor:
    """The inverse of `from_metres`; NaN stays NaN."""
    return torch.expm1(values * SCALE_END) / PER_METRE


class LogDepth(Numbers):
    """Prediction and target: log(1 + 512 metres) / log(2^16), (B, 1, H, W); takes labels in metres."""

    name, label, letter = "depth", "Depth", "d"
    space = "log"
    takes = ("metres",)
    low, high = 0.0, 1.0
    tolerance = math.log(TOLERANCE) / SCALE_END
    """Of depth: 1.25 times the truth or its inverse, but for the 2 mm of the 1 in the logarithm."""
    goals = Depth.goals
    difference_label = "Change of depth, logarithmic"

    def convert(self, target: Tensor, space: str) -> Tensor:
        return from_metres(target) if space == "metres" else super().convert(target, space)

    def everywhere(self, text: str) -> Tensor:
        """Named in metres, as for depth."""
        return from_metres(torch.full((1, 1, 1), parse_metres(text)))


class LogEuclideanDepth(LogDepth):
    """The same of the distance from the camera."""

    name, label, letter = "euclidean_depth", "Euclidean depth", "D"
    difference_label = "Change of distance, logarithmic"
