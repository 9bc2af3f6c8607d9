"""The job board: long work in a fair queue, one piece at a time, that outlives the browser that asked for it and, from
what it has saved, the server that did it.

`mta_core.job_records` says what lies in the folder of a job.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mta_core.devices import Device, memory_in_use
from mta_core.events import Event, Message, Pause, Progress
from mta_core.history import History, events_of, messages_of
from mta_core.job_records import ID, NAME, Order, Record, State, change, standing, taken, unreadable
from mta_core.jobs import Job, Worker
from mta_core.locks import FileLock
from mta_core.weights import brief

AWAY, FORGOTTEN = ".deleted", 7 * 86400.0
"""Where deleted jobs lie, and seconds until they are gone."""
LOOK = 1.0
"""Seconds after which the queue is looked at again: another server may have set the device free."""
SAVED_EVERY = 1.0
"""Seconds between two records of where a running job stands."""

Run = Callable[[Order, Path, "Job[Event]"], Iterator[Event]]
"""Does an order of one kind. It may keep what it likes in the job's folder, and begins by going on from there; asked
to stop (`Job.is_stopping`), it comes to its end with what it has; where it stops its job itself, it can go on, too."""


@dataclass
class _Work:
    """A job that is here in memory."""

    record: Record
    lock: FileLock
    history: History
    job: Job[Event] | None = None
    saved_at: float = 0.0
    pace: list[tuple[float, int]] = field(default_factory=list)
    """(seconds computed, units done) lately."""


class Board:
    """Takes orders, does one at a time on a worker, and keeps what became of them. Safe among threads.

    What changes a job raises ValueError where another server has it in memory, OSError where it cannot be written; then
    it is as it was.

    Args:
        folder: where jobs lie.
        kinds: what does an order, by its kind.
    """

    def __init__(self, folder: Path, worker: Worker, device: Device, kinds: Mapping[str, Run]) -> None:
        self.folder, self._worker, self._device, self._kinds = folder, worker, device, kinds
        self._slot = FileLock(folder / "device.lock")
        self._here: dict[str, _Work] = {}
        self._served: dict[str, float] = {}
        self._changed = threading.Condition(threading.RLock())
        self._is_closed = False
        threading.Thread(target=self._schedule, name="board", daemon=True).start()

    def close(self) -> None:
        """Begins no more jobs; one that runs goes on to its end."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def submit(self, order: Order) -> str:
        """Queues an order; its id.

        Raises:
            ValueError: nothing does such orders.
            OSError: it cannot be written.
        """
        self._kind(order.kind)
        while (self.folder / (made := f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}")).exists():
            pass  # as many jobs a second as there are names would be needed for this to last
        Record(made, order, created=time.time()).write(self.folder / made)
        self._wake()
        return made

    def _kind(self, name: str) -> Run:
        if name not in self._kinds:
            raise ValueError(f"expected a kind of job among {', '.join(self._kinds)}, got {name[:100]!r}")
        return self._kinds[name]

    def unreadable(self) -> list[str]:
        """The names of folders whose record is damaged: they are left as they are."""
        return unreadable(self.folder)

    def record(self, id: str) -> Record | None:
        """Where a job stands, whichever server does it; None where there is no such job."""
        with self._changed:
            if work := self._here.get(id):
                return work.record
        return standing(self.folder, id)

    def records(self) -> list[Record]:
        """All jobs, the newest first."""
        found = [self.record(path.parent.name) for path in self.folder.glob(f"*/{NAME}")]
        return sorted((r for r in found if r is not None), key=lambda r: (r.created, r.id), reverse=True)

    def events(self, id: str) -> list[Event]:
        """What happened in a job: all its rows and messages, and enough of its progress to draw it."""
        with self._changed:
            if work := self._here.get(id):
                return work.history.events
        return list(events_of(self.folder / id)) if standing(self.folder, id) else []

    def messages(self, id: str) -> list[Message]:
        """Those of a job alone; cheap to ask for, of all jobs again and again."""
        with self._changed:
            if work := self._here.get(id):
                return [event for event in work.history.events if isinstance(event, Message)]
        return list(messages_of(self.folder / id)) if standing(self.folder, id) else []

    def place(self, id: str) -> int:
        """How many orders will be served before a queued one, if none comes in between; 0 where it is not queued."""
        return self.places(self.records()).get(id, 0)

    def places(self, records: Sequence[Record]) -> dict[str, int]:
        """The same of each queued one among all `records`."""
        queue, served = [r for r in records if r.state == "queued"], dict(self._served)
        running, found = any(r.state == "running" for r in records), dict[str, int]()
        while queue:
            first = _first(queue, served)
            queue.remove(first)
            served[first.order.owner] = max(served.values(), default=0.0) + 1
            found[first.id] = len(found) + running
        return found

    def folder_of(self, id: str) -> Path:
        return self.folder / id

    def finish(self, id: str) -> None:
        """Asks a job to come to its end with what it has; one that is paused goes on for that."""
        with self._changed:
            work = self._here.get(id)
            if work is None:
                with taken(self.folder, id):  # says so where it is another server's
                    pass
                return
            if work.job is None:
                return
            self._update(
                work, is_finishing=True, state="queued" if work.record.state == "paused" else work.record.state
            )
            work.job.stop()
        self._wake()

    def pause(self, id: str) -> None:
        """Keeps a running job where it is, and lets others have the device; a queued one waits."""
        with self._changed:
            work = self._here.get(id)
            if work and work.record.state == "running" and work.job:
                self._update(work, state="paused", note="")
                self._worker.hold(work.job, True)
                self._slot.release()
            elif work and work.record.state == "queued":
                self._update(work, state="paused", note="")
            elif not work:
                change(self.folder, id, ("queued",), "paused")
        self._wake()

    def resume(self, id: str) -> None:
        """Queues a job again that can go on."""
        with self._changed:
            if work := self._here.get(id):
                if work.record.can_go_on:
                    self._update(work, state="queued", note="")
            elif (record := standing(self.folder, id)) and record.can_go_on:
                change(self.folder, id, ("paused", "failed", "done"), "queued")
        self._wake()

    def cancel(self, id: str) -> None:
        """Ends a job; what it has saved stays."""
        with self._changed:
            work = self._here.get(id)
            if work is None:
                change(self.folder, id, ("queued", "paused", "failed"), "cancelled")
            elif not work.record.is_ended:
                if work.job:
                    work.job.cancel()
                    self._worker.hold(work.job, False)
                self._end(work, "cancelled")
        self._wake()

    def delete(self, id: str) -> None:
        """Puts a job that is not running out of sight, with all that is kept of it here, until `restore`; what it made
        elsewhere stays. What was put away earlier than `FORGOTTEN` ago is gone for good.

        Raises:
            ValueError: it runs, or another server has it in memory.
        """
        record = self.record(id)
        if record is None:
            return
        if record.state == "running":
            raise ValueError("this job is running: cancel it first")
        if not record.is_ended:
            self.cancel(id)
        with taken(self.folder, id) as folder:
            if folder is not None:
                self._put_away(folder)

    def _put_away(self, folder: Path) -> None:
        away = self.folder / AWAY
        away.mkdir(parents=True, exist_ok=True)
        for old in away.iterdir():
            if time.time() - old.stat().st_mtime > FORGOTTEN:
                shutil.rmtree(old, ignore_errors=True)
        folder.rename(away / folder.name)
        (away / folder.name).touch()

    def restore(self, id: str) -> None:
        """Undoes `delete`."""
        if re.fullmatch(ID, id) and (self.folder / AWAY / id).is_dir():
            (self.folder / AWAY / id).rename(self.folder / id)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _schedule(self) -> None:
        while True:
            with self._changed:
                if self._is_closed:
                    return
                try:
                    self._begin_next()
                except OSError:  # a disk that is full or gone may come back
                    traceback.print_exc()
                self._changed.wait(LOOK)

    def _begin_next(self) -> None:
        if any(work.record.state == "running" for work in self._here.values()):
            return
        queue = [r for r in self.records() if r.state == "queued"]
        while queue:
            if not self._slot.acquire():
                return
            first = _first(queue, self._served)
            if self._begin(first.id):
                return
            queue.remove(first)
        self._slot.release()

    def _begin(self, id: str) -> bool:
        """Starts a queued job, or goes on with it; whether it could be had: where its folder cannot be read or written
        it stays as it was, to be tried again, and others have their turn."""
        try:
            work = self._here.get(id) or self._take(id)
            if work is None:
                return False
            self._update(
                work, state="running", started=work.record.started or time.time(), ended=None, is_live=True,
                device=self._device.label, note="", before=work.record.before if work.job else work.record.seconds,
            )  # fmt: skip
        except OSError:  # a disk that is full or gone may come back
            traceback.print_exc()
            if (kept := self._here.get(id)) and kept.job is None:
                del self._here[id]
                kept.lock.release()
            return False
        self._served[work.record.order.owner] = time.monotonic()
        work.pace.clear()
        if work.job is None:
            work.job = self._worker.submit_heavy(lambda job: self._run(work, job))
        else:
            self._worker.hold(work.job, False)
        return True

    def _take(self, id: str) -> _Work | None:
        """A queued job from its folder; None where another server has it.

        Raises:
            OSError: it cannot be read.
        """
        lock = FileLock(self.folder / id / "lock")
        if not lock.acquire():
            return None
        try:
            record = Record.read(self.folder / id)  # again: another server may have been quicker
            if record is not None and record.state == "queued":
                self._here[id] = _Work(record, lock, History.read(self.folder / id))
        finally:
            if id not in self._here:
                lock.release()
        return self._here.get(id)

    def _run(self, work: _Work, job: Job[Event]) -> Iterator[Event]:
        """Does the order, telling the record and the history; on the worker's thread."""
        try:
            run = self._kind(work.record.order.kind)
            events = run(work.record.order, self.folder / work.record.id, job)
            begin = time.perf_counter()
            for event in events:
                self._tell(work, event, time.perf_counter() - begin)
                yield TURN
                begin = time.perf_counter()
        except Exception as error:  # told on the board; the worker goes on with others
            if not isinstance(error, ValueError):
                traceback.print_exc()
            self._end(work, "failed", brief(error))
        else:
            self._end(work, "done")
        self._wake()

    def _tell(self, work: _Work, event: Event, seconds: float) -> None:
        with self._changed:
            if work.record.is_ended:
                return  # cancelled meanwhile
            record = replace(
                work.record, seconds=work.record.seconds + seconds, is_finishing=_is_finishing(work)
            )  # fmt: skip
            if isinstance(event, Progress):
                work.pace = [*work.pace[-40:], (record.seconds, event.done)]
                (before, first), (now, last) = work.pace[0], work.pace[-1]
                record = replace(
                    record, done=event.done, total=event.total, unit=event.unit, stage=event.stage,
                    speed=max(0.0, (last - first) / (now - before)) if now > before else record.speed,
                )  # fmt: skip
            work.record = record
            if not isinstance(event, Pause):
                work.history.add(event)
            if time.monotonic() - work.saved_at > SAVED_EVERY:
                self._update(work, memory=memory_in_use(self._device))

    def _update(self, work: _Work, **changes: Any) -> None:
        """Written first: what could not be written is not so."""
        record = replace(work.record, **changes)
        record.write(self.folder / record.id)
        work.record, work.saved_at = record, time.monotonic()

    def _end(self, work: _Work, state: State, note: str = "") -> None:
        with self._changed:
            if work.record.id not in self._here:
                return
            was_running = work.record.state == "running"
            try:
                work.history.close()
                self._update(
                    work, state=state, note=note, ended=time.time(), is_live=False, is_finishing=_is_finishing(work)
                )  # fmt: skip
            except OSError:  # a full disk, say: then it is as if the server had ended
                traceback.print_exc()
            del self._here[work.record.id]
            work.lock.release()
            if was_running:
                self._slot.release()


TURN = Pause()


def _is_finishing(work: _Work) -> bool:
    return work.record.is_finishing or (work.job is not None and work.job.is_stopping)


def _first(queue: Sequence[Record], served: Mapping[str, float]) -> Record:
    """Of the owner who was served longest ago, the oldest order."""
    return min(queue, key=lambda r: (served.get(r.order.owner, -1.0), r.created, r.id))
