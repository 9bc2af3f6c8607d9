"""Distance from the camera, in metres."""

from __future__ import annotations

import torch
from torch import Tensor

from mta_core.tasks.base import Measure
from mta_core.tasks.depth import Depth


class EuclideanDepth(Depth):
    """Prediction and target: metres along the line of sight, (B, 1, H, W); no label, loss and colours as of depth."""

    name, label, letter = "euclidean_depth", "Euclidean depth", "D"
    measures = (Measure("mse", "Mean squared error", "m²", False), *Depth.measures)
    difference_label = "Change of distance (m)"

    def statistics(self, value: Tensor, target: Tensor, clean: Tensor | None = None) -> Tensor:
        """What there is of depth, and the sum of squared errors: (B, 4)."""
        valid = self.valid(target)
        error = torch.where(valid, (value[:, 0].double() - target[:, 0].double()), 0)
        return torch.cat([super().statistics(value, target), error.square().sum((1, 2))[:, None]], 1)

    def measures_of(self, statistics: Tensor) -> dict[str, Tensor]:
        return {"mse": statistics[..., 3] / statistics[..., 0], **super().measures_of(statistics[..., :3])}
