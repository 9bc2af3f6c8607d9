"""Two sides of trained generators on the same pictures: who fools more, and how sure is that?

Each side may bring several generators, trained with other seeds; a side's measure is the mean over them. Intervals are
paired: every bootstrap replicate draws the same pictures for both sides, so that what makes a picture easy for both
cancels out.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mta_core.attacked import Answers, Made, answer_clean, in_double, make
from mta_core.events import Event, Progress, Row
from mta_core.goal import Goal
from mta_core.setting import Setting
from mta_core.streaming import stream
from mta_core.tally import Meters, rows_of
from mta_core.tasks import Measure, Task

NUM_REPLICATES = 1000
FLOOR = 1e-3
"""Of a measure before its logarithm: a mIoU of zero would count without end."""
STRENGTH = Measure("log_ratio", "Log ratio", "", False, is_of_change=True)
"""How far a task's main measure goes from the clean one, in logarithms; more is a stronger attack."""
BOUNDS = torch.tensor([0.025, 0.975], dtype=torch.float64)


@dataclass
class _Record:
    """Sufficient statistics of every picture, (n, S), clean and for each setting."""

    clean: list[Tensor] = field(default_factory=list)
    adversarial: dict[int, list[Tensor]] = field(default_factory=dict)

    def of(self, number: int | None) -> Tensor:
        return torch.cat(self.clean if number is None else self.adversarial[number])


Statistics = Mapping[str, tuple[Tensor, Sequence[Tensor]]]
"""Of one batch by task, (B, S) each: clean, and for each setting."""


@dataclass
class _Tally:
    """What was measured so far, by task."""

    records: Mapping[str, _Record]
    total: int
    done: int = 0

    def add(self, batch: Statistics) -> Iterator[Event]:
        """Keeps a batch and tells of it."""
        for name, (clean, adversarial) in batch.items():
            self.records[name].clean.append(clean)
            for number, after in enumerate(adversarial):
                self.records[name].adversarial.setdefault(number, []).append(after)
        self.done += len(next(iter(batch.values()))[0])
        yield self.progress()

    def progress(self) -> Progress:
        return Progress(self.done, self.total, "pictures", stage="comparing")


@dataclass(frozen=True)
class _Values:
    """A measure over all pictures and over those of every replicate, (1 + R,), clean and for each setting."""

    measure: Measure
    clean: Tensor
    adversarial: Mapping[int, Tensor]

    def of(self, side: Sequence[int]) -> Tensor:
        return torch.stack([self.adversarial[number] for number in side]).mean(0)


@dataclass(frozen=True)
class _Sides:
    """The numbers of the settings on each side, and whether they lead towards a target."""

    one: Sequence[int]
    other: Sequence[int]
    is_targeted: bool


def contest(
    one: Sequence[Setting],
    other: Sequence[Setting],
    *,
    limit: int | None = None,
    batch_size: int = 8,
    unreadable: list[str] | None = None,
    measured: list[list[Mapping[str, Any]]] | None = None,
) -> Iterator[Event]:
    """Progress after every batch, then a `Row` for each measure of each task and for its log ratio, and one for the
    mean over the tasks of each measure that all of them have; the log ratio is one.

    A row has `task` ("" for the mean), `metric, clean, one, other` (means over each side's settings), `difference` (one
    minus other) with its `ci95`, `share` (one over other) with its `share_ci95`, both paired, `winner` ("one", "other",
    or "" where the interval of the difference holds zero), `n`, and `each`, the measure under every setting. The
    stronger attack wins. The log ratio is that of the task's main measure under attack to the clean one, its sign such
    that more is a stronger attack.

    Batches that do not fit and pictures that cannot be read are dealt with as in `evaluate`.

    Args:
        measured: filled with the rows that `evaluate` has of each setting, those of `one` first.

    Raises:
        ValueError: the settings do not go together, or a side has none.
        DataError: the data cannot be read, or no picture at all.
    """
    settings = [*one, *other]
    _check(one, other)
    left_out: list[str] = [] if unreadable is None else unreadable
    # Now: what they name may be gone when the work is done.
    identities = [setting.identity(setting.subject, setting.attack) for setting in settings]
    parts = list(zip(*(setting.parts() for setting in settings), strict=True))
    sizes = [min(limit or len(part[0].source), len(part[0].source)) for part in parts]
    tally = _Tally({t.name: _Record() for t in settings[0].tasks}, sum(sizes))
    for part, size in zip(parts, sizes, strict=True):
        yield from stream(part[0].source, range(size), batch_size, left_out, partial(_attacked, tally, part), tally.add)
    if measured is not None:
        for number, identity in enumerate(identities):
            measured.append(list(_alone(settings[number], identity, number, tally.records)))
    sides = _Sides(range(len(one)), range(len(one), len(settings)), settings[0].goal.is_targeted)
    yield from _rows(settings[0], tally.records, sides)


def _check(one: Sequence[Setting], other: Sequence[Setting]) -> None:
    if not (one and other):
        raise ValueError("expected at least one generator on each side")
    first = one[0]
    for setting in (*one, *other):
        setting.check()
        if setting.source is not first.source or setting.subject is not first.subject or setting.tasks != first.tasks:
            raise ValueError("expected both sides to attack the same tasks of one victim on the same pictures")
        if not _is_same(setting.goal, first.goal):
            raise ValueError("expected both sides to have the same goal")


def _is_same(goal: Goal, other: Goal) -> bool:
    """Whether two goals want the same, however it is written."""
    both = goal.answers, other.answers
    is_alike = goal.is_targeted == other.is_targeted and both[0].keys() == both[1].keys()
    return is_alike and all(torch.equal(answer, both[1][name]) for name, answer in both[0].items())


