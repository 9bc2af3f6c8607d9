"""What comes of a request, and on the way there: the events of the workshop's jobs. No streamlit here."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import Tensor

from app.recording import Recording
from app.request import Request
from mta_core.explore import Outcome

Made = TypeVar("Made")
NOT_ATTACKED = "not attacked: stopped before its turn"


@dataclass(frozen=True)
class LossStep:
    """The losses of the attacked tasks at one step of one perturbation."""

    perturbation: str
    done: int
    total: int
    losses: Mapping[str, float]


@dataclass(frozen=True)
class Result:
    """What came of a request.

    Attributes:
        history: the losses of an iterative attack.
        stopped_at: steps made when it was stopped; None where it ran to its end.
        unreached: perturbations whose turn had not come by then: they are zero.
        is_precise: whether the outputs are those of the victim in float32; a preview's are in the device's fast
            precision.
        is_complete: whether they are, and the comparison with random noise is in.
        made: what was made of it to be shown: see `once`.
        directions: what epsilon scales of each perturbation, (3, H, W), where the attack is one of those.
        preview_seconds: from the start of the attack to the preview.
        tried: the same pictures in the eyes of the request's other victim; None where it has none, or the same.
        recording: the candidates of an iterative attack, step by step.
    """

    request: Request
    outcome: Outcome
    history: tuple[LossStep, ...] = ()
    stopped_at: int | None = None
    unreached: tuple[str, ...] = ()
    is_precise: bool = False
    is_complete: bool = False
    made: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)
    tried: Outcome | None = None
    recording: Recording | None = field(default=None, compare=False, repr=False)
    directions: Mapping[str, Tensor] = field(default_factory=dict, compare=False, repr=False)
    preview_seconds: float = 0.0

    @property
    def on_other(self) -> Outcome:
        """In the eyes of the victim that the pictures are tried on."""
        return self.tried or self.outcome

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` makes, made once: the page is drawn several times a second while something is computed."""
        if key not in self.made:
            self.made[key] = make()
        made: Made = self.made[key]
        return made

    def verdict(self, task: str) -> str:
        """What became of a task's output, for a layperson."""
        return NOT_ATTACKED if task in self.unreached else self.outcome.tasks[task].verdict

    def verdict_on_other(self, task: str) -> str:
        return NOT_ATTACKED if task in self.unreached else self.on_other.tasks[task].verdict

    def is_cut_short(self, request: Request) -> bool:
        """Whether this answers the request, but was stopped before its end."""
        return self.request == request and self.stopped_at is not None

    def is_complete_for(self, request: Request) -> bool:
        """Whether this is all there is to know; what was stopped is the answer until somebody asks again."""
        return self.request == request and self.is_complete


@dataclass(frozen=True)
class CurvePoint:
    """The measures at one epsilon: `{"depth": {"clean": {...}, "adversarial": {...}, "noise": {...}}}`."""

    units: float
    measures: Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class Tick:
    """Nothing to show; gives other jobs their turn."""


AttackEvent = LossStep | Result | Tick
CurveEvent = CurvePoint | Tick
