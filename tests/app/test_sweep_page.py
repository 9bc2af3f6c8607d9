"""The page Sweep: its form, its job, and what is shown of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import measured
import pytest
import streamlit as st
from helpers import on_board, until_board_rests
from measured import ask_amid, open_view, status
from streamlit.testing.v1 import AppTest
from studio import make_weights

from app import board_words, resources, sweeps
from mta_core import store, weights
from mta_core.attacks import Fgsm
from mta_core.board import AWAY
from mta_core.locks import FileLock
from mta_core.store import Store
from mta_core.sweep_recipe import SweepRecipe

Open = Callable[..., AppTest]
QUICK = {"attack": "FGSM", "tasks": "Depth", "count": "2", "values_epsilon": "1,4"}


@pytest.fixture
def page() -> Open:
    st.cache_resource.clear()
    return partial(open_view, "sweep")


def measure(at: AppTest) -> AppTest:
    return measured.measure(at, "sweep")


def buttons(at: AppTest) -> dict[str, str]:
    return measured.buttons(at, "sweep")


def charts(at: AppTest) -> list[dict[str, Any]]:
    return list(measured.charts(at).values())


def recipe(at: AppTest) -> SweepRecipe:
    return SweepRecipe.from_json(on_board()[0].order.settings["recipe"])


def test_a_sweep_waits_to_be_started_then_fills_its_charts(page: Open) -> None:
    at = page(**QUICK)
    assert "2 values on 2 pictures: not measured yet" in status(at)
    assert not charts(at) and not on_board() and buttons(at) == {"sweep_start": "Start"}
    measure(at)
    assert "2 values on 2 pictures" in status(at) and not buttons(at)
    (chart,) = charts(at)
    assert chart["alt"].startswith("Depth, Absolute error against epsilon: clean ")
    assert "epsilon 1/255 (L-inf): " in chart["alt"] and "epsilon 4/255 (L-inf): " in chart["alt"]
    assert chart["source"].startswith("./component/"), "from this server"
    assert chart["figure"]["layout"]["uirevision"] == "depth Absolute error"
    assert not at.get("download_button")[0].disabled
    assert any("Strongest with epsilon" in e.proto.body for e in at.get("html"))
    table = next(e.proto.body for e in at.get("html") if "mta-cost" in e.proto.body)
    assert table.count("<tr>") == 3
    assert at.query_params["job"] in (on_board()[0].id, [on_board()[0].id])
    (run, *_) = Store().find()
    assert {row["epsilon"] for row in run.rows} == {1, 4} and run.provenance["sweep"]["variable"] == "epsilon"


def test_the_chosen_measure_is_drawn(page: Open) -> None:
    at = page(**(QUICK | {"tasks": "Segmentation"}))
    measure(at)
    (per_picture,) = charts(at)
    at.selectbox(key="sweep_measure_segmentation").set_value("mIoU").run()
    (pooled,) = charts(at)
    assert "mIoU, per picture" in per_picture["alt"] and "mIoU against" in pooled["alt"]
    assert len(pooled["figure"]["data"]) == len(per_picture["figure"]["data"]) - 3, (
        "no spread of another kind of number"
    )


def test_stop_keeps_what_it_has_and_go_on_finishes(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(**QUICK)
    with monkeypatch.context() as held:
        ask_amid(Fgsm, 3, "finish", held)  # the second value begins
        measure(at)
    assert "Stopped: 1 of 2 values measured" in status(at) and buttons(at) == {"sweep_start": "Go on"}
    (half,) = Store().find()
    assert {row["epsilon"] for row in half.rows} == {1}
    (before,) = charts(at)
    assert "epsilon 1/255" in before["alt"] and "epsilon 4/255" not in before["alt"]
    st.cache_resource.clear()
    again = page(**QUICK)
    assert "Stopped: 1 of 2" in status(again) and charts(again)[0]["alt"] == before["alt"], "another server too"
    measure(again)
    assert "Stopped" not in status(again) and len(on_board()) == 1
    assert charts(again)[0]["alt"].startswith(before["alt"])
    (whole,) = Store().find()
    assert whole.id == half.id and {row["epsilon"] for row in whole.rows} == {1, 4}, "one run of one sweep"
    assert whole.provenance["seconds"] > half.provenance["seconds"] > 0
    assert whole.provenance["job"] == on_board()[0].id


def test_what_cannot_be_kept_fails_and_can_be_kept_later(page: Open, tmp_path: Path) -> None:
    blocked = tmp_path / store.NAME
    blocked.mkdir()
    at = page(**QUICK)
    measure(at)
    assert on_board()[0].state == "failed" and "not kept among the results" in at.error[0].value
    assert buttons(at) == {"sweep_start": "Go on"} and "epsilon 4/255" in charts(at)[0]["alt"]
    blocked.rmdir()
    measure(at)
    assert on_board()[0].state == "done" and not at.error
    assert {row["epsilon"] for row in Store().find()[0].rows} == {1, 4}


@pytest.mark.parametrize("attack", ["FGSM", "MTA"])
def test_other_weights_of_the_same_name_are_another_sweep(page: Open, with_generators: None, attack: str) -> None:
    chosen = QUICK | {"attack": attack, "count": "1", "values_epsilon": "5"}
    at = page(**chosen)
    measure(at)
    assert on_board()[0].state == "done" and not buttons(at), on_board()[0].note
    make_weights(weights.RUNS, seed=1)
    again = page(**chosen)
    assert "not measured yet" in status(again) and buttons(again) == {"sweep_start": "Start"}
    old = on_board()[0]
    resources.board().submit(old.order)
    until_board_rests()
    assert on_board()[0].state == "failed" and "are others now" in on_board()[0].note
    measure(again)
    assert on_board()[0].state == "done" and Store().count() == 2


@pytest.mark.parametrize("attack", ["FGSM", "MTA"])
def test_its_link_opens_a_sweep_whatever_weights_are_at_hand(page: Open, with_generators: None, attack: str) -> None:
    at = page(**QUICK | {"attack": attack, "count": "1", "values_epsilon": "5"})
    measure(at)
    (done,) = on_board()
    make_weights(weights.RUNS, seed=1)
    opened = page(**parse_qs(urlsplit(board_words.link(done)).query))
    assert charts(opened) == charts(at) and opened.query_params["job"] in (done.id, [done.id])
    assert "Other weights" in opened.info[0].value and buttons(opened) == {"sweep_start": "Start anew"}
    measure(opened)
    assert len(on_board()) == 2 and on_board()[0].state == "done", on_board()[0].note
    assert not buttons(opened) and not opened.info and charts(opened) != charts(at)
    opened.number_input(key="count").set_value(2.0).run()
    assert "not measured yet" in status(opened) and "job" not in opened.query_params


def test_its_link_opens_a_sweep_of_what_was_the_first_choice(
    page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated = weights.RUNS / "mta-dmtl"
    shutil.copytree(weights.RUNS / "dmtl", tmp_path / "less" / "dmtl")
    monkeypatch.setattr(weights, "RUNS", tmp_path / "less")
    at = page(tasks="Depth", count="1", values_epsilon="5", pgd_num_steps="1")
    assert at.selectbox(key="attack").value == "PGD"
    measure(at)
    shutil.copytree(generated, tmp_path / "less" / "mta-dmtl")
    assert page(tasks="Depth").selectbox(key="attack").value == "MTA", "another first choice"
    for query in (parse_qs(urlsplit(board_words.link(on_board()[0])).query), {"job": on_board()[0].id}):
        opened = page(**query)
        assert opened.selectbox(key="attack").value == "PGD" and charts(opened) == charts(at)
        assert not opened.info and not buttons(opened)


def test_a_cancelled_sweep_is_opened_and_started_anew(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(**QUICK)
    with monkeypatch.context() as held:
        ask_amid(Fgsm, 3, "cancel", held)  # the second value begins
        measure(at)
    (first,) = on_board()
    assert first.state == "cancelled"
    opened = page(**QUICK, job=first.id)
    assert "Cancelled: " in status(opened) and buttons(opened) == {"sweep_start": "Start anew"}
    assert not opened.info, "of weights"
    measure(opened)
    assert len(on_board()) == 2 and on_board()[0].state == "done" and not buttons(opened)


def test_old_points_that_no_job_uses_are_forgotten(page: Open) -> None:
    at = page(**QUICK | {"count": "1"})
    measure(at)
    kept = resources.jobs_folder() / sweeps.POINTS
    first = {file.name for file in kept.iterdir()}
    strays = [kept / f"{'a' * 32}.json", kept / f"{'b' * 32}-0-0.safetensors", kept / f"{'c' * 32}.json"]
    for file in strays:
        file.write_bytes(b"")
    for file in [*strays[:2], *map(kept.joinpath, first)]:
        os.utime(file, (0, 0))
    resources.board().delete(on_board()[0].id)
    at = page(**QUICK | {"count": "1", "values_epsilon": "2"})
    measure(at)
    left = {file.name for file in kept.iterdir()}
    assert first < left and strays[2].name in left, "a job that can be restored, and what is new"
    assert not {file.name for file in strays[:2]} & left
    shutil.rmtree(resources.jobs_folder() / AWAY)
    at = page(**QUICK | {"count": "1", "values_epsilon": "3"})
    measure(at)
    assert not first & {file.name for file in kept.iterdir()}


def test_paused_it_goes_on_where_it_was(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ask_amid(Fgsm, 4, "pause", monkeypatch)
    at = page(**QUICK)
    measure(at)
    assert "Paused: 1 of 2 values measured" in status(at) and buttons(at) == {"sweep_start": "Go on"}
    measure(at)
    assert on_board()[0].state == "done" and "2 values on 2 pictures" in status(at)
    assert len(made) == 4, "no picture is attacked twice"


def test_that_somebody_cancelled_it_is_said_to_who_asked_for_it(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(**QUICK)
    with monkeypatch.context() as held:
        ask_amid(Fgsm, 3, "cancel", held)  # the second value begins
        measure(at)
    assert on_board()[0].state == "cancelled"
    assert "Cancelled: 1 of 2 values measured" in status(at)
    assert buttons(at) == {"sweep_start": "Start anew"}
    assert "Cancelled: 1 of 2" in status(page(job=on_board()[0].id)), "its link says so, too"
    assert "not measured yet" in status(page(**QUICK))
    at.text_input(key="values_epsilon").set_value("2").run()
    assert "not measured yet" in status(at) and "job" not in at.query_params
    measure(at)
    assert "1 value on 2 pictures<" in status(at)


def test_what_was_cancelled_while_it_waited_is_said_too(page: Open) -> None:
    at = page(**QUICK)
    device = FileLock(resources.jobs_folder() / "device.lock")  # another server has it
    assert device.acquire()
    at.button(key="sweep_start").click().run()
    assert "Getting ready" in status(at)
    resources.board().cancel(on_board()[0].id)
    assert "Cancelled: 0 of 2 values measured" in status(at.run())
    device.release()


def test_a_link_with_the_job_alone_brings_back_its_settings(page: Open) -> None:
    at = page(**(QUICK | {"values_epsilon": "2, 3"}))
    measure(at)
    other = page(job=on_board()[0].id)
    assert other.text_input(key="values_epsilon").value == "2, 3"
    assert other.selectbox(key="attack").value == "FGSM" and charts(other) == charts(at)
    assert not page(job="20260101-000000-dead").exception


def test_another_choice_is_another_sweep(page: Open) -> None:
    at = page(**QUICK)
    measure(at)
    at.text_input(key="values_epsilon").set_value("1, 4, 8").run()
    assert "3 values on 2 pictures: not measured yet" in status(at) and "job" not in at.query_params
    kept = {file.name for file in (resources.jobs_folder() / sweeps.POINTS).iterdir()}
    measure(at)
    assert len(on_board()) == 2
    assert len({f.name for f in (resources.jobs_folder() / sweeps.POINTS).iterdir()} - kept) == 1, "one value is new"


@pytest.mark.parametrize(("chosen", "variable", "values"), [
    ({"varied": "Steps", "attack": "PGD", "values_steps": "1,2"}, "steps", (1.0, 2.0)),
    ({"varied": "Step size", "attack": "PGD", "pgd_num_steps": "2", "values_step-size": "0.5,1"},
     "step-size", (0.5, 1.0)),
    ({"varied": "Norm", "attack": "FGSM", "values_norm": "linf:2,l2:1"}, "norm", ("linf:2", "l2:1")),
    ({"varied": "Task weight", "attack": "FGSM", "scope": "Joint", "tasks": ["Depth", "Segmentation"],
      "varied_task": "Depth", "values_weight": "0.2,0.8"}, "weight:depth", (0.2, 0.8)),
    ({"varied": "Attack", "varied_attacks": ["FGSM", "Random noise"]}, "attack", ("fgsm", "noise")),
])  # fmt: skip
def test_everything_can_vary(page: Open, chosen: Any, variable: str, values: Any) -> None:
    at = page(**({"tasks": "Depth", "count": "1"} | chosen))
    measure(at)
    assert on_board()[0].state == "done", on_board()[0].note
    assert (recipe(at).variable, recipe(at).values) == (variable, values)
    assert len(sweeps.known(resources.board().folder_of(on_board()[0].id)).final)
    assert all(len(chart["alt"].split(";")[1].split(", ")) == 2 for chart in charts(at))


@pytest.mark.parametrize(("chosen", "sentence"), [
    ({"varied": "Steps"}, "FGSM has no steps to vary"),
    ({"varied": "Task weight"}, "Expected joint perturbations to vary a weight"),
    ({"values_epsilon": "1,1"}, "Expected each value once"),
    ({"values_epsilon": "0"}, "Expected epsilon in"),
])  # fmt: skip
def test_what_means_nothing_is_said_and_cannot_be_started(page: Open, chosen: Any, sentence: str) -> None:
    at = page(**(QUICK | chosen))
    assert sentence in at.error[0].value
    assert at.button(key="sweep_start").disabled


def test_values_that_are_none_are_said(page: Open) -> None:
    at = page(**(QUICK | {"values_epsilon": "1, much"}))
    assert "expected a number for epsilon, got ' much'" in at.error[0].value
    assert not buttons(at)


def test_a_data_set_that_is_gone_fails_with_its_reason(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(**QUICK)
    monkeypatch.setattr(resources, "shelves", dict)
    st.cache_resource.clear()
    measure(at)
    assert "Expected the data set gallery, it is not connected now" in at.error[0].value
    assert buttons(at) == {"sweep_start": "Go on"}


def test_without_any_victim_the_page_says_how_to_train_one(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "RUNS", weights.RUNS / "none")
    assert "train victim" in page().info[0].value
