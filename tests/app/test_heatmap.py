"""Rows as a heat map: how far each measure fell, in colours and words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from app.heatmap import (
    EXPLAINED,
    EXPLAINED_TARGET,
    Column,
    Line,
    fall,
    headline,
    message,
    row_of,
    strongest,
    text,
    times_worse,
    without_headline,
)
from mta_core.compare import Standing
from mta_core.tasks import SCENE_TASKS, task

MIOU, ABS_ERR = task("segmentation").main_measure, task("depth").main_measure
SEGMENTATION, DEPTH = Column(task("segmentation"), MIOU), Column(task("depth"), ABS_ERR)
COLUMNS = (SEGMENTATION, DEPTH)


def row(
    column: Column, clean: float, adversarial: float, ci95: list[float] | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "task": column.task.name, "metric": column.measure.name, "aggregation": "pooled", "clean": clean,
        "adversarial": adversarial, "ci95": ci95, "n": 4, **more,
    }  # fmt: skip


def line(label: str, miou: float, error: float, **more: Any) -> Line:
    rows = (row(SEGMENTATION, 0.4, miou), row(DEPTH, 0.5, error))
    return Line(label, "words", Standing(0, rows, 4, True), **more)


NOISE = line("Random noise", 0.39, 0.51, is_reference=True)
WEAK, STRONG = line("FGSM", 0.2, 2.0), line("PGD", 0.05, 1.0)


def cells(*lines: Line, scale: Any = "ratio") -> dict[str, list[dict[str, Any]]]:
    return {r["label"]: r["cells"] for r in message(COLUMNS, lines, scale, 4)["rows"]}


def test_worse_is_above_one_and_positive_whichever_way_a_measure_goes() -> None:
    assert times_worse(MIOU, 0.4, 0.1) == pytest.approx(4)
    assert times_worse(ABS_ERR, 0.5, 2.0) == pytest.approx(4)
    assert fall(MIOU, 0.4, 0.1) == pytest.approx(0.3) and fall(ABS_ERR, 0.5, 2.0) == pytest.approx(1.5)
    for t in SCENE_TASKS:
        for m in t.measures:
            worse = 0.2 if m.higher_is_better else 0.8
            assert times_worse(m, 0.4, worse) == pytest.approx(2) and fall(m, 0.4, worse) > 0
            assert times_worse(m, 0.4, 0.4) == 1 and fall(m, 0.4, 0.4) == 0


def test_nothing_left_is_infinite_and_no_clean_error_has_no_ratio() -> None:
    assert times_worse(MIOU, 0.4, 0) == math.inf and text(SEGMENTATION, 0.4, 0, "ratio") == "to 0"
    assert math.isnan(times_worse(ABS_ERR, 0, 1.5)) and text(DEPTH, 0, 1.5, "ratio") == "+1.500 m"
    assert text(DEPTH, 0.5, math.nan, "ratio") == "–"


def test_the_same_ratio_has_the_same_colour_in_every_column() -> None:
    found = cells(NOISE, line("X", 0.1, 2.0), line("Y", 0.025, 1.0))
    assert found["X"][0]["share"] == pytest.approx(found["X"][1]["share"]) == pytest.approx(0.5)
    assert found["Y"][0]["share"] == pytest.approx(1)
    assert found["Y"][1]["share"] == pytest.approx(0.25), "twice against sixteen times"


def test_in_its_own_unit_every_column_has_its_own_scale() -> None:
    found = cells(NOISE, WEAK, STRONG, scale="unit")
    assert found["PGD"][0]["share"] == 1 and found["FGSM"][1]["share"] == 1
    assert found["PGD"][1]["share"] == pytest.approx(1 / 3)
    assert (found["PGD"][0]["text"], found["FGSM"][1]["text"]) == ("−35.0 pts", "+1.500 m")


def test_noise_alone_is_not_painted_as_damage() -> None:
    for scale in EXPLAINED:
        found = cells(NOISE, line("X", 0.398, 0.501), scale=scale)
        assert all(cell["share"] < 0.5 for row in found.values() for cell in row)
    assert all(cell["share"] == 0 for cell in cells(line("better", 0.5, 0.4))["better"])


def test_a_cell_tells_both_values_and_the_interval() -> None:
    rows = (row(SEGMENTATION, 0.4, 0.05, [0.04, 0.07]),)
    cell = cells(Line("PGD", "words", Standing(0, rows, 4), links={"segmentation": "./?attack=PGD"}))["PGD"][0]
    assert (cell["text"], cell["sub"]) == ("×8.00", "40.0 % → 5.0 %")
    assert cell["interval"] == "95 %: 4.0 % to 7.0 %"
    assert cell["href"] == "./?attack=PGD" and cell["task"] == "segmentation"
    assert cell["alt"].startswith("PGD, Segmentation: mIoU 40.0 % → 5.0 %")


def test_clean_comes_first_and_what_is_not_measured_is_empty() -> None:
    found = message(COLUMNS, (Line("PGD", "words", None, is_running=True), NOISE), "ratio", 4)["rows"]
    assert [r["label"] for r in found] == ["Clean", "PGD", "Random noise"]
    assert [c["text"] for c in found[0]["cells"]] == ["40.0 %", "0.500 m"]
    assert found[1]["running"] and [c["text"] for c in found[1]["cells"]] == ["", ""]
    assert row_of(None, DEPTH) is None


def test_the_strongest_of_each_task_is_named_but_never_the_noise() -> None:
    assert {t: found.label for t, (found, _) in strongest(COLUMNS, (NOISE, WEAK, STRONG)).items()} == {
        "segmentation": "PGD",
        "depth": "FGSM",
    }
    assert headline(COLUMNS, (NOISE, WEAK, STRONG)) == (
        "PGD does most to segmentation (mIoU 40.0 % → 5.0 %). "
        "FGSM does most to depth (absolute error 0.500 m → 2.000 m)."
    )
    assert headline(COLUMNS, (NOISE, STRONG, line("X", 0.3, 0.6))) == (
        "PGD does most to segmentation (mIoU 40.0 % → 5.0 %) and depth (absolute error 0.500 m → 1.000 m)."
    )
    for nobody in ((NOISE,), (NOISE, STRONG), (NOISE, line("A", 0.4, 0.5), line("B", 0.41, 0.4))):
        assert strongest(COLUMNS, nobody) == {} and headline(COLUMNS, nobody) == ""


def test_without_a_winner_it_says_why() -> None:
    unmeasured = Line("PGD", "words", None, is_running=True)
    for lines in ((), (unmeasured,), (NOISE, unmeasured)):
        assert without_headline(COLUMNS, lines) == "Nothing is measured yet."
    takes_two = "It takes two attacks on the same pictures to say which does more."
    for lines in ((NOISE, STRONG), (NOISE, STRONG, unmeasured), (replace(WEAK, victim="a"), replace(WEAK, victim="b"))):
        assert without_headline(COLUMNS, lines) == takes_two
    harmless = (NOISE, line("A", 0.4, 0.5), line("B", 0.41, 0.4))
    assert without_headline(COLUMNS, harmless) == "No attack makes anything visibly worse."
    aimed = [replace(column, is_targeted=True) for column in COLUMNS]
    assert without_headline(aimed, harmless) == "No attack comes visibly nearer to the target."


def test_a_lead_that_may_be_chance_is_not_passed_over() -> None:
    best = Line("PGD", "words", Standing(0, (row(SEGMENTATION, 0.4, 0.05, [0.03, 0.08]),), 4))
    for value, expected in ((0.07, "; FGSM lies within its 95 % interval"), (0.2, "")):
        other = Line("FGSM", "words", Standing(1, (row(SEGMENTATION, 0.4, value, [0.0, 0.3]),), 4))
        said = headline((SEGMENTATION,), (NOISE, best, other))
        assert said == f"PGD does most to segmentation (mIoU 40.0 % → 5.0 %{expected})."


def test_attacks_that_are_far_behind_are_not_ranked() -> None:
    behind = Line("NEW", "words", Standing(1, (row(SEGMENTATION, 0.4, 0.01),), 3))
    rival = Line("X", "words", Standing(2, (row(SEGMENTATION, 0.4, 0.3),), 4))
    assert strongest(COLUMNS, (NOISE, STRONG, rival, behind))["segmentation"][0] is behind, "one picture is no matter"
    ahead = [replace(one, standing=replace(one.standing, num_pictures=24)) for one in (NOISE, STRONG, rival)]
    assert strongest(COLUMNS, (*ahead, behind))["segmentation"][0] is ahead[1]
    assert "NEW" not in headline(COLUMNS, (*ahead, behind))


def test_towards_a_target_nearer_is_stronger() -> None:
    columns = (replace(SEGMENTATION, is_targeted=True), replace(DEPTH, is_targeted=True))
    near, far = line("near", 0.8, 0.1), line("far", 0.5, 0.4)
    assert strongest(columns, (NOISE, near, far))["depth"][0] is near
    assert headline(columns, (NOISE, near, far)) == (
        "near comes nearest to the target in segmentation (mIoU 40.0 % → 80.0 %) and depth "
        "(absolute error 0.500 m → 0.100 m)."
    )
    told = message(columns, (NOISE, near, far), "ratio", 4)
    assert [head["note"] for head in told["columns"]] == ["against the target"] * 2
    cells = {r["label"]: r["cells"] for r in told["rows"]}
    assert [cell["text"] for cell in cells["near"]] == ["×2.00", "×5.00"]
    assert cells["near"][1]["share"] == 1 > cells["far"][1]["share"] > 0
    assert set(EXPLAINED_TARGET) == set(EXPLAINED)


def test_how_many_pictures_each_has_had_is_told_where_they_differ() -> None:
    behind = Line("FGSM", "one step", Standing(1, WEAK.standing.rows, 3))  # type: ignore[union-attr]
    words = {r["label"]: r["words"] for r in message(COLUMNS, (STRONG, behind), "ratio", 8)["rows"]}
    assert words["FGSM"] == "one step · 3 of 8 pictures"
    assert {r["words"] for r in message(COLUMNS, (WEAK, STRONG), "ratio", 8)["rows"]} == {
        "words",
        "the pictures as they are",
    }


def test_a_problem_takes_the_place_of_the_words() -> None:
    (_, failed) = message(
        COLUMNS, (Line("MTA", "words", Standing(0, problem="no generator", is_complete=True)),), "unit", 4
    )["rows"]
    assert failed["problem"] == "no generator" and all(not cell["text"] for cell in failed["cells"])


def test_without_labels_the_head_says_so() -> None:
    head = message((Column(task("depth"), ABS_ERR, has_truth=False),), (), "ratio", 1)["columns"][0]
    assert head == {"label": "Depth", "measure": "Absolute error, ↓ better", "note": "against the clean output"}


def test_two_victims_have_their_own_clean_row_strongest_attack_and_sentence() -> None:
    standard = [line("FGSM · a", 0.2, 2.0, victim="a"), line("PGD · a", 0.05, 3.0, victim="a")]
    robust = [line("FGSM · b", 0.1, 0.6, victim="b"), line("PGD · b", 0.3, 0.9, victim="b")]
    both = [x for pair in zip(standard, robust, strict=True) for x in pair]
    rows = message(COLUMNS, both, "ratio", 4)["rows"]
    assert [r["label"] for r in rows] == ["Clean · a", "Clean · b", "FGSM · a", "FGSM · b", "PGD · a", "PGD · b"]
    best = {r["label"]: [cell.get("best", False) for cell in r["cells"]] for r in rows[2:]}
    assert best == {
        "FGSM · a": [False, False], "PGD · a": [True, True], "FGSM · b": [True, False], "PGD · b": [False, True]
    }  # fmt: skip
    said = headline(COLUMNS, both)
    assert said.startswith("On a, PGD does most to segmentation") and "On b, FGSM does most to segmentation" in said
