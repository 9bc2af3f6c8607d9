"""The encoders of the robustness study (MTL-R, Appendix B): classifiers without what classifies.

ResNets are made of torchvision's own blocks, under torchvision's names, so that weights published for them fit.
Xception (Chollet, CVPR 2017) is not in torchvision; the study's is the short one of Standley et al., "Which Tasks
Should Be Learned Together in Multi-task Learning?" (ICML 2020; `xception_taskonomy_small` of their code): an entry flow
of three blocks to 96, 192 and 512 channels, each ended by a 2x2 convolution of stride 2 in place of the pooling, four
middle blocks of two separable convolutions, and a separable convolution to 256 channels; 1/16 of the picture's size.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

ENCODERS = ("resnet18", "resnet50", "resnet152", "wide_resnet50_2", "xception")
BLOCKS = {
    "resnet18": (2, 2, 2, 2),
    "resnet50": (3, 4, 6, 3),
    "resnet152": (3, 8, 36, 3),
    "wide_resnet50_2": (3, 4, 6, 3),
}
"""Blocks of each of a ResNet's four stages."""
STAGES = (64, 128, 256, 512)
"""Channels of each of a ResNet's four stages, before a bottleneck's expansion."""
GRAIN = 8
"""Numbers of channels are multiples of it."""
MIN_FRACTION, MAX_FRACTION = 0.05, 2.0


def scaled(channels: int, fraction: float) -> int:
    """A fraction of so many channels, to the nearest multiple of `GRAIN`, at least one."""
    return max(1, round(channels * fraction / GRAIN)) * GRAIN


def separable(channels_in: int, channels_out: int, kernel: int = 3) -> list[nn.Module]:
    """A convolution of each channel by itself, then one across them."""
    return [
        nn.Conv2d(channels_in, channels_in, kernel, padding=kernel // 2, groups=channels_in, bias=False),
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
    ]


class ResNetEncoder(nn.Module):
    """(B, 3, H, W) to (B, channels, H / 32, W / 32), H and W multiples of 32.

    Args:
        name: one of `BLOCKS`.
        fraction: of the channels at every stage.
    """

    stride = 32

    def __init__(self, name: str, fraction: float = 1.0) -> None:
        super().__init__()
        block = BasicBlock if name == "resnet18" else Bottleneck
        base_width = 128 if name == "wide_resnet50_2" else 64
        self.channels = scaled(STAGES[0], fraction)
        self.conv1 = nn.Conv2d(3, self.channels, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(self.channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        layers = []
        for number, (planes, count) in enumerate(zip(STAGES, BLOCKS[name], strict=True)):
            stride = 1 if number == 0 else 2
            layers.append(self._stage(block, scaled(planes, fraction), count, stride, base_width))
        self.layer1, self.layer2, self.layer3, self.layer4 = layers

    def _stage(
        self, block: type[BasicBlock | Bottleneck], planes: int, count: int, stride: int, base_width: int
    ) -> nn.Sequential:
        before, self.channels = self.channels, planes * block.expansion
        narrower = None
        if stride != 1 or before != self.channels:
            conv = nn.Conv2d(before, self.channels, 1, stride=stride, bias=False)
            narrower = nn.Sequential(conv, nn.BatchNorm2d(self.channels))
        first = block(before, planes, stride, narrower, base_width=base_width)
        return nn.Sequential(first, *(block(self.channels, planes, base_width=base_width) for _ in range(count - 1)))

    def forward(self, pictures: Tensor) -> Tensor:
        features = self.maxpool(self.relu(self.bn1(self.conv1(pictures))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = stage(features)
        return features  # type: ignore[no-any-return]


class XceptionBlock(nn.Module):
    """Two separable convolutions beside a shortcut; of stride 2 where the number of channels changes."""

    def __init__(
        self, channels_in: int, channels_out: int, *, is_first: bool = False, is_narrowing: bool = True
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [] if is_first else [nn.ReLU()]  # not in place: the shortcut reads what it reads
        layers += [*separable(channels_in, channels_out), nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)]
        layers += [*separable(channels_out, channels_out), nn.BatchNorm2d(channels_out)]
        self.shortcut: nn.Module = nn.Identity()
        if is_narrowing:
            layers.append(nn.Conv2d(channels_out, channels_out, 2, stride=2))
            narrower = nn.Conv2d(channels_in, channels_out, 1, stride=2, bias=False)
            self.shortcut = nn.Sequential(narrower, nn.BatchNorm2d(channels_out))
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features) + self.shortcut(features)  # type: ignore[no-any-return]


class XceptionEncoder(nn.Module):
    """(B, 3, H, W) to (B, channels, H / 16, W / 16), H and W multiples of 16.

    Args:
        fraction: of the channels at every stage.
    """

    stride = 16

    def __init__(self, fraction: float = 1.0) -> None:
        super().__init__()
        entry, second, third, fourth, middle, self.channels = (
            scaled(channels, fraction) for channels in (24, 48, 96, 192, 512, 256)
        )
        self.layers = nn.Sequential(
            nn.Conv2d(3, entry, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(entry), nn.ReLU(inplace=True),
            nn.Conv2d(entry, second, 3, padding=1, bias=False), nn.BatchNorm2d(second), nn.ReLU(inplace=True),
            XceptionBlock(second, third, is_first=True), XceptionBlock(third, fourth), XceptionBlock(fourth, middle),
            *(XceptionBlock(middle, middle, is_narrowing=False) for _ in range(4)),
            *separable(middle, self.channels), nn.BatchNorm2d(self.channels), nn.ReLU(inplace=True),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> Tensor:
        return self.layers(pictures)  # type: ignore[no-any-return]


def make_encoder(name: str, fraction: float = 1.0) -> ResNetEncoder | XceptionEncoder:
    """An encoder of random weights.

    Raises:
        ValueError: there is no such encoder, or the fraction is outside [`MIN_FRACTION`, `MAX_FRACTION`].
    """
    if name not in ENCODERS:
        raise ValueError(f"expected an encoder among {', '.join(ENCODERS)}, got {str(name)[:100]!r}")
    if type(fraction) not in (int, float) or not MIN_FRACTION <= fraction <= MAX_FRACTION:
        raise ValueError(f"expected a fraction of the channels in [{MIN_FRACTION}, {MAX_FRACTION}], got {fraction!r}")
    return XceptionEncoder(fraction) if name == "xception" else ResNetEncoder(name, fraction)
