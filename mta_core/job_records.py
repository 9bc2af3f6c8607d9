"""What was asked of the job board, and where it stands: in memory and on disk.

Each job is a folder: `job.json` says what was asked and where it stands (written whole or not at all), `events.jsonl`
what happened, `lock` is held by the process that works on it or keeps it paused. What says it is running while nobody
holds its lock was cut off with its server, and can go on.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mta_core.locks import FileLock, is_locked
from mta_core.results import to_json
from mta_core.weights import write_atomically

State = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
NAME = "job.json"
MAX_NUMBER = 10**16
"""Of what counts or tells the time: dates have an end, Infinity and NaN are none."""
ID = r"[0-9]{8}-[0-9]{6}-[0-9a-f]{4}"
"""When it was asked for, and four random digits."""
CUT_OFF = "The server ended while this was running; it can go on from what it had saved."
ELSEWHERE = "this job belongs to another server that keeps its jobs here: change it on the page Jobs of that one"
TRIES = 5


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes:
        kind: names what does it, see `Board`.
        title: for people.
        settings: everything that it depends on, of JSON's types.
        owner: who asked; the queue serves owners in turn.
        command: the same on the command line, if there is such a command.
        page, query: where it is looked at: a page of the app and its query parameters, beside its id as `job`.
    """

    kind: str
    title: str
    settings: Mapping[str, Any]
    owner: str = ""
    command: str = ""
    page: str = ""
    query: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """Where a job stands.

    Attributes:
        created, started, ended: seconds since the epoch; None while that has not come.
        done, total, unit, stage: of its last `Progress`.
        seconds: that it was computed for, over all its runs.
        before: those of the runs before the last one.
        speed: units a second, lately.
        memory: bytes in use on the device lately, of all that is computed there.
        note: what happened, for people.
        is_finishing: whether it was asked to come to its end with what it has, by somebody or by its own limit.
        is_live: whether it is here in memory: paused, it goes on exactly where it was.
    """

    id: str
    order: Order
    state: State = "queued"
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    done: int = 0
    total: int = 0
    unit: str = ""
    stage: str = ""
    seconds: float = 0.0
    before: float = 0.0
    speed: float = 0.0
    device: str = ""
    memory: int = 0
    note: str = ""
    is_finishing: bool = False
    is_live: bool = False

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED

    @property
    def can_go_on(self) -> bool:
        """Whether there may be more to do, from where it is: also of what was asked to end before its end."""
        return self.state in ("paused", "failed") or (self.state == "done" and self.is_finishing)

    @property
    def can_finish(self) -> bool:
        """Whether it can be asked to end with what it has: that is in memory."""
        is_here = self.state == "running" or (self.state == "paused" and self.is_live)
        return is_here and not self.is_finishing

    @property
    def left(self) -> float | None:
        """Seconds it will take yet, at its speed of late; None where nobody knows."""
        if self.state not in ("running", "paused") or not self.speed or self.total <= self.done:
            return None
        return (self.total - self.done) / self.speed

    @classmethod
    def read(cls, folder: Path) -> Record | None:
        """What a job's folder says; None where it is no job's."""
        try:
            if not (folder / NAME).is_file():  # a pipe may never end
                return None
            kept = json.loads((folder / NAME).read_text(encoding="utf-8"))
            order = Order(**kept.pop("order"))
            record = cls(order=order, **kept)
        except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
            return None
        is_sound = record.id == folder.name and _has_types(record) and _has_types(order)
        return record if is_sound and record.state in get_args(State) else None

    def write(self, folder: Path) -> None:
        """Whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / NAME, (json.dumps(to_json(asdict(self))) + "\n").encode())


def _has_types(kept: Order | Record) -> bool:
    """Whether every field has the type that it is declared with."""
    hints = get_type_hints(type(kept))
    return all(_is_a(vars(kept)[f.name], hints[f.name]) for f in fields(kept))


def _is_a(value: Any, hint: Any) -> bool:
    if hint == State:
        return isinstance(value, str)
    if hint == float | None:
        return value is None or _is_a(value, float)
    if hint in (int, float):
        kind = int if hint is int else int | float
        return isinstance(value, kind) and not isinstance(value, bool) and abs(value) < MAX_NUMBER
    return isinstance(value, get_origin(hint) or hint)


def unreadable(jobs: Path) -> list[str]:
    """The names of folders in `jobs` whose record is damaged."""
    return sorted(path.parent.name for path in jobs.glob(f"*/{NAME}") if _glance(path.parent) is None)


def standing(jobs: Path, id: str) -> Record | None:
    """Where a job stands by its folder in `jobs`, whoever does it; None where there is no such job."""
    if not re.fullmatch(ID, id):
        return None
    folder = jobs / id
    record = _glance(folder)
    if record is not None and record.state == "running" and not is_locked(folder / "lock"):
        again = Record.read(folder)  # it may just have ended
        record = replace(again, state="paused", note=CUT_OFF) if again and again.state == "running" else again
    return replace(record, is_live=False) if record else None


def _glance(folder: Path) -> Record | None:
    """What a job's folder says; parsed once as long as that does not change, since pages look every second."""
    try:
        found = (folder / NAME).stat()
    except OSError:
        return None
    return _parsed(folder, found.st_mtime_ns, found.st_size, found.st_ino)


@lru_cache(4096)
def _parsed(folder: Path, *stamp: int) -> Record | None:
    return Record.read(folder)


@contextmanager
def taken(jobs: Path, id: str) -> Iterator[Path | None]:
    """The folder of a job that nobody else changes meanwhile; None where there is no such job.

    Raises:
        ValueError: another server has it in memory.
    """
    folder = jobs / id
    if not re.fullmatch(ID, id) or not folder.is_dir():
        yield None
        return
    lock = FileLock(folder / "lock")
    for _ in range(TRIES):  # somebody may just be looking whether it is locked
        if lock.acquire():
            break
        time.sleep(0.01)
    else:
        raise ValueError(ELSEWHERE)
    try:
        yield folder
    finally:
        lock.release()


def change(jobs: Path, id: str, states: Sequence[State], state: State) -> None:
    """Puts a job that no server has in memory from one of `states` into another.

    Raises:
        ValueError: another server has it in memory.
        OSError: it cannot be written.
    """
    with taken(jobs, id) as folder:
        record = Record.read(folder) if folder else None
        if record is not None and record.state == "running":
            record = replace(record, state="paused")  # cut off, since its lock was free
        if folder is not None and record is not None and record.state in states:
            ended = time.time() if state in ENDED else None
            replace(record, state=state, note="", ended=ended, is_finishing=False).write(folder)
