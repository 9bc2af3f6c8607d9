"""What is missing or wrong in a data set is said: of every source, a good, an empty and a half folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mta_core.check_data import Check, check
from mta_core.cli import main
from mta_core.data import SOURCES, DataError
from mta_core.events import Progress
from tests.mat_made import write_mat
from tests.toys import write_domains, write_scenes, write_taskonomy


def album(root: Path) -> str:
    write_scenes(root, count=6)
    return f"pictures:{root / 'rgb'}"


def scenes(name: str) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        write_scenes(root, count=6)
        (root / "train.txt").write_text("0000 0001 0002")
        (root / "test.txt").write_text("0003 0004 0005")
        return f"{name}:{root}"

    return write


def arrays(root: Path) -> str:
    for split in ("train", "val"):
        for number in range(3):
            labels = np.full((24, 32), 11)
            labels[12:] = 4
            normals = np.where((labels == 4)[..., None], (0, 0, 1.0), (0, -1.0, 0)).astype(np.float32)  # other axes
            kinds = {"image": np.random.default_rng(number).random((24, 32, 3)), "label": labels, "normal": normals}
            for kind, values in {**kinds, "depth": np.full((24, 32, 1), 2.0)}.items():
                (root / split / kind).mkdir(parents=True, exist_ok=True)
                np.save(root / split / kind / f"{number}.npy", values.astype(np.float32))
    return f"nyuv2:{root}"


def mat(root: Path) -> str:
    write_mat(root, 6)
    return f"nyuv2:{root}"


def domains(name: str) -> Callable[[Path], str]:
    def write(root: Path) -> str:
        write_domains(root)
        return f"{name}:{root}"

    return write


def taskonomy(root: Path) -> str:
    write_taskonomy(root, "{kind}/{building}/{point}_domain_{kind}.png", ["house", "shop", "shed"])
    return f"taskonomy:{root}"


GOOD: dict[str, Callable[[Path], str]] = {
    "rooms": scenes("rooms"), "nyuv2": scenes("nyuv2"), "nyuv2 arrays": arrays, "nyuv2 mat": mat,
    "taskonomy": taskonomy, "objects": domains("objects"), "office31": domains("office31"), "pictures": album,
}  # fmt: skip
"""Writes a sound data set in each layout of every source, and says what to open."""
every = pytest.mark.parametrize("layout", GOOD)


def result(text: str, most: int | None = 50) -> Check:
    events = list(check(text, most))
    assert isinstance(events[-1], Check) and all(isinstance(event, Progress) for event in events[:-1])
    for sentence in (*events[-1].problems, *events[-1].sentences, events[-1].verdict):
        assert "\n" not in sentence and 5 < len(sentence) <= 300 and sentence.endswith((".", "…")), sentence
    return events[-1]


def test_every_source_is_here() -> None:
    assert {layout.split()[0] for layout in GOOD} == {source.name for source in SOURCES}


@every
def test_a_good_folder(layout: str, tmp_path: Path) -> None:
    found = result(GOOD[layout](tmp_path))
    assert found.is_sound and found.is_usable and found.problems == () and found.verdict == "Nothing is missing."
    assert sum(part.count for part in found.parts) == sum(part.sound for part in found.parts) > 0
    for part in found.parts:
        if layout not in ("pictures", "office31", "objects"):
            assert set(part.labels.values()) == {part.sound} and "labels on each: " in " ".join(found.sentences)


@every
def test_an_empty_folder(layout: str, tmp_path: Path) -> None:
    name = layout.split()[0]
    found = result(f"{name}:{tmp_path}")
    assert not found.is_usable and not found.is_sound and found.parts == ()
    assert found.problems and all(problem.startswith("expected ") for problem in found.problems)
    assert found.verdict.startswith("It cannot be used: ")


@every
def test_a_folder_that_is_not_there(layout: str, tmp_path: Path) -> None:
    found = result(f"{layout.split()[0]}:{tmp_path / 'nowhere'}")
    assert not found.is_usable and found.problems


def files_of(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.suffix in (".png", ".jpg", ".npy"))


@every
def test_a_half_folder(layout: str, tmp_path: Path) -> None:
    """A picture cut off, and one of another kind."""
    text = GOOD[layout](tmp_path)
    if layout == "nyuv2 mat":
        (tmp_path / "splits.mat").unlink()
        (tmp_path / "classMapping40.mat").write_bytes(b"no list")
        found = result(text)
        assert not found.is_usable and "mapClass in classMapping40.mat" in found.problems[0]
        return
    files = files_of(tmp_path if layout != "pictures" else tmp_path / "rgb")
    pictures = [file for file in files if layout == "pictures" or {"rgb", "image", "images"} & set(file.parts)]
    pictures[0].write_bytes(pictures[0].read_bytes()[:90])
    pictures[1].write_bytes(b"nothing")
    found = result(text)
    assert found.is_usable and not found.is_sound
    assert sum(part.sound for part in found.parts) == sum(part.count for part in found.parts) - 2
    said = " ".join(found.problems)
    assert "cannot be read" in said and (pictures[0].stem in said and pictures[1].stem in said)
    assert found.verdict.startswith("It can be used; ")


@pytest.mark.parametrize("layout", ["nyuv2", "nyuv2 arrays", "rooms"])
def test_labels_that_are_missing(layout: str, tmp_path: Path) -> None:
    text = GOOD[layout](tmp_path)
    lost = [path for path in files_of(tmp_path) if path.parent.name == "depth"][-2:]
    for path in lost:
        path.unlink()
    found = result(text)
    assert found.is_usable
    assert found.problems[0] == ("test: 2 of 3 pictures lack a file.")
    assert all(any(f"depth/{path.stem}" in problem for problem in found.problems) for path in lost)
    assert not any("cannot be read" in problem for problem in found.problems), "it is said once"


def test_a_kind_of_labels_that_is_empty(tmp_path: Path) -> None:
    text = scenes("nyuv2")(tmp_path)
    for path in (tmp_path / "depth").iterdir():
        Image.fromarray(np.zeros((64, 96), np.uint16)).save(path)
    found = result(text)
    assert found.problems == ("train: no picture has a label of depth.", "test: no picture has a label of depth.")


def test_axes_and_units_that_cannot_be(tmp_path: Path) -> None:
    text = scenes("nyuv2")(tmp_path)
    for path in (tmp_path / "normal").iterdir():
        pixels = np.array(Image.open(path))
        Image.fromarray(255 - pixels).save(path)
    found = result(text)
    assert [problem.split(":")[0] for problem in found.problems] == ["train", "test"]
    assert all("normals of floors to point up" in problem for problem in found.problems)


def test_depth_in_millimetres(tmp_path: Path) -> None:
    text = arrays(tmp_path)
    for path in tmp_path.glob("*/depth/*.npy"):
        np.save(path, np.load(path) * 1000)
    said = " ".join(result(text).problems)
    assert said.count("expected depth in metres, its middle is 2,000: another unit") == 2


def test_a_picture_in_two_splits_and_a_split_that_is_not_there(tmp_path: Path) -> None:
    text = scenes("nyuv2")(tmp_path)
    (tmp_path / "test.txt").write_text("0003 0002")
    (problem,) = result(text).problems
    assert problem.startswith("1 picture in both train and test: ") and problem.endswith("rgb/0002.png.")
    (tmp_path / "train.txt").unlink()
    (problem,) = result(text).problems
    assert problem.startswith("no split train: expected train.txt beside test.txt")
    assert result(text).is_usable
    shutil.move(tmp_path / "test.txt", tmp_path / "train.txt")
    assert not result(text).is_usable, "pages show the test"


def test_reads_some_of_many_and_all_when_asked(tmp_path: Path) -> None:
    text = album(tmp_path)
    (tmp_path / "rgb" / "0005.png").write_bytes(b"nothing")
    some, whole = result(text, 3), result(text, None)
    assert some.is_sound and some.parts[0].read == 3 and "6 pictures, 3 of them read" in some.sentences[0]
    assert not whole.is_sound and whole.parts[0].read == 6


def test_a_name_that_steers_a_terminal_does_not(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "good.png")
    (tmp_path / "\x1b[2Jgone\n.png").write_bytes(b"nothing")
    assert "?[2Jgone" in " ".join(result(f"pictures:{tmp_path}").problems)


def test_the_command_line_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = scenes("nyuv2")(tmp_path / "data")
    assert main(["check-data", text, "--json", str(tmp_path / "found.json")]) == 0
    assert "Nothing is missing." in capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["is_sound"] and found["parts"][0]["count"] == 3 and found["problems"] == []
    (tmp_path / "data" / "depth" / "0004.png").unlink()
    assert main(["check-data", text, "--every"]) == 2
    said = capsys.readouterr().out
    assert "! test: 1 of 3 pictures lack a file." in said and "depth/0004" in said
    assert main(["check-data", "nonsense:/x"]) == 2
    assert "expected data among" in capsys.readouterr().err
    assert main(["check-data", "nyuv2"]) == 2


def test_no_source_is_refused() -> None:
    with pytest.raises(DataError, match=r"^expected data among "):
        list(check("nonsense:/x"))
