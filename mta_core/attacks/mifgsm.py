"""The momentum iterative fast gradient sign method."""

from __future__ import annotations

from dataclasses import dataclass

from mta_core.attacks.base import Problem, setting
from mta_core.attacks.pgd import Pgd


@dataclass(frozen=True)
class MiFgsm(Pgd):
    """Sign steps of epsilon / k along gradients that are normalised and all kept.

    Dong et al.: "Boosting Adversarial Attacks with Momentum" (CVPR 2018), equations 6 and 7. They start from the clean
    picture; here that is a choice, since where a picture has no labels it is a point without gradient.
    """

    step_size: float = setting(
        0.0, "Step size", "Length of one step; 0 chooses epsilon / steps.",
        low=0.0, high=16.0, step=0.25, unit="budget",
    )  # fmt: skip
    momentum: float = setting(1.0, "Momentum", "Share of past gradients kept.", low=0.0, high=1.0, step=0.1)

    name = "mifgsm"
    label = "MI-FGSM"
    summary = "gradient steps with momentum"
    source = "Dong et al., CVPR 2018"

    def _step_size(self, problem: Problem) -> float:
        return super()._step_size(problem) if self.step_size else problem.budget.epsilon / self.num_steps
