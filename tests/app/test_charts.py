"""Figures from rows; no browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from test_panels import finished

from app import charts, training_charts
from app.request import Request
from app.result import CurvePoint, LossStep
from app.workshop import Workshop
from mta_core.events import Progress
from mta_core.tasks import SCENE_TASKS, task


def test_every_measure_has_a_panel_with_its_direction(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    for outcome in finished(workshop, request_for()).outcome.tasks.values():
        groups = charts.measure_groups(outcome.task)
        assert [measure for group in groups for measure in group] == list(outcome.task.measures)
        for group in groups:
            figure = charts.measure_bars(outcome, group)
            titles = [annotation.text for annotation in figure.layout.annotations]
            for measure, title in zip(group, titles, strict=True):
                assert measure.label in title
                assert ("↑" if measure.higher_is_better else "↓") in title
            values = {(bar.name, bar.xaxis): bar.y[0] for bar in figure.data}
            assert values["Adversarial", "x"] == outcome.measures["adversarial"][group[0].name]
            assert values["Random noise", "x"] == outcome.measures["noise"][group[0].name]


def test_no_figure_has_more_panels_than_a_phone_shows() -> None:
    for t in SCENE_TASKS:
        assert all(len(group) <= charts.SIDE_BY_SIDE for group in charts.measure_groups(t))


def test_curves_begin_at_the_clean_measure() -> None:
    measures = {
        t.name: {
            kind: {m.name: value for m in t.measures}
            for kind, value in (("clean", 0.5), ("noise", 0.4), ("adversarial", 0.1))
        }
        for t in SCENE_TASKS
    }
    for t in SCENE_TASKS:
        figure = charts.epsilon_curve([CurvePoint(1, measures), CurvePoint(8, measures)], t, 8, "1/255")
        assert [line.name for line in figure.data] == ["Random noise", "Adversarial"]
        assert list(figure.data[1].x) == [0, 1, 8]
        assert list(figure.data[1].y) == [0.5, 0.1, 0.1]
        assert figure.layout.xaxis.title.text == "epsilon (1/255)"


def test_curves_without_points_yet_are_empty() -> None:
    empty = charts.epsilon_curve([], task("depth"), 5, "1/255")
    assert list(empty.data[0].x) == [] and not empty.layout.yaxis.showticklabels


def test_a_training_without_points_yet_has_an_empty_frame() -> None:
    empty = training_charts.losses([], SCENE_TASKS, is_fooling=True).layout
    begun = training_charts.losses([Progress(1, 2, "steps", {"depth": 1.0})], SCENE_TASKS, is_fooling=True).layout
    for axis in ("xaxis", "yaxis"):
        assert empty[axis].showticklabels is False and empty[axis].showgrid is False and empty[axis].mirror
        assert begun[axis].showticklabels is None and begun[axis].showgrid is None


def test_losses_have_a_figure_a_task() -> None:
    history = [LossStep("joint", i, 4, {"depth": i / 2, "normals": 1.0}) for i in (1, 2, 3)]
    figures = charts.loss_curves(history)
    assert list(figures) == ["depth", "normals"]
    assert list(figures["depth"].data[0].y) == [0.5, 1.0, 1.5]
    assert figures["normals"].layout.xaxis.range == pytest.approx((0.5, 4.5))


def test_every_attack_has_a_dot_with_its_interval() -> None:
    def row(attack: str, value: float, ci95: list[float] | None) -> dict[str, object]:
        return {"attack": attack, "clean": 0.5, "adversarial": value, "ci95": ci95}

    t = task("segmentation")
    rows = [("Random noise", row("noise", 0.49, None)), ("PGD", row("pgd", 0.1, [0.08, 0.15]))]
    figure = charts.intervals(t, t.main_measure, rows)
    (dots,) = figure.data
    assert list(dots.y) == ["Random noise", "PGD"] and list(dots.x) == pytest.approx([49, 10])
    assert list(dots.error_x.array) == pytest.approx([0, 5]) and list(dots.error_x.arrayminus) == pytest.approx([0, 2])
    assert figure.layout.shapes[0].x0 == 50, "the clean value"
    assert dots.text[1] == "10.0 % (8.0 % to 15.0 %)"
    assert dots.marker.color[0] != dots.marker.color[1]


def test_values_with_a_unit_are_drawn_in_it() -> None:
    t = task("depth")
    rows = [("PGD", {"attack": "pgd", "clean": 0.2, "adversarial": 2.5, "ci95": [2.0, 3.0]})]
    figure = charts.intervals(t, t.main_measure, rows)
    assert list(figure.data[0].x) == [2.5] and figure.layout.shapes[0].x0 == 0.2
    assert figure.layout.xaxis.ticksuffix == " m"
    assert list(charts.intervals(t, t.main_measure, []).data[0].x) == []
