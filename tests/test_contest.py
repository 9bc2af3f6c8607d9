"""Two sides on the same pictures: paired intervals, and who fools more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from mta_core.attacked import answer
from mta_core.attacks import Noise, Pgd, Problem, Step
from mta_core.budget import Budget
from mta_core.contest import FLOOR, STRENGTH, contest, side_of_zero
from mta_core.data import DataSource, Sample, Size
from mta_core.data.domains import SPACES
from mta_core.data.objects import DOMAINS
from mta_core.data.rooms.source import Rooms
from mta_core.evaluate import evaluate
from mta_core.events import Message, Row
from mta_core.explore import Subject
from mta_core.imaging import ImageError
from mta_core.results import to_json
from mta_core.setting import Setting
from mta_core.targets import parse_goal
from mta_core.tasks import SCENE_TASKS, parse_tasks
from mta_core.victims import Victim
from mta_core.weights import ROOT
from tests.toys import CPU, make_victim

SIZE = (64, 64)
KEYS = {"task", "metric", "unit", "higher_is_better", "clean", "one", "other", "difference", "ci95", "share",
        "share_ci95", "winner", "n", "each"}  # fmt: skip
LOG_RATIO = STRENGTH.name


@pytest.fixture(scope="module")
def strong() -> Setting:
    source = Rooms.open(ROOT / "assets" / "gallery", "gallery", SIZE)
    subject = Subject.prepare("toy", make_victim(), CPU)
    return Setting(subject, source, Pgd(num_steps=8), Budget.from_units("linf", 8), SCENE_TASKS)


@pytest.fixture(scope="module")
def weak(strong: Setting) -> Setting:
    return replace(strong, attack=Noise())


def rows(*sides: Any, **options: Any) -> dict[tuple[str, str], dict[str, Any]]:
    found = [dict(event.values) for event in contest(*sides, **options) if isinstance(event, Row)]
    return {(row["task"], row["metric"]): row for row in found}


def test_the_stronger_side_wins_whichever_it_is(strong: Setting, weak: Setting) -> None:
    forth, back = rows([strong], [weak], limit=8), rows([weak], [strong], limit=8)
    measures = {(t.name, m.name) for t in SCENE_TASKS for m in t.measures}
    assert set(forth) == set(back) == measures | {(name, LOG_RATIO) for name in (*(t.name for t in SCENE_TASKS), "")}
    row = forth["", LOG_RATIO]
    assert set(row) == KEYS and row["n"] == 8
    assert row["winner"] == "one" and back["", LOG_RATIO]["winner"] == "other"
    for key, one in forth.items():
        assert one["difference"] == pytest.approx(-back[key]["difference"])
        assert one["ci95"] == pytest.approx([-end for end in reversed(back[key]["ci95"])])
        assert one["ci95"][0] <= one["difference"] <= one["ci95"][1]


def test_one_task_has_no_mean_over_tasks(strong: Setting, weak: Setting) -> None:
    one, other = (replace(setting, tasks=SCENE_TASKS[1:2]) for setting in (strong, weak))
    assert {task for task, _ in rows([one], [other], limit=2)} == {SCENE_TASKS[1].name}


def test_its_measures_are_those_of_evaluate(strong: Setting, weak: Setting) -> None:
    measured: list[list[Mapping[str, Any]]] = []
    found = rows([strong], [weak], limit=5, batch_size=5, measured=measured)
    for side, setting, own in zip(("one", "other"), (strong, weak), measured, strict=True):
        events = [event for event in evaluate(setting, limit=5, batch_size=5) if isinstance(event, Row)]
        assert list(map(to_json, own)) == [to_json(event.values) for event in events]
        for event in events:
            if event.values["aggregation"] == "pooled":
                row = found[event.values["task"], event.values["metric"]]
                assert row[side] == pytest.approx(event.values["adversarial"])
                assert row["clean"] == pytest.approx(event.values["clean"])
    ratios = []
    for t in SCENE_TASKS:
        row = found[t.name, t.main_measure.name]
        ratio = np.log((row["one"] + FLOOR) / (row["clean"] + FLOOR))
        ratios.append(-ratio if row["higher_is_better"] else ratio)
        assert found[t.name, LOG_RATIO]["one"] == pytest.approx(ratios[-1])
    assert found["", LOG_RATIO]["one"] == pytest.approx(np.mean(ratios))


def test_a_side_against_itself_is_a_draw_without_doubt(strong: Setting) -> None:
    for row in rows([strong], [strong], limit=4).values():
        assert row["difference"] == 0 and row["ci95"] == [0, 0] and row["winner"] == ""
        assert row["share"] == 1 and row["share_ci95"] == [1, 1]


def test_a_side_of_several_is_their_mean(strong: Setting, weak: Setting) -> None:
    both = rows([strong, weak], [weak], limit=4)
    for row in both.values():
        assert row["one"] == pytest.approx(np.mean(row["each"]["one"]))
        assert row["each"]["other"] == [pytest.approx(row["each"]["one"][1])]


def test_refuses_what_cannot_be_compared(strong: Setting) -> None:
    with pytest.raises(ValueError, match=r"^expected at least one generator on each side$"):
        next(contest([strong], []))
    with pytest.raises(ValueError, match=r"^expected both sides to attack the same tasks of one victim"):
        next(contest([strong], [replace(strong, tasks=SCENE_TASKS[:1])]))


def test_one_perturbation_for_all_tasks_stands_against_one_for_each(strong: Setting) -> None:
    found = rows([replace(strong, scope="joint")], [strong], limit=6)
    for name in (*(t.name for t in SCENE_TASKS), ""):
        row = found[name, LOG_RATIO]
        assert row["share"] == pytest.approx(row["one"] / row["other"])
        assert row["share_ci95"][0] < row["share"] < row["share_ci95"][1]


def test_towards_a_target_the_stronger_side_is_the_one_that_comes_nearer(strong: Setting, weak: Setting) -> None:
    (t,) = tasks = parse_tasks("normals")
    goal = parse_goal("down", tasks, strong.subject)
    found = rows([replace(strong, tasks=tasks, goal=goal)], [replace(weak, tasks=tasks, goal=goal)], limit=8)
    for (_, metric), row in found.items():
        assert row["winner"] == "one", metric
    for measure in t.measures:
        row = found[t.name, measure.name]
        assert row["one"] > row["other"] if measure.higher_is_better else row["one"] < row["other"]
    assert found[t.name, LOG_RATIO]["one"] > 0


class Brightness(Victim):
    """Takes dark pictures for bikes and light ones for mugs, in every domain."""

    architecture = "brightness"
    summary = ""
    multiple = 1

    def __init__(self) -> None:
        super().__init__(SPACES, (8, 8))
        self.gain = torch.nn.Parameter(torch.tensor(4.0))

    def options(self) -> dict[str, Any]:
        return {}

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        light = self.gain * normalised.mean((1, 2, 3))
        logits = torch.full((len(light), 31), -9.0).index_copy(
            1, torch.tensor([1, 17]), torch.stack([-light, light], 1)
        )
        return {name: logits[:, :, None, None] for name in tasks}


class Greys(DataSource):
    """Pictures of one grey each, the same ones in every domain."""

    name = "greys"
    label = "Greys"
    terms = "none"
    spaces: ClassVar[Mapping[str, str]] = SPACES
    splits = ("test",)
    split = "test"
    is_divided = True

    def __init__(self, task: str = "") -> None:
        self.task = task

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> Greys:
        raise NotImplementedError

    def for_task(self, task: str) -> Greys:
        return Greys(task)

    def name_of(self, index: int) -> str:
        return f"{self.task} {index}"

    def read(self, index: int) -> Sample:
        grey = 0.3 + 0.01 * index
        return Sample(
            self.name_of(index), torch.full((3, 8, 8), grey), {self.task: torch.tensor([[1 + 16 * (grey > 0.45)]])}
        )

    def __len__(self) -> int:
        return 30


@pytest.fixture(scope="module")
def divided() -> Setting:
    subject = Subject.prepare("brightness", Brightness(), CPU)
    return Setting(subject, Greys(), Pgd(num_steps=3), Budget.from_units("linf", 30), parse_tasks(DOMAINS))


def test_domains_have_a_mean_whose_interval_counts_on_their_own_pictures(divided: Setting) -> None:
    found = rows([divided], [replace(divided, attack=Noise())])
    assert set(found) == {(name, m) for name in (*DOMAINS, "") for m in ("accuracy", "fooling_ratio", LOG_RATIO)}
    for metric in ("accuracy", "fooling_ratio"):
        own, mean = [found[name, metric] for name in DOMAINS], found["", metric]
        assert mean["n"] == 90 and mean["winner"] == "one"
        assert mean["one"] == pytest.approx(np.mean([row["one"] for row in own]))
        widths = [row["ci95"][1] - row["ci95"][0] for row in (*own, mean)]
        assert 0.4 < widths[-1] / np.mean(widths[:-1]) < 0.75, "about one over the root of 3"


def test_towards_a_class_measures_are_named_so_and_more_of_them_wins(divided: Setting) -> None:
    goal = parse_goal("mug", divided.tasks, divided.subject)
    one = replace(divided, goal=goal)
    found = rows([one], [replace(one, attack=Noise())])
    assert {metric for _, metric in found} == {"target_accuracy", "fooling_ratio", LOG_RATIO}
    for name, metric in found:
        row = found[name, metric]
        assert row["winner"] == "one" and row["one"] > row["other"], (name, metric)


def test_the_clean_pictures_are_answered_once_for_all_attacks(strong: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr("mta_core.attacked.answer", lambda *given: calls.append(1) or answer(*given))
    rows([strong, replace(strong, scope="joint")], [strong], limit=2)
    assert len(calls) == 1 + 3 + 1 + 3


@dataclass(frozen=True)
class Greedy(Noise):
    """Needs more memory than there is for more than two pictures."""

    def steps(self, problem: Problem) -> Iterator[Step]:
        if len(problem.clean) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield from super().steps(problem)


def test_a_damaged_picture_is_left_out_and_a_batch_that_does_not_fit_is_halved(
    divided: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Greys.read

    def read(source: Greys, index: int) -> Sample:
        if source.name_of(index) == "dslr 1":
            raise ImageError("expected a picture")
        return whole(source, index)

    monkeypatch.setattr(Greys, "read", read)
    left_out: list[str] = []
    one = replace(divided, tasks=parse_tasks("dslr"))
    events = list(contest([one], [replace(one, attack=Greedy())], limit=5, batch_size=5, unreadable=left_out))
    assert left_out == ["dslr 1"]
    assert [event.text for event in events if isinstance(event, Message)] == [
        "left out dslr 1: expected a picture", "out of memory on the device: going on with batches of 2",
    ]  # fmt: skip
    found = [to_json(event.values) for event in events if isinstance(event, Row)]
    assert {row["n"] for row in found} == {4}
    alone = contest([one], [replace(one, attack=Noise())], limit=5, batch_size=2)
    assert found == [to_json(event.values) for event in alone if isinstance(event, Row)]


def test_an_interval_is_on_one_side_of_zero_or_on_none() -> None:
    assert [side_of_zero(bounds) for bounds in ([0.1, 0.2], [-0.2, -0.1], [-0.1, 0.1], [torch.nan] * 2)] == [
        1,
        -1,
        0,
        0,
    ]
