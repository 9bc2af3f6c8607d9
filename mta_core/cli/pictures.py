"""The files of one attacked picture, in the layout that the `attack` command promises."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from mta_core import imaging
from mta_core.attacks import JOINT
from mta_core.budget import Budget
from mta_core.explore import Outcome, Subject, TaskOutcome, finish
from mta_core.goal import Goal
from mta_core.similarity import similarity
from mta_core.weights import write_atomically

NOTE = (
    "measures are taken against the target, if any, else the labels, else (a picture file has none) the clean output; "
    "'adversarial' is the picture as computed (clean + perturbation), 'file' the 8-bit picture as written, 'noise' "
    "random noise of the same size"
)


def write_outcome(
    folder: Path, subject: Subject, outcome: Outcome, budget: Budget, goal: Goal, seed: int
) -> dict[str, Any]:
    """Writes pictures, perturbations and outputs; returns what `result.json` says of them.

    Files: `clean.png`, `adversarial-<task>.png` (8-bit, inside the budget), `perturbation-<task>.npy` (float32,
    (3, H, W), pixels in [0, 1]), both without `-<task>` when joint; `<task>-clean.png`, `<task>-adversarial.png`.
    """
    clean = outcome.clean[None]
    files: dict[str, bytes] = {"clean.png": imaging.encode_png(clean)}
    rounded: dict[str, Tensor] = {}
    for name, made in outcome.perturbations.items():
        suffix = "" if name == JOINT else f"-{name}"
        rounded[name] = budget.round_to_8_bits(made.adversarial[None], clean)
        files[f"adversarial{suffix}.png"] = imaging.encode_png(rounded[name])
        files[f"perturbation{suffix}.npy"] = imaging.encode_npy(made.perturbation)
    for task in outcome.tasks.values():
        files |= _outputs(task)
    _remove_earlier(folder)
    for name, data in files.items():
        write_atomically(folder / name, data)
    of_files = finish(
        subject, outcome.clean, [t.task for t in outcome.tasks.values()], budget, rounded, truth=outcome.truth,
        goal=goal, seed=seed,
    )  # fmt: skip
    return {
        "files": sorted(files),
        "note": NOTE,
        "seconds": outcome.seconds,
        "perturbations": {name: _size(outcome, budget, name, picture) for name, picture in rounded.items()},
        "tasks": {
            name: task | {"measures": {**task["measures"], "file": of_files.tasks[name].measures["adversarial"]}}
            for name, task in measured(outcome).items()
        },
    }


def measured(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """What `result.json` says of each task."""
    return {name: _task(task) for name, task in outcome.tasks.items()}


def _remove_earlier(folder: Path) -> None:
    """Takes away what an earlier run wrote there, first the description of it: it would be taken for this one's.

    Only what that description lists: the folder may hold pictures of somebody's own.
    """
    description = folder / "result.json"
    try:
        files = json.loads(description.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    description.unlink()
    for name in files if isinstance(files, list) else []:
        if isinstance(name, str) and name == Path(name).name and (folder / name).is_file():
            (folder / name).unlink()


def _outputs(task: TaskOutcome) -> dict[str, bytes]:
    t = task.task
    span = t.span(task.clean, task.adversarial)
    return {
        f"{t.name}-{kind}.png": imaging.encode_png(t.colour(value, span))
        for kind, value in (("clean", task.clean), ("adversarial", task.adversarial))
    }


def _size(outcome: Outcome, budget: Budget, name: str, rounded: Tensor) -> dict[str, Any]:
    made, clean = outcome.perturbations[name], outcome.clean[None]
    return {
        "adversarial": asdict(made.similarity) | {"is_inside": bool(budget.contains(made.adversarial[None], clean))},
        "file": asdict(similarity(rounded, clean)) | {"is_inside": bool(budget.contains(rounded, clean))},
    }


def _task(task: TaskOutcome) -> dict[str, Any]:
    units = {m.name: {"unit": m.unit, "higher_is_better": m.higher_is_better} for m in task.task.measures}
    return {"verdict": task.verdict, "measures": dict(task.measures), "units": units}
