"""What happens to a picture on its way from an attacker to a victim: saved, shrunk, cropped, lit anew."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mta_core.tasks import Task

SALT = 31
"""Keeps its random numbers apart from those of attacks, which count up from 0."""


class Transformation(ABC):
    """One thing that can happen to a picture. A new one is a class and an entry in `TRANSFORMATIONS`.

    It is computed on the CPU in float32, so that every device measures the very same pictures. Nothing is rounded to 8
    bits that does not have to be: each transformation is seen alone.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    """Half a sentence that says how it is done."""
    axis: ClassVar[str] = ""
    """What its strength is called, with its unit; empty where it has none."""
    bounds: ClassVar[tuple[float, float]] = (0.0, 0.0)
    """The smallest and the largest strength."""
    is_whole: ClassVar[bool] = False
    """Whether only whole numbers are strengths."""
    identity: ClassVar[float | None] = None
    """The strength that leaves the picture as it is; None where every one changes it."""
    strengths: ClassVar[tuple[float | None, ...]]
    """Those of a curve, in its order; `(None,)` where it has none."""
    num_before: ClassVar[int] = 0
    """How many of these come before the untouched picture in a curve: those that darken, say."""
    middle: ClassVar[float | None]
    """The strength that stands for it in a summary."""

    @abstractmethod
    def change(self, image: Tensor, strength: float, random: torch.Generator) -> Tensor:
        """The picture (3, H, W) in [0, 1] after it, of the same size; on the CPU, float32."""

    def follow(self, labels: Tensor, strength: float, size: tuple[int, int], t: Task) -> Tensor:
        """Label maps (..., H, W) of a task, of pictures of that size: those of the pictures after it, where it moves
        pixels. Labels of the whole picture, (..., 1, 1), stay as they are."""
        return labels

    def said(self, strength: float) -> str:
        """The strength for people."""
        return f"{strength:g}"

    def leaves(self, strength: float | None) -> bool:
        """Whether the picture stays as it is."""
        return strength is not None and strength == self.identity

    def check(self, strength: float) -> float:
        """Raises ValueError where it is no strength of it."""
        low, high = self.bounds
        if not low <= strength <= high or (self.is_whole and strength != int(strength)):
            kind = "a whole number" if self.is_whole else "a number"
            raise ValueError(
                f"expected as {self.axis} of {self.name} {kind} from {low:g} to {high:g}, got {strength:g}"
            )
        return strength


@dataclass(frozen=True)
class Trial:
    """A transformation at a strength; None where it has none.

    Raises:
        ValueError: that is no strength of it.
    """

    transformation: Transformation
    strength: float | None

    def __post_init__(self) -> None:
        if self.strength is not None:
            self.transformation.check(self.strength)

    @property
    def said(self) -> str:
        """The strength for people; empty where there is none."""
        return "" if self.strength is None else self.transformation.said(self.strength)

    @property
    def title(self) -> str:
        """Both for people."""
        return f"{self.transformation.label} {self.said}".rstrip()

    @property
    def is_untouched(self) -> bool:
        """Whether the picture stays as it is."""
        return self.transformation.leaves(self.strength)

    def change(self, images: Tensor, *, seed: int = 0, first: int = 0) -> Tensor:
        """The pictures (B, 3, H, W) in [0, 1] after it, on the CPU.

        Every picture draws its own random numbers, by its place in the data set; a clean picture draws those of the
        adversarial ones made of it, so that the two differ by nothing but the perturbation.

        Args:
            first: the place of the first of them.
        """
        if self.is_untouched:
            return images
        strength, kind = self.strength or 0.0, self.transformation
        pictures = images.detach().to("cpu", torch.float32).contiguous()
        return torch.stack([kind.change(one, strength, _random(seed, first + i)) for i, one in enumerate(pictures)])

    def follow(self, labels: Tensor, size: tuple[int, int], t: Task) -> Tensor:
        """Label maps (..., H, W) of a task, of pictures of that size, after it: see `Transformation.follow`."""
        if self.is_untouched:
            return labels
        return self.transformation.follow(labels, self.strength or 0.0, size, t)


def _random(seed: int, place: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed + 7919 * SALT + 1_000_003 * place)
