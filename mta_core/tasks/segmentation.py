"""Semantic segmentation into the 13 classes of NYUv2 (Couprie et al., 2013)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from mta_core.label_spaces import NYU13 as CLASSES
from mta_core.tasks.base import Legend, Measure, Span, Task
from mta_core.tasks.colours import INVALID, rgb

PALETTE = (
    "#0072b2", "#d55e00", "#e8e4d8", "#009e73", "#8c6d46", "#56b4e9", "#cc79a7", "#f0e442", "#5b2a86", "#e69f00",
    "#1a1a1a", "#b3bcc6", "#a6e3e9",
)  # fmt: skip
"""One colour a class: the Okabe-Ito set, then tones that differ from it and from each other in lightness."""


class Segmentation(Task):
    """Prediction: logits (B, 13, H, W). Target: class indices (B, H, W) int64, 255 = unlabelled."""

    name = "segmentation"
    label = "Segmentation"
    letter = "s"
    channels = len(CLASSES)
    space = "nyu13"
    measures = (Measure("miou", "mIoU", "", True), Measure("pixel_accuracy", "Pixel accuracy", "", True))
    difference_label = "Class changed"
    goals = ("wall", *(name for name in CLASSES if name != "wall"))
    classes: ClassVar[tuple[str, ...]] = CLASSES
    palette: ClassVar[tuple[str, ...]] = PALETTE
    tones = torch.cat([rgb(PALETTE), torch.full((1, 3), INVALID)])

    def valid(self, target: Tensor) -> Tensor:
        return (target >= 0) & (target < self.channels)

    def pixel_loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(prediction, target, reduction="none")

    def decode(self, prediction: Tensor) -> Tensor:
        return prediction.max(1).indices  # the first of equals, as argmax, which is ten times slower here

    def probability(self, prediction: Tensor) -> Tensor:
        """The softmax of the likeliest class."""
        logits = prediction.float()
        return (logits - logits.max(1, keepdim=True).values).exp().sum(1).reciprocal()

    def everywhere(self, text: str) -> Tensor:
        name = text.strip().lower()
        if name not in self.classes:
            raise ValueError(f"expected a class among {', '.join(self.classes)}, got {text!r}")
        return torch.tensor([[self.classes.index(name)]])

    def main_measure_towards(self, target: Tensor) -> Measure:
        """Pixel accuracy where one class is wanted: every other class that is still seen counts 0 in the mIoU."""
        return self.main_measure if self._only_class(target) is None else self.measure("pixel_accuracy")

    def statistics(self, value: Tensor, target: Tensor, clean: Tensor | None = None) -> Tensor:
        """The confusion matrix of each picture, rows truth, columns prediction, flattened to (B, 169)."""
        classes = self.channels
        cells = torch.where(self.valid(target), target * classes + value, classes**2).flatten(1)
        counts = torch.zeros(len(cells), classes**2 + 1, dtype=torch.float64, device=cells.device)
        counts.scatter_add_(1, cells, torch.ones_like(cells, dtype=torch.float64))
        return counts[:, :-1]

    def measures_of(self, statistics: Tensor) -> dict[str, Tensor]:
        confusion = statistics.reshape(*statistics.shape[:-1], self.channels, self.channels)
        hits = confusion.diagonal(dim1=-2, dim2=-1)
        union = confusion.sum(-1) + confusion.sum(-2) - hits
        # A class that neither the truth nor the prediction shows has no IoU: 0/0 is NaN and nanmean leaves it out.
        return {"miou": (hits / union).nanmean(-1), "pixel_accuracy": hits.sum(-1) / confusion.sum((-1, -2))}

    def as_published(self, statistics: Tensor) -> dict[str, Tensor]:
        """The mean over the batch's pictures, as the released code of MTAN took it before it went over to one
        confusion matrix: classes that a picture neither shows nor is taken to show do not count there."""
        return {name: values.nanmean(0) for name, values in self.measures_of(statistics).items()}

    def span(self, *values: Tensor) -> Span | None:
        return None

    def tone(self, value: Tensor, span: Span | None = None) -> Tensor:
        return torch.where(self.valid(value), value, self.channels).to(torch.uint8)

    def legend(self, *values: Tensor) -> Legend:
        present = torch.bincount(torch.cat([value[self.valid(value)] for value in values])).nonzero().flatten().tolist()
        return Legend(tuple((self.classes[i], self.palette[i]) for i in present))

    def difference(self, value: Tensor, other: Tensor) -> Tensor:
        return (value != other).float() * (self.valid(value) & self.valid(other))

    def describe(self, clean: Tensor, adversarial: Tensor) -> str:
        changed = float((clean != adversarial).float().mean())
        before, after = (self.classes[int(v.flatten().bincount().argmax())] for v in (clean, adversarial))
        if changed < 0.005:
            return "every pixel keeps its class" if changed == 0 else "almost every pixel keeps its class"
        flipped = f"{100 * changed:.0f} % of the picture changed class"
        return flipped if before == after else f"{flipped}; mostly {after} instead of {before}"

    def describe_towards(self, clean: Tensor, adversarial: Tensor, target: Tensor) -> str:
        wanted = self._only_class(target)
        if wanted is None:
            return self.describe(clean, adversarial)
        before, now = (100 * float((value == wanted).float().mean()) for value in (clean, adversarial))
        return f"{now:.0f} % of the picture is now {self.classes[wanted]}, {before:.0f} % before"

    def _only_class(self, target: Tensor) -> int | None:
        """The class that a target has everywhere; None where it has several."""
        labelled = target[self.valid(target)]
        return int(labelled[0]) if len(labelled) and (labelled == labelled[0]).all() else None
