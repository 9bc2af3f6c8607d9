"""The second victim of the page Explore: chosen, attacked when the first one is done, and shown beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app import resources, tables, versus, works
from app.components import by_name, status
from app.components.controls import WIDE
from app.request import Request
from app.result import AttackEvent, Result
from app.second import THREATS, Second, Threat, candidates, threats
from app.state import keys
from app.words import in_sentence, plain
from mta_core.jobs import Job
from mta_core.tasks import Task
from mta_core.weights import Card

NONE = "none"
HELP = "Another model that answers the same tasks, beside the first one: a robust one, say."
THREAT_HELP = (
    "White-box: the same attack made on the second victim itself, which is what robustness is measured by. Transfer: "
    "it sees the very picture that was made on the first victim."
)
NO_WHITE_BOX = (
    "Only Transfer can be chosen: no {attack} generator was made for {victim} and these choices. Choose the attack PGD "
    "to attack {victim} itself, or train a generator for it on the page Train."
)


def choose(request: Request) -> Second | None:
    """The second victim, where there is one that answers the tasks, and what it meets."""
    card = choose_card(request.victim, request.tasks)
    if card is None:
        return None
    offered = threats(request, card)
    second = Second(card, choose_threat(offered))
    if len(offered) < len(THREATS):
        st.caption(plain(NO_WHITE_BOX.format(attack=request.attack.label, victim=card.name)))
    return second


def choose_card(attacked: str, tasks: Sequence[Task]) -> Card | None:
    """Another victim that answers the tasks; None without one."""
    found = candidates(resources.workshop().victims(), attacked, tasks)
    if not found:
        return None
    return found.get(by_name.choose("Second victim", [NONE, *found], key=keys.SECOND, help=HELP))


def choose_threat(offered: Sequence[str] = tuple(THREATS)) -> Threat:
    chosen = st.segmented_control(
        "Attack on it", offered, default=offered[0], key=keys.THREAT, help=THREAT_HELP, **WIDE
    )
    return THREATS[chosen if chosen in offered else offered[0]]


def work(second: Second | None, first: Result | None, request: Request) -> Job[AttackEvent] | None:
    """The work on the second victim, started as soon as all is known of the first one; None where there is none."""
    if second is None or first is None or not first.is_complete_for(request) or first.stopped_at is not None:
        return None
    asked = second.request(request)
    job: Job[AttackEvent] | None = works.on(keys.SECOND, asked)
    is_given_up = job is not None and job.is_cancelled and not job.is_stopping
    if job is not None and not is_given_up:
        return job
    if resources.workshop().result(asked) is not None:
        works.drop(keys.SECOND)
        return None
    return start(second, first)


def start(second: Second, first: Result) -> Job[AttackEvent]:
    workshop, asked = resources.workshop(), second.request(first.request)
    job = workshop.transfer(first, asked) if second.is_transfer else workshop.attack(asked)
    works.keep(keys.SECOND, asked, job)
    return job


def result(second: Second, first: Result) -> Result | None:
    """What is known of the second victim for a result of the first one."""
    asked = second.request(first.request)
    job: Job[AttackEvent] | None = works.on(keys.SECOND, asked)
    found = [event for event in job.events if isinstance(event, Result)] if job else []
    return found[-1] if found else resources.workshop().result(asked)


def table(second: Second, first: Result) -> None:
    """All measures of both, with what they say and what they do not."""
    names = (first.request.victim, second.card.name)
    known = result(second, first)
    caption = (
        f"{first.request.attack.label} at {first.request.budget.label} on {first.request.picture.name}, both victims"
    )
    st.html(tables.versus_table(versus.measures(first, known), names, caption))
    without = [in_sentence(o.task.label) for o in first.outcome.tasks.values() if o.truth is None]
    if first.request.is_targeted:
        st.caption("Measured against the target: better is nearer to it.")
    elif without:
        st.caption(f"No ground truth for {', '.join(without)}: each victim is measured against its own clean output.")
    st.caption(plain(second.words(first.request.victim)))


def fits(second: Second | None, first: Result) -> bool:
    """Whether a result can be shown beside that of the second victim: it may be one of before something was chosen."""
    request = first.request
    return second is not None and bool(candidates([second.card], request.victim, request.tasks))


def is_told(second: Second, job: Job[AttackEvent] | None) -> bool:
    """Whether the status is that of the second victim: its own attack is running, was stopped, or failed."""
    return job is not None and not second.is_transfer and (not job.is_done or job.is_stopping or bool(job.error))


def toolbar(
    second: Second, job: Job[AttackEvent] | None, first: Result, more: Callable[[str], None] = lambda _: None
) -> str:
    """As `app.components.status.toolbar`, of the second victim."""
    asked = second.request(first.request)
    return status.toolbar(
        asked, job, result(second, first), lambda: _start_again(second, first), is_second=True, more=more
    )


def _start_again(second: Second, first: Result) -> None:
    """Called by a button."""
    start(second, first)


def drop_others(second: Second | None, request: Request) -> None:
    """Ends the work on a second victim that nobody asks for any more: it would keep the first one waiting."""
    if second is None:
        works.drop(keys.SECOND)
    else:
        works.drop_others(keys.SECOND, second.request(request))
