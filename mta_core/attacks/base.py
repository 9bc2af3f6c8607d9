"""An attack: how an adversarial picture is searched for inside a budget."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal, Self, final

import torch
from torch import Tensor

from mta_core.budget import Budget
from mta_core.kinds import JOINT, NO_AIM, Aim, Scope
from mta_core.weights import Card


@dataclass(frozen=True)
class Margins:
    """How far an answer is from the boundaries behind which it counts as fooled.

    Attributes:
        values: (B, K, H, W) float32, differentiable: a pixel is fooled where one of its K margins is below 0; infinite
            where it has no such boundary. An answer for the whole picture is one pixel.
        labelled: the pixels that count, (B, H, W) bool; None for all.
    """

    values: Tensor
    labelled: Tensor | None = None


def _no_margins() -> Margins:
    raise ValueError("expected an objective with margins: this one has values and losses alone")


@dataclass(frozen=True)
class Evaluation:
    """What an objective says of adversarial pictures.

    Attributes:
        value: what the attack raises, (B,), differentiable.
        losses: the loss of each attacked task, (B,), detached.
        margins: the margins of a single task, worked out when asked for. Raises ValueError where there are none.
    """

    value: Tensor
    losses: Mapping[str, Tensor]
    margins: Callable[[], Margins] = _no_margins


Objective = Callable[[Tensor], Evaluation]
"""Adversarial pictures (B, 3, H, W) in [0, 1] to their evaluation; an attack raises its value."""
Scaling = Literal["none", "linear", "capped"]
"""What another epsilon makes of a perturbation; see `Attack.scaling`."""


@dataclass(frozen=True)
class Problem:
    """What an attack has to solve.

    Attributes:
        clean: (B, 3, H, W) float32 in [0, 1].
        objectives: one per perturbation: keyed by task, or by `JOINT` alone.
        budget: the ball around the clean pictures.
        aim: what the perturbations are to fool; generators are chosen by it.
        victim: name of the victim, by which a generator is found.
        seed: of everything random in the attack.
        first: where the first of these pictures stands in its data set. Every picture draws its own random numbers,
            by seed and place, so that results do not depend on how pictures are batched.
    """

    clean: Tensor
    objectives: Mapping[str, Objective]
    budget: Budget
    aim: Aim = NO_AIM
    victim: str = ""
    seed: int = 0
    first: int = 0

    @property
    def scope(self) -> Scope:
        return "joint" if JOINT in self.objectives else "per-task"

    def random(self, salt: int = 0, picture: int = 0) -> torch.Generator:
        """A fresh source of randomness for one picture, on the CPU, so that every device draws the same."""
        return torch.Generator().manual_seed(self.seed + 7919 * salt + 1_000_003 * (self.first + picture))

    def random_start(self, salt: int = 0) -> Tensor:
        """A perturbation for each picture, uniform in the ball, (B, 3, H, W); see `Budget.random_start`."""
        starts = [self.budget.random_start(self.clean[i : i + 1], self.random(salt, i)) for i in range(len(self.clean))]
        return torch.cat(starts)


@dataclass(frozen=True)
class Step:
    """A candidate of a running attack.

    Attributes:
        perturbation: which one is worked on: a task's name or `JOINT`.
        done, total: steps finished, of how many for this perturbation.
        adversarial: the candidate, (B, 3, H, W), inside the budget and [0, 1].
        losses: the attacked tasks' losses at the point the last gradient was taken, i.e. of the candidate before
            this one, or of the last candidate where a restart ends; empty where the attack takes none.
        direction: (B, 3, H, W): what epsilon scales, where it does; see `Attack.scaling`.
    """

    perturbation: str
    done: int
    total: int
    adversarial: Tensor
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    direction: Tensor | None = None


def setting(default: Any, label: str, help: str, **limits: Any) -> Any:
    """A field of an attack that describes itself, so that forms and the command line draw themselves.

    Keyword Args:
        low, high, step: range of a number.
        unit: "budget" for a number in the units of the budget (1/255 for L-inf).
        choices: the values of a text; a text without them names a generator, or `auto`.
    """
    return field(default=default, metadata={"label": label, "help": help, **limits})


@dataclass(frozen=True)
class Attack(ABC):
    """A frozen set of settings. Subclasses implement `steps`; whatever it yields is kept inside the budget here."""

    name: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    """The paper that describes it."""
    scopes: ClassVar[tuple[Scope, ...]] = ("per-task", "joint")
    is_iterative: ClassVar[bool] = False
    is_precise: ClassVar[bool] = False
    """Whether it stops right behind a boundary, which half precision would blur where a picture has one answer."""
    is_baseline: ClassVar[bool] = False
    """Whether it is only there to be compared with and need not fool anything."""
    is_climbing: ClassVar[bool] = True
    """Whether it climbs the losses, whose form and weights then count."""
    scaling: ClassVar[Scaling] = "none"
    """What another epsilon makes of the perturbation, with everything else as it is and before pixels are clipped.

    `none`: another one, which only another run can tell. Otherwise the `direction` d of its steps is scaled: by
    `epsilon / ||d||` (`linear`), or by `min(1, epsilon / ||d||)`, so that it gets no longer than it is (`capped`).
    """

    def __post_init__(self) -> None:
        """Raises ValueError where a setting is outside the range or the choices it declares."""
        for known in fields(self):
            value, limits = getattr(self, known.name), known.metadata
            if "low" in limits and not limits["low"] <= value <= limits["high"]:
                raise ValueError(f"expected {known.name} in [{limits['low']}, {limits['high']}], got {value}")
            if "choices" in limits and value not in limits["choices"]:
                raise ValueError(f"expected {known.name} among {', '.join(limits['choices'])}, got {value!r}")

    @property
    def is_universal(self) -> bool:
        """Whether the perturbations are the same for every picture."""
        return False

    def resolve(self, victim: Card, aim: Aim) -> Self:
        """The same attack with every trained model that it would choose for that victim and aim named.

        Raises:
            WeightsError: there is none.
        """
        return self

    def weights(self, victim: Card, aim: Aim) -> dict[str, str]:
        """sha256 of the weight files that it would use with this aim on that victim, by name."""
        return {}

    def made_on(self, victim: str | Card) -> str:
        """The name of the victim that the attack is made on, where `victim` is what it is tried on: another one in a
        transfer, with a digest where it has the same name."""
        return victim if isinstance(victim, str) else victim.name

    @abstractmethod
    def steps(self, problem: Problem) -> Iterator[Step]:
        """Candidates, the last one of each perturbation being the result.

        An author need not project: `run` does. Never yield inside `torch.no_grad()`: the consumer would inherit it.
        """

    @final
    def run(self, problem: Problem) -> Iterator[Step]:
        """The candidates of `steps`, each brought inside the budget and the valid range.

        Raises:
            ValueError: the attack cannot make such perturbations, or the pictures are not in [0, 1].
        """
        clean = problem.clean
        if problem.scope not in self.scopes:
            raise ValueError(f"{self.label} makes {' or '.join(self.scopes)} perturbations, not {problem.scope} ones")
        if clean.ndim != 4 or clean.shape[1] != 3 or not (clean.min() >= 0 and clean.max() <= 1):
            raise ValueError("expected pictures (B, 3, H, W) in [0, 1]")
        for step in self.steps(problem):
            adversarial = problem.budget.project_adversarial(step.adversarial.detach(), clean)
            yield replace(step, adversarial=adversarial)

    @final
    def __call__(self, problem: Problem) -> dict[str, Tensor]:
        """The adversarial pictures of every perturbation, (B, 3, H, W) each, inside the budget and [0, 1]."""
        return {step.perturbation: step.adversarial for step in self.run(problem)}
