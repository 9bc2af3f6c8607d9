"""What a person waits for, on this machine: python tests/browser/measure.py [--choices 20]

Starts the app as `make app` does, in a browser with an empty profile, and prints:

- seconds from the start of the server to the first complete view;
- median and slowest time from a choice (epsilon and scene in turn, each new to the app) to every picture decoded, with
  the default attack;
- time of PGD with 10 steps, one perturbation for all tasks, from the choice to the result, and how often its chart
  moved;
- peak memory of the server.
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
from visits import FLAGS, READY

ROOT = Path(__file__).resolve().parents[2]
WATCH_CHOICE = """before => {
  const events = ['click', 'keydown']
  const isReady = READY
  window.taken = new Promise(resolve => {
    const chosen = event => {
      events.forEach(name => removeEventListener(name, chosen, true))
      const look = () => {
        const alt = document.querySelector('.mta-stage img[alt^=Adv]')?.alt
        if (alt && alt !== before && isReady()) resolve((performance.now() - event.timeStamp) / 1000)
        else requestAnimationFrame(look)
      }
      look()
    }
    events.forEach(name => addEventListener(name, chosen, true))
  })
}""".replace("READY", READY)
"""Times in the page itself, from the click or key, as a person does: a driver takes a while to make and see one."""
WATCH_CHART = """() => {
  window.moves = new Set()
  const look = () => {
    const line = document.querySelector('.mta-chart polyline')
    if (line) window.moves.add(line.getAttribute('points'))
  }
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true })
}"""


def alt(page: Page) -> str:
    return page.locator('.mta-stage img[alt^="Adversarial"]').first.get_attribute("alt") or ""


def rest(page: Page) -> None:
    page.wait_for_selector(".mta-status:not(.mta-alive)")


def choose(page: Page, number: int) -> None:
    if number % 2:
        scenes = page.locator(".mta-picker button")
        scenes.nth((number // 2) % scenes.count()).click()
    else:
        page.locator(".st-key-epsilon input[type=range]").focus()
        page.keyboard.press("ArrowRight")


def open_first(page: Page, address: str) -> None:
    """The first view; the server may not listen yet."""
    while True:
        try:
            page.goto(address)
            break
        except Error:
            time.sleep(0.05)
    page.wait_for_function(READY)


def measure_choices(page: Page, count: int) -> list[float]:
    taken = []
    for number in range(2, 2 + count):
        page.evaluate(WATCH_CHOICE, alt(page))
        choose(page, number)
        taken.append(page.evaluate("window.taken"))
        rest(page)
    return taken


def measure_pgd(page: Page, address: str) -> tuple[float, int]:
    """Seconds of a joint PGD-10 at 5/255, and different states of its chart that were seen."""
    page.goto(f"{address}/?attack=PGD&scope=One+for+all&pgd_num_steps=1")
    page.wait_for_function(READY)
    rest(page)
    page.evaluate(WATCH_CHART)
    steps = page.locator(".st-key-pgd_num_steps input")
    steps.fill("10")
    begin = time.perf_counter()
    steps.press("Enter")
    page.wait_for_selector(".mta-alive:has-text('step')")
    page.wait_for_function(READY)
    return time.perf_counter() - begin, int(page.evaluate("window.moves.size"))


def peak_memory(process: int) -> float:
    """The largest resident set so far, in GB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choices", type=int, default=20)
    arguments = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "app/serve.py", "--server.port", str(port)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        begin = time.perf_counter()
        server = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL)
        try:
            open_first(page, address)
            print(f"start to the first complete view: {time.perf_counter() - begin:.2f} s")
            rest(page)
            taken = measure_choices(page, arguments.choices)
            print(f"{len(taken)} choices: median {statistics.median(taken):.2f} s, slowest {max(taken):.2f} s")
            seconds, moves = measure_pgd(page, address)
            print(f"PGD-10 for all tasks at once: {seconds:.2f} s, its chart moved {moves} times")
            print(f"peak memory of the server: {peak_memory(server.pid):.2f} GB")
        finally:
            server.terminate()
            browser.close()


if __name__ == "__main__":
    main()
