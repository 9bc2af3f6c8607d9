"""The generator of the MTA paper: a shared encoder and a decoder a task.

The ResNet generator after Johnson et al. (ECCV 2016) as GAP uses it (Poursaeed et al., CVPR 2018): a 7x7 convolution to
`ngf` channels, two that halve the size, N residual blocks; two transposed convolutions, a 7x7 convolution to RGB, tanh;
reflection padding, batch norm. MTA shares everything up to the residual blocks (section 3.1) and gives every task a
decoder of its own. With ngf 64 the encoder has 5,101,632 / 7,462,976 / 12,185,664 parameters for N = 4 / 6 / 10, a
decoder 378,435.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_NGF, MAX_BLOCKS, MAX_PATTERN_SIDE = 256, 32, 2048
"""A card may not ask for more."""


def _norm_relu(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels), nn.ReLU(inplace=True)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a skip connection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=False), *_norm_relu(channels),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = features + self.body(features)
        return out


def make_encoder(ngf: int, num_blocks: int) -> nn.Sequential:
    """(B, 3, H, W) to (B, 4 ngf, H / 4, W / 4)."""
    return nn.Sequential(
        nn.ReflectionPad2d(3), nn.Conv2d(3, ngf, 7, bias=False), *_norm_relu(ngf),
        nn.Conv2d(ngf, 2 * ngf, 3, stride=2, padding=1, bias=False), *_norm_relu(2 * ngf),
        nn.Conv2d(2 * ngf, 4 * ngf, 3, stride=2, padding=1, bias=False), *_norm_relu(4 * ngf),
        *(ResidualBlock(4 * ngf) for _ in range(num_blocks)),
    )  # fmt: skip


def make_decoder(ngf: int) -> nn.Sequential:
    """(B, 4 ngf, H / 4, W / 4) to (B, 3, H, W), before the tanh."""
    up = {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1, "bias": False}
    return nn.Sequential(
        nn.ConvTranspose2d(4 * ngf, 2 * ngf, **up), *_norm_relu(2 * ngf),  # type: ignore[arg-type]
        nn.ConvTranspose2d(2 * ngf, ngf, **up), *_norm_relu(ngf),  # type: ignore[arg-type]
        nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7),
    )  # fmt: skip


class MtaGenerator(nn.Module):
    """Directions of perturbation for every task from one pass of the shared encoder.

    Args:
        tasks: names of the decoders.
        ngf: channels of the first convolution; 64 is the paper's.
        num_blocks: residual blocks: 4 (NYUv2 universal), 6 (Office-31) or 10 (NYUv2 per-instance) in the paper.
        pattern_size: (H, W) of a learned pattern a task, added before the tanh whatever the picture; None, as in the
            paper, for none. Convolutions alone cannot tell where in the picture they are, and victims are weaker in
            some places than in others: a pattern knows, and what depends on the picture is learnt on top of it.

    Raises:
        ValueError: a number is outside its range, or there is no task.
    """

    architecture: ClassVar[str] = "mta"

    def __init__(
        self,
        tasks: Sequence[str],
        ngf: int = 64,
        num_blocks: int = 10,
        pattern_size: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        for name, value, low, high in (("ngf", ngf, 1, MAX_NGF), ("num_blocks", num_blocks, 0, MAX_BLOCKS)):
            if not (type(value) is int and low <= value <= high):
                raise ValueError(f"expected {name} in [{low}, {high}], got {value!r}")
        if not tasks:
            raise ValueError("expected at least one task to make a decoder for, got none")
        self.ngf, self.num_blocks = ngf, num_blocks
        self.encoder = make_encoder(ngf, num_blocks)
        self.decoders = nn.ModuleDict({task: make_decoder(ngf) for task in tasks})
        self.pattern_size = _checked_size(pattern_size)
        self.patterns = nn.ParameterDict()
        if self.pattern_size is not None:
            self.patterns.update({task: nn.Parameter(torch.zeros(3, *self.pattern_size)) for task in tasks})
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0, 0.02)

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.decoders)

    def options(self) -> dict[str, Any]:
        size = {} if self.pattern_size is None else {"pattern_size": list(self.pattern_size)}
        return {"ngf": self.ngf, "num_blocks": self.num_blocks, **size}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) in [0, 1] to one direction (B, 3, H, W) in [-1, 1] per task, float32, not yet in any budget.

        The network runs in the precision of its weights. Sides that are not multiples of 4 are padded by reflection
        and the directions cropped.
        """
        return {task: output.tanh() for task, output in self.before_tanh(images).items()}

    def before_tanh(self, images: Tensor) -> dict[str, Tensor]:
        """What `forward` squashes: training keeps it from growing without end."""
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % 4, 0, -height % 4), mode="reflect")
        weight = next(self.parameters())
        features = self.encoder((2 * padded - 1).to(weight.dtype))
        outputs = {task: decoder(features)[..., :height, :width].float() for task, decoder in self.decoders.items()}
        return {task: output + self._pattern(task, height, width) for task, output in outputs.items()}

    def _pattern(self, task: str, height: int, width: int) -> Tensor | float:
        """(3, H, W); repeated beside itself for pictures that are larger than it."""
        if self.pattern_size is None:
            return 0.0
        rows, columns = (-(-side // own) for side, own in zip((height, width), self.pattern_size, strict=True))
        pattern: Tensor = self.patterns[task]
        return pattern.float().repeat(1, rows, columns)[:, :height, :width]


def _checked_size(size: Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = tuple(size)
    if len(sides) != 2 or any(type(side) is not int or not 1 <= side <= MAX_PATTERN_SIDE for side in sides):
        raise ValueError(f"expected pattern_size as two whole numbers in [1, {MAX_PATTERN_SIDE}], got {list(size)!r}")
    return sides[0], sides[1]


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


__all__ = ["MtaGenerator", "count_parameters", "make_decoder", "make_encoder"]
