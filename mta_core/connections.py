"""Data sets that are connected: what the operator names in `MTA_DATA_ROOTS`, and what people connected below that.

The variable lists folders and data sets, parted as in `PATH`: `/data:nyuv2:/data/nyuv2`. A data set `NAME:PATH` is
there from the start. Below a folder, and below the path of a data set, people may connect others; nowhere else.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from mta_core import weights
from mta_core.data import SOURCES, DataError
from mta_core.data.matlab import mat_file
from mta_core.data.objects.picture import DOMAINS
from mta_core.data.pictures import SUFFIXES
from mta_core.weights import write_atomically

VARIABLE = "MTA_DATA_ROOTS"
FILE = "connected.json"
"""In `runs/`: what people connected."""
MAX_ENTRIES, MAX_BYTES = 100, 1_000_000
DEPTH, LOOKED = 2, 400
"""How far below the operator's folders data sets are looked for, and at how many folders."""
_changing = threading.Lock()


def parse_roots(text: str, separator: str = os.pathsep, names: Iterable[str] = ()) -> list[str]:
    """The data sets `NAME:PATH` of a list; where the separator is ":" too, an entry begins at the name of a source, or
    at a whole path after a whole entry."""
    known = set(names) or {source.name for source in SOURCES}
    return [e for e in _entries(text, separator, known) if e.partition(":")[0] in known and e.partition(":")[2]]


def parse_folders(text: str, separator: str = os.pathsep) -> list[Path]:
    """The folders of such a list, those of its data sets too."""
    known = {source.name for source in SOURCES}
    found = []
    for entry in _entries(text, separator, known):
        name, _, path = entry.partition(":")
        if name in known and path:
            found.append(_expanded(path))
        elif _is_whole_path(entry):
            found.append(_expanded(entry))
    return found


def _entries(text: str, separator: str, known: set[str]) -> list[str]:
    entries: list[str] = []
    for part in (part.strip() for part in text.split(separator)):
        name, _, path = entries[-1].partition(":") if entries else ("", "", "")
        is_last_whole = bool(entries) and (_is_whole_path(entries[-1]) or (name in known and path != ""))
        begins = part.partition(":")[0] in known or (_is_whole_path(part) and is_last_whole)
        if not entries or begins:
            entries.append(part)
        else:
            entries[-1] += separator + part
    return entries


def _is_whole_path(text: str) -> bool:
    return text.startswith("~") or Path(text).is_absolute()


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # ~nobody
        return Path(path)


def operators() -> list[str]:
    """The data sets that the operator named."""
    return parse_roots(os.environ.get(VARIABLE, ""))


def folders() -> list[Path]:
    """Below which people may connect data sets, as they really lie."""
    return list(dict.fromkeys(path.resolve() for path in parse_folders(os.environ.get(VARIABLE, ""))))


def people() -> list[str]:
    """What people connected, as far as the operator still lets them."""
    return [entry for entry in _saved() if _is_allowed(entry)]


def entries() -> list[str]:
    """All of them, the operator's first."""
    return list(dict.fromkeys([*operators(), *people()]))


def connectable() -> list[str]:
    """The sources that a folder can be connected as: all but the objects, which write where they are read."""
    return [source.name for source in SOURCES if source.name != "objects"]


def checked(name: str, path: str) -> str:
    """`NAME:PATH` of what may be connected, its path as it really lies.

    Raises:
        DataError: there is no such source, it needs no path, or the path lies below none of the operator's folders.
    """
    if name not in (kinds := connectable()):
        raise DataError(f"expected data among {', '.join(kinds)}, got {name!r}")
    if not path.strip():
        raise DataError(f"expected the folder of {name}, got nothing")
    real = below(path)
    if not real.exists():
        raise DataError(f"expected a folder of data, there is no {real}")
    return f"{name}:{real}"


