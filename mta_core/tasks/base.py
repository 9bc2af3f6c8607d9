"""A task: what a model predicts from a picture, with its loss, its measures and its colours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

Span = tuple[float, float]
"""The smallest and largest value that a colour scale shows."""


PLAIN = 0.1
"""Mere numbers below it, such as squared errors of depths, are shown by their first digits that are not zero."""


@dataclass(frozen=True)
class Measure:
    """One number that says how well a task is solved.

    Attributes:
        name: as in rows and JSON, e.g. `"miou"`; in targeted evaluations `when_targeted`, if that is given.
        label: for people, e.g. `"mIoU"`.
        unit: `""` for fractions and mere numbers, `"m"`, `"m²"`, `"°"`.
    """

    name: str
    label: str
    unit: str
    higher_is_better: bool
    when_targeted: str = ""
    """Its name where the answer is compared with the target of an attack; empty where that makes no difference."""
    is_of_change: bool = False
    """Whether it compares with the clean answer: a target then makes no difference."""
    is_share: bool = True
    """Whether a number without a unit is a share of 1, which people read in per cent."""

    @property
    def scale(self) -> int:
        """What a value is multiplied with for people, who read shares in per cent."""
        return 1 if self.unit or not self.is_share else 100

    @property
    def shown_unit(self) -> str:
        """The unit of a value times `scale`; empty for mere numbers."""
        return self.unit or ("%" if self.is_share else "")

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
        if not self.shown_unit:
            return f"{value:.4f}" if abs(value) >= PLAIN else f"{value:.3g}"
        return f"{value:.3f} {self.unit}" if self.unit else f"{100 * value:.1f} %"

    def format_change(self, value: float) -> str:
        """A difference of two values: `-1.20 points` where the measure is in per cent."""
        if value != value:
            return "–"
        if self.unit == "°":
            return f"{value:+.2f}°"
        if not self.shown_unit:
            return f"{value:+.4f}" if abs(value) >= PLAIN else f"{value:+.3g}"
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


@dataclass(frozen=True)
class Truth:
    """A target made ready for one loss after the other.

    Attributes:
        target: with 0 where a pixel is not labelled, in the layout of answers: several channels last.
        labelled: which pixels are, (B, H, W) bool; None for all.
        mask: the same in the shape and layout of the target, with which cutting is several times faster.
        count: how many are in each picture, at least 1, (B,).
    """

    target: Tensor
    labelled: Tensor | None
    mask: Tensor | None
    count: Tensor


def cut(values: Tensor, labelled: Tensor | None) -> Tensor:
    """0 where a pixel is not labelled: cut before a loss is taken, not after, since a NaN there would come back through
    0 * NaN in the gradient."""
    if labelled is None:
        return values
    return torch.where(labelled if values.ndim == labelled.ndim else labelled[:, None], values, 0)


def class_margins(logits: Tensor, target: Tensor) -> Tensor:
    """How far the target's logit lies above every class's, (B, C, H, W); infinite above its own.

    Moosavi-Dezfooli, Fawzi, Frossard: "DeepFool" (CVPR 2016), section 3: `f_k^(x0) - f_k`.
    """
    own = target[:, None]
    return (logits.gather(1, own) - logits).scatter(1, own, torch.inf)


class Task(ABC):
    """Everything the program knows about one task, whose name and label space tell it from all others.

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
    takes: ClassVar[tuple[str, ...]] = ()
    """Other label spaces whose labels `convert` brings into this one."""
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

    def accepts(self, space: str) -> bool:
        """Whether labels of that space can be labels of this task."""
        return space == self.space or space in self.takes

    def convert(self, target: Tensor, space: str) -> Tensor:
        """Labels (..., H, W) of a space that it accepts, in its own."""
        assert space == self.space, f"{self.name} in {self.space} does not take labels in {space}"
        return target

    @abstractmethod
    def valid(self, target: Tensor) -> Tensor:
        """Which pixels are labelled, (B, H, W) bool."""

    @abstractmethod
    def pixel_loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss of every pixel, (B, H, W) float32; an invalid target is 0 here."""

    def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Mean loss over each picture's labelled pixels, (B,); 0 where a picture has none."""
        return self.loss_on(prediction, self.ready(target))

    def labelled(self, target: Tensor) -> Tensor | None:
        """Which pixels are labelled, (B, H, W) bool; None where all are, which saves every step of an attack work."""
        valid = self.valid(target)
        return None if valid.all() else valid

    def ready(self, target: Tensor) -> Truth:
        """What `loss_on` asks for."""
        labelled = self.labelled(target)
        count = self.valid(target).sum((1, 2)).clamp(min=1)
        if target.ndim == 4:
            target = target.contiguous(memory_format=torch.channels_last)
        shaped = labelled if labelled is None or target.ndim == 3 else labelled[:, None].expand_as(target)
        mask = None if shaped is None else torch.empty_like(target, dtype=torch.bool).copy_(shaped)
        return Truth(cut(target, mask), labelled, mask, count)

    def loss_on(self, prediction: Tensor, truth: Truth) -> Tensor:
        """`loss`, where the target is ready."""
        losses = self.pixel_loss(cut(prediction.float(), truth.labelled), truth.target)
        return (losses if truth.labelled is None else losses * truth.labelled).sum((1, 2)) / truth.count

    def losses_on(self, prediction: Tensor, target: Tensor, labelled: Tensor | None) -> Tensor:
        """The loss of every pixel, (B, H, W) float32, 0 where it is not labelled."""
        losses = self.pixel_loss(cut(prediction.float(), labelled), cut(target, labelled))
        return losses if labelled is None else losses * labelled

    def margins(self, prediction: Tensor, target: Tensor) -> Tensor:
        """How far every pixel is from each kind of wrong answer, (B, K, H, W), differentiable: below 0 where it gives
        that one, infinite where it cannot. An answer is right where all its margins are above 0.

        This one is for classes; tasks that answer with numbers say how far off counts as wrong.
        """
        return class_margins(prediction, target)

    def margins_on(self, prediction: Tensor, target: Tensor, labelled: Tensor | None) -> Tensor:
        """`margins` in float32; of no meaning, but finite or infinite, where a pixel is not labelled."""
        return self.margins(cut(prediction.float(), labelled), cut(target, labelled))

    @abstractmethod
    def decode(self, prediction: Tensor) -> Tensor:
        """A prediction (B, C, H, W) in label space, as a target would be: (B, H, W), or (B, C, H, W) of vectors and
        probabilities."""

    def probability(self, prediction: Tensor) -> Tensor | None:
        """How likely the decoded answer is by the victim's own account, (B, H, W) in [0, 1]; None where an answer is
        no class, or says it itself."""
        return None

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
