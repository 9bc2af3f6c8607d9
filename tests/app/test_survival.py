"""The tab "Does it survive?" of Explore, run by Streamlit's own test client, and what is behind it."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from helpers import job_of, settle, to_the_end, work
from measured import charts
from streamlit.testing.v1 import AppTest

from app import exports, survival_charts, survival_job
from app.components import survival
from app.request import Request
from app.result import Result
from app.survival_job import Asked, Seen
from app.workshop import Workshop
from mta_core import imaging
from mta_core.results import ROW_KEYS
from mta_core.survival import TRANSFORMATIONS, UNTOUCHED, Trial, curve_of, middle_of, trials_of
from mta_core.survival import transformation as find
from mta_core.survival.data_set import KEYS
from mta_core.tasks import task

Open = Callable[..., AppTest]
TAB = {"detail": "Does it survive?"}
DEPTH = task("depth")


def finish(at: AppTest) -> AppTest:
    """Waits until everything is computed, and looks."""
    to_the_end(job_of(at, "survival"))
    at.run()
    assert not at.exception, at.exception
    return at


def table(at: AppTest) -> dict[str, list[str]]:
    """The cells of the summary by the transformation."""
    (found,) = [e.proto.body for e in at.get("html") if 'class="mta-transfer"' in e.proto.body]
    lines = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', found)
    return {name: re.findall(r"<td[^>]*>(.*?)</td>", cells) for name, cells in lines}


def pictures(at: AppTest) -> dict[str, bytes]:
    """PNG files below the charts, by what they show."""
    pairs = "".join(e.proto.body for e in at.get("html") if "mta-pair" in e.proto.body)
    found = re.findall(r'src="data:image/png;base64,(.*?)" alt="(.*?)"', pairs)
    return {alt: base64.b64decode(data) for data, alt in found}


def test_the_tab_fills_with_curves_pictures_and_a_summary(page: Open) -> None:
    at = finish(page(**TAB))
    drawn = charts(at)
    assert set(drawn) == {"survival_segmentation", "survival_depth", "survival_normals"}
    for chart in drawn.values():
        assert len(chart["figure"]["data"]) == 3
        assert all(len(trace["y"]) == 7 and None not in trace["y"] for trace in chart["figure"]["data"])
        assert "untouched: " in chart["alt"] and "quality 10: " in chart["alt"]
    shown = table(at)
    assert list(shown) == [kind.label for kind in TRANSFORMATIONS]
    assert all(len(cells) == 4 for cells in shown.values())
    assert not any("…" in cells for cells in shown.values())
    for name in ("segmentation", "depth", "surface normals"):
        assert f"Adversarial picture for {name}, after JPEG quality 75" in pictures(at)
    assert "Depth of the adversarial picture, after JPEG quality 75" in pictures(at)
    said = [caption.value for caption in at.caption]
    assert any(words.startswith("It shows ") and " It does not show " in words for words in said)
    assert {"get_survival_json", "get_survival_csv"} <= {b.key for b in at.get("download_button")}
    assert at.session_state["_held"]["work"]["survival"][1].error is None


def test_the_untouched_point_is_what_the_page_tells_of_the_attack(page: Open) -> None:
    at = finish(page(tasks="Depth", **TAB))
    measures = at.session_state["_held"]["shown"].outcome.tasks["depth"].measures
    traces = {trace["name"]: trace["y"] for trace in charts(at)["survival_depth"]["figure"]["data"]}
    for kind, name in (("clean", "Clean"), ("adversarial", "Adversarial"), ("noise", "Random noise")):
        assert traces[name][0] == measures[kind]["abs_err"]


def test_a_link_brings_the_transformation_and_its_strength(page: Open) -> None:
    at = finish(page(tasks="Depth", survive="Blur", survive_blur="2", **TAB))
    assert at.selectbox(key="survive").value == "Blur"
    result = at.session_state["_held"]["shown"]
    adversarial = result.outcome.perturbations["depth"].adversarial[None]
    png = pictures(at)["Adversarial picture for depth, after blur 2 px"]
    assert torch.equal(
        imaging.decode(png), imaging.decode(imaging.encode_png(Trial(find("blur"), 2).change(adversarial)))
    )
    assert table(at)["Blur"][0] == "2 px" and table(at)["JPEG"][0] == "quality 75"
    at.select_slider(key="survive_blur").set_value("untouched").run()
    assert "Adversarial picture for depth, untouched" in pictures(at)


def test_a_nonsense_link_falls_back_to_the_defaults(page: Open) -> None:
    at = page(tasks="Depth", survive="nonsense", survive_jpeg="1e999", **TAB)
    assert at.selectbox(key="survive").value == "JPEG" and at.select_slider(key="survive_jpeg").value == "75"


def test_what_has_no_strength_has_no_slider(page: Open) -> None:
    at = finish(page(tasks="Depth", survive="8-bit rounding", **TAB))
    assert not any(slider.key.startswith("survive") for slider in at.select_slider)
    assert [len(trace["y"]) for trace in charts(at)["survival_depth"]["figure"]["data"]] == [2, 2, 2]


def test_another_transformation_goes_on_with_what_is_known(page: Open) -> None:
    at = finish(page(tasks="Depth", **TAB))
    first = job_of(at, "survival")
    at.selectbox(key="survive").set_value("Crop").run()
    second = job_of(at, "survival")
    assert second is not first and first.is_cancelled
    finish(at)
    crop = find("crop")
    assert [event for event in second.events if isinstance(event, Trial)] == [
        trial for trial in trials_of(crop) if trial != middle_of(crop)
    ]
    at.selectbox(key="survive").set_value("JPEG").run()
    assert job_of(at, "survival") is second, "nothing is left to compute"
    assert None not in charts(at)["survival_depth"]["figure"]["data"][0]["y"]


def test_another_attack_ends_the_work_on_this_one(page: Open) -> None:
    at = page(tasks="Depth", **TAB)
    job = job_of(at, "survival")
    at.slider(key="epsilon").set_value(2.0).run()
    assert job.is_cancelled
    settle(at)
    asked = work(at, "survival")
    assert asked is not None and asked[0].request.budget.units == 2 and asked[1] is not job
    assert finish(at).session_state["_held"]["shown"].request.budget.units == 2


def test_it_waits_for_the_attack(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(tasks="Depth", **TAB)
    monkeypatch.setattr(survival, "_follow", lambda *_: pytest.fail("the attack is still running"))
    monkeypatch.setattr(Result, "is_complete_for", lambda *_: False)
    at.run()
    assert survival.LATER in [caption.value for caption in at.caption]


def test_a_joint_perturbation_is_every_task_s(page: Open) -> None:
    at = finish(page(attack="FGSM", scope="Joint", tasks=["Depth", "Surface normals"], **TAB))
    shown = [png for alt, png in pictures(at).items() if alt.startswith("Adversarial picture for all tasks")]
    assert len(shown) == 1, "one picture, shown for each task"
    assert len(table(at)["JPEG"]) == 3


@pytest.mark.usefixtures("with_objects")
def test_one_answer_for_the_whole_picture(page: Open) -> None:
    at = finish(page(source="Objects", attack="FGSM", survive="Crop", **TAB))
    assert set(charts(at)) == {"survival_amazon"}
    assert all(png.startswith(b"\x89PNG") for png in pictures(at).values()) and len(pictures(at)) == 2


@pytest.fixture
def result(workshop: Workshop, request_for: Callable[..., Request]) -> Result:
    job = workshop.attack(replace(request_for("fgsm"), tasks=(DEPTH,)))
    to_the_end(job)
    found = job.events[-1]
    assert isinstance(found, Result) and found.is_complete
    workshop.kept(found.request.picture).survival.shrink(0)
    return found


def measured(workshop: Workshop, result: Result, name: str) -> dict[Trial, Seen]:
    job = survival_job.start(workshop, result, Asked.of(result, find(name)))
    to_the_end(job)
    assert job.error is None
    return survival_job.known(workshop, result)


def test_rows_say_what_happened_to_the_picture(workshop: Workshop, result: Result) -> None:
    points = measured(workshop, result, "rounding")
    assert next(iter(points)) is UNTOUCHED and len(points) == 1 + len(TRANSFORMATIONS)
    rows = survival_job.rows(result, points)
    assert {frozenset(row) for row in rows} == {frozenset({*ROW_KEYS, "transform", "strength"})}
    plain = [
        {key: value for key, value in row.items() if key in ROW_KEYS}
        for row in rows
        if (row["transform"], row["attack"]) == ("none", "fgsm")
    ]
    assert plain == exports.rows_of(result)
    noise = [row for row in rows if (row["transform"], row["attack"], row["task"]) == ("none", "noise", "depth")]
    assert noise[0]["adversarial"] == result.outcome.tasks["depth"].measures["noise"]["abs_err"]
    written = json.loads(survival_job.rows_json(workshop, result, points))
    assert len(written["rows"]) == len(rows) and written["provenance"]["command"] == "the page Explore"
    table = list(csv.DictReader(io.StringIO(exports.rows_csv(rows, KEYS).decode())))
    assert [row["transform"] for row in table] == [row["transform"] for row in rows]
    assert {row["strength"] for row in table if row["transform"] == "rounding"} == {""}


def test_the_same_attack_gives_the_same_points(workshop: Workshop, result: Result) -> None:
    first = measured(workshop, result, "noise")
    workshop.kept(result.request.picture).survival.shrink(0)
    again = measured(workshop, result, "noise")
    assert {trial: seen.measures for trial, seen in again.items()} == {t: s.measures for t, s in first.items()}


def seen(clean: float, adversarial: float, noise: float) -> Seen:
    return Seen({"depth": {"clean": {"abs_err": clean}, "adversarial": {"abs_err": adversarial},
                           "noise": {"abs_err": noise}}}, {})  # fmt: skip


class TestCharts:
    def test_the_untouched_picture_stands_where_it_belongs(self) -> None:
        kind = find("brightness")
        points = {UNTOUCHED: seen(0.2, 0.6, 0.25), Trial(kind, 2): seen(0.4, 0.5, 0.4)}
        figure = survival_charts.curve(points, kind, DEPTH, DEPTH.main_measure, Trial(kind, 2))
        assert list(figure.layout.xaxis.ticktext) == ["0.25", "0.5", "0.75", "untouched", "1.25", "1.5", "2"]
        traces = {trace.name: list(trace.y) for trace in figure.data}
        assert traces["Adversarial"] == [None, None, None, 0.6, None, None, 0.5]
        assert figure.layout.shapes[0].x0 == 6
        said = survival_charts.alt(points, kind, DEPTH, DEPTH.main_measure)
        assert "untouched: clean 0.200 m, random noise 0.250 m, adversarial 0.600 m; ×2: clean 0.400 m" in said

    def test_nothing_to_measure_is_a_gap(self) -> None:
        points = {UNTOUCHED: seen(math.nan, 0.6, 0.25)}
        figure = survival_charts.curve(points, find("jpeg"), DEPTH, DEPTH.main_measure, UNTOUCHED)
        json.loads(figure.to_json())
        assert all(value is None for trace in figure.data if trace.name == "Clean" for value in trace.y)

    @pytest.mark.parametrize("kind", TRANSFORMATIONS, ids=lambda kind: kind.name)
    def test_strengths_are_told_apart(self, kind: Any) -> None:
        ticks = [survival_charts.tick(trial) for trial in curve_of(kind)]
        assert len(set(ticks)) == len(ticks) == len(kind.strengths) + 1

    def test_a_share_is_of_the_untouched_damage(self) -> None:
        one = middle_of(find("jpeg"))
        points = {UNTOUCHED: seen(0.2, 0.6, 0.25), one: seen(0.3, 0.4, 0.3)}
        assert survival_charts.share(points, one, DEPTH, DEPTH.main_measure) == pytest.approx(0.25)
        assert survival_charts.share(points, middle_of(find("crop")), DEPTH, DEPTH.main_measure) is None
