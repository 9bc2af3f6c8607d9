"""Any folder of pictures, without labels: attacks use the clean prediction as the target."""

from __future__ import annotations

from pathlib import Path

from mta_core import imaging
from mta_core.data.base import DataError, DataSource, Sample, Size

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class Pictures(DataSource):
    """The pictures of a folder and its sub-folders, in the order of their paths."""

    name = "pictures"
    label = "Folder of pictures"
    terms = "as their owner says"
    spaces = {}  # noqa: RUF012 - empty, never changed
    splits = ("all",)

    def __init__(self, root: Path, paths: list[Path], size: Size) -> None:
        self.root = root
        self.split = self.splits[0]
        self.paths = paths
        self.size = size

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> Pictures:
        if path is None:
            raise DataError("expected a folder: pictures:PATH")
        if not path.is_dir():
            raise DataError(f"expected a folder of pictures, {path} is none")
        files = (file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        paths = sorted(file for file in files if not file.name.startswith("."))  # not what systems put beside pictures
        if not paths:
            raise DataError(f"expected pictures ({', '.join(SUFFIXES)}) under {path}, found none")
        return cls(path, paths, size)

    def name_of(self, index: int) -> str:
        return self.paths[index].relative_to(self.root).as_posix()

    def read(self, index: int) -> Sample:
        return Sample(self.name_of(index), imaging.fit(imaging.read(self.paths[index]), self.size))

    def files_of(self, index: int) -> list[Path]:
        return [self.paths[index]]

    def __len__(self) -> int:
        return len(self.paths)
