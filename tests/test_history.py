"""The history of a job: as many points as promised however long it runs, and read no more often than it changes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from mta_core import history
from mta_core.events import Event, Message, Progress, Row
from mta_core.history import POINTS, History, events_of, messages_of


def points_of(events: object) -> list[int]:
    assert isinstance(events, list | tuple)
    return [event.done for event in events if isinstance(event, Progress)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(history, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.mark.parametrize("hours", [0.1, 1, 10])
def test_a_long_job_has_as_many_points_as_promised(tmp_path: Path, clock: list[float], hours: float) -> None:
    kept, total = History.read(tmp_path), int(hours * 3600 / 0.5)
    rows: list[Event] = []
    for number in range(1, 1 + total):
        kept.add(Progress(number, total, "steps", {"loss": 1.0}))
        if number % 1000 == 0:
            rows.append(Row({"epoch": number // 1000}))
            kept.add(rows[-1])
        clock[0] += 0.5
    kept.close()
    points = points_of(kept.events)
    assert min(total, POINTS // 2) <= len(points) <= POINTS and points[-1] == total
    gaps = [after - before for before, after in pairwise(points)]
    assert max(gaps) <= 3 * max(1, total / len(points)), "they lie along all of it"
    assert [event for event in kept.events if isinstance(event, Row)] == rows
    assert History.read(tmp_path).events == kept.events, "on disk as in memory"


def test_a_job_that_goes_on_is_thinned_too(tmp_path: Path, clock: list[float]) -> None:
    for run in range(3):
        kept = History.read(tmp_path)
        for number in range(1500):
            kept.add(Progress(1 + 1500 * run + number, 4500, "steps"))
            clock[0] += 0.5
        kept.close()
        points = points_of(History.read(tmp_path).events)
        assert len(points) <= POINTS and points == sorted(set(points)) and points[-1] == 1500 * (run + 1)


def test_a_history_of_more_points_is_thinned_as_it_is_read(tmp_path: Path) -> None:
    lines = [f'{{"kind": "Progress", "done": {n}, "total": 9000, "unit": "steps"}}\n' for n in range(1, 9001)]
    (tmp_path / history.NAME).write_text("".join(lines))
    points = points_of(History.read(tmp_path).events)
    assert POINTS // 2 <= len(points) <= POINTS and points[-1] == 9000


def test_a_file_is_parsed_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    whole = history._read
    monkeypatch.setattr(history, "_read", lambda line: parsed.append(line) or whole(line))
    assert list(events_of(tmp_path)) == list(messages_of(tmp_path)) == []
    kept = History.read(tmp_path)
    kept.add(Message("one"))
    kept.add(Progress(1, 2, "steps"))
    for _ in range(5):
        assert list(messages_of(tmp_path)) == [Message("one")] and points_of(events_of(tmp_path)) == [1]
    assert len(parsed) == 2 * 2, "once for each question"
    kept.add(Message("two"))
    assert [message.text for message in messages_of(tmp_path)] == ["one", "two"]
    kept.close()
