"""Two attacks on one picture, beside each other, with the difference."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import exports, news, pair, panels, resources, works
from app.comparison import OnePicture
from app.components import downloads, leave, pulse, stage, status
from app.components.contest import Pair
from app.components.hearing import hear
from app.request import Request
from app.result import AttackEvent, LossStep, Result
from app.state import keys, pages
from app.words import perturbation_title, plain, sentence
from mta_core.data.content import content_of
from mta_core.jobs import Job

PLACES = ("duel_a", "duel_b")
FIRST_STEP = 1.0
"""Seconds to wait for something to show, before the page is drawn."""


def draw(asked: Pair, used: Mapping[str, object]) -> None:
    """Everything there is to see of the two; looks again by itself while one is being computed."""
    hear(used, keys.WHOSE)
    leave.go()
    jobs = [_job(place, request) for place, request in zip(PLACES, asked.requests, strict=True)]
    fresh = news.of(*jobs)
    is_live = any(job is not None and not job.is_done for job in jobs)
    found = [_result(request, job) for request, job in zip(asked.requests, jobs, strict=True)]
    task = _toolbar(asked, jobs, found)
    for job in jobs:
        if job is not None and job.error:
            st.error(plain(sentence(str(job.error))))
    first, second = found
    progress = _progress(asked, jobs) if is_live else None
    if first is not None and second is not None:
        stage.draw(
            lambda wanted: pair.message(
                first, second, asked.names, task, progress, with_files=wanted.files, values=wanted.values
            )
        )
    else:
        stage.draw(lambda _: panels.outline(asked.first, progress))
    _downloads(asked, found, is_live)
    pulse.beat("watch_duel", 0.4 if is_live else None, news=fresh)


def _job(place: str, request: Request) -> Job[AttackEvent] | None:
    """The work on one side, started if need be; None where its result is there already."""
    job: Job[AttackEvent] | None = works.on(place, request)
    is_given_up = job is not None and job.is_cancelled and not job.is_stopping
    if job is not None and not is_given_up:
        return job
    if resources.workshop().result(request) is not None:
        works.drop(place)
        return None
    job = resources.workshop().attack(request)
    works.keep(place, request, job)
    job.wait(0, FIRST_STEP)
    return job


def _result(request: Request, job: Job[AttackEvent] | None) -> Result | None:
    found = [event for event in job.events if isinstance(event, Result)] if job else []
    return found[-1] if found else resources.workshop().result(request)


def _toolbar(asked: Pair, jobs: Sequence[Job[AttackEvent] | None], found: Sequence[Result | None]) -> str:
    """What is going on, the buttons that stop and start it, those that open either side in Explore, and whose
    perturbations are shown: the name of the task."""
    running = [job for job in jobs if job is not None and not job.is_done]
    with st.container(horizontal=True, vertical_alignment="center", key="compare_toolbar", gap="small"):
        if running:
            said = " · ".join(_running_words(*side) for side in zip(asked.names, jobs, strict=True))
            st.html(f'<div class="mta-status mta-alive">{html.escape(said)}</div>')
        else:
            said = " · ".join(_finished_words(*side) for side in zip(asked.names, found, strict=True))
            st.html(f'<div class="mta-status" role="status">{html.escape(said)}</div>')
        task = _whose(asked)
        if running and any(request.is_iterative for request in asked.requests):
            st.button("Stop", key="stop_duel", on_click=_stop, args=(running,), help="Keeps what was found so far.")
        elif not running and any(result is None or result.stopped_at is not None for result in found):
            st.button("Run again", key="again_duel", on_click=_again, args=(asked, found))
        else:
            st.html('<i class="mta-none"></i>')
        for letter, request in zip("AB", asked.requests, strict=True):
            name = f"Open {letter} in Explore"
            st.button(name, key=f"open_{letter}", on_click=leave.to_explore, args=(asked.explore(request),))
    return task


def _stop(jobs: Sequence[Job[AttackEvent]]) -> None:
    for job in jobs:
        job.stop()


def _again(asked: Pair, found: Sequence[Result | None]) -> None:
    for place, request, result in zip(PLACES, asked.requests, found, strict=True):
        if result is None or result.stopped_at is not None:
            works.keep(place, request, resources.workshop().attack(request))


def _running_words(name: str, job: Job[AttackEvent] | None) -> str:
    steps = [event for event in job.events if isinstance(event, LossStep)] if job else []
    if job is None or job.is_done:
        return f"{name} is done"
    if any(isinstance(event, Result) for event in job.events):
        return f"{name}: measuring …"
    if job.is_stopping:
        return f"{name}: stopping …"
    return (
        f"{name}: {perturbation_title(steps[-1].perturbation)}, step {steps[-1].done} of {steps[-1].total}"
        if steps
        else f"{name} …"
    )


def _finished_words(name: str, result: Result | None) -> str:
    if result is None:
        return f"{name}: nothing to show"
    stopped = f", stopped after {result.stopped_at} steps" if result.stopped_at is not None else ""
    return f"{name}{stopped}"


def _progress(asked: Pair, jobs: Sequence[Job[AttackEvent] | None]) -> float:
    """The finished share of both."""
    shares = []
    for request, job in zip(asked.requests, jobs, strict=True):
        share = status.progress(request, job)
        shares.append(1.0 if share is None else share)
    return sum(shares) / len(shares)


def _whose(asked: Pair) -> str:
    """The task whose perturbations are shown; the first one where each side has one for all."""
    names = {t.label: t.name for t in asked.first.tasks}
    if len(names) == 1 or all(request.scope == "joint" for request in asked.requests):
        return asked.first.tasks[0].name
    chosen = st.segmented_control(
        "Perturbations of", list(names), default=next(iter(names)), required=True, key=keys.WHOSE,
        label_visibility="collapsed", help="Whose perturbations the first two rows show.", **keys.LINKED,
    )  # fmt: skip
    pages.note_drawn(keys.WHOSE)
    return names.get(chosen or "", asked.first.tasks[0].name)


def _downloads(asked: Pair, found: Sequence[Result | None], is_live: bool) -> None:
    known = [result for result in found if result is not None]
    is_whole = all(result.is_complete and result.stopped_at is None for result in known)
    is_disabled = is_live or len(known) < 2 or not is_whole
    if not is_live and any(result.stopped_at is not None for result in known):
        st.caption("Rows are those of whole attacks: run the stopped one again to take them away.")
    downloads.rows(
        "side-by-side", lambda: _rows(known), lambda: _provenance(asked), "downloads", has_rows=not is_disabled
    )


def _rows(known: Sequence[Result]) -> list[dict[str, Any]]:
    return [row for result in known for row in exports.rows_of(result)]


def _provenance(asked: Pair) -> dict[str, Any]:
    requests = dict(zip(asked.names, asked.requests, strict=True))
    device = resources.workshop().device.label
    picture = asked.first.picture
    contents = {picture.name: content_of(OnePicture(picture), 0)}
    return exports.provenance(requests, device, "picture", [picture.name], contents)
