"""The generator of the MTA paper: a shared encoder and a decoder a task.

The ResNet generator after Johnson et al. (ECCV 2016) as GAP uses it (Poursaeed et al., CVPR 2018): a 7x7 convolution to
`ngf` channels, two that halve the size, N residual blocks; two transposed convolutions, a 7x7 convolution to RGB, tanh;
reflection padding, batch norm. MTA shares everything up to the residual blocks (section 3.1) and gives every task a
decoder of its own. With ngf 64 the encoder has 5,101,632 / 7,462,976 / 12,185,664 parameters for N = 4 / 6 / 10, a
decoder 378,435.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_NGF, MAX_BLOCKS, MAX_SIDE = 256, 32, 2048
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


Images = Tensor | Mapping[str, Tensor]
"""Pictures (B, 3, H, W) that all tasks share, or those of each task: domains have pictures of their own."""


class Generator(nn.Module, ABC):
    """Directions of perturbation for every task.

    Args:
        tasks: names of the decoders; `JOINT` alone for one perturbation that is to fool all tasks.
        ngf: channels of the first convolution; 64 is the paper's.
        num_blocks: residual blocks: 4 (NYUv2 universal), 6 (Office-31) or 10 (NYUv2 per-instance) in the paper.
        noise_size: (H, W) of the random inputs of a universal generator, one a task, drawn once and stored with the
            weights (MTA section 3.1); None for a per-instance one, whose input is the picture (section 3.2).
        pattern_size: (H, W) of a learned pattern a task, added before the tanh whatever the picture; None, as in the
            paper, for none. Convolutions alone cannot tell where in the picture they are, and victims are weaker in
            some places than in others: a pattern knows, and what depends on the picture is learnt on top of it.

    Raises:
        ValueError: a number is outside its range, or there is no task.
    """

    architecture: ClassVar[str]

    def __init__(
        self,
        tasks: Sequence[str],
        ngf: int = 64,
        num_blocks: int = 10,
        noise_size: Sequence[int] | None = None,
        pattern_size: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        for name, value, low, high in (("ngf", ngf, 1, MAX_NGF), ("num_blocks", num_blocks, 0, MAX_BLOCKS)):
            if not (type(value) is int and low <= value <= high):
                raise ValueError(f"expected {name} in [{low}, {high}], got {value!r}")
        if not tasks:
            raise ValueError("expected at least one task to make a decoder for, got none")
        self.ngf, self.num_blocks = ngf, num_blocks
        self.noise_size = checked_size("noise_size", noise_size)
        self.pattern_size = checked_size("pattern_size", pattern_size)
        self.make_encoders(tasks)
        self.decoders = nn.ModuleDict({task: make_decoder(ngf) for task in tasks})
        self.noise, self.patterns = nn.ParameterDict(), nn.ParameterDict()
        if self.noise_size is not None:  # parameters, so that they lie beside the weights; never trained
            noise = {task: nn.Parameter(torch.rand(3, *self.noise_size), requires_grad=False) for task in tasks}
            self.noise.update(noise)
        if self.pattern_size is not None:
            self.patterns.update({task: nn.Parameter(torch.zeros(3, *self.pattern_size)) for task in tasks})
        for layer in self.modules():  # as GAP and its forerunners
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0, 0.02)

    @abstractmethod
    def make_encoders(self, tasks: Sequence[str]) -> None:
        """Builds what `features` runs."""

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.decoders)

    @property
    def is_universal(self) -> bool:
        """Whether the directions are the same for every picture."""
        return self.noise_size is not None

    def options(self) -> dict[str, Any]:
        sizes = {"noise_size": self.noise_size, "pattern_size": self.pattern_size}
        given = {name: list(size) for name, size in sizes.items() if size is not None}
        return {"ngf": self.ngf, "num_blocks": self.num_blocks, **given}

    @abstractmethod
    def features(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What each decoder starts from, (B, 4 ngf, H / 4, W / 4), of each task's input (B, 3, H, W) in [-1, 1]."""

    def forward(self, images: Images, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """(B, 3, H, W) in [0, 1] to one direction (B, 3, H, W) in [-1, 1] per task, float32, not yet in any budget.

        The network runs in the precision of its weights. Sides that are not multiples of 4 are padded by reflection
        and the directions cropped.

        Args:
            images: pictures that all tasks share, or those of each task.
            tasks: only these perturbations are drawn, all of them if none are named.
        """
        return {task: output.tanh() for task, output in self.before_tanh(images, tasks).items()}

    def before_tanh(self, images: Images, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """What `forward` squashes: training keeps it from growing without end."""
        wanted = [task for task in self.tasks if tasks is None or task in tasks]
        pictures = dict.fromkeys(wanted, images) if isinstance(images, Tensor) else {t: images[t] for t in wanted}
        inputs = {task: self.noise[task][None] for task in wanted} if self.is_universal else pictures
        weight = next(self.decoders.parameters())
        # One tensor stays one tensor: tasks that share their input share what is made of it.
        ready = {id(picture): (2 * _padded(picture) - 1).to(weight.dtype) for picture in inputs.values()}
        features = self.features({task: ready[id(picture)] for task, picture in inputs.items()})
        outputs = {}
        for task in wanted:
            size, (height, width) = pictures[task].shape[-2:], inputs[task].shape[-2:]
            drawn = self.decoders[task](features[task])[..., :height, :width].float()
            outputs[task] = tiled(drawn, size).expand(len(pictures[task]), -1, -1, -1)
            if self.pattern_size is not None:
                outputs[task] = outputs[task] + tiled(self.patterns[task].float(), size)
        return outputs


class MtaGenerator(Generator):
    """All tasks share one encoder, which runs once; each has a decoder of its own (MTA section 3.1, Figure 2)."""

    architecture = "mta"

    def make_encoders(self, tasks: Sequence[str]) -> None:
        self.encoder = make_encoder(self.ngf, self.num_blocks)

    def features(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        apart = {id(picture): picture for picture in inputs.values()}
        made = self.encoder(torch.cat(list(apart.values()))) if len(apart) > 1 else self.encoder(*apart.values())
        parts = dict(zip(apart, made.split([len(picture) for picture in apart.values()]), strict=True))
        return {task: parts[id(picture)] for task, picture in inputs.items()}


class GapGenerator(Generator):
    """A generator of its own for every task, as GAP (Poursaeed et al., CVPR 2018) has it; what MTA is compared with."""

    architecture = "gap"

    def make_encoders(self, tasks: Sequence[str]) -> None:
        self.encoders = nn.ModuleDict({task: make_encoder(self.ngf, self.num_blocks) for task in tasks})

    def features(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {task: self.encoders[task](picture) for task, picture in inputs.items()}


def _padded(picture: Tensor) -> Tensor:
    height, width = picture.shape[-2:]
    return F.pad(picture, (0, -width % 4, 0, -height % 4), mode="reflect")


def tiled(pattern: Tensor, size: Sequence[int]) -> Tensor:
    """The upper left (..., H, W) of a pattern, repeated beside itself where it is smaller."""
    rows, columns = (-(-side // own) for side, own in zip(size, pattern.shape[-2:], strict=True))
    if rows > 1 or columns > 1:
        pattern = pattern.repeat(*[1] * (pattern.ndim - 2), rows, columns)
    return pattern[..., : size[0], : size[1]]


def checked_size(name: str, size: Sequence[int] | None) -> tuple[int, int] | None:
    """Height and width; raises ValueError where they are none."""
    if size is None:
        return None
    sides = tuple(size)
    if len(sides) != 2 or any(type(side) is not int or not 1 <= side <= MAX_SIDE for side in sides):
        raise ValueError(f"expected {name} as two whole numbers in [1, {MAX_SIDE}], got {list(size)!r}")
    return sides[0], sides[1]


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


__all__ = [
    "GapGenerator",
    "Generator",
    "MtaGenerator",
    "checked_size",
    "count_parameters",
    "make_decoder",
    "make_encoder",
    "tiled",
]
