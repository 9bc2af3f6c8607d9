"""What leaves the page: the link, also of an upload, and the report."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Browser, Download, Locator, Page, TimeoutError, expect
from serving import ROOT
from visits import IDLE, settled

from mta_core import imaging
from tests import toys

Visit = Callable[..., Page]
MOST_CLICKS = 6
IN_THE_DIALOG = 2
"""Clicks in the system's own window for files: on the file, and on Open."""
NO_CLIPBOARD = "Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined })"
"""As on a page over plain http."""
PIXELS = """async (stage) => Promise.all([...stage.querySelectorAll('img')].map(async (image) => {
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight)
  const context = canvas.getContext('2d')
  context.drawImage(image, 0, 0)
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}))"""
ADVERSARIAL = '.mta-stage img[alt^="Adversarial picture"]'


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "my photo.png"
    file.write_bytes(imaging.encode_png(toys.make_pictures(1, 300, 420, seed=5)))
    return file


class Hand:
    """Clicks, and counts."""

    def __init__(self) -> None:
        self.clicks = 0

    def click(self, place: Locator) -> None:
        self.clicks += 1
        place.click()


def copied(page: Page, hand: Hand | None = None) -> str:
    """The link that the button copies, as another page of the browser pastes it."""
    hand = hand or Hand()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    hand.click(page.get_by_role("button", name="Share"))
    hand.click(page.get_by_role("button", name="Copy link"))
    expect(page.locator(".mta-share-link [role=status]")).to_have_text("Copied.")
    return pasted(page)


def pasted(page: Page) -> str:
    """What is in the browser's clipboard."""
    reader = page.context.new_page()
    reader.goto(f"{page.url.partition('?')[0]}_stcore/health")
    reader.bring_to_front()
    text = str(reader.evaluate("navigator.clipboard.readText()"))
    reader.close()
    page.bring_to_front()
    return text


def is_shown(page: Page, name: str) -> None:
    expect(page.locator(".mta-row h3").first).to_have_text(name)
    settled(page)


def query(link: str) -> str:
    return f"?{urlparse(link).query}"


