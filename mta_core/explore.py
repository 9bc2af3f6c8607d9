"""One picture, attacked: everything there is to see about it. The browser and the `attack` command stand on this."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from mta_core.attacks import JOINT, Attack, Scope, Step
from mta_core.attacks.noise import random_noise
from mta_core.budget import Budget
from mta_core.devices import Device
from mta_core.goal import AWAY, Goal
from mta_core.objective import Form, check_attackable, make_problem
from mta_core.similarity import Similarity, similarity
from mta_core.tasks import Task
from mta_core.tasks.base import Measure
from mta_core.victims import Victim, check_finite
from mta_core.weights import Card

PROBABILITY = ", probability"


@dataclass(frozen=True)
class Subject:
    """A victim made ready on a device, once for measuring and once for attacking and for previews.

    Attributes:
        precise: float32; measures come from it.
        fast: in the device's fast precision; attacks climb its gradients, and previews come from it. Where that is
            float32 it is the same model.
        card: where it was loaded from weights.
    """

    name: str
    precise: Victim
    fast: Victim
    device: Device
    card: Card | None = None

    @classmethod
    def prepare(cls, name: str, victim: Victim, device: Device, card: Card | None = None) -> Subject:
        """Frozen copies on the device, in float32 and in its fast precision; `name` is what generators look for."""
        precise = device.freeze(victim)
        is_one = device.fast_dtype is torch.float32 or not victim.is_known
        return cls(name, precise, precise if is_one else device.freeze(victim, device.fast_dtype), device, card)

    @classmethod
    def to_measure(cls, name: str, victim: Victim, device: Device) -> Subject:
        """One that is not attacked: in float32 alone."""
        precise = device.freeze(victim)
        return cls(name, precise, precise, device)

    @property
    def is_exact(self) -> bool:
        """Whether fast answers are as good as precise ones."""
        return self.fast is self.precise

    def followed_by(self, attack: Attack, tasks: Sequence[Task]) -> Victim:
        """The model whose gradients an attack follows."""
        return self.precise if attack.is_precise and not all(t.is_dense for t in tasks) else self.fast

    def answer(self, images: Tensor, tasks: Sequence[Task], *, fast: bool = False) -> dict[str, Tensor]:
        """The victim's answers to (B, 3, H, W) in [0, 1] in label space, on the CPU; computed in float32 unless `fast`.

        Classes come with their probabilities, under the task's name with `PROBABILITY` behind it.

        Raises:
            ValueError: an answer is not finite.
        """
        with torch.no_grad():
            answers = (self.fast if fast else self.precise)(self.device.put(images), [t.name for t in tasks])
        check_finite(answers, f"the victim {self.name}")
        found = {t.name: t.decode(answers[t.name]).cpu() for t in tasks}
        for t in tasks:
            if (probability := t.probability(answers[t.name])) is not None:
                found[t.name + PROBABILITY] = probability.cpu()
        return found


@dataclass(frozen=True)
class TaskOutcome:
    """One task before and after; label maps have a batch dimension of 1.

    Attributes:
        truth: the labels, or None: measures are then taken against the clean output.
        clean, adversarial, noisy: outputs for the clean picture, the adversarial one of this task's perturbation,
            and random noise of the same size (None where it was left out).
        measures: `{"clean": {"miou": 0.5, ...}, "adversarial": ..., "noise": ...}`.
        reference: what they are measured against: the target, the labels, or the clean output.
        is_targeted: whether that is the target of the attack.
        probabilities: of the answers `clean`, `adversarial` and `noise`, (1, H, W) in [0, 1], where they are classes.
    """

    task: Task
    truth: Tensor | None
    clean: Tensor
    adversarial: Tensor
    noisy: Tensor | None
    measures: Mapping[str, Mapping[str, float]]
    reference: Tensor
    is_targeted: bool = False
    probabilities: Mapping[str, Tensor] = field(default_factory=dict)

    @cached_property
    def verdict(self) -> str:
        """What became of the output, for a layperson."""
        if self.is_targeted:
            return self.task.describe_towards(self.clean, self.adversarial, self.reference)
        return self.task.describe(self.clean, self.adversarial)

    @property
    def main_measure(self) -> Measure:
        """The one to tell of first."""
        return self.task.main_measure_towards(self.reference) if self.is_targeted else self.task.main_measure


@dataclass(frozen=True)
class PerturbationOutcome:
    """One perturbation: for a task, or for all (`JOINT`). Pictures are (3, H, W) in [0, 1], on the CPU."""

    name: str
    clean: Tensor
    adversarial: Tensor

    @cached_property
    def perturbation(self) -> Tensor:
        return self.adversarial - self.clean

    @cached_property
    def similarity(self) -> Similarity:
        return similarity(self.adversarial[None], self.clean[None])


@dataclass(frozen=True)
class Outcome:
    """The whole result for one picture."""

    clean: Tensor
    perturbations: Mapping[str, PerturbationOutcome]
    tasks: Mapping[str, TaskOutcome]
    seconds: float
    """Time of the attack alone."""

    @property
    def truth(self) -> dict[str, Tensor]:
        """The labels of the tasks that have some, without batch dimension."""
        return {name: o.truth[0] for name, o in self.tasks.items() if o.truth is not None}

    def perturbation_of(self, task: str) -> PerturbationOutcome:
        return self.perturbations[JOINT if JOINT in self.perturbations else task]


def explore(
    subject: Subject,
    attack: Attack,
    image: Tensor,
    tasks: Sequence[Task],
    budget: Budget,
    *,
    truth: Mapping[str, Tensor] | None = None,
    scope: Scope = "per-task",
    form: Form = "sum",
    weights: Mapping[str, float] | None = None,
    goal: Goal = AWAY,
    seed: int = 0,
) -> Iterator[Step]:
    """Attacks one picture; yields every step.

    `finish` turns the last steps seen into an `Outcome`, also after stopping early.

    Args:
        image: (3, H, W) in [0, 1].
        truth: label maps without batch dimension; tasks it lacks are attacked away from the clean output.
        goal: away from those, or towards a target.

    Raises:
        ValueError: the attack cannot be made on these tasks of this victim.
    """
    check_attackable(attack, subject.precise, tasks, scope)
    device = subject.device
    clean = device.put(image[None])
    targets = goal.targets(attack_targets(subject, image, tasks, truth))
    on_device = {name: target.to(device.torch_device) for name, target in targets.items()}
    problem = make_problem(
        subject.followed_by(attack, tasks),
        clean,
        on_device,
        budget,
        scope=scope,
        form=form,
        weights=weights,
        target=goal.text,
        victim_name=subject.name,
        seed=seed,
    )
    yield from attack.run(problem)


def attack_targets(
    subject: Subject, image: Tensor, tasks: Sequence[Task], truth: Mapping[str, Tensor] | None
) -> dict[str, Tensor]:
    """What the attack moves away from: the labels where there are any, else the clean output. Batch of 1."""
    known = {t.name: truth[t.name][None] for t in tasks if truth and t.name in truth}
    unknown = [t for t in tasks if t.name not in known]
    clean = subject.answer(image[None], unknown) if unknown else {}
    return known | {t.name: t.as_target(clean[t.name]) for t in unknown}


def finish(
    subject: Subject,
    image: Tensor,
    tasks: Sequence[Task],
    budget: Budget,
    adversarials: Mapping[str, Tensor],
    *,
    truth: Mapping[str, Tensor] | None = None,
    known: Mapping[str, Mapping[str, Tensor]] | None = None,
    with_noise: bool = True,
    fast: bool = False,
    goal: Goal = AWAY,
    seed: int = 0,
    seconds: float = 0.0,
) -> Outcome:
    """Everything to see of adversarial pictures (1, 3, H, W) keyed by perturbation, as `Step`s carry them.

    Args:
        known: answers of `Subject.answer` that need not be computed again, under "clean", "noise" or the name of a
            perturbation.
        with_noise: whether to compare with random noise of the same size, at the price of one more picture.
        fast: for a preview: whether the victim answers in the device's fast precision.
        goal: measures are against its target, where it has one.
    """
    clean = image[None]
    owners = {t.name: JOINT if JOINT in adversarials else t.name for t in tasks}
    made = {name: adversarials.get(name, clean).cpu().contiguous() for name in dict.fromkeys(owners.values())}
    pictures = {"clean": clean} | ({"noise": noisy_picture(budget, clean, seed)} if with_noise else {}) | made
    answers = {}
    for name, picture in pictures.items():
        needed = [t for t in tasks if owners[t.name] == name or name not in made]
        given = known.get(name, {}) if known else {}
        # A picture at a time: a processor's cache holds no more, and only the heads that are asked for are computed.
        is_given = all(t.name in given for t in needed)
        answers[name] = given if is_given else subject.answer(picture, needed, fast=fast)
    outcomes = {}
    for t in tasks:
        labels = truth[t.name][None] if truth and t.name in truth else None
        shown = {"clean": answers["clean"][t.name], "adversarial": answers[owners[t.name]][t.name]}
        shown |= {"noise": answers["noise"][t.name]} if with_noise else {}
        sources = {kind: answers[owners[t.name] if kind == "adversarial" else kind] for kind in shown}
        truths = t.as_target(shown["clean"]) if labels is None else labels
        reference = goal.targets({t.name: truths})[t.name]
        measures = {kind: _measure(t, value, reference, shown["clean"]) for kind, value in shown.items()}
        outcomes[t.name] = TaskOutcome(
            t,
            labels,
            shown["clean"],
            shown["adversarial"],
            shown.get("noise"),
            measures,
            reference,
            goal.is_targeted,
            _probabilities(t, sources),
        )
    perturbations = {name: PerturbationOutcome(name, image, picture[0]) for name, picture in made.items()}
    return Outcome(image, perturbations, outcomes, seconds)


def add_noise(outcome: Outcome, noisy: Mapping[str, Tensor]) -> Outcome:
    """The outcome compared with random noise of the same size: `noisy` holds the answers for `noisy_picture`."""
    tasks = {}
    for name, o in outcome.tasks.items():
        measures = {**o.measures, "noise": _measure(o.task, noisy[name], o.reference, o.clean)}
        probabilities = {**o.probabilities, **_probabilities(o.task, {"noise": noisy})}
        tasks[name] = replace(o, noisy=noisy[name], measures=measures, probabilities=probabilities)
    return replace(outcome, tasks=tasks)


def run(
    subject: Subject, attack: Attack, image: Tensor, tasks: Sequence[Task], budget: Budget, **options: object
) -> Outcome:
    """`explore` to the end, then `finish`.

    Args:
        image: (3, H, W) float32 in [0, 1], of the victim's input size.
        options: those of `explore`, such as `truth`, `scope`, `goal`, `seed`.

    Raises:
        ValueError: the attack cannot be made on these tasks of this victim, or an answer is not finite.
    """
    begin = time.perf_counter()
    adversarials = {s.perturbation: s.adversarial for s in explore(subject, attack, image, tasks, budget, **options)}  # type: ignore[arg-type]
    seconds = time.perf_counter() - begin
    shared = {key: options[key] for key in ("truth", "seed", "goal") if key in options}
    return finish(subject, image, tasks, budget, adversarials, seconds=seconds, **shared)  # type: ignore[arg-type]


def tried_on(other: Subject, outcome: Outcome, budget: Budget, *, goal: Goal = AWAY, seed: int = 0) -> Outcome:
    """The very same adversarial pictures in the eyes of another victim, ready for pictures of their size."""
    adversarials = {name: made.adversarial[None] for name, made in outcome.perturbations.items()}
    tasks = [o.task for o in outcome.tasks.values()]
    return finish(other, outcome.clean, tasks, budget, adversarials, truth=outcome.truth, goal=goal, seed=seed)


def noisy_picture(budget: Budget, clean: Tensor, seed: int) -> Tensor:
    """The clean pictures with random noise as large as the budget allows, clipped to [0, 1]: see the attack `noise`."""
    noise = random_noise(budget, clean, torch.Generator().manual_seed(seed))
    return budget.project_adversarial(clean + noise, clean)


def _probabilities(t: Task, answers: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Of a task's answers of each kind, where they have them."""
    return {kind: found[t.name + PROBABILITY] for kind, found in answers.items() if t.name + PROBABILITY in found}


def _measure(task: Task, value: Tensor, target: Tensor, clean: Tensor) -> dict[str, float]:
    measures = task.measures_of(task.statistics(value, target, clean))
    return {name: float(numbers[0]) for name, numbers in measures.items()}
