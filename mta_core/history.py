"""What happened in a job, on disk a line each; a line that was cut off counts as not written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from mta_core.events import Event, Message, Progress, Row
from mta_core.results import to_json
from mta_core.weights import write_atomically

NAME = "events.jsonl"
EVERY = 0.5
"""Seconds between two points of progress that are kept, at first."""
POINTS = 2000
"""At most so many are kept of a job: where there would be more, every second one goes, and from then on the time
between two is twice as long."""


class History:
    """The events of a job: every row and message, and enough of the progress to draw it."""

    def __init__(self, path: Path, events: list[Event]) -> None:
        self._path, self._events = path, events
        self._file: IO[bytes] | None = None
        self._every, self._kept_at = EVERY, -EVERY
        self._num_points = _num_points(events)
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
        events = _without_undone(events)
        while _num_points(events) > POINTS:
            events = _thinned(events)
        return cls(path, events)

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
                self._num_points = _num_points(self._events)
            self._latest = event
            now = time.monotonic()
            if now - self._kept_at < self._every:
                return
            self._kept_at = now
            if self._num_points >= POINTS - 1:  # there may be a last one when it is closed
                self._thin()
            self._num_points += 1
        self._events.append(event)
        self._write(event)

    def close(self) -> None:
        if self._latest is not None and self._latest not in self._events[-3:]:
            self._events.append(self._latest)
            self._write(self._latest)
        self._let_go()

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _thin(self) -> None:
        """On disk too, since that is what others read."""
        thinned = _thinned(self._events)
        self._let_go()
        write_atomically(self._path, b"".join(map(_line, thinned)))
        self._events, self._num_points, self._every = thinned, _num_points(thinned), 2 * self._every

    def _write(self, event: Event) -> None:
        if self._file is None:
            is_torn = self._path.exists() and self._path.read_bytes()[-1:] not in (b"", b"\n")
            self._file = self._path.open("ab")
            if is_torn:
                self._file.write(b"\n")
        self._file.write(_line(event))
        self._file.flush()


@lru_cache(8)
def _read_events(folder: Path, *stamp: int) -> tuple[Event, ...]:
    return tuple(History.read(folder).events)


@lru_cache(4096)
def _read_messages(folder: Path, *stamp: int) -> tuple[Message, ...]:
    return tuple(event for event in History.read(folder).events if isinstance(event, Message))


def events_of(folder: Path) -> Sequence[Event]:
    """What happened in a job that somebody else does, or nobody; parsed once as long as the file does not change."""
    return _read_events(folder, *_stamp(folder))


def messages_of(folder: Path) -> Sequence[Message]:
    """The messages alone, which for all jobs are little to keep."""
    return _read_messages(folder, *_stamp(folder))


def _stamp(folder: Path) -> tuple[int, ...]:
    """Another one after every change."""
    try:
        found = (folder / NAME).stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _line(event: Event) -> bytes:
    return json.dumps({"kind": type(event).__name__, **to_json(vars(event))}).encode() + b"\n"


def _num_points(events: Sequence[Event]) -> int:
    return sum(isinstance(event, Progress) for event in events)


def _thinned(events: list[Event]) -> list[Event]:
    """Without every second point of the progress, but with its last."""
    places = [place for place, event in enumerate(events) if isinstance(event, Progress)]
    gone = set(places[-2::-2])
    return [event for place, event in enumerate(events) if place not in gone]


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
