"""How much an attack costs a victim over a data set: any victim, data, attack, budget and tasks to rows.

Pictures stream: only one batch and running sums are held. Attacks climb gradients in the device's fast precision,
measures are always taken in float32. Every picture draws its own random numbers, so rows do not depend on the batch
size beyond the rounding of the fast precision.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mta_core import distributed
from mta_core.attacks import JOINT, Attack, Scope
from mta_core.budget import Budget
from mta_core.data import DataSource
from mta_core.events import Event, Pause, Progress, Row
from mta_core.explore import Subject
from mta_core.goal import AWAY, Goal
from mta_core.objective import Form, check_attackable, make_problem
from mta_core.shares import share_out
from mta_core.streaming import stream
from mta_core.tasks import Meter, Task
from mta_core.tasks.meter import PUBLISHED, PUBLISHED_BATCH
from mta_core.victims import check_finite

AGGREGATIONS = ("pooled", "per-picture")
NUM_REPLICATES = 200
"""Bootstrap replicates of a confidence interval."""


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
        for t in self.tasks:
            space = self.source.spaces.get(t.name, t.space)
            if space != t.space:
                raise ValueError(f"{self.source.label} has {t.name} labels in {space}, the victim answers in {t.space}")

    def parts(self) -> list[Setting]:
        """The same for each set of pictures: one, or one a task where tasks have pictures of their own."""
        if not self.source.is_divided:
            return [self]
        return [replace(self, tasks=(t,), source=self.source.for_task(t.name)) for t in self.tasks]

    def names(self, limit: int | None = None) -> list[str]:
        """Of the pictures that are used, in their order."""
        return [part.source.name_of(i) for part in self.parts() for i in range(_count(part.source, limit))]

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


def evaluate(
    setting: Setting,
    *,
    limit: int | None = None,
    batch_size: int = 8,
    unreadable: list[str] | None = None,
    is_live: bool = False,
    state: Mapping[str, Any] | None = None,
    save: Callable[[Callable[[], dict[str, Any]]], object] | None = None,
) -> Iterator[Event]:
    """Progress after every batch, then a `Row` for each attack, victim, task, measure and aggregation, in that order.

    A batch that does not fit into the device's memory is halved, and a picture that cannot be read is left out; a
    message says so.

    Of several processes each takes its share of the pictures; progress is that of its own, the rows are those of all.

    Args:
        limit: how many pictures, from the first; all where it is None.
        unreadable: filled with the names of the pictures that were left out.
        is_live: for one who follows, and shares the accelerator: progress comes with every step of the attack too, and
            all rows, of the pictures so far, follow that of each batch; the last ones are the result. In one process.
        state: what an earlier call with the same arguments gave to `save`: it goes on from there. In one process.
        save: given, after each batch, what makes that state, of tensors and numbers.

    Raises:
        KeyError, TypeError, RuntimeError: `state` is of nothing alike.
        ValueError: the victim, attack, data and tasks do not go together, or a number is below 1.
        DataError: labels cannot be read, or no picture at all.
    """
    left_out: list[str] = [] if unreadable is None else unreadable
    if batch_size < 1 or (limit is not None and limit < 1):
        raise ValueError("expected a batch size and a limit of at least 1")
    setting.check()
    # Now: what they name may be gone when the work is done.
    identities = [[setting.identity(subject, attack) for subject in setting.subjects] for attack in setting.attacks]
    assert not is_live or distributed.size() == 1, "one who follows would see a share of the pictures only"
    parts = setting.parts()
    shares = []
    for part in parts:
        together = PUBLISHED_BATCH if setting.has_published else 1
        shares.append((yield from share_out(part.source, _count(part.source, limit), left_out, together)))
    total = sum(len(share.indices) for share in shares)
    tally = Tally.empty(setting)
    so_far = partial(rows, setting, identities, tally) if is_live else None
    known: list[str] = []
    if state is not None:
        tally.restore(state["tally"])
        known = list(state["left_out"])
        yield tally.progress(total, setting.budget)
        yield from so_far() if so_far is not None else ()
        yield BATCH_DONE

    def everything() -> dict[str, Any]:
        return {"tally": tally.state(), "left_out": list(left_out)}

    for number, (part, share) in enumerate(zip(parts, shares, strict=True)):
        done = tally.by_part.get(number, 0)
        rest = _rest(part.source, share.indices, done, known, left_out)
        work, keep = partial(_attacked, part, tally, total, is_live), partial(_kept, part, number, tally, total, so_far)
        tally.skip(part.tasks, share.before)
        for event in stream(part.source, rest, batch_size, left_out, work, keep, first=share.before + done):
            if save is not None and event is BATCH_DONE:
                save(everything)
            yield event
    if distributed.size() > 1:
        tally.unite()
        yield tally.progress(tally.num_pictures, setting.budget)
    if not is_live:
        yield from rows(setting, identities, tally)


BATCH_DONE = Pause()


def _rest(
    source: DataSource, indices: Sequence[int], done: int, known: Sequence[str], left_out: list[str]
) -> Sequence[int]:
    """The indices after the first `done` pictures that can be read; `known` are names of those that cannot, which are
    added to `left_out` where they come before."""
    for place, index in enumerate(indices):
        if not done:
            return indices[place:]
        if (name := source.name_of(index)) in known:
            left_out.append(name)
        else:
            done -= 1
    return indices[len(indices) :]


def _count(source: DataSource, limit: int | None) -> int:
    return len(source) if limit is None else min(limit, len(source))


def _attacked(
    setting: Setting,
    tally: Tally,
    total: int,
    is_live: bool,
    images: Tensor,
    targets: Mapping[str, Tensor],
    first: int,
) -> Generator[Event, None, AttackedBatch]:
    """One batch under attack, which is paused after every step where somebody follows."""
    pause = tally.progress(total, setting.budget)
    work = attack_batch(setting, images, targets, first)
    while True:
        try:
            next(work)
        except StopIteration as end:
            made: AttackedBatch = end.value
            return made
        if is_live:
            yield pause


def _kept(
    setting: Setting,
    number: int,
    tally: Tally,
    total: int,
    so_far: Callable[[], Iterator[Row]] | None,
    batch: AttackedBatch,
) -> Iterator[Event]:
    """Adds a batch of a part to the tally; `so_far` gives the rows for one who follows."""
    tally.add(setting, batch)
    tally.by_part[number] = tally.by_part.get(number, 0) + len(batch.images)
    yield tally.progress(total, setting.budget)
    if so_far is not None:
        yield from so_far()
    yield BATCH_DONE


@dataclass(frozen=True)
class Answers:
    """A victim's label maps by task: what is measured against (the truth, or the target), clean, attacked."""

    reference: Mapping[str, Tensor]
    clean: Mapping[str, Tensor]
    adversarial: Mapping[str, Tensor]


