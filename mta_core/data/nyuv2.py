"""NYU Depth V2 (Silberman et al., ECCV 2012), in any of three layouts; bring your own copy."""

from __future__ import annotations

from pathlib import Path

from mta_core.data.base import DataError, DataSource, Sample, Size, fit_sample, fitted_focal
from mta_core.data.matlab import MatLayout, mat_file
from mta_core.data.scenes import SPACES, SceneLayout, open_layout

FOCAL, NATIVE = 518.86, (480, 640)
"""Of the Kinect's colour camera, in pixels of its pictures (`fx_rgb` of the data set's toolbox), and their size."""


class Nyuv2(DataSource):
    """Indoor photographs with 13 classes, depth in metres and surface normals; the official `.mat` has fewer labels."""

    name = "nyuv2"
    label = "NYUv2"
    terms = "NYU Depth V2 states no redistribution licence: bring your own copy"
    spaces = SPACES
    splits = ("train", "test")

    def __init__(self, layout: SceneLayout, size: Size) -> None:
        self.layout = layout
        self.split = layout.split
        self.size = size
        if layout.spaces != SPACES:
            setattr(self, "spaces", layout.spaces)  # noqa: B010 - of the class elsewhere

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> Nyuv2:
        if path is None:
            raise DataError("expected a folder: nyuv2:PATH")
        return cls(open_layout(path, split) if mat_file(path) is None else MatLayout(path, split), size)

    def name_of(self, index: int) -> str:
        return self.layout.names[index]

    def read(self, index: int) -> Sample:
        return fit_sample(self.layout.read(self.name_of(index)), self.size)

    def files_of(self, index: int) -> list[Path]:
        return self.layout.files_of(self.name_of(index))

    def focal_of(self, index: int) -> float | None:
        """That of whole frames, as all the layouts have them, whatever their size."""
        return fitted_focal(FOCAL, NATIVE, self.size)

    def __len__(self) -> int:
        return len(self.layout.names)
