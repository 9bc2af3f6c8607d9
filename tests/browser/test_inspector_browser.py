"""The inspector in a real browser: one zoom and cross-hair for all panels, values, divider, blink and full screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from inspector_page import HEIGHT, UPDATES, WIDTH
from playwright.sync_api import Browser, Locator, Page, expect
from serving import serving, visiting
from visits import IDLE, PATIENCE, READY

SCRIPT = "tests/browser/inspector_page.py"
CLASSES = ("bed", "books", "ceiling", "chair", "floor", "furniture", "objects")
TOLD = """() => {
  const told = [...document.querySelectorAll('.mta-rows .mta-value:not([hidden])')].map((value) => value.textContent)
  return told.length === 12 && told.every((text) => text && text !== '…')
}"""
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    log = tmp_path_factory.mktemp("inspector") / "server.log"
    with serving(SCRIPT, log, os.environ) as server:
        yield server.address, log


@pytest.fixture
def inspect(pictures: tuple[str, Path], browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Opens the page, and waits for its pictures."""
    with visiting(*pictures, browser, request.node) as open_page:

        def opened(**options: object) -> Page:
            page = open_page(ready=False, **options)
            page.wait_for_function(READY)
            page.wait_for_selector(IDLE)
            return page

        yield opened


def frames(page: Page) -> Locator:
    return page.locator(".mta-rows .mta-frame")


def hover(page: Page, x: int, y: int, panel: int = 0) -> None:
    """Puts the mouse on a pixel of a panel that shows all of its picture, and waits for the values there."""
    box = frames(page).nth(panel).bounding_box()
    assert box
    page.mouse.move(box["x"] + (x + 0.5) * box["width"] / WIDTH, box["y"] + (y + 0.5) * box["height"] / HEIGHT)
    page.wait_for_function(TOLD)


def values(page: Page) -> list[str]:
    found: list[str] = page.locator(".mta-value").all_inner_texts()
    return found


def expected(x: int, y: int, turn: int = 0) -> list[str]:
    """What the panels say of a pixel: see `inspector_page.rows`."""
    clean = [max(4, value) for value in (x, y, 2 * turn)]
    change = -4 if x % 2 else 4
    sign = "−" if x % 2 else "+"
    share, below = round(100 * y / HEIGHT), y >= HEIGHT // 2
    before, after = CLASSES[x // 8], CLASSES[x // 8 + below]
    metres = 1 + x / 100 + turn / 1000
    return [
        "RGB " + " ".join(map(str, clean)), "RGB " + " ".join(str(value + change) for value in clean),
        " ".join([f"{sign}4.00"] * 3) + " /255",
        f"{before} {share} %", f"{after} {share} %", "changed" if below else "the same class",
        f"{metres:.3f} m", f"{metres + 0.25:.3f} m", "0.250 m",
    ]  # fmt: skip


def zoom(page: Page) -> float:
    return float(page.locator(".mta-stage").evaluate("stage => stage.view.zoom"))


def seen(page: Page) -> list[float]:
    """The part of the pictures that is seen, which is the same in all panels: the zoom, and how far they are moved, in
    widths and heights of a panel."""
    parts: list[list[float]] = page.eval_on_selector_all(
        ".mta-rows .mta-open img",
        """images => images.map((image) => {
          const { a, e, f } = new DOMMatrix(getComputedStyle(image).transform)
          return [a, e / image.offsetWidth, f / image.offsetHeight]
        })""",
    )
    assert len(parts) == 12
    for part in parts:
        assert part == pytest.approx(parts[0], abs=0.01), "all panels show the same part"
    return parts[0]


@pytest.mark.parametrize(("panel", "x", "y"), [(0, 0, 0), (4, 47, 35), (8, 21, 17), (3, 30, 18)])
def test_every_panel_says_its_own_value_at_the_cursor(inspect: Visit, panel: int, x: int, y: int) -> None:
    page = inspect()
    assert not any(values(page)), "nobody has looked yet"
    hover(page, x, y, panel)
    assert values(page)[:9] == expected(x, y)
    degrees = round(90 * x / WIDTH)
    assert values(page)[9].startswith(f"{degrees}° right, 0° up"), values(page)[9]
    expect(page.locator(".mta-where")).to_have_text(f"x {x}, y {y}")
    page.mouse.move(700, 880)
    expect(page.locator(".mta-value").first).to_be_hidden()


def test_the_mouse_zooms_moves_and_resets_all_panels(inspect: Visit) -> None:
    page = inspect()
    whole = seen(page)
    hover(page, 12, 9, 4)
    page.mouse.wheel(0, -600)
    page.wait_for_function("() => document.querySelector('.mta-stage').view.zoom > 1.5")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
    assert values(page)[:9] == expected(12, 9), "what is under the mouse stays there"
    magnified = seen(page)
    assert magnified != pytest.approx(whole, abs=0.01)
    rendering = page.locator(".mta-open img").nth(7).evaluate("image => getComputedStyle(image).imageRendering")
    assert rendering == "pixelated"
    box = frames(page).nth(4).bounding_box()
    assert box
    at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*at)
    held = page.locator(".mta-where").inner_text()
    page.mouse.down()
    page.mouse.move(at[0] - 40, at[1] - 20, steps=4)
    page.mouse.up()
    expect(page.locator(".mta-where")).to_have_text(held)
    assert seen(page) != pytest.approx(magnified, abs=0.01), "the picture moved along"
    page.mouse.dblclick(at[0] - 40, at[1] - 20)
    assert seen(page) == pytest.approx(whole, abs=0.01) and zoom(page) == 1


