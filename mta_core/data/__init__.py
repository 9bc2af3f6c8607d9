"""The data sources. Adding one is a file here and a line in `SOURCES`."""

from __future__ import annotations

from pathlib import Path

from mta_core.data.base import DataError, DataSource, Sample, Size, collate
from mta_core.data.nyuv2 import Nyuv2
from mta_core.data.objects.source import Objects
from mta_core.data.office31 import Office31
from mta_core.data.pictures import Pictures
from mta_core.data.rooms.source import Rooms
from mta_core.data.taskonomy import Taskonomy

SOURCES: tuple[type[DataSource], ...] = (Rooms, Nyuv2, Taskonomy, Objects, Office31, Pictures)


def source(name: str) -> type[DataSource]:
    """Raises DataError where there is no such source."""
    for known in SOURCES:
        if known.name == name:
            return known
    raise DataError(f"expected data among {', '.join(s.name for s in SOURCES)}, got {name!r}")


UNLABELLED = "unlabelled"


def kind_of(text: str) -> tuple[type[DataSource], str, bool]:
    """The source that `NAME`, `NAME:PATH` or `unlabelled:NAME:PATH` means, its path, and whether labels count.

    Raises:
        DataError: there is no such source.
    """
    rest = text.removeprefix(f"{UNLABELLED}:")
    name, _, path = rest.partition(":")
    return source(name), path, rest == text


def open_data(text: str, split: str = "test", size: Size = (288, 384)) -> DataSource:
    """The data that `NAME` or `NAME:PATH` means; `unlabelled:` before it leaves their labels out, so that a victim's
    clean answers stand in for them.

    Raises:
        DataError: the source is unknown, has no such split, or its folder is not as expected.
    """
    kind, path, is_labelled = kind_of(text)
    name = kind.name
    if kind.needs_path and not path:
        raise DataError(f"expected {name}:PATH, got {text!r}")
    if len(kind.splits) > 1 and split not in kind.splits:
        raise DataError(f"expected a split of {name} among {', '.join(kind.splits)}, got {split!r}")
    try:
        folder = Path(path).expanduser() if path else None
    except RuntimeError as error:  # ~nobody
        raise DataError(f"expected a folder, got {path!r}: {error}") from error
    opened = kind.open(folder, split, size)
    return opened if is_labelled else opened.for_tasks([])


__all__ = [
    "SOURCES", "UNLABELLED", "DataError", "DataSource", "Sample", "Size", "collate", "kind_of", "open_data", "source",
]  # fmt: skip
