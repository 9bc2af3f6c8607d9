"""The victim's answers follow epsilon while it is moved, run by Streamlit's own test client."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from helpers import read_directions, read_stage, settle, stage_bytes
from streamlit.testing.v1 import AppTest

from app.request import Request
from app.state import heard
from app.workshop import Workshop

Open = Callable[..., AppTest]


@pytest.fixture
def attacked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """What is computed."""
    asked: list[Request] = []
    attack = Workshop.attack
    monkeypatch.setattr(Workshop, "attack", lambda self, request: (asked.append(request), attack(self, request))[1])
    return asked


@pytest.mark.parametrize("norm", ["L-inf", "L2"])
def test_what_comes_while_it_moves_is_what_is_asked_for_when_it_is_let_go(
    page: Open, attacked: list[Request], monkeypatch: pytest.MonkeyPatch, norm: str
) -> None:
    at = page(norm=norm, tasks="Depth")
    key, start = ("epsilon", 5.0) if norm == "L-inf" else ("epsilon_l2", 4.0)
    live = read_stage(at)["live"]
    assert (live["key"], live["asked"], live["shown"], live["moved"]) == (key, start, start, False)
    with monkeypatch.context() as moving:
        moving.setattr(heard, "moved", lambda: 8.0)
        settle(at.run())
        live = read_stage(at)["live"]
        assert (live["asked"], live["shown"], live["moved"]) == (start, 8.0, True)
        assert at.slider(key=key).value == start, "the slider is not taken out of the hand"
    while_moving = [request.budget.units for request in attacked]
    assert set(while_moving) == {start, 8.0}
    settle(at.slider(key=key).set_value(8.0).run())
    live = read_stage(at)["live"]
    assert (live["asked"], live["shown"], live["moved"]) == (8.0, 8.0, False)
    assert [request.budget.units for request in attacked] == while_moving, "it is there already"


def test_a_redraw_of_the_page_means_what_the_slider_says(page: Open) -> None:
    at = page(tasks="Depth")
    at.session_state["_moved"] = 8.0
    settle(at.run())
    assert read_stage(at)["live"]["shown"] == 5.0 and "_moved" not in at.session_state


@pytest.mark.parametrize("units", [-1.0, 0.0, 17.0, float("nan"), float("inf")])
def test_an_epsilon_out_of_range_is_not_heard(page: Open, monkeypatch: pytest.MonkeyPatch, units: float) -> None:
    at = page(tasks="Depth")
    monkeypatch.setattr(heard, "moved", lambda: units)
    settle(at.run())
    assert read_stage(at)["live"]["shown"] == 5.0 and not at.exception


def test_the_direction_is_sent_once_and_again_when_the_browser_lacks_it(page: Open) -> None:
    at = page(tasks="Depth")
    settle(at.slider(key="epsilon").set_value(2.0).run())
    assert not read_directions(stage_bytes(at))
    at.session_state["_lacks"] = True
    at.run()
    assert set(read_directions(stage_bytes(at))) == {read_stage(at)["live"]["panels"][0]["file"]}


def test_the_browser_is_told_how_long_a_preview_takes(page: Open) -> None:
    live = read_stage(page(tasks="Depth"))["live"]
    assert 0 < live["seconds"] < 60 and [panel["cell"] for panel in live["panels"]] == [1, 2]
