"""What every registered task keeps. A new task is tested by being registered."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from mta_core.tasks import (
    SCENE_TASKS,
    STUDY_TASKS,
    TASKS,
    Meter,
    Task,
    measure_of,
    names,
    parse_tasks,
    suited,
    task,
    variants,
)
from mta_core.tasks.depth import Depth
from mta_core.tasks.normals import Normals
from mta_core.tasks.numbers import Numbers
from tests.toys import invalidate, make_prediction, make_target, seeded


def each(tasks: Sequence[Task]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("task", tasks, ids=lambda task: f"{task.name}-{task.space}")


every = each(TASKS)
dense = each([t for t in TASKS if t.is_dense])
sparse = each([t for t in TASKS if not t.is_dense])
numbers = each([t for t in TASKS if isinstance(t, Numbers)])
SHAPE = (2, 12, 10)


def no_labels(task: Task) -> tuple[float, ...]:
    """Numbers that stand for none: where the whole scale has a meaning 0 is not among them."""
    own = isinstance(task, Depth | Normals)
    return (*((0.0,) if own else ()), math.nan, math.inf)


def some_pixels(seed: int = 9) -> torch.Tensor:
    return torch.rand(SHAPE, generator=seeded(seed)) < 0.3


def measures(task: Task, value: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
    return task.measures_of(task.statistics(value, target))


@every
def test_loss_is_one_finite_number_a_picture_with_a_finite_gradient(task: Task) -> None:
    prediction = make_prediction(task).requires_grad_()
    loss = task.loss(prediction, make_target(task))
    assert loss.shape == (2,) and loss.dtype == torch.float32 and (loss > 0).all()
    (gradient,) = torch.autograd.grad(loss.sum(), prediction)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


@every
def test_loss_is_the_mean_over_labelled_pixels(task: Task) -> None:
    prediction, mask = make_prediction(task), some_pixels()
    target = invalidate(make_target(task), mask)
    each = task.pixel_loss(prediction, make_target(task))
    expected = torch.stack([each[i][~mask[i]].double().mean() for i in range(2)])
    torch.testing.assert_close(task.loss(prediction, target).double(), expected, atol=1e-5, rtol=1e-5)


@every
@pytest.mark.parametrize("wild", [1e4, math.nan, math.inf, -math.inf])
def test_pixels_without_label_never_count(task: Task, wild: float) -> None:
    mask = some_pixels()
    for no_label in no_labels(task):
        target = invalidate(make_target(task), mask, no_label)
        assert torch.equal(task.valid(target), ~mask)
        check_without_label(task, target, mask, wild)


def check_without_label(task: Task, target: torch.Tensor, mask: torch.Tensor, wild: float) -> None:
    prediction = make_prediction(task)
    changed = torch.where(mask[:, None], wild, prediction).requires_grad_()
    assert (task.losses_on(changed, target, ~mask)[mask] == 0).all()
    assert torch.equal(task.loss(prediction, target), task.loss(changed, target))
    (gradient,) = torch.autograd.grad(task.loss(changed, target).sum(), changed)
    assert gradient.isfinite().all()
    assert (gradient * mask[:, None]).abs().sum() == 0
    before, after = (task.statistics(task.as_target(task.decode(p.detach())), target) for p in (prediction, changed))
    assert before.isfinite().all() and torch.equal(before, after)


@every
def test_a_picture_without_labels_costs_nothing_and_measures_nothing(task: Task) -> None:
    target = invalidate(make_target(task), torch.tensor([True, False]).view(2, 1, 1).expand(SHAPE))
    prediction = make_prediction(task).requires_grad_()
    loss = task.loss(prediction, target)
    assert loss[0] == 0 and loss[1] > 0
    (gradient,) = torch.autograd.grad(loss.sum(), prediction)
    assert gradient.isfinite().all() and gradient[0].abs().sum() == 0
    for values in measures(task, task.decode(prediction.detach()), target).values():
        assert values[0].isnan() and values[1].isfinite()


@every
def test_a_perfect_answer_is_perfect(task: Task) -> None:
    prediction = make_prediction(task)
    target = task.as_target(task.decode(prediction))
    sure = prediction * 1e6 if target.ndim == 3 else prediction
    assert task.loss(sure, target).abs().max() < 1e-5
    found = measures(task, target, target)
    for measure in task.measures:
        best = 1.0 if measure.higher_is_better else 0.0
        assert found[measure.name].tolist() == pytest.approx([best, best], abs=0.05), measure.name


@every
def test_margins_say_how_far_an_answer_is_from_being_wrong(task: Task) -> None:
    """Above 0 where it is right, with a gradient there, which the losses of depth and normals lack at the truth."""
    prediction, target = make_prediction(task, seed=1), make_target(task, seed=1)
    point = prediction.clone().requires_grad_()
    margins = task.margins_on(point, target, None)
    assert margins.shape[0] == 2 and margins.shape[2:] == SHAPE[1:] and (margins > 0).all()
    (gradient,) = torch.autograd.grad(torch.where(margins.isfinite(), margins, 0)[:, 0].sum(), point)
    assert torch.equal((gradient != 0).any(1), margins[:, 0].isfinite()), "of each pixel, and of no other"
    other = make_prediction(task, seed=2)
    if isinstance(task, Numbers):  # of several channels chance makes hardly any pixel right
        other = torch.where(some_pixels()[:, None], prediction + (other - prediction) / 8, other)
    is_right = (task.margins_on(other, target, None) > 0).all(1)
    assert torch.equal(is_right, rightness(task, task.decode(other), target)) and 0.02 < is_right.float().mean() < 0.98


def rightness(task: Task, value: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Which pixels are right as the literature counts them."""
    if target.ndim == 3:
        return task.as_target(value) == target
    if task.space == "log":
        return (2 ** (16 * (value - target).abs().double()))[:, 0] < 1.25  # the ratio of the two, as it is of depths
    if isinstance(task, Numbers):
        return ((value - target).abs() < 0.2).all(1)
    if isinstance(task, Depth):
        return torch.maximum(value / target, target / value)[:, 0] < 1.25
    degrees = torch.rad2deg(torch.linalg.vector_norm(value - target, dim=1).div(2).asin() * 2)
    return degrees < 30


