"""A victim: a model under attack, with everything from pixels to label space inside."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mta_core.vectors import is_finite, unit

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Channel statistics of ImageNet: the usual normalisation."""


UNIT_VECTORS = "unit-camera"
"""The label space of vectors of length 1."""


@cache
def channels(values: tuple[float, ...], device: torch.device) -> Tensor:
    """A value for each channel, (1, C, 1, 1)."""
    # Kept for all: made in the inference mode of whoever asks first, it would let nobody's gradient through.
    with torch.inference_mode(False):
        return torch.tensor(values, device=device).view(1, -1, 1, 1)


def check_finite(answers: Mapping[str, Tensor], whose: str) -> None:
    """Raises ValueError where an answer holds NaN or infinity: it has no class, and measures of it mean nothing."""
    wrong = [task for task, answer in answers.items() if not is_finite(answer)]
    if wrong:
        raise ValueError(f"{whose} answers {', '.join(wrong)} with NaN or infinity: its weights are of no use")


class Victim(nn.Module):
    """Answers one or more tasks for RGB pictures in [0, 1]; normalises and resizes inside.

    A concrete victim sets `architecture`, builds its network in `__init__` and implements `predict`.

    Attributes:
        tasks: label space of each task it answers, e.g. `{"segmentation": "nyu13"}`.
        input_size: (H, W) it was made for.
    """

    architecture: ClassVar[str]
    summary: ClassVar[str]
    is_known: bool = True
    """Whether its layers are this program's, which may then be fused and run in half precision."""
    multiple: ClassVar[int] = 32
    """Height and width that the network takes are multiples of this."""

    def __init__(self, tasks: Mapping[str, str], input_size: tuple[int, int]) -> None:
        super().__init__()
        self.tasks = dict(tasks)
        self.input_size = input_size

    def load_backbone(self, path: Path) -> None:
        """Takes what others have trained from a weight file.

        Raises:
            ValueError: nobody trains parts of this architecture, or the file is of something else.
        """
        raise ValueError(f"expected a backbone for a network of torchvision, the recipe trains {self.architecture}")

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Arguments that build this network again, beside tasks and input size."""

    @abstractmethod
    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        """Raw maps (B, C, H, W) of these tasks, from normalised pictures whose sides are multiples of `multiple`;
        (B, C, 1, 1) where the whole picture has one answer."""

    def forward(self, images: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """(B, 3, H, W) in [0, 1] to one float32 map (B, C, H, W) per task: logits, metres, unit normals.

        Only the `tasks` named are answered, all of them if none are: an attack on one pays for one.

        The network runs in the precision of its weights. Sides that are not multiples of `multiple` are resized
        (differentiably) to the nearest that are, and the answers back.
        """
        height, width = images.shape[-2:]
        size = [max(1, round(side / self.multiple)) * self.multiple for side in (height, width)]
        fits = size == [height, width]
        inputs = images if fits else F.interpolate(images, size, mode="bilinear", antialias=True)
        # No buffers: they would be rounded with the weights.
        mean, std = (channels(values, inputs.device) for values in (MEAN, STD))
        normalised = ((inputs - mean) / std).to(next(self.parameters()).dtype)
        answers = {
            task: answer.float()
            for task, answer in self.predict(normalised, self.tasks if tasks is None else tasks).items()
        }
        if not fits:
            dense = {task: a for task, a in answers.items() if a.shape[-2:] != (1, 1)}
            answers |= {task: F.interpolate(a, (height, width), mode="bilinear") for task, a in dense.items()}
        return self.of_length_1(answers)

    def of_length_1(self, answers: dict[str, Tensor]) -> dict[str, Tensor]:
        """The same with unit vectors where the label space is one of those."""
        vectors = {task: answer for task, answer in answers.items() if self.tasks[task] == UNIT_VECTORS}
        return answers | {task: unit(answer, dim=1) for task, answer in vectors.items()}
