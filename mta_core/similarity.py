"""How alike the adversarial and the clean picture are: pure functions of two batches, one number a picture.

Every function takes `adversarial` and `clean`, both (B, C, H, W) in [0, 1], and returns (B,).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mta_core.budget import Budget, Norm

_WINDOW = 11
_SIGMA = 1.5
_C1, _C2 = 0.01**2, 0.03**2  # the paper's (K1 L)^2 and (K2 L)^2 with a data range L of 1


def linf(adversarial: Tensor, clean: Tensor) -> Tensor:
    """The largest change of any value, in [0, 1]."""
    return Budget(Norm.LINF, 1).norm_of(adversarial - clean)


def l2(adversarial: Tensor, clean: Tensor) -> Tensor:
    """The plain L2 norm of the whole change."""
    return Budget(Norm.L2, 1).norm_of(adversarial - clean)


def psnr(adversarial: Tensor, clean: Tensor) -> Tensor:
    """The peak signal-to-noise ratio in dB, for a peak of 1; infinite where the pictures are equal."""
    mean_squared_error = (adversarial - clean).double().square().flatten(1).mean(dim=1)
    return (-10 * mean_squared_error.log10()).float()


def ssim(adversarial: Tensor, clean: Tensor) -> Tensor:
    """The mean structural similarity, at most 1 (equal pictures).

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    IEEE Transactions on Image Processing 13 (2004), equation 13 with its 11 x 11 Gaussian window of sigma 1.5,
    K1 = 0.01 and K2 = 0.03, averaged (equation 17) over the windows that lie inside the picture and, which the paper
    leaves open, over the colour channels. NaN where the picture is smaller than one window: nothing to measure.
    """
    batch = len(clean)
    if min(clean.shape[-2:]) < _WINDOW:
        return torch.full((batch,), torch.nan, device=clean.device)
    # Around the picture's mean: a variance is a small difference of large numbers, and float32 has seven digits.
    middle = clean.mean((2, 3), keepdim=True)
    x, y = ((picture - middle).flatten(0, 1) for picture in (adversarial, clean))
    mean_x, mean_y, square_x, square_y, product = _window_mean(torch.stack([x, y, x * x, y * y, x * y]))
    variance_x, variance_y = square_x - mean_x.square(), square_y - mean_y.square()
    covariance = product - mean_x * mean_y
    mean_x, mean_y = (mean + middle.view(-1, 1, 1) for mean in (mean_x, mean_y))
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x.square() + mean_y.square() + _C1)
    structure = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
    values: Tensor = luminance * structure
    return values.view(batch, -1).double().mean(dim=1).float()


def _window_mean(maps: Tensor) -> Tensor:
    """Means of (..., H, W) under the window, (..., H - 10, W - 10)."""
    offsets = torch.arange(_WINDOW, device=maps.device) - _WINDOW // 2
    weights = torch.softmax(-offsets.square() / (2 * _SIGMA**2), dim=0)
    planes = maps.flatten(0, -3)[None]  # as channels of one picture, each for itself: ten times faster than a batch
    for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
        count = planes.shape[1]
        planes = functional.conv2d(planes, weights.view(shape).expand(count, -1, -1, -1), groups=count)
    return planes.view(*maps.shape[:-2], *planes.shape[-2:])


@dataclass(frozen=True)
class Similarity:
    """How close one adversarial picture is to its clean one: norms on the [0, 1] pixel scale, PSNR in dB, SSIM."""

    linf: float
    l2: float
    psnr: float
    ssim: float


def similarity(adversarial: Tensor, clean: Tensor) -> Similarity:
    """All measures of one picture, (1, 3, H, W) each, in [0, 1]."""
    return Similarity(*(float(measure(adversarial, clean)[0]) for measure in (linf, l2, psnr, ssim)))
