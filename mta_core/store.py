"""Every finished run in one file: its rows and its whole provenance, found again by what they say.

SQLite, so that several processes can write at once and a killed one leaves nothing half-written. Each call opens its
own connection: a store may be shared among threads. Nothing here imports torch.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mta_core.rows import ROW_KEYS, Values, checked_row, checked_run, date_of, digest_of_run
from mta_core.search import EVERYTHING, WORDS, Search, searchable, written
from mta_core.wording import counted

APPLICATION_ID = 0x4D544152
SCHEMA_VERSION = 1
PATIENCE = 30.0
"""Seconds to wait for others who write."""
KEPT_DAYS = 30
"""How long what was deleted can be restored."""
NAME = "results.sqlite"
JOB = "job"
"""Field of the provenance that says which job of the board made a run."""
LISTS = ("attacked", "ci95")
"""Fields that are kept as JSON."""
TYPES = {"higher_is_better": "INTEGER", "n": "INTEGER", "seed": "INTEGER"} | dict.fromkeys(
    ("epsilon", "clean", "adversarial"), "REAL"
)
SCHEMA = (
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, date TEXT NOT NULL, words TEXT NOT NULL,
        provenance TEXT NOT NULL, deleted_at TEXT)""",
    f"""CREATE TABLE rows (
        run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, number INTEGER NOT NULL,
        {", ".join(f'"{key}" {TYPES.get(key, "TEXT")}' for key in ROW_KEYS)}, PRIMARY KEY (run, number))
        WITHOUT ROWID""",
    "CREATE INDEX runs_by_date ON runs (date)",
)


class StoreError(ValueError):
    """The store cannot be used, or has no such run; the message says why."""


@dataclass(frozen=True)
class Run:
    """One finished piece of work.

    Attributes:
        id: in this store, never given twice.
        digest: sha256 of the content, the same in every store.
        date: when it was finished, in UTC.
        rows: those that were searched for, or all; each has `ROW_KEYS`.
        deleted: when, if it was.
    """

    id: int
    digest: str
    date: datetime
    provenance: dict[str, Any]
    rows: tuple[dict[str, Any], ...]
    deleted: datetime | None = None


@dataclass(frozen=True)
class Taken:
    """What an import did, in numbers of runs."""

    added: int
    restored: int
    known: int

    @property
    def sentence(self) -> str:
        parts = [f"{counted(self.added, 'run')} added"]
        parts += [f"{self.restored} restored that had been deleted"] if self.restored else []
        parts += [f"{self.known} there already"] if self.known else []
        return ", ".join(parts)


