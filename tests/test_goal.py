"""Targets: what people type, and what is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from mta_core import imaging
from mta_core.explore import Subject
from mta_core.goal import narrowed
from mta_core.targets import parse_goal
from mta_core.tasks import SCENE_TASKS
from tests.toys import CPU, make_pictures, make_victim

NAMES = tuple(task.name for task in SCENE_TASKS)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject.prepare("toy", make_victim(), CPU)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "depth=1,depth=2,segmentation=wall,normals=up",
            "^expected one target for depth, got two in 'depth=1,",
        ),
        ("depth=1", "^expected a target for each of segmentation, depth, normals, got some for depth$"),
        ("depth=1,wall", "^expected --target TASK=VALUE,... or picture:FILE, got 'wall'$"),
    ],
)
def test_what_is_missing_or_told_twice_is_said(subject: Subject, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_goal(text, SCENE_TASKS, subject)


def test_a_target_for_fewer_tasks_is_part_of_it() -> None:
    assert narrowed("normals=up, d=2,segmentation=wall", NAMES, ("depth", "normals")) == "depth=2,normals=up"
    assert narrowed("mug", ("amazon", "dslr"), ("amazon",)) == "mug", "what all are told, each is told"
    assert narrowed("picture:x@1", NAMES, ("depth",)) == "picture:x@1" and narrowed("", NAMES, NAMES) == ""


def test_a_picture_goes_by_its_name_and_digest_wherever_it_lies(subject: Subject, tmp_path: Path) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "hall.png").write_bytes(imaging.encode_png(make_pictures(1, 64, 64, seed)))
    a, b, c = (parse_goal(f"picture:{tmp_path / f / 'hall.png'}", SCENE_TASKS, subject).text for f in "abc")
    assert a == b != c and a.startswith("picture:hall@") and str(tmp_path) not in a
