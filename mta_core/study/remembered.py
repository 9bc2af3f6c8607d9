"""Pictures and labels that stay in memory: one study attacks the same ones again and again, and some labels are slow to
derive."""

from __future__ import annotations

from pathlib import Path

from mta_core.data import DataSource, Sample, Size

MOST = 600_000_000
"""Bytes that may be kept; the 200 rooms at 96x128 with the labels of all eleven tasks take 200 million."""
NUMBERS = 24
"""Of 4 bytes that a pixel has at most, with its colours and the labels of all tasks."""


def fits(count: int, size: Size) -> bool:
    """Whether so many pictures may be kept."""
    return count * size[0] * size[1] * NUMBERS * 4 <= MOST


class Remembered(DataSource):
    """Another source, each picture of which is read once, with the labels that it gives."""

    def __init__(self, source: DataSource) -> None:
        self.source, self.split = source, source.split
        self._kept: dict[int, Sample] = {}
        # What others say once for all their objects.
        for key in ("name", "label", "terms", "splits", "needs_path", "is_divided", "spaces"):
            setattr(self, key, getattr(source, key))

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> DataSource:
        raise NotImplementedError("it is made from a source that is open already")

    def name_of(self, index: int) -> str:
        return self.source.name_of(index)

    def read(self, index: int) -> Sample:
        if index not in self._kept:
            self._kept[index] = self.source[index]
        return self._kept[index]

    def __len__(self) -> int:
        return len(self.source)
