"""A run of the store in words: whatever its rows say, also of tasks and attacks that this program does not know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mta_core.attacks import attack_class
from mta_core.rows import Values
from mta_core.store import Run
from mta_core.tasks import Measure, measure_of, task
from mta_core.vulnerability.quantities import BY_NAME
from mta_core.wording import counted_among, plain

AGGREGATIONS = {"pooled": "", "per-picture": ", per picture", "published": ", as published"}
FEW = 3
"""As many names as are told one by one."""


def measure_in(row: Values) -> Measure:
    try:
        measure = measure_of(row["task"], row["metric"], row["unit"])
    except ValueError:
        if row["metric"] in BY_NAME:
            return BY_NAME[row["metric"]]
        return Measure(row["metric"], row["metric"], row["unit"], row["higher_is_better"])
    return measure.named(row["metric"] != measure.name)


def label_in(row: Values) -> str:
    """What a row measures."""
    return measure_in(row).label + AGGREGATIONS[row["aggregation"]]


def task_in(row: Values) -> str:
    try:
        return task(row["task"]).label
    except ValueError:
        return str(row["task"])


def attack_in(row: Values) -> str:
    """The attack with what sets it apart from others of its name."""
    try:
        label = attack_class(row["attack"]).label
    except ValueError:
        label = row["attack"]
    kinds = [("instance", "per-instance"), ("scope", "per-task"), ("goal", "non-targeted")]
    unusual = [row[key] for key, usual in kinds if row[key] != usual and row["attack"] not in ("noise", "uap")]
    return ", ".join([label, *unusual])


def victim_in(row: Values) -> str:
    """`dmtl`, or `dmtl → mtan` where it was tried on another victim than it was made on."""
    is_other = row["source"] not in ("", row["victim"])
    return f"{row['source']} → {row['victim']}" if is_other else str(row["victim"])


def epsilon_in(row: Values) -> str:
    return f"{row['epsilon']:g}/255" if row["epsilon_unit"] == "1/255" else f"{row['epsilon']:g} (L2)"


def number_in(row: Values, key: str) -> str:
    """One of the values of a row with its unit."""
    value = row[key]
    return measure_in(row).format(float("nan") if value is None else value)


def interval_in(row: Values) -> str:
    if row["ci95"] is None or None in row["ci95"]:
        return "–"
    return " to ".join(measure_in(row).format(end) for end in row["ci95"])


def span_in(rows: Iterable[Values]) -> str:
    """Every epsilon of the rows: those of a unit as a span, `1 to 16 /255`."""
    of: dict[str, dict[float, str]] = {}
    for row in rows:
        of.setdefault(row["epsilon_unit"], {})[row["epsilon"]] = epsilon_in(row)
    spans = []
    for said in of.values():
        last = said[max(said)]
        spans.append(last if len(said) == 1 else f"{min(said):g} to {last.replace('/', ' /')}")
    return _listed(spans)


def strongest(rows: Sequence[Values]) -> list[Values]:
    """Those at the largest epsilon of the first attack, in the unit of its first row."""
    first = rows[0]
    own = [row for row in rows if all(row[key] == first[key] for key in ("attack", "epsilon_unit"))]
    largest = max(row["epsilon"] for row in own)
    return [row for row in own if row["epsilon"] == largest]


def briefly(rows: Iterable[Values]) -> list[Values]:
    """The first pooled measure of each task, the main one, of the first attack on the first victim; of vulnerabilities
    and of other rows, the first of each task."""
    given = list(rows)
    measured = [row for row in given if row["metric"] == "vulnerability" and len(row["attacked"]) == 1]
    listed = measured or [row for row in given if row["aggregation"] == "pooled"] or given
    found: dict[str, Values] = {}
    for row in listed:
        found.setdefault(row["task"], row)
    return list(found.values())


def summary(run: Run) -> dict[str, str]:
    """A run on a line: date and time are local."""
    rows: list[dict[str, Any]] = sorted(run.rows, key=lambda row: row["attack"] == "noise")  # which is but a yardstick
    span = span_in(rows)
    shown = strongest(rows)
    at = "" if span == epsilon_in(shown[0]) else f" at {epsilon_in(shown[0])}"
    effects = (f"{label_in(r)} {number_in(r, 'clean')} → {number_in(r, 'adversarial')}{at}" for r in briefly(shown))
    said = {
        "run": str(run.id),
        "finished": run.date.astimezone().strftime("%Y-%m-%d %H:%M"),
        "data": _listed(f"{row['data']} ({row['split']})" for row in rows),
        "pictures": counted_among([row["n"] for row in rows], "picture").partition(" picture")[0],
        "attack": _listed(map(attack_in, rows)),
        "victim": _listed(map(victim_in, rows)),
        "epsilon": span,
        "measures": "; ".join(effects),
    }
    return {key: plain(text) for key, text in said.items()}


def _listed(texts: Iterable[str]) -> str:
    """Each once; where there are many, how many more."""
    names = list(dict.fromkeys(texts))
    more = len(names) - FEW
    return " | ".join(names[:FEW]) + (f" | {more} more" if more > 0 else "")
