"""The page Transfer, run by Streamlit's own test client."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from helpers import on_board, read_message, read_stage, settle, stage_bytes, until, until_board_rests
from streamlit.testing.v1 import AppTest
from studio import SIZE, make_classifier, make_other, make_universal, make_weights

from app import board_words, resources, series
from mta_core import weights
from mta_core.presets import victim_preset

Open = Callable[..., AppTest]


@pytest.fixture
def transfer(page: Open) -> Open:
    return partial(page, "transfer")


@pytest.fixture
def two(studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_victim(studio, tmp_path, monkeypatch, "mtan")


def add_victim(studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *size: int) -> None:
    """For this test there is a second victim, of input size `size` where that is not the studio's."""
    shutil.copytree(studio / "runs", tmp_path / "runs")
    make_other(tmp_path / "runs", name, (size[0], size[1]) if size else SIZE)
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")


def table(at: AppTest) -> str:
    return "".join(e.proto.body for e in at.get("html") if "mta-transfer" in e.proto.body)


def lines(at: AppTest) -> dict[str, list[list[str]]]:
    """The rows of the first table of attacks, by the title of their block."""
    found: dict[str, list[list[str]]] = {}
    first = ElementTree.fromstring(f"<div>{table(at)}</div>").find(".//table")
    assert first is not None
    for body in first.findall("tbody"):
        title, *rows = [["".join(cell.itertext()) for cell in row] for row in body]
        found[title[0]] = rows
    return found


def measure(at: AppTest) -> AppTest:
    """Presses the button and runs until the series has ended, as the browser's polling does."""
    at.button(key="measure").click().run()
    until_board_rests()
    return at.run()


@pytest.mark.usefixtures("two")
def test_both_victims_are_seen_before_and_after(transfer: Open) -> None:
    at = transfer()
    assert (at.selectbox(key="victim").value, at.selectbox(key="to").value) == ("dmtl", "mtan")
    header, files = read_message(stage_bytes(at))
    result = at.session_state["_held"]["shown"]
    for row in header["rows"][1:]:
        captions = [cell["caption"] for cell in row["cells"]]
        assert captions == ["dmtl, clean", "dmtl, attacked", "mtan, clean", "mtan, attacked"]
        assert all(cell["digest"] in files and cell["alt"] for cell in row["cells"])
        assert row["words"] == f"mtan: {result.tried.tasks[row['id']].verdict}."
        assert row["facts"][0][0] == "dmtl"
    assert "noise" in header["rows"][1]["measure"] and not at.info
    assert table(at).count("<tbody>") == 3


@pytest.mark.usefixtures("two")
def test_a_link_brings_the_same_view(transfer: Open) -> None:
    at = transfer(
        victim="mtan", to="dmtl", tasks="Depth", attack="FGSM", epsilon="8.0", tables="Data set", pictures="2"
    )
    header = read_stage(at)
    assert [row["id"] for row in header["rows"]] == ["picture", "depth"]
    assert header["rows"][1]["cells"][0]["caption"] == "mtan, clean"
    assert "8/255" in header["rows"][0]["cells"][1]["alt"]
    assert at.number_input(key="pictures").value == 2
    keys = ("victim", "to", "tasks", "attack", "epsilon", "tables", "set", "pictures", "others")
    nonsense = dict.fromkeys(keys, "nonsense")
    assert read_stage(transfer(**nonsense))["rows"][1]["cells"][3]["caption"] == "mtan, attacked"
    at = transfer(attack="PGD", pgd_num_restarts="inf", pgd_num_steps="1", tables="Data set", pictures="inf")
    assert at.number_input(key="pictures").value == 8 and at.number_input(key="pgd_num_restarts").value == 1


