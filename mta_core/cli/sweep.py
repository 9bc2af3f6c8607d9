"""`sweep`: an attack measured again and again while one thing varies."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from mta_core import results, victims
from mta_core.attacks import make_attack
from mta_core.cli.choices import in_words, with_label_map
from mta_core.cli.output import check_json, command_line, keep, say, show, table, write_json
from mta_core.devices import pick
from mta_core.kinds import Scope
from mta_core.objective import as_form
from mta_core.recipe_settings import parse_settings
from mta_core.results import label_of, measure_of
from mta_core.sweep import Sweep, SweepRow
from mta_core.sweep_recipe import SweepRecipe
from mta_core.task_weights import parse_weights
from mta_core.tasks import Task, parse_tasks
from mta_core.variables import variable
from mta_core.wording import counted_among

ALL = 1_000_000


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    out = Path(arguments.out)
    results.check_folder(out)
    sweep = Sweep(make_recipe(arguments), pick(arguments.device))
    if not arguments.resume:
        for number in range(len(sweep.settings)):
            sweep.shelf(out, number).forget()
    rows = [e for e in show(sweep.run(out)) if isinstance(e, SweepRow) and e.point["is_final"]]
    made = sweep.provenance(command_line(arguments), job=_job(sweep, out))
    _say(arguments, sweep, rows)
    keep(arguments, [row.values for row in rows], made)
    own = {"recipe": made["sweep"], "points": [row.point for row in rows]}
    write_json(arguments, {**results.document([row.values for row in rows], made), "sweep": own})
    return 2 if sweep.unreadable else 0


def _job(sweep: Sweep, folder: Path) -> str:
    """Names this measurement, so that it is kept as one run however often it is gone on with: the same points that took
    the same time, to the last digit."""
    names = [sweep.shelf(folder, number).name for number in range(len(sweep.settings))]
    return hashlib.sha256(json.dumps([names, sweep.seconds]).encode()).hexdigest()[:32]


def make_recipe(arguments: argparse.Namespace) -> SweepRecipe:
    """What the options say.

    Raises:
        ValueError: one of them means nothing.
    """
    victim = in_words(with_label_map(arguments))
    asked = arguments.tasks
    tasks = tuple(t.name for t in parse_tasks(victims.find(victim).tasks if asked is None else asked))
    scope: Scope = "joint" if arguments.joint else "per-task"
    varied = variable(arguments.variable)
    settings = parse_settings(arguments.set) | ({"instance": "universal"} if arguments.universal else {})
    weights = parse_weights(arguments.weights, tasks) if arguments.weights is not None else {}
    make_attack(arguments.attack)
    return SweepRecipe(
        victim=victim, data=arguments.data, split=arguments.split, limit=arguments.limit or ALL, tasks=tasks,
        attack=arguments.attack, settings=tuple(sorted(settings.items())), scope=scope, form=as_form(arguments.form),
        norm=arguments.norm, epsilon=arguments.epsilon, weights=tuple(weights.items()), target=arguments.target or "",
        seed=arguments.seed or 0, variable=varied.text,
        values=tuple(varied.parse(text) for text in arguments.values.split(",")), batch_size=arguments.batch_size,
        with_noise=not arguments.no_noise,
    )  # fmt: skip


def _say(arguments: argparse.Namespace, sweep: Sweep, rows: Sequence[SweepRow]) -> None:
    first = rows[0].values
    pictures = counted_among([row.values["n"] for row in rows], "picture")
    say(
        arguments,
        f"{sweep.variable.label} of {sweep.settings[0].attack.label} on {first['victim']}, {first['scope']}, "
        f"{pictures} of {first['data']} ({first['split']}); {sweep.subject.device.label}",
    )
    head = (sweep.variable.label.lower(), "clean", "adversarial", "95 % interval", "quartiles of pictures", "noise")
    for name in sweep.settings[0].tasks:
        own = [row for row in rows if row.values["task"] == name.name and _is_main(row, name)]
        say(arguments, f"\n{name.label}: {label_of(own[0].values)}")
        say(arguments, table(head, _lines(sweep, own)))
    share = sweep.max_perturbation
    outside = f"{sweep.num_outside} PICTURES ARE OUTSIDE THE BUDGET" if sweep.num_outside else "every picture is inside"
    say(arguments, f"\nlargest perturbation {100 * share:.4g} % of epsilon; {outside}")


def _is_main(row: SweepRow, t: Task) -> bool:
    """Of the task's main measure over all pictures."""
    return row.values["aggregation"] == "pooled" and measure_of(row.values) == t.main_measure


def _lines(sweep: Sweep, rows: Sequence[SweepRow]) -> Iterator[Sequence[str]]:
    """A line for each value; noise beside the attack where it was measured."""
    for number, setting in enumerate(sweep.settings):
        of = {row.values["attack"]: row for row in rows if row.point["number"] == number}
        row = of.pop(setting.attack.name)
        measure, values = measure_of(row.values), row.values
        ends = values["ci95"], row.point["quartiles"]
        interval, quartiles = ("–" if end is None else " to ".join(map(measure.format, end)) for end in ends)
        noise = next((measure.format(other.values["adversarial"]) for other in of.values()), "–")
        shown = [measure.format(values[key]) for key in ("clean", "adversarial")]
        yield [row.point["said"], *shown, interval, quartiles, noise]
