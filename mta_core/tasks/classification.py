"""Classification of single objects into the 31 classes of Office-31, a task for each of its domains.

Saenko et al., "Adapting visual category models to new domains" (ECCV 2010). Every domain has pictures of its own and
shares its classes with the others (MTA section 4.1).
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

from mta_core.tasks.base import Legend, Measure, Span, Task

CLASSES = (
    "back_pack", "bike", "bike_helmet", "bookcase", "bottle", "calculator", "desk_chair", "desk_lamp",
    "desktop_computer", "file_cabinet", "headphones", "keyboard", "laptop_computer", "letter_tray", "mobile_phone",
    "monitor", "mouse", "mug", "paper_notebook", "pen", "phone", "printer", "projector", "punchers", "ring_binder",
    "ruler", "scissors", "speaker", "stapler", "tape_dispenser", "trash_can",
)  # fmt: skip
SHOWN = 5
"""The likeliest classes that a picture of an answer names."""
ANSWER_SIZE = (216, 288)
INK, PAPER, FIRST, OTHER = "#1f2933", "#f5f6f7", "#0072b2", "#a9b6c2"


class Classification(Task):
    """Prediction: logits (B, 31, 1, 1). Target: class indices (B, 1, 1) int64, others than [0, 31) are no label. Value:
    probabilities (B, 31, 1, 1), or a target in their place. A picture is one pixel of it."""

    letter = ""
    channels = len(CLASSES)
    space = "office31"
    measures = (
        Measure("accuracy", "Accuracy", "", True, when_targeted="target_accuracy"),
        Measure("fooling_ratio", "Fooling ratio", "", False, is_of_change=True),
    )
    difference_label = "Class changed"
    is_dense = False
    goals = ("bike_helmet", *(name for name in CLASSES if name != "bike_helmet"))
    classes = CLASSES

    def valid(self, target: Tensor) -> Tensor:
        return (target >= 0) & (target < self.channels)

    def pixel_loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(prediction, target, reduction="none")

    def decode(self, prediction: Tensor) -> Tensor:
        return prediction.float().softmax(1)

    def as_target(self, value: Tensor) -> Tensor:
        """The likeliest class, (B, 1, 1)."""
        return value.max(1).indices if value.is_floating_point() else value

    def everywhere(self, text: str) -> Tensor:
        name = text.strip().lower().replace(" ", "_")
        if name not in self.classes:
            raise ValueError(f"expected a class among {', '.join(self.classes)}, got {text!r}")
        return torch.tensor([[self.classes.index(name)]])

    def statistics(self, value: Tensor, target: Tensor, clean: Tensor | None = None) -> Tensor:
        """Labelled pixels, right ones, all, and those that differ from the clean answer: (B, 4)."""
        answer, valid = self.as_target(value), self.valid(target)
        before = target if clean is None else self.as_target(clean)
        known = valid if clean is None else torch.ones_like(valid)
        columns = (valid, (answer == target) & valid, known, (answer != before) & known)
        return torch.stack([column.double() for column in columns], 1).sum((2, 3))

    def measures_of(self, statistics: Tensor) -> dict[str, Tensor]:
        """The fooling ratio is the share of pictures that get another answer than the clean ones did (section 4.1)."""
        labelled, right, known, changed = statistics.unbind(-1)
        return {"accuracy": right / labelled, "fooling_ratio": changed / known}

    def span(self, *values: Tensor) -> Span | None:
        return None

    def colour(self, value: Tensor, span: Span | None = None) -> Tensor:
        """A bar for each of the likeliest classes with its probability, (B, 3, 216, 288); not a map."""
        return torch.stack([_bars(self.ranking(one[None])) for one in value])

    def ranking(self, value: Tensor) -> list[tuple[str, float]]:
        """The likeliest classes of one picture with their probabilities; a target counts as certain."""
        if not value.is_floating_point():
            return [(self.name_of(int(i)), 1.0) for i in value.flatten()[:1] if 0 <= i < self.channels]
        best = value[0].flatten(1).mean(1).topk(SHOWN)
        return [(self.name_of(i), p) for i, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)]

    def name_of(self, index: int) -> str:
        return self.classes[index].replace("_", " ")

    def legend(self, *values: Tensor) -> Legend:
        return Legend((("the answer", FIRST), ("less likely", OTHER)))

    def difference(self, value: Tensor, other: Tensor) -> Tensor:
        return (self.as_target(value) != self.as_target(other)).float()

    def describe(self, clean: Tensor, adversarial: Tensor) -> str:
        (before, sure), (after, now) = (self.ranking(value)[0] for value in (clean, adversarial))
        if before == after:
            return f"still {before}, {100 * now:.0f} % sure instead of {100 * sure:.0f} %"
        return f"{after} ({100 * now:.0f} %) instead of {before} ({100 * sure:.0f} %)"


class Amazon(Classification):
    """Catalogue pictures on white."""

    name = "amazon"
    label = "Amazon"


class Dslr(Classification):
    """Sharp photographs of a workplace."""

    name = "dslr"
    label = "DSLR"


class Webcam(Classification):
    """The same places seen by a webcam."""

    name = "webcam"
    label = "Webcam"


def _bars(ranking: list[tuple[str, float]]) -> Tensor:
    height, width = ANSWER_SIZE
    image = Image.new("RGB", (width, height), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for row, (name, probability) in enumerate(ranking):
        top = 14 + row * 41
        draw.text((12, top), name, INK, font)
        draw.text((width - 12, top), f"{100 * probability:.0f} %", INK, font, anchor="ra")
        length = max(2, round((width - 24) * probability))
        draw.rectangle((12, top + 20, 12 + length, top + 28), OTHER if row else FIRST)
    return torch.from_numpy(np.array(image)).movedim(-1, 0).float() / 255
