"""Training runs to its end, and goes on where it was stopped or killed."""

from __future__ import annotations

import math
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from mta_core import generators, victims
from mta_core.checkpoints import NAME, load_checkpoint, save_checkpoint
from mta_core.data.loader import batches
from mta_core.events import Event, Message, Pause, Progress, Row
from mta_core.imaging import encode_png
from mta_core.train_generator import GeneratorRecipe, GeneratorTraining, train_generator
from mta_core.train_recipes import is_same, provenance_of
from mta_core.train_victim import VictimRecipe, VictimTraining, train_victim
from mta_core.victims import own
from mta_core.weights import Card, WeightsError
from tests.toys import CPU, SHADES, make_pictures, tiny_recipe, write_scenes

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> VictimRecipe:
    scenes = tmp_path_factory.mktemp("scenes")
    write_scenes(scenes)
    return tiny_recipe(scenes)


@pytest.fixture(scope="module")
def whole(recipe: VictimRecipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """A run that nobody interrupts: its folder and its events."""
    out = tmp_path_factory.mktemp("whole")
    return out, list(train_victim(recipe, CPU, out, command="make it"))


def progress(events: list[Event]) -> list[Progress]:
    return [event for event in events if isinstance(event, Progress)]


def messages(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Message)]


def weights_in(out: Path) -> dict[str, Tensor]:
    return victims.load(str(out / "tiny.json"))[0].state_dict()


def assert_same_weights(one: Path, other: Path) -> None:
    expected = weights_in(one)
    for name, value in weights_in(other).items():
        assert torch.equal(value, expected[name]), name
    states = [load_checkpoint(out) for out in (one, other)]
    assert states[0] is not None and states[1] is not None
    for name, value in states[0]["victim"].items():
        assert torch.equal(value, states[1]["victim"][name]), name


def run_until(stream: Iterator[Event], out: Path, epoch: int) -> None:
    """Consumes events until the epoch after the one just saved has begun, then drops the run."""
    for event in stream:
        if isinstance(event, Progress) and event.done == 4 * epoch + 2:
            stream.close()  # type: ignore[attr-defined]
            return
    raise AssertionError("the run ended first")


def test_runs_to_the_end_in_order(whole: tuple[Path, list[Event]]) -> None:
    out, events = whole
    steps = progress(events)
    assert [(step.done, step.total) for step in steps] == [(i, 16) for i in range(1, 17)]
    texts = messages(events)
    assert [text.split(":")[0] for text in texts] == ["epoch 2 of 4", "epoch 4 of 4", f"saved tiny in {out}"]
    measured = [event.values for event in events if isinstance(event, Row)]
    assert [row["epoch"] for row in measured] == [2, 4]
    assert all(0 <= row["miou"] < 1 and row["loss"] > 0 for row in measured)
    told = [event for event in events if not isinstance(event, Pause)]
    assert told.index(next(e for e in told if isinstance(e, Row))) == 8, "after the second epoch"
    for step in steps:
        assert {"loss", "segmentation", "depth", "normals", "learning rate", "pictures per second"} <= set(step.values)


def test_learns(whole: tuple[Path, list[Event]]) -> None:
    losses = [step.values["loss"] for step in progress(whole[1])]
    assert sum(losses[-4:]) < 0.7 * sum(losses[:4])
    rates = [step.values["learning rate"] for step in progress(whole[1])]
    assert max(rates) <= 1e-2 and rates[-1] < 0.1 * max(rates)


def test_the_finished_weights_say_what_they_are(whole: tuple[Path, list[Event]], recipe: VictimRecipe) -> None:
    victim, card = victims.load(str(whole[0] / "tiny.json"))
    assert card.input_size == (64, 96) and card.options["width"] == 4 and card.command == "make it"
    assert set(card.tasks) == {"segmentation", "depth", "normals"}
    assert "nyuv2" in card.data and recipe.data[0] not in str(card), "paths stay out of the card"
    assert set(card.metrics["held_out"]) >= {"miou", "abs_err", "angle_mean"}
    assert card.recipe["width"] == 4 and card.recipe["phases"] == [[2, 32, 64], [2, 64, 96]]
    assert [row["epoch"] for row in card.metrics["history"]] == [1, 2, 3, 4]
    assert ["miou" in row for row in card.metrics["history"]] == [False, True, False, True]
    assert victim(torch.rand(1, 3, 64, 96))["depth"].isfinite().all()


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_dropped_run_goes_on_as_if_nothing_had_happened(
    recipe: VictimRecipe, whole: tuple[Path, list[Event]], tmp_path: Path, epoch: int
) -> None:
    run_until(train_victim(recipe, CPU, tmp_path), tmp_path, epoch)
    assert not list(tmp_path.glob("*.safetensors"))
    events = list(train_victim(recipe, CPU, tmp_path, resume=True))
    assert messages(events)[0] == f"resumed after epoch {epoch}"
    assert [step.done for step in progress(events)] == list(range(4 * epoch + 1, 17))
    assert_same_weights(whole[0], tmp_path)