@every
def test_margins_of_pixels_without_label_leave_no_trace(task: Task) -> None:
    mask = some_pixels()
    target = invalidate(make_target(task), mask, math.nan)
    prediction = torch.where(mask[:, None], math.nan, make_prediction(task)).requires_grad_()
    margins = task.margins_on(prediction, target, ~mask)
    assert not margins.isnan().any()
    kept = torch.where(margins.isfinite() & ~mask[:, None], margins, 0)
    (gradient,) = torch.autograd.grad(kept.sum(), prediction)
    assert gradient.isfinite().all() and (gradient * mask[:, None]).abs().sum() == 0


@every
def test_a_worse_answer_is_worse_by_every_measure(task: Task) -> None:
    target = make_target(task, 2, 30, 30)
    flipped = target.flip(-1)
    perfect, worse = measures(task, target, target), measures(task, flipped, target)
    for measure in task.measures:
        assert measure.is_worse(float(worse[measure.name][0]), float(perfect[measure.name][0])), measure.name
        assert not measure.is_worse(float(perfect[measure.name][0]), float(worse[measure.name][0]))


@every
def test_measures_are_declared_and_readable(task: Task) -> None:
    found = measures(task, make_target(task), make_target(task, seed=4))
    assert list(found) == [measure.name for measure in task.measures]
    assert all(values.shape == (2,) for values in found.values())
    assert task.main_measure is task.measures[0] and task.measure(task.measures[-1].name) is task.measures[-1]
    for measure in task.measures:
        assert measure.format(math.nan) == "–"
        assert not measure.is_worse(math.nan, 0.5) and not measure.is_worse(0.5, math.nan)


@pytest.mark.parametrize(
    ("name", "measure", "value", "text"),
    [
        ("segmentation", "miou", 0.1234, "12.3 %"),
        ("depth", "abs_err", 0.6298, "0.630 m"),
        ("depth", "rel_err", 0.25, "25.0 %"),
        ("normals", "angle_mean", 33.01, "33.0°"),
        ("normals", "within_11.25", 0.1777, "17.8 %"),
    ],
)
def test_formats_for_people(name: str, measure: str, value: float, text: str) -> None:
    assert task(name).measure(measure).format(value) == text


@pytest.mark.parametrize(
    ("name", "measure", "value", "text"),
    [
        ("segmentation", "miou", -0.0123, "-1.23 points"),
        ("depth", "abs_err", 0.0017, "+0.002 m"),
        ("normals", "angle_mean", 0.08, "+0.08°"),
        ("normals", "angle_mean", math.nan, "–"),
    ],
)
def test_formats_differences_for_people(name: str, measure: str, value: float, text: str) -> None:
    assert task(name).measure(measure).format_change(value) == text


@every
def test_decodes_to_label_space(task: Task) -> None:
    prediction = make_prediction(task)
    value, target = task.decode(prediction), make_target(task)
    label = task.as_target(value)
    assert label.shape == target.shape and label.dtype == target.dtype and torch.equal(task.as_target(label), label)
    assert task.valid(label).all()
    assert task.decode(prediction.half()).dtype == value.dtype
    assert torch.equal(task.statistics(value, target), task.statistics(label, target))


