"""The joined losses: forms, signs, weights."""

from __future__ import annotations

import math

import pytest
import torch

from mta_core.attacks import JOINT
from mta_core.budget import Budget
from mta_core.objective import LOG_FLOOR, VictimObjective, make_problem, pseudo_targets
from mta_core.tasks import SCENE_TASKS, task
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
