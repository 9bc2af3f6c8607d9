"""Uncertainty weighting: weights that are learnt like the network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from mta_core.task_weights.base import TaskWeights, positive, softmax


class Uncertainty(TaskWeights):
    """Learned log-variances, after Kendall, Gal and Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses"
    (CVPR 2018): networks and log-variances s_t lower `sum_t (exp(-s_t) p_t + s_t) / 2` together.

    Here p_t is `positive` of the fooling loss, which is no likelihood, so that the form is all that is left of their
    argument. Weights are exp(-s_t) over their sum: the common factor is nothing to Adam, and it keeps the balance with
    the penalty. The s_t start at 0 and take plain gradient steps of `RATE`, in some 40 steps to wherever they go: Adam
    at a generator's rate would hardly move them, and it stands still while patterns are drawn.
    """

    name = "uncertainty"
    RATE: ClassVar[float] = 0.05

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks)
        self.log_variances = dict.fromkeys(self.tasks, 0.0)

    def alphas(self) -> dict[str, float]:
        return softmax({name: -s for name, s in self.log_variances.items()})

    def weighed(self, losses: Tensor) -> Tensor:
        return positive(losses)

    def slopes(self, seen: Mapping[str, float]) -> dict[str, float]:
        """The derivative of the objective by each s_t."""
        return {name: (1 - math.exp(-s) * seen[name]) / 2 for name, s in self.log_variances.items()}

    def learn(self, seen: Mapping[str, float]) -> None:
        for name, slope in self.slopes(seen).items():
            self.log_variances[name] -= self.RATE * slope

    def state(self) -> dict[str, Any]:
        return {**super().state(), "log_variances": dict(self.log_variances)}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.log_variances = self._numbers(state["log_variances"])
