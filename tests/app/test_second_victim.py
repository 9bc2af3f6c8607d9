"""A second victim beside the first on the pages Explore and Compare, run by Streamlit's own test client."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import MAIN
from helpers import (
    job_of,
    on_board,
    read_message,
    read_stage,
    stage_bytes,
    to_the_end,
    until_board_rests,
    work,
)
from helpers import settle as settle_first
from streamlit.testing.v1 import AppTest
from studio import make_classifier, make_other, make_weights

from app import exports
from app.components import beside
from app.result import Result
from mta_core import weights
from mta_core.store import Store

Open = Callable[..., AppTest]
FAST = {"attack": "PGD", "pgd_num_steps": "2", "tasks": "Depth"}


@pytest.fixture
def two(studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """For this test there are an MTAN, a twin of the first victim, and a classifier of other pictures."""
    runs = tmp_path / "runs"
    shutil.copytree(studio / "runs", runs)
    make_other(runs, "mtan")
    make_twin(runs)
    make_classifier(runs, "objects-amazon", "amazon")
    monkeypatch.setattr(weights, "RUNS", runs)
    return runs


def make_twin(runs: Path) -> None:
    """The first victim under another name."""
    make_weights(runs / "made")
    folder = runs / "twin"
    folder.mkdir()
    for suffix in ("json", "safetensors"):
        (file,) = (runs / "made" / "dmtl").glob(f"*.{suffix}")
        shutil.copy(file, folder / f"twin.{suffix}")
    card = json.loads((folder / "twin.json").read_text())
    (folder / "twin.json").write_text(json.dumps({**card, "name": "twin"}))
    shutil.rmtree(runs / "made")


def settle(at: AppTest) -> AppTest:
    """Runs until the second victim is done too, as the page's own beats do."""
    settle_first(at)
    if work(at, "second") is not None:
        to_the_end(job_of(at, "second"))
        at.run()
    assert not at.exception, at.exception
    return at


def both(at: AppTest) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the first task's row says of each victim."""
    first, second = read_stage(at)["rows"][-1]["sides"]
    return first, second


def error_of_second(at: AppTest) -> float:
    """Exactly, under attack."""
    known: Result = [event for event in job_of(at, "second").events if isinstance(event, Result)][-1]
    return known.on_other.tasks["depth"].measures["adversarial"]["abs_err"]


def table(at: AppTest) -> str:
    return next(e.proto.body for e in at.get("html") if "mta-transfer" in e.proto.body)


@pytest.mark.usefixtures("two")
def test_both_victims_are_seen_clean_and_attacked(page: Open) -> None:
    at = settle(page(second="mtan", **FAST))
    header, files = read_message(stage_bytes(at))
    assert [row["id"] for row in header["rows"]] == ["picture", "perturbation", "depth"]
    captions = [cell["caption"] for cell in header["rows"][-1]["cells"]]
    assert captions == ["dmtl, clean", "dmtl, adversarial", "mtan, clean", "mtan, adversarial"]
    assert all(cell["digest"] in files and cell["alt"] for row in header["rows"] for cell in row["cells"])
    first, second = both(at)
    assert (first["name"], second["name"]) == ("dmtl", "mtan") and first["words"] and second["words"]
    assert not first["measure"]["rough"] and not second["measure"]["rough"]
    for said in ("dmtl", "mtan", "change", first["measure"]["adversarial"], second["measure"]["adversarial"]):
        assert said in table(at)
    assert any("says nothing about stronger attacks" in caption.value for caption in at.caption)
    assert not any(button.disabled for button in at.get("download_button"))


@pytest.mark.usefixtures("two")
def test_a_victim_is_offered_where_it_answers_the_tasks(page: Open, two: Path) -> None:
    at = page(attack="FGSM", tasks="Depth")
    assert at.selectbox(key="second").options == ["none", "mtan", "twin"], "no classifier of objects, nor the first one"
    assert "threat" not in {control.key for control in at.segmented_control}, "nothing to choose without one"
    assert "sides" not in read_stage(at)["rows"][-1]
    for name in ("mtan", "twin"):
        shutil.rmtree(two / name)
    assert "second" not in {box.key for box in page(attack="FGSM", tasks="Depth", second="mtan").selectbox}


@pytest.mark.usefixtures("two")
def test_equal_victims_give_equal_numbers(page: Open) -> None:
    for threat in ("White-box", "Transfer"):
        first, second = both(settle(page(second="twin", threat=threat, **FAST)))
        assert first["measure"] == second["measure"] and first["words"] == second["words"]


