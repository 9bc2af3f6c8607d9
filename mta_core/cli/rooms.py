"""`rooms`: renders scenes on all cores."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from mta_core import results
from mta_core.cli.output import check_json, command_line, say, show, write_json
from mta_core.data.rooms.source import SPLITS, write_scene
from mta_core.events import Event, Progress
from mta_core.weights import write_atomically

Item = TypeVar("Item")
FIRST = 3_000_000
"""Where scenes that belong to no split of `rooms` begin: weights trained on it have not seen them."""


def run(arguments: argparse.Namespace) -> int:
    out = Path(arguments.out)
    check_json(arguments)
    results.check_folder(out)
    first = FIRST if arguments.seed is None else arguments.seed
    seeds = SPLITS[arguments.split] if arguments.split else range(first, first + arguments.count)
    missing = [seed for seed in seeds if not (out / "rgb" / f"{seed:07d}.png").exists()]
    begin = time.perf_counter()
    for _ in show(render(partial(write_scene, out), missing, arguments.workers or num_cores(), "scenes")):
        pass
    if arguments.split:
        listing = "".join(f"{seed:07d}\n" for seed in seeds)
        write_atomically(out / f"{arguments.split}.txt", listing.encode())
    seconds = time.perf_counter() - begin
    speed = f" in {seconds:.0f} s ({len(missing) / seconds:.1f} a second)" if missing else ""
    say(arguments, f"{len(missing)} scenes rendered{speed}, {len(seeds) - len(missing)} were there already: {out}")
    made = results.provenance(command=command_line(arguments), seed=first, seconds=seconds)
    write_json(arguments, {"folder": str(out), "count": len(seeds), "rendered": len(missing), "provenance": made})
    return 0


def num_cores() -> int:
    """Cores that this process may use, which a container can restrict."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def render(write: Callable[[Item], object], items: Sequence[Item], workers: int, unit: str) -> Iterator[Event]:
    """Writes each of these items, whole files only, in as many processes."""
    if not items:
        return
    if min(workers, len(items)) == 1:
        for number, item in enumerate(items, 1):
            write(item)
            yield Progress(number, len(items), unit, stage="rendering")
        return
    # Spawned, not forked: torch's and the ray caster's threads do not survive a fork.
    pool = ProcessPoolExecutor(min(workers, len(items)), mp_context=get_context("spawn"))
    try:
        waiting = [pool.submit(write, item) for item in items]
        for number, done in enumerate(as_completed(waiting), 1):
            done.result()
            yield Progress(number, len(items), unit, stage="rendering")
    finally:
        pool.shutdown(cancel_futures=True)
