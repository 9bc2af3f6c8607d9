"""A live chart in a real browser: mounted once, zoom kept while its data change, nothing from another host."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from serving import serving, visiting
from visits import IDLE

SCRIPT = "tests/browser/livechart_page.py"
UPDATES = 50


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    log = tmp_path_factory.mktemp("charts") / "server.log"
    with serving(SCRIPT, log, os.environ) as server:
        yield server.address, log


@pytest.fixture
def visit_charts(
    charts: tuple[str, Path], browser: Browser, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    with visiting(*charts, browser, request.node) as open_page:
        yield lambda **options: open_page(ready=False, **options)


def chart(page: Page, name: str) -> Locator:
    return page.get_by_role("img", name=name)


def drawn(page: Page) -> Page:
    """Waits for both charts."""
    page.wait_for_function("() => document.querySelectorAll('.mta-livechart .scatterlayer .js-line').length === 2")
    page.wait_for_selector(IDLE)
    return page


def x_range(figure: Locator) -> list[float]:
    found: list[float] = figure.locator(".mta-plot").evaluate("node => node._fullLayout.xaxis.range")
    return found


@pytest.mark.slow
def test_charts_are_mounted_once_and_keep_their_zoom_over_many_updates(visit_charts: Callable[..., Page]) -> None:
    page = drawn(visit_charts())
    figure = chart(page, "A wave, turn 0")
    box = figure.bounding_box()
    assert box and box["height"] == 240
    whole = x_range(figure)
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 105, steps=5)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('.mta-plot')._fullLayout.xaxis.autorange === false")
    zoomed = x_range(figure)
    assert whole[0] < zoomed[0] < zoomed[1] < whole[1]
    page.evaluate("() => document.querySelectorAll('.mta-plot').forEach((node) => { node.isTheFirst = true })")

    page.locator(".st-key-run label").click()
    expect(chart(page, f"A wave, turn {UPDATES}")).to_be_visible()
    page.wait_for_function("turn => document.querySelector('.mta-plot').layout.meta.turn === turn", arg=UPDATES)
    assert x_range(chart(page, f"A wave, turn {UPDATES}")) == pytest.approx(zoomed)
    for name in ("A wave", "Another wave"):
        one = chart(page, f"{name}, turn {UPDATES}")
        assert one.get_attribute("data-mounts") == "1"
        assert 2 <= int(one.get_attribute("data-draws") or 0) <= UPDATES + 1, "each state is drawn at most once"
        assert one.locator(".mta-plot").evaluate("node => node.isTheFirst"), "the very node of before"
        assert one.locator(".main-svg").count() == 3, "one plot, of three layers"
    assert page.evaluate("() => document.querySelectorAll('script[src*=plotly]').length") == 1
    page.locator(".st-key-run label").click()
    figure = chart(page, f"A wave, turn {UPDATES}")
    figure.dblclick(position={"x": box["width"] / 2, "y": 100})
    page.wait_for_function("() => document.querySelector('.mta-plot')._fullLayout.xaxis.range[0] <= 0.5")


def test_a_chart_follows_the_theme_and_the_width_of_its_place(visit_charts: Callable[..., Page]) -> None:
    page = drawn(visit_charts())
    ink = "() => getComputedStyle(document.querySelector('.mta-livechart .xtick text')).fill"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => ({ink})() !== light", arg=light)
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_function("""() => [...document.querySelectorAll('.mta-livechart')].every((chart) =>
      Math.abs(chart.querySelector('.main-svg').getBoundingClientRect().width - chart.clientWidth) < 2
      && chart.clientWidth < 700)""")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
