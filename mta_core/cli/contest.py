"""`contest`: two sides of trained generators on the same pictures, with paired intervals."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mta_core import generators, results, victims, weights
from mta_core.attacks import make_attack
from mta_core.budget import Budget
from mta_core.cli.choices import load_victim
from mta_core.cli.output import check_json, command_line, keep, say, show, table, write_json
from mta_core.contest import STRENGTH, contest
from mta_core.data import DataSource, open_data
from mta_core.devices import pick
from mta_core.events import Progress
from mta_core.explore import Subject
from mta_core.goal import PICTURE, narrowed
from mta_core.kinds import Aim
from mta_core.results import label_of
from mta_core.setting import Setting
from mta_core.targets import parse_goal
from mta_core.tasks import Task, parse_tasks, suited
from mta_core.wording import counted_among

Values = Mapping[str, Any]


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    sides = {name: name.split(",") for name in (arguments.one, arguments.other)}
    made = {name: weights.find_card("generator", name)[0] for side in sides.values() for name in side}
    _check_each_once([made[name] for side in (arguments.one, arguments.other) for name in side.split(",")])
    common = set.intersection(*(set(generator.tasks) for generator in made.values()))
    if not common:
        raise ValueError(f"expected generators with a task in common, got {', '.join(made)}")
    victim, card = load_victim(arguments.victim)
    tasks = suited(parse_tasks(sorted(common)), card.tasks)
    subject = Subject.prepare(card.name, victim, pick(arguments.device), card)
    source = open_data(arguments.data, arguments.split, card.input_size)
    budget = Budget.from_units(arguments.norm, arguments.epsilon)
    one, other = (
        [_setting(arguments, subject, source, budget, tasks, card, name, made[name]) for name in side]
        for side in (sides[arguments.one], sides[arguments.other])
    )
    begin, rows = time.perf_counter(), []
    unreadable: list[str] = []
    measured: list[list[Values]] = []
    options = {"limit": arguments.limit, "batch_size": arguments.batch_size, "unreadable": unreadable}
    for event in show(contest(one, other, **options, measured=measured)):
        if not isinstance(event, Progress):
            rows.append(event.values)
    _print(arguments, rows, one[0])
    used = victims.digests(card) | {name: generator.sha256 for name, generator in made.items()}
    provenance = results.provenance(
        command=command_line(arguments), device=subject.device.label, seed=arguments.seed or 0,
        seconds=time.perf_counter() - begin, weights=used, data=source.name,
        names=[name for name in one[0].names(arguments.limit) if name not in unreadable],
        contents=one[0].contents(arguments.limit),
        sides=list(sides.values()), target=one[0].goal.text, unreadable=unreadable,
    )  # fmt: skip
    attacks = [setting.attack for setting in (*one, *other)]
    for attack, alone in {attack: alone for attack, alone in zip(attacks, measured, strict=True)}.items():
        keep(arguments, alone, {**provenance, "attack": {"name": attack.name, **asdict(attack)}})
    write_json(arguments, {"rows": rows, "provenance": provenance})
    return 2 if unreadable else 0


def _check_each_once(cards: Sequence[weights.Card]) -> None:
    """Raises ValueError where two names mean the same weights."""
    known: set[str] = set()
    for card in cards:
        if card.sha256 in known:
            raise ValueError(f"expected each generator once, got {card.name} twice: it cannot be compared with itself")
        known.add(card.sha256)


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
    names = tuple(t.name for t in tasks)
    own = narrowed(str(generator.options.get("target", "")), tuple(generator.tasks), names)
    if own.startswith(PICTURE) and arguments.target is None:
        raise ValueError(f"expected --target picture:FILE: {name} was trained towards what a picture looks like")
    goal = parse_goal(own if arguments.target is None else arguments.target, tasks, subject)
    scope = generators.scope_of(generator)
    attack = make_attack(generators.method_of(generator), instance=generators.instance_of(generator), generator=name)
    attack.weights(victim, Aim(names, scope, goal.text))
    return Setting(subject, source, attack, budget, tasks, source.split, scope, goal=goal, seed=arguments.seed or 0)


def _print(arguments: argparse.Namespace, rows: Sequence[Values], setting: Setting) -> None:
    source = setting.source
    pictures = counted_among([row["n"] for row in rows if row["task"]], "picture")  # the mean row has those of all
    about = f"{pictures} {'a task ' * source.is_divided}of {source.name} ({source.split})"
    towards = f" towards {setting.goal.text}" if setting.goal.is_targeted else ""
    say(arguments, f"{setting.budget.label}{towards}, {about}; {setting.subject.device.label}")
    say(arguments, f"one: {arguments.one}; other: {arguments.other}")
    say(arguments, "difference: one minus other; share: one's log ratio of other's; both with paired 95 % intervals")
    head = (
        "task",
        "measure",
        "clean",
        "one",
        "other",
        "difference",
        "95 % interval",
        "share",
        "95 % interval",
        "stronger",
    )
    say(arguments, table(head, (_line(row, setting.tasks) for row in rows)))


def _line(row: Values, tasks: Sequence[Task]) -> list[str]:
    """The shares of log ratios alone: what another measure is at rest is no zero."""
    name = row["task"] or "mean"
    if row["metric"] == STRENGTH.name:
        shown = [STRENGTH.label, *(f"{row[key]:.3f}" for key in ("clean", "one", "other"))]
        difference = [f"{row['difference']:+.3f}", _interval("{:+.3f}", row["ci95"])]
        share = [f"{100 * row['share']:.1f} %", _interval("{:.1f}", [100 * end for end in row["share_ci95"]]) + " %"]
    else:
        t = next(t for t in tasks if row["task"] in (t.name, ""))
        measure = t.measure(row["metric"])
        label = label_of({"task": t.name, "metric": row["metric"], "aggregation": "pooled"})
        shown, share = [label, *(measure.format(row[key]) for key in ("clean", "one", "other"))], ["–", "–"]
        difference = [measure.format_change(row["difference"]), " to ".join(map(measure.format_change, row["ci95"]))]
    return [name, *shown, *difference, *share, row["winner"] or "–"]


def _interval(form: str, bounds: Sequence[float]) -> str:
    return " to ".join(form.format(end) for end in bounds)
