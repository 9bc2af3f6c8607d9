"""The pictures a person can choose: gallery scenes, data sets the operator connected, uploads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import torch
from torch import Tensor

from app.kept import Kept
from app.origin import Origin
from mta_core import connections, imaging
from mta_core.connections import parse_roots
from mta_core.data import DataError, DataSource, Sample, Size, open_data
from mta_core.data.base import follow_picture
from mta_core.data.labelled import labels_for
from mta_core.imaging import Fit
from mta_core.tasks import Task, task
from mta_core.weights import ROOT

SIZE: Size = (288, 384)
"""Height and width on which everything is shown and attacked."""
THUMBNAIL: Size = (72, 96)
SHIPPED = ("gallery", "objects")
"""Names of the shelves that the program has by itself, which the command line finds without a path."""
MISSING = "missing/"
"""What the keys of pictures begin with that are not there yet."""
FIRST = 8
"""Pictures of a data set that are tried before it is given up."""


def _no_camera(_: Size) -> float | None:
    return None


@dataclass(frozen=True)
class Picture:
    """One picture to attack; equal where the key is equal.

    Attributes:
        image: (3, H, W) in [0, 1], on the 8-bit grid, so that a PNG of it is exactly it.
        source: reads it anew at another size, so that what one size cuts off is there for another.
        targets: its label maps, by task, in the label spaces that `spaces` names, else the usual ones.
        kept: what is computed of it, where that must end with it: an upload is forgotten with its session.
        derive: makes the labels of these tasks at a size, as far as `spaces` names more than `targets` has.
        origin: where a command finds it again.
        focal: the focal length of its camera in pixels of the picture at a size; None where nobody knows it.
    """

    key: str
    name: str
    credit: str
    image: Tensor = field(compare=False, repr=False)
    source: Callable[[Size], Sample] = field(compare=False, repr=False)
    targets: Mapping[str, Tensor] = field(default_factory=dict, compare=False, repr=False)
    kept: Kept | None = field(default=None, compare=False, repr=False)
    spaces: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    derive: Callable[[Size, tuple[str, ...]], Mapping[str, Tensor]] | None = field(
        default=None, compare=False, repr=False
    )
    origin: Origin = field(default=Origin(), compare=False)
    focal: Callable[[Size], float | None] = field(default=_no_camera, compare=False, repr=False)

    def truth(self, tasks: Iterable[Task]) -> dict[str, Tensor]:
        """The labels of those of these tasks that have some they can take, in the tasks' own spaces."""
        wanted = list(tasks)
        spaces = {t.name: self.spaces.get(t.name, task(t.name).space) for t in wanted}
        lacking = tuple(t.name for t in wanted if t.name in self.spaces and t.name not in self.targets)
        targets = dict(self.targets)
        if lacking and self.derive is not None:
            derived = self.derive((self.image.shape[-2], self.image.shape[-1]), lacking)
            targets |= follow_picture(self.image, derived)
        return labels_for(wanted, targets, spaces)

    @property
    def is_missing(self) -> bool:
        """Whether it stands for one that is still to come: see `missing`."""
        return self.key.startswith(MISSING)

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
        text: names the source, as `mta_core.data.open_data` reads it; the name, unless it is said.
    """

    def __init__(self, name: str, opened: Callable[[Size], DataSource], size: Size = SIZE, text: str = "") -> None:
        self.name, self.text = name, text or name
        self.size = size
        self.data_at = lru_cache(maxsize=4)(opened)
        self.data = self.data_at(size)
        self._sample = lru_cache(maxsize=32)(self._read)
        self._derived = lru_cache(maxsize=8)(self._derive)
        self.thumbnails = lru_cache(maxsize=1)(self._thumbnails)

    def __len__(self) -> int:
        return len(self.data)

    @property
    def _split(self) -> str:
        """As it can be asked for: of a source that is not divided any will do."""
        return self.data.split if self.data.split in self.data.splits else self.data.splits[-1]

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
            derive=partial(self._derived, index),
            origin=Origin(self.text, self._split, sample.name),
            focal=partial(self._focal, index),
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
        return replace(sample, image=imaging.on_grid(sample.image))

    def _derive(self, index: int, size: Size, names: tuple[str, ...]) -> Mapping[str, Tensor]:
        return self.data_at(size).labelled(names)[index].targets

    def _focal(self, index: int, size: Size) -> float | None:
        return self.data_at(size).focal_of(index)

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
        text = f"rooms:{gallery_folder()}"
        return Shelf("gallery", partial(open_data, text, "gallery"), text=text)
    except (DataError, OSError):
        return None


def open_objects() -> Shelf | None:
    """The shipped objects; None where they are not there."""
    try:
        text = f"objects:{gallery_folder() / 'objects'}"
        return Shelf("objects", partial(open_data, text, "gallery"), (224, 224), text)
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
    return replace(picture, key=key, image=imaging.on_grid(sample.image), targets=sample.targets)


def missing(name: str) -> Picture:
    """Stands for a picture without labels that is still to come, so that an attack on it can be chosen already."""

    def grey(size: Size) -> Sample:
        return Sample(name, torch.full((3, *size), 0.5))

    return Picture(f"{MISSING}{name}", name, "", imaging.on_grid(grey(SIZE).image), grey)


UPLOADED = "your upload, forgotten with this session"


def read_upload(name: str, data: bytes, credit: str = UPLOADED) -> dict[Fit, Picture]:
    """An uploaded file, brought to the size of the page in each way `imaging.fit` knows; it is decoded again for a
    victim of another size: the bytes take less room than the pixels.

    Raises:
        ImageError: it cannot be read; the message is one sentence.
    """
    decoded, digest, kept = imaging.decode(data), imaging.digest(data), Kept(results=4, answers=16)

    def fitted(mode: Fit, size: Size) -> Sample:
        return Sample(name, imaging.fit(imaging.decode(data), size, mode))

    return {
        mode: Picture(
            f"upload/{digest}/{mode}", name, credit, imaging.on_grid(imaging.fit(decoded, SIZE, mode)),
            lru_cache(maxsize=2)(partial(fitted, mode)), kept=kept, origin=Origin(name=name, sha256=digest, fit=mode),
        )
        for mode in imaging.FITS
    }  # fmt: skip
