"""Tables of a transfer as HTML, for people. No streamlit here."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from mta_core.results import label_of, measure_of
from mta_core.tasks import task
from mta_core.transfer import Pair, format_share

Names = tuple[str, str]


def transfer_table(found: Sequence[Pair], noise: Sequence[Pair], names: Names, caption: str) -> str:
    """Every measure clean, with random noise and attacked, of both victims beside each other, and the share.

    Args:
        noise: the same measures with random noise; none to leave it out.
        names: of the victim the attack is made on, and of the other.
    """
    states = ("clean", "noise", "attacked") if noise else ("clean", "attacked")
    wide = f' colspan="{len(states)}" scope="colgroup"'
    made_on, tried_on = (html.escape(name) for name in names)
    heads = "".join(f'<th scope="col">{state}</th>' for state in states)
    lines = "".join(
        _task_lines(list(group), noise) for _, group in groupby(found, key=lambda pair: str(pair.source["task"]))
    )
    said = html.escape(caption)
    return (
        f'<p class="mta-caption">{said}</p><div class="mta-scroll" tabindex="0" role="region" aria-label="{said}">'
        f'<table class="mta-table" aria-label="{said}"><thead>'
        f'<tr><th rowspan="2" scope="col">Measure</th>'
        f"<th{wide}>made on {made_on}</th><th{wide}>tried on {tried_on}</th>"
        f'<th rowspan="2" scope="col">carries over</th></tr><tr>{heads}{heads}</tr></thead>{lines}</table></div>'
    )


def _task_lines(found: Sequence[Pair], noise: Sequence[Pair]) -> str:
    """A task's measures under its name."""
    name = html.escape(task(found[0].source["task"]).label)
    columns = 8 if noise else 6
    lines = "".join(_line(pair, noise) for pair in found)
    return f'<tbody><tr><th class="mta-task" colspan="{columns}" scope="rowgroup">{name}</th></tr>{lines}</tbody>'


def _line(pair: Pair, noise: Sequence[Pair]) -> str:
    beside = next((other for other in noise if _is_same(other, pair)), None)
    measure = measure_of(pair.source)
    cells = ""
    for side in ("source", "to"):
        row = getattr(pair, side)
        cells += f"<td>{measure.format(row['clean'])}</td>"
        if noise:
            cells += f"<td>{measure.format(getattr(beside, side)['adversarial']) if beside else '…'}</td>"
        cells += f"<td><b>{measure.format(row['adversarial'])}</b>{_interval(row)}</td>"
    arrow = "↑" if measure.higher_is_better else "↓"
    better = "higher is better" if measure.higher_is_better else "lower is better"
    label = f'{html.escape(label_of({**pair.source}))} <span title="{better}">{arrow}</span>'
    return f'<tr><th scope="row">{label}</th>{cells}{_share(pair.share)}</tr>'


def _is_same(one: Pair, other: Pair) -> bool:
    return all(one.source[key] == other.source[key] for key in ("task", "metric", "aggregation"))


def _interval(row: Any) -> str:
    if row["ci95"] is None:
        return ""
    measure = measure_of(row)
    low, high = (measure.format(end) for end in row["ci95"])
    return f"<small>{low.split()[0] if low.split()[1:] == high.split()[1:] else low} to {high}</small>"


def _share(value: float) -> str:
    """The share as a bar behind its number; the bar ends at the whole."""
    width = 0.0 if math.isnan(value) else 100 * min(max(0.0, value), 1.0)
    return f'<td class="mta-share" style="--share:{width:.1f}%">{format_share(value)}</td>'


def summary(found: Sequence[Pair], names: Names) -> str:
    """How much of the attack carries over, in a sentence: the main measure of each task."""
    parts: list[str] = []
    for pair in found:
        t = task(pair.source["task"])
        is_main = pair.source["metric"] == t.main_measure.name and pair.source["aggregation"] == "pooled"
        if is_main and not math.isnan(pair.share):
            what = f" of what {names[0]} moves" if not parts else ""
            label = t.main_measure.label
            parts.append(f"{format_share(pair.share)}{what} in {label[:1].lower()}{label[1:]}")
    if not parts:
        return f"The attack moves {names[0]} no further than chance does, so nothing can carry over to {names[1]}."
    return f"{names[1]} moves by {_listed(parts)}."


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
