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
    batch, channels, height, width = clean.shape
    if min(height, width) < _WINDOW:
        return torch.full((batch,), torch.nan, device=clean.device)
    # In double precision, since GPUs may run float32 convolutions at ten bits of mantissa.
    x, y = (picture.double().reshape(batch * channels, 1, height, width) for picture in (adversarial, clean))
    offsets = torch.arange(_WINDOW, dtype=torch.float64, device=clean.device) - _WINDOW // 2
    weights = torch.softmax(-offsets.square() / (2 * _SIGMA**2), dim=0)

    def window_mean(values: Tensor) -> Tensor:
        return functional.conv2d(functional.conv2d(values, weights.reshape(1, 1, -1, 1)), weights.reshape(1, 1, 1, -1))

    mean_x, mean_y = window_mean(x), window_mean(y)
    variance_x = window_mean(x * x) - mean_x.square()
    variance_y = window_mean(y * y) - mean_y.square()
    covariance = window_mean(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x.square() + mean_y.square() + _C1)
    structure = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
    return (luminance * structure).reshape(batch, -1).mean(dim=1).float()


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
