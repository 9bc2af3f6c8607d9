"""The errors that the robustness study reports: 1 - mIoU of segmentation, the mean squared error of all else.

Appendix, Tables 2 to 6: "1-mIoU for s, MSE for the rest". From sums that add over pictures, so that any number of
pictures streams: the error of many is `error` of the sum of their `statistics`, that of each that of its own. Labels
and answers are in the task's label space, answers as `Task.decode` gives them; pixels without a label never count.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mta_core.tasks import Task
from mta_core.tasks.segmentation import Segmentation


def statistics(task: Task, value: Tensor, target: Tensor) -> Tensor:
    """Sufficient statistics of each picture, (B, S) float64: of segmentation the confusion matrix, else how many
    pixels are labelled and the sum over them of the squared error, the mean over channels.

    Raises:
        ValueError: the study reports no error of this task.
    """
    if isinstance(task, Segmentation):
        return task.statistics(value, target)
    if not (task.is_dense and target.is_floating_point()):
        raise ValueError(f"expected a task whose answer is classes or numbers of pixels, got {task.name}")
    valid = task.valid(target)
    squared = torch.where(valid[:, None], value.double() - target.double(), 0).square().mean(1)
    return torch.stack([valid.double(), squared], 1).sum((2, 3))


def error(task: Task, statistics: Tensor) -> Tensor:
    """The error from summed statistics (..., S), (...): in [0, 1] of segmentation, of depth in metres in m²; NaN where
    nothing was labelled.

    A class that neither the labels nor the answers show does not count in the mIoU.
    """
    if isinstance(task, Segmentation):
        return 1 - task.measures_of(statistics)["miou"]
    return statistics[..., 1] / statistics[..., 0]


def unit(task: Task) -> str:
    """Of the error: "m²" of depth in metres; empty for mere numbers."""
    return "m²" if task.space == "metres" else ""
