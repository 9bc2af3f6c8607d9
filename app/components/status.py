"""One line that says what is going on, of fixed height, and the button that stops it."""

from __future__ import annotations

import html
from collections.abc import Callable

import streamlit as st

from app import resources
from app.request import Request
from app.result import AttackEvent, LossStep, Result
from app.state import keys, pages
from app.words import perturbation_title
from mta_core.attacks import JOINT
from mta_core.jobs import Job
from mta_core.wording import counted

MANY = 3
"""Attacks of others that come first from which on a page says so, and keeps still: what moves takes processor."""


def toolbar(
    request: Request,
    job: Job[AttackEvent] | None,
    result: Result | None,
    again: Callable[[], None],
    *,
    is_second: bool = False,
    more: Callable[[str], None] = lambda _: None,
) -> str:
    """The status, whose perturbation is shown, and stop; returns the name of the chosen perturbation.

    Args:
        is_second: whether it is about the second victim, which the status names then.
        more: draws what stands at the end of the line, given the chosen perturbation.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="toolbar", gap="small"):
        line(request, job, result, is_second=is_second)
        chosen = _whose(request)
        if job is not None and not job.is_done and request.is_iterative and not has_result(job):
            st.button(
                "Stop",
                key="stop",
                on_click=job.stop,
                disabled=job.is_stopping,
                help="Ends the attack and keeps what it has found.",
            )
        elif (job is not None and (job.error or (job.is_stopping and job.is_cancelled))) or (
            result and result.is_cut_short(request)
        ):
            st.button("Run again", key="again", on_click=again)
        else:
            # Takes the button's place at once; one that is merely left out goes only when the whole redraw has ended.
            st.html('<i class="mta-none"></i>')
        more(chosen)
    return chosen


def _whose(request: Request) -> str:
    """Each task has its own perturbation, or all have one."""
    if request.scope == "joint":
        return JOINT
    names = {t.label: t.name for t in request.tasks}
    if len(names) == 1:
        return request.tasks[0].name
    chosen = st.segmented_control(
        "Perturbation of", list(names), default=next(iter(names)), required=True, key=keys.WHOSE,
        label_visibility="collapsed", help="Whose perturbation the first row shows.", **keys.LINKED,
    )  # fmt: skip
    pages.note_drawn(keys.WHOSE)
    return names.get(chosen or "", request.tasks[0].name)


def line(request: Request, job: Job[AttackEvent] | None, result: Result | None, *, is_second: bool = False) -> None:
    """What is going on; said aloud only when it has ended, since it changes several times a second until then."""
    if job and not job.is_done:
        before = resources.workshop().worker.before(job)
        words = f"{request.victim}: {_running(request, job)}" if is_second else _running(request, job)
        if before >= MANY and not job.turns:
            words += f" {counted(before, 'attack')} of others first"
        look = "mta-queued" if before >= MANY else "mta-alive"
        st.html(f'<div class="mta-status {look}">{html.escape(words)}</div>')
    else:
        words = f"{request.victim}: {_finished(result)}" if is_second and result else _finished(result)
        st.html(f'<div class="mta-status" role="status">{html.escape(words)}</div>')


def _running(request: Request, job: Job[AttackEvent]) -> str:
    steps = [event for event in job.events if isinstance(event, LossStep)]
    if has_result(job):
        return f"{request.attack.label} at {request.budget.label}: measuring …"
    if job.is_stopping:
        return "Stopping after this step …"
    if not steps:
        return f"{request.attack.label} at {request.budget.label} …"
    last = steps[-1]
    whose = perturbation_title(last.perturbation)
    return f"{request.attack.label} at {request.budget.label}: {whose}, step {last.done} of {last.total}"


def _finished(result: Result | None) -> str:
    if result is None:
        return ""
    request = result.request
    stopped = f", stopped after {result.stopped_at} steps" if result.stopped_at is not None else ""
    return f"{request.attack.label} at {request.budget.label}{stopped} · attack {result.outcome.seconds:.2f} s"


def progress(request: Request, job: Job[AttackEvent] | None) -> float | None:
    """The finished share of an attack whose result is still to come; None where there is none."""
    if job is None or job.is_done or has_result(job):
        return None
    steps = [event for event in job.events if isinstance(event, LossStep)]
    if not steps:
        return 0.0
    groups = 1 if request.scope == "joint" else len(request.tasks)
    return min(1.0, len(steps) / (groups * steps[-1].total))


def has_result(job: Job[AttackEvent]) -> bool:
    """Whether there is something to show of it; its measures may still be on their way."""
    return any(isinstance(event, Result) for event in job.events)
