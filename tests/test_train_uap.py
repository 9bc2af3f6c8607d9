"""Universal perturbations: learnt over pictures, stored, found by their card, and better than noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from mta_core import generators, victims, weights
from mta_core.attacks import JOINT, Uap, make_attack
from mta_core.budget import Budget
from mta_core.checkpoints import load_checkpoint, save_checkpoint
from mta_core.data import open_data
from mta_core.events import Event, Message, Progress
from mta_core.generators import Patterns
from mta_core.kinds import Aim
from mta_core.objective import make_problem, pseudo_targets
from mta_core.tasks import SCENE_TASKS
from mta_core.train_uap import UapRecipe, UapTraining, train_uap
from mta_core.victims import own
from mta_core.weights import Card, WeightsError
from tests.toys import CPU, SHADES, write_scenes

NAMES = tuple(task.name for task in SCENE_TASKS)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, and beside it scenes."""
    root = tmp_path_factory.mktemp("uap")
    write_scenes(root / "scenes")
    (root / "runs").mkdir()
    return root / "runs"


@pytest.fixture
def recipe(runs: Path, monkeypatch: pytest.MonkeyPatch) -> UapRecipe:
    monkeypatch.setattr(weights, "RUNS", runs)
    monkeypatch.setattr(weights, "SHIPPED", runs / "nothing")
    monkeypatch.setattr(own, "_allowed", set())
    victims.allow(SHADES)
    return UapRecipe(
        name="same", victim=SHADES, data=(f"nyuv2:{runs.parent / 'scenes'}",), epsilon=16.0, epochs=2, per_epoch=4,
        num_steps=3, num_candidates=2, holdout=5, share=0.5, fooling_rate=1.0,
    )  # fmt: skip


def messages(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Message)]


def clean_pictures(recipe: UapRecipe) -> Tensor:
    source = open_data(recipe.data[0], "train", (64, 96))
    return torch.stack([source[i].image for i in range(len(source))])


def changes(recipe: UapRecipe, attack_name: str, **settings: str) -> Mapping[str, float]:
    """How far each task's answers are from the clean ones."""
    victim, card = victims.load(SHADES)
    clean = clean_pictures(recipe)
    targets = pseudo_targets(victim, SCENE_TASKS, clean)
    budget = Budget.from_units(recipe.norm, recipe.epsilon)
    problem = make_problem(
        victim,
        clean,
        targets,
        budget,
        scope=settings.pop("scope", "per-task"),
        victim_name=card.name,  # type: ignore[arg-type]
    )
    found = make_attack(attack_name, **settings)(problem)
    with torch.no_grad():
        answers = {t.name: victim(found.get(t.name, found.get(JOINT)))[t.name] for t in SCENE_TASKS}
    return {t.name: float(t.loss(answers[t.name], targets[t.name]).mean()) for t in SCENE_TASKS}


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("scope", ["per-task", "joint"])
def test_is_stored_found_and_stronger_than_noise(recipe: UapRecipe, runs: Path, norm: str, scope: str) -> None:
    name = f"{norm}-{scope}"
    chosen = replace(recipe, name=name, norm=norm, epsilon=16.0 if norm == "linf" else 5.0, scope=scope)
    events = list(train_uap(chosen, CPU, runs / name, command="make it"))
    card = Card.read(runs / name / f"{name}.json")
    assert card.architecture == "patterns" and card.input_size == (64, 96) and card.command == "make it"
    assert {"method": "uap", "instance": "universal", "victim": SHADES, "scope": scope}.items() <= card.options.items()
    assert card.summary.startswith("UAP, universal, non-targeted") and card.terms
    assert {f"fooled {n}" for n in ([JOINT] if scope == "joint" else NAMES)} <= set(card.metrics["held_out"])
    assert len([event for event in events if isinstance(event, Progress)]) == 8
    found = generators.choose(generators.AUTO, SHADES, Aim(NAMES, scope), "uap", is_universal=True)
    assert generators.scope_of(found) == scope and Uap().resolve(victims.load(SHADES)[1], Aim(NAMES, scope)) == Uap(
        generator=found.name
    )
    network, _ = generators.load(name)
    assert isinstance(network, Patterns)
    for direction in network.directions.values():
        assert direction.abs().max() == 1
    noisy = changes(chosen, "noise", scope=scope)
    attacked = changes(chosen, "uap", scope=scope, generator=name)
    stronger = [attacked[n] > noisy[n] for n in NAMES]
    assert all(stronger) if scope == "per-task" else sum(attacked.values()) > sum(noisy.values())