def alts(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all(".mta-stage img", "images => images.map((image) => image.alt)")
    return found


def pixels(page: Page) -> list[str]:
    """Every picture that is shown, pixel by pixel, by a digest each."""
    found: list[str] = page.locator(".mta-stage").evaluate(PIXELS)
    return found


def test_a_first_visitor_has_a_link_to_an_attacked_photograph_in_six_clicks(visit: Visit, photo: Path) -> None:
    page, hand = visit(), Hand()
    hand.click(page.locator(".st-key-source").get_by_text("Upload", exact=True))
    with page.expect_file_chooser() as chooser:
        hand.click(page.locator(".st-key-upload button:visible").first)
    chooser.value.set_files(photo)
    hand.clicks += IN_THE_DIALOG
    is_shown(page, photo.name)
    link = copied(page, hand)
    assert hand.clicks <= MOST_CLICKS
    told = parse_qs(urlparse(link).query)
    assert told["file"] == [photo.name] and imaging.digest(photo.read_bytes()).startswith(told["sha256"][0])
    assert told["attack"] == ["MTA"] and page.locator(ADVERSARIAL).count() == 1
    seen = alts(page), pixels(page)
    assert len(set(seen[1])) > 4, "different pictures"
    tab = page.context.new_page()
    tab.goto(link)
    is_shown(tab, photo.name)
    assert (alts(tab), pixels(tab)) == seen, "the very same pictures"


@pytest.mark.slow
def test_a_link_of_compare_says_what_is_chosen_beside_the_side_bar(visit: Visit) -> None:
    """Of what is chosen in a part that is redrawn by itself, as the address has it at the moment."""
    page = visit("compare?attacks=FGSM&tasks=Depth&scene=2000007", ready=False)
    page.wait_for_selector(".mta-status:not(.mta-alive)")
    expect(page.locator(".mta-fill[data-row='FGSM'] b")).to_have_text(re.compile("×"))
    first = copied(page)
    assert parse_qs(urlparse(first).query).items() >= {"victim": ["dmtl"], "epsilon": ["5"]}.items(), (
        "first choices too"
    )
    page.keyboard.press("Escape")
    page.get_by_text("In its own unit", exact=True).click()
    expect(page.locator(".mta-fill[data-row='FGSM'] b")).to_have_text(re.compile(" m$"))
    link = copied(page)
    assert parse_qs(urlparse(link).query).get("scale") == ["In its own unit"]
    page.keyboard.press("Escape")
    page.get_by_text("Times worse", exact=True).click()
    expect(page.locator(".mta-fill[data-row='FGSM'] b")).to_have_text(re.compile("×"))
    assert copied(page) == first
    tab = page.context.new_page()
    tab.goto(link)
    expect(tab.locator(".mta-fill[data-row='FGSM'] b")).to_have_text(re.compile(" m$"))


@pytest.mark.slow
@pytest.mark.parametrize("width", [1440, 390])
def test_the_button_is_in_the_same_place_on_every_page(visit: Visit, width: int) -> None:
    places, page = set(), visit("", width=width, ready=False)
    home = page.url
    for path in ("", "compare?attacks=FGSM&tasks=Depth", "sweep", "cost", "results", "library", "tour"):
        page.goto(f"{home}{path}")
        button = page.get_by_role("button", name="Share")
        button.wait_for()
        page.wait_for_selector(IDLE)  # until then the style may still be on its way
        box = button.bounding_box()
        assert box is not None and button.count() == 1
        places.add(tuple(round(value) for value in box.values()))
        button.click()
        expect(page.locator(".mta-share-link input")).to_have_value(re.compile("^http"))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    assert len(places) == 1, places


def test_a_link_to_an_upload_is_opened_by_its_own_browser_and_asks_another_one(
    visit: Visit, photo: Path, tmp_path: Path
) -> None:
    page = visit("?source=Upload&tasks=Depth&epsilon=3&fit=Pad")
    page.locator(".st-key-upload input[type=file]").set_input_files(photo)
    is_shown(page, photo.name)
    seen, link = alts(page), copied(page)
    page.reload()
    is_shown(page, photo.name)
    tab = page.context.new_page()
    tab.goto(link)
    is_shown(tab, photo.name)
    assert alts(tab) == seen
    tab.close()

    other = visit(query(link), ready=False)
    expect(other.get_by_text(f"This link shows {photo.name}, which is not kept here")).to_be_visible()
    assert other.locator(".mta-stage").count() == 0
    wrong = tmp_path / "another.png"
    wrong.write_bytes(imaging.encode_png(toys.make_pictures(1, 60, 80, seed=6)))
    field = other.locator(".st-key-upload_again input[type=file]")
    field.set_input_files(wrong)
    expect(other.get_by_text(f"another.png is another file than the {photo.name}")).to_be_visible()
    field.set_input_files(photo)
    is_shown(other, photo.name)
    assert alts(other) == seen, "the very same view"
    assert copied(other) == link


@pytest.mark.slow
def test_a_picture_saved_on_purpose_is_shown_to_whoever_has_the_link(visit: Visit, photo: Path) -> None:
    page = visit("?source=Upload&tasks=Depth")
    page.locator(".st-key-upload input[type=file]").set_input_files(photo)
    is_shown(page, photo.name)
    link = copied(page)
    page.locator(".st-key-save button").click()
    page.locator(".st-key-unsave button").wait_for()
    other = visit(query(link))
    is_shown(other, photo.name)
    page.locator(".st-key-unsave button").click()
    page.locator(".st-key-save button").wait_for()
    visit(query(link), ready=False).get_by_text(f"This link shows {photo.name}").wait_for()


def test_over_plain_http_the_link_is_copied_too(visit: Visit) -> None:
    page = visit("?tasks=Depth", script=NO_CLIPBOARD)
    settled(page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".mta-share-link [role=status]")).to_have_text("Copied.")
    assert pasted(page) == page.locator(".mta-share-link input").input_value()


