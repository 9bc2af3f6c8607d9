"""Rooms of two colours and untrained victims of the short setting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mta_core import victims, weights
from mta_core.study.models import recipe_of
from mta_core.train_recipes import provenance_of
from mta_core.train_victim import OPTIONS, tasks_of
from mta_core.weights import Card
from tests import toys

NUM_ROOMS = 5
MakeVictim = Callable[..., Card]


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rooms")
    toys.write_scenes(root, NUM_ROOMS)
    (root / "camera").mkdir()
    for number in range(NUM_ROOMS):
        (root / "camera" / f"{number:04d}.txt").write_text("1.2\n")
    return root


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where weights are looked for: nowhere else, and none yet."""
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "assets" / "weights")
    return tmp_path / "runs"


@pytest.fixture
def make_victim(runs: Path) -> MakeVictim:
    """Puts a model where a finished training would have left it."""

    def make(letters: str, seed: int = 0, setting: str = "short") -> Card:
        recipe = recipe_of(setting, letters, "rooms")
        spaces = {t.name: t.space for t in tasks_of(recipe)}
        options = {key: getattr(recipe, key) for key in OPTIONS["encoder-decoder"]}
        made = provenance_of(recipe)
        card = Card(recipe.name, "victim", recipe.architecture, options, spaces, recipe.size, recipe=made["recipe"])
        torch.manual_seed(seed)
        victim = victims.build(card)
        toys.stir_batch_norm(victim, toys.make_pictures(4, *recipe.size, seed=seed), seed)
        return weights.save_weights(victim, card, runs / recipe.name)

    return make
