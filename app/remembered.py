"""What clicks were answered with in this session, until it is said, undone or replaced: what was told, refused, deleted
and chosen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.state import pages, permalink, session
from mta_core.check_data import Check

_AWAY, _CHECK = "away", "check"
_CHOSEN, _DELETED, _TOLD, _DELETED_JOB, _REFUSED = "chosen", "deleted", "told", "deleted_job", "refused"
"""Keys of the memory."""
RUNS = "runs"
"""The query parameter that names the chosen runs of Results."""
MOST_RUNS, LONGEST_ID = 50, 12
"""Of a link that is believed: as many as the table shows, of as many digits."""
MOMENTS = 5.0
"""Seconds for which what is told stays through redraws."""


def note_deleted_job(id: str, title: str) -> None:
    """Remembers what was deleted last, to be undone."""
    session.memory()[_DELETED_JOB] = (id, title)


def deleted_job() -> tuple[str, str] | None:
    """Id and title of what was deleted last."""
    return session.memory().get(_DELETED_JOB)


def forget_deleted_job() -> None:
    session.memory().pop(_DELETED_JOB, None)


def note_refusal(job: str, text: str) -> None:
    """Remembers why what was asked last of a job, as it stands, was not done."""
    session.memory()[_REFUSED] = (job, text)


def refusal(job: str) -> str:
    """Why what was asked last was not done, if that was asked of this job."""
    refused, text = session.memory().get(_REFUSED, ("", ""))
    return str(text) if refused == job else ""


def forget_refusal() -> None:
    session.memory().pop(_REFUSED, None)


def chosen_runs() -> tuple[int, ...]:
    """Runs that were chosen in the table of Results; until any is, those that the link names."""
    known: tuple[int, ...] | None = session.memory().get(_CHOSEN)
    if known is None:
        named = permalink.in_link(RUNS).split(",")[:MOST_RUNS]
        known = tuple(int(id) for id in named if id.isdecimal() and len(id) <= LONGEST_ID)
    return known


def choose_runs(ids: Sequence[int]) -> None:
    session.memory()[_CHOSEN] = tuple(ids)


def keep_runs_in_link() -> None:
    permalink.keep_in_link(RUNS, ",".join(map(str, chosen_runs())))


def deleted_runs() -> tuple[int, ...]:
    """Runs that were deleted last in this session, for as long as that can be undone by a click."""
    return session.memory().get(_DELETED, ())


def note_deleted(ids: Sequence[int]) -> None:
    session.memory()[_DELETED] = tuple(ids)


@dataclass
class Told:
    """What became of a click or a file, told on the page where that was."""

    words: str
    is_error: bool
    page: object
    since: float = 0.0


def tell(words: str, *, is_error: bool = False) -> None:
    """Remembers what became of a click or a file, until the page that says so is drawn."""
    session.memory()[_TOLD] = Told(words, is_error, pages.page())


def told() -> Told | None:
    """What is to be said: once, and in whatever is drawn within moments of it. A click that falls together with a beat
    is two redraws, of which the first would say it and the second take it away unread."""
    said: Told | None = session.memory().get(_TOLD)
    if said is None:
        return None
    now = time.monotonic()
    said.since = said.since or now
    if now - said.since <= MOMENTS and said.page == pages.page():
        return said
    del session.memory()[_TOLD]
    return None


def note_away(kind: str, what: str) -> None:
    """Remembers the `weights` or `data` that were taken away last, to be undone; an empty name for none."""
    session.memory()[_AWAY] = (kind, what)


def away(kind: str) -> str:
    """What of this kind was taken away last, empty where nothing was."""
    last, what = session.memory().get(_AWAY, ("", ""))
    return str(what) if last == kind else ""


def keep_check(found: Check | None) -> None:
    """Remembers what was found in the data set that was looked at last."""
    session.memory()[_CHECK] = found


def last_check() -> Check | None:
    found: Check | None = session.memory().get(_CHECK)
    return found
