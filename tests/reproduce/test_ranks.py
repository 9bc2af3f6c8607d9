"""Rank correlation against a case by hand, scipy, and what no rank may depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from mta_core.reproduce.ranks import agreement

NUMBERS = st.lists(st.integers(-50, 50), min_size=8, max_size=30)


def test_a_case_by_hand() -> None:
    """Ranks differ by 1, -1, 1, -1, 0: 1 - 6 * 4 / (5 * 24) = 0.8. Of the 120 orders 16 lie as far from 0."""
    found = agreement([1.0, 2.0, 3.0, 4.0, 5.0], [20.0, 10.0, 400.0, 300.0, 5000.0])
    assert found.rho == pytest.approx(0.8) and found.p == pytest.approx(16 / 120)
    assert found.said() == "+0.80 (p = 0.133)"
    assert agreement([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]).rho == pytest.approx(-1)
    assert agreement([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]).p == pytest.approx(2 / 120)


@settings(max_examples=30)
@given(NUMBERS, st.randoms(use_true_random=False))
def test_agrees_with_scipy_also_where_ranks_are_shared(ours: list[int], random: object) -> None:
    others = list(ours)
    random.shuffle(others)  # type: ignore[attr-defined]
    found = agreement(ours, others)
    if len(set(ours)) == 1:
        assert math.isnan(found.rho) and found.said() == "none"
        return
    expected = spearmanr(ours, others)
    assert found.rho == pytest.approx(expected.statistic, abs=1e-9)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-9)


def test_scales_do_not_matter_and_the_interval_holds_what_was_drawn_from() -> None:
    random = np.random.default_rng(3)
    ours = random.normal(size=25)
    others = ours + random.normal(size=25)
    found = agreement(list(ours), list(others))
    assert found.ci95 is not None and -1 <= found.ci95[0] < found.rho < found.ci95[1] <= 1
    assert agreement(list(np.exp(ours)), list(1000 * others - 7)) == found


def test_too_few_and_unknown_numbers_have_none() -> None:
    assert math.isnan(agreement([1, 2], [1, 2]).rho)
    assert math.isnan(agreement([1, 2, math.nan], [1, 2, 3]).rho)
    with pytest.raises(ValueError, match="expected as many numbers on both sides, got 2 and 3"):
        agreement([1, 2], [1, 2, 3])
