"""Layers that look at a whole batch, where each process has a share of it: as one process alone, to rounding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mta_core import distributed


class _Total(torch.autograd.Function):
    """The sum over all processes; everybody's loss depends on it, so gradients are summed on their way back too."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return distributed.total(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return distributed.total(gradient)


class WholeBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the pictures of all processes, also where some have more than others.

    torch's SyncBatchNorm does not run on processors. The variance is that around the common mean, in a second pass:
    mean squares minus squared means lose their digits where the mean is large.
    """

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return super().forward(features)
        batch, channels, height, width = features.shape
        with torch.autocast(features.device.type, enabled=False):
            exact = features.to(torch.promote_types(features.dtype, torch.float32))
            sums = _sum(torch.cat([exact.sum((0, 2, 3)), exact.new_full((1,), float(batch))]))
            count = sums[-1].detach() * (height * width)
            mean = sums[:-1] / count
            centred = exact - mean.view(1, channels, 1, 1)
            variance = _sum(centred.square().sum((0, 2, 3))) / count
            scale = (variance + self.eps).rsqrt() * self.weight
            out = centred * scale.view(1, channels, 1, 1) + self.bias.view(1, channels, 1, 1)
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        return out.to(features.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


class WholeBatchDropout(nn.Dropout):
    """Drops what one process with the whole batch would: everybody draws for all pictures."""

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return features
        counts = distributed.gathered(len(features))
        begin = sum(counts[: distributed.rank()])
        ones = torch.ones(sum(counts), *features.shape[1:], dtype=features.dtype, device=features.device)
        return features * F.dropout(ones, self.p)[begin : begin + len(features)]


def _sum(value: Tensor) -> Tensor:
    found: Tensor = _Total.apply(value)
    return found


def see_whole_batches(model: nn.Module) -> None:
    """Lets batch norm and dropout of a model in training see the whole batch, where several processes share it."""
    others = {nn.BatchNorm2d: WholeBatchNorm2d, nn.Dropout: WholeBatchDropout}
    if distributed.is_joined():
        for module in model.modules():
            # The same parameters and state, which checkpoints and weights are read from, and another `forward`.
            module.__class__ = others.get(type(module), type(module))
