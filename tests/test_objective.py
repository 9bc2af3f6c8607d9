"""The joined losses: forms, signs, weights."""

from __future__ import annotations

import math
from collections.abc import Collection

import pytest
import torch
from torch import Tensor, nn

from mta_core.attacks import JOINT
from mta_core.budget import Budget
from mta_core.objective import LOG_FLOOR, VictimObjective, make_problem, pseudo_targets
from mta_core.tasks import SCENE_TASKS, task
from mta_core.victims import Victim
from tests.toys import Arena

LOSSES = {"segmentation": torch.tensor([2.0, 0.0]), "depth": torch.tensor([0.5, 3.0])}
TARGETS = {name: torch.empty(0) for name in LOSSES}


def join(**options: object) -> list[float]:
    return VictimObjective(None, TARGETS, **options).join(LOSSES).tolist()  # type: ignore[arg-type]


def log(loss: float) -> float:
    return math.log(loss + LOG_FLOOR)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [1.25, 1.5]),
        ({"weights": {"segmentation": 1.0, "depth": 10.0}}, [7.0, 30.0]),
        ({"weights": {"segmentation": 0.0, "depth": 1.0}}, [0.5, 3.0]),
        ({"is_targeted": True}, [-1.25, -1.5]),
        ({"form": "log"}, [(log(2) + log(0.5)) / 2, (log(0) + log(3)) / 2]),
        ({"form": "log", "is_targeted": True}, [-(log(2) + log(0.5)) / 2, -(log(0) + log(3)) / 2]),
        ({"form": "log", "weights": {"segmentation": 2.0, "depth": 1.0}}, [2 * log(2) + log(0.5), 2 * log(0) + log(3)]),
    ],
)
def test_joins_losses(options: dict[str, object], expected: list[float]) -> None:
    assert join(**options) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_logarithm_is_finite_at_zero_loss_and_so_is_its_gradient() -> None:
    loss = torch.zeros(3, requires_grad=True)
    value = VictimObjective(None, {"depth": torch.empty(0)}, form="log").join({"depth": loss})  # type: ignore[arg-type]
    assert value.isfinite().all()
    (gradient,) = torch.autograd.grad(value.sum(), loss)
    assert gradient.tolist() == pytest.approx([1 / LOG_FLOOR] * 3)


def test_evaluates_the_victims_answers(arena: Arena) -> None:
    evaluation = VictimObjective(arena.victim, arena.labels)(arena.pictures.clone().requires_grad_())
    each = {t.name: arena.losses(t, "labels", arena.pictures) for t in SCENE_TASKS}
    assert evaluation.value.shape == (2,) and evaluation.value.requires_grad
    for name, loss in evaluation.losses.items():
        torch.testing.assert_close(loss, each[name])
        assert not loss.requires_grad
    torch.testing.assert_close(evaluation.value.detach(), torch.stack(list(each.values())).mean(0))


def test_only_the_attacked_tasks_matter(arena: Arena) -> None:
    points = arena.pictures.clone().requires_grad_()
    value = VictimObjective(arena.victim, {"depth": arena.labels["depth"]})(points).value
    torch.testing.assert_close(value, task("depth").loss(arena.victim(points)["depth"], arena.labels["depth"]))


@pytest.mark.parametrize("name", ["depth", "normals"])
def test_pseudo_targets_leave_no_gradient_at_the_clean_picture(arena: Arena, name: str) -> None:
    """The trap that every attack's random start is there for."""
    targets = pseudo_targets(arena.victim, [task(name)], arena.pictures)
    points = arena.pictures.clone().requires_grad_()
    evaluation = VictimObjective(arena.victim, targets)(points)
    (gradient,) = torch.autograd.grad(evaluation.value.sum(), points)
    assert evaluation.losses[name].abs().max() < 1e-6
    assert gradient.abs().max() < 1e-5


def test_a_problem_has_one_objective_a_task_or_one_for_all(arena: Arena) -> None:
    budget = Budget.from_units("linf", 8)
    weights = {t.name: 2.0 for t in SCENE_TASKS}
    apart = make_problem(arena.victim, arena.pictures, arena.labels, budget, weights=weights)
    joint = make_problem(arena.victim, arena.pictures, arena.labels, budget, weights=weights, scope="joint")
    assert list(apart.objectives) == [t.name for t in SCENE_TASKS] and apart.aim.scope == "per-task"
    assert list(joint.objectives) == [JOINT] and joint.aim.scope == "joint"
    single = {name: objective(arena.pictures).value for name, objective in apart.objectives.items()}
    for t in SCENE_TASKS:  # a weight means nothing where a task stands alone
        torch.testing.assert_close(single[t.name], arena.losses(t, "labels", arena.pictures))
    torch.testing.assert_close(joint.objectives[JOINT](arena.pictures).value, 2 * sum(single.values()))


class Fixed(Victim):
    """Answers two classes with given odds, whatever the picture."""

    architecture, summary = "fixed", "for tests"

    def __init__(self, odds: dict[str, list[float]]) -> None:
        super().__init__(dict.fromkeys(odds, "office31"), (32, 32))
        self.odds = odds
        self.scale = nn.Parameter(torch.ones(()))

    def options(self) -> dict[str, object]:
        return {}

    def predict(self, normalised: Tensor, tasks: Collection[str]) -> dict[str, Tensor]:
        logits = torch.full((len(normalised), 31, 1, 1), -torch.inf)
        answers = {}
        for name in tasks:
            right = torch.tensor(self.odds[name])  # probability of the right class, 0
            answers[name] = logits.clone()
            answers[name][:, 0, 0, 0], answers[name][:, 1, 0, 0] = right.log(), (1 - right).log()
        return answers


@pytest.mark.parametrize("is_targeted", [False, True])
def test_the_fooling_losses_are_those_of_equations_2_to_5(is_targeted: bool) -> None:
    """By hand: the cross-entropy to class 0 of two pictures is log 2 and log 4 (amazon), log 5 and log 10 (webcam)."""
    victim = Fixed({"amazon": [1 / 2, 1 / 4], "webcam": [1 / 5, 1 / 10]})
    entropies = {"amazon": (math.log(2), math.log(4)), "webcam": (math.log(5), math.log(10))}
    alpha = {"amazon": 0.25, "webcam": 0.75}
    targets = {name: torch.zeros(2, 1, 1, dtype=torch.int64) for name in entropies}
    losses = {name: sum(math.log(h + LOG_FLOOR) for h in two) / 2 for name, two in entropies.items()}
    sign = 1 if is_targeted else -1
    for name in entropies:  # equations 2 and 4: a mean over pictures of logarithms, not the logarithm of a mean
        alone = VictimObjective(victim, {name: targets[name]}, {name: 1.0}, "log", is_targeted)
        assert float(-alone(torch.rand(2, 3, 32, 32)).value.mean()) == pytest.approx(sign * losses[name], abs=1e-6)
    joint = VictimObjective(victim, targets, alpha, "log", is_targeted)  # equations 3 and 5
    expected = sign * sum(alpha[name] * losses[name] for name in losses)
    assert float(-joint(torch.rand(2, 3, 32, 32)).value.mean()) == pytest.approx(expected, abs=1e-6)
