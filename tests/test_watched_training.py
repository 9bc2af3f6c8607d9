"""A training that others watch gives way between pieces of a step, can be ended at any time, and goes on exactly."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from mta_core import turns
from mta_core.attacks import JOINT, Pgd
from mta_core.budget import Budget
from mta_core.checkpoints import load_checkpoint, save_checkpoint
from mta_core.data.loader import batches
from mta_core.events import Event, Message, Pause, Progress, Row
from mta_core.objective import make_problem, pseudo_targets
from mta_core.task_weights import positive
from mta_core.tasks import SCENE_TASKS
from mta_core.train import Training
from mta_core.train_generator import GeneratorRecipe, GeneratorTraining, train_generator
from mta_core.train_run import LOCK, train
from mta_core.train_uap import UapRecipe, UapTraining
from mta_core.train_victim import VictimTraining
from mta_core.weights import Card, WeightsError, save_weights
from tests.toys import CPU, make_pictures, make_victim, tiny_recipe, write_scenes

ROOT = Path(__file__).resolve().parents[1]
SIZE = (64, 96)


def make_recipe(root: Path) -> GeneratorRecipe:
    """A training of seconds, three epochs of four steps, and what it needs."""
    if not (root / "scenes").exists():
        write_scenes(root / "scenes")
        victim = make_victim(size=SIZE)
        spaces = {task.name: task.space for task in SCENE_TASKS}
        save_weights(victim, Card("toy", "victim", "dmtl", victim.options(), spaces, SIZE), root / "toy")
    return GeneratorRecipe(
        name="fooling", victim=str(root / "toy" / "toy.json"), data=(f"nyuv2:{root / 'scenes'}",), ngf=4, num_blocks=1,
        per_epoch=8, phases=((3, 32, 64),), batch_size=2, holdout=5, epsilon=16.0, pattern_epochs=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture
def recipe(root: Path) -> GeneratorRecipe:
    return make_recipe(root)


@pytest.fixture(scope="module")
def unbroken(root: Path) -> Path:
    out = root / "unbroken"
    list(train_generator(make_recipe(root), CPU, out))
    return out


def weights_of(out: Path, name: str = "fooling") -> dict[str, Tensor]:
    return load_file(out / f"{name}.safetensors")


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def steps_of(events: list[Event]) -> list[int]:
    return [event.done for event in events if isinstance(event, Progress)]


def until_step(events: Iterator[Event], step: int) -> None:
    """Takes events until that step is done, then wants no more."""
    for event in events:
        if isinstance(event, Progress) and event.done == step:
            break
    events.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ["mta", "gap"])
@pytest.mark.parametrize(("scope", "weighting"), [("per-task", "uniform"), ("joint", "mgda"), ("joint", "uncertainty")])
@pytest.mark.parametrize(("instance", "epoch"), [("per-instance", 1), ("universal", 1), ("per-instance", 0)])
def test_pieces_have_the_gradients_of_the_whole(
    recipe: GeneratorRecipe, monkeypatch: pytest.MonkeyPatch, method: str, scope: str, weighting: str,
    instance: str, epoch: int,
) -> None:  # fmt: skip
    """Against autograd's of the sum written out (MTA equations 2 to 5), whether networks or patterns learn."""
    if (method, weighting) == ("gap", "mgda") and scope == "per-task":
        pytest.skip("nothing is shared")
    monkeypatch.setitem(turns.TURN_PIXELS, "cpu", 1)  # a picture a turn
    changed = replace(recipe, method=method, scope=scope, weighting=weighting, instance=instance)
    training = GeneratorTraining(changed, CPU)
    training.epoch = epoch
    generator = training.generator.train()
    for decoder in generator.decoders.values():
        torch.nn.init.normal_(decoder[-1].weight, 0, 0.1)  # type: ignore[index]
    part = training.parts[0]
    images, targets = next(batches(part.sources, part.places[0][:3], 3))
    values: dict[str, float] = {}
    told = list(training.take_gradients(images, targets, values))
    assert set(told) == {Pause()} and len(told) >= 3 * len(training.groups), "a turn for each picture and perturbation"
    taken = {name: p.grad.clone() for name, p in generator.named_parameters() if p.grad is not None}
    generator.zero_grad()
    if training.is_drawing:
        outputs = {name: pattern[None] for name, pattern in generator.patterns.items()}
    else:
        outputs = generator.before_tanh(images[:1] if instance == "universal" else images)
    total: Any = 0.05 * sum((o.abs() - 2).relu().square().mean() for o in outputs.values())
    for name, output in outputs.items():
        adversarial = (images + training.scale(output.tanh())).clamp(0, 1)
        # One by one: of two nearly equal values max-pooling takes either, and whole batches are rounded otherwise.
        answers = [training.precise(picture[None], training.groups[name]) for picture in adversarial]
        for task in training.tasks:
            if name in (task.name, JOINT):
                answer = torch.cat([a[task.name] for a in answers])
                loss = -(task.loss(answer, targets[task.name]) + 1e-4).log()
                weighed = positive(loss) if weighting == "uncertainty" else loss
                total = total + values[f"weight of {task.name}"] * weighed.mean()
    total.backward()
    assert set(taken) == {name for name, p in generator.named_parameters() if p.grad is not None}
    for name, parameter in generator.named_parameters():
        if parameter.grad is not None:
            atol = 1e-5 * float(parameter.grad.abs().max()) + 1e-7
            torch.testing.assert_close(taken[name], parameter.grad, rtol=2e-3, atol=20 * atol, msg=name)


