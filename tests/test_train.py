"""Training runs to its end, and goes on where it was stopped or killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mta_core import victims
from mta_core.checkpoints import NAME, load_checkpoint
from mta_core.events import Event, Message, Progress
from mta_core.train_victim import VictimRecipe, train_victim
from mta_core.weights import WeightsError
from tests.toys import CPU, tiny_recipe, write_scenes

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
    assert events.index(next(e for e in events if isinstance(e, Message))) == 8, "after the second epoch"
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


def test_a_damaged_checkpoint_is_reported(recipe: VictimRecipe, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"half a checkpoint")
    with pytest.raises(WeightsError, match=r"^expected a training checkpoint in "):
        next(train_victim(recipe, CPU, tmp_path, resume=True))
