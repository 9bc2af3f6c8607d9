"""MTL-R Table 1: the settings, their models' sizes and costs, counted from our networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from mta_core.events import Event
from mta_core.generators.resnet import count_parameters
from mta_core.multiply_adds import multiply_adds
from mta_core.reproduce.plan import Column
from mta_core.reproduce.report import Filled, Report
from mta_core.study.plan import pairs
from mta_core.study.printed import SIZES
from mta_core.study_presets import SETTINGS, Setting
from mta_core.victims.encoder_decoder import EncoderDecoder, table1_cost

NAME = "mtlr-table1"
PAIR = {"depth": "log", "normals": "components"}
"""Four channels of answers, as the paper's counts are of."""
SIDE = 256
COLUMNS = (
    Column("Models", "", "models", 1, 0),
    Column("Epochs", "", "epochs", 1, 0),
    Column("Size", "", "parameters", 1, 2, "M"),
    Column("Cost", "", "operations", 1, 2, "B"),
    Column("Multiply-adds", "", "multiply_adds", 1, 2, "B"),
)
NOTES = (
    "Sizes and costs are of a model of two tasks whose answers have four channels together, such as depth and normals, "
    "for a picture of 256x256: so are the paper's, whatever tasks stand beside them; every further task costs a "
    "decoder more.",
    "Cost counts as the paper's counter does: a transposed convolution as if it worked at every place of its output "
    "(each of its products four times), and bias, batch norm, ReLU and pooling too. Multiply-adds are those that are "
    "really made.",
    "Xception is 0.2 % and 0.3 % away, the authors' own version of it being unpublished; Wide-ResNet-50 0.01 B.",
    "Models: the paper counts every main task with every auxiliary one, itself among them. With the same weight for "
    "all tasks the two orders of a pair are one model, which is trained once; those of S4 differ in their weights.",
)


@cache
def sizes(encoder: str) -> tuple[float, float, float]:
    """Of a pair: millions of parameters, billions of operations as Table 1 counts, billions of multiply-adds."""
    with torch.device("meta"):
        victim = EncoderDecoder(PAIR, (SIDE, SIDE), encoder).eval()
        products = multiply_adds(victim, torch.empty(1, 3, SIDE, SIDE))
    return count_parameters(victim) / 1e6, table1_cost(victim, (SIDE, SIDE)) / 1e9, products / 1e9


def models(setting: Setting) -> int:
    """Networks that differ: alone and in pairs, whose order matters where the main task has another weight."""
    orders = 2 if setting.is_weighted else 1
    return len(setting.letters) + orders * len(pairs(setting.letters))


@dataclass
class SettingsReproduction:
    """Table 1 needs no data and no training."""

    seed: int = 0
    has_some: bool = True

    def run(self) -> Iterator[Event]:
        yield from ()

    def rows(self) -> list[Mapping[str, Any]]:
        """None: counts are no measures of a task."""
        return []

    @property
    def failures(self) -> list[str]:
        """None: there is nothing that could be missing."""
        return []

    @property
    def unreadable(self) -> list[str]:
        """None: no picture is read."""
        return []

    def about(self) -> dict[str, Any]:
        """For provenance: nothing was used."""
        return {}

    def report(self) -> Report:
        lines = []
        for name, setting in SETTINGS.items():
            ours = [float(models(setting)), float(setting.epochs), *sizes(setting.encoder)]
            printed = SIZES[name]
            paper = [float(printed.models), float(setting.epochs), printed.size, printed.cost, None]
            weights = "Optimal" if setting.is_weighted else "Uniform"
            difference = [a - b if b is not None else None for a, b in zip(ours, paper, strict=True)]
            lines.append(
                Filled((name.upper(), setting.encoder, weights, setting.letters), {"": ours}, "", paper, difference)
            )
        heads = ("Setting", "Encoder", "Weighted", "Tasks")
        return Report(NAME, "MTL-R Table 1: the settings of the study", heads, COLUMNS, tuple(lines), True, NOTES)
