"""Pages whose measurement is a job of the board: how their tests open them, what they read from them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import MAIN
from helpers import on_board, until_board_rests
from streamlit.testing.v1 import AppTest

from app import resources
from mta_core.attacks import Attack


def open_view(view: str, /, **params: str | list[str]) -> AppTest:
    """Opens a page with query parameters, as a new browser does."""
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.switch_page(f"views/{view}.py")
    for key, value in params.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def settle(at: AppTest) -> AppTest:
    """Waits until nothing is measured, and looks."""
    until_board_rests()
    at.run()
    assert not at.exception, at.exception
    return at


def measure(at: AppTest, name: str) -> AppTest:
    """Starts a measurement, or goes on with it, and waits for its end."""
    return settle(at.button(key=f"{name}_start").click().run())


def status(at: AppTest) -> str:
    return next(e.proto.body for e in at.get("html") if "mta-status" in e.proto.body)


def buttons(at: AppTest, name: str) -> dict[str, str]:
    """The labels of a measurement's buttons by their keys."""
    return {button.key: button.label for button in at.button if button.key.startswith(f"{name}_")}


def charts(at: AppTest) -> dict[str, dict[str, Any]]:
    """What the charts were told, by their keys."""
    found = [c.proto for c in at.get("bidi_component") if c.proto.component_name.endswith("mta_livechart")]
    told = [json.loads(proto.bytes) for proto in found]
    return {chart["key"]: chart for chart in told}


def ask_amid(attack: type[Attack], call: int, how: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Asks the board for something ("finish", "pause", "cancel") when an attack is made for the `call`th time.

    Returns:
        a number for each time, which grows.
    """
    made: list[int] = []
    steps = attack.steps

    def asking(self: Attack, problem: Any) -> Any:
        made.append(1)
        if len(made) == call:
            getattr(resources.board(), how)(on_board()[0].id)
        return steps(self, problem)

    monkeypatch.setattr(attack, "steps", asking)
    return made
