"""Options of the commands that draw pictures with labels. Nothing here imports torch."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from mta_core.cli.typed import positive, some

Add = Callable[..., argparse.ArgumentParser]
"""Makes a command with the options that all have."""


def add_rooms(commands: Any, add: Add) -> None:
    command = add(
        commands, "rooms", "Renders indoor scenes with exact labels.", seed_help="of the first scene (default: 3000000)"
    )
    scenes = command.add_mutually_exclusive_group(required=True)
    scenes.add_argument("--count", type=positive, metavar="N", help="how many scenes, from consecutive seeds")
    scenes.add_argument(
        "--split", choices=("train", "test", "gallery"), help="the scenes of a split of the data `rooms`"
    )
    command.add_argument(
        "--out", required=True, type=some, metavar="DIR", help="where to write; scenes already there are left alone"
    )
    command.add_argument("--workers", type=positive, metavar="N", help="processes (default: one for each core)")


def add_objects(commands: Any, add: Add) -> None:
    command = add(
        commands,
        "objects",
        "Renders pictures of single objects in three domains.",
        seed_help="of the first picture (default: 2000100)",
    )
    pictures = command.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--count", type=positive, metavar="N", help="how many of each domain, from consecutive seeds")
    pictures.add_argument(
        "--split", choices=("train", "test", "gallery"), help="pictures of a split of the data `objects`"
    )
    command.add_argument(
        "--out", required=True, type=some, metavar="DIR", help="where to write; pictures already there are left alone"
    )
    command.add_argument("--workers", type=positive, metavar="N", help="processes (default: one for each core)")


def add_tour(commands: Any, add: Add) -> None:
    command = add(
        commands, "tour", "Draws the scenes of the page Tour from the weights at hand.",
        seed_help="0 alone: the tour is always the same",
    )  # fmt: skip
    command.add_argument(
        "--out", default="assets/tour", type=some, metavar="DIR", help="where to write (default: %(default)s)"
    )
