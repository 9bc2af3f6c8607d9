"""A table being reproduced: its runs one after the other, and what came out of them."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mta_core import data, victims
from mta_core.attacks import Attack, make_attack
from mta_core.budget import Budget
from mta_core.data import DataError, DataSource
from mta_core.devices import Device
from mta_core.events import Event, Progress, Row
from mta_core.explore import Subject
from mta_core.generators.resnet import count_parameters
from mta_core.kinds import Aim
from mta_core.reproduce.notes import notes_on
from mta_core.reproduce.plan import Column, Line, Run, Table
from mta_core.reproduce.report import Filled, Report, not_run
from mta_core.reproduce.scales import Scale
from mta_core.reproduce.trained import NotThere
from mta_core.setting import Setting
from mta_core.targets import parse_goal
from mta_core.tasks import Task, task
from mta_core.transfer import transfer
from mta_core.weights import Card, find_card

Values = Mapping[str, Any]


def check_data(table: Table, text: str) -> DataSource:
    """The test pictures that `--data` means.

    Raises:
        DataError: they are none for this table, or cannot be opened.
    """
    if text.partition(":")[0] not in (table.stand_in, table.data):
        raise DataError(f"expected data among {table.stand_in}, {table.data}:PATH for {table.name}, got {text!r}")
    return data.open_data(text, "test")


@dataclass
class Outcome:
    """What became of a run: its rows, or why there are none.

    Attributes:
        values: largest perturbation in 1/255, and how many pictures are outside the budget.
    """

    rows: list[Values] = field(default_factory=list)
    reason: str = ""
    values: Values = field(default_factory=dict)


@dataclass
class Reproduction:
    """One table at one scale on one data set.

    Attributes:
        data: as `--data` takes it.
        limit: pictures of each run, of each task where tasks have pictures of their own; None for all.
        outcomes: of the runs so far.
        weights: sha256 of every weight file that was used, by name.
        generators: cards of those that were used.
        victims: cards and numbers of parameters of those that were used.
        names, unreadable: of the pictures that were measured, and of those that were left out.
        contents: what the pictures are, by name: see `Setting.contents`.
        failures: why runs could not be made, each reason once, but for weights that are not there yet.
    """

    table: Table
    scale: Scale
    data: str
    device: Device
    limit: int | None = None
    batch_size: int = 8
    seed: int = 0
    outcomes: dict[Run, Outcome] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    generators: dict[Run, Card] = field(default_factory=dict)
    victims: dict[str, tuple[Card, int]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _subjects: dict[str, Subject] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises DataError where the data are none for this table, or cannot be opened."""
        check_data(self.table, self.data)

    @property
    def has_some(self) -> bool:
        """Whether anything was measured."""
        return bool(self.rows())

    @property
    def is_comparable(self) -> bool:
        """Whether the data are those of the paper."""
        return self.data.partition(":")[0] == self.table.data

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        return tuple(task(name) for name in self.table.tasks)

    def run(self) -> Iterator[Event]:
        """Makes what is missing, measures, and remembers; a run that cannot be made says why, and the others go on.

        Raises:
            DataError: the pictures, which all runs share, cannot be read.
        """
        runs = self.table.runs
        for number, run in enumerate(runs, 1):
            try:
                self.outcomes[run] = yield from self._measure(run, f"run {number} of {len(runs)}")
            except DataError:
                raise
            except (NotThere, ValueError) as reason:
                self.outcomes[run] = Outcome(reason=str(reason))
                if not isinstance(reason, NotThere) and str(reason) not in self.failures:
                    self.failures.append(str(reason))

    def _measure(self, run: Run, stage: str) -> Generator[Event, None, Outcome]:
        subject, card = yield from self._subject(run.victim)
        attacked, made_on = yield from self._subject(run.source)
        budget = Budget.from_units("linf", run.epsilon)
        attack = yield from self._attack(run, made_on, budget)
        if run.is_generative:
            attacked, made_on = subject, card  # a generator needs no victim to draw
        source = data.open_data(self.data, "test", made_on.input_size)
        setting = Setting(
            attacked, source, attack, budget, self.tasks, source.split,
            goal=parse_goal(run.target, self.tasks, attacked), seed=self.seed,
            has_published="published" in self.table.aggregations,
        )  # fmt: skip
        outcome = Outcome()
        unreadable: list[str] = []
        options = {"limit": self.limit, "batch_size": self.batch_size, "unreadable": unreadable}
        for event in transfer(setting, subject, **options):
            if isinstance(event, Row):
                outcome.rows += [event.values] if event.values["victim"] == subject.name else []
                continue
            if isinstance(event, Progress):
                outcome.values = event.values
                event = Progress(event.done, event.total, event.unit, event.values, stage)
            yield event
        self.unreadable = list(dict.fromkeys(self.unreadable + unreadable))
        self.names = [name for name in setting.names(self.limit) if name not in unreadable]
        self.contents = setting.contents(self.limit)
        return outcome

    def _subject(self, role: str) -> Generator[Event, None, tuple[Subject, Card]]:
        if role not in self._subjects:
            name = yield from self.scale.victim(role)
            victim, card = victims.load(name)
            if missing := [t for t in self.table.tasks if t not in card.tasks]:
                raise ValueError(f"the victim {name} does not answer {', '.join(missing)}")
            self.weights |= victims.digests(card)
            self.victims[role] = card, count_parameters(victim)
            self._subjects[role] = Subject.prepare(card.name, victim, self.device, card)
        return self._subjects[role], self.victims[role][0]

    def _attack(self, run: Run, victim: Card, budget: Budget) -> Generator[Event, None, Attack]:
        if not run.is_generative:
            return make_attack(run.attack)
        name = yield from self.scale.generator(run, victim, Aim(self.table.tasks, "per-task", run.target, budget))
        card, _ = find_card("generator", name)
        self.generators[run] = card
        self.weights[card.name] = card.sha256
        return make_attack(run.attack, instance=run.instance, generator=name)

    def rows(self) -> list[Values]:
        """Every row that was measured, run by run."""
        return [row for outcome in self.outcomes.values() for row in outcome.rows]

    def about(self) -> dict[str, Any]:
        """For provenance."""
        return {
            "weights": self.weights, "data": self.data.partition(":")[0], "names": self.names,
            "contents": self.contents, "scale": self.scale.name,
            "limit": self.limit, "unreadable": self.unreadable, "batch_size": self.batch_size,
        }  # fmt: skip

    def report(self) -> Report:
        """What there is so far."""
        lines = tuple(self._filled(line) for line in self.table.lines)
        notes = (*notes_on(self), *not_run(lines), *self.table.notes)
        table = self.table
        return Report(table.name, table.title, table.heads, table.columns, lines, self.is_comparable, notes)

    def _filled(self, line: Line) -> Filled:
        outcome = self.outcomes.get(line.run, Outcome(reason="its turn did not come"))
        if outcome.reason:
            return Filled(line.labels, reason=outcome.reason, paper=line.paper)
        ours = {name: self._numbers(line, outcome.rows, name) for name in self.table.aggregations}
        difference: list[float | None] = []
        if self.is_comparable and line.paper:
            pairs = zip(ours[self.table.aggregations[0]], line.paper, strict=True)
            difference = [None if a is None or b is None else a - b for a, b in pairs]
        return Filled(line.labels, ours, "", line.paper, difference)

    def _numbers(self, line: Line, rows: Sequence[Values], aggregation: str) -> list[float | None]:
        wanted = [row for row in rows if row["aggregation"] == aggregation]
        return [_number(column, line.kind, wanted) for column in self.table.columns]


def _number(column: Column, kind: str, rows: Sequence[Values]) -> float | None:
    """A column's value as the paper prints it; None where a part of it was not measured."""
    values = [
        float(row[kind])
        for row in rows
        if row["metric"] == column.metric and (not column.task or row["task"] == column.task)
    ]
    if not values or any(math.isnan(value) for value in values):
        return None
    return column.factor * sum(values) / len(values)
