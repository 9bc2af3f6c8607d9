"""A probe measured beside independent ways to the same numbers."""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mta_core import victims
from mta_core.attacks import JOINT
from mta_core.data import DataError, DataSource, open_data
from mta_core.evaluate import evaluate
from mta_core.events import Event, Pause, Progress, Row
from mta_core.explore import Subject
from mta_core.objective import make_problem
from mta_core.setting import Setting
from mta_core.study.findings import Finding
from mta_core.study.measure import Sums, measure, tasks_of
from mta_core.study.plan import Probe
from mta_core.tasks import task
from tests import toys
from tests.study.conftest import MakeVictim
from tests.toys import CPU

STEPS = 3


@pytest.fixture
def subject(make_victim: MakeVictim) -> Subject:
    card = make_victim("sdDn")
    return Subject.prepare(card.name, victims.load(card.name)[0], CPU, card)


@pytest.fixture
def source(rooms: Path) -> DataSource:
    return open_data(f"rooms:{rooms}", "test", (96, 128))


def finish(work: Generator[Event, None, list[Finding]]) -> tuple[list[Event], dict[str, Finding]]:
    events = []
    while True:
        try:
            events.append(next(work))
        except StopIteration as end:
            return events, {found.task: found for found in end.value}


def found_by(probe: Probe, subject: Subject, source: DataSource, **options: Any) -> dict[str, Finding]:
    return finish(measure(probe, subject, source, **options))[1]


