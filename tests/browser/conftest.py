"""A server started as people start it, and a real Chromium that notices everything a person would not."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Response, sync_playwright
from studio import has_shipped_weights, make_gallery, make_other, make_weights
from visits import FLAGS, PATIENCE, READY

ROOT = Path(__file__).resolve().parents[2]


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed  # type: ignore[attr-defined]
    return report  # type: ignore[return-value]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server prints."""
    return tmp_path_factory.mktemp("server") / "server.log"


@pytest.fixture(scope="session")
def server(log: Path) -> Iterator[str]:
    """The address of the running app, with the shipped weights and scenes where they are there, and one more victim."""
    root = log.parent
    environment = dict(os.environ) | {"MTA_RUNS": str(root / "runs")}
    make_other(root / "runs")
    if not has_shipped_weights():
        make_weights(root / "runs")
    if not (ROOT / "assets" / "gallery" / "rgb").is_dir():
        make_gallery(root / "gallery")
        environment["MTA_GALLERY"] = str(root / "gallery")
    with serving("app/serve.py", log, environment) as address:
        yield address


@contextmanager
def serving(script: str, log: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """The address of a server of its own for a script."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)  # the server itself cannot be waited for in another way
    pytest.fail(f"the server does not answer: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        if executable is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("NO BROWSER: install chromium to run the tests in a real browser")
        try:
            chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        except Error as error:  # libraries of the system that the browser needs are missing
            pytest.skip(f"NO BROWSER: it does not start: {error.message.splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture
def visit(server: str, log: Path, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens a page in a fresh profile; at the end nothing may have gone wrong in any of them.

    What was on the pages of a failed test is printed.
    """
    with visiting(server, log, browser, request.node) as open_page:
        yield open_page


@contextmanager
def visiting(server: str, log: Path, browser: Browser, test: pytest.Item) -> Iterator[Callable[..., Page]]:
    """The same for any server."""
    pages: list[Page] = []
    wrong: list[str] = []

    def open_page(
        query: str = "",
        *,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        ready: bool = True,
        script: str = "",
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", accept_downloads=True
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.add_init_script(script)
        page.on("console", lambda m: wrong.append(f"console: {m.text}") if _is_error(m) else None)
        page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
        page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if _is_wrong(r) else None)
        page.on("request", lambda r: wrong.append(f"left the machine: {r.url}") if not _is_local(r.url) else None)
        pages.append(page)
        page.goto(f"{server}/{query}")
        if ready:
            page.wait_for_function(READY)
        return page

    yield open_page
    for page in pages:
        if test.stash.get(FAILED, False):
            state = page.locator('[data-testid="stApp"]').evaluate("app => JSON.stringify(app.dataset)")
            print(page.url, state, page.locator("body").aria_snapshot(), sep="\n")
            print(log.read_text()[-4000:])
        page.context.close()
    assert not wrong, wrong


def _is_probe(url: str) -> bool:
    """Whether Streamlit's browser side looks for its server below the name of a page, before it finds it above."""
    return re.fullmatch(r"/\w+/_stcore/(health|host-config)", urlparse(url).path) is not None


def _is_error(message: ConsoleMessage) -> bool:
    return message.type == "error" and not _is_probe(message.location["url"])


def _is_wrong(response: Response) -> bool:
    return response.status >= 400 and not _is_probe(response.url)


def _is_local(url: str) -> bool:
    return urlparse(url).hostname in (None, "localhost", "127.0.0.1", "::1")