@every
def test_a_pseudo_target_is_the_answer_without_its_gradient(task: Task) -> None:
    prediction = make_prediction(task).requires_grad_()
    pseudo = task.pseudo_target(prediction)
    assert not pseudo.requires_grad and torch.equal(pseudo, task.as_target(task.decode(prediction.detach())))


@dense
def test_colours_are_pictures_and_invalid_pixels_are_grey(task: Task) -> None:
    mask = some_pixels()
    for no_label in no_labels(task)[:2]:
        target = invalidate(make_target(task), mask, no_label)
        shown = task.colour(target, task.span(target))
        assert shown.shape == (2, 3, 12, 10) and shown.min() >= 0 and shown.max() <= 1
        grey = (shown - 0.5).abs().amax(1) < 1e-6
        assert grey[mask].all() and grey[~mask].float().mean() < 0.1
    assert task.colour(make_target(task)).shape == (2, 3, 12, 10)


@every
def test_difference_is_zero_where_nothing_changed(task: Task) -> None:
    one = make_target(task)
    other = one.clone()
    other[..., :5] = one.flip(-1)[..., :5]
    difference = task.difference(one, other)
    assert difference.shape == SHAPE and difference.isfinite().all()
    assert difference[..., 5:].abs().max() < 1e-3 and difference[..., :5].max() > 0
    assert task.difference_label


@every
def test_describes_what_happened(task: Task) -> None:
    one, other = make_target(task, batch=1), make_target(task, batch=1, seed=77)
    same, changed = task.describe(one, one), task.describe(one, other)
    assert same != changed
    for sentence in (same, changed):
        assert len(sentence) > 10 and "\n" not in sentence and not sentence.endswith(".") and "nan" not in sentence


def test_one_class_everywhere_is_told_by_the_share_that_reached_it() -> None:
    t = task("segmentation")
    clean = torch.zeros(1, 4, 5, dtype=torch.long)
    wall = torch.full_like(clean, t.everywhere("wall").item())
    adversarial = torch.cat([wall[:, :3], clean[:, 3:]], 1)
    assert t.describe_towards(clean, adversarial, wall) == "75 % of the picture is now wall, 0 % before"
    assert t.main_measure_towards(wall).name == "pixel_accuracy"
    assert t.describe_towards(clean, wall, adversarial) == t.describe(clean, wall)
    assert t.main_measure_towards(adversarial) is t.main_measure


@every
def test_legend_fits_the_colours(task: Task) -> None:
    value = make_target(task)
    legend = task.legend(value)
    assert legend.entries or legend.span
    for name, colour in legend.entries:
        assert name and len(colour) == 7 and colour.startswith("#")
    if legend.span:
        assert legend.span[0] < legend.span[1] and (legend.unit or isinstance(task, Numbers))


def test_registry_has_distinct_names_and_letters() -> None:
    assert len({(t.name, t.space) for t in TASKS}) == len(TASKS)
    lettered = {(t.name, t.letter, t.label) for t in TASKS}
    assert len(lettered) == len(names()) == len({t.name for t in TASKS}), "label spaces share letter and label"
    letters = [letter for _, letter, _ in lettered if letter]
    assert len(set(letters)) == len(letters) == 11 and all(len(letter) == 1 for letter in letters)


def test_a_row_tells_its_measure_by_task_name_and_unit() -> None:
    for t in TASKS:
        for measure in t.measures:
            found = measure_of(t.name, measure.name, measure.unit)
            assert found == measure, f"{t.name} in {t.space}: {found} is shown for {measure}"
    with pytest.raises(ValueError, match=r"^expected a measure of depth, got 'miou'$"):
        measure_of("depth", "miou")


def test_a_task_is_known_by_its_name_and_label_space() -> None:
    for t in TASKS:
        assert task(t.name, t.space) is t and t in variants(t.name)
        assert not t.letter or task(t.letter, t.space) is t
        assert task(t.name) is variants(t.name)[0]
        assert suited([t.name], {t.name: t.space}) == (t,)
    assert [(t.name, t.space) for t in SCENE_TASKS] == [
        ("segmentation", "nyu13"), ("depth", "metres"), ("normals", "unit-camera")
    ]  # fmt: skip
    assert suited(["depth", "normals"], {"depth": "miles"}) == parse_tasks("dn")
    with pytest.raises(ValueError, match=r"^expected depth in a label space among metres, log, relative, got 'miles'$"):
        task("d", "miles")


