"""What a session holds: who it is, the results it shows, and what others keep in it."""

from __future__ import annotations

import secrets
from typing import Any

import streamlit as st

from app.library import Picture
from app.result import Result
from app.watching import Seat

_HELD = "_held"
"""Key of what is large: it is let go when the browser is gone, which Streamlit does when the next one goes."""
_SHOWN, _MEASURED, _SEAT = "shown", "measured", "seat"
"""Keys in there."""
_MEMORY, _OWNER, _SERIES = "_memory", "_owner", "_series"


def held() -> dict[str, Any]:
    """What is large, by who keeps it."""
    kept: dict[str, Any] = st.session_state.setdefault(_HELD, {})
    return kept


def memory() -> dict[str, Any]:
    """What `app.remembered` keeps."""
    kept: dict[str, Any] = st.session_state.setdefault(_MEMORY, {})
    return kept


def owner() -> str:
    """Names this browser on the job board, whose queue serves browsers in turn."""
    return str(st.session_state.setdefault(_OWNER, secrets.token_hex(4)))


def keep_series(asked: tuple[Any, ...]) -> None:
    """Remembers what Transfer's table of a data set shows: it stays until something else is measured."""
    st.session_state[_SERIES] = asked


def last_series() -> tuple[Any, ...]:
    return st.session_state.get(_SERIES, ())


def leave_seat() -> None:
    """This session does not look at a training any more."""
    held().pop(_SEAT, None)


def seat(job: str, picture: Picture) -> Seat:
    """Where this session looks at a training; another picture is looked at from another one."""
    kept: Seat | None = held().get(_SEAT)
    if kept is None or (kept.job, kept.picture) != (job, picture):
        kept = held()[_SEAT] = Seat(job, picture)
    return kept


def shown() -> Result | None:
    """The result on the page; it stays until the next one is there."""
    return held().get(_SHOWN)


def show(result: Result) -> None:
    held()[_SHOWN] = result
    if result.is_complete:
        held()[_MEASURED] = result


def measured() -> Result | None:
    """The last complete result: what charts show while the next is being measured."""
    return held().get(_MEASURED)
