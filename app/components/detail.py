"""Below the pictures: downloads, charts and numbers of a result."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from app import charts, exports, resources, state
from app.panels import View
from app.words import facts, perturbation_title
from app.workshop import CurvePoint, LossStep, Request, Result
from mta_core.explore import TaskOutcome

MEASURES, EPSILON, LOSS, SIZE = "Measures", "Against epsilon", "Loss by step", "Perturbation"
CONFIG = {"displaylogo": False, "displayModeBar": False}


def downloads(result: Result, view: View, is_live: bool) -> None:
    """What can be taken away; not while the page is redrawn again and again, since every redraw makes new addresses."""
    stem, which = result.request.picture.stem, view.perturbation
    with st.container(horizontal=True, key="downloads", gap="small"):
        st.download_button(
            "Adversarial picture (PNG)",
            lambda: exports.adversarial_png(result, which),
            f"{stem}-adversarial-{which}.png",
            "image/png",
            key="get_png",
            on_click="ignore",
            disabled=is_live,
        )
        st.download_button(
            "Perturbation (.npy)",
            lambda: exports.perturbation_npy(result, which),
            f"{stem}-perturbation-{which}.npy",
            "application/octet-stream",
            key="get_npy",
            on_click="ignore",
            disabled=is_live,
        )
        st.download_button(
            "Settings and measures (JSON)",
            lambda: exports.report_json(result),
            f"{stem}.json",
            "application/json",
            key="get_json",
            on_click="ignore",
            disabled=is_live,
        )


def tabs(request: Request, result: Result | None, live: list[LossStep]) -> None:
    """Only what is open is drawn."""
    names = [MEASURES, EPSILON, *([LOSS] if request.is_iterative else []), SIZE]
    measures, epsilon, *loss, size = st.tabs(names, key="detail", on_change="rerun", **state.LINKED)
    if measures.open and result:
        with measures:
            _measures(result)
    if epsilon.open:
        with epsilon:
            _epsilon(request)
    if loss and loss[0].open:
        with loss[0]:
            _losses(live or (list(result.history) if result else []))
    if size.open and result:
        with size:
            _sizes(result)


def _measures(result: Result) -> None:
    outcomes = list(result.outcome.tasks.values())
    keys = "".join(
        f'<span class="mta-entry" style="--swatch:{colour}">{label}</span>' for label, colour in charts.KINDS.values()
    )
    st.html(f'<div class="mta-legend">{keys}</div>')
    for column, outcome in zip(
        st.columns([len(o.task.measures) for o in outcomes], gap="medium"), outcomes, strict=True
    ):
        with column:
            st.markdown(f"**{outcome.task.label}**")
            _chart(charts.measure_bars(outcome), f"measures_{outcome.task.name}", _measures_alt(outcome))
    without = [o.task.label.lower() for o in outcomes if o.truth is None]
    if without:
        st.caption(f"No ground truth for {', '.join(without)}: measured against the clean output.")


def _measures_alt(outcome: TaskOutcome) -> str:
    parts = [
        f"{m.label}: " + ", ".join(f"{kind} {m.format(values[m.name])}" for kind, values in outcome.measures.items())
        for m in outcome.task.measures
    ]
    return f"{outcome.task.label}. " + "; ".join(parts)


def _epsilon(request: Request) -> None:
    points = resources.workshop().points(request) or _compute_curve(request)
    unit = "1/255" if request.budget.epsilon_unit == "1/255" else "L2 norm"
    _chart(
        charts.epsilon_curves(points, request.tasks, request.budget.units, unit),
        "curves",
        f"Main measures at {len(points)} epsilons",
    )
    st.caption("This picture only. The dashed line is the chosen epsilon.")


def _compute_curve(request: Request) -> list[CurvePoint]:
    """The points there are; the page looks again until all are there."""
    job = state.curve_of(request)
    if job is None:
        job = resources.workshop().curve(request)
        state.keep_curve(request, job)
    job.wait(len(job.events), 0.3)
    if job.error:
        st.error(str(job.error))
    return [event for event in job.events if isinstance(event, CurvePoint)]


def is_computing(request: Request) -> bool:
    """Whether the open tab waits for points of its curve."""
    job = state.curve_of(request)
    is_known = resources.workshop().points(request) is not None or (job is not None and job.is_done)
    return st.session_state.get("detail") == EPSILON and not is_known


def _losses(history: list[LossStep]) -> None:
    steps = [step for step in history if step.losses]
    if steps:
        last = f"step {steps[-1].done} of {steps[-1].total}"
        _chart(charts.loss_curves(steps), "losses", f"Loss of each task by step, up to {last}")
        st.caption("The loss each step started from, at the point where its gradient was taken.")


def _sizes(result: Result) -> None:
    rows = [
        {"Perturbation": perturbation_title(name).capitalize(), **dict(facts(made))}
        for name, made in result.outcome.perturbations.items()
    ]
    st.dataframe(rows, hide_index=True, width="stretch")
    noise = [_noise_row(outcome) for outcome in result.outcome.tasks.values()]
    st.caption("What random noise of the same size does to each task, beside the perturbation:")
    st.dataframe(noise, hide_index=True, width="stretch")


def _noise_row(outcome: TaskOutcome) -> dict[str, str]:
    measure = outcome.task.main_measure
    values = {kind.capitalize(): measure.format(numbers[measure.name]) for kind, numbers in outcome.measures.items()}
    return {"Task": outcome.task.label, "Measure": measure.label, **values}


def _chart(figure: go.Figure, key: str, alt: str) -> None:
    st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)
