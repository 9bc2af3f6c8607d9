"""Dynamic weight average: weights from how fast losses fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mta_core.task_weights.base import TaskWeights, softmax


class DynamicWeightAverage(TaskWeights):
    """The slower a task's loss falls from epoch to epoch, the more the task counts: Liu, Johns and Davison, "End-to-End
    Multi-Task Learning with Attention" (CVPR 2019), with their temperature of 2.

    Ratios are taken of the epoch means of `positive`; what is weighed are the fooling losses themselves. The first two
    epochs have weights of 1/M.
    """

    name = "dwa"
    TEMPERATURE: ClassVar[float] = 2.0

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(tasks)
        self.means: list[dict[str, float]] = []
        """Of the last two epochs, the earlier one first."""
        self._batches: list[dict[str, float]] = []

    def alphas(self) -> dict[str, float]:
        if len(self.means) < 2:
            return dict.fromkeys(self.tasks, 1 / len(self.tasks))
        before, last = self.means
        ratios = {name: last[name] / max(before[name], 1e-12) for name in self.tasks}
        return softmax({name: ratio / self.TEMPERATURE for name, ratio in ratios.items()})

    def learn(self, seen: Mapping[str, float]) -> None:
        self._batches.append(dict(seen))

    def end_epoch(self) -> None:
        super().end_epoch()
        if self._batches:
            mean = {name: sum(batch[name] for batch in self._batches) / len(self._batches) for name in self.tasks}
            self.means = [*self.means, mean][-2:]
        self._batches = []

    def state(self) -> dict[str, Any]:
        return {**super().state(), "means": self.means, "batches": list(self._batches)}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.means = [self._numbers(row) for row in state["means"]][-2:]
        self._batches = [self._numbers(row) for row in state.get("batches", [])]
