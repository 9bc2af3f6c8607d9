"""What several test files need."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mta_core import store, weights
from mta_core.generators import GapGenerator, Patterns
from mta_core.locks import FileLock
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
    """A folder of runs that holds generators trained against the arena's victim.

    Processes that test together share the training of them, and have a copy each.
    """
    folder = tmp_path_factory.mktemp("runs")
    is_alone = "PYTEST_XDIST_WORKER" not in os.environ
    shared = folder if is_alone else tmp_path_factory.getbasetemp().parent / "toy-generators"
    for waits in (False, True):
        for name, options in toy_generators().items():
            lock = FileLock(shared.with_name("toy-locks") / name)
            while not lock.acquire() and waits:
                time.sleep(0.05)  # a lock tells nobody when it is free
            if lock.is_held:
                if not (shared / name).exists():
                    toys.train_toy_generator(arena, folder=shared / name, **options)
                lock.release()
    return folder if is_alone else shutil.copytree(shared, folder, dirs_exist_ok=True)


def toy_generators() -> dict[str, dict[str, Any]]:
    """How each is trained, by its folder."""
    gap, uap = {"method": GapGenerator}, {"method": Patterns, "steps": 40}
    usual: dict[str, dict[str, Any]] = {
        "": {}, "-joint": {"scope": "joint"}, "-gap": {**gap, "steps": 120}, "-gap-joint": {**gap, "scope": "joint"},
        "-universal": {"is_universal": True}, "-uap": uap, "-uap-joint": {**uap, "scope": "joint"},
    }  # fmt: skip
    return {f"{kind}{name}": {"kind": kind, **options} for kind in toys.KINDS for name, options in usual.items()}


@pytest.fixture
def with_generators(toy_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """For this test the program finds the toy generators, and no other weights."""
    monkeypatch.setattr("mta_core.weights.RUNS", toy_runs)
    monkeypatch.setattr("mta_core.weights.SHIPPED", tmp_path / "nothing")
    return toy_runs
