"""Streaming changes nothing, and the numbers are those of independent implementations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, jaccard_score
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.classification import MulticlassJaccardIndex

from mta_core.tasks import TASKS, Meter, Task, task
from mta_core.tasks.meter import _Batches
from mta_core.tasks.numbers import Numbers
from tests.toys import invalidate, make_target, seeded

every = pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.name}-{task.space}")
AGGREGATIONS = ("pooled", "per-picture")


def make_pairs(task: Task, pictures: int, size: tuple[int, int] = (12, 10), seed: int = 0) -> tuple[Tensor, Tensor]:
    """Answers and labels; every picture is differently hard, and a third of the labels is missing."""
    value, target = (make_target(task, pictures, *size, seed=seed + i) for i in (0, 1))
    share = torch.linspace(0, 0.9, pictures).view(-1, 1, 1)
    right = torch.rand(pictures, *size, generator=seeded(seed + 2)) < share
    value = torch.where(right if value.ndim == 3 else right[:, None], target, value)
    return value, invalidate(target, torch.rand(pictures, *size, generator=seeded(seed + 3)) < 0.3)


def fill(task: Task, value: Tensor, target: Tensor, lengths: Sequence[int], **options: Any) -> Meter:
    meter = Meter(task, **options)
    for v, t in zip(value.split(list(lengths)), target.split(list(lengths)), strict=True):
        meter.update(v, t)
    return meter


@every
@settings(max_examples=15, deadline=None)
@given(cuts=st.sets(st.integers(1, 8)))
def test_batching_changes_nothing(task: Task, cuts: set[int]) -> None:
    value, target = make_pairs(task, 9)
    target[4] = invalidate(target[4:5], torch.ones(1, 12, 10, dtype=torch.bool))[0]  # nothing to measure in this one
    edges = [0, *sorted(cuts), 9]
    lengths = [b - a for a, b in pairwise(edges)]
    once, often = fill(task, value, target, [9]), fill(task, value, target, lengths)
    assert often.num_pictures == 9
    for aggregation in AGGREGATIONS:
        assert often.compute(aggregation) == pytest.approx(once.compute(aggregation), rel=1e-12)
        for name, interval in once.interval(aggregation).items():
            assert often.interval(aggregation)[name] == pytest.approx(interval, rel=1e-9)


def test_segmentation_agrees_with_torchmetrics_and_sklearn() -> None:
    seg = task("segmentation")
    value, target = make_pairs(seg, 6, (20, 16))
    value[value == 7] = 3  # a class that is never answered,
    target[target == 7] = 3  # nor ever true: it must not count as 0
    meter = fill(seg, value, target, [4, 2])
    known = (target != 255).numpy()
    jaccard = MulticlassJaccardIndex(13, average="macro", ignore_index=255)
    jaccard.update(value, target)
    assert meter.compute()["miou"] == pytest.approx(float(jaccard.compute()), abs=1e-6)
    truth, answer = target.numpy()[known], value.numpy()[known]
    assert meter.compute()["miou"] == pytest.approx(jaccard_score(truth, answer, average="macro"), abs=1e-9)
    assert meter.compute()["pixel_accuracy"] == pytest.approx(accuracy_score(truth, answer), abs=1e-9)
    single = [(target[i].numpy()[known[i]], value[i].numpy()[known[i]]) for i in range(6)]
    expected = {
        "miou": np.mean([jaccard_score(t, v, average="macro") for t, v in single]),
        "pixel_accuracy": np.mean([accuracy_score(t, v) for t, v in single]),
    }
    assert meter.compute("per-picture") == pytest.approx(expected, abs=1e-9)
    assert abs(expected["miou"] - meter.compute()["miou"]) > 1e-3, "the two aggregations must differ to be told apart"


def test_depth_agrees_with_numpy() -> None:
    value, target = make_pairs(task("depth"), 5)
    meter = fill(task("depth"), value, target, [2, 3])
    answers, truths = value.double().numpy()[:, 0], target.double().numpy()[:, 0]

    def errors(answer: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
        known = truth > 0
        error = np.abs(answer[known] - truth[known])
        return float(error.mean()), float((error / truth[known]).mean())

    assert tuple(meter.compute().values()) == pytest.approx(errors(answers, truths), rel=1e-9)
    apart = np.mean([errors(a, t) for a, t in zip(answers, truths, strict=True)], axis=0)
    assert tuple(meter.compute("per-picture").values()) == pytest.approx(tuple(apart), rel=1e-9)


plain = [t for t in TASKS if isinstance(t, Numbers) and t.main_measure.name == "mse"]


@pytest.mark.parametrize("task", plain, ids=lambda t: f"{t.name}-{t.space}")
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_numbers_agree_with_numpy(task: Task, seed: int) -> None:
    value, target = make_pairs(task, 5, seed=seed)
    meter = fill(task, value, target, [2, 3])

    def errors(answer: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
        error = (answer - truth)[np.isfinite(truth)]
        return float(np.mean(error**2)), float(np.abs(error).mean())

    answers, truths = value.double().numpy(), target.double().numpy()
    assert tuple(meter.compute().values()) == pytest.approx(errors(answers, truths), rel=1e-9)
    apart = np.mean([errors(a, t) for a, t in zip(answers, truths, strict=True)], axis=0)
    assert tuple(meter.compute("per-picture").values()) == pytest.approx(tuple(apart), rel=1e-9)


def test_relative_depth_agrees_with_least_squares_by_numpy() -> None:
    t = task("depth", "relative")
    value, target = make_pairs(t, 4)
    value[1] *= -1  # an answer that a scale below 0 would make good
    value = torch.where(target.isnan(), 0, 0.4 * value + 0.6 * target.nan_to_num())

    def errors(answer: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
        known = np.isfinite(truth)
        x, y = answer[known], truth[known]
        scale = max(0.0, float(np.polyfit(x, y, 1)[0]))
        rest = y - scale * x
        return float(rest.std() / y.std()), float(np.corrcoef(x, y)[0, 1])

    pairs = zip(value.double().numpy(), target.double().numpy(), strict=True)
    apart = np.array([errors(a, b) for a, b in pairs])
    assert np.ptp(apart[:, 0]) > 0.1, "the pictures must differ for this to mean anything"
    found = fill(t, value, target, [2, 2]).compute("per-picture")
    assert tuple(found.values()) == pytest.approx(tuple(apart.mean(0)), rel=1e-6)
    stretched = fill(t, 7 * value + 3, target, [4]).compute("per-picture")
    assert stretched == pytest.approx(found, rel=1e-6), "neither scale nor shift counts"
    flat = t.measures_of(t.statistics(value, torch.full_like(value, 0.3)))
    assert all(values.isnan().all() for values in flat.values()), "of a flat target nothing can be measured"


def test_euclidean_depth_agrees_with_numpy() -> None:
    value, target = make_pairs(task("euclidean_depth"), 5)
    found = fill(task("D"), value, target, [2, 3]).compute()
    answer, truth = (labels.double().numpy()[:, 0][target.numpy()[:, 0] > 0] for labels in (value, target))
    error = answer - truth
    wanted = {"mse": np.mean(error**2), "abs_err": np.abs(error).mean(), "rel_err": (np.abs(error) / truth).mean()}
    assert found == pytest.approx(wanted, rel=1e-9)


def make_normals(pictures: int, seed: int, spread: float) -> tuple[Tensor, Tensor]:
    """Unit vectors in all directions, and answers turned away from them by up to 180 degrees."""
    random = seeded(seed)
    truth = F.normalize(torch.randn(pictures, 3, 15, 14, generator=random), dim=1)
    value = F.normalize(truth + spread * torch.randn(truth.shape, generator=random), dim=1)
    return value, invalidate(truth, torch.rand(pictures, 15, 14, generator=random) < 0.3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.sampled_from([0.01, 0.3, 1.0, 5.0]), pictures=st.integers(1, 4))
@example(seed=342, spread=0.3, pictures=3)
def test_normals_agree_with_numpy(seed: int, spread: float, pictures: int) -> None:
    value, target = make_normals(pictures, seed, spread)
    meter = fill(task("normals"), value, target, [pictures])

    def expected(v: np.ndarray, t: np.ndarray) -> dict[str, float]:
        known = np.linalg.norm(t, axis=0) > 0.5
        angles = np.degrees(np.arccos(np.clip((v * t).sum(0)[known], -1, 1)))
        shares = {f"within_{limit:g}": float((angles < limit).mean()) for limit in (11.25, 22.5, 30)}
        return {"angle_mean": float(angles.mean()), "angle_median": float(np.median(angles)), **shares}

    v, t = value.double().numpy(), target.double().numpy()
    pooled = expected(np.concatenate(list(v), axis=1), np.concatenate(list(t), axis=1))
    apart = [expected(v[i], t[i]) for i in range(pictures)]
    least = min((np.linalg.norm(one, axis=0) > 0.5).sum() for one in t)
    for aggregation, wanted in (
        ("pooled", pooled),
        ("per-picture", {name: np.mean([one[name] for one in apart]) for name in pooled}),
    ):
        found = meter.compute(aggregation)
        assert found.pop("angle_median") == pytest.approx(wanted.pop("angle_median"), abs=0.05)
        # An angle at a limit may fall on either side of it by the rounding of float32: one pixel of a picture.
        assert found == pytest.approx(wanted, abs=max(1e-3, 1.01 / least))


def test_the_median_of_few_angles_lies_between_them() -> None:
    normals = task("normals")
    angles = torch.tensor([10.0, 80.0]).deg2rad()
    value = torch.stack([angles.sin(), torch.zeros(2), angles.cos()]).view(1, 3, 1, 2)
    target = torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1).expand(1, 3, 1, 2)
    assert normals.measures_of(normals.statistics(value, target))["angle_median"] == pytest.approx(45, abs=0.05)


def test_an_answer_without_direction_is_no_hit() -> None:
    normals = task("normals")
    _, target = make_normals(1, 0, 0.1)
    found = normals.measures_of(normals.statistics(torch.zeros_like(target), target))
    assert float(found["angle_mean"]) == pytest.approx(90) and float(found["within_30"]) == 0


@every
def test_intervals_hold_the_value_and_shrink_with_more_pictures(task: Task) -> None:
    widths = []
    for pictures in (12, 200):
        meter = fill(task, *make_pairs(task, pictures), [pictures])
        for aggregation in AGGREGATIONS:
            values, intervals = meter.compute(aggregation), meter.interval(aggregation)
            for name, interval in intervals.items():
                assert interval is not None and interval[0] <= values[name] <= interval[1]
        low, high = intervals[task.main_measure.name] or (0, 0)
        widths.append(high - low)
    assert 0 < widths[1] < 0.6 * widths[0]


@every
def test_intervals_depend_on_the_seed_alone(task: Task) -> None:
    value, target = make_pairs(task, 10)
    first, again, other = (fill(task, value, target, [10], seed=seed).interval() for seed in (1, 1, 2))
    assert first == again and first != other


@every
def test_intervals_agree_with_a_plain_bootstrap(task: Task) -> None:
    value, target = make_pairs(task, 60)
    name = task.main_measure.name
    meter = fill(task, value, target, [60], num_replicates=1000)
    statistics = task.statistics(value, target)
    random = np.random.default_rng(0)
    draws = [torch.from_numpy(random.integers(0, 60, 60)) for _ in range(1000)]
    pooled = task.measures_of(torch.stack([statistics[draw].sum(0) for draw in draws]))[name].numpy()
    each = task.measures_of(statistics)[name].numpy()
    apart = np.array([each[draw.numpy()].mean() for draw in draws])
    for aggregation, replicates in (("pooled", pooled), ("per-picture", apart)):
        wanted = np.quantile(replicates, [0.025, 0.975])
        assert meter.interval(aggregation)[name] == pytest.approx(tuple(wanted), abs=0.2 * (wanted[1] - wanted[0]))


@settings(max_examples=10, deadline=None)
@given(cuts=st.sets(st.integers(1, 6)))
def test_published_measures_are_means_over_pictures_or_pairs_of_them(cuts: set[int]) -> None:
    """Against the arithmetic of the multi-task literature of the time, on seven pictures, the last alone in its batch,
    however they come in."""
    lengths = [b - a for a, b in pairwise([0, *sorted(cuts), 7])]
    value, target = make_normals(7, 3, 1.0)
    known = target.norm(dim=1) > 0.5
    angles = torch.rad2deg(torch.arccos((value * target).sum(1).clamp(-1, 1)))
    pairs = [angles[i : i + 2][known[i : i + 2]].numpy() for i in (0, 2, 4, 6)]
    found = fill(task("normals"), value, target, lengths, has_published=True).compute("published")
    assert found["angle_median"] == pytest.approx(np.mean([np.median(pair) for pair in pairs]), abs=0.05)
    assert found["angle_mean"] == pytest.approx(np.mean([pair.mean() for pair in pairs]), abs=1e-3)
    assert found["within_30"] == pytest.approx(np.mean([(pair < 30).mean() for pair in pairs]), abs=1e-3)
    value, target = make_pairs(task("depth"), 7)
    errors = [(v - t).abs()[t > 0].mean() for v, t in zip(value.split(2), target.split(2), strict=True)]
    found = fill(task("depth"), value, target, lengths, has_published=True).compute("published")
    assert found["abs_err"] == pytest.approx(float(np.mean(errors)), rel=1e-5)
    value, target = (labels[:6] for labels in make_pairs(task("segmentation"), 7))  # batches of one size
    meter = fill(task("segmentation"), value, target, [4, 2], has_published=True)
    assert meter.compute("published") == pytest.approx(meter.compute("per-picture"), rel=1e-12)
    assert set(meter.interval("published").values()) == {None}


@every
def test_what_cannot_be_measured_does_not_count_in_published_measures(task: Task) -> None:
    value, target = make_pairs(task, 4)
    target[2:] = invalidate(target[2:], torch.ones(2, 12, 10, dtype=torch.bool))
    whole, half = (fill(task, value[:n], target[:n], [n], has_published=True) for n in (4, 2))
    assert whole.compute("published") == pytest.approx(half.compute("published"))
    none = fill(task, value[2:], target[2:], [2], has_published=True)
    assert all(np.isnan(number) for number in none.compute("published").values())


@every
def test_memory_does_not_grow(task: Task) -> None:
    value, target = make_pairs(task, 3)

    def size(thing: object) -> int:
        if isinstance(thing, Tensor):
            return thing.numel()
        if isinstance(thing, dict):
            return sum(size(part) for part in thing.values())
        if isinstance(thing, list):
            return sum(size(part) for part in thing)
        return sum(size(part) for part in vars(thing).values()) if isinstance(thing, _Batches) else 1

    meter = Meter(task, has_published=True)
    sizes = []
    for _ in range(4):
        meter.update(value[:2], target[:2])
        sizes.append(sum(size(part) for part in vars(meter).values()))
    assert len(set(sizes)) == 1


@every
def test_no_interval_without_replicates_or_of_one_picture(task: Task) -> None:
    value, target = make_pairs(task, 3)
    assert set(fill(task, value, target, [3], num_replicates=0).interval().values()) == {None}
    assert set(fill(task, value[:1], target[:1], [1]).interval().values()) == {None}
