"""Semantic segmentation into the classes of somebody's own model."""

from __future__ import annotations

import colorsys
from functools import cache

import torch
from torch import Tensor

from mta_core import label_spaces
from mta_core.label_spaces import Classes
from mta_core.tasks.colours import INVALID, rgb
from mta_core.tasks.segmentation import PALETTE, Segmentation

GOLDEN = 0.618034
"""Of the circle of hues, from one class to the next: no two of any number of them come close to each other."""


class OwnClasses(Segmentation):
    """Prediction: logits (B, C, H, W). Target: class indices (B, H, W) int64, 255 = unlabelled.

    Labels of other spaces fit where a person has said which class is which; of the rest they are unlabelled.
    """

    tables: dict[str, Tensor]
    advice = ": say with --label-map which classes are which, or leave the labels out with unlabelled:"
    """What to do about labels that do not fit."""

    def everywhere(self, text: str) -> Tensor:
        """Whatever its case: others write the names of their classes as they like."""
        same = [name for name in self.classes if name.casefold() == text.strip().casefold()]
        return super().everywhere(text) if not same else torch.tensor([[self.classes.index(same[0])]])

    def convert(self, target: Tensor, space: str) -> Tensor:
        if space not in self.tables:
            return super().convert(target, space)
        table = self.tables[space].to(target.device)
        known = (target >= 0) & (target < len(table))
        return torch.where(known, table[torch.where(known, target, 0)], label_spaces.UNLABELLED)


@cache
def task_of(classes: Classes) -> Segmentation:
    """The one task of a label space."""
    colours = palette(len(classes.names))
    own = {
        "channels": len(classes.names), "space": classes.space, "goals": classes.names, "classes": classes.names,
        "palette": colours, "takes": tuple(space for space, _ in classes.takes),
        "tones": torch.cat([rgb(colours), torch.full((1, 3), INVALID)]),
        "tables": {space: torch.tensor(places) for space, places in classes.takes},
    }  # fmt: skip
    task: Segmentation = type("OwnClasses", (OwnClasses,), {**own, "__doc__": OwnClasses.__doc__})()
    return task


def known() -> tuple[Segmentation, ...]:
    """Of every label space that a model of this process answers in."""
    return tuple(task_of(classes) for classes in label_spaces.own())


def palette(count: int) -> tuple[str, ...]:
    """One colour a class, all different: those of the indoor classes, then hues of three lightnesses."""
    more = (colorsys.hls_to_rgb(i * GOLDEN % 1, (0.35, 0.6, 0.8)[i % 3], (0.85, 0.6)[i // 3 % 2]) for i in range(count))
    written = (f"#{round(255 * r):02x}{round(255 * g):02x}{round(255 * b):02x}" for r, g, b in more)
    return (*PALETTE, *written)[:count]
