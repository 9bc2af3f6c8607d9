"""The study's heat map: main tasks by auxiliary tasks, ours, the paper's, and how they rank. No streamlit here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.words import in_sentence
from mta_core.study.findings import Finding, Findings
from mta_core.study.printed import LETTERS, RESNET152, XCEPTION, Cells, Printed
from mta_core.study_presets import LETTERS as NAMES
from mta_core.tasks import task

Block = Literal["clean", "single", "multi"]
BLOCKS: dict[str, Block] = {"Clean error": "clean", "Single attack": "single", "Multi attack": "multi"}
CELLS = [(main, auxiliary) for main in LETTERS for auxiliary in LETTERS]
WORDS: dict[Block, str] = {
    "clean": "error without an attack",
    "single": "relative vulnerability, the main task attacked alone",
    "multi": "relative vulnerability, both tasks attacked",
}
OPEN = "Show its pictures"
COPIED = {XCEPTION.number: RESNET152, RESNET152.number: XCEPTION}
"""Tables of the paper that share cells, by number."""


@dataclass(frozen=True)
class Value:
    """Of a cell: a relative vulnerability, or an error, that of segmentation in percent as the paper prints it.

    Attributes:
        interval: its 95 % interval, of ours alone.
        n: pictures; 0 of the paper, which does not say.
    """

    value: float
    interval: tuple[float, float] | None = None
    n: int = 0


Values = Mapping[tuple[str, str], Value]
"""By main and auxiliary task; what is not known is not there."""


def label(letter: str) -> str:
    return task(NAMES[letter]).label


def named(letter: str) -> str:
    """In the middle of a sentence: "2-D key points", "Euclidean depth"."""
    return in_sentence(label(letter))


def table_label(table: Printed) -> str:
    return f"Table {table.number}, {table.encoder}"


def ours(findings: Findings, block: Block) -> dict[tuple[str, str], Value]:
    known = {cell: _finding(findings, cell, block) for cell in CELLS}
    return {cell: _value(found, block) for cell, found in known.items() if found}


def _finding(findings: Findings, cell: tuple[str, str], block: Block) -> Finding | None:
    if block == "clean":  # the same under either attack
        return findings.cell(*cell) or findings.cell(*cell, multi=True)
    return findings.cell(*cell, multi=block == "multi")


def _value(found: Finding, block: Block) -> Value:
    if block != "clean":
        return Value(found.relative, found.relative_ci95, found.n)
    scale = 100 if found.task == "s" else 1
    ends = found.clean_ci95
    return Value(scale * found.clean, (scale * ends[0], scale * ends[1]) if ends else None, found.n)


def printed(table: Printed, block: Block) -> dict[tuple[str, str], Value]:
    cells: Cells = getattr(table, block)
    return {cell: Value(number) for cell, number in cells.items()}


def copied(table: Printed, block: Block) -> set[tuple[str, str]]:
    """Cells that stand, digit for digit, in another table too."""
    other = COPIED.get(table.number)
    if other is None:
        return set()
    mine, theirs = getattr(table, block), getattr(other, block)
    return {cell for cell in CELLS if mine[cell] == theirs[cell]}


def ranks(values: Values) -> dict[tuple[str, str], float]:
    """From 1 for the smallest; equal ones share the mean of their places. What is no number has none."""
    numbers = sorted(v.value for v in values.values() if math.isfinite(v.value))
    first: dict[float, int] = {}
    count: dict[float, int] = {}
    for place, number in enumerate(numbers, 1):
        first.setdefault(number, place)
        count[number] = count.get(number, 0) + 1
    return {
        cell: first[v.value] + (count[v.value] - 1) / 2 for cell, v in values.items() if math.isfinite(v.value)
    }  # fmt: skip


def spearman(one: Values, other: Values) -> float:
    """The correlation of the ranks of the cells that both have; NaN of fewer than three, or where all are equal."""
    shared = [
        cell for cell in one
        if cell in other and math.isfinite(one[cell].value) and math.isfinite(other[cell].value)
    ]  # fmt: skip
    if len(shared) < 3:
        return math.nan
    a, b = (ranks({cell: values[cell] for cell in shared}) for values in (one, other))
    middle = (len(shared) + 1) / 2
    over = sum((a[cell] - middle) * (b[cell] - middle) for cell in shared)
    under = math.sqrt(math.prod(sum((r[cell] - middle) ** 2 for cell in shared) for r in (a, b)))
    return over / under if under else math.nan


def agreement(mine: Values, theirs: Values) -> str:
    """How far the ranks agree, over all cells and within rows, in a sentence."""
    rows = [
        spearman(*({cell: value for cell, value in values.items() if cell[0] == main} for values in (mine, theirs)))
        for main in LETTERS
    ]
    whole, known = spearman(mine, theirs), [row for row in rows if math.isfinite(row)]
    if math.isnan(whole):
        return "Too few cells are known on both sides for a rank correlation."
    shared = len(set(mine) & set(theirs))
    within = f"; within a row it is {_signed(sum(known) / len(known))} on average" if known else ""
    return f"Spearman's rank correlation over {shared} cells is {_signed(whole)}{within}."


def answer(values: Values, block: Block) -> str:
    """In a sentence: does a second task protect the first? Empty where no pair is known beside the task alone."""
    pairs = [(values[cell], values[cell[0], cell[0]]) for cell in CELLS if cell in values and cell[0] != cell[1]
             and (cell[0], cell[0]) in values]  # fmt: skip
    less, more = (
        [(pair, alone) for pair, alone in pairs if sign * pair.value < sign * alone.value] for sign in (1, -1)
    )
    if not less + more:
        return ""
    what = "has a smaller error" if block == "clean" else "is hurt less"
    head = f"With a second task the main task {what} than alone in {len(less)} of {len(pairs)} pairs"
    if not any(pair.interval for pair, _ in pairs):
        return f"{head}, and {_more(block)} in {len(more)}."
    return f"{head}{_apart(less)}, and {_more(block)} in {len(more)}{_apart(more)}."


def _more(block: Block) -> str:
    return "a larger one" if block == "clean" else "more"


def _apart(found: Sequence[tuple[Value, Value]]) -> str:
    """Of how many the intervals do not even touch."""
    count = sum(
        one.interval is not None and other.interval is not None
        and (one.interval[1] < other.interval[0] or other.interval[1] < one.interval[0])
        for one, other in found
    )  # fmt: skip
    return f" ({count} with 95 % intervals apart)"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def shares(values: Values, block: Block) -> dict[tuple[str, str], float]:
    """How full the colour of each cell is, in [0, 1]: of clean errors their rank in the row, whose unit is its own; of
    relative vulnerabilities, which have none, the logarithm on one scale for the whole map."""
    if block == "clean":
        found: dict[tuple[str, str], float] = {}
        for main in LETTERS:
            row = ranks({cell: value for cell, value in values.items() if cell[0] == main})
            found |= {cell: (rank - 1) / max(1, len(row) - 1) for cell, rank in row.items()}
        return found
    logs = {cell: math.log(v.value) for cell, v in values.items() if v.value > 0 and math.isfinite(v.value)}
    low, high = min(logs.values(), default=0.0), max(logs.values(), default=0.0)
    return {cell: (number - low) / ((high - low) or 1.0) for cell, number in logs.items()}


def rank_shares(values: Values) -> dict[tuple[str, str], float]:
    return {cell: (rank - 1) / max(1, len(values) - 1) for cell, rank in ranks(values).items()}


def written(number: float) -> str:
    """Short: 0.81, 26.6, 1,817 and 140k."""
    if not math.isfinite(number):
        return "–"
    size = abs(number)
    if size >= 1e5:
        return f"{number / 1000:.0f}k".replace("-", "−")
    if size < 1e-3 and size:
        return f"{number:.2g}".replace("-", "−")
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4
    return f"{number:,.{digits}f}".replace("-", "−")


def said(cell: tuple[str, str], value: Value | None, block: Block) -> str:
    """A cell in words, with its interval."""
    main, auxiliary = cell
    beside = "alone" if main == auxiliary else f"with {named(auxiliary)}"
    head = f"{label(main)} {beside}, {WORDS[block]}"
    if value is None:
        return f"{head}: not measured yet"
    unit = " %" if block == "clean" and main == "s" else ""
    ends = f", 95 % interval {written(value.interval[0])} to {written(value.interval[1])}" if value.interval else ""
    if value.n:
        return f"{head}: {written(value.value)}{unit}{ends}, {value.n} pictures"
    return f"{head}: {value.value:g}{unit}, the paper's"


def message(
    values: Values,
    block: Block,
    chosen: str,
    link: Callable[[str], str],
    marked: Mapping[tuple[str, str], str] | None = None,
    *,
    are_ranks: bool = False,
) -> dict[str, Any]:
    """What `app.components.matrix` draws.

    Args:
        chosen: the letters of the cell whose pictures are shown.
        link: the address at which a cell's pictures are shown, by its letters.
        marked: what is to be said in a cell that another table has too.
        are_ranks: shows the rank of each cell in the place of its value.
    """
    order = ranks(values)
    full = rank_shares(values) if are_ranks else shares(values, block)

    def cell(main: str, auxiliary: str) -> dict[str, Any]:
        place, value = (main, auxiliary), values.get((main, auxiliary))
        mark = (marked or {}).get(place, "")
        alt = said(place, value, block)
        text = "" if value is None else f"{order[place]:g}" if are_ranks and place in order else written(value.value)
        return {
            "text": text, "sub": written(value.value) if value and are_ranks else _beside(values, place, block),
            "interval": mark, "marked": bool(mark), "share": full.get(place, 0.0), "task": auxiliary,
            "alt": alt + (f", {mark}" if mark else ""), "href": link(main + auxiliary),
            "chosen": main + auxiliary == chosen,
        }  # fmt: skip

    rows = [
        {"label": main, "words": label(main), "reference": False, "running": False, "problem": "",
         "cells": [cell(main, auxiliary) for auxiliary in LETTERS]}
        for main in LETTERS
    ]  # fmt: skip
    columns = [{"label": letter, "measure": label(letter), "note": ""} for letter in LETTERS]
    return {"columns": columns, "rows": rows, "compact": True, "action": OPEN}


def _beside(values: Values, cell: tuple[str, str], block: Block) -> str:
    """How many times the value of the task alone, which is on the diagonal."""
    alone, value = values.get((cell[0], cell[0])), values.get(cell)
    if cell[0] == cell[1]:
        return "alone" if value else ""
    if alone is None or value is None or not alone.value > 0 or not value.value > 0:
        return ""
    times = value.value / alone.value
    return f"×{written(times)}" if times >= 0.1 else f"×{times:.2f}" if times >= 0.01 else "×<0.01"


def first(findings: Findings, has_pictures: Callable[[str, str], bool]) -> str:
    """The cell whose pictures are shown before one is chosen: the first of two tasks that has some."""
    pairs: Sequence[tuple[str, str]] = [cell for cell in CELLS if cell[0] != cell[1]]
    return next(("".join(cell) for cell in pairs if findings.cell(*cell) and has_pictures(*cell)), "")
