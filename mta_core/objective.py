"""What an attack raises and what a generator lowers: the losses of several tasks, joined.

MTA (section 3): a generator minimises `sum_t alpha_t * log-loss terms`, non-targeted `-log(loss_t)`, targeted
`+log(loss_t to the target)`. The robustness study ascends `sum_t alpha_t * loss_t`. Both forms serve both here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal, cast, get_args

import torch
from torch import Tensor

from mta_core.attacks.base import Attack, Evaluation, Margins, Problem
from mta_core.budget import Budget
from mta_core.kinds import JOINT, Aim, Scope
from mta_core.tasks import Task, suited
from mta_core.tasks.base import Truth
from mta_core.victims import Victim

Form = Literal["sum", "log"]
LOG_FLOOR = 1e-4
"""Added to a loss before its logarithm, which would otherwise have no bound near zero loss."""


@dataclass(frozen=True)
class VictimObjective:
    """The weighted losses of a victim's answers, as an attack sees them.

    Attributes:
        victim: answers pictures; its parameters are frozen.
        targets: label maps of the attacked tasks, with a batch dimension.
        weights: alpha_t; one over the number of tasks each, unless given.
        form: `"sum"` of losses or of their `"log"`s.
        is_targeted: whether the targets are to be approached rather than left.
    """

    victim: Victim
    targets: Mapping[str, Tensor]
    weights: Mapping[str, float] | None = None
    form: Form = "sum"
    is_targeted: bool = False

    @cached_property
    def truths(self) -> dict[str, Truth]:
        """The targets made ready, once for all steps."""
        return {name: self.task(name).ready(target) for name, target in self.targets.items()}

    def task(self, name: str) -> Task:
        """In the label space that the victim answers in."""
        return suited([name], self.victim.tasks)[0]

    def __call__(self, images: Tensor) -> Evaluation:
        answers = self.victim(images, self.targets)
        losses = self.losses_of(answers)
        detached = {name: loss.detach() for name, loss in losses.items()}
        return Evaluation(self.join(losses), detached, partial(self.margins, answers))

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """The loss of each task's answer, (B,)."""
        return self.losses_of(self.victim(images, self.targets))

    def losses_of(self, answers: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The same, of answers that are there already."""
        return {name: self.task(name).loss_on(answers[name], truth) for name, truth in self.truths.items()}

    def margins(self, answers: Mapping[str, Tensor]) -> Margins:
        """How far the answers of the only task are from being fooled.

        Non-targeted: as the task says how far they are from being wrong. Targeted: from being right by the target,
        which is being wrong in no way.

        Raises:
            ValueError: there are several tasks.
        """
        if len(self.targets) != 1:
            raise ValueError(f"expected one task to have margins, got {len(self.targets)}")
        ((name, truth),) = self.truths.items()
        values = self.task(name).margins_on(answers[name], truth.target, truth.labelled)
        return Margins(-values.amin(1, keepdim=True) if self.is_targeted else values, truth.labelled)

    def join(self, losses: Mapping[str, Tensor]) -> Tensor:
        """(B,), larger where the attack succeeds better."""
        return torch.stack([self.weight(name) * term for name, term in self.terms(losses).items()]).sum(0)

    def terms(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What is weighted and summed, (B,) a task, larger where the attack succeeds better: minus the fooling losses
        of MTA equations 2 and 4."""
        sign = -1 if self.is_targeted else 1
        return {
            name: sign * (loss if self.form == "sum" else (loss + LOG_FLOOR).log()) for name, loss in losses.items()
        }

    def weight(self, name: str) -> float:
        return 1 / len(self.targets) if self.weights is None else self.weights[name]


def as_form(text: str) -> Form:
    """Raises ValueError where there is no such form."""
    if text not in get_args(Form):
        raise ValueError(f"expected form among {', '.join(get_args(Form))}, got {text!r}")
    return cast(Form, text)


def pseudo_targets(victim: Victim, tasks: Sequence[Task], images: Tensor) -> dict[str, Tensor]:
    """The clean predictions, for pictures without labels.

    Args:
        images: (B, 3, H, W) in [0, 1].

    Returns:
        By task, what `Task.pseudo_target` makes of the prediction: (B, H, W) or (B, C, H, W).
    """
    with torch.no_grad():
        answers = victim(images, [t.name for t in tasks])
    return {t.name: t.pseudo_target(answers[t.name]) for t in tasks}


def make_problem(
    victim: Victim,
    clean: Tensor,
    targets: Mapping[str, Tensor],
    budget: Budget,
    *,
    scope: Scope = "per-task",
    form: Form = "sum",
    weights: Mapping[str, float] | None = None,
    target: str = "",
    victim_name: str = "",
    seed: int = 0,
    first: int = 0,
) -> Problem:
    """What to solve to fool `victim` on the tasks of `targets`: one perturbation a task, or one for all.

    Args:
        clean: pictures, (B, 3, H, W) float32 in [0, 1].
        targets: by task, in its label space, (B, H, W), (B, C, H, W) or, of whole pictures, (B, 1, 1); to be left, or
            approached where there is a `target`, which names them.
        scope, form, weights: how the losses are joined; weights, of sum 1, count in a joint objective alone.
        victim_name: by which an attack finds a generator.
        seed, first: see `Problem`.
    """
    groups = {JOINT: dict(targets)} if scope == "joint" else {name: {name: target} for name, target in targets.items()}
    objectives = {
        name: VictimObjective(victim, group, weights if len(group) > 1 else None, form, bool(target))
        for name, group in groups.items()
    }
    return Problem(clean, objectives, budget, Aim(tuple(targets), scope, target, budget), victim_name, seed, first)


def check_attackable(attack: Attack, victim: Victim, tasks: Sequence[Task], scope: Scope) -> None:
    """Raises ValueError, in one sentence, where this attack cannot be made on these tasks of this victim."""
    if not tasks:
        raise ValueError("expected at least one task to attack, got none")
    unanswered = [f"{t.name} ({t.space})" for t in tasks if victim.tasks.get(t.name) != t.space]
    if unanswered:
        answered = ", ".join(f"{name} ({space})" for name, space in victim.tasks.items())
        raise ValueError(f"the victim does not answer {', '.join(unanswered)}; it answers {answered}")
    if scope not in attack.scopes:
        raise ValueError(f"{attack.label} makes {' or '.join(attack.scopes)} perturbations, not {scope} ones")