@pytest.fixture
def taken(visit: Visit, tmp_path: Path, photo: Path) -> Path:
    """A folder with the report and the ZIP of an upload attacked by PGD, and the file itself."""
    page = visit("?source=Upload&tasks=Depth&tasks=Segmentation&attack=PGD&pgd_num_steps=2", ready=False)
    page.locator(".st-key-upload input[type=file]").set_input_files(photo)
    is_shown(page, photo.name)
    page.get_by_role("button", name="Share").click()
    for key, name in (("get_report", "report.html"), ("get_zip", "all.zip")):
        download(page, key).save_as(tmp_path / name)
    return tmp_path


def download(page: Page, key: str) -> Download:
    """What a click brings, or another: Streamlit makes the file on the click, and one in the moment in which the page
    is drawn anew asks for what is not there any more (`remove_deferred` of its `MediaFileManager` says so)."""
    for _ in range(3):
        with suppress(TimeoutError), page.expect_download(timeout=20_000) as found:
            page.locator(f".st-key-{key} button:enabled").click()
            return found.value
    raise AssertionError(f"no download by {key}")


@pytest.mark.parametrize("dark", [False, True])
def test_the_report_opens_from_disk_and_asks_nothing_of_any_network(taken: Path, browser: Browser, dark: bool) -> None:
    context = browser.new_context(color_scheme="dark" if dark else "light", viewport={"width": 390, "height": 844})
    page, asked, wrong = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto((taken / "report.html").as_uri())
    page.wait_for_function("() => [...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert [url for url in asked if not url.startswith("data:")] == [(taken / "report.html").as_uri()]
    assert not wrong
    assert page.locator("img").count() >= 12 and page.locator("img:not([alt]), img[alt='']").count() == 0
    assert [h.inner_text() for h in page.locator("h2").all()][:2] == ["Picture and perturbation", "Outputs"]
    assert page.locator("h1").count() == 1 and page.locator("table caption").count() >= 4
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    assert (max(paper) < 64) if dark else (min(paper) > 192)
    context.close()


@pytest.mark.slow
def test_the_lines_of_the_report_give_its_numbers(taken: Path, log: Path) -> None:
    """As people run them: in a fresh process, with the weights of the server."""
    page = (taken / "report.html").read_text()
    told = json.loads(_pre(page, "<pre>"))
    environment = {**os.environ, "MTA_RUNS": str(log.parent / "runs"), "PYTHONPATH": str(ROOT)}

    def run(*arguments: str, told: str = "") -> str:
        done = subprocess.run(
            arguments, cwd=taken, env=environment, input=told, capture_output=True, text=True, timeout=300, check=True
        )
        return done.stdout

    assert json.loads(run(sys.executable, "-", told=_pre(page, '<pre id="python">'))) == told
    run("sh", "-c", _pre(page, '<pre id="command">').replace("python -m", f"{sys.executable} -m", 1))
    result = json.loads(next(taken.glob("reproduced/*/*/result.json")).read_text())
    found = {name: dict(task["measures"]) for name, task in result["tasks"].items()}
    for measures in found.values():
        del measures["file"]  # of the 8-bit picture, which the page does not measure
    assert found == told["dmtl"]
    zipfile.ZipFile(taken / "all.zip").extractall(taken)
    assert run(sys.executable, str(next(taken.glob("*/reproduce.py")))).strip() == "The same to the last digit."


def _pre(page: str, tag: str) -> str:
    found = re.search(f"{tag}(.*?)</pre>", page, re.DOTALL)
    assert found is not None
    return html.unescape(found.group(1))
