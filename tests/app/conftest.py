"""The app in this process, on a small stand-in for the shipped weights and scenes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from helpers import settle
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from studio import SIZE, make_classifier, make_gallery, make_generators, make_weights

from app import resources
from app.library import Picture, Shelf, at_size, open_gallery
from app.request import Request
from app.workshop import Workshop
from mta_core import devices, store, weights
from mta_core.attacks import make_attack
from mta_core.budget import Budget
from mta_core.generators import Patterns
from mta_core.tasks import SCENE_TASKS
from mta_core.weights import Card, save_weights
from tests.toys import write_domains

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"


@pytest.fixture(scope="session", autouse=True)
def components_looked_for_once() -> Iterator[None]:
    """Each AppTest looks through all installed packages for components of Streamlit, as a server does once."""
    with pytest.MonkeyPatch.context() as patch:
        known = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", known)
        yield


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("studio")
    make_weights(root / "runs")
    make_gallery(root / "gallery")
    return root


@pytest.fixture(autouse=True)
def jobs_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has a job board with nothing on it; what it left is cancelled."""
    monkeypatch.setattr(resources, "jobs_folder", lambda: tmp_path / "jobs")
    yield
    if (tmp_path / "jobs").is_dir():
        for record in resources.board().records():
            resources.board().cancel(record.id)


@pytest.fixture(autouse=True)
def stand_in(studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "default_path", lambda: tmp_path / store.NAME)
    monkeypatch.setattr(weights, "RUNS", studio / "runs")
    monkeypatch.setattr(weights, "SHIPPED", studio / "none")
    monkeypatch.setenv("MTA_GALLERY", str(studio / "gallery"))
    monkeypatch.delenv("MTA_DATA_ROOTS", raising=False)


@pytest.fixture(scope="session")
def workshop() -> Workshop:
    return Workshop(devices.pick("cpu"))


@pytest.fixture
def gallery() -> Shelf:
    shelf = open_gallery()
    assert shelf is not None
    return shelf


@pytest.fixture
def picture(gallery: Shelf) -> Picture:
    return at_size(gallery.read(0), SIZE)


@pytest.fixture
def request_for(picture: Picture) -> Callable[..., Request]:
    def make(
        attack: str = "mta", scope: Any = "per-task", units: float = 5, norm: str = "linf", **settings: Any
    ) -> Request:
        return Request(
            picture, "dmtl", SCENE_TASKS, make_attack(attack, **settings), scope, Budget.from_units(norm, units)
        )

    return make


@pytest.fixture
def with_generators(studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For this test there are generators of every kind."""
    shutil.copytree(studio / "runs", tmp_path / "runs")
    make_generators(tmp_path / "runs")
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")


@pytest.fixture
def with_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures of objects, an untrained classifier of one domain, and a universal perturbation towards a class."""
    runs, size, tasks = tmp_path / "runs", (64, 64), {"amazon": "office31"}
    make_gallery(tmp_path / "gallery")
    write_domains(tmp_path / "gallery" / "objects", per_class=2)
    make_weights(runs)
    make_classifier(runs, "objects-amazon", "amazon", size)
    pattern = Patterns(["amazon"], size)
    options = {**pattern.options(), "victim": "objects-amazon", "method": "mta"}
    options |= {"instance": "universal", "target": "mug"}
    save_weights(pattern, Card("mug", "generator", "patterns", options, tasks, size), runs / "mug")
    monkeypatch.setattr(weights, "RUNS", runs)
    monkeypatch.setenv("MTA_GALLERY", str(tmp_path / "gallery"))
    return tmp_path


@pytest.fixture
def page() -> Iterator[Callable[..., AppTest]]:
    """Opens a page, the first one unless named, with query parameters and runs it until nothing is being computed."""
    st.cache_resource.clear()

    def open_page(view: str = "", /, **params: str) -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        if view:
            at.switch_page(f"views/{view}.py")
        for key, value in params.items():
            at.query_params[key] = value
        return settle(at.run())

    yield open_page
