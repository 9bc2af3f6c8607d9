"""Options of `bench`. Nothing here imports torch."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from mta_core.cli.typed import positive, size

Add = Callable[..., argparse.ArgumentParser]
"""Makes a command with the options that all have."""


def add_bench(commands: Any, add: Add) -> None:
    command = add(commands, "bench", "Times victim, generator and PGD on this device, what attacks cost, or training.")
    command.add_argument(
        "section",
        nargs="?",
        choices=("attacks", "cost", "training", "study"),
        default="attacks",
        help="attacks: PGD beside its floor and others; cost: GAP, MTA and iterative attacks as in the MTA paper's "
        "Table 7; training: steps of a generator beside their floor; study: PGD over all eleven tasks beside its floor "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--victim", default="dmtl", metavar="V", help="an untrained one of its size where it is missing"
    )
    command.add_argument(
        "--repeats", type=positive, default=5, metavar="N", help="the median of N (default: %(default)s)"
    )
    cost = command.add_argument_group("of cost only")
    cost.add_argument(
        "--precision", nargs="+", metavar="P", help="float32, bfloat16 (default: all that the device computes natively)"
    )
    cost.add_argument("--batch-size", nargs="+", type=positive, metavar="N", help="pictures at once (default: 1 and 4)")
    cost.add_argument("--ngf", type=positive, metavar="N", help="width of the generators (default: 64, the paper's)")
    cost.add_argument("--size", type=size, metavar="HxW", help="of the pictures (default: 288x384, the paper's)")
    cost.add_argument("--attacks", metavar="A,A", help="iterative attacks beside them, or none (default: pgd,deepfool)")
