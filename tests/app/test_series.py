"""An attack on many pictures of the page Transfer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import to_the_end
from studio import make_classifier, make_other

from app import series, series_job
from app.library import Shelf, at_size, open_connected
from app.request import Request
from app.series import Series
from app.workshop import Workshop
from mta_core import devices, results, victims, weights
from mta_core.attacks import Noise, make_attack
from mta_core.budget import Budget
from mta_core.events import Event, Progress, Row
from mta_core.jobs import Job
from mta_core.results import digest_of_names, to_json
from mta_core.setting import Setting
from mta_core.store import Store
from mta_core.tasks import SCENE_TASKS, task
from mta_core.transfer import transfer
from tests.toys import write_domains

Start = Callable[..., Job[Event]]


@pytest.fixture
def asked(
    gallery: Shelf, request_for: Callable[..., Request], studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Series:
    shutil.copytree(studio / "runs", tmp_path / "runs")
    make_other(tmp_path / "runs", "mtan", (64, 96))
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    used = tuple({**victims.digests(victims.find("dmtl")), **victims.digests(victims.find("mtan"))}.items())
    request = replace(request_for("fgsm"), tasks=SCENE_TASKS[1:2], to="mtan", weights=used)
    return series.series_of(request, "FGSM", "Gallery", gallery, 2)


def by(asked: Series, name: str, **settings: object) -> Series:
    """The same with another attack."""
    return replace(asked, request=replace(asked.request, attack=make_attack(name, **settings)), label=name)


@pytest.fixture
def start(workshop: Workshop, gallery: Shelf, tmp_path: Path) -> Start:
    """Measures on the worker, in one folder, as the board does."""

    def begin(*asked: Series, shelf: Shelf = gallery) -> Job[Event]:
        order = series_job.order_of(asked, "me", {})
        folder, shelves = tmp_path / "job", {shelf.name: shelf}
        return workshop.worker.submit(lambda job: series_job.run(workshop, shelves, order, folder, job))

    return begin


def test_the_rows_are_those_of_the_engine(workshop: Workshop, asked: Series, start: Start) -> None:
    noise = by(asked, "noise")
    job = start(noise, asked)
    to_the_end(job)
    assert job.error is None
    found = [series.known(workshop, one) for one in (noise, asked)]
    assert all(one is not None and one.is_whole and one.num_pictures == 2 for one in found)
    known = [one for one in found if one is not None]
    r = asked.request
    setting = Setting(
        workshop.subject("dmtl"), asked.data, Noise(), r.budget, r.tasks, asked.data.split, r.scope,
        baselines=(r.attack,),
    )  # fmt: skip
    events = transfer(setting, workshop.subject("mtan"), limit=2, batch_size=1)
    assert [row for one in known for row in one.rows] == [event.values for event in events if isinstance(event, Row)]
    assert len(known[1].pairs(r)) == 2
    made = series.provenance(workshop, (noise, asked), known)
    assert (made["from"], made["to"], made["pictures"]) == ("dmtl", "mtan", 2)
    assert made["pictures_sha256"] == digest_of_names(asked.names) and set(made["attacks"]) == {"noise", "FGSM"}
    assert made["weights"] == dict(asked.request.weights)
    (run,) = Store().find()
    assert run.rows == tuple(row for one in known for row in to_json(one.rows)), "kept where Results finds it"
    assert run.provenance == made | {"date": run.provenance["date"], "job": "job"}


def test_a_stopped_one_keeps_the_pictures_that_were_ready(workshop: Workshop, asked: Series, start: Start) -> None:
    asked, after = replace(by(asked, "pgd", num_steps=3), count=3), replace(by(asked, "mifgsm"), count=3)
    job = start(asked, after)
    while series.known(workshop, asked) is None:
        assert job.wait(len(job.events), 30)
    job.stop()
    to_the_end(job)
    found = series.known(workshop, asked)
    assert job.error is None and found is not None
    assert found.num_pictures < 3 and not found.is_whole
    assert series.known(workshop, after) is None
    assert Store().count() == 0


def test_what_more_is_known_is_not_given_up(workshop: Workshop, asked: Series, start: Start) -> None:
    asked = replace(asked, count=1)
    to_the_end(start(asked))
    whole = series.known(workshop, asked)
    assert whole is not None and whole.is_whole
    later = replace(whole, is_whole=False, num_pictures=0)
    series.keep(workshop, asked, later)
    assert series.known(workshop, asked) is whole
    to_the_end(start(asked))
    assert series.known(workshop, asked) is whole, "nothing was open"


def test_an_attack_that_cannot_be_made_does_not_keep_the_others_from_it(
    workshop: Workshop, asked: Series, start: Start
) -> None:
    broken = by(asked, "gap")
    job = start(broken, asked)
    to_the_end(job)
    assert isinstance(job.error, ValueError) and str(job.error).startswith("gap: ")
    assert not series.is_open(workshop, asked) and series.is_open(workshop, broken)
    (run,) = Store().find()
    to_the_end(start(broken, asked))
    assert [again.id for again in Store().find()] == [run.id], "going on stores the others once"


def test_a_damaged_first_picture_is_left_out(
    workshop: Workshop, request_for: Callable[..., Request], studio: Path, tmp_path: Path, start: Start
) -> None:
    for number, name in enumerate(sorted((studio / "gallery" / "rgb").iterdir())):
        (tmp_path / name.name).write_bytes(name.read_bytes() if number else b"nothing")
    (shelf,) = open_connected(f"pictures:{tmp_path}").values()
    request = replace(request_for("fgsm"), tasks=SCENE_TASKS[1:2], to="dmtl")
    asked = series.series_of(request, "FGSM", "Pictures", shelf, 2)
    to_the_end(start(asked, shelf=shelf))
    found = series.known(workshop, asked)
    assert found is not None and found.left_out == tuple(asked.names[:1]) and found.num_pictures == 1
    assert series.provenance(workshop, (asked,), [found])["pictures_sha256"] == digest_of_names(asked.names[1:2])


def test_each_domain_has_pictures_of_its_own(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    write_domains(tmp_path / "objects", per_class=3)
    make_classifier(tmp_path / "runs", "objects-amazon", "amazon")
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    (shelf,) = open_connected(f"objects:{tmp_path / 'objects'}").values()
    picture = at_size(shelf.read(0), (64, 64))
    request = Request(
        picture, "objects-amazon", (task("amazon"),), make_attack("fgsm"), "per-task", Budget.from_units("linf", 5),
        to="objects-amazon",
    )  # fmt: skip
    asked = series.series_of(request, "FGSM", "Objects", shelf, 1000)
    assert asked.num_pictures == asked.count == len(shelf.data.for_task("amazon"))
    assert all(name.startswith("amazon/") for name in asked.names)
    job = start(asked, shelf=shelf)
    to_the_end(job)
    found = series.known(workshop, asked)
    assert job.error is None and found is not None and found.num_pictures == asked.num_pictures
    assert {pair.source["metric"] for pair in found.pairs(request)} == {"accuracy", "fooling_ratio"}


def test_it_goes_on_from_the_last_picture_after_a_restart(
    workshop: Workshop, gallery: Shelf, asked: Series, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = replace(by(asked, "pgd", num_steps=4), count=3)
    monkeypatch.setattr(series_job, "SAVED_EVERY", 0.0)
    job = start(asked)
    while (found := series.known(workshop, asked)) is None or found.num_pictures < 2:
        assert job.wait(len(job.events), 30)
    job.cancel()
    another = Workshop(devices.pick("cpu"))
    order = series_job.order_of((asked,), "me", {})
    events = list(series_job.run(another, {gallery.name: gallery}, order, tmp_path / "job", Job(lambda _: iter(()))))
    assert min(event.done for event in events if isinstance(event, Progress)) >= 1
    found = series.known(another, asked)
    to_the_end(start(asked))
    assert found is not None and found.is_whole and found.num_pictures == 3
    setting, to = series.setting_of(another, asked), another.subject("mtan")
    rows = [event.values for event in transfer(setting, to, limit=3, batch_size=1) if isinstance(event, Row)]
    assert results.to_json(list(found.rows)) == results.to_json(rows), "as if it had never been stopped"


def test_seconds_are_those_of_the_work(workshop: Workshop, gallery: Shelf, asked: Series, tmp_path: Path) -> None:
    asked = by(asked, "pgd", num_steps=3)
    order = series_job.order_of((asked,), "me", {})
    begin, idle = time.perf_counter(), 0.0
    for _ in series_job.run(workshop, {gallery.name: gallery}, order, tmp_path / "job", Job(lambda _: iter(()))):
        time.sleep(0.02)  # somebody else's turn
        idle += 0.02
    found = series.known(workshop, asked)
    assert found is not None and 0 < found.seconds <= time.perf_counter() - begin - idle
    (run,) = Store().find()
    assert run.provenance["seconds"] == round(found.seconds, 3) and run.provenance["job"] == "job"
    assert len(run.provenance["content_sha256"]) == 64


def test_weights_that_were_replaced_are_not_taken_for_those_that_were_asked(asked: Series, start: Start) -> None:
    other = replace(asked, request=replace(asked.request, weights=(("dmtl", "1" * 64),)))
    job = start(other)
    to_the_end(job)
    assert "are others now" in str(job.error)


def test_two_victims_are_kept_ready_and_no_more(workshop: Workshop, asked: Series, tmp_path: Path) -> None:
    make_other(tmp_path / "runs", "third")
    first = workshop.subject("dmtl")
    assert workshop.subject("mtan") and workshop.subject("dmtl") is first
    workshop.subject("third")
    assert workshop.subject("dmtl") is first, "the one used last stays"
    assert len(workshop._subjects) == 2