KILLED = """
import os, signal, sys, torch
from pathlib import Path
from mta_core import weights
from mta_core.train_victim import train_victim
from tests.toys import CPU, tiny_recipe

torch.set_num_threads(1)
calls = []

def die_in_the_middle(file):
    calls.append(file)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

weights.os.fsync = die_in_the_middle
for event in train_victim(tiny_recipe(Path(sys.argv[1])), CPU, Path(sys.argv[2])):
    pass
"""


def test_a_run_killed_while_it_saves_loses_one_epoch(
    recipe: VictimRecipe, whole: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    scenes = recipe.data[0].removeprefix("nyuv2:")
    child = subprocess.run([sys.executable, "-c", KILLED, scenes, str(tmp_path)], cwd=ROOT, timeout=200)
    assert child.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.glob(".*.tmp")], "it was killed before the third checkpoint was in place"
    events = list(train_victim(recipe, CPU, tmp_path, resume=True))
    assert messages(events)[0] == "resumed after epoch 2"
    assert [step.done for step in progress(events)] == list(range(9, 17))
    assert_same_weights(whole[0], tmp_path)


def test_a_finished_run_resumed_has_nothing_left_to_do(
    recipe: VictimRecipe, whole: tuple[Path, list[Event]], tmp_path: Path
) -> None:
    (tmp_path / NAME).write_bytes((whole[0] / NAME).read_bytes())
    events = list(train_victim(recipe, CPU, tmp_path, resume=True))
    assert progress(events) == [] and messages(events)[0] == "resumed after epoch 4"
    assert_same_weights(whole[0], tmp_path)


def test_an_existing_run_is_not_overwritten(recipe: VictimRecipe, whole: tuple[Path, list[Event]]) -> None:
    before = (whole[0] / NAME).read_bytes()
    with pytest.raises(ValueError, match="holds a training run already: add --resume to go on with it"):
        next(train_victim(recipe, CPU, whole[0]))
    assert (whole[0] / NAME).read_bytes() == before


def test_another_recipe_does_not_go_on_with_it(recipe: VictimRecipe, whole: tuple[Path, list[Event]]) -> None:
    with pytest.raises(ValueError, match="has other settings: give the same ones, or choose another --out"):
        next(train_victim(replace(recipe, learning_rate=1e-4), CPU, whole[0], resume=True))


def test_a_run_that_is_cut_ends_there_with_its_weights(recipe: VictimRecipe, tmp_path: Path) -> None:
    for name, cut_at, end in (("one", 3, 3), ("two", 99, 4)):
        events = list(train_victim(replace(recipe, cut_at=cut_at), CPU, tmp_path / name))
        assert [(step.done, step.total) for step in progress(events)][-1] == (4 * end, 4 * end)
        assert messages(events)[-1].startswith("saved tiny")


def test_goes_on_from_trained_weights(recipe: VictimRecipe, whole: tuple[Path, list[Event]], tmp_path: Path) -> None:
    start = str(whole[0] / "tiny.json")
    again = replace(recipe, name="again", init=start, phases=((1, 32, 64),), learning_rate=1e-9, ema=1e-9)
    list(train_victim(again, CPU, tmp_path, command="and then this"))
    expected = weights_in(whole[0])
    for name, value in victims.load(str(tmp_path / "again.json"))[0].state_dict().items():
        if "num_batches" not in name and "running" not in name:
            torch.testing.assert_close(value, expected[name], atol=1e-3, rtol=1e-2)
    card = Card.read(tmp_path / "again.json")
    assert card.command == "make it && and then this" and card.recipe["init"] == "tiny"
    with pytest.raises(ValueError, match=r"to have the recipe's options, {'width': 8}; it has {'width': 4}$"):
        next(train_victim(replace(again, width=8), CPU, tmp_path / "wide"))
    with pytest.raises(ValueError, match="to have the recipe's tasks"):
        next(train_victim(replace(again, weights=(("depth", 1.0),)), CPU, tmp_path / "few"))


