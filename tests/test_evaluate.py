"""Evaluation: rows of the contract, whatever the batch size; memory that stays flat; attacks that beat noise."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from mta_core.attacks import Attack, Fgsm, Noise, Pgd, Problem, Step
from mta_core.budget import Budget
from mta_core.data import DataError, DataSource, Sample, Size
from mta_core.evaluate import evaluate
from mta_core.events import Message, Progress, Row
from mta_core.explore import Subject
from mta_core.imaging import ImageError
from mta_core.objective import make_problem
from mta_core.results import ROW_KEYS, label_of, measure_of
from mta_core.setting import Setting
from mta_core.tally import AGGREGATIONS
from mta_core.tasks import SCENE_TASKS, Meter, suited
from mta_core.victims import Composite, Victim
from tests import toys

LINF = Budget.from_units("linf", 8)


class Shelf(DataSource):
    """Pictures kept in memory; counts how many of those it gave out are alive."""

    name = "shelf"
    label = "Shelf"
    terms = "none"
    spaces: ClassVar[Mapping[str, str]] = {t.name: t.space for t in SCENE_TASKS}
    splits = ("test",)
    split = "test"

    def __init__(self, count: int, labelled: Sequence[str] = tuple(t.name for t in SCENE_TASKS)) -> None:
        self.pictures = toys.make_pictures(count, seed=5)
        known = [t for t in SCENE_TASKS if t.name in labelled]
        self.labels = {t.name: toys.make_target(t, count, toys.SIDE, toys.SIDE, seed=6) for t in known}
        self.alive: weakref.WeakSet[Tensor] = weakref.WeakSet()
        self.most_alive = 0

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> Shelf:
        raise NotImplementedError

    def name_of(self, index: int) -> str:
        return f"picture {index}"

    def read(self, index: int) -> Sample:
        image = self.pictures[index].clone()
        self.alive.add(image)
        self.most_alive = max(self.most_alive, len(self.alive))
        return Sample(self.name_of(index), image, {name: labels[index] for name, labels in self.labels.items()})

    def __len__(self) -> int:
        return len(self.pictures)


class Smooth(Victim):
    """Two small convolutions: so smooth that rounding is not amplified, as it is by an untrained deep network."""

    architecture = "smooth"
    summary = ""
    multiple = 1

    def __init__(self, seed: int = 0, size: Size = (toys.SIDE, toys.SIDE)) -> None:
        super().__init__({t.name: t.space for t in SCENE_TASKS}, size)
        torch.manual_seed(seed)
        self.first = nn.Conv2d(3, 8, 5, padding=2)
        self.heads = nn.ModuleDict({t.name: nn.Conv2d(8, t.channels, 1) for t in SCENE_TASKS})

    def options(self) -> dict[str, Any]:
        return {}

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        features = self.first(normalised).tanh()
        answers = {name: head(features) for name, head in self.heads.items() if name in tasks}
        return {name: value.exp() if name == "depth" else value for name, value in answers.items()}


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject.prepare("toy", Smooth(), toys.CPU)


@pytest.fixture(scope="module")
def setting(subject: Subject) -> Setting:
    return Setting(subject, Shelf(5), Pgd(num_steps=3), LINF, SCENE_TASKS)


def rows_of(setting: Setting, **options: Any) -> list[Mapping[str, Any]]:
    return [event.values for event in evaluate(setting, **options) if isinstance(event, Row)]


def adversarial(rows: list[Mapping[str, Any]]) -> list[float]:
    return [row["adversarial"] for row in rows]


def test_rows_follow_the_contract(setting: Setting) -> None:
    rows = rows_of(setting)
    assert all(tuple(sorted(row)) == tuple(sorted(ROW_KEYS)) for row in rows)
    expected = {(t.name, m.name, aggregation) for t in SCENE_TASKS for m in t.measures for aggregation in AGGREGATIONS}
    assert {(row["task"], row["metric"], row["aggregation"]) for row in rows} == expected
    assert len(rows) == len(expected)
    for row in rows:
        assert (row["data"], row["split"], row["victim"], row["source"]) == ("shelf", "test", "toy", "toy")
        assert (row["attack"], row["instance"], row["goal"]) == ("pgd", "per-instance", "non-targeted")
        assert (row["scope"], row["attacked"]) == ("per-task", ["segmentation", "depth", "normals"])
        assert (row["norm"], row["epsilon"], row["epsilon_unit"], row["n"], row["seed"]) == ("linf", 8, "1/255", 5, 0)
        low, high = row["ci95"]
        assert low <= high
    assert {row["unit"] for row in rows if row["task"] == "depth" and row["metric"] == "abs_err"} == {"m"}


def test_l2_rows_state_the_plain_norm(setting: Setting) -> None:
    rows = rows_of(replace(setting, attack=Noise(), budget=Budget.from_units("l2", 2)), limit=1)
    assert {(row["norm"], row["epsilon"], row["epsilon_unit"], row["ci95"]) for row in rows} == {("l2", 2, "l2", None)}


@pytest.mark.parametrize("scope", ["per-task", "joint"])
@pytest.mark.parametrize("attack", [Fgsm(), Pgd(num_steps=3), Pgd(num_steps=2, num_restarts=2), Noise()], ids=repr)
def test_the_batch_size_does_not_matter(setting: Setting, attack: Attack, scope: Any) -> None:
    setting = replace(setting, attack=attack, scope=scope)
    one_by_one, together = rows_of(setting, batch_size=1), rows_of(setting, batch_size=3)
    assert adversarial(together) == pytest.approx(adversarial(one_by_one), rel=1e-3)
    assert [row["clean"] for row in together] == pytest.approx([row["clean"] for row in one_by_one], rel=1e-5)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(setting: Setting) -> None:
    assert rows_of(setting) == rows_of(setting)
    assert adversarial(rows_of(setting)) != adversarial(rows_of(replace(setting, seed=1)))


def test_every_picture_starts_elsewhere(subject: Subject) -> None:
    twice = torch.cat([toys.make_pictures(1)] * 2)
    problem = make_problem(subject.fast, twice, {}, LINF)
    start = problem.random_start()
    assert not torch.equal(start[0], start[1])
    later = replace(problem, clean=twice[1:], first=1).random_start()
    assert torch.equal(later[0], start[1])


def test_a_task_is_measured_on_its_own_perturbation(setting: Setting) -> None:
    source, subject = Shelf(2), setting.subject
    rows = rows_of(replace(setting, source=source))
    problem = make_problem(subject.fast, source.pictures, source.labels, LINF, victim_name="toy")
    made = setting.attack(problem)
    for t in SCENE_TASKS:
        meter = Meter(t)
        meter.update(subject.answer(made[t.name], [t])[t.name], source.labels[t.name])
        found = {
            row["metric"]: row["adversarial"] for row in rows if (row["task"], row["aggregation"]) == (t.name, "pooled")
        }
        assert found == pytest.approx(meter.compute(), rel=1e-4)


def test_without_labels_the_clean_answer_is_the_truth(setting: Setting) -> None:
    rows = rows_of(replace(setting, source=Shelf(3, labelled=())))
    clean = {row["metric"]: row["clean"] for row in rows if row["aggregation"] == "pooled"}
    assert clean["miou"] == clean["pixel_accuracy"] == clean["within_11.25"] == 1
    assert clean["abs_err"] == clean["angle_mean"] == 0
    for row in rows:
        if row["metric"] in ("pixel_accuracy", "abs_err", "angle_mean"):
            assert row["adversarial"] < 1 if row["higher_is_better"] else row["adversarial"] > 0


def test_a_task_without_labels_can_go_beside_tasks_with_them(setting: Setting) -> None:
    rows = rows_of(replace(setting, source=Shelf(3, labelled=("depth",))))
    clean = {row["metric"]: row["clean"] for row in rows if row["aggregation"] == "pooled"}
    assert clean["pixel_accuracy"] == 1
    assert clean["abs_err"] > 0


def test_noise_is_weaker_than_pgd(setting: Setting) -> None:
    unlabelled = replace(setting, source=Shelf(4, labelled=()))
    noise, pgd = rows_of(replace(unlabelled, attack=Noise())), rows_of(replace(unlabelled, attack=Pgd(num_steps=5)))
    for weak, strong in zip(noise, pgd, strict=True):
        if weak["metric"] in ("pixel_accuracy", "abs_err", "angle_mean"):
            better, worse = sorted((weak["adversarial"], strong["adversarial"]), reverse=weak["higher_is_better"])
            assert (better, worse) == (weak["adversarial"], strong["adversarial"]), weak["metric"]


@pytest.mark.parametrize("budget", [LINF, Budget.from_units("l2", 1)], ids=lambda budget: budget.label)
def test_the_largest_perturbation_is_reported_and_inside(setting: Setting, budget: Budget) -> None:
    progress = [e for e in evaluate(replace(setting, budget=budget), batch_size=2) if isinstance(e, Progress)]
    assert [(e.done, e.total) for e in progress] == [(2, 5), (4, 5), (5, 5)]
    assert progress[-1].values["num_outside"] == 0
    assert progress[-1].values["max_perturbation"] == pytest.approx(budget.units, rel=1e-5)


def test_limit_takes_the_first_pictures(setting: Setting) -> None:
    assert {row["n"] for row in rows_of(setting, limit=2)} == {2}
    assert {row["n"] for row in rows_of(setting, limit=99)} == {5}
    with pytest.raises(ValueError, match="at least 1"):
        rows_of(setting, limit=0)


def test_memory_is_flat_in_the_number_of_pictures(setting: Setting) -> None:
    source = Shelf(40)
    rows_of(replace(setting, source=source, attack=Noise(), tasks=SCENE_TASKS[1:2]), batch_size=2)
    assert source.most_alive <= 12


@dataclass(frozen=True)
class Greedy(Attack):
    """Needs more memory than there is for more than `most` pictures."""

    most: int = 2

    name = "greedy"
    label = "Greedy"
    summary = ""
    source = ""

    def steps(self, problem: Problem) -> Iterator[Step]:
        if len(problem.clean) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield from Noise().steps(problem)


def test_a_batch_that_does_not_fit_is_halved(setting: Setting) -> None:
    events = list(evaluate(replace(setting, attack=Greedy()), batch_size=5))
    assert [e.text for e in events if isinstance(e, Message)] == [
        "out of memory on the device: going on with batches of 2"
    ]
    rows = [e.values for e in events if isinstance(e, Row)]
    assert adversarial(rows) == pytest.approx(adversarial(rows_of(replace(setting, attack=Noise()))), rel=1e-5)
    with pytest.raises(ValueError, match="does not fit"):
        list(evaluate(replace(setting, attack=Greedy(0))))


def test_pictures_that_cannot_be_read_are_left_out(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, broken = Shelf(5), Shelf(5)

    def read(index: int) -> Sample:
        if index in (0, 3, 4):
            raise ImageError("expected a picture")
        return Shelf.read(whole, index)

    monkeypatch.setattr(broken, "read", read)
    left_out: list[str] = []
    events = list(evaluate(replace(setting, source=broken), batch_size=2, unreadable=left_out))
    assert left_out == ["picture 0", "picture 3", "picture 4"]
    assert [e.text for e in events if isinstance(e, Message)] == [
        f"left out {name}: expected a picture" for name in left_out
    ]
    assert {e.values["n"] for e in events if isinstance(e, Row)} == {2}
    monkeypatch.setattr(broken, "read", lambda index: read(0))
    with pytest.raises(DataError, match="expected pictures that can be read in Shelf, none of 5 can"):
        list(evaluate(replace(setting, source=broken)))


class Studied(Smooth):
    """Answers depth and normals as the robustness study does."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks = {"depth": "log", "normals": "components"}
        del self.heads["segmentation"]


