"""The study's errors stream, and are those of NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mta_core.study import errors
from mta_core.tasks import STUDY_TASKS, TASKS, Task, parse_tasks, task
from tests.toys import invalidate, make_target, seeded

KNOWN = [t for t in TASKS if t.is_dense]
every = pytest.mark.parametrize("task", KNOWN, ids=lambda task: f"{task.name}-{task.space}")


def make_pairs(task: Task, pictures: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Answers and labels, a third of which is missing, all of the fourth picture."""
    value, target = (make_target(task, pictures, seed=seed + i) for i in (0, 1))
    missing = torch.rand(pictures, 12, 10, generator=seeded(seed + 2)) < 0.3
    missing[3] = True
    return value, invalidate(target, missing)


def by_numpy(task: Task, value: Tensor, target: Tensor) -> float:
    truth, answer = target.numpy(), value.numpy()
    if truth.ndim == 3:
        known = truth != 255
        shares = []
        for index in range(task.channels):
            is_true, is_answered = (truth == index) & known, (answer == index) & known
            if (is_true | is_answered).any():
                shares.append((is_true & is_answered).sum() / (is_true | is_answered).sum())
        return 1 - float(np.mean(shares)) if shares else math.nan
    known = np.isfinite(truth)
    return float(np.mean((answer.astype(float) - truth)[known] ** 2)) if known.any() else math.nan


@every
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 4))
def test_agrees_with_numpy_however_pictures_come_in(task: Task, seed: int, cut: int) -> None:
    value, target = make_pairs(task, seed=seed)
    parts = [errors.statistics(task, value[s], target[s]) for s in (slice(None, cut), slice(cut, None))]
    pooled = errors.error(task, torch.cat(parts).sum(0))
    assert float(pooled) == pytest.approx(by_numpy(task, value, target), rel=1e-9)
    each = errors.error(task, torch.cat(parts))
    expected = [by_numpy(task, v[None], t[None]) for v, t in zip(value, target, strict=True)]
    assert each.tolist() == pytest.approx(expected, rel=1e-9, nan_ok=True) and each[3].isnan()


@every
def test_what_is_not_labelled_never_counts(task: Task) -> None:
    value, target = make_pairs(task)
    missing = ~task.valid(target)
    wild = value.clone()
    if value.ndim == 3:
        wild[missing] = 0
    else:
        wild = torch.where(missing[:, None], math.inf, value)
    assert torch.equal(*(errors.statistics(task, v, target) for v in (value, wild)))
    known = target[:1] if target.ndim == 3 else target[:1].nan_to_num(1.0)
    assert float(errors.error(task, errors.statistics(task, known, target[:1]))[0]) == pytest.approx(0, abs=1e-9)


def test_there_is_an_error_of_all_eleven_and_of_no_classifier() -> None:
    assert {t.name for t in STUDY_TASKS} == {t.name for t in KNOWN}
    assert [errors.unit(t) for t in (task("depth"), task("depth", "log"), task("s"))] == ["m²", "", ""]
    (classifier,) = parse_tasks("amazon")
    with pytest.raises(ValueError, match=r"^expected a task whose answer is classes or numbers of pixels, got amazon$"):
        errors.statistics(classifier, make_target(classifier), make_target(classifier))
