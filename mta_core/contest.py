"""Two sides of trained generators on the same pictures: who fools more, and how sure is that?

Each side may bring several generators, trained with other seeds; a side's measure is the mean over them. Intervals are
paired: every bootstrap replicate draws the same pictures for both sides, so that what makes a picture easy for both
cancels out.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mta_core.data import DataError
from mta_core.data.loader import batches
from mta_core.evaluate import AttackedBatch, Setting, attack_batch, in_double
from mta_core.events import Event, Progress, Row
from mta_core.tasks import Measure, Task

NUM_REPLICATES = 1000
FLOOR = 1e-3
"""Of a measure before its logarithm: a mIoU of zero would count without end."""
STRENGTH = "log_ratio"
"""What the mean over tasks of the log ratios is called in rows."""


@dataclass
class _Record:
    """Sufficient statistics of every picture, (n, S), clean and for each setting."""

    clean: list[Tensor] = field(default_factory=list)
    adversarial: dict[int, list[Tensor]] = field(default_factory=dict)

    def of(self, number: int | None) -> Tensor:
        return torch.cat(self.clean if number is None else self.adversarial[number])


def contest(
    one: Sequence[Setting], other: Sequence[Setting], *, limit: int | None = None, batch_size: int = 8
) -> Iterator[Event]:
    """Progress after every batch, then a `Row` for each measure of each task, and one for the mean log ratio.

    A row has `task, metric, clean, one, other` (means over each side's settings), `difference` (one minus other),
    `ci95` of it, paired, `winner` ("one", "other", or "" where the interval holds zero), `n`, and `each`, the measure
    under every setting. The stronger attack wins. The log ratio is that of the task's main measure under attack to the
    clean one, its sign such that more is a stronger attack; `task` is "" where it is the mean over the tasks.

    Raises:
        ValueError: the settings do not go together, or a side has none.
        DataError: the data cannot be read.
    """
    settings = [*one, *other]
    _check(one, other)
    parts = list(zip(*(setting.parts() for setting in settings), strict=True))
    records = {t.name: _Record() for t in settings[0].tasks}
    sizes = [min(limit or len(part[0].source), len(part[0].source)) for part in parts]
    done = 0
    for part, size in zip(parts, sizes, strict=True):
        for first, (images, targets) in _numbered(part[0], size, batch_size):
            _record(records, part, images, targets, first)
            done += len(images)
            yield Progress(done, sum(sizes), "pictures", stage="comparing")
    sides = list(range(len(one))), list(range(len(one), len(settings)))
    yield from _rows(settings[0].tasks, records, *sides, seed=settings[0].seed)


def _check(one: Sequence[Setting], other: Sequence[Setting]) -> None:
    if not (one and other):
        raise ValueError("expected at least one generator on each side")
    first = one[0]
    for setting in (*one, *other):
        setting.check()
        if setting.source is not first.source or setting.subject is not first.subject or setting.tasks != first.tasks:
            raise ValueError("expected both sides to attack the same tasks of one victim on the same pictures")
        if setting.goal != first.goal:
            raise ValueError("expected both sides to have the same goal")


def _numbered(
    setting: Setting, size: int, batch_size: int
) -> Iterator[tuple[int, tuple[Tensor, Mapping[str, Tensor]]]]:
    first = 0
    for images, targets in batches([setting.source], [(0, index) for index in range(size)], batch_size):
        yield first, (images, targets)
        first += len(images)
    if not first:
        raise DataError(f"expected pictures in {setting.source.label}, found none")


def _record(
    records: Mapping[str, _Record],
    settings: Sequence[Setting],
    images: Tensor,
    targets: Mapping[str, Tensor],
    first: int,
) -> None:
    for number, setting in enumerate(settings):
        (answers,) = _whole(attack_batch(setting, images, targets, first)).made[0].answers
        for t in setting.tasks:
            truth, before = in_double(answers.reference[t.name]), in_double(answers.clean[t.name])
            record = records[t.name]
            if number == 0:
                record.clean.append(t.statistics(before, truth, before).cpu())
            after = t.statistics(in_double(answers.adversarial[t.name]), truth, before).cpu()
            record.adversarial.setdefault(number, []).append(after)


def _whole(work: Generator[None, None, AttackedBatch]) -> AttackedBatch:
    """What it returns, all steps at once."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            made: AttackedBatch = end.value
            return made


def _rows(
    tasks: Sequence[Task], records: Mapping[str, _Record], one: Sequence[int], other: Sequence[int], *, seed: int
) -> Iterator[Row]:
    ratios: dict[int, list[Tensor]] = {number: [] for number in (*one, *other)}
    for t in tasks:
        record = records[t.name]
        count = len(record.of(None))
        random = torch.Generator().manual_seed(seed)  # the same draws of pictures for every task and side
        rates = torch.ones(NUM_REPLICATES, count, dtype=torch.float64)
        weights = torch.cat([torch.ones(1, count, dtype=torch.float64), torch.poisson(rates, generator=random)])
        clean = t.measures_of(weights @ record.of(None))
        attacked = {number: t.measures_of(weights @ record.of(number)) for number in ratios}
        for measure in t.measures:
            values = {number: found[measure.name] for number, found in attacked.items()}
            yield _row(t.name, measure, clean[measure.name], values, one, other, count)
        main = t.main_measure
        sign = -1 if main.higher_is_better else 1
        for number, found in attacked.items():
            ratio = (found[main.name] + FLOOR).log() - (clean[main.name] + FLOOR).log()
            ratios[number].append(sign * ratio)
    strength = Measure(STRENGTH, "Mean log ratio", "", False)
    means = {number: torch.stack(each).mean(0) for number, each in ratios.items()}
    yield _row("", strength, torch.zeros_like(means[one[0]]), means, one, other, count)


def _row(
    task: str,
    measure: Measure,
    clean: Tensor,
    values: Mapping[int, Tensor],
    one: Sequence[int],
    other: Sequence[int],
    count: int,
) -> Row:
    sides = [torch.stack([values[number] for number in side]).mean(0) for side in (one, other)]
    difference = sides[0] - sides[1]
    bounds = torch.nanquantile(difference[1:], torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    side = side_of_zero(bounds) * (-1 if measure.higher_is_better else 1)  # 1: one leaves the victim worse off
    return Row(
        {
            "task": task, "metric": measure.name, "unit": measure.unit, "higher_is_better": measure.higher_is_better,
            "clean": float(clean[0]), "one": float(sides[0][0]), "other": float(sides[1][0]),
            "difference": float(difference[0]), "ci95": bounds, "winner": ("", "one", "other")[side], "n": count,
            "each": {"one": [float(values[n][0]) for n in one], "other": [float(values[n][0]) for n in other]},
        }
    )  # fmt: skip


def side_of_zero(bounds: Sequence[float]) -> int:
    """1 where an interval lies above zero, -1 where it lies below, 0 where it holds it."""
    low, high = bounds
    return 1 if low > 0 else -1 if high < 0 else 0
