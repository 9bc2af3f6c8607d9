"""One picture, attacked: choose, run, show."""

from __future__ import annotations

import streamlit as st

from app import panels, resources, state
from app.components import controls, detail, pictures, stage, status
from app.panels import Beside, View
from app.workshop import AttackEvent, LossStep, Request, Result
from mta_core.jobs import Job

QUICK, FIRST_STEP = 15.0, 1.0
"""Seconds to wait for the result of a quick attack, or the first step of an iterative one, before drawing."""
TRAIN = (
    "There is no trained victim yet: make one with "
    "`python -m mta_core train victim --preset dmtl --out runs/dmtl`, then reload this page."
)


def page() -> None:
    if not resources.workshop().victims():
        st.info(TRAIN)
        return
    with st.sidebar:
        picture = pictures.choose()
        if picture is not None:
            request = controls.choose(picture)
            gain, beside = controls.look(bool(picture.targets))
    if picture is None:
        st.info("Choose a picture in the side bar.")
        return
    with st.container(key="results"):
        show(request, gain, beside)


def show(request: Request, gain: int, beside: Beside) -> None:
    """The newest result, looking again while something is being computed."""
    job = run(request)
    live = job is not None and not job.is_done
    drawn = False

    def look() -> None:
        nonlocal drawn
        results(request, job, gain, beside)
        if drawn and live and job is not None and job.is_done:
            st.rerun()  # only when looking again: on the first time the page below is still to be drawn
        drawn = True

    st.fragment(look, run_every=0.25 if live else None)()
    following = (live and request.is_iterative) or detail.is_computing(request)
    st.fragment(details, run_every=0.6 if following else None)(request, job, following)


def run(request: Request) -> Job[AttackEvent] | None:
    """The job of this request, started if need be; None where its result is there already."""
    job = state.job_of(request)
    take(job)
    if job is not None and (not job.is_done or job.error):
        return job
    shown = state.shown()
    if shown is not None and shown.request == request and shown.is_complete:
        return None
    known = resources.workshop().results.get(request)
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
    start(request)
    st.rerun()


def take(job: Job[AttackEvent] | None) -> None:
    """Puts the newest result of a job on the page."""
    if job is None or job.is_cancelled:
        return
    found = [event for event in job.events if isinstance(event, Result)]
    if found:
        state.show(found[-1])


def results(request: Request, job: Job[AttackEvent] | None, gain: int, beside: Beside) -> None:
    """Status and pictures; the last result stays until the next is there."""
    take(job)
    result = state.shown()
    chosen = status.toolbar(request, job, result, again=lambda: start_again(request))
    if job is not None and job.error:
        st.error(f"{job.error}.")
    if result is not None:
        names = list(result.outcome.perturbations)
        view = View(chosen if chosen in names else names[0], gain, beside)
        progress = None if result.request == request else status.progress(request, job)
        stage.draw(panels.message(result, view, progress=progress, live=steps_of(job)))
        detail.downloads(result, view)
    else:
        stage.draw(panels.outline(request, steps_of(job)))


def details(request: Request, job: Job[AttackEvent] | None, following: bool) -> None:
    """Charts; they follow a running attack."""
    running = job is not None and not job.is_done
    detail.tabs(request, state.shown(), steps_of(job) if running else [])
    waiting = (running and request.is_iterative) or detail.is_computing(request)
    if waiting != following:  # begins to look again, or ends it
        st.rerun()


def steps_of(job: Job[AttackEvent] | None) -> list[LossStep]:
    return [event for event in job.events if isinstance(event, LossStep)] if job else []


page()
