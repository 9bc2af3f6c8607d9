"""Times of the inspector, on this machine: python tests/browser/measure_inspector.py [--moves 200] [--updates 50]

Starts the app, moves the mouse over its pictures, then epsilon by key, and prints:

- median and slowest time from a move of the mouse, as the browser stamps it, until the values of all panels are in the
  page and the next frame begins;
- how often the component was mounted, and in how many updates the zoom, the place and the very same element stayed;
- median time from the key to the values of the new result at the cursor.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright
from visits import FLAGS, settled

ROOT = Path(__file__).resolve().parents[2]
SLIDER = ".st-key-epsilon input[type=range]"
WATCH = """() => {
  window.taken = []
  const stage = document.querySelector('.mta-stage')
  addEventListener('pointermove', (event) => {
    const { pageX, pageY, timeStamp } = event
    // After the stage's own listeners: the values are in the page. A frame begins, and with the next one it is seen.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const told = [...document.querySelectorAll('.mta-rows .mta-value:not([hidden])')].map((v) => v.textContent)
      window.taken.push({ ms: performance.now() - timeStamp, told: told.join('|') })
    }))
  })
}"""
TOLD = """() => {
  const values = [...document.querySelectorAll('.mta-rows .mta-value:not([hidden])')]
  return values.length > 0 && values.every((value) => value.textContent && value.textContent !== '…')
}"""
CHANGED = "shown => document.querySelector('.mta-stage img[alt^=Adversarial]').alt !== shown"
VIEW = """() => {
  const stage = document.querySelector('.mta-stage')
  return [stage.dataset.mounts, Boolean(stage.isTheFirst), stage.view.zoom, stage.view.x, stage.view.y]
}"""


def open_first(page: Page, address: str) -> None:
    """The first view; the server may not listen yet."""
    while True:
        try:
            page.goto(address)
            break
        except Error:
            time.sleep(0.05)
    settled(page)


def measure_moves(page: Page, count: int) -> list[float]:
    """ms from each move of the mouse to the frame with its values."""
    box = page.locator(".mta-rows .mta-frame").nth(4).bounding_box()
    assert box, "a picture is on the page"
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.wait_for_function(TOLD)
    page.evaluate(WATCH)
    for number in range(count):
        x, y = (number * 37) % 180, (number * 23) % 120
        page.mouse.move(box["x"] + 10 + x * box["width"] / 210, box["y"] + 10 + y * box["height"] / 160)
        page.wait_for_function("number => window.taken.length > number", arg=number)
    found = page.evaluate("window.taken")
    assert all("…" not in one["told"] for one in found), "every value was there"
    assert len({one["told"] for one in found}) > count // 3, "the values follow"
    return [one["ms"] for one in found]


def measure_updates(page: Page, count: int) -> tuple[str, int, list[float]]:
    """Mounts after so many updates, in how many of them view and element stayed, and seconds until the values are
    those of the new result."""
    box = page.locator(".mta-rows .mta-frame").nth(4).bounding_box()
    assert box, "a picture is on the page"
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"])
    for _ in range(3):
        page.mouse.wheel(0, -200)
    page.wait_for_function("() => document.querySelector('.mta-stage').view.zoom > 2")
    page.evaluate("() => { document.querySelector('.mta-stage').isTheFirst = true }")
    before, same, taken = page.evaluate(VIEW), 0, []
    slider = page.locator(SLIDER)
    for number in range(count):
        shown = page.locator(".mta-stage img[alt^=Adversarial]").first.get_attribute("alt")
        slider.focus()
        begin = time.perf_counter()
        page.keyboard.press("ArrowRight" if number // 20 % 2 == 0 else "ArrowLeft")
        page.wait_for_function(CHANGED, arg=shown)
        settled(page)
        page.wait_for_function(TOLD)
        taken.append(time.perf_counter() - begin)
        same += page.evaluate(VIEW) == before
    return page.evaluate(VIEW)[0], same, taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--updates", type=int, default=50)
    arguments = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app/serve.py", "--server.port", str(port)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        server = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL)
        try:
            open_first(page, f"http://127.0.0.1:{port}")
            taken = measure_moves(page, arguments.moves)
            median, slowest = statistics.median(taken), max(taken)
            print(f"{len(taken)} moves to the values: median {median:.0f} ms, slowest {slowest:.0f} ms")
            mounts, same, seconds = measure_updates(page, arguments.updates)
            print(f"{arguments.updates} updates: mounted {mounts} times, zoom and place kept in {same}")
            print(f"epsilon to the new values at the cursor: median {statistics.median(seconds):.2f} s")
        finally:
            server.terminate()
            browser.close()


if __name__ == "__main__":
    main()
