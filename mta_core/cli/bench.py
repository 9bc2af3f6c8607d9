"""`bench`: how fast this device is, and what attacks cost on it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

from mta_core import contenders, cost, devices, results, victims
from mta_core.bench import Ring, bench
from mta_core.bench_study import bench_study
from mta_core.bench_training import bench_training
from mta_core.cli.choices import in_words
from mta_core.cli.output import check_json, command_line, complain, say, show, table, write_json
from mta_core.contenders import Setup
from mta_core.devices import Device, is_out_of_memory, load_average
from mta_core.events import Event, Row

OF_COST = ("precision", "batch_size", "ngf", "size", "attacks")


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    arguments.victim = in_words(arguments.victim)
    device = devices.pick(arguments.device)
    return _cost(arguments, device) if arguments.section == "cost" else _figures(arguments, device)


def _figures(arguments: argparse.Namespace, device: Device) -> int:
    """Of attacks or of training."""
    if given := [name for name in OF_COST if getattr(arguments, name) is not None]:
        raise ValueError(f"--{given[0].replace('_', '-')} belongs to `bench cost`")
    begin = time.perf_counter()
    seed, card = arguments.seed or 0, None
    if arguments.section == "training":
        card = victims.load(arguments.victim)[1]
        events = bench_training(card.name, device, arguments.repeats, seed)
    elif arguments.section == "study":
        events = bench_study(device, arguments.repeats, seed)
    else:
        ring = Ring.prepare(arguments.victim, device)
        card, events = ring.card, bench(ring, arguments.repeats, seed)
    figures = [dict(event.values) for event in show(events) if isinstance(event, Row)]
    say(arguments, device.label)
    say(arguments, table(("what", "value", "", "goal", ""), [_line(figure) for figure in figures]))
    made = results.provenance(
        command=command_line(arguments),
        device=device.label,
        seed=seed,
        victim="untrained" if card is None else card.name,
        weights={} if card is None else victims.digests(card),
        seconds=time.perf_counter() - begin,
        repeats=arguments.repeats,
    )
    write_json(arguments, {"figures": figures, "provenance": made})
    return 0


def _line(figure: dict[str, Any]) -> tuple[str, str, str, str, str]:
    digits = 1 if figure["unit"] == "ms" else 3
    reached = {True: "reached", False: "MISSED", None: ""}[figure["is_reached"]]
    return figure["name"], f"{figure['value']:.{digits}f}", figure["unit"], figure["goal"], reached


def _cost(arguments: argparse.Namespace, device: Device) -> int:
    setups = list(_setups(arguments, device))
    for setup in setups:
        contenders.check(setup, device)
    begin, load = time.perf_counter(), load_average()
    rows: list[dict[str, Any]] = []
    for setup in setups:
        try:
            rows += _latest(cost.measure(setup, device))
        except RuntimeError as error:
            if setup.batch_size == 1 or arguments.batch_size or not is_out_of_memory(error):
                raise
            complain(f"{setup.precision}, {setup.batch_size} at once: does not fit into the device's memory")
    say(arguments, device.label)
    for setup in setups:
        own = [row for row in rows if (row["precision"], row["batch_size"]) == (setup.precision, setup.batch_size)]
        if own:
            say(arguments, f"\n{setup.precision}, {setup.batch_size} at once, {setup.size[0]}x{setup.size[1]}")
            say(arguments, table(COST_HEAD, [_cost_line(row) for row in own]))
    remarks = [*([ATTACKS_REMARK] if setups[0].attacks else []), *(cost.REMARKS if setups[0].is_papers else ())]
    if remarks:
        say(arguments, "\n" + "\n".join(remarks))
    made = results.provenance(
        command=command_line(arguments),
        device=device.label,
        seed=setups[0].seed,
        victim=arguments.victim,
        seconds=time.perf_counter() - begin,
        repeats=arguments.repeats,
        load_before=load,
        load_after=load_average(),
    )
    write_json(arguments, {"rows": rows, "provenance": made})
    return 0


def _setups(arguments: argparse.Namespace, device: Device) -> Iterator[Setup]:
    given = {name: getattr(arguments, name) for name in ("ngf", "size") if getattr(arguments, name) is not None}
    if arguments.attacks is not None:
        given["attacks"] = tuple(name for name in arguments.attacks.split(",") if name not in ("", "none"))
    for precision in dict.fromkeys(arguments.precision or contenders.precisions(device)):
        for batch_size in dict.fromkeys(arguments.batch_size or contenders.BATCH_SIZES):
            yield Setup(
                precision=precision,
                batch_size=batch_size,
                victim=arguments.victim,
                repeats=arguments.repeats,
                seed=arguments.seed or 0,
                **given,
            )


def _latest(events: Iterator[Event]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for event in show(events):
        if isinstance(event, Row):
            rows[event.values["name"]] = dict(event.values)
    return list(rows.values())


ATTACKS_REMARK = (
    "The times of iterative attacks hold the pass over the clean pictures whose answers they lead away from."
)
COST_HEAD = ("what", "kind", "M parameters", "paper", "G mult-adds", "ms", "paper", "over MTA", "peak MB")


def _cost_line(row: dict[str, Any]) -> tuple[str, ...]:
    def number(key: str, unit: float, digits: int) -> str:
        return "–" if row[key] is None else f"{row[key] / unit:.{digits}f}"

    return (
        row["label"],
        row["instance"],
        number("parameters", 1e6, 2),
        number("paper_parameters", 1e6, 2),
        number("multiply_adds", 1e9, 1),
        number("milliseconds", 1, 1),
        number("paper_milliseconds", 1, 0),
        number("over_mta", 1, 2),
        number("peak_bytes", 1e6, 0),
    )
