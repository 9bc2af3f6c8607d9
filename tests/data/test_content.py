"""Digests of what pictures are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mta_core.data import DataSource, open_data
from mta_core.data.content import content_of
from tests import toys
from tests.test_evaluate import Shelf

SIZE = (64, 96)


def write_arrays(root: Path) -> None:
    """Two scenes of the pre-processed NYUv2."""
    random = np.random.default_rng(0)
    for kind, channels in (("image", (3,)), ("label", ()), ("depth", (1,)), ("normal", (3,))):
        (root / "val" / kind).mkdir(parents=True)
        for number in range(2):
            values = random.random((*SIZE, *channels), dtype=np.float32)
            np.save(root / "val" / kind / f"{number}.npy", np.full(SIZE, 4.0) if kind == "label" else values)


def write_pictures(root: Path) -> None:
    root.mkdir()
    for number in range(2):
        Image.new("RGB", (40, 30), (90 * number, 60, 20)).save(root / f"{number}.png")


MADE: dict[str, Callable[[Path], None]] = {
    "nyuv2": write_arrays,
    "rooms": lambda root: toys.write_scenes(root, 2),
    "office31": lambda root: toys.write_domains(root, 3),
    "pictures": write_pictures,
}


def contents(source: DataSource) -> list[str]:
    return [content_of(source, i) for i in range(len(source))]


@pytest.mark.parametrize("name", MADE)
def test_every_file_of_a_sample_counts_and_no_other(name: str, tmp_path: Path) -> None:
    MADE[name](tmp_path / "data")
    source = open_data(f"{name}:{tmp_path / 'data'}", "test", SIZE)
    before = contents(source)
    assert all(len(digest) == 64 for digest in before) and before[0] != before[1]
    files = source.files_of(0)
    assert files and not set(files) & set(source.files_of(1))
    for file in files:
        kept = file.read_bytes()
        file.write_bytes(kept + b" ")
        changed = contents(source)
        assert changed[0] != before[0] and changed[1:] == before[1:], file
        file.write_bytes(kept)
        assert contents(source) == before
    files[0].unlink()
    assert contents(source) == ["", *before[1:]]


def test_rendered_ones_are_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mta_core.data.rooms.source.RUNS", tmp_path)
    source = open_data("rooms", "test", SIZE)
    assert len(content_of(source, 0)) == 64
    assert content_of(source, 0) == content_of(open_data("rooms", "test", (32, 32)), 0), "at any size"


def test_what_lies_in_no_file_is_told_by_its_values() -> None:
    one, other = Shelf(2), Shelf(2)
    assert contents(one) == contents(other) and len(set(contents(one))) == 2
    other.labels["depth"][1] += 1
    other.pictures[0, 0, 0, 0] += 0.125
    assert not set(contents(one)) & set(contents(other))
