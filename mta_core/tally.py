"""What was measured so far of an evaluation, and its rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mta_core import distributed
from mta_core.attacked import Answers, AttackedBatch, in_double
from mta_core.budget import Budget
from mta_core.events import Progress, Row
from mta_core.goal import AWAY, Goal
from mta_core.setting import Setting
from mta_core.tasks import Meter, Task
from mta_core.tasks.meter import PUBLISHED

AGGREGATIONS = ("pooled", "per-picture")
NUM_REPLICATES = 200
"""Bootstrap replicates of a confidence interval."""


@dataclass(frozen=True)
class Meters:
    """What one victim does under one attack, by task."""

    clean: dict[str, Meter]
    adversarial: dict[str, Meter]

    @classmethod
    def empty(cls, setting: Setting) -> Meters:
        return cls(
            {t.name: Meter(t, num_replicates=0, has_published=setting.has_published) for t in setting.tasks},
            {
                t.name: Meter(t, num_replicates=NUM_REPLICATES, seed=setting.seed, has_published=setting.has_published)
                for t in setting.tasks
            },
        )

    def state(self) -> dict[str, Any]:
        """As tensors and numbers: see `Meter.state`."""
        kept = {"clean": self.clean, "adversarial": self.adversarial}
        return {kind: {name: meter.state() for name, meter in meters.items()} for kind, meters in kept.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        for kind, meters in (("clean", self.clean), ("adversarial", self.adversarial)):
            for name, meter in meters.items():
                meter.restore(state[kind][name])

    def add(self, tasks: Sequence[Task], answers: Answers) -> None:
        for t in tasks:
            reference, before = in_double(answers.reference[t.name]), in_double(answers.clean[t.name])
            self.clean[t.name].update(before, reference, before)
            self.adversarial[t.name].update(in_double(answers.adversarial[t.name]), reference, before)

    @property
    def all(self) -> list[Meter]:
        return [*self.clean.values(), *self.adversarial.values()]


@dataclass
class Tally:
    """What was measured so far.

    Attributes:
        meters: by attack and victim, in the order of `Setting.attacks` and `Setting.subjects`.
        max_perturbation: norm of the largest perturbation, on the scale of epsilon.
        num_outside: adversarial pictures that left the budget or [0, 1]; every pixel of every picture is looked at.
    """

    meters: list[list[Meters]]
    num_pictures: int = 0
    max_perturbation: float = 0.0
    num_outside: int = 0
    by_part: dict[int, int] = field(default_factory=dict)
    """Pictures of each of `Setting.parts`."""
    begin: float = field(default_factory=time.perf_counter)

    def state(self) -> dict[str, Any]:
        """As tensors and numbers, for `restore` of an empty tally made alike."""
        return {
            "meters": [[each.state() for each in of_attack] for of_attack in self.meters],
            "num_pictures": self.num_pictures, "max_perturbation": self.max_perturbation,
            "num_outside": self.num_outside, "by_part": dict(self.by_part),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError, ValueError or RuntimeError where that is the state of nothing alike."""
        for own, kept in zip(self.meters, state["meters"], strict=True):
            for each, one in zip(own, kept, strict=True):
                each.restore(one)
        self.num_pictures, self.max_perturbation = int(state["num_pictures"]), float(state["max_perturbation"])
        self.num_outside, self.by_part = int(state["num_outside"]), dict(state["by_part"])

    @classmethod
    def empty(cls, setting: Setting) -> Tally:
        return cls([[Meters.empty(setting) for _ in setting.subjects] for _ in setting.attacks])

    def add(self, setting: Setting, batch: AttackedBatch) -> None:
        clean = in_double(batch.images)
        for meters, made in zip(self.meters, batch.made, strict=True):
            for own, answers in zip(meters, made.answers, strict=True):
                own.add(setting.tasks, answers)
            for pictures in map(in_double, made.pictures.values()):
                largest = float(setting.budget.norm_of(pictures - clean).max())
                self.max_perturbation = max(self.max_perturbation, largest)
                self.num_outside += int((~setting.budget.contains(pictures, clean)).sum())
        self.num_pictures += len(clean)

    @property
    def _all_meters(self) -> list[Meter]:
        return [meter for of_attack in self.meters for each in of_attack for meter in each.all]

    def skip(self, tasks: Sequence[Task], count: int) -> None:
        """Leaves the first pictures of these tasks to other processes."""
        for each in (each for of_attack in self.meters for each in of_attack):
            for t in tasks:
                each.clean[t.name].skip(count)
                each.adversarial[t.name].skip(count)

    def unite(self) -> None:
        """Becomes the tally of all processes, to rounding that of one which had all pictures."""
        own = (
            self.num_pictures, self.max_perturbation, self.num_outside, [meter.sums() for meter in self._all_meters],
        )  # fmt: skip
        counts, largest, outside, sums = zip(*distributed.gathered(own), strict=True)
        self.num_pictures, self.max_perturbation, self.num_outside = sum(counts), max(largest), sum(outside)
        for meter, shares in zip(self._all_meters, zip(*sums, strict=True), strict=True):
            meter.unite(shares)

    def progress(self, total: int, budget: Budget) -> Progress:
        """Its values hold the largest perturbation in the budget's unit and how many pictures are outside."""
        speed = self.num_pictures / max(time.perf_counter() - self.begin, 1e-9)
        values = {
            "max_perturbation": self.max_perturbation * budget.units / budget.epsilon,
            "num_outside": float(self.num_outside),
            "pictures per second": speed,
        }
        return Progress(self.num_pictures, total, "pictures", values, "evaluating")


def rows(setting: Setting, identities: Sequence[Sequence[Mapping[str, Any]]], tally: Tally) -> Iterator[Row]:
    """The rows of what was measured so far, with the keys of `mta_core.results.ROW_KEYS`.

    Args:
        identities: see `Setting.identity`; by attack and victim.
    """
    for of_attack, meters in zip(identities, tally.meters, strict=True):
        for identity, own in zip(of_attack, meters, strict=True):
            for t in (t for t in setting.tasks if own.clean[t.name].num_pictures):
                yield from rows_of(identity, t, own, setting.goal)


def rows_of(identity: Mapping[str, Any], task: Task, meters: Meters, goal: Goal = AWAY) -> Iterator[Row]:
    """One row for each measure and aggregation of a task.

    Args:
        identity: see `Setting.identity`.
    """
    clean, adversarial = meters.clean[task.name], meters.adversarial[task.name]
    for aggregation in (*AGGREGATIONS, *([PUBLISHED] if adversarial.has_published else [])):
        before, after = clean.compute(aggregation), adversarial.compute(aggregation)
        intervals = adversarial.interval(aggregation)
        for measure in task.measures:
            interval = intervals[measure.name]
            yield Row(
                {
                    **identity,
                    "task": task.name, "metric": measure.named(goal.is_targeted).name, "aggregation": aggregation,
                    "unit": measure.unit, "higher_is_better": measure.higher_is_better,
                    "clean": before[measure.name], "adversarial": after[measure.name],
                    "ci95": None if interval is None else list(interval), "n": adversarial.num_pictures,
                }
            )  # fmt: skip
