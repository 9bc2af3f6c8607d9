"""`import`, `remove`, `restore`: weights from elsewhere."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mta_core import imported
from mta_core.cli.output import check_json, say, write_json
from mta_core.store import KEPT_DAYS
from mta_core.weights import MAX_BYTES, WeightsError


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    write_json(arguments, COMMANDS[arguments.command](arguments))
    return 0


def _import(arguments: argparse.Namespace) -> dict[str, Any]:
    path = Path(arguments.weights)
    card = Path(arguments.card) if arguments.card else path.with_suffix(".json")
    try:
        made = imported.take_in(imported.read_file(path), imported.read_file(card, MAX_BYTES), arguments.name or "")
    except WeightsError as error:
        raise WeightsError(f"nothing imported from {path.name}: {error}") from error
    say(arguments, f"the {made.kind} {made.name} is imported; `remove {made.name}` takes it away again")
    return asdict(made)


def _remove(arguments: argparse.Namespace) -> dict[str, Any]:
    imported.remove(arguments.name)
    say(arguments, f"removed; `restore {arguments.name}` brings it back, for {KEPT_DAYS} days")
    return {"removed": arguments.name}


def _restore(arguments: argparse.Namespace) -> dict[str, Any]:
    imported.restore(arguments.name)
    say(arguments, f"{arguments.name} is back")
    return {"restored": arguments.name}


COMMANDS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "import": _import,
    "remove": _remove,
    "restore": _restore,
}
