"""A strategy of task weights: how a training asks it, and what it may learn from."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from mta_core import distributed

ALL, PENALTY = "", "penalty"
"""Names of terms that are no task's."""


def positive(losses: Tensor) -> Tensor:
    """Fooling losses of either sign to numbers above 0 that fall with them: `log(1 + exp(l))`."""
    return F.softplus(losses)


class TaskWeights(ABC):
    """A strategy, through a training: `begin_batch`; for each part of the batch `terms`, whose gradients the training
    adds to the parameters, `take` after each of them, and `see`; `end_batch`, `end_epoch`. The penalty is a term of its
    own where the strategy `is_apart`, and else counts with `ALL`.

    A batch that is taken in parts, or begun again, leads to the same weights: nothing is learnt before `end_batch`, and
    only from sums over pictures.

    Args:
        tasks: names of the tasks, each of which has a fooling loss.
    """

    name: ClassVar[str]
    is_apart: ClassVar[bool] = False
    """Whether it asks for the gradients of each task alone."""

    def __init__(self, tasks: Sequence[str]) -> None:
        self.tasks = tuple(tasks)
        self.history: list[dict[str, float]] = []
        """Mean weights of each epoch."""
        self._used: list[dict[str, float]] = []
        self._seen: dict[str, float] = {}

    @abstractmethod
    def alphas(self) -> dict[str, float]:
        """The weights of the current batch; at least 0, of sum 1."""

    def weighed(self, losses: Tensor) -> Tensor:
        """What the weights multiply, of a task's fooling losses (B,)."""
        return losses

    def learn(self, seen: Mapping[str, float]) -> None:  # noqa: B027 (not every strategy learns)
        """`seen` holds the mean of `positive` over the batch that ends, by task."""

    def begin_batch(self) -> None:
        """Forgets what was begun."""
        self._seen = dict.fromkeys(self.tasks, 0.0)

    def terms(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What is to be differentiated, by name, (B,) each, of fooling losses (B,) of some of the tasks: their weighted
        sum, unless the strategy `is_apart`."""
        alphas = self.alphas()
        return {ALL: torch.stack([alphas[name] * self.weighed(loss) for name, loss in losses.items()]).sum(0)}

    def take(self, term: str) -> None:  # noqa: B027 (most leave gradients where they are)
        """The gradients of a term's mean, times the part's share of the batch, have been added to the parameters."""

    def see(self, losses: Mapping[str, Tensor], share: float) -> None:
        """Learns of a part's fooling losses, (B,) of each task; `share` is how much of the batch the part is."""
        for name, loss in losses.items():
            self._seen[name] += share * float(positive(loss.detach()).mean())

    def end_batch(self) -> dict[str, float]:
        """The gradients are complete; returns the weights that they were taken with."""
        used = self.alphas()
        self._used.append(used)
        self._seen = distributed.totals(self._seen)
        self.learn(self._seen)
        return used

    def end_epoch(self) -> None:
        if self._used:
            self.history.append({name: sum(a[name] for a in self._used) / len(self._used) for name in self.tasks})
        self._used = []

    def state(self) -> dict[str, Any]:
        """What the next step depends on, and the history, as numbers; batches have ended."""
        return {"history": self.history, "used": list(self._used)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError or ArithmeticError where that is no state of these tasks."""
        self.history = [self._numbers(row) for row in state.get("history", [])]
        self._used = [self._numbers(row) for row in state.get("used", [])]

    def _numbers(self, row: Mapping[str, Any]) -> dict[str, float]:
        if not all(isinstance(row[name], float) and math.isfinite(row[name]) for name in self.tasks):
            raise ArithmeticError("expected a finite number for each task")
        return {name: row[name] for name in self.tasks}


def softmax(values: Mapping[str, float]) -> dict[str, float]:
    """exp(value) over the sum of all."""
    largest = max(values.values())
    powers = {name: math.exp(value - largest) for name, value in values.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}
