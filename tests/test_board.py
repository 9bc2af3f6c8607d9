"""The job board: a fair queue, one at a time, that outlives its server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mta_core.board import Board
from mta_core.devices import Device
from mta_core.events import Event, Message, Progress, Row
from mta_core.history import History
from mta_core.job_records import CUT_OFF, Order, Record
from mta_core.jobs import Job, Worker
from mta_core.weights import write_atomically

CPU = Device(torch.device("cpu"), torch.float32, "a processor")
CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_board import CPU, count
from mta_core.board import Board
from mta_core.job_records import Order
from mta_core.jobs import Worker
board = Board(Path(sys.argv[1]), Worker(), CPU, {{"count": count}})
print(board.submit(Order("count", "counting", {{"to": 400, "pause": 0.005}})), flush=True)
time.sleep(60)
"""


def count(order: Order, folder: Path, job: Job[Event]) -> Iterator[Event]:
    """Counts, saves every tenth number, and goes on from there."""
    kept = folder / "count.json"
    number = json.loads(kept.read_text()) if kept.exists() else 0
    yield Message(f"from {number}")
    while number < order.settings["to"] and not job.is_stopping:
        number += 1
        time.sleep(order.settings.get("pause", 0.0))
        if number == order.settings.get("fails at"):
            raise ValueError("expected another number")
        yield Progress(number, order.settings["to"], "numbers", {"number": float(number)})
        if number == order.settings.get("has enough at"):
            job.stop()
        if number % 10 == 0:
            write_atomically(kept, json.dumps(number).encode())
    yield Row({"number": number})


def until(is_so: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.005)


class Office:
    """A board with a worker and a kind that waits until it is let go."""

    def __init__(self, folder: Path) -> None:
        self.order_of_work: list[str] = []
        self.worker = Worker()
        self.board = Board(folder, self.worker, CPU, {"count": count, "named": self.named})

    def named(self, order: Order, folder: Path, job: Job[Event]) -> Iterator[Event]:
        self.order_of_work.append(order.title)
        for number in range(1, 4):
            yield Progress(number, 3, "steps")

    def ask(self, to: int = 5, owner: str = "", **more: Any) -> str:
        return self.board.submit(Order("count", "counting", {"to": to, **more}, owner))

    def state(self, id: str) -> str:
        record = self.board.record(id)
        assert record is not None
        return record.state

    def done(self, id: str) -> int:
        record = self.board.record(id)
        assert record is not None
        return record.done

    def wait(self, id: str, state: str = "done") -> None:
        until(lambda: self.state(id) == state)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path / "jobs")
    yield made
    made.board.close()


def test_closed_it_ends_what_runs_and_leaves_the_rest_to_another(office: Office) -> None:
    runs = office.ask(50, pause=0.001)
    until(lambda: office.done(runs) > 0)
    waits = office.ask()
    office.board.close()
    office.wait(runs)
    time.sleep(0.1)
    assert office.state(waits) == "queued"
    other = Board(office.board.folder, Worker(), CPU, {"count": count})
    office.wait(waits)
    other.close()


def test_an_order_is_done_and_any_server_finds_what_became_of_it(office: Office, tmp_path: Path) -> None:
    id = office.ask()
    office.wait(id)
    other = Board(tmp_path / "jobs", Worker(), CPU, {})
    record = other.record(id)
    assert record is not None and (record.done, record.total, record.unit, record.device) == (
        5,
        5,
        "numbers",
        CPU.label,
    )
    assert record.ended and record.started and record.created <= record.started <= record.ended
    assert other.records() == [record]
    events = other.events(id)
    assert [e for e in events if isinstance(e, Row)] == [Row({"number": 5})]
    assert [e for e in events if isinstance(e, Progress)][-1].done == 5


def test_owners_are_served_in_turn(office: Office) -> None:
    gate = office.ask(10**6, pause=0.001)
    until(lambda: office.done(gate) > 0)
    for owner, title in (("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1")):
        last = office.board.submit(Order("named", title, {}, owner))
        time.sleep(0.002)  # the order of their times
    queued = {r.order.title: office.board.place(r.id) for r in office.board.records() if r.state == "queued"}
    assert queued == {"a1": 1, "b1": 2, "a2": 3, "a3": 4}
    office.board.cancel(gate)
    office.wait(last)
    until(lambda: len(office.order_of_work) == 4)
    assert office.order_of_work == ["a1", "b1", "a2", "a3"]


def test_one_at_a_time_even_with_two_servers(office: Office, tmp_path: Path) -> None:
    first = office.ask(10**6, pause=0.001)
    until(lambda: office.done(first) > 0)
    other = Office(tmp_path / "jobs")
    second = other.ask()
    time.sleep(0.1)
    assert other.state(second) == "queued" and other.state(first) == "running"
    office.board.cancel(first)
    until(lambda: other.state(second) == "done")


