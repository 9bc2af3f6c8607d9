"""Locks among processes, which end with the process that holds them, however that ends."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: there one process has to be enough
    fcntl = None  # type: ignore[assignment]


class FileLock:
    """A lock on a path, held by one process at a time; the file itself stays, empty, unless it is released for good."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds it."""
        return self._file is not None

    def acquire(self) -> bool:
        """Takes it unless somebody else has it; whether it is this object's now."""
        if self._file is not None:
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = self.path.open("ab")
            if fcntl is None:
                break
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                return False
            if self._is_there(file):
                break
            file.close()  # who held it took the file away meanwhile: others would lock another one
        self._file = file
        return True

    def _is_there(self, file: IO[bytes]) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except FileNotFoundError:
            return False

    def release(self, *, for_good: bool = False) -> None:
        """Lets others have it.

        Args:
            for_good: takes the file away too.
        """
        if self._file is None:
            return
        if for_good:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        self._file.close()
        self._file = None


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock on this path."""
    if not path.exists():
        return False
    probe = FileLock(path)
    if not probe.acquire():
        return True
    probe.release()
    return False
