"""`results`: what was measured before."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any

from mta_core import exchange
from mta_core.cli.output import check_json, say, table, write_json
from mta_core.results import check_writable
from mta_core.search import WORDS, Search
from mta_core.store import KEPT_DAYS, Run, Store
from mta_core.summary import summary
from mta_core.weights import write_atomically
from mta_core.wording import counted


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    write_json(arguments, ACTIONS[arguments.action](arguments, Store()))
    return 0


def _list(arguments: argparse.Namespace, store: Store) -> dict[str, Any]:
    search = _search(arguments)
    runs, count = store.find(search, arguments.limit, arguments.offset), store.count(search)
    if runs:
        lines = [summary(run) for run in runs]
        say(arguments, table(list(lines[0]), [list(line.values()) for line in lines]))
    if len(runs) < count:
        say(arguments, f"{len(runs)} of {counted(count, 'run')}: --limit and --offset show others")
    elif not count:
        say(arguments, f"no such runs in {store.path}")
    return {"count": count, "runs": [_as_json(run) for run in runs]}


def _export(arguments: argparse.Namespace, store: Store) -> dict[str, Any]:
    path = Path(arguments.file)
    writer = exchange.WRITERS.get(path.suffix.lower())
    if writer is None:
        raise ValueError(f"expected a file that ends in {' or '.join(exchange.WRITERS)}, got {path.name[:100]!r}")
    check_writable(path)
    found = store.find(_search(arguments), limit=None)
    if not found:
        raise ValueError(f"expected runs to export, there are no such ones in {store.path}")
    ids = [run.id for run in found]
    write_atomically(path.resolve(), writer(store.get(ids)))
    say(arguments, f"{counted(len(ids), 'run')} written: {path}")
    return {"runs": ids}


def _import(arguments: argparse.Namespace, store: Store) -> dict[str, Any]:
    path = Path(arguments.file)
    if path.exists() and not path.is_file():
        raise ValueError(f"expected a file, {path} is none")
    with path.open("rb") as file:
        data = file.read(exchange.MAX_BYTES + 1)
    try:
        taken = store.take_in(exchange.read(PurePath(path).name, data))
    except ValueError as error:
        raise ValueError(f"nothing imported from {path.name}: {error}") from error
    say(arguments, taken.sentence)
    return vars(taken)


def _delete(arguments: argparse.Namespace, store: Store) -> dict[str, Any]:
    store.delete(arguments.runs)
    numbers = " ".join(map(str, arguments.runs))
    say(arguments, f"deleted; `results restore {numbers}` brings back, for {KEPT_DAYS} days")
    return {"runs": arguments.runs}


def _restore(arguments: argparse.Namespace, store: Store) -> dict[str, Any]:
    store.restore(arguments.runs)
    say(arguments, f"{counted(len(arguments.runs), 'run')} restored")
    return {"runs": arguments.runs}


def _search(arguments: argparse.Namespace) -> Search:
    words: dict[str, Sequence[str]] = {word: getattr(arguments, word) for word in WORDS}
    return Search(words, arguments.epsilon, arguments.text, arguments.since, arguments.until, arguments.deleted)


def _as_json(run: Run) -> dict[str, Any]:
    return {
        "run": run.id, "digest": run.digest, "deleted": run.deleted.isoformat() if run.deleted else None,
        "rows": run.rows, "provenance": run.provenance,
    }  # fmt: skip


ACTIONS: dict[str, Callable[[argparse.Namespace, Store], dict[str, Any]]] = {
    "list": _list,
    "export": _export,
    "import": _import,
    "delete": _delete,
    "restore": _restore,
}
