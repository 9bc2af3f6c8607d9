"""Who looks at a training sees their own picture and no other, at a rate that does not rise with those who look."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from helpers import png, read_message, until, until_board_rests
from test_train_page import own_runs, tiny

from app import library, resources, watching
from app.library import Picture
from app.watching import Audience, Frame, Seat
from mta_core.data import DataError, Sample
from mta_core.events import Message

assert own_runs  # a fixture of this file, too


def upload(colour: str) -> Picture:
    return library.read_upload(f"{colour}.png", png(colour=colour))["crop"]


def clean_of(frame: Frame) -> str:
    """Names the drawing of the clean picture."""
    return str(read_message(frame.message(False, (), "depth"))[0]["rows"][0]["cells"][0]["digest"])


def look_until(seats: list[Seat], holds: Callable[[set[tuple[float, str]]], object]) -> list[tuple[float, str]]:
    """When there was a frame of which picture, as all of them look on."""
    found: set[tuple[float, str]] = set()
    end = time.monotonic() + 60
    while not holds(found):
        assert time.monotonic() < end, "it takes too long"
        for seat in seats:
            resources.trainings().look(seat)
            if (frame := seat.frame) is not None:
                assert frame.picture == seat.picture.key
                found.add((seat.made_at, frame.picture))
        time.sleep(0.002)
    return sorted(found)


def test_two_who_look_at_two_pictures_take_turns(own_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "EVERY", 1.0)
    monkeypatch.setattr(watching, "WATCHED", 60.0)
    id = resources.board().submit(tiny(own_runs, epochs=500))
    first, second = Seat(id, upload("teal")), Seat(id, upload("maroon"))
    other = Seat(id, first.picture)
    made, keys = zip(*look_until([first, second, other], lambda found: len(found) >= 4), strict=True)
    assert all(later - sooner > watching.EVERY for sooner, later in pairwise(made))
    assert all(one != next for one, next in pairwise(keys)), "in turns"
    assert first.frame and second.frame and first.frame is other.frame
    assert clean_of(first.frame) != clean_of(second.frame)
    resources.board().finish(id)
    until_board_rests()
    record = resources.board().record(id)
    assert record is not None and first.frame.step == second.frame.step == record.done
    assert resources.trainings().audience.of(id) == []


def test_nothing_is_kept_of_whom_nobody_asks_for(own_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WATCHED", 60.0)
    id = resources.board().submit(tiny(own_runs))
    seat = Seat(id, upload("teal"))
    resources.trainings().look(seat)
    until_board_rests()
    frame = seat.frame
    assert frame is not None and frame.perturbations == ("segmentation", "depth", "normals")
    headers = [read_message(frame.message(False, (), name))[0] for name in frame.perturbations]
    assert len({header["rows"][0]["cells"][1]["digest"] for header in headers}) == 3
    picture, shown = weakref.ref(seat.picture), weakref.ref(frame)
    del seat, frame
    gc.collect()
    assert picture() is None and shown() is None


def test_no_picture_is_made_when_nobody_looks_any_more(own_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WATCHED", 0.0)
    id = resources.board().submit(tiny(own_runs))
    seat = Seat(id, upload("teal"))
    resources.trainings().look(seat)
    until_board_rests()
    assert seat.frame is None


def test_who_has_not_looked_lately_is_let_go(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(watching.time, "monotonic", lambda: now)
    audience, here, gone, elsewhere = Audience(), Seat("a", picture), Seat("a", picture), Seat("b", picture)
    audience.look(gone)
    now += watching.WATCHED
    audience.look(here)
    audience.look(elsewhere)
    assert audience.of("a") == [here] and audience.of("b") == [elsewhere]
    now -= 1.0
    assert audience.of("a") == [here], "it is not only passed over"
    audience.leave("a")
    assert audience.of("a") == [] and audience.of("b") == [elsewhere]


def test_a_picture_that_cannot_be_made_does_not_end_a_training(
    own_runs: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: tuple[int, int]) -> Sample:
        raise DataError("expected the file that was there")

    monkeypatch.setattr(watching, "EVERY", 0.05)
    monkeypatch.setattr(watching, "WATCHED", 60.0)
    id = resources.board().submit(tiny(own_runs, epochs=3))
    bad = Seat(id, replace(picture, key="lost", image=picture.image[:, :90], source=lost))
    good = Seat(id, picture)
    for seat in (bad, good):
        resources.trainings().look(seat)
    until(lambda: bad.made_at)
    until_board_rests()
    record = resources.board().record(id)
    assert record is not None and record.state == "done" and record.done == record.total
    told = [e.text for e in resources.board().events(id) if isinstance(e, Message) and "picture of it" in e.text]
    assert told == ["a picture of it could not be made: expected the file that was there"]
    assert bad.frame is None and good.frame is not None and good.frame.picture == picture.key
