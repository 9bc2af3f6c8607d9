"""Batches: every sample once, in an order that the seed decides, a bounded number ahead."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import torch

from mta_core.data import DataSource, Sample, Size
from mta_core.data.loader import batches, epoch_order


class Numbers(DataSource):
    """Pictures that are all of one value, their index; it remembers what was read."""

    name, label, terms, splits = "numbers", "Numbers", "none", ("all",)
    spaces = {}  # noqa: RUF012

    def __init__(self, count: int) -> None:
        self.count = count
        self.was_read: list[int] = []

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> Numbers:
        return cls(10)

    def name_of(self, index: int) -> str:
        return str(index)

    def read(self, index: int) -> Sample:
        self.was_read.append(index)
        return Sample(str(index), torch.full((3, 2, 2), float(index)), {"depth": torch.full((1, 2, 2), float(index))})

    def __len__(self) -> int:
        return self.count


def values(images: torch.Tensor) -> list[int]:
    return [int(v) for v in images[:, 0, 0, 0]]


@pytest.mark.parametrize("batch_size", [1, 3, 7, 10])
@pytest.mark.parametrize("ahead", [1, 3, 20])
def test_every_sample_comes_once_in_the_given_order(batch_size: int, ahead: int) -> None:
    source = Numbers(7)
    places = [(0, i) for i in (4, 2, 0, 6, 1, 5, 3)]
    seen = []
    for images, targets in batches([source], places, batch_size, ahead=ahead):
        assert len(images) <= batch_size and torch.equal(images[:, :1], targets["depth"])
        seen += values(images)
    assert seen == source.was_read == [index for _, index in places]


def test_places_name_their_source() -> None:
    mixed = [(1, 0), (0, 3), (1, 5)]
    one, other = Numbers(6), Numbers(6)
    assert [values(images) for images, _ in batches([one, other], mixed, 2)] == [[0, 3], [5]]
    assert (one.was_read, other.was_read) == ([3], [0, 5])


def test_drops_a_short_last_batch_only_on_demand() -> None:
    places = [(0, i) for i in range(7)]
    assert [len(i) for i, _ in batches([Numbers(7)], places, 3)] == [3, 3, 1]
    assert [len(i) for i, _ in batches([Numbers(7)], places, 3, drop_last=True)] == [3, 3]
    assert [len(i) for i, _ in batches([Numbers(7)], places, 7, drop_last=True)] == [7]
    assert list(batches([Numbers(7)], [], 3)) == []


def test_reads_no_further_ahead_than_allowed() -> None:
    source = Numbers(100)
    stream = batches([source], [(0, i) for i in range(100)], 2, ahead=3)
    for taken in range(1, 6):
        next(stream)
        time.sleep(0.05)
        assert len(source.was_read) <= 2 * (taken + 3)
    stream.close()  # type: ignore[attr-defined]


def test_dropping_the_stream_stops_reading_and_leaves_no_thread() -> None:
    source = Numbers(100)
    stream = batches([source], [(0, i) for i in range(100)], 1)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    count = len(source.was_read)
    time.sleep(0.05)
    assert len(source.was_read) == count < 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


def test_a_sample_that_cannot_be_read_is_reported_to_the_reader() -> None:
    class Broken(Numbers):
        def read(self, index: int) -> Sample:
            if index == 3:
                raise ValueError("no picture 3")
            return super().read(index)

    stream = batches([Broken(6)], [(0, i) for i in range(6)], 1)
    assert [values(next(stream)[0])[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no picture 3"):
        next(stream)


def test_each_sample_has_randomness_of_its_own_that_batching_does_not_change() -> None:
    def noise(sample: Sample, random: torch.Generator) -> Sample:
        return Sample(sample.name, torch.rand(3, 2, 2, generator=random))

    places = [(0, 0)] * 6
    runs = [
        torch.cat([images for images, _ in batches([Numbers(1)], places, size, noise, seed=seed)])
        for size, seed in ((6, 1), (2, 1), (2, 2))
    ]
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[1], runs[2])
    assert len({tuple(picture.flatten().tolist()) for picture in runs[0]}) == 6


def test_an_epochs_order_is_a_permutation_that_seed_and_epoch_decide() -> None:
    places = [(0, i) for i in range(50)]
    first, again, later, other = (epoch_order(places, seed, epoch) for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0)))
    assert sorted(first) == places and first == again
    assert first != places and first != later and first != other
