"""The job board as people use it: two browsers, one queue."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]
LONG = "compare?on=Data+set&attacks=PGD&steps=50&tasks=Depth&count={count}"


def start(page: Page) -> None:
    page.get_by_role("button", name="Start").click()


def card(board: Page, words: str):  # type: ignore[no-untyped-def]
    return board.locator('[class*="st-key-job_"]', has=board.locator("h3", has_text=words))


@pytest.mark.slow
def test_two_people_share_the_device(visit: Visit) -> None:
    """One waits for the other, moves up when the first pauses, and both see the same board."""
    first = visit(LONG.format(count=22), ready=False)
    start(first)
    expect(first.locator(".mta-status")).to_contain_text("picture 1 of 22")
    second = visit(LONG.format(count=21), ready=False)
    start(second)
    expect(second.locator(".mta-status")).to_contain_text("Waiting for its turn, 1 job before it")
    board = visit("jobs", ready=False)
    expect(card(board, "22 pictures")).to_contain_text("Running")
    expect(card(board, "21 pictures")).to_contain_text("Waiting")
    card(board, "22 pictures").get_by_role("button", name="Pause").click()
    expect(card(board, "22 pictures")).to_contain_text("Paused")
    expect(second.locator(".mta-status")).to_contain_text("picture 1 of 21")
    expect(first.get_by_role("button", name="Go on")).to_be_visible()
    for words in ("21 pictures", "22 pictures"):
        card(board, words).get_by_role("button", name="Cancel").click()
        expect(card(board, words)).to_contain_text("Cancelled")
    card(board, "21 pictures").get_by_role("button", name="Delete").click()
    expect(card(board, "21 pictures")).to_have_count(0)
    board.get_by_role("button", name="Undo").click()
    expect(card(board, "21 pictures")).to_have_count(1)


@pytest.mark.slow
def test_a_closed_tab_finds_its_job_by_the_boards_link(visit: Visit) -> None:
    page = visit(LONG.format(count=20), ready=False)
    start(page)
    expect(page.locator(".mta-status")).to_contain_text("picture 1 of 20")
    page.close()
    board = visit("jobs", width=390, height=844, ready=False)
    expect(card(board, "20 pictures")).to_contain_text(re.compile("Running"))
    assert board.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    card(board, "20 pictures").get_by_role("link", name="Open").click()
    expect(board.locator(".mta-status")).to_contain_text("of 20")
    board.get_by_role("button", name="Stop").click()
    expect(board.locator(".mta-status")).to_contain_text("stopped after")
    expect(board.get_by_role("button", name="Go on")).to_be_visible()
