"""The two layouts of indoor scenes, on small made-up folders; and the real ones where they are."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mta_core import data
from mta_core.data import DataError, open_data
from mta_core.data.scenes import CEILING, FLOOR, find_axes
from mta_core.tasks import SCENE_TASKS, task

HEIGHT, WIDTH = 24, 32
WALL = 11


def room_geometry(yaw: float, pitch: float = -0.15) -> tuple[np.ndarray, np.ndarray]:
    """Normals (H, W, 3) and classes (H, W) of an empty box room, X right, Y up, Z to the camera inside it.

    The camera looks along -Z, turned by `yaw` and tilted by `pitch` (radians).
    """
    columns, rows = np.meshgrid(np.linspace(-0.8, 0.8, WIDTH), np.linspace(0.6, -0.6, HEIGHT))
    rays = np.stack([columns, rows, -np.ones_like(rows)], -1)
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    to_world = turn @ tilt
    world = rays @ to_world.T
    planes = [
        ((0, 1, 0), 1.3, FLOOR), ((0, -1, 0), 1.2, CEILING), ((0, 0, 1), 3, WALL), ((1, 0, 0), 2, WALL),
        ((-1, 0, 0), 2, WALL), ((0, 0, -1), 3, WALL),
    ]  # fmt: skip
    normals, classes = np.zeros((HEIGHT, WIDTH, 3)), np.zeros((HEIGHT, WIDTH), int)
    nearest = np.full((HEIGHT, WIDTH), np.inf)
    for normal, distance, label in planes:
        towards = world @ np.array(normal, float)
        reach = np.where(towards < -1e-9, distance / -np.minimum(towards, -1e-9), np.inf)
        hit = reach < nearest
        nearest[hit], classes[hit] = reach[hit], label
        normals[hit] = np.array(normal, float) @ to_world
    return normals, classes


VIEWS = [room_geometry(yaw) for yaw in (-0.5, -0.2, 0.05, 0.3, 0.6)]
SIGNED_PERMUTATIONS = [
    np.eye(3)[list(order)] * np.array(signs)[:, None]
    for order in permutations(range(3))
    for signs in product((1, -1), repeat=3)
]


def test_made_up_rooms_obey_the_convention() -> None:
    for normals, classes in VIEWS:
        assert (normals[classes == FLOOR][:, 1] > 0.9).all() and (normals[..., 2] > -0.7).all()


@pytest.mark.parametrize("stored", SIGNED_PERMUTATIONS, ids=lambda m: "".join("xyzXYZ"[i] for i in np.argmax(
    np.hstack([m, -m]), axis=1)))  # fmt: skip
def test_finds_every_convention_of_axes(stored: np.ndarray) -> None:
    axes = find_axes((normals @ stored.T, classes) for normals, classes in VIEWS)
    np.testing.assert_array_equal(axes @ stored, np.eye(3))


def test_axes_survive_unknown_normals_and_need_a_floor() -> None:
    holes = [(normals.copy(), classes) for normals, classes in VIEWS]
    for normals, _ in holes:
        normals[::3] = np.nan
        normals[1::3] = 0
    np.testing.assert_array_equal(find_axes(iter(holes)), np.eye(3))
    with pytest.raises(DataError, match=r"^expected some floor or ceiling among the labels"):
        find_axes((normals, np.full_like(classes, WALL)) for normals, classes in VIEWS)


def make_arrays(root: Path, stored: np.ndarray, count: int = 3) -> None:
    """The pre-processed layout, its normals in other axes; one pixel without a label, depth or direction."""
    for split in ("train", "val"):
        for number in range(count):
            normals, classes = VIEWS[number]
            labels = classes.astype(np.float32)
            labels[0, 0], labels[0, 1] = -1, 13
            depth = np.full((HEIGHT, WIDTH, 1), 2.5 + number, np.float32)
            depth[0, 0] = 0
            turned = (normals @ stored.T * 0.98).astype(np.float32)
            turned[0, 0] = 0
            image = np.random.default_rng(number).random((HEIGHT, WIDTH, 3), np.float32)
            for kind, array in (("image", image), ("label", labels), ("depth", depth), ("normal", turned)):
                path = root / split / kind / f"{number}.npy"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, array)


def make_folders(root: Path, count: int = 3) -> None:
    """The folder layout of the data pack."""
    for number in range(count):
        normals, classes = VIEWS[number]
        labels = classes.astype(np.uint8)
        labels[0, 0] = 255
        depth = np.full((HEIGHT, WIDTH), 2500 + number, np.uint16)
        depth[0, 0] = 0
        encoded = np.rint((normals + 1) * 127.5).astype(np.uint8)
        encoded[0, 0] = 128
        image = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        for kind, array in (("rgb", image), ("seg13", labels), ("depth", depth), ("normal", encoded)):
            path = root / kind / f"{number:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
    (root / "train.txt").write_text("0000\n0001\n")
    (root / "test.txt").write_text("0002\n")


def check_sample(sample: data.Sample, number: int) -> None:
    normals, classes = VIEWS[number]
    assert sample.image.shape == (3, HEIGHT, WIDTH) and sample.image.dtype == torch.float32
    labels = sample.targets["segmentation"]
    assert labels.dtype == torch.int64 and labels[0, 0] == 255
    assert (labels.numpy()[1:] == classes[1:]).all()
    assert sample.targets["normals"].dtype == torch.float32
    angle = task("normals").angle(sample.targets["normals"][None], torch.from_numpy(normals).movedim(-1, 0)[None])
    assert angle[0, 1:].max() < 0.7, "eight bits a component"
    for t in SCENE_TASKS:
        valid = t.valid(sample.targets[t.name][None])[0]
        assert not valid[0, 0] and valid[1:].all(), f"{t.name}: one pixel has no label"


def test_reads_the_folder_layout(tmp_path: Path) -> None:
    make_folders(tmp_path)
    train, test = (open_data(f"nyuv2:{tmp_path}", split, (HEIGHT, WIDTH)) for split in ("train", "test"))
    assert [s.name for s in train] == ["0000", "0001"] and [s.name for s in test] == ["0002"]
    assert (train.split, test.split) == ("train", "test")
    assert test.name_of(0) == "0002"
    check_sample(train[1], 1)
    assert float(train[1].targets["depth"][0, 5, 5]) == pytest.approx(2.501)
    expected = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) / 255
    np.testing.assert_allclose(train[1].image.movedim(0, -1).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("stored", SIGNED_PERMUTATIONS[::7], ids=str)
def test_reads_the_array_layout(tmp_path: Path, stored: np.ndarray) -> None:
    make_arrays(tmp_path, stored)
    source = open_data(f"nyuv2:{tmp_path}", "test", (HEIGHT, WIDTH))
    assert [s.name for s in source] == ["0", "1", "2"]
    check_sample(source[2], 2)
    assert source[2].targets["segmentation"][0, 1] == 255 and float(source[2].targets["depth"][0, 5, 5]) == 4.5


def test_arrays_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    make_arrays(tmp_path, np.eye(3), count=2)
    for kind in ("image", "label", "depth", "normal"):
        (tmp_path / "val" / kind / "1.npy").rename(tmp_path / "val" / kind / "10.npy")
        np.save(tmp_path / "val" / kind / "2.npy", np.load(tmp_path / "val" / kind / "0.npy"))
    assert [s.name for s in open_data(f"nyuv2:{tmp_path}", "test", (HEIGHT, WIDTH))] == ["0", "2", "10"]


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 24\n"
"""Pillow would hand it to another program."""


def without(path: str) -> Callable[[Path], None]:
    return lambda root: (root / path).unlink()


def holding(path: str, content: bytes) -> Callable[[Path], object]:
    return lambda root: (root / path).write_bytes(content)


def test_without_lists_the_pictures_are_not_divided(tmp_path: Path) -> None:
    make_folders(tmp_path)
    (tmp_path / "test.txt").unlink()
    with pytest.raises(DataError, match=r"^expected test.txt beside train.txt under"):
        open_data(f"nyuv2:{tmp_path}", "test")
    (tmp_path / "train.txt").unlink()
    for kind in ("nyuv2", "rooms"):
        source = open_data(f"{kind}:{tmp_path}", "test")
        assert source.split == "all" and len(source) == 3


def eight_bit_depth(root: Path) -> None:
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(root / "depth" / "0002.png")


def small_depth(root: Path) -> None:
    Image.fromarray(np.zeros((3, 3), np.uint16)).save(root / "depth" / "0002.png")


def coloured_labels(root: Path) -> None:
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(root / "seg13" / "0002.png")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (without("depth/0002.png"), "expected depth/0002.png or .jpg under"),
        (without("rgb/0002.png"), "expected the pictures named in test.txt under"),
        (holding("normal/0002.png", b"no picture"), "cannot read the labels in normal/0002.png"),
        (holding("seg13/0002.png", b""), "cannot read the labels in seg13/0002.png"),
        (holding("test.txt", b""), "expected pictures under"),
        (holding("seg13/0002.png", POSTSCRIPT), "cannot read the labels in seg13/0002.png"),
        (holding("test.txt", b"\xff\xfe"), "expected names of pictures in"),
        (small_depth, "expected depth/0002.png to be 32x24 16-bit pixels like its picture"),
        (eight_bit_depth, "expected depth/0002.png to be 32x24 16-bit pixels like its picture"),
        (coloured_labels, "expected seg13/0002.png to be 32x24 grey pixels like its picture"),
    ],
)
def test_says_what_is_wrong_in_the_folder_layout(tmp_path: Path, spoil: Callable[[Path], None], says: str) -> None:
    make_folders(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError) as error:
        open_data(f"nyuv2:{tmp_path}", "test", (HEIGHT, WIDTH))[0]
    assert str(error.value).startswith(says) and "\n" not in str(error.value)


def truncated_label(root: Path) -> None:
    path = root / "val" / "label" / "0.npy"
    path.write_bytes(path.read_bytes()[:200])


def flat_image(root: Path) -> None:
    np.save(root / "val" / "image" / "0.npy", np.zeros((HEIGHT, WIDTH), np.float32))


def larger_depth(root: Path) -> None:
    np.save(root / "val" / "depth" / "0.npy", np.zeros((HEIGHT, WIDTH + 1, 1), np.float32))


def zipped_image(root: Path) -> None:
    with (root / "val" / "image" / "0.npy").open("wb") as file:
        np.savez(file, np.zeros((HEIGHT, WIDTH, 3)))


def endless_image(root: Path) -> None:
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6, 3)}
    with (root / "val" / "image" / "0.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)


def complex_depth(root: Path) -> None:
    np.save(root / "val" / "depth" / "0.npy", np.ones((HEIGHT, WIDTH, 1), np.complex64))


def image_with_alpha(root: Path) -> None:
    np.save(root / "val" / "image" / "0.npy", np.zeros((HEIGHT, WIDTH, 4), np.float32))


def image_in_bytes(root: Path) -> None:
    np.save(root / "val" / "image" / "0.npy", np.full((HEIGHT, WIDTH, 3), 200, np.uint8))


def narrow_normals(root: Path) -> None:
    np.save(root / "val" / "normal" / "0.npy", np.zeros((HEIGHT, WIDTH - 1, 3), np.float32))


def pickled_image(root: Path) -> None:
    np.save(root / "val" / "image" / "0.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (without("val/depth/0.npy"), "expected an array in depth/0.npy under"),
        (truncated_label, "expected an array in label/0.npy under"),
        (holding("val/image/0.npy", b""), "expected an array in image/0.npy under"),
        (pickled_image, "expected an array in image/0.npy under"),
        (flat_image, "expected image/0.npy to be (height, width, 3) under"),
        (zipped_image, "expected an array in image/0.npy under"),
        (endless_image, "expected an array in image/0.npy under "),
        (complex_depth, "expected an array in depth/0.npy under "),
        (image_with_alpha, "expected image/0.npy to be (height, width, 3) under"),
        (image_in_bytes, "expected the pixels of image/0.npy in [0, 1] under"),
        (narrow_normals, "expected normal and label of 0.npy to be of one size under"),
        (larger_depth, "expected the depth of 0.npy to be as large as its picture under"),
    ],
)
def test_says_what_is_wrong_in_the_array_layout(tmp_path: Path, spoil: Callable[[Path], None], says: str) -> None:
    make_arrays(tmp_path, np.eye(3))
    spoil(tmp_path)
    with pytest.raises(DataError) as error:
        open_data(f"nyuv2:{tmp_path}", "test", (HEIGHT, WIDTH))[0]
    assert str(error.value).startswith(says) and "\n" not in str(error.value)


def test_the_real_pictures_keep_the_convention(data_pack: Path) -> None:
    source = open_data(f"nyuv2:{data_pack / 'nyuv2'}", "test", (288, 384))
    assert len(source) == 400
    up, towards, number = 0.0, 0.0, 0
    for index in range(0, 400, 50):
        sample = source[index]
        assert sample.image.shape == (3, 288, 384) and 0 <= sample.image.min() < sample.image.max() <= 1
        floor = sample.targets["segmentation"] == FLOOR
        normals, depth = sample.targets["normals"], sample.targets["depth"]
        length = normals.norm(dim=0)[task("normals").valid(normals[None])[0]]
        torch.testing.assert_close(length, torch.ones_like(length), atol=1e-4, rtol=0)
        assert 0.3 < depth[depth > 0].median() < 8
        towards += float(normals[2].mean())
        if floor.sum() > 500:
            up, number = up + float(normals[1][floor].mean()), number + 1
    assert number and up / number > 0.7, "floors point up"
    assert towards / 8 > 0.3, "what is seen faces the camera"
