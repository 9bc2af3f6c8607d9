"""Universal perturbations without the networks that drew them: the same directions for every picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from mta_core.generators.resnet import Generator, checked_size, tiled


class Patterns(nn.Module):
    """One direction a task, stored (MTA section 3.1); a universal generator need not run again to attack a picture.

    Args:
        tasks: names of the perturbations.
        pattern_size: (H, W) of each; for larger pictures it is repeated beside itself.
    """

    architecture: ClassVar[str] = "patterns"
    is_universal = True

    def __init__(self, tasks: Sequence[str], pattern_size: Sequence[int]) -> None:
        super().__init__()
        size = checked_size("pattern_size", pattern_size)
        if size is None or not tasks:
            raise ValueError("expected at least one task and a pattern_size")
        self.pattern_size = size
        self.directions = nn.ParameterDict({task: nn.Parameter(torch.zeros(3, *size)) for task in tasks})

    @classmethod
    def of(cls, generator: Generator) -> Self:
        """What a universal generator draws, once; raises ValueError for a per-instance one."""
        size = generator.noise_size
        if size is None:
            raise ValueError("expected a universal generator: a per-instance one has no pattern of its own")
        made = cls(generator.tasks, size)
        device = next(generator.parameters()).device
        with torch.no_grad():
            for task, direction in generator(torch.zeros(1, 3, *size, device=device)).items():
                made.directions[task].copy_(direction[0])
        return made.to(device)

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.directions)

    def options(self) -> dict[str, Any]:
        return {"pattern_size": list(self.pattern_size)}

    def forward(self, images: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """(B, 3, H, W) in [0, 1] to one direction (B, 3, H, W) in [-1, 1] per task, float32, the same for each; only
        for the `tasks` named, for all of them if none are."""
        size = images.shape[-2:]
        return {
            task: tiled(direction.float(), size).expand(len(images), -1, -1, -1)
            for task, direction in self.directions.items()
            if tasks is None or task in tasks
        }
