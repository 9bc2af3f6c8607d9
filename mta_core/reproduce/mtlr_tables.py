"""MTL-R Tables 2 to 6: main task by auxiliary task, ours beside the paper's, and whether they rank alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mta_core.reproduce.mtlr_exhibit import PAPER, SMALL, Ends, Exhibit, filled, known
from mta_core.reproduce.plan import Column
from mta_core.reproduce.ranks import agreement
from mta_core.reproduce.report import Filled
from mta_core.study import plan
from mta_core.study.findings import Finding, Findings
from mta_core.study.plan import Probe
from mta_core.study.printed import LETTERS, PARTS, SHARED, TABLES, XCEPTION, Cells, Printed
from mta_core.study_presets import LETTERS as NAMES
from mta_core.study_presets import SETTINGS, SHORT

OF = {2: "s1", 3: "s5", 4: "s6", 5: "s8", 6: "s7"}
"""The setting of each table."""
LABELS = {"clean": "Clean", "single": "Single", "multi": "Multi"}
FACTORS = {"s": 100.0, "n": 100.0, "E": 100.0}
"""What clean errors are multiplied by, as the paper prints them."""
UNITS = {"s": "1 - mIoU, %", "d": "MSE", "D": "MSE", "n": "MSE, e-2", "E": "MSE, e-2"}
READING = (
    "Clean: error without an attack. Single: the main task attacked, multi: both; (error under attack - clean) / "
    "clean, lower is better. PGD with 25 steps of 2/255 at 8/255 (L-inf). On the diagonal the task is alone."
)
Cell = tuple[str, str]
DIAGONAL = [(letter, letter) for letter in LETTERS]


@dataclass(frozen=True)
class PairTable(Exhibit):
    """One of the five tables."""

    printed: Printed
    is_printed: ClassVar[bool] = True
    heads: ClassVar[tuple[str, ...]] = ("", "Main")
    columns: ClassVar[tuple[Column, ...]] = tuple(
        Column(f"with {letter}", NAMES[letter], "relative_vulnerability", 1, 2, significant=2) for letter in LETTERS
    )

    @classmethod
    def of(cls, printed: Printed) -> PairTable:
        title = f"MTL-R Table {printed.number}: relative task vulnerability of {printed.encoder} models"
        return cls(f"mtlr-table{printed.number}", title, printed)

    def setting(self, scale: str) -> str:
        own = OF[self.printed.number]
        encoder = SETTINGS[own].encoder
        return own if scale == PAPER else SHORT if encoder == "resnet18" else f"{SHORT}-{encoder}"

    def probes(self, scale: str) -> list[Probe]:
        return plan.tables(LETTERS)

    def lines(self, found: Findings, scale: str) -> list[Filled]:
        return [self._line(found, scale, part, main) for part in PARTS for main in LETTERS]

    def _line(self, found: Findings, scale: str, part: str, main: str) -> Filled:
        factor = FACTORS.get(main, 1.0) if part == "clean" else 1.0
        numbers, intervals = zip(*(_number(found, part, (main, other), factor) for other in LETTERS), strict=True)
        paper = [self._paper(part)[main, other] for other in LETTERS]
        is_same_unit = part != "clean" or main == "s"
        labels = LABELS[part], f"{main} ({UNITS[main]})" if part == "clean" else main
        difference = [
            None if ours is None or scale == SMALL or not is_same_unit else ours - theirs
            for ours, theirs in zip(numbers, paper, strict=True)
        ]
        marked = [i for i, other in enumerate(LETTERS) if self._is_shared and (part, (main, other)) in SHARED]
        return filled(labels, numbers, intervals, paper=paper, marked=marked, difference=difference)

    @property
    def _is_shared(self) -> bool:
        return self.printed.number in (4, 6)

    def _paper(self, part: str) -> Cells:
        cells: Cells = getattr(self.printed, part)
        return cells

    def notes(self, found: Findings, scale: str) -> list[str]:
        said = [self._ranks(found, part) for part in PARTS]
        if any(said):
            said.append(
                "These correlations take cells for independent, which they are not: cells of a row share their main "
                "task, the two of a pair their model. Over all cells it is above all the main tasks that are ranked; "
                "within a main task there are but five."
            )
        return [note for note in (*said, *self._slips(), READING) if note]

    def _ranks(self, found: Findings, part: str) -> str:
        """One sentence on the rank correlation of a block; empty where nothing is measured."""
        values = {(main, other): _number(found, part, (main, other))[0] for main in LETTERS for other in LETTERS}
        cells = [cell for cell, value in values.items() if known(value)]
        if len(cells) < 3:
            return ""
        ours = {cell: value for cell, value in values.items() if value is not None and cell in cells}
        within = [f"{main} {self._said(ours, part, [c for c in cells if c[0] == main])}" for main in LETTERS]
        told = f"within each main task {', '.join(within)}"
        if part != "clean":  # errors of different tasks have different units
            apart = [cell for cell in cells if cell not in DIAGONAL]
            told = (
                f"{self._said(ours, part, cells)} over {len(cells)} cells, {self._said(ours, part, apart)} over the "
                f"{len(apart)} off the diagonal; {told}"
            )
        return f"Rank correlation with the paper (Spearman), {part}: {told}."

    def _said(self, ours: Cells, part: str, cells: Sequence[Cell]) -> str:
        return agreement([ours[c] for c in cells], [self._paper(part)[c] for c in cells]).said()

    def _slips(self) -> list[str]:
        said = [
            "The paper does not say in which unit the mean squared errors of d and D are; n and E are marked e-2. Ours "
            "are of labels in [0, 1] (d, D: logarithm of depth) and [-1, 1] (n, E)."
        ]
        if self.printed.number == 2:
            said.append(
                "The paper does not say which of S1, S2 and S3 this table is of: S1, 150 epochs, is meant here."
            )
        if self._is_shared:
            said.append(
                f"\\* The paper's Tables 4 and 6 have these {len(SHARED)} cells in common, digit for digit, which two "
                "trainings of different networks do not bring about: at least one of the tables is not what it says."
            )
        if self.printed is XCEPTION:
            said.append(
                "The paper's clean errors of n and E are at least 25 times the largest of its other tables: 3803 to "
                "5183 where those have 45 to 117, and 544 to 142222 where those have 7 to 21."
            )
        return said


def _number(found: Findings, part: str, cell: Cell, factor: float = 1.0) -> tuple[float | None, Ends]:
    """Ours with its interval."""
    finding: Finding | None = found.cell(*cell, multi=part == "multi")
    if finding is None:
        return None, None
    clean = part == "clean"
    value, ends = (finding.clean, finding.clean_ci95) if clean else (finding.relative, finding.relative_ci95)
    return factor * value, None if ends is None else (factor * ends[0], factor * ends[1])


EXHIBITS = tuple(PairTable.of(printed) for printed in TABLES)
