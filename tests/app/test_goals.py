"""Targets and classification on the page Explore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers import read_stage, settle
from streamlit.testing.v1 import AppTest
from studio import make_gallery, make_weights

from app import library
from mta_core import weights
from mta_core.generators import Patterns
from mta_core.victims import Classifier
from mta_core.weights import Card, save_weights
from tests.toys import write_domains

Open = Callable[..., AppTest]
SIZE = (64, 64)


@pytest.fixture
def with_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures of objects, an untrained classifier of one domain, and a universal perturbation towards a class."""
    make_gallery(tmp_path / "gallery")
    write_domains(tmp_path / "gallery" / "objects", per_class=2)
    make_weights(tmp_path / "runs")
    torch.manual_seed(0)
    tasks = {"amazon": "office31"}
    victim = Classifier(tasks, SIZE, "shufflenet_v2_x0_5")
    card = Card("objects-amazon", "victim", "classifier", victim.options(), tasks, SIZE)
    saved = save_weights(victim, card, tmp_path / "runs" / "objects")
    pattern = Patterns(["amazon"], SIZE)
    options = {**pattern.options(), "victim": card.name, "victim_sha256": saved.sha256, "method": "mta"}
    options |= {"instance": "universal", "target": "mug"}
    save_weights(pattern, Card("mug", "generator", "patterns", options, tasks, SIZE), tmp_path / "runs" / "mug")
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    monkeypatch.setenv("MTA_GALLERY", str(tmp_path / "gallery"))
    return tmp_path


def keys(at: AppTest) -> set[str]:
    return {widget.key for kind in (at.selectbox, at.segmented_control) for widget in kind}


def test_an_object_is_answered_with_probabilities(page: Open, with_objects: Path) -> None:
    at = page(source="Objects", attack="FGSM")
    assert at.selectbox(key="victim").options == ["objects-amazon"], "only who knows objects"
    header = read_stage(at)
    assert [row["id"] for row in header["rows"]] == ["picture", "amazon"] and header["aspect"] == "64 / 64"
    row = header["rows"][1]
    assert [cell["caption"] for cell in row["cells"]] == ["Clean", "Adversarial", "With noise", "Ground truth"]
    for cell in row["cells"][:3]:
        shares = [share for _, share, _ in cell["bars"]]
        assert len(shares) == 5 and shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 1 + 1e-6
    assert row["cells"][3]["bars"][0][:2] == ["bike", 1.0]


def test_the_link_names_the_object(page: Open, with_objects: Path) -> None:
    objects = library.open_objects()
    assert objects is not None
    names = [name for name in objects.keys() if name.startswith("amazon/")]
    first, second = page(source="Objects", attack="FGSM"), page(source="Objects", attack="FGSM", object=names[1])
    assert "object" not in first.query_params and second.query_params["object"] in (names[1], [names[1]])
    assert read_stage(first)["rows"][0] != read_stage(second)["rows"][0]
    assert "object" not in page(source="Objects", attack="FGSM", object="nobody").query_params


def test_a_room_is_offered_to_those_who_know_rooms(page: Open, with_objects: Path) -> None:
    assert page(attack="FGSM").selectbox(key="victim").options == ["dmtl"]


def test_a_generator_offers_the_target_it_was_trained_for(page: Open, with_objects: Path) -> None:
    at = page(source="Objects", attack="MTA")
    assert at.segmented_control(key="goal").options == ["Target"]
    assert at.selectbox(key="target").options == ["mug"]
    assert "against the target" in read_stage(at)["rows"][1]["measure"]["reference"]


@pytest.mark.parametrize(
    ("tasks", "key", "value"), [("Segmentation", "segmentation", "floor"), ("Depth", "depth", "5")]
)
def test_each_task_has_a_target_of_its_own(page: Open, tasks: str, key: str, value: str) -> None:
    at = page(attack="FGSM", goal="Target", tasks=tasks)
    assert {name for name in keys(at) if name.startswith("target_")} == {f"target_{key}"}
    first = read_stage(at)["rows"][1]["measure"]
    assert first["reference"] == "against the target"
    settle(at.selectbox(key=f"target_{key}").set_value(value).run())
    assert read_stage(at)["rows"][1]["measure"]["clean"] != first["clean"], "it is measured against the new target"


def test_another_picture_can_be_the_target(page: Open) -> None:
    at = page(attack="FGSM", goal="Like another", tasks="Segmentation")
    assert at.selectbox(key="like").value == "Room 2"
    one = read_stage(at)["rows"][1]["measure"]["clean"]
    settle(at.selectbox(key="like").set_value("Room 3").run())
    assert read_stage(at)["rows"][1]["measure"]["clean"] != one


def test_where_there_is_no_choice_of_a_goal_nobody_is_asked(page: Open) -> None:
    assert "goal" not in keys(page(attack="MTA")), "its only generator leads away"
    assert "goal" not in keys(page(attack="Random noise"))
