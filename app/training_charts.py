"""The charts of a training, from its events. No streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.panels import TASK_COLOURS
from app.words import direction
from mta_core.events import Progress
from mta_core.tasks import Task

HEIGHT = 260
FEW = 12
"""Epochs that have room for a tick each."""
MARGIN = {"l": 40, "r": 8, "t": 44, "b": 8}


def losses(steps: Sequence[Progress], tasks: Sequence[Task], *, is_fooling: bool) -> go.Figure:
    """The loss of each task, step by step."""
    figure = go.Figure()
    for t in tasks:
        points = [(step.done, step.values[t.name]) for step in steps if t.name in step.values]
        figure.add_scatter(
            x=[x for x, _ in points], y=[y for _, y in points], name=t.label, mode="lines",
            line={"color": TASK_COLOURS[t.name], "width": 2}, hovertemplate=f"{t.label}: %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    title = "Fooling loss of each task: minus the log of the victim's loss" if is_fooling else "Loss of each task"
    return _finished(figure, title, "step")


def held_out(rows: Sequence[Mapping[str, Any]], t: Task, names: Mapping[str, str]) -> go.Figure:
    """The main measure of a task on the held-out pictures, epoch by epoch.

    Args:
        names: in the rows, by what people call it: "Under attack", "Clean".
    """
    measure, scale = t.main_measure, t.main_measure.scale
    figure = go.Figure()
    for label, name in names.items():
        points = [(row["epoch"], scale * row[name]) for row in rows if row.get(name) is not None]
        is_clean = label == "Clean"
        mode = "lines" if is_clean else "lines+markers"
        figure.add_scatter(
            x=[x for x, _ in points], y=[y for _, y in points], name=label, mode=mode,
            line={"color": "#767676" if is_clean else TASK_COLOURS[t.name], "width": 2,
                  "dash": "dash" if is_clean else "solid"},
            hovertemplate=f"{label}: %{{y:.4g}}<extra></extra>",
        )  # fmt: skip
    unit = f" ({measure.shown_unit})" if measure.shown_unit else ""
    figure.update_yaxes(rangemode="tozero")
    if len(rows) < FEW:
        figure.update_xaxes(tick0=1, dtick=1)
    return _finished(figure, f"{t.label}: {measure.label}{unit}, {direction(measure.higher_is_better)}", "epoch")


def _finished(figure: go.Figure, title: str, along: str) -> go.Figure:
    figure.update_layout(
        title={"text": title, "font": {"size": 13}, "x": 0, "xanchor": "left"}, height=HEIGHT, margin=MARGIN,
        hovermode="x unified", legend={"orientation": "h", "y": -0.2}, meta={"title": title},
    )  # fmt: skip
    figure.update_xaxes(title={"text": along, "font": {"size": 12}, "standoff": 4})
    return figure
