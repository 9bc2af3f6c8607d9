"""`attack`: pictures in, a folder for each out."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mta_core import explore, imaging, results
from mta_core.cli.choices import Choice, choose, load_victim
from mta_core.cli.output import check_json, command_line, complain, each, say, write_json
from mta_core.cli.pictures import measured, write_outcome
from mta_core.data import DataError, open_data
from mta_core.data.labelled import index_of, labelled_picture
from mta_core.explore import Subject
from mta_core.results import check_folder, provenance
from mta_core.targets import parse_goal
from mta_core.transfer import at_size, check_pair

Labels = Mapping[str, Tensor]


def run(arguments: argparse.Namespace) -> int:
    out = Path(arguments.out)
    check_json(arguments)
    check_folder(out)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    choice = choose(arguments)
    read, other = _reader(arguments, choice), _other(arguments, choice)
    begin = time.perf_counter()
    made: list[dict[str, Any]] = []
    unreadable: list[dict[str, str]] = []
    pictures = list(zip(arguments.images, folders(arguments.images, out), strict=True))
    for text, folder in each(pictures, "pictures", "attacking"):
        try:
            image, truth = read(text)
        except (imaging.ImageError, DataError) as error:
            complain(f"{text}: {error}")
            unreadable.append({"picture": text, "error": str(error)})
            continue
        made.append(_attack(arguments, choice, text, image, folder, truth=truth, other=other))
        say(arguments, _summary(made[-1]))
    seconds = time.perf_counter() - begin
    write_json(
        arguments, {"pictures": made, "unreadable": unreadable, "provenance": _provenance(arguments, choice, seconds)}
    )
    return 2 if unreadable else 0


def _reader(arguments: argparse.Namespace, choice: Choice) -> Callable[[str], tuple[Tensor, Labels]]:
    """What brings a picture to the victim's size on the 8-bit grid, so that `clean.png` is exactly what is attacked,
    with its labels.

    Raises:
        ValueError: there are no such data, or no picture of one of the names.
    """
    size = choice.card.input_size
    if arguments.data is None:
        if arguments.split is not None:
            raise ValueError("expected --split for pictures of --data alone: picture files have no splits")
        return lambda text: (imaging.read_fitted(text, size, arguments.fit), {})
    if arguments.fit != "crop":
        raise ValueError("expected --fit for picture files alone: pictures of --data are cropped with their labels")
    source = open_data(arguments.data, arguments.split or "test", size)
    for name in arguments.images:
        index_of(source, name)
    return lambda name: labelled_picture(source, name, choice.tasks)


def _other(arguments: argparse.Namespace, choice: Choice) -> Subject | None:
    """The victim of `--to`, ready for pictures of the attacked one's size.

    Raises:
        ValueError: there is none, or it does not answer the tasks.
    """
    if arguments.to is None:
        return None
    victim, card = load_victim(arguments.to)
    other = Subject.prepare(card.name, victim, choice.subject.device, card)
    check_pair(choice.subject, other, choice.tasks)
    return at_size(other, choice.card.input_size)


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


def _attack(
    arguments: argparse.Namespace, choice: Choice, text: str, image: Tensor, folder: Path, *, truth: Labels,
    other: Subject | None,
) -> dict[str, Any]:  # fmt: skip
    outcome = explore.run(
        choice.subject, choice.attack, image, choice.tasks, choice.budget, truth=truth, scope=choice.scope,
        form=arguments.form, weights=choice.task_weights, goal=choice.goal, seed=choice.seed,
    )  # fmt: skip
    written = write_outcome(folder, choice.subject, outcome, choice.budget, choice.goal, choice.seed)
    if other is not None:
        goal = parse_goal(arguments.target, choice.tasks, other)
        tried = explore.tried_on(other, outcome, choice.budget, goal=goal, seed=choice.seed)
        written["tried_on"] = {"victim": other.name, "tasks": measured(tried)}
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
        "task_weights": choice.task_weights, "fit": arguments.fit, "data": (arguments.data or "").partition(":")[0],
        "threads": torch.get_num_threads(),
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
