"""The page Library in a real browser: weights come in and go, data are connected and used, cards open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from visits import IDLE, READY

from mta_core.weights import Card, save_weights
from tests.toys import make_victim

Visit = Callable[..., Page]
SPACES = {"segmentation": "nyu13", "depth": "metres", "normals": "unit-camera"}


def open_library(visit: Visit, query: str = "", **options: object) -> Page:
    page = visit(f"library{query}", ready=False, **options)
    page.wait_for_selector(IDLE)
    return page


@pytest.fixture
def toy(tmp_path: Path) -> list[Path]:
    save_weights(make_victim(), Card("toy", "victim", "dmtl", {"width": 4}, SPACES, (64, 64)), tmp_path)
    return [tmp_path / "toy.safetensors", tmp_path / "toy.json"]


@pytest.fixture
def data(log: Path) -> Iterator[Path]:
    """The folder that the operator of the server named; what a test connects is disconnected."""
    yield log.parent / "data"
    (log.parent / "runs" / "connected.json").unlink(missing_ok=True)


def says(page: Page, words: str) -> None:
    expect(page.locator(".mta-status").filter(has_text=words).first).to_be_visible()


def import_weights(page: Page, files: list[Path]) -> None:
    page.locator(".st-key-library_files input[type=file]").set_input_files(files)
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_enabled()
    page.get_by_role("button", name="Import", exact=True).click()


def test_weights_are_imported_removed_and_brought_back(visit: Visit, toy: list[Path]) -> None:
    page = open_library(visit, "?library_text=toy")
    page.locator(".st-key-library_import summary").click()
    card = json.loads(toy[1].read_text())
    toy[1].write_text(json.dumps({**card, "name": "../toy"}))
    import_weights(page, toy)
    expect(page.locator(".stAlert").first).to_contain_text(
        "Nothing imported from toy.safetensors: expected a weight card"
    )
    toy[1].write_text(json.dumps(card))
    page.reload()
    page.locator(".st-key-library_import summary").click()
    import_weights(page, toy)
    expect(page.locator(".stAlert").first).to_contain_text("The victim toy is imported")
    page.locator(".st-key-whole_victim_toy summary").click()
    expect(page.locator(".st-key-whole_victim_toy .mta-facts")).to_contain_text(card["sha256"])
    page.locator(".st-key-remove_victim_toy button").click()
    says(page, "toy removed")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".st-key-card_victim_toy")).to_be_visible()
    page.locator(".st-key-remove_victim_toy button").click()
    says(page, "toy removed")


def test_data_are_checked_connected_and_used(visit: Visit, data: Path) -> None:
    page = open_library(visit, "?library_shelf=Data")
    page.locator(".st-key-library_connect summary").click()
    page.locator(".st-key-check_new button").click()
    expect(page.locator(".mta-check")).to_contain_text("3 pictures, all read")
    page.locator(".st-key-connect_new button").click()
    says(page, "3 data sets")
    connected = page.locator("[class*=st-key-card_connected]")
    expect(connected).to_contain_text(str(data / "scenes"))
    connected.get_by_role("button", name="Use in Explore").click()
    expect(page.get_by_role("radio", name="NYUv2")).to_be_checked()
    page.wait_for_function(READY)
    page.get_by_role("link", name="Library").click()
    page.get_by_role("radio", name="Data").click()
    says(page, "3 data sets")
    page.wait_for_selector(IDLE)
    page.get_by_role("button", name="Disconnect").click()
    says(page, "disconnected")


def test_on_a_phone_nothing_but_tables_scrolls_sideways(visit: Visit) -> None:
    page = open_library(visit, "?library_shelf=Generators", width=390, height=844, dark=True)
    says(page, "generator")
    first = page.locator("[class*=st-key-whole_generator]").first
    first.locator("summary").click()
    first.locator(".mta-facts").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
