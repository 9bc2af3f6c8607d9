"""The papers' tables, made again: ours beside what is printed.

`plan` says what a table is, `printed` holds the paper's numbers, `mta` ties the two together, `scales` chooses or
trains the weights, `reproduction` measures, `report` writes. Adding a table is a function that returns a `Table`, a
line in `TABLES`, and its name in `mta_core.cli.arguments.REPRODUCIBLE`. Table 7, which counts and times, is
`cost_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mta_core.reproduce import mta
from mta_core.reproduce.cost_table import CostReproduction
from mta_core.reproduce.plan import Column, Line, Run, Table
from mta_core.reproduce.report import Filled, Report
from mta_core.reproduce.reproduction import Outcome, Reproduction, check_data
from mta_core.reproduce.scales import Paper, Scale, Small

TABLES: Mapping[str, Callable[[], Table]] = {
    "mta-table1": mta.table1,
    "mta-table2": mta.table2,
    "mta-table3": mta.table3,
    "mta-table4": mta.table4,
    "mta-table5": mta.table5,
    "mta-table6": mta.table6,
    "mta-fig-epsilon": mta.figure_epsilon,
}


__all__ = [
    "TABLES",
    "Column",
    "CostReproduction",
    "Filled",
    "Line",
    "Outcome",
    "Paper",
    "Report",
    "Reproduction",
    "Run",
    "Scale",
    "Small",
    "Table",
    "check_data",
]
