"""Models of one's own on the command line: attacked, evaluated, transferred to, trained against, named by operators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision import models

from mta_core import data, imaging, victims, weights
from mta_core.cli import main
from mta_core.cli.choices import in_words
from mta_core.victims import own
from tests import toys

MODULE = """
import torch
from torch import nn
from mta_core.victims import adapt

def make(names=("wall", "floor", "sky")):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, len(names), 3, 1, 1))
    return adapt(network, {"segmentation": names}, (64, 96))

def indoor():
    return make(("bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa", "table", "tv",
                 "wall", "window"))

def depth():
    torch.manual_seed(1)
    return adapt(nn.Conv2d(3, 1, 5, 1, 2), {"depth": "relative"}, (64, 96))
"""
QUICK = ("--attack", "pgd", "--set", "num_steps=1", "--limit", "2", "--device", "cpu", "--no-store")


@pytest.fixture(autouse=True)
def models_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "street_models.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "street_models", raising=False)
    for name, empty in (("_allowed", set()), ("_known", {}), ("_said", set()), ("_failed", {})):
        monkeypatch.setattr(own, name, empty)
    monkeypatch.delenv(own.VARIABLE, raising=False)
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "none")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    toys.write_scenes(root, 4)
    return root


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_attack_writes_what_it_does_to_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(imaging.encode_png(toys.make_pictures(1, 100, 120)))
    code = run("attack", tmp_path / "a.png", "--victim", "segmentation=street_models:make,d=street_models:depth",
               "--attack", "pgd", "--set", "num_steps=3", "--out", tmp_path / "out", "--device", "cpu")  # fmt: skip
    assert code == 0
    found = read(tmp_path / "out" / "a" / "result.json")
    assert set(found["tasks"]) == {"segmentation", "depth"}
    before, after = (found["tasks"]["segmentation"]["measures"][kind]["miou"] for kind in ("clean", "adversarial"))
    assert before == 1 and after < 1, "without labels the clean answer is the reference"
    assert found["tasks"]["depth"]["measures"]["adversarial"]["aligned_err"] > 0
    used = found["provenance"]["weights"]
    assert set(used) == {"street_models:make", "street_models:depth"} and all(len(sha) == 64 for sha in used.values())


def test_evaluate_refuses_other_labels_and_says_what_to_do(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate = ("evaluate", "--victim", "street_models:make", *QUICK, "--data")
    assert run(*evaluate, f"nyuv2:{scenes}") == 2
    said = capsys.readouterr().err
    assert "NYUv2 has segmentation labels in nyu13, the task answers in 3-classes-" in said
    assert "say with --label-map which classes are which, or leave the labels out with unlabelled:" in said
    assert run(*evaluate, f"unlabelled:nyuv2:{scenes}", "--json", tmp_path / "rows.json") == 0
    found = read(tmp_path / "rows.json")
    assert found["provenance"]["reference"] == {"segmentation": "clean output"}
    assert all(row["clean"] == 1 and row["victim"] == "street_models:make" for row in found["rows"])
    assert run(*evaluate, f"pictures:{scenes / 'rgb'}") == 0


def test_a_label_map_makes_labels_count(scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "map.json").write_text(json.dumps({"space": "nyu13", "classes": {"wall": "wall", "floor": "floor"}}))
    evaluate = ("evaluate", "--data", f"nyuv2:{scenes}", *QUICK, "--json", tmp_path / "rows.json")
    assert run(*evaluate, "--victim", "street_models:make", "--label-map", tmp_path / "map.json") == 0
    found = read(tmp_path / "rows.json")
    name = f"street_models:make?labels={tmp_path / 'map.json'}"
    assert found["provenance"]["reference"] == {"segmentation": "labels"} and found["rows"][0]["victim"] == name
    assert found["provenance"]["weights"] == {name: victims.find(name).sha256}
    (tmp_path / "again").mkdir()
    assert run(*evaluate[:-1], tmp_path / "again" / "rows.json", "--victim", name) == 0
    assert read(tmp_path / "again" / "rows.json")["rows"] == found["rows"], "the same numbers by that name"
    assert run(*evaluate, "--victim", "dmtl", "--label-map", tmp_path / "map.json") == 2
    assert "expected a model of your own with --label-map (module:function, torchvision:" in capsys.readouterr().err


def test_relative_depth_is_measured_against_metres_up_to_scale_and_shift(scenes: Path, tmp_path: Path) -> None:
    evaluate = ("evaluate", "--data", f"nyuv2:{scenes}", *QUICK, "--json", tmp_path / "rows.json")
    assert run(*evaluate, "--victim", "street_models:depth") == 0
    found = read(tmp_path / "rows.json")
    assert found["provenance"]["reference"] == {"depth": "labels"}
    assert {row["metric"] for row in found["rows"]} == {"aligned_err", "correlation"}
    assert {row["unit"] for row in found["rows"]} == {""}


def test_what_is_made_on_one_is_tried_on_another(scenes: Path, tmp_path: Path, capsys: Any) -> None:
    transfer = ("transfer", "--data", f"nyuv2:{scenes}", *QUICK, "--from", "street_models:indoor", "--to")
    (tmp_path / "small.json").write_text("{}")
    torch.manual_seed(4)
    victim = toys.make_victim()
    card = weights.Card("small", "victim", "dmtl", victim.options(), victim.tasks, (64, 64))
    weights.save_weights(victim, card, tmp_path / "runs" / "small")
    assert run(*transfer, "small", "--json", tmp_path / "rows.json") == 0
    rows = read(tmp_path / "rows.json")["rows"]
    assert {(row["victim"], row["source"]) for row in rows} == {
        ("street_models:indoor", "street_models:indoor"), ("small", "street_models:indoor")
    }  # fmt: skip
    assert run(*transfer, "street_models:make") == 2
    assert "expected a victim that answers segmentation in nyu13" in capsys.readouterr().err


def test_a_generator_is_trained_against_it_and_found_again(scenes: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = models.get_model("lraspp_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=4)
    torch.save(network.state_dict(), tmp_path / "net.pth")
    name = f"torchvision:lraspp_mobilenet_v3_large?weights={tmp_path / 'net.pth'}&size=64x96"
    train = ("train", "generator", "--preset", "mta-tiny", "--device", "cpu", "--out", tmp_path / "runs" / "g")
    settings = {"victim": name, "data": f"unlabelled:nyuv2:{scenes}", "tasks": "segmentation",
                "phases": "[[1, 64, 96]]", "per_epoch": 2, "batch_size": 2, "holdout": 2, "name": "ours"}  # fmt: skip
    assert run(*train, *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))) == 0
    card = read(tmp_path / "runs" / "g" / "ours.json")
    assert card["options"]["victim"] == name and card["options"]["victim_sha256"] == victims.find(name).sha256
    assert card["tasks"] == dict(victims.find(name).tasks) and card["input_size"] == [64, 96]
    evaluate = ("evaluate", "--data", f"unlabelled:nyuv2:{scenes}", "--victim", name, "--attack", "mta", "--no-store")
    assert run(*evaluate, "--limit", 2, "--device", "cpu", "--json", tmp_path / "rows.json") == 0
    assert set(read(tmp_path / "rows.json")["provenance"]["weights"]) == {name, "ours"}


def test_list_shows_what_the_operator_has_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(own.VARIABLE, "street=street_models:make")
    assert run("list", "victims") == 0
    said = capsys.readouterr().out
    assert "street " in said and "made by street_models:make; segmentation; 96x64" in said
    assert victims.find("street").name == "street"


@pytest.mark.parametrize(
    ("victim", "says"),
    [
        ("street_models:nothing", "expected a function nothing in the module street_models"),
        ("nowhere:make", "expected a module nowhere: there is no nowhere where Python looks"),
        ("transformers:", "expected module:function, torchvision:NETWORK?weights=FILE or transformers:PATH, got"),
        ("torchvision:resnet18", "expected a network among deeplabv3_mobilenet_v3_large, "),
        ("street_models:make?size=64x64", "expected some of labels=... behind the ?, & between them, got 'size=64x64'"),
        ("segmentation=street_models:make,depth=street_models:make", "the victim for depth does not answer it"),
    ],
)  # fmt: skip
def test_mistakes_are_answered_in_one_line(
    scenes: Path, capsys: pytest.CaptureFixture[str], victim: str, says: str
) -> None:
    assert run("evaluate", "--data", f"nyuv2:{scenes}", "--victim", victim, *QUICK) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and "Traceback" not in said


def test_pictures_without_their_labels(scenes: Path) -> None:
    kind, path, is_labelled = data.kind_of(f"unlabelled:nyuv2:{scenes}")
    assert (kind.name, path, is_labelled) == ("nyuv2", str(scenes), False)
    plain, bare = (data.open_data(f"{start}nyuv2:{scenes}", size=(64, 96)) for start in ("", "unlabelled:"))
    assert dict(bare.known) == {} and not bare[0].targets and torch.equal(bare[0].image, plain[0].image)
    assert plain[0].targets and bare.name == plain.name and len(bare) == len(plain)
    with pytest.raises(data.DataError, match=r"^expected data among rooms, .*, got 'unlabelled'$"):
        data.open_data("unlabelled")
    with pytest.raises(data.DataError, match=r"^expected nyuv2:PATH, got 'unlabelled:nyuv2'$"):
        data.open_data("unlabelled:nyuv2")


def test_naming_it_on_the_command_line_is_what_allows_it() -> None:
    with pytest.raises(ValueError, match="expected a victim that was named"):
        victims.find("street_models:make")
    assert in_words("s=street_models:make") == "segmentation=street_models:make"
    assert victims.find("street_models:make").input_size == (64, 96)