@pytest.mark.usefixtures("two")
def test_what_the_second_victim_meets_changes_its_numbers_alone(page: Open) -> None:
    at = settle(page(second="mtan", **FAST))
    first, white_box = both(at)
    met = {"White-box": error_of_second(at)}
    assert at.segmented_control(key="threat").value == "White-box"
    shown: Result = at.session_state["_held"]["shown"]
    at = settle(at.segmented_control(key="threat").set_value("Transfer").run())
    again, transfer = both(at)
    met["Transfer"] = error_of_second(at)
    assert first == again and at.session_state["_held"]["shown"] is shown, "the first victim is not attacked again"
    assert white_box["measure"]["clean"] == transfer["measure"]["clean"]
    assert met["White-box"] != met["Transfer"]
    assert [row["id"] for row in read_stage(at)["rows"]] == ["picture", "depth"], "there is one adversarial picture"
    assert any("Falling less here is no robustness" in caption.value for caption in at.caption)


@pytest.mark.usefixtures("two")
def test_a_generator_of_the_first_victim_leaves_the_transfer(page: Open) -> None:
    at = settle(page(attack="MTA", second="mtan", tasks="Depth", threat="White-box"))
    assert at.segmented_control(key="threat").options == ["Transfer"]
    (why,) = (caption.value for caption in at.caption if "Only Transfer" in caption.value)
    assert "no MTA generator was made for mtan" in why and "Choose the attack PGD to attack mtan itself" in why
    at = settle(at.selectbox(key="attack").set_value("PGD").run())
    assert at.segmented_control(key="threat").options == ["White-box", "Transfer"], "as was said"
    assert not any("Only Transfer" in caption.value for caption in at.caption)
    assert not at.error and both(at)[1]["measure"]


@pytest.mark.usefixtures("two")
def test_a_link_brings_the_same_view_and_nonsense_none(page: Open) -> None:
    at = settle(page(attack="FGSM", tasks="Depth"))
    settle(at.selectbox(key="second").set_value("mtan").run())
    settle(at.segmented_control(key="threat").set_value("Transfer").run())
    opened = settle(page(attack="FGSM", tasks="Depth", second="mtan", threat="Transfer"))
    assert both(opened) == both(at) and opened.segmented_control(key="threat").value == "Transfer"
    at = page(attack="FGSM", tasks="Depth", second="nonsense", threat="nonsense")
    assert at.selectbox(key="second").value == "none" and "sides" not in read_stage(at)["rows"][-1]


