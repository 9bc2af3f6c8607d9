"""The multi-task adversarial attack: a trained generator, one pass for all tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from mta_core import generators
from mta_core.attacks.base import Attack, Problem, Step, setting
from mta_core.vectors import is_finite
from mta_core.weights import Card, find_card

AUTO = "auto"


@dataclass(frozen=True)
class Mta(Attack):
    """Per-instance perturbations from one generator with a shared encoder and a decoder a task.

    Guo et al.: "Multi-Task Adversarial Attack", section 3.2. The output is scaled to the budget by the paper's map
    `min(1, epsilon / ||g||_p)`, so one generator serves every epsilon up to its training range.
    """

    generator: str = setting(AUTO, "Generator", "A trained generator; auto takes the one made for the victim.")

    name = "mta"
    label = "MTA"
    summary = "one pass of a trained generator"
    source = "Guo et al., Multi-Task Adversarial Attack"
    scopes = ("per-task",)

    def resolve(self, victim: Card, tasks: Sequence[str]) -> Mta:
        card = generators.choose(self.generator, victim, tuple(tasks))
        return replace(self, generator=card.name) if self.generator == AUTO else self

    def weights(self, victim: Card, tasks: Sequence[str]) -> dict[str, str]:
        card = generators.choose(self.generator, victim, tuple(tasks))
        return {card.name: card.sha256}

    def made_on(self, victim: str) -> str:
        if self.generator == AUTO:
            return victim
        return str(find_card("generator", self.generator)[0].options.get("victim", victim))

    def steps(self, problem: Problem) -> Iterator[Step]:
        network = generators.ready(self.generator, problem.victim, tuple(problem.objectives), problem.clean.device.type)
        with torch.no_grad():
            directions = network(problem.clean)
        if not all(is_finite(direction) for direction in directions.values()):
            raise ValueError(f"the generator {self.generator} draws NaN or infinity: its weights are of no use")
        for name in problem.objectives:
            yield Step(name, 1, 1, problem.clean + problem.budget.scale(directions[name]))
