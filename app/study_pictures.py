"""The pictures of a cell of the study, cut from their sheet, and what became of each error. No streamlit here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.drawings import Drawing, cell, split
from app.panels import packed
from app.study_map import label, named, written
from mta_core.study.findings import Finding, Findings
from mta_core.study.plan import Probe, ordered

COLUMNS = 3
PICTURE = ("Clean", "Adversarial", "Perturbation")
ANSWERS = ("Ground truth", "Clean answer", "Attacked answer")


def probe_of(letters: str, *, multi: bool) -> Probe:
    """Of a cell, by its main and its auxiliary task."""
    model = ordered("".join(dict.fromkeys(letters)))
    return Probe(model, model if multi else letters[0])


def tiles(path: Path, model: str) -> list[list[Drawing]]:
    """The rows of a sheet: the picture's, then one for each task of the model.

    Raises:
        ValueError: the file is not such a sheet; it says so in one sentence.
    """
    rows = 1 + len(model)
    try:
        with Image.open(path) as opened:
            pixels = np.asarray(opened.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow raises all of these
        raise ValueError(f"expected a sheet of pictures in {path.name}, which cannot be read") from error
    height, width = pixels.shape[:2]
    if height % rows or width % COLUMNS:
        raise ValueError(
            f"expected {rows} rows and {COLUMNS} columns of pictures in {path.name}, got {width}x{height} pixels"
        )
    return [[Drawing(tile) for tile in np.split(row, COLUMNS, 1)] for row in np.split(pixels, rows)]


def message(path: Path, probe: Probe, findings: Findings) -> bytes:
    """What the stage draws: a row for the picture and one for each task. Raises as `tiles` does."""
    picture, *answers = tiles(path, probe.model)
    height, width = picture[0].pixels.shape[:2]
    rows = [_picture_row(picture, probe)]
    for letter, drawings in zip(probe.model, answers, strict=True):
        rows.append(_task_row(drawings, probe, letter, findings.find(probe, letter)))
    return packed(*split(rows), None, (), aspect=f"{width} / {height}", columns=COLUMNS)


def _picture_row(drawings: list[Drawing], probe: Probe) -> dict[str, Any]:
    what = f"{probe.attack.label}, {probe.budget.label}, {probe.steps} steps"
    alts = ("Clean picture", f"Adversarial picture, {what}", "The perturbation, amplified; grey is no change")
    cells = [
        cell(PICTURE[0], alts[0], drawings[0], panel="clean"),
        cell(PICTURE[1], alts[1], drawings[1], panel="adversarial", before=0),
        cell(PICTURE[2], alts[2], drawings[2], panel="perturbation"),
    ]
    words = f"{what}. One picture; the numbers below are over all that were measured."
    return {"id": "picture", "title": "Picture", "words": words, "cells": cells}


def _task_row(drawings: list[Drawing], probe: Probe, letter: str, found: Finding | None) -> dict[str, Any]:
    alts = [f"{label(letter)}: {name.lower()}" for name in ANSWERS]
    cells = [cell(*made) for made in zip(ANSWERS, alts, drawings, strict=True)]
    cells[2]["before"] = 1
    words = "Attacked." if letter in probe.attacked else "Not attacked, but answered by the same network."
    row: dict[str, Any] = {"id": letter, "title": f"{label(letter)} ({letter})", "words": words, "cells": cells}
    return row | {"facts": facts(found)} if found else row


def facts(found: Finding) -> list[list[str]]:
    """The errors of a task without and under the attack, for people."""
    scale, unit, name = (100, " %", "1 − mIoU") if found.task == "s" else (1, "", "MSE")
    change = f"{100 * found.relative:+,.0f} %".replace("-", "−") if math.isfinite(found.relative) else "–"
    lines = [
        [f"{name}, clean", f"{written(scale * found.clean)}{unit}"],
        ["Under attack", f"{written(scale * found.adversarial)}{unit}"],
        ["Change", change],
    ]
    if found.relative_ci95 and math.isfinite(found.relative):
        low, high = (f"{100 * end:+,.0f}".replace("-", "−") for end in found.relative_ci95)
        lines.append(["95 %", f"{low} to {high} %"])
    return lines


def verdict(findings: Findings, probe: Probe) -> str:
    """What became of each error, in a sentence; empty where the probe was not measured."""
    if not findings.has(probe):
        return ""
    changes = [_change(found) for letter in probe.model if (found := findings.find(probe, letter))]
    many = len(probe.attacked) > 1
    aimed = " and ".join(named(letter) for letter in probe.attacked)
    who = f"One perturbation against {aimed}" if many else f"A perturbation against {aimed}"
    n = next(found.n for letter in probe.model if (found := findings.find(probe, letter)))
    return f"{who}, over {n} pictures: {'; '.join(changes)}."


def _change(found: Finding) -> str:
    if not math.isfinite(found.relative):
        return f"of {named(found.task)} there is no error to compare with"
    if abs(found.relative) < 0.005:
        return f"the error of {named(found.task)} stays as it is"
    verb = "rises" if found.relative > 0 else "falls"
    times = 1 + found.relative
    share = f"{written(times)} times what it was" if times >= 2 else f"by {100 * abs(found.relative):.0f} %"
    return f"the error of {named(found.task)} {verb} {'to ' if times >= 2 else ''}{share}"
