"""What another epsilon makes of a perturbation is what the attack declares."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from mta_core.attacks import ATTACKS, Attack, Problem, make_attack
from mta_core.budget import Budget, Norm
from tests.toys import Arena

SCALING = [kind for kind in ATTACKS if kind.scaling != "none"]
UNITS = {"linf": (0.5, 1.0, 5.0, 16.0, 64.0, 255.0), "l2": (0.01, 0.5, 4.0, 20.0, 500.0)}
"""From next to nothing to where what is capped grows no longer."""
pytestmark = pytest.mark.usefixtures("with_generators")

MODES: list[tuple[str, dict[str, Any], str]] = [
    (kind.name, settings, scope)
    for kind in SCALING
    for scope in kind.scopes
    for settings in ([{}, {"instance": "universal"}] if (kind.name, scope) == ("mta", "per-task") else [{}])
]


def raw(attack: Attack, problem: Problem) -> dict[str, Tensor]:
    """Perturbations before anything is clipped."""
    return {step.perturbation: step.adversarial - problem.clean for step in attack.steps(problem)}


def scaled(attack: Attack, direction: Tensor, budget: Budget) -> Tensor:
    """As `Attack.scaling` says, in double precision."""
    lengths = direction.double().flatten(1).norm(p=float("inf") if budget.norm is Norm.LINF else 2, dim=1)
    factor = budget.epsilon / lengths.clamp(min=1e-30)
    factor = factor.clamp(max=1) if attack.scaling == "capped" else factor
    return direction.double() * factor[:, None, None, None]


def test_those_that_scale_are_generators_and_noise() -> None:
    assert {kind.name: kind.scaling for kind in SCALING} == {
        "mta": "capped", "gap": "capped", "uap": "capped", "noise": "linear"
    }  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "scope"), MODES)
@pytest.mark.parametrize("norm", Norm, ids=lambda norm: norm.value)
def test_a_direction_tells_the_perturbation_at_any_epsilon(
    arena: Arena, name: str, settings: dict[str, Any], scope: str, norm: Norm
) -> None:
    attack = make_attack(name, **settings)
    budgets = [Budget.from_units(norm, units) for units in UNITS[norm]]
    problem = arena.problem(budgets[2], scope=scope, seed=7)
    directions = {step.perturbation: step.direction for step in attack.run(problem)}
    for budget in budgets:
        found = raw(attack, arena.problem(budget, scope=scope, seed=7))
        for perturbation, values in found.items():
            direction = directions[perturbation]
            assert direction is not None
            torch.testing.assert_close(values.double(), scaled(attack, direction, budget), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in ATTACKS if kind.scaling == "none"], ids=lambda kind: kind.name)
def test_those_that_do_not_scale_say_nothing_of_other_epsilons(arena: Arena, kind: type[Attack]) -> None:
    assert all(step.direction is None for step in kind().run(arena.problem(Budget.from_units("linf", 0.5))))
