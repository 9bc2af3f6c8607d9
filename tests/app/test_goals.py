"""Targets and classification on the page Explore."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import read_stage, settle
from streamlit.testing.v1 import AppTest

from app import library

Open = Callable[..., AppTest]


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
    assert at.segmented_control(key="goal").options == ["Targeted"]
    assert at.selectbox(key="target").options == ["mug"]
    assert "against the target" in read_stage(at)["rows"][1]["measure"]["reference"]


@pytest.mark.parametrize(
    ("tasks", "key", "value"), [("Segmentation", "segmentation", "floor"), ("Depth", "depth", "5")]
)
def test_each_task_has_a_target_of_its_own(page: Open, tasks: str, key: str, value: str) -> None:
    at = page(attack="FGSM", goal="Targeted", tasks=tasks)
    assert {name for name in keys(at) if name.startswith("target_")} == {f"target_{key}"}
    first = read_stage(at)["rows"][1]["measure"]
    assert first["reference"] == "against the target"
    settle(at.selectbox(key=f"target_{key}").set_value(value).run())
    assert read_stage(at)["rows"][1]["measure"]["clean"] != first["clean"], "it is measured against the new target"


def test_another_picture_can_be_the_target(page: Open) -> None:
    at = page(attack="FGSM", goal="Like another", tasks="Segmentation")
    assert at.selectbox(key="like").options == ["Room 2", "Room 3"], "another than the one that is attacked"
    one = read_stage(at)["rows"][1]["measure"]["clean"]
    settle(at.selectbox(key="like").set_value("Room 3").run())
    assert read_stage(at)["rows"][1]["measure"]["clean"] != one


def test_the_last_column_shows_the_target_first(page: Open) -> None:
    at = page(attack="FGSM", goal="Like another", tasks="Segmentation")
    control = at.segmented_control(key="beside_target")
    assert control.options == ["Target", "Ground truth", "Random noise"] and control.value == "Target"
    picture, row = read_stage(at)["rows"]
    assert (picture["cells"][3]["caption"], row["cells"][3]["caption"]) == ("Target: Room 2", "Target")
    other = read_stage(page(attack="FGSM", tasks="Segmentation", scene="0001"))["rows"]
    assert picture["cells"][3]["digest"] == other[0]["cells"][0]["digest"], "the other picture itself"
    assert row["cells"][3]["digest"] == other[1]["cells"][0]["digest"], "what is answered to it"
    settle(control.set_value("Ground truth").run())
    assert read_stage(at)["rows"][1]["cells"][3]["caption"] == "Ground truth"
    settle(at.segmented_control(key="goal").set_value("Non-targeted").run())
    assert at.segmented_control(key="beside").options == ["Ground truth", "Random noise"]
    assert read_stage(at)["rows"][1]["cells"][3]["caption"] == "Ground truth"


def test_a_link_with_noise_in_the_last_column_keeps_it(page: Open) -> None:
    at = page(attack="FGSM", goal="Targeted", tasks="Segmentation", beside="Random noise")
    assert read_stage(at)["rows"][1]["cells"][3]["caption"] == "With noise"


def test_one_class_everywhere_is_told_by_its_share(page: Open) -> None:
    row = read_stage(page(attack="FGSM", goal="Targeted", tasks="Segmentation"))["rows"][1]
    assert row["measure"]["label"] == "Pixel accuracy"
    told = re.fullmatch(r"(\d+) % of the picture is now wall, (\d+) % before\.", row["words"])
    assert told, row["words"]
    for share, kind in zip(told.groups(), ("adversarial", "clean"), strict=True):
        assert float(share) == pytest.approx(float(row["measure"][kind].split()[0]), abs=0.6)


def test_where_there_is_no_choice_of_a_goal_nobody_is_asked(page: Open) -> None:
    assert "goal" not in keys(page(attack="MTA")), "its only generator leads away"
    assert "goal" not in keys(page(attack="Random noise"))


def test_another_picture_is_never_the_attacked_one(page: Open) -> None:
    at = page(attack="FGSM", goal="Like another", tasks="Segmentation", scene="0001")
    assert at.selectbox(key="like").value == "Room 1"


@pytest.mark.usefixtures("with_generators")
def test_a_generator_is_offered_for_the_tasks_its_target_names(page: Open) -> None:
    assert page(attack="MTA").segmented_control(key="goal").options == ["Non-targeted", "Targeted"]
    assert "goal" not in keys(page(attack="MTA", tasks="Depth")), "its target is for three tasks"


@pytest.mark.usefixtures("with_generators")
def test_what_generators_were_trained_for_comes_first(page: Open) -> None:
    at = page(attack="FGSM", goal="Targeted")
    shown = {t: at.selectbox(key=f"target_{t}").options[:2] for t in ("segmentation", "depth", "normals")}
    assert shown == {"segmentation": ["floor", "wall"], "depth": ["2", "1"], "normals": ["up", "camera"]}


def test_the_link_names_a_class_as_it_is_shown(page: Open, with_objects: Path) -> None:
    at = page(source="Objects", attack="FGSM", goal="Targeted", target_amazon="desk chair")
    assert at.session_state["_held"]["shown"].request.target == "amazon=desk_chair"


def test_tasks_are_chosen_again_where_none_is_left(page: Open, with_objects: Path) -> None:
    at = page(attack="FGSM", tasks="Depth")
    settle(at.segmented_control(key="source").set_value("Objects").run())
    assert at.pills(key="tasks").value == ["Amazon"]
    settle(at.segmented_control(key="source").set_value("Gallery").run())
    assert at.pills(key="tasks").value == ["Segmentation", "Depth", "Surface normals"]


def test_the_last_column_is_chosen_where_there_is_one(page: Open, with_objects: Path) -> None:
    assert "beside" not in keys(page(source="Objects", attack="FGSM"))
    assert "beside" in keys(page(attack="FGSM"))


def test_the_target_accuracy_is_called_so(page: Open, with_objects: Path) -> None:
    at = page(source="Objects", attack="FGSM", goal="Targeted")
    assert read_stage(at)["rows"][1]["measure"]["label"] == "Target accuracy"
    assert "Measured against the target" in "".join(caption.value for caption in at.caption)
