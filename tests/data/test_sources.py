"""What every registered data source keeps, and what is said where it cannot be opened."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mta_core import data
from mta_core.data import SOURCES, DataError, DataSource, Sample, collate, open_data
from mta_core.data.base import fit_sample
from mta_core.data.objects import CLASS_NAMES, DOMAINS
from mta_core.tasks import TASKS, task
from mta_core.tasks.classification import CLASSES
from mta_core.weights import ROOT
from tests.toys import write_domains, write_scenes, write_taskonomy

every = pytest.mark.parametrize("kind", SOURCES, ids=lambda kind: kind.name)


@every
def test_describes_itself(kind: type[DataSource]) -> None:
    assert kind.name and kind.label and kind.terms and kind.splits
    assert data.source(kind.name) is kind
    known = {(t.name, t.space) for t in TASKS}
    assert {*kind.spaces.items(), *kind.derived.items()} <= known, "labels are in a space of their task"
    assert not kind.spaces.keys() & kind.derived.keys()


@every
def test_refuses_what_it_cannot_open(kind: type[DataSource], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^expected "):
        open_data(f"{kind.name}:{tmp_path / 'nowhere'}", kind.splits[0])
    with pytest.raises(DataError, match=r"^expected "):
        open_data(f"{kind.name}:{tmp_path}", kind.splits[0])
    if kind.needs_path:
        with pytest.raises(DataError, match=f"^expected {kind.name}:PATH, got '{kind.name}'$"):
            open_data(kind.name, kind.splits[0])
    if len(kind.splits) > 1:
        with pytest.raises(DataError, match=f"^expected a split of {kind.name} among .*, got 'holiday'$"):
            open_data(f"{kind.name}:{tmp_path}", "holiday")


@every
def test_reads_sound_samples_again_and_again(kind: type[DataSource], tmp_path: Path) -> None:
    size = (48, 64)
    source = open_data(EXAMPLES[kind.name](tmp_path), kind.splits[-1], size)
    assert len(source) > 0
    for index in range(min(2, len(source))):
        sample, again = source[index], source[index]
        assert sample.name == source.name_of(index)
        assert sample.image.shape == (3, *size) and sample.image.dtype == torch.float32
        assert 0 <= sample.image.min() < sample.image.max() <= 1
        assert torch.equal(sample.image, again.image)
        assert set(sample.targets) == ({sample.name.partition("/")[0]} if source.is_divided else set(source.spaces))
        for t in (task(name, source.spaces[name]) for name in sample.targets):
            target = sample.targets[t.name]
            assert target.shape[-2:] == (size if t.is_dense else (1, 1)) and torch.equal(target, again.targets[t.name])
            assert t.valid(target[None]).any(), "some pixel has a label"


@every
def test_gives_the_labels_that_are_asked_for(kind: type[DataSource], tmp_path: Path) -> None:
    size = (48, 64)
    source = open_data(EXAMPLES[kind.name](tmp_path), kind.splits[-1], size)
    known = {**kind.spaces, **kind.derived}
    for names in ([], *([name] for name in known), list(reversed(known))):
        sample = source.labelled(names)[0]
        assert set(sample.targets) == (
            {sample.name.partition("/")[0]} & set(names) if source.is_divided else set(names)
        )
        assert all(t.shape[-2:] == size or source.is_divided for t in sample.targets.values())
    assert set(source[0].targets) <= set(kind.spaces), "the source itself is as it was"
    with pytest.raises(DataError, match=rf"^expected tasks that {source.label} has labels for \(.*\), got juggling$"):
        source.labelled([*known, "juggling"])


def test_refuses_an_unknown_source() -> None:
    with pytest.raises(DataError, match=f"^expected data among {', '.join(s.name for s in SOURCES)}, got 'roms'$"):
        open_data("roms")


def nyuv2_example(root: Path) -> str:
    write_scenes(root, count=3)
    return f"nyuv2:{root}"


def pictures_example(root: Path) -> str:
    write_scenes(root, count=2)
    return f"pictures:{root / 'rgb'}"


def office31_example(root: Path) -> str:
    write_domains(root)
    return f"office31:{root}"


def taskonomy_example(root: Path) -> str:
    write_taskonomy(root, "{kind}/{building}/{point}_domain_{kind}.png", ["house", "shop", "shed"])
    return f"taskonomy:{root}"


EXAMPLES = {
    "taskonomy": taskonomy_example,
    "office31": office31_example,
    "objects": lambda root: office31_example(root).replace("office31", "objects"),
    "rooms": lambda _: f"rooms:{ROOT / 'assets' / 'gallery'}",
    "nyuv2": nyuv2_example,
    "pictures": pictures_example,
}
"""What to open, by source."""


def make_album(root: Path) -> None:
    for name, size in (("b.png", (40, 30)), ("a/c.JPG", (30, 40)), ("a/d.gif", (64, 48))):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((size[1], size[0], 3), 128, np.uint8)).save(path)
    (root / "notes.txt").write_text("no picture")


def test_a_folder_of_pictures_has_pictures_of_one_size_and_no_labels(tmp_path: Path) -> None:
    make_album(tmp_path)
    source = open_data(f"pictures:{tmp_path}", size=(24, 32))
    assert len(source) == 3 and [source.name_of(i) for i in range(3)] == ["a/c.JPG", "a/d.gif", "b.png"]
    for sample in source:
        assert sample.image.shape == (3, 24, 32) and sample.targets == {}
        assert sample.image.mean() == pytest.approx(128 / 255, abs=0.01)
    with pytest.raises(IndexError):
        source[3]
    with pytest.raises(IndexError):
        source[-1]


def test_one_broken_picture_does_not_hide_the_others(tmp_path: Path) -> None:
    make_album(tmp_path)
    (tmp_path / "b.png").write_bytes(b"broken")
    source = open_data(f"pictures:{tmp_path}", size=(24, 32))
    assert source[0].image.shape == (3, 24, 32)
    with pytest.raises(ValueError):
        source[2]


def coded_sample(height: int, width: int) -> Sample:
    """A picture whose colour says where each pixel was (red: column, green: row), and labels that say the same."""
    column, row = torch.meshgrid(torch.linspace(0, 1, width), torch.linspace(0, 1, height), indexing="xy")
    image = torch.stack([column, row, torch.zeros_like(row)])
    targets = {
        "segmentation": (column * 12).round().long(),
        "depth": 1 + row[None],
        "normals": torch.stack([column, row, torch.ones_like(row)]),
    }
    return Sample("coded", image, targets)


def assert_aligned(sample: Sample, size: tuple[int, int], margin: float) -> None:
    assert sample.image.shape == (3, *size)
    column, row, _ = sample.image
    inner = (..., slice(1, -1), slice(1, -1))  # resampling bends the picture at its very border
    assert sample.targets["segmentation"].shape == size and sample.targets["segmentation"].dtype == torch.int64
    assert (sample.targets["segmentation"] / 12 - column)[inner].abs().max() < 1 / 24 + margin
    assert (sample.targets["depth"][0] - 1 - row)[inner].abs().max() < margin
    assert (sample.targets["normals"][:2] - sample.image[:2])[inner].abs().max() < margin


@pytest.mark.parametrize("size", [(30, 40), (60, 80), (20, 40), (40, 20), (17, 13), (60, 20)])
def test_labels_stay_on_their_pixels_when_a_sample_is_fitted(size: tuple[int, int]) -> None:
    assert_aligned(fit_sample(coded_sample(60, 80), size), size, margin=1.5 / 60)


def test_a_sample_that_fits_is_left_alone() -> None:
    sample = coded_sample(20, 30)
    assert fit_sample(sample, (20, 30)) is sample


def test_a_batch_has_the_labels_that_all_of_it_have() -> None:
    one, other = coded_sample(8, 8), Sample("bare", torch.zeros(3, 8, 8), {"depth": torch.ones(1, 8, 8)})
    images, targets = collate([one, other])
    assert images.shape == (2, 3, 8, 8) and set(targets) == {"depth"} and targets["depth"].shape == (2, 1, 8, 8)
    assert set(collate([one, one])[1]) == set(one.targets)


def test_a_batch_has_the_labels_that_some_of_it_have_where_the_others_could() -> None:
    one = coded_sample(8, 8)
    other = Sample("bare", torch.zeros(3, 8, 8), {}, ("depth", "normals", "curvature"))
    _, targets = collate([one, other])
    assert set(targets) == {"depth", "normals"}, "one has no curvature, and could not"
    assert torch.equal(targets["depth"][0], one.targets["depth"]) and targets["depth"][1].isnan().all()
    _, targets = collate([other, other])
    assert targets["curvature"].shape == (2, 2, 8, 8) and targets["curvature"].isnan().all()


def test_the_classes_of_data_and_tasks_are_the_same() -> None:
    assert CLASS_NAMES == CLASSES and set(DOMAINS) < {t.name for t in TASKS}


def test_office31_is_split_by_names_alone_and_class_by_class(tmp_path: Path) -> None:
    text = office31_example(tmp_path)
    train, test = (open_data(text, split, (32, 32)) for split in ("train", "test"))
    names = [{source.name_of(i) for i in range(len(source))} for source in (train, test)]
    assert not names[0] & names[1] and len(names[0] | names[1]) == 3 * 16
    for domain in DOMAINS:
        for name in ("bike", "mug"):
            assert sum(one.startswith(f"{domain}/{name}/") for one in names[1]) == 4, "half of a small domain"


def test_a_picture_of_office31_whose_name_is_no_text_is_one_like_others(tmp_path: Path) -> None:
    text = office31_example(tmp_path)
    folder = tmp_path / "dslr" / "images" / "mug"
    os.rename(next(folder.iterdir()), os.fsencode(folder) + b"/caf\xe9.jpg")
    sources = [open_data(text, split, (32, 32)) for split in ("train", "test")]
    names = [source.name_of(i) for source in sources for i in range(len(source))]
    assert sum("caf\udce9" in name for name in names) == 1 and all(
        sample.name for source in sources for sample in source
    )


@pytest.mark.parametrize("name", ["office31", "objects"])
def test_domains_have_pictures_and_labels_of_their_own(name: str, tmp_path: Path) -> None:
    source = open_data(EXAMPLES[name](tmp_path), "train", (32, 48))
    assert source.is_divided
    for domain in DOMAINS:
        own = source.for_task(domain)
        assert len(own) == len(source) / 3
        for sample in own:
            assert set(sample.targets) == {domain} and sample.image.shape == (3, 32, 48)
            expected = "bike" if sample.image.median() < 0.5 else "mug"
            assert CLASSES[int(sample.targets[domain])] == expected == sample.name.split("/")[1]
    with pytest.raises(DataError, match=r"^expected one of the domains amazon, dslr, webcam of .*, got 'depth'$"):
        source.for_task("depth")


def test_folders_of_other_classes_are_refused(tmp_path: Path) -> None:
    text = office31_example(tmp_path)
    (tmp_path / "dslr" / "images" / "unicorn").mkdir()
    with pytest.raises(DataError, match=r"^expected classes of Office-31 under .*, got unicorn$"):
        open_data(text, "test", (32, 32))
