"""Below the pictures: downloads, charts and numbers of a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import plotly.graph_objects as go
import streamlit as st

from app import charts, exports, resources, works
from app.components import beside, replay, surface, survival
from app.components.grid import grid
from app.panels import View
from app.request import Request
from app.result import CurveEvent, CurvePoint, LossStep, Result
from app.second import Second
from app.state import keys, pages
from app.words import facts, in_sentence, perturbation_title, plain, sentence
from mta_core.explore import TaskOutcome
from mta_core.jobs import Job
from mta_core.tasks import Measure, Task
from mta_core.wording import counted

MEASURES, EPSILON, LOSS, SIZE = "Measures", "Against epsilon", "Loss by step", "Perturbation"
SURVIVAL = "Does it survive?"
REPLAY, SURFACES = "Replay", "3-D"
CONFIG = {"displaylogo": False, "displayModeBar": False}


def downloads(result: Result, view: View, is_disabled: bool, second: Result | None = None) -> None:
    """What can be taken away: nothing of a preview, and nothing while the page is redrawn again and again, since every
    redraw makes new addresses. With a second victim also what came of it."""
    stem, which = result.request.picture.stem, view.perturbation
    files: tuple[tuple[str, str, str, str, Callable[[], bytes]], ...] = (
        ("get_png", "Adversarial picture (PNG)", f"{stem}-adversarial-{which}.png", "image/png",
         lambda: exports.adversarial_png(result, which)),
        ("get_npy", "Perturbation (.npy)", f"{stem}-perturbation-{which}.npy", "application/octet-stream",
         lambda: exports.perturbation_npy(result, which)),
        ("get_json", "Settings and measures (JSON)", f"{stem}.json", "application/json",
         lambda: exports.report_json(result, second)),
    )  # fmt: skip
    if second is not None and not second.request.to:
        other = second.request.victim
        files += (
            ("get_second_png", f"Adversarial picture for {other} (PNG)", f"{stem}-adversarial-{which}-{other}.png",
             "image/png", lambda: exports.adversarial_png(second, which)),
        )  # fmt: skip
    with st.container(horizontal=True, key="downloads", gap="small"):
        for key, label, name, kind, make in files:
            st.download_button(label, make, name, kind, key=key, on_click="ignore", disabled=is_disabled)


def tabs(
    request: Request, result: Result | None, is_live: bool, live: list[LossStep], second: Second | None = None
) -> bool:
    """Only what is open is drawn; whether more of it is on its way, beside what the running attack brings.

    Args:
        live: the steps of the running attack.
        second: a victim whose measures are shown beside those of the first.
    """
    is_waiting = False
    names = [MEASURES, EPSILON, *([LOSS, REPLAY] if request.is_iterative else []), SIZE, SURVIVAL, SURFACES]
    measures, epsilon, *steps, size, survives, solid = st.tabs(names, key=keys.DETAIL, on_change="rerun", **keys.LINKED)
    pages.note_drawn(keys.DETAIL)
    if measures.open and result:
        with measures:
            if second is not None and beside.fits(second, result):
                beside.table(second, result)
            else:
                _measures(result)
    if epsilon.open:
        with epsilon:
            is_waiting = _epsilon(request, is_live)
    if steps and steps[0].open:
        with steps[0]:
            _losses(request.tasks, live or (result.history if result else ()))
    if steps and steps[1].open:
        with steps[1]:
            is_waiting = replay.draw(request, result, is_live)
    else:
        works.drop(works.REPLAY)
    if size.open and result:
        with size:
            _sizes(result)
    if survives.open:
        with survives:
            is_waiting = survival.tab(request, result, is_live)
    if solid.open and result:
        with solid:
            surface.draw(result)
    return is_waiting


def _measures(result: Result) -> None:
    outcomes = list(result.outcome.tasks.values())
    _legend(*charts.KINDS)
    for column, outcome in zip(grid([len(o.task.measures) for o in outcomes], gap="medium"), outcomes, strict=True):
        with column:
            st.markdown(f"**{outcome.task.label}**")
            _measures_of(result, outcome)
    without = [in_sentence(o.task.label) for o in outcomes if o.truth is None]
    if result.request.is_targeted:
        st.caption("Measured against the target: better is nearer to it.")
    elif without:
        st.caption(f"No ground truth for {', '.join(without)}: measured against the clean output.")


def _measures_of(result: Result, outcome: TaskOutcome) -> None:
    groups = charts.measure_groups(outcome.task)
    for i, (column, group) in enumerate(zip(st.columns([len(g) for g in groups]), groups, strict=True)):
        with column:
            key = ("bars", outcome.task.name, i, result.is_complete)
            figure = result.once(key, partial(charts.measure_bars, outcome, group))
            _chart(figure, f"measures_{outcome.task.name}_{i}", _measures_alt(outcome, group))


def _legend(*kinds: str) -> None:
    shown = (charts.KINDS[kind] for kind in kinds)
    entries = "".join(f'<span class="mta-entry" style="--swatch:{colour}">{label}</span>' for label, colour in shown)
    st.html(f'<div class="mta-legend">{entries}</div>')


def _measures_alt(outcome: TaskOutcome, measures: Sequence[Measure]) -> str:
    parts = [
        f"{m.label}: " + ", ".join(f"{kind} {m.format(values[m.name])}" for kind, values in outcome.measures.items())
        for m in measures
    ]
    return f"{outcome.task.label}. " + "; ".join(parts)


def _epsilon(request: Request, is_live: bool) -> bool:
    """The curve, as far as it is known; whether there are points to come."""
    points: Sequence[CurvePoint] | None = resources.workshop().points(request)
    is_whole, note = True, "This picture only. The dashed line is the chosen epsilon."
    if points is None and is_live:  # not now: the attacks would slow the one that is waited for
        points, note = [], "The curve is computed when the attack has ended."
    elif points is None:
        points, is_whole = _compute_curve(request)
        if not is_whole:
            note = f"Computing: {counted(len(points), 'point')} so far. {note}"
    unit = "1/255" if request.budget.epsilon_unit == "1/255" else "L2 norm"
    _legend("noise", "adversarial")
    for column, t in zip(grid([1] * len(request.tasks)), request.tasks, strict=True):
        with column:
            figure = charts.epsilon_curve(points, t, request.budget.units, unit)
            _chart(figure, f"curve_{t.name}", f"{t.label}: {t.main_measure.label} at {len(points)} epsilons")
    st.caption(note)
    return not is_whole


def _compute_curve(request: Request) -> tuple[Sequence[CurvePoint], bool]:
    """The points there are, and whether these are all there will be."""
    job: Job[CurveEvent] | None = works.on(works.CURVE, request)
    if job is None or job.is_cancelled:
        job = resources.workshop().curve(request)
        works.keep(works.CURVE, request, job)
    job.wait(len(job.events), 0.3)
    is_whole = job.is_done  # asked first: a point that comes meanwhile is drawn by the next look
    if job.error:
        st.error(plain(sentence(str(job.error))))
    return [event for event in job.events if isinstance(event, CurvePoint)], is_whole


def _losses(tasks: Sequence[Task], history: Sequence[LossStep]) -> None:
    steps = [step for step in history if step.losses]
    if steps:
        last = f"step {steps[-1].done} of {steps[-1].total}"
        figures = charts.loss_curves(steps)
        for column, t in zip(grid([1] * len(tasks)), tasks, strict=True):
            if t.name in figures:
                with column:
                    _chart(figures[t.name], f"losses_{t.name}", f"Loss of {in_sentence(t.label)} by step, up to {last}")
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
    measure = outcome.main_measure
    values = {kind.capitalize(): measure.format(numbers[measure.name]) for kind, numbers in outcome.measures.items()}
    return {"Task": outcome.task.label, "Measure": measure.label, **values}


def _chart(figure: go.Figure, key: str, alt: str) -> None:
    st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)
