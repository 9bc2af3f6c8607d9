"""A reproduced table for people (Markdown) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mta_core.reproduce.plan import Column

DASH = "–"
Numbers = Sequence[float | None]


@dataclass(frozen=True)
class Filled:
    """One line of a reproduced table.

    Attributes:
        ours: numbers in the order of the columns, by how they were aggregated; empty where they were not measured.
        reason: why they were not; empty where they were.
        paper: what the paper prints; empty where it has no such line.
        difference: ours minus the paper's; None wherever the two cannot be compared.
    """

    labels: tuple[str, ...]
    ours: Mapping[str, Numbers] = field(default_factory=dict)
    reason: str = ""
    paper: Numbers = ()
    difference: Numbers = ()


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
        for aggregation, numbers in line.ours.items():
            whose = "ours" if len(line.ours) == 1 else f"ours, {aggregation}"
            yield [*line.labels, whose, *self._formatted(numbers)]
        if line.reason:
            yield [*line.labels, "not run", *[DASH] * len(self.columns)]
        if line.paper:
            yield [*line.labels, "paper", *self._formatted(line.paper)]
        if any(number is not None for number in line.difference):
            yield [*line.labels, "difference", *self._formatted(line.difference, "+")]

    def _formatted(self, numbers: Numbers, sign: str = "") -> list[str]:
        pairs = zip(self.columns, numbers, strict=True)
        return [DASH if number is None else f"{number:{sign}.{column.digits}f}" for column, number in pairs]


def not_run(lines: Iterable[Filled]) -> list[str]:
    """A sentence for each reason why lines have no numbers of ours."""
    by_reason: dict[str, list[str]] = {}
    for line in lines:
        if line.reason:
            by_reason.setdefault(line.reason, []).append(" ".join(filter(None, line.labels)))
    return [f"Not run: {', '.join(labels)}: {reason}." for reason, labels in by_reason.items()]


def _safe(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
