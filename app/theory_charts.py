"""Figures of the theory: what is measured of a victim beside what its gradients predict. No streamlit here.

Rows are those of `mta_core.vulnerability.rows_of`, fresh or as JSON has them, with null for NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from app.words import in_sentence
from mta_core.budget import Budget, Norm
from mta_core.tasks import task
from mta_core.vulnerability import BY_NAME

Values = Mapping[str, Any]
HEIGHT = 340
DIVERGING = (
    (0.0, "rgba(0,104,168,1)"), (0.25, "rgba(0,104,168,0.45)"), (0.5, "rgba(127,127,127,0.1)"),
    (0.75, "rgba(205,92,10,0.45)"), (1.0, "rgba(205,92,10,1)"),
)  # fmt: skip
"""From opposed to alike, in colours that the colour-blind can tell; nothing lets the page be seen, light or dark."""
DECADES = 5
CELL, MOST_WRITTEN = 52, 6
"""Pixels of a cell of a heat map, and tasks up to which its numbers are written into it."""


@dataclass(frozen=True)
class Line:
    """How a quantity is drawn.

    Attributes:
        kind: of the sign in the legend, a class of the style sheet.
        shift: of its marks from the middle of their place, where several stand beside each other.
    """

    metric: str
    label: str
    colour: str
    dash: str = "solid"
    symbol: str = "circle"
    kind: str = ""
    shift: float = 0.0


JOINT = (
    Line("vulnerability", "measured", "#d55e00", shift=-0.06),
    Line("first_order", "first order", "#0072b2", "dash", "square", "mta-dashed", -0.02),
    Line("theorem3", "Theorem 3", "#009e73", "dot", "diamond", "mta-dotted", 0.02),
    Line("exact", "exact weighted form", "#cc79a7", "solid", "circle-open", shift=0.06),
)
MARGINAL = (
    Line("marginal", "measured", "#d55e00", kind="mta-dot", shift=-0.24),
    Line("marginal_first_order", "first order", "#0072b2", symbol="square", kind="mta-box", shift=-0.08),
    Line("marginal_bound", "tight bound", "#009e73", symbol="line-ew", shift=0.08),
    Line("marginal_bound_paper", "the paper's bound", "#cc79a7", symbol="line-ew", shift=0.24),
)


def chain(rows: Sequence[Values]) -> list[str]:
    """The tasks in the order in which they are added; none where there are no rows."""
    attacked = [row["attacked"] for row in rows if row["metric"] == "first_order"]
    return list(max(attacked, key=len, default=[]))


def budget_of(rows: Sequence[Values]) -> Budget:
    """That all the rows have."""
    return Budget.from_units(rows[0]["norm"], rows[0]["epsilon"])


def is_heuristic(rows: Sequence[Values]) -> bool:
    """Whether nothing in the proof of Theorem 3 holds for the budget."""
    return bool(rows) and rows[0]["norm"] == str(Norm.LINF)


def label_of(line: Line, rows: Sequence[Values]) -> str:
    return f"{line.label}, here a heuristic" if line.metric == "theorem3" and is_heuristic(rows) else line.label


def lines_in(lines: Sequence[Line], rows: Sequence[Values]) -> list[Line]:
    """Those that have a row."""
    there = {row["metric"] for row in rows}
    return [line for line in lines if line.metric in there]


def number(value: float | None) -> float | None:
    """None where there is nothing to measure."""
    return None if value is None or value != value else value


def of_first(rows: Sequence[Values], metric: str) -> list[Values]:
    """A quantity of the first task, of the first two, and so on: those that there are, in this order."""
    tasks = chain(rows)
    found = [row for row in rows if row["metric"] == metric and list(row["attacked"]) == tasks[: len(row["attacked"])]]
    return sorted(found, key=lambda row: len(row["attacked"]))


def joint(rows: Sequence[Values]) -> go.Figure:
    """Adversarial vulnerability against the number of attacked tasks: measured, and as it is predicted."""
    made = go.Figure()
    for line in lines_in(JOINT, rows):
        own = of_first(rows, line.metric)
        trace = _marks(line, own, [len(row["attacked"]) + line.shift for row in own])
        made.add_trace(trace.update(mode="lines+markers", line={"color": line.colour, "width": 2, "dash": line.dash}))
    tasks = chain(rows)
    gap = " " if len(tasks) > MOST_WRITTEN else "<br>"
    names = [f"{count}{gap}{'+ ' if count > 1 else ''}{_short(name)}" for count, name in enumerate(tasks, 1)]
    made.update_xaxes(title_text="attacked tasks", range=[0.6, len(names) + 0.4])
    made.update_yaxes(title_text="vulnerability (loss)", rangemode="tozero")
    return _finish(made, names, 1.0)


def marginal(rows: Sequence[Values], *, with_paper: bool = True) -> go.Figure:
    """What each task adds to those before it: measured, to first order, and at most; `with_paper`'s bound, which is so
    large that the others hardly differ beside it."""
    made = go.Figure()
    for line in lines_in(MARGINAL if with_paper else MARGINAL[:-1], rows):
        own = of_first(rows, line.metric)
        trace = _marks(line, own, [len(row["attacked"]) + line.shift for row in own])
        if line.symbol == "line-ew":
            trace.update(marker={"size": 22, "line": {"width": 3, "color": line.colour}})
        made.add_trace(trace.update(mode="markers"))
    names = [f"+ {_short(name)}" for name in chain(rows)[1:]]
    made.update_xaxes(title_text="added task", range=[1.5, len(names) + 1.5])
    made.update_yaxes(title_text="marginal vulnerability (loss)", zeroline=True)
    return _finish(made, names, 2.0)


def _marks(line: Line, rows: Sequence[Values], x: Sequence[float]) -> go.Scatter:
    values = [number(row["adversarial"]) for row in rows]
    ends = [_ends(row) for row in rows]
    up = [high - (value or 0) for value, (_, high) in zip(values, ends, strict=True)]
    down = [(value or 0) - low for value, (low, _) in zip(values, ends, strict=True)]
    error = {"type": "data", "symmetric": False, "array": [max(0.0, e) for e in up],
             "arrayminus": [max(0.0, e) for e in down], "thickness": 1.5, "width": 4, "color": line.colour}  # fmt: skip
    return go.Scatter(
        x=list(x), y=values, name=line.label, text=[_hover(line, row) for row in rows], error_y=error,
        hovertemplate="%{text}<extra></extra>",
        marker={"size": 8, "color": line.colour, "symbol": line.symbol},
    )  # fmt: skip


def _ends(row: Values) -> tuple[float, float]:
    """Of the interval; the value itself where there is none."""
    ends, value = row["ci95"], number(row["adversarial"]) or 0.0
    return (value, value) if not ends or None in ends else (ends[0], ends[1])


def _hover(line: Line, row: Values) -> str:
    said = BY_NAME[line.metric].format
    value = number(row["adversarial"])
    lines = [f"<b>{line.label}</b>: {'–' if value is None else said(value)}"]
    if row["ci95"] and None not in row["ci95"]:
        lines.append("95 % interval " + " to ".join(map(said, row["ci95"])))
    return "<br>".join([*lines, ", ".join(_short(name) for name in row["attacked"]), f"{row['n']} pictures"])


def _finish(made: go.Figure, names: Sequence[str], first: float) -> go.Figure:
    made.update_xaxes(tickvals=[first + place for place in range(len(names))], ticktext=list(names), showgrid=False)
    if len(names) > MOST_WRITTEN:
        made.update_xaxes(tickangle=-45, ticklabeloverflow="allow")
    for axes in (made.update_xaxes, made.update_yaxes):
        axes(automargin=True, title_font_size=13, ticklabelstandoff=4)
    made.update_yaxes(nticks=6, exponentformat="e")
    return made.update_layout(showlegend=False, margin={"l": 8, "r": 12, "t": 10, "b": 8}, hovermode="closest")


def _short(name: str) -> str:
    return in_sentence(task(name).label)


def alt(what: str, lines: Sequence[Line], rows: Sequence[Values]) -> str:
    """What a figure shows, for those who do not see it."""
    said = []
    for line in lines_in(lines, rows):
        values = (number(row["adversarial"]) for row in of_first(rows, line.metric))
        listed = ", ".join("–" if v is None else f"{v:.3g}" for v in values)
        said.append(f"{label_of(line, rows)} {listed}")
    return f"{what}: {'; '.join(said) or 'nothing measured yet'}"


@dataclass(frozen=True)
class Table:
    """Numbers of pairs of tasks.

    Attributes:
        values: by the names of two tasks, in either order.
        is_cosine: whether they lie between -1 and 1.
    """

    tasks: tuple[str, ...]
    values: Mapping[tuple[str, str], float | None]
    is_cosine: bool

    @property
    def is_empty(self) -> bool:
        """Whether no number is known but those that say nothing."""
        return all(value is None or (self.is_cosine and a == b) for (a, b), value in self.values.items())

    def matrix(self) -> list[list[float | None]]:
        return [[self.values.get((a, b), self.values.get((b, a))) for b in self.tasks] for a in self.tasks]


def table_of(rows: Sequence[Values], metric: str, aggregation: str) -> Table:
    """`covariance` or `cosine` of all pairs; a task's cosine with itself is 1."""
    own = [row for row in rows if row["metric"] == metric and row["aggregation"] == aggregation]
    tasks, is_cosine = tuple(chain(rows)), metric == "cosine"
    values: dict[tuple[str, str], float | None] = {(name, name): 1.0 for name in tasks} if is_cosine else {}
    values |= {(row["attacked"][0], row["attacked"][-1]): number(row["adversarial"]) for row in own}
    return Table(tasks, values, is_cosine)


