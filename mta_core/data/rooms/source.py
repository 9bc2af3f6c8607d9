"""The rooms as a data source: rendered when they are first asked for, then kept on disk."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mta_core.data.base import DataError, DataSource, Sample, Size, fit_sample
from mta_core.data.scenes import SPACES, FolderLayout, files_of_scene, read_scene
from mta_core.weights import RUNS, write_atomically

VERSION = 1
"""Part of the cache's path: raise it whenever the same seed renders another picture."""
NATIVE: Size = (288, 384)
GALLERY = (7, 6, 3, 14, 24, 0, 16, 18, 25, 11, 10, 19, 20, 21, 13, 22, 23, 28, 15, 30, 32, 34, 36, 39)
"""The scenes shipped for the browser, as offsets from seed 2,000,000, the first one shown first."""
SPLITS: dict[str, Sequence[int]] = {
    "train": range(800),
    "test": range(1_000_000, 1_000_200),
    "gallery": tuple(2_000_000 + offset for offset in GALLERY),
}
"""Seeds of the scenes of each split; no two splits share one."""


def write_scene(root: Path, seed: int, size: Size = NATIVE) -> str:
    """Renders one scene into the folder layout of `FolderLayout`; returns its name.

    Labels are rounded: depth to a millimetre, normals to 8 bits a component (a quarter of a degree).
    """
    from mta_core.data.rooms import render_room

    room = render_room(seed, *size)
    name = f"{seed:07d}"
    millimetres = np.rint(room.depth * 1000).clip(0, 65535).astype(np.uint16)
    normals = np.rint((room.normals + 1) * 127.5).astype(np.uint8)
    for kind, pixels in (
        ("seg13", room.segmentation),
        ("depth", millimetres),
        ("normal", normals),
        ("rgb", room.image),
    ):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG", optimize=kind == "seg13")
        write_atomically(root / kind / f"{name}.png", buffer.getvalue())
    return name


class Rooms(DataSource):
    """Procedural indoor scenes with exact labels."""

    name = "rooms"
    label = "Rooms"
    terms = "made by this program, free to use"
    spaces = SPACES
    splits = ("train", "test", "gallery")
    needs_path = False

    def __init__(self, root: Path, names: list[str], split: str, size: Size, *, render: bool) -> None:
        self.root = root
        self.split = split
        self.names = names
        self.size = size
        self.render = render

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> Rooms:
        """The scenes of a split, or with a path those that `python -m mta_core rooms` wrote there."""
        if path is not None:
            if not (path / "rgb").is_dir():
                raise DataError(f"expected a folder made by the rooms command, there is no {path / 'rgb'}")
            layout = FolderLayout(path, split)
            return cls(path, layout.names, layout.split, size, render=False)
        root = RUNS / "cache" / f"rooms-{VERSION}"
        return cls(root, [f"{seed:07d}" for seed in SPLITS[split]], split, size, render=True)

    def name_of(self, index: int) -> str:
        return self.names[index]

    def read(self, index: int) -> Sample:
        return fit_sample(read_scene(self.root, self._rendered(index)), self.size)

    def files_of(self, index: int) -> list[Path]:
        return files_of_scene(self.root, self._rendered(index))

    def _rendered(self, index: int) -> str:
        """The name of a scene whose files are there."""
        name = self.names[index]
        if self.render and not (self.root / "rgb" / f"{name}.png").exists():
            write_scene(self.root, int(name))  # the picture is written last, so its presence means all is there
        return name

    def __len__(self) -> int:
        return len(self.names)
