"""A study as if it had been measured: every cell of the heat map, the curves and the model of all tasks, with made-up
numbers that tell each finding from the others."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from mta_core.study import findings, plan, shipped
from mta_core.study.findings import Finding
from mta_core.study.plan import Probe

TILE = (24, 32)
FILE = Path("study") / "short" / shipped.FINDINGS
"""Below the folder of runs."""


def finding(probe: Probe, task: str) -> Finding:
    """Attacked tasks get worse, with more steps and with epsilon; the others hardly."""
    chance = zlib.crc32(repr((probe.model, task)).encode()) / 2**32
    clean = (0.5 if task == "s" else 0.02) * (1 + chance)
    relative = 8 * (0.3 + chance) * (1 if task in probe.attacked else 0.05)
    relative *= (probe.epsilon / 8) * (probe.steps / 25) ** 0.3 * (0.4 if len(probe.attacked) > 1 else 1)
    relative *= {"unit": 0.2, "released": 0.001}[probe.l2_step] if probe.norm == "l2" else 1
    if task == "s":
        relative /= 10
    adversarial = clean * (1 + relative)
    ends = (0.9 * relative, 1.1 * relative)
    return Finding(
        probe, task, clean, adversarial, relative, (0.9 * clean, 1.1 * clean), (0.9 * adversarial, 1.1 * adversarial),
        ends, n=64, seed=0, victim=f"short-{probe.model}", sha256="0" * 64, data="rooms",
    )  # fmt: skip


def probes() -> Iterator[Probe]:
    models = [*plan.MAIN, *plan.pairs(plan.MAIN), plan.ALL]
    yield from plan.probes(models)
    for model in models[:-1]:
        for main in set(model) & set(plan.CURVE_TASKS):
            for attacked in {main, model}:
                for series in (plan.by_steps, plan.by_epsilon, plan.by_norm):
                    yield from series(Probe(model, attacked))


def made() -> list[Finding]:
    return [finding(probe, task) for probe in dict.fromkeys(probes()) for task in probe.model]


def write(runs: Path) -> None:
    """In the layout of `runs/`."""
    (runs / FILE).parent.mkdir(parents=True, exist_ok=True)
    findings.write(runs / FILE, made())


def write_sheet(probe: Probe, runs: Path, tile: tuple[int, int] = TILE) -> Path:
    """In the layout of `runs/`: tiles of one colour each, another for every row and column."""
    rows = 1 + len(probe.model)
    colours = [[(40 * row + 20, 90 * column + 20, 120) for column in range(3)] for row in range(rows)]
    pixels = np.asarray(colours, np.uint8).repeat(tile[0], 0).repeat(tile[1], 1)
    path = (runs / FILE).parent / "pictures" / f"{shipped.stem(probe)}.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, lossless=True)
    return path
