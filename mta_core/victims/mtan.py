"""The multi-task attention network: the victim that the MTA paper transfers to (section 4.2.3).

Liu et al., "End-to-End Multi-Task Learning with Attention" (CVPR 2019): a SegNet shared by all tasks, beside which
every task walks down and up with features of its own. At each stage a small network looks at the first shared features
and what the task has so far, and says by a sigmoid how much of the last shared features the task takes along. With
`width=64` it has 44,229,073 parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mta_core.victims.dmtl import CHANNEL_FACTORS, SPACES, Dmtl, conv_bn_relu, initialise


class Attention(nn.Sequential):
    """How much of each shared feature a task takes: (B, C_in, H, W) to (B, C, H, W) in (0, 1)."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels, 1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels), nn.Sigmoid(),
        )  # fmt: skip


class TaskAttention(nn.Module):
    """One task's attention at every stage, down and up."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        narrow = [channels[0], *channels[:-1]]
        own = [0, *channels[1:]]  # what comes from the stage above, of as many channels as this one has
        self.down = nn.ModuleList(Attention(c + o, c) for c, o in zip(channels, own, strict=True))
        self.up = nn.ModuleList(Attention(c + n, n) for c, n in zip(channels, narrow, strict=True))


class Mtan(Dmtl):
    """The shared SegNet and the heads of `Dmtl`, and between them attention for each task.

    Args:
        width: channels of the first stage; 64 is the paper's.
    """

    architecture = "mtan"
    summary = "SegNet with attention: every task chooses features of the shared trunk at each stage"

    def __init__(
        self, tasks: Mapping[str, str] = SPACES, input_size: tuple[int, int] = (288, 384), width: int = 64
    ) -> None:
        super().__init__(tasks, input_size, width)
        channels = [width * factor for factor in CHANNEL_FACTORS]
        wider, narrower = [*channels[1:], channels[-1]], [channels[0], *channels[:-1]]
        # What carries a task's features to the next stage is shared by the tasks.
        self.down = nn.ModuleList(conv_bn_relu(c, w) for c, w in zip(channels, wider, strict=True))
        self.up = nn.ModuleList(conv_bn_relu(c, n) for c, n in zip(channels, narrower, strict=True))
        self.attention = nn.ModuleDict({task: TaskAttention(channels) for task in tasks})
        initialise(self)

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        down, up = self._shared(normalised)
        return {
            task: head(self._attend(self.attention[task], down, up))
            for task, head in self.heads.items()
            if task in tasks
        }

    def _shared(self, features: Tensor) -> tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]]]:
        """First and last features of the trunk at each stage: on the way down after the first and the last
        convolution, on the way up the unpooled features and those after the last convolution."""
        down, up, indices = [], [], []
        for stage in self.trunk.encoder:
            first = stage[0](features)  # type: ignore[index]
            last = stage[1:](first)  # type: ignore[index]
            down.append((first, last))
            features, where = F.max_pool2d(last, 2, return_indices=True)
            indices.append(where)
        for stage, where in zip(reversed(self.trunk.decoder), reversed(indices), strict=True):
            unpooled = F.max_unpool2d(features, where, (2, 2))
            features = stage(unpooled)
            up.append((unpooled, features))
        return down, up[::-1]

    def _attend(
        self, attention: nn.Module, down: list[tuple[Tensor, Tensor]], up: list[tuple[Tensor, Tensor]]
    ) -> Tensor:
        own: list[Tensor] = []
        for mask, carry, (first, last) in zip(attention.down, self.down, down, strict=True):  # type: ignore[arg-type]
            taken = mask(torch.cat([first, *own], 1)) * last
            own = [F.max_pool2d(carry(taken), 2)]
        (features,) = own
        for stage in reversed(range(len(up))):
            unpooled, last = up[stage]
            wide = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=True)
            carried = self.up[stage](wide)
            features = attention.up[stage](torch.cat([unpooled, carried], 1)) * last  # type: ignore[index, operator]
        return features
