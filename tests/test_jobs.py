"""Jobs take turns, stop, are dropped, and report what ended them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mta_core import jobs
from mta_core.jobs import Job, Worker

ROOT = Path(__file__).resolve().parents[1]


def finish(job: Job[int]) -> list[int]:
    while not job.is_done:
        job.wait(len(job.events), 5)
    return job.events


def test_events_come_in_order() -> None:
    assert finish(Worker().submit(lambda job: iter(range(5)))) == [0, 1, 2, 3, 4]


def test_jobs_take_turns_in_one_thread() -> None:
    worker, gate, order = Worker(), threading.Event(), []

    def work(name: str) -> Iterator[int]:
        gate.wait(5)
        for i in range(3):
            order.append((name, threading.get_ident()))
            yield i

    jobs = [worker.submit(lambda job, name=name: work(name)) for name in "ab"]
    gate.set()
    for job in jobs:
        finish(job)
    assert [name for name, _ in order] == list("ababab")
    assert len({thread for _, thread in order}) == 1


def test_a_resting_job_lets_others_go_first() -> None:
    worker, gate, order = Worker(), threading.Event(), []

    def restful(job: Job[int]) -> Iterator[int]:
        gate.wait(5)
        job.rest(0.5)
        yield 0
        order.append("restful")

    def busy(_: Job[int]) -> Iterator[int]:
        for i in range(3):
            order.append("busy")
            yield i

    jobs = [worker.submit(restful), worker.submit(busy)]
    gate.set()
    for job in jobs:
        finish(job)
    assert order == ["busy"] * 3 + ["restful"]


def test_a_cancelled_job_does_not_rest() -> None:
    worker, ended = Worker(), threading.Event()

    def work(job: Job[int]) -> Iterator[int]:
        try:
            job.rest(3600)
            yield 0
        finally:
            ended.set()

    job = worker.submit(work)
    job.wait(0, 5)
    job.cancel()
    finish(worker.submit(lambda _: iter([1])))
    assert ended.wait(5), "what it holds is let go"


def test_an_error_ends_only_its_job() -> None:
    worker = Worker()

    def broken(job: Job[int]) -> Iterator[int]:
        yield 1
        raise ValueError("no")

    job = worker.submit(broken)
    assert finish(job) == [1]
    assert isinstance(job.error, ValueError)
    assert finish(worker.submit(lambda job: iter([7]))) == [7]


def test_a_job_sees_that_it_should_stop() -> None:
    def endless(job: Job[int]) -> Iterator[int]:
        while not job.is_stopping:
            yield 0
        yield 1

    job = Worker().submit(endless)
    job.wait(0, 5)
    job.stop()
    assert finish(job)[-1] == 1


def test_nobody_asking_drops_a_job() -> None:
    job: Job[int] = Job(lambda job: iter([1, 2]), patience=-1.0)
    assert not job.advance()
    assert job.is_cancelled and not job.events


def test_looking_at_its_events_keeps_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(0, 1000, 40))
    monkeypatch.setattr(jobs.time, "monotonic", lambda: next(seconds))
    job: Job[int] = Job(lambda job: iter([1, 2]), patience=60)
    for seen in ([], [1], [1, 2]):
        assert job.events == seen
        job.advance()
    assert not job.is_cancelled


@pytest.mark.parametrize("farewell", [0.0, 70.0])
def test_what_was_left_ends_at_once_unless_others_may_follow_it(
    monkeypatch: pytest.MonkeyPatch, farewell: float
) -> None:
    now = 0.0
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now)
    job: Job[int] = Job(lambda job: iter([1, 2, 3]), 600, farewell)
    job.leave()
    assert job.is_cancelled == (farewell == 0)
    if farewell:
        now = 60.0
        assert job.advance() and job.events == [1], "somebody asks"
        now = 131.0
        assert not job.advance() and job.is_cancelled, "nobody has for longer than that"


def test_waiting_for_a_cancelled_job_returns_at_once() -> None:
    job: Job[int] = Job(lambda job: iter(()))
    job.cancel()
    assert job.wait(0, 60)


def test_heavy_work_gives_way_and_rests_after_others() -> None:
    worker, order, gate = Worker(), [], threading.Event()

    def heavy(_: Job[int]) -> Iterator[int]:
        for i in range(200):
            gate.wait(5)
            order.append(("heavy", time.monotonic()))
            yield i

    def light(_: Job[int]) -> Iterator[int]:
        for i in range(3):
            order.append(("light", time.monotonic()))
            yield i

    job = worker.submit_heavy(heavy)
    other = worker.submit(light)
    gate.set()
    finish(other)
    job.wait(199, 5)
    names = [name for name, _ in order]
    first = names.index("light")
    assert names[first : first + 3] == ["light"] * 3 and first <= 1
    assert order[first + 3][1] - order[first + 2][1] >= 0.9 * jobs.QUIET


def test_a_held_job_gets_no_turns() -> None:
    worker = Worker()
    job = worker.submit_heavy(lambda _: iter(range(10**9)))
    job.wait(2, 5)
    worker.hold(job, True)
    time.sleep(0.05)
    seen = len(job.events)
    time.sleep(0.05)
    assert len(job.events) == seen
    worker.hold(job, False)
    assert job.wait(seen, 5)
    job.cancel()


def test_the_first_turns_of_a_job_come_before_later_ones_of_others() -> None:
    worker, order, gate = Worker(), [], threading.Event()

    def work(name: str) -> Iterator[int]:
        for i in range(4):
            order.append(name)
            yield i
            gate.wait(5)

    first = worker.submit(lambda _: work("a"))
    first.wait(0, 5)
    later = [worker.submit(lambda _, name=name: work(name)) for name in "bc"]
    gate.set()
    for job in (first, *later):
        finish(job)
    assert "".join(order) == "aabcbcabcabc", "two each, then in turn"


def test_a_process_ends_cleanly_in_the_middle_of_a_computation() -> None:
    code = (
        "import itertools, torch; from mta_core.jobs import Worker; "
        "work = lambda _: (torch.randn(900, 900) @ torch.randn(900, 900) for _ in itertools.count()); "
        "Worker().submit(work).wait(2, 30)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "terminate" not in done.stderr, done.stderr


def test_a_job_knows_how_many_come_first() -> None:
    worker, gate = Worker(), threading.Event()

    def work(_: Job[int]) -> Iterator[int]:
        gate.wait(5)
        yield 0
        time.sleep(0.05)

    heavy = worker.submit_heavy(lambda _: iter(()))
    jobs = [worker.submit(work) for _ in range(3)]
    while jobs[0].turns == 0:
        time.sleep(0.001)
    assert [worker.before(job) for job in jobs] == [0, 1, 2]
    assert worker.expected(jobs[0]) == 0, "it has its turn"
    gate.set()
    for job in (*jobs, heavy):
        finish(job)
    assert [worker.before(job) for job in jobs] == [0, 0, 0]
    assert worker.expected(jobs[0]) == 0


def test_what_is_expected_grows_with_the_crowd() -> None:
    worker, gate = Worker(), threading.Event()

    def slow(_: Job[int]) -> Iterator[int]:
        time.sleep(0.05)
        yield 0

    def held(_: Job[int]) -> Iterator[int]:
        gate.wait(5)
        yield 0

    finish(worker.submit(slow))
    first = worker.submit(held)
    while first.turns == 0:
        time.sleep(0.001)
    second, third = worker.submit(slow), worker.submit(slow)
    assert 0 < worker.expected(second) < worker.expected(third)
    gate.set()
    finish(third)


def test_private_work_is_forgotten_and_shared_work_is_not() -> None:
    worker = Worker()
    mine, shared = worker.submit(lambda _: iter([1])), worker.submit(lambda _: iter([1]), farewell=5)
    finish(mine), finish(shared)
    mine.forget()
    shared.forget()
    assert (mine.events, shared.events) == ([], [1])
