"""One probe measured: some tasks of a model under attack, and the errors of all of them.

Pictures stream: only one batch and running sums are held. The attack climbs in the device's fast precision, answers are
measured in float32. Every picture draws its own random numbers, so findings do not depend on the batch size beyond the
rounding of the fast precision; but for the L2 step of the released code, which is one for a whole batch: it has its
`RELEASED_BATCH`, the last one may have fewer, and so they have where memory ends before that.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mta_core import bootstrap
from mta_core.attacked import answer, in_double
from mta_core.attacks.pgd import RELEASED
from mta_core.bootstrap import Interval
from mta_core.data import DataSource
from mta_core.events import Event, Pause, Progress
from mta_core.explore import Subject
from mta_core.kinds import JOINT
from mta_core.objective import check_attackable, make_problem
from mta_core.streaming import stream
from mta_core.study import errors
from mta_core.study.findings import Finding
from mta_core.study.plan import Probe
from mta_core.study_presets import LETTERS
from mta_core.tasks import Task, task

NUM_REPLICATES = 1000
"""Of the bootstrap over pictures."""
RELEASED_BATCH = 32
"""Pictures that share a perturbation of the released L2 step: the batch of the released code."""
PAUSE = Pause()
Ends = Interval | None


def tasks_of(letters: str, spaces: Mapping[str, str]) -> list[Task]:
    """Tasks by their letters, in the label spaces of a victim.

    Raises:
        ValueError: it does not answer one of them.
    """
    if missing := [LETTERS[letter] for letter in letters if LETTERS[letter] not in spaces]:
        raise ValueError(f"expected a victim that answers {', '.join(missing)}, it answers {', '.join(spaces)}")
    return [task(LETTERS[letter], spaces[LETTERS[letter]]) for letter in letters]


def measure(
    probe: Probe,
    subject: Subject,
    source: DataSource,
    *,
    limit: int | None = None,
    batch_size: int = 16,
    seed: int = 0,
    unreadable: list[str] | None = None,
) -> Generator[Event, None, list[Finding]]:
    """Progress after every batch, whose values are `max_perturbation`, in the unit of epsilon, and `num_outside`, and a
    pause after every step; returns what was found of each task of the model, in their order.

    Args:
        subject: a victim that answers at least the tasks of the probe's model.
        source: pictures at its input size with labels of these tasks, which are converted to its label spaces. A
            picture without a label of a task does not count for that task, and the others alone are attacked in it.
        limit: how many pictures, from the first; all where it is None.
        seed: of the attack, and of the bootstrap.
        unreadable: filled with the names of the pictures that were left out.

    Raises:
        ValueError: the victim does not answer these tasks, its answers are not finite, or a number is below 1.
        DataError: labels are missing or cannot be read, or no picture at all.
    """
    if batch_size < 1 or (limit is not None and limit < 1):
        raise ValueError("expected a batch size and a limit of at least 1")
    tasks = tasks_of(probe.model, subject.precise.tasks)
    work = _Work(probe, subject, tasks, seed, Sums(tasks, seed=seed))
    check_attackable(probe.attack, subject.precise, work.attacked, "joint")
    labelled = source.for_tasks(tasks)
    total = len(source) if limit is None else min(limit, len(source))
    size = RELEASED_BATCH if probe.l2_step == RELEASED else batch_size
    left_out = [] if unreadable is None else unreadable

    def keep(found: _Batch) -> Iterator[Event]:
        work.keep(found)
        yield work.progress(total)

    yield from stream(labelled, range(total), size, left_out, work.attack, keep)
    return work.findings(source.name)


@dataclass(frozen=True)
class _Batch:
    """Statistics (B, S) by task, clean and adversarial, and how far the pictures were moved, (B,) each."""

    clean: Mapping[str, Tensor]
    adversarial: Mapping[str, Tensor]
    moved: Tensor
    is_inside: Tensor


@dataclass
class _Work:
    """A measurement under way."""

    probe: Probe
    subject: Subject
    tasks: Sequence[Task]
    seed: int
    sums: Sums
    largest: float = 0.0
    """Norm of the largest perturbation, on the scale of epsilon."""
    num_outside: int = 0

    @property
    def attacked(self) -> list[Task]:
        return [t for t in self.tasks if t.letter in self.probe.attacked]

    def attack(self, images: Tensor, targets: Mapping[str, Tensor], first: int) -> Generator[Event, None, _Batch]:
        """What becomes of one batch, (B, 3, H, W) in [0, 1], the data's `first`-th picture and those after it."""
        subject, budget, attack = self.subject, self.probe.budget, self.probe.attack
        clean = subject.device.put(images)
        labels = {t.name: targets[t.name].to(clean.device) for t in self.tasks}
        before = answer(subject, clean, self.tasks)
        yield PAUSE
        problem = make_problem(
            subject.followed_by(attack, self.attacked), clean, {t.name: labels[t.name] for t in self.attacked}, budget,
            scope="joint", victim_name=subject.name, seed=self.seed, first=first,
        )  # fmt: skip
        adversarial = clean
        for step in attack.run(problem):
            assert step.perturbation == JOINT
            adversarial = step.adversarial
            yield PAUSE
        after = answer(subject, adversarial, self.tasks)
        moved, start = in_double(adversarial), in_double(clean)
        return _Batch(
            self._statistics(before, labels), self._statistics(after, labels), budget.norm_of(moved - start),
            budget.contains(moved, start),
        )  # fmt: skip

    def _statistics(self, answers: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {
            t.name: errors.statistics(t, in_double(answers[t.name]), in_double(labels[t.name])).cpu()
            for t in self.tasks
        }

    def keep(self, found: _Batch) -> None:
        self.sums.add(found.clean, found.adversarial)
        self.largest = max(self.largest, float(found.moved.max()))
        self.num_outside += int((~found.is_inside).sum())

    def progress(self, total: int) -> Progress:
        budget = self.probe.budget
        shown = {
            "max_perturbation": self.largest * budget.units / budget.epsilon, "num_outside": float(self.num_outside)
        }  # fmt: skip
        return Progress(self.sums.num_pictures, total, "pictures", shown, "measuring")

    def findings(self, data: str) -> list[Finding]:
        card = self.subject.card
        return [
            Finding(
                self.probe, t.letter, *self.sums.values(t), *self.sums.intervals(t), self.sums.counts[t.name],
                self.seed, self.subject.name, "" if card is None else card.sha256, data,
            )
            for t in self.tasks
        ]  # fmt: skip


@dataclass
class Sums:
    """Errors of any number of pictures, clean and adversarial, with intervals of both and of what lies between.

    Only sums are kept. The intervals come from `mta_core.bootstrap`; each replicate sees the same pictures clean as
    adversarial.

    Attributes:
        num_pictures: that were added.
        counts: of them, those with a label, by task.
    """

    tasks: Sequence[Task]
    num_replicates: int = NUM_REPLICATES
    seed: int = 0
    num_pictures: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = torch.Generator().manual_seed(self.seed)
        self._clean: dict[str, Tensor] = {}  # (1 + R, S)
        self._adversarial: dict[str, Tensor] = {}

    def add(self, clean: Mapping[str, Tensor], adversarial: Mapping[str, Tensor]) -> None:
        """Statistics of the same pictures by task, (B, S) float64 each: see `errors.statistics`."""
        number = len(next(iter(clean.values())))
        weights = bootstrap.draw(number, self.num_replicates, self._random)  # (B, 1 + R)
        for t in self.tasks:
            for sums, own in ((self._clean, clean[t.name]), (self._adversarial, adversarial[t.name])):
                sums[t.name] = sums.get(t.name, 0) + weights.T @ own
            self.counts[t.name] = self.counts.get(t.name, 0) + int(clean[t.name].any(1).sum())
        self.num_pictures += number

    def values(self, task: Task) -> tuple[float, float, float]:
        """Clean and adversarial error and the relative vulnerability; NaN where nothing is labelled."""
        clean, adversarial, relative = (float(values[0]) for values in self._replicates(task))
        return clean, adversarial, relative

    def intervals(self, task: Task) -> tuple[Ends, Ends, Ends]:
        """95 % intervals of the three; None where fewer than two pictures have a label."""
        if self.counts[task.name] < 2:
            return None, None, None
        clean, adversarial, relative = (bootstrap.interval(values) for values in self._replicates(task))
        return clean, adversarial, relative

    def _replicates(self, task: Task) -> tuple[Tensor, Tensor, Tensor]:
        """The three over the pictures that are there and over each replicate's, (1 + R,)."""
        clean = errors.error(task, self._clean[task.name])
        adversarial = errors.error(task, self._adversarial[task.name])
        relative = (adversarial - clean) / clean
        return clean, adversarial, torch.where(relative.isfinite(), relative, math.nan)
