"""The command line, end to end with small victims: what it writes, and how it answers mistakes."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mta_core import imaging, weights
from mta_core.cli import main
from mta_core.cli.train import make_recipe
from mta_core.generators import MtaGenerator
from mta_core.kinds import JOINT
from mta_core.results import ROW_KEYS
from mta_core.store import Store
from mta_core.tasks import SCENE_TASKS
from mta_core.train_generator import GeneratorRecipe
from mta_core.victims.dmtl import Dmtl
from tests import toys

SIZE = (64, 96)
SPACES = {t.name: t.space for t in SCENE_TASKS}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two untrained victims, `small` and `other`."""
    folder = tmp_path_factory.mktemp("runs")
    for seed, name in enumerate(("small", "other")):
        torch.manual_seed(seed)
        victim = Dmtl(SPACES, SIZE, width=8)
        toys.stir_batch_norm(victim, toys.make_pictures(4, *SIZE))
        weights.save_weights(victim, weights.Card(name, "victim", "dmtl", {"width": 8}, SPACES, SIZE), folder / name)
    return folder


@pytest.fixture(autouse=True)
def only_these_runs(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "RUNS", runs)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "nothing")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled scenes in the folder layout, larger than the victims' input."""
    root = tmp_path_factory.mktemp("scenes")
    random = np.random.default_rng(0)
    shape = (72, 96)
    for number in range(8):
        maps = {
            "rgb": imaging.to_uint8(toys.make_pictures(1, *shape, seed=number)),
            "seg13": random.integers(0, 13, shape, dtype=np.uint8),
            "depth": random.integers(500, 5000, shape, dtype=np.uint16),
            "normal": random.integers(0, 256, (*shape, 3), dtype=np.uint8),
        }
        for kind, pixels in maps.items():
            (root / kind).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(root / kind / f"{number}.png")
    return root


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "living room.png"
    path.parent.mkdir()
    path.write_bytes(imaging.encode_png(toys.make_pictures(1, 100, 120, seed=9)))
    return path


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def read(path: Path) -> Any:
    return json.loads(path.read_text())


