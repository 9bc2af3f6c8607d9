"""The generator against the design's checked arithmetic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mta_core import generators, victims, weights
from mta_core.attacks import Mta
from mta_core.generators import ARCHITECTURES, MtaGenerator
from mta_core.generators.resnet import count_parameters, make_decoder, make_encoder
from mta_core.tasks import TASKS
from tests.toys import make_pictures, make_victim, victim_name

NAMES = tuple(task.name for task in TASKS)
every = pytest.mark.parametrize("kind", ARCHITECTURES, ids=lambda kind: kind.architecture)


@pytest.mark.parametrize(
    ("blocks", "encoder", "gap", "mta"),
    [(4, 5_101_632, 16_440_201, 6_236_937), (6, 7_462_976, 23_524_233, 8_598_281),
     (10, 12_185_664, 37_692_297, 13_320_969)],
)  # fmt: skip
def test_has_the_checked_number_of_parameters(blocks: int, encoder: int, gap: int, mta: int) -> None:
    with torch.device("meta"):
        assert count_parameters(make_encoder(64, blocks)) == encoder
        assert count_parameters(make_decoder(64)) == 378_435
        assert sum(count_parameters(MtaGenerator([name], 64, blocks)) for name in NAMES) == gap
        assert count_parameters(MtaGenerator(NAMES, 64, blocks)) == mta


@every
@pytest.mark.parametrize("size", [(64, 64), (30, 41), (17, 23)])
def test_directions_have_the_pictures_size_and_stay_in_range(kind: type[MtaGenerator], size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    directions = kind(NAMES, ngf=4, num_blocks=1)(make_pictures(2, *size))
    assert tuple(directions) == NAMES
    for direction in directions.values():
        assert direction.shape == (2, 3, *size) and direction.dtype == torch.float32
        assert direction.abs().max() <= 1 and direction.std() > 0
    assert not torch.equal(directions["depth"], directions["normals"])


@every
def test_tasks_share_the_encoder_and_nothing_else(kind: type[MtaGenerator]) -> None:
    generator = kind(NAMES, ngf=4, num_blocks=1)
    generator(make_pictures())["depth"].square().sum().backward()
    touched = {name.split(".")[0] for name, p in generator.named_parameters() if p.grad is not None}
    decoders = {name.split(".")[1] for name, p in generator.decoders.named_parameters(prefix="d") if p.grad is not None}
    assert touched == {"encoder", "decoders"} and decoders == {"depth"}


@every
def test_a_pattern_is_there_whatever_the_picture_and_repeats_beside_itself(kind: type[MtaGenerator]) -> None:
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


def test_auto_takes_the_generator_made_for_the_victim(with_generators: Path) -> None:
    ready = generators.ready("auto", victim_name("labels"), ("depth",), "cpu")
    assert ready.tasks == NAMES and not ready.training
    assert ready is generators.ready("against-labels", "whatever", ("normals",), "cpu"), "it is loaded once"
    assert ready is not generators.ready("auto", victim_name("pseudo-targets"), ("depth",), "cpu")
    assert [card.name for card in generators.cards(victim_name("labels"))] == ["against-labels"]


def test_a_generator_for_earlier_weights_of_the_victim_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "RUNS", tmp_path)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nothing")
    spaces = {task.name: task.space for task in TASKS}
    victim = weights.save_weights(
        make_victim(), weights.Card("v", "victim", "dmtl", {"width": 4}, spaces, (64, 64)), tmp_path / "v"
    )
    generator = MtaGenerator(NAMES, ngf=4, num_blocks=1)
    for name, digest in (("earlier", "0" * 64), ("current", victim.sha256)):
        options = {**generator.options(), "victim": "v", "victim_sha256": digest}
        card = weights.Card(name, "generator", "mta", options, spaces, (64, 64))
        weights.save_weights(generator, card, tmp_path / name)
    assert [card.name for card in generators.cards("v")] == ["current"]
    assert generators.choose("auto", "v", NAMES).name == "current"
    assert generators.choose("earlier", "v", NAMES).name == "earlier", "asked for by name it is a transfer"


def test_a_generator_for_several_victims_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "RUNS", tmp_path)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nothing")
    spaces = {task.name: task.space for task in TASKS}
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
    assert generators.choose("auto", victim, tasks).name == generators.choose("auto", text, tasks).name == "g"
    assert Mta().resolve(victim, tasks) == Mta("g")
    assert (Mta("g").made_on("c"), Mta().made_on("c")) == (text, "c")
    other = victims.load("segmentation=b,depth=a")[1]
    assert other.sha256 != victim.sha256 and generators.cards(replace(other, name=text)) == []


def test_says_which_decoder_is_missing(with_generators: Path) -> None:
    with pytest.raises(ValueError, match=r"^the generator against-labels has no decoder for edges$"):
        generators.ready("against-labels", "toy", ("depth", "edges"), "cpu")
