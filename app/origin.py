"""Where a picture of the page comes from, so that a command finds it again. No streamlit here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mta_core.imaging import Fit
from mta_core.weights import ROOT

FOLDER = "FOLDER"
"""Stands for where data lie that are not the program's own: that is nobody's business."""


@dataclass(frozen=True)
class Origin:
    """Of a picture of a data source, or of a file that somebody sent.

    Attributes:
        data: names the source, as `mta_core.data.open_data` reads it; empty of a file.
        split: of the source.
        name: of the picture in it, or of the file.
        sha256: hex digest of the file.
        fit: how the file was brought to a victim's size.
    """

    data: str = ""
    split: str = ""
    name: str = ""
    sha256: str = ""
    fit: Fit = "crop"

    @property
    def is_file(self) -> bool:
        return not self.data

    @property
    def public_data(self) -> str:
        """The source as it can be told to anybody: a path below the program's own folder, else `FOLDER`."""
        name, colon, path = self.data.partition(":")
        return f"{name}:{public_path(Path(path))}" if colon else name


def public_path(path: Path) -> str:
    """Relative to the program's folder; `FOLDER` where it lies elsewhere."""
    try:
        return path.resolve().relative_to(ROOT).as_posix()
    except ValueError:
        return FOLDER
