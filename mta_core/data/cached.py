"""A source kept in memory, compactly, after it was first read: training reads every picture many times."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mta_core.data.base import DataSource, Sample, follow_picture
from mta_core.vectors import unit


def _compact(task: str, target: Tensor) -> Tensor:
    if not target.is_floating_point():
        return target.to(torch.uint8)
    if task == "autoencoding":
        return target.new_empty(0)  # the picture itself
    return (target * 127).round().to(torch.int8) if task == "normals" else target.half()


def _restored(task: str, target: Tensor) -> Tensor:
    if target.dtype == torch.uint8:
        return target.long()
    return unit(target.float(), dim=0, eps=1e-3) if task == "normals" else target.float()


class Cached:
    """Reads each sample of `source` once; then gives it back with pixels in 8 bits, depth and normals rounded.

    Nine bytes a pixel: a thousand pictures of 288x384 take 1 GB.
    """

    def __init__(self, source: DataSource) -> None:
        self.source = source
        self._kept: dict[int, Sample] = {}

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        if index not in self._kept:
            sample = self.source[index]
            compact = {name: _compact(name, target) for name, target in sample.targets.items()}
            self._kept[index] = replace(sample, image=(sample.image * 255).round().to(torch.uint8), targets=compact)
        kept = self._kept[index]
        image = kept.image.float() / 255
        targets = {task: _restored(task, target) for task, target in kept.targets.items()}
        return replace(kept, image=image, targets=follow_picture(image, targets))