def test_what_the_start_has_seen_stays_on_the_card(whole: tuple[Path, list[Event]]) -> None:
    start = Card.read(whole[0] / "tiny.json")
    made = provenance_of(VictimRecipe(data=("rooms",)), start)
    assert made["data"] == "nyuv2 (train), rooms (train)"
    assert start.terms in made["terms"] and "free to use" in made["terms"]


@pytest.mark.parametrize("content", [{}, {"epoch": 1, "victim": {}, "average": {}, "optimiser": {}}, {"epoch": "x"}])
def test_a_hostile_checkpoint_is_reported(recipe: VictimRecipe, tmp_path: Path, content: dict[str, object]) -> None:
    save_checkpoint(tmp_path, {"recipe": asdict(recipe), **content})
    with pytest.raises(WeightsError, match="does not belong to this training"):
        next(train_victim(recipe, CPU, tmp_path, resume=True))


def small_moments(state: dict[str, Any]) -> None:
    state["optimiser"]["state"][0]["exp_avg"] = torch.zeros(1)


def no_betas(state: dict[str, Any]) -> None:
    del state["optimiser"]["param_groups"][0]["betas"]


@pytest.mark.parametrize(
    "damage",
    [
        small_moments,
        no_betas,
        lambda state: state["optimiser"].update(state={}, param_groups=[]),
        lambda state: state.update(epoch=math.inf),
        lambda state: state.update(epoch=99),
        lambda state: state.update(epoch=-5),
        lambda state: state.update(epoch="x"),
        lambda state: state.update(history=["ab"]),
        lambda state: state.update(optimiser=torch.tensor(0.0)),
    ],
)
def test_a_checkpoint_with_impossible_parts_is_reported(
    recipe: VictimRecipe, whole: tuple[Path, list[Event]], tmp_path: Path, damage: Callable[[dict[str, Any]], object]
) -> None:
    """PyTorch would take most of these, and fail later or overwrite memory."""
    state = load_checkpoint(whole[0])
    assert state is not None
    damage(state)
    save_checkpoint(tmp_path, state)
    with pytest.raises(WeightsError, match="does not belong to this training: "):
        next(train_victim(recipe, CPU, tmp_path, resume=True))


