"""The page Results in a real browser: what one page measures or imports the other shows by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from visits import IDLE

from mta_core.store import Store
from tests.runs import make_provenance, make_rows

Visit = Callable[..., Page]
ROW, HEAD = 33, 33
"""Pixels of the table, which is drawn on a canvas."""


@pytest.fixture
def store(server: str, log: Path) -> Iterator[Store]:
    """That of the server, as another process sees it; what a test leaves there is deleted."""
    store = Store(log.parent / "runs" / "results.sqlite")
    yield store
    store.delete([run.id for run in store.find(limit=None)])


def open_results(visit: Visit, query: str = "", **options: object) -> Page:
    page = visit(f"results{query}", ready=False, **options)
    page.wait_for_selector(IDLE)
    return page


def says(page: Page, words: str) -> None:
    expect(page.locator(".mta-status").first).to_contain_text(words)


def choose(page: Page, row: int) -> None:
    table = page.get_by_test_id("stDataFrame").first
    table.locator("canvas").first.wait_for()
    table.click(position={"x": 15, "y": HEAD + ROW * row + ROW // 2})


@pytest.mark.slow
def test_what_others_write_is_found_by_every_page(visit: Visit, store: Store, tmp_path: Path) -> None:
    one, other = open_results(visit), open_results(visit)
    expect(one.locator(".stAlert")).to_contain_text("Nothing is kept here yet")
    store.add(make_rows(), make_provenance())
    for page in (one, other):
        says(page, "1 run:")
    document = {"rows": make_rows(attack="mta"), "provenance": make_provenance(1)}
    (tmp_path / "rows.json").write_text(json.dumps(document, indent=2))
    one.locator(".st-key-found_file input[type=file]").set_input_files(tmp_path / "rows.json")
    expect(one.locator(".stAlert")).to_contain_text("1 run added")
    for page in (one, other):
        says(page, "2 runs")


def test_choose_compare_delete_undo_and_take_away(visit: Visit, store: Store) -> None:
    for number, attack in enumerate(("pgd", "mta", "fgsm")):
        store.add(make_rows(attack=attack, epsilon=number + 2), make_provenance(10 + number))
    page = open_results(visit)
    says(page, "3 runs:")
    choose(page, 0)
    says(page, "3 runs, 1 chosen")
    expect(page.locator(".stCode")).to_contain_text("evaluate --seed 12")
    choose(page, 2)
    expect(page.locator(".mta-transfer thead")).to_contain_text(re.compile("PGD, 2/255, dmtl.*FGSM, 4/255, dmtl"))
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON lines").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert [json.loads(line)["provenance"]["seed"] for line in lines] == [12, 10]
    page.get_by_role("button", name="Delete", exact=True).click()
    says(page, "1 run:")
    page.get_by_role("button", name="Undo").click()
    says(page, "3 runs:")
    search = page.locator(".st-key-found_text input")
    search.fill("mta")
    search.press("Enter")
    page.wait_for_url(re.compile("found_text=mta"))


def test_on_a_phone_nothing_but_tables_scrolls_sideways(visit: Visit, store: Store) -> None:
    for number in range(2):
        store.add(make_rows(epsilon=number + 2), make_provenance(20 + number))
    page = open_results(visit, width=390, height=844, dark=True)
    says(page, "2 runs:")
    table = page.get_by_test_id("stDataFrame").first
    table.locator("canvas").first.wait_for()
    place = table.bounding_box()
    choose(page, 0)
    says(page, "2 runs, 1 chosen")
    assert table.bounding_box() == place, "a second click would miss its row"
    choose(page, 1)
    page.locator(".mta-transfer").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
