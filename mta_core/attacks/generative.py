"""Attacks by trained generators: one pass makes every perturbation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import torch

from mta_core import generators
from mta_core.attacks.base import Attack, Problem, Step, setting
from mta_core.kinds import Aim
from mta_core.vectors import is_finite
from mta_core.weights import Card, find_card


@dataclass(frozen=True)
class Generative(Attack):
    """Perturbations from a trained generator, scaled to the budget by the paper's map `min(1, epsilon / ||g||_p)`, so
    that one generator serves every epsilon up to its training range (MTA section 3)."""

    instance: str = setting(
        "per-instance", "Kind", "Drawn from the picture, or the same for every picture.",
        choices=("per-instance", "universal"),
    )  # fmt: skip
    generator: str = setting(
        generators.AUTO, "Generator", "A trained generator; auto takes the one made for the victim."
    )

    is_climbing = False
    scaling = "capped"

    @property
    def is_universal(self) -> bool:
        return self.instance == "universal"

    def _card(self, victim: str | Card, aim: Aim) -> Card:
        return generators.choose(self.generator, victim, aim, self.name, self.is_universal)

    def resolve(self, victim: Card, aim: Aim) -> Self:
        card = self._card(victim, aim)
        return replace(self, generator=card.name) if self.generator == generators.AUTO else self

    def weights(self, victim: Card, aim: Aim) -> dict[str, str]:
        card = self._card(victim, aim)
        return {card.name: card.sha256}

    def fooled(self, victim: str | Card, aim: Aim) -> tuple[str, ...]:
        """The tasks that the generator was trained to fool.

        Raises:
            WeightsError: there is none for that aim.
        """
        return tuple(self._card(victim, aim).tasks)

    def made_on(self, victim: str | Card) -> str:
        if self.generator == generators.AUTO:
            return super().made_on(victim)
        return generators.made_on(find_card("generator", self.generator)[0], victim)

    def steps(self, problem: Problem) -> Iterator[Step]:
        card = self._card(problem.victim, problem.aim)
        network = generators.ready(self.generator, card, problem.clean.device.type)
        with torch.no_grad():
            directions = network(problem.clean, list(problem.objectives))
        if not all(is_finite(direction) for direction in directions.values()):
            raise ValueError(f"the generator {card.name} draws NaN or infinity: its weights are of no use")
        for name in problem.objectives:
            direction = directions[name]
            yield Step(name, 1, 1, problem.clean + problem.budget.scale(direction), direction=direction)


@dataclass(frozen=True)
class Mta(Generative):
    """One generator with a shared encoder and a decoder a task."""

    name = "mta"
    label = "MTA"
    summary = "one pass of a trained generator that all tasks share"
    source = "Guo et al., Multi-Task Adversarial Attack"


@dataclass(frozen=True)
class Uap(Generative):
    """One perturbation for every picture, which DeepFool pushed out of the right answers of many, one after the other.
    It is stored, not drawn: see `mta_core.train_uap`."""

    instance: str = setting("universal", "Kind", "The same for every picture.", choices=("universal",))

    name = "uap"
    label = "UAP"
    summary = "a trained perturbation that is the same for every picture"
    source = "Moosavi-Dezfooli et al., Universal adversarial perturbations, CVPR 2017"


@dataclass(frozen=True)
class Gap(Generative):
    """A generator of its own for every task: what MTA is compared with."""

    name = "gap"
    label = "GAP"
    summary = "a trained generator of its own for each task"
    source = "Poursaeed et al., Generative Adversarial Perturbations, CVPR 2018"
