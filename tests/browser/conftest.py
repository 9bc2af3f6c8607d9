"""A server started as people start it, and a real Chromium that notices everything a person would not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright
from serving import FAILED, ROOT, serving, visiting
from studio import has_shipped_weights, make_gallery, make_other, make_weights
from visits import BROWSERS, FLAGS, PATIENCE

from mta_core.study.plan import Probe
from tests import study_made
from tests.toys import write_scenes

expect.set_options(timeout=PATIENCE)


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
    environment = dict(os.environ) | {"MTA_RUNS": str(root / "runs"), "MTA_DATA_ROOTS": str(root / "data")}
    write_scenes(root / "data" / "scenes", count=3)
    make_other(root / "runs", size=(288, 384))
    make_study(root / "runs")
    if not has_shipped_weights():
        make_weights(root / "runs")
    if not (ROOT / "assets" / "gallery" / "rgb").is_dir():
        make_gallery(root / "gallery")
        environment["MTA_GALLERY"] = str(root / "gallery")
    with serving("app/serve.py", log, environment) as started:
        yield started.address


def make_study(runs: Path) -> None:
    """Made-up numbers of the robustness study, and pictures of three cells."""
    study_made.write(runs)
    for probe in (Probe("sd", "s"), Probe("sd", "sd"), Probe("dn", "n")):
        study_made.write_sheet(probe, runs)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    # Never stopped: after a test that failed, `stop` may wait for ever. It ends with this process, which is at its end.
    playwright = sync_playwright().start()
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
