"""The page Library: cards to read and to use, data to connect, weights to import."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from conftest import MAIN
from streamlit.testing.v1 import AppTest

from app import cards
from app.theory_words import OWN
from mta_core import connections, imported, victims, weights
from mta_core.weights import Card, save_weights
from tests.toys import make_victim, write_scenes

Open = Callable[..., AppTest]
SPACES = {"segmentation": "nyu13", "depth": "metres", "normals": "unit-camera"}
MEASURED = {"held_out": {"clean miou": 0.5, "adversarial miou": 0.125, "clean depth abs_err": 0.25, "strange": 3.14159,
                         "not": "a number"}}  # fmt: skip


@pytest.fixture(autouse=True)
def own_runs(with_generators: None) -> None:
    """Nothing that a test imports is there for others."""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    save_weights(
        make_victim(), Card("toy", "victim", "dmtl", {"width": 4}, SPACES, (64, 64), summary="<b>x</b>"), folder
    )
    return folder


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "data"
    write_scenes(root / "scenes", count=3)
    monkeypatch.setenv("MTA_DATA_ROOTS", str(root))
    return root


@pytest.fixture
def library() -> Open:
    st.cache_resource.clear()

    def open_page(**params: str) -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        for key, value in params.items():
            at.query_params[f"library_{key}"] = value
        at.switch_page("views/library.py").run()
        assert not at.exception, at.exception
        return at

    return open_page


def html(at: AppTest) -> str:
    return " ".join(element.proto.body for element in at.get("html"))


def names(at: AppTest) -> list[str]:
    """What can be used in Explore."""
    return [str(button.key).split("_", 2)[-1] for button in at.button if str(button.key).startswith("use_")]


def keys(at: AppTest) -> set[str]:
    return {str(button.key) for button in at.button}


class TestCards:
    def test_a_card_for_each_victim_and_generator(self, library: Open) -> None:
        at = library()
        assert names(at) == ["dmtl"] and "1 victim" in html(at)
        assert "own runs" in html(at) and "Segmentation (13 indoor classes), Depth (metres)" in html(at)
        digest = victims.find("dmtl").sha256
        assert digest in html(at) and "128 × 96 pixels" in html(at)
        at = library(shelf="Generators")
        assert set(names(at)) == {"mta-dmtl", "joint", "gap", "aimed", "universal"} and "Made against" in html(at)

    def test_parameters_are_counted(self) -> None:
        (entry,) = cards.entries("victim")
        count = sum(parameter.numel() for parameter in victims.load("dmtl")[0].parameters())
        assert dict(cards.facts(entry))["Parameters"] == f"{count:,}"

    def test_measures_are_read_by_task(self) -> None:
        card = Card(
            "x", "generator", "mta", {}, {"segmentation": "nyu13", "depth": "metres"}, (64, 64), metrics=MEASURED
        )
        lines = [(line.task, line.label, line.clean, line.adversarial) for line in cards.measures(card)]
        assert lines == [
            ("Segmentation", "mIoU", "50.0 %", "12.5 %"), ("Depth", "Absolute error", "0.250 m", ""),
            ("", "strange", "3.142", ""),
        ]  # fmt: skip
        assert cards.main_numbers(card)[0] == ("Segmentation: mIoU", "50.0 % → 12.5 %")
        for odd in ({}, {"held_out": 3}, {"held_out": {"a": float("nan"), "": 1.0}}):
            assert isinstance(cards.measures_table(Card("x", "victim", "", {}, SPACES, (64, 64), metrics=odd)), str)

    @pytest.mark.parametrize(("params", "expected"), [
        ({"text": "GAP"}, {"gap"}), ({"text": "joint dmtl"}, {"joint"}), ({"text": "nowhere"}, set()),
        ({"tasks": "Depth", "text": "universal"}, {"universal"}), ({"tasks": "Amazon"}, set()),
        ({"places": "own runs", "text": "towards"}, {"aimed"}),
    ])  # fmt: skip
    def test_a_link_carries_what_is_searched_for(
        self, library: Open, params: dict[str, str], expected: set[str]
    ) -> None:
        at = library(shelf="Generators", **params)
        assert set(names(at)) == expected and f"{len(expected)} generator" in html(at)
        assert bool(expected) != any("None is like that" in caption.value for caption in at.caption)

    def test_use_in_explore(self, library: Open) -> None:
        at = library(shelf="Generators")
        at.button(key="use_generator_aimed").click().run()
        at.switch_page("views/explore.py").run()
        assert at.selectbox(key="attack").value == "MTA" and at.segmented_control(key="goal").value == "Targeted"
        at = library(shelf="Generators")
        at.button(key="use_generator_joint").click().run()
        at.switch_page("views/explore.py").run()
        assert at.segmented_control(key="scope").value == "Joint" and not at.exception

    def test_a_generator_without_its_victim_cannot_be_used(self, library: Open) -> None:
        shutil.rmtree(weights.RUNS / "dmtl")
        at = library(shelf="Generators")
        button = at.button(key="use_generator_gap")
        assert button.disabled and button.proto.help == "The victim that it was made against, dmtl, is not here."

    def test_nothing_is_there(self, library: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(weights, "RUNS", tmp_path / "none")
        at = library()
        assert "There is none yet" in at.info[0].value and not names(at)


class TestWeights:
    def upload(self, at: AppTest, folder: Path, *suffixes: str) -> AppTest:
        files = [(f"toy{s}", (folder / f"toy{s}").read_bytes(), "application/octet-stream") for s in suffixes]
        at.file_uploader(key="library_files").set_value(files)
        return at.run()

    def test_import_use_remove_undo(self, library: Open, elsewhere: Path) -> None:
        at = library()
        assert at.button(key="import_weights").disabled
        at = self.upload(at, elsewhere, ".safetensors")
        assert at.button(key="import_weights").proto.help == at.info[0].value == "Choose the card too."
        at = self.upload(at, elsewhere, ".safetensors", ".json")
        at.button(key="import_weights").click().run()
        assert "The victim toy is imported" in at.success[0].value and names(at) == ["dmtl", "toy"]
        assert "&lt;b&gt;x&lt;/b&gt;" in html(at) and "<b>x</b>" not in html(at)
        assert "remove_victim_toy" in keys(at) and "remove_victim_dmtl" not in keys(at)
        at.button(key="remove_victim_toy").click().run()
        assert names(at) == ["dmtl"] and "toy removed" in html(at)
        at.button(key="undo_remove").click().run()
        assert names(at) == ["dmtl", "toy"] and "removed" not in html(at)

    def test_what_is_wrong_is_said_in_a_sentence(self, library: Open, elsewhere: Path) -> None:
        card = json.loads((elsewhere / "toy.json").read_text())
        (elsewhere / "toy.json").write_text(json.dumps({**card, "sha256": "0" * 64}))
        at = self.upload(library(), elsewhere, ".safetensors", ".json")
        at.button(key="import_weights").click().run()
        assert at.error[0].value.startswith(r"Nothing imported from toy.safetensors\: the weights are not the file")
        assert not at.exception and names(at) == ["dmtl"]

    def test_a_taken_name_is_refused_and_another_one_taken(self, library: Open, elsewhere: Path) -> None:
        at = self.upload(library(), elsewhere, ".safetensors", ".json")
        at.text_input(key="library_name").set_value("DMTL").run()
        at.button(key="import_weights").click().run()
        assert "is taken by own runs weights" in at.error[0].value
        at.text_input(key="library_name").set_value("mine").run()
        at.button(key="import_weights").click().run()
        assert names(at) == ["dmtl", "mine"]

    def test_from_a_path_below_the_operators_folders_alone(
        self, library: Open, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert "library_file" not in {field.key for field in library().text_input}
        monkeypatch.setenv("MTA_DATA_ROOTS", str(elsewhere))
        at = library()
        for path in ("../runs/dmtl/dmtl.safetensors", "nowhere.safetensors", "a\x00b"):
            at.text_input(key="library_file").set_value(path).run()
            at.button(key="import_weights").click().run()
            assert at.error[0].value.startswith("Nothing imported from ") and not at.exception
        at.text_input(key="library_file").set_value("toy.safetensors").run()
        at.button(key="import_weights").click().run()
        assert names(at) == ["dmtl", "toy"]

    def test_what_another_removed_is_refused_politely(self, library: Open, elsewhere: Path) -> None:
        imported.take_in((elsewhere / "toy.safetensors").read_bytes(), (elsewhere / "toy.json").read_bytes())
        at = library()
        imported.remove("toy")
        at.button(key="remove_victim_toy").click().run()
        assert at.error[0].value.startswith("expected imported weights") and names(at) == ["dmtl"]


class TestData:
    def test_cards_of_what_is_shipped(self, library: Open) -> None:
        at = library(shelf="Data")
        assert names(at) == ["Gallery"] and "3 pictures" in html(at)
        assert any("MTA_DATA_ROOTS=/data" in text.value for text in at.markdown)
        assert "check_new" not in keys(at)

    def test_check_connect_use_disconnect_undo(self, library: Open, roots: Path) -> None:
        entry = f"nyuv2:{roots / 'scenes'}"
        at = library(shelf="Data")
        assert at.selectbox(key="library_found").value == entry
        at.button(key="check_new").click().run()
        assert "3 pictures, all read; labels on each" in html(at) and at.success[0].value == "Nothing is missing."
        at.button(key="connect_new").click().run()
        assert connections.entries() == [entry] and f"use_connected_{entry}" in keys(at)
        at.button(key=f"use_connected_{entry}").click().run()
        at.switch_page("views/explore.py").run()
        assert at.segmented_control(key="source").value == "NYUv2"
        for view, key in (("compare", "data"), ("vulnerability", "theory_data")):
            other = AppTest.from_file(str(MAIN), default_timeout=60)
            other.query_params["on"], other.query_params["theory_of"] = "Data set", OWN
            other.switch_page(f"views/{view}.py").run()
            found = [box for box in other.selectbox if box.key == key]
            assert [("NYUv2" in box.options) for box in found] == [True], view
        at = library(shelf="Data")
        at.button(key=f"disconnect_connected_{entry}").click().run()
        assert connections.entries() == [] and "disconnected" in html(at)
        at.button(key="undo_disconnect").click().run()
        assert connections.entries() == [entry]
        at.switch_page("views/explore.py").run()
        assert not at.exception

    def test_what_is_missing_is_said_and_what_cannot_be_used_not_connected(self, library: Open, roots: Path) -> None:
        (roots / "scenes" / "depth" / "0001.png").unlink()
        at = library(shelf="Data")
        at.button(key="check_new").click().run()
        assert "It can be used; 2 findings" in at.warning[0].value and "depth/0001" in at.warning[0].value
        assert "connect_new" in keys(at)
        shutil.rmtree(roots / "scenes" / "depth")
        at.button(key="check_new").click().run()
        assert "It cannot be used" in at.error[0].value and "connect_new" not in keys(at)

    def test_another_folder_is_typed(self, library: Open, roots: Path) -> None:
        at = library(shelf="Data")
        at.selectbox(key="library_found").set_value("another folder").run()
        assert at.button(key="check_new").disabled
        at.selectbox(key="library_kind").set_value("Folder of pictures").run()
        at.text_input(key="library_path").set_value("/etc").run()
        at.button(key="check_new").click().run()
        assert at.error[0].value.startswith("expected a path below ") and "connect_new" not in keys(at)
        at.text_input(key="library_path").set_value("scenes/rgb").run()
        at.button(key="check_new").click().run()
        at.button(key="connect_new").click().run()
        assert connections.entries() == [f"pictures:{roots / 'scenes' / 'rgb'}"]

    def test_what_does_not_open_any_more_is_there_to_be_checked_or_disconnected(
        self, library: Open, roots: Path
    ) -> None:
        entry = f"nyuv2:{roots / 'scenes'}"
        connections.connect(entry)
        shutil.rmtree(roots / "scenes")
        at = library(shelf="Data")
        assert "cannot be opened" in at.warning[0].value
        at.button(key=f"check_connected_{entry}").click().run()
        assert "It cannot be used" in at.error[0].value
        at.button(key=f"disconnect_connected_{entry}").click().run()
        assert connections.entries() == [] and not at.exception
