"""What every registered attack keeps, on every task, norm and scope. A new attack is tested by being registered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import islice

import pytest
import torch

from mta_core.attacks import ATTACKS, JOINT, Attack, Step, make_attack
from mta_core.budget import LINF_TOLERANCE, Budget, Norm
from mta_core.tasks import SCENE_TASKS, Task
from tests.toys import Arena

BUDGETS = [Budget.from_units("linf", 0.5), Budget.from_units("l2", 0.1)]  # small: untrained victims are far from smooth
JOINT_ATTACKS = [kind for kind in ATTACKS if "joint" in kind.scopes and not kind.is_baseline]
SCOPED = [(attack, scope) for attack in ATTACKS for scope in attack.scopes]

attacks = pytest.mark.parametrize("kind", ATTACKS, ids=lambda kind: kind.name)
fooling = pytest.mark.parametrize(
    "kind", [kind for kind in ATTACKS if not kind.is_baseline], ids=lambda kind: kind.name
)
scoped = pytest.mark.parametrize(("kind", "scope"), SCOPED, ids=lambda value: getattr(value, "name", value))
tasks = pytest.mark.parametrize("task", SCENE_TASKS, ids=lambda task: task.name)
budgets = pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: budget.norm.value)
targets = pytest.mark.parametrize("targets", ["labels", "pseudo-targets"])
pytestmark = pytest.mark.usefixtures("with_generators")


DETERMINISTIC = {"mta", "gap", "deepfool", "uap"}
"""Attacks to which a seed makes no difference."""
MINIMAL = {"deepfool"}
"""Attacks that leave a picture alone where it is fooled: by labels drawn at random most are from the start."""


def quick(kind: type[Attack]) -> Attack:
    """For what does not depend on the number of steps."""
    return kind(num_steps=4) if any(known.name == "num_steps" for known in fields(kind)) else kind()


def kind_of_targets(kind: type[Attack]) -> str:
    return "pseudo-targets" if kind.name in MINIMAL else "labels"


@scoped
@budgets
def test_stays_inside_the_budget_and_the_valid_range(
    arena: Arena, kind: type[Attack], scope: str, budget: Budget
) -> None:
    results = quick(kind)(arena.problem(budget, scope=scope, kind=kind_of_targets(kind)))
    for adversarial in results.values():
        assert adversarial.shape == arena.pictures.shape and adversarial.dtype == torch.float32
        assert adversarial.min() >= 0 and adversarial.max() <= 1
        difference = (adversarial - arena.pictures).double().flatten(1)
        if budget.norm is Norm.LINF:
            assert difference.abs().max() <= budget.epsilon + LINF_TOLERANCE
        else:
            assert difference.norm(dim=1).max() <= budget.epsilon * (1 + 1e-6)
        assert (difference.abs().amax(1) > 0).all(), "a picture came back unchanged"
        assert not adversarial.requires_grad


@scoped
def test_makes_one_perturbation_a_task_or_one_for_all(arena: Arena, kind: type[Attack], scope: str) -> None:
    results = quick(kind)(arena.problem(BUDGETS[0], scope=scope))
    assert list(results) == ([JOINT] if scope == "joint" else [task.name for task in SCENE_TASKS])


@scoped
@budgets
def test_is_the_same_for_the_same_seed_and_another_for_another(
    arena: Arena, kind: type[Attack], scope: str, budget: Budget
) -> None:
    targets = kind_of_targets(kind)
    first, again, other = (quick(kind)(arena.problem(budget, kind=targets, scope=scope, seed=s)) for s in (3, 3, 4))
    for name in first:
        assert torch.equal(first[name], again[name])
        assert torch.equal(first[name], other[name]) == (kind.name in DETERMINISTIC)


@fooling
@tasks
@budgets
@targets
def test_raises_the_loss_of_a_task_attacked_alone(
    arena: Arena, kind: type[Attack], task: Task, budget: Budget, targets: str
) -> None:
    if kind.name in MINIMAL and targets == "labels":
        pytest.skip("such pictures are fooled already")
    adversarial = kind()(arena.problem(budget, kind=targets, tasks=[task]))[task.name]
    before, after = (arena.losses(task, targets, pictures) for pictures in (arena.pictures, adversarial))
    assert (after > before).all(), f"{before.tolist()} -> {after.tolist()}"


@fooling
@tasks
def test_does_more_than_noise_of_the_same_size(arena: Arena, kind: type[Attack], task: Task) -> None:
    noise = next(attack for attack in ATTACKS if attack.name == "noise")
    problem = arena.problem(BUDGETS[0], kind="pseudo-targets", tasks=[task])
    attacked = kind()(problem)[task.name]
    size = float(problem.budget.norm_of(attacked - arena.pictures).max())
    noisy = noise()(replace(problem, budget=Budget(problem.budget.norm, size)))[task.name]
    more, less = (arena.losses(task, "pseudo-targets", pictures).mean() for pictures in (attacked, noisy))
    assert more > less


@pytest.mark.parametrize("kind", JOINT_ATTACKS, ids=lambda kind: kind.name)
def test_a_joint_attack_raises_the_joint_objective_and_every_tasks_loss(arena: Arena, kind: type[Attack]) -> None:
    problem = arena.problem(BUDGETS[0], kind="pseudo-targets", scope="joint")
    adversarial = kind()(problem)[JOINT]
    with torch.no_grad():
        before, after = (problem.objectives[JOINT](p).value for p in (arena.pictures, adversarial))
    assert (after > before).all()
    for t in SCENE_TASKS:
        clean, attacked = (arena.losses(t, "pseudo-targets", p) for p in (arena.pictures, adversarial))
        assert (attacked > clean).all(), t.name


@scoped
def test_steps_say_where_they_are(arena: Arena, kind: type[Attack], scope: str) -> None:
    problem = arena.problem(BUDGETS[0], scope=scope, kind=kind_of_targets(kind))
    steps = list(quick(kind).run(problem))
    assert list(dict.fromkeys(step.perturbation for step in steps)) == list(problem.objectives)
    for name in problem.objectives:
        own = [step for step in steps if step.perturbation == name]
        *before, last = (step.done for step in own)
        assert before == list(range(1, len(own))), "one after the other, but the last may come early"
        assert {step.total for step in own} == {last} and (last == len(own) or kind.name in MINIMAL)
        for step in own:
            expected = {task.name for task in SCENE_TASKS} if scope == "joint" else {name}
            assert set(step.losses) in (expected, set())
            assert all(loss.shape == (2,) and loss.isfinite().all() for loss in step.losses.values())
    assert not kind.is_iterative or max(step.total for step in steps) > 1


@scoped
def test_every_step_is_a_sound_result_so_stopping_early_is_safe(arena: Arena, kind: type[Attack], scope: str) -> None:
    budget = BUDGETS[1]
    stream: Iterator[Step] = quick(kind).run(arena.problem(budget, scope=scope))
    for step in islice(stream, 3):
        assert budget.contains(step.adversarial, arena.pictures).all()
    stream.close()  # type: ignore[attr-defined]


@attacks
def test_leaves_the_consumer_its_gradients(arena: Arena, kind: type[Attack]) -> None:
    for _ in quick(kind).run(arena.problem(BUDGETS[0])):
        assert torch.is_grad_enabled()
    with torch.no_grad():
        for _ in quick(kind).run(arena.problem(BUDGETS[0])):
            assert not torch.is_grad_enabled()


@attacks
def test_leaves_the_pictures_and_the_victim_alone(arena: Arena, kind: type[Attack]) -> None:
    pictures, weights = arena.pictures.clone(), {k: v.clone() for k, v in arena.victim.state_dict().items()}
    quick(kind)(arena.problem(BUDGETS[0]))
    assert torch.equal(pictures, arena.pictures) and not arena.pictures.requires_grad
    assert all(torch.equal(value, weights[name]) for name, value in arena.victim.state_dict().items())
    assert all(parameter.grad is None for parameter in arena.victim.parameters())


@attacks
def test_describes_itself(kind: type[Attack]) -> None:
    assert kind.label and kind.summary and kind.source and set(kind.scopes) <= {"per-task", "joint"}
    for known in fields(kind):
        meta = known.metadata
        assert meta["label"] and meta["help"].endswith(".")
        if type(known.default) in (int, float):
            assert meta["low"] <= known.default <= meta["high"] and meta["step"] > 0


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: budget.norm.value)
@pytest.mark.parametrize("attack", [make_attack("mta", instance="universal"), make_attack("uap")], ids=["mta", "uap"])
def test_a_universal_attack_adds_the_same_to_every_picture(arena: Arena, attack: Attack, budget: Budget) -> None:
    assert attack.is_universal and not make_attack("mta").is_universal
    for step in attack.steps(arena.problem(budget)):
        one, other = step.adversarial - arena.pictures
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)
