"""What axe-core (Deque Systems) finds on the pages: nothing serious or critical, in any theme and width.

axe-core comes with `axe-playwright-python`, a package of the tests alone; the program itself does not contain it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page
from visits import IDLE, READY, settled

axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
PAGES = ("", "compare", "transfer", "sweep", "vulnerability", "train", "cost", "jobs", "results", "library", "tour")
PARTS = {
    "replay": "?attack=PGD&pgd_num_steps=2&tasks=Depth&detail=Replay",
    "survival": "?tasks=Depth&detail=Does+it+survive%3F",
    "3-D": "?tasks=Depth&detail=3-D",
    "library-generators": "library?library_shelf=Generators",
    "library-data": "library?library_shelf=Data",
}
"""Parts of pages that are seen after a choice."""
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
Look = tuple[dict[str, int], str]
LOOKS = [(WIDE, "light"), (NARROW, "dark"), (WIDE, "dark"), (NARROW, "light")]
RULES = {"resultTypes": ["violations"]}
Visit = Callable[..., Page]


@pytest.mark.parametrize("part", ["one", pytest.param("rest", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_serious_is_found(visit: Visit, name: str, part: str) -> None:
    """One page after the other in light and wide and in dark and narrow; all other ways take minutes."""
    one = LOOKS[PAGES.index(name) % 2]
    looks = [one] if part == "one" else [look for look in LOOKS if look != one]
    page = visit(name, ready=False)
    page.wait_for_selector(IDLE)
    if page.locator(".mta-stage").count():
        page.wait_for_function(READY)
    assert not _found(page, looks)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_nothing_serious_is_found_in_parts(visit: Visit, part: str) -> None:
    page = visit(PARTS[part], ready=False)
    page.wait_for_selector(IDLE)
    if page.locator(".mta-stage").count():
        settled(page)
    assert not _found(page, LOOKS)


def test_nothing_serious_is_found_in_what_is_shared_and_the_whole_screen(visit: Visit) -> None:
    page = visit("?tasks=Depth")
    settled(page)
    page.get_by_role("button", name="Share").click()
    page.get_by_label("Link to this view").wait_for()
    found = _found(page, LOOKS[:2])
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        found += _violations(page)
    assert not found


def _found(page: Page, looks: list[Look]) -> list[str]:
    found = []
    for size, theme in looks:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        found += [f"{size['width']} {theme}: {said}" for said in _violations(page)]
    return found


def _violations(page: Page) -> list[str]:
    page.wait_for_timeout(400)  # colours change slowly
    page.wait_for_selector(IDLE)
    violations = axe.run(page, options=RULES).response["violations"]
    return [told(v) for v in violations if v["impact"] in ("serious", "critical")]


def told(violation: dict[str, Any]) -> str:
    """The rule, and where it is broken."""
    nodes = violation["nodes"]
    places = "; ".join(f"{node['target']} {node['failureSummary'].splitlines()[-1].strip()}" for node in nodes[:4])
    return f"{violation['impact']} {violation['id']} ({len(nodes)}): {places}"
