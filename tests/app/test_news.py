"""Browsers hear of what is new of a job, and of nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import to_the_end
from starlette.requests import Request

from app import news
from app.result import LossStep, Tick
from mta_core.jobs import Job, Worker


def told(names: str) -> str:
    request = Request({"type": "http", "path_params": {"names": names}})
    with ThreadPoolExecutor(1) as elsewhere:  # where no loop is running: a browser driven here leaves one
        answer = elsewhere.submit(lambda: asyncio.run(news.answer(request))).result()
    assert answer.headers["cache-control"] == "no-store"
    return bytes(answer.body).decode()


def work(job: Job[object]) -> Iterator[object]:
    yield LossStep("joint", 1, 2, {"depth": 1.0})
    yield Tick()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "is_served", True)


@pytest.mark.usefixtures("served")
def test_a_job_is_news_when_it_shows_more_and_when_it_ends() -> None:
    worker = Worker()
    worker.stop()
    job = worker.submit(work)
    asked = news.of(job)
    assert told(asked.names) == asked.known
    job.advance()
    assert told(asked.names) != asked.known
    asked = news.of(job)
    job.advance()
    assert told(asked.names) == asked.known, "a tick shows nothing"
    job.advance()
    assert job.is_done
    assert told(asked.names) != asked.known


@pytest.mark.usefixtures("served")
def test_either_of_two_jobs_is_news_and_so_is_one_that_is_gone() -> None:
    worker = Worker()
    worker.stop()
    first, second = worker.submit(work), worker.submit(work)
    asked = news.of(first, None, second)
    assert told(asked.names) == asked.known
    second.advance()
    assert told(asked.names) != asked.known
    assert told("nobody") == "gone"


def test_a_server_that_does_not_answer_is_not_asked() -> None:
    job = Worker().submit(work)
    to_the_end(job)
    assert news.of(job) == news.News()
