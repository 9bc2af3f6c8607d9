"""The generator against the design's checked arithmetic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from mta_core import generators, victims, weights
from mta_core.attacks import Mta
from mta_core.generators import GapGenerator, Generator, MtaGenerator, Patterns
from mta_core.generators.resnet import count_parameters, make_decoder, make_encoder
from mta_core.kinds import Aim
from mta_core.tasks import SCENE_TASKS
from tests.toys import make_pictures, make_victim, victim_name

NAMES = tuple(task.name for task in SCENE_TASKS)
every = pytest.mark.parametrize("kind", (MtaGenerator, GapGenerator), ids=lambda kind: kind.architecture)


@pytest.mark.parametrize(
    ("blocks", "encoder", "gap", "mta"),
    [(4, 5_101_632, 16_440_201, 6_236_937), (6, 7_462_976, 23_524_233, 8_598_281),
     (10, 12_185_664, 37_692_297, 13_320_969)],
)  # fmt: skip
def test_has_the_checked_number_of_parameters(blocks: int, encoder: int, gap: int, mta: int) -> None:
    with torch.device("meta"):
        assert count_parameters(make_encoder(64, blocks)) == encoder
        assert count_parameters(make_decoder(64)) == 378_435
        assert count_parameters(GapGenerator(NAMES, 64, blocks)) == gap
        assert count_parameters(MtaGenerator(NAMES, 64, blocks)) == mta


@every
@pytest.mark.parametrize("size", [(64, 64), (30, 41), (17, 23)])
def test_directions_have_the_pictures_size_and_stay_in_range(kind: type[Generator], size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    directions = kind(NAMES, ngf=4, num_blocks=1)(make_pictures(2, *size))
    assert tuple(directions) == NAMES
    for direction in directions.values():
        assert direction.shape == (2, 3, *size) and direction.dtype == torch.float32
        assert direction.abs().max() <= 1 and direction.std() > 0
    assert not torch.equal(directions["depth"], directions["normals"])


@pytest.mark.parametrize(("kind", "encoder"), [(MtaGenerator, "encoder"), (GapGenerator, "encoders.depth")])
def test_tasks_share_the_encoder_or_nothing(kind: type[Generator], encoder: str) -> None:
    generator = kind(NAMES, ngf=4, num_blocks=1)
    generator(make_pictures())["depth"].square().sum().backward()
    touched = {name for name, parameter in generator.named_parameters() if parameter.grad is not None}
    assert touched == {name for name, _ in generator.named_parameters() if name.startswith((encoder, "decoders.depth"))}


@pytest.mark.parametrize("noise_size", [None, (32, 48)], ids=["per-instance", "universal"])
def test_mta_runs_its_encoder_once(noise_size: tuple[int, int] | None) -> None:
    generator = MtaGenerator(NAMES, ngf=4, num_blocks=1, noise_size=noise_size)
    runs: list[int] = []
    generator.encoder.register_forward_hook(lambda module, inputs, output: runs.append(len(output)))
    generator(make_pictures(2, 32, 48))
    assert runs == [2 if noise_size is None else len(NAMES)]


@pytest.mark.parametrize("noise_size", [None, (32, 48)], ids=["per-instance", "universal"])
def test_gap_is_as_many_generators_as_tasks(noise_size: tuple[int, int] | None) -> None:
    generator = GapGenerator(NAMES, ngf=4, num_blocks=1, noise_size=noise_size).eval()
    pictures = make_pictures(2, 32, 48)
    together = generator(pictures)
    for name in NAMES:
        alone = MtaGenerator([name], ngf=4, num_blocks=1, noise_size=noise_size).eval()
        alone.encoder.load_state_dict(generator.encoders[name].state_dict())
        alone.decoders[name].load_state_dict(generator.decoders[name].state_dict())
        if noise_size is not None:
            alone.noise.load_state_dict({name: generator.noise[name]})
        torch.testing.assert_close(alone(pictures)[name], together[name])


@every
def test_universal_ignores_the_picture_and_per_instance_does_not(kind: type[Generator]) -> None:
    torch.manual_seed(0)
    one, other = make_pictures(1, 32, 48, seed=1), make_pictures(1, 32, 48, seed=2)
    for noise_size in (None, (32, 48)):
        generator = kind(NAMES, ngf=4, num_blocks=1, noise_size=noise_size).eval()
        assert generator.is_universal == (noise_size is not None)
        for name, direction in generator(one).items():
            assert torch.equal(direction, generator(other)[name]) == generator.is_universal
            assert not torch.equal(direction, generator(one)["depth" if name != "depth" else "normals"])


@every
def test_universal_directions_are_stored_instead_of_drawn_again(kind: type[Generator]) -> None:
    torch.manual_seed(0)
    generator = kind(NAMES, ngf=4, num_blocks=1, noise_size=(24, 32)).eval()
    patterns = Patterns.of(generator)
    pictures = make_pictures(2, 40, 64)
    for name, direction in generator(pictures).items():
        torch.testing.assert_close(patterns(pictures)[name], direction)
        torch.testing.assert_close(direction[0], patterns.directions[name].detach().repeat(1, 2, 2)[:, :40])
    with pytest.raises(ValueError, match=r"^expected a universal generator"):
        Patterns.of(kind(NAMES, ngf=4, num_blocks=1))


@every
def test_a_pattern_is_there_whatever_the_picture_and_repeats_beside_itself(kind: type[Generator]) -> None:
    torch.manual_seed(0)
    generator = kind(NAMES, ngf=4, num_blocks=1, pattern_size=(24, 32)).eval()
    assert generator.options()["pattern_size"] == [24, 32]
    pictures = make_pictures(2, 40, 64)
    without = generator.before_tanh(pictures)["depth"]
    torch.nn.init.uniform_(generator.patterns["depth"])
    added = generator.before_tanh(pictures)["depth"] - without
    pattern = generator.patterns["depth"].detach()
    torch.testing.assert_close(added[0], pattern.repeat(1, 2, 2)[:, :40], atol=1e-5, rtol=0)
    torch.testing.assert_close(added[0], added[1], atol=1e-5, rtol=0)


def ready_for(name: str, victim: str, tasks: tuple[str, ...]) -> nn.Module:
    return generators.ready(name, generators.choose(name, victim, Aim(tasks)), "cpu")


def test_auto_takes_the_generator_made_for_the_victim(with_generators: Path) -> None:
    ready = ready_for("auto", victim_name("labels"), ("depth",))
    assert ready.tasks == NAMES and not ready.training
    assert ready is ready_for("against-labels", "whatever", ("normals",)), "it is loaded once"
    assert ready is not ready_for("auto", victim_name("pseudo-targets"), ("depth",))
    assert all(card.name.endswith("against-labels") for card in generators.cards(victim_name("labels")))


def test_a_generator_for_earlier_weights_of_the_victim_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "RUNS", tmp_path)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nothing")
    spaces = {task.name: task.space for task in SCENE_TASKS}
    victim = weights.save_weights(
        make_victim(), weights.Card("v", "victim", "dmtl", {"width": 4}, spaces, (64, 64)), tmp_path / "v"
    )
    generator = MtaGenerator(NAMES, ngf=4, num_blocks=1)
    for name, digest in (("earlier", "0" * 64), ("current", victim.sha256)):
        options = {**generator.options(), "victim": "v", "victim_sha256": digest}
        card = weights.Card(name, "generator", "mta", options, spaces, (64, 64))
        weights.save_weights(generator, card, tmp_path / name)
    assert [card.name for card in generators.cards("v")] == ["current"]
    assert generators.choose("auto", "v", Aim(NAMES)).name == "current"
    assert generators.choose("earlier", "v", Aim(NAMES)).name == "earlier", "asked for by name it is a transfer"


def test_a_generator_for_several_victims_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "RUNS", tmp_path)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nothing")
    spaces = {task.name: task.space for task in SCENE_TASKS}
    for seed, name in enumerate(("a", "b")):
        card = weights.Card(name, "victim", "dmtl", {"width": 4}, spaces, (64, 64))
        weights.save_weights(make_victim(seed=seed), card, tmp_path / name)
    text = "segmentation=a,depth=b"
    _, victim = victims.load(text)
    tasks = ("segmentation", "depth")
    generator = MtaGenerator(tasks, ngf=4, num_blocks=1)
    options = {**generator.options(), "victim": victim.name, "victim_sha256": victim.sha256}
    two = {name: spaces[name] for name in tasks}
    weights.save_weights(generator, weights.Card("g", "generator", "mta", options, two, (64, 64)), tmp_path / "g")
    assert generators.choose("auto", victim, Aim(tasks)).name == generators.choose("auto", text, Aim(tasks)).name == "g"
    assert Mta().resolve(victim, Aim(tasks)) == Mta(generator="g")
    assert (Mta(generator="g").made_on("c"), Mta().made_on("c")) == (text, "c")
    other = victims.load("segmentation=b,depth=a")[1]
    assert other.sha256 != victim.sha256 and generators.cards(replace(other, name=text)) == []


def test_says_which_decoder_is_missing(with_generators: Path) -> None:
    with pytest.raises(ValueError, match=r"^the generator against-labels has no decoder for edges$"):
        ready_for("against-labels", "toy", ("depth", "edges"))


@pytest.mark.parametrize(
    ("aim", "method", "is_universal", "sentence"),
    [
        (Aim(NAMES), "gap", False, "is for the attack mta, not gap"),
        (Aim(NAMES), "mta", True, "makes per-instance perturbations, not universal ones"),
        (Aim(NAMES, "joint"), "mta", False, "makes per-task perturbations, not joint ones"),
        (Aim(NAMES, target="depth=1"), "mta", False, "was trained towards no target, not depth=1"),
    ],
)
def test_says_why_a_generator_does_not_do(
    with_generators: Path, aim: Aim, method: str, is_universal: bool, sentence: str
) -> None:
    with pytest.raises(weights.WeightsError) as error:
        generators.choose("against-labels", "toy", aim, method, is_universal)
    assert str(error.value) == f"the generator against-labels {sentence}"
    with pytest.raises(weights.WeightsError, match=r"^no trained .*generator for the victim .* perturbations for "):
        generators.choose("auto", "toy", aim, method, is_universal)
