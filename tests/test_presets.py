"""Presets and what `--set` may change of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mta_core import presets
from mta_core.generators import MtaGenerator
from mta_core.generators.resnet import count_parameters
from mta_core.recipe_settings import override, parse_settings
from mta_core.reproduce.recipes import generator_command, victim_presets
from mta_core.train_places import split_places
from mta_core.victims.dmtl import Dmtl


def test_an_epoch_of_the_papers_generators_shows_every_picture_once() -> None:
    (places,), _ = split_places([range(795)], presets.generator_preset("mta-paper").holdout)
    assert {presets.generator_preset(f"{method}-paper").per_epoch for method in ("mta", "gap")} == {len(places)}


def changed(**settings: str) -> object:
    return override(presets.victim_preset("dmtl"), settings)


def test_the_paper_sizes_have_the_papers_parameter_counts() -> None:
    victim, generator = presets.victim_preset("dmtl-paper"), presets.generator_preset("mta-paper")
    assert count_parameters(Dmtl(width=victim.width)) == 25_055_185
    network = MtaGenerator(generator.tasks, generator.ngf, generator.num_blocks)
    assert count_parameters(network) == 13_320_969
    assert (victim.num_epochs if hasattr(victim, "num_epochs") else sum(p[0] for p in victim.phases)) == 200
    assert generator.learning_rate == 2e-4
    assert generator.batch_size == 5


def test_names_of_presets_differ_and_generators_know_their_victim() -> None:
    recipes = [make() for make in (*presets.VICTIMS.values(), *presets.GENERATORS.values(), *presets.UAPS.values())]
    assert len({recipe.name for recipe in recipes}) == len(recipes)
    made = [make() for make in (*presets.GENERATORS.values(), *presets.UAPS.values())]
    assert all(victim_presets(recipe.victim) for recipe in made), "a victim, or one for each task"


def test_settings_are_read_as_the_field_is_typed() -> None:
    recipe = override(
        presets.victim_preset("dmtl"),
        {
            "width": "16",
            "learning_rate": "1",
            "name": "mine",
            "data": "rooms, nyuv2:/a b",
            "phases": "[[1, 96, 128]]",
            "weights": '[["depth", 2]]',
        },
    )
    assert (recipe.width, recipe.learning_rate, recipe.name) == (16, 1.0, "mine")
    assert recipe.data == ("rooms", "nyuv2:/a b")
    assert recipe.phases == ((1, 96, 128),)
    assert recipe.weights == (("depth", 2.0),)
    assert override(recipe, {"data": '["pictures:/a,b"]', "cut_at": "0"}).data == ("pictures:/a,b",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"breadth": "3"}, "expected a setting among name, .*width.*, got 'breadth'"),
        ({"width": "wide"}, "expected width to be a whole number, got 'wide'"),
        ({"width": "1.5"}, "expected width to be a whole number"),
        ({"width": "true"}, "expected width to be a whole number"),
        ({"width": "0"}, "expected width to be in .1, 2147483647., got 0"),
        ({"learning_rate": "NaN"}, "finite number of at least 0"),
        ({"learning_rate": "-1"}, "finite number of at least 0"),
        ({"phases": "[[1, 2]]"}, r"expected phases to be JSON lists of the form \[\[int, int, int\], ...\]"),
        ({"phases": "[]"}, "at least one value for phases"),
        ({"weights": '{"depth": 1}'}, "expected weights to be JSON lists"),
        ({"phases": "[[0, 96, 128]]"}, "expected phases to be in .1, 2147483647., got 0"),
        ({"phases": "[[1, 96, 16]]"}, "expected phases of at least 32x32 pixels"),
        ({"weights": '[["depth", NaN]]'}, "expected weights to be a finite number"),
        ({"cut_at": "-1"}, "expected cut_at to be in .0, 2147483647., got -1"),
        ({"holdout": "1"}, "holdout to be at least 2"),
        ({"height": "16"}, r"expected height and input_width in \[32, 4096\], got \(16, 384\)"),
        ({"name": "a/b"}, "expected a name of letters, digits, dots and hyphens"),
        ({"name": ""}, "expected a name of letters"),
        ({"per_epoch": "1" + 30 * "0"}, "expected per_epoch to be in .1, 2147483647., got 1000"),
        ({"seed": "2147483648"}, "expected seed to be in .0, 2147483647., got 2147483648"),
        ({"phases": 5000 * "["}, "expected phases to be JSON lists"),
        ({"zooms": "[5, 1]"}, "expected zooms as the smallest and the largest, above 0, got 5 and 1"),
        ({"zooms": "[0, 1]"}, "expected zooms as the smallest and the largest, above 0, got 0 and 1"),
        ({"ema": "1"}, "expected ema below 1"),
        ({"weights": '[["depth", 1], ["depth", 2]]'}, "expected one weight for each task"),
        ({"batch_size": "9", "per_epoch": "8"}, "per_epoch to be at least batch_size, 9, got 8"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fooling_rate": "1.5"}, "expected fooling_rate to be at most 1, got 1.5"),
        ({"ngf": "8"}, "expected a setting among name, .*epochs.*, got 'ngf'"),
        ({"epochs": "0"}, "expected epochs to be in .1, 2147483647., got 0"),
        ({"batch_size": "9", "per_epoch": "8"}, "per_epoch to be at least batch_size, 9, got 8"),
    ],
)
def test_universal_perturbations_have_settings_of_their_own(settings: dict[str, str], message: str) -> None:
    recipe = presets.perturbation_preset("uap")
    with pytest.raises(ValueError, match=message):
        override(recipe, settings)
    assert override(recipe, {"norm": "l2", "epochs": "3"}) == replace(recipe, norm="l2", epochs=3)


def test_pieces_need_a_key_and_a_value() -> None:
    assert parse_settings(["a=1", "b = x=y"]) == {"a": "1", "b": "x=y"}
    for piece in ("a", "=1"):
        with pytest.raises(ValueError, match="expected --set key=value"):
            parse_settings([piece])
    with pytest.raises(ValueError, match=r"expected a preset among .*mta-pattern, mta, .*mta-paper.*, got 'dmtl'"):
        presets.generator_preset("dmtl")
    with pytest.raises(
        ValueError, match=r"^expected a preset among .*mta-pattern, .*, uap, uap-objects, .*, got 'dmtl'$"
    ):
        presets.perturbation_preset("dmtl")


def test_the_commands_that_make_shipped_generators_begin_with_what_they_start_from() -> None:
    for method in ("mta", "gap"):
        made = generator_command("dmtl", method, "per-instance", "")
        first, second = made.split(" && ")
        assert "--preset mta-pattern " in first and f"--preset {method} " in second
        assert f"--preset {method}-universal " in generator_command("dmtl", method, "universal", "")
        assert f"--preset {method}-objects-universal-targeted " in generator_command(
            "objects", method, "universal", "bike_helmet"
        )
