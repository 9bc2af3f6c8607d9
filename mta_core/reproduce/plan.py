"""A table of a paper as a plan: which runs fill its lines, which measures its columns, and what the paper prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mta_core.kinds import Instance

DASH = "–"
Kind = Literal["clean", "adversarial"]


@dataclass(frozen=True)
class Run:
    """One evaluation of a victim under an attack.

    Attributes:
        victim: what is attacked and measured, by its role (`dmtl`, `mtan`, `objects`): which weights play it is for
            the scale to say.
        attack: name of the attack; random noise, which needs no generator, where only clean values are wanted.
        epsilon: L-infinity, in 1/255.
        target: the answer to be brought about, as `--target` takes it; empty for non-targeted.
        made_on: role of the victim that the attack is made on; empty where it is `victim` itself.
    """

    victim: str
    attack: str = "noise"
    epsilon: float = 5.0
    instance: Instance = "per-instance"
    target: str = ""
    made_on: str = ""

    @property
    def source(self) -> str:
        return self.made_on or self.victim

    @property
    def is_generative(self) -> bool:
        return self.attack in ("mta", "gap")


@dataclass(frozen=True)
class Column:
    """A measure of a task, as the paper prints it.

    Attributes:
        task: empty for the mean over all tasks of the table.
        factor: what a row's value is multiplied by: 100 where the paper prints percent.
        digits: after the point.
        significant: as many of a small number as are shown at least; 0 for those after the point alone.
    """

    label: str
    task: str
    metric: str
    factor: float = 1.0
    digits: int = 2
    unit: str = ""
    significant: int = 0

    def format(self, number: float | None, sign: str = "") -> str:
        """`number` is in the column's unit."""
        if number is None or math.isnan(number):
            return DASH
        small = self.significant - 1 - math.floor(math.log10(abs(number))) if self.significant and number else 0
        return f"{number:{sign}z.{min(max(self.digits, small), 12)}f}"  # z: no minus before what rounds to 0


@dataclass(frozen=True)
class Line:
    """One line of a table.

    Attributes:
        paper: what the paper prints, in the order of the columns, None where nothing; empty where it has no such line.
    """

    labels: tuple[str, ...]
    run: Run
    kind: Kind = "adversarial"
    paper: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table of a paper.

    Attributes:
        title: what it shows, and where it stands in the paper.
        tasks: that are attacked, each by a perturbation of its own.
        data: name of the data that the paper used, with which alone its numbers can be compared.
        stand_in: name of the data that come with the program.
        heads: names of a line's labels.
        aggregations: what is shown of ours, the one to compare with the paper first.
        notes: what a reader must know, whatever comes out.
    """

    name: str
    title: str
    tasks: tuple[str, ...]
    data: str
    stand_in: str
    heads: tuple[str, ...]
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    aggregations: tuple[str, ...] = ("pooled",)
    notes: tuple[str, ...] = ()

    @property
    def runs(self) -> tuple[Run, ...]:
        """Each run once, in the order of the lines."""
        return tuple(dict.fromkeys(line.run for line in self.lines))


def wrong_averages(columns: Sequence[Column], line: Line, tolerance: float = 0.011) -> list[str]:
    """A sentence for each average of a paper's line that is not the mean of that line's cells.

    Args:
        tolerance: what rounding of the cells and of their mean can add up to.
    """
    found = []
    pairs = list(zip(columns, line.paper, strict=True))
    for column, printed in pairs:
        if not column.task and printed is not None:
            cells = [value or 0 for other, value in pairs if other.task and other.metric == column.metric]
            mean = sum(cells) / len(cells)
            if abs(mean - printed) > tolerance:
                where = f"{column.label}, {', '.join(line.labels)}"
                found.append(f"The paper prints an average of {printed:.2f} ({where}); its cells' mean is {mean:.2f}.")
    return found
