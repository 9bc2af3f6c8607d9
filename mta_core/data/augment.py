"""Random views of a training sample: scale, crop, flip, light, noise.

Principal curvatures, reshading, key points and edges are the same in a mirror; those of edges and key points that come
from the picture stay those of the picture before its light and noise are changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from mta_core.data.base import Sample, Size, follow_picture

DEPTHS = {"depth", "euclidean_depth"}
LOG_END = math.log(2**16)


@dataclass(frozen=True)
class Augmentation:
    """What a training sample goes through; labels follow the picture.

    Attributes:
        crop: (H, W) of the result.
        scales: smallest and largest zoom, relative to the picture; raised where the crop would not fit. Zooming by s
            divides depth by s, so that the focal length in pixels stays that of the camera: things keep their size, and
            with it their curvature.
        light: largest change of brightness, contrast and of each channel's gain.
        noise: largest amplitude of the noise that half of the samples get, on the [0, 1] pixel scale.
        flips: whether half of the samples are mirrored.
        spaces: label spaces of the tasks, where they matter here: depth may be logarithmic.
    """

    crop: Size
    scales: tuple[float, float] = (1.0, 1.25)
    light: float = 0.2
    noise: float = 8 / 255
    flips: bool = True
    spaces: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, sample: Sample, random: torch.Generator) -> Sample:
        image, targets = self._view(sample, random)
        if self.flips and _uniform(random) < 0.5:
            image, targets = image.flip(-1), {task: target.flip(-1) for task, target in targets.items()}
            if "normals" in targets:
                targets["normals"] = targets["normals"] * torch.tensor([-1.0, 1.0, 1.0]).view(3, 1, 1)
        image = self._noisy(self._lit(image, random), random)
        return replace(sample, image=image, targets=follow_picture(image, targets))

    def _view(self, sample: Sample, random: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        height, width = sample.image.shape[-2:]
        smallest = max(self.crop[0] / height, self.crop[1] / width)
        low, high = max(self.scales[0], smallest), max(self.scales[1], smallest)
        scale = low + (high - low) * _uniform(random)
        taken = (min(height, round(self.crop[0] / scale)), min(width, round(self.crop[1] / scale)))
        top, left = int(_uniform(random) * (height - taken[0] + 1)), int(_uniform(random) * (width - taken[1] + 1))
        window = (..., slice(top, top + taken[0]), slice(left, left + taken[1]))
        image = sample.image[window]
        of_whole = {task: target for task, target in sample.targets.items() if target.shape[-2:] != (height, width)}
        targets = {task: target[window] for task, target in sample.targets.items() if task not in of_whole}
        if taken != tuple(self.crop):
            image = F.interpolate(image[None], self.crop, mode="bilinear", antialias=True)[0].clamp(0, 1)
            rows, columns = (
                (((torch.arange(want) + 0.5) * have / want).long()) for have, want in zip(taken, self.crop, strict=True)
            )
            targets = {task: target[..., rows[:, None], columns] for task, target in targets.items()}
        for task in DEPTHS & targets.keys():
            targets[task] = nearer(targets[task], taken[0] / self.crop[0], self.spaces.get(task, ""))
        return image, targets | of_whole

    def _lit(self, image: Tensor, random: torch.Generator) -> Tensor:
        brightness, contrast, *gains = (self.light * (2 * _uniform(random) - 1) for _ in range(5))
        mean = image.mean()
        gain = 1 + torch.tensor(gains).view(3, 1, 1) / 2
        return (((image - mean) * (1 + contrast) + mean) * (1 + brightness) * gain).clamp(0, 1)

    def _noisy(self, image: Tensor, random: torch.Generator) -> Tensor:
        if self.noise == 0 or _uniform(random) < 0.5:
            return image
        amplitude = self.noise * _uniform(random)
        noise = torch.rand(image.shape, generator=random) * 2 - 1
        if _uniform(random) < 0.5:
            noise = noise.sign()
        return (image + amplitude * noise).clamp(0, 1)


def nearer(depth: Tensor, share: float, space: str) -> Tensor:
    """Depths times `share`, on their scale: see `mta_core.tasks.log_depth`."""
    if space == "relative":  # of no scale
        return depth
    if space != "log":
        return depth * share
    return torch.log1p(torch.expm1(depth * LOG_END) * share) / LOG_END


def _uniform(random: torch.Generator) -> float:
    return float(torch.rand((), generator=random))
