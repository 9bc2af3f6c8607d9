"""Work in the background: one thread computes, so that the accelerator never serves two at once.

Jobs take turns, an event each: one person's long attack does not keep another's from starting. What takes minutes or
hours is heavy, and has its turns only while nobody waits for anything else.
"""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from mta_core.events import Pause

Event = TypeVar("Event")
PATIENCE = 150.0
"""Seconds without anybody asking after which a job is dropped: its browser tab is gone. Browsers let a hidden tab ask
once a minute."""
FIRST = 2
"""Turns of a job that come before others' later ones: what a person sees first, before anybody's precise numbers."""
LATEST = 0.2
"""Share of the latest turn in what is expected of the next one."""
QUIET = 0.3
"""Seconds after somebody's attack before heavy work goes on: a browser on this machine draws what came of it."""


class Job(Generic[Event]):
    """An iterator of events that a `Worker` advances.

    Attributes:
        error: what ended it early, or None.
        patience: seconds that it goes on though nobody asks.
        turns: that it has had.
        ready_at: when its next turn may come, on the monotonic clock.
        is_heavy: whether others always go first.
        is_held: whether it gets no turns for now.
    """

    def __init__(
        self,
        work: Callable[[Job[Event]], Iterator[Event]],
        patience: float = PATIENCE,
        farewell: float = 0.0,
        *,
        is_heavy: bool = False,
    ) -> None:
        self._events: list[Event] = []
        self.error: Exception | None = None
        self.is_stopping = False
        self.is_cancelled = False
        self.is_heavy, self.is_held = is_heavy, False
        self._iterator = work(self)
        self.patience, self._farewell = patience, farewell
        self._asked = time.monotonic()
        self.turns = 0
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

    def forget(self) -> None:
        """Lets go of its events where it is nobody else's: Streamlit keeps the parts of a page, which know their job,
        until somebody else leaves."""
        if not self._farewell:
            self.cancel()
            self._events.clear()

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
        self.turns += 1
        try:
            event = next(self._iterator)
        except StopIteration:
            self._finish(None)
        except Exception as error:  # whoever asked for the job shows it
            self._finish(error)
        else:
            with self._changed:
                if not isinstance(event, Pause):  # there are very many
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
        self._quiet_until = 0.0
        self._turn = 0.0
        self._is_busy = False
        self._is_over = False
        self._thread = threading.Thread(target=self._work, name="accelerator", daemon=True)
        self._thread.start()
        atexit.register(self.stop)  # a thread that is inside torch when the interpreter goes has the process aborted

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

    def submit_heavy(self, work: Callable[[Job[Event]], Iterator[Event]]) -> Job[Event]:
        """The same for work that goes on though nobody looks, and gives way to everything else."""
        job = Job(work, math.inf, is_heavy=True)
        self._queue(job)
        return job

    def hold(self, job: Job[Event], is_held: bool) -> None:
        """Gives a job no turns any more, or again."""
        with self._submitted:
            job.is_held = is_held
            self._submitted.notify()

    def _queue(self, job: Job) -> None:  # type: ignore[type-arg]
        with self._submitted:
            self._waiting.append(job)
            self._submitted.notify()

    def before(self, job: Job[Event]) -> int:
        """How many other jobs that are not heavy have a turn before this one, as it looks now."""
        with self._submitted:
            light = sorted((j for j in self._waiting if not j.is_heavy), key=lambda j: min(j.turns, FIRST))
            return light.index(job) + self._is_busy if job in light else 0

    def expected(self, job: Job[Event]) -> float:
        """Seconds until the next event of a job that is not heavy, as long as turns took lately; 0 while it has its
        turn."""
        return (1 + self.before(job)) * self._turn if job in self._waiting else 0.0

    def stop(self, timeout: float = 10.0) -> None:
        """Ends after the current turn, and waits for that; what is left to do is left."""
        with self._submitted:
            self._is_over = True
            self._submitted.notify()
        self._thread.join(timeout)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            begin = time.monotonic()
            self._is_busy = not job.is_heavy
            is_going_on = job.advance()
            self._is_busy = False
            if not job.is_heavy:
                now = time.monotonic()
                self._quiet_until = now + QUIET
                self._turn += LATEST * (now - begin - self._turn)
            if is_going_on:
                self._queue(job)
            del job  # what has ended is not held until the next one comes

    def _next(self) -> Job | None:  # type: ignore[type-arg]
        """Takes the first job that has its turn, as soon as there is one; None where this is over."""
        with self._submitted:
            while not self._is_over:
                now = time.monotonic()
                is_quiet = now >= self._quiet_until and all(job.is_heavy for job in self._waiting)
                light = [job for job in self._waiting if job.is_cancelled or (job.ready_at <= now and not job.is_heavy)]
                heavy = [j for j in self._waiting if is_quiet and j.is_heavy and not j.is_held and j.ready_at <= now]
                if found := light or heavy:
                    first = min(found, key=lambda job: min(job.turns, FIRST))
                    self._waiting.remove(first)
                    return first
                times = [max(job.ready_at, self._quiet_until) if job.is_heavy else job.ready_at for job in self._free()]
                self._submitted.wait(max(0.001, min(times) - now) if times else None)
        return None

    def _free(self) -> list[Job]:  # type: ignore[type-arg]
        return [job for job in self._waiting if not job.is_held]
