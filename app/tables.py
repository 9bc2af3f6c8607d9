"""Tables of a transfer as HTML, for people. No streamlit here."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from app.words import in_sentence
from mta_core.results import label_of, measure_of
from mta_core.tasks import task, variants
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
    head = (
        f'<tr><th rowspan="2" scope="col">Measure</th>'
        f"<th{wide}>made on {made_on}</th><th{wide}>tried on {tried_on}</th>"
        f'<th rowspan="2" scope="col">carries over</th></tr><tr>{heads}{heads}</tr>'
    )
    return framed(head, lines, caption)


@dataclass(frozen=True)
class Values:
    """A measure of one victim as people read it: clean, with random noise, under attack, and how far it moved."""

    clean: str
    noise: str
    adversarial: str
    change: str


def versus_table(
    groups: Mapping[str, Sequence[tuple[str, Sequence[Values | None]]]], names: Names, caption: str
) -> str:
    """Every measure of two victims beside each other.

    Args:
        groups: by task, each measure's name with both victims' values; dots where they are not known yet.
    """
    heads = "".join(f'<th scope="col">{state}</th>' for state in ("clean", "noise", "adversarial", "change"))
    victims = "".join(f'<th colspan="4" scope="colgroup">{html.escape(name)}</th>' for name in names)
    bodies = ""
    for title, lines in groups.items():
        rows = "".join(
            f'<tr><th scope="row">{html.escape(label)}</th>{"".join(map(_values, both))}</tr>' for label, both in lines
        )
        group = f'<tr><th class="mta-group" colspan="9" scope="rowgroup">{html.escape(title)}</th></tr>'
        bodies += f"<tbody>{group}{rows}</tbody>"
    head = f'<tr><th rowspan="2" scope="col">Measure</th>{victims}</tr><tr>{heads}{heads}</tr>'
    return framed(head, bodies, caption)


def _values(known: Values | None) -> str:
    if known is None:
        return "<td>…</td>" * 4
    clean, noise, adversarial, change = map(html.escape, (known.clean, known.noise, known.adversarial, known.change))
    return f"<td>{clean}</td><td>{noise}</td><td><b>{adversarial}</b></td><td>{change}</td>"


def framed(head: str, bodies: str, caption: str) -> str:
    """A table that scrolls sideways by itself where the page is narrow."""
    said = html.escape(caption)
    return (
        f'<p class="mta-caption">{said}</p><div class="mta-scroll" tabindex="0" role="region" aria-label="{said}">'
        f'<table class="mta-transfer" aria-label="{said}"><thead>{head}</thead>{bodies}</table></div>'
    )


@dataclass(frozen=True)
class Line:
    """One attack of a table of attacks.

    Attributes:
        found: its measures; none where nothing is known yet.
        note: what must be known of it.
        is_baseline: whether it is no attack at all: nothing of it can carry over.
    """

    label: str
    found: Sequence[Pair]
    note: str = ""
    is_baseline: bool = False


def attacks_table(lines: Sequence[Line], names: Names, caption: str) -> str:
    """A row for each attack, a column for each measure, as the MTA paper's Tables 5 and 6: first the victim that the
    pictures are tried on, then the one they are made on, then the share that carries over. Both are one victim: once.

    Args:
        lines: of which at least one has measures.
        names: of the victim the attacks are made on, and of the other.
    """
    columns = max((line.found for line in lines), key=len)
    tasks = [(task(name).label, len(list(own))) for name, own in groupby(columns, key=lambda pair: pair.source["task"])]
    groups = "".join(f'<th colspan="{n}" scope="colgroup">{html.escape(label)}</th>' for label, n in tasks)
    heads = "".join(f'<th scope="col">{_measure(pair)}</th>' for pair in columns)
    made_on, tried_on = names
    bodies = _victim_lines(f"tried on {tried_on}", lines, columns, "to")
    if made_on != tried_on:
        bodies += _victim_lines(f"made on {made_on}", lines, columns, "source")
        attacks = [line for line in lines if not line.is_baseline]
        shares = [_cells(line, columns, lambda pair: share_cell(pair.share)) for line in attacks]
        bodies += _block("carries over", list(zip(attacks, shares, strict=True)), len(columns))
    return framed(f'<tr><th rowspan="2" scope="col">Attack</th>{groups}</tr><tr>{heads}</tr>', bodies, caption)


def _victim_lines(title: str, lines: Sequence[Line], columns: Sequence[Pair], side: Literal["source", "to"]) -> str:
    def value(pair: Pair) -> str:
        row = getattr(pair, side)
        return f"<td><b>{measure_of(row).format(row['adversarial'])}</b>{_interval(row)}</td>"

    def clean(pair: Pair) -> str:
        row = getattr(pair, side)
        return f"<td>{measure_of(row).format(row['clean'])}</td>"

    rows = [(Line("No attack", columns), _cells(Line("", columns), columns, clean))]
    return _block(title, rows + [(line, _cells(line, columns, value)) for line in lines], len(columns))


def _block(title: str, rows: Sequence[tuple[Line, str]], num_columns: int) -> str:
    """Rows under a title that spans all columns."""
    head = f'<tr><th class="mta-group" colspan="{1 + num_columns}" scope="rowgroup">{html.escape(title)}</th></tr>'
    lines = "".join(f'<tr><th scope="row">{_label(line)}</th>{cells}</tr>' for line, cells in rows)
    return f"<tbody>{head}{lines}</tbody>"


def _label(line: Line) -> str:
    return html.escape(line.label) + (f"<small>{html.escape(line.note)}</small>" if line.note else "")


def _cells(line: Line, columns: Sequence[Pair], write: Callable[[Pair], str]) -> str:
    """What `write` makes of each measure; dots where it is not known yet."""
    of_line = [next((pair for pair in line.found if _is_same(pair, column)), None) for column in columns]
    return "".join(write(pair) if pair else "<td>…</td>" for pair in of_line)


def _task_lines(found: Sequence[Pair], noise: Sequence[Pair]) -> str:
    """A task's measures under its name."""
    name = html.escape(task(found[0].source["task"]).label)
    columns = 8 if noise else 6
    lines = "".join(_line(pair, noise) for pair in found)
    return f'<tbody><tr><th class="mta-group" colspan="{columns}" scope="rowgroup">{name}</th></tr>{lines}</tbody>'


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
    return f'<tr><th scope="row">{_measure(pair)}</th>{cells}{share_cell(pair.share)}</tr>'


