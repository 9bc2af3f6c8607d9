"""A victim that is shown pictures of another size than it was made for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from mta_core.victims.base import Victim


class Resized(Victim):
    """Pictures of any size are resized to the one the victim was made for, and its answers back.

    Both by linear interpolation and differentiably, so that it can be attacked through; the aspect is not kept, so
    that every pixel of the picture is seen and answered. An answer of one value for the whole picture stays as it is.

    Args:
        victim: answers pictures of its own input size.
        input_size: (H, W) of the pictures it will be shown.
    """

    architecture = "resized"
    summary = "a model that is shown pictures of another size"

    def __init__(self, victim: Victim, input_size: tuple[int, int]) -> None:
        super().__init__(victim.tasks, input_size)
        self.victim, self.is_known = victim, victim.is_known

    def options(self) -> dict[str, Any]:
        return {}

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        raise NotImplementedError("the victim inside normalises for itself")

    def forward(self, images: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        size, own = images.shape[-2:], self.victim.input_size
        if size == own:
            return self.victim(images, tasks)  # type: ignore[no-any-return]
        answers = self.victim(F.interpolate(images, own, mode="bilinear", antialias=True), tasks)
        for task, answer in answers.items():
            if answer.shape[-2:] == own:
                answers[task] = F.interpolate(answer, size, mode="bilinear")
        return self.of_length_1(answers)
