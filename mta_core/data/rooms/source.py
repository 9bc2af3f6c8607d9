"""The rooms as a data source: rendered when they are first asked for, then kept on disk."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from mta_core.data import derived
from mta_core.data.base import DataError, DataSource, Sample, Size, fit_sample, fitted_focal
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

    Labels are rounded: depth to a millimetre, normals to 8 bits a component (a quarter of a degree). What else is known
    of the scene follows from these and from `camera/NAME.txt`, how many radians its camera sees across.
    """
    from mta_core.data.rooms import render_room

    room = render_room(seed, *size)
    name = f"{seed:07d}"
    millimetres = np.rint(room.depth * 1000).clip(0, 65535).astype(np.uint16)
    normals = np.rint((room.normals + 1) * 127.5).astype(np.uint8)
    write_field_of_view(root, name, room.camera.field_of_view)
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


def write_field_of_view(root: Path, name: str, radians: float) -> None:
    write_atomically(root / "camera" / f"{name}.txt", f"{radians!r}\n".encode())


def read_field_of_view(root: Path, name: str) -> float | None:
    """How many radians the camera of a scene sees across; None where no file says so, as before there were any.

    Raises:
        DataError: what the file says cannot be.
    """
    path = root / "camera" / f"{name}.txt"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read camera/{path.name} under {root}: {error}") from error
    try:
        radians = float(text)
    except ValueError:
        radians = math.nan
    if not 0 < radians < math.pi:
        raise DataError(f"expected camera/{path.name} under {root} to hold an angle in (0, pi), got {text[:40]!r}")
    return radians


class Rooms(DataSource):
    """Procedural indoor scenes with exact labels; how those of each task come about is said in `derived`."""

    name = "rooms"
    label = "Rooms"
    terms = "made by this program, free to use"
    spaces = SPACES
    derived = derived.SPACES
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
        sample = read_scene(self.root, self._rendered(index))
        if self.asked is not None:
            sample = replace(sample, targets=self._labels(sample, self.asked))
        return fit_sample(sample, self.size)

    def _labels(self, sample: Sample, names: Sequence[str]) -> dict[str, Tensor]:
        """Exact or derived on the grid of the scene, whatever it is brought to afterwards."""
        depth, normals = sample.targets["depth"], sample.targets["normals"]
        needs_camera = set(names) & derived.WITH_CAMERA
        field = self._field_of_view(sample.name) if needs_camera else math.nan
        focal = derived.field_to_focal(field, depth.shape[-1])
        labels = {**sample.targets, **derived.derive(names, sample.image, depth, normals, focal)}
        return {name: labels[name] for name in names}

    def _field_of_view(self, name: str) -> float:
        if (known := read_field_of_view(self.root, name)) is not None:
            return known
        if not name.isdecimal():
            raise DataError(f"expected camera/{name}.txt under {self.root}, which says how wide its camera sees")
        from mta_core.data.rooms.room import furnished_view

        field = furnished_view(int(name))[2].field_of_view  # a tenth of a second, once
        if self.render:
            write_field_of_view(self.root, name, field)
        return field

    def files_of(self, index: int) -> list[Path]:
        return files_of_scene(self.root, self._rendered(index))

    def focal_of(self, index: int) -> float | None:
        """None where no file says how wide the camera sees, or the picture cannot be read."""
        try:
            field = self._field_of_view(self.names[index])
            with Image.open(self.files_of(index)[0]) as picture:
                width, height = picture.size
        except (DataError, OSError):
            return None
        return fitted_focal(derived.field_to_focal(field, width), (height, width), self.size)

    def _rendered(self, index: int) -> str:
        """The name of a scene whose files are there."""
        name = self.names[index]
        if self.render and not (self.root / "rgb" / f"{name}.png").exists():
            write_scene(self.root, int(name))  # the picture is written last, so its presence means all is there
        return name

    def __len__(self) -> int:
        return len(self.names)
