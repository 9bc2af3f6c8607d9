"""The page Compare as people use it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from visits import settled

Visit = Callable[..., Page]
QUICK = "attacks=FGSM&attacks=PGD&steps=2&tasks=Depth"
"""Two attacks on a task, of few steps: what is tested is the page."""


def go_to_compare(page: Page) -> None:
    page.get_by_role("link", name="Compare").click()
    page.locator(".mta-matrix").wait_for()


def cell(page: Page, attack: str):  # type: ignore[no-untyped-def]
    """The cell of an attack in the first column."""
    return page.locator(f'.mta-fill[data-row="{attack}"]').first


def at_rest(page: Page) -> None:
    page.wait_for_selector(".mta-status:not(.mta-alive)")


def test_the_map_fills_and_a_cell_opens_its_run(visit: Visit) -> None:
    """A running attack is left for the map, and an earlier choice in Explore gives way to the cell's."""
    page = visit("?attack=PGD&pgd_num_steps=30&tasks=Depth&epsilon=8", ready=False)
    page.locator(".mta-chart polyline").first.wait_for(state="attached")
    go_to_compare(page)
    for attack in ("Random noise", "MTA", "FGSM"):
        expect(cell(page, attack).locator("b")).to_have_text(re.compile(r"×\d"))
    expect(page.locator(".mta-status")).to_contain_text("at 8/255 (L-inf) on Room 1")
    link = cell(page, "FGSM").get_attribute("href") or ""
    cell(page, "FGSM").click()
    page.wait_for_function("() => location.pathname === '/'")
    settled(page)
    assert "FGSM, 8/255" in page.locator('.mta-stage img[alt^="Adversarial"]').first.get_attribute("alt")
    precise = page.locator(".mta-measure")
    expect(precise).not_to_contain_text("≈")  # a preview, until float32 has answered
    seen = precise.inner_text()
    other = visit(link.removeprefix("./"))
    settled(other)
    expect(other.locator(".mta-measure")).not_to_contain_text("≈")
    assert other.locator(".mta-measure").inner_text() == seen, "the same address in a new tab"


@pytest.mark.slow
def test_a_data_set_is_started_stopped_and_taken_away(visit: Visit) -> None:
    page = visit(f"compare?on=Data+set&count=24&{QUICK}", ready=False)
    page.get_by_role("button", name="Start").click()
    expect(cell(page, "PGD").locator("b")).to_have_text(re.compile(r"×\d"))
    expect(page.locator(".mta-status")).to_contain_text("of 24")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".mta-status")).to_contain_text("stopped after")
    kept = page.locator(".mta-matrix").inner_text()
    with page.expect_download() as waiting:
        page.locator(".st-key-get_rows_json button").click()
    rows = json.loads(Path(waiting.value.path()).read_text())["rows"]
    counts = {row["n"] for row in rows}
    assert len(counts) == 1 and 1 <= counts.pop() < 24, "every attack has had the same pictures"
    assert {row["attack"] for row in rows} == {"noise", "fgsm", "pgd"}
    page.reload()
    expect(page.locator(".mta-status")).to_contain_text("stopped after")
    assert page.locator(".mta-matrix").inner_text() == kept, "the link shows what was kept"


@pytest.mark.slow
def test_a_reload_finds_the_comparison_that_runs(visit: Visit) -> None:
    page = visit(f"compare?on=Data+set&count=23&{QUICK}", ready=False)
    page.get_by_role("button", name="Start").click()
    expect(cell(page, "FGSM").locator("b")).to_have_text(re.compile(r"×\d"))
    page.reload()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".mta-status")).to_contain_text("stopped after")


def test_two_attacks_are_seen_side_by_side_on_a_phone(visit: Visit) -> None:
    query = "compare?compare=Two+side+by+side&attack_a=FGSM&attack_b=FGSM&epsilon_b=10&tasks=Depth"
    page = visit(query, width=390, height=844, dark=True)
    at_rest(page)
    expect(page.locator(".mta-row")).to_have_count(3)
    expect(page.locator(".mta-stage img")).to_have_count(12)
    assert page.locator("figcaption", has_text="B: FGSM 10/255").count() == 3
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")


@pytest.mark.slow
def test_on_a_phone_the_map_fits_and_stays_a_table(visit: Visit) -> None:
    page = visit("compare?attacks=FGSM&attacks=MTA", width=390, height=844, ready=False)
    for attack in ("MTA", "FGSM"):
        expect(cell(page, attack).locator("b")).to_have_text(re.compile(r"×\d"))
    at_rest(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
    assert page.locator(".mta-name").evaluate_all(cut) == [], "what an attack does is read to its end"
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    found = {role: roles.count(role) for role in ("columnheader", "rowheader", "row")}
    assert found == {"columnheader": 3, "rowheader": 4, "row": 5}
