"""MTA Table 7: how many parameters three generators have beside one with three heads, and how long they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mta_core import cost
from mta_core.contenders import Setup
from mta_core.devices import Device
from mta_core.events import Event, Row
from mta_core.reproduce.mta import INSTANCES, METHODS, ROOM_TASKS
from mta_core.reproduce.plan import Column
from mta_core.reproduce.report import Filled, Report

NAME = "mta-table7"
TITLE = "MTA Table 7: three perturbations for one picture of 288x384: parameters and time"
COLUMNS = (Column("P", "", "parameters", 1, 2, "M"), Column("T", "", "time", 1, 1, "ms"))
NAMES = tuple(f"{method}-{instance}" for instance in INSTANCES for method in METHODS)
"""Of what the paper compares, in its order."""


@dataclass
class CostReproduction:
    """The paper's four generators, untrained: neither count nor time depends on the weights. See `mta_core.cost`.

    Attributes:
        setup: what is compared; the paper's sizes unless told otherwise.
        costs: what is known of each by name; with times after the first turn of `run`.
    """

    device: Device
    setup: Setup
    costs: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, device: Device, **changes: Any) -> CostReproduction:
        """At the paper's sizes but for the fields of `Setup` that are named."""
        return cls(device, Setup(**{"tasks": ROOM_TASKS, "attacks": (), **changes}))

    @property
    def seed(self) -> int:
        return self.setup.seed

    @property
    def has_some(self) -> bool:
        """Whether anything was measured."""
        return bool(self.costs)

    def run(self) -> Iterator[Event]:
        """Progress after every piece of work."""
        for event in cost.measure(self.setup, self.device):
            if isinstance(event, Row):
                self.costs[event.values["name"]] = event.values
            else:
                yield event
            if all(name in self.costs and self.costs[name]["turns"] == self.setup.repeats for name in NAMES):
                return  # memory, which would follow, is not in the table

    @property
    def failures(self) -> list[str]:
        """None: there is nothing that could be missing."""
        return []

    @property
    def unreadable(self) -> list[str]:
        """None: no picture is read."""
        return []

    def about(self) -> dict[str, Any]:
        """For provenance: no weights and no data were used."""
        return {}

    def rows(self) -> list[Mapping[str, Any]]:
        """None: costs are no measures of a task."""
        return []

    def report(self) -> Report:
        """What there is so far: counts before a measurement, times after it."""
        costs = {entry.name: vars(entry) for entry in cost.known(self.setup)} | self.costs
        lines: list[Filled] = []
        for instance, label in INSTANCES.items():
            own, paper = ({m: kind(costs[f"{m}-{instance}"]) for m in METHODS} for kind in (_ours, _papers))
            for method, shown in METHODS.items():
                lines.append(Filled((label, shown), {"": own[method]}, "", paper[method]))
            lines.append(Filled((label, "GAP over MTA"), {"": _ratio(own)}, "", _ratio(paper)))
        machine = self.device.label.rpartition(", ")[0] or self.device.label  # without its fast precision
        turns = min((costs[name]["turns"] for name in NAMES if costs[name]["turns"]), default=0)
        how = f"one picture at a time, {'one turn' if turns == 1 else f'the median of {turns} turns'}"
        timed = f"Timed in {self.setup.precision} on {machine}, {how}; the paper's times belong to another machine. "
        timed += "Untrained networks, at either scale: neither count nor time depends on the weights."
        notes = (*([timed] if turns else []), *(cost.REMARKS if self.setup.is_papers else ()))
        return Report(NAME, TITLE, ("", "Method"), COLUMNS, tuple(lines), False, notes)


Pair = tuple[float | None, float | None]
"""Millions of parameters and milliseconds."""


def _ours(values: Mapping[str, Any]) -> Pair:
    return values["parameters"] / 1e6, values["milliseconds"]


def _papers(values: Mapping[str, Any]) -> Pair:
    printed = values["paper_parameters"]
    return None if printed is None else printed / 1e6, values["paper_milliseconds"]


def _ratio(by_method: Mapping[str, Pair]) -> Pair:
    parameters, time = (
        None if a is None or b is None else a / b for a, b in zip(by_method["gap"], by_method["mta"], strict=True)
    )
    return parameters, time
