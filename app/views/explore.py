"""One picture, attacked: choose, run, show."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import state
from app.components import chrome, controls, detail, pictures, pulse
from app.components.following import follow, results, run, steps_of, take
from app.components.hearing import check, hear
from app.panels import Beside
from app.workshop import AttackEvent, Request
from mta_core.jobs import Job


def page() -> None:
    state.arrive()
    if not chrome.has_victims():
        return
    with st.sidebar:
        picture = pictures.choose()
        if picture is not None:
            request = controls.choose(picture)
            gain, beside = controls.look(request)
        used = state.choices()
        st.fragment(check)(used, state.count_redraws())
    if picture is None:
        st.info("Choose a picture in the side bar.")
        return
    with st.container(key="results"):
        st.html('<i class="mta-first"></i>')  # a container without a child is not drawn, nor what it says meanwhile
        show(request, gain, beside, used)


def show(request: Request, gain: int, beside: Beside, used: Mapping[str, object]) -> None:
    """The newest result. Both parts look again by themselves while something is being computed."""
    state.drop_curve_of_others(request)
    job = run(request)
    st.fragment(results)(request, job, gain, beside, used)
    st.fragment(details)(request, job, used)


def details(request: Request, job: Job[AttackEvent] | None, used: Mapping[str, object]) -> None:
    """Charts; they follow a running attack."""
    hear(used, state.DETAIL)
    follow(request, job)
    is_live = job is not None and not job.is_done
    take(job)  # it may have ended since the pictures were drawn
    is_waiting = detail.tabs(request, state.measured(), is_live, steps_of(job) if is_live else [])
    pulse.beat("watch_details", 0.7 if is_live or is_waiting else None)


page()
