"""What is in the files of Taskonomy, in our units and axes.

From the release's documentation (StanfordVL/taskonomy, data/README.md) and the configurations its networks were trained
with, which the robustness study took over (columbia/MTRobust, dataloaders/new/configs):

- Depth is in 1/512 m, none from 64500 up; all labels of geometry are masked there.
- Numbers of 16 bits over 65535 and of 8 bits over 255; then [0, 0.08] of texture edges, [0, 0.005] of 2-D key points,
  [0, 0.00625] of edges of occlusion (blurred by 4 pixels of 256) and [0, 1] of 3-D key points and of reshading become
  [-1, 1], and what is outside is cut off.
- Curvatures: 127 is 0, and 254 is 1 / 0.03 m, where they end (EPFL-VILAB/omnidata, create_curvature_images.py);
  positive where a surface bulges towards the viewer. We keep that unit, where the study divides by a mean deviation.
- Normals point right, down and away from the camera, (128, 128, 128) is none: a floor is (128, 0, 128) and a wall that
  faces the camera (128, 128, 0). We turn them to right, up and to the camera; those that follow from the sample's depth
  agree.
- Classes: 0 is uncertain (no label), 1 the background, then 16 kinds of objects; ours are one less. Omnidata's colour
  files have a class of its own in the red channel: objects that Taskonomy knows too are taken, the rest is unlabelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mta_core.data import derived
from mta_core.data.base import DataError, Size
from mta_core.vectors import length

OMNIDATA = (0, 21, 38, 39, 40, 41, 42, 43, 44, 50, 51, 52, 53, 54, 55, 56, 57)
"""The number of each class (`mta_core.tasks.taskonomy.CLASSES`) among `CLASS_LABELS` of Omnidata's Taskonomy component;
its 0 says too little."""
UNLABELLED = 255
NONE_FROM = 64500
DISTANCES = ("depth", "euclidean_depth")
TOPS = {
    "keypoints2d": derived.KEYPOINTS_2D, "keypoints3d": 1.0, "edge_texture": derived.EDGE_TEXTURE, "reshading": 1.0,
}  # fmt: skip
"""What becomes 1, of numbers scaled to [0, 1]."""
OF_GEOMETRY = frozenset({"normals", "keypoints3d", "edge_occlusion", "curvature", "reshading"})
"""Tasks that have labels only where a surface is."""
DEEP = frozenset({*DISTANCES, "keypoints2d", "keypoints3d", "edge_texture", "edge_occlusion"})
"""Files of 16 bits."""


def read_labels(files: Mapping[str, Path], names: Sequence[str], size: Size) -> dict[str, Tensor]:
    """The labels that a picture of (H, W) pixels has, of these tasks; only their files are read, and those of distances
    where they say where geometry is.

    Raises:
        DataError: a file cannot be read, is of another size than the picture or of another kind of pixels.
    """
    known = None
    if OF_GEOMETRY & set(names):
        known = next((_pixels(files[name], size, name) < NONE_FROM for name in DISTANCES[::-1] if name in files), None)
    return {name: _label(name, files[name], size, known) for name in names if name in files}


def _label(name: str, file: Path, size: Size, known: Tensor | None) -> Tensor:
    pixels = _pixels(file, size, name)
    if name == "segmentation":
        return _classes(pixels)
    if name in DISTANCES:
        return torch.where(pixels < NONE_FROM, pixels / derived.UNITS, 0)
    if name == "normals":
        return _normals(pixels[:3] / 127.5 - 1, known)
    everywhere = torch.ones_like(pixels[:1], dtype=torch.bool)
    known = known if known is not None and name in OF_GEOMETRY else everywhere
    if name == "curvature":  # 0, 0 is how its renderer leaves what it does not hit
        sound = known & (pixels[:2] > 0).any(0)
        return torch.where(sound, ((pixels[:2] - 127) / 127).clamp(-1, 1), torch.nan)
    share = pixels[:1] / (65535 if name in DEEP else 255)
    if name == "edge_occlusion":
        return derived.occlusion_label(share, known)
    return torch.where(known, derived.scaled(share, TOPS[name]), torch.nan)


def _normals(vectors: Tensor, known: Tensor | None) -> Tensor:
    size = length(vectors, dim=0)
    sound = size > 0.5 if known is None else (size > 0.5) & known
    return torch.where(sound, vectors * torch.tensor([1.0, -1.0, -1.0]).view(3, 1, 1) / size, 0)


def _classes(pixels: Tensor) -> Tensor:
    """(H, W) int64 from grey class numbers (1, H, W), or from Omnidata's colours (3, H, W)."""
    ours = torch.full((256,), UNLABELLED)
    if len(pixels) == 1:
        ours[1 : 1 + len(OMNIDATA)] = torch.arange(len(OMNIDATA))
    else:
        ours[torch.tensor(OMNIDATA[1:])] = torch.arange(1, len(OMNIDATA))
    return ours[pixels[0].long().clamp(0, UNLABELLED)]


def _pixels(path: Path, size: Size, name: str) -> Tensor:
    """(C, H, W) float32."""
    shown = f"{path.parent.name}/{path.name}"
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            fits = picture.size == (size[1], size[0])  # looked at before anything is decoded
            pixels: NDArray[np.generic] = np.array(picture) if fits else np.empty(0)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow raises all of these
        raise DataError(f"cannot read the labels in {shown}: {error}") from error
    planes = pixels[..., None] if pixels.ndim == 2 else pixels
    kind, sound = _expected(name, planes)
    if not fits or not sound:
        raise DataError(f"expected {shown} to be {size[1]}x{size[0]} {kind} pixels like its picture")
    return torch.from_numpy(planes.astype(np.float32)).movedim(-1, 0).contiguous()


def _expected(name: str, planes: NDArray[np.generic]) -> tuple[str, bool]:
    """What pixels of a task's file are, and whether these (H, W, C) are such."""
    if name in DEEP:
        return "16-bit grey", planes.ndim == 3 and planes.shape[-1] == 1 and planes.dtype.itemsize >= 2
    is_byte = planes.ndim == 3 and planes.dtype == np.uint8
    if name in ("normals", "curvature"):
        return "colour", is_byte and planes.shape[-1] >= 3
    return "8-bit", is_byte and planes.shape[-1] in (1, 3, 4)