def test_labels_are_brought_into_the_label_space_of_the_victim(setting: Setting) -> None:
    victim = Studied()
    tasks = suited(["depth", "normals"], victim.tasks)
    own = replace(setting, subject=Subject.prepare("studied", victim, toys.CPU), tasks=tasks)
    rows = rows_of(own, batch_size=2)
    pictures, labels = setting.source.pictures, setting.source.labels  # type: ignore[attr-defined]
    for t in tasks:
        target = t.convert(labels[t.name], setting.source.spaces[t.name])
        assert not torch.equal(target, labels[t.name]) or t.name == "normals"
        answer = victim(pictures)[t.name]
        found = {row["metric"]: row for row in rows if (row["task"], row["aggregation"]) == (t.name, "pooled")}
        assert list(found) == ["mse", "abs_err"]
        expected = float((answer - target).detach().double().square().nanmean())
        assert found["mse"]["clean"] == pytest.approx(expected, rel=1e-4)
        assert measure_of(found["mse"]) == t.main_measure and label_of(found["mse"]) == "Mean squared error"
        assert found["mse"]["adversarial"] > found["mse"]["clean"], "the attack climbs the loss of this label space"
    with pytest.raises(ValueError, match=r"^the victim does not answer depth \(metres\); it answers depth \(log\)"):
        rows_of(replace(own, tasks=SCENE_TASKS[1:2]))


