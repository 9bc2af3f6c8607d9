"""The theory on the page Vulnerability: its form, its job, what is shown of it, the gradients of a picture."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import measured
import numpy as np
import pytest
import streamlit as st
import torch
from helpers import job_of, on_board, to_the_end, until_board_rests
from measured import ask_amid, charts, open_view, status
from PIL import Image
from streamlit.testing.v1 import AppTest
from studio import SIZE, make_weights

from app import board_words, exports, resources, theory_charts, theory_job, theory_picture, theory_words
from app.library import Shelf
from app.theory_job import Asked
from app.workshop import Workshop
from mta_core import victims, weights
from mta_core.attacks import Pgd
from mta_core.cli.arguments import make_parser
from mta_core.events import Row
from mta_core.job_records import Order
from mta_core.results import to_json
from mta_core.rows import checked_run
from mta_core.store import Store
from mta_core.victims import EncoderDecoder
from mta_core.vulnerability import task_gradients, vulnerability
from mta_core.weights import Card, save_weights

Open = Callable[..., AppTest]
QUICK = {"theory_count": "2", "theory_tasks": ["Segmentation", "Depth"], "theory_steps": "1", "theory_restarts": "1"}


@pytest.fixture
def page() -> Open:
    st.cache_resource.clear()
    return partial(open_view, "vulnerability")


def measure(at: AppTest) -> AppTest:
    return measured.measure(at, "theory")


def buttons(at: AppTest) -> dict[str, str]:
    return measured.buttons(at, "theory")


def directly(workshop: Workshop, shelf: Shelf, asked: Asked) -> list[Mapping[str, Any]]:
    """The rows without any page."""
    setting = theory_job.setting_of(workshop, shelf, asked)
    events = vulnerability(setting, limit=asked.count, batch_size=1, has_released=True)
    return [event.values for event in events if isinstance(event, Row)]


def asked_of(order: Order) -> Asked:
    return theory_job.read(order)[0]


def test_a_live_run_fills_in_and_ends_with_the_rows_of_a_direct_one(page: Open, workshop: Workshop) -> None:
    at = page(**QUICK)
    assert "2 tasks on 2 pictures: not measured yet" in status(at) and buttons(at) == {"theory_start": "Start"}
    assert "makes such a document" in at.info[-1].value, "nothing is shipped"
    measure(at)
    (record,) = on_board()
    assert record.state == "done", record.note
    assert (record.done, record.total) == (record.total, 2 * asked_of(record.order).steps_a_picture)
    assert not buttons(at) and "2 tasks on 2 pictures<" in status(at)
    gallery = resources.gallery()
    assert gallery is not None
    rows = directly(workshop, gallery, asked_of(record.order))
    known = theory_job.known(resources.board().folder_of(record.id))
    assert list(known.rows) == to_json(rows)
    told = charts(at)
    assert told["theory_joint"]["alt"] == theory_charts.alt(
        "Vulnerability by number of attacked tasks", theory_charts.JOINT, rows
    )
    drawn = told["theory_joint"]["figure"]["data"][0]
    assert drawn["y"] == [row["adversarial"] for row in theory_charts.of_first(rows, "vulnerability")]
    assert {"theory_joint", "theory_marginal", "theory_covariance", "theory_cosine"} <= set(told)
    at.toggle(key="theory_bound").set_value(False).run()
    assert "the paper's bound" not in charts(at)["theory_marginal"]["alt"]
    (run,) = Store().find()
    assert [dict(row) for row in run.rows] == to_json([{key: row[key] for key in run.rows[0]} for row in rows])
    made = run.provenance
    assert (made["pictures"], made["job"], made["num_outside"]) == (2, record.id, 0)
    assert made["weights"] == victims.digests(victims.find("dmtl")) and made["attack"]["num_steps"] == 1
    document = json.loads(exports.rows_json(theory_job.final_rows(known), known.made))
    checked_run(document["rows"], document["provenance"])


def test_its_command_is_one(page: Open) -> None:
    at = page(**QUICK, theory_norm="L2", theory_epsilon_l2="2")
    command = next(code.value for code in at.code if " vulnerability " in code.value)
    parsed = make_parser().parse_args(command.split()[3:])
    assert (parsed.tasks, parsed.norm, parsed.epsilon, parsed.limit) == ("segmentation,depth", "l2", 2, 2)
    assert parsed.set == ["num_steps=1", "num_restarts=1"] and parsed.victim == "dmtl"


def test_its_charts_fill_in_as_it_goes(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    keep = theory_job._Work.keep

    def keeping(self: Any, made: Any) -> Any:
        known = keep(self, made)
        if not made:
            figure = theory_charts.joint(theory_job.known(self.folder).rows)
            seen.append(len(figure.data[0].y))
            if len(seen) == 1:
                resources.board().pause(on_board()[0].id)
        return known

    monkeypatch.setattr(theory_job._Work, "keep", keeping)
    at = page(**QUICK)
    measure(at)
    assert seen == [2] and "Paused: 1 of 2 pictures measured" in status(at)
    assert {row["n"] for row in theory_job.known(resources.board().folder_of(on_board()[0].id)).rows} == {1}
    assert charts(at)["theory_joint"]["figure"]["data"] and not Store().count()
    assert "theory_covariance" not in charts(at)
    assert any(caption.value == theory_words.NO_COVARIANCE for caption in at.caption), "of one picture"
    measure(at)
    assert on_board()[0].state == "done" and seen == [2, 2] and Store().count() == 1


def test_a_new_browser_finds_it_by_its_link(page: Open) -> None:
    at = page(**QUICK)
    measure(at)
    (done,) = on_board()
    for query in (parse_qs(urlsplit(board_words.link(done)).query), {"job": done.id}):
        other = page(**query)
        assert charts(other)["theory_joint"] == charts(at)["theory_joint"] and not buttons(other)
        assert other.number_input(key="theory_steps").value == 1
    assert not page(job="20260101-000000-dead").exception
    changed = page(job=done.id)
    changed.number_input(key="theory_count").set_value(1.0).run()
    assert "not measured yet" in status(changed) and "job" not in changed.query_params


def stop_after(picture: int, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks the board for something in the midst of a picture: in the second of its three attacks."""
    ask_amid(Pgd, 3 * picture + 2, how, monkeypatch)


