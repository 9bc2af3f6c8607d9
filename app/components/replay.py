"""An iterative attack, scrubbed through: picture, perturbation, outputs and losses of each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import replay, resources, works
from app.components.registering import register, together
from app.replay import Replay
from app.request import Request
from app.result import Result
from app.state import heard, keys, permalink
from app.words import plain, sentence
from mta_core.jobs import Job

_component = register("replay", together("shared.js", "replay_panels.js", "replay.js"), together("replay.css"))
LATER = "The steps can be replayed when the attack has ended."
GONE = "The steps of this attack are not kept any more: later ones took their memory."


def draw(request: Request, result: Result | None, is_live: bool) -> bool:
    """Shows the steps of the last result; whether more of its outputs are on their way."""
    if result is None or is_live or result.request != request:
        works.drop(works.REPLAY)
        st.caption(LATER)
        return False
    recording = result.recording
    if recording is None or not recording.frames:
        st.caption(GONE)
        st.button("Run it again", key="replay_again", on_click=_run_again, args=(request,))
        return False
    made = result.once("replay", lambda: Replay(result, recording))
    told = heard.take_told(keys.REPLAY_VIEW)
    wants = [str(name) for name in told.get("wants", [])]
    job = _work(made, told)
    is_waiting = not job.is_done and not job.is_stopping  # asked first: what ends meanwhile is drawn by the next look
    done, count = made.count()
    words = {"done": done, "count": count, "running": is_waiting, "stopped": job.is_stopping and done < count}
    if job.error is not None:
        st.error(plain(sentence(str(job.error))))
    data = replay.message(made, wants, _step(made), words)
    _component(key=keys.REPLAY_VIEW, data=data, on_asks_change=_asked)
    return is_waiting and not wants  # the browser asks on, and the next look must not take the place of its answer


def _work(made: Replay, told: Mapping[str, Any]) -> Job[Any]:
    """The computation of outputs: begun here, ended or gone on with as the browser told."""
    if isinstance(at := told.get("step"), int):
        made.wanted = at
    job: Job[Any] | None = works.on(works.REPLAY, made)
    if job is not None and told.get("work") == "stop":
        job.stop()
    is_given_up = job is not None and job.is_cancelled and not job.is_stopping
    if job is None or is_given_up or (job.is_stopping and told.get("work") == "go"):
        workshop = resources.workshop()
        job = workshop.worker.submit(lambda own: made.work(workshop, own))
        works.keep(works.REPLAY, made, job)
    return job


def _step(made: Replay) -> int:
    """The step of the link, else the last one."""
    text = permalink.in_link(keys.STEP)
    return int(text) if text.isdecimal() and int(text) in made.steps else made.steps[-1]


def _asked() -> None:
    """Called when the browser asks for files, tells the step it shows, or has the computation stopped or go on."""
    told = heard.told(keys.REPLAY_VIEW, "asks")
    if not isinstance(told, dict):
        return
    heard.keep_told(keys.REPLAY_VIEW, told)
    if isinstance(step := told.get("step"), int):
        permalink.keep_in_link(keys.STEP, "" if told.get("is_last") else str(step))


def _run_again(request: Request) -> None:
    works.keep(works.ATTACK, request, resources.workshop().attack(request))
