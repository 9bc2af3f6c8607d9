"""NYUv2 as it is distributed: one file of MATLAB, and the two published lists beside it."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from mta_core.data import DataError, open_data
from mta_core.data.content import content_of
from mta_core.data.matlab import CLASSES, FORTY_TO_13, NAME, SPLITS
from mta_core.tasks import SCENE_TASKS
from mta_core.tasks.segmentation import CLASSES as THIRTEEN
from tests.mat_made import HEIGHT, WIDTH, write_mat

SIZE = (HEIGHT, WIDTH)
FORTY = (
    "wall floor cabinet bed chair sofa table door window bookshelf picture counter blinds desk shelves curtain dresser "
    "pillow mirror mat clothes ceiling books refrigerator television paper towel shower_curtain box whiteboard person "
    "night_stand toilet sink lamp bathtub bag structure furniture prop"
).split()


def test_pictures_stand_upright_with_their_depth_and_classes(tmp_path: Path) -> None:
    write_mat(tmp_path)
    source = open_data(f"nyuv2:{tmp_path}", "test", SIZE)
    assert source.split == "test" and [source.name_of(i) for i in range(len(source))] == ["0003", "0004"]
    assert source.spaces == {"segmentation": "nyu13", "depth": "metres"}
    sample = source[0]
    assert (sample.image[0, : HEIGHT // 2] == 1).all() and (sample.image[0, HEIGHT // 2 :] == 0).all()
    assert sample.image[1, 0, 0] > sample.image[1, 0, -1]
    classes, depth = sample.targets["segmentation"], sample.targets["depth"]
    assert (depth[0, : HEIGHT // 2] == 1).all() and (depth[0, HEIGHT // 2 :] == 2).all()
    assert (classes[:, 0] == 255).all(), "no label is no class"
    assert set(classes[: HEIGHT // 2, 1:].unique().tolist()) == {THIRTEEN.index("books")}
    assert set(classes[HEIGHT // 2 :, 1:].unique().tolist()) == {THIRTEEN.index("wall")}


@pytest.mark.parametrize(("forty", "thirteen"), [
    ("bed", "bed"), ("television", "tv"), ("night_stand", "furniture"), ("whiteboard", "objects"), ("sofa", "sofa"),
    ("door", "wall"), ("blinds", "window"), ("curtain", "window"), ("desk", "table"), ("mat", "floor"),
    ("picture", "picture"), ("ceiling", "ceiling"), ("pillow", "objects"), ("counter", "furniture"),
])  # fmt: skip
def test_the_forty_classes_are_among_the_thirteen(forty: str, thirteen: str) -> None:
    assert len(FORTY) == len(FORTY_TO_13) == 40
    assert THIRTEEN[FORTY_TO_13[FORTY.index(forty)]] == thirteen


def test_without_the_lists_there_are_no_classes_and_no_splits(tmp_path: Path) -> None:
    file = write_mat(tmp_path, with_classes=False, with_splits=False)
    for path in (tmp_path, file):
        source = open_data(f"nyuv2:{path}", "test", SIZE)
        assert source.split == "all" and len(source) == 4 and source.spaces == {"depth": "metres"}
        assert set(source[0].targets) == {"depth"}
    with pytest.raises(DataError, match=r"^expected data with labels for segmentation"):
        source.for_tasks(SCENE_TASKS)


def test_pictures_of_one_file_are_told_apart(tmp_path: Path) -> None:
    file = write_mat(tmp_path)
    with h5py.File(file, "a") as made:
        made["images"][2, 0, 0, 0] = 7
    source = open_data(f"nyuv2:{tmp_path}", "test", SIZE)
    digests = [content_of(source, i) for i in range(2)]
    assert all(digests) and digests[0] != digests[1]


def damaged(root: Path, how: str) -> None:
    file = write_mat(root)
    if how == "no MATLAB file":
        file.write_bytes(b"MATLAB 7.3" * 99)
    elif how == "empty":
        file.write_bytes(b"")
    else:
        with h5py.File(file, "a") as made:
            if how == "lacks depth":
                del made["depths"]
            elif how == "other sizes":
                del made["depths"]
                made["depths"] = np.ones((4, 3, 3), np.float32)
            elif how == "bytes of text":
                del made["labels"]
                made["labels"] = np.full((4, WIDTH, HEIGHT), b"x")
            elif how == "a folder":
                del made["images"]
                made.create_group("images")
            elif how == "leads elsewhere":
                del made["images"]
                made["images"] = h5py.ExternalLink("/etc/hostname", "/")
            elif how == "bytes of another file":
                del made["images"]
                shape = (4, 3, WIDTH, HEIGHT)
                made.create_dataset("images", shape, np.uint8, external=[("/etc/passwd", 0, 4 * 3 * WIDTH * HEIGHT)])


@pytest.mark.parametrize("how", ["no MATLAB file", "empty", "lacks depth", "other sizes", "bytes of text", "a folder",
                                 "leads elsewhere", "bytes of another file"])  # fmt: skip
def test_refuses_a_damaged_or_hostile_file(tmp_path: Path, how: str) -> None:
    damaged(tmp_path, how)
    with pytest.raises(DataError, match=rf"^expected .*{NAME}"):
        open_data(f"nyuv2:{tmp_path}", "test", SIZE)


@pytest.mark.parametrize(("name", "key", "values"), [
    (SPLITS, "testNdxs", [[0]]), (SPLITS, "testNdxs", [[5]]), (SPLITS, "testNdxs", np.zeros((0, 1))),
    (SPLITS, "trainNdxs", [[1]]), (CLASSES, "mapClass", [[41]]), (CLASSES, "className", [[1]]),
    (CLASSES, "mapClass", [["a"]]),
])  # fmt: skip
def test_refuses_a_list_that_cannot_be_of_this_file(tmp_path: Path, name: str, key: str, values: object) -> None:
    write_mat(tmp_path)
    scipy.io.savemat(tmp_path / name, {key: values})
    with pytest.raises(DataError, match=rf"^expected \w+ in {name}"):
        open_data(f"nyuv2:{tmp_path}", "test", SIZE)


@pytest.mark.parametrize("data", [b"", b"x" * 500, b"\0" * 200_001])
def test_refuses_a_list_that_is_none(tmp_path: Path, data: bytes) -> None:
    write_mat(tmp_path)
    (tmp_path / CLASSES).write_bytes(data)
    with pytest.raises(DataError, match=rf"^expected mapClass in {CLASSES}: "):
        open_data(f"nyuv2:{tmp_path}", "test", SIZE)


def test_a_picture_that_was_cut_off_is_one_that_cannot_be_read(tmp_path: Path) -> None:
    file = write_mat(tmp_path)
    with h5py.File(file, "a") as made:
        values = made["images"][()]
        del made["images"]
        chunked = made.create_dataset("images", values.shape, np.uint8, chunks=(1, *values.shape[1:]), compression=4)
        chunked[:] = values
        place = chunked.id.get_chunk_info(2)
    with file.open("r+b") as raw:
        raw.seek(place.byte_offset + 4)
        raw.write(b"\xff" * 20)
    source = open_data(f"nyuv2:{tmp_path}", "test", SIZE)
    with pytest.raises(DataError, match=r"^cannot read picture 0003 of "):
        source[0]
    assert torch.isfinite(source[1].image).all()


def test_says_which_package_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mat(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match=r"^expected the package h5py to read .*: pip install h5py$"):
        open_data(f"nyuv2:{tmp_path}", "test", SIZE)
