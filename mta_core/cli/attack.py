"""`attack`: pictures in, a folder for each out."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from mta_core import explore, imaging, results
from mta_core.cli.choices import Choice, choose
from mta_core.cli.output import check_json, command_line, complain, each, say, write_json
from mta_core.cli.pictures import write_outcome
from mta_core.results import check_folder, provenance


def run(arguments: argparse.Namespace) -> int:
    out = Path(arguments.out)
    check_json(arguments)
    check_folder(out)
    choice = choose(arguments)
    begin = time.perf_counter()
    made: list[dict[str, Any]] = []
    unreadable: list[dict[str, str]] = []
    pictures = list(zip(arguments.images, folders(arguments.images, out), strict=True))
    for text, folder in each(pictures, "pictures", "attacking"):
        try:
            image = read_picture(Path(text), choice.card.input_size, arguments.fit)
        except imaging.ImageError as error:
            complain(f"{text}: {error}")
            unreadable.append({"picture": text, "error": str(error)})
            continue
        made.append(_attack(arguments, choice, text, image, folder))
        say(arguments, _summary(made[-1]))
    seconds = time.perf_counter() - begin
    write_json(
        arguments, {"pictures": made, "unreadable": unreadable, "provenance": _provenance(arguments, choice, seconds)}
    )
    return 2 if unreadable else 0


def read_picture(path: Path, size: tuple[int, int], fit: imaging.Fit = "crop") -> Tensor:
    """The picture at the victim's size on the 8-bit grid, (3, H, W): so `clean.png` is exactly what was attacked.

    Raises:
        ImageError: it cannot be read.
    """
    return (imaging.fit(imaging.read(path), size, fit) * 255).round() / 255


def folders(images: Sequence[str], out: Path) -> list[Path]:
    """A folder for each picture, named by its stem; a stem that comes again gets a number."""
    taken: set[str] = set()
    chosen = []
    for text in images:
        stem = name = Path(text).stem.strip(".") or "picture"  # a folder named ".." would be outside
        number = 1
        while name.lower() in taken:  # some file systems do not tell cases apart
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        chosen.append(out / name)
    return chosen


def _attack(arguments: argparse.Namespace, choice: Choice, text: str, image: Tensor, folder: Path) -> dict[str, Any]:
    outcome = explore.run(
        choice.subject, choice.attack, image, choice.tasks, choice.budget, scope=choice.scope, form=arguments.form,
        weights=choice.task_weights, goal=choice.goal, seed=choice.seed,
    )  # fmt: skip
    written = write_outcome(folder, choice.subject, outcome, choice.budget, choice.goal, choice.seed)
    result = {"picture": Path(text).name, "folder": str(folder), "settings": _settings(arguments, choice), **written}
    made = _provenance(arguments, choice, outcome.seconds)
    results.write_json(folder / "result.json", {**result, "provenance": made})
    return result


def _settings(arguments: argparse.Namespace, choice: Choice) -> dict[str, Any]:
    return {
        "victim": choice.subject.name, "attack": choice.settings(),
        "instance": "universal" if choice.attack.is_universal else "per-instance", "goal": choice.goal.name,
        "target": choice.goal.text,
        "scope": choice.scope, "attacked": [t.name for t in choice.tasks], "form": arguments.form,
        "task_weights": choice.task_weights, "fit": arguments.fit,
        "norm": str(choice.budget.norm), "epsilon": choice.budget.units, "epsilon_unit": choice.budget.epsilon_unit,
        "seed": choice.seed,
    }  # fmt: skip


def _provenance(arguments: argparse.Namespace, choice: Choice, seconds: float) -> dict[str, Any]:
    return provenance(
        command=command_line(arguments), device=choice.subject.device.label, seed=choice.seed, seconds=seconds,
        weights=choice.weights, task_weights=choice.task_weights,
    )  # fmt: skip


def _summary(result: dict[str, Any]) -> str:
    verdicts = "; ".join(f"{name}: {task['verdict']}" for name, task in result["tasks"].items())
    return f"{result['folder']}  {verdicts}"
