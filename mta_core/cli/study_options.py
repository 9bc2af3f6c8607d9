"""Options of `study`. Nothing here imports torch."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from mta_core.cli.typed import positive, some


def add_study(commands: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """`add` makes a command with the options that all have."""
    command = add(
        commands,
        "study",
        "Makes the robustness study again: trains the models that are missing, attacks them all, measures every task. "
        "What is finished stays: the same command goes on.",
        seed_help="of the attacks (default: 0)",
    )
    command.add_argument(
        "--scale",
        default="small",
        choices=("small", "paper"),
        help="small: light victims on rooms; paper: a setting of Table 1 as printed, in days on a GPU "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--setting",
        metavar="S",
        help="small: short, or short-resnet50, short-xception, short-resnet152, short-wide_resnet50_2; paper: s1 to s8 "
        "(default: short, s1)",
    )
    command.add_argument(
        "--data", metavar="NAME[:PATH]", help="with labels of all tasks (default: rooms; paper: taskonomy:PATH)"
    )
    command.add_argument(
        "--models",
        nargs="+",
        metavar="LETTERS",
        help="only these, such as s sd sdDnE, by letters of their tasks among sdDnkKeEprA (default: all of the study)",
    )
    command.add_argument("--limit", type=positive, metavar="N", help="measure only the first N pictures")
    command.add_argument(
        "--batch-size", type=positive, default=16, metavar="N", help="pictures attacked at once (default: %(default)s)"
    )
    command.add_argument("--train-only", action="store_true", help="train the missing models and measure nothing")
    command.add_argument(
        "--pictures",
        type=some,
        metavar="DIR",
        help="write what attacks of 8/255 in 25 steps do to one picture; files there of the same weights stay",
    )
