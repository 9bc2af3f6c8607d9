"""The adversarial picture follows epsilon's slider in a real browser."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from visits import settled

from app.components.stage import SCRIPT

Visit = Callable[..., Page]
SIZE = (6, 8)
CLEAN = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
DIRECTION = np.random.default_rng(1).integers(-32767, 32768, (*SIZE, 3)).astype("<i2")
PAGE = """<!doctype html><div data-testid="stApp"></div>
<div class="st-key-epsilon"><div id="thumb"><input type="range" min="0.5" max="16" step="0.5" value="5"></div></div>
<div id="stage"></div>"""
PIXELS = """(drawn) => {
  const [width, height] = [drawn.naturalWidth ?? drawn.width, drawn.naturalHeight ?? drawn.height]
  const context = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d')
  context.drawImage(drawn, 0, 0)
  return [...context.getImageData(0, 0, width, height).data]
}"""
START = """async (script) => {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }))
  window.component = (await import(address)).default
  window.asked = []
  window.draw = (data) => window.component({
    parentElement: document.getElementById("stage"),
    data: Uint8Array.from(data),
    setTriggerValue: (name, value) => window.asked.push([name, value[0]]),
  })
  window.slide = (value, { held = true } = {}) => {  // as Streamlit's slider does
    const input = document.querySelector("input")
    document.getElementById("thumb").toggleAttribute("data-dragging", held)
    input.value = value
    input.setAttribute("aria-valuetext", `${value}/255`)
  }
}"""


def png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def message(shown: float = 5.0, **more: Any) -> bytes:
    """What the stage gets: clean, adversarial and perturbation in grey levels of 32767 * `step` an epsilon."""
    panel = {"row": "picture", "file": "direction", "step": 1 / 32767, "reach": None, "exact": True}
    panels = [panel | {"cell": 1, "gain": None} | more.pop("panel", {}), panel | {"cell": 2, "gain": 10}]
    pictures = {"clean": CLEAN, "adversarial": np.rint(composed(shown)).astype(np.uint8), "perturbation": CLEAN}
    files = {name: png(pixels) for name, pixels in pictures.items()}
    captions = ("Clean", "Adversarial", "Perturbation ×10")
    cells = [
        {"caption": caption, "alt": caption, "digest": f"{name}{shown if name == 'adversarial' else ''}", "panel": name}
        for name, caption in zip(pictures, captions, strict=True)
    ]
    live = {
        "key": "epsilon", "asked": 5.0, "moved": False, "seconds": 9.0, "shown": shown, "unit": "/255",
        "panels": panels, "files": [["direction", DIRECTION.nbytes]], **more,
    }  # fmt: skip
    rows = [{"id": "picture", "title": "Room", "words": "", "cells": cells}]
    header = {
        "rows": rows, "progress": None, "chart": None, "aspect": "4 / 3", "columns": 3, "live": live,
        "files": [[one["digest"], len(file)] for one, file in zip(cells, files.values(), strict=True)],
    }  # fmt: skip
    return json.dumps(header).encode() + b"\n" + b"".join(files.values()) + DIRECTION.tobytes()


def composed(epsilon: float) -> NDArray[np.float64]:
    return np.clip(CLEAN + epsilon * DIRECTION / 32767.0, 0, 255)


@pytest.fixture
def alone(browser: Browser):  # type: ignore[no-untyped-def]
    """The stage's script without a server."""
    page = browser.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.set_content(PAGE)
    page.evaluate(START, SCRIPT)
    yield page
    page.close()
    assert not wrong, wrong


def draw(page: Page, **more: Any) -> None:
    page.evaluate("data => window.draw(data)", list(message(**more)))
    page.wait_for_function("() => document.querySelector('.mta-stage').getAttribute('aria-busy') === 'false'")


def slide(page: Page, value: float, *, held: bool = True) -> None:
    page.evaluate("([value, held]) => window.slide(value, { held })", [value, held])


def canvas(page: Page, cell: int) -> NDArray[np.uint8]:
    """What a panel is covered with, (H, W, 3)."""
    values = page.locator("figure").nth(cell).locator("canvas").evaluate(PIXELS)
    return np.array(values, np.uint8).reshape(*SIZE, 4)[..., :3]


