"""The multi-task SegNet of the MTA paper (section 4.2): one trunk, shared by every head.

The layout is that of the split network of Liu et al., "End-to-End Multi-Task Learning with Attention" (CVPR 2019):
five encoder stages of 2, 2, 3, 3, 3 convolutions, a mirrored decoder with max-unpooling by the encoder's indices, and
per task a 3x3 then a 1x1 convolution. With `width=64` it has 25,055,185 parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from mta_core.victims.base import Victim

CHANNELS = {
    "nyu13": 13, "metres": 1, "unit-camera": 3, "taskonomy": 17, "log": 1, "components": 3, "signed": 1,
    "curvatures": 2, "picture": 3, "relative": 1,
}  # fmt: skip
"""Output channels of each label space."""
SPACES = {"segmentation": "nyu13", "depth": "metres", "normals": "unit-camera"}
"""The tasks of the paper's NYUv2 experiments."""

MAX_WIDTH = 256
"""400 million parameters; a card may not ask for more."""
STAGE_CONVS = (2, 2, 3, 3, 3)
"""Convolutions per encoder stage; the decoder has as many."""
CHANNEL_FACTORS = (1, 2, 4, 8, 8)
"""Channels of each stage, in multiples of `width`: 64/128/256/512/512 in the paper."""


def conv_bn_relu(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)
    )


def make_head(width: int, space: str) -> nn.Sequential:
    """From the trunk's features to the raw map of a label space."""
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, CHANNELS[space], 1))


def initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_normal_(module.weight)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]


def check_width(width: int) -> None:
    """Raises ValueError for widths that no card may ask for."""
    if not (type(width) is int and 1 <= width <= MAX_WIDTH):
        raise ValueError(f"expected a width in [1, {MAX_WIDTH}], got {width!r}")


def check_spaces(tasks: Mapping[str, str]) -> None:
    """Raises ValueError where there is no head for a label space, or no task."""
    unknown = ", ".join(space for space in tasks.values() if space not in CHANNELS)
    if unknown or not tasks:
        raise ValueError(f"expected tasks in label spaces among {', '.join(CHANNELS)}, got {unknown or 'none'}")


class SegNetTrunk(nn.Module):
    """Encoder and decoder of SegNet: (B, 3, H, W) to (B, width, H, W), H and W multiples of 32."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        channels = [width * factor for factor in CHANNEL_FACTORS]
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        previous = 3
        for num_convs, current in zip(STAGE_CONVS, channels, strict=True):
            sizes = [previous] + [current] * num_convs
            self.encoder.append(nn.Sequential(*(conv_bn_relu(a, b) for a, b in pairwise(sizes))))
            # The decoder narrows in its first convolution, so its remaining ones are cheaper than the encoder's.
            narrow = width if previous == 3 else previous
            sizes = [current] + [narrow] * num_convs
            self.decoder.append(nn.Sequential(*(conv_bn_relu(a, b) for a, b in pairwise(sizes))))
            previous = current

    def forward(self, features: Tensor) -> Tensor:
        indices = []
        for stage in self.encoder:
            features, where = F.max_pool2d(stage(features), 2, return_indices=True)
            indices.append(where)
        for stage, where in zip(reversed(self.decoder), reversed(indices), strict=True):
            features = stage(F.max_unpool2d(features, where, (2, 2)))
        return features


class Dmtl(Victim):
    """The trunk and a head a task.

    Args:
        width: channels of the first stage; 64 is the paper's.
    """

    architecture = "dmtl"
    summary = "SegNet: one trunk shared by all tasks, a small head for each"

    def __init__(
        self, tasks: Mapping[str, str] = SPACES, input_size: tuple[int, int] = (288, 384), width: int = 64
    ) -> None:
        super().__init__(tasks, input_size)
        check_width(width)
        check_spaces(tasks)
        self.width = width
        self.trunk = SegNetTrunk(width)
        self.heads = nn.ModuleDict({task: make_head(width, space) for task, space in tasks.items()})
        initialise(self)

    def options(self) -> dict[str, Any]:
        return {"width": self.width}

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        features = self.trunk(normalised)
        return {task: head(features) for task, head in self.heads.items() if task in tasks}
