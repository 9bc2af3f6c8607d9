"""Figures of the theory: their values are those of the rows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from app import theory_charts, theory_words
from app.theory_charts import JOINT, MARGINAL
from mta_core.attacks import Pgd
from mta_core.budget import Budget
from mta_core.events import Row
from mta_core.explore import Subject
from mta_core.results import to_json
from mta_core.setting import Setting
from mta_core.tasks import SCENE_TASKS
from mta_core.vulnerability import vulnerability
from tests import toys
from tests.test_evaluate import Shelf, Smooth

Rows = list[Mapping[str, Any]]
NAMES = [t.name for t in SCENE_TASKS]


def measured(budget: Budget, count: int = 3) -> Rows:
    subject = Subject.prepare("toy", Smooth(), toys.CPU)
    setting = Setting(subject, Shelf(3), Pgd(num_steps=1), budget, SCENE_TASKS[:count], scope="joint")
    if count == 1:
        setting = replace(setting, scope="per-task")
    events = vulnerability(setting, has_released=True)
    return [to_json(event.values) for event in events if isinstance(event, Row)]


@pytest.fixture(scope="module", params=["linf", "l2"])
def rows(request: pytest.FixtureRequest) -> Rows:
    return measured(Budget.from_units(request.param, 2 if request.param == "linf" else 0.2))


def value(rows: Rows, metric: str, count: int) -> Mapping[str, Any]:
    (found,) = (row for row in rows if row["metric"] == metric and row["attacked"] == NAMES[:count])
    return found


def test_measured_and_predicted_stand_by_the_number_of_tasks(rows: Rows) -> None:
    is_l2 = rows[0]["norm"] == "l2"
    lines = theory_charts.lines_in(JOINT, rows)
    assert [line.metric for line in lines] == [
        "vulnerability",
        "first_order",
        "theorem3",
        *(["exact"] if is_l2 else []),
    ]
    figure = theory_charts.joint(rows)
    for line, trace in zip(lines, figure.data, strict=True):
        counts = [1, 2, 3] if line.metric in ("vulnerability", "first_order") else [2, 3]
        own = [value(rows, line.metric, count) for count in counts]
        assert [round(x) for x in trace.x] == counts and list(trace.y) == [row["adversarial"] for row in own]
        for row, up, down in zip(own, trace.error_y.array, trace.error_y.arrayminus, strict=True):
            low, high = row["ci95"]
            assert (up, down) == pytest.approx((max(0, high - row["adversarial"]), max(0, row["adversarial"] - low)))
    assert list(figure.layout.xaxis.ticktext) == ["1<br>segmentation", "2<br>+ depth", "3<br>+ normals"] or (
        "surface normals" in figure.layout.xaxis.ticktext[2]
    )
    labels = [theory_charts.label_of(line, rows) for line in lines]
    assert ("Theorem 3" in labels) == is_l2, "for L-infinity it is called a heuristic"
    assert format(value(rows, "vulnerability", 3)["adversarial"], ".3g") in theory_charts.alt("What", JOINT, rows)


def test_what_a_task_adds_stands_beside_its_bounds(rows: Rows) -> None:
    figure = theory_charts.marginal(rows)
    for line, trace in zip(MARGINAL, figure.data, strict=True):
        own = [value(rows, line.metric, count) for count in (2, 3)]
        assert list(trace.y) == [row["adversarial"] for row in own]
        assert [round(x) for x in trace.x] == [2, 3]
    near = theory_charts.marginal(rows, with_paper=False)
    assert [trace.name for trace in near.data] == [trace.name for trace in figure.data][:3]
    places = [tuple(trace.x) for trace in figure.data]
    assert len(set(places)) == len(places), "none covers another"


@pytest.mark.parametrize(("metric", "aggregation"), [("covariance", "pooled"), ("cosine", "per-picture")])
def test_heat_maps_hold_every_pair(rows: Rows, metric: str, aggregation: str) -> None:
    table = theory_charts.table_of(rows, metric, aggregation)
    matrix = table.matrix()
    for i, a in enumerate(NAMES):
        for j, b in enumerate(NAMES):
            if metric == "cosine" and i == j:
                assert matrix[i][j] == 1
                continue
            pair = [a] if a == b else sorted((a, b), key=NAMES.index)
            (row,) = (
                row for row in rows
                if (row["metric"], row["aggregation"], row["attacked"]) == (metric, aggregation, pair)
            )  # fmt: skip
            assert matrix[i][j] == row["adversarial"]
    (heat,) = theory_charts.heat(table).data
    assert heat.zmin == -heat.zmax, "what is nothing lets the page be seen"
    for line, shown in zip(matrix, heat.z, strict=True):
        for number, colour in zip(line, shown, strict=True):
            assert number is not None and (number >= 0) == (colour >= 0)
            if metric == "cosine":
                assert colour == number
            else:
                share = abs(number) / max(abs(value) for values in matrix for value in values if value is not None)
                assert abs(colour) == pytest.approx(max(0, 1 + math.log10(share) / theory_charts.DECADES))
    assert max(abs(colour) for line in heat.z for colour in line) <= heat.zmax


def test_nothing_to_measure_is_a_gap(rows: Rows) -> None:
    gone = [{**row, "adversarial": None, "ci95": None} for row in rows]
    for figure in (theory_charts.joint(gone), theory_charts.marginal(gone)):
        assert all(y is None for trace in figure.data for y in trace.y)
    assert theory_charts.table_of(gone, "cosine", "per-picture").is_empty
    assert not theory_charts.table_of(rows, "covariance", "pooled").is_empty
    table = theory_charts.table_of(gone, "covariance", "pooled")
    assert table.is_empty
    json.loads(theory_charts.heat(table).to_json())
    assert {cell for line in theory_charts.heat(table).data[0].text for cell in line} == {""}
    assert theory_words.headline(gone) == ""
    assert theory_charts.joint([]).data == () and theory_charts.chain([]) == []


def test_one_task_alone_and_one_picture_have_figures() -> None:
    rows = measured(Budget.from_units("linf", 2), count=1)
    assert [[round(x) for x in trace.x] for trace in theory_charts.joint(rows).data] == [[1], [1]]
    assert theory_charts.marginal(rows).data == ()
    assert "The loss of segmentation alone" in theory_words.headline(rows)
    without = [{**row, "ci95": None} for row in rows]
    assert all(set(trace.error_y.array) == {0.0} for trace in theory_charts.joint(without).data)


def test_the_table_has_what_the_released_code_takes_for_the_norm(rows: Rows) -> None:
    for name, line in zip(NAMES, theory_words.table(rows), strict=True):
        own = {row["metric"]: row["adversarial"] for row in rows if row["attacked"] == [name]}
        ratio = own["vulnerability"] / own["first_order"]
        values = (own["vulnerability"], own["first_order"], ratio, own["gradient_norm"], own["released_gradient_norm"])
        assert line[1:] == tuple(f"{number:.4g}" for number in values)


def test_the_table_has_no_column_of_what_was_not_asked_for(rows: Rows) -> None:
    assert theory_words.columns(rows)[-1] == "As released"
    fewer = [row for row in rows if not row["metric"].startswith("released")]
    assert theory_words.columns(fewer)[-1] == "Gradient norm" and not theory_words.has_released(fewer)
    for whole, line in zip(theory_words.table(rows), theory_words.table(fewer), strict=True):
        assert line == whole[:-1] and len(line) == len(theory_words.columns(fewer))


def test_each_figure_has_two_sentences() -> None:
    words = theory_words
    for said in (words.JOINT, words.MARGINAL, words.COVARIANCE, words.COSINE, words.PRODUCTS, words.ONE_COSINE,
                 words.PICTURES, words.TABLE):  # fmt: skip
        first, second = said.removesuffix(".").split(". ")
        assert first.startswith("It shows ") and second.startswith("It does not show ")


def test_slips_are_named_where_they_matter(rows: Rows) -> None:
    said = theory_words.about_joint(rows)
    is_l2 = rows[0]["norm"] == "l2"
    assert (theory_words.EQUAL in said) == is_l2 and (theory_words.HEURISTIC in said) != is_l2
    assert theory_words.JUMPS not in said
    assert theory_words.JUMPS in theory_words.about_joint([{**row, "victim": "dmtl"} for row in rows])


def test_a_gap_in_the_line_of_theorem_3_is_explained(rows: Rows) -> None:
    assert not any("has no value" in said for said in theory_words.about_joint(rows))
    broken = [
        {**row, "adversarial": None} if row["metric"] == "theorem3" and len(row["attacked"]) == 3 else row
        for row in rows
    ]
    (said,) = (said for said in theory_words.about_joint(broken) if "has no value" in said)
    assert said.startswith("**Theorem 3** has no value for 3 tasks, first where surface normals joins")
