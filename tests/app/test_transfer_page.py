"""The page Transfer, run by Streamlit's own test client."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from helpers import read_message, read_stage, settle, stage_bytes, to_the_end
from streamlit.testing.v1 import AppTest
from studio import SIZE, make_other

from mta_core import weights

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
    return "".join(e.proto.body for e in at.get("html") if "mta-table" in e.proto.body)


def measure(at: AppTest) -> AppTest:
    """Presses the button and runs until the series has ended, as the browser's polling does."""
    at.button(key="measure").click().run()
    to_the_end(at.session_state["_work"]["series"][1])
    return at.run()


@pytest.mark.usefixtures("two")
def test_both_victims_are_seen_before_and_after(transfer: Open) -> None:
    at = transfer()
    assert (at.selectbox(key="victim").value, at.selectbox(key="to").value) == ("dmtl", "mtan")
    header, files = read_message(stage_bytes(at))
    result = at.session_state["_shown"]
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
    nonsense = {key: "nonsense" for key in ("victim", "to", "tasks", "attack", "epsilon", "tables", "set", "pictures")}
    assert read_stage(transfer(**nonsense))["rows"][1]["cells"][3]["caption"] == "mtan, attacked"


@pytest.mark.usefixtures("two")
def test_a_data_set_is_measured_and_can_be_taken_away(transfer: Open) -> None:
    at = transfer(attack="FGSM", tasks="Depth", tables="Data set", pictures="2")
    assert any("Nothing is measured yet" in caption.value for caption in at.caption)
    at = measure(at)
    assert "2 of its pictures" in table(at) and "to " in table(at)
    assert "The paper" in table(at), "its pair of victims"
    assert not any(button.disabled for button in at.get("download_button"))
    assert "measure" not in {button.key for button in at.button}
    settle(at.slider(key="epsilon").set_value(2.0).run())
    assert "FGSM at 5/255" in table(at), "what was measured last stays until something else is"
    assert "measure" in {button.key for button in at.button}
    settle(at.selectbox(key="to").set_value("dmtl").run())
    measure(at)
    assert "FGSM at 2/255" in table(at) and "The paper" not in table(at)


def test_with_one_victim_the_page_says_what_that_means(transfer: Open) -> None:
    at = transfer(attack="FGSM")
    assert at.selectbox(key="to").options == ["dmtl"]
    assert "white-box" in at.info[0].value and "train victim" in at.info[0].value
    for row in read_stage(at)["rows"][1:]:
        digests = [cell["digest"] for cell in row["cells"]]
        assert digests[:2] == digests[2:]


def test_another_size_is_told(transfer: Open, studio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_victim(studio, tmp_path, monkeypatch, "small", 96, 128)
    at = transfer(tasks="Depth", attack="FGSM")
    assert any("for small they are resized to 128x96" in caption.value for caption in at.caption)
    at = transfer(tasks="Depth", attack="FGSM", victim="small", to="dmtl")
    assert any("made at 128x96, the size of small; for dmtl" in caption.value for caption in at.caption)
    assert read_stage(at)["rows"][1]["cells"][3]["caption"] == "dmtl, attacked"


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
    assert not at.get("bidi_component")