@dataclass(frozen=True)
class Made:
    """What an attack made of a batch: adversarial pictures (B, 3, H, W) by perturbation, and each victim's answers."""

    pictures: Mapping[str, Tensor]
    answers: Sequence[Answers]


@dataclass(frozen=True)
class CleanBatch:
    """Clean pictures (B, 3, H, W), what each victim answers, and what each is measured against."""

    images: Tensor
    answers: Sequence[Mapping[str, Tensor]]
    references: Sequence[Mapping[str, Tensor]]


@dataclass(frozen=True)
class AttackedBatch:
    """Clean pictures (B, 3, H, W) and what each attack made of them."""

    images: Tensor
    made: Sequence[Made]


def attack_batch(
    setting: Setting, images: Tensor, targets: Mapping[str, Tensor], first: int
) -> Generator[None, None, AttackedBatch]:
    """Attacks one batch, whose first picture is the data's `first`-th, a step at a time.

    Each victim answers the clean pictures once and each perturbation once. Where a task has no labels the attack leads
    away from the clean answer of the victim it is made on, and each victim is measured against its own.

    Args:
        images: (B, 3, H, W) float32 in [0, 1].
        targets: label maps of the tasks that have labels.

    Raises:
        ValueError: the attack does not fit, or a victim answers with numbers that are not finite.
    """
    clean = answer_clean(setting, images, targets)
    made = []
    for attack in setting.attacks:
        made.append((yield from make(setting, attack, clean, first)))
    return AttackedBatch(clean.images, made)


def answer_clean(setting: Setting, images: Tensor, targets: Mapping[str, Tensor]) -> CleanBatch:
    """What there is to know before any attack, which all attacks on the same pictures share."""
    tasks = setting.tasks
    clean_images = setting.subject.device.put(images)
    clean = [answer(each, clean_images, tasks) for each in setting.subjects]
    labels = {t.name: targets[t.name].to(clean_images.device) for t in tasks if t.name in targets}
    references = [
        setting.goal.targets({t.name: labels.get(t.name, t.as_target(own[t.name])) for t in tasks}) for own in clean
    ]
    return CleanBatch(clean_images, clean, references)


def make(setting: Setting, attack: Attack, clean: CleanBatch, first: int) -> Generator[None, None, Made]:
    """One attack on a batch, a step at a time; see `attack_batch`, errors too."""
    tasks, subject = setting.tasks, setting.subject
    problem = make_problem(
        subject.followed_by(attack, tasks), clean.images, clean.references[0], setting.budget, scope=setting.scope,
        form=setting.form, weights=setting.weights, target=setting.goal.text, victim_name=subject.name,
        seed=setting.seed, first=first,
    )  # fmt: skip
    pictures = {}
    for step in attack.run(problem):
        pictures[step.perturbation] = step.adversarial
        yield
    shown = []
    for each in setting.subjects:
        shown.append(answer_made(each, pictures, tasks))
        yield
    return Made(pictures, [Answers(*each) for each in zip(clean.references, clean.answers, shown, strict=True)])


def answer_made(subject: Subject, pictures: Mapping[str, Tensor], tasks: Sequence[Task]) -> dict[str, Tensor]:
    """The victim's answer to each task, for the picture of its own perturbation or the one for all.

    Perturbations that are the same, as those of random noise are, are answered once.
    """
    groups: list[tuple[Tensor, list[Task]]] = []
    for name, perturbed in pictures.items():
        own = list(tasks) if name == JOINT else [t for t in tasks if t.name == name]
        same = next((group for known, group in groups if torch.equal(known, perturbed)), None)
        if same is None:
            groups.append((perturbed, own))
        else:
            same += own
    answers: dict[str, Tensor] = {}
    for perturbed, group in groups:
        answers |= answer(subject, perturbed, group)
    return answers


def answer(subject: Subject, images: Tensor, tasks: Sequence[Task]) -> dict[str, Tensor]:
    """The victim's answers to (B, 3, H, W) in label space, computed in float32, left on the device.

    Raises:
        ValueError: an answer is not finite.
    """
    with torch.no_grad():
        answers = subject.precise(images, [t.name for t in tasks])
    check_finite(answers, f"the victim {subject.name}")
    return {t.name: t.decode(answers[t.name]) for t in tasks}


def in_double(values: Tensor) -> Tensor:
    """The same where float64 can be computed, which measures need and Apple's GPUs lack."""
    return values.cpu() if values.device.type == "mps" else values


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
