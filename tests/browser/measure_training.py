"""What a training and the people beside it cost each other, on this machine: python tests/browser/measure_training.py

Starts the app as `make app` does with an empty folder of runs, begins a training with the default setting of the page
Train in a real browser, and prints:

- steps a minute with nobody looking, and with the live page open;
- median and slowest time from a choice in Explore (epsilon and scene in turn) to every picture decoded, meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import measure_choices, open_first, rest
from playwright.sync_api import Page, sync_playwright
from serving import ROOT, free_port
from visits import FLAGS


def steps_done(runs: Path) -> int:
    """Of the only job."""
    (path,) = (runs / "jobs").glob("*/job.json")
    done: int = json.loads(path.read_text())["done"]
    return done


def speed(runs: Path, seconds: float) -> float:
    """Steps a minute, from the end of one step to the end of another."""

    def next_step() -> tuple[float, int]:
        before = steps_done(runs)
        while (now := steps_done(runs)) == before:
            time.sleep(0.05)
        return time.monotonic(), now

    begin, first = next_step()
    while True:
        end, last = next_step()
        if end - begin >= seconds:
            return 60 * (last - first) / (end - begin)


def start_training(page: Page, address: str, runs: Path) -> None:
    page.goto(f"{address}/train?train_minutes=60")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("button", name="Finish now").wait_for()
    while not list((runs / "jobs").glob("*/job.json")) or steps_done(runs) < 3:
        time.sleep(0.2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choices", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=90.0, help="that each speed is measured for")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        runs, port = Path(folder), free_port()
        address = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "streamlit", "run", "app/serve.py", "--server.port", str(port)]
        environment = dict(os.environ) | {"MTA_RUNS": str(runs)}
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(180_000)
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            open_first(page, address)
            start_training(page, address, runs)
            watched = page.url
            alone, seen = [], []
            for _ in range(2):  # in turn, so that what changes by itself counts for both
                page.goto("about:blank")
                alone.append(speed(runs, arguments.seconds))
                page.goto(watched)
                page.locator(".mta-livechart").first.wait_for()
                seen.append(speed(runs, arguments.seconds))
            for name, found in (("nobody looks", alone), ("the live page is open", seen)):
                print(f"{name}: {statistics.mean(found):.1f} steps a minute ({', '.join(f'{s:.1f}' for s in found)})")
            print(
                f"the live page costs {100 * (1 - statistics.mean(seen) / statistics.mean(alone)):.0f} % of the speed"
            )
            open_first(page, address)
            rest(page)
            taken = measure_choices(page, arguments.choices)
            print(
                f"{len(taken)} choices beside it: median {statistics.median(taken):.2f} s, slowest {max(taken):.2f} s"
            )
        finally:
            server.kill()
            server.wait(20)
            browser.close()


if __name__ == "__main__":
    main()
