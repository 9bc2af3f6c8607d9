"""What is asked of the workshop. No streamlit here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from app.library import Picture
from mta_core.attacks import Attack, Scope
from mta_core.budget import Budget
from mta_core.tasks import Task

Answers = Mapping[str, Tensor]
"""To each task, by its name."""


@dataclass(frozen=True)
class Request:
    """Everything that decides what an attack on one picture yields.

    Attributes:
        weights: name and sha256 of the victims' weights and of the generator's, if there is one: files can be replaced
            while the server runs.
        to: another victim, that the adversarial pictures are tried on; empty where there is none.
        target: an answer that is to be brought about, as `mta_core.targets.parse_goal` reads it; empty for none.
        like: the picture whose answers are the target, where that is another picture's.
    """

    picture: Picture
    victim: str
    tasks: tuple[Task, ...]
    attack: Attack
    scope: Scope
    budget: Budget
    weights: tuple[tuple[str, str], ...] = ()
    seed: int = 0
    to: str = ""
    target: str = ""
    like: Picture | None = None

    @property
    def is_targeted(self) -> bool:
        return bool(self.target) or self.like is not None

    @property
    def is_iterative(self) -> bool:
        return self.attack.is_iterative

    @property
    def truth(self) -> Answers:
        return self.picture.truth(self.tasks)
