"""MTL-R Figures 15 to 17: how relative vulnerability spreads over auxiliary tasks, by steps, epsilon and norm."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import ClassVar

from mta_core.attacks.pgd import RELEASED_SHARE
from mta_core.reproduce.mtlr_exhibit import UNPRINTED, Exhibit, filled, known
from mta_core.reproduce.plan import Column
from mta_core.reproduce.report import Filled
from mta_core.study import plan
from mta_core.study.findings import Findings
from mta_core.study.measure import RELEASED_BATCH
from mta_core.study.plan import CURVE_EPSILONS, CURVE_TASKS, L2_EPSILON, Probe
from mta_core.study_presets import study_preset
from mta_core.wording import counted

MONO, MULTI = "mono", "multi"
SPREAD_STEPS = (5, 15, 25)
Vary = Callable[[Probe], Probe]


def _with_steps(steps: int) -> Vary:
    return lambda probe: replace(probe, steps=steps)


def _with_epsilon(epsilon: float) -> Vary:
    return lambda probe: replace(probe, epsilon=epsilon)


def _with_norm(place: int) -> Vary:
    return lambda probe: plan.by_norm(probe)[place]


LINF, L2, AS_RELEASED = "L-inf, 4/255", "L2, 4", "L2, 4, as released"


def _beside_others(mains: Sequence[str] = CURVE_TASKS, kind: str = "") -> list[tuple[str, Probe]]:
    """Main tasks with the probes of their models of two: one or both attacked, all of them if that is not said."""
    return [
        (main, probe) for main in mains for probe in plan.curve(main)
        if len(probe.model) > 1 and kind in ("", MULTI if len(probe.attacked) > 1 else MONO)
    ]  # fmt: skip


@dataclass(frozen=True)
class SpreadFigure(Exhibit):
    """A box plot of the paper as numbers.

    Attributes:
        head: what varies.
        varied: what is made of a probe, by what the line is called.
    """

    head: str
    varied: Mapping[str, Vary]
    columns: ClassVar[tuple[Column, ...]] = tuple(
        Column(label, "", "relative_vulnerability", 1, 2, significant=2)
        for label in ("Task alone", "Least", "Median", "Largest")
    )

    @property
    def heads(self) -> tuple[str, ...]:
        return "Task", "Attack", self.head

    def probes(self, scale: str) -> list[Probe]:
        own = [probe for main in CURVE_TASKS for probe in plan.curve(main)]
        return list(dict.fromkeys(vary(probe) for probe in own for vary in self.varied.values()))

    def lines(self, found: Findings, scale: str) -> list[Filled]:
        return [
            self._line(found, main, kind, label)
            for main in CURVE_TASKS for kind in (MONO, MULTI) for label in self.varied
        ]  # fmt: skip

    def _line(self, found: Findings, main: str, kind: str, label: str) -> Filled:
        single = found.find(self.varied[label](Probe(main, main)), main) if kind == MONO else None
        alone = (None, None) if single is None else (single.relative, single.relative_ci95)
        values = self.values(found, label, [main], kind)
        spread = [min(values), median(values), max(values)] if values else [None] * 3
        return filled((main, kind, label), [alone[0], *spread], [alone[1], None, None, None])

    def values(self, found: Findings, label: str, mains: Sequence[str], kind: str) -> list[float]:
        """Relative vulnerabilities in models of two tasks, see `_beside_others`."""
        values = (self.value(found, label, main, probe) for main, probe in _beside_others(mains, kind))
        return [value for value in values if known(value)]

    def value(self, found: Findings, label: str, main: str, probe: Probe) -> float:
        """NaN where it is not measured."""
        finding = found.find(self.varied[label](probe), main)
        return math.nan if finding is None else finding.relative

    def notes(self, found: Findings, scale: str) -> list[str]:
        return [
            "Over the auxiliary tasks, which are the other four of s, d, D, n and E: mono attacks the main task, multi "
            "both. Task alone: in a model of its own.",
            UNPRINTED,
        ]


class NormFigure(SpreadFigure):
    """Figure 17."""

    def notes(self, found: Findings, scale: str) -> list[str]:
        return [*self._implementation(found), self._sizes(scale), *super().notes(found, scale)]

    def _implementation(self, found: Findings) -> list[str]:
        """How much of "L2 hardly matters" comes with how the released code takes its steps."""
        each = [[self.value(found, label, *pair) for label in self.varied] for pair in _beside_others()]
        whole = [values for values in each if all(map(known, values))]
        if not whole:
            return []
        linf, l2, released = (median(values) for values in zip(*whole, strict=True))
        said = (
            f"Median relative vulnerability of main tasks of models of two ({counted(len(whole), 'attack')}, measured "
            f"in all three ways): {linf:.3g} under L-inf, {l2:.3g} under L2 as the text defines it, {released:.3g} "
            "under L2 as the released code takes it."
        )
        if released < l2 < linf:
            share = (l2 - released) / (linf - released)
            said += (
                f" Of the gap between L-inf and L2 that the released code shows, {100 * share:.0f} % is its own doing."
            )
        elif released < linf <= l2:
            said += " The whole gap between L-inf and L2 that the released code shows is its own doing."
        return [said]

    def _sizes(self, scale: str) -> str:
        """What the budgets allow: geometry alone."""
        height, width = study_preset(f"{self.setting(scale)}:s").size
        corner = 4 / 255 * (3 * height * width) ** 0.5
        left = L2_EPSILON * RELEASED_SHARE / RELEASED_BATCH**0.5
        return (
            f"At {height}x{width} the L-inf ball of 4/255 reaches as far as {corner:.2f} in L2, so the same 'epsilon = "
            f"4' is a {'larger' if corner < L2_EPSILON else 'smaller'} budget in L2. The released code scales the "
            f"perturbations of a whole batch to {L2_EPSILON * RELEASED_SHARE:.3f} together: of a batch of "
            f"{RELEASED_BATCH} each picture is left about {left:.4f} of the 4."
        )


EXHIBITS = (
    SpreadFigure(
        "mtlr-fig15", "MTL-R Figure 15: relative vulnerability at 8/255 by the number of steps", "Steps",
        {str(steps): _with_steps(steps) for steps in SPREAD_STEPS},
    ),
    SpreadFigure(
        "mtlr-fig16", "MTL-R Figure 16: relative vulnerability under 25 steps by epsilon", "Epsilon (1/255)",
        {f"{epsilon:g}": _with_epsilon(epsilon) for epsilon in CURVE_EPSILONS},
    ),
    NormFigure(
        "mtlr-fig17", "MTL-R Figure 17: relative vulnerability under 25 steps by the norm", "Norm",
        {LINF: _with_norm(0), L2: _with_norm(1), AS_RELEASED: _with_norm(2)},
    ),
)  # fmt: skip
