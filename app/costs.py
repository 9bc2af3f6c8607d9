"""What attacks cost on this server: one measurement at a time, its results kept for all. No streamlit here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from mta_core import cost, results
from mta_core.attacks import ATTACKS
from mta_core.contenders import Setup, precisions
from mta_core.cost import Cost
from mta_core.devices import Device, load_average
from mta_core.events import Event, Message, Progress, Row
from mta_core.jobs import Job, Worker

SETUP = Setup(repeats=3)
"""The paper's generators and pictures."""


@dataclass(frozen=True)
class Measured:
    """What is known of a setup.

    Attributes:
        costs: by name, in the order of the table.
        at: when the last turn ended, local time in seconds since the epoch; None before the first.
        load: processes that wanted a processor in the minute before that; None where the system does not tell.
        cores: that computed.
        notes: what was left out of the last measurement, and why.
    """

    setup: Setup
    costs: Mapping[str, Cost]
    at: float | None = None
    load: float | None = None
    cores: int = 1
    notes: tuple[str, ...] = field(default=())

    @property
    def turns(self) -> int:
        """Of what was measured least often."""
        return min((c.turns for c in self.costs.values() if c.turns), default=0)


class Costs:
    """Starts measurements on the worker that also computes attacks, and keeps what they bring."""

    def __init__(self, device: Device, worker: Worker) -> None:
        self.device = device
        self._worker = worker
        self._measured: dict[Setup, Measured] = {}
        self._running: tuple[Setup, Job[Event]] | None = None

    @property
    def precisions(self) -> tuple[str, ...]:
        return precisions(self.device)

    def latest(self, setup: Setup) -> Measured:
        """What was measured last of the generators and of each of its attacks; before that, what is known without."""
        known = {c.name: c for c in cost.known(setup)}
        found = self._measured.get(_without_attacks(setup), Measured(setup, {}))
        attacks = {name: c for name, c in found.costs.items() if name in setup.attacks}
        return replace(
            found, setup=setup, costs={name: found.costs.get(name, c) for name, c in known.items()} | attacks
        )

    def running(self) -> tuple[Setup, Job[Event]] | None:
        """What is being measured, whoever asked for it."""
        return self._running if self._running and not self._running[1].is_done else None

    def error(self, setup: Setup) -> Exception | None:
        """What ended the last measurement, if it was of this setup."""
        return self._running[1].error if self._running and self._running[0] == setup else None

    def stopped(self, setup: Setup) -> Progress | None:
        """How far the last measurement had come when it was stopped, if it was, and of this setup."""
        if self._running is None or self._running[0] != setup or self.running():
            return None
        job = self._running[1]
        return (progress(job.events) or Progress(0, 0, "runs")) if job.is_stopping and not job.error else None

    def start(self, setup: Setup) -> None:
        """Begins, unless another measurement is under way."""
        if self.running() is None:
            self._running = (setup, self._worker.submit(lambda job: self._work(setup, job)))

    def stop(self) -> None:
        """Ends it; what was measured so far stays, as does what was measured before of the others."""
        if running := self.running():
            running[1].stop()

    def _work(self, setup: Setup, job: Job[Event]) -> Iterator[Event]:
        before = self._measured.get(_without_attacks(setup), Measured(setup, {})).costs
        costs = {c.name: c for c in cost.known(setup)} | dict(before)
        notes: list[str] = []
        for event in cost.measure(setup, self.device):
            if isinstance(event, Message):
                notes.append(event.text)
            if isinstance(event, Row):
                new = Cost(**event.values)
                old = costs.get(new.name, new)  # memory, which is measured last, is the same as before
                costs[new.name] = replace(new, peak_bytes=new.peak_bytes or old.peak_bytes)
                self._measured[_without_attacks(setup)] = Measured(
                    setup, dict(costs), time.time(), load_average(), torch.get_num_threads(), tuple(notes)
                )
            yield event
            if job.is_stopping:
                return


def _without_attacks(setup: Setup) -> Setup:
    """What generators cost does not depend on who is measured beside them."""
    return replace(setup, attacks=())


def offered() -> dict[str, str]:
    """The iterative attacks that can be measured beside the generators: labels to names."""
    return {kind.label: kind.name for kind in ATTACKS if kind.name in SETUP.attacks}


def first_offered() -> list[str]:
    """What is measured unless something else is chosen: DeepFool takes longer than all the others together."""
    return list(offered())[:1]


