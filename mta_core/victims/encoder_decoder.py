"""The victims of the robustness study (MTL-R, Appendix B): one encoder for all tasks, a decoder for each.

Sizes and multiply-adds of a model of two tasks whose answers have four channels together, such as depth and normals, at
256x256, beside the paper's Table 1. The paper's cost counts as a common counter of that time (ptflops) does: a
transposed convolution as if it worked at every place of its output (each of its 2x2 products four times), and bias,
batch norm, ReLU and pooling too; `table1_cost` counts so, `mta_core.multiply_adds` what is really multiplied.

| encoder | parameters | Table 1 | counted as there | Table 1 | multiply-adds |
| --- | --- | --- | --- | --- | --- |
| resnet18 | 14.19 M | 14.19 M | 6.09 B | 6.09 B | 4.53 B |
| resnet50 | 29.66 M | 29.66 M | 9.90 B | 9.90 B | 7.70 B |
| resnet152 | 64.30 M | 64.30 M | 19.64 B | 19.64 B | 17.40 B |
| wide_resnet50_2 | 72.99 M | 72.99 M | 19.46 B | 19.45 B | 17.25 B |
| xception | 4.32 M | 4.33 M | 3.63 B | 3.64 B | 2.82 B |

So Table 1 is of pairs of tasks, whatever is written beside it; more tasks cost a decoder more each. Xception's is 0.2 %
and 0.3 % away: the authors' own version of it is not published with the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mta_core.victims.backbone import load_body
from mta_core.victims.base import Victim
from mta_core.victims.decoders import DenseDecoder, LightDecoder
from mta_core.victims.dmtl import CHANNELS, check_spaces
from mta_core.victims.encoders import XceptionEncoder, make_encoder

START = 0.05
"""Of the usual size of its weights, with which the last convolution of a decoder starts."""
TYPICAL = {"log": 0.62}
"""Of labels in these spaces, where it is not near 0: two metres."""


class EncoderDecoder(Victim):
    """One encoder, and a decoder for each task.

    Args:
        encoder: one of `ENCODERS`.
        fraction: of the channels of encoder and decoders; 1 is the paper's, 0.25 makes a ResNet-18 of one task 0.8
            million parameters.

    Raises:
        ValueError: there is no such encoder or label space, no task, or the fraction is out of range.
    """

    architecture = "encoder-decoder"
    summary = "one encoder shared by all tasks, a decoder of its own for each"

    def __init__(
        self,
        tasks: Mapping[str, str],
        input_size: tuple[int, int] = (256, 256),
        encoder: str = "resnet18",
        fraction: float = 1.0,
    ) -> None:
        super().__init__(tasks, input_size)
        check_spaces(tasks)
        self.encoder_name, self.fraction = encoder, fraction
        self.encoder = make_encoder(encoder, fraction)
        decoder = LightDecoder if isinstance(self.encoder, XceptionEncoder) else DenseDecoder
        self.decoders = nn.ModuleDict(
            {name: decoder(self.encoder.channels, CHANNELS[space], fraction) for name, space in tasks.items()}
        )
        _initialise(self)

    def options(self) -> dict[str, Any]:
        return {"encoder": self.encoder_name, "fraction": self.fraction}

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        features = self.encoder(normalised)
        return {task: decoder(features) for task, decoder in self.decoders.items() if task in tasks}

    def load_backbone(self, path: Path) -> None:
        """Takes the encoder from a weight file of the same network, its classifier left out: see `load_body`."""
        load_body(self.encoder, self.encoder_name, path)


def _initialise(victim: EncoderDecoder) -> None:
    """As the released code does, by the fan-out of each convolution. But for the last ones, which no batch norm
    follows: they start near zero, where labels lie. Else the first answers would be many times as large as any label,
    and of depths, which differ by some hundredths, a short training would learn little more than their mean."""
    for module in victim.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    for name, decoder in victim.decoders.items():
        last = [module for module in decoder.modules() if isinstance(module, nn.Conv2d)][-1]
        nn.init.kaiming_normal_(last.weight, mode="fan_in", nonlinearity="linear")
        with torch.no_grad():
            last.weight *= START
            if last.bias is not None:
                last.bias += TYPICAL.get(victim.tasks[name], 0.0)


def table1_cost(victim: EncoderDecoder, size: tuple[int, int] = (256, 256)) -> int:
    """The cost of one picture, counted as in the paper's Table 1: see above. Needs no memory for a victim on `meta`."""
    counts: list[int] = []

    def count(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        numbers = output.numel()
        match layer:
            case nn.Conv2d() | nn.ConvTranspose2d():
                products = layer.in_channels // layer.groups * layer.weight[0, 0].numel()
                counts.append(numbers * (products + (layer.bias is not None)))
            case nn.BatchNorm2d():
                counts.append(2 * numbers)
            case nn.ReLU():
                counts.append(numbers)
            case nn.MaxPool2d():
                counts.append(given[0].numel())

    hooks = [module.register_forward_hook(count) for module in victim.modules()]
    try:
        with torch.no_grad():
            victim.predict(torch.empty(1, 3, *size, device=next(victim.parameters()).device), victim.tasks)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(counts)
