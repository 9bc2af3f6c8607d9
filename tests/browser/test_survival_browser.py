"""The tab "Does it survive?" as people use it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from visits import settled

Visit = Callable[..., Page]
DONE = """() => {
  const cells = [...document.querySelectorAll('.mta-transfer td')]
  const shown = [...document.querySelectorAll('.mta-pair img')]
  const areWhole = shown.length > 0 && shown.every((image) => image.complete && image.naturalWidth > 0)
  return areWhole && cells.length > 0 && cells.every((cell) => cell.textContent !== '…')
}"""


def test_it_fills_in_and_follows_what_is_chosen(visit: Visit) -> None:
    page = visit("?victim=other&tasks=Depth&detail=Does+it+survive%3F")
    page.wait_for_function(DONE)
    chart = page.locator(".mta-livechart")
    expect(chart).to_have_attribute("aria-label", re.compile("Depth: Absolute error after JPEG.*quality 10:"))
    page.locator(".st-key-survive_jpeg [role=slider], .st-key-survive_jpeg input[type=range]").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator('.mta-pair img[alt$="after JPEG quality 50"]').first).to_be_visible()
    page.wait_for_url(re.compile("survive_jpeg=50"))
    page.locator(".st-key-survive input").click()
    page.get_by_role("option", name="Blur").click()
    expect(chart).to_have_attribute("aria-label", re.compile("after Blur.*3 px:"))
    page.wait_for_function(DONE)
    page.wait_for_url(re.compile("survive=Blur"))
    assert chart.get_attribute("data-mounts") == "1", "the chart stays while it fills in"
    settled(page)
