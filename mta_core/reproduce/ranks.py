"""Do two tables rank their cells alike? Spearman's correlation, which units and scales do not touch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, spearmanr

Floats = npt.NDArray[np.float64]

NUM_REPLICATES = 2000
EXACT = 7
"""Up to so many cells every order is tried: beyond, it would take long, and before, the approximation is a poor one."""


@dataclass(frozen=True)
class Agreement:
    """Spearman's rank correlation of two lists of numbers.

    Attributes:
        rho: in [-1, 1]; NaN where one of the lists does not vary, or has fewer than three numbers.
        p: how probable one as far from 0 is where ranks have nothing to do with each other.
        ci95: by bootstrap over the pairs; None of fewer than eight, which are too few to draw from.
        n: pairs.
    """

    rho: float
    p: float
    ci95: tuple[float, float] | None
    n: int

    def said(self) -> str:
        if math.isnan(self.rho):
            return "none"
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3f}"
        return f"{self.rho:+.2f} ({f'95 % {self.ci95[0]:+.2f} to {self.ci95[1]:+.2f}, ' if self.ci95 else ''}{p})"


def agreement(ours: Sequence[float], others: Sequence[float], seed: int = 0) -> Agreement:
    """Equal numbers share their mean rank. Of up to seven pairs `p` is exact, else by Student's t.

    Raises:
        ValueError: the lists differ in length.
    """
    if len(ours) != len(others):
        raise ValueError(f"expected as many numbers on both sides, got {len(ours)} and {len(others)}")
    one, other = (np.asarray(each, dtype=float) for each in (ours, others))
    count = len(one)
    if count < 3 or not np.isfinite([one, other]).all() or not _varies(one, other):
        return Agreement(math.nan, math.nan, None, count)
    if count <= EXACT:
        return Agreement(float(_rho(one, other)), _exact(one, other), None, count)
    return Agreement(float(_rho(one, other)), float(spearmanr(one, other).pvalue), _interval(one, other, seed), count)


def _varies(ours: Floats, others: Floats) -> Any:
    """Whether neither list is of one number throughout, (...)."""
    return (np.ptp(ours, axis=-1) > 0) & (np.ptp(others, axis=-1) > 0)


def _rho(ours: Floats, others: Floats) -> Floats:
    """Spearman's correlation along the last dimension, (..., N) to (...)."""
    one, other = (rankdata(each, axis=-1) for each in (ours, others))
    one, other = (each - each.mean(-1, keepdims=True) for each in (one, other))
    products: Floats = (one * other).sum(-1) / np.sqrt((one**2).sum(-1) * (other**2).sum(-1))
    return products


def _exact(ours: Floats, others: Floats) -> float:
    """The share of all orders of the one list that lie as far from 0."""
    rho = abs(_rho(ours, others))
    orders = np.array(list(permutations(others)))
    return float(np.mean(np.abs(_rho(ours, orders)) >= rho - 1e-12))


def _interval(ours: Floats, others: Floats, seed: int) -> tuple[float, float]:
    drawn = np.random.default_rng(seed).integers(0, len(ours), (NUM_REPLICATES, len(ours)))
    some = ours[drawn], others[drawn]
    varies = _varies(*some)
    low, high = np.quantile(_rho(*(each[varies] for each in some)), (0.025, 0.975))
    return float(low), float(high)
