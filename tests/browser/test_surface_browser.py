"""The scene in 3-D as people turn it."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect
from visits import settled

Visit = Callable[..., Page]
DRAWN = '.mta-surface[aria-busy="false"][data-fine="true"]'
PIXELS = """() => [...document.querySelectorAll('.mta-surface canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let sum = 0, seen = 0
  for (let i = 0; i < data.length; i += 4) {
    sum = (sum * 31 + data[i] + 7 * data[i + 1] + 13 * data[i + 2]) % 1000003
    seen += data[i + 3] > 0
  }
  return [sum, (4 * seen) / data.length]
})"""


def turned(page: Page, act: Callable[[], object]) -> list[list[float]]:
    """The panels after something that turns them: a check sum and the covered share of each."""
    before = page.locator(".mta-surface").get_attribute("data-view")
    act()
    expect(page.locator(".mta-surface")).not_to_have_attribute("data-view", before or "")
    page.wait_for_selector(DRAWN)
    seen: list[list[float]] = page.evaluate(PIXELS)
    return seen


def test_surfaces_are_turned_together_by_button_keyboard_and_mouse(visit: Visit) -> None:
    page = visit("?detail=3-D")
    settled(page)
    page.wait_for_selector(DRAWN)
    canvases = page.locator(".mta-surface canvas")
    expect(canvases).to_have_count(3)
    first = page.evaluate(PIXELS)
    assert all(share > 0.25 for _, share in first), "there is a surface in every panel"
    box = canvases.nth(1).bounding_box()
    assert box

    def drag() -> None:
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 180, box["y"] + 110, steps=4)
        page.mouse.up()

    canvases.nth(1).scroll_into_view_if_needed()
    box = canvases.nth(1).bounding_box()
    assert box
    panels = page.locator(".mta-surface-panels")
    for act in (
        page.get_by_role("button", name="Turn left").click,
        lambda: panels.press("ArrowUp"),
        lambda: panels.press("+"),
        drag,
    ):
        now = turned(page, act)
        assert all(a[0] != b[0] for a, b in zip(first, now, strict=True)), "all panels turn"
        first = now
    page.get_by_role("radio", name="Lit").click()
    page.wait_for_url(re.compile("surface=lit"))
    page.wait_for_selector(DRAWN)
    lit = page.evaluate(PIXELS)
    assert all(a[0] != b[0] for a, b in zip(first, lit, strict=True))
    shares = [share for _, share in first]
    assert [share for _, share in lit] == pytest.approx(shares, abs=1e-3), "other colours on the same surface"


def test_a_phone_shows_surfaces_one_below_the_other(visit: Visit) -> None:
    page = visit("?detail=3-D&surface=depth", width=390, height=844, dark=True)
    settled(page)
    page.locator(".mta-surface").scroll_into_view_if_needed()
    page.wait_for_selector(DRAWN)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    tops = [page.locator(".mta-surface canvas").nth(i).bounding_box() for i in range(3)]
    assert all(a and b and a["y"] + a["height"] < b["y"] for a, b in pairwise(tops))
    expect(page.get_by_role("radio", name="Depth", exact=True).last).to_be_checked()
