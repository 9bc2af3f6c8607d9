"""What is evaluated: which victims and attacks, on which pictures, for which tasks, within which budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mta_core.attacks import Attack, Scope
from mta_core.budget import Budget
from mta_core.data import DataSource
from mta_core.data.content import content_of
from mta_core.explore import Subject
from mta_core.goal import AWAY, Goal
from mta_core.objective import Form, check_attackable
from mta_core.tasks import Task


@dataclass(frozen=True)
class Setting:
    """What is evaluated.

    Attributes:
        subject: the victim; attacked and measured.
        others: further victims that are shown the very same pictures and measured too: see `mta_core.transfer`.
        baselines: further attacks that are made with the same budget, each beside the `attack` and in its own rows.
        source: pictures at the victim's input size, with labels or without: where a task has none the victim's clean
            answer stands in, for the attack and for the measures.
        split: which part of the data the source is, for the rows.
        scope: one perturbation for each task, which alone is measured on it, or one for all tasks.
        goal: away from the truth, or towards a target; measures are then against the target.
        has_published: whether there are rows of the aggregation `published` too (see `Meter`).
    """

    subject: Subject
    source: DataSource
    attack: Attack
    budget: Budget
    tasks: Sequence[Task]
    split: str = "test"
    scope: Scope = "per-task"
    form: Form = "sum"
    weights: Mapping[str, float] | None = None
    goal: Goal = AWAY
    seed: int = 0
    has_published: bool = False
    others: Sequence[Subject] = ()
    baselines: Sequence[Attack] = ()

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All that are measured, the attacked one first."""
        return (self.subject, *self.others)

    @property
    def attacks(self) -> tuple[Attack, ...]:
        """All that are made, the one in question first."""
        return (self.attack, *self.baselines)

    def check(self) -> None:
        """Raises ValueError, in one sentence, where these do not go together."""
        for attack in self.attacks:
            for subject in self.subjects:
                check_attackable(attack, subject.precise, self.tasks, self.scope)
        if self.source.is_divided and self.scope == "joint":
            raise ValueError(
                f"expected per-task perturbations: {self.source.label} has pictures of its own for each task"
            )
        self.source.for_tasks(self.labelled)

    @property
    def labelled(self) -> list[Task]:
        """The tasks that the data have labels for; for the others the victim's clean answers stand in."""
        return [t for t in self.tasks if t.name in self.source.known]

    def parts(self) -> list[Setting]:
        """The same for each set of pictures, its labels in the tasks' label spaces: one, or one a task where tasks have
        pictures of their own.

        Raises:
            DataError: labels are in a space that a task does not take.
        """
        if not self.source.is_divided:
            return [replace(self, source=self.source.for_tasks(self.labelled)) if self.labelled else self]
        source = self.source.for_tasks(self.labelled)
        return [replace(self, tasks=(t,), source=source.for_task(t.name)) for t in self.tasks]

    def count(self, limit: int | None = None) -> int:
        """How many pictures of the source are used, from the first."""
        return len(self.source) if limit is None else min(limit, len(self.source))

    def pictures(self, limit: int | None = None) -> Iterator[tuple[DataSource, int]]:
        """Where each of the pictures that are used is, in their order."""
        return ((part.source, i) for part in self.parts() for i in range(part.count(limit)))

    def names(self, limit: int | None = None) -> list[str]:
        """Of the pictures that are used, in their order."""
        return [source.name_of(i) for source, i in self.pictures(limit)]

    def contents(self, limit: int | None = None) -> dict[str, str]:
        """What these pictures are, by name: see `content_of`."""
        return {source.name_of(i): content_of(source, i) for source, i in self.pictures(limit)}

    def identity(self, subject: Subject, attack: Attack) -> dict[str, Any]:
        """The part that all rows of an attack share for one of the victims."""
        return {
            "data": self.source.name, "split": self.split, "victim": subject.name,
            "source": attack.made_on(self.subject.card or self.subject.name), "attack": attack.name,
            "instance": "universal" if attack.is_universal else "per-instance", "goal": self.goal.name,
            "scope": self.scope,
            "attacked": [t.name for t in self.tasks], "norm": str(self.budget.norm), "epsilon": self.budget.units,
            "epsilon_unit": self.budget.epsilon_unit, "seed": self.seed,
        }  # fmt: skip
