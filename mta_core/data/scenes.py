"""Indoor scenes with three kinds of labels, in the layouts in which they lie on disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mta_core import imaging
from mta_core.data.base import DataError, Sample
from mta_core.vectors import length

SPACES = {"segmentation": "nyu13", "depth": "metres", "normals": "unit-camera"}
"""Label spaces of indoor scenes."""
FLOOR, CEILING = 4, 2
SUFFIXES = (".png", ".jpg", ".webp")
"""Files of the folder layout; of several with one name the first is read."""
LISTS = ("train.txt", "test.txt", "val.txt", "gallery.txt")


class SceneLayout(ABC):
    """Where the pictures and labels of one split lie."""

    names: list[str]
    split: str
    spaces: Mapping[str, str] = SPACES
    """Label space of each task that it has labels for."""

    @abstractmethod
    def read(self, name: str) -> Sample: ...

    @abstractmethod
    def files_of(self, name: str) -> list[Path]: ...


class FolderLayout(SceneLayout):
    """`rgb/`, `seg13/`, `depth/` (16-bit, mm), `normal/` (n = px / 127.5 - 1) and a list of names per split.

    Where there is no list at all the pictures are not divided. Normals are in the project's axes already.
    """

    def __init__(self, root: Path, split: str) -> None:
        self.root = root
        listing = root / f"{split}.txt"
        found = {path.stem for path in (root / "rgb").iterdir() if path.suffix in SUFFIXES}
        others = [name for name in LISTS if (root / name).exists()]
        if others and not listing.exists():
            raise DataError(f"expected {listing.name} beside {', '.join(others)} under {root}")
        self.split = split if others else "all"
        try:
            self.names = listing.read_text(encoding="utf-8").split() if others else sorted(found)
        except (OSError, ValueError) as error:
            raise DataError(f"expected names of pictures in {listing}: {error}") from error
        if not self.names:
            raise DataError(f"expected pictures under {root / 'rgb'}, found none")
        missing = [name for name in self.names if name not in found]
        if missing:
            shown = ", ".join(missing[:3])
            raise DataError(f"expected the pictures named in {listing.name} under {root / 'rgb'}, missing {shown}")

    def read(self, name: str) -> Sample:
        return read_scene(self.root, name)

    def files_of(self, name: str) -> list[Path]:
        return files_of_scene(self.root, name)


def read_scene(root: Path, name: str) -> Sample:
    """One scene of the folder layout.

    Raises:
        DataError: a file is missing, unreadable or of another size than its picture.
    """
    image = imaging.read(_file(root, "rgb", name))
    size = (image.shape[-2], image.shape[-1])
    shapes: dict[str, tuple[int, ...]] = {"seg13": size, "depth": size, "normal": (*size, 3)}
    pixels = {kind: _pixels(_file(root, kind, name), shape) for kind, shape in shapes.items()}
    normals = torch.from_numpy(pixels["normal"].astype(np.float32)).movedim(-1, 0) / 127.5 - 1
    return Sample(
        name,
        image,
        {
            "segmentation": torch.from_numpy(pixels["seg13"].astype(np.int64)),
            "depth": torch.from_numpy(pixels["depth"].astype(np.float32))[None] / 1000,
            "normals": _unit(normals),
        },
    )


def files_of_scene(root: Path, name: str) -> list[Path]:
    """Raises DataError where one is missing."""
    return [_file(root, kind, name) for kind in ("rgb", "seg13", "depth", "normal")]


def _unit(normals: Tensor) -> Tensor:
    """(3, H, W) at unit length; zero where there is no direction: eight bits have no exact zero, and elsewhere NaN
    stands for it."""
    size = length(normals, dim=0)
    return torch.where((size > 0.5) & size.isfinite(), normals / size, 0)


def _file(root: Path, kind: str, name: str) -> Path:
    for suffix in SUFFIXES:
        path = root / kind / f"{name}{suffix}"
        if path.exists():
            return path
    raise DataError(f"expected {kind}/{name}.png or .jpg under {root}")


def _pixels(path: Path, shape: tuple[int, ...]) -> NDArray[np.generic]:
    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
            fits = picture.size == (shape[1], shape[0])  # looked at before anything is decoded
            pixels = np.array(picture) if fits else np.empty(0)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow raises all of these
        raise DataError(f"cannot read the labels in {path.parent.name}/{path.name}: {error}") from error
    if pixels.shape != shape or (path.parent.name == "depth" and pixels.dtype.itemsize < 2):
        kind = "colour" if len(shape) == 3 else "16-bit" if path.parent.name == "depth" else "grey"
        size = f"{shape[1]}x{shape[0]}"
        raise DataError(f"expected {path.parent.name}/{path.name} to be {size} {kind} pixels like its picture")
    return pixels


class ArrayLayout(SceneLayout):
    """`{train,val}/{image,label,depth,normal}/N.npy`, the pre-processed NYUv2 of the multi-task literature.

    Its normals' axes are read off the data, never assumed: see `find_axes`.
    """

    def __init__(self, root: Path, split: str) -> None:
        self.split = split
        self.root = root / ("train" if split == "train" else "val")
        images = self.root / "image"
        if not images.is_dir():
            raise DataError(f"expected the folder {self.root.name}/image under {root}")
        self.names = [path.stem for path in sorted(images.glob("*.npy"), key=lambda path: (len(path.stem), path.stem))]
        if not self.names:
            raise DataError(f"expected N.npy files in {images}")
        probe = self.names[:: max(1, len(self.names) // 24)]
        self.axes = find_axes(self._normals_and_labels(n) for n in probe)

    def read(self, name: str) -> Sample:
        label = self._array("label", name)
        segmentation = torch.from_numpy(np.where((label >= 0) & (label <= 12), label, 255).astype(np.int64))
        normals = torch.from_numpy(self._array("normal", name) @ self.axes.T.astype(np.float32)).movedim(-1, 0)
        targets = {
            "segmentation": segmentation,
            "depth": torch.from_numpy(self._array("depth", name)[..., 0])[None],
            "normals": _unit(normals),
        }
        image = torch.from_numpy(self._array("image", name)).movedim(-1, 0).clamp(0, 1)
        for task, target in targets.items():
            if target.shape[-2:] != image.shape[-2:]:
                raise DataError(f"expected the {task} of {name}.npy to be as large as its picture under {self.root}")
        return Sample(name, image.contiguous(), targets)

    def files_of(self, name: str) -> list[Path]:
        return [self.root / kind / f"{name}.npy" for kind in ("image", "label", "depth", "normal")]

    def _normals_and_labels(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        normals, labels = self._array("normal", name), self._array("label", name)
        if normals.shape[:2] != labels.shape:
            raise DataError(f"expected normal and label of {name}.npy to be of one size under {self.root}")
        return normals, labels

    def _array(self, kind: str, name: str) -> NDArray[np.float32]:
        path = self.root / kind / f"{name}.npy"
        try:
            with path.open("rb") as file:
                found = np.lib.format.read_array(file, allow_pickle=False)
            if np.iscomplexobj(found):
                raise ValueError("its numbers are complex")
            array: NDArray[np.float32] = found.astype(np.float32)
        except (OSError, ValueError, TypeError, EOFError, MemoryError) as error:  # a few bytes may claim terabytes
            raise DataError(f"expected an array in {kind}/{path.name} under {self.root}: {error}") from error
        if array.ndim == 2 and kind == "depth":
            array = array[..., None]
        channels = {"image": (3,), "depth": (1,), "normal": (3,), "label": ()}[kind]
        if array.shape[2:] != channels or array.ndim < 2 or not array.size:
            shape = "(height, width" + "".join(f", {n}" for n in channels) + ")"
            raise DataError(f"expected {kind}/{path.name} to be {shape} under {self.root}, got {array.shape}")
        if kind == "image" and not (array.min() >= -0.01 and array.max() <= 1.01):
            raise DataError(f"expected the pixels of image/{path.name} in [0, 1] under {self.root}")
        return array


def find_axes(pictures: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> NDArray[np.float64]:
    """The signed permutation (3, 3) that brings normals to X right, Y up, Z towards the camera.

    Read off pairs of normals (H, W, 3) and class labels (H, W): floors point up (and ceilings down); of the other two
    axes the one that never changes sign over the picture points to the camera, because a visible surface faces it;
    the last points right, because what is seen in the left half of a picture faces right more often than not.

    Raises:
        DataError: there are no floors or ceilings to read them off.
    """
    up, towards, right = np.zeros(3), np.zeros(3), np.zeros(3)
    for normals, labels in pictures:
        flat, classes = np.nan_to_num(normals.reshape(-1, 3).astype(np.float64)), labels.reshape(-1)
        up += flat[classes == FLOOR].sum(0) - flat[classes == CEILING].sum(0)
        towards += flat.sum(0)
        column = np.broadcast_to(np.linspace(-1, 1, labels.shape[1]), labels.shape).reshape(-1, 1)
        right -= (flat * column).sum(0)
    if not np.abs(up).max() > 0:
        raise DataError("expected some floor or ceiling among the labels, to read the normals' axes off")
    y = int(np.abs(up).argmax())
    x_and_z = [axis for axis in range(3) if axis != y]
    z = max(x_and_z, key=lambda axis: abs(towards[axis]))
    x = next(axis for axis in x_and_z if axis != z)
    axes = np.zeros((3, 3))
    axes[0, x], axes[1, y], axes[2, z] = np.sign(right[x]) or 1, np.sign(up[y]), np.sign(towards[z]) or 1
    return axes


LAYOUTS: tuple[tuple[Callable[[Path], bool], type[FolderLayout] | type[ArrayLayout]], ...] = (
    (lambda root: (root / "rgb").is_dir(), FolderLayout),
    (lambda root: (root / "train" / "image").is_dir() or (root / "val" / "image").is_dir(), ArrayLayout),
)


def open_layout(root: Path, split: str) -> SceneLayout:
    """The layout found at `root`.

    Raises:
        DataError: there is no folder, or none of the known layouts.
    """
    if not root.is_dir():
        raise DataError(f"expected a folder of data, {root} is none")
    for fits, layout in LAYOUTS:
        if fits(root):
            return layout(root, split)
    known = "rgb/, seg13/, depth/, normal/ or train/image/*.npy, val/image/*.npy or nyu_depth_v2_labeled.mat"
    raise DataError(f"expected {known} under {root}")


__all__ = ["ArrayLayout", "FolderLayout", "SceneLayout", "files_of_scene", "find_axes", "open_layout", "read_scene"]
