"""The multiple gradient descent algorithm: weights from the gradients of the tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mta_core import distributed
from mta_core.task_weights.base import PENALTY, TaskWeights


class Mgda(TaskWeights):
    """MGDA, after Sener and Koltun, "Multi-Task Learning as Multi-Objective Optimization" (NeurIPS 2018): of all
    weightings the one whose gradient on what the tasks share is shortest. No task's loss grows along it, to first
    order, and it is zero only where nothing helps all tasks.

    Their theorem is about the parameters that tasks share, and so are the gradients here, not those of the encoder's
    output, which only bound them: the inputs of a universal generator differ by task, and a joint generator has no
    encoder that could be told from the rest. That costs a backward pass for each task. Gradients are not normalised
    first: the logarithm has brought them to one scale.

    Shared is whatever the losses of two or more tasks reach; where that is nothing, as while each task draws a pattern,
    weights are 1/M. What one task alone reaches, its decoder, moves by that task's gradient over M whatever the
    weights, as in their algorithm 2: a decoder competes with nobody, and a task of weight 0 may go on learning there.

    Args:
        parameters: everything that is learnt.
    """

    name = "mgda"
    is_apart = True

    def __init__(self, tasks: Sequence[str], parameters: Sequence[Tensor]) -> None:
        super().__init__(tasks)
        self.parameters = list(parameters)
        self._gradients: dict[str, list[Tensor | None]] = {}
        self._alphas = self._uniform = dict.fromkeys(self.tasks, 1 / len(self.tasks))

    def alphas(self) -> dict[str, float]:
        return dict(self._alphas)

    def begin_batch(self) -> None:
        super().begin_batch()
        self._gradients = {name: [None] * len(self.parameters) for name in self.tasks}

    def terms(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict(losses)

    def take(self, term: str) -> None:
        own = self._gradients.setdefault(term, [None] * len(self.parameters))
        for number, parameter in enumerate(self.parameters):
            own[number] = _sum(own[number], parameter.grad)
            parameter.grad = None

    def end_batch(self) -> dict[str, float]:
        distributed.add_up(gradient for gradients in self._gradients.values() for gradient in gradients)
        found = [
            {name: gradient for name, gradient in zip(self.tasks, gradients, strict=True) if gradient is not None}
            for gradients in zip(*(self._gradients[name] for name in self.tasks), strict=True)
        ]
        gram = self._gram([gradients for gradients in found if len(gradients) > 1])
        self._alphas = self._uniform if gram is None else dict(zip(self.tasks, min_norm_weights(gram), strict=True))
        penalties = self._gradients.get(PENALTY, [None] * len(self.parameters))
        for parameter, gradients, penalty in zip(self.parameters, found, penalties, strict=True):
            parameter.grad = penalty
            alphas = self._alphas if len(gradients) > 1 else self._uniform
            for name, gradient in gradients.items():
                parameter.grad = _sum(parameter.grad, alphas[name] * gradient)
        self._gradients = {}
        return super().end_batch()

    def _gram(self, shared: Sequence[Mapping[str, Tensor]]) -> Tensor | None:
        """(M, M) inner products of the tasks' gradients on what they share; None where that is nothing."""
        gram: Tensor | None = None
        for gradients in shared:
            none = torch.zeros_like(next(iter(gradients.values())))
            rows = torch.stack([gradients.get(name, none) for name in self.tasks]).flatten(1).float()
            gram = _sum(gram, rows @ rows.T)
        return None if gram is None else gram.cpu().double()


def min_norm_weights(gram: Tensor, most_steps: int = 1000) -> list[float]:
    """Weights w, at least 0 and of sum 1, for which `|| sum_t w_t g_t ||` is smallest (Sener and Koltun, equation 3).

    By Frank-Wolfe with exact line searches, as in their algorithm 2, but moving weight from the worst vector to the
    best one: the pairwise variant of Lacoste-Julien and Jaggi (NeurIPS 2015), which does not zigzag. Two vectors take
    one step.

    Args:
        gram: (M, M) inner products of the vectors g_t.
    """
    gram = gram.double() / gram.diagonal().max().clamp(min=torch.finfo(torch.float32).tiny)
    weights = torch.full((len(gram),), 1 / len(gram), dtype=torch.float64)
    for _ in range(most_steps):
        slopes = gram @ weights
        best = int(slopes.argmin())
        worst = int(torch.where(weights > 0, slopes, -torch.inf).argmax())
        slope = float(slopes[worst] - slopes[best])
        if slope <= 1e-6 * float(weights @ slopes) + 1e-12:
            break
        curvature = float(gram[best, best] + gram[worst, worst] - 2 * gram[best, worst])
        moved = min(slope / curvature if curvature > 0 else math.inf, float(weights[worst]))
        weights[best] += moved
        weights[worst] -= moved
    return [float(weight) for weight in weights]


def _sum(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    return other if one is None else one if other is None else one + other
