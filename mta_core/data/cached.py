"""A source kept in memory, compactly, after it was first read: training reads every picture many times."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mta_core.data.base import DataSource, Sample, follow_picture
from mta_core.vectors import unit

UNIT_VECTORS = "unit-camera"
"""The label space that takes a byte a number."""


def _compact(space: str, target: Tensor) -> Tensor:
    if not target.is_floating_point():
        return target.to(torch.uint8)
    return (target * 127).round().to(torch.int8) if space == UNIT_VECTORS else target.half()


def _restored(space: str, target: Tensor) -> Tensor:
    if target.dtype == torch.uint8:
        return target.long()
    return unit(target.float(), dim=0, eps=1e-3) if space == UNIT_VECTORS else target.float()


class Cached:
    """Reads each sample of `source` once; then gives it back with pixels in 8 bits and numbers rounded.

    Nine bytes a pixel with classes, depth and normals: a thousand pictures of 288x384 take 1 GB.
    """

    def __init__(self, source: DataSource) -> None:
        self.source = source
        self._kept: dict[int, Sample] = {}

    def _space(self, task: str) -> str:
        return self.source.spaces.get(task, "")

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        if index not in self._kept:
            sample = self.source[index]
            compact = {name: _compact(self._space(name), target) for name, target in sample.targets.items()}
            if "autoencoding" in compact:
                compact["autoencoding"] = torch.empty(0)  # the picture itself
            self._kept[index] = replace(sample, image=(sample.image * 255).round().to(torch.uint8), targets=compact)
        kept = self._kept[index]
        image = kept.image.float() / 255
        targets = {name: _restored(self._space(name), target) for name, target in kept.targets.items()}
        return replace(kept, image=image, targets=follow_picture(image, targets))
