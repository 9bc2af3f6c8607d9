"""Rows of a comparison as a heat map: how far each measure fell, in colours and words. No streamlit here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.words import direction, in_sentence
from mta_core.compare import Standing
from mta_core.tasks import Measure, Task

Values = Mapping[str, Any]
Scale = Literal["ratio", "unit"]
"""Times worse, or the fall in the measure's own unit."""
SEPARATOR = " · "
"""Between an attack and the victim it is measured on, where there are several."""
TIMES = 2.0
"""The common scale of "times worse" ends there at least, or noise would be painted as damage."""
SHARE = 0.2
"""A scale in own units ends at this share of the clean value at least, for the same reason."""
EXPLAINED: dict[Scale, str] = {
    "ratio": (
        "×4 means four times worse than on the clean pictures: a quarter of the score, or four times the error. "
        "The colour goes by the logarithm, one scale for all tasks, so that columns can be compared."
    ),
    "unit": (
        "How far each measure moved, in its own unit (pts are percentage points). Each column has its own scale of "
        "colour, up to its largest fall: compare down a column, not across."
    ),
}
"""A plain sentence or two for each scale."""
EXPLAINED_TARGET: dict[Scale, str] = {
    "ratio": (
        "×4 means four times nearer to the target than on the clean pictures: four times the score, or a quarter of "
        "the error; where the clean score is 0, how much was gained. The colour goes by the logarithm."
    ),
    "unit": (
        "How far each measure moved, in its own unit (pts are percentage points). Each column has its own scale of "
        "colour, up to its largest step towards the target: compare down a column, not across."
    ),
}
"""The same where attacks lead towards a target."""


@dataclass(frozen=True)
class Column:
    """A task and the measure it is shown by.

    Attributes:
        has_truth: whether there are labels; without them the clean output stands in, which has no error at all.
        is_targeted: whether attacks lead towards a target, which the measure is taken against.
    """

    task: Task
    measure: Measure
    has_truth: bool = True
    is_targeted: bool = False

    @property
    def harm(self) -> Measure:
        """The measure in the eyes of the attack: worse is what it wants, so towards a target to come nearer."""
        m = self.measure
        return replace(m, higher_is_better=not m.higher_is_better) if self.is_targeted else m


@dataclass(frozen=True)
class Line:
    """An attack of the map.

    Attributes:
        words: what it does, in half a sentence.
        is_reference: whether it is only there to be compared with.
        is_running: whether it is being computed right now.
        links: where a click on each task leads.
        victim: whom it is measured on, where there are several.
    """

    label: str
    words: str
    standing: Standing | None
    is_reference: bool = False
    is_running: bool = False
    links: Mapping[str, str] | None = None
    victim: str = ""


def row_of(standing: Standing | None, column: Column) -> Values | None:
    """The pooled row that a cell shows."""
    for row in standing.rows if standing else ():
        if (row["task"], row["metric"], row["aggregation"]) == (column.task.name, column.measure.name, "pooled"):
            return row
    return None


def times_worse(measure: Measure, clean: float, adversarial: float) -> float:
    """How many times worse: 1 where nothing changed, below 1 where it got better, infinite where nothing is left of a
    score; NaN where the clean value is 0 and there is no telling."""
    if not clean > 0 or math.isnan(adversarial):
        return math.nan
    if not measure.higher_is_better:
        return adversarial / clean
    return clean / adversarial if adversarial > 0 else math.inf


def fall(measure: Measure, clean: float, adversarial: float) -> float:
    """How much worse in the measure's own unit: positive where it got worse."""
    return clean - adversarial if measure.higher_is_better else adversarial - clean


def message(columns: Sequence[Column], lines: Sequence[Line], scale: Scale, total: int) -> dict[str, Any]:
    """What the component draws: a head, a row of clean values for each victim, and a row for each line.

    Args:
        total: how many pictures each attack is to have.
    """
    tops = _Tops.of(columns, lines)
    groups = by_victim(lines)
    best = {(task, line.label) for own in groups.values() for task, (line, _) in strongest(columns, own).items()}
    rows = [_clean_row(columns, own, victim) for victim, own in groups.items()]
    is_uneven = len({line.standing.num_pictures for line in lines if line.standing and line.standing.rows}) > 1
    for line in lines:
        cells = [_cell(line, column, scale, tops, best) for column in columns]
        words = _words(line, total) if is_uneven else line.words
        problem = line.standing.problem if line.standing else ""
        rows.append(
            {
                "label": line.label, "words": words, "reference": line.is_reference, "running": line.is_running,
                "problem": problem, "cells": cells,
            }
        )  # fmt: skip
    return {"columns": [_head(column) for column in columns], "rows": rows}


