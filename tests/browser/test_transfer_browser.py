"""The page Transfer as people use it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from visits import PATIENCE, READY, settled

Visit = Callable[..., Page]


def open_transfer(page: Page) -> None:
    """From the first page, as its links do."""
    page.get_by_role("link", name="Transfer").click()
    page.wait_for_url(re.compile("/transfer"))
    page.locator('.mta-stage figcaption:text-matches(", attacked$")').first.wait_for()
    page.wait_for_function(READY)


def test_both_victims_are_seen_and_a_data_set_fills_in(visit: Visit) -> None:
    page = visit()
    open_transfer(page)
    settled(page)
    other = page.locator(".mta-row").nth(1).locator("figcaption").all_inner_texts()[3].removesuffix(", attacked")
    assert page.locator(".mta-stage img").count() == 16
    page.locator(".mta-table").wait_for()
    page.get_by_role("tab", name="Data set").click()
    count = page.locator(".st-key-pictures input")
    count.fill("2")
    count.press("Enter")
    page.wait_for_url(re.compile("pictures=2"))
    page.locator(".st-key-measure button").click()
    page.locator(".st-key-stop_series button").wait_for()
    expect(page.locator(".mta-caption")).to_contain_text(re.compile(r"[12] of its pictures"), timeout=PATIENCE)
    expect(page.locator(".mta-caption")).to_contain_text("2 of its pictures", timeout=PATIENCE)
    page.locator(".st-key-stop_series").wait_for(state="detached")
    with page.expect_download() as download:
        page.locator(".st-key-get_rows_json button:enabled").click()
    written = json.loads(Path(download.value.path()).read_text())
    assert {(row["source"], row["victim"], row["n"]) for row in written["rows"]} == {
        ("dmtl", "dmtl", 2),
        ("dmtl", other, 2),
    }
    head = page.locator(".mta-table thead").inner_text()
    assert "made on dmtl" in head and f"tried on {other}" in head


def test_on_a_phone_only_the_table_scrolls_sideways(visit: Visit) -> None:
    page = visit(width=390, height=844, dark=True, ready=False)
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Transfer").click()
    page.locator(".mta-table").wait_for()
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    width = page.locator(".mta-scroll").evaluate("box => [box.scrollWidth, box.clientWidth]")
    assert width[0] > width[1], "the table is as wide as it must be"
