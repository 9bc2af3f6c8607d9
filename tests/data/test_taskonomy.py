"""Taskonomy's layouts, units and axes, on folders made here and on real pictures where they are at hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mta_core.data import DataError, collate, open_data
from mta_core.data.loader import batches
from mta_core.data.taskonomy import KINDS, Taskonomy, divided
from mta_core.data.taskonomy_files import OMNIDATA
from mta_core.tasks.taskonomy import CLASSES
from tests.toys import write_taskonomy

SIZE = (32, 32)
PLACES = {
    "one building": "{kind}/{point}_domain_{kind}.png",
    "building above": "{building}/{kind}/{point}_domain_{kind}.png",
    "building below": "{kind}/{building}/{point}_domain_{kind}.png",
    "Omnidata": "{kind}/taskonomy/{building}/{point}_domain_{kind}.png",
    "a folder for each view": "{building}__{point}/{kind}.png",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_every_layout_gives_the_same_labels(place: str, tmp_path: Path) -> None:
    buildings = ["house"] if "{building}" not in place else ["house", "shop"]
    write_taskonomy(tmp_path / "house", place, buildings)
    source = open_data(f"taskonomy:{tmp_path / 'house'}", "test", SIZE)
    assert source.split == "all" and len(source) == 2 * len(buildings)
    assert len({source.name_of(i) for i in range(len(source))}) == len(source)
    for sample in source:
        targets = sample.targets
        assert set(targets) == set(Taskonomy.spaces) and not sample.unlabelled
        known = targets["depth"] > 0
        assert (targets["depth"][known] == 2).all() and (targets["euclidean_depth"][known] == 2.5).all()
        assert not known[:, :4].any() and known[:, 4:].all(), "65535 is no depth"
        assert torch.equal(targets["segmentation"], torch.where(torch.arange(32) < 16, 2, 255).expand(32, 32))
        up = torch.tensor([0.0, 1.0, 0.0]).view(3, 1, 1)
        assert (targets["normals"] - up)[:, 4:].abs().max() < 0.01 and targets["normals"][:, :4].abs().max() == 0
        assert (targets["keypoints2d"] + 0.5).abs().max() < 0.01, "a quarter of 0.005 of 65535"
        assert (targets["edge_texture"] == 1).all(), "what is above 0.08 is cut off"
        assert torch.equal(targets["autoencoding"], 2 * sample.image - 1)
        for name, value in (("curvature", 0.5), ("reshading", 0.0), ("keypoints3d", -0.5), ("edge_occlusion", 0.0)):
            label = targets[name]
            assert label[:, :4].isnan().all() and (label[:, 4:] - value).abs().max() < 0.01, name


@pytest.mark.parametrize("old", [kinds[1] for kinds in KINDS.values() if len(kinds) > 1])
def test_kinds_go_by_their_first_names_too(old: str, tmp_path: Path) -> None:
    write_taskonomy(tmp_path, PLACES["building below"], ["house"])
    task = next(task for task, kinds in KINDS.items() if old in kinds)
    shutil.move(tmp_path / KINDS[task][0], tmp_path / old)
    (sample, *_) = open_data(f"taskonomy:{tmp_path}", "test", SIZE).labelled([task])
    assert set(sample.targets) == {task} and not sample.unlabelled


def test_buildings_are_divided_by_their_names_alone() -> None:
    names = [f"building {i}" for i in range(40)]
    root = Path("nowhere")
    splits = divided(root, names)
    assert splits is not None and splits == divided(root, reversed(names))
    counts = {split: list(splits.values()).count(split) for split in Taskonomy.splits}
    assert counts == {"train": 28, "val": 6, "test": 6}
    assert set((divided(root, ["a", "b", "c"]) or {}).values()) == set(Taskonomy.splits)
    assert divided(root, ["a", "b"]) is None


def test_released_lists_divide(tmp_path: Path) -> None:
    write_taskonomy(tmp_path, PLACES["building below"], ["a", "b", "c", "d"])
    listing = tmp_path / "train_val_test_tiny.csv"
    listing.write_text("id,train,val,test\na,1,0,0\nb,1,0,0\nc,0,0,1\n")
    train, test = (open_data(f"taskonomy:{tmp_path}", split, SIZE) for split in ("train", "test"))
    assert {train.name_of(i)[0] for i in range(len(train))} == {"a", "b"} and train.split == "train"
    assert {test.name_of(i)[0] for i in range(len(test))} == {"c"}
    with pytest.raises(
        DataError, match=r"^expected buildings of the split val under .*, all of them are of other splits"
    ):
        open_data(f"taskonomy:{tmp_path}", "val", SIZE)
    listing.write_text("a,1\n")
    with pytest.raises(DataError, match=r"^expected rows of id,train,val,test in .*tiny.csv, got 'a,1'$"):
        open_data(f"taskonomy:{tmp_path}", "val", SIZE)


def test_a_picture_may_lack_labels_and_its_batch_still_has_them(tmp_path: Path) -> None:
    write_taskonomy(tmp_path, PLACES["one building"], ["house"])
    for task in ("normals", "edge_texture", "segmentation", "depth"):
        next((tmp_path / KINDS[task][0]).iterdir()).unlink()
    source = open_data(f"taskonomy:{tmp_path}", "test", SIZE)
    lacking = {name for sample in source for name in sample.unlabelled}
    assert lacking == {"normals", "edge_texture", "segmentation", "depth"}
    assert all(set(sample.targets) | set(sample.unlabelled) == set(Taskonomy.spaces) for sample in source)
    _, targets = collate(list(source))
    assert set(targets) == set(Taskonomy.spaces)
    for name, is_none in (
        ("normals", targets["normals"].isnan()), ("edge_texture", targets["edge_texture"].isnan()),
        ("segmentation", targets["segmentation"] == 255), ("depth", targets["depth"].isnan()),
    ):  # fmt: skip
        assert sorted(bool(picture.all()) for picture in is_none) == [False, True], name
    alone = source.labelled(["edge_texture"])
    assert [sample.unlabelled for sample in alone if sample.unlabelled] == [("edge_texture",)]
    ((_, only),) = batches([alone], [(0, i) for i in range(2)], 2)
    assert set(only) == {"edge_texture"} and only["edge_texture"].shape == (2, 1, *SIZE)


def spoil(path: Path, how: str) -> None:
    with Image.open(path) as picture:
        pixels = np.array(picture)
    if how == "cut":
        path.write_bytes(path.read_bytes()[:60])
    elif how == "small":
        Image.fromarray(pixels[:20]).save(path)
    else:
        Image.fromarray(np.zeros((*pixels.shape[:2], 4), np.uint8) if how == "rgba" else pixels.astype(np.uint8)).save(
            path
        )


@pytest.mark.parametrize(("task", "how", "says"), [
    *((task, "cut", "cannot read the labels in {file}: ") for task in KINDS),
    *((task, "small", "expected {file} to be 32x32 .* like its picture$") for task in KINDS),
    ("depth", "rgba", "expected {file} to be 32x32 16-bit grey pixels"),
    ("keypoints2d", "8-bit", "expected {file} to be 32x32 16-bit grey pixels"),
])  # fmt: skip
def test_a_broken_file_is_named_in_one_sentence(task: str, how: str, says: str, tmp_path: Path) -> None:
    write_taskonomy(tmp_path, PLACES["building below"], ["house"])
    broken = sorted((tmp_path / KINDS[task][0] / "house").iterdir())[0]
    spoil(broken, how)
    source = open_data(f"taskonomy:{tmp_path}", "test", SIZE)
    with pytest.raises(DataError, match="^" + says.format(file=f"house/{broken.name}")):
        source[0]
    assert source[1].targets and source.labelled(["autoencoding"])[0].targets, "the others go on"


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    write_taskonomy(tmp_path, PLACES["one building"], ["house"])
    for task in KINDS.keys() - {"edge_texture"}:
        for file in (tmp_path / KINDS[task][0]).iterdir():
            file.write_bytes(b"broken")
    source = open_data(f"taskonomy:{tmp_path}", "test", SIZE)
    assert list(source.labelled(["edge_texture", "autoencoding"])[0].targets) == ["edge_texture", "autoencoding"]
    with pytest.raises(DataError, match=r"^expected tasks that Taskonomy has labels for \(.*\), got amazon$"):
        source.labelled(["depth", "amazon"])


@pytest.fixture
def sample_pack(data_pack: Path) -> Path:
    root = data_pack / "taskonomy_sample"
    if not root.is_dir():
        pytest.skip("the data pack has no pictures of Taskonomy")
    return root


def test_real_pictures_have_every_label_whose_file_is_there(sample_pack: Path) -> None:
    source = open_data(f"taskonomy:{sample_pack}", "test", (256, 256))
    assert len(source) == 2
    for sample in source:
        folder = sample_pack / sample.name
        expected = {task for task, kinds in KINDS.items() if any((folder / f"{kind}.png").is_file() for kind in kinds)}
        assert set(sample.targets) == expected | {"autoencoding"}
        for name, target in sample.targets.items():
            assert target.shape[-2:] == (256, 256)
            if Taskonomy.spaces[name] in ("signed", "curvatures"):
                known = target[target.isfinite()]
                assert -1 <= known.min() < known.max() <= 1 and len(known) > 0.8 * target.numel(), name
    assert source[1].unlabelled == ()


def test_real_normals_are_in_our_axes(sample_pack: Path) -> None:
    """Floors look up, ceilings down, and everything that is seen looks at the camera."""
    for sample in open_data(f"taskonomy:{sample_pack}", "test", (256, 256)):
        normals = sample.targets["normals"]
        floor, ceiling = normals[:, -10:, 10:30].mean((1, 2)), normals[:, 5:25, 100:140].mean((1, 2))
        assert floor[1] > 0.9 and ceiling[1] < -0.9, sample.name
        ray = torch.stack(torch.meshgrid(torch.linspace(0.6, -0.6, 256), torch.linspace(-0.6, 0.6, 256), indexing="ij"))
        facing = normals[2] - normals[0] * ray[1] - normals[1] * ray[0]
        seen = normals.square().sum(0) > 0.5
        assert (facing[seen] > -0.1).float().mean() > 0.97, sample.name


def test_every_class_has_a_number_of_omnidatas() -> None:
    assert len(OMNIDATA) == len(set(OMNIDATA)) == len(CLASSES)


def test_real_objects_have_their_classes(sample_pack: Path) -> None:
    labels = open_data(f"taskonomy:{sample_pack}", "test", (256, 256)).labelled(["segmentation"])[1].targets
    shown = torch.unique(labels["segmentation"]).tolist()
    assert {CLASSES[i] for i in shown if i != 255} == {"chair", "couch", "dining table"}
    assert CLASSES[int(labels["segmentation"][200, 90])] == "couch"


def test_a_broken_real_file_is_refused(sample_pack: Path, tmp_path: Path) -> None:
    shutil.copytree(sample_pack, tmp_path / "copy")
    broken = tmp_path / "copy" / "taskonomy__point_202_view_5" / "normal.png"
    broken.write_bytes(broken.read_bytes()[:5000])
    source = open_data(f"taskonomy:{tmp_path / 'copy'}", "test", (64, 64))
    with pytest.raises(DataError, match=r"^cannot read the labels in taskonomy__point_202_view_5/normal.png: "):
        source[1]