def captions(page: Page) -> list[str]:
    return page.locator("figcaption").all_inner_texts()


def test_pictures_are_composed_at_once_to_the_grey_level(alone: Page) -> None:
    draw(alone)
    assert alone.locator("canvas").count() == 0
    for epsilon in (16.0, 0.5, 11.5):
        slide(alone, epsilon)
        assert np.array_equal(canvas(alone, 1), np.rint(composed(epsilon)))
        amplified = np.clip(127.5 + 10 * (composed(epsilon) - CLEAN), 0, 255)
        assert np.abs(canvas(alone, 2) - amplified).max() <= 0.5 + 1e-9
        assert captions(alone) == ["Clean", f"Adversarial, {epsilon:g}/255", "Perturbation ×10"]
    slide(alone, 5.0)
    assert alone.locator("canvas").count() == 0 and captions(alone) == ["Clean", "Adversarial", "Perturbation ×10"]


def test_the_value_at_the_cursor_is_that_of_the_picture_that_is_seen(alone: Page) -> None:
    draw(alone)
    alone.locator(".mta-open").first.focus()
    alone.keyboard.press("ArrowRight")  # shows the cross-hair in the middle
    values = alone.locator(".mta-value")
    before, row, column = values.nth(1).inner_text(), SIZE[0] // 2, SIZE[1] // 2
    for epsilon in (16.0, 2.0):
        slide(alone, epsilon)
        expected = np.rint(composed(epsilon))[row, column].astype(int)
        expect(values.nth(1)).to_have_text(f"RGB {' '.join(map(str, expected))}")
        expect(values.first).to_have_text(f"RGB {' '.join(map(str, CLEAN[row, column]))}")
    slide(alone, 5.0)
    expect(values.nth(1)).to_have_text(before)


def test_what_cannot_grow_does_not(alone: Page) -> None:
    draw(alone, panel={"reach": 7.0})
    slide(alone, 16.0)
    assert np.array_equal(canvas(alone, 1), np.rint(composed(7.0)))


def test_a_preview_is_called_so_until_the_real_one_is_there(alone: Page) -> None:
    draw(alone, panel={"exact": False})
    slide(alone, 8.0)
    assert alone.locator(".mta-preview").all_inner_texts() == ["preview"]
    assert alone.locator(".mta-open").nth(1).get_attribute("aria-label") == "Adversarial, 8/255, preview"
    slide(alone, 8.0, held=False)
    assert alone.locator(".mta-preview").count() == 1, "it was let go, and nothing has come yet"
    draw(alone, shown=8.0, asked=8.0, panel={"exact": False})
    expect(alone.locator(".mta-preview")).to_have_count(0)
    assert alone.locator(".mta-open").nth(1).get_attribute("aria-label") == "Enlarge: Adversarial"


def test_where_previews_are_slow_nothing_is_asked_while_it_moves(alone: Page) -> None:
    for seconds in (0.6, None):
        draw(alone, seconds=seconds)
        for epsilon in (6.0, 7.0, 5.0):
            slide(alone, epsilon)
    assert alone.evaluate("window.asked") == []


def test_one_preview_is_asked_for_at_a_time_and_the_next_is_the_newest(alone: Page) -> None:
    draw(alone, seconds=0.1)
    for epsilon in (6.0, 7.0, 8.0):
        slide(alone, epsilon)
    assert alone.evaluate("window.asked") == [["moved", 6]]
    draw(alone, shown=6.0, moved=True, seconds=0.1)
    assert captions(alone)[1] == "Adversarial, 8/255", "the answer is of an epsilon it has left"
    alone.wait_for_function("window.asked.length > 1")
    assert alone.evaluate("window.asked") == [["moved", 6], ["moved", 8]]


def test_keys_are_streamlits_own_business(alone: Page) -> None:
    draw(alone, seconds=0.1)
    slide(alone, 6.0, held=False)
    assert captions(alone)[1] == "Adversarial, 6/255" and alone.evaluate("window.asked") == []


