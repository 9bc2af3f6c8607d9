"""The gradient that every white-box attack climbs."""

from __future__ import annotations

import torch
from torch import Tensor

from mta_core.attacks.base import Evaluation, Objective


def ascend(objective: Objective, images: Tensor) -> tuple[Tensor, Evaluation]:
    """The gradient of the objective at `images`, and its value there, detached.

    Pictures do not interact, so the gradient of the sum holds each picture's own.
    """
    with torch.enable_grad():
        point = images.detach().requires_grad_()
        evaluation = objective(point)
        (gradient,) = torch.autograd.grad(evaluation.value.sum(), point)
    return gradient, Evaluation(evaluation.value.detach(), evaluation.losses)
