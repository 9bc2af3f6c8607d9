"""Plotly figures from results. No streamlit here, so that they are tested without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.costs import Measured, duration
from app.panels import TASK_COLOURS
from app.result import CurvePoint, LossStep
from app.words import direction, in_sentence
from mta_core.cost import Cost
from mta_core.explore import TaskOutcome
from mta_core.tasks import Measure, Task, task

KINDS = {"clean": ("Clean", "#0072b2"), "noise": ("Random noise", "#767676"), "adversarial": ("Adversarial", "#d55e00")}
"""What is compared, with labels and colours: of the Okabe-Ito set, and a grey that is seen on white and on black."""
GREY = "#767676"
LINE_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", GREY)
DASHES = ("solid", "dash", "dot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")
HEIGHT = 240
SIDE_BY_SIDE = 3
"""As many panels as a phone has room for."""


def measure_groups(t: Task) -> list[tuple[Measure, ...]]:
    """A task's measures for a figure each: all together, or by unit where they are too many."""
    if len(t.measures) <= SIDE_BY_SIDE:
        return [t.measures]
    return [tuple(group) for _, group in groupby(t.measures, key=lambda measure: measure.unit)]


def measure_bars(outcome: TaskOutcome, measures: Sequence[Measure]) -> go.Figure:
    """Measures of a task: clean, random noise of the same size, adversarial; a panel each, since units differ."""
    figure = make_subplots(1, len(measures), subplot_titles=[_heading(m) for m in measures], horizontal_spacing=0.06)
    for column, measure in enumerate(measures, 1):
        for kind, (label, colour) in KINDS.items():
            value = outcome.measures.get(kind, {}).get(measure.name, float("nan"))
            bar = go.Bar(
                x=[label],
                y=[value],
                name=label,
                marker_color=colour,
                text=[measure.format(value).partition(" ")[0]],  # the title has the unit
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
    return finish(figure, f"{outcome.task.label}: clean, random noise and adversarial", margin_top=52)


def epsilon_curve(points: Sequence[CurvePoint], t: Task, chosen: float, unit: str) -> go.Figure:
    """The main measure of a task against epsilon, beside random noise of the same size."""
    measure = t.main_measure
    figure = make_subplots(1, 1, subplot_titles=[f"{t.label}: {_heading(measure)}"])
    for kind in ("noise", "adversarial"):
        x, y = _curve(points, t, measure, kind)
        label, colour = KINDS[kind]
        line = go.Scatter(
            x=x,
            y=y,
            name=label,
            mode="lines+markers",
            line={"color": colour, "dash": "dot" if kind == "noise" else "solid"},
            text=[measure.format(v) for v in y],
            hovertemplate="epsilon %{x:g}: %{text}",
        )
        figure.add_trace(line)
    figure.add_vline(chosen, line={"color": "#7a8490", "width": 1, "dash": "dash"})
    figure.update_yaxes(tickformat=_tick_format(measure), ticksuffix=_suffix(measure), rangemode="tozero")
    figure.update_xaxes(title_text=f"epsilon ({unit})", rangemode="tozero")
    if not points:  # the axis would be of numbers that mean nothing
        figure.update_yaxes(showticklabels=False)
    return finish(figure, f"{t.label} against epsilon", height=280)


def _curve(points: Sequence[CurvePoint], t: Task, measure: Measure, kind: str) -> tuple[list[float], list[float]]:
    """Epsilons and values; at 0 the picture is clean."""
    if not points:
        return [], []
    values = [point.measures[t.name][kind][measure.name] for point in points]
    return [0.0, *(point.units for point in points)], [points[0].measures[t.name]["clean"][measure.name], *values]


def intervals(t: Task, measure: Measure, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> go.Figure:
    """A measure of a task under several attacks, the first one above: a dot each, with its 95 % interval.

    Args:
        rows: labels and rows, see `mta_core.results.ROW_KEYS`.
    """
    clean = rows[0][1]["clean"] if rows else None
    return _dots(f"{t.label}: {_heading(measure)}", measure, rows, clean, f"{t.label} under each attack")


def _dots(
    heading: str, measure: Measure, rows: Sequence[tuple[str, Mapping[str, Any]]], clean: float | None, title: str
) -> go.Figure:
    """A dot for each row with its interval, and a dashed line where the clean pictures are, if that is known."""
    figure = make_subplots(1, 1, subplot_titles=[heading])
    scale = measure.scale
    values = [scale * row["adversarial"] for _, row in rows]
    ends = [_ends(row) for _, row in rows]
    dots = go.Scatter(
        x=values,
        y=[label for label, _ in rows],
        mode="markers",
        marker={
            "size": 9,
            "color": [KINDS["noise" if row["attack"] == "noise" else "adversarial"][1] for _, row in rows],
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [scale * high - value for value, (_, high) in zip(values, ends, strict=True)],
            "arrayminus": [value - scale * low for value, (low, _) in zip(values, ends, strict=True)],
            "thickness": 2,
            "width": 5,
            "color": "#8a93a0",
        },
        text=[_with_interval(measure, row) for _, row in rows],
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    figure.add_trace(dots)
    if clean is not None:
        figure.add_vline(scale * clean, line={"color": KINDS["clean"][1], "width": 2, "dash": "dash"})
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(rangemode="tozero", ticksuffix=" %" if scale == 100 else _suffix(measure), nticks=5)
    return finish(figure, title, height=110 + 28 * len(rows))


def _ends(row: Mapping[str, Any]) -> tuple[float, float]:
    """Of the interval; the value itself where there is none."""
    known = row["ci95"] if row["ci95"] and None not in row["ci95"] else (row["adversarial"],) * 2
    return known[0], known[1]


def found_dots(name: str, measure: Measure, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> go.Figure:
    """A measure in rows of any runs, by attack; the clean pictures are shown where all have the same.

    Args:
        name: of what is measured, with its task.
        rows: labels, each once, and rows.
    """
    clean = _clean_of(row for _, row in rows)
    title = f"{name}, by attack: {'; '.join(f'{label} {_with_interval(measure, row)}' for label, row in rows)}"
    return _dots(f"{name}, {direction(measure.higher_is_better)}", measure, rows, clean, title)


def _clean_of(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """The value without an attack, where all rows have the same."""
    known = {row["clean"] for row in rows}
    return known.pop() if len(known) == 1 else None


def found_lines(name: str, measure: Measure, unit: str, lines: Mapping[str, Sequence[Mapping[str, Any]]]) -> go.Figure:
    """A measure in rows of any runs against epsilon, with intervals; the clean pictures as in `found_dots`.

    Args:
        unit: of epsilon.
        lines: rows by the label of their line, sorted by epsilon.
    """
    figure = make_subplots(1, 1, subplot_titles=[f"{name}, {direction(measure.higher_is_better)}"])
    for number, (label, rows) in enumerate(lines.items()):
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        y = [row["adversarial"] for row in rows]
        line = go.Scatter(
            x=[row["epsilon"] for row in rows],
            y=y,
            name=label,
            mode="lines+markers",
            line={"color": colour, "dash": DASHES[number // len(LINE_COLOURS) % len(DASHES)]},
            marker={"size": 8, "symbol": SYMBOLS[number % len(SYMBOLS)]},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [_ends(row)[1] - row["adversarial"] for row in rows],
                "arrayminus": [row["adversarial"] - _ends(row)[0] for row in rows],
                "thickness": 1.5,
                "width": 4,
            },
            text=[_with_interval(measure, row) for row in rows],
            hovertemplate="epsilon %{x:g}: %{text}",
        )
        figure.add_trace(line)
    clean = _clean_of(row for rows in lines.values() for row in rows)
    if clean is not None:
        figure.add_hline(clean, line={"color": KINDS["clean"][1], "width": 2, "dash": "dash"})
    figure.update_yaxes(tickformat=_tick_format(measure), ticksuffix=_suffix(measure), rangemode="tozero")
    figure.update_xaxes(title_text=f"epsilon ({unit})", rangemode="tozero")
    finish(figure, f"{name} against epsilon ({unit}): {', '.join(lines)}", height=320 + 20 * len(lines))
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0})


def _with_interval(measure: Measure, row: Mapping[str, Any]) -> str:
    said = measure.format(row["adversarial"])
    low, high = _ends(row)
    return said if low == high else f"{said} ({measure.format(low)} to {measure.format(high)})"


def loss_curves(history: Sequence[LossStep]) -> dict[str, go.Figure]:
    """The loss of each attacked task, step by step; a figure each, since their losses have different scales."""
    names = dict.fromkeys(name for step in history for name in step.losses)
    return {name: _loss_curve(name, [step for step in history if name in step.losses]) for name in names}


def _loss_curve(name: str, steps: Sequence[LossStep]) -> go.Figure:
    label = task(name).label
    figure = make_subplots(1, 1, subplot_titles=[label])
    line = go.Scatter(
        x=[step.done for step in steps],
        y=[step.losses[name] for step in steps],
        mode="lines+markers",
        name=label,
        line={"color": TASK_COLOURS[name]},
        hovertemplate="step %{x}: %{y:.3f}<extra></extra>",
    )
    figure.add_trace(line)
    figure.update_xaxes(title_text="step", range=[0.5, steps[-1].total + 0.5])
    figure.update_yaxes(title_text="loss")
    return finish(figure, f"Loss of {in_sentence(label)} by step", height=280)


METHOD_COLOURS = {"mta": "#0072b2", "gap": "#d55e00", "stored": "#009e73"}
"""Of the Okabe-Ito set; iterative attacks are grey."""
BAR_HEIGHT = 34


def cost_charts(measured: Measured) -> dict[str, go.Figure]:
    """A figure for each thing that attacks cost, as far as it is known: time of the generators, beside the paper's; of
    iterative attacks beside them; what has to be stored; what is held in memory, or, before that is measured, counted.
    """
    every = list(measured.costs.values())
    timed = [c for c in every if c.milliseconds is not None]
    figures = {}
    if timed:
        networks = [c for c in timed if c.method in METHOD_COLOURS]
        has_paper = any(c.paper_milliseconds for c in networks)
        title = "Time of generators" + (" (◆ paper)" if has_paper else "")
        marks = [c.paper_milliseconds for c in networks if c.paper_milliseconds]
        figures["time"] = _cost_bars(title, networks, lambda c: c.milliseconds, duration, marks)
        for c in networks:
            _mark(figures["time"], c)
    if any(c.method not in METHOD_COLOURS for c in timed):
        beside = [c for c in timed if c.instance == "per-instance"]
        figures["iterative"] = _cost_bars("Beside iterative attacks", beside, lambda c: c.milliseconds, duration)
    figures["parameters"] = _cost_bars("Parameters", every, lambda c: c.parameters / 1e6, lambda v: f"{v:.2f} M")
    held = [c for c in every if c.peak_bytes is not None]
    counted = [c for c in every if c.multiply_adds]
    if held:
        figures["memory"] = _cost_bars(
            "Peak memory", held, lambda c: (c.peak_bytes or 0) / 1e6, lambda v: f"{v:.0f} MB"
        )
    else:
        figures["multiply_adds"] = _cost_bars(
            "Multiply-adds", counted, lambda c: (c.multiply_adds or 0) / 1e9, lambda v: f"{v:.0f} G"
        )
    return figures


def _cost_bars(
    title: str,
    costs: Sequence[Cost],
    value: Callable[[Cost], float | None],
    write: Callable[[float], str],
    marks: Sequence[float] = (),
) -> go.Figure:
    """A bar for each, from the top down, with room for `marks` on the same scale."""
    figure = make_subplots(1, 1, subplot_titles=[title])
    numbers = [value(c) or 0.0 for c in costs]
    bars = go.Bar(
        y=[c.label for c in costs], x=numbers, orientation="h", text=[write(n) for n in numbers],
        marker_color=[METHOD_COLOURS.get(c.method, GREY) for c in costs], textposition="outside", cliponaxis=False,
        textfont_size=11, hovertemplate="%{y}: %{text}<extra></extra>",
    )  # fmt: skip
    figure.add_trace(bars)
    end = max(1.35 * max(numbers, default=1.0), 1.05 * max(marks, default=0.0))
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False, range=[0, end])
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="")
    said = "; ".join(f"{c.label} {write(n)}" for c, n in zip(costs, numbers, strict=True))
    return finish(figure, f"{title}: {said}", height=60 + BAR_HEIGHT * len(costs), margin_top=36)


def _mark(figure: go.Figure, c: Cost) -> None:
    """The paper's time, on the bar of that generator."""
    if c.paper_milliseconds is not None:
        marker = {"symbol": "diamond", "size": 9, "color": "#ffffff", "line": {"color": "#1b222b", "width": 1.5}}
        hover = f"{c.label}, paper: {duration(c.paper_milliseconds)}<extra></extra>"
        figure.add_trace(
            go.Scatter(x=[c.paper_milliseconds], y=[c.label], mode="markers", marker=marker, hovertemplate=hover)
        )


def _heading(measure: Measure) -> str:
    unit = f" ({measure.shown_unit})" if measure.shown_unit else ""
    return f"{measure.label}{unit}<br><sup>{direction(measure.higher_is_better)}</sup>"


def _tick_format(measure: Measure) -> str:
    return ".0%" if measure.shown_unit == "%" else ".3~g"


def _suffix(measure: Measure) -> str:
    return f" {measure.unit}" if measure.unit.startswith("m") else measure.unit


def finish(figure: go.Figure, title: str, *, height: int = HEIGHT, margin_top: int = 56) -> go.Figure:
    """What every figure has; its title is for those who do not see it."""
    figure.update_layout(
        height=height,
        showlegend=False,
        margin={"l": 8, "r": 8, "t": margin_top, "b": 8},
        bargap=0.25,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        meta={"title": title},
        uirevision=title,
    )
    figure.update_annotations(font_size=12)
    return figure
