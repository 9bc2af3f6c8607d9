"""`reproduce`: a paper's table or figure, ours beside what is printed."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from mta_core import devices, results, weights
from mta_core.cli.output import check_json, command_line, complain, keep, say, show, write_json
from mta_core.devices import Device
from mta_core.reproduce import TABLES, CostReproduction, Paper, Reproduction, Scale, Small, mtlr

BATCH_SIZE = 8
STUDY_BATCH_SIZE = 16
Made = Reproduction | CostReproduction | mtlr.Made


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    device = devices.pick(arguments.device)
    made = _made(arguments, device)
    begin = time.perf_counter()
    try:
        for _ in show(made.run()):
            pass
    except BaseException:
        if made.has_some:  # hours of work, which whatever stops it does not cost
            _tell(arguments, made, device, begin)
        raise
    _tell(arguments, made, device, begin)
    return 2 if made.unreadable or made.failures else 0


def _made(arguments: argparse.Namespace, device: Device) -> Made:
    """Raises ValueError where the data are none for this table, or an option makes no sense."""
    if arguments.name in TABLES:
        return _table(arguments, device)
    if arguments.name == mtlr.COUNTED:
        _refuse(arguments, ("data", "limit", "batch_size", "budget_minutes", "backbone"), "it counts alone")
        return mtlr.SettingsReproduction(arguments.seed or 0)
    return _study(arguments, device) if arguments.name in mtlr.NAMES else _cost(arguments, device)


def _tell(arguments: argparse.Namespace, made: Made, device: Device, begin: float) -> None:
    """Prints, keeps and writes what there is so far."""
    report, rows = made.report(), made.rows()
    say(arguments, report.markdown())
    provenance = results.provenance(
        command=command_line(arguments),
        device=device.label,
        seed=made.seed,
        seconds=time.perf_counter() - begin,
        **made.about(),
    )
    keep(arguments, rows, provenance)
    write_json(arguments, {**results.document(rows, provenance), "table": report.to_json()})
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


def _study(arguments: argparse.Namespace, device: Device) -> mtlr.ChainReproduction | mtlr.StudyReproduction:
    """Raises ValueError where the data are none for this scale, or an option makes no sense."""
    _refuse(arguments, ("backbone",), "its models start at random")
    results.check_folder(weights.RUNS)
    scale, minutes = arguments.scale or "small", arguments.budget_minutes
    asked = mtlr.Asked(
        device, scale, arguments.data or ("" if scale == "paper" else "rooms"), arguments.limit,
        arguments.batch_size or STUDY_BATCH_SIZE, arguments.seed or 0,
        None if minutes is None else time.monotonic() + 60 * minutes, command_line(arguments),
    )  # fmt: skip
    return mtlr.reproduction(arguments.name, asked)


def _cost(arguments: argparse.Namespace, device: Device) -> CostReproduction:
    """Raises ValueError for options that mean nothing where no picture is measured."""
    _refuse(arguments, ("data", "limit", "batch_size", "budget_minutes", "backbone"), "it counts and times alone")
    return CostReproduction.of(device, seed=arguments.seed or 0)


def _refuse(arguments: argparse.Namespace, options: Sequence[str], why: str) -> None:
    """Raises ValueError where one of these options is given."""
    for option in options:
        if getattr(arguments, option) is not None:
            raise ValueError(f"expected no --{option.replace('_', '-')} for {arguments.name}: {why}")


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