def _attacked(
    tally: _Tally, settings: Sequence[Setting], images: Tensor, targets: Mapping[str, Tensor], first: int
) -> Generator[Event, None, Statistics]:
    """One batch under every attack; the victim answers the clean pictures once."""
    clean = answer_clean(settings[0], images, targets)
    attacked = []
    for setting in settings:
        attacked.append(_statistics(setting.tasks, _whole(make(setting, setting.attack, clean, first)).answers[0]))
        yield tally.progress()
    before = _statistics(settings[0].tasks, Answers(clean.references[0], clean.answers[0], clean.answers[0]))
    return {name: (own, [after[name] for after in attacked]) for name, own in before.items()}


def _statistics(tasks: Sequence[Task], answers: Answers) -> dict[str, Tensor]:
    maps = {
        t.name: [in_double(each[t.name]) for each in (answers.adversarial, answers.reference, answers.clean)]
        for t in tasks
    }
    return {t.name: t.statistics(*maps[t.name]).cpu() for t in tasks}


def _whole(work: Generator[None, None, Made]) -> Made:
    """What it returns, all steps at once."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            made: Made = end.value
            return made


def _rows(setting: Setting, records: Mapping[str, _Record], sides: _Sides) -> Iterator[Row]:
    counts = {t.name: len(records[t.name].of(None)) for t in setting.tasks}
    random = torch.Generator().manual_seed(setting.seed)
    is_divided = setting.source.is_divided
    draws = _draws(counts[setting.tasks[0].name], random)  # the same for all tasks where they share their pictures
    found: list[list[_Values]] = []
    for t in setting.tasks:
        if found and is_divided:
            draws = _draws(counts[t.name], random)
        found.append(_measured(t, records[t.name], draws, sides.is_targeted))
        yield from (_row(t.name, values, sides, counts[t.name]) for values in found[-1])
    count = sum(counts.values()) if is_divided else draws.shape[1]
    yield from (_row("", values, sides, count) for values in _means(found))


def _alone(
    setting: Setting, identity: Mapping[str, Any], number: int, records: Mapping[str, _Record]
) -> Iterator[Mapping[str, Any]]:
    """The rows of one setting, as `evaluate` has them."""
    meters = Meters.empty(setting)
    for t in setting.tasks:
        meters.clean[t.name].add(records[t.name].of(None))
        meters.adversarial[t.name].add(records[t.name].of(number))
        yield from (row.values for row in rows_of(identity, t, meters, setting.goal))


def _draws(count: int, random: torch.Generator) -> Tensor:
    """How often each of so many pictures counts, (1 + R, count): once, then in every replicate."""
    once = torch.ones(1, count, dtype=torch.float64)
    return torch.cat([once, torch.poisson(once.expand(NUM_REPLICATES, count), generator=random)])


def _measured(task: Task, record: _Record, draws: Tensor, is_targeted: bool) -> list[_Values]:
    """Every measure of a task, and last the log ratio of the main one."""
    clean = task.measures_of(draws @ record.of(None))
    attacked = {number: task.measures_of(draws @ record.of(number)) for number in record.adversarial}
    found = [
        _Values(m, clean[m.name], {number: values[m.name] for number, values in attacked.items()})
        for m in task.measures
    ]
    main = task.main_measure
    sign = 1 if main.is_raised(is_targeted) else -1
    before = (clean[main.name] + FLOOR).log()
    ratios = {number: sign * ((values[main.name] + FLOOR).log() - before) for number, values in attacked.items()}
    return [*found, _Values(STRENGTH, torch.zeros_like(before), ratios)]


def _means(found: Sequence[Sequence[_Values]]) -> Iterator[_Values]:
    """Of each measure that all tasks have, the mean over the tasks; none where there is one task only."""
    for first in found[0] if len(found) > 1 else ():
        same = [values for of_task in found for values in of_task if values.measure == first.measure]
        if len(same) == len(found):
            adversarial = {
                n: torch.stack([values.adversarial[n] for values in same]).mean(0) for n in first.adversarial
            }
            yield _Values(first.measure, torch.stack([values.clean for values in same]).mean(0), adversarial)


def _row(task: str, values: _Values, sides: _Sides, count: int) -> Row:
    measure, one, other = values.measure, values.of(sides.one), values.of(sides.other)
    difference, share = one - other, one / other
    bounds = torch.nanquantile(difference[1:], BOUNDS).tolist()
    side = side_of_zero(bounds) * (1 if measure.is_raised(sides.is_targeted) else -1)  # 1: one is the stronger attack
    return Row(
        {
            "task": task, "metric": measure.named(sides.is_targeted).name, "unit": measure.unit,
            "higher_is_better": measure.higher_is_better, "clean": float(values.clean[0]),
            "one": float(one[0]), "other": float(other[0]), "difference": float(difference[0]), "ci95": bounds,
            "share": float(share[0]), "share_ci95": torch.nanquantile(share[1:], BOUNDS).tolist(),
            "winner": ("", "one", "other")[side], "n": count,
            "each": {name: [float(values.adversarial[n][0]) for n in numbers]
                     for name, numbers in (("one", sides.one), ("other", sides.other))},
        }
    )  # fmt: skip


def side_of_zero(bounds: Sequence[float]) -> int:
    """1 where an interval lies above zero, -1 where it lies below, 0 where it holds it."""
    low, high = bounds
    return 1 if low > 0 else -1 if high < 0 else 0
