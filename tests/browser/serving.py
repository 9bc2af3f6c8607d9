"""Servers started as people start them, and pages that notice everything a person would not."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response
from visits import PATIENCE, READY

ROOT = Path(__file__).resolve().parents[2]
FAILED = pytest.StashKey[bool]()


@dataclass(frozen=True)
class Server:
    """One that answers."""

    address: str
    port: int
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(script: str, log: Path, environment: Mapping[str, str], port: int = 0) -> Iterator[Server]:
    """A server of its own for a script, on a free port unless one is named."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield Server(f"http://127.0.0.1:{port}", port, process)
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
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
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
            print(page.url, *wrong, sep="\n")  # first: nothing can be asked of a page that broke
            page.set_default_timeout(5_000)
            state = page.locator('[data-testid="stApp"]').evaluate("app => JSON.stringify(app.dataset)")
            print(page.url, state, page.locator("body").aria_snapshot(), sep="\n")
            print(log.read_text()[-4000:])
        page.context.close()
    assert not wrong, wrong


def _is_probe(url: str) -> bool:
    """Whether Streamlit's browser side looks for its server below the name of a page, before it finds it above."""
    return re.fullmatch(r"/\w+/_stcore/(health|host-config)", urlparse(url).path) is not None


def _is_error(message: ConsoleMessage) -> bool:
    """Not what Streamlit says where a test itself unplugs the network."""
    is_unplugged = "ERR_INTERNET_DISCONNECTED" in message.text
    return message.type == "error" and not is_unplugged and not _is_probe(message.location["url"])


def _is_wrong(response: Response) -> bool:
    return response.status >= 400 and not _is_probe(response.url)


def _is_local(url: str) -> bool:
    return urlparse(url).hostname in (None, "localhost", "127.0.0.1", "::1")
