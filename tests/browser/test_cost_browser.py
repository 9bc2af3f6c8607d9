"""The page Cost in a real browser: started, followed, stopped."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from visits import IDLE

WHO = re.compile(r"(GAP|MTA), (4|10) blocks")
"""Whoever has the turn: the status is looked at now and then."""


@pytest.mark.slow
def test_a_measurement_is_started_followed_and_stopped(visit: Callable[..., Page]) -> None:
    page = visit("", ready=False)
    page.get_by_role("link", name="Cost").click()
    row = page.locator(".mta-cost tbody tr").first
    expect(row).to_contain_text("37.69 M")
    expect(row).to_contain_text("275.3 G")
    page.locator(".st-key-cost_attacks").get_by_role("button", name="PGD").click()
    page.wait_for_selector(IDLE)
    page.locator(".st-key-cost_start button").click()
    expect(page.locator(".mta-status.mta-alive")).to_contain_text(WHO)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".st-key-cost_start button")).to_be_visible()
    assert "cost_attacks" in page.url, "the choice is in the address"
    expect(page.locator(".stPlotlyChart").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
