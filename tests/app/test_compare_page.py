"""The page Compare, run by Streamlit's own test client."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import streamlit as st
from conftest import MAIN
from helpers import png, read_message, stage_bytes, to_the_end, work
from streamlit.testing.v1 import AppTest

from app.components import leave
from mta_core import weights
from mta_core.attacks import Fgsm

Open = Callable[..., AppTest]
PAIR = "Two side by side"


@pytest.fixture
def page() -> Open:
    """Opens the page with query parameters and runs it until nothing is being computed."""
    st.cache_resource.clear()

    def open_page(*, until_done: bool = True, **params: str | list[str]) -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        at.switch_page("views/compare.py")
        for key, value in params.items():
            at.query_params[key] = value
        at.run()
        return settle(at) if until_done else at

    return open_page


def jobs(at: AppTest) -> list[Any]:
    return [job for _, job in at.session_state["_work"].values()] if "_work" in at.session_state else []


def settle(at: AppTest) -> AppTest:
    """Runs until what is under way has ended and is drawn, as the page's own beats do."""
    for job in jobs(at):
        to_the_end(job)
    at.run()
    assert not at.exception, at.exception
    return at


def heat_map(at: AppTest) -> dict[str, Any]:
    found = next(c.proto.bytes for c in at.get("bidi_component") if c.proto.component_name.endswith("mta_matrix"))
    return json.loads(found)


def lines(at: AppTest) -> dict[str, dict[str, Any]]:
    return {row["label"]: row for row in heat_map(at)["rows"]}


def status(at: AppTest) -> str:
    return next(e.proto.body for e in at.get("html") if 'class="mta-status' in e.proto.body)


def test_one_picture_is_compared_at_once(page: Open) -> None:
    at = page(steps="1")
    assert list(lines(at)) == ["Clean", "Random noise", "MTA", "FGSM", "PGD"]
    assert [column["label"] for column in heat_map(at)["columns"]] == ["Segmentation", "Depth", "Surface normals"]
    for label, line in lines(at).items():
        assert all(cell["text"] for cell in line["cells"])
        assert all(bool(cell.get("href")) == (label != "Clean") for cell in line["cells"])
    assert "3 attacks at 5/255 (L-inf) on Room 1" in status(at)
    assert len(at.get("plotly_chart")) == 3
    assert all(not button.disabled for button in at.get("download_button"))


def test_without_any_victim_the_page_says_how_to_train_one(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "RUNS", weights.RUNS / "none")
    assert "train victim" in page().info[0].value


def test_a_link_brings_the_same_view(page: Open) -> None:
    at = page(
        attacks=["FGSM", "FGSM joint"], tasks=["Depth", "Segmentation"], epsilon="8", scene="0001",
        scale="In its own unit", measure_depth="Relative error", compare_detail="Rows",
    )  # fmt: skip
    assert list(lines(at)) == ["Clean", "Random noise", "FGSM", "FGSM joint"]
    assert heat_map(at)["columns"][1]["measure"] == "Relative error, ↓ better"
    assert lines(at)["FGSM"]["cells"][1]["text"].endswith("pts")
    assert "2 attacks at 8/255 (L-inf) on Room 2" in status(at)
    table = at.dataframe[0].value
    assert set(table["Measure"]) == {"mIoU", "Relative error"} and len(table) == 6


def test_a_nonsense_link_falls_back_to_the_defaults(page: Open) -> None:
    keys = (
        "compare",
        "on",
        "attacks",
        "steps",
        "scale",
        "epsilon",
        "measure_depth",
        "compare_detail",
        "count",
        "victim",
    )
    at = page(**dict.fromkeys(keys, "nonsense"), tasks="Depth")
    assert list(lines(at)) == ["Clean", "Random noise", "MTA", "FGSM", "PGD"]
    assert not page(on="Data set", count="inf", steps="-1e999", until_done=False).exception