def test_the_study_has_eleven_tasks_in_its_own_label_spaces() -> None:
    assert "".join(t.letter for t in STUDY_TASKS) == "sdDnkKeEprA"
    assert {t.name for t in parse_tasks("sdDnkKeEprA")} == {t.name for t in STUDY_TASKS}
    for t in STUDY_TASKS[1:]:  # L1, and the mean squared error
        prediction, target = make_prediction(t), make_target(t)
        expected = np.abs(prediction.double().numpy() - target.double().numpy()).mean((1, 2, 3))
        np.testing.assert_allclose(t.loss(prediction, target).numpy(), expected, rtol=1e-5)
        assert t.main_measure.name == "mse"


@numbers
def test_numbers_are_shown_as_numbers(task: Task) -> None:
    assert task.measures[0].format(0.01234) == "0.0123" and task.measures[0].format_change(-0.01234) == "-0.0123"


@every
def test_labels_of_other_spaces_become_labels_of_this_one(task: Task) -> None:
    target = make_target(task)
    assert task.accepts(task.space) and task.convert(target, task.space) is target
    assert not task.accepts("miles")
    for space in task.takes:
        usual, mask = variants(task.name)[0], some_pixels()
        assert usual.space == space and task.accepts(space)
        for no_label in (0.0, math.nan):
            theirs = invalidate(make_target(usual), mask, no_label)
            converted = task.convert(theirs, space)
            assert torch.equal(task.valid(converted), ~mask) and converted.dtype == torch.float32
            torch.testing.assert_close(converted[0], task.convert(theirs[0], space), equal_nan=True)


def test_log_depth_is_taskonomys_scale() -> None:
    t = task("depth", "log")
    metres = torch.tensor([0.01, 0.5, 1.0, 10.0, 128.0, 0.0, -1.0, math.nan, math.inf]).view(1, 1, 1, 9)
    found = t.convert(metres, "metres").flatten().double().numpy()
    expected = [math.log(1 + 512 * m) / math.log(2**16) for m in (0.01, 0.5, 1.0, 10.0, 128.0)]
    np.testing.assert_allclose(found[:5], expected, rtol=1e-6)
    assert np.isnan(found[5:]).all()
    assert float(t.everywhere("1")) == pytest.approx(expected[2])


def test_tasks_are_found_by_words_and_letters() -> None:
    assert (
        parse_tasks("sdn") == parse_tasks("normals, depth,segmentation") == parse_tasks(["d", "n", "s"]) == SCENE_TASKS
    )
    assert parse_tasks("n") == (task("normals"),) == parse_tasks("normals,n")


@pytest.mark.parametrize("text", ["", "segmentation,dept", "sdx", [], ","])
def test_unknown_tasks_are_refused(text: str | list[str]) -> None:
    with pytest.raises(ValueError, match=r"^expected (a|at least one) task among segmentation, depth, normals"):
        parse_tasks(text)


@every
def test_a_meter_without_pictures_measures_nothing(task: Task) -> None:
    meter = Meter(task)
    for aggregation in ("pooled", "per-picture"):
        assert all(math.isnan(value) for value in meter.compute(aggregation).values())
        assert set(meter.interval(aggregation).values()) == {None}


@sparse
def test_an_answer_for_the_whole_picture_is_shown_with_its_probabilities(task: Task) -> None:
    prediction = make_prediction(task, 2, 1, 1)
    value = task.decode(prediction)
    torch.testing.assert_close(value.sum(1), torch.ones(2, 1, 1))
    shown = task.colour(value)
    assert shown.ndim == 4 and shown.shape[:2] == (2, 3) and min(shown.shape[-2:]) > 100
    assert 0 <= shown.min() and shown.max() <= 1 and not torch.equal(shown[0], shown[1])
    assert task.colour(task.as_target(value)).shape == shown.shape, "a label is shown too"


@sparse
def test_fooled_is_who_answers_otherwise_than_before_right_or_wrong(task: Task) -> None:
    truth = torch.tensor([3, 3, 3, 3]).view(-1, 1, 1)
    clean = torch.tensor([3, 3, 5, 5]).view(-1, 1, 1)
    now = torch.tensor([3, 7, 3, 9]).view(-1, 1, 1)
    meter = Meter(task, num_replicates=0)
    meter.update(now, truth, clean)
    assert meter.compute() == {"accuracy": 0.5, "fooling_ratio": 0.75}


@every
def test_offered_targets_are_labels_of_every_pixel(task: Task) -> None:
    assert len(set(task.goals)) == len(task.goals) > 1
    target = make_target(task)
    for text in task.goals:
        everywhere = task.everywhere(text).expand(target.shape)
        assert everywhere.dtype == target.dtype and task.valid(everywhere).all()
    with pytest.raises(ValueError, match=r"^expected "):
        task.everywhere("nonsense")
