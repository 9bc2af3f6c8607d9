"""Weights for `--scale paper`: found under `runs/`, or trained there, over as many commands as it takes."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

from mta_core import weights
from mta_core.devices import Device
from mta_core.events import Event, Message
from mta_core.reproduce.recipes import Recipe
from mta_core.results import check_folder
from mta_core.train import Training
from mta_core.train_generator import GeneratorRecipe, GeneratorTraining
from mta_core.train_recipes import is_same
from mta_core.train_run import train
from mta_core.train_victim import VictimTraining
from mta_core.weights import Card


class NotThere(Exception):
    """Weights that a run needs are not there yet; the message says what makes them."""


def make(
    recipe: Recipe, device: Device, deadline: float | None, command: str, victim: Card | None = None
) -> Generator[Event, None, Card]:
    """The card of the finished weights of a recipe in `runs/NAME`; trained, or trained on, if need be.

    Args:
        victim: the card of the victim that a generator is trained against.
        deadline: on the clock of `time.monotonic`, after which no further epoch is begun; None for no end.
        command: what makes the weights, for their card.

    Raises:
        NotThere: the deadline came before the end, and the same call goes on from there.
        ValueError: the training failed; or the folder cannot be written, or holds weights or a run of other settings.
    """
    folder = weights.RUNS / recipe.name
    try:
        card = _finished(recipe, folder, victim)
        if card is not None:
            return card
        if deadline is not None and time.monotonic() >= deadline:
            raise NotThere(f"{recipe.name} is not trained yet: no time was left, the same command goes on")
        check_folder(folder)
        yield Message(f"training {recipe.name}")
        if isinstance(recipe, GeneratorRecipe):
            yield from _until(GeneratorTraining(recipe, device), folder, deadline, command)
        else:
            yield from _until(VictimTraining(recipe, device), folder, deadline, command)
        return Card.read(folder / f"{recipe.name}.json")
    except ValueError as error:  # one line of a table that cannot be made does not cost the others
        raise ValueError(f"{recipe.name} cannot be trained: {error}") from error


def _until(training: Training, folder: Path, deadline: float | None, command: str) -> Generator[Event, None, None]:
    begun: int | None = None
    for event in train(training, folder, resume=True, command=command):
        begun = training.epoch if begun is None else begun
        is_late = deadline is not None and time.monotonic() >= deadline
        # An epoch is whole, or it is lost: the checkpoint follows it. One is always made, so that every call goes on.
        if is_late and begun < training.epoch < training.last_epoch:
            done = f"epoch {training.epoch} of {training.last_epoch}"
            raise NotThere(f"the training of {training.recipe.name} stopped after {done}: the same command goes on")
        yield event


def _finished(recipe: Recipe, folder: Path, victim: Card | None) -> Card | None:
    """The card of weights that were made by this very recipe; None where there are none yet.

    Raises:
        ValueError: those that are there were made by another, or against another victim.
    """
    path = folder / f"{recipe.name}.json"
    if not path.exists():
        return None
    card = Card.read(path)
    if card.metrics.get("cut"):  # it was ended early, and goes on from its checkpoint
        return None
    if not is_same(card.recipe, recipe):
        raise ValueError(f"{path} was trained with other settings than this scale has: move {folder} away")
    if victim is not None and card.options.get("victim_sha256") != victim.sha256:
        raise ValueError(f"{path} was trained against other weights of {victim.name}: move {folder} away")
    return card