def test_a_click_keeps_the_cross_hair_until_the_next_one(inspect: Visit) -> None:
    page = inspect()
    hover(page, 12, 9)
    page.mouse.down()
    page.mouse.up()
    hover(page, 30, 30, 5)
    assert values(page)[:9] == expected(12, 9)
    page.mouse.move(700, 880)
    expect(page.locator(".mta-where")).to_have_text("x 12, y 9")
    hover(page, 30, 30, 5)
    page.mouse.down()
    page.mouse.up()
    assert values(page)[:9] == expected(30, 30)
    page.mouse.move(700, 880)
    expect(page.locator(".mta-value").first).to_be_hidden()


def test_the_wheel_scrolls_the_page_past_whole_pictures(inspect: Visit) -> None:
    page = inspect()
    hover(page, 12, 9)
    page.mouse.wheel(0, 300)
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollTop > 100")
    assert zoom(page) == 1


def test_keys_move_zoom_reset_and_are_announced(inspect: Visit) -> None:
    page = inspect()
    panel = page.locator(".mta-open").nth(4)
    panel.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(TOLD)
    assert values(page)[:9] == expected(WIDTH // 2, HEIGHT // 2), "the first one shows where it is"
    for key in ("ArrowRight", "ArrowUp", "Shift+ArrowLeft", "Shift+ArrowDown"):
        page.keyboard.press(key)
    x, y = WIDTH // 2 + 1 - 10, HEIGHT // 2 - 1 + 10
    assert values(page)[:9] == expected(x, y)
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert zoom(page) == pytest.approx(2.25)
    seen(page)
    said = page.locator(".mta-said[aria-live]")
    expect(said).to_contain_text(f"x {x}, y {y}")
    _, _, _, before, after, difference, *_ = expected(x, y)
    expect(said).to_contain_text(f"Clean: {before}. Adversarial: {after}. Difference: {difference}")
    page.keyboard.press("-")
    assert zoom(page) == pytest.approx(1.5)
    page.keyboard.press("0")
    assert zoom(page) == 1
    assert panel.evaluate("panel => getComputedStyle(panel).outlineStyle") != "none", "the focus is seen"


def test_it_is_mounted_once_and_keeps_its_zoom_over_many_updates(inspect: Visit) -> None:
    page = inspect()
    hover(page, 20, 10, 4)
    page.mouse.wheel(0, -500)
    page.wait_for_function("() => document.querySelector('.mta-stage').view.zoom > 1.5")
    page.get_by_role("button", name="Divider").click()
    before = seen(page)
    page.evaluate("() => { document.querySelector('.mta-stage').isTheFirst = true }")
    page.locator(".st-key-run label").click()
    page.locator(f'.mta-rows img[alt="Clean picture, turn {UPDATES}"]').wait_for(timeout=2 * PATIENCE)
    stage = page.locator(".mta-stage")
    assert stage.get_attribute("data-mounts") == "1" and stage.evaluate("stage => stage.isTheFirst")
    assert int(stage.get_attribute("data-draws") or 0) > 5, "some are overtaken by the next"
    assert seen(page) == pytest.approx(before, abs=0.01)
    expect(stage).to_have_attribute("data-mode", "divider")
    page.locator(".st-key-run label").click()
    page.get_by_role("button", name="Show the whole picture").click()
    page.get_by_role("button", name="Side by side").click()
    hover(page, 20, 10, 4)
    assert values(page)[:9] == expected(20, 10, UPDATES), "the values are those of now"


def test_the_divider_is_dragged_and_moved_by_key_in_all_rows(inspect: Visit) -> None:
    page = inspect()
    page.get_by_role("button", name="Divider").click()
    slider = page.get_by_role("slider", name="Divider")
    expect(slider).to_have_attribute("aria-valuenow", "50")
    box = frames(page).nth(4).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(slider).to_have_attribute("aria-valuenow", "25")
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "37")
    cut = page.eval_on_selector_all(".mta-before", "layers => layers.map((layer) => getComputedStyle(layer).clipPath)")
    assert len(cut) == 4 and len(set(cut)) == 1 and "63%" in cut[0], "the picture and each output"
    hover(page, 8, 30)
    assert values(page)[4] == expected(8, 30)[3], "on its left the clean answer is seen"
    hover(page, 40, 30)
    assert values(page)[4] == expected(40, 30)[4]
    page.get_by_role("button", name="Side by side").click()
    expect(page.locator(".mta-before")).to_have_count(0)


