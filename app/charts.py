"""Plotly figures from results. No streamlit here, so that they are tested without a browser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.panels import TASK_COLOURS
from app.words import direction
from app.workshop import CurvePoint, LossStep
from mta_core.explore import TaskOutcome
from mta_core.tasks import Measure, Task, task

KINDS = {"clean": ("Clean", "#0072b2"), "noise": ("Random noise", "#999999"), "adversarial": ("Adversarial", "#d55e00")}
"""What is compared, with labels and colours of the Okabe-Ito set."""
HEIGHT = 240


def measure_bars(outcome: TaskOutcome) -> go.Figure:
    """Every measure of a task: clean, random noise of the same size, adversarial; a panel each, since units differ."""
    measures = outcome.task.measures
    figure = make_subplots(1, len(measures), subplot_titles=[_heading(m) for m in measures], horizontal_spacing=0.06)
    for column, measure in enumerate(measures, 1):
        for kind, (label, colour) in KINDS.items():
            value = outcome.measures.get(kind, {}).get(measure.name, float("nan"))
            bar = go.Bar(
                x=[label],
                y=[value],
                name=label,
                marker_color=colour,
                text=[measure.format(value)],
                textposition="outside",
                textfont_size=11,
                textangle=0,
                constraintext="none",
                cliponaxis=False,
                hovertemplate=f"{label}: {measure.format(value)}<extra></extra>",
            )
            figure.add_trace(bar, 1, column)
        figure.update_yaxes(showticklabels=False, showgrid=False, zeroline=False, rangemode="tozero", row=1, col=column)
    figure.update_xaxes(showticklabels=False)
    return _finish(figure, f"{outcome.task.label}: clean, random noise and adversarial", margin_top=52)


def epsilon_curves(points: Sequence[CurvePoint], tasks: Iterable[Task], chosen: float, unit: str) -> go.Figure:
    """The main measure of each task against epsilon, beside random noise of the same size."""
    tasks = list(tasks)
    titles = [f"{t.label}: {_heading(t.main_measure)}" for t in tasks]
    figure = make_subplots(1, len(tasks), subplot_titles=titles, horizontal_spacing=0.08)
    for column, t in enumerate(tasks, 1):
        measure = t.main_measure
        for kind in ("noise", "adversarial"):
            x, y = _curve(points, t, measure, kind)
            label, colour = KINDS[kind]
            line = go.Scatter(
                x=x,
                y=y,
                name=label,
                mode="lines+markers",
                line={"color": colour, "dash": "dot" if kind == "noise" else "solid"},
                showlegend=column == 1,
                text=[measure.format(v) for v in y],
                hovertemplate="epsilon %{x:g}: %{text}",
            )
            figure.add_trace(line, 1, column)
        figure.add_vline(chosen, line={"color": "#7a8490", "width": 1, "dash": "dash"}, row=1, col=column)
        figure.update_yaxes(
            tickformat=_tick_format(measure), ticksuffix=_suffix(measure), rangemode="tozero", row=1, col=column
        )
    figure.update_xaxes(title_text=f"epsilon ({unit})", rangemode="tozero")
    return _finish(figure, "Measures against epsilon", legend=True, height=300)


def _curve(points: Sequence[CurvePoint], t: Task, measure: Measure, kind: str) -> tuple[list[float], list[float]]:
    """Epsilons and values; at 0 the picture is clean."""
    if not points:
        return [], []
    values = [point.measures[t.name][kind][measure.name] for point in points]
    return [0.0, *(point.units for point in points)], [points[0].measures[t.name]["clean"][measure.name], *values]


def loss_curves(history: Sequence[LossStep]) -> go.Figure:
    """The loss of each attacked task, step by step; a panel each, since their losses have different scales."""
    names = list(dict.fromkeys(name for step in history for name in step.losses))
    total = max((step.total for step in history), default=1)
    figure = make_subplots(
        1, max(1, len(names)), subplot_titles=[task(name).label for name in names], horizontal_spacing=0.08
    )
    for column, name in enumerate(names, 1):
        steps = [step for step in history if name in step.losses]
        line = go.Scatter(
            x=[step.done for step in steps],
            y=[step.losses[name] for step in steps],
            mode="lines+markers",
            name=task(name).label,
            line={"color": TASK_COLOURS[name]},
            hovertemplate="step %{x}: %{y:.3f}<extra></extra>",
        )
        figure.add_trace(line, 1, column)
    figure.update_xaxes(title_text="step", range=[0.5, total + 0.5])
    figure.update_yaxes(title_text="loss", col=1)
    return _finish(figure, "Loss of each task by step", height=280)


def _heading(measure: Measure) -> str:
    unit = {"": "%", "m": "m", "°": "°"}.get(measure.unit, measure.unit)
    return f"{measure.label} ({unit})<br><sup>{direction(measure.higher_is_better)}</sup>"


def _tick_format(measure: Measure) -> str:
    return ".0%" if not measure.unit else ".3~g"


def _suffix(measure: Measure) -> str:
    return f" {measure.unit}" if measure.unit == "m" else measure.unit


def _finish(
    figure: go.Figure, title: str, *, legend: bool = False, height: int = HEIGHT, margin_top: int = 56
) -> go.Figure:
    figure.update_layout(
        height=height,
        showlegend=legend,
        margin={"l": 8, "r": 8, "t": margin_top, "b": 8},
        bargap=0.25,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        meta={"title": title},
        legend={"orientation": "h", "y": -0.28, "x": 0},
        uirevision=title,
    )
    figure.update_annotations(font_size=13)
    return figure
