"""What the tests of the page read from it."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from streamlit.testing.v1 import AppTest

from app import resources
from mta_core.job_records import Record
from mta_core.jobs import Job


def work(at: AppTest, place: str = "attack") -> tuple[Any, Job[Any]] | None:
    """What was asked for last at a place of the page, and the job of it."""
    works = at.session_state["_held"].get("work", {}) if "_held" in at.session_state else {}
    found: tuple[Any, Job[Any]] | None = works.get(place)
    return found


def job_of(at: AppTest, place: str = "attack") -> Job[Any]:
    found = work(at, place)
    assert found is not None
    return found[1]


def settle(at: AppTest) -> AppTest:
    """Runs until the running attack has ended, as the browser's polling does."""
    for _ in range(200):
        assert not at.exception, at.exception
        asked = work(at)
        if asked is None:
            return at
        asked[1].wait(len(asked[1].events), 5)
        was_done = asked[1].is_done
        at.run()
        if was_done and read_stage(at)["progress"] is None:
            return at
    raise AssertionError("the attack does not end")


def to_the_end(job: Job[Any]) -> None:
    while not job.is_done:
        job.wait(len(job.events), 5)


def read_message(message: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The header of a stage's message, and its PNG files and values by digest."""
    text, _, blob = message.partition(b"\n")
    header, files, offset = json.loads(text), {}, 0
    for digest, length in header["files"] + header["values"]:
        files[digest] = blob[offset : offset + length]
        offset += length
    assert offset + sum(length for _, length in (header["live"] or {}).get("files", ())) == len(blob)
    return header, files


def read_directions(message: bytes) -> dict[str, NDArray[np.int16]]:
    """The directions in a stage's message by digest, (H, W, 3) flat."""
    text, _, blob = message.partition(b"\n")
    live, found = json.loads(text)["live"], {}
    offset = len(blob) - sum(length for _, length in live["files"])
    for digest, length in live["files"]:
        found[digest] = np.frombuffer(blob[offset : offset + length], "<i2")
        offset += length
    return found


def stage_bytes(at: AppTest) -> bytes:
    return next(c.proto.bytes for c in at.get("bidi_component") if c.proto.component_name.endswith("mta_stage"))


def read_stage(at: AppTest) -> dict[str, Any]:
    return read_message(stage_bytes(at))[0]


def png(size: tuple[int, int] = (64, 48), colour: str = "teal") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def on_board() -> list[Record]:
    """The jobs on the board, the newest first."""
    return resources.board().records()


def until(is_so: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


def until_board_rests() -> None:
    """Waits until no job waits or runs."""
    until(lambda: all(record.state not in ("queued", "running") for record in on_board()))