def attacked_at_once(probe: Probe, subject: Subject, source: DataSource) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Clean and adversarial pictures of the whole source as one batch, and the labels."""
    tasks = tasks_of(probe.model, subject.precise.tasks)
    samples = list(source.for_tasks(tasks))
    clean = torch.stack([sample.image for sample in samples])
    labels = {t.name: torch.stack([sample.targets[t.name] for sample in samples]) for t in tasks}
    given = {t.name: labels[t.name] for t in tasks if t.letter in probe.attacked}
    problem = make_problem(subject.precise, clean, given, probe.budget, scope="joint", victim_name=subject.name)
    return clean, probe.attack(problem)[JOINT], labels


@pytest.mark.parametrize(
    "probe",
    [
        Probe("sdDn", "d", steps=STEPS),
        Probe("sdDn", "sdDn", steps=STEPS),
        Probe("sdDn", "sn", norm="l2", epsilon=4.0, steps=STEPS),
        Probe("sdDn", "D", norm="l2", epsilon=4.0, steps=STEPS, l2_step="released"),
    ],
    ids=lambda probe: f"{probe.attacked}-{probe.norm}-{probe.l2_step}",
)
def test_errors_of_every_task_are_those_of_numpy(probe: Probe, subject: Subject, source: DataSource) -> None:
    found = found_by(probe, subject, source, batch_size=5)
    clean, adversarial, labels = attacked_at_once(probe, subject, source)
    assert probe.budget.contains(adversarial, clean).all() and (adversarial != clean).any()
    assert list(found) == list("sdDn")
    with torch.no_grad():
        answers = [subject.precise(pictures) for pictures in (clean, adversarial)]
    for letter in "dDn":
        name = tasks_of(letter, subject.precise.tasks)[0].name
        truth = labels[name].double().numpy()
        known = np.isfinite(truth)
        before, after = (np.mean((each[name].double().numpy() - truth)[known] ** 2) for each in answers)
        assert found[letter].clean == pytest.approx(before, rel=1e-6)
        assert found[letter].adversarial == pytest.approx(after, rel=1e-5)
        assert found[letter].relative == pytest.approx((after - before) / before, rel=1e-4)
    for own in found.values():
        assert (own.probe, own.n, own.victim, own.data) == (probe, 5, subject.name, "rooms")
        assert subject.card is not None and own.sha256 == subject.card.sha256


@pytest.mark.parametrize("attacked", ["s", "sdn"])
def test_segmentation_is_1_minus_the_miou_that_evaluate_finds(
    attacked: str, subject: Subject, source: DataSource
) -> None:
    probe = Probe("sdDn", attacked, steps=STEPS)
    tasks = tasks_of(attacked, subject.precise.tasks)
    setting = Setting(subject, source.for_tasks(tasks), probe.attack, probe.budget, tasks, scope="joint")
    rows = [event.values for event in evaluate(setting) if isinstance(event, Row)]
    (row,) = (row for row in rows if (row["metric"], row["aggregation"]) == ("miou", "pooled"))
    own = found_by(probe, subject, source)["s"]
    assert own.clean == pytest.approx(1 - row["clean"], abs=1e-6)
    assert own.adversarial == pytest.approx(1 - row["adversarial"], abs=1e-3)


def test_all_tasks_are_moved_only_as_far_as_allowed_and_others_get_their_turn(
    subject: Subject, source: DataSource
) -> None:
    events, found = finish(measure(Probe("sdDn", "d", steps=STEPS), subject, source, batch_size=2))
    progress = [event for event in events if isinstance(event, Progress)]
    assert [event.done for event in progress] == [2, 4, 5] and {event.total for event in progress} == {5}
    assert progress[-1].values["num_outside"] == 0
    assert progress[-1].values["max_perturbation"] == pytest.approx(8, rel=1e-3)
    assert sum(isinstance(event, Pause) for event in events) >= 3 * STEPS
    assert found["d"].adversarial > found["d"].clean


def test_neither_the_batches_nor_the_order_of_calls_matter(subject: Subject, source: DataSource) -> None:
    probe = Probe("sdDn", "sd", steps=2)
    one, other = (found_by(probe, subject, source, batch_size=size, seed=3) for size in (1, 5))
    for letter, own in one.items():
        assert own.relative == pytest.approx(other[letter].relative, rel=3e-2, abs=5e-5)
        assert own.relative_ci95 == pytest.approx(other[letter].relative_ci95, rel=5e-2, abs=3e-4)
    limited = found_by(probe, subject, source, limit=3)
    assert {own.n for own in limited.values()} == {3}


@pytest.fixture
def views(tmp_path: Path) -> DataSource:
    """Four views, the second of which has no file of its depth."""
    place = "{building}/{kind}/{point}_domain_{kind}.png"
    toys.write_taskonomy(tmp_path / "views", place, ("a", "b"))
    (tmp_path / "views/a/depth_zbuffer/point_0_view_1_domain_depth_zbuffer.png").unlink()
    return open_data(f"taskonomy:{tmp_path / 'views'}", "test", (96, 128))


def test_a_picture_without_a_label_does_not_count_for_that_task(make_victim: MakeVictim, views: DataSource) -> None:
    card = make_victim("dn")
    subject = Subject.prepare(card.name, victims.load(card.name)[0], CPU, card)
    found = found_by(Probe("dn", "d", steps=2), subject, views)
    assert (found["d"].n, found["n"].n) == (3, 4)
    one = found_by(Probe("dn", "d", steps=2), subject, views, limit=2)
    alone = found_by(Probe("dn", "d", steps=2), subject, views, limit=1)
    assert (one["d"].n, one["d"].clean, one["d"].adversarial) == (
        1, pytest.approx(alone["d"].clean), pytest.approx(alone["d"].adversarial, rel=1e-3),
    )  # fmt: skip
    assert one["d"].relative_ci95 is None and one["n"].relative_ci95 is not None


def test_without_any_label_there_is_nothing_to_tell(make_victim: MakeVictim, views: DataSource) -> None:
    card = make_victim("dn")
    subject = Subject.prepare(card.name, victims.load(card.name)[0], CPU, card)
    views.views = views.views[1:2]  # type: ignore[attr-defined]
    own = found_by(Probe("dn", "n", steps=1), subject, views)["d"]
    assert own.n == 0 and math.isnan(own.clean) and math.isnan(own.relative) and own.clean_ci95 is None
    again = Finding.of_json(own.to_json())
    assert math.isnan(again.relative) and again.to_json() == own.to_json() and own.to_json()["clean"] is None


@pytest.mark.parametrize(
    ("probe", "options", "sentence"),
    [
        (Probe("sE", "s"), {}, "expected a victim that answers edge_occlusion, it answers segmentation, depth"),
        (Probe("s", "s"), {"limit": 0}, "expected a batch size and a limit of at least 1"),
        (Probe("s", "s"), {"batch_size": 0}, "expected a batch size and a limit of at least 1"),
    ],
)
def test_what_makes_no_sense_is_refused(
    probe: Probe, options: dict[str, int], sentence: str, subject: Subject, source: DataSource
) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        finish(measure(probe, subject, source, **options))


def test_data_without_labels_are_refused(subject: Subject, rooms: Path) -> None:
    pictures = open_data(f"pictures:{rooms / 'rgb'}", "test", (96, 128))
    with pytest.raises(DataError, match=r"expected data with labels for segmentation"):
        finish(measure(Probe("s", "s"), subject, pictures))


class TestIntervals:
    """Over pictures, clean and adversarial of the same ones."""

    depth = task("depth", "log")

    def sums(self, clean: np.ndarray, adversarial: np.ndarray, seed: int = 0) -> Sums:
        """Of pictures with these errors, (N,) each."""
        sums = Sums([self.depth], seed=seed)
        for one, other in zip(np.split(clean, 4), np.split(adversarial, 4), strict=True):
            sums.add({"depth": statistics(one)}, {"depth": statistics(other)})
        return sums

    def test_what_moves_together_is_told_precisely(self) -> None:
        """Errors differ much between pictures, but all become three times as large: that is sure."""
        clean = np.exp(np.random.default_rng(0).normal(0, 1, 40))
        sums = self.sums(clean, 3 * clean)
        before, after, relative = sums.intervals(self.depth)
        assert before is not None and after is not None and relative is not None
        assert relative == pytest.approx((2, 2)) and sums.values(self.depth)[2] == pytest.approx(2)
        unpaired = (after[0] - before[1]) / before[1], (after[1] - before[0]) / before[0]
        assert unpaired[0] < 1.5 and unpaired[1] > 2.5

    def test_the_truth_is_inside_as_often_as_is_said(self) -> None:
        random, inside, narrower = np.random.default_rng(1), [], []
        for trial in range(60):
            clean = np.exp(random.normal(0, 0.5, 60))
            factor = random.uniform(2, 4, 60)
            before, after, relative = self.sums(clean, factor * clean, trial).intervals(self.depth)
            assert before is not None and after is not None and relative is not None
            inside.append(relative[0] <= 2 <= relative[1])  # E[factor * clean] / E[clean] - 1
            apart = self.unpaired(clean, factor * clean, random)
            narrower.append(relative[1] - relative[0] < apart[1] - apart[0])
        assert 0.85 <= np.mean(inside) and all(narrower)

    @staticmethod
    def unpaired(clean: np.ndarray, adversarial: np.ndarray, random: np.random.Generator) -> Any:
        """The interval that clean and adversarial pictures drawn apart from each other would give."""
        draws = [random.integers(0, len(clean), (500, len(clean))) for _ in range(2)]
        before, after = clean[draws[0]].mean(1), adversarial[draws[1]].mean(1)
        return np.quantile((after - before) / before, [0.025, 0.975])


def statistics(errors: np.ndarray) -> Tensor:
    """Of pictures of one labelled pixel, (B, 2)."""
    return torch.tensor(np.stack([np.ones_like(errors), errors], 1))