def test_goes_on_as_if_nothing_had_happened(recipe: UapRecipe, tmp_path: Path) -> None:
    list(train_uap(recipe, CPU, tmp_path / "whole"))
    dropped = train_uap(recipe, CPU, tmp_path / "dropped")
    for event in dropped:
        if isinstance(event, Progress) and event.done == 6:
            break
    dropped.close()  # type: ignore[attr-defined]
    events = list(train_uap(recipe, CPU, tmp_path / "dropped", resume=True))
    assert messages(events)[0] == "resumed after epoch 1"
    one, other = (load_file(tmp_path / name / "same.safetensors") for name in ("whole", "dropped"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    with pytest.raises(ValueError, match="has other settings"):
        next(train_uap(replace(recipe, share=0.6), CPU, tmp_path / "whole", resume=True))


def test_stays_in_its_ball_and_ends_where_it_fools_enough(recipe: UapRecipe, tmp_path: Path) -> None:
    training = UapTraining(recipe, CPU)
    list(training.run_epoch())
    for perturbation in training.perturbations.values():
        assert 0 < training.budget.norm_of(perturbation) <= training.budget.epsilon * (1 + 1e-6)
    easy = replace(recipe, epochs=9, fooling_rate=0.0)
    events = list(train_uap(easy, CPU, tmp_path))
    assert len([event for event in events if isinstance(event, Progress)]) == 4, "one epoch"
    assert messages(list(train_uap(easy, CPU, tmp_path, resume=True)))[0] == "resumed after epoch 1"


def test_the_rate_is_the_share_of_pictures_that_are_fooled(recipe: UapRecipe) -> None:
    training = UapTraining(replace(recipe, per_epoch=8), CPU)
    list(training.run_epoch())
    clean = torch.stack([training.parts[0].views.at((64, 96))[0][i].image for _, i in training.parts[0].places[0]])
    answers = pseudo_targets(training.precise, SCENE_TASKS, clean)
    for task in SCENE_TASKS:
        attacked = training.precise((clean + training.perturbations[task.name]).clamp(0, 1))[task.name]
        wrong = (task.margins_on(attacked, answers[task.name], None) < 0).any(1).float().mean((1, 2))
        expected = float((wrong >= recipe.share).float().mean())
        assert training.rates[task.name] == pytest.approx(expected, abs=1e-6)


def test_towards_an_answer(recipe: UapRecipe, tmp_path: Path) -> None:
    target = "segmentation=wall,depth=1.6,normals=up"
    list(train_uap(replace(recipe, name="towards", target=target), CPU, tmp_path))
    card = Card.read(tmp_path / "towards.json")
    assert card.options["target"] == target and "targeted" in card.summary and "non-targeted" not in card.summary


def test_a_picture_is_pushed_towards_the_answer(recipe: UapRecipe) -> None:
    target = "segmentation=wall,depth=1.6,normals=up"
    training = UapTraining(replace(recipe, target=target, epsilon=64, limit=2, per_epoch=1, num_steps=10), CPU)
    list(training.run_epoch())
    [(_, index)] = training.parts[0].places[0]
    clean = clean_pictures(recipe)[index : index + 1]
    wanted = training.goal.targets(pseudo_targets(training.precise, SCENE_TASKS, clean))
    for task in SCENE_TASKS:
        pushed = (clean + training.perturbations[task.name]).clamp(0, 1)
        before, after = (
            float(task.loss(training.precise(images)[task.name], wanted[task.name])) for images in (clean, pushed)
        )
        assert after < before, f"{task.name} is nearer to the target"


def test_pushes_of_a_batch_are_averaged(recipe: UapRecipe) -> None:
    """Two copies of a picture push as one does."""
    training = UapTraining(recipe, CPU)
    one = clean_pictures(recipe)[:1]
    pushed = []
    for images in (one, one.expand(2, -1, -1, -1).contiguous()):
        training.perturbations = {name: torch.zeros(1, 3, 64, 96) for name in NAMES}
        answers = pseudo_targets(training.precise, SCENE_TASKS, images)
        for task in SCENE_TASKS:
            problem = make_problem(training.fast, images, {task.name: answers[task.name]}, training.budget)
            training._push(task.name, images, [problem.objectives[task.name]])
        pushed.append(training.perturbations)
    for name in NAMES:
        torch.testing.assert_close(pushed[0][name], pushed[1][name], atol=2e-3, rtol=0)
        assert pushed[0][name].abs().max() > 5e-3


@pytest.mark.parametrize("damage", [{"perturbations": {}}, {"rates": dict.fromkeys(NAMES, "x")}, {"perturbations": 3}])
def test_a_checkpoint_with_impossible_parts_is_reported(
    recipe: UapRecipe, tmp_path: Path, damage: dict[str, object]
) -> None:
    list(train_uap(replace(recipe, epochs=1), CPU, tmp_path))
    state = load_checkpoint(tmp_path)
    assert state is not None
    save_checkpoint(tmp_path, state | damage)
    with pytest.raises(WeightsError, match="does not belong to this training"):
        next(train_uap(replace(recipe, epochs=1), CPU, tmp_path, resume=True))
