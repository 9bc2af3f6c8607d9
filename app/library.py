"""The pictures a person can choose: gallery scenes, data sets the operator connected, uploads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

from torch import Tensor

from app.kept import Kept
from mta_core import connections, imaging
from mta_core.connections import parse_roots
from mta_core.data import DataError, DataSource, Sample, Size, open_data
from mta_core.imaging import Fit
from mta_core.tasks import Task, task
from mta_core.weights import ROOT

SIZE: Size = (288, 384)
"""Height and width on which everything is shown and attacked."""
THUMBNAIL: Size = (72, 96)
SHIPPED = ("gallery", "objects")
"""Names of the shelves that the program has by itself, which the command line finds without a path."""
FIRST = 8
"""Pictures of a data set that are tried before it is given up."""


@dataclass(frozen=True)
class Picture:
    """One picture to attack; equal where the key is equal.

    Attributes:
        image: (3, H, W) in [0, 1], on the 8-bit grid, so that a PNG of it is exactly it.
        source: reads it anew at another size, so that what one size cuts off is there for another.
        targets: its label maps, by task, in the label spaces that `spaces` names, else the usual ones.
        kept: what is computed of it, where that must end with it: an upload is forgotten with its session.
    """

    key: str
    name: str
    credit: str
    image: Tensor = field(compare=False, repr=False)
    source: Callable[[Size], Sample] = field(compare=False, repr=False)
    targets: Mapping[str, Tensor] = field(default_factory=dict, compare=False, repr=False)
    kept: Kept | None = field(default=None, compare=False, repr=False)
    spaces: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def truth(self, tasks: Iterable[Task]) -> dict[str, Tensor]:
        """The labels of those of these tasks that have some they can take, in the tasks' own spaces."""
        spaces = {t.name: self.spaces.get(t.name, task(t.name).space) for t in tasks}
        return {
            t.name: t.convert(self.targets[t.name], spaces[t.name])
            for t in tasks
            if t.name in self.targets and t.accepts(spaces[t.name])
        }

    @property
    def stem(self) -> str:
        """A file name for downloads, without suffix."""
        plain = "".join(c if c.isalnum() else "-" for c in Path(self.name).stem.lower())
        return plain.strip("-") or "picture"


class Shelf:
    """The pictures of one data source, the last ones used kept in memory.

    Args:
        opened: opens the source at a size.
        size: that of its pictures on the page.
    """

    def __init__(self, name: str, opened: Callable[[Size], DataSource], size: Size = SIZE) -> None:
        self.name = name
        self.size = size
        self.data_at = lru_cache(maxsize=4)(opened)
        self.data = self.data_at(size)
        self._sample = lru_cache(maxsize=32)(self._read)
        self.thumbnails = lru_cache(maxsize=1)(self._thumbnails)

    def __len__(self) -> int:
        return len(self.data)

    def keys(self) -> list[str]:
        return [self.data.name_of(index) for index in range(len(self))]

    def read(self, index: int) -> Picture:
        sample = self._sample(index, self.size)
        return Picture(
            f"{self.name}/{sample.name}",
            _title(self.data, sample, index),
            self.data.terms,
            sample.image,
            partial(self._sample, index),
            sample.targets,
            spaces=self.data.known,
        )

    def first_readable(self, data: DataSource) -> int:
        """Where the first of these pictures, all of this shelf, stands that can be read, of the first few.

        Raises:
            DataError, ImageError: none of them can.
        """
        names, problem = self.keys(), None
        for i in range(min(FIRST, len(data))):
            index = names.index(data.name_of(i))
            try:
                self.read(index)
                return index
            except (DataError, imaging.ImageError) as error:
                problem = problem or error
        raise problem or DataError(f"expected pictures in {data.label}, it has none")

    def _read(self, index: int, size: Size) -> Sample:
        sample = self.data_at(size)[index]
        return replace(sample, image=_on_grid(sample.image))

    def _thumbnails(self) -> tuple[bytes, ...]:
        pictures = (self.read(index).image for index in range(len(self)))
        return tuple(imaging.encode_png(imaging.fit(picture, thumbnail_size(picture))) for picture in pictures)


def thumbnail_size(picture: Tensor) -> Size:
    """As wide as others, or narrower: nothing is cut off a square."""
    height, width = picture.shape[-2:]
    return THUMBNAIL[0], min(THUMBNAIL[1], round(THUMBNAIL[0] * width / height))


def _title(data: DataSource, sample: Sample, index: int) -> str:
    if data.name == "objects":
        domain, name, _ = sample.name.split("/")
        return f"{name.replace('_', ' ').capitalize()}, {domain}"
    return f"Room {index + 1}" if data.name == "rooms" else f"{data.label} {sample.name}"


def gallery_folder() -> Path:
    """The scenes shipped with the program, unless the environment variable names others."""
    return Path(os.environ.get("MTA_GALLERY", ROOT / "assets" / "gallery"))


def open_gallery() -> Shelf | None:
    """The shipped scenes; None where they are not there."""
    try:
        opened = partial(open_data, f"rooms:{gallery_folder()}", "gallery")
        return Shelf("gallery", opened)
    except (DataError, OSError):
        return None


def open_objects() -> Shelf | None:
    """The shipped objects; None where they are not there."""
    try:
        opened = partial(open_data, f"objects:{gallery_folder() / 'objects'}", "gallery")
        return Shelf("objects", opened, (224, 224))
    except (DataError, OSError):
        return None


def open_connected(text: str | None = None) -> dict[str, Shelf]:
    """The data sets the operator named, in `text` if given, and those that people connected: by their source's label,
    those that cannot be opened left out."""
    shelves: dict[str, Shelf] = {}
    for root in connections.entries() if text is None else parse_roots(text):
        try:
            opened = partial(open_data, root, "test")
            shelf = Shelf(root, opened)
        except (DataError, OSError, ValueError) as error:
            print(f"data: {root} is left out: {error}", file=sys.stderr)
            continue
        path = Path(root.partition(":")[2])
        name = shelf.data.label
        labels = (name, f"{name} ({path.name})", f"{name} ({path})")
        shelves[next((label for label in labels if label not in shelves), labels[-1])] = shelf
    return shelves


def at_size(picture: Picture, size: Size) -> Picture:
    """The picture at the input size of a victim: read anew, since the one of the page may be cut already."""
    if picture.image.shape[-2:] == tuple(size):
        return picture
    sample = picture.source((size[0], size[1]))
    key = f"{picture.key}@{size[0]}x{size[1]}"
    return replace(picture, key=key, image=_on_grid(sample.image), targets=sample.targets)


def _on_grid(image: Tensor) -> Tensor:
    return (image * 255).round() / 255


def read_upload(name: str, data: bytes) -> dict[Fit, Picture]:
    """An uploaded file, brought to the size of the page in each way `imaging.fit` knows; it is decoded again for a
    victim of another size: the bytes take less room than the pixels.

    Raises:
        ImageError: it cannot be read; the message is one sentence.
    """
    decoded, key, kept = imaging.decode(data), f"upload/{imaging.digest(data)}", Kept(results=4, answers=16)
    credit = "your upload, forgotten with this session"

    def fitted(mode: Fit, size: Size) -> Sample:
        return Sample(name, imaging.fit(imaging.decode(data), size, mode))

    return {
        mode: Picture(
            f"{key}/{mode}", name, credit, _on_grid(imaging.fit(decoded, SIZE, mode)),
            lru_cache(maxsize=2)(partial(fitted, mode)), kept=kept,
        )
        for mode in imaging.FITS
    }  # fmt: skip