@pytest.mark.usefixtures("two")
def test_a_data_set_is_measured_and_can_be_taken_away(transfer: Open) -> None:
    at = transfer(attack="FGSM", tasks="Depth", tables="Data set", pictures="2", others="none")
    assert any("Nothing is measured yet" in caption.value for caption in at.caption)
    at.pills(key="others").set_value([]).run()
    at = measure(at)
    assert "mtan moves by" in "".join(element.value for element in at.markdown)
    assert "2 of its pictures" in table(at) and "to " in table(at)
    assert "The paper" in table(at), "its pair of victims"
    assert not any(button.disabled for button in at.get("download_button"))
    assert "measure" not in {button.key for button in at.button}
    settle(at.slider(key="epsilon").set_value(2.0).run())
    assert "Attacks at 5/255" in table(at), "what was measured last stays until something else is"
    assert "measure" in {button.key for button in at.button}
    settle(at.selectbox(key="to").set_value("dmtl").run())
    measure(at)
    assert "Attacks at 2/255" in table(at) and "The paper" not in table(at)
    assert list(lines(at)) == ["tried on dmtl"], "both victims are one"


@pytest.mark.usefixtures("two")
def test_attacks_stand_beside_each_other(transfer: Open, tmp_path: Path) -> None:
    make_universal(tmp_path / "runs")
    at = transfer(attack="FGSM", tasks="Depth", tables="Data set", pictures="2")
    assert at.pills(key="others").value == ["MTA", "MTA universal"], "the trained ones unless somebody chooses"
    at = measure(at)
    found = lines(at)
    assert list(found) == ["tried on mtan", "made on dmtl", "carries over"]
    names = ["Random noise", "FGSM", "MTA", "MTA universal"]
    for title in ("tried on mtan", "made on dmtl"):
        assert [row[0] for row in found[title]] == ["No attack", *names]
    asked = at.session_state["_series"]
    rows = [measured.rows[0] for one in asked if (measured := series.known(resources.workshop(), one))]
    made = [(row["attack"], row["instance"]) for row in rows]
    assert made == [(name, "per-instance") for name in ("noise", "fgsm", "mta")] + [("mta", "universal")]
    assert [row[0] for row in found["carries over"]] == names[1:]
    at.pills(key="others").set_value(["MTA universal", "FGSM joint"]).run()
    table = lines(at)["tried on mtan"]
    assert [row[0] for row in table] == ["No attack", "Random noise", "FGSM", "MTA universal", "FGSM joint"]
    assert table[3] == found["tried on mtan"][4] and set(table[4][1:]) == {"…"}, "what is known need not be made again"
    assert "…" not in lines(measure(at))["tried on mtan"][4]


@pytest.mark.usefixtures("two")
def test_its_link_opens_a_measurement_whatever_weights_are_at_hand(transfer: Open, tmp_path: Path) -> None:
    at = measure(transfer(attack="FGSM", tasks="Depth", tables="Data set", pictures="2"))
    (done,) = on_board()
    link = parse_qs(urlsplit(board_words.link(done)).query)
    before = lines(at)
    assert lines(transfer(**link)) == before and not transfer(**link).info
    make_universal(tmp_path / "runs")
    assert "MTA universal" not in lines(transfer(**link))["made on dmtl"], "another first choice"
    make_weights(tmp_path / "runs", seed=1)
    opened = transfer(**link)
    assert lines(opened) == before and "Other weights" in opened.info[0].value
    opened.button(key="measure_anew").click().run()
    until_board_rests()
    opened.run()
    assert len(on_board()) == 2 and on_board()[0].state == "done", on_board()[0].note
    assert lines(opened) != before and not opened.info and "job" not in opened.query_params


@pytest.mark.usefixtures("two")
def test_the_attack_of_the_side_bar_stands_in_the_table_once(transfer: Open, tmp_path: Path) -> None:
    make_universal(tmp_path / "runs")
    at = transfer(attack="MTA", mta_instance="per-instance", tasks="Depth", tables="Data set", pictures="2")
    assert at.pills(key="others").value == ["MTA universal"]
    table = lines(measure(at))["tried on mtan"]
    assert [row[0] for row in table] == ["No attack", "Random noise", "MTA", "MTA universal"]


