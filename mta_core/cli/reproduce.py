"""`reproduce`: a paper's table, ours beside what is printed."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from mta_core import devices, results, weights
from mta_core.cli.output import check_json, command_line, complain, keep, say, show, write_json
from mta_core.devices import Device
from mta_core.reproduce import TABLES, CostReproduction, Paper, Reproduction, Scale, Small

BATCH_SIZE = 8


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    device = devices.pick(arguments.device)
    made = _cost(arguments, device) if arguments.name not in TABLES else _table(arguments, device)
    begin = time.perf_counter()
    try:
        for _ in show(made.run()):
            pass
    except BaseException:
        if made.has_some:  # hours of work, which whatever stops it does not cost
            _tell(arguments, made, device, begin)
        raise
    _tell(arguments, made, device, begin)
    return 2 if isinstance(made, Reproduction) and (made.unreadable or made.failures) else 0


def _tell(arguments: argparse.Namespace, made: Reproduction | CostReproduction, device: Device, begin: float) -> None:
    """Prints, keeps and writes what there is so far."""
    report = made.report()
    say(arguments, report.markdown())
    more = _of_data(made) if isinstance(made, Reproduction) else {}
    provenance = results.provenance(
        command=command_line(arguments),
        device=device.label,
        seed=made.seed,
        seconds=time.perf_counter() - begin,
        **more,
    )
    keep(arguments, made.rows(), provenance)
    write_json(arguments, {**results.document(made.rows(), provenance), "table": report.to_json()})
    if isinstance(made, Reproduction):
        for name in made.unreadable:
            complain(f"left out {name}: it cannot be read")
        for reason in made.failures:
            complain(reason)


def _table(arguments: argparse.Namespace, device: Device) -> Reproduction:
    """Raises ValueError where the data are none for this table, or an option makes no sense."""
    table = TABLES[arguments.name]()
    data = arguments.data or table.stand_in
    scale = _scale(arguments, data, device)
    limit = arguments.limit or scale.limit(table)
    return Reproduction(table, scale, data, device, limit, arguments.batch_size or BATCH_SIZE, arguments.seed or 0)


def _cost(arguments: argparse.Namespace, device: Device) -> CostReproduction:
    """Raises ValueError for options that mean nothing where no picture is measured."""
    for option in ("data", "limit", "batch_size", "budget_minutes", "backbone"):
        if getattr(arguments, option) is not None:
            raise ValueError(
                f"expected no --{option.replace('_', '-')} for {arguments.name}: it counts and times alone"
            )
    return CostReproduction.of(device, seed=arguments.seed or 0)


def _scale(arguments: argparse.Namespace, data: str, device: Device) -> Scale:
    minutes, backbone = arguments.budget_minutes, arguments.backbone
    if arguments.scale in (None, "small"):
        if minutes is not None or backbone is not None:
            raise ValueError(
                "expected --scale paper beside --budget-minutes or --backbone: the small one trains nothing"
            )
        return Small()
    if backbone is not None and not Path(backbone).is_file():
        raise ValueError(f"expected a weight file after --backbone, got {backbone!r}")
    results.check_folder(weights.RUNS)
    paper = Paper(data, device, None if minutes is None else time.monotonic() + 60 * minutes, backbone or "")
    paper.check_backbone()
    return paper


def _of_data(made: Reproduction) -> dict[str, Any]:
    """For provenance."""
    return {
        "weights": made.weights, "data": made.data.partition(":")[0], "names": made.names,
        "contents": made.contents, "scale": made.scale.name,
        "limit": made.limit, "unreadable": made.unreadable, "batch_size": made.batch_size,
    }  # fmt: skip
