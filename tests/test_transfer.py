"""Transfer: one attack, two victims, the same pictures; rows that equal those of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mta_core import attacked
from mta_core.attacks import JOINT, Attack, Mta, Noise, Pgd, Problem
from mta_core.budget import Budget
from mta_core.evaluate import evaluate
from mta_core.events import Message, Progress, Row
from mta_core.explore import Subject
from mta_core.objective import make_problem
from mta_core.results import ROW_KEYS
from mta_core.setting import Setting
from mta_core.tasks import SCENE_TASKS, Meter, Task
from mta_core.transfer import Pair, common_tasks, pairs, share, transfer
from mta_core.victims import Resized
from tests import toys
from tests.test_evaluate import Shelf, Smooth

LINF = Budget.from_units("linf", 8)
Rows = list[Mapping[str, Any]]


@pytest.fixture(scope="module")
def setting() -> Setting:
    subject = Subject.prepare("toy", Smooth(), toys.CPU)
    return Setting(subject, Shelf(5), Pgd(num_steps=3), LINF, SCENE_TASKS)


@pytest.fixture(scope="module")
def other() -> Subject:
    return Subject.to_measure("other", Smooth(seed=1), toys.CPU)


def rows_of(events: Any) -> Rows:
    return [event.values for event in events if isinstance(event, Row)]


def of_victim(rows: Rows, name: str) -> Rows:
    return [row for row in rows if row["victim"] == name]


@pytest.mark.parametrize("scope", ["per-task", "joint"])
def test_the_white_box_rows_are_those_of_an_evaluation(setting: Setting, other: Subject, scope: Any) -> None:
    setting = replace(setting, scope=scope)
    rows = rows_of(transfer(setting, other))
    assert of_victim(rows, "toy") == rows_of(evaluate(setting))
    assert [row["victim"] for row in rows] == [*["toy"] * (len(rows) // 2), *["other"] * (len(rows) // 2)]
    assert {row["source"] for row in rows} == {"toy"}
    assert all(set(row) == set(ROW_KEYS) for row in rows)


@pytest.mark.parametrize("scope", ["per-task", "joint"])
def test_the_other_victim_is_shown_the_same_pictures(setting: Setting, other: Subject, scope: Any) -> None:
    source = Shelf(2)
    setting = replace(setting, source=source, scope=scope)
    rows = of_victim(rows_of(transfer(setting, other)), "other")
    problem = make_problem(setting.subject.fast, source.pictures, source.labels, LINF, scope=scope, victim_name="toy")
    made = setting.attack(problem)
    for t in SCENE_TASKS:
        for kind, pictures in (("clean", source.pictures), ("adversarial", made.get(t.name, made.get(JOINT)))):
            meter = Meter(t)
            meter.update(other.answer(pictures, [t])[t.name], source.labels[t.name])
            found = {r["metric"]: r[kind] for r in rows if (r["task"], r["aggregation"]) == (t.name, "pooled")}
            assert found == pytest.approx(meter.compute(), rel=1e-5)


def test_from_a_victim_to_itself_is_an_evaluation(setting: Setting) -> None:
    rows = rows_of(transfer(setting, setting.subject))
    assert rows == rows_of(evaluate(setting))
    assert {pair.share for pair in pairs(rows, "toy", "toy") if not math.isnan(pair.share)} == {1.0}


def test_an_equal_victim_moves_as_far(setting: Setting) -> None:
    twin = Subject.to_measure("twin", Smooth(), toys.CPU)
    found = pairs(rows_of(transfer(setting, twin)), "toy", "twin")
    shares = [pair.share for pair in found if not math.isnan(pair.share)]
    assert len(shares) > len(found) / 2
    assert shares == pytest.approx([1.0] * len(shares), rel=1e-6)


def test_the_batch_size_does_not_matter(setting: Setting, other: Subject) -> None:
    one_by_one = rows_of(transfer(setting, other, batch_size=1))
    together = rows_of(transfer(setting, other, batch_size=3))
    for key in ("clean", "adversarial"):
        assert [row[key] for row in together] == pytest.approx([row[key] for row in one_by_one], rel=1e-3)


def test_without_labels_each_victim_is_measured_against_its_own_answer(setting: Setting, other: Subject) -> None:
    setting = replace(setting, source=Shelf(3, labelled=()))
    for row in rows_of(transfer(setting, other)):
        if row["metric"] in ("pixel_accuracy", "abs_err", "angle_mean"):
            assert row["clean"] == (1 if row["higher_is_better"] else 0), row["victim"]


def test_baselines_stand_beside_the_attack_in_rows_of_their_own(setting: Setting, other: Subject) -> None:
    both = rows_of(transfer(replace(setting, baselines=(Noise(),)), other))
    alone = rows_of(transfer(setting, other)) + rows_of(transfer(replace(setting, attack=Noise()), other))
    assert both == alone


def test_live_rows_come_with_every_batch_and_end_with_the_result(setting: Setting, other: Subject) -> None:
    counts, batches = [], [[]]
    for event in transfer(setting, other, batch_size=2, is_live=True):
        if isinstance(event, Row):
            batches[-1].append(event.values)
        elif isinstance(event, Progress):
            counts.append(event.done)
            batches += [[]] if batches[-1] else []
    assert batches[-1] == rows_of(transfer(setting, other, batch_size=2))
    assert [{row["n"] for row in batch} for batch in batches] == [{2}, {4}, {5}]
    assert counts == sorted(counts) and counts.count(2) > len(SCENE_TASKS) * 3, "each step gives others their turn"


def test_memory_is_flat_in_the_number_of_pictures(setting: Setting, other: Subject) -> None:
    source = Shelf(40)
    list(transfer(replace(setting, source=source, attack=Noise(), tasks=SCENE_TASKS[1:2]), other, batch_size=2))
    assert source.most_alive <= 12


@pytest.mark.parametrize("is_universal", [False, True])
def test_generators_transfer_too(
    arena: toys.Arena, other: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_universal: bool
) -> None:
    toys.train_toy_generator(arena, "labels", tmp_path / "made", is_universal=is_universal, steps=0)
    monkeypatch.setattr("mta_core.weights.RUNS", tmp_path)
    monkeypatch.setattr("mta_core.weights.SHIPPED", tmp_path / "nothing")
    kind, name = "universal" if is_universal else "per-instance", toys.victim_name("labels")
    setting = Setting(Subject.prepare(name, arena.victim, toys.CPU), Shelf(2), Mta(instance=kind), LINF, SCENE_TASKS)
    rows = rows_of(transfer(setting, other))
    assert {(row["source"], row["instance"]) for row in rows} == {(name, kind)}
    assert of_victim(rows, name) == rows_of(evaluate(setting))


class Peek(Attack):
    """Keeps the problems it is given."""

    name = "peek"
    label = "Peek"
    summary = ""
    source = ""

    def steps(self, problem: Problem) -> Any:
        SEEN.append(problem)
        yield from Noise().steps(problem)


SEEN: list[Problem] = []


def test_the_attack_is_made_once(setting: Setting, other: Subject) -> None:
    SEEN.clear()
    list(transfer(replace(setting, attack=Peek()), other, batch_size=5))
    assert len(SEEN) == 1


def test_perturbations_that_are_the_same_are_answered_once(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    answer = attacked.answer

    def counted(subject: Subject, images: torch.Tensor, tasks: Sequence[Task]) -> dict[str, torch.Tensor]:
        asked.append([t.name for t in tasks])
        return answer(subject, images, tasks)

    monkeypatch.setattr(attacked, "answer", counted)
    names = [t.name for t in SCENE_TASKS]
    alone = {t.name: rows_of(evaluate(replace(setting, attack=Noise(), tasks=[t]))) for t in SCENE_TASKS}
    asked.clear()
    rows = rows_of(evaluate(replace(setting, attack=Noise()), batch_size=5))
    assert asked == [names, names], "clean, and all tasks at once"
    for name in names:
        values = [row["adversarial"] for row in rows if row["task"] == name]
        assert values == [row["adversarial"] for row in alone[name]]
    asked.clear()
    list(evaluate(setting, batch_size=5))
    assert asked == [names, *([name] for name in names)]


class TestSizes:
    """A victim that was made for another size."""

    small = Smooth(seed=1, size=(32, 48))

    def test_the_pictures_are_resized_and_it_is_said(self, setting: Setting) -> None:
        events = list(transfer(setting, Subject.to_measure("small", self.small, toys.CPU)))
        said = [event.text for event in events if isinstance(event, Message)]
        assert said == [
            "the adversarial pictures are made at 64x64, the size of toy; for small they are resized to 48x32, and its "
            "answers back"
        ]
        assert of_victim(rows_of(events), "toy") == rows_of(evaluate(setting))

    def test_answers_are_those_for_the_resized_picture(self) -> None:
        pictures = toys.make_pictures()
        shown = torch.nn.functional.interpolate(pictures, (32, 48), mode="bilinear", antialias=True)
        depth = Resized(self.small, (64, 64))(pictures, ["depth"])["depth"]
        expected = torch.nn.functional.interpolate(self.small(shown)["depth"], (64, 64), mode="bilinear")
        assert torch.equal(depth, expected)
        lengths = Resized(self.small, (64, 64))(pictures)["normals"].detach().square().sum(1)
        assert torch.allclose(lengths, torch.ones_like(lengths))

    def test_its_own_size_is_left_alone(self) -> None:
        pictures = toys.make_pictures(height=32, width=48)
        assert torch.equal(Resized(self.small, (64, 64))(pictures)["depth"], self.small(pictures)["depth"])

    def test_can_be_attacked_through(self) -> None:
        pictures = toys.make_pictures().requires_grad_()
        Resized(self.small, (64, 64))(pictures, ["depth"])["depth"].sum().backward()
        assert pictures.grad is not None
        assert pictures.grad.abs().sum() > 0


class TestRefused:
    def test_two_victims_of_one_name(self, setting: Setting) -> None:
        twin = Subject.to_measure("toy", Smooth(seed=1), toys.CPU)
        with pytest.raises(ValueError, match="got two called toy"):
            list(transfer(setting, twin))

    @pytest.mark.parametrize(
        ("tasks", "message"),
        [
            ({"segmentation": "nyu40"}, "answers segmentation in nyu13, other does not: it answers it in nyu40"),
            ({"depth": "metres"}, "answers segmentation in nyu13, other does not: it answers depth"),
        ],
    )
    def test_tasks_that_do_not_agree(self, setting: Setting, tasks: dict[str, str], message: str) -> None:
        victim = Smooth(seed=1)
        victim.tasks = tasks
        with pytest.raises(ValueError, match=message):
            list(transfer(setting, Subject.to_measure("other", victim, toys.CPU)))

    def test_nothing_in_common(self) -> None:
        assert common_tasks({"depth": "metres", "normals": "a"}, {"normals": "b"}) == ("normals",)
        with pytest.raises(ValueError, match="a task in common, got depth and normals"):
            common_tasks({"depth": "metres"}, {"normals": "unit-camera"})


finite = st.floats(-1e3, 1e3)


class TestShare:
    def test_the_papers_table(self) -> None:
        """Universal, mIoU in percent: Table 5 for the attacked model, Table 6 for the other."""
        assert share(18.63, 5.09, 21.00, 9.89) == pytest.approx(11.11 / 13.54)

    @given(clean=finite, moved=st.floats(0.01, 100), scale=st.floats(-3, 3), other=finite)
    def test_is_the_ratio_of_movements(self, clean: float, moved: float, scale: float, other: float) -> None:
        found = share(clean, clean + moved, other, other + scale * moved)
        assert found == pytest.approx(scale, rel=1e-6, abs=1e-6)
        mirrored = share(-clean, -clean - moved, -other, -other - scale * moved)
        assert mirrored == pytest.approx(found)

    def test_nothing_moved_means_nothing(self) -> None:
        assert math.isnan(share(1.0, 1.0, 2.0, 3.0))
        assert math.isnan(share(1.0, math.nan, 2.0, 3.0))

    @pytest.mark.parametrize(("interval", "expected"), [([0.4, 0.7], 0.5), (None, 0.5), ([0.4, 1.1], math.nan)])
    def test_what_chance_moves_has_no_share(self, interval: Any, expected: float) -> None:
        source = {"clean": 1.0, "adversarial": 0.5, "ci95": interval}
        found = Pair(source, {"clean": 0.8, "adversarial": 0.55}).share
        assert found == pytest.approx(expected, nan_ok=True)
