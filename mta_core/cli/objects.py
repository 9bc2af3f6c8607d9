"""`objects`: renders pictures of single objects on all cores."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from mta_core.cli.output import write_json
from mta_core.cli.rooms import render_missing
from mta_core.data.objects import DOMAINS
from mta_core.data.objects.source import SPLITS, entry_of, write_object

FIRST = 2_000_100
"""Where pictures that belong to no split of `objects` begin."""


def run(arguments: argparse.Namespace) -> int:
    out = Path(arguments.out)
    first = FIRST if arguments.seed is None else arguments.seed
    seeds = SPLITS[arguments.split] if arguments.split else range(first, first + arguments.count)
    entries = [entry_of(domain, seed) for domain in DOMAINS for seed in seeds]
    files = {entry: out / entry.file for entry in entries}
    write_json(arguments, render_missing(arguments, partial(write_object, out), files, "pictures", first))
    return 0
