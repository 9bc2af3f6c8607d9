"""What commands share: showing events, writing JSON, printing tables."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from mta_core import PROGRAM, distributed, results
from mta_core.events import Event, Message, Pause, Progress, Row
from mta_core.store import Store

Item = TypeVar("Item")


def command_line(arguments: argparse.Namespace) -> str:
    return f"{PROGRAM} {shlex.join(arguments.argv)}"


def show(events: Iterable[Event]) -> Iterator[Progress | Row]:
    """Draws progress on a terminal and prints messages, both to standard error; passes the rest on."""
    bar: tqdm[Any] | None = None
    try:
        for event in events:
            if isinstance(event, Message):
                tqdm.write(event.text, file=sys.stderr)
                continue
            if isinstance(event, Pause):
                continue
            if isinstance(event, Progress):
                bar = bar or tqdm(total=event.total, unit=f" {event.unit}", disable=None, file=sys.stderr, leave=False)
                _draw(bar, event)
            yield event
    finally:
        if bar is not None:
            bar.close()


def each(items: Sequence[Item], unit: str, stage: str) -> Iterable[Item]:
    """The items one after the other, with their progress on a terminal."""
    bar: Iterable[Item] = tqdm(items, stage, unit=f" {unit}", disable=None, file=sys.stderr, leave=False)
    return bar


def _draw(bar: tqdm[Any], event: Progress) -> None:
    bar.total = event.total
    bar.set_description_str(event.stage, refresh=False)
    if "loss" in event.values:
        bar.set_postfix_str(f"loss {event.values['loss']:.3f}", refresh=False)
    bar.update(event.done - bar.n)


def check_json(arguments: argparse.Namespace) -> None:
    """Raises ValueError where `--json` could not be written; asked before the work."""
    if arguments.json and arguments.json != "-":
        results.check_writable(Path(arguments.json))


def write_json(arguments: argparse.Namespace, content: Any) -> None:
    """As `--json` says, in the first process."""
    if not distributed.is_first():
        return
    if arguments.json == "-":
        sys.stdout.write(results.dumps(content))
    elif arguments.json:
        path = Path(arguments.json)
        if path.exists() and not path.is_file():  # a pipe or a device: written into, never replaced
            path.write_text(results.dumps(content), encoding="utf-8")
        else:
            results.write_json(path.resolve(), content)  # a link stays a link


def keep(arguments: argparse.Namespace, rows: Sequence[Mapping[str, Any]], made: Mapping[str, Any]) -> None:
    """Keeps a finished run where `results` finds it. Where that fails it is said: the result itself is not lost."""
    if rows and not arguments.no_store and distributed.is_first():
        try:
            Store().add(rows, made)
        except ValueError as error:
            complain(f"not kept among the results: {error}")


def say(arguments: argparse.Namespace, text: str = "") -> None:
    """For people, on standard output unless that carries JSON."""
    tqdm.write(text, file=sys.stderr if arguments.json == "-" else sys.stdout)


def complain(text: str) -> None:
    """Says what is wrong with one of several inputs, without ending the work on the others."""
    tqdm.write(text, file=sys.stderr)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Columns side by side; the first is flush left, as is every text column, numbers are flush right."""
    cells = [list(head), *(list(line) for line in lines)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    is_number = [all(line[i][:1].isdigit() or line[i][:1] in "-–" for line in cells[1:]) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            c.rjust(w) if right else c.ljust(w) for c, w, right in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in cells
    )