class Store:
    """Runs in a file, which is made when the first one is added.

    Every method raises StoreError where the file cannot be read or written, is no store, or is of a newer version of
    the program; it is then left as it is.

    Args:
        path: of the file; by default that in the folder of runs.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = (path or default_path()).absolute()

    def add(self, rows: Sequence[Values], provenance: Values) -> int:
        """Keeps a run, whole or not at all; returns its id, that of before where the same run was added already.

        Where the provenance names a `job`, what that job had added before gives way, and its id stays: a job that was
        stopped or cut off and goes on is one run.

        Raises:
            ValueError: a row or the provenance is not as in `mta_core.rows`.
        """
        run = checked_run(rows, provenance)
        with self._writing() as connection:
            earlier = _take_away(connection, run[1].get(JOB))
            return _insert(connection, *run, id=earlier)[0]

    def take_in(self, runs: Iterable[tuple[Sequence[Values], Values]]) -> Taken:
        """Keeps all of these runs or none; what is there already is not added again, what was deleted is restored.

        Raises:
            ValueError: as in `add`.
        """
        checked = [checked_run(rows, provenance) for rows, provenance in runs]
        with self._writing() as connection:
            found = [_insert(connection, *run)[1] for run in checked]
        return Taken(*(found.count(what) for what in ("added", "restored", "known")))

    def find(self, search: Search = EVERYTHING, limit: int | None = 50, offset: int = 0) -> list[Run]:
        """Runs that have such rows, the newest first, each with these rows alone."""
        (of_runs, values), (of_rows, more) = search.of_runs(), search.of_rows()
        page = (
            f"SELECT id FROM runs WHERE {of_runs} AND EXISTS (SELECT 1 FROM rows WHERE {of_rows}) "
            "ORDER BY date DESC, id DESC LIMIT ? OFFSET ?"
        )
        inner = [*values, *more, -1 if limit is None else limit, offset]
        return self._runs(f"{of_rows} AND runs.id IN ({page})", [*more, *inner])

    def count(self, search: Search = EVERYTHING) -> int:
        """How many runs `find` has on all its pages."""
        (of_runs, values), (of_rows, more) = search.of_runs(), search.of_rows()
        query = f"SELECT count(*) FROM runs WHERE {of_runs} AND EXISTS (SELECT 1 FROM rows WHERE {of_rows})"
        with self._reading() as connection:
            return int(connection.execute(query, [*values, *more]).fetchone()[0]) if connection else 0

    def get(self, ids: Collection[int]) -> list[Run]:
        """These runs whole, the newest first, also deleted ones.

        Raises:
            StoreError: one of them is not there.
        """
        runs = self._runs(f"runs.id IN ({','.join('?' * len(ids))})", list(ids))
        _check_known(ids, {run.id for run in runs}, self.path)
        return runs

    def choices(self) -> dict[str, list[str]]:
        """What the rows have in the fields `WORDS`, sorted, for menus; deleted runs do not count."""
        columns = ", ".join(f'rows."{key}"' for key in WORDS)
        query = f"SELECT DISTINCT {columns} FROM rows JOIN runs ON runs.id = rows.run WHERE deleted_at IS NULL"
        with self._reading() as connection:
            found = connection.execute(query).fetchall() if connection else []
        return {key: sorted({row[i] for row in found}) for i, key in enumerate(WORDS)}

    def stamp(self) -> tuple[int, ...]:
        """Another one after every change, and rarely without; cheap to ask for."""
        # What was added lies in the second file until the last connection is closed.
        return (*_state_of(self.path), *_state_of(self.path.with_name(f"{self.path.name}-wal")))

    def delete(self, ids: Collection[int]) -> None:
        """Puts runs out of sight; what was deleted more than `KEPT_DAYS` days ago is forgotten for good.

        Raises:
            StoreError: one of them is not there; then none is deleted.
        """
        now = datetime.now(UTC)
        with self._writing() as connection:
            self._mark(connection, ids, written(now), "deleted_at IS NULL")
            connection.execute("DELETE FROM runs WHERE deleted_at < ?", [written(now - timedelta(days=KEPT_DAYS))])

    def deleted(self, ids: Collection[int]) -> tuple[int, ...]:
        """Those of these runs that are deleted and can be restored."""
        query = f"SELECT id FROM runs WHERE id IN ({','.join('?' * len(ids))}) AND deleted_at IS NOT NULL ORDER BY id"
        with self._reading() as connection:
            return tuple(row[0] for row in connection.execute(query, list(ids))) if connection else ()

    def restore(self, ids: Collection[int]) -> None:
        """Undoes `delete`; raises StoreError where one of them is not there."""
        with self._writing() as connection:
            self._mark(connection, ids, None, "TRUE")

    def _mark(self, connection: sqlite3.Connection, ids: Collection[int], deleted: str | None, which: str) -> None:
        marks = ",".join("?" * len(ids))
        known = {row[0] for row in connection.execute(f"SELECT id FROM runs WHERE id IN ({marks})", list(ids))}
        _check_known(ids, known, self.path)
        connection.execute(f"UPDATE runs SET deleted_at = ? WHERE id IN ({marks}) AND {which}", [deleted, *ids])

    def _runs(self, condition: str, values: Sequence[Any]) -> list[Run]:
        columns = ", ".join(f'rows."{key}"' for key in ROW_KEYS)
        query = (
            f"SELECT runs.id, digest, provenance, deleted_at, {columns} FROM runs JOIN rows ON rows.run = runs.id "
            f"WHERE {condition} ORDER BY runs.date DESC, runs.id DESC, rows.number"
        )
        with self._reading() as connection:
            lines = connection.execute(query, values).fetchall() if connection else []
        rows: dict[int, list[dict[str, Any]]] = {}
        for line in lines:
            rows.setdefault(line[0], []).append(_row(line[4:]))
        return [self._sound(line, rows.pop(line[0])) for line in lines if line[0] in rows]

    def _sound(self, line: Sequence[Any], rows: list[dict[str, Any]]) -> Run:
        """Raises StoreError where what is kept of a run cannot have been kept by this program."""
        try:
            return _run(line, tuple(map(checked_row, rows)))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            way = f"`results delete {line[0]}` puts it out of sight"
            raise StoreError(f"run {line[0]} in {self.path} is damaged ({error}): {way}") from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """None where there is no file yet: to look makes none."""
        with self._explained():
            if not self.path.exists():
                yield None
                return
            with closing(self._connect("rw" if self._is_writable() else "ro&immutable=1")) as connection:
                yield connection if _check_kind(connection, self.path) else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is there for good when this ends, or not at all."""
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect("rwc")) as connection:
                if not _check_kind(connection, self.path):
                    _make(connection, self.path)
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise

    def _is_writable(self) -> bool:
        """Whether others may write while it is read: SQLite puts their notes into the folder, and refuses to read a
        store where it could not."""
        return os.access(self.path.parent, os.W_OK) or self.path.with_name(f"{self.path.name}-wal").exists()

    def _connect(self, mode: str) -> sqlite3.Connection:
        if self.path.exists() and not self.path.is_file():
            raise StoreError(f"expected a file of results in {self.path}, which is no file")
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}", uri=True, timeout=PATIENCE, isolation_level=None
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"the results in {self.path} cannot be used: {error}") from error
        except OSError as error:
            raise StoreError(f"the results in {self.path} cannot be used: {error.strerror or error}") from error


