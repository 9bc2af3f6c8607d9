"""The page Compare, run by Streamlit's own test client."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st
from conftest import MAIN
from helpers import on_board, png, read_message, stage_bytes, to_the_end, until_board_rests, work
from helpers import settle as settle_attack
from streamlit.testing.v1 import AppTest
from studio import AIMED, make_classifier, make_weights

from app import board_words, resources
from app.components import matrix
from app.request import Request
from mta_core import generators, weights
from mta_core.attacks import Fgsm
from mta_core.events import Message
from mta_core.results import digest_of_names

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
    return [job for _, job in at.session_state["_held"].get("work", {}).values()] if "_held" in at.session_state else []


def settle(at: AppTest) -> AppTest:
    """Runs until what is under way has ended and is drawn, as the page's own beats do."""
    for job in jobs(at):
        to_the_end(job)
    until_board_rests()
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
        "compare", "on", "attacks", "steps", "scale", "epsilon", "measure_depth", "compare_detail", "count", "victim",
        "data", "attack_a", "attack_b", "epsilon_b", "shown", "scene", "goal", "like",
    )  # fmt: skip
    at = page(**dict.fromkeys(keys, "nonsense"), tasks="Depth")
    assert list(lines(at)) == ["Clean", "Random noise", "MTA", "FGSM", "PGD"]
    assert not page(on="Data set", count="inf", steps="-1e999", until_done=False).exception
    strange = dict.fromkeys(("attack_a", "attack_b", "epsilon_b", "shown", "scene"), "nonsense")
    at = page(compare=PAIR, tasks="Depth", steps="1", **strange)
    assert [at.selectbox(key=f"attack_{side}").value for side in "ab"] == ["MTA", "PGD"]


def test_without_an_attack_the_noise_stays(page: Open) -> None:
    at = page(tasks="Depth")
    settle(at.pills(key="attacks").set_value([]).run())
    assert list(lines(at)) == ["Clean", "Random noise"]


def test_a_cell_leads_to_the_same_run_in_explore(page: Open) -> None:
    at = page(attacks=["PGD", "FGSM joint"], steps="2", epsilon="3", tasks="Depth", scene="0002")
    for label, attack, scope in (("PGD", "PGD", "Per task"), ("FGSM joint", "FGSM", "Joint")):
        link = lines(at)[label]["cells"][0]["href"]
        there = AppTest.from_file(str(MAIN), default_timeout=60)
        there.query_params = dict(_parsed(link))  # type: ignore[assignment]
        there.run()
        asked = work(there)
        request = asked[0] if asked else there.session_state["_held"]["shown"].request
        assert (request.attack.label, request.budget.units, request.picture.name) == (attack, 3, "Room 3")
        assert [t.label for t in request.tasks] == ["Depth"] and there.segmented_control(key="scope").value == scope
        assert label != "PGD" or request.attack.num_steps == 2


def _parsed(link: str) -> dict[str, list[str]]:
    assert link.startswith("./?")
    return parse_qs(link.partition("?")[2])


def cells_are_buttons(monkeypatch: pytest.MonkeyPatch, *opened: str) -> None:
    """The map is a button that opens this row and task, since Streamlit's test client cannot click a component."""

    def component(key: str, data: bytes, on_opened_change: Callable[[], None]) -> None:
        st.button("map", key="map_button", on_click=on_opened_change)

    monkeypatch.setattr(matrix, "_component", component)
    monkeypatch.setattr("app.state.heard.opened", lambda key: opened)


def is_leaving(at: AppTest) -> bool:
    return any(c.proto.component_name.endswith("mta_leave") for c in at.get("bidi_component"))


def goes_to_explore(at: AppTest) -> Request:
    """Follows a click to Explore, and returns what is attacked there."""
    assert not at.exception, at.exception
    assert is_leaving(at)
    at.query_params.clear()
    settle_attack(at.switch_page("views/explore.py").run())
    request: Request = at.session_state["_held"]["shown"].request
    return request