def test_what_does_not_go_together_is_refused(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelf, "spaces", {"depth": "log metres"})
    with pytest.raises(ValueError, match="Shelf has depth labels in log metres, the task answers in metres"):
        rows_of(setting)


class TestComposite:
    """`segmentation=NAME,depth=NAME`."""

    parts = (Smooth(), Smooth(seed=1))

    def test_merges_the_answers_of_its_parts(self) -> None:
        first, second = self.parts
        victim = Composite({"segmentation": first, "depth": second, "normals": first})
        pictures = toys.make_pictures()
        answers = victim(pictures)
        assert len(victim.parts) == 2
        assert torch.equal(answers["depth"], second(pictures)["depth"])
        assert torch.equal(answers["normals"], first(pictures)["normals"])

    def test_is_attacked_like_its_parts(self, setting: Setting) -> None:
        first, second = self.parts
        both = Subject.prepare("both", Composite({"segmentation": first, "depth": second}), toys.CPU)
        alone = Subject.prepare("alone", second, toys.CPU)
        of_both = rows_of(replace(setting, subject=both, attack=Noise(), tasks=SCENE_TASKS[:2]))
        of_one = rows_of(replace(setting, subject=alone, attack=Noise(), tasks=SCENE_TASKS[1:2]))
        assert adversarial([row for row in of_both if row["task"] == "depth"]) == pytest.approx(adversarial(of_one))

    def test_refuses_parts_that_do_not_fit(self) -> None:
        with pytest.raises(ValueError, match="one input size"):
            Composite({"depth": self.parts[0], "normals": Smooth(size=(32, 64))})
        with pytest.raises(ValueError, match="does not answer"):
            Composite({"reshading": self.parts[0]})


