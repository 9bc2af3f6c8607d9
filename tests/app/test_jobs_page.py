"""The page Jobs, run by Streamlit's own test client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from conftest import MAIN
from helpers import on_board, until_board_rests
from streamlit.testing.v1 import AppTest

from app import board_words, orders, resources
from mta_core.events import Event, Message, Progress
from mta_core.job_records import Order, Record
from mta_core.jobs import Job

Open = Callable[[], AppTest]


def tick(order: Order, folder: Path, job: Job[Event]) -> Iterator[Event]:
    yield Message("begun with <b>care</b>")
    for number in range(1, 1 + order.settings["to"]):
        time.sleep(0.002)
        if order.settings.get("fails"):
            raise ValueError("expected $less$")
        yield Progress(number, order.settings["to"], "ticks", stage="ticking")
        if job.is_stopping:
            return


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Open:
    st.cache_resource.clear()
    monkeypatch.setattr(orders, "kinds", lambda *_: {"sweep": tick})

    def open_page() -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        at.switch_page("views/jobs.py")
        at.run()
        assert not at.exception, at.exception
        return at

    return open_page


def ask(to: int, title: str = "A sweep", **more: object) -> str:
    return resources.board().submit(Order("sweep", title, {"to": to, **more}, page="sweep"))


def press(at: AppTest, what: str, id: str) -> AppTest:
    at.button(key=f"{what}_{id}").click().run()
    assert not at.exception, at.exception
    return at


def heads(at: AppTest) -> list[str]:
    return [element.proto.body for element in at.get("html") if 'class="mta-job"' in element.proto.body]


def running(id: str) -> Record:
    end = time.monotonic() + 20
    while not ((record := resources.board().record(id)) and record.state == "running" and record.done):
        assert time.monotonic() < end
        time.sleep(0.005)
    return record


def test_an_empty_board_says_how_jobs_come(page: Open) -> None:
    assert "appear here" in page().info[0].value


def test_a_job_is_paused_continued_and_finished(page: Open) -> None:
    id = ask(10**6, title="A <i>long</i> sweep")
    running(id)
    at = page()
    assert "A &lt;i&gt;long&lt;/i&gt; sweep" in heads(at)[0] and "Running" in heads(at)[0]
    assert "of 1000000 ticks" in heads(at)[0]
    assert any("begun with \\<b\\>" in caption.value for caption in at.caption)
    press(at, "pause", id)
    assert on_board()[0].state == "paused" and "Paused" in heads(at)[0]
    press(at, "go", id)
    running(id)
    press(at.run(), "finish", id)
    until_board_rests()
    assert "Ended early" in heads(at.run())[0] and on_board()[0].can_go_on


def test_the_queue_tells_who_comes_first(page: Open) -> None:
    first = ask(10**6)
    running(first)
    ask(1, "Second")
    at = page()
    assert any("Waiting" in head and "1 job before it" in head for head in heads(at))
    press(at, "cancel", first)
    until_board_rests()
    assert [record.state for record in on_board()] == ["done", "cancelled"]


def test_what_is_deleted_can_be_brought_back(page: Open) -> None:
    id = ask(1)
    until_board_rests()
    at = press(page(), "delete", id)
    assert not heads(at) and not on_board()
    at.button(key="undo_delete").click().run()
    assert len(heads(at)) == 1 and "undo_delete" not in {button.key for button in at.button}


def test_a_job_of_another_server_is_said_to_be_one(page: Open) -> None:
    first = ask(10**6)
    running(first)
    mine = resources.board()
    mine.pause(first)
    st.cache_resource.clear()  # another server on the same folder
    at = page()
    for what in ("go", "cancel", "delete"):
        press(at, what, first)
        assert "This job belongs to another server" in at.error[0].value, what
        assert on_board()[0].state == "paused" and "undo_delete" not in {button.key for button in at.button}
    mine.cancel(first)
    at.run()
    assert not at.error, "it is nobody's any more"


def test_a_record_that_cannot_be_read_is_named(page: Open) -> None:
    id = ask(1)
    until_board_rests()
    (resources.board().folder_of(id) / "job.json").write_text("{")
    assert page().warning[0].value == f"The record of 1 job cannot be read and is left as it is\\: {id}"


def test_what_failed_says_why(page: Open) -> None:
    ask(1, fails=True)
    until_board_rests()
    at = page()
    assert at.error[0].value == r"expected \$less\$"
    assert "Failed" in heads(at)[0] and on_board()[0].can_go_on


def test_words() -> None:
    order = Order("sweep", "t", {}, page="sweep")
    record = Record("20260101-000000-abcd", order, "running", done=30, total=120, unit="steps", speed=0.5, seconds=60)
    assert board_words.standing(record) == "30 of 120 steps · about 3 min left · 60 s computed"
    assert board_words.standing(replace(record, is_finishing=True)) == "30 of 120 steps · 60 s computed"
    assert board_words.link(record) == "./sweep?job=20260101-000000-abcd"
    chosen = replace(record, order=replace(order, query={"tasks": ["Depth", "Normals"], "count": "6"}))
    assert board_words.link(chosen) == "./sweep?tasks=Depth&tasks=Normals&count=6&job=20260101-000000-abcd"
    assert board_words.share(record) == 0.25
    assert [board_words.duration(s) for s in (1, 89, 100, 5399, 7260)] == [
        "1 s",
        "89 s",
        "2 min",
        "90 min",
        "2 h 1 min",
    ]
