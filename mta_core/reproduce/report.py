"""A reproduced table for people (Markdown) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mta_core.reproduce.plan import DASH, Column

Numbers = Sequence[float | None]
STAR = "\\*"
"""An asterisk in Markdown."""


@dataclass(frozen=True)
class Filled:
    """One line of a reproduced table.

    Attributes:
        ours: numbers in the order of the columns, by how they were aggregated; empty where they were not measured.
        reason: why they were not; empty where they were.
        paper: what the paper prints; empty where it has no such line.
        intervals: 95 % of the first of ours, in the order of the columns; empty where there are none.
        marked: the columns, from 0, whose number of the paper has an asterisk, which a note explains.
        difference: ours minus the paper's; None wherever the two cannot be compared.
    """

    labels: tuple[str, ...]
    ours: Mapping[str, Numbers] = field(default_factory=dict)
    reason: str = ""
    paper: Numbers = ()
    difference: Numbers = ()
    intervals: Sequence[tuple[float, float] | None] = ()
    marked: Sequence[int] = ()


@dataclass(frozen=True)
class Report:
    """A reproduced table.

    Attributes:
        heads: names of a line's labels.
        is_comparable: whether ours were measured on the paper's data.
        notes: sentences that a reader needs.
    """

    name: str
    title: str
    heads: tuple[str, ...]
    columns: tuple[Column, ...]
    lines: tuple[Filled, ...]
    is_comparable: bool
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The part `table` of the result; numbers are in the unit of their column, as the paper prints them."""
        return asdict(self)

    def markdown(self) -> str:
        """Ours above the paper's, then the notes."""
        columns = [f"{c.label} ({c.unit})" if c.unit else c.label for c in self.columns]
        rule = ["---"] * (len(self.heads) + 1) + ["---:"] * len(columns)
        lines = [[*self.heads, "", *columns], rule, *(cells for line in self.lines for cells in self._cells(line))]
        body = [f"| {' | '.join(_safe(cell) for cell in cells)} |" for cells in lines]
        return "\n".join([f"## {self.title}", "", *body, "", *(f"- {note}" for note in self.notes)])

    def _cells(self, line: Filled) -> Iterable[list[str]]:
        for place, (aggregation, numbers) in enumerate(line.ours.items()):
            whose = "ours" if len(line.ours) == 1 else f"ours, {aggregation}"
            intervals = line.intervals if place == 0 and line.intervals else [None] * len(numbers)
            cells = zip(self.columns, self._formatted(numbers), intervals, strict=True)
            yield [*line.labels, whose, *(f"{cell}{_between(column, ends)}" for column, cell, ends in cells)]
        if line.reason:
            yield [*line.labels, "not run", *[DASH] * len(self.columns)]
        if line.paper:
            printed = enumerate(self._formatted(line.paper))
            yield [*line.labels, "paper", *(f"{cell}{STAR * (i in line.marked)}" for i, cell in printed)]
        if any(number is not None for number in line.difference):
            yield [*line.labels, "difference", *self._formatted(line.difference, "+")]

    def _formatted(self, numbers: Numbers, sign: str = "") -> list[str]:
        return [column.format(number, sign) for column, number in zip(self.columns, numbers, strict=True)]


def _between(column: Column, ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f" [{column.format(ends[0])}, {column.format(ends[1])}]"


def not_run(lines: Iterable[Filled]) -> list[str]:
    """A sentence for each reason why lines have no numbers of ours."""
    by_reason: dict[str, list[str]] = {}
    for line in lines:
        if line.reason:
            by_reason.setdefault(line.reason, []).append(" ".join(filter(None, line.labels)))
    return [f"Not run: {', '.join(labels)}: {reason}." for reason, labels in by_reason.items()]


def _safe(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
