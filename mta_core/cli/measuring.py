"""What commands share that measure an attack on a data set: running it, its provenance, what is said of it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mta_core import results
from mta_core.cli.choices import Choice
from mta_core.cli.output import command_line, keep, say, show, write_json
from mta_core.data import open_data, source
from mta_core.events import Event, Progress
from mta_core.setting import Setting
from mta_core.wording import counted_among

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """Finished rows and where they come from.

    Attributes:
        unreadable: names of the pictures that were left out.
    """

    rows: list[Values]
    made: dict[str, Any]
    unreadable: list[str]


def open_setting(arguments: argparse.Namespace, choice: Choice) -> Setting:
    """The choice on the data that `--data` and `--split` name, at the size of the victim."""
    data = open_data(arguments.data, arguments.split, choice.card.input_size)
    return Setting(
        choice.subject, data, choice.attack, choice.budget, choice.tasks, data.split, choice.scope, arguments.form,
        choice.task_weights, goal=choice.goal, seed=choice.seed,
    )  # fmt: skip


def measure(
    arguments: argparse.Namespace,
    choice: Choice,
    setting: Setting,
    work: Callable[..., Iterator[Event]],
    *,
    weights: Mapping[str, str],
    **more: Any,
) -> Measured:
    """Runs `work` on a setting, drawing its progress.

    Args:
        work: `evaluate`, or something with its options.
        weights: sha256 of all weight files used, by name.
        more: goes into the provenance.
    """
    begin = time.perf_counter()
    rows: list[Values] = []
    last: Values = {}
    unreadable: list[str] = []
    events = work(setting, limit=arguments.limit, batch_size=arguments.batch_size, unreadable=unreadable)
    for event in show(events):
        if isinstance(event, Progress):
            last = event.values
        else:
            rows.append(event.values)
    data = setting.source
    names = [name for name in setting.names(arguments.limit) if name not in unreadable]
    stand_in = {t.name: "labels" if t.name in data.known else "clean output" for t in choice.tasks}
    made = results.provenance(
        command=command_line(arguments), device=choice.subject.device.label, seed=choice.seed,
        seconds=time.perf_counter() - begin, weights=weights, data=data.name, names=names,
        contents=setting.contents(arguments.limit), attack=choice.settings(),
        form=arguments.form, task_weights=choice.task_weights, max_perturbation=last["max_perturbation"],
        num_outside=int(last["num_outside"]),
        batch_size=arguments.batch_size, unreadable=unreadable,
        target=choice.goal.text,
        reference=dict.fromkeys(stand_in, "target") if choice.goal.is_targeted else stand_in, **more,
    )  # fmt: skip
    return Measured(rows, made, unreadable)


def head_line(choice: Choice, rows: Sequence[Values], victims: str) -> str:
    """What was measured, for people."""
    data, split = rows[0]["data"], rows[0]["split"]
    a_task = "a task " if source(data).is_divided else ""
    return (
        f"{choice.attack.label} at {choice.budget.label}, {choice.scope}, {victims}, "
        f"{counted_among([row['n'] for row in rows], 'picture')} {a_task}of {data} ({split}); "
        f"{choice.subject.device.label}"
    )


def finish(arguments: argparse.Namespace, choice: Choice, measured: Measured) -> int:
    """Says what holds for all rows, keeps them, writes the JSON; returns the exit code."""
    say_of_all(arguments, choice, measured.made)
    keep(arguments, measured.rows, measured.made)
    write_json(arguments, results.document(measured.rows, measured.made))
    return 2 if measured.unreadable else 0


def say_of_all(arguments: argparse.Namespace, choice: Choice, made: Values) -> None:
    """Says what holds for all rows, of their provenance."""
    outside = made["num_outside"]
    inside = "every picture is inside the budget" if not outside else f"{outside} PICTURES ARE OUTSIDE THE BUDGET"
    say(arguments, f"largest perturbation {choice.budget.said(format(made['max_perturbation'], '.4g'))}; {inside}")
    unlabelled = [name for name, reference in made["reference"].items() if reference == "clean output"]
    if unlabelled:
        say(arguments, f"{', '.join(unlabelled)}: no labels, measured against the clean output")
