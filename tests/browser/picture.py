"""Takes the pictures of the README again: python tests/browser/picture.py [NAME ...]

Starts the app with results and jobs of its own, goes to each view as a person does, and writes
`assets/readme/NAME.webp`.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import open_first
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from visits import FLAGS, IDLE, settled

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "assets" / "readme"
WIDTH, QUALITY = 1080, 78
PROGRAM = [sys.executable, "-m", "mta_core"]
Act = Callable[[Page], None]


def nothing(page: Page) -> None:
    """What is there at once."""


def whole(page: Page) -> None:
    """When nothing more is computed."""
    settled(page)
    page.wait_for_function("() => !/measuring|Computing/.test(document.body.innerText)")


def below(page: Page) -> None:
    """The part below the pictures."""
    settled(page)
    page.locator('[data-testid="stTabs"]').first.scroll_into_view_if_needed()
    page.evaluate("document.querySelector('[data-testid=\"stTabs\"]').scrollIntoView()")
    page.wait_for_timeout(4000)  # it is filled in
    whole(page)


def inspected(page: Page) -> None:
    """A part of the scene, three times as large, with values at the cursor."""
    settled(page)
    panel = page.locator('.mta-row[data-row="depth"] .mta-open').nth(1)
    panel.hover()
    for _ in range(4):
        page.mouse.wheel(0, -120)
        page.wait_for_timeout(100)
    box = panel.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.6 * box["height"])
    page.wait_for_timeout(1500)


def divided(page: Page) -> None:
    settled(page)
    page.get_by_role("button", name="Divider").click()
    page.wait_for_timeout(500)


def filled(page: Page) -> None:
    """A table, when nothing more is to come."""
    page.wait_for_timeout(2000)
    page.wait_for_function("() => !document.querySelector('.mta-alive')")
    page.wait_for_selector(IDLE)


def swept(page: Page) -> None:
    """Started, and followed to its end."""
    page.get_by_role("button", name="Start").click()
    page.wait_for_selector(".mta-alive")
    filled(page)


def training(page: Page) -> None:
    """Started, and on its way for a while."""
    page.get_by_role("button", name="Start").click()
    page.wait_for_timeout(60_000)


def shared(page: Page) -> None:
    settled(page)
    page.get_by_role("button", name="Share").click()
    page.get_by_label("Link to this view").wait_for()


VIEWS: dict[str, tuple[str, Act, bool]] = {
    "explore-light": ("/", whole, False),
    "explore-dark": ("/?attack=PGD", whole, True),
    "inspector": ("/?attack=PGD", inspected, False),
    "divider": ("/?attack=PGD", divided, True),
    "survival": ("/?detail=Does+it+survive%3F", below, False),
    "surface": ("/?attack=PGD&detail=3-D", below, True),
    "replay": ("/?attack=PGD&detail=Replay&step=7", below, False),
    "share": ("/", shared, False),
    "compare": ("/compare", filled, False),
    "transfer": ("/transfer", whole, False),
    "sweep": ("/sweep", swept, False),
    "vulnerability": ("/vulnerability", filled, False),
    "train": ("/train", training, False),
    "cost": ("/cost", filled, False),
    "jobs": ("/jobs", nothing, False),
    "results": ("/results", nothing, False),
    "library": ("/library", nothing, False),
    "tour": ("/tour?scene=2", nothing, True),
}
"""By name: the address, what is done there, and whether it is dark. Jobs shows what Sweep and Train have started."""


def take(page: Page, address: str, name: str) -> None:
    path, act, is_dark = VIEWS[name]
    page.emulate_media(color_scheme="dark" if is_dark else "light")
    page.goto(address + path)
    page.wait_for_selector(IDLE)
    act(page)
    page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot()))
    small = picture.resize((WIDTH, WIDTH * picture.height // picture.width), Image.Resampling.LANCZOS)
    small.save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)
    print(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"among {', '.join(VIEWS)} (default: all)")
    names = parser.parse_args().names or list(VIEWS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as runs, sync_playwright() as playwright:
        environment = os.environ | {"MTA_RUNS": runs}
        for attack in ("mta", "fgsm", "noise") if {"results", "jobs"} & {*names} else ():
            what = [*"evaluate --data rooms --limit 4 --victim dmtl --epsilon 5 --attack".split(), attack]
            subprocess.run([*PROGRAM, *what], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        command = [sys.executable, "-m", "streamlit", "run", "app/serve.py", "--server.port", str(port)]
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
            page.set_default_timeout(90_000)
            open_first(page, address)
            for name in names:
                take(page, address, name)
        finally:
            server.terminate()
            browser.close()


if __name__ == "__main__":
    main()
