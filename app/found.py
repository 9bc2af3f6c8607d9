"""Results that were measured before, for people: lines of tables, what differs, what a chart shows. No streamlit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from mta_core import PROGRAM
from mta_core.rows import Values
from mta_core.search import Search
from mta_core.store import Run
from mta_core.summary import (
    attack_in,
    epsilon_in,
    interval_in,
    label_in,
    measure_in,
    number_in,
    summary,
    task_in,
    victim_in,
)
from mta_core.tasks import Measure
from mta_core.wording import plain

Key = tuple[str, str, str]
"""What a row measures: task, metric, aggregation."""
COLUMNS = {
    "run": "Run", "finished": "Finished", "attack": "Attack", "epsilon": "Epsilon", "victim": "Victim", "data": "Data",
    "pictures": "Pictures", "measures": "Clean → under attack",
}  # fmt: skip
MOST_SIDES = 8
"""As many as are compared in a table."""
UNEQUAL = ("date", "seconds", "command")
"""Of provenance, what is never the same."""


@dataclass(frozen=True)
class Side:
    """What stands in a column of a comparison: what one attack of a run did to one victim."""

    run: int
    attack: str
    epsilon: str
    victim: str
    rows: Mapping[Key, Values]

    @property
    def label(self) -> str:
        return f"{self.attack}, {self.epsilon}, {self.victim}"


def search(chosen: Mapping[str, Any]) -> Search:
    """What the controls ask for, by their names without the prefix."""
    words = {key: chosen.get(key) or [] for key in ("data", "victim", "attack", "task", "goal", "norm")}
    since, until = chosen.get("since"), chosen.get("until")
    return Search(
        words, (chosen.get("from"), chosen.get("to")), chosen.get("text") or "", _midnight(since) if since else None,
        _midnight(until, 1) if until else None, bool(chosen.get("deleted")),
    )  # fmt: skip


def _midnight(day: date, later: int = 0) -> datetime:
    return datetime.combine(day + timedelta(days=later), time()).astimezone()


def table(runs: Sequence[Run]) -> list[dict[str, str]]:
    """A line for each run."""
    return [{title: said[key] for key, title in COLUMNS.items()} for said in map(summary, runs)]


def key_of(row: Values) -> Key:
    return row["task"], row["metric"], row["aggregation"]


def measures(runs: Sequence[Run]) -> dict[str, Key]:
    """What can be charted, by its label: what is pooled first."""
    rows = {key_of(row): row for run in runs for row in run.rows}
    ordered = sorted(rows.items(), key=lambda item: item[0][2] != "pooled")
    return {plain(f"{task_in(row)}: {label_in(row)}"): key for key, row in ordered}


def rows_of(runs: Sequence[Run], key: Key) -> list[tuple[Run, Values]]:
    """The oldest first; those with nothing to measure left out."""
    found = [(run, row) for run in reversed(runs) for row in run.rows if key_of(row) == key]
    return [(run, row) for run, row in found if row["adversarial"] is not None and row["clean"] is not None]


def named(rows: Sequence[tuple[Run, Values]]) -> list[tuple[str, Values]]:
    """Rows with labels that tell them apart."""
    labels = [plain(f"{attack_in(row)}, {epsilon_in(row)}, {victim_in(row)}") for _, row in rows]
    return [
        (label if labels.count(label) == 1 else f"{label} (run {run.id})", row)
        for label, (run, row) in zip(labels, rows, strict=True)
    ]


def lines(rows: Sequence[tuple[Run, Values]]) -> dict[str, dict[str, list[Values]]]:
    """Rows for lines against epsilon: for each unit of epsilon and each attack on each victim and data, in order."""
    found: dict[str, dict[str, list[Values]]] = {}
    for _, row in rows:
        several = len({(each["data"], each["split"]) for _, each in rows}) > 1
        label = f"{attack_in(row)}, {victim_in(row)}" + (f", {row['data']} ({row['split']})" if several else "")
        found.setdefault(row["epsilon_unit"], {}).setdefault(plain(label), []).append(row)
    return {
        unit: {label: sorted(each, key=lambda row: row["epsilon"]) for label, each in by.items()}
        for unit, by in found.items()
    }


def sides(runs: Sequence[Run]) -> list[Side]:
    """The columns of a comparison, the oldest run first."""
    found: dict[tuple[int, str, str, str], dict[Key, Values]] = {}
    for run in reversed(runs):
        for row in run.rows:
            names = tuple(plain(say(row)) for say in (attack_in, epsilon_in, victim_in))
            found.setdefault((run.id, *names), {}).setdefault(key_of(row), row)  # type: ignore[arg-type]
    return [Side(*names, rows) for names, rows in found.items()]


def comparison(columns: Sequence[Side]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Lines of the table that compares: task, measure, and for each side the value and how far it is from the first."""
    keys = dict.fromkeys(key for side in columns for key in side.rows)
    made = []
    for key in keys:
        known = [side.rows.get(key) for side in columns]
        row = next(each for each in known if each)
        if row["aggregation"] == "pooled":
            cells = [_cell(measure_in(row), known[0], each) for each in known]
            made.append((plain(task_in(row)), plain(label_in(row)), cells))
    return made


def _cell(measure: Measure, first: Values | None, row: Values | None) -> tuple[str, str]:
    if row is None:
        return "–", ""
    value, base = row["adversarial"], first and first["adversarial"]
    change = "" if row is first or value is None or base is None else measure.format_change(value - base)
    return number_in(row, "adversarial"), change


def differing(runs: Sequence[Run]) -> list[dict[str, str]]:
    """What the provenance of runs has that is not the same in all: a line for each setting, a column for each run."""
    flat = {run.id: _flat(run.provenance) for run in reversed(runs)}
    keys = dict.fromkeys(key for each in flat.values() for key in each if key not in UNEQUAL)
    return [
        {"Setting": key} | {f"Run {number}": each.get(key, "–") for number, each in flat.items()}
        for key in keys
        if len({each.get(key) for each in flat.values()}) > 1
    ]


def provenance(run: Run) -> list[dict[str, str]]:
    """All of it, a line for each setting."""
    return [{"Setting": key, "Value": value} for key, value in _flat(run.provenance).items() if key != "command"]


def _flat(made: Mapping[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in made.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{before}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            found[plain(f"{before}{key}")] = plain(text)
    return found


def command(run: Run) -> str:
    """What to type to measure it again; empty where it was measured on a page."""
    said = run.provenance.get("command")
    return plain(said) if isinstance(said, str) and said.startswith(PROGRAM) else ""


def measured_on(run: Run) -> str:
    said = run.provenance.get("command")
    return plain(said) if isinstance(said, str) and said else "a program that does not say"


def rows_table(run: Run) -> list[dict[str, str]]:
    """Every row of a run, for people."""
    return [
        {
            "Attack": plain(attack_in(row)), "Epsilon": epsilon_in(row), "Victim": plain(victim_in(row)),
            "Task": plain(task_in(row)), "Measure": plain(label_in(row)), "Clean": number_in(row, "clean"),
            "Under attack": number_in(row, "adversarial"), "95 % interval": interval_in(row),
            "Pictures": f"{row['n']:,}",
        }
        for row in run.rows
    ]  # fmt: skip
