"""The kinds of perturbations, in the words of rows and cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mta_core.budget import Budget

Scope = Literal["per-task", "joint"]
Instance = Literal["per-instance", "universal"]
JOINT = "joint"
"""The name of the one perturbation that is made for all tasks at once."""


def goal_name(is_targeted: bool) -> str:
    """As in rows."""
    return "targeted" if is_targeted else "non-targeted"


@dataclass(frozen=True)
class Aim:
    """What a perturbation is to fool.

    Attributes:
        target: the answers to be brought about, as they were typed; empty where the truth is to be left.
        budget: how large it may be; None where that makes no difference.
    """

    tasks: tuple[str, ...]
    scope: Scope = "per-task"
    target: str = ""
    budget: Budget | None = None

    @property
    def perturbations(self) -> tuple[str, ...]:
        return (JOINT,) if self.scope == "joint" else self.tasks

    @property
    def goal(self) -> str:
        return goal_name(bool(self.target))

    def __str__(self) -> str:
        towards = f" towards {self.target}" if self.target else ""
        return f"{self.goal} {self.scope} perturbations for {', '.join(self.tasks)}{towards}"


NO_AIM = Aim(())
"""For problems that no trained generator is chosen for."""
