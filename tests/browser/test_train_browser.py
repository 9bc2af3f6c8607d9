"""A training as people watch it: started with tiny settings, paused, seen by link, finished, and used."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from visits import IDLE, settled

Visit = Callable[..., Page]
NAME = "quick-look"


def type_into(page: Page, key: str, text: str) -> None:
    field = page.locator(f".st-key-{key} input")
    field.fill(text)
    field.press("Enter")
    page.wait_for_selector(IDLE)


def steps(page: Page) -> int:
    found = re.search(r"(\d+) of \d+ steps", page.locator(".mta-standing").inner_text())
    return int(found[1]) if found else 0


def further_than(page: Page, step: int) -> None:
    page.wait_for_function(
        "(step) => Number(/(\\d+) of \\d+ steps/.exec(document.querySelector('.mta-standing')?.innerText)?.[1]) > step",
        arg=step,
    )  # fmt: skip


def test_a_training_is_started_watched_and_used(visit: Visit) -> None:
    page = visit("train", ready=False)
    page.wait_for_selector(IDLE)
    type_into(page, "train_name", NAME)
    page.get_by_text("More settings").click()
    type_into(page, "train_ngf", "2")
    type_into(page, "train_blocks", "1")
    page.get_by_role("button", name="Start").click()
    further_than(page, 0)
    job = page.url
    assert "job=" in job
    chart = page.get_by_label(re.compile("^Fooling loss of each task"))
    expect(chart.first).to_be_visible()
    first = steps(page)
    further_than(page, first)
    expect(page.locator(".mta-stage img").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"After step \d+"))).to_be_visible()

    other = visit(f"train?{job.partition('?')[2]}", width=390, height=844, ready=False)
    expect(other.locator(".mta-state")).to_have_text("Running")
    assert other.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".mta-state")).to_have_text("Paused")
    expect(other.locator(".mta-state")).to_have_text("Paused")
    at = steps(page)
    other.get_by_role("button", name="Go on").click()
    further_than(page, at)

    page.get_by_role("button", name="Finish now").click()
    expect(page.locator(".mta-state")).to_have_text("Ended early")
    expect(page.get_by_text(f"{NAME} is finished")).to_be_visible()
    page.get_by_role("link", name="Try it in Explore").click()  # what no menu has is dropped from a link
    expect(page.locator(".st-key-mta_generator").get_by_role("combobox")).to_have_value(NAME)
    settled(page)
    other.get_by_role("button", name="New training").click()
    expect(other.get_by_role("button", name="Start")).to_be_visible()
    assert "job=" not in other.url
    link, line = (other.locator(f".mta-line{part}").first.bounding_box() for part in (" .mta-link", ""))
    assert link and line and link["x"] == line["x"], "not indented"
