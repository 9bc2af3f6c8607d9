"""What PGD is measured against: its floor, a textbook PGD, foolbox. It shares no code with `mta_core.attacks`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mta_core.budget import Budget
from mta_core.victims import Victim

NUM_STEPS = 10
BUDGET = Budget.from_units("linf", 5)
STEP_SIZE = 2.5 * BUDGET.epsilon / NUM_STEPS


def joint_loss(victim: Victim, images: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
    """The mean of the tasks' losses, written out with PyTorch's own functions for targets that are valid everywhere."""
    answers = victim(images)
    losses = []
    for name, target in targets.items():
        if not target.is_floating_point():  # classes, of pixels or of whole pictures
            losses.append(F.cross_entropy(answers[name], target))
        elif victim.tasks[name] == "unit-camera":
            losses.append((1 - (answers[name] * target).sum(1)).mean())
        else:
            losses.append(F.l1_loss(answers[name], target))
    return torch.stack(losses).mean()


def floor(victim: Victim, image: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
    """k forward passes and input gradients of the joint loss, and nothing else."""
    gradient = image
    for _ in range(NUM_STEPS):
        point = image.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(joint_loss(victim, point, targets), point)
    return gradient


def bare_floor(victim: Victim, image: Tensor) -> Tensor:
    """The same without a loss, which no attack can do without: gradients of the sum of all answers."""
    gradient = image
    for _ in range(NUM_STEPS):
        point = image.detach().requires_grad_()
        answers = list(victim(point).values())
        (gradient,) = torch.autograd.grad(answers, point, [torch.ones_like(answer) for answer in answers])
    return gradient


def plain_pgd(victim: Victim, clean: Tensor, start: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
    """Textbook L-inf PGD (Madry et al., ICLR 2018), sharing no code with `mta_core.attacks`."""
    adversarial = start
    for _ in range(NUM_STEPS):
        adversarial = adversarial.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(joint_loss(victim, adversarial, targets), adversarial)
        moved = adversarial.detach() + STEP_SIZE * gradient.sign()
        adversarial = (clean + (moved - clean).clamp(-BUDGET.epsilon, BUDGET.epsilon)).clamp(0, 1)
    return adversarial


def foolbox_pgd(victim: Victim, targets: Mapping[str, Tensor]) -> Callable[[Tensor], Tensor]:
    """Foolbox's LinfPGD on the same loss; it is made for classifiers, so it gets a loss of its own and idle labels."""
    from eagerpy.astensor import astensor
    from foolbox.attacks import LinfPGD
    from foolbox.models.pytorch import PyTorchModel

    class JointPgd(LinfPGD):
        def get_loss_fn(self, model: object, labels: object) -> Callable[..., Any]:
            return lambda inputs: astensor(joint_loss(victim, inputs.raw, targets))

    attack = JointPgd(abs_stepsize=STEP_SIZE, steps=NUM_STEPS, random_start=True)

    def run(image: Tensor) -> Tensor:
        model = PyTorchModel(victim, bounds=(0, 1), device=image.device)
        idle = torch.zeros(len(image), dtype=torch.int64, device=image.device)
        result: Tensor = attack.run(model, image, idle, epsilon=BUDGET.epsilon)
        return result

    return run
