"""The objects as a data source: rendered when they are first asked for, then kept on disk, in Office-31's layout."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from mta_core.data.base import DataError, Size
from mta_core.data.domains import DomainPictures, Entry
from mta_core.data.objects.kinds import CLASS_NAMES
from mta_core.data.objects.picture import DOMAINS, render_object
from mta_core.data.office31 import Office31, entries_under
from mta_core.weights import RUNS, write_atomically

VERSION = 1
"""Part of the cache's path: raise it whenever the same seed renders another picture."""
NATIVE = 224
SPLITS: dict[str, Sequence[int]] = {
    "train": range(80 * len(CLASS_NAMES)),
    "test": range(1_000_000, 1_000_000 + 10 * len(CLASS_NAMES)),
    "gallery": tuple(2_000_000 + offset for offset in (15, 0, 10, 4, 8, 30)),
}
"""Seeds of each domain's pictures, classes in turn; no two splits share one."""


class Objects(DomainPictures):
    """Procedural objects of the 31 classes: catalogue pictures, photographs of a workplace, and a webcam's view."""

    name = "objects"
    label = "Objects"
    terms = "made by this program, free to use"
    splits = ("train", "test", "gallery")
    needs_path = False

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> Objects:
        """The pictures of a split, or with a path those that `python -m mta_core objects` wrote there: all of them for
        the gallery, divided as Office-31 for the other splits."""
        if path is not None:
            entries = Office31.open(path, split, size).entries if split != "gallery" else entries_under(path)
            return cls(path, entries, split, size)
        root = RUNS / "cache" / f"objects-{VERSION}"
        return cls(root, [entry_of(domain, seed) for domain in DOMAINS for seed in SPLITS[split]], split, size)

    def path_of(self, entry: Entry) -> Path:
        path = self.root / entry.file
        if not path.exists():
            write_object(self.root, entry)
        return path


def entry_of(domain: str, seed: int) -> Entry:
    label = (seed - SPLITS["test"][0] if seed >= SPLITS["test"][0] else seed) % len(CLASS_NAMES)
    return Entry(domain, label, f"{domain}/images/{CLASS_NAMES[label]}/{seed:07d}.png")


def write_object(root: Path, entry: Entry) -> None:
    """Renders one picture to its file, whole or not at all.

    Raises:
        DataError: the file's name is no seed.
    """
    stem = Path(entry.file).stem
    if not stem.isdigit():
        raise DataError(f"expected a picture at {root / entry.file}")
    image = render_object(int(stem), entry.domain, entry.label, NATIVE).image
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    write_atomically(root / entry.file, buffer.getvalue())
