"""`evaluate`: rows on a data set."""

from __future__ import annotations

import argparse

from mta_core.cli.choices import choose
from mta_core.cli.measuring import Values, finish, head_line, measure, open_setting
from mta_core.cli.output import check_json, say, table
from mta_core.evaluate import evaluate
from mta_core.results import is_brief, label_of, measure_of


def run(arguments: argparse.Namespace) -> int:
    check_json(arguments)
    choice = choose(arguments)
    measured = measure(arguments, choice, open_setting(arguments, choice), evaluate, weights=choice.weights)
    say(arguments, head_line(choice, measured.rows, f"on {measured.rows[0]['victim']}"))
    lines = [_line(row) for row in measured.rows if is_brief(row)]
    say(arguments, table(("task", "measure", "clean", "adversarial", "95 % interval"), lines))
    return finish(arguments, choice, measured)


def _line(row: Values) -> tuple[str, str, str, str, str]:
    measure = measure_of(row)
    interval = "–" if row["ci95"] is None else " to ".join(measure.format(end) for end in row["ci95"])
    return row["task"], label_of(row), measure.format(row["clean"]), measure.format(row["adversarial"]), interval
