"""MTA Table 7: how many parameters three generators have beside one of three heads, and how long they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from mta_core import presets
from mta_core.bench import Clock
from mta_core.devices import Device
from mta_core.events import Event, Progress
from mta_core.generators import GapGenerator, Generator, MtaGenerator
from mta_core.generators.resnet import count_parameters
from mta_core.kinds import Instance
from mta_core.reproduce import printed
from mta_core.reproduce.mta import INSTANCES, METHODS
from mta_core.reproduce.plan import Column
from mta_core.reproduce.recipes import generator_preset
from mta_core.reproduce.report import Filled, Report

NAME = "mta-table7"
TITLE = "MTA Table 7: three perturbations for one picture of 288x384: parameters and time"
KINDS: Mapping[str, type[Generator]] = {"gap": GapGenerator, "mta": MtaGenerator}
COLUMNS = (Column("P", "", "parameters", 1, 2, "M"), Column("T", "", "time", 1, 1, "ms"))
SIZE = (288, 384)
NOTES = (
    "In the paper three universal perturbations, of four blocks, take longer than three per-instance ones, of ten: "
    "that cannot come from the generators.",
    "With universal perturbations every task has noise of its own (section 3.1), so that the shared encoder runs once "
    "a task and saves parameters rather than time; they are drawn once and stored, and cost nothing when attacking.",
)
Key = tuple[Instance, str]


@dataclass
class CostReproduction:
    """The paper's four generators, untrained: neither count nor time depends on the weights.

    They take turns in one process, so that a busy machine slows all alike.

    Attributes:
        size: height and width of the picture.
        ngf: 64 in the paper.
        parameters: by kind; milliseconds once `run` is through.
    """

    device: Device
    repeats: int = 5
    seed: int = 0
    size: tuple[int, int] = SIZE
    ngf: int = 64
    parameters: dict[Key, int] = field(default_factory=dict)
    milliseconds: dict[Key, float] = field(default_factory=dict)

    def run(self) -> Iterator[Event]:
        """Progress after every turn."""
        networks = {key: self._network(*key) for key in _keys()}
        picture = torch.rand(1, 3, *self.size, generator=torch.Generator().manual_seed(self.seed))
        clean = self.device.put(picture)
        warm, clock = Clock(self.device.torch_device), Clock(self.device.torch_device)
        for turn in range(self.repeats + 1):
            for key, network in networks.items():
                # The first pass chooses and compiles kernels.
                (clock if turn else warm).run("-".join(key), partial(_pass, network, clean))
            yield Progress(turn + 1, self.repeats + 1, "turns", stage="timing")
        self.milliseconds = {key: clock.milliseconds("-".join(key)) for key in networks}

    def _network(self, instance: Instance, method: str) -> nn.Module:
        recipe = presets.generator_preset(generator_preset("dmtl-paper", method, instance, "") or "mta-paper")
        noise = {"noise_size": self.size} if instance == "universal" else {}
        torch.manual_seed(self.seed)
        network = KINDS[method](recipe.tasks, self.ngf, recipe.num_blocks, **noise)
        # The noise of a universal generator is stored beside its parameters, but never learnt.
        self.parameters[instance, method] = count_parameters(network) - count_parameters(network.noise)
        return self.device.freeze(network)

    def rows(self) -> list[Mapping[str, Any]]:
        """None: costs are no measures of a task."""
        return []

    def report(self) -> Report:
        lines = []
        for instance, label in INSTANCES.items():
            own = {m: (self.parameters[instance, m] / 1e6, self.milliseconds[instance, m]) for m in METHODS}
            paper = {m: printed.TABLE7[instance, m] for m in METHODS}
            for method, shown in METHODS.items():
                lines.append(Filled((label, shown), {"": own[method]}, "", paper[method]))
            ratios = [tuple(g / m for g, m in zip(w["gap"], w["mta"], strict=True)) for w in (own, paper)]
            lines.append(Filled((label, "GAP over MTA"), {"": ratios[0]}, "", ratios[1]))
        machine = self.device.label.rpartition(", ")[0] or self.device.label  # without its fast precision
        timed = (
            f"Timed in float32 on {machine}, one picture at a time, the median of {self.repeats} turns; the paper's "
        )
        notes = (f"{timed}times belong to another machine.", *self._notes(), *NOTES)
        return Report(NAME, TITLE, ("", "Method"), COLUMNS, tuple(lines), False, notes)

    def _notes(self) -> list[str]:
        """That the paper prints a tenth, where these are the paper's generators."""
        shares = [self.parameters[key] / 1e6 / printed.TABLE7[key][0] for key in _keys()]
        if not all(9.8 < share < 10.2 for share in shares):
            return []
        counted = ", ".join(f"{self.parameters[key]:,}" for key in _keys())
        return [
            "The paper's P is a tenth of what its architecture has, in all four cells (a slip of the decimal point): "
            f"counted here are {counted} parameters."
        ]


def _keys() -> list[Key]:
    return [(instance, method) for instance in INSTANCES for method in METHODS]


def _pass(network: nn.Module, picture: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        directions: dict[str, torch.Tensor] = network(picture)
    return next(iter(directions.values()))
