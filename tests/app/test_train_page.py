"""The page Train and the service behind it, with trainings of seconds."""

from __future__ import annotations

import json
import math
import re
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import streamlit as st
from conftest import MAIN
from helpers import on_board, read_message, stage_bytes, until_board_rests
from streamlit.testing.v1 import AppTest
from studio import SIZE, make_generators

from app import board_words, resources, trainings, watching
from app.state import keys
from mta_core import generators, presets, victims, weights
from mta_core.job_records import Order, Record, State
from mta_core.tasks import SCENE_TASKS
from mta_core.weights import Card
from tests.toys import write_scenes

SHARES = {t.name: 1.0 for t in SCENE_TASKS}


@pytest.fixture(autouse=True)
def own_runs(studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Trainings write to a folder of this test, and learn from drawn scenes."""
    st.cache_resource.clear()
    shutil.copytree(studio / "runs", tmp_path / "runs")
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    write_scenes(tmp_path / "scenes", count=6)
    return tmp_path


def tiny(root: Path, what: str = "generator", epochs: int = 2, **more: str) -> Order:
    """An order of a few steps at a small size."""
    data = f"nyuv2:{root / 'scenes'}"
    settings = {
        "generator": {
            "name": "quick", "victim": "dmtl", "data": data, "ngf": "4", "num_blocks": "1", "per_epoch": "4",
            "batch_size": "2", "holdout": "3", "phases": f"[[{epochs}, 64, 96]]", "pattern_epochs": "0",
            "curriculum": "[]",
        },
        "victim": {
            "name": "small", "data": data, "width": "4", "height": "64", "input_width": "96", "per_epoch": "4",
            "batch_size": "2", "holdout": "3", "phases": f"[[{epochs}, 64, 96]]",
        },
    }[what]  # fmt: skip
    return trainings.order_of(what, settings | more, 0)[0]


def open_page(**params: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.switch_page("views/train.py")
    for key, value in params.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def watched_to_its_end(order: Order, monkeypatch: pytest.MonkeyPatch) -> tuple[str, AppTest]:
    """A training, and the page of somebody who looked on from its first step to its last."""
    monkeypatch.setattr(watching, "WATCHED", 60.0)
    id = resources.board().submit(order)
    resources.board().pause(id)
    at = open_page(job=id)
    resources.board().resume(id)
    until_board_rests()
    return id, at.run()


def has_stage(at: AppTest) -> bool:
    return any(c.proto.component_name.endswith("mta_stage") for c in at.get("bidi_component"))


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def html(at: AppTest) -> str:
    return " ".join(element.proto.body for element in at.get("html"))


def charts_of(at: AppTest) -> list[dict[str, object]]:
    found = [c.proto.bytes for c in at.get("bidi_component") if c.proto.component_name.endswith("mta_livechart")]
    return [json.loads(message) for message in found]


def test_the_form_asks_for_the_live_preset() -> None:
    at = open_page()
    assert "An MTA generator against dmtl, on rooms, at 8/255, for 10 minutes" in at.markdown[-1].value.replace(
        "\\", ""
    )
    order, recipe = trainings.order_of("generator", {"name": "mta-dmtl-2"}, 10)
    assert recipe == presets.generator_preset("live").__class__(
        **{**vars(presets.generator_preset("live")), "name": "mta-dmtl-2"}
    )
    assert order.command.endswith("--preset live --set name=mta-dmtl-2 --out runs/mta-dmtl-2")
    assert at.code[0].value.startswith("python -m mta_core train generator --preset live --set victim=dmtl")
    assert not at.button(key="train_start").disabled


def test_what_is_chosen_is_what_is_trained() -> None:
    at = open_page()
    at.segmented_control(key="train_method").set_value("GAP")
    at.segmented_control(key="train_instance").set_value("Universal")
    at.segmented_control(key="train_scope").set_value("Joint")
    at.segmented_control(key="train_end").set_value("Epochs").run()
    at.number_input(key="train_epochs").set_value(3)
    at.number_input(key="train_share_depth").set_value(2.5)
    at.text_input(key="train_name").set_value("of-mine").run()
    at.button(key="train_start").click().run()
    (record,) = on_board()
    resources.board().cancel(record.id)
    recipe = trainings.recipe_of(record.order)
    assert recipe.name == "of-mine" and recipe.method == "gap" and recipe.instance == "universal"  # type: ignore[union-attr]
    assert recipe.scope == "joint" and recipe.weighting == "fixed"  # type: ignore[union-attr]
    assert dict(recipe.weights)["depth"] == 2.5 and recipe.phases == ((3, *SIZE),)
    assert recipe.pattern_epochs == 1 and record.order.settings["minutes"] == 0  # type: ignore[union-attr]
    assert at.query_params["job"] == record.id


@pytest.mark.parametrize("name", ["dmtl", "mta-dmtl", "../away", "a b"])
def test_a_bad_name_is_refused_before_anything_is_done(name: str) -> None:
    at = open_page()
    at.text_input(key="train_name").set_value(name).run()
    assert at.button(key="train_start").disabled
    said = at.error[0].value.replace("\\", "")
    assert said.startswith(("There are weights or a training called", "Expected a name of letters"))


def test_a_training_is_watched_to_its_end(own_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    id, at = watched_to_its_end(tiny(own_runs), monkeypatch)
    record = resources.board().record(id)
    assert record is not None and record.state == "done" and not record.can_go_on, record
    words = html(at)
    assert "Generator quick against dmtl" in words and "Done" in words and "Pictures a second" in words
    figures = charts_of(at)
    assert len(figures) == 4 and [len(f["figure"]["data"]) for f in figures] == [3, 2, 2, 2]  # type: ignore[arg-type, index]
    assert len(figures[1]["figure"]["data"][0]["y"]) == 2, "an epoch each"  # type: ignore[index]
    header, _ = read_message(stage_bytes(at))
    assert [row["id"] for row in header["rows"]] == ["picture", "segmentation", "depth", "normals"]
    assert "quick is finished" in at.success[0].value
    assert "quick" in [card.name for card in generators.cards("dmtl")]
    assert at.button(key="train_new")
    assert not any(button.disabled for button in at.get("download_button"))
    rows = trainings.told_rows(resources.board().events(id))
    steps = [row["step"] for row in rows if "of" in row]
    assert steps == sorted(steps) and len(steps) > 1 and all("loss" in row for row in rows[: len(steps)])
    epochs = rows[len(steps) :]
    assert len(epochs) == 2 and all(f"adversarial {t.main_measure.name}" in epochs[0] for t in SCENE_TASKS)
    assert "owner" not in trainings.provenance(record.order)
    assert not has_stage(open_page(job=id)), "the server has kept nobody's picture"
    at.switch_page("views/jobs.py").run()
    assert "seat" not in at.session_state["_held"]


def test_its_link_opens_explore_with_that_generator(own_runs: Path) -> None:
    make_generators(own_runs / "runs")  # there are others
    id = resources.board().submit(tiny(own_runs, tasks="segmentation,depth", epsilon="9"))
    until_board_rests()
    at = open_page(job=id, scene="0001")
    (address,) = re.findall(r'href="\./\?([^"]*)" target="_self" data-mta-leaves>Try it in Explore<', html(at))
    explore = AppTest.from_file(str(MAIN), default_timeout=60)
    for key, values in parse_qs(unescape(address)).items():
        explore.query_params[key] = values
    explore.run()
    assert not explore.exception
    assert explore.selectbox(key="mta_generator").value == "quick" and explore.selectbox(key="victim").value == "dmtl"
    assert explore.session_state["tasks"] == ["Segmentation", "Depth"] and explore.slider(key="epsilon").value == 9
    assert explore.session_state["_scene"] == "0001"


def test_a_victim_is_watched_too(own_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, at = watched_to_its_end(tiny(own_runs, "victim"), monkeypatch)
    rows = read_message(stage_bytes(at))[0]["rows"]
    assert [[cell["caption"] for cell in row["cells"]] for row in rows[1:]] == [["Answer", "Ground truth"]] * 3
    assert "small" in [card.name for card in victims.cards()]


def test_pause_go_on_and_finish(own_runs: Path) -> None:
    id = resources.board().submit(tiny(own_runs, epochs=500))
    until(lambda: (r := resources.board().record(id)) and r.done > 2)
    at = open_page(job=id)
    at.button(key="train_pause").click().run()
    assert "Paused" in html(at)
    other = open_page(job=id)
    other.button(key="train_go").click().run()
    until(lambda: (r := resources.board().record(id)) and r.state == "running")
    other.run()
    other.button(key="train_finish").click().run()
    until_board_rests()
    card = Card.read(own_runs / "runs" / "quick" / "quick.json")
    assert card.metrics["cut"].startswith("ended early after")
    assert "Ended early" in html(other.run()) and "quick is finished" in other.success[0].value


def test_what_is_paused_can_be_finished(own_runs: Path) -> None:
    id = resources.board().submit(tiny(own_runs, epochs=500))
    until(lambda: (r := resources.board().record(id)) and r.done > 2)
    resources.board().pause(id)
    at = open_page(job=id)
    at.button(key="train_finish").click().run()
    until_board_rests()
    assert "Ended early" in html(at.run()) and "quick is finished" in at.success[0].value
    assert "train_finish" not in {button.key for button in at.button}


def test_another_picture_of_one_that_is_paused_is_said_to_come_later(own_runs: Path) -> None:
    id = resources.board().submit(tiny(own_runs, epochs=500))
    at = open_page(job=id)
    until(lambda: has_stage(at.run()))
    resources.board().pause(id)
    later = "The picture in its eyes comes when it goes on."
    assert has_stage(at.run()) and later not in [caption.value for caption in at.caption]
    at.session_state["_scene"] = "0001"
    at.run()
    assert not has_stage(at) and later in [caption.value for caption in at.caption]


def test_minutes_end_it(own_runs: Path) -> None:
    order = tiny(own_runs, epochs=500)
    id = resources.board().submit(Order(order.kind, order.title, {**order.settings, "minutes": 0.03}))
    until_board_rests()
    record = resources.board().record(id)
    assert record is not None and record.state == "done" and record.done < record.total
    assert trainings.share(record) == 1.0 and record.can_go_on
    at = open_page(job=id)
    assert "Ended early" in html(at) and "quick is finished" in at.success[0].value
    means = at.button(key="train_go").help
    assert means == "From what it has saved, for 2 s more, or to its end if that comes first."
    on_jobs = at.switch_page("views/jobs.py").run()
    assert on_jobs.button(key=f"go_{id}").help == means
    on_jobs.button(key=f"go_{id}").click().run()
    until_board_rests()
    again = resources.board().record(id)
    assert again is not None and again.state == "done" and again.can_go_on and again.before == record.seconds
    assert record.done < again.done < again.total and again.seconds > record.seconds + 1.8


@pytest.mark.parametrize(("before", "seconds", "minutes", "expected"), [
    (0, 30, 0, math.inf), (0, 30, 10, 600), (90, 300, 10, 600), (640, 700, 10, 1240), (1300, 1400, 10, 1900),
])  # fmt: skip
def test_what_goes_on_after_its_minutes_has_as_many_once_more(
    before: float, seconds: float, minutes: float, expected: float
) -> None:
    record = Record("a", Order("training", "t", {"minutes": minutes}), "running", seconds=seconds, before=before)
    assert trainings.limit(record) == expected
    assert trainings.share(record) == pytest.approx(seconds / expected)


def test_its_end_comes_before_its_minutes(own_runs: Path) -> None:
    order = tiny(own_runs, epochs=1)
    id = resources.board().submit(Order(order.kind, order.title, {**order.settings, "minutes": 10}))
    until_board_rests()
    record = resources.board().record(id)
    assert record is not None and record.done == record.total and not record.can_go_on


@pytest.mark.parametrize(("state", "expected"), [
    ("queued", True), ("running", True), ("paused", True), ("done", True), ("failed", False), ("cancelled", False),
])  # fmt: skip
def test_a_name_on_the_board_is_taken(own_runs: Path, state: State, expected: bool) -> None:
    others = [Record("b", Order("sweep", "t", {})), Record("c", Order("training", "t", {"what": "dance", "set": {}}))]
    records = [*others, Record("a", tiny(own_runs, name="dear-1"), state)]
    assert trainings.is_taken("dear-1", records) is expected and not trainings.is_taken("dear-1")
    assert trainings.free_name("dear", records) == ("dear-2" if expected else "dear-1")
    (own_runs / "runs" / "dear-1").mkdir()
    (own_runs / "runs" / "dear-1" / "lock").touch()
    assert not trainings.is_taken("dear-1"), "nothing was saved there"
    (own_runs / "runs" / "dear-1" / "checkpoint.pt").touch()
    assert trainings.is_taken("dear-1")


def test_of_many_who_start_one_name_at_once_one_does(own_runs: Path) -> None:
    board, service, settings = resources.board(), resources.trainings(), tiny(own_runs, epochs=500).settings["set"]

    def start(_: int) -> str:
        try:
            return service.start(board, "generator", settings, 0)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(start, range(4)))
    assert len(on_board()) == 1 and answers[0] == on_board()[0].id
    assert set(answers[1:]) == {"there are weights or a training called quick already: choose another name"}


def test_who_comes_second_is_told_that_the_name_is_gone() -> None:
    first, second = open_page(), open_page()
    first.button(key="train_start").click().run()
    second.button(key="train_start").click().run()
    assert [record.order.settings["set"]["name"] for record in on_board()] == ["mta-dmtl-1"]
    assert "a training called mta-dmtl-1 already" in second.error[0].value.replace("\\", "")
    second.button(key="train_start").click().run()
    assert [record.order.settings["set"]["name"] for record in on_board()] == ["mta-dmtl-2", "mta-dmtl-1"]


def test_what_is_told_of_one_that_ends_with_its_minutes() -> None:
    order = Order("training", "t", {"minutes": 10})
    record = Record("a", order, "running", done=100, total=10_000, unit="steps", speed=2.0, seconds=300.0)
    assert trainings.told(record).left == pytest.approx(300) and trainings.share(record) == 0.5


@pytest.mark.parametrize(("changes", "expected"), [
    ({"is_finishing": True}, "100 steps · 5 min computed"),
    ({"is_finishing": True, "state": "done"}, "100 steps · 5 min computed"),
    ({"state": "cancelled"}, "100 steps · 5 min computed"),
    ({"state": "done", "done": 10_000}, "10000 of 10000 steps · 5 min computed"),
    ({}, "100 of 700 steps · about 5 min left · 5 min computed"),
])  # fmt: skip
def test_no_total_is_told_that_it_is_never_to_reach(changes: dict[str, Any], expected: str) -> None:
    order = Order("training", "t", {"minutes": 10})
    record = Record("a", order, "running", done=100, total=10_000, unit="steps", speed=2.0, seconds=300.0)
    assert board_words.standing(trainings.told(replace(record, **changes))) == expected


def test_what_ended_early_is_told_alike_everywhere(own_runs: Path) -> None:
    id = resources.board().submit(tiny(own_runs, epochs=500))
    until(lambda: (r := resources.board().record(id)) and r.done > 2)
    resources.board().finish(id)
    until_board_rests()
    (record,) = on_board()
    said, unsaid = f"{record.done} steps", f"of {record.total} steps"
    pages = [open_page(job=id), open_page()]
    pages.append(open_page().switch_page("views/jobs.py").run())
    for at in pages:
        assert said in html(at) and unsaid not in html(at)
        assert 'role="progressbar"' not in html(at)


def test_a_link_to_no_training_says_so() -> None:
    assert "no such training" in open_page(job="20260101-000000-abcd").info[0].value
    assert keys.TRAIN
