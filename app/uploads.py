"""Pictures that people sent, found again by their digest: by the browser that sent them for as long as a session of it
holds them, and by everybody who has the link where they were saved on purpose. No streamlit here.
"""

from __future__ import annotations

import errno
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from app import library
from app.library import Picture
from mta_core import imaging, weights
from mta_core.imaging import Fit
from mta_core.weights import write_atomically
from mta_core.wording import plain

SHOWN = 32
"""Hexadecimal digits of a SHA-256 in a link: as good as all 64 where nobody makes files to be taken for each other."""
DIGEST = re.compile(r"[0-9a-f]{16,64}")
LONGEST_NAME = 120
MAX_SAVED = 2**31
"""Bytes of all that are saved on purpose."""
SAVED = "saved on this server for its link"


@dataclass(frozen=True, eq=False)
class Upload:
    """A picture that somebody sent.

    Attributes:
        name: of its file.
        data: the bytes of the file.
        pictures: what is made of it, for each fit.
        is_own: whether this session sent it, rather than found it among those that were saved.
    """

    name: str
    data: bytes
    sha256: str
    pictures: Mapping[Fit, Picture]
    is_own: bool = True

    @classmethod
    def read(cls, name: str, data: bytes, *, is_own: bool = True) -> Upload:
        """Raises ImageError where the file is no picture that is read here."""
        credit = library.UPLOADED if is_own else SAVED
        return cls(name, data, imaging.digest(data), library.read_upload(name, data, credit), is_own)


@dataclass(frozen=True)
class Wanted:
    """The picture that a link names.

    Attributes:
        digest: the first digits of its SHA-256, at least 16.
        name: of its file, as the link says.
    """

    digest: str
    name: str

    @classmethod
    def parse(cls, digest: str, name: str) -> Wanted | None:
        """None where the link names none."""
        digest = digest.lower()
        return cls(digest, short(name)) if DIGEST.fullmatch(digest) else None

    def is_it(self, upload: Upload) -> bool:
        return upload.sha256.startswith(self.digest)


def short(name: str) -> str:
    """A file's name for people: on one line, of bearable length."""
    name = plain(name)
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


class Uploads:
    """What sessions hold, by browser: let go with the last session that holds it."""

    def __init__(self) -> None:
        self._held: WeakValueDictionary[tuple[str, str], Upload] = WeakValueDictionary()

    def note(self, browser: str, upload: Upload) -> None:
        """Called for what this browser sent; without a name a browser finds nothing again."""
        if browser and upload.is_own:
            self._held[browser, upload.sha256] = upload

    def find(self, browser: str, wanted: Wanted) -> Upload | None:
        """What this browser sent, or what was saved on purpose."""
        for (owner, _), upload in list(self._held.items()):
            if browser and owner == browser and wanted.is_it(upload):
                return upload
        return saved(wanted)


_WRITING = threading.Lock()


def folder() -> Path:
    """Where saved ones lie."""
    return weights.RUNS / "uploads"


def save(upload: Upload) -> None:
    """Keeps it for everybody who has the link; raises OSError where it cannot be written, or too much is kept."""
    with _WRITING:
        folder().mkdir(parents=True, exist_ok=True)
        if sum(path.stat().st_size for path in folder().iterdir()) + len(upload.data) > MAX_SAVED:
            room = f"{MAX_SAVED / 2**30:g} GiB"
            raise OSError(errno.ENOSPC, f"those that were saved fill the {room} that there are for them")
        write_atomically(folder() / upload.sha256, upload.data)
        write_atomically(folder() / f"{upload.sha256}.json", json.dumps({"name": upload.name}).encode())


def forget(upload: Upload) -> None:
    """Takes back what `save` kept."""
    with _WRITING:
        (folder() / f"{upload.sha256}.json").unlink(missing_ok=True)
        (folder() / upload.sha256).unlink(missing_ok=True)


def is_saved(upload: Upload) -> bool:
    return (folder() / f"{upload.sha256}.json").is_file()


def saved(wanted: Wanted) -> Upload | None:
    """What was saved on purpose; None where there is none, or it is not what it was."""
    for card in sorted(folder().glob(f"{wanted.digest}*.json")):
        try:
            data = card.with_suffix("").read_bytes()
            if imaging.digest(data) == card.stem:
                return Upload.read(_name_of(json.loads(card.read_text(encoding="utf-8"))), data, is_own=False)
        except (OSError, ValueError):
            continue
    return None


def _name_of(card: Any) -> str:
    name = card.get("name") if isinstance(card, dict) else None
    return short(name) if isinstance(name, str) and name else "picture"
