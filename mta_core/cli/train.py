"""`train`: victims and generators."""

from __future__ import annotations

import argparse
import shlex
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mta_core import PROGRAM, devices, distributed, presets, results, weights
from mta_core.cli.choices import in_words
from mta_core.cli.output import check_json, command_line, complain, show, write_json
from mta_core.data import UNLABELLED, kind_of
from mta_core.devices import Device
from mta_core.events import Event
from mta_core.goal import PICTURE
from mta_core.recipe_settings import override, parse_settings
from mta_core.train_generator import GeneratorRecipe, train_generator
from mta_core.train_uap import UapRecipe, train_uap
from mta_core.train_victim import VictimRecipe, train_victim

Recipe = VictimRecipe | GeneratorRecipe | UapRecipe


def run(arguments: argparse.Namespace) -> int:
    out = Path(arguments.out)
    check_json(arguments)
    results.check_folder(out)
    recipe = make_recipe(arguments)
    device = devices.pick(arguments.device)
    begin = time.perf_counter()
    for _ in show(_events(arguments, recipe, device, out)):
        pass
    if not distributed.is_first():  # what was made lies with the first process
        return 0
    card = weights.Card.read(out / f"{recipe.name}.json")
    first = next((found for found, _ in weights.find_cards(card.kind) if found.name == card.name), card)
    if first.sha256 != card.sha256:
        complain(f"other weights are called {card.name} too and come first: use {out / card.name}.json for these")
    made = results.provenance(
        command=command_line(arguments), device=device.label, seed=recipe.seed, seconds=time.perf_counter() - begin,
        weights={card.name: card.sha256}, recipe=asdict(recipe),
    )  # fmt: skip
    write_json(arguments, {"card": asdict(card), "provenance": made})
    return 0


def make_recipe(arguments: argparse.Namespace) -> Recipe:
    """Raises ValueError where the preset or a setting is unknown or makes no sense."""
    settings = parse_settings(arguments.set)
    recipe: Recipe
    if arguments.kind == "victim":
        recipe = override(presets.victim_preset(arguments.preset), settings)
    else:
        if "victim" in settings:
            settings["victim"] = in_words(settings["victim"])
        recipe = override(presets.perturbation_preset(arguments.preset), settings)
    changed = {"seed": arguments.seed, "limit": arguments.limit}
    return replace(recipe, **{key: value for key, value in changed.items() if value is not None})


def command_for_card(arguments: argparse.Namespace, recipe: Recipe) -> str:
    """What to type to make the weights again: paths, which mean nothing elsewhere, are left for the reader to fill."""
    words = ["train", arguments.kind, "--preset", arguments.preset]
    for key, value in parse_settings(arguments.set).items():
        if key == "data":
            value = ",".join(_without_path(text) for text in recipe.data)
        elif value.startswith(PICTURE):
            value = f"{PICTURE}FILE"
        elif value.endswith(".json"):
            value = Path(value).stem
        words += ["--set", f"{key}={value}"]
    for key in ("seed", "limit"):
        if getattr(arguments, key) is not None:
            words += [f"--{key}", str(getattr(arguments, key))]
    return f"{PROGRAM} {shlex.join([*words, '--out', f'runs/{recipe.name}'])}"


def _without_path(data: str) -> str:
    kind, path, is_labelled = kind_of(data)
    name = kind.name if is_labelled else f"{UNLABELLED}:{kind.name}"
    return f"{name}:PATH" if path else name


def _events(arguments: argparse.Namespace, recipe: Recipe, device: Device, out: Path) -> Iterator[Event]:
    options: dict[str, Any] = {"resume": arguments.resume, "command": command_for_card(arguments, recipe)}
    if isinstance(recipe, VictimRecipe):
        return train_victim(recipe, device, out, **options)
    if isinstance(recipe, UapRecipe):
        return train_uap(recipe, device, out, **options)
    return train_generator(recipe, device, out, **options)
