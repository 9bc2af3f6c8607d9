"""Resizing and cropping: the picture comes back at the size that the victim takes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mta_core.data.augment import DEPTHS, nearer
from mta_core.survival.base import Transformation
from mta_core.tasks import Task


class Resize(Transformation):
    name = "resize"
    label = "Resize"
    summary = "both sides times a factor and back, linearly, smoothed where it shrinks"
    axis = "factor"
    bounds = (0.02, 4)
    identity = 1.0
    strengths = (0.9, 0.75, 0.5, 0.35, 0.25)
    middle = 0.5

    def change(self, image: Tensor, strength: float, random: torch.Generator) -> Tensor:
        height, width = image.shape[-2:]
        between = (max(1, round(height * strength)), max(1, round(width * strength)))
        return _resized(_resized(image, between), (height, width))

    def said(self, strength: float) -> str:
        return f"×{strength:g}"


class Crop(Transformation):
    """The labels are cut and scaled in the same way, by nearest neighbour. Depth is divided by the zoom, as where
    victims are trained (`mta_core.data.augment`): to a victim, which knows one focal length, a longer lens is a scene
    that came nearer."""

    name = "crop"
    label = "Crop"
    summary = "the middle of the picture, scaled back; the labels are cropped with it"
    axis = "share of each side kept"
    bounds = (0.1, 1)
    identity = 1.0
    strengths = (0.95, 0.9, 0.8, 0.65, 0.5)
    middle = 0.8

    def change(self, image: Tensor, strength: float, random: torch.Generator) -> Tensor:
        height, width = image.shape[-2:]
        rows, columns = _kept(height, strength), _kept(width, strength)
        return _resized(image[:, rows, columns], (height, width))

    def follow(self, labels: Tensor, strength: float, size: tuple[int, int], t: Task) -> Tensor:
        if tuple(labels.shape[-2:]) != size:
            return labels
        kept = [_kept(side, strength) for side in size]
        rows, columns = (_nearest(*each).to(labels.device) for each in zip(size, kept, strict=True))
        cropped = labels[..., rows[:, None], columns]
        return nearer(cropped, (kept[0].stop - kept[0].start) / size[0], t.space) if t.name in DEPTHS else cropped

    def said(self, strength: float) -> str:
        return f"{100 * strength:g} %"


def _kept(side: int, share: float) -> slice:
    """The middle of a side."""
    length = max(1, round(side * share))
    first = (side - length) // 2
    return slice(first, first + length)


def _nearest(side: int, kept: slice) -> Tensor:
    """Where in the picture before the centre of each pixel of the picture after is, (side,)."""
    length = kept.stop - kept.start
    places: Tensor = kept.start + ((torch.arange(side) + 0.5) * length / side).long()
    return places


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    resized: Tensor = F.interpolate(image[None], size, mode="bilinear", antialias=True)[0].clamp(0, 1)
    return resized
