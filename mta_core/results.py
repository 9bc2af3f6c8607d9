"""Results on disk: rows of measurements, and where they come from."""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import mta_core
from mta_core import distributed, tasks
from mta_core.rows import ROW_KEYS as ROW_KEYS
from mta_core.rows import to_json as to_json
from mta_core.tasks import Measure
from mta_core.tasks.meter import PUBLISHED
from mta_core.weights import write_atomically


def is_brief(row: Mapping[str, Any]) -> bool:
    """Whether a row belongs in a table for people: mIoU is told in both ways, since papers differ in it."""
    is_told_twice = row["metric"] == "miou" and row["aggregation"] != PUBLISHED
    return bool(row["aggregation"] == "pooled" or is_told_twice)


def measure_of(row: Mapping[str, Any]) -> Measure:
    return tasks.measure_of(row["task"], row["metric"], row.get("unit"))


def label_of(row: Mapping[str, Any]) -> str:
    """What a row measures, for people."""
    measure = measure_of(row)
    more = {"pooled": "", "per-picture": ", per picture", PUBLISHED: ", as published"}
    return measure.named(row["metric"] != measure.name).label + more[row["aggregation"]]


def provenance(
    *,
    command: str = "",
    device: str = "",
    seed: int = 0,
    seconds: float = 0.0,
    weights: Mapping[str, str] | None = None,
    data: str = "",
    names: Sequence[str] = (),
    contents: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Everything needed to make results again.

    Args:
        command: the command line.
        device: the label of the device.
        seconds: how long it took.
        weights: sha256 of every weight file that was used, by name.
        data: the data's name, without its path; `names` of the pictures are kept as a digest, and `contents`, their
            digests by name (see `mta_core.data.content`), as one.
    """
    made = {
        "mta_core": mta_core.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device,
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "seed": seed,
        "weights": dict(weights or {}),
    }
    if distributed.size() > 1:
        made["processes"] = distributed.size()
    if data:
        made |= {"data": data, "pictures": len(names), "pictures_sha256": digest_of_names(names)}
    if contents:
        made["content_sha256"] = digest_of_names(contents[name] for name in names)
    return made | more


def digest_of_names(names: Iterable[str]) -> str:
    """sha256 over the names of pictures in their order, 64 hexadecimal digits."""
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def dumps(content: Any) -> str:
    return json.dumps(to_json(content), indent=2, allow_nan=False) + "\n"


def write_json(path: Path, content: Any) -> None:
    """Writes `content` whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    write_atomically(path, dumps(content).encode())


def document(rows: Iterable[Mapping[str, Any]], made: Mapping[str, Any]) -> dict[str, Any]:
    """`{"rows": [...], "provenance": {...}}`, every row with the keys `ROW_KEYS` in their order."""
    listed = list(rows)
    for row in listed:
        assert set(row) == set(ROW_KEYS), f"a row has the keys {sorted(row)}"
    return {"rows": [{key: row[key] for key in ROW_KEYS} for row in listed], "provenance": dict(made)}


def check_writable(path: Path) -> None:
    """Raises ValueError where a file at `path` could not be written; asked before long work, not after."""
    if path.is_dir():
        raise ValueError(f"expected a file to write, {path} is a folder")
    check_folder(path.absolute().parent)


def check_folder(path: Path) -> None:
    """Raises ValueError where files could not be written in the folder `path`; it need not exist yet."""
    there = path.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise ValueError(f"cannot write in {path}: {there} is not a folder")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ValueError(f"cannot write in {path}: {there}: {error.strerror}") from error
