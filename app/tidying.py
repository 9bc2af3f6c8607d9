"""Memory given back when people have gone. No streamlit here."""

from __future__ import annotations

import ctypes
import gc
import threading
import time
from collections.abc import Callable

SOON, LATE = 5.0, 130.0
"""Seconds after somebody left at which there is something to give back: what was computed for the page, and what
Streamlit keeps of a session for two minutes, in case it comes back."""


class Tidying:
    """Counts who is here, and tidies up after those who have left.

    Args:
        forget: called when nobody is left: drops what was kept to be quick for those who were here.
    """

    def __init__(self, forget: Callable[[], None]) -> None:
        self._forget = forget
        self._count = 0
        self._due: list[float] = []
        self._left: list[tuple[float, Callable[[], None]]] = []
        self._changed = threading.Condition()
        self._is_closed = False
        threading.Thread(target=self._work, name="tidying", daemon=True).start()

    def come(self) -> None:
        with self._changed:
            self._count += 1

    def go(self, let_go: Callable[[], None]) -> None:
        """Somebody left; `let_go` is called when they cannot come back to what they had."""
        with self._changed:
            self._count -= 1
            now = time.monotonic()
            self._left.append((now + LATE, let_go))
            # Not while people leave one after another: a look at all memory holds up those who are still here.
            self._due = [*[at for at in self._due if at > now + SOON][-8:], now + SOON, now + LATE]
            self._changed.notify()

    def close(self) -> None:
        """Ends: what would have been let go of later is let go of now."""
        with self._changed:
            self._is_closed = True
            gone, self._left = self._left, []
            self._changed.notify()
        for _, let_go in gone:
            let_go()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._is_closed and (not self._due or min(self._due) > time.monotonic()):
                    self._changed.wait(min(self._due) - time.monotonic() if self._due else None)
                if self._is_closed:
                    return
                now = time.monotonic()
                self._due = [at for at in self._due if at > now + 1.0]  # several who leave together count once
                gone = [let_go for at, let_go in self._left if at <= now + 1.0]
                self._left = self._left[len(gone) :]
                is_empty = self._count <= 0
            for let_go in gone:
                let_go()
            if is_empty:
                self._forget()
            give_back()


def give_back() -> None:
    """Returns to the system what this process has freed: glibc keeps it otherwise, for itself and for good."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):  # another C library
        pass
