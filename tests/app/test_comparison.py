"""Comparisons as jobs: what is kept, stopped, shared and found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import png, to_the_end
from test_panels import finished

from app import comparison_job, exports
from app.comparison import Trial, is_open, standing, start
from app.library import Shelf, read_upload
from app.request import Request
from app.workshop import Workshop
from mta_core import store as stores
from mta_core.attacks import Fgsm
from mta_core.events import Message
from mta_core.jobs import Job
from mta_core.store import Store

Requests = Callable[..., Request]


def trials_of(request_for: Requests, shelf: Shelf | None = None, units: float = 5) -> tuple[Trial, ...]:
    made = [request_for(name, units=units) for name in ("noise", "mta", "fgsm")]
    if shelf is None:
        return tuple(Trial(r, label=r.attack.label) for r in made)
    return tuple(Trial(r, shelf.name, len(shelf), r.attack.label, shelf.data) for r in made)


def test_one_picture_is_measured_as_on_the_page_explore(workshop: Workshop, request_for: Requests) -> None:
    trials = trials_of(request_for)
    to_the_end(start(workshop, trials))
    for trial in trials:
        known = standing(workshop, trial)
        assert known is not None and known.is_complete and not is_open(workshop, trial)
        expected = exports.rows_of(finished(workshop, trial.request))
        keys = [(row["task"], row["metric"], row["aggregation"]) for row in expected]
        found = {(row["task"], row["metric"], row["aggregation"]): row for row in known.rows}
        assert set(found) == set(keys)
        for key, row in zip(keys, expected, strict=True):
            assert found[key]["adversarial"] == pytest.approx(row["adversarial"], rel=1e-3, abs=1e-4)
            same = set(row) - {"clean", "adversarial", "ci95"}
            assert {k: found[key][k] for k in same} == {k: row[k] for k in same}


def test_only_what_is_not_known_is_computed(workshop: Workshop, request_for: Requests) -> None:
    *first, last = trials_of(request_for, units=3)
    to_the_end(start(workshop, first))
    before = [standing(workshop, trial) for trial in first]
    job = start(workshop, (*first, last))
    to_the_end(job)
    assert [standing(workshop, trial) for trial in first] == before
    assert standing(workshop, last) is not None
    again = start(workshop, (*first, last))
    to_the_end(again)
    assert again.events == []


def stop_after(workshop: Workshop, trials: tuple[Trial, ...], monkeypatch: pytest.MonkeyPatch, calls: int) -> Job:
    """Stops when the last of the attacks has begun that many times."""
    made, steps = [], Fgsm.steps

    def stopping(self: Fgsm, problem: object):  # type: ignore[no-untyped-def]
        made.append(1)
        if len(made) == calls:
            job.stop()
        return steps(self, problem)  # type: ignore[arg-type]

    monkeypatch.setattr(Fgsm, "steps", stopping)
    ready = workshop.worker.submit(lambda _: iter(()))
    to_the_end(ready)
    job = start(workshop, trials)
    to_the_end(job)
    return job


def test_stopped_all_attacks_have_had_the_same_pictures(
    workshop: Workshop, request_for: Requests, gallery: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = trials_of(request_for, gallery, units=2)
    stop_after(workshop, trials, monkeypatch, calls=2)
    known = [standing(workshop, trial) for trial in trials]
    assert [one.num_pictures for one in known if one] == [1, 1, 1], "the second picture was begun"
    assert all(is_open(workshop, trial) for trial in trials)
    to_the_end(start(workshop, trials))
    assert [one.num_pictures for one in map(lambda t: standing(workshop, t), trials) if one] == [3, 3, 3]


def test_a_data_set_measured_whole_is_stored_and_nothing_else_is(
    workshop: Workshop, request_for: Requests, gallery: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_the_end(start(workshop, trials_of(request_for, units=1.25)))
    trials = trials_of(request_for, gallery, units=1.25)
    stop_after(workshop, trials, monkeypatch, calls=2)
    assert Store().count() == 0, "neither one picture nor what was stopped"
    to_the_end(start(workshop, trials))
    to_the_end(start(workshop, trials))
    (run,) = Store().find()
    known = [standing(workshop, trial) for trial in trials]
    measured = [{**row, "ci95": list(row["ci95"])} for one in known if one for row in one.rows]
    assert list(run.rows) == measured
    assert (run.provenance["pictures"], run.provenance["command"]) == (3, "the page Compare")
    assert run.provenance["seconds"] > 0


def test_cut_off_before_it_was_said_to_be_done_it_is_stored_once(
    workshop: Workshop, request_for: Requests, gallery: Shelf, tmp_path: Path
) -> None:
    trials = trials_of(request_for, gallery, units=2.25)
    order, runs = comparison_job.order_of(trials, "me"), []
    for _ in range(2):
        work = comparison_job.run(workshop, {gallery.name: gallery}, order, tmp_path / "job", Job(lambda _: iter(())))
        assert "kept among the results" in [event.text for event in work if isinstance(event, Message)]
        runs += Store().find()
    assert len(runs) == 2 and runs[0].id == runs[1].id and runs[0].rows == runs[1].rows
    assert runs[0].provenance["seconds"] <= runs[1].provenance["seconds"] < runs[0].provenance["seconds"] + 1


def test_a_store_that_fails_does_not_cost_the_comparison(
    workshop: Workshop, request_for: Requests, gallery: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(stores, "default_path", lambda: tmp_path)
    trials = trials_of(request_for, gallery, units=1.75)
    job = start(workshop, trials)
    to_the_end(job)
    assert str(job.error).startswith("measured, but not kept among the results: expected a file")
    assert not any(is_open(workshop, trial) for trial in trials)


def test_stopped_during_the_first_picture_it_keeps_what_there_is(
    workshop: Workshop, request_for: Requests, gallery: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = trials_of(request_for, gallery, units=1.5)
    stop_after(workshop, trials, monkeypatch, calls=1)
    known = [standing(workshop, trial) for trial in trials]
    assert known[0] and known[1] and known[0].rows and known[1].rows and known[2] is None


def test_other_jobs_get_their_turn_between_steps(workshop: Workshop, request_for: Requests, gallery: Shelf) -> None:
    job = start(workshop, trials_of(request_for, gallery, units=2.5))
    attack = workshop.attack(request_for("fgsm", units=2.5))
    to_the_end(attack)
    assert not job.is_done, "an attack of another page does not wait for the comparison"
    job.cancel()


def test_the_work_is_found_again_by_what_was_asked(workshop: Workshop, request_for: Requests, gallery: Shelf) -> None:
    trials = trials_of(request_for, gallery, units=3.5)
    assert workshop.running(trials) is None
    job = start(workshop, trials)
    assert workshop.running(trials) is job
    assert workshop.running(trials_of(request_for, gallery, units=4.5)) is None
    job.cancel()
    assert workshop.running(trials) is None


def test_what_is_known_of_an_upload_ends_with_it(workshop: Workshop, request_for: Requests) -> None:
    upload = read_upload("mine.png", png())["crop"]
    trial = Trial(replace(request_for("fgsm"), picture=upload))
    to_the_end(start(workshop, (trial,)))
    assert standing(workshop, trial) is not None
    other = read_upload("mine.png", png())["crop"]
    again = Trial(replace(trial.request, picture=other))
    assert again == trial and standing(workshop, again) is None
