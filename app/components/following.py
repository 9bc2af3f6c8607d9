"""A page that shows one attack on one picture: choose, run, show. Started when it is asked for, followed until its
result is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import streamlit as st

from app import news, panels, resources, versus, works
from app.components import beside, chrome, detail, live_epsilon, pictures, pulse, share, stage, status
from app.components.hearing import check, hear
from app.library import Picture
from app.news import News
from app.panels import Beside, TaskRow, View
from app.request import Request
from app.result import AttackEvent, LossStep, Result
from app.scaled import Slider
from app.second import Second
from app.state import choices, keys, pages, session
from app.words import plain, sentence
from mta_core.jobs import Job

QUICK, FIRST_STEP = 15.0, 1.0
"""Seconds to wait for the result of a quick attack, or the first step of an iterative one, before drawing."""
SOON = 1.0
"""Seconds until its turn within which an attack is waited for; in a crowd the page is drawn first."""
SELDOM = 1.0
"""Seconds between two looks in a crowd."""


@dataclass(frozen=True)
class Asked:
    """What the side bar asks for.

    Attributes:
        gain, beside: see `app.panels.View`.
        task_row: see `app.panels.message`.
        second: a victim that is shown beside the attacked one.
    """

    request: Request
    gain: int
    beside: Beside = "truth"
    task_row: TaskRow | None = None
    second: Second | None = None


Below = Callable[[Request, Result | None, bool, list[LossStep], Second | None], bool]
"""Draws what is below the pictures: of the last whole result, whether an attack is running, its steps, and a second
victim. Whether more of it is on its way."""


def page(
    choose: Callable[[Picture], Asked], below: Below, part: str, above: Callable[[Request], None] | None = None
) -> None:
    """The whole page; both its parts look again by themselves while something is being computed.

    Args:
        choose: the form of the attack on a picture.
        part: key of the widget that `below` looks after itself.
        above: says what must be known before the pictures.
    """
    if not chrome.has_victims():
        return
    with st.sidebar:
        picture = pictures.choose()
        asked = choose(picture) if picture is not None else None
        used = choices.side_bar()
        st.fragment(check)(used, pages.count_redraws())
    if asked is None or asked.request.picture.is_missing:
        pictures.ask()
        return
    if above is not None:
        above(asked.request)
    with st.container(key="results"):
        st.html('<i class="mta-first"></i>')  # a container without a child is not drawn, nor what it says meanwhile
        job = run(asked.request)
        st.fragment(results)(asked, job, used)
        st.fragment(details)(asked, job, used, below, part)


def follow(request: Request, job: Job[AttackEvent] | None) -> None:
    """Draws the page again where another attack took the place of this one, or to start one anew that was dropped."""
    if works.is_replaced(request, job) or works.is_dropped(request, job):
        st.rerun()


def run(request: Request) -> Job[AttackEvent] | None:
    """The job of this request, started if need be; None where its result is there already."""
    job: Job[AttackEvent] | None = works.on(works.ATTACK, request)
    take(job)
    if job is not None and (not job.is_done or job.error):
        return job
    shown = session.shown()
    known = shown if shown and shown.is_complete_for(request) else resources.workshop().result(request)
    if known is not None:
        works.drop(works.ATTACK)
        session.show(known)
        return None
    return start(request)


def start(request: Request) -> Job[AttackEvent]:
    job = resources.workshop().attack(request)
    works.keep(works.ATTACK, request, job)
    if resources.workshop().worker.expected(job) < SOON:
        job.wait(0, FIRST_STEP if request.is_iterative else QUICK)
        take(job)
    return job


def look_again(job: Job[AttackEvent] | None, least: float) -> float:
    """Seconds until a part of the page looks what has become of a job: half of those until there may be something new,
    since each look takes a little from everybody."""
    expected = resources.workshop().worker.expected(job) if job is not None else 0.0
    return max(least, min(expected / 2, SELDOM))


def start_again(request: Request) -> None:
    """Called by a button: whatever part of the page is drawn next sees that there is a new job."""
    works.keep(works.ATTACK, request, resources.workshop().attack(request))


def take(job: Job[AttackEvent] | None) -> None:
    """Puts the newest result of a job on the page, unless another was started since: a part that still waits for the
    earlier one must not bring its result back."""
    if job is None or job.is_cancelled or not works.is_kept(job):
        return
    found = [event for event in job.events if isinstance(event, Result)]
    if found:
        session.show(found[-1])


def newest(job: Job[AttackEvent] | None) -> Result | None:
    """What is on the page, as of now."""
    take(job)
    return session.shown()


def steps_of(job: Job[AttackEvent] | None) -> list[LossStep]:
    return [event for event in job.events if isinstance(event, LossStep)] if job else []


def results(asked: Asked, job: Job[AttackEvent] | None, used: Mapping[str, object]) -> None:
    """Status and pictures; the last result stays until the next is there."""
    hear(used, keys.WHOSE)
    moved = live_epsilon.moved(asked.request)
    slider = live_epsilon.slider(
        asked.request, is_moved=moved not in (None, asked.request), is_alone=asked.second is None
    )
    if moved is not None:
        asked, job = replace(asked, request=moved), run(moved)
    request = asked.request
    fresh = news.of(job)
    follow(request, job)
    is_live = job is not None and not job.is_done  # asked first: what ends meanwhile is drawn by the next look
    other = beside.work(asked.second, newest(job), request)
    if other is not None:
        fresh = news.of(job, other)
    is_comparing = other is not None and not other.is_done
    result = newest(job)
    if result is not None and request.to and not result.request.to:
        result = None  # of a page that tries nothing on another victim
    second = asked.second if result is not None and beside.fits(asked.second, result) else None
    known = beside.result(second, result) if second is not None and result is not None else None
    is_whole = result is not None and result.is_complete and (known is None or known.is_complete)
    is_busy = is_live or is_comparing or not is_whole

    def at_the_end(chosen: str) -> None:
        share.popover(request, result, _view(asked, result, chosen), is_busy, known)

    if second is not None and result is not None and beside.is_told(second, other):
        chosen = beside.toolbar(second, other, result, at_the_end)
    else:
        chosen = status.toolbar(request, job, result, lambda: start_again(request), more=at_the_end)
    for each in (job, other):
        if each is not None and each.error:
            st.error(plain(sentence(str(each.error))))
    progress = status.progress(request, job)
    if result is not None:
        view = _view(asked, result, chosen)
        stage.draw(partial(_message, asked, result, known, view, progress, steps_of(job), slider))
        detail.downloads(result, view, is_busy, known)
    else:
        stage.draw(lambda _: panels.outline(request, progress, steps_of(job)))
    running = job if is_live else other if is_comparing else None
    is_measuring = running is not None and status.has_result(running)  # the browser is busy with its pictures
    pulse.beat("watch_results", look_again(running, 0.6 if is_measuring else 0.3) if running else None, news=fresh)


def _view(asked: Asked, result: Result | None, chosen: str) -> View:
    """Of the perturbation that was chosen, where the result has it."""
    names = list(result.outcome.perturbations) if result is not None else [chosen]
    return View(chosen if chosen in names else names[0], asked.gain, asked.beside)


def _message(
    asked: Asked,
    result: Result,
    known: Result | None,
    view: View,
    progress: float | None,
    live: list[LossStep],
    slider: Slider,
    wanted: stage.Wanted,
) -> bytes:
    """The stage's data.

    Args:
        known: what is known of the second victim.
    """
    slider = live_epsilon.for_message(slider, result, view, progress, with_files=wanted.files)
    if beside.fits(asked.second, result) and (second := asked.second):
        names = (result.request.victim, second.card.name)
        return versus.message(
            result, known, names, view, progress, live, is_transfer=second.is_transfer, with_files=wanted.files,
            values=wanted.values, slider=slider,
        )  # fmt: skip
    return panels.message(
        result, view, progress, live, task_row=asked.task_row, with_files=wanted.files, values=wanted.values,
        slider=slider,
    )  # fmt: skip


def details(asked: Asked, job: Job[AttackEvent] | None, used: Mapping[str, object], below: Below, part: str) -> None:
    """Charts and tables; they follow what is running."""
    request = asked.request
    hear(used, part, *keys.SURVIVAL)
    fresh = news.of(job)
    follow(request, job)
    is_live = job is not None and not job.is_done
    other = beside.work(asked.second, newest(job), request)  # it may have ended since the pictures were drawn
    if other is not None:
        fresh = news.of(job, other)
    running = job if is_live else other if other is not None and not other.is_done else None
    steps = steps_of(job) if is_live else []
    is_waiting = below(request, session.measured(), running is not None, steps, asked.second)
    pulse.beat(
        "watch_details", look_again(running, 0.7) if running or is_waiting else None,
        news=News() if is_waiting else fresh,
    )  # fmt: skip
