"""The page Transfer as people use it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from visits import READY, settled

Visit = Callable[..., Page]


def open_transfer(page: Page) -> None:
    """From the first page, as its links do."""
    page.get_by_role("link", name="Transfer").click()
    page.wait_for_url(re.compile("/transfer"))
    page.locator('.mta-stage figcaption:text-matches(", attacked$")').first.wait_for()
    page.wait_for_function(READY)


@pytest.mark.slow
def test_both_victims_are_seen_and_a_data_set_fills_in(visit: Visit) -> None:
    page = visit()
    open_transfer(page)
    settled(page)
    other = page.locator(".mta-row").nth(1).locator("figcaption").all_inner_texts()[3].removesuffix(", attacked")
    assert page.locator(".mta-stage img").count() == 16
    page.locator(".mta-transfer").wait_for()
    page.get_by_role("tab", name="Data set").click()
    count = page.locator(".st-key-pictures input")
    count.fill("2")
    count.press("Enter")
    page.wait_for_url(re.compile("pictures=2"))
    page.locator(".st-key-measure button").click()
    page.locator(".st-key-stop_series button").wait_for()
    expect(page.locator(".mta-caption").first).to_contain_text(re.compile(r"[12] of its pictures"))
    page.locator(".st-key-stop_series").wait_for(state="detached")
    expect(page.locator(".mta-caption").first).to_contain_text("2 of its pictures")
    with page.expect_download() as download:
        page.locator(".st-key-get_rows_json button:enabled").click()
    written = json.loads(Path(download.value.path()).read_text())
    assert {(row["source"], row["victim"], row["n"]) for row in written["rows"]} == {
        ("dmtl", "dmtl", 2),
        ("dmtl", other, 2),
    }
    blocks = page.locator(".mta-transfer").first.locator(".mta-group").all_inner_texts()
    assert blocks == [f"tried on {other}", "made on dmtl", "carries over"]
    assert "the paper's" in page.locator(".mta-caption").last.inner_text().lower()


@pytest.mark.slow
def test_a_measurement_is_found_after_a_reload_and_stopped(visit: Visit) -> None:
    """The address keeps the data set, the number of pictures and the attacks."""
    query = "transfer?to=other&attack=PGD&pgd_num_steps=2&tasks=Depth&tables=Data+set&pictures=23&others=FGSM"
    page = visit(query, ready=False)
    page.locator(".st-key-measure button").click()
    page.locator(".mta-transfer").wait_for()
    page.reload()
    page.locator(".st-key-stop_series button").click()
    page.locator(".st-key-measure button").wait_for()
    rows = page.locator(".mta-transfer tbody").first.locator("tr th").all_inner_texts()
    assert [row.partition("\n")[0] for row in rows[1:]] == ["No attack", "Random noise", "PGD", "FGSM"]
    assert page.locator(".st-key-pictures input").input_value() == "23"
    page.get_by_role("link", name="Explore").click()  # a page is left; what was measured stays
    page.wait_for_function("() => location.pathname === '/'")
    page.get_by_role("link", name="Transfer").click()
    page.get_by_role("tab", name="Data set").click()
    page.locator(".mta-transfer").first.wait_for()


def test_on_a_phone_only_the_table_scrolls_sideways(visit: Visit) -> None:
    page = visit(width=390, height=844, dark=True, ready=False)
    page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Transfer").click()
    page.locator(".mta-transfer").wait_for()
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    width = page.locator(".mta-scroll").evaluate("box => [box.scrollWidth, box.clientWidth]")
    assert width[0] > width[1], "the table is as wide as it must be"
