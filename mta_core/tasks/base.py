"""A task: what a model predicts from a picture, with its loss, its measures and its colours."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

Span = tuple[float, float]
"""The smallest and largest value that a colour scale shows."""


@dataclass(frozen=True)
class Measure:
    """One number that says how well a task is solved.

    Attributes:
        name: as in rows and JSON, e.g. `"miou"`; in targeted evaluations `when_targeted`, if that is given.
        label: for people, e.g. `"mIoU"`.
        unit: `""` for fractions, `"m"`, `"°"`.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool
    when_targeted: str = ""
    """Its name where the answer is compared with the target of an attack; empty where that makes no difference."""
    is_of_change: bool = False
    """Whether it compares with the clean answer: a target then makes no difference."""

    def named(self, is_targeted: bool) -> Measure:
        """The measure under the name and label that it has there."""
        if not (is_targeted and self.when_targeted):
            return self
        return replace(self, name=self.when_targeted, label=f"Target {self.label.lower()}")

    def is_raised(self, is_targeted: bool) -> bool:
        """Whether a stronger attack makes it larger: away from the truth, or towards the target."""
        return self.higher_is_better == (is_targeted and not self.is_of_change)

    def format(self, value: float) -> str:
        """The value with its unit, as people read it; a dash where there is nothing to measure."""
        if value != value:
            return "–"
        if self.unit == "°":
            return f"{value:.1f}°"
        return f"{value:.3f} {self.unit}" if self.unit else f"{100 * value:.1f} %"

    def format_change(self, value: float) -> str:
        """A difference of two values: `-1.20 points` where the measure is in per cent."""
        if value != value:
            return "–"
        if self.unit == "°":
            return f"{value:+.2f}°"
        return f"{value:+.3f} {self.unit}" if self.unit else f"{100 * value:+.2f} points"

    def is_worse(self, value: float, than: float) -> bool:
        return value < than if self.higher_is_better else value > than


@dataclass(frozen=True)
class Legend:
    """How to read a task's colours.

    Attributes:
        entries: names with their "#rrggbb" colours.
        span: the ends of a continuous scale, in `unit`; None where there is none.
    """

    entries: tuple[tuple[str, str], ...] = ()
    span: Span | None = None
    unit: str = ""


def _cut(prediction: Tensor, target: Tensor, labelled: Tensor | None) -> tuple[Tensor, Tensor]:
    """Both with 0 where a pixel is not labelled: cut before a loss is taken, not after, since a NaN there would come
    back through 0 * NaN in the gradient."""
    if labelled is None:
        return prediction, target
    mask = labelled if target.ndim == 3 else labelled[:, None]
    return torch.where(labelled[:, None], prediction, 0), torch.where(mask, target, 0)


def class_margins(logits: Tensor, target: Tensor) -> Tensor:
    """How far the target's logit lies above every class's, (B, C, H, W); infinite above its own.

    Moosavi-Dezfooli, Fawzi, Frossard: "DeepFool" (CVPR 2016), section 3: `f_k^(x0) - f_k`.
    """
    own = target[:, None]
    return (logits.gather(1, own) - logits).scatter(1, own, torch.inf)


