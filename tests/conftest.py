"""What several test files need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mta_core import store, weights
from mta_core.generators import GapGenerator, Patterns
from tests import toys

torch.set_num_threads(1)  # small tensors gain nothing from more, and lose much where the machine is busy


@pytest.fixture(scope="session", autouse=True)
def own_results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests that use the real folder of runs keep their results elsewhere."""
    real, folder = weights.RUNS, tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "default_path", lambda: (folder if weights.RUNS == real else weights.RUNS) / store.NAME)
        yield


@pytest.fixture(scope="session")
def data_pack() -> Path:
    """The folder of the data pack (real pictures that the project may not contain); tests skip where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MTA_DATA", beside))
    if not folder.is_dir():
        pytest.skip("the data pack is not here: set MTA_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def arena() -> toys.Arena:
    """A small frozen victim with pictures, labels and clean outputs."""
    return toys.make_arena()


@pytest.fixture(scope="session")
def toy_runs(arena: toys.Arena, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs that holds generators trained against the arena's victim."""
    folder = tmp_path_factory.mktemp("runs")
    for kind in toys.KINDS:
        toys.train_toy_generator(arena, kind, folder / kind)
        toys.train_toy_generator(arena, kind, folder / f"{kind}-joint", scope="joint")
        toys.train_toy_generator(arena, kind, folder / f"{kind}-gap", GapGenerator, steps=120)
        toys.train_toy_generator(arena, kind, folder / f"{kind}-gap-joint", GapGenerator, "joint")
        toys.train_toy_generator(arena, kind, folder / f"{kind}-universal", is_universal=True)
        toys.train_toy_generator(arena, kind, folder / f"{kind}-uap", Patterns, steps=40)
        toys.train_toy_generator(arena, kind, folder / f"{kind}-uap-joint", Patterns, "joint", steps=40)
    return folder


@pytest.fixture
def with_generators(toy_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """For this test the program finds the toy generators, and no other weights."""
    monkeypatch.setattr("mta_core.weights.RUNS", toy_runs)
    monkeypatch.setattr("mta_core.weights.SHIPPED", tmp_path / "nothing")
    return toy_runs
