"""Projected gradient descent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mta_core.attacks.base import Attack, Objective, Problem, Step, setting
from mta_core.attacks.gradient import ascend, ascend_from
from mta_core.budget import Norm
from mta_core.vectors import by_picture

RELEASED = "released"
RELEASED_SHARE = 2 / 255
"""Of an L2 epsilon, what the released code of the robustness study lets a whole batch have."""
RELEASED_STEP = 2 / 255
"""What it multiplies gradients with, in L2 as in L-infinity."""


@dataclass(frozen=True)
class Pgd(Attack):
    """Repeated gradient steps, each projected back into the budget, from a random start.

    Madry et al.: "Towards Deep Learning Models Resistant to Adversarial Attacks" (ICLR 2018). Momentum after Dong et
    al.: "Boosting Adversarial Attacks with Momentum" (CVPR 2018): gradients are normalised by their mean absolute
    value, then accumulated. Without restarts the last point is the result, so k steps cost k gradients and no more.
    Stopped early, the newest point is while the value rises, and else the strongest measured: how strong a point is
    shows when its gradient is taken, a step later.

    The L2 step of the released code of the robustness study is there to be compared with. It follows the gradient of
    the batch's mean loss without normalising it, and scales the perturbation of the whole batch, not each picture's,
    to `epsilon * 2/255`: at epsilon 4 pictures in batches of 32 are left 0.006 each. So it depends on the batch, and
    stays far inside the budget.
    """

    num_steps: int = setting(10, "Steps", "Gradient steps for each perturbation.", low=1, high=100, step=1)
    step_size: float = setting(
        0.0, "Step size", "Length of one step; 0 chooses 2.5 epsilon / steps.",
        low=0.0, high=16.0, step=0.25, unit="budget",
    )  # fmt: skip
    num_restarts: int = setting(1, "Restarts", "Random starts; the strongest result is kept.", low=1, high=10, step=1)
    momentum: float = setting(0.0, "Momentum", "Share of past gradients kept.", low=0.0, high=1.0, step=0.1)
    random_start: bool = setting(True, "Random start", "Start at a random point of the budget.")
    l2_step: str = setting(
        "unit", "L2 step", "unit: along the gradient, at the step's length. released: as the code of the robustness "
        "study, with the bare gradient and 2/255 of epsilon for a whole batch.", choices=("unit", RELEASED),
    )  # fmt: skip

    name = "pgd"
    label = "PGD"
    summary = "many projected gradient steps"
    source = "Madry et al., ICLR 2018"
    is_iterative = True

    def steps(self, problem: Problem) -> Iterator[Step]:
        for number, (name, objective) in enumerate(problem.objectives.items()):
            yield from self._solve(problem, name, objective, number)

    def _solve(self, problem: Problem, name: str, objective: Objective, number: int) -> Iterator[Step]:
        total = self.num_steps * self.num_restarts
        best: Tensor | None = None
        best_value = torch.empty(0)
        for restart in range(self.num_restarts):
            candidate = problem.clean
            for i, step in enumerate(self._climb(problem, name, objective, number + 101 * restart), 1):
                candidate = step.adversarial
                shown = candidate if best is None else best
                if i < self.num_steps or self.num_restarts == 1:
                    yield Step(name, restart * self.num_steps + i, total, shown, step.losses)
            if self.num_restarts == 1:
                return
            with torch.no_grad():
                final = objective(candidate)
            value = final.value
            if best is None:
                best, best_value = candidate, value
            else:
                stronger = by_picture(value > best_value)
                best, best_value = torch.where(stronger, candidate, best), torch.maximum(value, best_value)
            yield Step(name, (restart + 1) * self.num_steps, total, best, final.losses)

    def _climb(self, problem: Problem, name: str, objective: Objective, salt: int) -> Iterator[Step]:
        budget, clean = problem.budget, problem.clean
        step_size = self._step_size(problem)
        images = clean + problem.random_start(salt) if self.random_start else clean
        if self._is_released(problem):
            images = _released(problem, images)
        strongest = images
        highest = torch.full((len(clean),), -torch.inf, device=clean.device)
        velocity = torch.zeros_like(clean)
        for i in range(self.num_steps):
            if i == 0:
                images, gradient, reached = ascend_from(objective, problem, images, salt)
            else:
                gradient, reached = ascend(objective, images)
            is_rising = reached.value > highest
            highest = torch.maximum(highest, reached.value)
            strongest = torch.where(by_picture(is_rising), images, strongest)
            if self.momentum:
                scale = gradient.abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-12)
                gradient = velocity = self.momentum * velocity + gradient / scale
            if self._is_released(problem):
                images = _released(problem, images + step_size / len(clean) * gradient)
            else:
                images = budget.project_adversarial(images + budget.step(gradient, step_size), clean)
            is_best = is_rising | (i + 1 == self.num_steps)
            shown = torch.where(by_picture(is_best), images, strongest)
            yield Step(name, i + 1, self.num_steps, shown, reached.losses)

    def _step_size(self, problem: Problem) -> float:
        """On the scale of epsilon; people type it in the budget's units."""
        budget = problem.budget
        if self.step_size:
            return self.step_size * budget.epsilon / budget.units
        if self._is_released(problem):
            return RELEASED_STEP
        return 2.5 * budget.epsilon / self.num_steps

    def _is_released(self, problem: Problem) -> bool:
        return self.l2_step == RELEASED and problem.budget.norm is Norm.L2


def _released(problem: Problem, images: Tensor) -> Tensor:
    """The perturbations of a batch scaled as one, so that all together have no more than their share of epsilon."""
    perturbations = images - problem.clean
    length = problem.budget.norm_of(perturbations[None]).to(images.dtype)
    radius = RELEASED_SHARE * problem.budget.epsilon
    scaled = perturbations * (radius / length.clamp(min=radius))
    return problem.budget.project_adversarial(problem.clean + scaled, problem.clean)
