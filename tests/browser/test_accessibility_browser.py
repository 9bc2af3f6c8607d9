"""What axe-core (Deque Systems) finds on the pages: nothing serious or critical, in any theme and width.

axe-core comes with `axe-playwright-python`, a package of the tests alone; the program itself does not contain it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page
from visits import IDLE, READY

axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
PAGES = ("", "compare", "transfer", "sweep", "vulnerability", "train", "cost", "jobs", "results", "tour")
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
Look = tuple[dict[str, int], str]
OFTEN, REST = [(WIDE, "light"), (NARROW, "dark")], [(WIDE, "dark"), (NARROW, "light")]
RULES = {"resultTypes": ["violations"]}
Visit = Callable[..., Page]


@pytest.mark.parametrize("looks", [OFTEN, pytest.param(REST, marks=pytest.mark.slow)], ids=["often", "rest"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_serious_is_found(visit: Visit, name: str, looks: list[Look]) -> None:
    page = visit(name, ready=False)
    page.wait_for_selector(IDLE)
    if page.locator(".mta-stage").count():
        page.wait_for_function(READY)
    found = []
    for size, theme in looks:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(400)  # colours change slowly
        page.wait_for_selector(IDLE)
        violations = axe.run(page, options=RULES).response["violations"]
        found += [f"{size['width']} {theme}: {told(v)}" for v in violations if v["impact"] in ("serious", "critical")]
    assert not found, "\n".join(found)


def told(violation: dict[str, Any]) -> str:
    """The rule, and where it is broken."""
    nodes = violation["nodes"]
    places = "; ".join(f"{node['target']} {node['failureSummary'].splitlines()[-1].strip()}" for node in nodes[:4])
    return f"{violation['impact']} {violation['id']} ({len(nodes)}): {places}"
