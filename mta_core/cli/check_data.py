"""`check-data`: what is missing or wrong in a data set."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict

from mta_core.check_data import FIRST, Check, check
from mta_core.cli.output import check_json, say, show, write_json
from mta_core.events import Event

USER_ERROR = 2


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    found: list[Check] = []
    for _ in show(_events(arguments, found)):
        pass
    (checked,) = found
    say(arguments, "\n".join([f"{checked.label}: {checked.data}", *(f"  {line}" for line in checked.sentences)]))
    for problem in checked.problems:
        say(arguments, f"  ! {problem}")
    say(arguments, f"  {checked.verdict}")
    write_json(arguments, {**asdict(checked), "is_usable": checked.is_usable, "is_sound": checked.is_sound})
    return 0 if checked.is_sound else USER_ERROR


def _events(arguments: argparse.Namespace, found: list[Check]) -> Iterator[Event]:
    """Those that are shown as they come; the last one is kept."""
    for event in check(arguments.data, None if arguments.every else FIRST):
        if isinstance(event, Check):
            found.append(event)
        else:
            yield event