def setup_of(precision: str, batch_size: int, attacks: Sequence[str]) -> Setup:
    names = tuple(name for label, name in offered().items() if label in attacks)
    return replace(SETUP, precision=precision, batch_size=batch_size, attacks=names)


def progress(events: Sequence[Event]) -> Progress | None:
    return next((event for event in reversed(events) if isinstance(event, Progress)), None)


def title(setup: Setup) -> str:
    pictures = "1 picture" if setup.batch_size == 1 else f"{setup.batch_size} pictures"
    return f"{setup.precision}, {pictures} at once"


def stopped_words(at: Progress) -> str:
    return f"stopped after {at.done} of {at.total} {at.unit}" if at.total else "stopped before its first run"


def verdict(measured: Measured) -> str:
    """What came out, in plain words; empty before anything was measured."""
    of = measured.costs
    gap, mta, pgd = (of.get(name) for name in ("gap-per-instance", "mta-per-instance", "pgd"))
    if not (gap and mta and gap.milliseconds and mta.milliseconds and gap.over_mta):
        return ""
    count = measured.setup.batch_size
    pictures = "a picture" if count == 1 else f"{count} pictures"
    words = (
        f"MTA makes the {len(measured.setup.tasks)} perturbations of {pictures} in {duration(mta.milliseconds)}; GAP, "
        f"with a generator for each task, takes {duration(gap.milliseconds)}, {gap.over_mta:.2f} times as long."
    )
    if pgd and pgd.milliseconds and pgd.over_mta:
        words += f" PGD, which has no generator, takes {duration(pgd.milliseconds)}, {pgd.over_mta:.0f} times as long."
    return words


def when(measured: Measured) -> str:
    if measured.at is None:
        return "Parameters and multiply-adds are exact. Time and memory have not been measured on this server yet."
    turns = "1 turn" if measured.turns == 1 else f"the median of {measured.turns} turns"
    words = f"{turns[:1].upper()}{turns[1:]}, {time.strftime('%d %B %Y, %H:%M', time.localtime(measured.at))}."
    missing = [
        kind.label for kind in ATTACKS if kind.name in measured.setup.attacks and kind.name not in measured.costs
    ]
    if missing and not measured.notes:  # which say why
        words += f" Not measured yet: {', '.join(missing)}."
    if measured.load is not None and measured.load > 1.5 * measured.cores:
        words += (
            f" The machine was busy with other work, load {measured.load:.1f} on {measured.cores} cores: times are too "
            "long and ratios uncertain."
        )
    return words


def duration(milliseconds: float) -> str:
    if milliseconds >= 10_000:
        return f"{milliseconds / 1000:.1f} s"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


COLUMNS = (
    "Attack", "Kind", "Time", "Paper's time", "Time over MTA", "Parameters", "Paper's parameters", "Multiply-adds",
    "Peak memory",
)  # fmt: skip
NOTHING = "–"
"""Where nothing is known, or the paper has no such number."""


def table(measured: Measured) -> list[tuple[str, ...]]:
    """A row for each contender under `COLUMNS`, in words for people."""
    return [
        (
            c.label,
            c.instance,
            _written(c.milliseconds, duration),
            _written(c.paper_milliseconds, duration),
            _written(c.over_mta, lambda value: f"{value:.2f}"),
            f"{c.parameters / 1e6:.2f} M",
            _written(c.paper_parameters, lambda value: f"{value / 1e6:.2f} M"),
            _written(c.multiply_adds, lambda value: f"{value / 1e9:.1f} G"),
            _written(c.peak_bytes, lambda value: f"{value / 1e6:.0f} MB"),
        )
        for c in measured.costs.values()
    ]


def rows(measured: Measured) -> list[dict[str, Any]]:
    """The same as numbers: what `bench cost --json` writes of them."""
    return [asdict(c) for c in measured.costs.values()]


def provenance(measured: Measured, device: Device) -> dict[str, Any]:
    setup = measured.setup
    return results.provenance(
        command="the page Cost", device=device.label, seed=setup.seed, victim=setup.victim, repeats=setup.repeats,
        load_after=measured.load, measured_at=measured.at, notes=list(measured.notes),
    )  # fmt: skip


def _written(value: float | None, write: Callable[[float], str]) -> str:
    return NOTHING if value is None else write(value)