def test_what_a_victim_learns_in_pieces_is_what_it_learns_at_once(root: Path, recipe: GeneratorRecipe) -> None:
    training = VictimTraining(tiny_recipe(root / "scenes"), CPU)
    images, targets = next(batches(training.sources, training.train_places[0][:3], 3))
    list(training.take_gradients(images, targets, {}))
    taken = [p.grad.clone() for p in training.victim.parameters() if p.grad is not None]
    training.clear_gradients()
    training.loss(images, targets)[0].backward()  # type: ignore[no-untyped-call]
    whole = [p.grad for p in training.victim.parameters() if p.grad is not None]
    for one, other in zip(taken, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_whoever_watches_changes_nothing(recipe: GeneratorRecipe, unbroken: Path, tmp_path: Path) -> None:
    training = GeneratorTraining(recipe, CPU)
    picture = make_pictures(1, *SIZE)
    targets = pseudo_targets(training.precise, SCENE_TASKS, picture)
    drawn = []
    for number, event in enumerate(train(training, tmp_path)):
        if isinstance(event, Progress) or number % 7 == 0:
            torch.rand(3)
            modes = [module.training for module in training.generator.modules()]
            drawn.append(training.live_generator()(picture)["depth"])
            problem = make_problem(training.fast, picture, targets, Budget.from_units("linf", 4), scope="joint")
            Pgd(num_steps=1)(problem)
            assert [module.training for module in training.generator.modules()] == modes
    assert_same(weights_of(tmp_path), weights_of(unbroken))
    assert all(not direction.requires_grad and direction.abs().max() <= 1 for direction in drawn)
    assert not torch.equal(drawn[0], drawn[-1]), "it is the generator as it is now"


def test_tells_what_a_watcher_draws(recipe: GeneratorRecipe, tmp_path: Path) -> None:
    events = list(train_generator(recipe, CPU, tmp_path, measure_every=1))
    steps = [event for event in events if isinstance(event, Progress)]
    for step in steps:
        assert {*recipe.tasks, "loss", "learning rate", "pictures per second", "MB"} <= set(step.values)
        assert step.values["pictures per second"] > 0 and step.values["MB"] > 50
    rows = [event.values for event in events if isinstance(event, Row)]
    assert [row["epoch"] for row in rows] == [1, 2, 3] and all("adversarial abs_err" in row for row in rows)
    between, longest = 0, 0
    for event in events:
        between = 0 if isinstance(event, Pause) else between + 1
        longest = max(longest, between)
    assert longest <= 3, "others get their turn while it measures, too"


class TestEndedEarly:
    def test_keeps_what_it_has_and_can_go_on(self, recipe: GeneratorRecipe, unbroken: Path, tmp_path: Path) -> None:
        training = GeneratorTraining(recipe, CPU)
        events = []
        for event in train(training, tmp_path, command="make it"):
            events.append(event)
            if isinstance(event, Pause) and steps_of(events) == [1, 2, 3, 4, 5]:
                training.stop_early()
        assert steps_of(events) == [1, 2, 3, 4, 5, 6], "the step it was in is done"
        card = Card.read(tmp_path / "fooling.json")
        assert card.metrics["cut"] == "ended early after step 2 of epoch 2 of 3" and card.metrics["cut"] in card.summary
        assert set(card.metrics["held_out"]) >= {"clean abs_err", "adversarial abs_err"}
        assert card.command == "make it"
        more = list(train_generator(recipe, CPU, tmp_path, resume=True))
        assert next(e.text for e in more if isinstance(e, Message)) == "resumed after step 2 of epoch 2"
        assert steps_of(more) == [7, 8, 9, 10, 11, 12]
        assert_same(weights_of(tmp_path), weights_of(unbroken))
        card = Card.read(tmp_path / "fooling.json")
        assert "cut" not in card.metrics and len(card.metrics["history"]) == 3

    def test_before_its_first_step_too(self, recipe: GeneratorRecipe, tmp_path: Path) -> None:
        training = GeneratorTraining(recipe, CPU)
        training.stop_early()
        assert steps_of(list(train(training, tmp_path))) == []
        assert Card.read(tmp_path / "fooling.json").metrics["cut"] == "ended early after epoch 0 of 3"

    def test_patience_keeps_the_best(
        self, recipe: GeneratorRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Scores rise for two epochs and then fall: it ends after two more, with the weights of the second."""
        recipe = replace(recipe, phases=((9, 32, 64),))
        scores = {1: 1.0, 2: 2.0, 3: 1.5, 4: 1.9}
        after = []
        measure = GeneratorTraining.measure

        def noted(self: GeneratorTraining) -> Any:
            measures = yield from measure(self)
            after.append({name: value.half() for name, value in self.generator.state_dict().items()})
            return measures | {"score": scores[self.epoch]}

        monkeypatch.setattr(GeneratorTraining, "measure", noted)
        monkeypatch.setattr(GeneratorTraining, "score", lambda self, measures: measures["score"])
        events = list(train_generator(recipe, CPU, tmp_path, measure_every=1, patience=2))
        assert max(steps_of(events)) == 16, "four epochs"
        saved = weights_of(tmp_path)
        for name, value in after[1].items():
            assert not value.is_floating_point() or torch.equal(saved[name].half(), value), name
        card = Card.read(tmp_path / "fooling.json")
        assert card.metrics["cut"] == "the best of epoch 4, after epoch 2" and card.metrics["held_out"]["score"] == 2.0
        again = list(train_generator(recipe, CPU, tmp_path, measure_every=1, patience=2, resume=True))
        assert steps_of(again) == [], "it had ended"
        assert_same(weights_of(tmp_path), saved)

    def test_the_score_is_larger_for_a_stronger_attack(self, recipe: GeneratorRecipe) -> None:
        measures = {
            "clean miou": 0.5, "adversarial miou": 0.25, "clean abs_err": 1.0, "adversarial abs_err": 2.0,
            "clean angle_mean": 30.0, "adversarial angle_mean": 60.0,
        }  # fmt: skip
        training = GeneratorTraining(recipe, CPU)
        assert training.score(measures) == pytest.approx(0.6931, abs=1e-3)
        aimed = GeneratorTraining(replace(recipe, target="segmentation=wall,depth=9,normals=down"), CPU)
        assert aimed.score(measures) == pytest.approx(-0.6931, abs=1e-3)
        assert training.score(measures | {"adversarial abs_err": float("nan")}) == float("-inf")


def trainings(root: Path, recipe: GeneratorRecipe) -> dict[str, Training]:
    uap = UapRecipe(
        name="fooling", victim=recipe.victim, data=recipe.data, epsilon=16.0, epochs=2, per_epoch=4, num_steps=2,
        num_candidates=1, holdout=5, fooling_rate=1.0,
    )  # fmt: skip
    return {
        "victim": VictimTraining(replace(tiny_recipe(root / "scenes"), name="fooling", phases=((2, 32, 64),)), CPU),
        "dwa": GeneratorTraining(replace(recipe, weighting="dwa"), CPU),
        "universal": GeneratorTraining(replace(recipe, instance="universal", weighting="uncertainty"), CPU),
        "uap": UapTraining(uap, CPU),
    }


@pytest.mark.parametrize("kind", ["victim", "dwa", "universal", "uap"])
def test_goes_on_within_an_epoch_as_if_nothing_had_happened(
    root: Path, recipe: GeneratorRecipe, tmp_path: Path, kind: str
) -> None:
    list(train(trainings(root, recipe)[kind], tmp_path / "whole"))
    for step in (3, 6):
        run = train(trainings(root, recipe)[kind], tmp_path / "broken", resume=True, checkpoint_every=0)
        until_step(run, step)
    state = load_checkpoint(tmp_path / "broken")
    assert state is not None and state["step"] == 2
    events = list(train(trainings(root, recipe)[kind], tmp_path / "broken", resume=True))
    assert steps_of(events)[0] == 7
    assert_same(weights_of(tmp_path / "broken"), weights_of(tmp_path / "whole"))
    cards = [Card.read(tmp_path / name / "fooling.json") for name in ("whole", "broken")]
    assert cards[0].metrics == cards[1].metrics


def test_goes_on_within_an_epoch_with_batches_of_other_sizes(recipe: GeneratorRecipe, tmp_path: Path) -> None:
    """Twice, since what the first one writes the second one reads; pictures count once in the mean loss."""
    kept: list[list[float]] = []
    for batch_size, step in ((2, 3), (1, 7)):
        run = replace(recipe, batch_size=batch_size)
        until_step(train_generator(run, CPU, tmp_path, resume=True, checkpoint_every=0), step)
        state = load_checkpoint(tmp_path)
        assert state is not None and state["step"] == step
        kept.append(state["losses"])
    assert kept[1][:6] == [loss for loss in kept[0] for _ in range(2)]
    events = list(train_generator(replace(recipe, batch_size=3), CPU, tmp_path, resume=True))
    assert steps_of(events) == [3, 4, 5, 6], "its two steps of the first epoch were done"
    history = Card.read(tmp_path / "fooling.json").metrics["history"]
    assert len(history) == 3 and history[0]["loss"] == pytest.approx(sum(kept[1][:6]) / 6)


@pytest.mark.parametrize("batch_size", [0, -2, 10**12, "x", 1.5])
def test_a_checkpoint_of_impossible_batches_is_reported(
    recipe: GeneratorRecipe, tmp_path: Path, batch_size: object
) -> None:
    until_step(train_generator(recipe, CPU, tmp_path, checkpoint_every=0), 3)
    state = load_checkpoint(tmp_path)
    assert state is not None
    state["recipe"]["batch_size"] = batch_size
    save_checkpoint(tmp_path, state)
    with pytest.raises(WeightsError, match="does not belong to this training: expected a batch size in"):
        next(train_generator(recipe, CPU, tmp_path, resume=True))


def test_checkpoints_follow_the_clock(recipe: GeneratorRecipe, tmp_path: Path) -> None:
    until_step(train_generator(recipe, CPU, tmp_path, checkpoint_every=3600), 3)
    assert load_checkpoint(tmp_path) is None


KILLED = """
import sys, torch
from pathlib import Path
from mta_core.train_generator import train_generator
from tests.test_watched_training import CPU, make_recipe

torch.set_num_threads(1)
out = Path(sys.argv[2])
for _ in train_generator(make_recipe(Path(sys.argv[1])), CPU, out, resume=True, checkpoint_every=0):
    print("alive", flush=True)
"""


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_run_killed_at_any_moment_goes_on(
    root: Path, recipe: GeneratorRecipe, unbroken: Path, tmp_path: Path, kills: int
) -> None:
    chance = random.Random(kills)
    for _ in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(root), str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout
            for _ in range(chance.randrange(1, 60)):
                child.stdout.readline()
            time.sleep(0.05 * chance.random())
            child.send_signal(signal.SIGKILL)
    list(train_generator(recipe, CPU, tmp_path, resume=True))
    assert_same(weights_of(tmp_path), weights_of(unbroken))


def test_a_refused_training_leaves_nothing_behind(recipe: GeneratorRecipe, tmp_path: Path) -> None:
    wrong = replace(recipe, learning_rate=1e30, pattern_epochs=0)
    with pytest.raises(ValueError, match="diverged"):
        list(train_generator(wrong, CPU, tmp_path / "new"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "checkpoint.pt").write_bytes(b"")
    with pytest.raises(ValueError, match="expected a training checkpoint"):
        list(train_generator(recipe, CPU, tmp_path / "mine", resume=True))
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "checkpoint.pt"]


def test_two_do_not_train_in_one_folder(recipe: GeneratorRecipe, tmp_path: Path) -> None:
    first = train_generator(recipe, CPU, tmp_path, checkpoint_every=0)
    next(first)
    with pytest.raises(ValueError, match=r"^another training is writing to .*: wait for it, or choose another --out$"):
        next(train_generator(recipe, CPU, tmp_path, resume=True))
    first.close()  # type: ignore[attr-defined]
    assert not (tmp_path / LOCK).exists()
    list(train_generator(recipe, CPU, tmp_path, resume=True))
