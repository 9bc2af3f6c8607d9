"""Thumbnails, without a server: Chromium runs their script alone."""

from __future__ import annotations

import json

from playwright.sync_api import Browser

from app.components.picker import SCRIPT

DRAW = """async ([script, data]) => {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }))
  const { default: draw } = await import(address)
  const setTriggerValue = (_, name) => (document.title = name)
  draw({ parentElement: document.body, data: new TextEncoder().encode(data), setTriggerValue })
}"""


def test_arrows_go_round_however_few_there_are(browser: Browser) -> None:
    page = browser.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    names = ["a", "b", "c"]
    header = {"label": "Scenes", "names": names, "titles": names, "chosen": "a", "sizes": [0, 0, 0]}
    page.evaluate(DRAW, [SCRIPT, json.dumps(header) + "\n"])
    page.get_by_role("radio", name="a").focus()
    seen = []
    for key in ("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
        seen.append(page.title())
    page.close()
    assert seen == ["c", "a", "c", "a"] and not wrong
