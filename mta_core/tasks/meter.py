"""The measures of any number of pictures of one task, from running sums, with confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from mta_core.bootstrap import draw, interval
from mta_core.tasks.base import Task

PUBLISHED = "published"
PUBLISHED_BATCH = 2
"""Pictures in a batch of the test data in the released code of MTAN (Liu et al., CVPR 2019), whose data, losses and
measures the MTA paper follows (section 4.2); that paper does not say its own."""


class Meter:
    """Streams pictures of one task in batches of any size; answers pooled and per-picture measures.

    Only sums are kept, so memory does not grow with the number of pictures. The confidence interval comes from
    `mta_core.bootstrap`. The answer depends on the order of the pictures, not on how they were batched.

    Three aggregations:
        `pooled`: over all pixels of all pictures, as is done today: mIoU from one confusion matrix, the median of all
            angles.
        `per-picture`: the mean over pictures of each picture's measure.
        `published`: what the tables of the MTA paper hold, for comparison with them only; no intervals. The mean over
            batches of `PUBLISHED_BATCH` pictures, whichever way they came in: the median angle is the mean of the
            batches' medians. Segmentation was averaged over pictures (`Task.as_published`).

    Args:
        has_published: whether `published` is kept.
    """

    def __init__(self, task: Task, *, num_replicates: int = 200, seed: int = 0, has_published: bool = False) -> None:
        self.task = task
        self.num_pictures = 0
        self._num_replicates = num_replicates
        self._generator = torch.Generator().manual_seed(seed)
        self._pooled: Tensor | None = None  # (1 + R, S)
        self._sums: dict[str, Tensor] = {}  # (1 + R,) weighted sums of per-picture measures
        self._weights: dict[str, Tensor] = {}  # (1 + R,) weights of the pictures that could be measured
        self._batches = _Batches(task) if has_published else None

    def update(self, value: Tensor, target: Tensor, clean: Tensor | None = None) -> None:
        """Adds pictures: `value` as `Task.decode` gives it, `target` in label space and, where measures of change are
        wanted, the `clean` value; each with B pictures."""
        if value.device.type == "mps":  # Apple's GPUs have no float64
            value, target, clean = value.cpu(), target.cpu(), None if clean is None else clean.cpu()
        self.add(self.task.statistics(value, target, clean).cpu())

    def add(self, statistics: Tensor) -> None:
        """Adds pictures by their sufficient statistics, (B, S) float64 on the CPU: see `Task.statistics`."""
        weights = self._draw(len(statistics))
        pooled = weights.T @ statistics
        self._pooled = pooled if self._pooled is None else self._pooled + pooled
        self.num_pictures += statistics.shape[0]
        for name, values in self.task.measures_of(statistics).items():
            known = ~values.isnan()
            self._sums[name] = self._sums.get(name, 0) + weights.T @ torch.where(known, values, 0)
            self._weights[name] = self._weights.get(name, 0) + weights.T @ known.double()
        if self._batches is not None:
            self._batches.update(statistics)

    def _draw(self, count: int) -> Tensor:
        return draw(count, self._num_replicates, self._generator)

    def skip(self, count: int) -> None:
        """Leaves pictures out that another meter takes, before the first update: see `unite`. An even number, where
        published measures are kept, or their batches would be others."""
        self._draw(count)

    def sums(self) -> tuple[Any, ...]:
        """All that was summed so far, to be sent to another process."""
        return self.num_pictures, self._pooled, self._sums, self._weights, self._batches and self._batches.sums()

    def unite(self, shares: Sequence[tuple[Any, ...]]) -> None:
        """Becomes the meter of all pictures, in place of its own: `shares` are the `sums` of meters that each took
        some, in their order."""
        seen = [share for share in shares if share[0]]
        self.num_pictures = sum(share[0] for share in seen)
        if seen:
            self._pooled = sum(share[1] for share in seen)
            self._sums = {name: sum(share[2][name] for share in seen) for name in seen[0][2]}
            self._weights = {name: sum(share[3][name] for share in seen) for name in seen[0][3]}
        if self._batches is not None:
            self._batches.unite([share[4] for share in seen])

    @property
    def has_published(self) -> bool:
        return self._batches is not None

    def state(self) -> dict[str, Any]:
        """All that was added so far, as tensors and numbers, for `restore` of an empty meter made alike."""
        assert self._batches is None, "published measures are not kept"
        kept = {"pooled": self._pooled, "sums": dict(self._sums), "weights": dict(self._weights)}
        return {**kept, "num_pictures": self.num_pictures, "generator": self._generator.get_state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError or RuntimeError where that is no state of a meter."""
        self._pooled, self.num_pictures = state["pooled"], int(state["num_pictures"])
        self._sums, self._weights = dict(state["sums"]), dict(state["weights"])
        self._generator.set_state(state["generator"])

    def _replicates(self, aggregation: str) -> dict[str, Tensor]:
        if self._pooled is None:
            return {measure.name: torch.full((1,), torch.nan) for measure in self.task.measures}
        if aggregation == "pooled":
            return self.task.measures_of(self._pooled)
        return {name: total / self._weights[name] for name, total in self._sums.items()}

    def compute(self, aggregation: str = "pooled") -> dict[str, float]:
        """Every measure; `aggregation` is `"pooled"` (over all pixels), `"per-picture"` (mean over pictures) or
        `"published"`."""
        if aggregation == PUBLISHED:
            assert self._batches is not None, "this meter does not keep the published measures"
            return self._batches.compute()
        return {name: float(values[0]) for name, values in self._replicates(aggregation).items()}

    def interval(self, aggregation: str = "pooled") -> dict[str, tuple[float, float] | None]:
        """95 % bootstrap interval over pictures of every measure; None for fewer than two pictures, no replicates,
        nothing to measure, or published measures."""
        if self.num_pictures < 2 or not self._num_replicates or aggregation == PUBLISHED:
            return {measure.name: None for measure in self.task.measures}
        return {name: interval(values) for name, values in self._replicates(aggregation).items()}


class _Batches:
    """The mean of a task's measures over batches of `PUBLISHED_BATCH` pictures, the last of which may be smaller."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.open: list[Tensor] = []  # statistics (S,) of a batch that is not full yet
        self.done = {measure.name: (0.0, 0) for measure in task.measures}  # sum over batches, and how many

    def update(self, statistics: Tensor) -> None:
        for picture in statistics:
            self.open.append(picture)
            if len(self.open) == PUBLISHED_BATCH:
                self.done, self.open = self._with(self.open), []

    def _with(self, pictures: list[Tensor]) -> dict[str, tuple[float, int]]:
        """The sums with one more batch; what it has nothing to measure of stays as it is."""
        sums = dict(self.done)
        for name, value in self.task.as_published(torch.stack(pictures)).items():
            if not value.isnan():
                total, count = sums[name]
                sums[name] = total + float(value), count + 1
        return sums

    def sums(self) -> tuple[Any, ...]:
        return self.done, self.open

    def unite(self, shares: Sequence[tuple[Any, ...]]) -> None:
        assert not any(still_open for _, still_open in shares[:-1]), "batches end with their share, but for the last"
        self.open = shares[-1][1] if shares else []
        self.done = {
            name: (sum(done[name][0] for done, _ in shares), sum(done[name][1] for done, _ in shares))
            for name in self.done
        }

    def compute(self) -> dict[str, float]:
        sums = self._with(self.open) if self.open else self.done
        return {name: total / count if count else math.nan for name, (total, count) in sums.items()}