@pytest.mark.parametrize("state", ["running", "paused"])
def test_a_job_of_another_server_is_left_to_it(office: Office, tmp_path: Path, state: str) -> None:
    id = office.ask(10**6, pause=0.001)
    until(lambda: office.done(id) > 0)
    if state == "paused":
        office.board.pause(id)
    other = Office(tmp_path / "jobs").board
    verbs = [other.cancel, other.pause, other.finish, *([other.resume] if state == "paused" else [])]
    for do in verbs:
        with pytest.raises(
            ValueError, match=r"^this job belongs to another server that keeps its jobs here: change it"
        ):
            do(id)
    with pytest.raises(ValueError, match="belongs to another server" if state == "paused" else "cancel it first"):
        other.delete(id)
    assert office.state(id) == state and office.board.folder_of(id).is_dir()
    before = office.done(id)
    office.board.resume(id)
    until(lambda: office.done(id) > before)
    office.board.cancel(id)
    other.delete(id)
    assert office.board.record(id) is None


def test_a_record_that_cannot_be_written_blocks_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, failed = Record.write, list[str]()

    def write(record: Record, folder: Path) -> None:
        if record.order.title == "unlucky" and record.state == "running" and len(failed) < 2:
            failed.append(record.id)
            raise OSError(28, "No space left on device")
        whole(record, folder)

    monkeypatch.setattr(Record, "write", write)
    id = office.board.submit(Order("count", "unlucky", {"to": 5}))
    until(lambda: failed)
    assert office.state(id) == "queued" and not office.board.record(id).is_live  # type: ignore[union-attr]
    office.wait(office.ask())
    office.wait(id)
    assert failed == [id] * 2, "it was tried again"


def test_what_could_not_be_written_is_not_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Record.write

    def write(record: Record, folder: Path) -> None:
        if record.state == "paused" or record.is_finishing:
            raise OSError(28, "No space left on device")
        whole(record, folder)

    id = office.ask(10**6, pause=0.001)
    until(lambda: office.done(id) > 0)
    for do in (office.board.pause, office.board.finish):
        with monkeypatch.context() as patch:
            patch.setattr(Record, "write", write)
            with pytest.raises(OSError, match="No space left"):
                do(id)
        record = office.board.record(id)
        assert record is not None and record.state == "running" and not record.is_finishing
    before = office.done(id)
    until(lambda: office.done(id) > before)
    office.board.pause(id)
    office.wait(office.ask())


def test_a_paused_job_lets_others_go_and_goes_on_where_it_was(office: Office) -> None:
    first = office.ask(300, pause=0.001)
    until(lambda: office.done(first) > 14)
    office.board.pause(first)
    assert office.state(first) == "paused"
    office.wait(office.ask())
    at = office.done(first)
    time.sleep(0.05)
    assert office.done(first) == at
    office.board.resume(first)
    office.wait(first)
    messages = [e.text for e in office.board.events(first) if isinstance(e, Message)]
    assert messages == ["from 0"], "it was never begun anew"


def test_it_ends_with_what_it_has_or_at_once(office: Office) -> None:
    first = office.ask(10**6, pause=0.001)
    until(lambda: office.done(first) > 3)
    office.board.finish(first)
    office.wait(first)
    assert any(isinstance(e, Row) for e in office.board.events(first))
    second = office.ask(10**6, pause=0.001)
    until(lambda: office.done(second) > 3)
    office.board.cancel(second)
    assert office.state(second) == "cancelled"
    assert not any(isinstance(e, Row) for e in office.board.events(second))
    office.wait(office.ask())


def test_what_is_paused_ends_with_what_it_has(office: Office) -> None:
    id = office.ask(10**6, pause=0.001)
    until(lambda: office.done(id) > 3)
    office.board.pause(id)
    paused = office.board.record(id)
    assert paused is not None and paused.can_finish
    elsewhere = Board(office.board.folder, Worker(), CPU, {}).record(id)
    assert elsewhere is not None and not elsewhere.can_finish
    office.board.finish(id)
    office.wait(id)
    ended = office.board.record(id)
    assert ended is not None and ended.is_finishing and not ended.can_finish and ended.done <= paused.done + 2
    assert any(isinstance(e, Row) for e in office.board.events(id))


def test_what_ends_by_a_limit_of_its_own_can_go_on(office: Office) -> None:
    id = office.ask(20, **{"has enough at": 10})
    office.wait(id)
    record = office.board.record(id)
    assert record is not None and record.done == 10 and record.is_finishing and record.can_go_on
    assert record == Record.read(office.board.folder_of(id)) and record.before == 0
    office.board.resume(id)
    until(lambda: office.done(id) == 20)
    office.wait(id)
    again = office.board.record(id)
    assert again is not None and not again.is_finishing and not again.can_go_on
    assert again.before == record.seconds < again.seconds


