"""The settings of the robustness study as recipes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
import torch

from mta_core import presets, weights
from mta_core.events import Progress
from mta_core.recipe_settings import override
from mta_core.study_presets import LETTERS, MAIN, SETTINGS, SHORTS
from mta_core.train_victim import VictimTraining, train_victim
from mta_core.victims.encoder_decoder import EncoderDecoder
from tests.toys import CPU

ROOT = Path(__file__).resolve().parents[1]


def test_table_1_is_as_printed() -> None:
    rows = {name: presets.victim_preset(f"{name}:sd") for name in SETTINGS}
    found = {name: (recipe.encoder, recipe.phases[0][0], len(SETTINGS[name].letters)) for name, recipe in rows.items()}
    assert found == {
        "s1": ("resnet18", 150, 11), "s2": ("resnet18", 50, 11), "s3": ("resnet18", 100, 11),
        "s4": ("resnet18", 150, 5), "s5": ("resnet50", 150, 5), "s6": ("xception", 150, 5),
        "s7": ("resnet152", 150, 5), "s8": ("wide_resnet50_2", 150, 5),
    }  # fmt: skip
    for recipe in rows.values():
        assert (recipe.optimiser, recipe.learning_rate, recipe.momentum, recipe.size) == ("sgd", 0.01, 0.99, (256, 256))


@pytest.mark.parametrize("epochs", [50, 100, 150])
def test_rates_are_divided_at_the_papers_epochs_of_150_and_in_proportion_otherwise(epochs: int) -> None:
    setting = {50: "s2", 100: "s3", 150: "s1"}[epochs]
    training = object.__new__(VictimTraining)  # only its learning rates are asked for
    training.recipe = presets.victim_preset(f"{setting}:s")
    assert training.num_epochs == epochs
    rates = [training.learning_rate(epoch / epochs) for epoch in range(epochs)]
    drops = [epoch for epoch in range(1, epochs) if rates[epoch] < rates[epoch - 1]]
    assert drops == {50: [34, 40, 47], 100: [67, 80, 94], 150: [100, 120, 140]}[epochs]
    assert rates[0] == 0.01 and rates[-1] == pytest.approx(1e-5)


def test_the_papers_weights_of_s4() -> None:
    """Section 2, "List of weights"."""
    found = {main + other: presets.victim_preset(f"s4:{main}{other}").weights for main, other in permutations(MAIN, 2)}
    assert all(weights[0] == (LETTERS[pair[0]], 1.0) for pair, weights in found.items())
    second = {pair: weights[1] for pair, weights in found.items()}
    assert all(name == LETTERS[pair[1]] for pair, (name, _) in second.items())
    tenths = {"sD", "sn", "sE", "ds", "dD", "dE", "ns", "nD", "nE", "Ds", "Es", "Ed", "ED", "En"}
    assert {pair for pair, (_, weight) in second.items() if weight == 0.1} == tenths
    assert {pair for pair, (_, weight) in second.items() if weight == 0.01} == set(second) - tenths
    assert presets.victim_preset("s1:sd").weights == (("segmentation", 1.0), ("depth", 1.0))
    assert presets.victim_preset("s1-mean:sd").weights == (("segmentation", 0.5), ("depth", 0.5))


def test_names_differ_also_where_files_have_no_case() -> None:
    pairs = [first + second for first, second in permutations(LETTERS, 2)]
    combinations = [*LETTERS, *pairs, "".join(LETTERS)]
    settings = ("s1", *SHORTS)
    recipes = [presets.victim_preset(f"{setting}:{c}") for setting in settings for c in combinations]
    assert len({recipe.name.lower() for recipe in recipes}) == len(recipes) == len(settings) * (11 + 110 + 1)
    for recipe in recipes:
        assert override(recipe, {"name": recipe.name}) == recipe, "its own settings are sound"


def test_a_short_one_of_all_tasks_can_be_built() -> None:
    recipe = presets.victim_preset(f"short:{''.join(LETTERS)}")
    spaces = dict(recipe.spaces)
    assert spaces == {
        "segmentation": "nyu13", "depth": "log", "euclidean_depth": "log", "normals": "components",
    }  # fmt: skip
    others = {"curvature": "curvatures", "autoencoding": "picture"}
    every = {name: spaces.get(name, others.get(name, "signed")) for name, _ in recipe.weights}
    victim = EncoderDecoder(every, recipe.size, fraction=recipe.fraction)
    assert len(victim.decoders) == 11


def test_a_short_one_of_all_tasks_learns_from_rooms_whose_labels_are_made_for_it(tmp_path: Path) -> None:
    scenes = tmp_path / "scenes"
    shutil.copytree(ROOT / "assets" / "gallery", scenes, ignore=shutil.ignore_patterns("*.txt"))
    recipe = replace(
        presets.victim_preset(f"short:{''.join(LETTERS)}"), data=(f"rooms:{scenes}",), per_epoch=4, limit=4, holdout=4,
        batch_size=2, phases=((1, 48, 64),), height=48, input_width=64,
    )  # fmt: skip
    steps = [event.values for event in train_victim(recipe, CPU, tmp_path / "run") if isinstance(event, Progress)]
    assert all(steps[-1][name] > 0 for name in LETTERS.values())
    held_out = weights.Card.read(tmp_path / "run" / "short-all.json").metrics["held_out"]
    assert {"miou", *(f"{name} mse" for name in list(LETTERS.values())[1:])} <= set(held_out), "of each task its own"


@pytest.mark.parametrize("setting", SHORTS)
def test_short_ones_differ_in_the_encoder_alone_and_are_light(setting: str) -> None:
    recipe = presets.victim_preset(f"{setting}:sd")
    assert replace(recipe, name="", encoder="") == replace(presets.victim_preset("short:sd"), name="", encoder="")
    assert recipe.encoder == SHORTS[setting] and recipe.name == f"{setting}-segmentation-depth"
    spaces = dict(recipe.spaces)
    with torch.device("meta"):
        victim = EncoderDecoder(spaces, recipe.size, recipe.encoder, recipe.fraction)
    assert sum(parameter.numel() for parameter in victim.parameters()) < 6e6, "a few MB each in half precision"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("s9:sd", "expected s1, .*, s8, .*, short, .*, then a colon and letters .*, got 's9:sd'"),
        ("short-vgg:sd", "expected s1, .*, short-xception, .*, then a colon"),
        ("short-xception:ss", "expected different letters"),
        ("s1:", "expected different letters of tasks among sdDnkKeEprA, the main task first, got ''"),
        ("s1:ss", "expected different letters"),
        ("s5:sk", "expected different letters of tasks among sdDnE, the main task first, got 'sk'"),
        ("short:sx", "expected different letters"),
        ("s4:sdn", "expected a main task and one auxiliary, for which the paper has weights, got 'sdn'"),
    ],
)
def test_other_combinations_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        presets.victim_preset(name)
