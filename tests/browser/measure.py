"""How long a choice takes, from the click to every picture decoded: python tests/browser/measure.py URL [--choices 20]

Needs a running app (`make app`). Prints seconds: the first complete view, then for the default attack the median and
the slowest of several choices of epsilon and scene in turn, each new to the app.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time

from playwright.sync_api import Page, sync_playwright
from visits import FLAGS, READY

CHANGED = """before => {
  const alt = document.querySelector('.mta-stage img[alt^=Adv]')?.alt
  return alt && alt !== before
}"""


def alt(page: Page) -> str:
    return page.locator('.mta-stage img[alt^="Adversarial"]').first.get_attribute("alt") or ""


def choose(page: Page, number: int) -> None:
    if number % 2:
        page.locator(".mta-picker button").nth((number // 2) % page.locator(".mta-picker button").count()).click()
    else:
        page.locator(".st-key-epsilon input[type=range]").focus()
        page.keyboard.press("ArrowRight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--choices", type=int, default=20)
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        begin = time.perf_counter()
        page.goto(arguments.url)
        page.wait_for_function(READY)
        print(f"first complete view {time.perf_counter() - begin:.2f} s")
        taken = []
        for number in range(2, 2 + arguments.choices):
            before = alt(page)
            begin = time.perf_counter()
            choose(page, number)
            page.wait_for_function(CHANGED, arg=before)
            page.wait_for_function(READY)
            taken.append(time.perf_counter() - begin)
            page.wait_for_selector(".mta-status:not(.mta-alive)")
        print(f"{len(taken)} choices: median {statistics.median(taken):.2f} s, slowest {max(taken):.2f} s")
        browser.close()


if __name__ == "__main__":
    main()
