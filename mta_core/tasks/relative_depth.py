"""How near things are, without a unit: what models answer that have learnt from depths of unknown scale."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from mta_core.tasks.base import Measure
from mta_core.tasks.depth import Depth
from mta_core.tasks.numbers import HARDLY, Numbers
from mta_core.vectors import standardised


class RelativeDepth(Numbers):
    """Prediction and target: inverse depth of each picture with mean 0 and standard deviation 1, (B, 1, H, W); larger
    is nearer.

    Such models know inverse depth up to a scale and a shift of each picture (Ranftl et al., "Towards Robust Monocular
    Depth Estimation", TPAMI 2022, section 5), so what they answer has no unit; of all the answers that mean the same,
    this is the one. Labels in metres fit: they are inverted and brought to it. Both measures are free of scale and
    shift.
    """

    name, label, letter = Depth.name, Depth.label, Depth.letter
    space = "relative"
    takes = ("metres",)
    low, high = -2.0, 2.0
    goals = ("0", "-1", "1", "2")
    difference_label = "Change of relative depth (SD)"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("aligned_err", "Error after scale and shift", "", False, is_share=False),
        Measure("correlation", "Correlation", "", True, is_share=False),
    )

    def convert(self, target: Tensor, space: str) -> Tensor:
        if space != "metres":
            return super().convert(target, space)
        known = (target > 0) & target.isfinite()
        return standardised(torch.where(known, 1 / torch.where(known, target, 1), torch.nan))

    def statistics(self, value: Tensor, target: Tensor, clean: Tensor | None = None) -> Tensor:
        """Labelled pixels, 0 where the target is flat, and as many times 1 - r² and r, of each picture: (B, 3).

        r is the correlation of answer and target, 0 where the answer is flat; 1 - r² is the share of the target's
        variance that the best scale, which is not below 0, and shift of the answer leave unexplained.
        """
        valid = self.valid(target)[:, None]
        one, other = (standardised(torch.where(valid, v.double(), torch.nan)) for v in (value, target))
        other_spread = torch.where(valid, other, 0).square().sum((1, 2, 3))
        count = valid.sum((1, 2, 3)).double()
        count = torch.where(other_spread < count / 2, 0, count)  # a flat target: nothing there to be like
        r = (torch.where(valid, one * other, 0).sum((1, 2, 3)) / count.clamp(min=1)).clamp(-1, 1)
        return torch.stack([count, count * (1 - r.clamp(min=0).square()), count * r], 1)

    def measures_of(self, statistics: Tensor) -> dict[str, Tensor]:
        """The error is the root of the mean squared error after the best scale and shift, as a share of the target's
        standard deviation: 0 where nothing but those is different, 1 where nothing is left of the target."""
        count, unexplained, correlation = statistics.unbind(-1)
        return {"aligned_err": (unexplained / count).sqrt(), "correlation": correlation / count}

    def describe(self, clean: Tensor, adversarial: Tensor) -> str:
        shift = float((adversarial - clean).abs().nanmean())
        if not shift >= HARDLY * (self.high - self.low):
            return "relative depth: hardly a change"
        return f"relative depth moves by {shift:.2f} standard deviations on average"
