"""The decoders of the robustness study: features of an encoder to the raw map of one task, at the picture's size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mta_core.victims.encoders import scaled, separable


def _normed(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


class DenseDecoder(nn.Sequential):
    """(B, channels_in, H / 32, W / 32) to (B, channels_out, H, W): what ResNets have.

    Four stages of a 2x2 transposed and a 3x3 convolution, to 256, 128, 64 and 48 channels, are the eight layers of the
    paper; a fifth stage, to 32 channels and to those of the task, brings the picture's size. So it is in the released
    code (columbia/MTRobust, `models/taskonomy_models.py`), and only with the fifth stage come the sizes of Table 1 out.
    """

    def __init__(self, channels_in: int, channels_out: int, fraction: float = 1.0) -> None:
        layers: list[nn.Module] = []
        before = channels_in
        for channels in (scaled(channels, fraction) for channels in (256, 128, 64, 48)):
            layers += [nn.ConvTranspose2d(before, channels, 2, stride=2), *_normed(channels)]
            layers += [nn.Conv2d(channels, channels, 3, padding=1), *_normed(channels)]
            before = channels
        last = scaled(32, fraction)
        layers += [nn.ConvTranspose2d(before, last, 2, stride=2), *_normed(last)]
        super().__init__(*layers, nn.Conv2d(last, channels_out, 3, padding=1))


class LightDecoder(nn.Module):
    """(B, channels_in, H / 16, W / 16) to (B, channels_out, H, W): what the short Xception has.

    Behind a separable convolution to 96 channels come eight layers, transposed and separable convolutions in turn; the
    last one also sees 16 channels of the encoder's features, enlarged to the picture's size. So it is in the code of
    Standley et al. (`xception_taskonomy_small`).
    """

    def __init__(self, channels_in: int, channels_out: int, fraction: float = 1.0) -> None:
        super().__init__()
        wide, middle, narrow, beside = (scaled(channels, fraction) for channels in (96, 64, 32, 16))
        self.coarse = nn.Sequential(*separable(channels_in, beside), nn.BatchNorm2d(beside))
        self.layers = nn.Sequential(
            *separable(channels_in, wide), nn.BatchNorm2d(wide),
            nn.ConvTranspose2d(wide, wide, 2, stride=2), *_normed(wide), *separable(wide, middle), *_normed(middle),
            nn.ConvTranspose2d(middle, middle, 2, stride=2), *_normed(middle),
            *separable(middle, middle, 5), *_normed(middle),
            nn.ConvTranspose2d(middle, narrow, 2, stride=2), *_normed(narrow),
            *separable(narrow, narrow, 5), *_normed(narrow),
            nn.ConvTranspose2d(narrow, narrow, 2, stride=2), *_normed(narrow),
        )  # fmt: skip
        self.last = nn.Sequential(*separable(narrow + beside, channels_out, 5))

    def forward(self, features: Tensor) -> Tensor:
        fine = self.layers(features)
        coarse = F.interpolate(self.coarse(features), fine.shape[-2:], mode="bilinear").relu()
        return self.last(torch.cat([fine, coarse], 1))  # type: ignore[no-any-return]
