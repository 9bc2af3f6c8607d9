"""The page Sweep in a real browser: charts that fill, stop, go on, and a reload that finds it again."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from visits import IDLE

QUERY = "sweep?attack=FGSM&tasks=Depth&count=2&values_epsilon=1,2,4,16"


def test_a_sweep_is_followed_stopped_gone_on_with_and_found_again(visit: Callable[..., Page]) -> None:
    page = visit(QUERY, ready=False)
    start, stop = page.locator(".st-key-sweep_start button"), page.get_by_role("button", name="Stop")
    expect(start).to_have_text("Start")
    assert "values_epsilon=1%2C2%2C4%2C16" in page.url or "values_epsilon=1,2,4,16" in page.url
    start.click()
    chart = page.locator(".mta-livechart")
    expect(chart).to_have_attribute("aria-label", _with("epsilon 1/255"))
    page.evaluate("() => { document.querySelector('.mta-livechart').isTheFirst = true }")
    page.wait_for_url(lambda url: "job=" in url)
    stop.click()
    expect(start).to_have_text("Go on")
    expect(page.locator(".mta-status")).to_contain_text("of 4 values measured")
    kept = chart.get_attribute("aria-label") or ""
    assert "epsilon 16/255" not in kept
    page.reload()
    expect(start).to_have_text("Go on")
    expect(chart).to_have_attribute("aria-label", kept)
    page.evaluate("() => { document.querySelector('.mta-livechart').isTheFirst = true }")
    start.click()
    expect(chart).to_have_attribute("aria-label", _with("epsilon 16/255"))
    expect(stop).to_have_count(0)
    page.wait_for_selector(IDLE)
    assert chart.get_attribute("data-mounts") == "1"
    assert chart.evaluate("node => node.isTheFirst"), "it was changed in place"
    page.wait_for_function("() => document.querySelectorAll('.mta-livechart .point').length >= 5")
    job = page.url.split("job=")[1].split("&")[0]
    alone = visit(f"sweep?job={job}", ready=False)
    expect(alone.locator(".mta-livechart")).to_have_attribute("aria-label", _with("epsilon 16/255"))
    assert alone.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")


def _with(words: str) -> re.Pattern[str]:
    return re.compile(re.escape(words))
