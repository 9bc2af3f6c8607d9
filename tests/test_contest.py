"""Two sides on the same pictures: paired intervals, and who fools more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from mta_core.attacks import Noise, Pgd
from mta_core.budget import Budget
from mta_core.contest import FLOOR, STRENGTH, contest, side_of_zero
from mta_core.data.rooms.source import Rooms
from mta_core.evaluate import Setting, evaluate
from mta_core.events import Row
from mta_core.explore import Subject
from mta_core.tasks import SCENE_TASKS
from mta_core.weights import ROOT
from tests.toys import CPU, make_victim

SIZE = (64, 64)
KEYS = {"task", "metric", "unit", "higher_is_better", "clean", "one", "other", "difference", "ci95", "winner", "n",
        "each"}  # fmt: skip


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
    assert set(forth) == set(back) == measures | {("", STRENGTH)}
    row = forth["", STRENGTH]
    assert set(row) == KEYS and row["n"] == 8
    assert row["winner"] == "one" and back["", STRENGTH]["winner"] == "other"
    for key, one in forth.items():
        assert one["difference"] == pytest.approx(-back[key]["difference"])
        assert one["ci95"] == pytest.approx([-end for end in reversed(back[key]["ci95"])])
        assert one["ci95"][0] <= one["difference"] <= one["ci95"][1]


def test_its_measures_are_those_of_evaluate(strong: Setting, weak: Setting) -> None:
    found = rows([strong], [weak], limit=5, batch_size=5)
    for side, setting in (("one", strong), ("other", weak)):
        for event in evaluate(setting, limit=5, batch_size=5):
            if isinstance(event, Row) and event.values["aggregation"] == "pooled":
                row = found[event.values["task"], event.values["metric"]]
                assert row[side] == pytest.approx(event.values["adversarial"])
                assert row["clean"] == pytest.approx(event.values["clean"])
    ratios = []
    for t in SCENE_TASKS:
        row = found[t.name, t.main_measure.name]
        ratio = np.log((row["one"] + FLOOR) / (row["clean"] + FLOOR))
        ratios.append(-ratio if row["higher_is_better"] else ratio)
    assert found["", STRENGTH]["one"] == pytest.approx(np.mean(ratios))


def test_a_side_against_itself_is_a_draw_without_doubt(strong: Setting) -> None:
    for row in rows([strong], [strong], limit=4).values():
        assert row["difference"] == 0 and row["ci95"] == [0, 0] and row["winner"] == ""


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


def test_an_interval_is_on_one_side_of_zero_or_on_none() -> None:
    assert [side_of_zero(bounds) for bounds in ([0.1, 0.2], [-0.2, -0.1], [-0.1, 0.1], [torch.nan] * 2)] == [
        1,
        -1,
        0,
        0,
    ]
