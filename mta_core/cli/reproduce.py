"""`reproduce`: a paper's table, ours beside what is printed."""

from __future__ import annotations

import argparse
import time

from mta_core import devices, results
from mta_core.cli.output import check_json, command_line, complain, say, show, write_json
from mta_core.devices import Device
from mta_core.reproduce import TABLES, Paper, Reproduction, Scale, Small, check_data


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    table = TABLES[arguments.name]()
    data = arguments.data or table.stand_in
    device = devices.pick(arguments.device)
    scale = make_scale(arguments, data, device)
    source = check_data(table, data)
    begin = time.perf_counter()
    limit = arguments.limit or scale.limit(table)
    made = Reproduction(table, scale, data, device, limit, arguments.batch_size, arguments.seed or 0)
    for _ in show(made.run()):
        pass
    report = made.report()
    say(arguments, report.markdown())
    names = [source.name_of(index) for index in range(len(source))][:limit]
    provenance = results.provenance(
        command=command_line(arguments), device=device.label, seed=made.seed, seconds=time.perf_counter() - begin,
        weights=made.weights, data=source.name, names=names, scale=scale.name, limit=limit, unreadable=made.unreadable,
    )  # fmt: skip
    write_json(arguments, {**results.document(made.rows(), provenance), "table": report.to_json()})
    for name in made.unreadable:
        complain(f"{name} could not be read")
    return 2 if made.unreadable else 0


def make_scale(arguments: argparse.Namespace, data: str, device: Device) -> Scale:
    """Raises ValueError where there is nothing to train that could be cut off."""
    minutes = arguments.budget_minutes
    if arguments.scale == "small":
        if minutes is not None:
            raise ValueError("expected --scale paper beside --budget-minutes: the small scale trains nothing")
        return Small()
    return Paper(data, device, None if minutes is None else time.monotonic() + 60 * minutes)
