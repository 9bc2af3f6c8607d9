"""`bench`: how fast this device is."""

from __future__ import annotations

import argparse
import time
from typing import Any

from mta_core import devices, results, victims
from mta_core.bench import Ring, bench
from mta_core.cli.output import check_json, command_line, say, show, table, write_json
from mta_core.events import Row


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    device = devices.pick(arguments.device)
    begin = time.perf_counter()
    ring = Ring.prepare(arguments.victim, device)
    seed = arguments.seed or 0
    events = bench(ring, arguments.repeats, seed)
    figures = [dict(event.values) for event in show(events) if isinstance(event, Row)]
    say(arguments, device.label)
    say(arguments, table(("what", "value", "", "goal", ""), [_line(figure) for figure in figures]))
    made = results.provenance(
        command=command_line(arguments),
        device=device.label,
        seed=seed,
        victim=ring.card.name,
        weights=victims.digests(ring.card),
        seconds=time.perf_counter() - begin,
        repeats=arguments.repeats,
    )
    write_json(arguments, {"figures": figures, "provenance": made})
    return 0


def _line(figure: dict[str, Any]) -> tuple[str, str, str, str, str]:
    digits = 1 if figure["unit"] == "ms" else 3
    reached = {True: "reached", False: "MISSED", None: ""}[figure["is_reached"]]
    return figure["name"], f"{figure['value']:.{digits}f}", figure["unit"], figure["goal"], reached
