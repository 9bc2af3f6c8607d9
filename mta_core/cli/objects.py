"""`objects`: renders pictures of single objects on all cores."""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path

from mta_core import results
from mta_core.cli.output import check_json, command_line, say, show, write_json
from mta_core.cli.rooms import num_cores, render
from mta_core.data.objects import DOMAINS
from mta_core.data.objects.source import SPLITS, entry_of, write_object

FIRST = 2_000_000
"""Where pictures that belong to no split of `objects` begin."""


def run(arguments: argparse.Namespace) -> int:
    out = Path(arguments.out)
    check_json(arguments)
    results.check_folder(out)
    first = FIRST if arguments.seed is None else arguments.seed
    seeds = SPLITS[arguments.split] if arguments.split else range(first, first + arguments.count)
    entries = [entry_of(domain, seed) for domain in DOMAINS for seed in seeds]
    missing = [entry for entry in entries if not (out / entry.file).exists()]
    begin = time.perf_counter()
    for _ in show(render(partial(write_object, out), missing, arguments.workers or num_cores(), "pictures")):
        pass
    seconds = time.perf_counter() - begin
    speed = f" in {seconds:.0f} s ({len(missing) / seconds:.1f} a second)" if missing else ""
    say(arguments, f"{len(missing)} pictures rendered{speed}, {len(entries) - len(missing)} were there already: {out}")
    made = results.provenance(command=command_line(arguments), seed=first, seconds=seconds)
    write_json(arguments, {"folder": str(out), "count": len(entries), "rendered": len(missing), "provenance": made})
    return 0
