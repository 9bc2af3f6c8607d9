"""Figures of a sweep: a measure of one task against what varies. No streamlit here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from app.charts import KINDS
from app.sweeps import Known, Shown, series
from app.words import in_sentence, with_unit
from mta_core.sweep import SweepRow
from mta_core.sweep_recipe import SweepRecipe
from mta_core.tasks import Measure, Task
from mta_core.variables import variable

HEIGHT = 320
BAND = "rgba(213,94,0,0.17)"
"""The colour of adversarial values, thin."""
WIDTH_OF_BOX = 0.34
UNITS = {"1/255": "1/255", "l2": "L2 norm"}


def figure(found: Known, recipe: SweepRecipe, t: Task, shown: Shown) -> go.Figure:
    """The measure with its 95 % interval, in front of the middle half of the pictures; clean and random noise as
    reference lines. Values that are no numbers stand beside each other. What has not had all its pictures is an open
    dot and nothing else."""
    (rows, noise), measure = series(found, t, shown), shown.measure
    varied = variable(recipe.variable)
    made = go.Figure()
    if varied.is_number:
        rows = sorted(rows, key=lambda row: row.point["value"])
        noise = sorted(noise, key=lambda row: row.point["value"])
    whole, whole_noise = ([row for row in each if row.point["is_final"]] for each in (rows, noise))
    if shown.has_spread and varied.is_number:
        _add_band(made, whole, measure, starts_clean=varied.name == "epsilon")
    elif shown.has_spread:
        _add_boxes(made, whole, measure)
    _add_noise(made, whole_noise, measure, varied.is_number)
    _add_attack(made, whole, measure, varied.is_number, starts_clean=varied.name == "epsilon")
    for each, kind, size in ((noise, "noise", 5), (rows, "adversarial", 8)):
        _add_open(made, [row for row in each if not row.point["is_final"]], measure, KINDS[kind][1], size)
    _add_clean(made, rows, measure)
    _finish(made, recipe, measure)
    made.update_yaxes(showticklabels=bool(rows))  # without any value they would be of no scale
    return made.update_layout(uirevision=f"{t.name} {shown.label}")


def _finish(made: go.Figure, recipe: SweepRecipe, measure: Measure) -> None:
    """The axes: that of the values has room for all of them from the start."""
    varied = variable(recipe.variable)
    unit = UNITS.get(varied.unit(recipe), "")
    made.update_xaxes(title_text=f"{varied.axis}{f' ({unit})' if unit else ''}", title_font_size=13)
    numbers = [value for value in recipe.values if isinstance(value, int | float)]
    if numbers:
        made.update_xaxes(range=[0, 1.06 * max(numbers)])
    else:
        made.update_xaxes(type="category", range=[-0.5, len(recipe.values) - 0.5])
    suffix = with_unit("", measure.shown_unit)
    made.update_yaxes(rangemode="tozero", ticksuffix=suffix, nticks=6)
    for axes in (made.update_xaxes, made.update_yaxes):
        axes(automargin=True, ticklabelstandoff=5)
    made.update_layout(showlegend=False, margin={"l": 8, "r": 12, "t": 10, "b": 8}, hovermode="closest")


def alt(found: Known, recipe: SweepRecipe, t: Task, shown: Shown) -> str:
    """What the figure shows, for those who do not see it."""
    (rows, _), measure = series(found, t, shown), shown.measure
    head = f"{t.label}, {shown.label} against {in_sentence(variable(recipe.variable).axis)}"
    if not rows:
        return f"{head}: nothing measured yet"
    values = ", ".join(f"{row.point['said']}: {measure.format(row.values['adversarial'])}" for row in rows)
    return f"{head}: clean {measure.format(rows[0].values['clean'])}; {values}"


def _scaled(measure: Measure, value: float | None) -> float | None:
    """In per cent where it is a share; None where there is nothing to measure."""
    if value is None or value != value:
        return None
    return measure.scale * value


def _x(row: SweepRow) -> Any:
    value = row.point["value"]
    return value if isinstance(value, int | float) else row.point["said"]


def _add_band(made: go.Figure, rows: Sequence[SweepRow], measure: Measure, *, starts_clean: bool) -> None:
    known = [row for row in rows if row.point["quartiles"]]
    if not known:
        return
    clean = known[0].point["clean_quartiles"] if starts_clean else None
    x = [*([0.0] if clean else []), *(_x(row) for row in known)]
    spread = [*([clean] if clean else []), *(row.point["quartiles"] for row in known)]
    shared: dict[str, Any] = {"x": x, "mode": "lines", "hoverinfo": "skip"}
    low, middle, high = ([_scaled(measure, three[i]) for three in spread] for i in range(3))
    made.add_trace(go.Scatter(**shared, y=high, line={"width": 0}))
    made.add_trace(go.Scatter(**shared, y=low, line={"width": 0}, fill="tonexty", fillcolor=BAND))
    made.add_trace(
        go.Scatter(**shared, y=middle, line={"width": 1.2, "color": KINDS["adversarial"][1], "dash": "dash"})
    )


def _add_boxes(made: go.Figure, rows: Sequence[SweepRow], measure: Measure) -> None:
    """The middle half of the pictures as a bar that hovers, with a line at the median."""
    known = [row for row in rows if row.point["quartiles"]]
    low, middle, high = ([_scaled(measure, row.point["quartiles"][i]) or 0.0 for row in known] for i in range(3))
    x = [_x(row) for row in known]
    heights = [top - bottom for top, bottom in zip(high, low, strict=True)]
    box: dict[str, Any] = {"x": x, "width": WIDTH_OF_BOX, "hoverinfo": "skip"}
    made.add_trace(go.Bar(**box, y=heights, base=low, marker={"color": BAND, "line": {"width": 0}}))
    line = {"symbol": "line-ew", "size": 26, "line": {"width": 1.2, "color": KINDS["adversarial"][1]}}
    made.add_trace(go.Scatter(x=x, y=middle, mode="markers", marker=line, hoverinfo="skip"))


def _add_attack(
    made: go.Figure, rows: Sequence[SweepRow], measure: Measure, is_number: bool, *, starts_clean: bool
) -> None:
    colour = KINDS["adversarial"][1]
    values = [_scaled(measure, row.values["adversarial"]) for row in rows]
    ends = [[_scaled(measure, end) for end in row.values["ci95"] or [row.values["adversarial"]] * 2] for row in rows]
    up = [max(0.0, (high or 0) - (value or 0)) for value, (_, high) in zip(values, ends, strict=True)]
    down = [max(0.0, (value or 0) - (low or 0)) for value, (low, _) in zip(values, ends, strict=True)]
    x = [_x(row) for row in rows]
    texts = [_hover(measure, row) for row in rows]
    if starts_clean and rows:  # at epsilon 0 nothing is changed
        x, values = [0.0, *x], [_scaled(measure, rows[0].values["clean"]), *values]
        up, down = [0.0, *up], [0.0, *down]
        texts = [f"clean: {measure.format(rows[0].values['clean'])}", *texts]
    made.add_trace(
        go.Scatter(
            x=x, y=values, mode="lines+markers" if is_number else "markers", text=texts,
            hovertemplate="%{text}<extra></extra>", line={"color": colour, "width": 2},
            marker={"size": 8, "color": colour, "line": {"width": 2, "color": colour}},
            error_y={"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.6, "width": 4,
                     "color": colour},
        )
    )  # fmt: skip


def _add_open(made: go.Figure, rows: Sequence[SweepRow], measure: Measure, colour: str, size: int) -> None:
    """Values of the pictures so far."""
    made.add_trace(
        go.Scatter(
            x=[_x(row) for row in rows], y=[_scaled(measure, row.values["adversarial"]) for row in rows],
            mode="markers", text=[_hover(measure, row) for row in rows], hovertemplate="%{text}<extra></extra>",
            marker={"size": size, "color": colour, "symbol": "circle-open", "line": {"width": 2, "color": colour}},
        )
    )  # fmt: skip


def _hover(measure: Measure, row: SweepRow) -> str:
    lines = [f"<b>{row.point['said']}</b>: {measure.format(row.values['adversarial'])}"]
    if row.values["ci95"]:
        lines.append("95 % interval " + " to ".join(measure.format(end) for end in row.values["ci95"]))
    if row.point["quartiles"]:
        low, middle, high = (measure.format(value) for value in row.point["quartiles"])
        lines.append(f"pictures: half from {low} to {high}, median {middle}")
    lines.append(f"{row.values['n']} pictures{'' if row.point['is_final'] else ' so far'}")
    return "<br>".join(lines)


def _add_noise(made: go.Figure, rows: Sequence[SweepRow], measure: Measure, is_number: bool) -> None:
    colour = KINDS["noise"][1]
    made.add_trace(
        go.Scatter(
            x=[_x(row) for row in rows], y=[_scaled(measure, row.values["adversarial"]) for row in rows],
            mode="lines+markers" if is_number else "markers", line={"color": colour, "dash": "dot", "width": 1.6},
            marker={"size": 5 if is_number else 9, "symbol": "circle" if is_number else "x", "color": colour},
            text=[f"random noise: {measure.format(row.values['adversarial'])}" for row in rows],
            hovertemplate="%{text}<extra></extra>",
        )
    )  # fmt: skip


def _add_clean(made: go.Figure, rows: Sequence[SweepRow], measure: Measure) -> None:
    """Of a point that has had all its pictures, where there is one."""
    known = [row for row in rows if row.point["is_final"]] or rows
    if known and (clean := _scaled(measure, known[0].values["clean"])) is not None:
        made.add_hline(clean, line={"color": KINDS["clean"][1], "width": 1.6, "dash": "dash"})
