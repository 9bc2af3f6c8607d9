"""The page Explore as people use it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from visits import READY, settled

from mta_core import imaging

Visit = Callable[..., Page]
TASKS = ("segmentation", "depth", "normals")
CLICK_WITH_A_BEAT = """
const plain = window.setInterval
window.setInterval = (beat, ...rest) => plain(() => {
  beat()
  if (!window.clickWithBeat) return
  document.querySelectorAll('.mta-picker button')[window.clickWithBeat].click()
  window.clickWithBeat = 0
}, ...rest)
"""


def alts(page: Page) -> list[str]:
    return page.eval_on_selector_all(".mta-stage img", "images => images.map((image) => image.alt)")


def adversarial(page: Page, words: str):  # type: ignore[no-untyped-def]
    return page.locator(f'.mta-stage img[alt^="Adversarial picture"][alt*="{words}"]')


def test_one_glance_shows_everything(visit: Visit) -> None:
    page = visit()
    settled(page)
    assert page.locator(".mta-stage img").count() == 16
    assert all(alts(page))
    for name in TASKS:
        row = page.locator(f'.mta-row[data-row="{name}"]')
        assert len(row.locator(".mta-verdict").inner_text()) > 10
        box = row.locator(".mta-frame").first.bounding_box()
        assert box and box["y"] + box["height"] <= 900, f"{name} must be seen without scrolling"
    assert "PU" in page.locator(".mta-device").inner_text()
    sizes = page.eval_on_selector_all(
        ".mta-frame", "frames => frames.map((f) => `${Math.round(f.offsetWidth)}x${Math.round(f.offsetHeight)}`)"
    )
    assert len(set(sizes)) == 1, "panels are of equal size"


def test_a_scene_is_picked_with_mouse_and_keyboard(visit: Visit) -> None:
    page = visit()
    page.locator(".mta-picker button").nth(1).click()
    expect(page.locator(".mta-row h3").first).to_have_text("Room 2")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".mta-row h3").first).to_have_text("Room 3")
    page.wait_for_url(re.compile("scene="))
    settled(page)


@pytest.mark.slow
def test_a_choice_that_falls_together_with_a_beat_is_heard(visit: Visit) -> None:
    """What happens in the browser at one time is sent as one message, which redraws only the part it names."""
    page = visit("?pgd_num_steps=100&attack=PGD", ready=False, script=CLICK_WITH_A_BEAT)
    page.locator(".mta-chart polyline").first.wait_for(state="attached")
    for number in (2, 3, 4):
        page.wait_for_timeout(1500)  # what follows a redraw is over: only the attack's own beats are left
        page.evaluate("number => { window.clickWithBeat = number }", number)
        expect(page.locator(".mta-row h3").first).to_have_text(f"Room {number + 1}")


@pytest.mark.slow
def test_epsilon_is_moved_by_keyboard(visit: Visit) -> None:
    page = visit()
    page.locator(".st-key-epsilon input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    adversarial(page, "5.5/255").wait_for()
    settled(page)


@pytest.mark.slow
def test_pgd_runs_and_stops(visit: Visit) -> None:
    page = visit("?pgd_num_steps=100&attack=PGD", ready=False)
    chart = page.locator(".mta-chart polyline").first
    chart.wait_for(state="attached")
    before = chart.get_attribute("points")
    page.wait_for_function(
        "before => document.querySelector('.mta-chart polyline').getAttribute('points') !== before", arg=before
    )
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Run again").wait_for()
    settled(page)
    expect(page.locator(".mta-status")).to_contain_text("stopped after")
    expect(page.locator('.mta-row[data-row="depth"] img')).to_have_count(4)


def test_pgd_runs_to_its_end(visit: Visit) -> None:
    page = visit(
        "?pgd_num_steps=3&attack=PGD&scope=One+for+all&detail=Loss+by+step&tasks=Depth&tasks=Surface+normals",
        ready=False,
    )
    page.locator(".mta-stage").wait_for()
    page.locator(".st-key-stop").wait_for(state="hidden")
    settled(page)
    page.locator(".js-plotly-plot .scatterlayer .point").nth(5).wait_for(state="attached")
    assert page.locator(".mta-row").count() == 3


def test_downloads_hold_what_they_say(visit: Visit) -> None:
    page = visit()
    settled(page)
    files = {}
    for key in ("get_png", "get_npy", "get_json"):
        with page.expect_download() as waiting:
            page.locator(f".st-key-{key} button").click()
        files[key] = Path(waiting.value.path()).read_bytes()
    assert imaging.decode(files["get_png"]).shape == (3, 288, 384)
    perturbation = np.load(io.BytesIO(files["get_npy"]), allow_pickle=False)
    assert perturbation.dtype == np.float32 and np.abs(perturbation).max() <= 5 / 255 + 1e-6
    report = json.loads(files["get_json"])
    assert set(report["tasks"]) == set(TASKS)
    assert report["settings"]["epsilon"] == 5


@pytest.mark.slow
def test_a_copied_link_shows_the_same_view(visit: Visit) -> None:
    page = visit()
    page.locator(".mta-picker button").nth(1).click()
    expect(page.locator(".mta-row h3").first).to_have_text("Room 2")
    page.locator(".st-key-shown").get_by_text("Depth", exact=True).click()
    adversarial(page, "Room 2").and_(page.locator('[alt*="for depth"]')).wait_for()
    page.locator(".st-key-epsilon input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    adversarial(page, "4.5/255").wait_for()
    settled(page)
    seen = alts(page)
    page.reload()
    page.wait_for_function("text => document.querySelector('.mta-stage')?.innerHTML.includes(text)", arg="4.5/255")
    settled(page)
    assert alts(page) == seen
    other = visit(page.url.partition("/")[2].partition("/")[2].partition("/")[2])
    settled(other)
    assert alts(other) == seen


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_it_without_sideways_scrolling(visit: Visit, dark: bool) -> None:
    page = visit(width=390, height=844, dark=dark)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    assert page.evaluate("document.querySelector('.mta-stage').scrollWidth <= innerWidth")
    assert page.locator(".mta-stage img").count() == 16
    page.locator('[data-testid="stTabs"]').scroll_into_view_if_needed()
    expect(page.locator(".mta-device")).to_be_in_viewport(ratio=1)
    paper, ink = (
        page.locator(place).first.evaluate(f"e => getComputedStyle(e).{what}.match(/\\d+/g).slice(0, 3).map(Number)")
        for place, what in (('[data-testid="stApp"]', "backgroundColor"), (".mta-verdict", "color"))
    )
    assert (max(paper) < 64 and min(ink) > 192) if dark else (min(paper) > 192 and max(ink) < 64)


def test_a_picture_is_enlarged_by_keyboard(visit: Visit) -> None:
    page = visit()
    settled(page)
    page.locator(".mta-open").nth(2).focus()
    page.keyboard.press("Enter")
    page.locator("dialog[open] img").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")


def test_the_focus_stays_where_it_is_when_the_result_comes(visit: Visit) -> None:
    page = visit("?pgd_num_steps=6&attack=PGD&tasks=Depth", ready=False)
    page.locator(".mta-open").first.focus()
    assert page.locator(".mta-stage").get_attribute("aria-busy") == "true"
    settled(page)
    adversarial(page, "5/255").wait_for()
    expect(page.locator(".mta-open").first).to_be_focused()


def test_new_pictures_are_busy_until_they_are_seen(visit: Visit) -> None:
    page = visit("?tasks=Depth")
    settled(page)
    page.get_by_text(re.compile(r"Random noise: \d")).first.wait_for()  # the last that comes of the first view
    page.evaluate(
        """() => {
          const decode = Image.prototype.decode
          window.waiting = []
          window.release = () => {
            Image.prototype.decode = decode
            window.waiting.forEach((go) => go())
          }
          Image.prototype.decode = function () {
            return new Promise((done) => window.waiting.push(() => done(decode.call(this))))
          }
        }"""
    )
    page.locator(".st-key-epsilon input[type=range]").press("ArrowRight")
    page.wait_for_function("window.waiting.length > 0")
    page.wait_for_selector(".mta-status:not(.mta-alive)")
    assert page.locator(".mta-stage").get_attribute("aria-busy") == "true"
    assert adversarial(page, "5.5/255").count() == 0
    page.evaluate("window.release()")
    page.wait_for_function(READY)
    assert adversarial(page, "5.5/255").count() == 1


@pytest.mark.slow
def test_the_curve_is_drawn(visit: Visit) -> None:
    page = visit("?tasks=Depth")
    page.get_by_role("tab", name="Against epsilon").click()
    page.locator('[aria-label*="error at 6 epsilons"], [alt*="error at 6 epsilons"]').first.wait_for(state="attached")
    settled(page)


def upload(page: Page, file: Path) -> str:
    """Uploads a file; what the page says of it: its name as the title, or why it cannot be read."""
    page.locator(".st-key-upload input[type=file]").set_input_files(file)
    page.wait_for_function(
        """name => document.querySelector('.mta-row h3')?.textContent === name
        || [...document.querySelectorAll('[data-testid=stAlert]')].some((a) => a.textContent.includes(name))""",
        arg=file.name,
    )
    alert = page.locator("[data-testid=stAlert]")
    return alert.first.inner_text() if alert.count() else page.locator(".mta-row h3").first.inner_text()


@pytest.mark.slow
def test_photographs_are_uploaded(visit: Visit, data_pack: Path) -> None:
    page = visit("?source=Upload&tasks=Depth")
    for file in sorted((data_pack / "photos").glob("*.jpg")):
        assert upload(page, file) == file.name


@pytest.mark.slow
def test_odd_files_are_shown_or_explained(visit: Visit, data_pack: Path) -> None:
    page = visit("?source=Upload&tasks=Depth")
    for file in sorted((data_pack / "odd_images").iterdir()):
        said = upload(page, file)
        if said != file.name:
            assert said.startswith(f"{file.name} cannot be read: ") and said.endswith("."), said


@pytest.mark.slow
def test_a_second_victim_stands_beside_the_first_and_is_in_the_address(visit: Visit) -> None:
    page = visit("?attack=FGSM&tasks=Depth")
    settled(page)
    first = page.locator(".mta-row").last.locator(".mta-measure").inner_text()
    page.locator(".st-key-second").get_by_role("combobox").click()
    page.get_by_role("option", name="other").click()
    sides = page.locator(".mta-row").last.locator(".mta-side")
    expect(sides).to_have_count(2)
    expect(sides.last).to_contain_text("→")
    settled(page)
    assert sides.first.inner_text() == f"dmtl {first}", "the first victim's numbers stay"
    captions = page.locator(".mta-row").last.locator("figcaption").all_inner_texts()
    assert captions == ["dmtl, clean", "dmtl, adversarial", "other, clean", "other, adversarial"]
    page.wait_for_url(re.compile("second=other"))
    page.locator(".st-key-threat").get_by_role("radio", name="Transfer").click()
    page.wait_for_url(re.compile("threat=Transfer"))
    expect(page.locator(".mta-row")).to_have_count(2)
    expect(sides.last).to_contain_text("→")
    settled(page)
    seen = sides.all_inner_texts()
    page.reload()
    expect(sides.last).to_contain_text("→")
    settled(page)
    assert sides.all_inner_texts() == seen, "the address brings it back"
    with page.expect_download() as download:
        page.locator(".st-key-get_json button:enabled").click()
    told = json.loads(Path(download.value.path()).read_text())["second_victim"]
    assert (told["victim"], told["threat"], told["source"]) == ("other", "transfer", "dmtl")
