"""Taskonomy (Zamir et al., CVPR 2018): photographs of buildings with labels of every task; bring your own copy.

Layouts: a folder for each kind of file, `<root>/<kind>/.../point_I_view_V_domain_*.png`, with the folder of the
building (and Omnidata's `taskonomy/`) below it, or the building's above it, `<root>/<building>/<kind>/...`, or one
building alone; or a folder for each view, `<root>/<view>/<kind>.png`. What kinds are called is in `KINDS`. A picture
may lack labels.

Splits are by building: those of the released lists where any `train_val_test_*.csv` (id,train,val,test) lies in the
root; else buildings are put in the order of a digest of their names, and the first 15 % (at least one) are for the
test, the next 15 % for validation and the others for training, about as in the released Full+ (81, 75 and 381 of 537).
One or two buildings are not divided.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mta_core import imaging
from mta_core.data import derived
from mta_core.data.base import DataError, DataSource, Sample, Size, fit_sample
from mta_core.data.taskonomy_files import read_labels

KINDS: dict[str, tuple[str, ...]] = {
    "segmentation": ("segment_semantic", "segmentsemantic", "semantic"),
    "depth": ("depth_zbuffer", "depth"),
    "euclidean_depth": ("depth_euclidean", "mist"),
    "normals": ("normal",),
    "keypoints2d": ("keypoints2d", "keypoint2d"),
    "keypoints3d": ("keypoints3d", "keypoint"),
    "edge_texture": ("edge_texture", "edge2d"),
    "edge_occlusion": ("edge_occlusion", "edge"),
    "curvature": ("principal_curvature", "curvature"),
    "reshading": ("reshading", "reshade"),
}
"""What the files of each task are called, today, in the first release or in Omnidata's samples."""
PICTURE = ("rgb",)
POINT = re.compile(r"(point_\w+?_view_\w+?)_domain_\w+\.png")
SPLITS = ("train", "val", "test")
SHARES = {"test": 0.15, "val": 0.15}


@dataclass(frozen=True)
class View:
    """One picture and where its files lie.

    Attributes:
        name: building, point and view; of a folder for each view its name.
        above, below: folders above and below that of a kind of file, relative to the root and to it.
        point: what its files' names begin with; empty where a folder is all its own.
    """

    name: str
    building: str
    above: Path
    below: Path = Path()
    point: str = ""

    def file(self, root: Path, kinds: Sequence[str]) -> Path | None:
        """Its file of a kind, under any of the names that this kind has."""
        for path in self._places(root, kinds):
            if path.is_file():
                return path
        return None

    def _places(self, root: Path, kinds: Sequence[str]) -> Iterator[Path]:
        for kind in kinds:
            if not self.point:
                yield root / self.above / f"{kind}.png"
            for ending in kinds if self.point else ():
                yield root / self.above / kind / self.below / f"{self.point}_domain_{ending}.png"


class Taskonomy(DataSource):
    """Samples have those labels whose files are there."""

    name = "taskonomy"
    label = "Taskonomy"
    terms = "Taskonomy (Zamir et al. 2018), for non-commercial research; not to be redistributed with this program"
    spaces = {"segmentation": "taskonomy", "depth": "metres", "normals": "unit-camera", **derived.SPACES}  # noqa: RUF012
    splits = SPLITS

    def __init__(self, root: Path, views: Sequence[View], split: str, size: Size) -> None:
        self.root, self.views, self.split, self.size = root, list(views), split, size

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> Taskonomy:
        if path is None:
            raise DataError("expected a folder: taskonomy:PATH")
        if not path.is_dir():
            raise DataError(f"expected a folder of data, {path} is none")
        views = sorted(views_under(path), key=lambda view: view.name)
        if not views:
            raise DataError(f"expected rgb/.../point_I_view_V_domain_rgb.png or VIEW/rgb.png under {path}, found none")
        split_of = divided(path, {view.building for view in views})
        if split_of is None:
            return cls(path, views, "all", size)
        own = [view for view in views if split_of.get(view.building) == split]
        if not own:
            raise DataError(f"expected buildings of the split {split} under {path}, all of them are of other splits")
        return cls(path, own, split, size)

    def name_of(self, index: int) -> str:
        return self.views[index].name

    def read(self, index: int) -> Sample:
        view = self.views[index]
        image = imaging.read(self._picture(view))
        asked = tuple(self.spaces) if self.asked is None else self.asked
        labels = read_labels(self._files(view), asked, (image.shape[-2], image.shape[-1]))
        labels["autoencoding"] = derived.autoencoding(image)
        targets = {name: labels[name] for name in asked if name in labels}
        return fit_sample(
            Sample(view.name, image, targets, tuple(name for name in asked if name not in labels)), self.size
        )

    def files_of(self, index: int) -> list[Path]:
        view = self.views[index]
        return [self._picture(view), *self._files(view).values()]

    def _picture(self, view: View) -> Path:
        if (file := view.file(self.root, PICTURE)) is None:
            raise DataError(f"expected the picture of {view.name} under {self.root}")
        return file

    def _files(self, view: View) -> dict[str, Path]:
        found = {task: view.file(self.root, kinds) for task, kinds in KINDS.items()}
        return {task: file for task, file in found.items() if file is not None}

    def __len__(self) -> int:
        return len(self.views)


def views_under(root: Path) -> Iterator[View]:
    """Every picture in any of the layouts."""
    for folder in (path for kind in PICTURE for path in (root / kind, *root.glob(f"*/{kind}")) if path.is_dir()):
        above = folder.parent.relative_to(root)
        for file in folder.rglob("*.png"):
            if found := POINT.fullmatch(file.name):
                below = file.parent.relative_to(folder)
                building = below.name or above.name or root.resolve().name
                yield View(f"{building}/{found[1]}", building, above, below, found[1])
    for file in (path for kind in PICTURE for path in root.glob(f"*/{kind}.png")):
        name = file.parent.name
        yield View(name, name.partition("__point_")[0], Path(name))


def divided(root: Path, buildings: Iterable[str]) -> dict[str, str] | None:
    """The split of each building; None where they are not divided.

    Raises:
        DataError: a released list is not as expected.
    """
    lists = sorted(root.glob("train_val_test_*.csv"))
    if lists:
        return {building: split for path in lists for building, split in _listed(path)}
    order = sorted(buildings, key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest())
    if len(order) < 3:
        return None
    first = [split for split, share in SHARES.items() for _ in range(max(1, round(share * len(order))))]
    return {building: first[i] if i < len(first) else "train" for i, building in enumerate(order)}


def _listed(path: Path) -> Iterator[tuple[str, str]]:
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    for row in rows:
        if len(row) != 1 + len(SPLITS):
            raise DataError(f"expected rows of id,train,val,test in {path}, got {','.join(row)[:60]!r}")
        yield from ((row[0], split) for split, mark in zip(SPLITS, row[1:], strict=True) if mark.strip() == "1")
