"""DeepFool: the shortest way across the nearest boundary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from mta_core.attacks.base import Attack, Margins, Objective, Problem, Step, setting
from mta_core.budget import Norm
from mta_core.vectors import by_picture

NUDGE = 1e-4
"""Added to the length of every step, as in the authors' code: a step to the boundary itself crosses nothing."""
TINY = 1e-12
DUAL = {Norm.LINF: 1, Norm.L2: 2}
"""The norm of a gradient that says how much a step of that norm can change."""


@dataclass(frozen=True)
class DeepFool(Attack):
    """Steps to the nearest boundary of the victim, as if it were linear, until the picture is fooled.

    Moosavi-Dezfooli, Fawzi, Frossard: "DeepFool: a simple and accurate method to fool deep neural networks" (CVPR
    2016), algorithm 2, and section 3.4 for L-infinity. Every picture stops by itself where it is fooled, so that its
    perturbation is about the smallest there is, and one that is wrong already is left alone. Step by step the sum of
    all steps, 1 + overshoot times as long, is added to the clean picture, as in the authors' code. What is beyond the
    budget then is cut off.

    For answers that are maps of pixels every kind of wrong answer (`Task.margins`) has one boundary: where the sum of
    its margins over the pixels that are still right is 0. The picture is fooled where the stated share of its pixels
    is. With a single pixel, as in classification, that is the paper's algorithm. The boundaries of thousands of pixels
    are far from linear, so with a map every step is brought back into the budget before the next is taken.

    Targeted, which the paper has not: towards the boundary behind which the target is the answer, of all others the
    farthest.
    """

    num_steps: int = setting(20, "Steps", "Steps for each perturbation at most.", low=1, high=200, step=1)
    num_candidates: int = setting(
        9, "Candidates", "Wrong answers whose boundaries are looked at: the nearest ones at the start.",
        low=1, high=50, step=1,
    )  # fmt: skip
    overshoot: float = setting(
        0.02, "Overshoot", "How far beyond the boundary, as a share of the way to it.", low=0.0, high=1.0, step=0.01
    )
    share: float = setting(
        0.9, "Fooled share", "Share of a picture's pixels that are to be fooled.", low=0.05, high=1.0, step=0.05
    )

    name = "deepfool"
    label = "DeepFool"
    summary = "the shortest way across the nearest boundary, kept inside the budget"
    source = "Moosavi-Dezfooli et al., CVPR 2016"
    scopes = ("per-task",)
    is_iterative = True
    is_precise = True
    is_climbing = False

    def steps(self, problem: Problem) -> Iterator[Step]:
        for name, objective in problem.objectives.items():
            yield from self._walk(problem, name, objective)

    def has_fooled(self, objective: Objective, images: Tensor) -> Tensor:
        """Whether such pictures (B, 3, H, W) are fooled, (B,)."""
        with torch.no_grad():
            return Boundaries.of(objective(images).margins()).is_fooled(self.share)

    def _walk(self, problem: Problem, name: str, objective: Objective) -> Iterator[Step]:
        images, walked = problem.clean, torch.zeros_like(problem.clean)
        candidates = None
        for i in range(self.num_steps):
            with torch.enable_grad():
                point = images.detach().requires_grad_()
                evaluation = objective(point)
                boundaries = Boundaries.of(evaluation.margins())
                is_fooled = boundaries.is_fooled(self.share)
                if not is_fooled.all():
                    candidates = boundaries.nearest(self.num_candidates) if candidates is None else candidates
                    distance, gradient = boundaries.towards(candidates, point, problem.budget.norm)
            if is_fooled.all():
                yield Step(name, self.num_steps, self.num_steps, images, evaluation.losses)
                return
            walked = walked - problem.budget.step(gradient, by_picture(distance + NUDGE))
            moved = (problem.clean + (1 + self.overshoot) * walked).clamp(0, 1)
            if boundaries.are_of_maps:
                moved = problem.budget.project_adversarial(moved, problem.clean)
                walked = (moved - problem.clean) / (1 + self.overshoot)
            images = torch.where(by_picture(is_fooled), images, moved)
            yield Step(name, i + 1, self.num_steps, images, evaluation.losses)


@dataclass(frozen=True)
class Boundaries:
    """Where pictures are, as margins see it.

    Attributes:
        sums: of each margin over the pixels that are still right, (B, K), differentiable; 0 on a boundary.
        counts: how many pixels that are, (B, K).
        num_right, num_labelled: pixels that are still right, and that count at all, (B,).
        are_of_maps: whether a picture has more than one pixel to fool.
    """

    sums: Tensor
    counts: Tensor
    num_right: Tensor
    num_labelled: Tensor
    are_of_maps: bool

    @classmethod
    def of(cls, margins: Margins) -> Self:
        is_right = (margins.values >= 0).all(1)
        labelled = torch.ones_like(is_right) if margins.labelled is None else margins.labelled
        is_right = is_right & labelled
        counted = is_right[:, None] & margins.values.isfinite()
        sums = torch.where(counted, margins.values, 0).sum((2, 3))
        are_of_maps = margins.values[0, 0].numel() > 1
        return cls(sums, counted.sum((2, 3)), is_right.sum((1, 2)), labelled.sum((1, 2)), are_of_maps)

    def is_fooled(self, share: float) -> Tensor:
        """Whether that share of the pixels is wrong, (B,)."""
        return self.num_right <= (1 - share) * self.num_labelled

    def nearest(self, number: int) -> Tensor:
        """Which boundaries have the smallest mean margin, (B, at most `number`)."""
        means = torch.where(self.counts > 0, self.sums.detach() / self.counts, torch.inf)
        return means.topk(min(number, means.shape[1]), dim=1, largest=False).indices

    def towards(self, candidates: Tensor, point: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
        """The distance of each picture to the nearest of its candidates, (B,), if margins were linear, and the gradient
        that leads away from it, (B, 3, H, W)."""
        sums, counts = self.sums.gather(1, candidates), self.counts.gather(1, candidates)
        shortest, direction = torch.full_like(sums[:, 0], torch.inf).detach(), torch.zeros_like(point)
        for k in range(candidates.shape[1]):
            is_last = k + 1 == candidates.shape[1]
            (gradient,) = torch.autograd.grad(sums[:, k].sum(), point, retain_graph=not is_last)
            slope = torch.linalg.vector_norm(gradient.flatten(1), DUAL[norm], dim=1).clamp(min=TINY)
            distance = torch.where(counts[:, k] > 0, sums[:, k].detach() / slope, torch.inf)
            is_nearer = distance < shortest
            shortest = torch.minimum(distance, shortest)
            direction = torch.where(by_picture(is_nearer), gradient, direction)
        return shortest, direction
