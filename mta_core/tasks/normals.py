"""Surface normals in camera coordinates: X right, Y up, Z towards the camera."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mta_core.tasks.base import Legend, Measure, Span, Task
from mta_core.tasks.colours import INVALID
from mta_core.vectors import across, length, unit

BINS_PER_DEGREE = 20
"""The median is read off a histogram of this resolution, so that it streams; its error is at most 0.05 degrees."""
DIRECTIONS = (
    ("right", "#ff8080"), ("left", "#008080"), ("up", "#80ff80"), ("down", "#800080"), ("to the camera", "#8080ff"),
)  # fmt: skip
"""Where a surface looks and the colour it gets."""
VECTORS = {
    "right": (1.0, 0.0, 0.0), "left": (-1.0, 0.0, 0.0), "up": (0.0, 1.0, 0.0), "down": (0.0, -1.0, 0.0),
    "camera": (0.0, 0.0, 1.0),
}  # fmt: skip
THRESHOLDS = (11.25, 22.5, 30.0)
TOLERANCE = THRESHOLDS[-1]
"""Degrees; a normal that is farther off counts as wrong."""


class Normals(Task):
    """Prediction and target: unit vectors (B, 3, H, W); a zero target is invalid. Loss: 1 - dot product."""

    name = "normals"
    label = "Surface normals"
    letter = "n"
    channels = 3
    space = "unit-camera"
    goals = ("camera", "up", "down", "left", "right")
    measures = (
        Measure("angle_mean", "Mean angle", "°", False),
        Measure("angle_median", "Median angle", "°", False),
        *(Measure(f"within_{t:g}", f"Within {t:g}°", "", True) for t in THRESHOLDS),
    )
    difference_label = "Rotation of the normal (°)"

    def valid(self, target: Tensor) -> Tensor:
        squared = target.square().sum(1)
        return (squared > 0.25) & squared.isfinite()

    def pixel_loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        return 1 - (prediction * target).sum(1)

    def margins(self, prediction: Tensor, target: Tensor) -> Tensor:
        """How far a normal may still turn before it is off by `TOLERANCE` degrees: to either side of two axes across
        the truth, and in any direction.

        The first four are straight lines, so that their gradient is there at the truth, where the cosine has none.
        """
        limit = math.radians(TOLERANCE)
        aside = torch.stack([(prediction * axis).sum(1) for axis in across(target)], 1)
        cosine = (prediction * target).sum(1, keepdim=True)
        return torch.cat([math.sin(limit) - aside, math.sin(limit) + aside, cosine - math.cos(limit)], 1)

    def decode(self, prediction: Tensor) -> Tensor:
        return unit(prediction.float(), dim=1)

    def angle(self, value: Tensor, other: Tensor) -> Tensor:
        """Degrees between two fields of vectors, (B, H, W); accurate near 0 and 180, where arccos is not.

        A zero vector is at 90 degrees to everything, as arccos would have it.
        """
        kind = torch.promote_types(value.dtype, other.dtype)
        a, b = value.to(kind), other.to(kind)
        sine, cosine = length(torch.linalg.cross(a, b, dim=1), dim=1)[:, 0], (a * b).sum(1)
        return torch.where((sine == 0) & (cosine == 0), 90, torch.rad2deg(torch.atan2(sine, cosine)))

    def everywhere(self, text: str) -> Tensor:
        name = text.strip().lower()
        if name not in VECTORS:
            raise ValueError(f"expected a direction among {', '.join(VECTORS)}, got {text!r}")
        return torch.tensor(VECTORS[name])[:, None, None]

    def statistics(self, value: Tensor, target: Tensor, clean: Tensor | None = None) -> Tensor:
        """Labelled pixels, sum of angles, counts within each threshold, histogram of angles: (B, 5 + 3600)."""
        valid = self.valid(target)
        angle = torch.where(valid, self.angle(value.double(), target.double()), 0)
        columns = [valid, angle, *(valid & (angle < t) for t in THRESHOLDS)]
        sums = torch.stack([column.double() for column in columns], 1).sum((2, 3))
        num_bins = 180 * BINS_PER_DEGREE
        cells = (angle * BINS_PER_DEGREE).long().clamp(max=num_bins - 1).flatten(1)
        counts = torch.zeros(len(cells), num_bins, dtype=torch.float64, device=cells.device)
        return torch.cat([sums, counts.scatter_add_(1, cells, valid.flatten(1).double())], 1)

    def measures_of(self, statistics: Tensor) -> dict[str, Tensor]:
        count = statistics[..., 0]
        shares = {f"within_{t:g}": statistics[..., 2 + i] / count for i, t in enumerate(THRESHOLDS)}
        median = _median(statistics[..., 5:], count)
        return {"angle_mean": statistics[..., 1] / count, "angle_median": median, **shares}

    def span(self, *values: Tensor) -> Span | None:
        return None

    def colour(self, value: Tensor, span: Span | None = None) -> Tensor:
        return torch.where(self.valid(value)[:, None], (value + 1) / 2, INVALID).clamp(0, 1)

    def legend(self, *values: Tensor) -> Legend:
        return Legend(DIRECTIONS)

    def difference(self, value: Tensor, other: Tensor) -> Tensor:
        return torch.where(self.valid(value) & self.valid(other), self.angle(value, other), 0)

    def describe(self, clean: Tensor, adversarial: Tensor) -> str:
        turned = float(self.angle(clean, adversarial).mean())
        return "surfaces keep their direction" if turned < 1 else f"surfaces turn by {turned:.0f}° on average"


def _median(histogram: Tensor, count: Tensor) -> Tensor:
    """The median angle from a histogram (..., N): linear inside its bin, midway where it falls between two bins; NaN
    where the histogram is empty."""
    cumulative = histogram.cumsum(-1)
    half = (count / 2).unsqueeze(-1)
    last = histogram.shape[-1] - 1
    lower = (cumulative < half).sum(-1, keepdim=True).clamp(max=last)
    upper = (cumulative <= half).sum(-1, keepdim=True).clamp(max=last)
    inside = histogram.gather(-1, lower)
    before = cumulative.gather(-1, lower) - inside
    share = (half - before) / inside.clamp(min=1)
    median = torch.where(lower == upper, lower + share, (lower + 1 + upper) / 2) / BINS_PER_DEGREE
    return torch.where(count > 0, median.squeeze(-1), torch.nan)
