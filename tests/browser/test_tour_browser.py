"""The tour as it is shown to an audience."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

Visit = Callable[..., Page]
SEEN = """() => { const images = [...document.querySelectorAll('.mta-tour img')]
  return images.length > 0 && images.every((image) => image.complete && image.naturalWidth > 0) }"""


def test_it_goes_on_without_the_server(visit: Visit) -> None:
    """Every scene, by button, number and key, with the network unplugged."""
    page = visit("tour?scene=2", ready=False)
    title, titles = page.locator(".mta-tour h3"), set()
    page.wait_for_function(SEEN)
    page.context.set_offline(True)
    page.get_by_role("button", name="Scene 1:").click()
    for _ in range(6):
        page.wait_for_function(SEEN)
        titles.add(title.text_content())
        forth = page.get_by_role("button", name="Next")
        if forth.is_enabled():
            forth.click()
    assert len(titles) == 6
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    expect(page).to_have_url(re.compile(r"scene=6"))
    page.get_by_role("button", name="Scene 6:").focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"scene=5"))
    page.keyboard.press("Home")
    expect(page).to_have_url(re.compile(r"scene=1"))


def test_a_link_opens_a_scene_and_full_screen_shows_nothing_else(visit: Visit) -> None:
    page = visit("tour?scene=3", ready=False)
    page.wait_for_function(SEEN)
    expect(page.get_by_role("button", name="Scene 3:")).to_have_attribute("aria-current", "step")
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("() => document.fullscreenElement?.classList.contains('mta-tour')")
    box = page.evaluate("() => { const r = document.fullscreenElement; return [r.scrollHeight, innerHeight] }")
    assert box[0] <= box[1] + 1, "everything is seen without scrolling"
    page.get_by_role("button", name="Leave full screen").click()
    page.wait_for_function("() => !document.fullscreenElement")


def test_on_a_phone_nothing_scrolls_sideways(visit: Visit) -> None:
    page = visit("tour?scene=nonsense", ready=False, width=390, height=844, dark=True)
    page.wait_for_function(SEEN)
    assert not page.evaluate("() => document.documentElement.scrollWidth > innerWidth + 1")
