"""Auto-PGD: projected gradient descent that chooses its step size itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mta_core.attacks.base import Attack, Objective, Problem, Step, setting
from mta_core.attacks.gradient import ascend
from mta_core.vectors import by_picture

MOMENTUM = 0.75
"""Share of a step that goes along the gradient; the rest repeats the step before (section 3.1)."""
RISING_SHARE = 0.75
"""Of the steps between two checkpoints, fewer than this share rising halve the step size (condition 1)."""


def checkpoints(num_steps: int) -> list[int]:
    """The steps after which the step size is judged: `ceil(p_j N)`, p_0 = 0, p_1 = 0.22 and
    `p_(j+1) = p_j + max(p_j - p_(j-1) - 0.03, 0.06)` (section 3.2)."""
    before, share = 0.0, 0.22
    found = []
    while share <= 1:
        found.append(math.ceil(round(share * num_steps, 9)))  # 0.57 * 100 is 57.000000000000006
        before, share = share, share + max(share - before - 0.03, 0.06)
    return found


@dataclass(frozen=True)
class Apgd(Attack):
    """Momentum steps that begin at twice epsilon and halve, picture by picture, where they stopped helping.

    Croce, Hein: "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks"
    (ICML 2020), algorithm 1; it climbs the task's own loss where the paper climbs cross-entropy or DLR. The strongest
    point seen is the result, of all restarts, so k steps cost k + 1 gradients for each.
    """

    num_steps: int = setting(20, "Steps", "Gradient steps for each perturbation.", low=1, high=200, step=1)
    num_restarts: int = setting(1, "Restarts", "Random starts; the strongest result is kept.", low=1, high=10, step=1)

    name = "apgd"
    label = "APGD"
    summary = "PGD that chooses its step size"
    source = "Croce and Hein, ICML 2020"
    is_iterative = True

    def steps(self, problem: Problem) -> Iterator[Step]:
        clean = problem.clean
        for number, (name, objective) in enumerate(problem.objectives.items()):
            strongest, highest = clean, torch.full((len(clean),), -torch.inf, device=clean.device)
            for restart in range(self.num_restarts):
                before, top = strongest, highest
                for i, (images, value, losses) in enumerate(self._climb(problem, objective, number + 101 * restart), 1):
                    strongest = torch.where(by_picture(value > top), images, before)
                    highest = torch.maximum(value, top)
                    done = restart * self.num_steps + i
                    yield Step(name, done, self.num_steps * self.num_restarts, strongest, losses)

    def _climb(
        self, problem: Problem, objective: Objective, salt: int
    ) -> Iterator[tuple[Tensor, Tensor, Mapping[str, Tensor]]]:
        """From one random start, step by step: the strongest pictures so far, their values, and the losses of the
        newest before the step."""
        budget, clean = problem.budget, problem.clean
        images = older = strongest = clean + problem.random_start(salt)
        gradient, reached = ascend(objective, images)
        best_gradient = gradient
        pace = _Pace(reached.value, 2 * budget.epsilon, self.num_steps)
        for i in range(1, self.num_steps + 1):
            aimed = budget.project_adversarial(images + budget.step(gradient, by_picture(pace.step_size)), clean)
            share = MOMENTUM if i > 1 else 1.0
            images, older = (
                budget.project_adversarial(images + share * (aimed - images) + (1 - share) * (images - older), clean),
                images,
            )
            losses = reached.losses
            gradient, reached = ascend(objective, images)
            is_best = pace.see(reached.value)
            strongest = torch.where(by_picture(is_best), images, strongest)
            best_gradient = torch.where(by_picture(is_best), gradient, best_gradient)
            if i in pace.checkpoints:
                halved = by_picture(pace.judge())
                images, gradient = torch.where(halved, strongest, images), torch.where(halved, best_gradient, gradient)
            yield strongest, pace.best, losses


class _Pace:
    """The step size of each picture, and what it is judged by."""

    def __init__(self, value: Tensor, step_size: float, num_steps: int) -> None:
        self.checkpoints = checkpoints(num_steps)
        self.step_size = torch.full_like(value, step_size)
        self.best = self.best_before = self.last = value
        self.halved_before = torch.ones_like(value, dtype=torch.bool)  # the first checkpoint looks at rising alone
        self.num_rising = torch.zeros_like(value)
        self.num_seen = 0

    def see(self, value: Tensor) -> Tensor:
        """Remembers the values of a step; (B,) true where they are the largest so far."""
        self.num_rising = self.num_rising + (value > self.last)
        self.num_seen += 1
        is_best = value > self.best
        self.best, self.last = torch.maximum(value, self.best), value
        return is_best

    def judge(self) -> Tensor:
        """Halves step sizes at a checkpoint; (B,) true where it did."""
        is_slow = self.num_rising < RISING_SHARE * self.num_seen
        is_stuck = ~self.halved_before & (self.best <= self.best_before)
        halved = is_slow | is_stuck
        self.step_size = torch.where(halved, self.step_size / 2, self.step_size)
        self.last = torch.where(halved, self.best, self.last)
        self.halved_before, self.best_before = halved, self.best
        self.num_rising, self.num_seen = torch.zeros_like(self.num_rising), 0
        return halved
