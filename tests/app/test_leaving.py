"""What becomes of work that is under way when a person goes to another page, or away."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
import streamlit as st
from conftest import MAIN
from helpers import job_of, on_board, png, to_the_end, work
from streamlit.testing.v1 import AppTest

from app import comparison, library, resources
from app.comparison import Trial
from app.request import Request
from app.workshop import Workshop
from mta_core import weights

Open = Callable[..., AppTest]
LONG = {"attack": "PGD", "pgd_num_steps": "100", "tasks": "Depth"}


@pytest.fixture
def start() -> Open:
    """Opens a page with query parameters; what it computes is under way."""
    st.cache_resource.clear()

    def open_page(view: str, /, **params: str) -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        at.switch_page(f"views/{view}.py")
        for key, value in params.items():
            at.query_params[key] = value
        return at.run()

    return open_page


@pytest.mark.parametrize(("view", "chosen", "place"), [
    ("explore", LONG, "attack"),
    ("transfer", LONG, "attack"),
    ("compare", {"attacks": "PGD", "steps": "100", "tasks": "Depth"}, "map"),
    ("compare", {"compare": "Two side by side", "attack_b": "PGD", "steps": "100", "tasks": "Depth"}, "duel_b"),
])  # fmt: skip
def test_what_a_page_computes_ends_with_it(start: Open, view: str, chosen: dict[str, str], place: str) -> None:
    at = start(view, **chosen)
    job = job_of(at, place)
    assert not job.is_cancelled
    at.switch_page("views/cost.py").run()
    assert job.is_cancelled and work(at, place) is None


def test_a_comparison_on_a_data_set_goes_on_while_another_page_is_shown(start: Open) -> None:
    at = start("compare", on="Data set", tasks="Depth", attacks="PGD", steps="100")
    at.button(key="start_ranking").click().run()
    at.switch_page("views/cost.py").run()
    assert [record.state for record in on_board()] in (["running"], ["queued"])


def test_nobody_waits_long_for_a_browser_that_is_gone(start: Open) -> None:
    job = job_of(start("explore", **LONG))
    assert job.patience > resources.GRACE
    st.cache_resource.clear()  # as at the end of a session
    assert job.patience == resources.GRACE
    job.cancel()


def test_an_upload_ends_with_its_session_though_it_was_compared(
    workshop: Workshop, request_for: Callable[..., Request]
) -> None:
    upload = library.read_upload("mine.png", png())["crop"]
    request = request_for("fgsm")
    trials = (Trial(Request(upload, "dmtl", request.tasks[:1], request.attack, "per-task", request.budget)),)
    job = comparison.start(workshop, trials)
    to_the_end(job)
    del job, trials
    gc.collect()
    assert not list(workshop.started), "nobody holds the job, and so nothing holds the picture"


def test_the_objects_come_with_their_first_victim(start: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as bare:
        bare.setattr(weights, "RUNS", weights.RUNS / "none")
        assert resources.objects() is None
    monkeypatch.setattr(resources.library, "open_objects", lambda: "a shelf")
    monkeypatch.setattr(
        Workshop, "victims", lambda self: [weights.Card("x", "victim", "", {}, {"dslr": "office31"}, (1, 1))]
    )
    assert resources.objects() == "a shelf"


def test_every_page_has_its_heading(start: Open) -> None:
    for view in ("explore", "compare", "transfer", "sweep", "train", "cost", "jobs", "results"):
        at = start(view)
        bodies = [element.proto.body for element in at.get("html")]
        assert [body for body in bodies if "<h2" in body] == [f'<h2 class="mta-hidden">{view.capitalize()}</h2>']
        assert sum("<h1" in body for body in bodies) == 1
