"""The universal perturbation that DeepFool pushes from picture to picture."""

from __future__ import annotations

import math
from collections import deque

import torch
from torch import Tensor

from mta_core import distributed
from mta_core.attacks import DeepFool, Objective, Problem
from mta_core.budget import Budget, Norm


def push(
    perturbation: Tensor, images: Tensor, objective: Objective, budget: Budget, attack: DeepFool
) -> tuple[Tensor, Tensor]:
    """Sends pictures that are not fooled yet over the nearest boundary, and keeps to the budget.

    Moosavi-Dezfooli, Fawzi, Fawzi, Frossard: "Universal adversarial perturbations" (CVPR 2017), algorithm 1, one turn
    of its inner loop: where `x + v` is not fooled, `v` becomes the projection of `v + r`, r being the smallest
    perturbation in L2 that DeepFool finds for `x + v`. Of several pictures at once, in all processes, the mean of r is
    taken.

    Args:
        perturbation: v, (1, 3, H, W).
        images: (B, 3, H, W) in [0, 1].
        objective: theirs; what it holds against them is the victim's clean answer, or a target.
        budget: the ball of v.

    Returns:
        The new perturbation, in the ball, and which pictures the old one fooled, (B,).
    """
    start = (images + perturbation).clamp(0, 1)
    has_fooled = attack.has_fooled(objective, start)
    pushes, count = torch.zeros_like(perturbation), distributed.total((~has_fooled).sum())
    if not has_fooled.all():
        problem = Problem(start, {"": objective}, _ball_around(budget, perturbation.numel()))
        (last,) = deque(attack.steps(problem), 1)
        pushes = (last.adversarial - start)[~has_fooled].sum(0, keepdim=True)
    if not count:
        return perturbation, has_fooled
    return budget.project(perturbation + distributed.total(pushes) / count), has_fooled


def _ball_around(budget: Budget, num_values: int) -> Budget:
    """The smallest L2 ball that holds the budget's."""
    return Budget(Norm.L2, budget.epsilon * (math.sqrt(num_values) if budget.norm is Norm.LINF else 1.0))
