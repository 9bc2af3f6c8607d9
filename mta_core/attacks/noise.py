"""Random noise as large as the budget allows: what every attack has to beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mta_core.attacks.base import Attack, Problem, Scaling, Step
from mta_core.budget import Budget


def random_noise(budget: Budget, clean: Tensor, random: torch.Generator) -> Tensor:
    """Noise of the size of the budget, (B, 3, H, W): each value +epsilon or -epsilon with equal chance (L-inf), or a
    direction drawn uniformly, of norm epsilon (L2). Not yet clipped to [0, 1]."""
    return budget.epsilon * random_direction(budget, clean, random)


def random_direction(budget: Budget, clean: Tensor, random: torch.Generator) -> Tensor:
    """Its direction, of norm 1."""
    return budget.step(torch.randn(clean.shape, generator=random), 1.0).to(clean.device)


@dataclass(frozen=True)
class Noise(Attack):
    """The yardstick of attacks: it asks nothing of the victim. The same for every task."""

    name: ClassVar[str] = "noise"
    label: ClassVar[str] = "Random noise"
    summary: ClassVar[str] = "no attack: a random perturbation of the same size"
    source: ClassVar[str] = "a baseline"
    is_baseline: ClassVar[bool] = True
    is_climbing: ClassVar[bool] = False
    scaling: ClassVar[Scaling] = "linear"

    def steps(self, problem: Problem) -> Iterator[Step]:
        budget, clean = problem.budget, problem.clean
        direction = torch.cat(
            [random_direction(budget, clean[i : i + 1], problem.random(picture=i)) for i in range(len(clean))]
        )
        for name in problem.objectives:
            yield Step(name, 1, 1, clean + budget.epsilon * direction, direction=direction)
