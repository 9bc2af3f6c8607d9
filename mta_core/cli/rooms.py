"""`rooms`: renders scenes on all cores."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from mta_core import results
from mta_core.cli.output import check_json, command_line, say, show, write_json
from mta_core.data.rooms.source import SPLITS, write_scene
from mta_core.events import Event, Progress
from mta_core.weights import write_atomically
from mta_core.wording import counted

Item = TypeVar("Item")
FIRST = 3_000_000
"""Where scenes that belong to no split of `rooms` begin: weights trained on it have not seen them."""


def run(arguments: argparse.Namespace) -> int:
    out = Path(arguments.out)
    first = FIRST if arguments.seed is None else arguments.seed
    seeds = SPLITS[arguments.split] if arguments.split else range(first, first + arguments.count)
    files = {seed: out / "rgb" / f"{seed:07d}.png" for seed in seeds}
    made = render_missing(arguments, partial(write_scene, out), files, "scenes", first)
    if arguments.split:
        listing = "".join(f"{seed:07d}\n" for seed in seeds)
        write_atomically(out / f"{arguments.split}.txt", listing.encode())
    write_json(arguments, made)
    return 0


def render_missing(
    arguments: argparse.Namespace, write: Callable[[Item], object], files: Mapping[Item, Path], unit: str, seed: int
) -> dict[str, Any]:
    """Writes each item whose file is not there yet, and says so; returns what the JSON tells.

    Raises:
        ValueError: nothing can be written there.
    """
    check_json(arguments)
    out = Path(arguments.out)
    results.check_folder(out)
    missing = [item for item, file in files.items() if not file.exists()]
    begin = time.perf_counter()
    for _ in show(render(write, missing, arguments.workers or num_cores(), unit)):
        pass
    seconds = time.perf_counter() - begin
    speed = f" in {seconds:.0f} s ({len(missing) / seconds:.1f} a second)" if missing else ""
    rendered = counted(len(missing), unit.removesuffix("s"))
    say(arguments, f"{rendered} rendered{speed}, {len(files) - len(missing)} were there already: {out}")
    made = results.provenance(command=command_line(arguments), seed=seed, seconds=seconds)
    return {"folder": str(out), "count": len(files), "rendered": len(missing), "provenance": made}


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
