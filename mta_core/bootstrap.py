"""The Poisson bootstrap over pictures: each replicate sees each picture a Poisson(1) number of times.

It streams, and does not depend on how pictures are batched. The first of 1 + R is no replicate: it sees each once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

Interval = tuple[float, float]
ENDS = (0.025, 0.975)


def draw(count: int, num_replicates: int, random: torch.Generator) -> Tensor:
    """How often the next `count` pictures are seen, (count, 1 + R) float64; picture by picture, so that batches do not
    matter."""
    weights = torch.ones(count, 1 + num_replicates, dtype=torch.float64)
    for own in weights:
        own[1:] = torch.poisson(own[1:], generator=random)
    return weights


def interval(values: Tensor) -> Interval | None:
    """The 95 % interval of a number and its replicates (1 + R,); None where there is no such number, or no replicate
    has one."""
    if len(values) < 2 or values[0].isnan():
        return None
    low, high = torch.nanquantile(values[1:].double(), torch.tensor(ENDS, dtype=torch.float64)).tolist()
    return None if math.isnan(low) else (low, high)
