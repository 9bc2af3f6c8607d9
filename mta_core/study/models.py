"""The victims of the study: found where they are, or trained one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace

from mta_core import PROGRAM, weights
from mta_core.devices import Device
from mta_core.events import Event
from mta_core.reproduce.trained import make
from mta_core.study.plan import Probe
from mta_core.study_presets import SETTINGS, named, study_preset
from mta_core.train_recipes import is_same
from mta_core.train_victim import VictimRecipe
from mta_core.weights import Card, WeightsError

USUAL, PAPERS = "rooms", "taskonomy"
"""The data of the short setting and of the paper's."""


def needed(probes: Iterable[Probe]) -> list[str]:
    """The models of these probes by their letters, each once, in the order of their first probes."""
    return list(dict.fromkeys(probe.model for probe in probes))


def stem(setting: str, data: str) -> str:
    """What names of a setting's victims begin with: the setting, and the data where they are not the usual."""
    name = data.partition(":")[0]
    return setting if name == (PAPERS if setting in SETTINGS else USUAL) else f"{setting}-{name}"


def recipe_of(setting: str, letters: str, data: str) -> VictimRecipe:
    """How a model is trained. Of the weighted setting S4 the main task is the first of the letters.

    Raises:
        ValueError: there is no such setting, or it has no such combination of tasks.
    """
    name = named(stem(setting, data), letters)
    return replace(study_preset(f"{setting}:{letters}"), name=name, data=(data,))


def find(recipe: VictimRecipe) -> Card | None:
    """The card of a finished model; None where it is still to be trained.

    Raises:
        WeightsError: weights of this name come with the program, but were trained with other settings.
    """
    try:
        card, path = weights.find_card("victim", recipe.name)
    except WeightsError:
        return None
    is_fit = is_same(card.recipe, recipe)
    if path.parent == weights.RUNS / recipe.name:  # else `make` goes on with it, or says what is wrong
        return card if is_fit and not card.metrics.get("cut") else None
    if not is_fit:
        raise WeightsError(f"expected {recipe.name} to be trained as the study trains it, {path.name} was not")
    return card


def ready(setting: str, letters: str, data: str, device: Device) -> Generator[Event, None, Card]:
    """The card of a model, trained first if it is missing, or trained on if it was stopped; yields what is done.

    Raises:
        ValueError: the setting has no such model, or its training failed.
    """
    recipe = recipe_of(setting, letters, data)
    return find(recipe) or (yield from make(recipe, device, None, _command(setting, letters, recipe)))


def _command(setting: str, letters: str, recipe: VictimRecipe) -> str:
    """What to type to train it alone; paths are left for the reader to fill."""
    name, colon, _ = recipe.data[0].partition(":")
    usual = study_preset(f"{setting}:{letters}")
    words = ["train", "victim", "--preset", f"{setting}:{letters}"]
    if usual.name != recipe.name:
        words += ["--set", f"name={recipe.name}"]
    if usual.data != recipe.data:
        words += ["--set", f"data={name}{colon and ':PATH'}"]
    return f"{PROGRAM} {' '.join([*words, '--out', f'runs/{recipe.name}'])}"
