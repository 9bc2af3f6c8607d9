"""The benchmark: its contenders do what they claim. No test looks at a time."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mta_core import bench_training, weights
from mta_core.attacks import JOINT, Pgd
from mta_core.bench import Clock
from mta_core.cli import main
from mta_core.objective import make_problem, pseudo_targets
from mta_core.presets import generator_preset
from mta_core.tasks import SCENE_TASKS
from mta_core.train_generator import GeneratorTraining
from mta_core.victims import Classifier, Victim
from mta_core.victims.dmtl import Dmtl
from mta_core.yardsticks import BUDGET, NUM_STEPS, foolbox_pgd, joint_loss, plain_pgd
from tests import toys
from tests.test_evaluate import Smooth


@pytest.fixture(scope="module")
def victim() -> Victim:
    return Smooth().eval().requires_grad_(False)


def test_pgd_is_the_textbooks(victim: Victim) -> None:
    clean = toys.make_pictures(2)
    targets = pseudo_targets(victim, SCENE_TASKS, clean)
    problem = make_problem(victim, clean, targets, BUDGET, scope="joint")
    ours = Pgd(num_steps=NUM_STEPS)(problem)[JOINT]
    theirs = plain_pgd(victim, clean, clean + problem.random_start(), targets)
    assert BUDGET.contains(theirs, clean).all()
    # A gradient near zero may round to either sign.
    assert ((ours - theirs).abs() < 1e-6).float().mean() > 0.99
    assert float(joint_loss(victim, ours, targets)) == pytest.approx(
        float(joint_loss(victim, theirs, targets)), rel=1e-3
    )


def test_pgd_is_as_strong_as_foolboxs(victim: Victim) -> None:
    pytest.importorskip("foolbox")
    clean = toys.make_pictures(2)
    targets = pseudo_targets(victim, SCENE_TASKS, clean)
    ours = Pgd(num_steps=NUM_STEPS)(make_problem(victim, clean, targets, BUDGET, scope="joint"))[JOINT]
    torch.manual_seed(0)
    theirs = foolbox_pgd(victim, targets)(clean)
    assert BUDGET.contains(theirs, clean).all()
    assert not torch.equal(theirs, clean)
    assert float(joint_loss(victim, ours, targets)) >= 0.98 * float(joint_loss(victim, theirs, targets))


def test_the_joint_loss_is_the_mean_of_the_tasks_losses(victim: Victim) -> None:
    clean = toys.make_pictures(2)
    targets = {t.name: toys.make_target(t, 2, toys.SIDE, toys.SIDE) for t in SCENE_TASKS}
    answers = victim(clean)
    expected = torch.stack([t.loss(answers[t.name], targets[t.name]).mean() for t in SCENE_TASKS]).mean()
    assert float(joint_loss(victim, clean, targets)) == pytest.approx(float(expected), rel=1e-5)


def test_a_ratio_compares_within_turns() -> None:
    clock = Clock(torch.device("cpu"), {"a": [2.0, 30.0, 4.0], "b": [1.0, 10.0, 4.0]})
    assert clock.ratio("a", "b") == 2
    assert clock.milliseconds("a") == 4000


@pytest.mark.parametrize("kind", [Dmtl, Classifier])
def test_the_command_reports_every_figure(kind: type[Victim], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = toys.make_victim(kind)
    card = weights.Card("small", "victim", kind.architecture, victim.options(), victim.tasks, victim.input_size)
    weights.save_weights(victim, card, tmp_path / "runs" / "small")
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    assert main(["bench", "--victim", "small", "--repeats", "1", "--json", str(tmp_path / "bench.json")]) == 0
    found = json.loads((tmp_path / "bench.json").read_text())
    names = [figure["name"] for figure in found["figures"]]
    assert {"PGD over its floor", "PGD over plain float32 floor", "generator pass, fast precision"} <= set(names)
    assert all(math.isfinite(figure["value"]) and figure["value"] > 0 for figure in found["figures"])
    assert found["provenance"]["device"]


def test_the_bench_of_training_reports_every_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = toys.make_victim()
    card = weights.Card("small", "victim", "dmtl", victim.options(), victim.tasks, victim.input_size)
    weights.save_weights(victim, card, tmp_path / "runs" / "small")
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    made = tmp_path / "bench.json"
    assert (
        main(["bench", "training", "--victim", "small", "--repeats", "1", "--device", "cpu", "--json", str(made)]) == 0
    )
    found = {figure["name"]: figure for figure in json.loads(made.read_text())["figures"]}
    for stage in ("patterns", "networks"):
        for what in ("a step", "forward and backward alone", "pictures a second", "speed over that of its floor"):
            assert math.isfinite(found[f"{stage}: {what}"]["value"]) and found[f"{stage}: {what}"]["value"] > 0
        assert 0 < found[f"{stage}: longest turn"]["value"] < found[f"{stage}: a step"]["value"]


def test_the_floor_of_training_has_the_gradients_of_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = toys.make_victim()
    card = weights.Card("small", "victim", "dmtl", victim.options(), victim.tasks, victim.input_size)
    weights.save_weights(victim, card, tmp_path / "runs" / "small")
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    training = GeneratorTraining(replace(generator_preset("live"), victim="small", ngf=4, num_blocks=1), toys.CPU)
    training.epoch = training.recipe.pattern_epochs
    images = toys.make_pictures(1)
    targets = training.targets_of(images, {}, training.recipe.tasks)
    found = []
    for take in (lambda: bench_training.floor(training, images, targets), lambda: list(
        training.take_gradients(images, targets, {})
    )):  # fmt: skip
        take()
        found.append(torch.cat([p.grad.flatten() for p in training.generator.parameters() if p.grad is not None]))
    assert found[0].norm() > 0 and (found[0] - found[1]).norm() < 1e-3 * found[0].norm()