def changes(page: Page, seconds: float) -> list[float]:
    """When clean and adversarial took turns meanwhile, in ms."""
    found: list[float] = page.evaluate(
        """ms => new Promise((done) => {
          const stage = document.querySelector('.mta-stage'), times = []
          let last = stage.classList.contains('mta-shows-before')
          const watch = new MutationObserver(() => {
            const now = stage.classList.contains('mta-shows-before')
            if (now !== last) times.push(performance.now())
            last = now
          })
          watch.observe(stage, { attributes: true, attributeFilter: ['class'] })
          setTimeout(() => { watch.disconnect(); done(times) }, ms)
        })""",
        1000 * seconds,
    )
    return found


def test_blink_takes_turns_but_never_flashes(inspect: Visit) -> None:
    page = inspect()
    page.get_by_role("button", name="Blink").click()
    times = changes(page, 2.0)
    assert 2 <= len(times) <= 7
    assert all(later - sooner > 167 for sooner, later in pairwise(times)), "3 Hz at most"
    page.get_by_role("button", name="Switch").click()
    assert changes(page, 0.8) == [], "by hand means not by itself"
    shown = page.locator(".mta-stage").get_attribute("class")
    page.locator(".mta-open").nth(1).focus()
    page.keyboard.press("b")
    assert page.locator(".mta-stage").get_attribute("class") != shown
    page.evaluate(
        """() => { for (let i = 0; i < 20; i++) document.querySelector('.mta-switch').click() }"""
    )  # a key that is held down
    assert page.locator(".mta-stage").get_attribute("class") != shown, "not again so soon"


def test_blink_waits_for_a_key_where_motion_is_not_wanted(inspect: Visit) -> None:
    page = inspect()
    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("button", name="Blink").click()
    assert changes(page, 1.0) == []
    layer = page.locator(".mta-before").first
    expect(layer).to_be_hidden()
    page.locator(".mta-open").nth(1).press("b")
    expect(layer).to_be_visible()


def test_the_whole_screen_is_filled_and_left(inspect: Visit) -> None:
    page = inspect()
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("() => document.fullscreenElement?.matches('.mta-stage.mta-full')")
    page.get_by_role("button", name="Leave full screen").click()
    page.wait_for_function("() => !document.fullscreenElement && !document.querySelector('.mta-full')")


def test_the_window_is_filled_where_the_browser_has_no_full_screen(inspect: Visit) -> None:
    page = inspect(width=390, height=844, script="Element.prototype.requestFullscreen = undefined")
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_selector(".mta-full")
    box = page.locator(".mta-stage").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
    assert page.locator(".mta-stage").evaluate("s => s.contains(document.elementFromPoint(200, 5))"), "above all else"
    page.keyboard.press("Escape")
    page.wait_for_selector(".mta-stage:not(.mta-full)")
    expect(page.get_by_role("button", name="Full screen")).to_be_focused()


def test_one_panel_is_enlarged_with_the_same_zoom_and_values(inspect: Visit) -> None:
    page = inspect()
    hover(page, 20, 10, 4)
    page.mouse.wheel(0, -500)
    page.wait_for_function("() => document.querySelector('.mta-stage').view.zoom > 1.5")
    before = zoom(page)
    page.locator(".mta-frame").nth(4).locator(".mta-enlarge").click()
    frame = page.locator("dialog[open] .mta-frame")
    frame.hover()
    assert zoom(page) == before
    expect(frame.locator(".mta-value")).to_contain_text("%")
    page.keyboard.press("+")
    assert zoom(page) == pytest.approx(1.5 * before)
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    expect(page.locator(".mta-open").nth(4)).to_be_focused()


def test_fingers_pinch_and_tap_and_scroll_the_page(inspect: Visit) -> None:
    page = inspect(width=390, height=844)
    box = frames(page).nth(0).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 5})

    def fingers(kind: str, *points: tuple[float, float]) -> None:
        told = [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    fingers("touchStart", (x, y))
    fingers("touchEnd")
    page.wait_for_function(TOLD)
    expect(page.locator(".mta-where")).to_have_text(f"x {WIDTH // 2}, y {HEIGHT // 2}")
    fingers("touchStart", (x - 10, y))
    fingers("touchStart", (x - 10, y), (x + 10, y))
    for apart in (14, 20, 28, 36):
        fingers("touchMove", (x - apart, y), (x + apart, y))
    fingers("touchEnd")
    assert 2 < zoom(page) < 5
    pinched = seen(page)
    fingers("touchStart", (x, y + 30))
    for far in range(0, 240, 20):
        fingers("touchMove", (x, y + 30 - far))
    fingers("touchEnd")
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollTop > 50")
    assert seen(page) == pytest.approx(pinched, abs=0.01), "one finger scrolls the page, zoomed or not"
