"""`survive`: what is left of an attack after JPEG, resizing, blur and the like, on a data set."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from mta_core import results
from mta_core.attacks import Noise
from mta_core.cli.choices import choose
from mta_core.cli.measuring import Values, head_line, measure, open_setting, say_of_all
from mta_core.cli.output import check_json, say, table, write_json
from mta_core.results import label_of, measure_of
from mta_core.survival import UNTOUCHED, Trial, parse_trials
from mta_core.survival.data_set import KEYS, survive
from mta_core.survival.measuring import left
from mta_core.tasks import Task
from mta_core.transfer import format_share

HEAD = ("transformation", "strength", "clean", "adversarial", "95 % interval", "noise", "damage left")


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    trials = parse_trials(arguments.transform)
    choice = choose(arguments)
    setting = open_setting(arguments, choice)
    if not choice.attack.is_baseline:
        setting = replace(setting, baselines=(Noise(),))
    told = [{"transform": t.transformation.name, "strength": t.strength} for t in trials]
    work = partial(survive, trials=trials)
    measured = measure(arguments, choice, setting, work, weights=choice.weights, transformations=told)
    rows = measured.rows
    say(arguments, head_line(choice, rows, f"on {rows[0]['victim']}"))
    for t in choice.tasks:
        own = [row for row in rows if row["task"] == t.name and _is_main(row, t)]
        say(arguments, f"\n{t.label}: {label_of(own[0])}")
        say(arguments, table(HEAD, _lines(own, [UNTOUCHED, *trials], choice.attack.name)))
    say(arguments)
    say_of_all(arguments, choice, measured.made)
    kept = [{key: row[key] for key in (*results.ROW_KEYS, *KEYS)} for row in rows]
    write_json(arguments, {"rows": kept, "provenance": measured.made})
    return 2 if measured.unreadable else 0


def _is_main(row: Values, t: Task) -> bool:
    return row["aggregation"] == "pooled" and measure_of(row) == t.main_measure


def _lines(rows: Sequence[Values], trials: Sequence[Trial], attack: str) -> Iterator[Sequence[str]]:
    """A line for each trial: the attack's row, with random noise beside it."""
    found = {(*(row[key] for key in KEYS), row["attack"]): row for row in rows}
    before: dict[str, float] = {}
    for trial in trials:
        key = trial.transformation.name, trial.strength
        row, noise = found[*key, attack], found.get((*key, Noise.name))
        kinds = {"clean": row["clean"], "adversarial": row["adversarial"]}
        kinds |= {"noise": noise["adversarial"]} if noise is not None and noise is not row else {}
        before = before or kinds
        measure = measure_of(row)
        interval = "–" if row["ci95"] is None else " to ".join(map(measure.format, row["ci95"]))
        shown = [measure.format(kinds[kind]) if kind in kinds else "–" for kind in ("clean", "adversarial", "noise")]
        yield [
            trial.transformation.label,
            trial.said,
            *shown[:2],
            interval,
            shown[2],
            format_share(left(before, kinds)),
        ]