@pytest.mark.usefixtures("two")
def test_the_first_victim_is_shown_before_the_second_is_begun(page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    start = beside.start

    def noted(second: Any, first: Result) -> Any:
        begun.append(first.is_complete)
        return start(second, first)

    monkeypatch.setattr(beside, "start", noted)
    settle(page(second="mtan", **FAST))
    assert begun == [True]


@pytest.mark.usefixtures("two")
def test_the_attack_on_the_second_victim_can_be_stopped_and_begun_again(page: Open) -> None:
    at = page(second="mtan", attack="PGD", pgd_num_steps="40", tasks="Depth")
    settle_first(at)
    job_of(at, "second").wait(0, 30)
    at.run()
    assert any("mtan: PGD" in e.proto.body for e in at.get("html"))
    at.button(key="stop").click().run()
    to_the_end(job_of(at, "second"))
    at.run()
    assert any("mtan: PGD at 5/255 (L-inf), stopped after" in e.proto.body for e in at.get("html"))
    first, second = both(at)
    assert second["measure"] and not at.exception
    settle(at.button(key="again").click().run())
    assert both(at)[0] == first and "again" not in {button.key for button in at.button}
    assert not any("stopped after" in e.proto.body for e in at.get("html"))


@pytest.mark.usefixtures("two")
def test_victims_of_two_sizes_stand_beside_each_other(page: Open, two: Path) -> None:
    make_other(two, "small", (96, 128))
    for threat in ("White-box", "Transfer"):
        at = settle(page(second="small", threat=threat, **FAST))
        assert both(at)[1]["measure"]["adversarial"] and not at.error


@pytest.mark.usefixtures("two")
def test_what_is_taken_away_tells_of_both(page: Open) -> None:
    for threat, source in (("White-box", "mtan"), ("Transfer", "dmtl")):
        at = settle(page(second="mtan", threat=threat, **FAST))
        first: Result = at.session_state["_held"]["shown"]
        known = job_of(at, "second").events[-1] if work(at, "second") else None
        told = json.loads(exports.report_json(first, known))["second_victim"]
        assert (told["victim"], told["source"]) == ("mtan", source)
        assert told["tasks"]["depth"]["measures"]["abs_err"]["adversarial"] > 0
        keys = [button.key for button in at.get("download_button")]
        assert ("get_second_png" in keys) == (threat == "White-box")


def compare(**params: str) -> AppTest:
    """The page Compare, when its map is whole."""
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.switch_page("views/compare.py")
    for key, value in params.items():
        at.query_params[key] = value
    return drawn(at.run())


def drawn(at: AppTest) -> AppTest:
    if work(at, "map") is not None:
        to_the_end(job_of(at, "map"))
    until_board_rests()
    at.run()
    assert not at.exception, at.exception
    return at


def heat_map(at: AppTest) -> dict[str, dict[str, Any]]:
    found = next(c.proto.bytes for c in at.get("bidi_component") if c.proto.component_name.endswith("mta_matrix"))
    return {row["label"]: row for row in json.loads(found)["rows"]}


def changes(at: AppTest, victim: str) -> dict[str, str]:
    """From what to what the depth of a victim goes, by attack."""
    rows = heat_map(at)
    names = {label: label.partition(" · ")[0] for label in rows if label.endswith(f" · {victim}")}
    return {name: rows[label]["cells"][0]["sub"] or rows[label]["cells"][0]["text"] for label, name in names.items()}


QUICK: dict[str, Any] = {"attacks": ["FGSM", "PGD"], "steps": "2", "tasks": "Depth"}


@pytest.mark.usefixtures("two", "page")
def test_each_attack_is_compared_on_both_victims() -> None:
    at = compare(second="mtan", **QUICK)
    names = ["Clean", "Random noise", "FGSM", "PGD"]
    assert list(changes(at, "dmtl")) == list(changes(at, "mtan")) == names
    order = [label.rpartition(" · ")[2] for label in heat_map(at)]
    assert order == ["dmtl", "mtan"] * 4, "one below the other"
    assert any("says nothing about stronger attacks" in caption.value for caption in at.caption)
    alone = compare(victim="mtan", **QUICK)
    expected = {label: row["cells"][0]["sub"] or row["cells"][0]["text"] for label, row in heat_map(alone).items()}
    assert changes(at, "mtan") == expected, "as if it were the only one"


@pytest.mark.usefixtures("two", "page")
def test_equal_victims_have_equal_lines_whatever_they_meet() -> None:
    for threat in ("White-box", "Transfer"):
        at = compare(second="twin", threat=threat, **QUICK)
        assert changes(at, "dmtl") == changes(at, "twin") and len(changes(at, "twin")) == 4


@pytest.mark.usefixtures("two", "page")
def test_only_what_the_second_victim_meets_changes_its_lines() -> None:
    at = compare(second="mtan", **QUICK)
    first = changes(at, "dmtl")
    words = heat_map(at)["PGD · mtan"]["words"]
    at = drawn(at.segmented_control(key="threat").set_value("Transfer").run())
    assert changes(at, "dmtl") == first
    assert heat_map(at)["PGD · mtan"]["words"] == "the same pictures, made on dmtl" != words
    assert "second=mtan&threat=Transfer" in heat_map(at)["PGD · mtan"]["cells"][0]["href"]
    drawn(at.selectbox(key="second").set_value("none").run())
    assert list(heat_map(at)) == ["Clean", "Random noise", "FGSM", "PGD"]


@pytest.mark.usefixtures("two", "page")
def test_a_generator_without_a_counterpart_has_one_line() -> None:
    at = compare(second="mtan", attacks="MTA", tasks="Depth")
    assert "MTA · dmtl" in heat_map(at) and "MTA · mtan" not in heat_map(at)
    assert any("it has no line of MTA" in caption.value for caption in at.caption)
    drawn(at.segmented_control(key="threat").set_value("Transfer").run())
    assert "MTA · mtan" in heat_map(at)


@pytest.mark.usefixtures("two", "page")
def test_a_data_set_is_kept_with_victims_and_sources() -> None:
    for threat, source in (("White-box", "mtan"), ("Transfer", "dmtl")):
        params = {**QUICK, "attacks": "FGSM", "on": "Data set", "count": "2", "second": "mtan", "threat": threat}
        at = compare(**params)
        drawn(at.button(key="start_ranking").click().run())
        assert all(record.state == "done" for record in on_board()), on_board()[0].note
        run = Store().find()[0]
        found = {(row["victim"], row["source"]) for row in run.rows if row["attack"] == "fgsm"}
        assert found == {("dmtl", "dmtl"), ("mtan", source)}
        assert {row["n"] for row in run.rows} == {2} and {"dmtl", "mtan"} <= set(run.provenance["weights"])
        assert "dmtl and mtan" in on_board()[0].order.title
        before = heat_map(at)
        assert before == heat_map(compare(**params, job=on_board()[0].id)), "its link brings it back"