class Task(ABC):
    """Everything the program knows about one task.

    `prediction` is what a victim answers, (B, C, H, W) float. `value` and `target` are in label space: what
    `decode` makes of a prediction and what a data set provides. Pixels whose target is unlabelled or invalid
    never count, neither in the loss nor in a measure.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    letter: ClassVar[str]
    """The letter of the study of robustness in multi-task learning."""
    channels: ClassVar[int]
    """Channels of a prediction."""
    space: ClassVar[str]
    """Label space and unit, e.g. `"nyu13"` or `"metres"`; victims and data must agree on it."""
    measures: ClassVar[tuple[Measure, ...]]
    """The first one is the task's main measure."""
    tones: ClassVar[Tensor | None] = None
    """At most 256 colours, (N, 3) in [0, 1], that pictures of this task are made of; None where any colour occurs."""
    difference_label: ClassVar[str]
    """What `difference` shows, with its unit."""
    goals: ClassVar[tuple[str, ...]]
    """Some of what `everywhere` understands: the targets that people are offered, the first one unless they choose."""
    is_dense: ClassVar[bool] = True
    """Whether it answers every pixel; else a picture has one answer, a map of one pixel."""

    @property
    def main_measure(self) -> Measure:
        return self.measures[0]

    def main_measure_towards(self, target: Tensor) -> Measure:
        """The measure that tells best how much of a target (1, ...) is reached."""
        return self.main_measure

    def measure(self, name: str) -> Measure:
        return next(measure for measure in self.measures if name in (measure.name, measure.when_targeted))

    @abstractmethod
    def valid(self, target: Tensor) -> Tensor:
        """Which pixels are labelled, (B, H, W) bool."""

    @abstractmethod
    def pixel_loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of every pixel, (B, H, W) float32; an invalid target is 0 here."""

    def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss over each picture's labelled pixels, (B,); 0 where a picture has none."""
        return self.loss_on(prediction, target, self.labelled(target))

    def labelled(self, target: Tensor) -> Tensor | None:
        """Which pixels are labelled, (B, H, W) bool; None where all are, which saves every step of an attack work."""
        valid = self.valid(target)
        return None if valid.all() else valid

    def loss_on(self, prediction: Tensor, target: Tensor, labelled: Tensor | None) -> Tensor:
        """`loss`, where it is known which pixels of the target are labelled."""
        losses = self.losses_on(prediction, target, labelled)
        if labelled is None:
            return losses.mean((1, 2))
        return losses.sum((1, 2)) / labelled.sum((1, 2)).clamp(min=1)

    def losses_on(self, prediction: Tensor, target: Tensor, labelled: Tensor | None) -> Tensor:
        """The loss of every pixel, (B, H, W) float32, 0 where it is not labelled."""
        losses = self.pixel_loss(*_cut(prediction.float(), target, labelled))
        return losses if labelled is None else losses * labelled

    def margins(self, prediction: Tensor, target: Tensor) -> Tensor:
        """How far every pixel is from each kind of wrong answer, (B, K, H, W), differentiable: below 0 where it gives
        that one, infinite where it cannot. An answer is right where all its margins are above 0.

        This one is for classes; tasks that answer with numbers say how far off counts as wrong.
        """
        return class_margins(prediction, target)

    def margins_on(self, prediction: Tensor, target: Tensor, labelled: Tensor | None) -> Tensor:
        """`margins` in float32; of no meaning, but finite or infinite, where a pixel is not labelled."""
        return self.margins(*_cut(prediction.float(), target, labelled))

    @abstractmethod
    def decode(self, prediction: Tensor) -> Tensor:
        """A prediction (B, C, H, W) in label space, as a target would be: (B, H, W), or (B, C, H, W) of vectors and
        probabilities."""

    def pseudo_target(self, prediction: Tensor) -> Tensor:
        """The target that stands in for a picture without labels: what the victim says of the clean picture.

        The loss towards it can have a zero gradient at the clean picture itself (L1 and 1 - dot do), so an
        attack must leave that point by a random start.
        """
        return self.as_target(self.decode(prediction)).detach()

    def as_target(self, value: Tensor) -> Tensor:
        """A decoded prediction in the form of the labels, where that says less."""
        return value

    @abstractmethod
    def everywhere(self, text: str) -> Tensor:
        """One pixel of a target that is the same everywhere, as people name it, (1, 1) or (C, 1, 1).

        Raises:
            ValueError: it names no value of this task.
        """

    @abstractmethod
    def statistics(self, value: Tensor, target: Tensor, clean: Tensor | None = None) -> Tensor:
        """Sufficient statistics of each picture, (B, S) float64; they add over pictures.

        Args:
            clean: the value of the clean picture, for measures of what changed; the target stands in for it.
        """

    @abstractmethod
    def measures_of(self, statistics: Tensor) -> dict[str, Tensor]:
        """Every measure from summed statistics (..., S), each (...); NaN where nothing was labelled."""

    def as_published(self, statistics: Tensor) -> dict[str, Tensor]:
        """Every measure of one batch (B, S) as the multi-task literature of 2018 to 2021 took it: over all pixels of
        the batch. The papers print the mean of these over all batches (`Meter`, aggregation `published`)."""
        return self.measures_of(statistics.sum(0))

    @abstractmethod
    def span(self, *values: Tensor) -> Span | None:
        """A common colour range for several values; None where colours need none."""

    def tone(self, value: Tensor, span: Span | None = None) -> Tensor:
        """The place in `tones` of every pixel, (B, H, W) uint8; for tasks that have those."""
        raise NotImplementedError

    def colour(self, value: Tensor, span: Span | None = None) -> Tensor:
        """(B, 3, H, W) in [0, 1], distinguishable by the colour-blind; invalid pixels are mid grey."""
        assert self.tones is not None, f"{self.name} has neither tones nor a way of its own"
        return self.tones.to(value.device)[self.tone(value, span).long()].movedim(-1, 1)

    @abstractmethod
    def legend(self, *values: Tensor) -> Legend:
        """What the colours of these values mean; only what occurs in them."""

    @abstractmethod
    def difference(self, value: Tensor, other: Tensor) -> Tensor:
        """How far two values are apart at every pixel, (B, H, W), in the unit that `difference_label` names."""

    @abstractmethod
    def describe(self, clean: Tensor, adversarial: Tensor) -> str:
        """What became of one picture's output (1, ...), in half a sentence a layperson understands."""

    def describe_towards(self, clean: Tensor, adversarial: Tensor, target: Tensor) -> str:
        """The same where the output was to become a target (1, ...)."""
        return self.describe(clean, adversarial)


