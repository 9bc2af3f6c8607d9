"""Does an attack survive, over a data set: rows of every measure after every transformation."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor

from mta_core.attacked import AttackedBatch, answer_clean, make
from mta_core.attacks import JOINT
from mta_core.events import Event, Progress, Row
from mta_core.setting import Setting
from mta_core.streaming import stream
from mta_core.survival.base import Trial
from mta_core.survival.measuring import Before, answers_after
from mta_core.survival.saving import UNTOUCHED
from mta_core.tally import Meters, Tally, rows_of

KEYS = ("transform", "strength")
"""What a row has beside the keys of `mta_core.results.ROW_KEYS`: the name of the transformation, `none` for untouched
pictures, and its strength, None where it has none."""
Statistics = list[dict[str, Tensor]]
"""(B, S) by task: of the clean pictures, then of what each attack made of them."""


@dataclass(frozen=True)
class _Batch:
    """Pictures under every attack, and what each trial made of them."""

    attacked: AttackedBatch
    after: list[Statistics]


def survive(
    setting: Setting,
    trials: Sequence[Trial],
    *,
    limit: int | None = None,
    batch_size: int = 8,
    unreadable: list[str] | None = None,
) -> Iterator[Event]:
    """Progress as pictures are done, then the rows of the untouched pictures and of every trial, in that order.

    A row is one of `mta_core.evaluate` and has `KEYS` besides. Its `clean` is of clean pictures after the same
    transformation, its `adversarial` of adversarial ones: they differ by what is left of the attack. The rows of
    untouched pictures are those of `evaluate`, to the last digit.

    Args:
        setting: the attack, with random noise among its baselines where that is to stand beside it.
        limit: how many pictures, from the first; all where it is None.
        unreadable: filled with the names of the pictures that were left out.

    Raises:
        ValueError: the victim, attack, data and tasks do not go together, or a number is below 1.
        DataError: labels cannot be read, or no picture at all.
    """
    left_out: list[str] = [] if unreadable is None else unreadable
    if batch_size < 1 or (limit is not None and limit < 1):
        raise ValueError("expected a batch size and a limit of at least 1")
    setting.check()
    identities = [setting.identity(setting.subject, attack) for attack in setting.attacks]
    parts = setting.parts()
    total, meters = (
        sum(part.count(limit) for part in parts),
        [[Meters.empty(setting) for _ in identities] for _ in trials],
    )
    run = _Run(setting, trials, total, Tally.empty(setting), meters)
    for part in parts:
        yield from stream(
            part.source,
            range(part.count(limit)),
            batch_size,
            left_out,
            partial(run.tried, part),
            partial(run.keep, part),
        )
    yield from run.rows(identities)


@dataclass(frozen=True)
class _Run:
    """A measurement under way.

    Attributes:
        total: how many pictures there are.
        tally: of the untouched ones.
        meters: by trial and attack.
    """

    setting: Setting
    trials: Sequence[Trial]
    total: int
    tally: Tally
    meters: list[list[Meters]]

    def _progress(self, stage: str = "attacking") -> Progress:
        return replace(self.tally.progress(self.total, self.setting.budget), stage=stage)

    def tried(
        self, part: Setting, images: Tensor, targets: Mapping[str, Tensor], first: int
    ) -> Generator[Event, None, _Batch]:
        """One batch attacked, then after every trial."""
        clean = answer_clean(part, images, targets)
        made = []
        for attack in part.attacks:
            work = make(part, attack, clean, first)
            while True:
                try:
                    next(work)
                except StopIteration as end:
                    made.append(end.value)
                    break
                yield self._progress()
        before = Before(clean.references[0], clean.answers[0], (images.shape[-2], images.shape[-1]))
        shown = [{JOINT: clean.images}, *(each.pictures for each in made)]
        after = []
        for trial in self.trials:
            yield self._progress(trial.title)
            found: Statistics = []
            for pictures in shown:
                answers = answers_after(part.subject, part.tasks, trial, pictures, seed=part.seed, first=first)
                found.append({t.name: before.statistics(t, answers[t.name], trial) for t in part.tasks})
            after.append(found)
        return _Batch(AttackedBatch(clean.images, made), after)

    def keep(self, part: Setting, batch: _Batch) -> Iterator[Event]:
        self.tally.add(part, batch.attacked)
        for of_trial, (clean, *others) in zip(self.meters, batch.after, strict=True):
            for meters, statistics in zip(of_trial, others, strict=True):
                for t in part.tasks:
                    meters.clean[t.name].add(clean[t.name])
                    meters.adversarial[t.name].add(statistics[t.name])
        yield self._progress()

    def rows(self, identities: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
        plain = [of_attack[0] for of_attack in self.tally.meters]
        for trial, of_trial in zip([UNTOUCHED, *self.trials], [plain, *self.meters], strict=True):
            added = dict(zip(KEYS, (trial.transformation.name, trial.strength), strict=True))
            for identity, meters in zip(identities, of_trial, strict=True):
                for t in (t for t in self.setting.tasks if meters.clean[t.name].num_pictures):
                    for row in rows_of(identity, t, meters, self.setting.goal):
                        yield Row({**row.values, **added})
