"""What tests wait for in the browser."""

from __future__ import annotations

from playwright.sync_api import Page

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
"""The first one that is there: the shell is the same engine without a window around it, twice as fast."""
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE = 60_000  # ms; a machine may be busy
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"][data-test-connection-state="CONNECTED"]'
READY = """() => {
  const images = [...document.querySelectorAll('.mta-stage img')]
  const busy = document.querySelector('.mta-stage')?.getAttribute('aria-busy') !== 'false'
  return !busy && images.length > 0 && images.every((image) => image.complete && image.naturalWidth > 0)
}"""


def settled(page: Page) -> None:
    """Waits until nothing runs, every picture is decoded, and what they show is no preview any more."""
    page.wait_for_selector(IDLE)
    page.wait_for_function("() => !document.querySelector('.mta-stage .mta-rough')")
    page.wait_for_function(READY)
