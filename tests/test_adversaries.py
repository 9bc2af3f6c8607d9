"""Adversarial training: what its pictures are, that it goes on where it was killed, and that it helps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mta_core import presets, victims
from mta_core.adversaries import GeneratorAdversary, PgdAdversary, make_adversary
from mta_core.attacks.base import Problem
from mta_core.attacks.pgd import Pgd
from mta_core.budget import Budget
from mta_core.checkpoints import load_checkpoint
from mta_core.data.loader import batches
from mta_core.devices import Device
from mta_core.events import Event, Message, Pause, Progress
from mta_core.objective import make_problem
from mta_core.recipe_settings import override
from mta_core.tasks import SCENE_TASKS, task
from mta_core.train_generator import GeneratorRecipe, train_generator
from mta_core.train_victim import VictimTraining, train_victim
from mta_core.victim_recipe import VictimRecipe
from mta_core.weights import Card
from tests.toys import CPU, make_arena, make_victim, tiny_recipe, write_scenes

EPSILON = 4.0


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> VictimRecipe:
    scenes = tmp_path_factory.mktemp("scenes")
    write_scenes(scenes)
    return tiny_recipe(scenes)


@pytest.fixture(scope="module")
def light(plain: VictimRecipe) -> VictimRecipe:
    """Of the study's architecture, of two of the tasks."""
    return replace(
        plain, name="light", architecture="encoder-decoder", fraction=0.125, optimiser="sgd", momentum=0.9,
        weights=(("segmentation", 1.0), ("depth", 0.5)), learning_rate=0.02, schedule="steps",
    )  # fmt: skip


@pytest.fixture(scope="module")
def robust(plain: VictimRecipe) -> VictimRecipe:
    return replace(plain, name="robust", adversary="pgd", adversary_epsilon=EPSILON, adversary_steps=2)


