"""Options of `results`. Nothing here imports torch."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mta_core.search import WORDS

ACTIONS = {
    "list": "Shows runs that were kept, the newest first.",
    "export": "Writes runs to a file, whole.",
    "import": "Adds the runs of a file: what `export` or `--json` wrote.",
    "delete": "Puts runs out of sight; `restore` undoes it for 30 days.",
    "restore": "Brings deleted runs back.",
}
MAX_ID = 2**63 - 1


def add_results(commands: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """`add` makes a command with the options that all have."""
    about = "Finds, hands on and deletes what was measured before."
    command = commands.add_parser("results", help=about, description=about, allow_abbrev=False)
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in ACTIONS.items():
        action = add(actions, name, text, module="results")
        if name in ("export", "import"):
            action.add_argument(
                "file", metavar="FILE", help="ends in .jsonl or .csv" + " or .json" * (name == "import")
            )
        if name in ("delete", "restore"):
            action.add_argument("runs", nargs="+", type=_run, metavar="RUN", help="its number, as `list` shows it")
        if name in ("list", "export"):
            _add_search(action)
        if name == "list":
            action.add_argument("--limit", type=_run, default=20, metavar="N", help="this many (default: %(default)s)")
            action.add_argument("--offset", type=_whole, default=0, metavar="N", help="without the first N")


def _add_search(action: argparse.ArgumentParser) -> None:
    for word in WORDS:
        action.add_argument(
            f"--{word}", action="append", default=[], metavar="NAME", help=f"of this {word}; repeatable, any of them"
        )
    action.add_argument(
        "--epsilon", type=_span, default=(None, None), metavar="E|E:E", help="this one, or from:to; an end may be empty"
    )
    action.add_argument("--text", default="", help="words that are anywhere in rows or provenance")
    action.add_argument("--since", type=_day, metavar="DATE", help="finished on this day or later, such as 2026-01-31")
    action.add_argument("--until", type=_next_day, metavar="DATE", help="finished on this day or earlier")
    action.add_argument("--deleted", action="store_true", help="those that were deleted")


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID):
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text[:100]!r}")
    return int(text)


def _run(text: str) -> int:
    number = _whole(text)
    if not number:
        raise argparse.ArgumentTypeError("expected a whole number from 1, got '0'")
    return number


def _span(text: str) -> tuple[float | None, float | None]:
    low, colon, high = text.partition(":")
    try:
        ends = [float(end) if end.strip() else None for end in ((low, high) if colon else (low, low))]
    except ValueError:
        ends = []
    known = [end for end in ends if end is not None]
    if not known or any(not 0 <= end < float("inf") for end in known) or known != sorted(known):
        raise argparse.ArgumentTypeError(f"expected an epsilon or from:to, such as 2:8, got {text[:100]!r}")
    return ends[0], ends[1]


def _day(text: str) -> datetime:
    """When that day begins here."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"expected a day such as 2026-01-31, got {text[:100]!r}") from None


def _next_day(text: str) -> datetime:
    try:
        return (_day(text).replace(tzinfo=None) + timedelta(days=1)).astimezone()
    except OverflowError:
        raise argparse.ArgumentTypeError(f"expected a day such as 2026-01-31, got {text[:100]!r}") from None
