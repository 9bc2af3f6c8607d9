"""`contest`: two sides of trained generators on the same pictures, with paired intervals."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any

from mta_core import generators, results, victims, weights
from mta_core.attacks import make_attack
from mta_core.budget import Budget
from mta_core.cli.output import check_json, command_line, say, show, table, write_json
from mta_core.contest import STRENGTH, contest
from mta_core.data import DataSource, open_data
from mta_core.devices import pick
from mta_core.evaluate import Setting
from mta_core.events import Progress
from mta_core.explore import Subject
from mta_core.kinds import Aim
from mta_core.targets import parse_goal
from mta_core.tasks import Task, parse_tasks, task

Values = Mapping[str, Any]


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    sides = {name: name.split(",") for name in (arguments.one, arguments.other)}
    made = {name: weights.find_card("generator", name)[0] for side in sides.values() for name in side}
    victim, card = victims.load(arguments.victim)
    tasks = parse_tasks(sorted(set.intersection(*(set(generator.tasks) for generator in made.values()))))
    subject = Subject.prepare(card.name, victim, pick(arguments.device))
    source = open_data(arguments.data, arguments.split, card.input_size)
    budget = Budget.from_units(arguments.norm, arguments.epsilon)
    one, other = (
        [_setting(arguments, subject, source, budget, tasks, card, name, made[name]) for name in side]
        for side in (sides[arguments.one], sides[arguments.other])
    )
    begin, rows = time.perf_counter(), []
    for event in show(contest(one, other, limit=arguments.limit, batch_size=arguments.batch_size)):
        if not isinstance(event, Progress):
            rows.append(event.values)
    _print(arguments, rows, source, subject, budget)
    used = victims.digests(card) | {generator.name: generator.sha256 for generator in made.values()}
    provenance = results.provenance(
        command=command_line(arguments), device=subject.device.label, seed=arguments.seed or 0,
        seconds=time.perf_counter() - begin, weights=used, data=source.name, names=one[0].names(arguments.limit),
        sides=list(sides.values()),
    )  # fmt: skip
    write_json(arguments, {"rows": rows, "provenance": provenance})
    return 0


def _setting(
    arguments: argparse.Namespace,
    subject: Subject,
    source: DataSource,
    budget: Budget,
    tasks: Sequence[Task],
    victim: weights.Card,
    name: str,
    generator: weights.Card,
) -> Setting:
    """The attack that a generator was trained for.

    Raises:
        WeightsError: it does not fit the victim.
    """
    goal = parse_goal(str(generator.options.get("target", "")), tasks, subject)
    scope = generators.scope_of(generator)
    attack = make_attack(generators.method_of(generator), instance=generators.instance_of(generator), generator=name)
    attack.weights(victim, Aim(tuple(t.name for t in tasks), scope, goal.text))
    return Setting(subject, source, attack, budget, tasks, source.split, scope, goal=goal, seed=arguments.seed or 0)


def _print(
    arguments: argparse.Namespace, rows: Sequence[Values], source: DataSource, subject: Subject, budget: Budget
) -> None:
    about = f"{rows[0]['n']} pictures {'a task ' * source.is_divided}of {source.name} ({source.split})"
    say(arguments, f"{budget.label}, {about}; {subject.device.label}")
    say(arguments, f"one: {arguments.one}; other: {arguments.other}; differences with paired 95 % intervals")
    head = ("task", "measure", "clean", "one", "other", "difference", "95 % interval", "stronger")
    say(arguments, table(head, (_line(row) for row in rows)))


def _line(row: Values) -> list[str]:
    interval = " to ".join(f"{end:+.4f}" for end in row["ci95"])
    difference = [f"{row['difference']:+.4f}", interval, row["winner"] or "–"]
    if row["metric"] == STRENGTH:
        return ["all", "mean log ratio", *(f"{row[key]:.3f}" for key in ("clean", "one", "other")), *difference]
    measure = task(row["task"]).measure(row["metric"])
    return [row["task"], measure.label, *(measure.format(row[key]) for key in ("clean", "one", "other")), *difference]