def test_stopped_it_keeps_its_pictures_and_another_server_goes_on(
    page: Open, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = page(**QUICK)
    with monkeypatch.context() as held:
        stop_after(1, "finish", held)
        measure(at)
    assert "Stopped: 1 of 2 pictures measured" in status(at) and buttons(at) == {"theory_start": "Go on"}
    (half,) = Store().find()
    assert {row["n"] for row in half.rows} == {1} and half.provenance["pictures"] == 1
    st.cache_resource.clear()
    again = page(job=on_board()[0].id)
    assert charts(again)["theory_joint"] == charts(at)["theory_joint"]
    measure(again)
    assert on_board()[0].state == "done", on_board()[0].note
    gallery = resources.gallery()
    assert gallery is not None
    rows = directly(workshop, gallery, asked_of(on_board()[0].order))
    (whole,) = Store().find()
    assert [row["adversarial"] for row in whole.rows] == to_json([row["adversarial"] for row in rows])
    assert [row["ci95"] for row in whole.rows] == to_json([row["ci95"] for row in rows])
    assert whole.id == half.id and whole.provenance["pictures"] == 2, "one run of one measurement"


def test_stopped_before_its_first_picture_it_has_nothing(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(**QUICK)
    stop_after(0, "finish", monkeypatch)
    measure(at)
    assert "Stopped: 0 of 2 pictures measured" in status(at) and not Store().count()


def test_cancelled_it_leaves_nothing_among_the_results(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(**QUICK)
    with monkeypatch.context() as held:
        stop_after(1, "cancel", held)
        measure(at)
    (first,) = on_board()
    assert first.state == "cancelled" and not Store().count()
    folder = resources.board().folder_of(first.id)
    assert not [path for path in folder.iterdir() if "tmp" in path.name], "nothing half-written"
    assert theory_job.known(folder).num_pictures == 1 and not theory_job.known(folder).made
    assert "Cancelled: 1 of 2 pictures measured" in status(at) and buttons(at) == {"theory_start": "Start anew"}
    measure(at)
    assert len(on_board()) == 2 and on_board()[0].state == "done" and Store().count() == 1


def test_other_weights_of_the_same_name_are_another_measurement(page: Open, tmp_path: Path) -> None:
    chosen = QUICK | {"theory_count": "1"}
    at = page(**chosen)
    measure(at)
    (old,) = on_board()
    make_weights(weights.RUNS, seed=1)
    try:
        assert "not measured yet" in status(page(**chosen))
        opened = page(**chosen, job=old.id)
        assert any("Other weights" in info.value for info in opened.info)
        assert buttons(opened) == {"theory_start": "Start anew"}
        resources.board().submit(old.order)
        until_board_rests()
        assert on_board()[0].state == "failed" and "are others now" in on_board()[0].note
    finally:
        make_weights(weights.RUNS)


@pytest.mark.parametrize(
    "settings", [{}, {"weights": {}}, {"weights": {}, "tasks": ["depth"], "more": 1}, {"tasks": 1}]
)
def test_an_order_of_something_else_is_said(settings: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected the order of a measurement of vulnerability"):
        theory_job.read(Order(theory_job.KIND, "", settings, ""))


def test_a_state_that_is_damaged_is_said(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(**QUICK)
    with monkeypatch.context() as held:
        stop_after(1, "finish", held)
        measure(at)
    (record,) = on_board()
    torch.save({"sums": {}}, resources.board().folder_of(record.id) / theory_job.STATE)
    measure(at)
    assert on_board()[0].state == "failed" and "expected the state of this measurement" in on_board()[0].note
    assert any("expected the state" in error.value.lower() for error in at.error)
    assert charts(at)["theory_joint"]["figure"]["data"], "what was measured is still seen"


def test_what_is_shipped_is_chosen_among(page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(**QUICK)
    measure(at)
    known = theory_job.known(resources.board().folder_of(on_board()[0].id))
    folder = tmp_path / "assets" / "study" / "theory"
    folder.mkdir(parents=True)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "assets" / "weights")
    own = {"rows": list(known.rows), "provenance": dict(known.made)}
    (folder / "dmtl-linf.json").write_text(json.dumps(to_json(own)))
    title = theory_words.title_of(known.rows)
    shown = page()
    choice = shown.selectbox(key="theory_of")
    assert choice.options == [title, "Measure it here"] and choice.value == title
    assert charts(shown)["theory_joint"]["figure"]["data"] == charts(at)["theory_joint"]["figure"]["data"]
    assert not buttons(shown)
    choice.set_value("Measure it here").run()
    assert buttons(shown) == {"theory_start": "Start"}
    linked = page(job=on_board()[0].id)
    assert linked.selectbox(key="theory_of").value == "Measure it here", "a job's link means the job"
    for name, text in (("empty", '{"rows": [], "provenance": {}}'), ("bad", "{")):
        (folder / f"{name}.json").write_text(text)
    damaged = page()
    assert len(damaged.error) == 2
    assert all(error.value.startswith("Expected rows and provenance in") for error in damaged.error)
    assert damaged.selectbox(key="theory_of").options == [title, "Measure it here"], "the others are still there"


def gradients_of(at: AppTest) -> AppTest:
    to_the_end(job_of(at, "gradients"))
    at.run()
    assert not at.exception, at.exception
    return at


def test_the_gradients_of_a_picture_are_seen(page: Open, workshop: Workshop) -> None:
    at = gradients_of(page(theory_number="2"))
    body = next(e.proto.body for e in at.get("html") if "mta-gradients" in e.proto.body)
    pictures = [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r"base64,([^\"]+)", body)]
    assert len(pictures) == 4 and {picture.size for picture in pictures} == {SIZE[::-1]}
    assert body.count('alt="Where the loss of') == 3 and "0001" in body
    gallery = resources.gallery()
    assert gallery is not None
    sample = gallery.data_at(SIZE)[1]
    targets = {name: target[None] for name, target in sample.targets.items()}
    losses, gradients = task_gradients(workshop.subject("dmtl").precise, sample.image[None], targets)
    flat = gradients[:, 0].double().flatten(1)
    inner = (flat @ flat.T).tolist()
    (seen,) = theory_picture.look(workshop, gallery, "dmtl", 1)
    assert list(seen.losses.values()) == pytest.approx(losses[:, 0].tolist(), rel=1e-4)
    told = charts(at)
    assert told["theory_products"]["alt"] == theory_charts.heat_alt("Inner products of the gradients", seen.products)
    for line, expected in zip(seen.products.matrix(), inner, strict=True):
        assert line == pytest.approx(expected, rel=1e-3)
    assert seen.cosines.matrix()[0][1] == pytest.approx(inner[0][1] / (inner[0][0] * inner[1][1]) ** 0.5, rel=1e-3)
    other = gradients_of(at.number_input(key="theory_number").set_value(1.0).run())
    assert "0000" in next(e.proto.body for e in other.get("html") if "mta-gradients" in e.proto.body)


def test_a_gradient_is_bright_where_it_is_large() -> None:
    gradient = torch.zeros(3, 20, 20)
    gradient[1, 5, 5] = -3e-6
    grey = grey_of(theory_picture.drawn(gradient))
    assert grey.argmax() == 5 * 20 + 5 and len(np.unique(grey)) == 2
    assert len(np.unique(grey_of(theory_picture.drawn(torch.zeros(3, 8, 8))))) == 1


def grey_of(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def test_a_picture_that_cannot_be_read_is_said(page: Open, studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> Any:
        raise ValueError("the labels of it are gone")
        yield

    monkeypatch.setattr(theory_picture, "look", failing)
    at = gradients_of(page())
    assert any("the labels of it are gone" in error.value for error in at.error)


def test_tasks_whose_labels_are_derived_are_offered_and_measured(
    page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spaces = {"segmentation": "nyu13", "euclidean_depth": "log", "edge_texture": "signed", "curvature": "curvatures"}
    victim = EncoderDecoder(spaces, (64, 64), fraction=0.125)
    card = Card("study", "victim", victim.architecture, victim.options(), spaces, (64, 64))
    save_weights(victim, card, tmp_path / "runs" / "study")
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    at = page(theory_count="1", theory_steps="1", theory_restarts="1", theory_norm="L2")
    measure(at)
    (record,) = on_board()
    assert record.state == "done", record.note
    assert asked_of(record.order).tasks == tuple(spaces)
    rows = theory_job.known(resources.board().folder_of(record.id)).rows
    assert theory_charts.chain(rows) == list(spaces) and {row["norm"] for row in rows} == {"l2"}
    labels = "".join(trace["name"] for trace in charts(at)["theory_joint"]["figure"]["data"])
    assert "exact weighted form" in labels
    seen = next(e.proto.body for e in gradients_of(at).get("html") if "mta-gradients" in e.proto.body)
    assert seen.count("<figure>") == 5


def test_without_any_victim_it_says_so(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "RUNS", weights.RUNS / "none")
    at = page()
    assert any("no victim" in info.value for info in at.info) and not buttons(at)
