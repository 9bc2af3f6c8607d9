"""A victim around any network: what is declared of it here is all that the program has to know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mta_core import label_spaces
from mta_core.devices import is_out_of_memory
from mta_core.label_spaces import Classes
from mta_core.vectors import standardised
from mta_core.victims.base import MEAN, STD, Victim, channels
from mta_core.weights import brief

Read = Callable[[Any], Any]
RELATIVE = "relative"
"""The label space of inverse depth without a unit, see `mta_core.tasks.relative_depth`."""


class Adapted(Victim):
    """Normalises for a network, resizes to the size it takes and back, and reads its answers; all differentiably.

    Pictures of any size are brought to `input_size` by linear interpolation (the aspect is not kept, so that every
    pixel is seen and answered), and the answers to the pictures' size. Inverse depth is brought to mean 0 and standard
    deviation 1 of each picture.

    Args:
        network: (B, 3, h, w), normalised, to what `read` makes raw maps (B, C, h', w') by task of; to those, or to the
            map of the only task, where `read` is None.
        tasks: label space of each task.
        mean, std: of each channel, on the scale of [0, 1].
        is_bgr: whether the network takes blue first.
        groups: of the classes that are answered, the places of those of the network that mean them, where a person has
            said which do: see `label_map`.
        is_known: whether batch norm may be folded into convolutions, and half precision be used where that is fast:
            both ask for layers that run in the order of their names.
    """

    architecture = "own"
    summary = "somebody's own model"

    def __init__(
        self,
        network: nn.Module,
        tasks: Mapping[str, str],
        input_size: tuple[int, int],
        *,
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = STD,
        read: Read | None = None,
        is_bgr: bool = False,
        groups: Sequence[Sequence[int]] = (),
        is_known: bool = False,
    ) -> None:
        super().__init__(tasks, input_size)
        self.network, self.read, self.is_bgr, self.is_known = network, read, is_bgr, is_known
        self.mean, self.std = tuple(map(float, mean)), tuple(map(float, std))
        self.groups = tuple(map(tuple, groups))
        if not (len(self.mean) == len(self.std) == 3 and all(value > 0 for value in self.std)):
            raise ValueError(f"expected mean and std of three channels, std above 0, got {mean} and {std}")

    def options(self) -> dict[str, Any]:
        """What is done around the network: with its weights, all that decides on an answer."""
        of_groups = {"groups": [list(group) for group in self.groups]} if self.groups else {}
        return {"mean": list(self.mean), "std": list(self.std), "is_bgr": self.is_bgr, **of_groups}

    def answering(self, classes: Classes, groups: Sequence[Sequence[int]]) -> Adapted:
        """The same network, its classes taken together to these."""
        tasks = {**self.tasks, "segmentation": classes.space}
        return Adapted(
            self.network, tasks, self.input_size, mean=self.mean, std=self.std, read=self.read, is_bgr=self.is_bgr,
            groups=groups, is_known=self.is_known,
        )  # fmt: skip

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        """Raw maps of whatever size the network answers in.

        Raises:
            ValueError: the network raises something, or answers otherwise than it did when it was declared.
        """
        try:
            found = self.network(normalised)
            maps = found if self.read is None else self.read(found)
        except Exception as error:  # it is anybody's
            if isinstance(error, MemoryError) or is_out_of_memory(error):
                raise
            raise ValueError(f"the model raised {type(error).__name__}: {brief(error)}") from error
        if isinstance(maps, Tensor) and len(self.tasks) == 1:
            maps = {next(iter(self.tasks)): maps}
        if not (isinstance(maps, Mapping) and set(self.tasks) <= set(maps)):
            got = ", ".join(map(str, maps)) if isinstance(maps, Mapping) else type(maps).__name__
            raise ValueError(f"expected maps of {', '.join(self.tasks)}, by task, got {got}")
        for task in self.tasks:
            if not (isinstance(maps[task], Tensor) and maps[task].ndim == 4):
                shape = tuple(maps[task].shape) if isinstance(maps[task], Tensor) else type(maps[task]).__name__
                raise ValueError(f"expected a map (B, C, H, W) of {task}, got {shape}")
        return {task: maps[task] for task in self.tasks if task in tasks}

    def forward(self, images: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        size, own = images.shape[-2:], tuple(self.input_size)
        inputs = images if size == own else F.interpolate(images, own, mode="bilinear", antialias=True)
        mean, std = (channels(values, images.device) for values in (self.mean, self.std))
        dtype = next((p.dtype for p in self.parameters() if p.is_floating_point()), torch.float32)
        normalised = (((inputs.flip(1) if self.is_bgr else inputs) - mean) / std).to(dtype)
        answers = self.predict(normalised, self.tasks if tasks is None else tasks)
        return self.of_length_1({task: self._at(answer.float(), task, size) for task, answer in answers.items()})

    def _at(self, answer: Tensor, task: str, size: torch.Size) -> Tensor:
        """A raw map in the label space of its task, at the size of the pictures."""
        if self.groups and task == "segmentation":  # the share of a sum of classes is the sum of their shares
            answer = torch.stack([answer[:, list(group)].logsumexp(1) for group in self.groups], 1)
        if answer.shape[-2:] not in (size, (1, 1)):
            answer = F.interpolate(answer, size, mode="bilinear")
        return standardised(answer) if self.tasks[task] == RELATIVE else answer


def adapt(
    network: nn.Module,
    tasks: Mapping[str, str | Sequence[str]],
    input_size: tuple[int, int],
    *,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
    read: Read | None = None,
) -> Adapted:
    """Any network as a victim.

    Args:
        network: takes normalised pictures (B, 3, H, W); answers logits of segmentation, metres, ... (B, C, H', W'), by
            task where there are several.
        tasks: the label space of each task, such as `{"depth": "metres"}`, or its classes: `{"segmentation": ("road",
            "car", ...)}`.
        input_size: height and width at which it is shown pictures, each in [32, 4096].
        mean, std: of the normalisation, on the scale of [0, 1]; ImageNet's unless given.
        read: what the network answers to maps by task, where it answers otherwise.

    Raises:
        ValueError: something is not as said here.
    """
    spaces = {}
    for task, space in tasks.items():
        if not isinstance(space, str) and task != "segmentation":
            raise ValueError(f"expected the label space of {task}, only segmentation has classes; got {space!r}")
        spaces[task] = space if isinstance(space, str) else label_spaces.declare(space).space
    return Adapted(network, spaces, input_size, mean=mean, std=std, read=read)
