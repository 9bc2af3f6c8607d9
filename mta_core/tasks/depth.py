"""Depth along the optical axis, in metres."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from mta_core.tasks.base import Legend, Measure, Span, Task
from mta_core.tasks.colours import SCALE, tone, usual_span

FARTHEST = 100.0
"""Metres; nothing indoors is farther."""
TOLERANCE = 1.25
"""A depth is right where its ratio to the truth, or the inverse, is below it."""


def parse_metres(text: str) -> float:
    """Raises ValueError where that is no depth of an indoor scene."""
    try:
        metres = float(text)
    except ValueError:
        metres = math.nan
    if not 0 < metres <= FARTHEST:
        raise ValueError(f"expected a depth in metres in (0, {FARTHEST:g}], got {text!r}")
    return metres


class Depth(Task):
    """Prediction and target: metres, (B, 1, H, W); a target of 0 (or less, or not finite) is invalid. Loss: L1."""

    name = "depth"
    label = "Depth"
    letter = "d"
    channels = 1
    space = "metres"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("abs_err", "Absolute error", "m", False),
        Measure("rel_err", "Relative error", "", False),
    )
    goals = ("1", "0.5", "2", "3", "5", "8")
    tones = SCALE
    difference_label = "Change of depth (m)"

    def valid(self, target: Tensor) -> Tensor:
        return (target[:, 0] > 0) & target[:, 0].isfinite()

    def pixel_loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target)[:, 0].abs()

    def margins(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Metres to the farther and to the nearer depth at which a pixel counts as wrong: 1.25 times the truth or its
        inverse, after Eigen et al. (NeurIPS 2014). Straight lines, so that their gradient is there at the truth too."""
        return torch.cat([TOLERANCE * target - prediction, prediction - target / TOLERANCE], 1)

    def decode(self, prediction: Tensor) -> Tensor:
        return prediction.float()

    def everywhere(self, text: str) -> Tensor:
        return torch.full((1, 1, 1), parse_metres(text))

    def statistics(self, value: Tensor, target: Tensor, clean: Tensor | None = None) -> Tensor:
        """Labelled pixels, sum of |error|, sum of |error| / truth: (B, 3)."""
        valid = self.valid(target)
        truth = torch.where(valid, target[:, 0], 1).double()
        error = torch.where(valid, (value[:, 0].double() - truth).abs(), 0)
        return torch.stack([valid.double(), error, error / truth], 1).sum((2, 3))

    def measures_of(self, statistics: Tensor) -> dict[str, Tensor]:
        count, absolute, relative = statistics.unbind(-1)
        return {"abs_err": absolute / count, "rel_err": relative / count}

    def span(self, *values: Tensor) -> Span | None:
        return usual_span(*(value[(value > 0) & value.isfinite()] for value in values))

    def tone(self, value: Tensor, span: Span | None = None) -> Tensor:
        low, high = span or self.span(value) or (0.0, 1.0)
        metres = value[:, 0]
        known = metres.isfinite() & (metres != 0)  # a prediction may be negative
        return tone(torch.where(known, (metres - low) / (high - low), torch.nan))

    def legend(self, *values: Tensor) -> Legend:
        return Legend(span=self.span(*values), unit="m")

    def difference(self, value: Tensor, other: Tensor) -> Tensor:
        return (value - other)[:, 0].abs()

    def describe(self, clean: Tensor, adversarial: Tensor) -> str:
        shift = float((adversarial - clean).abs().mean())
        signed = float((adversarial - clean).mean())
        if shift < 0.02:
            return "depth hardly moves"
        trend = "" if abs(signed) < 0.5 * shift else (", mostly farther away" if signed > 0 else ", mostly nearer")
        return f"surfaces move by {shift:.2f} m on average{trend}"
