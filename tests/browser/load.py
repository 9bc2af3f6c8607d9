"""Many people at once, on this machine: python tests/browser/load.py [--browsers 20] [--query "?attack=PGD"]

Starts the app as `make app` does. One browser looks at it and goes; then all open it at the same moment, each with
another scene and epsilon, and wait for the attack they see. Prints how many were served, how long each waited from the
start of loading to every picture and every measure in float32, and the memory of the server before, at its peak, and
after all have gone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.async_api import Browser, Error, async_playwright
from visits import FLAGS, READY

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""Without windows, where there is one of that kind: twenty of them on the server's own processor are load enough."""
PATIENCE = 180_000
"""ms until somebody counts as not served."""
POLLING = 250
"""ms between two looks at a page: at every frame of twenty they would take the processor from the server."""
GONE = 240.0
"""Seconds that the server is given to forget those who left; Streamlit keeps a session for two minutes."""
COMPLETE = """() => (READY)() && !document.querySelector('.mta-stage .mta-rough')""".replace("READY", READY)


def resident(process: int) -> float:
    """GB that a process has in memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e9


async def visit(browser: Browser, address: str) -> tuple[float, float] | None:
    """Seconds to the first pictures and to the last measure; None for one who was not served."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    begin = time.perf_counter()
    try:
        await page.goto(address)
        await page.wait_for_function(READY, polling=POLLING)
        seen = time.perf_counter() - begin
        await page.wait_for_function(COMPLETE, polling=POLLING)
        return seen, time.perf_counter() - begin
    except Error as error:
        shown = await page.locator('[data-testid="stApp"]').evaluate("app => JSON.stringify(app.dataset)")
        status = await page.locator(".mta-status").all_inner_texts()
        print(f"not served: {address}: {error.message.splitlines()[0]} {shown} {status}")
        return None
    finally:
        await context.close()


def addresses(base: str, query: str, count: int) -> list[str]:
    """Each with another scene and epsilon, so that nobody finds what another asked for."""
    join = "&" if query else "?"
    scenes = sorted(path.stem for path in (ROOT / "assets" / "gallery" / "rgb").glob("*.png"))
    chosen = [(scenes[i % len(scenes)], 2 + i % 7) for i in range(count)]
    return [f"{base}/{query}{join}scene={scene}&epsilon={epsilon}" for scene, epsilon in chosen]


async def measure(base: str, query: str, count: int, process: int) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell") or shutil.which("chromium"), args=list(FLAGS)
        )
        await visit(browser, f"{base}/{query}")
        await asyncio.sleep(5)
        before, peak, is_over = resident(process), 0.0, False

        async def watch() -> None:
            nonlocal peak
            while not is_over:
                peak = max(peak, resident(process))
                await asyncio.sleep(0.2)

        watching = asyncio.create_task(watch())
        waits = await asyncio.gather(*(visit(browser, one) for one in addresses(base, query, count)))
        is_over = True
        await watching
        await browser.close()
    served = [wait for wait in waits if wait is not None]
    print(f"{len(served)} of {count} browsers were served")
    for name, times in (("pictures", [w[0] for w in served]), ("every measure", [w[1] for w in served])):
        print(f"{name}: median {statistics.median(times):.1f} s, worst {max(times):.1f} s")
    end, after = time.monotonic() + GONE, resident(process)
    while time.monotonic() < end and after > 1.1 * before:
        await asyncio.sleep(2)
        after = resident(process)
    waited = GONE - (end - time.monotonic())
    print(f"memory: {before:.2f} GB before, {peak:.2f} GB at most, {after:.2f} GB {waited:.0f} s after they left")
    print(f"that is {100 * (after / before - 1):+.0f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--browsers", type=int, default=20)
    parser.add_argument("--query", default="", help="of the page that they open")
    arguments = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "app/serve.py", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"{base}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        asyncio.run(measure(base, arguments.query, arguments.browsers, server.pid))
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    main()
