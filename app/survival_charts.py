"""Curves of what is left of an attack against the strength of a transformation. No streamlit here."""

from __future__ import annotations

import plotly.graph_objects as go

from app.charts import KINDS
from app.survival_job import Points
from app.words import with_unit
from mta_core.survival import Transformation, Trial, curve_of
from mta_core.survival.measuring import left
from mta_core.tasks import Measure, Task

HEIGHT = 250
SIZES = {"clean": 6, "noise": 11, "adversarial": 7}
DASHES = {"clean": "solid", "noise": "dot", "adversarial": "solid"}
SYMBOLS = {"clean": "circle", "noise": "diamond-open", "adversarial": "square"}


def curve(points: Points, kind: Transformation, t: Task, measure: Measure, chosen: Trial) -> go.Figure:
    """A measure of a task after each strength, as far as it is known, the untouched picture in its place; a dashed line
    marks the strength that is chosen. Strengths stand side by side, not to scale."""
    trials = curve_of(kind)
    made = go.Figure()
    for name in ("noise", "clean", "adversarial"):  # the last one on top
        label, colour = KINDS[name]
        values = [_value(points, trial, t, measure, name) for trial in trials]
        made.add_trace(
            go.Scatter(
                x=list(range(len(trials))), y=[None if v is None else measure.scale * v for v in values],
                name=label, mode="lines+markers", connectgaps=True,
                line={"color": colour, "width": 2, "dash": DASHES[name]},
                marker={"size": SIZES[name], "symbol": SYMBOLS[name]},
                text=["" if v is None else f"{label}, {_named(trial)}: {measure.format(v)}"
                      for trial, v in zip(trials, values, strict=True)],
                hovertemplate="%{text}<extra></extra>",
            )
        )  # fmt: skip
    made.add_vline(trials.index(chosen), line={"color": "#7a8490", "width": 1, "dash": "dash"})
    ticks = {"tickvals": list(range(len(trials))), "ticktext": [tick(trial) for trial in trials]}
    made.update_xaxes(range=[-0.3, len(trials) - 0.7], title_text=kind.axis, title_font_size=12, tickangle=0, **ticks)
    has_any = any(trial in points for trial in trials)
    made.update_yaxes(
        rangemode="tozero", ticksuffix=with_unit("", measure.shown_unit), nticks=6, showticklabels=has_any
    )
    for axes in (made.update_xaxes, made.update_yaxes):
        axes(automargin=True, ticklabelstandoff=5)
    layout = {"showlegend": False, "margin": {"l": 8, "r": 12, "t": 10, "b": 8}, "hovermode": "closest"}
    return made.update_layout(**layout, uirevision=f"{kind.name} {t.name} {measure.name}")


def alt(points: Points, kind: Transformation, t: Task, measure: Measure) -> str:
    """What the figure shows, for those who do not see it."""
    said = []
    for trial in curve_of(kind):
        values = {name: _value(points, trial, t, measure, name) for name in KINDS}
        told = ", ".join(f"{KINDS[name][0].lower()} {measure.format(v)}" for name, v in values.items() if v is not None)
        said += [f"{_named(trial)}: {told}"] if told else []
    return f"{t.label}: {measure.label} after {kind.label}. {'; '.join(said)}"


def tick(trial: Trial) -> str:
    """A strength in few letters."""
    if trial.strength is None:
        return "untouched" if trial.is_untouched else "rounded"
    return f"{trial.strength:g}"


def _named(trial: Trial) -> str:
    return trial.said or tick(trial)


def _value(points: Points, trial: Trial, t: Task, measure: Measure, kind: str) -> float | None:
    """None where it is not known, or there is nothing to measure."""
    seen = points.get(trial)
    value = None if seen is None else seen.measures[t.name][kind][measure.name]
    return None if value is None or value != value else value


def share(points: Points, trial: Trial, t: Task, measure: Measure) -> float | None:
    """How much of the damage is left: see `mta_core.survival.measuring.left`; None where it is not known yet."""
    if trial not in points:
        return None
    before, after = (
        {kind: values[measure.name] for kind, values in points[one].measures[t.name].items()}
        for one in (next(iter(points)), trial)
    )
    return left(before, after)