@pytest.fixture(scope="module")
def generator(plain: VictimRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The card of a generator against the plain victim."""
    out = tmp_path_factory.mktemp("generator")
    list(train_victim(plain, CPU, out / "victim"))
    recipe = GeneratorRecipe(
        name="fooling", victim=str(out / "victim" / "tiny.json"), data=plain.data, ngf=4, num_blocks=1, per_epoch=8,
        phases=((2, 64, 96),), batch_size=2, holdout=5, epsilon=16.0, learning_rate=3e-3,
    )  # fmt: skip
    list(train_generator(recipe, CPU, out / "fooling"))
    return out / "fooling" / "fooling.json"


def finish(stream: Any) -> tuple[Tensor, int]:
    """What a generator of turns returns, and how many it gave."""
    turns = 0
    while True:
        try:
            assert next(stream) == Pause()
            turns += 1
        except StopIteration as end:
            return end.value, turns


def made(adversary: Any, clean: Tensor, targets: Any, places: Tensor, seed: int = 3) -> tuple[Tensor, int]:
    return finish(adversary.replace(clean, places, targets, seed))


class TestPictures:
    @pytest.mark.parametrize("steps", [1, 3])
    @pytest.mark.parametrize("epsilon", [1.0, 8.0])
    def test_stay_in_the_budget_and_raise_the_joint_loss(
        self, robust: VictimRecipe, steps: int, epsilon: float
    ) -> None:
        arena = make_arena()
        recipe = replace(robust, adversary_steps=steps, adversary_epsilon=epsilon)
        adversary = PgdAdversary(recipe, SCENE_TASKS, CPU)
        adversary.renew(arena.victim)
        pictures, turns = made(adversary, arena.pictures, arena.labels, adversary.places(2))
        assert turns == steps, "a turn after each pass"
        assert Budget.from_units("linf", epsilon).contains(pictures, arena.pictures).all()
        assert (pictures - arena.pictures).abs().max() > 0.9 * epsilon / 255
        weights = dict(recipe.weights)
        before, after = (
            sum(weights[t.name] * arena.losses(t, "labels", images) for t in SCENE_TASKS)
            for images in (arena.pictures, pictures)
        )
        assert isinstance(after, Tensor) and (after > before).all()

    def test_are_those_of_the_attack_on_the_network_in_evaluation_mode(self, robust: VictimRecipe) -> None:
        arena = make_arena()
        uniform = tuple((t.name, 1 / 3) for t in SCENE_TASKS)
        adversary = PgdAdversary(replace(robust, weights=uniform, adversary_steps=3), SCENE_TASKS, CPU)
        victim = make_victim().train()  # as it is in a training
        adversary.renew(victim)
        pictures, _ = made(adversary, arena.pictures, arena.labels, adversary.places(2))
        problem: Problem = make_problem(
            CPU.freeze(arena.victim), arena.pictures, arena.labels, Budget.from_units("linf", EPSILON), scope="joint",
            seed=3,
        )  # fmt: skip
        expected = Pgd(num_steps=3)(problem)["joint"]
        assert (pictures - expected).abs().gt(1e-6).float().mean() < 1e-3
        for own, other in zip(victim.buffers(), arena.victim.buffers(), strict=True):
            assert torch.equal(own, other), "statistics have learnt nothing from them"
        assert victim.training

    def test_do_not_depend_on_how_a_batch_is_parted(self, robust: VictimRecipe) -> None:
        arena = make_arena()
        # Of more steps the later ones would start from where rounding has turned a sign.
        adversary = PgdAdversary(replace(robust, adversary_steps=1), SCENE_TASKS, CPU)
        adversary.renew(arena.victim)
        places = adversary.places(2)
        whole, _ = made(adversary, arena.pictures, arena.labels, places)
        for i in range(2):
            cut = {name: target[i : i + 1] for name, target in arena.labels.items()}
            alone, _ = made(adversary, arena.pictures[i : i + 1], cut, places[i : i + 1])
            assert (alone - whole[i : i + 1]).abs().gt(1e-6).float().mean() < 1e-3
        other, _ = made(adversary, arena.pictures, arena.labels, places, seed=4)
        assert (other - whole).abs().gt(1e-3).float().mean() > 0.1, "another step starts elsewhere"

    @pytest.mark.parametrize(("share", "attacked"), [(1.0, 2), (0.5, 1), (0.01, 1)])
    def test_take_the_place_of_a_share_of_the_batch(self, robust: VictimRecipe, share: float, attacked: int) -> None:
        arena = make_arena()
        adversary = PgdAdversary(replace(robust, adversary_share=share), SCENE_TASKS, CPU)
        adversary.renew(arena.victim)
        places = adversary.places(2)
        assert places.tolist() == [0, 1][:attacked] + [-1] * (2 - attacked)
        pictures, _ = made(adversary, arena.pictures, arena.labels, places)
        changed = (pictures != arena.pictures).flatten(1).any(1)
        assert changed.tolist() == [True] * attacked + [False] * (2 - attacked)

    def test_a_generator_draws_for_each_task_in_turn(self, plain: VictimRecipe, generator: Path) -> None:
        recipe = replace(plain, adversary=str(generator), adversary_epsilon=16.0)
        adversary = make_adversary(recipe, SCENE_TASKS, CPU)
        assert isinstance(adversary, GeneratorAdversary) and adversary.builds_on == Card.read(generator).sha256
        arena = make_arena()
        clean = arena.pictures[:1].expand(4, -1, -1, -1)
        pictures, _ = made(adversary, clean, {}, adversary.places(4), seed=0)
        assert Budget.from_units("linf", 16.0).contains(pictures, clean).all()
        assert torch.equal(pictures[0], pictures[3]), "the first task's turn again"
        assert not torch.equal(pictures[0], pictures[1]) and not torch.equal(pictures[1], pictures[2])


def weights_in(folder: Path) -> dict[str, Tensor]:
    state = load_checkpoint(folder)
    assert state is not None
    return {**state["victim"], **{f"average {name}": value for name, value in state["average"].items()}}


def drop_at(stream: Iterator[Event], done: int) -> None:
    for event in stream:
        if isinstance(event, Progress) and event.done == done:
            stream.close()  # type: ignore[attr-defined]
            return
    raise AssertionError("the run ended first")


@pytest.mark.parametrize("kind", ["pgd", "generator", "light", "light-pgd"])
def test_goes_on_as_if_nothing_had_happened(
    plain: VictimRecipe, light: VictimRecipe, robust: VictimRecipe, generator: Path, tmp_path: Path, kind: str
) -> None:
    recipe = {
        "pgd": robust, "generator": replace(plain, adversary=str(generator)), "light": light,
        "light-pgd": replace(light, adversary="pgd", adversary_share=0.5, adversary_steps=1),
    }[kind]  # fmt: skip
    recipe = replace(recipe, phases=((1, 32, 64), (1, 64, 96)))
    whole = list(train_victim(recipe, CPU, tmp_path / "whole"))
    drop_at(train_victim(recipe, CPU, tmp_path / "dropped", checkpoint_every=0.0), 6)
    events = list(train_victim(recipe, CPU, tmp_path / "dropped", resume=True))
    assert events[0] == Message("resumed after step 2 of epoch 2")
    expected = weights_in(tmp_path / "whole")
    for name, value in weights_in(tmp_path / "dropped").items():
        assert torch.equal(value, expected[name]), name
    steps = [event for event in whole if isinstance(event, Progress)]
    assert all(math.isfinite(step.values["loss"]) for step in steps) and len(steps) == 8


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_light_one_learns(light: VictimRecipe, tmp_path: Path, optimiser: str) -> None:
    recipe = replace(light, optimiser=optimiser, phases=((2, 64, 96),), per_epoch=32)
    recipe = replace(recipe, learning_rate=0.02 if optimiser == "sgd" else 0.005)
    losses = [e.values["loss"] for e in train_victim(recipe, CPU, tmp_path) if isinstance(e, Progress)]
    assert sum(losses[-4:]) < 0.7 * sum(losses[:4])
    victim, card = victims.load(str(tmp_path / "light.json"))
    assert card.architecture == "encoder-decoder" and card.options == {"encoder": "resnet18", "fraction": 0.125}
    assert set(victim.tasks) == {"segmentation", "depth"} and card.recipe["optimiser"] == optimiser


def test_runs_in_half_precision(light: VictimRecipe, tmp_path: Path) -> None:
    half = Device(torch.device("cpu"), torch.bfloat16, "CPU, bfloat16")
    recipe = replace(light, adversary="pgd", phases=((1, 32, 64),))
    losses = [e.values["loss"] for e in train_victim(recipe, half, tmp_path) if isinstance(e, Progress)]
    assert len(losses) == 4 and all(math.isfinite(loss) for loss in losses)


def test_memory_that_does_not_suffice_costs_parts_of_attacks_too(
    robust: VictimRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replacing = PgdAdversary.replace

    def hungry(self: PgdAdversary, clean: Tensor, places: Tensor, targets: Any, seed: int) -> Any:
        if len(clean) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return (yield from replacing(self, clean, places, targets, seed))

    monkeypatch.setattr(PgdAdversary, "replace", hungry)
    events = list(train_victim(replace(robust, phases=((1, 32, 64),)), CPU, tmp_path))
    texts = [event.text for event in events if isinstance(event, Message)]
    assert texts[0] == "out of memory on the device: going on with the gradients of 1 at once"
    assert len([event for event in events if isinstance(event, Progress)]) == 4


def test_gradients_in_parts_are_those_of_the_batch(robust: VictimRecipe) -> None:
    training = VictimTraining(robust, CPU)
    training.victim.eval()  # batch norm would look at each part alone
    images, targets = next(batches(training.sources, training.train_places[0][:4], 4))
    found = []
    for training.part in (0, 2):
        values: dict[str, float] = {}
        assert set(training.take_gradients(training._given(images), targets, values)) == {Pause()}
        found.append(values)
    assert found[0]["depth"] == pytest.approx(found[1]["depth"], rel=0.01)


def damage(card_path: Path, data: str) -> float:
    """How many times as large PGD makes the mean loss of a victim on training pictures."""
    victim, card = victims.load(str(card_path))
    training = VictimTraining(VictimRecipe(data=(data,), height=64, input_width=96, holdout=5), CPU)
    clean, labels = next(batches(training.sources, training.train_places[0], 8))
    targets = {name: labels[name] for name in card.tasks}
    budget = Budget.from_units("linf", EPSILON)
    adversarial = Pgd(num_steps=10)(make_problem(victim, clean, targets, budget, scope="joint"))["joint"]
    with torch.no_grad():
        before, after = (
            sum(float(task(name).loss(victim(images)[name], target).mean()) for name, target in targets.items())
            for images in (clean, adversarial)
        )
    return after / before


@pytest.mark.slow
def test_makes_more_robust(light: VictimRecipe, tmp_path: Path) -> None:
    longer = replace(
        light, phases=((12, 64, 96),), per_epoch=48, optimiser="adamw", learning_rate=0.005, schedule="cycle"
    )
    found = {}
    for adversary in ("none", "pgd"):
        recipe = replace(longer, adversary=adversary, adversary_epsilon=EPSILON, adversary_steps=2)
        list(train_victim(recipe, CPU, tmp_path / adversary))
        found[adversary] = damage(tmp_path / adversary / "light.json", light.data[0])
    assert math.log(found["pgd"]) < 0.5 * math.log(found["none"]), found
    card = Card.read(tmp_path / "pgd" / "light.json")
    assert card.summary.endswith("a decoder of its own for each, trained against pgd at 4/255 (L-inf)")
    assert card.recipe["adversary"] == "pgd"


def test_a_generator_that_has_changed_or_fools_others_is_refused(
    plain: VictimRecipe, light: VictimRecipe, generator: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="expected as adversary a generator for some of segmentation, depth; fooling"):
        next(train_victim(replace(light, adversary=str(generator)), CPU, tmp_path / "few"))
    with pytest.raises(ValueError, match=r"expected a generator among .*, got 'nobody'"):
        next(train_victim(replace(plain, adversary="nobody"), CPU, tmp_path / "none"))
    recipe, out = replace(plain, adversary=str(generator)), tmp_path / "out"
    drop_at(train_victim(recipe, CPU, out), 6)
    again = GeneratorRecipe(**{**Card.read(generator).recipe, "data": plain.data, "seed": 5})
    again = replace(again, victim=str(generator.parents[1] / "victim" / "tiny.json"), tasks=tuple(again.tasks))
    again = replace(again, phases=((1, 64, 96),), curriculum=(), weights=())
    list(train_generator(again, CPU, tmp_path / "again"))
    moved = replace(recipe, adversary=str(tmp_path / "again" / "fooling.json"))
    with pytest.raises(ValueError, match="was made with other weights, or another picture, of the same name"):
        next(train_victim(moved, CPU, out, resume=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"adversary": ""}, "expected adversary to be none, pgd or the name of a generator, got nothing"),
        ({"adversary_epsilon": "0"}, r"expected adversary_epsilon in \(0, 16\], in 1/255, got 0"),
        ({"adversary_epsilon": "300"}, r"expected adversary_epsilon in \(0, 16\], in 1/255, got 300"),
        ({"adversary_steps": "0"}, "expected adversary_steps to be in .1, "),
        ({"adversary_steps": "101"}, "expected at most 100 adversary_steps, got 101"),
        ({"adversary_step_size": "9"}, "adversary_step_size of at most twice adversary_epsilon, got 9"),
        ({"adversary_step_size": "-1"}, "expected adversary_step_size to be a finite number of at least 0"),
        ({"adversary_share": "0"}, r"expected adversary_share in \(0, 1\], got 0"),
        ({"adversary_share": "1.5"}, r"expected adversary_share in \(0, 1\], got 1.5"),
        ({"optimiser": "adam"}, "expected an optimiser among adamw, sgd, got 'adam'"),
        ({"momentum": "1"}, "expected a momentum of at most 0.9999, got 1"),
        ({"schedule": "stairs"}, "expected a schedule among cycle, halved, constant, steps, got 'stairs'"),
        ({"spaces": '[["smell", "metres"]]'}, "expected spaces of tasks that have a weight, got one of 'smell'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        override(presets.victim_preset("dmtl-robust"), settings)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"spaces": (("depth", "miles"),)}, "expected depth in a label space among metres.*, got 'miles'"),
        ({"encoder": "vgg"}, "expected an encoder among"),
        ({"fraction": 9.0}, "expected a fraction of the channels"),
        ({"optimiser": "adam"}, "expected an optimiser among adamw, sgd, got 'adam'"),
        ({"backbone": "/nowhere.pth"}, "expected torchvision's weights of resnet18, got /nowhere.pth: No such file"),
    ],
)
def test_recipes_that_make_no_sense_leave_nothing(
    light: VictimRecipe, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        next(train_victim(replace(light, **changed), CPU, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_the_robust_preset_goes_on_from_the_standard_one() -> None:
    names = ("dmtl", "dmtl-robust-start", "dmtl-robust")
    standard, start, robust = (presets.victim_preset(name) for name in names)
    assert (robust.init, start.init, standard.adversary) == ("dmtl-robust-start", "dmtl", "none")
    for recipe in (start, robust):
        assert (recipe.adversary, recipe.adversary_epsilon) == ("pgd", 3.0)
        assert recipe.width == standard.width and recipe.size == standard.size
