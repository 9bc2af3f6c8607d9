"""What the tasks share that answer every pixel with numbers on a fixed scale."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from mta_core.tasks.base import Legend, Measure, Span, Task, Truth, cut
from mta_core.tasks.colours import SCALE, tone, usual_span
from mta_core.wording import in_sentence

MSE = Measure("mse", "Mean squared error", "", False, is_share=False)
ABS_ERR = Measure("abs_err", "Absolute error", "", False, is_share=False)
HARDLY = 0.005
"""Of the scale; what changes by less does not tell."""


class Numbers(Task):
    """Prediction and target: (B, C, H, W) in [`low`, `high`]; a target that is not finite in some channel is no label.

    Loss: L1, the mean over channels, as the robustness study trains and attacks all its tasks but segmentation. The
    prediction is not bounded: the study takes the network's output as it is.
    """

    low: ClassVar[float] = -1.0
    high: ClassVar[float] = 1.0
    space = "signed"
    channels = 1
    tolerance: ClassVar[float] = 0.2
    """How far off every channel of a right answer may be: a tenth of the scale. Ours; the literature has none."""
    measures: ClassVar[tuple[Measure, ...]] = (MSE, ABS_ERR)
    goals: ClassVar[tuple[str, ...]] = ("-1", "-0.5", "0", "0.5", "1")
    tones: ClassVar[Tensor | None] = SCALE

    def valid(self, target: Tensor) -> Tensor:
        return target.isfinite().all(1)

    def pixel_loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        return (prediction - target).abs().mean(1)

    def loss_on(self, prediction: Tensor, truth: Truth) -> Tensor:
        """In one sum over pixels and channels: what is cut has no error."""
        errors = (cut(prediction.float(), truth.mask) - truth.target).abs()
        return errors.sum((1, 2, 3)) / (self.channels * truth.count)

    def margins(self, prediction: Tensor, target: Tensor) -> Tensor:
        """How far every channel may still rise and fall before it is off by more than the tolerance. Straight lines,
        so that their gradient is there at the truth, where that of the loss is not."""
        return torch.cat([target + self.tolerance - prediction, prediction - target + self.tolerance], 1)

    def decode(self, prediction: Tensor) -> Tensor:
        return prediction.float()

    def everywhere(self, text: str) -> Tensor:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not self.low <= number <= self.high:
            raise ValueError(f"expected a number in [{self.low:g}, {self.high:g}] for {self.name}, got {text!r}")
        return torch.full((self.channels, 1, 1), number)

    def statistics(self, value: Tensor, target: Tensor, clean: Tensor | None = None) -> Tensor:
        """Labelled pixels, and the sums over them of the squared and of the absolute error, each the mean over
        channels: (B, 3)."""
        valid = self.valid(target)
        error = torch.where(valid[:, None], value.double() - target.double(), 0)
        columns = [valid.double(), error.square().mean(1), error.abs().mean(1)]
        return torch.stack(columns, 1).sum((2, 3))

    def measures_of(self, statistics: Tensor) -> dict[str, Tensor]:
        count, squared, absolute = statistics.unbind(-1)
        return {"mse": squared / count, "abs_err": absolute / count}

    def span(self, *values: Tensor) -> Span | None:
        return usual_span(*(value[value.isfinite()] for value in values))

    def share(self, value: Tensor, span: Span | None) -> Tensor:
        """Where the numbers lie between the ends of the colour scale: in [0, 1] inside it, NaN where there is none."""
        low, high = span or self.span(value) or (self.low, self.high)
        return torch.where(value.isfinite(), (value.float() - low) / (high - low), torch.nan)

    def tone(self, value: Tensor, span: Span | None = None) -> Tensor:
        return tone(self.share(value, span)[:, 0])

    def legend(self, *values: Tensor) -> Legend:
        return Legend(span=self.span(*values))

    def difference(self, value: Tensor, other: Tensor) -> Tensor:
        known = self.valid(value) & self.valid(other)
        return torch.where(known, (value - other).abs().mean(1), 0)

    def describe(self, clean: Tensor, adversarial: Tensor) -> str:
        shift = float((adversarial - clean).abs().nanmean()) / (self.high - self.low)
        name = in_sentence(self.label)
        return f"{name}: hardly a change" if not shift >= HARDLY else f"{name}: off by {100 * shift:.0f} % of the scale"