def heat(table: Table) -> go.Figure:
    """Pairs of tasks, a cell each. Covariances differ by orders of magnitude, so that the logarithm of their size is
    coloured, the largest in full and what is a `DECADES`th power of ten smaller not at all."""
    matrix = table.matrix()
    most = max((abs(value) for line in matrix for value in line if value is not None), default=0.0)
    shown = matrix if table.is_cosine else [[_shade(value, most) for value in line] for line in matrix]
    labels = [task(name).label for name in table.tasks]
    written = len(labels) <= MOST_WRITTEN
    text = [["" if value is None else f"{value:.2f}" if table.is_cosine else f"{value:.2g}" for value in line]
            for line in matrix]  # fmt: skip
    made = go.Figure(
        go.Heatmap(
            z=shown, x=labels, y=labels, zmin=-1, zmax=1, colorscale=DIVERGING, text=text, xgap=2, ygap=2,
            texttemplate="%{text}" if written else None, hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
            showscale=False, hoverongaps=False,
        )
    )  # fmt: skip
    made.update_yaxes(autorange="reversed", showgrid=False, zeroline=False, automargin=True, ticklabelstandoff=4)
    made.update_xaxes(showgrid=False, zeroline=False, automargin=True, ticklabelstandoff=4)
    if not written:
        made.update_xaxes(tickangle=-45, ticklabeloverflow="allow")
    return made.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})


def heat_height(table: Table) -> int:
    return 110 + min(CELL, 400 // max(1, len(table.tasks))) * len(table.tasks)


def heat_alt(what: str, table: Table) -> str:
    pairs = ((a, b) for i, a in enumerate(table.tasks) for b in table.tasks[i:] if not (table.is_cosine and a == b))
    said = []
    for a, b in pairs:
        value = table.values.get((a, b), table.values.get((b, a)))
        said.append(f"{_short(a)} and {_short(b)} {'–' if value is None else format(value, '.2g')}")
    return f"{what}: {'; '.join(said) or 'nothing measured yet'}"


def _shade(value: float | None, most: float) -> float | None:
    """In [-1, 1], with the sign of the value."""
    if value is None or not value:
        return value
    return math.copysign(max(0.0, 1 + math.log10(abs(value) / most) / DECADES), value)
