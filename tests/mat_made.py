"""A small stand-in for `nyu_depth_v2_labeled.mat`, in its own form: HDF5 with MATLAB's dimensions reversed."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import scipy.io

from mta_core.data.matlab import CLASSES, NAME, SPLITS

HEIGHT, WIDTH = 30, 40
NAMES = ("book", "bottle", "wall")
FORTY = (23, 40, 1)
"""The class among 40 of each name: books, other props, wall."""


def write_mat(root: Path, count: int = 4, *, with_classes: bool = True, with_splits: bool = True) -> Path:
    """Pictures that are red in their upper half and darker from left to right; returns the file.

    Labels are 1 (book) above, 3 (wall) below, 0 (none) in the first column; depth is 1 m above and 2 m below.
    """
    root.mkdir(parents=True, exist_ok=True)
    images = np.zeros((count, HEIGHT, WIDTH, 3), np.uint8)
    images[:, : HEIGHT // 2, :, 0] = 255
    images[..., 1] = np.linspace(200, 0, WIDTH).astype(np.uint8)
    labels, depths = np.ones((count, HEIGHT, WIDTH), np.uint16), np.ones((count, HEIGHT, WIDTH), np.float32)
    labels[:, HEIGHT // 2 :], depths[:, HEIGHT // 2 :] = 3, 2
    labels[:, :, 0] = 0
    with h5py.File(root / NAME, "w", userblock_size=512) as file:  # MATLAB's own header lies before HDF5's
        file["images"] = images.transpose(0, 3, 2, 1)
        file["labels"], file["depths"] = labels.transpose(0, 2, 1), depths.transpose(0, 2, 1)
    if with_classes:
        scipy.io.savemat(root / CLASSES, {"mapClass": np.array([FORTY], np.uint8)})
    if with_splits:
        half = count // 2
        splits = {"trainNdxs": np.arange(half)[:, None] + 1, "testNdxs": np.arange(half, count)[:, None] + 1}
        scipy.io.savemat(root / SPLITS, splits)
    return root / NAME
