"""The steps of an attack as people scrub through them."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from visits import PATIENCE

Visit = Callable[..., Page]
LINK = "?attack=PGD&pgd_num_steps=5&tasks=Depth&detail=Replay"
COMPLETE = """() => {
  const root = document.querySelector('.mta-replay')
  return root && root.header.job.done === root.header.job.count && root.files.size === 1 + 5 + 6
}"""
SCRUB = """async (index) => {
  const root = document.querySelector('.mta-replay')
  const begin = performance.now()
  root.slider.value = index
  root.slider.dispatchEvent(new Event('input'))
  while (root.dataset.step !== String(index) || root.querySelector('[data-waiting="true"]')) {
    await new Promise((done) => requestAnimationFrame(done))
  }
  return performance.now() - begin
}"""
PIXELS = """() => [...document.querySelectorAll('.mta-replay canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  return data.reduce((sum, value) => (31 * sum + value) % 1000003, 0)
})"""


def test_steps_are_scrubbed_without_asking_the_server(visit: Visit) -> None:
    page = visit(LINK, ready=False)
    page.wait_for_function(COMPLETE, timeout=3 * PATIENCE)
    page.evaluate(PIXELS)
    for index in range(6):
        page.evaluate(SCRUB, index)  # every picture is unpacked once
    asked: list[str] = []
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("request", lambda request: asked.append(request.url))
    seen, took = [], []
    for index in (5, 3, 1, 4, 2, 0):
        took.append(page.evaluate(SCRUB, index))
        seen.append(tuple(page.evaluate(PIXELS)))
    assert len(set(seen)) == 6, "every step has pictures of its own"
    assert sorted(took)[len(took) // 2] < 500, took
    assert not [url for url in asked if "/news/" not in url]
    expect(page.locator(".mta-replay output")).to_have_text("Step 0 of 5")
    markers = page.eval_on_selector_all(".mta-replay .mta-marker", "lines => lines.map((l) => l.getAttribute('x1'))")
    assert markers == ["0"]
    page.wait_for_url(re.compile("step=0"))
    page.locator(".mta-replay input[type=range]").press("ArrowRight")
    expect(page.locator(".mta-replay output")).to_have_text("Step 1 of 5")
    page.wait_for_url(re.compile("step=1"))
    page.reload()
    expect(page.locator(".mta-replay output")).to_have_text("Step 1 of 5")


def test_it_plays_to_the_end_by_keyboard_and_slowly_for_those_who_ask_for_calm(visit: Visit) -> None:
    page = visit(LINK + "&step=0", width=390, height=844, dark=True, ready=False)
    page.wait_for_function(COMPLETE, timeout=3 * PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Play").press("Enter")
    page.get_by_role("button", name="Pause").wait_for()
    begin = page.evaluate("performance.now()")
    page.wait_for_function("() => document.querySelector('.mta-replay').dataset.step === '2'", polling=10)
    assert page.evaluate("performance.now()") - begin > 1400
    page.get_by_role("button", name="Pause").press("Enter")
    page.emulate_media(reduced_motion="no-preference")
    page.get_by_role("button", name="Play").press("Enter")
    expect(page.locator(".mta-replay output")).to_have_text("Step 5 of 5")
    page.get_by_role("button", name="Play").wait_for()
