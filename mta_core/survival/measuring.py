"""What a victim makes of pictures after a transformation, each task on its own perturbation."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mta_core.attacked import answer_made, in_double
from mta_core.attacks import JOINT
from mta_core.events import Pause
from mta_core.explore import Outcome, Subject
from mta_core.survival.base import Trial
from mta_core.survival.saving import UNTOUCHED
from mta_core.tasks import Task
from mta_core.transfer import share

Pictures = Mapping[str, Tensor]
"""(B, 3, H, W) by perturbation: a task's name, or `JOINT`."""
Numbers = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Measures by task, kind (`clean`, `adversarial`, `noise`) and name."""


@dataclass(frozen=True)
class Before:
    """What the pictures were before anything happened to them.

    Attributes:
        references: label maps (B, ...) by task that measures are taken against: the truth, the target of the attack,
            or the victim's answer to the untouched clean pictures.
        clean: that answer, by task, for measures of what changed.
        size: (H, W) of the pictures.
    """

    references: Mapping[str, Tensor]
    clean: Mapping[str, Tensor]
    size: tuple[int, int]

    def statistics(self, t: Task, answer: Tensor, trial: Trial) -> Tensor:
        """Sufficient statistics (B, S) of the answer to pictures after a trial; labels follow what moved the pixels."""
        known = (in_double(trial.follow(maps[t.name], self.size, t)) for maps in (self.references, self.clean))
        return t.statistics(in_double(answer), *known).cpu()


def answers_after(
    subject: Subject, tasks: Sequence[Task], trial: Trial, pictures: Pictures, *, seed: int = 0, first: int = 0
) -> dict[str, Tensor]:
    """The victim's answers, in float32, to pictures after a trial: each task on its own perturbation.

    Args:
        first: see `Trial.change`.

    Raises:
        ValueError: an answer is not finite.
    """
    changed: dict[str, Tensor] = {}
    for name, images in pictures.items():
        same = next((n for n in changed if torch.equal(pictures[n], images)), None)  # noise is that for every task
        changed[name] = changed[same] if same else subject.device.put(trial.change(images, seed=seed, first=first))
    return answer_made(subject, changed, tasks)


@dataclass(frozen=True)
class Point:
    """One picture after a trial: its measures, and the answers to the adversarial picture, (1, ...) on the CPU."""

    trial: Trial
    measures: Numbers
    answers: Mapping[str, Tensor]


def untouched(outcome: Outcome) -> Point:
    """The point that every curve starts from: what is known of an attack that is compared with noise."""
    tasks = outcome.tasks.items()
    measures, answers = {name: o.measures for name, o in tasks}, {name: o.adversarial for name, o in tasks}
    return Point(UNTOUCHED, measures, answers)


def measure_picture(
    subject: Subject, outcome: Outcome, noisy: Tensor, trial: Trial, *, seed: int = 0
) -> Generator[Pause, None, Point]:
    """What is left of an attack on one picture after a trial; pauses between what the victim answers.

    Args:
        outcome: of the attack.
        noisy: (1, 3, H, W), the clean picture with random noise of the attack's size.
        seed: of transformations that are random.

    Raises:
        ValueError: an answer is not finite.
    """
    tasks = [o.task for o in outcome.tasks.values()]
    references = {name: o.reference for name, o in outcome.tasks.items()}
    clean = {name: o.clean for name, o in outcome.tasks.items()}
    before = Before(references, clean, (outcome.clean.shape[-2], outcome.clean.shape[-1]))
    made = {name: one.adversarial[None] for name, one in outcome.perturbations.items()}
    shown = {"clean": {JOINT: outcome.clean[None]}, "adversarial": made, "noise": {JOINT: noisy}}
    measures: dict[str, dict[str, dict[str, float]]] = {t.name: {} for t in tasks}
    answers: dict[str, dict[str, Tensor]] = {}
    for kind, pictures in shown.items():
        found = answers_after(subject, tasks, trial, pictures, seed=seed)
        answers[kind] = {name: answer.cpu() for name, answer in found.items()}
        for t in tasks:
            values = t.measures_of(before.statistics(t, answers[kind][t.name], trial))
            measures[t.name][kind] = {name: float(value[0]) for name, value in values.items()}
        yield Pause()
    return Point(trial, measures, answers["adversarial"])


def left(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """How much of the damage is left: how far a measure is from that of the clean picture, both after a transformation,
    over how far it is without one.

    1 where the attack does all that it did, 0 where the adversarial picture is no worse than the clean one; above 1
    where the transformation helps the attack. NaN where the attack moves the measure no further than random noise of
    the same size does: the ratio of two accidents means nothing.

    Args:
        before, after: the measure by kind: `clean`, `adversarial`, and `noise` where it is known.
    """
    clean, moved = before["clean"], abs(before["adversarial"] - before["clean"])
    if not moved > abs(before.get("noise", clean) - clean):
        return math.nan
    return share(clean, before["adversarial"], after["clean"], after["adversarial"])
