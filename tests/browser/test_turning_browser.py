"""From page to page, by a person who is quick."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

CLICK = """(() => {
  let isClicked = false
  const click = () => document.querySelector('[data-testid="stTopNavLink"][href$="/cost"]').click()
  new MutationObserver(() => {
    if (isClicked || !document.querySelector('.mta-stage')) return
    isClicked = true
    DELAY ? setTimeout(click, DELAY) : click()
  }).observe(document, { subtree: true, childList: true })
})()"""
"""Clicks at the moment the first pictures get their place, when the page asks the server for their files."""


@pytest.mark.parametrize("delay", [0, 5, *(pytest.param(delay, marks=pytest.mark.slow) for delay in (10, 15, 20, 50))])
def test_a_click_while_the_first_page_is_being_drawn_shows_the_other(visit: Callable[..., Page], delay: int) -> None:
    page = visit("", ready=False, script=CLICK.replace("DELAY", str(delay)))
    expect(page.locator(".mta-cost tbody tr").first).to_contain_text("37.69 M")
