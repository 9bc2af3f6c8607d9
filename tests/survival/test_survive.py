"""What is left of an attack: rows over a data set, points of one picture, and the share of the damage."""

from __future__ import annotations

import io
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mta_core.attacked import attack_batch
from mta_core.attacks import JOINT, Fgsm, Noise
from mta_core.budget import Budget
from mta_core.data import collate
from mta_core.evaluate import evaluate
from mta_core.events import Progress, Row
from mta_core.explore import Subject, noisy_picture
from mta_core.explore import run as explore_one
from mta_core.results import ROW_KEYS
from mta_core.setting import Setting
from mta_core.survival import TRANSFORMATIONS, UNTOUCHED, Trial, middle_of, parse_trials
from mta_core.survival.data_set import KEYS, survive
from mta_core.survival.measuring import left, measure_picture, untouched
from mta_core.tasks import SCENE_TASKS, Meter
from tests import toys
from tests.test_evaluate import Shelf, Smooth

LINF = Budget.from_units("linf", 8)
Values = Mapping[str, Any]
Found = TypeVar("Found")


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject.prepare("toy", Smooth(), toys.CPU)


@pytest.fixture(scope="module")
def setting(subject: Subject) -> Setting:
    return Setting(subject, Shelf(3), Fgsm(), LINF, SCENE_TASKS, baselines=(Noise(),))


def rows_of(setting: Setting, trials: str | Sequence[Trial], **options: Any) -> list[Values]:
    parsed = parse_trials(trials) if isinstance(trials, str) else trials
    return [event.values for event in survive(setting, parsed, **options) if isinstance(event, Row)]


def of(rows: Sequence[Values], transform: str, strength: float | None) -> list[dict[str, Any]]:
    """The rows of a trial, without what tells them from those of another."""
    found = [row for row in rows if (row["transform"], row["strength"]) == (transform, strength)]
    return [{key: value for key, value in row.items() if key not in KEYS} for row in found]


def test_rows_follow_the_contract_and_say_what_happened(setting: Setting) -> None:
    rows = rows_of(setting, "jpeg=50,rounding")
    assert all(set(row) == {*ROW_KEYS, *KEYS} for row in rows)
    of_each = sum(len(t.measures) for t in SCENE_TASKS) * 2 * 2  # aggregations, and noise beside the attack
    told = [(row["transform"], row["strength"]) for row in rows]
    assert told == [("none", None)] * of_each + [("jpeg", 50)] * of_each + [("rounding", None)] * of_each
    assert {row["attack"] for row in rows} == {"fgsm", "noise"}
    for row in rows:
        low, high = row["ci95"]
        assert low <= high and row["n"] == 3 and math.isfinite(row["clean"])


@pytest.mark.parametrize("scope", ["per-task", "joint"])
def test_untouched_pictures_are_what_evaluate_measures(setting: Setting, scope: Any) -> None:
    setting = replace(setting, scope=scope)
    plain = [event.values for event in evaluate(setting) if isinstance(event, Row)]
    assert of(rows_of(setting, "jpeg=50"), "none", None) == plain


def test_strengths_that_do_nothing_give_the_untouched_numbers(setting: Setting) -> None:
    kinds = [kind for kind in TRANSFORMATIONS if kind.identity is not None]
    rows = rows_of(setting, [Trial(kind, kind.identity) for kind in kinds])
    plain = of(rows, "none", None)
    assert len(kinds) == 5
    for kind in kinds:
        assert of(rows, kind.name, kind.identity) == plain


