"""A command in several processes, as `torchrun` starts them: the first one speaks, and all end alike."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta
from typing import NoReturn

from mta_core import distributed

Complain = Callable[[str, int], int]
"""Says a sentence and gives the exit code back."""
FAILED, SAID, DONE, LEFT = "failed", "said", "done", "left"
"""What the processes tell each other: why all must end, that it was said, the exit code, how many have seen that."""
PATIENCE = timedelta(seconds=10)
"""For one who may have died."""


def together(work: Callable[[Complain], int], complain: Complain) -> int:
    """Runs a command in all processes; returns the exit code of the first, which all have.

    An error in any of them, in whatever it is waiting, ends all: `complain` says it once, in the first.

    Args:
        work: the command, given whom to tell what is wrong.
    """
    try:
        distributed.join()
    except ValueError as error:
        return complain(str(error), 2)  # each for itself: they have not met
    line = Line(complain)
    with _quiet_unless_first():
        try:
            code = work(line.fail)
        except Exception:  # a mistake of the program: let it be seen
            line.end_all(traceback.format_exc(), 1)
    return line.finish(code)


@contextmanager
def _quiet_unless_first() -> Iterator[None]:
    if distributed.is_first():
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


class Line:
    """To the other processes. A thread listens, since one that waits for another's tensors hears nothing else."""

    def __init__(self, complain: Complain) -> None:
        self.complain, self.stderr = complain, sys.stderr
        self.store = distributed.open_store()
        self.is_over = threading.Event()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def fail(self, text: str, code: int) -> NoReturn:
        """Ends all processes with this code and one sentence, that of the first to fail."""
        self.end_all(" ".join(text.split()), code)

    def end_all(self, text: str, code: int) -> NoReturn:
        self.store.compare_set(FAILED, "", json.dumps([text, code]))
        self.listener.join()
        raise SystemExit(code)

    def finish(self, code: int) -> int:
        """Waits until the first process is through, since torchrun ends all when one ends with an error."""
        if distributed.is_first():
            self.store.set(DONE, str(code))
        while not self.store.check([DONE]):
            time.sleep(0.05)
        code = int(self.store.get(DONE))
        self.is_over.set()
        self.listener.join()
        self._leave()
        distributed.leave()
        return code

    def _leave(self) -> None:
        """The first process goes last: it may be the one that all of this is stored in."""
        last = time.monotonic() + PATIENCE.total_seconds()
        self.store.add(LEFT, 1)
        while distributed.is_first() and self.store.add(LEFT, 0) < distributed.size() and time.monotonic() < last:
            time.sleep(0.05)

    def _listen(self) -> None:
        while not self.is_over.wait(0.2):
            try:
                if self.store.check([FAILED]):
                    self._end(*json.loads(self.store.get(FAILED)))
            except RuntimeError:
                self._say("another process has ended, and this one with it", 2)
                os._exit(2)

    def _end(self, text: str, code: int) -> NoReturn:
        """Says why, or hears that it was said, and ends this process, wherever it is waiting."""
        if distributed.is_first() or not self._was_said():
            self._say(text, code)
        if distributed.is_first():
            self.store.set(SAID, "")
        self._leave()
        os._exit(code)

    def _say(self, text: str, code: int) -> None:
        with redirect_stderr(self.stderr):
            if "\n" in text:
                print(text, file=sys.stderr)
            else:
                self.complain(text, code)
        self.stderr.flush()

    def _was_said(self) -> bool:
        try:
            self.store.wait([SAID], PATIENCE)
        except RuntimeError:
            return False
        return True
