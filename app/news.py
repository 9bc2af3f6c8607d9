"""Whether there is something new of a job, for browsers: they ask this many times a second, where drawing a part of the
page again, to see that nothing has changed, would take the processor from what is computed. No streamlit here."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from app.result import Tick
from mta_core.jobs import Job

is_served = False
"""Whether this server answers `/news/NAMES`: `serve.py` does."""


@dataclass(frozen=True)
class News:
    """What a browser asks for, and what it knows."""

    names: str = ""
    known: str = ""


_jobs: WeakValueDictionary[str, Job[Any]] = WeakValueDictionary()
_names: WeakKeyDictionary[Job[Any], str] = WeakKeyDictionary()


def of(*jobs: Job[Any] | None) -> News:
    """What a browser asks by, and what it is answered as long as nothing has changed; empty where nobody answers.

    Asked before a part of the page is drawn of the jobs: what comes while it is drawn is new.
    """
    if not is_served:
        return News()
    live = [job for job in jobs if job is not None]
    names = [_names.setdefault(job, secrets.token_hex(8)) for job in live]
    _jobs.update(zip(names, live, strict=True))
    return News("-".join(names), _states(names))


async def answer(request: Request) -> PlainTextResponse:
    names = request.path_params["names"].split("-")
    return PlainTextResponse(_states(names), headers={"Cache-Control": "no-store"})


def _states(names: Sequence[str]) -> str:
    return ", ".join(_state(_jobs.get(name)) for name in names)


def _state(job: Job[Any] | None) -> str:
    if job is None:
        return "gone"
    shown = sum(not isinstance(event, Tick) for event in job.events)
    return f"{shown} done" if job.is_done else str(shown)
