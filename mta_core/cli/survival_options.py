"""Options of `survive`. Nothing here imports torch."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from mta_core.cli.typed import some

Add = Callable[..., Any]


def add_survive(commands: Any, add: Add, *groups: Callable[[Any], None]) -> None:
    """`add` makes a command with the options that all have, `groups` add those that several share."""
    command: argparse.ArgumentParser = add(
        commands, "survive", "Measures what is left of an attack after JPEG, resizing, blur and the like."
    )
    for group in groups:
        group(command)
    command.add_argument(
        "--transform",
        type=some,
        metavar="T,T=S:S",
        help="jpeg, webp, rounding, bits, resize, crop, blur, noise, brightness, each at its usual strengths or at "
        "those named: jpeg,blur=0.5:2 (default: all)",
    )
