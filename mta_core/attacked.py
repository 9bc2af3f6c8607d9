"""One batch under attack: clean pictures, what each attack makes of them, and what each victim answers."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mta_core.attacks import JOINT, Attack
from mta_core.explore import Subject
from mta_core.objective import make_problem
from mta_core.setting import Setting
from mta_core.tasks import Task
from mta_core.victims import check_finite


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
