"""Filters of maps of one picture, (C, H, W), quick on a processor; beyond the border a map goes on as it ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

STEPS = 1 << 14
"""Of `box_sums`: boxes of up to 2^17 pixels fit."""


def blurred(maps: Tensor, sigma: float) -> Tensor:
    """Smoothed by a Gaussian of `sigma` pixels, cut off at four of them."""
    reach = max(1, math.ceil(4 * sigma))
    kernel = torch.exp(-(torch.arange(-reach, reach + 1).float() ** 2) / (2 * sigma**2))
    return _separable(maps, kernel / kernel.sum(), kernel / kernel.sum())


def gradient(maps: Tensor) -> Tensor:
    """Sobel's: the root of the mean square of both derivatives, a pixel as the unit, as scikit-image scales it."""
    smooth, change = torch.tensor([1.0, 2.0, 1.0]) / 4, torch.tensor([-1.0, 0.0, 1.0])
    across, down = _separable(maps, smooth, change), _separable(maps, change, smooth)
    return ((across.square() + down.square()) / 2).sqrt()


def slopes(maps: Tensor) -> tuple[Tensor, Tensor]:
    """How much the maps change from a pixel to the next, to the right and down: planes fitted over 5 x 5 pixels."""
    level, change = torch.full((5,), 1 / 5), torch.arange(-2.0, 3.0) / 10
    return _separable(maps, level, change), _separable(maps, change, level)


def _separable(maps: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Correlated with an odd kernel along columns, and with another one as long along rows: shifted copies are added
    up, which is several times faster than a convolution of one channel."""
    height, width = maps.shape[-2:]
    reach = len(down) // 2
    padded = F.pad(maps[None], (reach,) * 4, mode="replicate")[0]
    rows = _added([padded[:, :, at : at + width] for at in range(len(across))], across)
    return _added([rows[:, at : at + height] for at in range(len(down))], down)


def _added(maps: Sequence[Tensor], weights: Tensor) -> Tensor:
    total = torch.zeros_like(maps[0], memory_format=torch.contiguous_format)
    for each, weight in zip(maps, weights.tolist(), strict=True):
        if weight:
            total.add_(each, alpha=weight)
    return total


def around(marks: Tensor, reach: int) -> Tensor:
    """1 where a mark (1, H, W) lies within `reach` pixels, rows and columns, else 0; float32."""
    return F.max_pool2d(marks.float(), 2 * reach + 1, 1, reach)


def box_sums(map_: Tensor, reach: int) -> Callable[[int, int, int, int], Tensor]:
    """Sums of a map (H, W) of numbers in [0, 1] over a box around every pixel: a function of its first and last row and
    first and last column, counted from the pixel and at most `reach` away. It takes the same time for every box.

    In whole numbers of 1 / `STEPS`: sums of a whole picture run over their 32 bits, but differences of them do not.
    """
    height, width = map_.shape
    padded = F.pad(map_[None, None], (reach + 1, reach) * 2, mode="replicate")[0, 0]
    sums = (padded * STEPS).round().int().cumsum(0, dtype=torch.int32).cumsum(1, dtype=torch.int32)

    def at(row: int, column: int) -> Tensor:
        return sums[reach + row : reach + row + height, reach + column : reach + column + width]

    def box(top: int, bottom: int, left: int, right: int) -> Tensor:
        return (at(bottom + 1, right + 1) - at(top, right + 1)).sub_(at(bottom + 1, left)).add_(at(top, left))

    return box