def test_what_failed_says_why_and_can_be_tried_again(office: Office) -> None:
    id = office.ask(**{"fails at": 3})
    office.wait(id, "failed")
    record = office.board.record(id)
    assert record is not None and record.note == "expected another number" and record.can_go_on
    office.board.resume(id)
    office.wait(id, "failed")
    office.wait(office.ask())


def test_an_unknown_kind_is_refused(office: Office) -> None:
    with pytest.raises(ValueError, match="expected a kind of job among count, named"):
        office.board.submit(Order("dance", "", {}))


def test_a_queued_job_is_paused_and_cancelled_on_disk(office: Office) -> None:
    gate = office.ask(10**6, pause=0.001)
    until(lambda: office.done(gate) > 0)
    id = office.ask()
    office.board.pause(id)
    assert office.state(id) == "paused"
    office.board.resume(id)
    assert office.state(id) == "queued"
    office.board.cancel(id)
    assert office.state(id) == "cancelled"
    office.board.cancel(gate)
    office.board.delete(id)
    assert office.board.record(id) is None and not office.board.folder_of(id).exists()
    office.board.restore(id)
    assert office.state(id) == "cancelled"


@pytest.mark.parametrize(
    "wait", [pytest.param(0.05, marks=pytest.mark.slow), 0.4, pytest.param(1.3, marks=pytest.mark.slow)]
)
def test_a_killed_server_loses_nothing_but_what_was_not_saved(tmp_path: Path, wait: float) -> None:
    folder, script = tmp_path / "jobs", CHILD.format(tests=str(Path(__file__).parent))
    child = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    id = child.stdout.readline().strip()
    time.sleep(wait)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    office = Office(folder)
    if office.state(id) == "paused":
        record = office.board.record(id)
        assert record is not None and record.note == CUT_OFF
        office.board.resume(id)
    office.wait(id)
    events = office.board.events(id)
    points = [e.done for e in events if isinstance(e, Progress)]
    assert points == sorted(set(points)) and points[-1] == 400
    froms = [int(e.text.split()[1]) for e in events if isinstance(e, Message)]
    assert all(number % 10 == 0 for number in froms) and froms == sorted(froms)


def test_what_is_torn_or_foreign_is_not_read(office: Office, tmp_path: Path) -> None:
    id = office.ask()
    office.wait(id)
    folder = office.board.folder_of(id)
    with (folder / "events.jsonl").open("ab") as file:
        for line in (
            {"kind": "Message", "text": 3}, {"kind": "Row", "values": 3},
            {"kind": "Progress", "done": 1, "total": 2, "unit": 3}, {"kind": "Pause"},
        ):  # fmt: skip
            file.write(json.dumps(line).encode() + b"\n")
        file.write(b"[" * 100_000 + b"\n" + b'{"kind": "Row", "val')
    assert History.read(folder).events == office.board.events(id)
    history = History.read(folder)
    history.add(Message("after"))
    history.close()
    assert History.read(folder).events[-1] == Message("after")
    (folder / "job.json").write_text('{"id": "x", "order": {"kind": 3}}')
    assert Record.read(folder) is None and office.board.records() == []


@pytest.mark.parametrize("damage", [
    "", "null", "[" * 100_000, {"state": ["queued"]}, {"created": "now"}, {"done": float("nan")}, {"ended": 1e30},
    {"unit": 3}, {"is_live": "yes"}, {"order": {"kind": 3}}, {"order": {"owner": ["me"]}}, {"order": {"query": 3}},
    {"more": 1},
])  # fmt: skip
def test_a_damaged_record_is_named_and_stops_nobody(office: Office, damage: Any) -> None:
    id = office.ask()
    office.wait(id)
    file = office.board.folder_of(id) / "job.json"
    if isinstance(damage, dict):
        kept = json.loads(file.read_text())
        damage = json.dumps(kept | damage | {"order": kept["order"] | damage.get("order", {})})
    file.write_text(damage)
    again = Office(office.board.folder)
    assert again.board.unreadable() == [id] and again.board.records() == [] and again.board.events(id) == []
    again.wait(again.ask())
    assert file.read_text() == damage


def test_a_job_of_an_unknown_kind_fails_in_a_sentence(tmp_path: Path) -> None:
    id = "20260101-000000-abcd"
    Record(id, Order("dance", "", {})).write(tmp_path / id)
    office = Office(tmp_path)
    office.wait(id, "failed")
    record = office.board.record(id)
    assert record is not None and record.note == "expected a kind of job among count, named, got 'dance'"


@pytest.mark.parametrize("name", ["../../etc", "", "20260101-000000-zzzz", "."])
def test_a_name_that_is_no_jobs_is_nothing(office: Office, name: str) -> None:
    assert office.board.record(name) is None
    office.board.resume(name)
    office.board.cancel(name)
    office.board.delete(name)
    assert office.board.events(name) == []
