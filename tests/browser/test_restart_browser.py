"""A server that is killed, and what its people find when it is back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from serving import free_port, serving, visiting
from studio import has_shipped_weights, make_gallery, make_weights

APP = "app/serve.py"
Visit = Callable[..., Page]


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """The environment of servers that share a runs folder."""
    environment = dict(os.environ) | {"MTA_RUNS": str(tmp_path / "runs")}
    if not has_shipped_weights():
        make_weights(tmp_path / "runs")
        make_gallery(tmp_path / "gallery")
        environment["MTA_GALLERY"] = str(tmp_path / "gallery")
    return environment


@pytest.mark.slow
def test_after_a_kill_the_board_offers_to_go_on(
    place: dict[str, str], browser: Browser, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    port, log, query = free_port(), tmp_path / "server.log", "compare?on=Data+set&attacks=PGD&steps=3&count=24"
    with serving(APP, log, place, port) as server, visiting(server.address, log, browser, request.node) as visit:
        page = visit(query, ready=False)
        page.get_by_role("button", name="Start").click()
        expect(page.locator(".mta-status")).to_contain_text("picture 2 of 24")
        page.goto("about:blank")  # a page without its server complains
        server.kill()
    with serving(APP, log, place, port) as server, visiting(server.address, log, browser, request.node) as visit:
        board = visit("jobs", ready=False)
        card = board.locator('[class*="st-key-job_"]')
        expect(card).to_contain_text("The server ended while this was running")
        card.get_by_role("button", name="Go on").click()
        expect(card).to_contain_text("Running")
        page = visit(query, ready=False)
        expect(page.locator(".mta-status")).to_contain_text("of 24")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".mta-status")).to_contain_text("stopped after")
        expect(card).to_contain_text("Ended early")