def test_a_training_that_diverges_says_so_and_saves_nothing(recipe: VictimRecipe, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^the training diverged, choose a smaller learning_rate: it "):
        deque(train_victim(replace(recipe, learning_rate=1e20), CPU, tmp_path), 0)
    assert not (tmp_path / "tiny.safetensors").exists()


def test_data_must_have_labels_and_pictures(recipe: VictimRecipe, tmp_path: Path) -> None:
    pictures = recipe.data[0].replace("nyuv2:", "pictures:") + "/rgb"
    with pytest.raises(
        ValueError, match=r"^expected data with labels for segmentation \(nyu13\), depth \(metres\), .*; Folder of"
    ):
        next(train_victim(replace(recipe, data=(pictures,)), CPU, tmp_path))
    with pytest.raises(ValueError, match=r"^expected at least two pictures"):
        next(train_victim(replace(recipe, limit=1), CPU, tmp_path))


def test_memory_that_does_not_suffice_costs_parts_not_the_run(
    recipe: VictimRecipe, whole: tuple[Path, list[Event]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backward = VictimTraining.backward

    def hungry(self: VictimTraining, images: Tensor, targets: Mapping[str, Tensor], share: float) -> Any:
        if len(images) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return backward(self, images, targets, share)

    monkeypatch.setattr(VictimTraining, "backward", hungry)
    events = list(train_victim(recipe, CPU, tmp_path))
    assert messages(events)[0] == "out of memory on the device: going on with the gradients of 1 at once"
    assert len(progress(events)) == len(progress(whole[1]))


def test_gradients_in_parts_are_those_of_the_batch(recipe: VictimRecipe) -> None:
    training = VictimTraining(recipe, CPU)
    training.victim.eval()  # batch norm would look at each part alone
    images, targets = next(batches(training.sources, training.train_places[0][:4], 4))
    found = []
    for training.part in (0, 2):
        values: dict[str, float] = {}
        assert set(training.take_gradients(images, targets, values)) == {Pause()}
        found.append((values, [p.grad.clone() for p in training.victim.parameters() if p.grad is not None]))
    for name in ("depth", "normals"):
        assert found[0][0][name] == pytest.approx(found[1][0][name], rel=1e-4), "every pixel of these has a label"
    for one, other in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(one, other, rtol=0.05, atol=1e-3 * float(one.abs().max()))


def test_a_short_run_forgets_its_random_start(recipe: VictimRecipe, tmp_path: Path) -> None:
    list(train_victim(replace(recipe, ema=0.998), CPU, tmp_path))
    state = load_checkpoint(tmp_path)
    assert state is not None
    training = VictimTraining(recipe, CPU)
    name = "heads.depth.1.bias"
    start, now = float(training.victim.state_dict()[name]), float(state["victim"][name])
    averaged = float(state["average"][f"module.{name}"])
    assert abs(averaged - now) < 0.5 * abs(start - now)


def test_a_checkpoint_goes_on_elsewhere_but_not_with_other_weights(
    recipe: VictimRecipe, tmp_path: Path, whole: tuple[Path, list[Event]]
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(recipe.data[0].partition(":")[2], moved)
    start = replace(recipe, init=str(tmp_path / "start" / "tiny.json"), name="next")
    shutil.copytree(whole[0], tmp_path / "start")
    run_until(train_victim(start, CPU, tmp_path / "next"), tmp_path / "next", 1)
    events = train_victim(replace(start, data=(f"nyuv2:{moved}",), batch_size=4), CPU, tmp_path / "next", resume=True)
    assert next(events) == Message("resumed after epoch 1")
    events.close()  # type: ignore[attr-defined]
    list(train_victim(replace(recipe, seed=7), CPU, tmp_path / "other"))
    shutil.copytree(tmp_path / "other", tmp_path / "start", dirs_exist_ok=True)
    with pytest.raises(ValueError, match="was made with other weights, or another picture, of the same name"):
        next(train_victim(start, CPU, tmp_path / "next", resume=True))


@pytest.fixture(scope="module")
def fooling(recipe: VictimRecipe, whole: tuple[Path, list[Event]]) -> GeneratorRecipe:
    return GeneratorRecipe(
        name="fooling", victim=str(whole[0] / "tiny.json"), data=recipe.data, ngf=4, num_blocks=1, per_epoch=8,
        phases=((2, 32, 64), (1, 64, 96)), batch_size=2, holdout=5, epsilon=16.0, pattern_epochs=0,
    )  # fmt: skip


@pytest.fixture
def smooth(fooling: GeneratorRecipe, monkeypatch: pytest.MonkeyPatch) -> GeneratorRecipe:
    """Against a victim of which training goes the same way everywhere."""
    monkeypatch.setattr(own, "_allowed", set())
    victims.allow(SHADES)
    return replace(fooling, victim=SHADES)


class TestGenerator:
    @pytest.mark.parametrize("pattern_epochs", [0, 2])
    def test_goes_on_as_if_nothing_had_happened(
        self, fooling: GeneratorRecipe, tmp_path: Path, pattern_epochs: int
    ) -> None:
        fooling = replace(fooling, pattern_epochs=pattern_epochs)
        list(train_generator(fooling, CPU, tmp_path / "whole"))
        dropped = train_generator(fooling, CPU, tmp_path / "dropped")
        for event in dropped:
            if isinstance(event, Progress) and event.done == 6:
                break
        dropped.close()  # type: ignore[attr-defined]
        events = list(train_generator(fooling, CPU, tmp_path / "dropped", resume=True))
        assert messages(events)[0] == "resumed after epoch 1"
        one, other = (load_checkpoint(tmp_path / name) for name in ("whole", "dropped"))
        assert one is not None and other is not None
        for name, value in one["generator"].items():
            assert torch.equal(value, other["generator"][name]), name

    @pytest.mark.parametrize("method", ["mta", "gap"])
    @pytest.mark.parametrize("instance", ["per-instance", "universal"])
    @pytest.mark.parametrize("scope", ["per-task", "joint"])
    @pytest.mark.parametrize("target", ["", "segmentation=wall,depth=1,normals=up"])
    def test_every_kind_learns_to_fool(
        self, smooth: GeneratorRecipe, tmp_path: Path, method: str, instance: str, scope: str, target: str
    ) -> None:
        longer = replace(
            smooth, method=method, instance=instance, scope=scope, target=target, phases=((8, 64, 96),),
            learning_rate=3e-3, output_gain=0.02, output_rate=1.0,
        )  # fmt: skip
        events = list(train_generator(longer, CPU, tmp_path))
        losses = [step.values["loss"] for step in progress(events)]
        assert sum(losses[-8:]) < 0.95 * sum(losses[:8])
        card = Card.read(tmp_path / "fooling.json")
        assert card.options["victim"] == SHADES and card.recipe["victim"] == SHADES
        assert card.summary.startswith(f"{method.upper()} generator, {instance}, {'targeted' if target else 'non-tar'}")
        path = str(tmp_path / "fooling.json")
        ready = generators.ready(path, card, "cpu")
        assert set(ready.tasks) == ({"joint"} if scope == "joint" else {"segmentation", "depth", "normals"})
        assert isinstance(ready, generators.Patterns) == (instance == "universal")
        measured = card.metrics["held_out"]
        is_farther = measured["adversarial abs_err"] > measured["clean abs_err"]
        assert is_farther == (not target), "from the truth, or from the target"

    @pytest.mark.parametrize("weighting", ["mgda", "uncertainty", "dwa"])
    def test_learnt_task_weights_go_on_too(self, fooling: GeneratorRecipe, tmp_path: Path, weighting: str) -> None:
        fooling = replace(fooling, weighting=weighting, phases=((3, 32, 64),))
        list(train_generator(fooling, CPU, tmp_path / "whole"))
        run_until(train_generator(fooling, CPU, tmp_path / "dropped"), tmp_path / "dropped", 2)
        events = list(train_generator(fooling, CPU, tmp_path / "dropped", resume=True))
        assert messages(events)[0] == "resumed after epoch 2"
        one, other = (load_checkpoint(tmp_path / name) for name in ("whole", "dropped"))
        assert one is not None and other is not None
        assert one["task_weights"] == other["task_weights"]
        for name, value in one["generator"].items():
            assert torch.equal(value, other["generator"][name]), name
        card = Card.read(tmp_path / "dropped" / "fooling.json")
        assert card.metrics["task_weights"] == one["task_weights"]["history"]
        assert len(card.metrics["task_weights"]) == 3, "an epoch each"
        for weights in card.metrics["task_weights"]:
            assert set(weights) == set(fooling.tasks) and sum(weights.values()) == pytest.approx(1)
        last = card.metrics["task_weights"][-1].values()
        assert max(last) - min(last) > 1e-5, "not uniform"
        assert card.recipe["weighting"] == weighting and f"{weighting} task weights" in card.summary
        used = [step.values["weight of depth"] for step in progress(events)]
        assert card.metrics["task_weights"][-1]["depth"] == pytest.approx(sum(used) / 4), "of the last epoch's steps"

    @pytest.mark.parametrize(
        ("weighting", "scope"),
        [("fixed", "per-task"), ("mgda", "per-task"), ("mgda", "joint"), ("uncertainty", "per-task"), ("dwa", "joint")],
    )
    def test_task_weights_are_those_of_the_batch_in_parts_too(
        self, smooth: GeneratorRecipe, weighting: str, scope: str
    ) -> None:
        given = tuple(zip(smooth.tasks, (1.0, 2.0, 5.0), strict=True)) if weighting == "fixed" else ()
        training = GeneratorTraining(replace(smooth, weighting=weighting, weights=given, scope=scope), CPU)
        training.generator.eval()  # batch norm would look at each part alone
        part = training.parts[0]
        images, targets = next(batches(part.sources, part.places[0][:3], 3))
        start = training.task_weights.state()
        found = []
        for training.part in (0, 2):
            training.task_weights.restore(start)
            values: dict[str, float] = {}
            assert set(training.take_gradients(images, targets, values)) == {Pause()}
            gradients = [p.grad.clone() for p in training.generator.parameters() if p.grad is not None]
            found.append((values, gradients, training.task_weights.alphas()))
        assert found[0][0] == pytest.approx(found[1][0], abs=1e-3)
        assert found[0][2] == pytest.approx(found[1][2], abs=1e-3)
        whole, parts = (torch.cat([gradient.flatten() for gradient in one[1]]) for one in found)
        assert (parts - whole).norm() < 5e-3 * whole.norm()
        weighted = sum(found[0][0][f"weight of {name}"] * found[0][0][name] for name in smooth.tasks)
        assert found[0][0]["loss"] == pytest.approx(weighted)

    @pytest.mark.parametrize(("weighting", "scope"), [("uniform", "per-task"), ("fixed", "joint"), ("mgda", "joint")])
    def test_gradients_are_those_of_the_weighted_sum(
        self, fooling: GeneratorRecipe, weighting: str, scope: str
    ) -> None:
        """MTA equation 3, written out: what the networks lower is the mean of alpha_t times -log of the loss."""
        given = tuple(zip(fooling.tasks, (1.0, 2.0, 5.0), strict=True)) if weighting == "fixed" else ()
        training = GeneratorTraining(replace(fooling, weighting=weighting, weights=given, scope=scope), CPU)
        part = training.parts[0]
        images, targets = next(batches(part.sources, part.places[0][:2], 2))
        torch.nn.init.normal_(training.generator.decoders[training.generator.tasks[0]][-1].weight, 0, 0.1)
        values: dict[str, float] = {}
        list(training.take_gradients(images, targets, values))
        taken = [p.grad.clone() for p in training.generator.parameters() if p.grad is not None]
        training.generator.zero_grad()
        outputs = training.generator.before_tanh(images)
        total = 0.05 * sum((o.abs() - 2).relu().square().mean() for o in outputs.values())
        for name, output in outputs.items():
            answers = training.precise((images + 16 / 255 * output.tanh()).clamp(0, 1))
            for t in training.tasks:
                if name in (t.name, "joint"):
                    loss = t.loss(answers[t.name], targets[t.name])
                    total = total - values[f"weight of {t.name}"] * (loss + 1e-4).log().mean()
        total.backward()
        for one, parameter in zip(taken, training.generator.parameters(), strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(one, parameter.grad, rtol=1e-3, atol=1e-5)

    def test_a_plain_sum_is_a_form_too(self, fooling: GeneratorRecipe) -> None:
        found = {}
        for form in ("sum", "log"):
            training = GeneratorTraining(replace(fooling, form=form), CPU)
            part = training.parts[0]
            images, targets = next(batches(part.sources, part.places[0][:1], 1))
            found[form] = training.fooling_losses(images, training.outputs(images), targets)
        for name, loss in found["sum"].items():
            assert float(loss.detach()) < 0
            torch.testing.assert_close(found["log"][name], -(1e-4 - loss).log(), rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"weighting": "fair"}, "expected weighting among uniform, fixed, mgda, uncertainty, dwa, got 'fair'"),
            ({"weighting": "mgda", "method": "gap"}, "expected a generator that tasks share for weighting=mgda, got"),
            ({"weighting": "fixed"}, "expected one weight above 0 for each of segmentation, depth, normals, got none"),
            ({"weights": (("depth", 1.0),)}, "expected weights with weighting=fixed alone, got some with weighting=un"),
            ({"form": "product"}, "expected form among sum, log, got 'product'"),
        ],
    )
    def test_weights_that_make_no_sense_are_refused(
        self, fooling: GeneratorRecipe, tmp_path: Path, settings: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            next(train_generator(replace(fooling, **settings), CPU, tmp_path / "out"))
        assert not (tmp_path / "out").exists()

    def test_impossible_task_weights_of_a_checkpoint_are_reported(
        self, fooling: GeneratorRecipe, tmp_path: Path
    ) -> None:
        recipe = replace(fooling, weighting="uncertainty")
        run_until(train_generator(recipe, CPU, tmp_path), tmp_path, 1)
        state = load_checkpoint(tmp_path)
        assert state is not None
        for broken in ({}, {"depth": 0.0}, dict.fromkeys(recipe.tasks, math.nan), dict.fromkeys(recipe.tasks, "x")):
            save_checkpoint(tmp_path, state | {"task_weights": {"log_variances": broken}})
            with pytest.raises(WeightsError, match="does not belong to this training: "):
                next(train_generator(recipe, CPU, tmp_path, resume=True))

    def test_starts_from_another(self, fooling: GeneratorRecipe, tmp_path: Path) -> None:
        list(train_generator(fooling, CPU, tmp_path / "first", command="first"))
        again = replace(
            fooling, name="again", init=str(tmp_path / "first" / "fooling.json"), phases=((1, 32, 64),),
            learning_rate=1e-12, curriculum=(),
        )  # fmt: skip
        list(train_generator(again, CPU, tmp_path / "again", command="again"))
        names = ("first/fooling.safetensors", "again/again.safetensors")
        first, second = (load_file(tmp_path / name) for name in names)
        weight = "decoders.depth.7.weight"
        assert torch.equal(first[weight], second[weight])
        assert Card.read(tmp_path / "again" / "again.json").command == "first && again"
        with pytest.raises(ValueError, match=r"^expected fooling to have the recipe's options, .*'ngf': 8"):
            next(train_generator(replace(again, ngf=8), CPU, tmp_path / "wide"))

    def test_draws_a_pattern_first_and_learns_on_top_of_it(self, smooth: GeneratorRecipe, tmp_path: Path) -> None:
        limit = 1.2
        recipe = replace(smooth, pattern_epochs=1, pattern_limit=limit, phases=((2, 32, 64),))
        training = GeneratorTraining(recipe, CPU)
        kept = []
        for training.epoch in range(3):
            kept.append({name: value.clone() for name, value in training.generator.state_dict().items()})
            if training.epoch < 2:
                list(training.run_epoch())
        for name, value in kept[0].items():
            is_pattern = name.startswith("patterns.")
            assert torch.equal(kept[1][name], value) != is_pattern, name
            if is_pattern:
                moved = (kept[2][name] - kept[1][name]).abs().max()
                assert 0 < moved < 0.1 * limit and value.shape == (3, 64, 96), "it goes on in small steps"
                assert limit / 2 < kept[1][name].abs().max() <= limit
        assert not torch.equal(kept[2]["encoder.1.weight"], kept[1]["encoder.1.weight"])

    def test_takes_the_patterns_of_another_method(self, fooling: GeneratorRecipe, tmp_path: Path) -> None:
        drawn = replace(fooling, pattern_epochs=1, phases=((1, 32, 64),))
        list(train_generator(drawn, CPU, tmp_path, command="draw"))
        start = str(tmp_path / "fooling.json")
        recipe = replace(fooling, name="next", method="gap", ngf=8, patterns=start)
        training = GeneratorTraining(recipe, CPU)
        kept = load_file(tmp_path / "fooling.safetensors")
        for name, pattern in training.generator.patterns.items():
            assert torch.allclose(pattern, kept[f"patterns.{name}"].float())
        list(train_generator(recipe, CPU, tmp_path / "next", command="learn"))
        card = Card.read(tmp_path / "next" / "next.json")
        assert card.command == "draw && learn" and card.recipe["patterns"] == "fooling"
        for wrong, message in (
            ({"init": start}, "either init or patterns"),
            ({"scope": "joint"}, r"to have patterns for joint at 64x96$"),
        ):
            with pytest.raises(ValueError, match=message):
                GeneratorTraining(replace(recipe, **wrong), CPU)

    def test_a_target_picture_may_lie_elsewhere(self, fooling: GeneratorRecipe) -> None:
        here, there, other = (
            replace(fooling, target=f"picture:{path}") for path in ("/a/hall.png", "hall.jpg", "/a/b.png")
        )
        assert is_same(asdict(here), there) and not is_same(asdict(here), other)

    def test_makes_room_for_the_networks(self, fooling: GeneratorRecipe, tmp_path: Path) -> None:
        list(train_generator(replace(fooling, pattern_epochs=1, phases=((1, 32, 64),)), CPU, tmp_path))
        start = str(tmp_path / "fooling.json")
        training = GeneratorTraining(replace(fooling, init=start, pattern_limit=0.5), CPU)
        for pattern in training.generator.patterns.values():
            assert pattern.abs().max() == 0.5

    def test_a_strong_pixel_does_not_weaken_the_others_while_networks_learn(self, fooling: GeneratorRecipe) -> None:
        weak = torch.full((1, 3, 4, 4), 0.5)
        strong = weak.clone()
        strong[0, 0, 0, 0] = 1
        learning = GeneratorTraining(fooling, CPU)
        assert torch.equal(learning.scale(strong)[0, 1], learning.scale(weak)[0, 1])
        drawing = GeneratorTraining(replace(fooling, pattern_epochs=1), CPU)
        assert drawing.scale(strong)[0, 1].max() < drawing.scale(weak)[0, 1].max(), "the papers' map, as in an attack"
        for training in (learning, drawing):
            assert float(training.budget.norm_of(training.scale(strong))) <= training.budget.epsilon * (1 + 1e-6)

    def test_sees_few_pictures_first(self, fooling: GeneratorRecipe) -> None:
        training = GeneratorTraining(replace(fooling, curriculum=((1, 2), (1, 4))), CPU)
        seen = []
        for training.epoch in range(3):
            seen.append([len(places) for places in training.places(training.parts[0])])
        whole = [len(places) for places in training.parts[0].places]
        assert seen == [[2], [4], whole] and whole[0] > 4

    def test_the_penalty_begins_where_tanh_passes_no_gradient(self, fooling: GeneratorRecipe) -> None:
        training = GeneratorTraining(fooling, CPU)
        assert float(training.excess({"depth": torch.tensor([-2.0, 1.5, 0.0])})) == 0
        assert float(training.excess({"depth": torch.tensor([-4.0, 1.5])})) == pytest.approx(2.0)

    def test_a_picture_as_target_is_named_on_the_card_not_where_it_lies(
        self, fooling: GeneratorRecipe, tmp_path: Path
    ) -> None:
        file = tmp_path / "private" / "hall.png"
        file.parent.mkdir()
        file.write_bytes(encode_png(make_pictures(1, 64, 96)))
        aimed, out = replace(fooling, target=f"picture:{file}", phases=((2, 64, 96),)), tmp_path / "out"
        with pytest.raises(ValueError, match="expected phases of 64x96, the size of the victim, towards a picture"):
            next(train_generator(replace(aimed, phases=((2, 32, 64),)), CPU, tmp_path / "small"))
        run_until(train_generator(aimed, CPU, out), out, 1)
        file.write_bytes(encode_png(make_pictures(1, 64, 96, seed=1)))
        with pytest.raises(ValueError, match="was made with other weights, or another picture, of the same name"):
            next(train_generator(aimed, CPU, out, resume=True))
        file.write_bytes(encode_png(make_pictures(1, 64, 96)))
        list(train_generator(aimed, CPU, out, resume=True))
        card = Card.read(out / "fooling.json")
        assert card.options["target"] == card.recipe["target"] and card.options["target"].startswith("picture:hall@")
        assert "private" not in (out / "fooling.json").read_text()

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"instance": "univrsal"}, "expected instance among per-instance, universal, got 'univrsal'"),
            ({"scope": "join"}, "expected scope among per-task, joint, got 'join'"),
            ({"method": "gpa"}, "expected method among mta, gap, got 'gpa'"),
            ({"form": "los"}, "expected form among sum, log, got 'los'"),
            ({"weighting": "uniforms"}, "expected weighting among uniform, .*, got 'uniforms'"),
            ({"tasks": ("depth", "depth")}, "expected each task once, got depth, depth"),
        ],
    )
    def test_misspelt_words_are_refused(
        self, fooling: GeneratorRecipe, tmp_path: Path, changed: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            next(train_generator(replace(fooling, **changed), CPU, tmp_path))

    def test_a_victim_that_does_not_answer_a_task_is_refused(self, fooling: GeneratorRecipe, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="expected a task among"):
            next(train_generator(replace(fooling, tasks=("smell",)), CPU, tmp_path))


def test_a_damaged_checkpoint_is_reported(recipe: VictimRecipe, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"half a checkpoint")
    with pytest.raises(WeightsError, match=r"^expected a training checkpoint in "):
        next(train_victim(recipe, CPU, tmp_path, resume=True))
