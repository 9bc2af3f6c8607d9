"""The fast gradient sign method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mta_core.attacks.base import Attack, Problem, Step, setting
from mta_core.attacks.gradient import ascend_from


@dataclass(frozen=True)
class Fgsm(Attack):
    """One step of the size of the budget along the gradient's sign (L-inf) or the normalised gradient (L2).

    Goodfellow, Shlens, Szegedy: "Explaining and Harnessing Adversarial Examples" (ICLR 2015), the random start after
    Tramèr et al. (ICLR 2018): where a picture has no labels the target is the clean prediction, whose L1 loss has no
    gradient at the clean picture.
    """

    start: float = setting(
        0.1, "Random start", "How far from the clean picture the gradient is taken, as a share of epsilon.",
        low=0.0, high=1.0, step=0.05,
    )  # fmt: skip

    name = "fgsm"
    label = "FGSM"
    summary = "one gradient step"
    source = "Goodfellow et al., ICLR 2015"

    def steps(self, problem: Problem) -> Iterator[Step]:
        budget, clean = problem.budget, problem.clean
        for number, (name, objective) in enumerate(problem.objectives.items()):
            start = problem.random_start(number) * self.start
            _, gradient, reached = ascend_from(objective, problem, clean + start, number)
            yield Step(name, 1, 1, clean + budget.step(gradient, budget.epsilon), reached.losses)