PUBLISHED = "published"
PUBLISHED_BATCH = 2
"""Pictures in a batch of the test data in the released code of MTAN (Liu et al., CVPR 2019), whose data, losses and
measures the MTA paper follows (section 4.2); that paper does not say its own."""


class Meter:
    """Streams pictures of one task in batches of any size; answers pooled and per-picture measures.

    Only sums are kept, so memory does not grow with the number of pictures. The confidence interval comes from a
    Poisson bootstrap over pictures (each replicate sees each picture a Poisson(1) number of times), which streams.
    The answer depends on the order of the pictures, not on how they were batched.

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
        weights = torch.stack([self._draw() for _ in statistics])
        pooled = weights.T @ statistics
        self._pooled = pooled if self._pooled is None else self._pooled + pooled
        self.num_pictures += statistics.shape[0]
        for name, values in self.task.measures_of(statistics).items():
            known = ~values.isnan()
            self._sums[name] = self._sums.get(name, 0) + weights.T @ torch.where(known, values, 0)
            self._weights[name] = self._weights.get(name, 0) + weights.T @ known.double()
        if self._batches is not None:
            self._batches.update(statistics)

    def _draw(self) -> Tensor:
        """How often each replicate sees the next picture, (1 + R,)."""
        rates = torch.ones(self._num_replicates, dtype=torch.float64)
        return torch.cat([rates.new_ones(1), torch.poisson(rates, generator=self._generator)])

    def skip(self, count: int) -> None:
        """Leaves pictures out that another meter takes, before the first update: see `unite`. An even number, where
        published measures are kept, or their batches would be others."""
        for _ in range(count):
            self._draw()

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
        return {name: _interval(values[1:].double()) for name, values in self._replicates(aggregation).items()}


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


def _interval(replicates: Tensor) -> tuple[float, float] | None:
    low, high = torch.nanquantile(replicates, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return None if math.isnan(low) else (low, high)
