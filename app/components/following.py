"""The attack of a page: started when it is asked for, followed until its result is shown."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import panels, resources, state
from app.components import detail, pulse, stage, status
from app.components.hearing import hear
from app.panels import Beside, TaskRow, View
from app.words import plain
from app.workshop import AttackEvent, LossStep, Request, Result
from mta_core.jobs import Job

QUICK, FIRST_STEP = 15.0, 1.0
"""Seconds to wait for the result of a quick attack, or the first step of an iterative one, before drawing."""


def follow(request: Request, job: Job[AttackEvent] | None) -> None:
    """Draws the page again where another attack took the place of this one, or to start one anew that was dropped."""
    if state.is_replaced(request, job) or state.is_dropped(request, job):
        st.rerun()


def run(request: Request) -> Job[AttackEvent] | None:
    """The job of this request, started if need be; None where its result is there already."""
    job = state.job_of(request)
    take(job)
    if job is not None and (not job.is_done or job.error):
        return job
    shown = state.shown()
    known = shown if shown and shown.is_complete_for(request) else resources.workshop().result(request)
    if known is not None:
        state.drop_job()
        state.show(known)
        return None
    return start(request)


def start(request: Request) -> Job[AttackEvent]:
    job = resources.workshop().attack(request)
    state.keep_job(request, job)
    job.wait(0, FIRST_STEP if request.is_iterative else QUICK)
    take(job)
    return job


def start_again(request: Request) -> None:
    """Called by a button: whatever part of the page is drawn next sees that there is a new job."""
    state.keep_job(request, resources.workshop().attack(request))


def take(job: Job[AttackEvent] | None) -> None:
    """Puts the newest result of a job on the page, unless another was started since: a part that still waits for the
    earlier one must not bring its result back."""
    if job is None or job.is_cancelled or not state.is_kept(job):
        return
    found = [event for event in job.events if isinstance(event, Result)]
    if found:
        state.show(found[-1])


def steps_of(job: Job[AttackEvent] | None) -> list[LossStep]:
    return [event for event in job.events if isinstance(event, LossStep)] if job else []


def results(
    request: Request,
    job: Job[AttackEvent] | None,
    gain: int,
    beside: Beside,
    used: Mapping[str, object],
    task_row: TaskRow | None = None,
) -> None:
    """Status and pictures; the last result stays until the next is there.

    Args:
        task_row: see `app.panels.message`.
    """
    hear(used, state.WHOSE)
    follow(request, job)
    is_live = job is not None and not job.is_done  # asked first: what ends meanwhile is drawn by the next look
    take(job)
    result = state.shown()
    if result is not None and request.to and not result.request.to:
        result = None  # of a page that tries nothing on another victim
    chosen = status.toolbar(request, job, result, again=lambda: start_again(request))
    if job is not None and job.error:
        st.error(plain(f"{job.error}."))
    progress = status.progress(request, job)
    if result is not None:
        names = list(result.outcome.perturbations)
        view = View(chosen if chosen in names else names[0], gain, beside)
        stage.draw(
            lambda with_files: panels.message(
                result, view, progress, steps_of(job), task_row=task_row, with_files=with_files
            )
        )
        detail.downloads(result, view, is_live or not result.is_complete)
    else:
        stage.draw(lambda _: panels.outline(request, progress, steps_of(job)))
    is_measuring = job is not None and status.has_result(job)  # the browser is busy with its pictures
    pulse.beat("watch_results", (0.6 if is_measuring else 0.3) if is_live else None)