def by_victim(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """The lines of each victim; there is one without a name where there is but one."""
    found: dict[str, list[Line]] = {} if lines else {"": []}
    for line in lines:
        found.setdefault(line.victim, []).append(line)
    return found


def _words(line: Line, total: int) -> str:
    """With the number of pictures."""
    known = line.standing
    return f"{line.words} · {known.num_pictures} of {total} pictures" if known and known.rows else line.words


def _head(column: Column) -> dict[str, str]:
    note = "" if column.has_truth else "against the clean output"
    note = "against the target" if column.is_targeted else note
    measure = f"{column.measure.label}, {direction(column.measure.higher_is_better)}"
    return {"label": column.task.label, "measure": measure, "note": note}


def _clean_row(columns: Sequence[Column], lines: Sequence[Line], victim: str) -> dict[str, Any]:
    cells = []
    for column in columns:
        rows = [row for line in lines if (row := row_of(line.standing, column))]
        text = column.measure.format(rows[0]["clean"]) if rows else ""
        cells.append({"text": text, "sub": "", "interval": "", "share": 0.0, "alt": f"clean: {text}"})
    label, words = f"Clean{SEPARATOR}{victim}" if victim else "Clean", "the pictures as they are"
    return {"label": label, "words": words, "reference": True, "running": False, "problem": "", "cells": cells}


def _cell(line: Line, column: Column, scale: Scale, tops: _Tops, best: Set[tuple[str, str]]) -> dict[str, Any]:
    row, m = row_of(line.standing, column), column.measure
    if row is None:
        return {"text": "", "sub": "", "interval": "", "share": 0.0, "alt": "not measured yet"}
    clean, adversarial, interval = row["clean"], row["adversarial"], row["ci95"]
    is_best = (column.task.name, line.label) in best
    change = f"{m.format(clean)} → {m.format(adversarial)}"
    said = f"95 %: {m.format(interval[0])} to {m.format(interval[1])}" if interval else ""
    alt = f"{line.label}, {column.task.label}: {m.label} {change}" + (f", {said}" if said else "")
    return {
        "text": text(column, clean, adversarial, scale),
        "sub": change,
        "interval": said,
        "share": tops.share(column, clean, adversarial, scale),
        "best": is_best,
        "alt": alt + (", the strongest here" if is_best else ""),
        "task": column.task.name,
        "href": (line.links or {}).get(column.task.name, ""),
    }


def text(column: Column, clean: float, adversarial: float, scale: Scale) -> str:
    """The large words of a cell; in the own unit too where there is no telling how many times worse it is."""
    m = column.measure
    times = times_worse(column.harm, clean, adversarial)
    if math.isnan(adversarial):
        return "–"
    if scale == "ratio" and not math.isnan(times):
        return "to 0" if math.isinf(times) else f"×{times:.2f}" if times < 10 else f"×{times:.0f}"
    change = adversarial - clean
    sign = "−" if change < 0 else "+"
    if m.shown_unit != "%":
        return f"{sign}{m.format(abs(change))}"
    return f"{sign}{100 * abs(change):.1f} pts"


@dataclass(frozen=True)
class _Tops:
    """Where the colour is full: times worse on the whole map, and the fall of each task in its own unit."""

    times: float
    falls: Mapping[str, float]

    @classmethod
    def of(cls, columns: Sequence[Column], lines: Sequence[Line]) -> _Tops:
        times, falls = [TIMES], {}
        for column in columns:
            rows = [row for line in lines if (row := row_of(line.standing, column))]
            values = [(row["clean"], row["adversarial"]) for row in rows if not math.isnan(row["adversarial"])]
            times += [t for t in (times_worse(column.harm, *pair) for pair in values) if math.isfinite(t)]
            least = [SHARE * abs(clean) for clean, _ in values]
            falls[column.task.name] = max([1e-9, *least, *(fall(column.harm, *pair) for pair in values)])
        return cls(max(times), falls)

    def share(self, column: Column, clean: float, adversarial: float, scale: Scale) -> float:
        """In [0, 1]: how full the colour of a cell is."""
        times = times_worse(column.harm, clean, adversarial)
        if math.isnan(adversarial):
            return 0.0
        if scale == "ratio" and not math.isnan(times):
            value = 1.0 if math.isinf(times) else math.log(max(times, 1.0)) / math.log(self.times)
        else:
            value = fall(column.harm, clean, adversarial) / self.falls[column.task.name]
        return min(1.0, max(0.0, value))


def strongest(columns: Sequence[Column], lines: Sequence[Line]) -> dict[str, tuple[Line, Values]]:
    """The attack that did most to each task, with its row, where several did something to the same pictures."""
    found = {}
    rivals = _abreast([line for line in lines if not line.is_reference])
    for column in columns:
        known = [(line, row) for line in rivals if (row := row_of(line.standing, column))]
        sign = 1 if column.harm.higher_is_better else -1
        known.sort(key=lambda pair: (math.isnan(pair[1]["adversarial"]), sign * pair[1]["adversarial"]))
        if len(known) > 1 and _is_visible(column.harm, known[0][1]):
            found[column.task.name] = known[0]
    return found


def _abreast(lines: Sequence[Line]) -> list[Line]:
    """Those that have had as many pictures as any, but for one; others are not to be compared with them yet."""
    counts = [line.standing.num_pictures if line.standing else 0 for line in lines]
    return [line for line, count in zip(lines, counts, strict=True) if count >= max(counts) - 1]


def _is_visible(measure: Measure, row: Values) -> bool:
    """Whether it got worse as far as people read it."""
    clean, adversarial = row["clean"], row["adversarial"]
    return measure.is_worse(adversarial, clean) and measure.format(adversarial) != measure.format(clean)


def headline(columns: Sequence[Column], lines: Sequence[Line]) -> str:
    """Who did most to what, a sentence for each attack on each victim; empty where nothing can be said yet."""
    return " ".join(
        f"On {victim}, {said}" if victim else said
        for victim, own in by_victim(lines).items()
        if (said := _headline(columns, [replace(line, label=_attack_of(line)) for line in own]))
    )


def without_headline(columns: Sequence[Column], lines: Sequence[Line]) -> str:
    """Why nobody did most to anything."""
    rivals = [_abreast([line for line in own if not line.is_reference]) for own in by_victim(lines).values()]
    num_measured = max(sum(bool(line.standing and line.standing.rows) for line in own) for own in rivals)
    if num_measured == 0:
        return "Nothing is measured yet."
    if num_measured == 1:
        return "It takes two attacks on the same pictures to say which does more."
    is_targeted = any(c.is_targeted for c in columns)
    return f"No attack {'comes visibly nearer to the target' if is_targeted else 'makes anything visibly worse'}."


def _attack_of(line: Line) -> str:
    return line.label.removesuffix(f"{SEPARATOR}{line.victim}")


def _headline(columns: Sequence[Column], lines: Sequence[Line]) -> str:
    best = strongest(columns, lines)
    won: dict[str, list[str]] = {}
    for column in columns:
        if column.task.name in best:
            line, row = best[column.task.name]
            m = column.measure
            rival = _rival(column, _abreast(lines), line, row)
            lead = f"; {rival} lies within its 95 % interval" if rival else ""
            change = f"{in_sentence(m.label)} {m.format(row['clean'])} → {m.format(row['adversarial'])}{lead}"
            won.setdefault(line.label, []).append(f"{in_sentence(column.task.label)} ({change})")
    does = "comes nearest to the target in" if any(c.is_targeted for c in columns) else "does most to"
    return " ".join(f"{label} {does} {_joined(tasks)}." for label, tasks in won.items())


def _rival(column: Column, lines: Sequence[Line], best: Line, row: Values) -> str:
    """An attack that more pictures might show to be the stronger one, if there is one."""
    for line in lines:
        other = row_of(line.standing, column)
        if line is not best and other and row["ci95"] and row["ci95"][0] <= other["adversarial"] <= row["ci95"][1]:
            return line.label
    return ""


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
