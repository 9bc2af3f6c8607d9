"""How soon the page follows epsilon, on this machine: python tests/browser/measure_epsilon.py [--drags 10]

Starts the app, or uses the one at `--address`, drags epsilon to and fro with the mouse, lets it go, and prints:

- time from each movement of the mouse that changes epsilon to the frame in which the adversarial picture is repainted;
- time from letting go to the outputs of the new epsilon: every picture decoded, first of the preview, then in float32;
- how many previews of the outputs came while it was dragged, and how long the server took for one;
- what else the machine was busy with.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from measure import open_first
from playwright.sync_api import Page, sync_playwright
from visits import FLAGS, READY, settled

ROOT = Path(__file__).resolve().parents[2]
Taken = dict[str, Any]
TARGETS = (9.0, 3.0, 12.0, 2.0, 14.0, 6.5, 10.5, 1.5, 15.0, 4.0, 11.0, 7.5)
"""Epsilons, each new to the app."""
STEPS, PAUSE = 24, 40  # movements of a drag, and ms between two of them
WATCH = """wanted => {
  const taken = { repainted: [], previews: 0, preview: 0 }
  window.taken = taken
  let moved = 0, seen = 0
  addEventListener('pointermove', ({ timeStamp }) => (moved = timeStamp === seen ? 0 : timeStamp), true)
  const put = CanvasRenderingContext2D.prototype.putImageData
  CanvasRenderingContext2D.prototype.putImageData = function (...what) {
    put.apply(this, what)
    const isAtOnce = window.event?.type === 'pointermove'  // or behind it, when the slider has followed
    const since = isAtOnce ? window.event.timeStamp : moved
    moved = 0
    if (isAtOnce) seen = since
    if (!since || !this.canvas.closest('.mta-stage')) return
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => taken.repainted.push(performance.now() - since)  // behind the frame
      port2.postMessage(0)
    })
  }
  const isReady = READY
  const isPrecise = () => !document.querySelector('.mta-stage .mta-rough')
  const alt = () => document.querySelector('.mta-stage img[alt^="Adversarial picture"]')?.alt
  let last = alt()
  let released = 0
  const look = () => {
    const now = alt()
    if (now !== last) {
      last = now
      if (!released) taken.previews += 1
    }
    if (released && now?.includes(` ${wanted}/255 (`) && isReady()) {
      taken.preview ||= performance.now() - released
      if (isPrecise()) {
        taken.precise = performance.now() - released
        released = 0
        window.finished?.(taken)
      }
    }
    requestAnimationFrame(look)
  }
  look()
  window.released = new Promise((done) => (window.finished = done))
  addEventListener('pointerup', (event) => (released = event.timeStamp), { capture: true, once: true })
}""".replace("READY", READY)


def drag(page: Page, target: float) -> Taken:
    """From where the slider is to an epsilon."""
    slider = page.locator(".st-key-epsilon input[type=range]")
    box = slider.locator("xpath=ancestor::*[contains(@style, 'left')][1]").bounding_box()
    track = slider.locator("xpath=ancestor::*[contains(@style, 'left')][1]/..").bounding_box()
    assert box is not None and track is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    now, low, high = (float(slider.evaluate(f"input => input.{what}")) for what in ("value", "min", "max"))
    way = (target - now) / (high - low) * track["width"]
    page.evaluate(WATCH, f"{target:g}")
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, STEPS + 1):
        page.mouse.move(x + way * step / STEPS, y)
        page.wait_for_timeout(PAUSE)
    page.mouse.up()
    taken: Taken = page.evaluate("window.released")
    return taken


def busy() -> str:
    """The load, and the processes that take more than a tenth of a core, but for those started here."""
    listed = subprocess.run(["ps", "-eo", "pcpu,args", "--sort=-pcpu"], capture_output=True, text=True, check=True)
    lines = [line.split(None, 1) for line in listed.stdout.splitlines()[1:]]
    others = [f"{share} % {what[:60]}" for share, what in lines if float(share) > 10 and "chrom" not in what][:6]
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; " + "; ".join(others)


def report(taken: list[Taken], seconds: float) -> None:
    repainted = sorted(ms for one in taken for ms in one["repainted"])
    middle, late = statistics.median(repainted), repainted[int(0.95 * len(repainted))]
    print(f"{len(repainted)} moves to the repainted picture: median {middle:.1f} ms, 95 % within {late:.1f} ms")
    for kind, words in (("preview", "of a preview"), ("precise", "in float32")):
        times = [one[kind] / 1000 for one in taken]
        middle, late = statistics.median(times), max(times)
        print(f"{len(times)} times let go to every output {words} decoded: median {middle:.2f} s, slowest {late:.2f} s")
    count = sum(one["previews"] for one in taken)
    print(f"previews while dragged: {count}; the last took the server {seconds:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drags", type=int, default=10, help="at most 12")
    parser.add_argument("--address", help="of an app that runs already")
    parser.add_argument("--query", default="", help="of the view, such as ?attack=FGSM")
    arguments = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = arguments.address or f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "app/serve.py", "--server.port", str(port)]
    print(busy())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(240_000)
        server = None if arguments.address else subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            open_first(page, f"{address}/{arguments.query}")
            settled(page)
            taken = []
            for target in TARGETS[: arguments.drags]:
                taken.append(drag(page, target))
                settled(page)
            report(taken, page.evaluate("document.querySelector('.mta-stage').live.told.seconds"))
            print(busy())
        finally:
            if server is not None:
                server.terminate()
            browser.close()


if __name__ == "__main__":
    main()
