"""An attack on many pictures of the page Transfer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import to_the_end
from studio import make_other

from app import series
from app.library import Shelf
from app.series import Series
from app.workshop import Request, Workshop
from mta_core import victims, weights
from mta_core.attacks import Noise, make_attack
from mta_core.evaluate import Setting
from mta_core.events import Row
from mta_core.tasks import SCENE_TASKS
from mta_core.transfer import transfer


@pytest.fixture
def asked(
    gallery: Shelf, request_for: Callable[..., Request], studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Series:
    shutil.copytree(studio / "runs", tmp_path / "runs")
    make_other(tmp_path / "runs", "mtan", (96, 128))
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    request = replace(request_for("fgsm"), tasks=SCENE_TASKS[1:2], to="mtan")
    return series.series_of(request, "Gallery", gallery, 2, victims.load("dmtl")[1])


def test_the_rows_are_those_of_the_engine(workshop: Workshop, asked: Series) -> None:
    job = series.start(workshop, asked)
    to_the_end(job)
    assert job.error is None
    found = series.known(workshop, asked)
    assert found is not None and found.is_whole and found.num_pictures == 2
    r = asked.request
    setting = Setting(
        workshop.subject("dmtl"), asked.data, r.attack, r.budget, r.tasks, asked.data.split, r.scope,
        baselines=(Noise(),),
    )  # fmt: skip
    events = transfer(setting, workshop.subject("mtan"), limit=2, batch_size=1)
    assert list(found.rows) == [event.values for event in events if isinstance(event, Row)]
    assert {pair.source["attack"] for pair in found.pairs(r)} == {"fgsm"}
    assert {pair.source["attack"] for pair in found.noise(r)} == {"noise"}
    assert len(found.pairs(r)) == len(found.noise(r)) == 2
    made = series.provenance(workshop, asked, found)
    assert (made["from"], made["to"], made["pictures"]) == ("dmtl", "mtan", 2)
    assert set(made["weights"]) == {"dmtl", "mtan"} and all(made["weights"].values())


def test_a_stopped_one_keeps_the_pictures_that_were_ready(workshop: Workshop, asked: Series) -> None:
    asked = replace(asked, request=replace(asked.request, attack=make_attack("pgd", num_steps=3)), count=3)
    job = series.start(workshop, asked)
    while series.known(workshop, asked) is None:
        assert job.wait(len(job.events), 30)
    job.stop()
    to_the_end(job)
    found = series.known(workshop, asked)
    assert job.error is None and found is not None
    assert found.num_pictures < 3 and not found.is_whole


def test_what_more_is_known_is_not_given_up(workshop: Workshop, asked: Series) -> None:
    asked = replace(asked, count=1)
    to_the_end(series.start(workshop, asked))
    whole = series.known(workshop, asked)
    job = series.start(workshop, asked)
    job.stop()
    to_the_end(job)
    assert series.known(workshop, asked) is whole


def test_two_victims_are_kept_ready_and_no_more(workshop: Workshop, asked: Series, tmp_path: Path) -> None:
    make_other(tmp_path / "runs", "third")
    first = workshop.subject("dmtl")
    assert workshop.subject("mtan") and workshop.subject("dmtl") is first
    workshop.subject("third")
    assert workshop.subject("dmtl") is first, "the one used last stays"
    assert len(workshop._subjects) == 2