def _measure(pair: Pair) -> str:
    """Its name, and which way is better."""
    higher = measure_of(pair.source).higher_is_better
    better, arrow = ("higher is better", "↑") if higher else ("lower is better", "↓")
    return f'{html.escape(label_of({**pair.source}))} <span title="{better}">{arrow}</span>'


def _is_same(one: Pair, other: Pair) -> bool:
    return all(one.source[key] == other.source[key] for key in ("task", "metric", "aggregation"))


def _interval(row: Any) -> str:
    if row["ci95"] is None:
        return ""
    measure = measure_of(row)
    low, high = (measure.format(end) for end in row["ci95"])
    return f"<small>{low.split()[0] if low.split()[1:] == high.split()[1:] else low} to {high}</small>"


def share_cell(value: float) -> str:
    """The share as a bar behind its number; the bar ends at the whole."""
    width = 0.0 if math.isnan(value) else 100 * min(max(0.0, value), 1.0)
    return f'<td class="mta-share" style="--share:{width:.1f}%">{format_share(value)}</td>'


def summary(found: Sequence[Pair], names: Names) -> str:
    """How much of the attack carries over, in a sentence: the main measure of each task."""
    parts: list[str] = []
    for pair in found:
        measure = measure_of(pair.source)
        mains = [t.main_measure for t in variants(pair.source["task"])]
        is_main = measure in mains and pair.source["aggregation"] == "pooled"
        if is_main and not math.isnan(pair.share):
            what = f" of what {names[0]} moves" if not parts else ""
            parts.append(f"{format_share(pair.share)}{what} in {in_sentence(measure.label)}")
    if not parts:
        return f"The attack moves {names[0]} no further than chance does, so nothing can carry over to {names[1]}."
    return f"{names[1]} moves by {_listed(parts)}."


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
