"""`survive`, end to end with a small victim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mta_core import weights
from mta_core.cli import main
from mta_core.results import ROW_KEYS
from mta_core.store import Store
from mta_core.tasks import SCENE_TASKS
from mta_core.victims.dmtl import Dmtl
from tests import toys

SIZE = (64, 96)
SPACES = {t.name: t.space for t in SCENE_TASKS}


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Labelled scenes, beside a victim called `small` that the program finds."""
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nothing")
    torch.manual_seed(0)
    victim = Dmtl(SPACES, SIZE, width=4)
    toys.stir_batch_norm(victim, toys.make_pictures(4, *SIZE))
    card = weights.Card("small", "victim", "dmtl", victim.options(), SPACES, SIZE)
    weights.save_weights(victim, card, tmp_path / "runs" / "small")
    toys.write_scenes(tmp_path / "scenes", 3, *SIZE)
    return tmp_path / "scenes"


def run(scenes: Path, *arguments: object) -> int:
    given = ("survive", "--data", f"nyuv2:{scenes}", "--victim", "small", "--device", "cpu", "--attack", "fgsm")
    return main([str(argument) for argument in (*given, *arguments)])


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_writes_rows_of_every_strength_with_where_they_come_from(scenes: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "rows.json"
    assert run(scenes, "--epsilon", 8, "--transform", "jpeg=75:30,crop=0.8", "--limit", 2, "--json", out) == 0
    written = read(out)
    rows, made = written["rows"], written["provenance"]
    assert {tuple(row) for row in rows} == {(*ROW_KEYS, "transform", "strength")}
    told = list(dict.fromkeys((row["transform"], row["strength"]) for row in rows))
    assert told == [("none", None), ("jpeg", 75), ("jpeg", 30), ("crop", 0.8)]
    assert {(row["attack"], row["n"], row["epsilon"]) for row in rows} == {("fgsm", 2, 8), ("noise", 2, 8)}
    assert made["transformations"] == [
        {"transform": "jpeg", "strength": 75}, {"transform": "jpeg", "strength": 30},
        {"transform": "crop", "strength": 0.8},
    ]  # fmt: skip
    assert made["num_outside"] == 0 and set(made["weights"]) == {"small"} and "survive" in made["command"]
    said = capsys.readouterr().out
    for words in ("damage left", "quality 30", "Untouched", "Depth: Absolute error", "every picture is inside"):
        assert words in said
    assert Store().find() == [], "a row that does not say what happened to the pictures would be taken for another"


def test_the_same_seed_gives_the_same_rows(scenes: Path, tmp_path: Path) -> None:
    written = []
    for seed, name in ((3, "a"), (3, "b"), (4, "c")):
        assert run(scenes, "--transform", "noise=16", "--limit", 1, "--seed", seed, "--json", tmp_path / name) == 0
        written.append([row["adversarial"] for row in read(tmp_path / name)["rows"]])
    assert written[0] == written[1] != written[2]


def test_noise_itself_stands_alone(scenes: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    assert run(scenes, "--attack", "noise", "--transform", "rounding", "--limit", 1, "--json", out) == 0
    rows = read(out)["rows"]
    assert {row["attack"] for row in rows} == {"noise"} and len(rows) == 2 * 2 * sum(
        len(t.measures) for t in SCENE_TASKS
    )


def test_a_picture_that_cannot_be_read_is_left_out(scenes: Path, tmp_path: Path, capsys: Any) -> None:
    (scenes / "rgb" / "0001.png").write_bytes(b"not a picture")
    out = tmp_path / "rows.json"
    assert run(scenes, "--transform", "rounding", "--json", out) == 2
    assert "left out" in capsys.readouterr().err
    assert {row["n"] for row in read(out)["rows"]} == {2}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--transform", "gif"), "expected a transformation among jpeg, webp, rounding, bits, resize, crop, blur"),
        (("--transform", "jpeg=101"), "expected as quality of jpeg a whole number from 1 to 100, got 101"),
        (("--transform", " "), "--transform"),
        (("--epsilon", "0"), "expected epsilon"),
        (("--json", "."), "is a folder"),
    ],
)
def test_bad_input_is_answered_in_one_line(scenes: Path, options: tuple[str, ...], sentence: str, capsys: Any) -> None:
    assert run(scenes, *options) == 2
    said = capsys.readouterr().err.strip()
    assert sentence in said and "\n" not in said
