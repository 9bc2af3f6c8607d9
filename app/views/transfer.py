"""An attack made on one victim and tried on another: choose, run, show (MTA section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import state, tried
from app.components import chrome, controls, pictures, pulse, tryouts
from app.components.following import follow, results, run, take
from app.components.hearing import check, hear
from app.workshop import AttackEvent, Request
from mta_core.jobs import Job


def page() -> None:
    if not chrome.has_victims():
        return
    with st.sidebar:
        picture = pictures.choose()
        if picture is not None:
            request = controls.choose(picture, is_transfer=True)
            gain = controls.gain_of_perturbation()
        used = state.choices()
        st.fragment(check)(used, state.count_redraws())
    if picture is None:
        st.info("Choose a picture in the side bar.")
        return
    tryouts.note(request)
    with st.container(key="results"):
        st.html('<i class="mta-first"></i>')  # a container without a child is not drawn, nor what it says meanwhile
        show(request, gain, used)


def show(request: Request, gain: int, used: Mapping[str, object]) -> None:
    """The newest result. Both parts look again by themselves while something is being computed."""
    job = run(request)
    st.fragment(results)(request, job, gain, "truth", used, tried.task_row)
    st.fragment(details)(request, job, used)


def details(request: Request, job: Job[AttackEvent] | None, used: Mapping[str, object]) -> None:
    """Tables; they follow what is running."""
    hear(used, state.TABLES)
    follow(request, job)
    is_live = job is not None and not job.is_done
    take(job)  # it may have ended since the pictures were drawn
    result = state.measured()
    is_waiting = tryouts.tabs(request, result if result is not None and result.request.to else None)
    pulse.beat("watch_details", 0.7 if is_live or is_waiting else None)


page()