@pytest.mark.usefixtures("page")
def test_a_click_opens_that_run_whatever_explore_showed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    cells_are_buttons(monkeypatch, "FGSM", "depth")
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    for key, value in {"attack": "PGD", "pgd_num_steps": "1", "goal": "Targeted", "tasks": "Depth"}.items():
        at.query_params[key] = value
    settle_attack(at.run())
    at.query_params.clear()
    settle(at.switch_page("views/compare.py").run())
    settle(at.segmented_control(key="goal").set_value("Non-targeted").run())
    settle(at.slider(key="epsilon").set_value(3.0).run())
    request = goes_to_explore(at.button(key="map_button").click().run())
    assert (request.attack.label, request.budget.units, request.target) == ("FGSM", 3, "")
    assert [t.label for t in request.tasks] == ["Depth"]


def test_who_goes_elsewhere_than_a_click_leads_stays_there(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    cells_are_buttons(monkeypatch, "FGSM", "depth")
    at = page(attacks="FGSM", tasks="Depth")
    assert is_leaving(at.button(key="map_button").click().run())
    at.query_params.clear()
    at.switch_page("views/cost.py").run()
    assert not is_leaving(at.switch_page("views/compare.py").run())


def test_a_click_on_what_is_gone_leads_nowhere(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    cells_are_buttons(monkeypatch, "nobody", "depth")
    at = page(attacks="FGSM", tasks="Depth")
    at.button(key="map_button").click().run()
    assert not at.exception
    assert not is_leaving(at)


def test_a_data_set_waits_to_be_started(page: Open) -> None:
    at = page(on="Data set", tasks="Depth", attacks="FGSM")
    assert not on_board() and "not measured yet" in status(at)
    assert all(not cell["text"] for cell in lines(at)["FGSM"]["cells"])
    at.button(key="start_ranking").click().run()
    assert [record.order.kind for record in on_board()] == ["comparison"]
    settle(at)
    assert "1 attack at 5/255 (L-inf) on 3 pictures" in status(at)
    assert "95 %" in lines(at)["FGSM"]["cells"][0]["interval"]
    assert "start_ranking" not in {button.key for button in at.button}


def test_its_link_opens_a_comparison_whatever_weights_are_at_hand(page: Open, with_generators: None) -> None:
    at = page(on="Data set", tasks="Depth", attacks=["FGSM", "MTA"])
    settle(at.button(key="start_ranking").click().run())
    (done,) = on_board()
    assert done.state == "done", done.note
    before = lines(at)
    assert not page(job=done.id).info, "they are the same yet"
    make_weights(weights.RUNS, seed=1)
    generator, card = generators.load("mta-dmtl")
    weights.save_weights(generator, replace(card, name="mta-dmtl-1"), weights.RUNS / "mta-dmtl-1")
    st.cache_resource.clear()
    for query in (parse_qs(urlsplit(board_words.link(done)).query), {"job": done.id}):
        opened = page(**query)
        assert lines(opened) == before and "Other weights" in opened.info[0].value
        assert "start_ranking" not in {button.key for button in opened.button}
    settle(opened.button(key="ranking_anew").click().run())
    assert len(on_board()) == 2 and on_board()[0].state == "done", on_board()[0].note
    assert lines(opened) != before and not opened.info and "job" not in opened.query_params
    opened = page(**query)
    opened.number_input(key="count").set_value(2.0).run()
    assert "not measured yet" in status(opened) and "job" not in opened.query_params


def stop_at_the_second_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody stops the comparison when the second picture begins."""
    made, steps = [], Fgsm.steps

    def stopping(self: Fgsm, problem: Any) -> Any:
        made.append(1)
        if len(made) == 2:
            resources.board().finish(on_board()[0].id)
        return steps(self, problem)

    monkeypatch.setattr(Fgsm, "steps", stopping)


def test_a_stopped_comparison_keeps_what_it_has_and_can_be_finished(
    page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"on": "Data set", "tasks": "Depth", "attacks": "FGSM"}
    at = page(**chosen)
    with monkeypatch.context() as held:
        stop_at_the_second_picture(held)
        settle(at.button(key="start_ranking").click().run())
    assert "stopped after 2" in status(at) and lines(at)["FGSM"]["cells"][0]["text"]
    assert not at.get("download_button")[0].disabled
    other = page(**chosen)
    assert lines(other) == lines(at), "another session sees it at once"
    st.cache_resource.clear()
    restarted = page(**chosen)
    assert lines(restarted) == lines(at) and "stopped after 2" in status(restarted), "another server too"
    button = restarted.button(key="start_ranking")
    assert button.label == "Go on"
    settle(button.click().run())
    assert "on 3 pictures" in status(restarted) and "stopped" not in status(restarted)
    assert len(on_board()) == 1
    said = [event.text for event in resources.board().events(on_board()[0].id) if isinstance(event, Message)]
    assert said == ["goes on after 2 of 3 pictures", "kept among the results"]


def test_another_choice_ends_what_is_under_way(page: Open) -> None:
    at = page(attacks="PGD", steps="100", until_done=False)
    (job,) = jobs(at)
    at.slider(key="epsilon").set_value(2.0).run()
    assert job.is_cancelled
    for other in jobs(at):
        other.cancel()


def test_another_choice_leaves_a_data_set_alone_which_can_be_come_back_to(page: Open) -> None:
    at = page(on="Data set", tasks="Depth", attacks="PGD", steps="100")
    at.button(key="start_ranking").click().run()
    at.slider(key="epsilon").set_value(2.0).run()
    assert "not measured yet" in status(at)
    at.segmented_control(key="on").set_value("One picture").run()
    at.segmented_control(key="on").set_value("Data set").run()
    at.slider(key="epsilon").set_value(5.0).run()
    assert "stop_ranking" in {button.key for button in at.button}
    assert [record.state for record in on_board()] in (["running"], ["queued"])
    for one in jobs(at):
        one.cancel()


def test_browsers_share_a_comparison_and_wait_for_each_other(page: Open) -> None:
    chosen = {"on": "Data set", "tasks": "Depth", "attacks": "PGD", "steps": "100"}
    at = page(**chosen)
    at.button(key="start_ranking").click().run()
    other = AppTest.from_file(str(MAIN), default_timeout=60)
    other.switch_page("views/compare.py")
    for key, value in chosen.items():
        other.query_params[key] = value
    other.run()
    assert "stop_ranking" in {button.key for button in other.button}, "it follows"
    other.slider(key="epsilon").set_value(2.0).run()
    other.button(key="start_ranking").click().run()
    assert "Waiting for its turn, 1 job before it" in status(other)
    assert len({record.order.owner for record in on_board()}) == 2
    other.button(key="stop_ranking").click().run()
    assert "not measured yet" in status(other), "what waits is taken back at once"
    other.button(key="start_ranking").click().run()
    at.button(key="stop_ranking").click().run()
    end = time.monotonic() + 120  # until a picture is done
    while "Waiting" in status(other.run()):
        assert time.monotonic() < end


def test_what_goes_wrong_is_said(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the device is $gone$")

    with monkeypatch.context() as broken:
        broken.setattr("app.comparison.Comparisons", fail)
        at = page(tasks="Depth", attacks="FGSM", epsilon="4")
        assert r"The device is \$gone\$" in at.error[0].value
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


def test_a_picture_that_cannot_be_read_is_told_and_not_counted(
    page: Open, studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(studio / "gallery", tmp_path / "data")
    (tmp_path / "data" / "rgb" / "0000.png").write_bytes(b"no picture")
    monkeypatch.setenv("MTA_DATA_ROOTS", f"nyuv2:{tmp_path / 'data'}")
    provenance = seen_provenance(monkeypatch)
    chosen = {"on": "Data set", "data": "NYUv2", "tasks": "Depth", "attacks": "FGSM"}
    at = page(**chosen)
    settle(at.button(key="start_ranking").click().run())
    assert "on 2 of 3 pictures" in status(at)
    assert _parsed(lines(at)["FGSM"]["cells"][0]["href"])["number"] == ["2"], "the first that can be read"
    again = AppTest.from_file(str(MAIN), default_timeout=60)
    again.switch_page("views/compare.py")
    for key, value in chosen.items():
        again.query_params[key] = value
    again.run()
    assert "left out 0000" in again.warning[0].value.replace("\\", ""), "after a reload too"
    assert provenance(again)["unreadable"] == ["0000"]
    assert provenance(again)["pictures_sha256"] == digest_of_names(["0001", "0002"])


def seen_provenance(monkeypatch: pytest.MonkeyPatch) -> Callable[[AppTest], dict[str, Any]]:
    """What the file of rows tells of where they come from, as of the last time the page was drawn."""
    made: list[Callable[[], bytes]] = []
    button = st.download_button

    def noted(label: str, data: Callable[[], bytes], *args: Any, **kwargs: Any) -> Any:
        made.append(data)
        return button(label, data, *args, **kwargs)

    monkeypatch.setattr(st, "download_button", noted)
    return lambda at: json.loads(made[-2]())["provenance"]  # before that of the CSV file


def test_objects_are_attacked_by_who_knows_them(page: Open, with_objects: Path) -> None:
    at = page(source="Objects", attacks="FGSM")
    assert at.selectbox(key="victim").options == ["objects-amazon"]
    assert [column["label"] for column in heat_map(at)["columns"]] == ["Amazon"]
    assert page(attacks="FGSM", tasks="Depth").selectbox(key="victim").options == ["dmtl"]


def test_the_shipped_objects_are_a_data_set_for_each_domain(page: Open, with_objects: Path) -> None:
    at = page(on="Data set", data="Objects", attacks="FGSM")
    assert at.number_input(key="count").label == "Pictures, of 4", "those of one domain"
    assert "PGD" in at.pills(key="attacks").options and "PGD joint" not in at.pills(key="attacks").options
    settle(at.button(key="start_ranking").click().run())
    assert "on 4 pictures" in status(at) and not at.error
    link = _parsed(lines(at)["FGSM"]["cells"][0]["href"])
    assert link["source"] == ["Objects"] and link["object"][0].startswith("amazon/")
    assert link["victim"] == ["objects-amazon"]


def test_connected_objects_open_a_picture_of_the_domain(
    page: Open, with_objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_classifier(with_objects / "runs", "objects-webcam", "webcam")
    monkeypatch.setenv("MTA_DATA_ROOTS", f"office31:{with_objects / 'gallery' / 'objects'}")
    chosen = {"on": "Data set", "data": "Office-31", "attacks": "FGSM"}
    numbers = {}
    for domain in ("amazon", "webcam"):
        at = page(**chosen, victim=f"objects-{domain}", count="1")
        settle(at.button(key="start_ranking").click().run())
        numbers[domain] = _parsed(lines(at)["FGSM"]["cells"][0]["href"])["number"][0]
        there = AppTest.from_file(str(MAIN), default_timeout=60)
        there.query_params = dict(_parsed(lines(at)["FGSM"]["cells"][0]["href"]))  # type: ignore[assignment]
        request = settle_attack(there.run()).session_state["_held"]["shown"].request
        assert request.victim == f"objects-{domain}" and request.picture.key.split("/")[-3] == domain
    assert numbers["amazon"] != numbers["webcam"]


def test_who_answers_nothing_of_a_data_set_is_told_so(
    page: Open, with_objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MTA_DATA_ROOTS", f"office31:{with_objects / 'gallery' / 'objects'}")
    shutil.rmtree(with_objects / "runs" / "objects-amazon")
    at = page(on="Data set", data="Office-31", attacks="FGSM", until_done=False)
    assert "dmtl answers no task of Office" in at.error[0].value and not jobs(at)


@pytest.mark.usefixtures("with_generators")
def test_attacks_towards_a_target_are_compared_with_generators_trained_for_it(page: Open) -> None:
    at = page(goal="Targeted", steps="1", attacks=["MTA", "FGSM"])
    assert at.selectbox(key="target_segmentation").value == "floor", "what the generator knows"
    assert list(lines(at)) == ["Clean", "Random noise", "MTA", "FGSM"]
    assert {column["note"] for column in heat_map(at)["columns"]} == {"against the target"}
    assert all(cell["text"] for line in lines(at).values() for cell in line["cells"])
    assert not any(cell["href"] for cell in lines(at)["Random noise"]["cells"]), "on Explore noise leads nowhere"
    for label, target in (("MTA", AIMED), ("FGSM", "segmentation=floor,depth=2,normals=up")):
        there = AppTest.from_file(str(MAIN), default_timeout=60)
        there.query_params = dict(_parsed(lines(at)[label]["cells"][0]["href"]))  # type: ignore[assignment]
        request = settle_attack(there.run()).session_state["_held"]["shown"].request
        assert (request.attack.label, request.target) == (label, target)
    settle(at.selectbox(key="target_depth").set_value("5").run())
    assert "MTA" not in at.pills(key="attacks").options


def test_attacks_towards_another_picture_are_compared(page: Open) -> None:
    at = page(goal="Like another", attacks="FGSM", tasks="Depth")
    assert list(lines(at)) == ["Clean", "Random noise", "FGSM"] and lines(at)["FGSM"]["cells"][0]["text"]
    assert _parsed(lines(at)["FGSM"]["cells"][0]["href"])["like"] == ["Room 2"]


def test_the_target_accuracy_is_compared(page: Open, with_objects: Path) -> None:
    at = page(on="Data set", data="Objects", goal="Targeted", target_amazon="mug", attacks=["MTA universal", "FGSM"])
    settle(at.button(key="start_ranking").click().run())
    assert heat_map(at)["columns"][0]["measure"] == "Target accuracy, ↑ better"
    assert all(cell["text"] for cell in lines(at)["MTA universal"]["cells"])


def test_towards_a_target_two_stand_side_by_side(page: Open) -> None:
    at = page(compare=PAIR, attack_a="FGSM", attack_b="FGSM joint", goal="Targeted", tasks="Depth")
    row = read_message(stage_bytes(at))[0]["rows"][2]
    assert "(against the target)" in row["note"]
    request = goes_to_explore(at.button(key="open_A").click().run())
    assert request.target == "depth=1"


def test_the_same_file_uploaded_again_is_compared_again(page: Open) -> None:
    at = page(source="Upload", tasks="Depth", attacks="FGSM")
    for _ in range(2):
        at.file_uploader(key="upload").upload("mine.png", png(), "image/png")
        settle(at.run())
        assert "start_ranking" not in {button.key for button in at.button}
        assert lines(at)["FGSM"]["cells"][0]["text"]


def test_an_upload_is_compared_against_the_clean_output(page: Open) -> None:
    at = page(source="Upload", tasks="Depth", attacks="FGSM")
    at.file_uploader(key="upload").upload("mine.png", png(), "image/png")
    settle(at.run())
    assert "mine.png" in status(at)
    assert heat_map(at)["columns"][0]["note"] == "against the clean output"
    assert lines(at)["FGSM"]["cells"][0]["text"].endswith(" m"), "no ratio to an error of nothing"


def test_two_attacks_stand_side_by_side(page: Open) -> None:
    at = page(compare=PAIR, attack_a="FGSM", attack_b="FGSM joint", epsilon_b="8", tasks="Depth")
    header, files = read_message(stage_bytes(at))
    assert [row["id"] for row in header["rows"]] == ["picture", "perturbation", "depth"]
    captions = [cell["caption"] for cell in header["rows"][2]["cells"]]
    assert captions == ["Clean", "A: FGSM 5/255", "B: FGSM joint 8/255", "Difference"]
    assert files and header["progress"] is None
    assert all(not button.disabled for button in at.get("download_button"))
    request = goes_to_explore(at.button(key="open_B").click().run())
    assert (request.attack.label, request.scope, request.budget.units) == ("FGSM", "joint", 8)


def test_a_stopped_side_can_be_run_again(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(compare=PAIR, attack_a="FGSM", attack_b="PGD", steps="100", tasks="Depth", until_done=False)
    for job in jobs(at):
        job.stop()
    settle(at)
    assert "stopped after" in status(at) and "again_duel" in {button.key for button in at.button}
    assert all(button.disabled for button in at.get("download_button")), "they would not be those of 100 steps"
    at.number_input(key="steps").set_value(1.0).run()
    settle(settle(at))
    assert "stopped" not in status(at) and "again_duel" not in {button.key for button in at.button}


def test_what_is_chosen_below_is_noticed_by_every_part(page: Open) -> None:
    """See `app.state.pages.are_parts_current`: a choice may arrive with the beat of another part."""
    at = page(tasks="Depth", attacks="FGSM")
    assert set(at.session_state["_drawn"]) == {"scale", "compare_detail"}
    at = page(compare=PAIR, attack_a="FGSM", attack_b="FGSM joint")
    assert set(at.session_state["_drawn"]) == {"shown"}
