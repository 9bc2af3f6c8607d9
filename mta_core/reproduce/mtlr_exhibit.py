"""What a table or figure of the robustness study shows, and of which probes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mta_core.reproduce.plan import Column
from mta_core.reproduce.report import Filled
from mta_core.study.findings import Finding, Findings
from mta_core.study.plan import Probe
from mta_core.study_presets import SHORT

SMALL, PAPER = "small", "paper"
"""Scales."""
UNPRINTED = "The paper shows this as a figure and prints no numbers: there is nothing to compare."
MISSING = "it is not measured yet"
Ends = tuple[float, float] | None


@dataclass(frozen=True)
class Exhibit(ABC):
    """One of them.

    Attributes:
        name: as on the command line.
        title: what it shows, and where it stands in the paper.
    """

    name: str
    title: str
    is_printed: ClassVar[bool] = False
    """Whether the paper has numbers to compare."""

    def setting(self, scale: str) -> str:
        """Whose models are attacked: see `mta_core.study_presets`."""
        return SHORT if scale == SMALL else "s1"

    @abstractmethod
    def probes(self, scale: str) -> list[Probe]: ...

    @property
    @abstractmethod
    def heads(self) -> tuple[str, ...]:
        """Names of a line's labels."""

    @property
    @abstractmethod
    def columns(self) -> tuple[Column, ...]: ...

    @abstractmethod
    def lines(self, found: Findings, scale: str) -> list[Filled]: ...

    def notes(self, found: Findings, scale: str) -> list[str]:
        """What can be said of the numbers, and what a reader must know of the paper's."""
        return [UNPRINTED]


def filled(
    labels: tuple[str, ...], numbers: Sequence[float | None], intervals: Sequence[Ends] = (), **more: object
) -> Filled:
    """A line of ours; one that is not measured where there is no number at all."""
    if all(number is None for number in numbers):
        return Filled(labels, reason=MISSING, **more)  # type: ignore[arg-type]
    return Filled(labels, {"": list(numbers)}, intervals=list(intervals), **more)  # type: ignore[arg-type]


def name_of(model: str, main: str) -> str:
    """As the paper's legends have it, the main task first; `all` of all eleven."""
    return "all" if len(model) > 5 else main + model.replace(main, "")


def legend(probe: Probe, main: str) -> str:
    """`sn s`: a model of both tasks, s attacked."""
    return f"{name_of(probe.model, main)} {name_of(probe.attacked, main)}"


def shown_error(found: Finding | None, *, clean: bool = False) -> tuple[float | None, Ends]:
    """The error as figures have it: of segmentation the mIoU in percent. With its interval."""
    if found is None:
        return None, None
    value, ends = (found.clean, found.clean_ci95) if clean else (found.adversarial, found.adversarial_ci95)
    if found.task == "s":
        return 100 * (1 - value), None if ends is None else (100 * (1 - ends[1]), 100 * (1 - ends[0]))
    return value, ends


def known(value: float | None) -> bool:
    """Whether there is a number to count with."""
    return value is not None and math.isfinite(value)