def below(path: str) -> Path:
    """A path as it really lies, links followed; one that is not whole is looked for below the operator's folders.

    Raises:
        DataError: it lies below none of them, or the operator named none.
    """
    known = folders()
    if not known:
        raise DataError(f"expected a folder that the operator named in {VARIABLE}, there is none")
    try:
        given = Path(path.strip()).expanduser()
        places = [given] if given.is_absolute() else [folder / given for folder in known]
        found = next((place for place in places if place.exists()), places[0]).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, ~nobody, a null character
        raise DataError(f"expected a path, got {path[:100]!r}: {error}") from error
    if not any(found == folder or folder in found.parents for folder in known):
        raise DataError(f"expected a path below {', '.join(map(str, known))}, got {str(given)[:200]}")
    return found


def connect(entry: str) -> None:
    """Adds what `checked` found good.

    Raises:
        DataError: it is connected already, there are too many, or it may not be (any more).
        OSError: it cannot be written down.
    """
    name, _, path = entry.partition(":")
    entry = checked(name, path)
    with _changing:
        if entry in (_really(other) for other in entries()):
            raise DataError(f"{entry} is connected already")
        kept = people()
        if len(kept) >= MAX_ENTRIES:
            raise DataError(f"expected at most {MAX_ENTRIES} data sets, disconnect one first")
        _save([*kept, entry])


def disconnect(entry: str) -> None:
    """Takes away what people connected; its files stay as they are.

    Raises:
        DataError: it is not among that.
        OSError: it cannot be written down.
    """
    with _changing:
        kept = _saved()
        if entry not in kept:
            raise DataError(f"expected what was connected here, {entry} was not")
        _save([other for other in kept if other != entry])


def _really(entry: str) -> str:
    name, _, path = entry.partition(":")
    return f"{name}:{_expanded(path).resolve()}"


def suggestions() -> list[str]:
    """`NAME:PATH` of what lies below the operator's folders, looks like a data set and is not connected yet."""
    connected = {_really(entry) for entry in entries()}
    found = (f"{name}:{path}" for path in _below_folders() if (name := guess(path)))
    return sorted({entry for entry in found if entry not in connected})


def _below_folders() -> Iterator[Path]:
    """The operator's folders and those in them, the nearest first; nothing below what is a data set already."""
    level, looked = folders(), 0
    for _ in range(DEPTH + 1):
        further: list[Path] = []
        for folder in level:
            looked += 1
            if looked > LOOKED:
                return
            yield folder
            if not guess(folder):
                further += _folders_in(folder)
        level = further


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink() and _is_shown(path))
    except OSError:
        return []


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(".")


def guess(path: Path) -> str:
    """The source whose layout a path seems to have; empty where it seems to have none."""
    try:
        if mat_file(path) or (path / "train" / "image").is_dir() or (path / "val" / "image").is_dir():
            return "nyuv2"
        if any((path / domain / "images").is_dir() for domain in DOMAINS):
            return "office31"
        if (path / "rgb").is_dir():
            is_scene = any((path / kind).is_dir() for kind in ("seg13", "depth", "normal"))
            first = islice((path / "rgb").rglob("*.png"), 20)
            is_view = any(file.name.startswith("point_") and file.name.endswith("_domain_rgb.png") for file in first)
            return "taskonomy" if is_view else "nyuv2" if is_scene else "pictures"
        if next(path.glob("*/rgb.png"), None):
            return "taskonomy"
        return "pictures" if any(file.suffix.lower() in SUFFIXES for file in path.iterdir()) else ""
    except OSError:
        return ""


def _is_allowed(entry: str) -> bool:
    name, _, path = entry.partition(":")
    try:
        return bool(path) and name in {source.name for source in SOURCES} and str(below(path)) == path
    except DataError:
        return False


def _saved() -> list[str]:
    try:
        with (weights.RUNS / FILE).open("rb") as file:
            found = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return []
    return [entry for entry in found if isinstance(entry, str)][:MAX_ENTRIES] if isinstance(found, list) else []


def _save(kept: list[str]) -> None:
    write_atomically(weights.RUNS / FILE, f"{json.dumps(kept, indent=2)}\n".encode())
