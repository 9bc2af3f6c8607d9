"""Figures from rows; no browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from test_panels import finished

from app import charts
from app.workshop import CurvePoint, LossStep, Request, Workshop
from mta_core.tasks import TASKS, task


def test_every_measure_has_a_panel_with_its_direction(workshop: Workshop, request_for: Callable[..., Request]) -> None:
    for outcome in finished(workshop, request_for()).outcome.tasks.values():
        figure = charts.measure_bars(outcome)
        titles = [annotation.text for annotation in figure.layout.annotations]
        for measure, title in zip(outcome.task.measures, titles, strict=True):
            assert measure.label in title
            assert ("↑" if measure.higher_is_better else "↓") in title
        values = {(bar.name, bar.xaxis): bar.y[0] for bar in figure.data}
        first = outcome.task.main_measure.name
        assert values["Adversarial", "x"] == outcome.measures["adversarial"][first]
        assert values["Random noise", "x"] == outcome.measures["noise"][first]


def test_curves_begin_at_the_clean_measure() -> None:
    measures = {
        t.name: {
            kind: {m.name: value for m in t.measures}
            for kind, value in (("clean", 0.5), ("noise", 0.4), ("adversarial", 0.1))
        }
        for t in TASKS
    }
    figure = charts.epsilon_curves([CurvePoint(1, measures), CurvePoint(8, measures)], TASKS, 8, "1/255")
    assert len(figure.data) == 2 * len(TASKS)
    assert list(figure.data[1].x) == [0, 1, 8]
    assert list(figure.data[1].y) == [0.5, 0.1, 0.1]
    assert figure.layout.xaxis.title.text == "epsilon (1/255)"


def test_curves_without_points_yet_are_empty() -> None:
    assert list(charts.epsilon_curves([], [task("depth")], 5, "1/255").data[0].x) == []


def test_losses_have_a_panel_a_task() -> None:
    history = [LossStep("joint", i, 4, {"depth": i / 2, "normals": 1.0}) for i in (1, 2, 3)]
    figure = charts.loss_curves(history)
    assert [trace.name for trace in figure.data] == ["Depth", "Surface normals"]
    assert list(figure.data[0].y) == [0.5, 1.0, 1.5]
    assert figure.layout.xaxis.range == pytest.approx((0.5, 4.5))