def _state_of(file: Path) -> tuple[int, int]:
    """When it was written, in nanoseconds, and its size; zeros where there is none."""
    try:
        found = file.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def default_path() -> Path:
    from mta_core import weights  # brings torch, which a store elsewhere need not wait for

    return weights.RUNS / NAME


def _check_kind(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the tables are there; False in a file that is still empty.

    Raises:
        StoreError: it is another program's, or of a newer version of this one.
    """
    kind, version = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if kind == APPLICATION_ID and version > SCHEMA_VERSION:
        raise StoreError(f"the results in {path} are of a newer version of this program: update it to use them")
    if kind == APPLICATION_ID:
        return True
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        # Another process may have made the tables between these two questions.
        if connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
            return _check_kind(connection, path)
        raise StoreError(f"expected a file of results in {path}, which is another program's database")
    return False


def _make(connection: sqlite3.Connection, path: Path) -> None:
    """Makes the tables, unless another process just did; afterwards readers and a writer do not wait for each other."""
    connection.execute("BEGIN IMMEDIATE")
    if not _check_kind(connection, path):
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:  # others are at it: SQLite does not wait by itself here
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _take_away(connection: sqlite3.Connection, job: Any) -> int | None:
    """Takes away what a job has added; the first id of it, None where there is none."""
    if not isinstance(job, str) or not job:
        return None
    mine = "json_extract(provenance, '$.job') = ?"
    found = connection.execute(f"SELECT min(id) FROM runs WHERE {mine}", [job]).fetchone()[0]
    connection.execute(f"DELETE FROM runs WHERE {mine}", [job])
    return None if found is None else int(found)


def _insert(
    connection: sqlite3.Connection, rows: list[dict[str, Any]], made: dict[str, Any], id: int | None = None
) -> tuple[int, str]:
    """The id of a checked run, `id` where that is free and given, and whether it was "added", "restored" or "known"."""
    digest = digest_of_run(rows, made)
    known = connection.execute("SELECT id, deleted_at FROM runs WHERE digest = ?", [digest]).fetchone()
    if known:
        connection.execute("UPDATE runs SET deleted_at = NULL WHERE id = ?", [known[0]])
        return known[0], "restored" if known[1] else "known"
    words = searchable(" ".join(dict.fromkeys(_texts([made, *rows]))))
    values = [id, digest, written(date_of(made)), words, json.dumps(made)]
    cursor = connection.execute("INSERT INTO runs (id, digest, date, words, provenance) VALUES (?, ?, ?, ?, ?)", values)
    marks = ", ".join("?" * (2 + len(ROW_KEYS)))
    lines = [
        (cursor.lastrowid, number, *(json.dumps(row[key]) if key in LISTS else row[key] for key in ROW_KEYS))
        for number, row in enumerate(rows)
    ]
    connection.executemany(f"INSERT INTO rows VALUES ({marks})", lines)
    return int(cursor.lastrowid or 0), "added"


def _texts(value: Any) -> Iterator[str]:
    """Every text in mappings and lists, their keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts([key, item])
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _row(line: Sequence[Any]) -> dict[str, Any]:
    row = dict(zip(ROW_KEYS, line, strict=True))
    for key in LISTS:
        with suppress(ValueError, TypeError, RecursionError):  # else it is refused for what it should have been
            row[key] = json.loads(row[key])
    return row | {"higher_is_better": bool(row["higher_is_better"])}


def _run(line: Sequence[Any], rows: tuple[dict[str, Any], ...]) -> Run:
    made = json.loads(line[2])
    deleted = datetime.fromisoformat(line[3]) if line[3] else None
    return Run(line[0], line[1], date_of(made), made, rows, deleted)


def _check_known(ids: Iterable[int], known: Collection[int], path: Path) -> None:
    missing = [str(one) for one in ids if one not in known]
    if missing:
        raise StoreError(f"expected runs that are in {path}, got {', '.join(missing)}")