class TestAttack:
    def test_writes_everything_there_is_to_see(self, picture: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        code = run("attack", picture, "--victim", "small", "--attack", "pgd", "--epsilon", 5, "--out", out,
                   "--set", "num_steps=2", "--seed", 3, "--json", tmp_path / "all.json")  # fmt: skip
        assert code == 0
        folder = out / "living room"
        names = {t.name for t in SCENE_TASKS}
        made = {f"adversarial-{n}.png" for n in names} | {f"perturbation-{n}.npy" for n in names}
        shown = {f"{n}-{kind}.png" for n in names for kind in ("clean", "adversarial")}
        assert {path.name for path in folder.iterdir()} == {"clean.png", "result.json"} | made | shown
        clean = imaging.read(folder / "clean.png")
        for name in names:
            adversarial, perturbation = (
                imaging.read(folder / f"adversarial-{name}.png"),
                np.load(folder / f"perturbation-{name}.npy"),
            )
            assert perturbation.dtype == np.float32
            assert perturbation.shape == clean.shape == (3, *SIZE)
            assert (adversarial - clean).abs().max() * 255 <= 5 + 1e-3
            assert np.abs(perturbation).max() * 255 == pytest.approx(5, abs=1e-3)
            assert np.abs((adversarial - clean).numpy() - perturbation).max() * 255 <= 1
        result = read(folder / "result.json")
        assert result["settings"]["attack"] | {"num_steps": 2} == result["settings"]["attack"]
        assert (result["settings"]["epsilon"], result["settings"]["epsilon_unit"]) == (5, "1/255")
        assert all(
            size[kind]["is_inside"] for size in result["perturbations"].values() for kind in ("adversarial", "file")
        )
        for t in SCENE_TASKS:
            assert result["tasks"][t.name]["verdict"]
            assert set(result["tasks"][t.name]["measures"]) == {"clean", "adversarial", "noise", "file"}
        assert set(result["provenance"]["weights"]) == {"small"}
        assert read(tmp_path / "all.json")["pictures"][0]["tasks"] == result["tasks"]

    def test_joint_makes_one_perturbation(self, picture: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        code = run("attack", picture, "--victim", "small", "--attack", "fgsm", "--joint", "--norm", "l2",
                   "--epsilon", 1, "--tasks", "sd", "--out", out)  # fmt: skip
        assert code == 0
        names = {path.name for path in (out / "living room").iterdir()}
        assert {"adversarial.png", "perturbation.npy"} <= names
        assert not any("normals" in name for name in names)
        assert np.linalg.norm(np.load(out / "living room" / "perturbation.npy")) <= 1 + 1e-4

    def test_tasks_of_a_joint_perturbation_can_count_differently(self, picture: Path, tmp_path: Path) -> None:
        made, results = {}, {}
        for name, typed in (("default", ()), ("same", ("--weights", "s=3,d=3")), ("depth", ("--weights", "s=1,d=99"))):
            out = tmp_path / name
            code = run("attack", picture, "--victim", "small", "--attack", "fgsm", "--joint", "--tasks", "sd",
                       "--epsilon", 1, *typed, "--out", out)  # fmt: skip
            assert code == 0
            made[name] = np.load(out / "living room" / "perturbation.npy")
            results[name] = read(out / "living room" / "result.json")
        assert np.array_equal(made["default"], made["same"]) and not np.array_equal(made["default"], made["depth"])
        kept = {name: result["provenance"]["task_weights"] for name, result in results.items()}
        assert kept["default"] is None and kept["same"] == {"segmentation": 0.5, "depth": 0.5}
        assert results["depth"]["settings"]["task_weights"] == kept["depth"] == {"segmentation": 0.01, "depth": 0.99}

    def test_a_picture_that_cannot_be_read_does_not_stop_the_others(
        self, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        broken = tmp_path / "broken.png"
        broken.write_bytes(picture.read_bytes()[:200])
        arguments = (
            "--victim",
            "small",
            "--attack",
            "noise",
            "--out",
            tmp_path / "out",
            "--json",
            tmp_path / "all.json",
        )
        assert run("attack", broken, tmp_path / "none.png", picture, *arguments) == 2
        complaints = capsys.readouterr().err.strip().splitlines()
        assert len(complaints) == 2
        assert "broken.png" in complaints[0]
        written = read(tmp_path / "all.json")
        assert len(written["unreadable"]) == 2
        assert [made["picture"] for made in written["pictures"]] == ["living room.png"]

    def test_a_second_run_leaves_nothing_of_the_first(self, picture: Path, tmp_path: Path) -> None:
        arguments = ("attack", picture, "--victim", "small", "--attack", "noise", "--out", tmp_path / "out")
        assert run(*arguments) == 0
        folder = tmp_path / "out" / "living room"
        for name in ("mine.txt", "beach-clean.png"):
            (folder / name).touch()
        result = read(folder / "result.json")
        (folder / "result.json").write_text(json.dumps(result | {"files": [*result["files"], "", "..", "gone"]}))
        assert run(*arguments, "--tasks", "d", "--joint") == 0
        names = {path.name for path in (tmp_path / "out" / "living room").iterdir()}
        assert names == {"mine.txt", "beach-clean.png", "clean.png", "result.json", "adversarial.png",
                         "perturbation.npy", "depth-clean.png", "depth-adversarial.png"}  # fmt: skip

    def test_files_stay_inside_the_folder_whatever_a_picture_is_called(self, picture: Path, tmp_path: Path) -> None:
        names = (b"...png", b"..png", b"caf\xe9.png")
        pictures = [os.path.join(os.fsencode(tmp_path), name) for name in names]
        for path in pictures:
            Path(os.fsdecode(path)).write_bytes(picture.read_bytes())
        before = set(tmp_path.iterdir())
        code = run("attack", *map(os.fsdecode, pictures), "--victim", "small", "--attack", "noise",
                   "--out", tmp_path / "out", "--json", tmp_path / "all.json")  # fmt: skip
        assert code == 0
        assert set(tmp_path.iterdir()) - before == {tmp_path / "out", tmp_path / "all.json"}
        assert len(list((tmp_path / "out").glob("*/result.json"))) == 3
        assert len(read(tmp_path / "all.json")["pictures"]) == 3

    def test_pictures_of_one_name_do_not_overwrite_each_other(self, picture: Path, tmp_path: Path) -> None:
        twin = tmp_path / "LIVING ROOM.png"
        twin.write_bytes(picture.read_bytes())
        assert (
            run("attack", picture, twin, picture, "--victim", "small", "--attack", "noise", "--out", tmp_path / "out")
            == 0
        )
        names = {path.name for path in (tmp_path / "out").iterdir()}
        assert names == {"living room", "LIVING ROOM-2", "living room-3"}

    def test_without_a_generator_mta_says_so(self, picture: Path, tmp_path: Path, capsys: Any) -> None:
        assert run("attack", picture, "--victim", "small", "--out", tmp_path / "out") == 2
        assert "no trained MTA generator for the victim 'small'" in capsys.readouterr().err

    def test_a_victim_for_each_task(self, picture: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        victim = "s=small,depth=other"
        assert run("attack", picture, "--victim", victim, "--attack", "fgsm", "--out", out) == 0
        result = read(out / "living room" / "result.json")
        assert set(result["tasks"]) == {"segmentation", "depth"}
        assert set(result["provenance"]["weights"]) == {"small", "other"}


class TestEvaluate:
    def test_writes_rows_with_their_provenance(
        self, scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code = run("evaluate", "--data", f"nyuv2:{scenes}", "--victim", "small", "--attack", "fgsm", "--epsilon", 4,
                   "--limit", 3, "--json", tmp_path / "rows.json")  # fmt: skip
        assert code == 0
        written = read(tmp_path / "rows.json")
        assert set(written) == {"rows", "provenance"}
        assert len(written["rows"]) == 18
        assert all(tuple(row) == ROW_KEYS for row in written["rows"])
        assert {(row["data"], row["split"], row["n"], row["epsilon"]) for row in written["rows"]} == {
            ("nyuv2", "all", 3, 4)
        }
        made = written["provenance"]
        assert (made["pictures"], made["num_outside"]) == (3, 0)
        assert set(made["reference"].values()) == {"labels"}
        assert made["max_perturbation"] == pytest.approx(4, rel=1e-4)
        assert made["command"].startswith("python -m mta_core evaluate --data nyuv2:")
        out, err = capsys.readouterr()
        assert "largest perturbation 4/255 (L-inf); every picture is inside the budget" in out
        assert err == ""

    def test_the_task_that_counts_most_is_fooled_most(self, scenes: Path, tmp_path: Path) -> None:
        errors = []
        for number, typed in enumerate(("s=99,d=1", "s=1,d=99")):
            path = tmp_path / f"{number}.json"
            code = run("evaluate", "--data", f"nyuv2:{scenes}", "--victim", "small", "--attack", "fgsm", "--joint",
                       "--tasks", "sd", "--epsilon", 0.5, "--weights", typed, "--json", path)  # fmt: skip
            assert code == 0
            rows = {(row["metric"], row["aggregation"]): row["adversarial"] for row in read(path)["rows"]}
            errors.append(rows["abs_err", "pooled"])
        assert errors[1] > errors[0]
        assert read(path)["provenance"]["task_weights"] == {"segmentation": 0.01, "depth": 0.99}

    def test_the_target_is_told(self, scenes: Path, tmp_path: Path) -> None:
        run("evaluate", "--data", f"nyuv2:{scenes}", "--victim", "small", "--attack", "noise", "--limit", 1,
            "--target", "segmentation=wall,depth=1,normals=up", "--json", tmp_path / "rows.json")  # fmt: skip
        assert read(tmp_path / "rows.json")["provenance"]["target"] == "segmentation=wall,depth=1,normals=up"

    def test_names_that_are_no_text_do_not_cost_the_result(self, picture: Path, tmp_path: Path) -> None:
        odd = os.path.join(os.fsencode(picture.parent), b"caf\xe9.png")
        Path(os.fsdecode(odd)).write_bytes(picture.read_bytes())
        data = f"pictures:{picture.parent}"
        code = run("evaluate", "--data", data, "--victim", "small", "--attack", "noise", "--json", tmp_path / "r.json")
        assert code == 0 and read(tmp_path / "r.json")["provenance"]["pictures"] == 2

    def test_a_damaged_picture_is_left_out_and_said(self, picture: Path, tmp_path: Path, capsys: Any) -> None:
        (picture.parent / "damaged.png").write_bytes(picture.read_bytes()[:60])
        (picture.parent / "._hidden.png").write_bytes(b"")
        data = f"pictures:{picture.parent}"
        code = run("evaluate", "--data", data, "--victim", "small", "--attack", "noise", "--json", tmp_path / "r.json")
        made = read(tmp_path / "r.json")["provenance"]
        assert code == 2 and (made["unreadable"], made["pictures"]) == (["damaged.png"], 1)
        assert capsys.readouterr().err.startswith("left out damaged.png: ")

    def test_a_pipe_is_written_into_and_a_link_stays_one(self, picture: Path, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link").symlink_to(tmp_path / "behind.json")
        arguments = ("evaluate", "--data", f"pictures:{picture.parent}", "--victim", "small", "--attack", "noise")
        with ThreadPoolExecutor(1) as pool:
            heard = pool.submit((tmp_path / "pipe").read_text)
            assert run(*arguments, "--json", tmp_path / "pipe") == 0
            assert len(json.loads(heard.result(10))["rows"]) == 18
        assert (tmp_path / "pipe").is_fifo()
        assert run(*arguments, "--json", tmp_path / "link") == 0
        assert (tmp_path / "link").is_symlink() and len(read(tmp_path / "behind.json")["rows"]) == 18

    def test_json_to_standard_output_is_alone_there(self, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
        data = f"pictures:{picture.parent}"
        assert run("evaluate", "--data", data, "--victim", "small", "--attack", "noise", "--json", "-") == 0
        written = json.loads(capsys.readouterr().out)
        assert set(written["provenance"]["reference"].values()) == {"clean output"}
        rows = written["rows"]
        assert {(row["split"], row["n"], row["ci95"]) for row in rows} == {("all", 1, None)}


class TestTransfer:
    quick = ("--attack", "fgsm", "--epsilon", 4, "--limit", 3)

    def test_writes_the_rows_of_both_victims(self, scenes: Path, tmp_path: Path, capsys: Any) -> None:
        data = ("--data", f"nyuv2:{scenes}")
        code = run("transfer", *data, "--from", "small", "--to", "other", *self.quick, "--noise",
                   "--json", tmp_path / "rows.json")  # fmt: skip
        assert code == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert run("evaluate", *data, "--victim", "small", *self.quick, "--json", tmp_path / "white.json") == 0
        rows, made = (read(tmp_path / "rows.json")[key] for key in ("rows", "provenance"))
        assert all(tuple(row) == ROW_KEYS for row in rows)
        assert [(row["attack"], row["source"], row["victim"]) for row in rows[::18]] == [
            (attack, "small", victim) for attack in ("fgsm", "noise") for victim in ("small", "other")
        ]
        assert rows[:18] == read(tmp_path / "white.json")["rows"]
        assert (made["from"], made["to"], made["resized"], made["num_outside"]) == ("small", "other", None, 0)
        assert set(made["weights"]) == {"small", "other"}
        lines = out.splitlines()
        assert "made on small, measured on it and on other, 3 pictures of nyuv2 (all)" in lines[0]
        head = "task measure small clean small attacked other clean other attacked share small noise other noise"
        assert lines[1].split() == head.split()
        error = next(line for line in lines if "Absolute error" in line)
        printed = [row for row in rows if (row["metric"], row["aggregation"]) == ("abs_err", "pooled")]
        for row in printed:
            assert f"{row['adversarial']:.3f} m" in error
        assert f"{printed[1]['clean']:.3f} m" in error

    def test_from_a_victim_to_itself_says_what_it_means(self, scenes: Path, tmp_path: Path, capsys: Any) -> None:
        arguments = ("transfer", "--data", f"nyuv2:{scenes}", "--from", "small", "--to", "small", *self.quick)
        assert run(*arguments, "--json", tmp_path / "rows.json") == 0
        assert len(read(tmp_path / "rows.json")["rows"]) == 18
        assert "from a victim to itself: both columns are the white-box attack" in capsys.readouterr().out

    def test_the_tasks_are_those_that_both_answer(self, scenes: Path, tmp_path: Path) -> None:
        arguments = ("transfer", "--data", f"nyuv2:{scenes}", "--from", "small", "--to", "d=other", *self.quick)
        assert run(*arguments, "--json", tmp_path / "rows.json") == 0
        assert {tuple(row["attacked"]) for row in read(tmp_path / "rows.json")["rows"]} == {("depth",)}

    def test_a_victim_of_another_size_is_shown_resized_pictures(
        self, scenes: Path, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        for name in ("small", "other"):
            (tmp_path / "runs" / name).parent.mkdir(exist_ok=True)
            (tmp_path / "runs" / name).symlink_to(runs / name)
        victim = Dmtl(SPACES, (32, 64), width=8)
        card = weights.Card("square", "victim", "dmtl", {"width": 8}, SPACES, (32, 64))
        weights.save_weights(victim, card, tmp_path / "runs" / "square")
        monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
        arguments = ("transfer", "--data", f"nyuv2:{scenes}", "--from", "small", "--to", "square", *self.quick)
        assert run(*arguments, "--json", tmp_path / "rows.json") == 0
        said = capsys.readouterr().err
        assert "made at 96x64, the size of small; for square they are resized to 64x32, and its answers back" in said
        assert read(tmp_path / "rows.json")["provenance"]["resized"] in said


def test_train_then_attack_with_what_was_trained(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(weights, "RUNS", tmp_path / "runs")
    data = f"data=nyuv2:{scenes}"
    quick = (
        "--set",
        data,
        "--set",
        "phases=[[1, 64, 96]]",
        "--set",
        "per_epoch=8",
        "--set",
        "batch_size=4",
        "--set",
        "holdout=4",
    )
    victim = tmp_path / "runs" / "v"
    sides = ("--set", "height=64", "--set", "input_width=96")
    assert run("train", "victim", "--preset", "dmtl-tiny", *quick, *sides, "--out", victim, "--seed", 5) == 0
    card = read(victim / "dmtl-tiny.json")
    assert (card["seed"], card["input_size"]) == (5, [64, 96])
    assert card["command"] == (
        "python -m mta_core train victim --preset dmtl-tiny --set data=nyuv2:PATH --set 'phases=[[1, 64, 96]]' "
        "--set per_epoch=8 --set batch_size=4 --set holdout=4 --set height=64 --set input_width=96 --seed 5 "
        "--out runs/dmtl-tiny"
    )
    assert str(tmp_path) not in str(card) and str(scenes) not in str(card), "paths mean nothing elsewhere"
    generator = ("train", "generator", "--preset", "mta-tiny", *quick, "--out", tmp_path / "runs" / "g")
    assert run(*generator) == 0
    assert run(*generator) == 2, "a finished run must not be overwritten unasked"
    assert run(*generator, "--resume", "--json", tmp_path / "card.json") == 0
    assert read(tmp_path / "card.json")["card"]["options"]["victim"] == "dmtl-tiny"
    code = run(
        "evaluate",
        "--data",
        f"nyuv2:{scenes}",
        "--victim",
        "dmtl-tiny",
        "--attack",
        "mta",
        "--json",
        tmp_path / "rows.json",
    )
    assert code == 0
    made = read(tmp_path / "rows.json")["provenance"]
    assert made["num_outside"] == 0
    generator_card = read(tmp_path / "card.json")["card"]
    assert made["weights"] == {"dmtl-tiny": card["sha256"], "mta-dmtl-tiny": generator_card["sha256"]}
    assert str(scenes) not in str(generator_card)
    code = run("evaluate", "--data", f"nyuv2:{scenes}", "--victim", str(victim / "dmtl-tiny.json"), "--attack", "mta",
               "--limit", 2)  # fmt: skip
    assert code == 0, "the generator of a victim is found by its digest, wherever the victim lies"
    pushed = ("train", "generator", "--preset", "uap-tiny", "--set", f"data=nyuv2:{scenes}", "--set", "epochs=1",
              "--set", "per_epoch=4", "--set", "num_steps=2", "--out", tmp_path / "runs" / "u")  # fmt: skip
    assert (run(*pushed), run(*pushed), run(*pushed, "--resume")) == (0, 2, 0)
    code = run("evaluate", "--data", f"nyuv2:{scenes}", "--victim", "dmtl-tiny", "--attack", "uap", "--universal",
               "--json", tmp_path / "uap.json")  # fmt: skip
    assert code == 0 and set(read(tmp_path / "uap.json")["provenance"]["weights"]) == {"dmtl-tiny", "uap-dmtl-tiny"}
    assert run("train", "victim", "--preset", "dmtl-tiny", *quick, *sides, "--out", tmp_path / "elsewhere") == 0
    other = str(tmp_path / "elsewhere" / "dmtl-tiny.json")
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"other weights are called dmtl-tiny too and come first: use {other} for these"
    arguments = ("evaluate", "--data", f"nyuv2:{scenes}", "--victim", other, "--attack", "mta", "--limit", 2)
    assert run(*arguments) == 2, "it was made for other weights of that name"
    assert run(*arguments, "--set", "generator=mta-dmtl-tiny", "--json", tmp_path / "transfer.json") == 0


def test_objects_are_rendered_once_in_every_domain(tmp_path: Path) -> None:
    out, summary = tmp_path / "objects", tmp_path / "summary.json"
    assert run("objects", "--count", 1, "--workers", 1, "--out", out, "--json", summary) == 0
    assert read(summary)["rendered"] == read(summary)["count"] == len(list(out.glob("*/images/*/*.png"))) == 3
    assert run("objects", "--count", 1, "--workers", 1, "--out", out, "--json", summary) == 0
    assert read(summary)["rendered"] == 0


class TestRooms:
    def test_renders_what_is_missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        rendered: list[int] = []

        def write_scene(root: Path, seed: int) -> str:
            rendered.append(seed)
            (root / "rgb").mkdir(parents=True, exist_ok=True)
            (root / "rgb" / f"{seed:07d}.png").touch()
            return f"{seed:07d}"

        monkeypatch.setattr("mta_core.cli.rooms.write_scene", write_scene)
        for count in (2, 3):
            assert run("rooms", "--count", count, "--out", tmp_path / "r", "--seed", 40, "--workers", 1) == 0
        assert rendered == [40, 41, 42]
        assert "1 scene rendered" in capsys.readouterr().out

    @pytest.mark.slow
    def test_renders_on_all_cores(self, tmp_path: Path) -> None:
        assert run("rooms", "--count", 2, "--out", tmp_path / "r", "--workers", 2) == 0
        code = run("evaluate", "--data", f"rooms:{tmp_path / 'r'}", "--victim", "small", "--attack", "noise")
        assert code == 0


class TestList:
    def test_lists_every_registry(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("list", "--json", tmp_path / "all.json") == 0
        found = read(tmp_path / "all.json")
        assert [item["name"] for item in found["victims"]] == ["other", "small"]
        assert {"mta", "pgd", "fgsm", "noise"} <= {item["name"] for item in found["attacks"]}
        assert {"rooms", "nyuv2", "pictures"} <= {item["name"] for item in found["data"]}
        printed = capsys.readouterr().out
        assert "none yet: python -m mta_core train generator" in printed
        for items in found.values():
            assert all(item["name"] in printed and item["summary"] in printed for item in items)

    def test_lists_names_that_stand_for_several_victims(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        monkeypatch.setattr(weights, "SHIPPED", tmp_path)
        for name in ("depth", "normals"):
            card = weights.Card(f"kin-{name}", "victim", "dmtl", {"width": 2}, SPACES, SIZE)
            weights.save_weights(Dmtl(SPACES, SIZE, width=2), card, tmp_path)
        assert run("list", "--json", tmp_path / "list.json") == 0
        kin = next(item for item in read(tmp_path / "list.json")["victims"] if item["name"] == "kin")
        assert (
            set(kin["tasks"]) == {"depth", "normals"} and kin["summary"] == "one for each task: kin-depth, kin-normals"
        )
        shown = capsys.readouterr().out
        assert "Depth (d)" in shown and "Amazon, office31" in shown

    def test_lists_one_section(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("list", "tasks") == 0
        assert "pgd" not in capsys.readouterr().out


ATTACK = ("attack", "x.png", "--victim", "small", "--attack", "pgd", "--out", "out")
TRANSFER = ("transfer", "--data", "pictures:{folder}/..", "--from", "small", "--attack", "fgsm", "--to")
EVALUATE = ("evaluate", "--victim", "small", "--attack", "pgd", "--data")
TRAIN = ("train", "victim", "--out", "out", "--preset")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "COMMAND"),
        (("reproach",), "invalid choice: 'reproach'"),
        (("transfer", "--data", "rooms"), "required: --to"),
        ((*TRANSFER, "nobody"), "expected a victim among other, small, got 'nobody'"),
        ((*TRANSFER, "depth=other", "--tasks", "sd"), "answers segmentation in nyu13, depth=other does not"),
        ((*TRANSFER, "depth=other", "--from", "normals=small"), "expected victims with a task in common"),
        ((*TRANSFER, "other", "--attack", "noise", "--noise"), "Random noise is that already"),
        (("list", "cats"), "invalid choice: 'cats'"),
        (("attack",), "IMAGE"),
        ((*ATTACK, "--to", "nobody"), "expected a victim among other, small, got 'nobody'"),
        ((*ATTACK, "--threads", "0"), "from 1 to 1024"),
        ((*ATTACK, "--threads", "100000"), "from 1 to 1024"),
        ((*ATTACK, "--data", "nowhere"), "expected data among rooms, "),
        ((*ATTACK, "--data", "rooms"), "expected the name of a picture of "),
        ((*ATTACK, "--data", "rooms", "--fit", "pad"), "expected --fit for picture files alone"),
        ((*ATTACK, "--split", "train"), "expected --split for pictures of --data alone"),
        ((*ATTACK, "--epsilon", "0"), "expected epsilon in (0, 255]"),
        ((*ATTACK, "--epsilon", "300"), "expected epsilon in (0, 255]"),
        ((*ATTACK, "--epsilon", "nan"), "expected epsilon"),
        ((*ATTACK, "--norm", "l2", "--epsilon", "-1"), "expected an L2 epsilon in [1e-09, 1e+06]"),
        ((*ATTACK, "--epsilon", "five"), "'five'"),
        ((*ATTACK, "--norm", "l3"), "expected a norm among linf, l2"),
        ((*ATTACK, "--tasks", "smell"), "expected a task among"),
        ((*ATTACK, "--victim", "nobody"), "expected a victim among other, small, got 'nobody'"),
        ((*ATTACK, "--victim", "segmentation=small,depth"), "task=NAME,task=NAME"),
        ((*ATTACK, "--victim", "depth=small,depth=other"), "expected one victim for depth"),
        ((*ATTACK, "--victim", 3000 * "depth=" + "small"), "expected one model for depth, got several"),
        ((*ATTACK, "--victim", "depth=small", "--tasks", "sdn"), "does not answer segmentation"),
        ((*ATTACK, "--victim", "sd=small"), "expected a task among segmentation, depth, normals, amazon"),
        ((*ATTACK, "--victim", "runs/rate=0.1/v.json"), "expected a weight card in v.json"),
        ((*ATTACK, "--attack", "magic"), "expected an attack among mta, gap, fgsm, pgd, "),
        ((*ATTACK, "--attack", "mta", "--joint"), "no trained MTA generator for the victim"),
        ((*ATTACK, "--set", "num_steps=0"), "expected num_steps in [1, 100]"),
        ((*ATTACK, "--set", "steps=3"), "expected a setting of PGD among num_steps"),
        ((*ATTACK, "--set", "num_steps"), "expected --set key=value"),
        ((*ATTACK, "--universal"), "PGD makes per-instance perturbations, not universal ones"),
        ((*ATTACK, "--target", "bed"), "expected a depth in metres in (0, 100], got 'bed'"),
        ((*ATTACK, "--target", "bed,wall"), "expected --target TASK=VALUE,... or picture:FILE, got 'bed'"),
        ((*ATTACK, "--weights", "s=1,d=1,n=1"), "expected --joint with --weights"),
        ((*ATTACK, "--joint", "--attack", "noise", "--weights", "s=1,d=1,n=1"), "Random noise does not"),
        ((*ATTACK, "--joint", "--attack", "mta", "--weights", "s=1,d=1,n=1"), "MTA does not"),
        ((*ATTACK, "--joint", "--weights", "s=1,d=2"), "expected one weight above 0 for each of segmentation, de"),
        ((*ATTACK, "--joint", "--weights", "s=1,d=0,n=1"), "got segmentation=1, depth=0, normals=1"),
        ((*ATTACK, "--joint", "--weights", "s=1,d=inf,n=1"), "got segmentation=1, depth=inf, normals=1"),
        ((*ATTACK, "--joint", "--weights", "s=1,s=1,d=1,n=1"), "got segmentation=1, segmentation=1, depth=1, no"),
        ((*ATTACK, "--joint", "--weights", "s=1,d"), "expected --weights TASK=NUMBER,TASK=NUMBER, got 'd'"),
        ((*ATTACK, "--joint", "--weights", "s=one"), "expected --weights TASK=NUMBER,TASK=NUMBER, got 's=one'"),
        ((*ATTACK, "--joint", "--weights", "smell=1"), "expected a task among"),
        ((*ATTACK, "--seed", "-1"), "--seed"),
        ((*ATTACK, "--device", "tpu"), "invalid choice: 'tpu'"),
        ((*ATTACK, "--out", "{file}"), "is not a folder"),
        ((*ATTACK, "--json", "{folder}"), "is a folder"),
        ((*EVALUATE, "moon"), "expected data among rooms"),
        ((*EVALUATE, "nyuv2"), "expected nyuv2:PATH"),
        ((*EVALUATE, "nyuv2:{folder}/none"), "expected a folder of data"),
        ((*EVALUATE, "pictures:{folder}"), "found none"),
        ((*EVALUATE, "pictures:~nosuchuser/x"), "expected a folder, got '~nosuchuser/x'"),
        (("reproduce", "mta-table7", "--batch-size", "4"), "expected no --batch-size for mta-table7"),
        ((*EVALUATE, "rooms", "--target", " "), "expected some text, got none"),
        ((*ATTACK, "--attack", "deepfool", "--form", "log"), "expected --form with an attack that climbs the losses"),
        (("bench", "cost", "--attacks", "pgd,pdg"), "expected attacks among fgsm, pgd, "),
        ((*ATTACK, "--attack", "noise", "--form", "log"), "expected --form with an attack that climbs the losses"),
        ((*TRAIN, "dmtl-tiny", "--set", "init=small", "--set", "backbone=a.pth"), "expected either init or backbone"),
        (("bench", "--victim", "nobody"), "expected a victim among other, small, got 'nobody'"),
        ((*TRAIN, "dmtl-tiny", "--limit", "0"), "from 1 to 1000000"),
        ((*EVALUATE, "rooms", "--split", "third"), "expected a split of rooms among"),
        ((*EVALUATE, "rooms", "--limit", "0"), "from 1 to 1000000"),
        ((*TRAIN, "none"), "expected a preset among dmtl"),
        ((*TRAIN, "dmtl", "--set", "breadth=3"), "expected a setting among name"),
        ((*TRAIN, "dmtl", "--set", "width=wide"), "expected width to be a whole number"),
        (("train", "victim", "--preset", "dmtl-tiny", "--out", " "), "argument --out: expected some text"),
        (("list", "--json", ""), "argument --json: expected some text"),
        (("train", "cat"), "invalid choice: 'cat'"),
        (("rooms", "--count", "0", "--out", "r"), "from 1 to 1000000"),
        (("rooms", "--count", "1" + 30 * "0", "--out", "r"), "from 1 to 1000000"),
        (("rooms", "--count", "1", "--out", "{file}"), "is not a folder"),
    ],
)  # fmt: skip
def test_bad_input_is_answered_in_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    places = {"file": tmp_path / "file", "folder": tmp_path / "folder"}
    assert run(*(argument.format(**places) for argument in arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    assert message in err
    assert not (tmp_path / "out").exists()


CHANGES = {"mIoU": "points", "Absolute error": "m", "Mean angle": "°"}


def test_contest_sets_a_joint_generator_beside_ones_for_each_task(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    for name, scope, drawn in (("alone", "per-task", tuple(SPACES)), ("together", "joint", (JOINT,))):
        options = {"ngf": 4, "num_blocks": 1, "scope": scope, "victim": "small"}
        card = weights.Card(name, "generator", "mta", options, SPACES, SIZE)
        weights.save_weights(MtaGenerator(drawn, ngf=4, num_blocks=1), card, tmp_path)
    data = tmp_path / "data"
    shutil.copytree(scenes, data)
    (data / "test.txt").write_text("".join(f"{number}\n" for number in range(8)))
    (data / "rgb" / "1.png").write_bytes(b"no picture")
    code = run("contest", "--data", f"nyuv2:{data}", "--victim", "s=small,d=small,n=small",
               "--one", "together", "--other", "alone", "--json", tmp_path / "contest.json")  # fmt: skip
    found = read(tmp_path / "contest.json")
    ratios = [row for row in found["rows"] if row["metric"] == "log_ratio"]
    assert [row["task"] for row in ratios] == [*SPACES, ""]
    made = found["provenance"]
    assert code == 2 and made["unreadable"] == ["1"] and made["pictures"] == ratios[0]["n"] == 7
    out = capsys.readouterr().out
    shown = [line.split() for line in out.splitlines()]
    assert [line[0] for line in shown if "Log" in line] == [*SPACES, "mean"]
    assert all(re.search(rf"{label} .*[+-]\d+\.\d+ ?{unit} ", out) for label, unit in CHANGES.items())
    assert made["weights"].keys() == {"small", "alone", "together"}
    kept = {run.provenance["attack"]["generator"]: run.rows for run in Store().find() if "sides" in run.provenance}
    assert kept.keys() == {"alone", "together"}
    for side, name, scope in (("one", "together", "joint"), ("other", "alone", "per-task")):
        values = {
            (row["task"], row["metric"]): row["adversarial"] for row in kept[name] if row["aggregation"] == "pooled"
        }
        assert values == {(r["task"], r["metric"]): r[side] for r in found["rows"] if r["metric"] != "log_ratio"}
        assert {(row["scope"], row["n"]) for row in kept[name]} == {(scope, 7)}


def test_a_generator_is_trained_against_victims_named_by_letters() -> None:
    settings = ["victim=s=small,depth=other"]
    arguments = argparse.Namespace(kind="generator", preset="mta", set=settings, seed=None, limit=None)
    recipe = make_recipe(arguments)
    assert isinstance(recipe, GeneratorRecipe) and recipe.victim == "segmentation=small,depth=other"


def test_contest_says_what_its_sides_lack(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    for name, tasks, target in (
        ("rooms", SPACES, ""), ("sofa", SPACES, "picture:couch@0123456789abcdef"), ("mugs", {"amazon": "office31"}, ""),
        ("couch", SPACES, "picture:couch@0123456789abcdef")
    ):  # fmt: skip
        options = {"ngf": 4, "num_blocks": 1, "victim": "small", "target": target}
        card = weights.Card(name, "generator", "mta", options, tasks, SIZE)
        weights.save_weights(MtaGenerator(tuple(tasks), ngf=4, num_blocks=1), card, tmp_path)
    for one, other, message in (
        ("rooms", "mugs", "expected generators with a task in common, got rooms, mugs"),
        (
            "rooms",
            str(tmp_path / "rooms.json"),
            "expected each generator once, got rooms twice: it cannot be compared with itself",
        ),
        ("couch", "sofa", "expected --target picture:FILE: couch was trained towards what a picture looks like"),
    ):
        assert run("contest", "--data", f"nyuv2:{scenes}", "--victim", "small", "--one", one, "--other", other) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.strip().endswith(message)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (KeyboardInterrupt(), 130, "stopped"),
        (OSError(28, "No space left on device", "rows.json"), 2, "rows.json: No space left on device"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), 1, "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"), 1, "out of memory"),
    ],
    ids=repr,
)
def test_what_stops_a_command_is_said_in_one_line(
    error: BaseException, code: int, text: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def fail(arguments: object) -> int:
        raise error

    monkeypatch.setattr("mta_core.cli.listing.run", fail)
    assert run("list") == code
    assert [text in line for line in capsys.readouterr().err.splitlines()] == [True]


def test_a_mistake_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: object) -> int:
        raise RuntimeError("a shape is wrong")

    monkeypatch.setattr("mta_core.cli.listing.run", fail)
    with pytest.raises(RuntimeError):
        run("list")


def test_help_and_mistyped_options_do_not_wait_for_torch() -> None:
    script = (
        "import sys; from mta_core.cli import main\n"
        "codes = [main(['--help']), main(['attack', '--help']), main(['evaluate', '--limit', '0'])]\n"
        "assert codes == [0, 0, 2], codes\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, cwd=weights.ROOT, timeout=60)


def test_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mta_core", "frobnicate"], capture_output=True, cwd=weights.ROOT, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith("python -m mta_core: ")


def test_sweep_writes_the_rows_of_every_value_and_goes_on(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def sweep(*more: Any) -> dict[str, Any]:
        code = run("sweep", "--variable", "epsilon", "--values", "1,4", "--data", f"nyuv2:{scenes}",
                   "--victim", "small", "--attack", "fgsm", "--limit", 3, "--tasks", "depth,normals",
                   "--out", tmp_path / "out", "--json", tmp_path / "sweep.json", *more)  # fmt: skip
        assert code == 0
        return read(tmp_path / "sweep.json")

    found = sweep()
    assert all(list(row) == list(ROW_KEYS) for row in found["rows"])
    assert {(row["epsilon"], row["attack"]) for row in found["rows"]} == {
        (e, a) for e in (1, 4) for a in ("fgsm", "noise")
    }
    own = found["sweep"]
    assert own["recipe"]["variable"] == "epsilon" and str(scenes) not in json.dumps(own)
    assert [point["value"] for point in own["points"]] == [row["epsilon"] for row in found["rows"]]
    assert all(len(point["quartiles"]) == 3 and point["is_final"] for point in own["points"])
    said = capsys.readouterr().out
    assert "Depth: Absolute error" in said and "epsilon 4/255 (L-inf)" in said and "every picture is inside" in said
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").iterdir()}
    assert sweep("--resume")["rows"] == found["rows"]
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "out").iterdir()} == kept, "nothing is made again"
    sweep()
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "out").iterdir()} != kept


@pytest.mark.parametrize(("options", "sentence"), [
    (("--variable", "steps", "--values", "1,2", "--attack", "fgsm"), "FGSM has no steps to vary"),
    (("--variable", "epsilon", "--values", "1,two", "--attack", "fgsm"), "expected a number for epsilon, got 'two'"),
    (("--variable", "colour", "--values", "1", "--attack", "fgsm"), "expected a variable among"),
])  # fmt: skip
def test_sweep_says_what_means_nothing(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], sentence: str
) -> None:
    assert run("sweep", "--data", f"nyuv2:{scenes}", "--victim", "small", "--out", tmp_path / "out", *options) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
