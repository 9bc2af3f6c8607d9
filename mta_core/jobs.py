"""Work in the background: one thread computes, so that the accelerator never serves two at once.

Jobs take turns, an event each: one person's long attack does not keep another's from starting.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Event = TypeVar("Event")
PATIENCE = 150.0
"""Seconds without anybody asking after which a job is dropped: its browser tab is gone. Browsers let a hidden tab ask
once a minute."""


class Job(Generic[Event]):
    """An iterator of events that a `Worker` advances.

    Attributes:
        error: what ended it early, or None.
        patience: seconds that it goes on though nobody asks.
        ready_at: when its next turn may come, on the monotonic clock.
    """

    def __init__(
        self, work: Callable[[Job[Event]], Iterator[Event]], patience: float = PATIENCE, farewell: float = 0.0
    ) -> None:
        self._events: list[Event] = []
        self.error: Exception | None = None
        self.is_stopping = False
        self.is_cancelled = False
        self._iterator = work(self)
        self.patience, self._farewell = patience, farewell
        self._asked = time.monotonic()
        self._changed = threading.Condition()
        self._is_done = False
        self.ready_at = 0.0

    @property
    def events(self) -> list[Event]:
        """What it has yielded so far. Whoever reads this, or waits, keeps the job from being dropped."""
        self._asked = time.monotonic()
        return list(self._events)

    @property
    def is_done(self) -> bool:
        """Whether nothing more will come, because it is finished, failed or cancelled."""
        return self._is_done or self.is_cancelled

    def stop(self) -> None:
        """Asks the work to come to its end with what it has; work that can, looks at `is_stopping` between events."""
        self.is_stopping = True

    def rest(self, seconds: float) -> None:
        """Called by the work before it yields: its next turn comes no sooner than that. Others' turns do."""
        self.ready_at = time.monotonic() + seconds

    def cancel(self) -> None:
        """Drops the job: nobody wants its result any more."""
        with self._changed:
            self.is_cancelled = True
            self._changed.notify_all()

    def leave(self) -> None:
        """Whoever calls this wants it no longer. Work that others may follow goes on as long as one of them asks."""
        if self._farewell:
            self.patience = min(self.patience, self._farewell)
        else:
            self.cancel()

    def wait(self, seen: int, timeout: float) -> bool:
        """Waits until there are more than `seen` events or nothing more will come; whether that is so."""
        self._asked = time.monotonic()
        with self._changed:
            return self._changed.wait_for(lambda: self.is_done or len(self._events) > seen, timeout)

    def advance(self) -> bool:
        """Computes the next event; whether there may be another one."""
        if time.monotonic() - self._asked > self.patience:
            self.cancel()
        if self.is_cancelled:
            self._iterator = iter(())  # lets go of what the work holds
            return False
        try:
            event = next(self._iterator)
        except StopIteration:
            self._finish(None)
        except Exception as error:  # whoever asked for the job shows it
            self._finish(error)
        else:
            with self._changed:
                self._events.append(event)
                self._changed.notify_all()
        return not self._is_done

    def _finish(self, error: Exception | None) -> None:
        with self._changed:
            self.error, self._is_done = error, True
            self._changed.notify_all()


class Worker:
    """The thread that advances every submitted job in turn, an event at a time."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()  # type: ignore[type-arg]
        self._submitted = threading.Condition()
        threading.Thread(target=self._work, name="accelerator", daemon=True).start()

    def submit(
        self, work: Callable[[Job[Event]], Iterator[Event]], patience: float = PATIENCE, farewell: float = 0.0
    ) -> Job[Event]:
        """Starts the iterator that `work` makes of its job as soon as those before it have had their turn.

        Args:
            farewell: seconds without anybody asking after which it is dropped once somebody has left it; 0 where it
                is nobody else's.
        """
        job = Job(work, patience, farewell)
        self._queue(job)
        return job

    def _queue(self, job: Job) -> None:  # type: ignore[type-arg]
        with self._submitted:
            self._waiting.append(job)
            self._submitted.notify()

    def _work(self) -> None:
        while True:
            job = self._next()
            if job.advance():
                self._queue(job)
            del job  # what has ended is not held until the next one comes

    def _next(self) -> Job:  # type: ignore[type-arg]
        """Takes the first job that does not rest, as soon as there is one."""
        with self._submitted:
            while True:
                now = time.monotonic()
                for job in self._waiting:
                    if job.is_cancelled or job.ready_at <= now:
                        self._waiting.remove(job)
                        return job
                self._submitted.wait(min((job.ready_at - now for job in self._waiting), default=None))
