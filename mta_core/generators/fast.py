"""The same generators, arranged for inference on a processor: what they compute stays, how they do it is quicker.

Three things take longer there than their multiply-adds ask for, in the decoders most of all:

- a convolution to three channels leaves most of a processor's vector empty, since vectors are filled with channels.
  Here it draws `ROWS` rows of the picture at once, as so many more channels, its kernel shifted by a row for each;
- a reflection padding copies what it pads. Here an activation is written into the middle of a larger tensor, whose
  border is filled from there, so that the padding and the ReLU or the sum before it are one pass;
- PyTorch's ReLU of bfloat16 is slow: the same bits read as an int16 have the same sign.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mta_core.generators.resnet import GapGenerator, Generator, MtaGenerator, ResidualBlock

ROWS = 4
"""Rows that the last convolution draws at once: they make 12 of the 16 numbers of a vector. A generator pads pictures
to multiples of 4."""


def arrange(frozen: Generator) -> Generator:
    """Changes a generator, as `Device.freeze` made it, in place; returns it.

    It draws what it drew, to rounding; in bfloat16, NaN that overflow brought about may end as 0. The changed one is
    for computing only: its state dict is not a generator's any more.
    """
    if isinstance(frozen, MtaGenerator):
        frozen.encoder = Encoder(frozen.encoder)  # type: ignore[assignment]
    if isinstance(frozen, GapGenerator):
        frozen.encoders.update({task: Encoder(encoder) for task, encoder in frozen.encoders.items()})
    frozen.decoders.update({task: Decoder(decoder) for task, decoder in frozen.decoders.items()})
    return frozen


class Encoder(nn.Module):
    """(B, 3, H, W) in [-1, 1] to (B, 4 ngf, H / 4, W / 4); of `resnet.make_encoder`, its batch norm folded."""

    def __init__(self, plain: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.third = _convolutions(plain)
        self.blocks = nn.Sequential(*(Block(m) for m in plain.children() if isinstance(m, ResidualBlock)))

    def forward(self, picture: Tensor) -> Tensor:
        features = relu_(self.first(F.pad(picture, (3, 3, 3, 3), mode="reflect")))
        features = self.third(relu_(self.second(features)))
        padded: Tensor = self.blocks(padded_relu(features, 1))
        return inside(padded, 1).contiguous(memory_format=torch.channels_last)


class Block(nn.Module):
    """`resnet.ResidualBlock`, folded, of features that have their border of 1 already, and leave with it."""

    def __init__(self, plain: ResidualBlock) -> None:
        super().__init__()
        self.first, self.second = _convolutions(plain.body)

    def forward(self, padded: Tensor) -> Tensor:
        return padded_sum(inside(padded, 1), self.second(padded_relu(self.first(padded), 1)), 1)


class Decoder(nn.Module):
    """(B, 4 ngf, H / 4, W / 4) to (B, 3, H, W), before the tanh; of `resnet.make_decoder`, its batch norm folded."""

    def __init__(self, plain: nn.Module) -> None:
        super().__init__()
        self.first, self.second, last = _convolutions(plain)
        self.rows = drawing_rows(last)

    def forward(self, features: Tensor) -> Tensor:
        drawn: Tensor = self.rows(padded_relu(self.second(relu_(self.first(features))), 3))
        batch, _, height, width = drawn.shape
        return drawn.view(batch, ROWS, 3, height, width).permute(0, 2, 3, 1, 4).reshape(batch, 3, ROWS * height, width)


def _convolutions(plain: nn.Module) -> list[nn.Conv2d]:
    """Transposed ones too."""
    layers = list(plain.children())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in layers), "batch norm is folded first"
    return [layer for layer in layers if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]  # type: ignore[misc]


def drawing_rows(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution, with `ROWS` rows of its output as channels (ROWS, C): one row below the other."""
    channels, inputs, height, width = conv.weight.shape
    wide = conv.weight.new_zeros(ROWS, channels, inputs, height + ROWS - 1, width)
    for row in range(ROWS):
        wide[row, :, :, row : row + height] = conv.weight
    made = nn.Conv2d(inputs, ROWS * channels, (height + ROWS - 1, width), stride=(ROWS, 1), device="meta")
    made.weight = nn.Parameter(wide.flatten(0, 1).contiguous(memory_format=torch.channels_last), requires_grad=False)
    assert conv.bias is not None
    made.bias = nn.Parameter(conv.bias.detach().repeat(ROWS), requires_grad=False)
    return made


def relu_(features: Tensor) -> Tensor:
    _as_signed(features).clamp_min_(0)
    return features


def padded_relu(features: Tensor, border: int) -> Tensor:
    padded = _room(features, border)
    torch.clamp_min(_as_signed(features), 0, out=_as_signed(inside(padded, border)))
    return _reflect_(padded, border)


def padded_sum(one: Tensor, other: Tensor, border: int) -> Tensor:
    padded = _room(one, border)
    torch.add(one, other, out=inside(padded, border))
    return _reflect_(padded, border)


def inside(padded: Tensor, border: int) -> Tensor:
    """A view of (B, C, H, W) without its border."""
    return padded[..., border:-border, border:-border]


def _as_signed(features: Tensor) -> Tensor:
    """The same memory, as what its sign is most quickly found in."""
    return features.view(torch.int16) if features.dtype == torch.bfloat16 else features


def _room(features: Tensor, border: int) -> Tensor:
    batch, channels, height, width = features.shape
    if min(height, width) <= border:
        raise ValueError(f"expected at least {border + 1}x{border + 1} to reflect, got {height}x{width}")
    size = (batch, channels, height + 2 * border, width + 2 * border)
    return torch.empty(size, dtype=features.dtype, device=features.device, memory_format=torch.channels_last)


def _reflect_(padded: Tensor, border: int) -> Tensor:
    """Fills the border of (B, C, H, W) with the mirror image of what is inside, as `F.pad` does."""
    for dim in (2, 3):
        last = padded.shape[dim] - border
        padded.narrow(dim, 0, border).copy_(padded.narrow(dim, border + 1, border).flip(dim))
        padded.narrow(dim, last, border).copy_(padded.narrow(dim, last - border - 1, border).flip(dim))
    return padded
