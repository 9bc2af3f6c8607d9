"""The gradient that every white-box attack climbs."""

from __future__ import annotations

import torch
from torch import Tensor

from mta_core.attacks.base import Evaluation, Objective, Problem
from mta_core.vectors import by_picture


def ascend_from(objective: Objective, problem: Problem, start: Tensor, salt: int) -> tuple[Tensor, Tensor, Evaluation]:
    """Where to begin, and what `ascend` says there: `start`, or a random point of the budget for pictures without a
    gradient there. The clean picture has none where its own clean prediction is the target."""
    gradient, reached = ascend(objective, start)
    is_flat = (gradient == 0).flatten(1).all(1)
    if not is_flat.any():
        return start, gradient, reached
    moved = torch.where(by_picture(is_flat), problem.clean + problem.random_start(salt), start)
    return moved, *ascend(objective, moved)


def ascend(objective: Objective, images: Tensor) -> tuple[Tensor, Evaluation]:
    """The gradient of the objective at `images`, and its value there, detached.

    Pictures do not interact, so the gradient of the sum holds each picture's own.
    """
    with torch.enable_grad():
        point = images.detach().requires_grad_()
        evaluation = objective(point)
        (gradient,) = torch.autograd.grad(evaluation.value.sum(), point)
    return gradient, Evaluation(evaluation.value.detach(), evaluation.losses)
