"""Tables of a transfer: what people read of rows."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree

import pytest

from app import paper, tables
from mta_core.tasks import SCENE_TASKS
from mta_core.transfer import Pair

NAMES = ("dmtl", "a <b>")


def make(task: str, metric: str, *values: float, ci95: Any = None) -> Pair:
    identity = {"task": task, "metric": metric, "aggregation": "pooled", "ci95": ci95}
    source = {**identity, "clean": values[0], "adversarial": values[1]}
    return Pair(source, {**identity, "clean": values[2], "adversarial": values[3]})


FOUND = [
    make("segmentation", "miou", 0.6, 0.2, 0.5, 0.3, ci95=[0.1, 0.25]),
    make("depth", "abs_err", 0.3, 0.3, 0.4, 0.5),
]


def cells(found: list[Pair], noise: list[Pair]) -> list[list[str]]:
    text = tables.transfer_table(found, noise, NAMES, "a & b")
    root = ElementTree.fromstring(f"<div>{text}</div>")
    return [["".join(cell.itertext()) for cell in line] for line in root.iter("tr")]


def test_a_table_says_everything_of_both_victims() -> None:
    lines = cells(FOUND, [])
    assert lines[0] == ["Measure", "made on dmtl", "tried on a <b>", "carries over"]
    assert lines[1] == ["clean", "attacked"] * 2
    assert lines[2:] == [
        ["Segmentation"],
        ["mIoU ↑", "60.0 %", "20.0 %10.0 to 25.0 %", "50.0 %", "30.0 %10.0 to 25.0 %", "50 %"],
        ["Depth"],
        ["Absolute error ↓", "0.300 m", "0.300 m", "0.400 m", "0.500 m", "–"],
    ]


def test_noise_stands_between_clean_and_attacked() -> None:
    noise = [make("segmentation", "miou", 0.6, 0.59, 0.5, 0.48)]
    lines = cells(FOUND, noise)
    assert lines[1] == ["clean", "noise", "attacked"] * 2
    assert [lines[3][i] for i in (2, 5)] == ["59.0 %", "48.0 %"]
    assert [lines[5][i] for i in (2, 5)] == ["…", "…"], "not measured yet"


def test_attacks_stand_in_rows_as_in_the_paper() -> None:
    weak = [make("segmentation", "miou", 0.6, 0.5, 0.5, 0.5)]
    some = [tables.Line("Random noise", weak, is_baseline=True), tables.Line("FGSM & co", FOUND)]
    later = [*some, tables.Line("PGD", weak, "1 of 8 pictures"), tables.Line("MTA", [])]
    root = ElementTree.fromstring(f"<div>{tables.attacks_table(later, NAMES, 'a & b')}</div>")
    rows = [["".join(cell.itertext()) for cell in line] for line in root.iter("tr")]
    assert rows[:2] == [["Attack", "Segmentation", "Depth"], ["mIoU ↑", "Absolute error ↓"]]
    assert rows[2:8] == [
        ["tried on a <b>"],
        ["No attack", "50.0 %", "0.400 m"],
        ["Random noise", "50.0 %", "…"],
        ["FGSM & co", "30.0 %10.0 to 25.0 %", "0.500 m"],
        ["PGD1 of 8 pictures", "50.0 %", "…"],
        ["MTA", "…", "…"],
    ]
    assert rows[8:11] == [["made on dmtl"], ["No attack", "60.0 %", "0.300 m"], ["Random noise", "50.0 %", "…"]]
    pgd = ["PGD1 of 8 pictures", "0 %", "…"]
    assert rows[14:] == [["carries over"], ["FGSM & co", "50 %", "–"], pgd, ["MTA", "…", "…"]]
    alone = tables.attacks_table(some, ("dmtl", "dmtl"), "")
    assert "made on" not in alone and "carries over" not in alone, "from a victim to itself"


@pytest.mark.parametrize(("other", "width"), [(0.3, 50), (0.6, 0), (0.0, 100), (0.5, 0)])
def test_the_bar_stays_inside_its_cell(other: float, width: float) -> None:
    text = tables.transfer_table([make("segmentation", "miou", 0.6, 0.2, 0.5, other)], [], NAMES, "")
    assert f"--share:{width:.1f}%" in text


def test_a_sentence_says_how_much_carries_over() -> None:
    assert tables.summary(FOUND, ("dmtl", "mtan")) == "mtan moves by 50 % of what dmtl moves in mIoU."
    both = [FOUND[0], make("depth", "abs_err", 0.3, 0.5, 0.4, 0.45), make("normals", "angle_mean", 20, 40, 20, 30)]
    assert tables.summary(both, ("dmtl", "mtan")) == (
        "mtan moves by 50 % of what dmtl moves in mIoU, 25 % in absolute error and 50 % in mean angle."
    )
    assert "nothing can carry over" in tables.summary(FOUND[1:], ("dmtl", "mtan"))


@pytest.mark.parametrize("instance", ["universal", "per-instance"])
def test_the_papers_tables_have_every_measure(instance: str) -> None:
    found = paper.pairs(instance)
    assert [(p.source["task"], p.source["metric"]) for p in found] == [
        (t.name, m.name) for t in SCENE_TASKS for m in t.measures
    ]
    for p in found:
        assert not math.isnan(p.share) and 0 < p.share < 1, "every measure gets worse on MTAN, less than on DMTL"
    assert found[0].to["clean"] == pytest.approx(0.21)
    assert found[2].to["clean"] == pytest.approx(0.637)