def finished(steps: Generator[Any, None, Found]) -> Found:
    """What comes of work that is done in steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Found = end.value
            return found


def jpeg(images: Tensor, quality: int) -> Tensor:
    """By Pillow alone."""
    read = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray((image.permute(1, 2, 0) * 255).round().byte().numpy()).save(file, "JPEG", quality=quality)
        read.append(torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1) / 255)
    return torch.stack(read)


@pytest.mark.parametrize("scope", ["per-task", "joint"])
def test_each_task_is_measured_on_its_own_perturbation(setting: Setting, scope: Any) -> None:
    """Everything once more by hand: attacked, saved by Pillow, answered, measured."""
    setting = replace(setting, scope=scope)
    found = of(rows_of(setting, "jpeg=30"), "jpeg", 30)
    images, targets = collate(list(setting.source))
    attacked = finished(attack_batch(setting, images, targets, 0))
    for t in SCENE_TASKS:
        made = attacked.made[0].pictures[JOINT if scope == "joint" else t.name]
        for kind, shown in (("clean", images), ("adversarial", made)):
            meter = Meter(t, num_replicates=0)
            meter.update(setting.subject.answer(jpeg(shown, 30), [t])[t.name], targets[t.name])
            for name, value in meter.compute().items():
                (row,) = [r for r in found if (r["attack"], r["task"], r["metric"], r["aggregation"]) == (
                    "fgsm", t.name, name, "pooled")]  # fmt: skip
                assert row[kind] == pytest.approx(value, rel=1e-5), (t.name, name, kind)


def test_rows_are_the_same_each_time_and_for_every_batch_size(setting: Setting) -> None:
    trials = "noise=8,crop=0.8,webp=50"
    rows = rows_of(setting, trials)
    assert rows == rows_of(setting, trials)
    alone = rows_of(setting, trials, batch_size=1)
    assert [r["adversarial"] for r in alone] == pytest.approx([r["adversarial"] for r in rows], rel=1e-3)
    other = rows_of(replace(setting, seed=1), trials)
    assert of(other, "noise", 8) != of(rows, "noise", 8)


def test_without_labels_the_untouched_clean_answer_stands_in(subject: Subject) -> None:
    setting = Setting(subject, Shelf(2, labelled=()), Fgsm(), LINF, SCENE_TASKS)
    rows = [r for r in rows_of(setting, "crop=0.8,blur=2") if (r["task"], r["metric"]) == ("depth", "abs_err")]
    clean = {row["transform"]: row["clean"] for row in rows if row["aggregation"] == "pooled"}
    assert clean["none"] == 0 and clean["blur"] > 0 and clean["crop"] > 0


def test_progress_names_what_is_tried_and_counts_pictures(setting: Setting) -> None:
    events = [e for e in survive(setting, parse_trials("jpeg=50"), batch_size=2) if isinstance(e, Progress)]
    assert "JPEG quality 50" in {e.stage for e in events}
    assert events[-1].done == events[-1].total == 3 and {e.total for e in events} == {3}
    assert events[-1].values["num_outside"] == 0
    assert [e.done for e in events] == sorted(e.done for e in events)


def test_impossible_numbers_are_refused(setting: Setting) -> None:
    for options in ({"limit": 0}, {"batch_size": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            rows_of(setting, "rounding", **options)


@pytest.mark.parametrize("kind", TRANSFORMATIONS, ids=lambda kind: kind.name)
def test_one_picture_has_the_numbers_that_a_data_set_of_it_has(setting: Setting, subject: Subject, kind: Any) -> None:
    one = middle_of(kind)
    rows = of(rows_of(setting, [one], limit=1), kind.name, one.strength)
    sample = setting.source[0]
    outcome = explore_one(subject, Fgsm(), sample.image, SCENE_TASKS, LINF, truth=sample.targets)
    point = finished(measure_picture(subject, outcome, noisy_picture(LINF, sample.image[None], 0), one))
    assert set(point.answers) == {t.name for t in SCENE_TASKS}
    for row in (r for r in rows if r["aggregation"] == "pooled"):
        own = point.measures[row["task"]]
        kinds = {"clean": "clean", "adversarial": "adversarial" if row["attack"] == "fgsm" else "noise"}
        for key, name in kinds.items():
            assert own[name][row["metric"]] == pytest.approx(row[key], rel=1e-5)


def test_a_curve_starts_from_the_numbers_that_are_shown_of_the_attack(setting: Setting, subject: Subject) -> None:
    sample = setting.source[0]
    outcome = explore_one(subject, Fgsm(), sample.image, SCENE_TASKS, LINF, truth=sample.targets)
    start, noisy = untouched(outcome), noisy_picture(LINF, sample.image[None], 0)
    assert start.trial is UNTOUCHED
    assert start.measures == {name: o.measures for name, o in outcome.tasks.items()}
    for same in (UNTOUCHED, parse_trials("crop=1")[0], parse_trials("blur=0")[0]):
        assert finished(measure_picture(subject, outcome, noisy, same)).measures == start.measures


BEFORE = {"clean": 0.6, "adversarial": 0.2, "noise": 0.58}


class TestLeft:
    @pytest.mark.parametrize(
        ("clean", "adversarial", "share"),
        [(0.6, 0.2, 1), (0.5, 0.5, 0), (0.5, 0.3, 0.5), (0.5, 0, 1.25), (0.5, 0.6, -0.25)],
    )
    def test_is_the_distance_after_over_the_distance_before(
        self, clean: float, adversarial: float, share: float
    ) -> None:
        assert left(BEFORE, {"clean": clean, "adversarial": adversarial}) == pytest.approx(share)

    def test_is_not_told_where_noise_does_as_much(self) -> None:
        assert math.isnan(left({**BEFORE, "noise": 0.1}, BEFORE))
        assert math.isnan(left({**BEFORE, "noise": 1.0}, BEFORE)), "in the other direction either"
        assert math.isnan(left({"clean": 0.5, "adversarial": 0.5}, BEFORE))
        assert math.isnan(left({"clean": math.nan, "adversarial": 0.5}, BEFORE))
        assert left({"clean": 0.6, "adversarial": 0.2}, BEFORE) == pytest.approx(1), "where noise is not known"
