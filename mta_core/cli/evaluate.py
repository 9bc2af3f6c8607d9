"""`evaluate`: rows on a data set."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any

from mta_core import results
from mta_core.cli.choices import Choice, choose
from mta_core.cli.output import check_json, command_line, say, show, table, write_json
from mta_core.data import open_data
from mta_core.evaluate import Setting, evaluate
from mta_core.events import Progress
from mta_core.tasks import task

Values = Mapping[str, Any]


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    choice = choose(arguments)
    source = open_data(arguments.data, arguments.split, choice.card.input_size)
    setting = Setting(
        choice.subject, source, choice.attack, choice.budget, choice.tasks, source.split, choice.scope, arguments.form,
        choice.task_weights, goal=choice.goal, seed=choice.seed,
    )  # fmt: skip
    begin = time.perf_counter()
    rows: list[Values] = []
    last: Values = {}
    unreadable: list[str] = []
    events = evaluate(setting, limit=arguments.limit, batch_size=arguments.batch_size, unreadable=unreadable)
    for event in show(events):
        if isinstance(event, Progress):
            last = event.values
        else:
            rows.append(event.values)
    names = [name for name in setting.names(arguments.limit) if name not in unreadable]
    made = _provenance(arguments, choice, last, time.perf_counter() - begin, source.name, names)
    made["unreadable"] = unreadable
    stand_in = {t.name: "labels" if t.name in source.spaces else "clean output" for t in choice.tasks}
    made["reference"] = dict.fromkeys(stand_in, "target") if choice.goal.is_targeted else stand_in
    _print(arguments, choice, rows, last, source.is_divided)
    unlabelled = [name for name, reference in made["reference"].items() if reference != "labels"]
    if unlabelled:
        say(arguments, f"{', '.join(unlabelled)}: no labels, measured against the clean output")
    write_json(arguments, results.document(rows, made))
    return 2 if unreadable else 0


def _provenance(
    arguments: argparse.Namespace, choice: Choice, last: Values, seconds: float, data: str, names: Sequence[str]
) -> dict[str, Any]:
    return results.provenance(
        command=command_line(arguments), device=choice.subject.device.label, seed=choice.seed, seconds=seconds,
        weights=choice.weights, data=data, names=names, attack=choice.settings(), form=arguments.form,
        task_weights=choice.task_weights,
        max_perturbation=last["max_perturbation"], num_outside=int(last["num_outside"]),
        batch_size=arguments.batch_size,
    )  # fmt: skip


def _print(
    arguments: argparse.Namespace, choice: Choice, rows: Sequence[Values], last: Values, is_divided: bool
) -> None:
    first = rows[0]
    say(
        arguments,
        f"{choice.attack.label} at {choice.budget.label}, {choice.scope}, on {first['victim']}, "
        f"{first['n']} pictures {'a task ' * is_divided}of {first['data']} ({first['split']}); "
        f"{choice.subject.device.label}",
    )
    lines = [_line(row) for row in rows if row["aggregation"] == "pooled" or row["metric"] == "miou"]
    say(arguments, table(("task", "measure", "clean", "adversarial", "95 % interval"), lines))
    outside = int(last["num_outside"])
    inside = "every picture is inside the budget" if not outside else f"{outside} PICTURES ARE OUTSIDE THE BUDGET"
    say(arguments, f"largest perturbation {last['max_perturbation']:.6g} {choice.budget.epsilon_unit}; {inside}")


def _line(row: Values) -> tuple[str, str, str, str, str]:
    measure = task(row["task"]).measure(row["metric"])
    interval = "–" if row["ci95"] is None else " to ".join(measure.format(end) for end in row["ci95"])
    label = measure.label if row["metric"] == measure.name else f"Target {measure.label.lower()}"
    name = label if row["aggregation"] == "pooled" else f"{label}, per picture"
    return row["task"], name, measure.format(row["clean"]), measure.format(row["adversarial"]), interval