class Damaged(Shelf):
    """Some of its pictures cannot be read."""

    def read(self, index: int) -> Sample:
        if index in (0, 3):
            raise ImageError("expected a picture")
        return super().read(index)


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_it_goes_on_from_any_batch_as_if_never_stopped(batches: int, tmp_path: Path) -> None:
    setting = Setting(
        Subject.prepare("toy", Smooth(), toys.CPU),
        Damaged(6),
        Pgd(num_steps=2),
        LINF,
        SCENE_TASKS,
        baselines=(Noise(),),
    )
    unreadable: list[str] = []
    whole = [e.values for e in evaluate(setting, batch_size=1, unreadable=unreadable) if isinstance(e, Row)]
    states: list[Path] = []

    def save(state: Any) -> None:
        states.append(tmp_path / str(len(states)))
        torch.save(state(), states[-1])

    events = evaluate(setting, batch_size=1, save=save)
    while len(states) < batches:
        next(events)
    again: list[str] = []
    state = torch.load(states[-1], weights_only=True)
    rest = list(evaluate(setting, batch_size=1, unreadable=again, state=state))
    assert [e.values for e in rest if isinstance(e, Row)] == whole
    assert again == unreadable == ["picture 0", "picture 3"]
    done = [e.done for e in rest if isinstance(e, Progress)]
    assert done == list(range(batches, 5)), "nothing is done twice"
