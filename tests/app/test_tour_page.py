"""The page Tour."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.components import tour as view
from mta_core import tour
from mta_core.weights import ROOT

PAGE = str(ROOT / "app" / "views" / "tour.py")


def test_it_shows_what_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(view, "draw", lambda scenes, files: shown.append((scenes, files)))
    page = AppTest.from_file(PAGE).run()
    assert not page.exception and not page.error and shown == [tour.read()]


@pytest.mark.parametrize(("text", "kind"), [("", "info"), ("{", "error")])
def test_without_one_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, kind: str) -> None:
    if text:
        (tmp_path / "tour.json").write_text(text)
    monkeypatch.setattr(tour, "read", lambda read=tour.read: read(tmp_path))
    page = AppTest.from_file(PAGE).run()
    assert not page.exception
    (told,) = getattr(page, kind)
    assert "python -m mta_core tour" in told.value.replace("\\", "")
