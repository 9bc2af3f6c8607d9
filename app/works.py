"""What is computed for the places of a page in this session, the latest that is asked for in each."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from app.request import Request
from app.result import AttackEvent
from app.state import session
from mta_core.jobs import Job

ATTACK, CURVE, GRADIENTS, SURVIVAL, REPLAY = "attack", "curve", "gradients", "survival", "replay"
"""Places: the attack of a page, its curve, the gradients of a picture, what is left of an attack, and the outputs
at its steps."""
_WORK = "work"


def on(place: str, asked: Hashable) -> Job[Any] | None:
    """The work of a place on a page, if it is for what is asked there now."""
    known = _works().get(place)
    return known[1] if known and known[0] == asked else None


def last(place: str) -> tuple[Any, Job[Any]] | None:
    """What was asked for last at a place, and its work, whatever is asked there now."""
    return _works().get(place)


def keep(place: str, asked: Hashable, job: Job[Any]) -> None:
    """The latest that is asked for wins: the work before is dropped."""
    drop(place)
    _works()[place] = (asked, job)


def drop(place: str) -> None:
    known = _works().pop(place, None)
    if known:
        known[1].leave()


def drop_all() -> None:
    """Ends the work of all places; called when another page is opened."""
    for place in list(_works()):
        drop(place)


def drop_others(place: str, asked: Hashable) -> None:
    """Ends the work of a place that is for something else than what is asked there now."""
    if on(place, asked) is None:
        drop(place)


def _works() -> dict[str, tuple[Any, Job[Any]]]:
    works: dict[str, tuple[Any, Job[Any]]] = session.held().setdefault(_WORK, {})
    return works


def is_kept(job: Job[AttackEvent]) -> bool:
    """Whether this is the attack that was started last; a part of the page may be drawn for an earlier one yet."""
    asked = last(ATTACK)
    return asked is not None and asked[1] is job


def is_replaced(request: Request, job: Job[AttackEvent] | None) -> bool:
    """Whether the same request was started once more since this job."""
    return on(ATTACK, request) not in (None, job)


def is_dropped(request: Request, job: Job[AttackEvent] | None) -> bool:
    """Whether nobody looked for so long that the attack was given up, though it is still the wanted one.

    A tab that was frozen looks again. What a person stopped is not wanted.
    """
    return job is not None and job.is_cancelled and not job.is_stopping and on(ATTACK, request) is job
