"""`nyu_depth_v2_labeled.mat` as it is distributed: 1449 pictures of 480x640 with depth and the classes of people.

A MATLAB 7.3 file is HDF5, with the dimensions in reverse order; the package h5py reads it. What else is published of it
is read where it lies beside the file, under its own name:

| file | what it says |
| --- | --- |
| `splits.mat` (`trainNdxs`, `testNdxs`) | which 795 pictures are for training and which 654 for the test |
| `classMapping40.mat` (`mapClass`) | which of the 40 classes of Gupta et al. (CVPR 2013) each of the 894 belongs to |

Without the first, pictures are not divided; without the second there are no labels of segmentation: nothing in the file
itself says which of the 13 classes "knife rack" is. There are no surface normals in it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.io.matlab
import torch
from numpy.typing import NDArray

from mta_core.data.base import DataError, Sample
from mta_core.data.scenes import SceneLayout

NAME = "nyu_depth_v2_labeled.mat"
SPLITS, CLASSES = "splits.mat", "classMapping40.mat"
SPLIT_KEYS = {"train": "trainNdxs", "test": "testNdxs"}
UNLABELLED = 255
MAX_SIDE, MAX_BYTES = 4096, 200_000
"""Pixels of a side of its pictures; bytes of a file beside it: both real ones have some thousands."""
DAMAGED = (
    scipy.io.matlab.MatReadError, TypeError, IndexError, NotImplementedError, MemoryError, zlib.error, struct.error,
)  # fmt: skip
"""What SciPy raises of files that are none, beside the usual errors."""
FORTY_TO_13 = (
    11, 4, 5, 0, 3, 8, 9, 11, 12, 5, 7, 5, 12, 9, 5, 12, 5, 6, 6, 4, 6, 2, 1, 5, 10, 6, 6, 6, 6, 6, 6, 5, 6, 6, 6, 6, 6,
    6, 5, 6,
)  # fmt: skip
"""The class among 13 (Couprie et al.: "Indoor semantic segmentation using depth information", 2013) of each of the 40,
as SceneNet published it (Handa et al., CVPR 2016; `class13Mapping.mat`)."""


def mat_file(root: Path) -> Path | None:
    """The file at `root`, or in that folder; None where there is none."""
    if root.suffix.lower() == ".mat":
        return root if root.is_file() else None
    return root / NAME if (root / NAME).is_file() else None


class MatLayout(SceneLayout):
    """The pictures of one split."""

    def __init__(self, root: Path, split: str) -> None:
        file = mat_file(root)
        if file is None:
            raise DataError(f"expected {NAME} under {root}")
        self.file = file
        with self._opened() as arrays:
            count = len(arrays["images"])
        numbers = _numbers_of(file.with_name(SPLITS), split, count)
        self.split = "all" if numbers is None else split
        self.names = [f"{number:04d}" for number in (range(1, count + 1) if numbers is None else numbers)]
        self.classes = _classes_of(file.with_name(CLASSES))
        self.spaces = {"depth": "metres"}
        if self.classes is not None:
            self.spaces = {"segmentation": "nyu13", **self.spaces}

    def read(self, name: str) -> Sample:
        index = int(name) - 1
        try:
            with self._opened() as arrays:
                image, depth, labels = (np.asarray(arrays[key][index]) for key in ("images", "depths", "labels"))
        except (OSError, RuntimeError, ValueError) as error:  # h5py raises all of these for a damaged file
            raise DataError(f"cannot read picture {name} of {self.file.name}: {error}") from error
        targets = {"depth": torch.from_numpy(np.nan_to_num(depth.astype(np.float32)).T.copy())[None]}
        if self.classes is not None:
            known = labels.T.astype(np.int64).clip(0, len(self.classes) - 1)
            targets["segmentation"] = torch.from_numpy(np.where(labels.T < len(self.classes), self.classes[known], 255))
        return Sample(name, torch.from_numpy(image.transpose(0, 2, 1).astype(np.float32)) / 255, targets)

    def files_of(self, name: str) -> list[Path]:
        """None of its own: all pictures lie in one file."""
        return []

    def _opened(self) -> _Arrays:
        return _Arrays(self.file)


class _Arrays:
    """The arrays of a file while it is open.

    Raises:
        DataError: h5py is not installed, or the file is of another kind, of other arrays, or leads to other files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Mapping[str, Any]:
        try:
            import h5py
        except ImportError as error:
            raise DataError(f"expected the package h5py to read {self.path.name}: pip install h5py") from error
        try:
            self._file = h5py.File(self.path, "r")
        except OSError as error:
            raise DataError(f"expected {self.path.name} to be a MATLAB 7.3 file, which HDF5 is: {error}") from error
        try:
            return self._checked(h5py)
        except DataError:
            self._file.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _checked(self, h5py: Any) -> Mapping[str, Any]:
        found = {}
        for key in ("images", "depths", "labels"):
            is_own = isinstance(self._file.get(key, getlink=True), h5py.HardLink)  # others lead to other files
            array = self._file.get(key) if is_own else None
            if (
                not isinstance(array, h5py.Dataset)
                or array.external
                or array.is_virtual
                or array.dtype.kind not in "uf"
            ):
                raise DataError(f"expected the arrays images, depths and labels in {self.path.name}, {key} is none")
            found[key] = array
        shape = found["images"].shape
        sound = len(shape) == 4 and shape[0] > 0 and shape[1] == 3 and all(0 < side <= MAX_SIDE for side in shape[2:])
        maps = (shape[0], *shape[2:])
        if not sound or found["images"].dtype != np.uint8 or any(found[k].shape != maps for k in ("depths", "labels")):
            raise DataError(
                f"expected images (N, 3, width, height) of 8 bits and depths and labels (N, width, height) in "
                f"{self.path.name}, got {', '.join(str(array.shape) for array in found.values())}"
            )
        return found


def _numbers_of(path: Path, split: str, count: int) -> list[int] | None:
    """The pictures of a split, from 1; None where no file says so."""
    key = SPLIT_KEYS.get(split, SPLIT_KEYS["test"])
    return _small(path, key, lambda values: _in_range(values, 1, count))


def _classes_of(path: Path) -> NDArray[np.int64] | None:
    """The class among 13 of each label, 0 being none; None where no file says so."""
    forty = _small(path, "mapClass", lambda values: _in_range(values, 0, len(FORTY_TO_13)))
    if forty is None:
        return None
    return np.array([UNLABELLED, *(FORTY_TO_13[number - 1] if number else UNLABELLED for number in forty)])


def _in_range(values: NDArray[Any], low: int, high: int) -> list[int]:
    numbers = [int(number) for number in values.ravel()]
    if not numbers or min(numbers) < low or max(numbers) > high:
        raise ValueError(f"its numbers are not all in [{low}, {high}]")
    return numbers


def _small(path: Path, key: str, read: Callable[[NDArray[Any]], list[int]]) -> list[int] | None:
    """What an array of a small MATLAB file says; None where there is no file.

    Raises:
        DataError: it is no such file, or has no such array.
    """
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        return read(np.asarray(scipy.io.loadmat(path, variable_names=[key])[key]))
    except KeyError as error:
        raise DataError(f"expected {key} in {path.name}, there is none") from error
    except (OSError, ValueError, *DAMAGED) as error:
        raise DataError(f"expected {key} in {path.name}: {error}") from error
