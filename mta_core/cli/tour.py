"""`tour`: draws the scenes of the page Tour."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from mta_core import devices, tour
from mta_core.cli.output import check_json, command_line, say, show, write_json
from mta_core.results import check_folder, provenance
from mta_core.tour.drawing import Studio, draw
from mta_core.weights import ROOT


def run(arguments: argparse.Namespace) -> int:
    out, begin = Path(arguments.out), time.perf_counter()
    check_json(arguments)
    check_folder(out)
    device = devices.pick(arguments.device)
    studio = Studio(device, str(ROOT / "assets" / "gallery"))
    scenes: list[tour.Scene] = []
    for _ in show(draw(studio, scenes)):
        pass
    made = provenance(
        command=command_line(arguments), device=device.label, seed=0, seconds=time.perf_counter() - begin,
        weights=studio.used,
    )  # fmt: skip
    tour.write(out, scenes, studio.files, made)
    size = sum(map(len, studio.files.values())) / 1e6
    say(arguments, f"{len(scenes)} scenes, {len(studio.files)} pictures of {size:.1f} MB: {out}")
    write_json(arguments, {"folder": str(out), "scenes": len(scenes), "provenance": made})
    return 0
