"""Runs as files to hand on: JSON lines with a run each, CSV with a row each, and what `--json` wrote.

Files from elsewhere are hostile input: every field is checked, and one that is wrong refuses the whole file in a
sentence that names its line.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from mta_core.rows import (
    KINDS,
    MAX_PROVENANCE,
    MAX_ROWS,
    ROW_KEYS,
    TEXTS,
    checked_provenance,
    checked_row,
    checked_run,
    digest_of_run,
)  # fmt: skip
from mta_core.store import Run

MAX_BYTES = 200_000_000
"""Of a file that is read."""
MAX_DIGITS = 400
"""Of a whole number: more than any that a float can hold has."""
COLUMNS = ("run", *ROW_KEYS, "provenance")
"""Of CSV: the digest of the run, the fields of the row, the provenance as JSON."""
DIGEST = r"[0-9a-f]{64}"
AS_JSON = ("attacked", "ci95", "higher_is_better")

Content = tuple[list[dict[str, Any]], dict[str, Any]]
"""Rows and provenance."""


def to_jsonl(runs: Iterable[Run]) -> bytes:
    """A line for each run: `{"rows": [...], "provenance": {...}}`."""
    lines = (json.dumps({"rows": run.rows, "provenance": run.provenance}, allow_nan=False) for run in runs)
    return "".join(f"{line}\n" for line in lines).encode()


def to_csv(runs: Iterable[Run]) -> bytes:
    """A line for each row under `COLUMNS`; what is null is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run in runs:
        made = json.dumps(run.provenance)
        writer.writerows([run.digest, *(_cell(key, row[key]) for key in ROW_KEYS), made] for row in run.rows)
    return text.getvalue().encode()


WRITERS: dict[str, Callable[[Iterable[Run]], bytes]] = {".jsonl": to_jsonl, ".csv": to_csv}
"""By the end of a file's name."""


def read(name: str, data: bytes) -> list[Content]:
    """The runs in a file: JSON lines, CSV, or, `.json`, one run as `--json` writes it.

    Args:
        name: of the file; its end says what it is.

    Raises:
        ValueError: something in it is not as it should be; the message names the line.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in READERS:
        raise ValueError(f"expected a file that ends in {', '.join(READERS)}, got {PurePath(name).name[:100]!r}")
    if len(data) > MAX_BYTES:
        raise ValueError(f"expected a file of at most {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line}: expected text in UTF-8") from None
    runs = list(READERS[suffix](text))
    if not runs:
        raise ValueError("expected at least one run in the file, it has none")
    return runs


def _read_json(text: str) -> Iterator[Content]:
    yield _document(text, 1)


def _read_jsonl(text: str) -> Iterator[Content]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _document(line, number)


def _document(text: str, line: int) -> Content:
    try:
        found = json.loads(text, parse_constant=_no_constant, parse_int=_whole, object_pairs_hook=_once)
        if not isinstance(found, dict) or not {"rows", "provenance"} <= found.keys():
            raise ValueError('expected {"rows": [...], "provenance": {...}}')
        return checked_run(found["rows"], found["provenance"])
    except json.JSONDecodeError as error:
        raise ValueError(f"line {line + error.lineno - 1}: expected JSON: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"line {line}: expected JSON that is not nested deeply") from None
    except ValueError as error:
        raise ValueError(f"line {line}: {error}") from None


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"expected whole numbers of at most {MAX_DIGITS} digits")
    return int(digits)


def _no_constant(name: str) -> Any:
    raise ValueError(f"expected numbers or null, got {name}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("expected each field once")
    return found


@dataclass
class _Gathered:
    """A run of a CSV file so far: its provenance as it stands in the file, what that says, and its rows."""

    text: str
    provenance: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)


def _read_csv(text: str) -> Iterator[Content]:
    csv.field_size_limit(MAX_PROVENANCE)  # of the whole process; nothing else in it reads CSV
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    runs: dict[str, _Gathered] = {}
    try:
        if next(reader, None) != list(COLUMNS):
            raise ValueError(f"expected the columns {', '.join(COLUMNS)}")
        for cells in reader:
            if cells:
                _add_line(runs, cells)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"line {max(reader.line_num, 1)}: {error}") from None
    for digest, run in runs.items():
        if re.fullmatch(DIGEST, digest) and digest != digest_of_run(run.rows, run.provenance):
            raise ValueError(
                f"expected every row of the run {digest[:8]}… in its order and as it was exported: some are missing, "
                f"moved or changed"
            )
        yield run.rows, run.provenance


def _add_line(runs: dict[str, _Gathered], cells: list[str]) -> None:
    """The rows of a run may stand together or apart."""
    if len(cells) != len(COLUMNS):
        raise ValueError(f"expected {len(COLUMNS)} columns, got {len(cells)}")
    digest, *values, made = cells
    row = checked_row({key: _value(key, cell) for key, cell in zip(ROW_KEYS, values, strict=True)})
    if digest not in runs:
        runs[digest] = _Gathered(made, checked_provenance(_parsed(made)))
    if made != runs[digest].text:
        raise ValueError("expected the same provenance as in the other rows of this run")
    if len(runs[digest].rows) == MAX_ROWS:
        raise ValueError(f"expected at most {MAX_ROWS} rows of a run")
    runs[digest].rows.append(row)


def _cell(key: str, value: Any) -> Any:
    if value is None:
        return ""
    return json.dumps(value) if key in AS_JSON else value


def _value(key: str, cell: str) -> Any:
    return cell if key in TEXTS or key in KINDS else _parsed(cell) if cell else None


def _parsed(cell: str) -> Any:
    """What it means in JSON, else the text itself, which is then refused for what it should have been."""
    try:
        return json.loads(cell, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return cell


READERS: dict[str, Callable[[str], Iterator[Content]]] = {".jsonl": _read_jsonl, ".csv": _read_csv, ".json": _read_json}
