"""What a prepared scene is, and its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mta_core.results import write_json
from mta_core.weights import ROOT, write_atomically

FOLDER = ROOT / "assets" / "tour"
LISTING = "tour.json"


@dataclass(frozen=True)
class Panel:
    """A picture of a scene.

    Attributes:
        caption: below it: what it is, and a number where there is one.
        alt: what it shows, for those who do not see it.
        file: its WebP file in the tour's folder.
    """

    caption: str
    alt: str
    file: str


@dataclass(frozen=True)
class Scene:
    """One page of the tour.

    Attributes:
        title: a short sentence.
        words: what one sees, for a layperson: a few sentences.
        small: which network, attack and size it is, for those who ask.
        columns: panels in a row.
        panels: row by row.
    """

    title: str
    words: str
    small: str
    columns: int
    panels: tuple[Panel, ...]


def write(folder: Path, scenes: Sequence[Scene], files: dict[str, bytes], provenance: dict[str, Any]) -> None:
    """The pictures first and the listing last, so that a listing never names a picture that is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_atomically(folder / name, data)
    write_json(folder / LISTING, {"scenes": [asdict(scene) for scene in scenes], "provenance": provenance})


def read(folder: Path = FOLDER) -> tuple[tuple[Scene, ...], dict[str, bytes]]:
    """The scenes and their pictures; none where no tour was drawn.

    Raises:
        ValueError: the listing is damaged, or a picture that it names is missing or lies elsewhere.
    """
    path = folder / LISTING
    if not path.exists():
        return (), {}
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["scenes"]
        scenes = tuple(Scene(**{**one, "panels": tuple(Panel(**panel) for panel in one["panels"])}) for one in listed)
        names = {panel.file for scene in scenes for panel in scene.panels}
        if any(Path(name).name != name for name in names):
            raise ValueError("a picture outside its folder")
        return scenes, {name: (folder / name).read_bytes() for name in sorted(names)}
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(f"expected a tour as `python -m mta_core tour` writes it in {folder}: {error}") from error