@pytest.mark.usefixtures("two")
def test_a_measurement_goes_on_is_found_again_and_goes_on_once_more(transfer: Open) -> None:
    chosen = {"attack": "PGD", "pgd_num_steps": "100", "tasks": "Depth", "tables": "Data set", "others": "none"}
    at = transfer(**chosen)
    at.pills(key="others").set_value([]).run()
    at.button(key="measure").click().run()
    at.switch_page("views/cost.py").run()
    assert [record.state for record in on_board()] in (["running"], ["queued"])
    other = transfer(**chosen)  # as after a reload
    other.pills(key="others").set_value([]).run()
    assert "measure" not in {button.key for button in other.button}
    until(lambda: any(record.done for record in on_board()))
    other.button(key="stop_series").click().run()
    until_board_rests()
    button = other.run().button(key="measure")
    assert button.label == "Go on" and on_board()[0].can_go_on
    at.switch_page("views/transfer.py").run()


def test_with_one_victim_the_page_says_what_that_means(transfer: Open) -> None:
    at = transfer(attack="FGSM")
    assert at.selectbox(key="to").options == ["dmtl"]
    assert "white-box" in at.info[0].value and "train victim" in at.info[0].value
    for row in read_stage(at)["rows"][1:]:
        digests = [cell["digest"] for cell in row["cells"]]
        assert digests[:2] == digests[2:]


def test_another_size_is_told(transfer: Open, studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_victim(studio, tmp_path, monkeypatch, "small", 64, 96)
    at = transfer(tasks="Depth", attack="FGSM")
    assert any("for small they are resized to 96x64" in caption.value for caption in at.caption)
    at = transfer(tasks="Depth", attack="FGSM", victim="small", to="dmtl")
    assert any("made at 96x64, the size of small; for dmtl" in caption.value for caption in at.caption)
    assert read_stage(at)["rows"][1]["cells"][3]["caption"] == "dmtl, attacked"


@pytest.mark.usefixtures("with_objects")
def test_probabilities_of_both_classifiers(transfer: Open, tmp_path: Path) -> None:
    at = transfer(source="Objects", attack="FGSM")
    (preset,) = re.findall(r"--preset (\S+)", at.info[0].value)
    assert victim_preset(preset).data == ("objects",), "one that answers objects"
    make_classifier(tmp_path / "runs", "other", "amazon")
    at = transfer(source="Objects", attack="FGSM", to="other")
    row = read_stage(at)["rows"][1]
    captions = [cell["caption"] for cell in row["cells"]]
    assert captions == ["objects-amazon, clean", "objects-amazon, attacked", "other, clean", "other, attacked"]
    assert all(len(cell["bars"]) == 5 and cell["alt"] for cell in row["cells"])


@pytest.mark.usefixtures("with_objects")
def test_the_objects_are_a_data_set_where_a_victim_fits(transfer: Open) -> None:
    at = transfer(source="Objects", attack="FGSM", tables="Data set", others="none")
    assert at.selectbox(key="set").options == ["Objects", "Gallery"] and "of 4" in at.number_input(key="pictures").label
    assert "PGD" in at.pills(key="others").options and "PGD joint" not in at.pills(key="others").options
    at.pills(key="others").set_value([]).run()
    at = measure(at)
    assert not at.error and "4 of its pictures" in table(at) and "Fooling ratio" in table(at)
    assert transfer(attack="FGSM", tables="Data set").selectbox(key="set").options == ["Gallery"], (
        "rooms have no such task"
    )


@pytest.mark.usefixtures("two")
def test_pictures_of_explore_are_not_taken_for_a_transfer(transfer: Open) -> None:
    at = transfer(attack="FGSM", tasks="Depth")
    settle(at.switch_page("views/explore.py").run())
    assert read_stage(at)["rows"][1]["cells"][2]["caption"] == "Difference"
    settle(at.switch_page("views/transfer.py").run())
    assert read_stage(at)["rows"][1]["cells"][2]["caption"] == "mtan, clean"


def test_without_any_victim_the_page_says_how_to_train_one(transfer: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "RUNS", weights.RUNS / "none")
    at = transfer()
    assert "train victim" in at.info[0].value
    assert [c.proto.component_name.rsplit(".", 1)[-1] for c in at.get("bidi_component")] == ["mta_turning"]
