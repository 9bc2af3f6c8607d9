"""What happened in a job, on disk a line each; a line that was cut off counts as not written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from mta_core.events import Event, Message, Progress, Row
from mta_core.results import to_json

NAME = "events.jsonl"
EVERY = 0.5
"""Seconds between two points of progress that are kept, at first."""
POINTS = 2000
"""About so many are kept of a long job: the longer it runs, the longer the time between two."""


class History:
    """The events of a job: every row and message, and enough of the progress to draw it."""

    def __init__(self, path: Path, events: list[Event]) -> None:
        self._path, self._events = path, events
        self._file: IO[bytes] | None = None
        self._begun, self._kept_at = time.monotonic(), -EVERY
        self._latest: Progress | None = None

    @classmethod
    def read(cls, folder: Path) -> History:
        path, events = folder / NAME, list[Event]()
        if path.is_file():
            with path.open("rb") as file:
                for line in file:
                    event = _read(line)
                    if event is not None:
                        events.append(event)
        return cls(path, _without_undone(events))

    @property
    def events(self) -> list[Event]:
        """In their order, with the latest progress."""
        latest = [self._latest] if self._latest and self._latest not in self._events[-3:] else []
        return [*self._events, *latest]

    def add(self, event: Event) -> None:
        """Keeps an event, unless it is progress and the last one is fresh.

        Raises:
            OSError: it cannot be written.
        """
        if isinstance(event, Progress):
            if self._latest is None or event.done < self._latest.done:  # it goes on from before its last point
                self._events = _without_undone([*self._events, event])[:-1]
            self._latest = event
            now = time.monotonic()
            if now - self._kept_at < max(EVERY, (now - self._begun) / POINTS):
                return
            self._kept_at = now
        self._events.append(event)
        self._write(event)

    def close(self) -> None:
        if self._latest is not None and self._latest not in self._events[-3:]:
            self._events.append(self._latest)
            self._write(self._latest)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, event: Event) -> None:
        if self._file is None:
            is_torn = self._path.exists() and self._path.read_bytes()[-1:] not in (b"", b"\n")
            self._file = self._path.open("ab")
            if is_torn:
                self._file.write(b"\n")
        line = {"kind": type(event).__name__, **to_json(vars(event))}
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()


def _without_undone(events: list[Event]) -> list[Event]:
    """Without the progress that a job had made when it was cut off and made again: it is told by its second time."""
    kept: list[Event] = []
    lowest: dict[str, float] = {}
    for event in reversed(events):
        if isinstance(event, Progress):
            if event.done >= lowest.get(event.unit, float("inf")):
                continue
            lowest[event.unit] = event.done
        kept.append(event)
    return kept[::-1]


MAKERS: Mapping[str, Callable[..., Event]] = {"Progress": Progress, "Row": Row, "Message": Message}


def _read(line: bytes) -> Event | None:
    try:
        fields: dict[str, Any] = json.loads(line)
        made = MAKERS[fields.pop("kind")](**fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if isinstance(made, Message):
        return made if isinstance(made.text, str) else None
    is_sound = isinstance(fields.get("values", {}), dict)
    if isinstance(made, Progress):
        is_sound &= type(made.done) is type(made.total) is int
        is_sound &= isinstance(made.unit, str) and isinstance(made.stage, str)
    return made if is_sound else None