def test_without_an_attack_the_noise_stays(page: Open) -> None:
    at = page(tasks="Depth")
    settle(at.pills(key="attacks").set_value([]).run())
    assert list(lines(at)) == ["Clean", "Random noise"]


def test_a_cell_leads_to_the_same_run_in_explore(page: Open) -> None:
    at = page(attacks=["PGD", "FGSM joint"], steps="2", epsilon="3", tasks="Depth", scene="0002")
    for label, attack, scope in (("PGD", "PGD", "One per task"), ("FGSM joint", "FGSM", "One for all")):
        link = lines(at)[label]["cells"][0]["href"]
        there = AppTest.from_file(str(MAIN), default_timeout=60)
        there.query_params = dict(_parsed(link))  # type: ignore[assignment]
        there.run()
        asked = work(there)
        request = asked[0] if asked else there.session_state["_shown"].request
        assert (request.attack.label, request.budget.units, request.picture.name) == (attack, 3, "Room 3")
        assert [t.label for t in request.tasks] == ["Depth"] and there.segmented_control(key="scope").value == scope
        assert label != "PGD" or request.attack.num_steps == 2


def _parsed(link: str) -> dict[str, list[str]]:
    assert link.startswith("./?")
    return parse_qs(link.partition("?")[2])


def test_a_click_sets_the_controls_of_explore(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(attacks="FGSM", tasks="Depth", epsilon="3")
    went: list[dict[str, Any]] = []
    monkeypatch.setattr(leave, "to_explore", lambda answers: went.append(dict(answers)))
    monkeypatch.setattr("app.state.take_opened", lambda: ("FGSM", "depth"))
    at.run()
    assert went[0]["attack"] == "FGSM" and went[0]["epsilon"] == 3 and went[0]["shown"] == "Depth"
    monkeypatch.setattr("app.state.take_opened", lambda: ("nobody", "depth"))
    at.run()
    assert len(went) == 1, "a click on what is gone leads nowhere"


def test_a_data_set_waits_to_be_started(page: Open) -> None:
    at = page(on="Data set", tasks="Depth", attacks="FGSM")
    assert not jobs(at) and "not measured yet" in status(at)
    assert all(not cell["text"] for cell in lines(at)["FGSM"]["cells"])
    at.button(key="start_ranking").click().run()
    assert jobs(at)
    settle(at)
    assert "1 attack at 5/255 (L-inf) on 3 pictures" in status(at)
    assert "95 %" in lines(at)["FGSM"]["cells"][0]["interval"]
    assert "start_ranking" not in {button.key for button in at.button}


def stop_at_the_second_picture(monkeypatch: pytest.MonkeyPatch, at: AppTest) -> None:
    """Somebody stops the comparison when the second picture begins."""
    made, steps = [], Fgsm.steps

    def stopping(self: Fgsm, problem: Any) -> Any:
        made.append(1)
        if len(made) == 2:
            for job in jobs(at):
                job.stop()
        return steps(self, problem)

    monkeypatch.setattr(Fgsm, "steps", stopping)


def test_a_stopped_comparison_keeps_what_it_has_and_can_be_finished(
    page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"on": "Data set", "tasks": "Depth", "attacks": "FGSM"}
    at = page(**chosen)
    with monkeypatch.context() as held:
        stop_at_the_second_picture(held, at)
        settle(at.button(key="start_ranking").click().run())
    assert "stopped after 1" in status(at) and lines(at)["FGSM"]["cells"][0]["text"]
    assert not at.get("download_button")[0].disabled
    other = page(**chosen)
    assert not jobs(other) and lines(other) == lines(at), "another session sees it at once"
    settle(at.button(key="start_ranking").click().run())
    assert "on 3 pictures" in status(at) and "stopped" not in status(at)


def test_another_choice_ends_what_is_under_way(page: Open) -> None:
    at = page(attacks="PGD", steps="100", until_done=False)
    (job,) = jobs(at)
    at.slider(key="epsilon").set_value(2.0).run()
    assert job.is_cancelled
    for other in jobs(at):
        other.cancel()


def test_work_on_a_data_set_goes_on_out_of_sight(page: Open) -> None:
    at = page(on="Data set", tasks="Depth", attacks="PGD", steps="100")
    at.button(key="start_ranking").click().run()
    (job,) = jobs(at)
    at.segmented_control(key="on").set_value("One picture").run()
    assert not job.is_cancelled
    at.segmented_control(key="on").set_value("Data set").run()
    assert job in jobs(at) and "stop_ranking" in {button.key for button in at.button}
    for other in jobs(at):
        other.cancel()


def test_what_goes_wrong_is_said(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the device is $gone$")

    with monkeypatch.context() as broken:
        broken.setattr("app.comparison.compare", fail)
        at = page(tasks="Depth", attacks="FGSM", epsilon="4")
        assert r"the device is \$gone\$" in at.error[0].value
    settle(at.button(key="start_ranking").click().run())
    assert not at.error and lines(at)["FGSM"]["cells"][0]["text"]


def test_an_attack_that_fails_says_why_in_its_row(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no gradient")

    monkeypatch.setattr(Fgsm, "steps", fail)
    at = page(tasks="Depth", attacks=["FGSM", "MTA"])
    assert lines(at)["FGSM"]["problem"] == "no gradient"
    assert lines(at)["MTA"]["cells"][0]["text"] and not at.error
    assert "start_ranking" not in {button.key for button in at.button}, "it would fail again"


def test_connected_data_are_offered(page: Open, studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTA_DATA_ROOTS", f"nyuv2:{studio / 'gallery'}")
    at = page(on="Data set", data="NYUv2", tasks="Depth", attacks="FGSM", count="2")
    settle(at.button(key="start_ranking").click().run())
    assert "on 2 pictures" in status(at)
    link = _parsed(lines(at)["FGSM"]["cells"][0]["href"])
    assert link["source"] == ["NYUv2"] and link["number"] == ["1"]


def test_an_upload_is_compared_against_the_clean_output(page: Open) -> None:
    at = page(source="Upload", tasks="Depth", attacks="FGSM")
    at.file_uploader(key="upload").upload("mine.png", png(), "image/png")
    settle(at.run())
    assert "mine.png" in status(at)
    assert heat_map(at)["columns"][0]["note"] == "against the clean output"
    assert lines(at)["FGSM"]["cells"][0]["text"].endswith(" m"), "no ratio to an error of nothing"


def test_two_attacks_stand_side_by_side(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(compare=PAIR, attack_a="FGSM", attack_b="FGSM joint", epsilon_b="8", tasks="Depth")
    header, files = read_message(stage_bytes(at))
    assert [row["id"] for row in header["rows"]] == ["picture", "perturbation", "depth"]
    captions = [cell["caption"] for cell in header["rows"][2]["cells"]]
    assert captions == ["Clean", "A: FGSM 5/255", "B: FGSM joint 8/255", "Difference"]
    assert files and header["progress"] is None
    assert all(not button.disabled for button in at.get("download_button"))
    went: list[dict[str, Any]] = []
    monkeypatch.setattr(leave, "to_explore", lambda answers: went.append(dict(answers)))
    at.button(key="open_B").click().run()
    assert (went[0]["attack"], went[0]["scope"], went[0]["epsilon"]) == ("FGSM", "One for all", 8)


def test_a_stopped_side_can_be_run_again(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(compare=PAIR, attack_a="FGSM", attack_b="PGD", steps="100", tasks="Depth", until_done=False)
    for job in jobs(at):
        job.stop()
    settle(at)
    assert "stopped after" in status(at) and "again_duel" in {button.key for button in at.button}
    at.number_input(key="steps").set_value(1.0).run()
    settle(settle(at))
    assert "stopped" not in status(at) and "again_duel" not in {button.key for button in at.button}