def test_back_where_it_was_the_page_is_as_it_was(alone: Page) -> None:
    """Streamlit says nothing of a slider that is let go where it was taken."""
    draw(alone, seconds=0.1)
    slide(alone, 6.0)
    slide(alone, 5.0)
    slide(alone, 5.0, held=False)
    draw(alone, shown=6.0, moved=True, seconds=0.1)
    alone.wait_for_function("window.asked.length > 1")
    assert alone.evaluate("window.asked") == [["moved", 6], ["moved", 5]]


def test_a_direction_that_is_not_there_is_asked_for(alone: Page) -> None:
    data = message(files=[])[: -DIRECTION.nbytes]
    alone.evaluate("data => window.draw(data)", list(data))
    alone.wait_for_function("window.asked.length > 0")
    assert alone.evaluate("window.asked[0][0]") == "lacks"
    slide(alone, 8.0)
    assert alone.locator("canvas").count() == 0
    draw(alone)
    expect(alone.locator("canvas")).to_have_count(2)


def middle(page: Page, key: str = "epsilon") -> tuple[float, float]:
    """Of the slider's thumb."""
    thumb = page.locator(f".st-key-{key} input[type=range]").locator("xpath=ancestor::*[contains(@style, 'left')][1]")
    box = thumb.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_it_is_drawn_in_the_very_frame_of_the_movement(visit: Visit) -> None:
    """Streamlit's slider follows the pointer a frame later; what is drawn before is what it says then."""
    page = visit("?tasks=Depth")
    settled(page)
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y)
    caption = page.locator('.mta-row[data-row="picture"] figcaption').nth(1)
    slider = page.locator(".st-key-epsilon input[type=range]")
    expect(caption).to_contain_text("/255")
    page.evaluate("""() => addEventListener('pointermove', () => {
      window.drawn = document.querySelectorAll('.mta-row[data-row="picture"] figcaption')[1].textContent
    }, true)""")
    for way in (20, 33, 47, 90, 160, 500, 61, -500, 12):
        before = slider.input_value()
        page.mouse.move(x + way, y)
        expect(slider).not_to_have_value(before)
        assert page.evaluate("window.drawn") == f"Adversarial, {slider.get_attribute('aria-valuetext')}"
    page.mouse.up()


@pytest.mark.parametrize(
    ("norm", "key"), [("L-inf", "epsilon"), pytest.param("L2", "epsilon_l2", marks=pytest.mark.slow)]
)
def test_it_follows_the_mouse_and_its_result_takes_its_place(visit: Visit, norm: str, key: str) -> None:
    page = visit(f"?tasks=Depth&norm={norm}")
    settled(page)
    x, y = middle(page, key)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=4)
    slider = page.locator(f".st-key-{key} input[type=range]")
    text = slider.get_attribute("aria-valuetext")
    caption = page.locator('.mta-row[data-row="picture"] figcaption').nth(1)
    expect(caption).to_have_text(f"Adversarial, {text}{'' if norm == 'L-inf' else ' (L2)'}")
    drawn = page.locator(".mta-composed").first.evaluate(PIXELS)
    page.mouse.up()
    page.locator(f'.mta-stage img[alt^="Adversarial picture"][alt*="{text} ("]').wait_for()
    settled(page)
    expect(caption).to_have_text("Adversarial")
    page.wait_for_url(re.compile(rf"{key}={slider.input_value()}"))
    real = page.locator('.mta-stage img[alt^="Adversarial picture"]').evaluate(PIXELS)
    difference = np.abs(np.array(drawn) - np.array(real))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01, "but for rounding"


def test_it_follows_the_keyboard_and_pgd_is_a_preview(visit: Visit) -> None:
    page = visit("?tasks=Depth&attack=PGD&pgd_num_steps=2")
    settled(page)
    page.locator(".st-key-epsilon input[type=range]").focus()
    page.evaluate("""() => {
      window.previews = 0
      new MutationObserver(() => (window.previews += document.querySelectorAll('.mta-preview').length))
        .observe(document.querySelector('.mta-rows'), { subtree: true, childList: true })
    }""")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("window.previews > 0")
    page.locator('.mta-stage img[alt^="Adversarial picture"][alt*="5.5/255"]').wait_for()
    settled(page)
    expect(page.locator(".mta-preview")).to_have_count(0)
    expect(page.locator(".st-key-epsilon input[type=range]")).to_be_focused()
