"""MTL-R Figures 1 to 11 (each task under attack, alone and in combinations) and 14 (by the attack's steps)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from mta_core.reproduce.mtlr_exhibit import PAPER, UNPRINTED, Ends, Exhibit, filled, known, legend, shown_error
from mta_core.reproduce.plan import Column
from mta_core.reproduce.report import Filled
from mta_core.study import plan
from mta_core.study.findings import Finding, Findings
from mta_core.study.plan import ALL, CURVE_STEPS, CURVE_TASKS, FIGURE_TASKS, Probe, ordered
from mta_core.study_presets import LETTERS, MAIN

PANELS = (
    "The main tasks are those that the paper names of Figure 16; of Figure 14 its text names s, D, E and, attacked "
    "with n, z-depth, where n stands here."
)


def measure_of(letter: str) -> str:
    """As the paper's captions have it."""
    return "mIoU, %" if letter == "s" else "MSE"


@dataclass(frozen=True)
class TaskFigure(Exhibit):
    """A task under attack: alone, and in models of several, itself attacked or all of them."""

    letter: str
    heads: ClassVar[tuple[str, ...]] = ("Model, attacked",)

    @classmethod
    def of(cls, number: int, letter: str) -> TaskFigure:
        title = f"MTL-R Figure {number}: {LETTERS[letter]} ({letter}) under PGD, 25 steps at 8/255"
        return cls(f"mtlr-fig{number}", title, letter)

    @property
    def columns(self) -> tuple[Column, ...]:
        task = LETTERS[self.letter]
        shown = [
            Column(f"{measure_of(self.letter)} {when}", task, "error", 1, 2, significant=3)
            for when in ("after the attack", "clean")
        ]
        return *shown, Column("Relative vulnerability", task, "relative_vulnerability", 1, 2, significant=2)

    def probes(self, scale: str) -> list[Probe]:
        """At the small scale, models of all eleven tasks stand for the pairs that are not trained."""
        own = self.letter
        pairs = LETTERS if scale == PAPER else MAIN if own in MAIN else ""
        models = [ordered(own + other) for other in pairs if other != own] + ([] if scale == PAPER else [ALL])
        return [Probe(own, own), *(Probe(model, attacked) for model in models for attacked in (own, model))]

    def lines(self, found: Findings, scale: str) -> list[Filled]:
        return [self._line(probe, found.find(probe, self.letter)) for probe in self.probes(scale)]

    def _line(self, probe: Probe, finding: Finding | None) -> Filled:
        shown: list[tuple[float | None, Ends]] = [shown_error(finding), shown_error(finding, clean=True)]
        shown.append((None, None) if finding is None else (finding.relative, finding.relative_ci95))
        numbers, intervals = zip(*shown, strict=True)
        return filled((legend(probe, self.letter),), numbers, intervals)

    def notes(self, found: Findings, scale: str) -> list[str]:
        own = [finding for probe in self.probes(scale) if (finding := found.find(probe, self.letter))]
        return [*self._compared([f for f in own if f.probe.attacked == self.letter]), UNPRINTED]

    def _compared(self, own: Sequence[Finding]) -> list[str]:
        """Whether other tasks in the model make this one harder to attack, where it alone is attacked."""
        alone = [finding for finding in own if finding.probe.model == self.letter]
        beside = [finding for finding in own if finding.probe.model != self.letter]
        if not alone or not beside:
            return []
        better = [finding for finding in beside if finding.adversarial < alone[0].adversarial]
        apart = [finding for finding in better if _is_below(finding, alone[0])]
        return [
            f"Attacked on {self.letter} alone, {len(better)} of {len(beside)} models of several tasks err less after "
            f"the attack than that of one task, {len(apart)} of them with an interval that lies below its."
        ]


def _is_below(one: Finding, other: Finding) -> bool:
    ends = one.adversarial_ci95, other.adversarial_ci95
    return ends[0] is not None and ends[1] is not None and ends[0][1] < ends[1][0]


@dataclass(frozen=True)
class StepsFigure(Exhibit):
    """Figure 14."""

    heads: ClassVar[tuple[str, ...]] = ("Task", "Model, attacked")
    columns: ClassVar[tuple[Column, ...]] = tuple(
        Column(f"{steps} step{'s' * (steps > 1)}", "", "error", 1, 2, significant=3) for steps in CURVE_STEPS
    )

    def probes(self, scale: str) -> list[Probe]:
        own = [probe for main in CURVE_TASKS for probe in plan.curve(main)]
        return list(dict.fromkeys(each for probe in own for each in plan.by_steps(probe)))

    def lines(self, found: Findings, scale: str) -> list[Filled]:
        return [_by_steps(found, main, probe) for main in CURVE_TASKS for probe in plan.curve(main)]

    def notes(self, found: Findings, scale: str) -> list[str]:
        """The paper: "multi-task attacks tend to plateau much earlier"."""
        said = []
        for kind, is_multi in (("the main task is", False), ("both tasks are", True)):
            rises = [
                rise for main in CURVE_TASKS for probe in plan.curve(main)
                if len(probe.model) > 1 and (len(probe.attacked) > 1) is is_multi
                and known(rise := _late_rise(found, main, probe))
            ]  # fmt: skip
            if rises:
                said.append(f"{100 * median(rises):+.1f} % where {kind} attacked ({len(rises)} curves)")
        told = f"From 15 to 25 steps the error of the main task of two changes by {', '.join(said)}; medians."
        return [*([told] if said else []), PANELS, UNPRINTED]


def _by_steps(found: Findings, main: str, probe: Probe) -> Filled:
    shown = [shown_error(found.find(each, main)) for each in plan.by_steps(probe)]
    numbers, intervals = zip(*shown, strict=True)
    return filled((f"{main} ({measure_of(main)})", legend(probe, main)), numbers, intervals)


def _late_rise(found: Findings, main: str, probe: Probe) -> float:
    """By what share the error rises from 15 to 25 steps; NaN where one of the two is missing."""
    errors = {each.steps: found.find(each, main) for each in plan.by_steps(probe)}
    early, late = errors[15], errors[25]
    return (
        math.nan if early is None or late is None or not early.adversarial else late.adversarial / early.adversarial - 1
    )


EXHIBITS = (
    *(TaskFigure.of(number, letter) for number, letter in enumerate(FIGURE_TASKS, 1)),
    StepsFigure("mtlr-fig14", "MTL-R Figure 14: error under PGD at 8/255 by its number of steps"),
)
