"""Office-31 as it is distributed: `amazon|dslr|webcam/images/<class>/*.jpg` (Saenko et al., ECCV 2010).

It has no split of its own. Every domain gives `TEST_SIZE` pictures, or half of its own if it has fewer than twice as
many, to the test: about 235 a domain reproduce the percentages that the MTA paper prints. Which ones is decided by a
digest of their names, class by class, so that it is the same everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from mta_core.data.base import DataError, Size
from mta_core.data.domains import DomainPictures, Entry
from mta_core.data.objects.kinds import CLASS_NAMES
from mta_core.data.objects.picture import DOMAINS
from mta_core.data.pictures import SUFFIXES

TEST_SIZE = 235


class Office31(DomainPictures):
    """The real pictures, from a folder."""

    name = "office31"
    label = "Office-31"
    terms = "Office-31 (Saenko et al. 2010), for research; not to be redistributed with this program"
    splits = ("train", "test")

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> Office31:
        if path is None:
            raise DataError("expected a folder: office31:PATH")
        known = entries_under(path)
        domains = [[entry for entry in known if entry.domain == domain] for domain in DOMAINS]
        return cls(path, [entry for own in domains for entry in _divided(own, split)], split, size)


def entries_under(root: Path) -> list[Entry]:
    """Every picture in the layout of Office-31, domain by domain.

    Raises:
        DataError: a domain is missing, a folder is of no class of Office-31, or there are no pictures.
    """
    missing = [domain for domain in DOMAINS if not (root / domain / "images").is_dir()]
    if missing:
        raise DataError(f"expected the folders {', '.join(f'{d}/images' for d in missing)} under {root}")
    return [entry for domain in DOMAINS for entry in _entries(root, domain)]


def _entries(root: Path, domain: str) -> list[Entry]:
    """Every picture of a domain, class by class."""
    folders = {folder.name.lower(): folder for folder in (root / domain / "images").iterdir() if folder.is_dir()}
    unknown = sorted(folders.keys() - set(CLASS_NAMES))
    if unknown:
        raise DataError(f"expected classes of Office-31 under {root / domain / 'images'}, got {', '.join(unknown[:3])}")
    entries = [
        Entry(domain, label, file.relative_to(root).as_posix())
        for label, name in enumerate(CLASS_NAMES)
        if name in folders
        for file in sorted(folders[name].iterdir())
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    ]
    if len(entries) < 2:
        raise DataError(f"expected at least two pictures under {root / domain / 'images'}, found {len(entries)}")
    return entries


def _divided(entries: Sequence[Entry], split: str) -> list[Entry]:
    """The pictures of one split, in the order of their classes."""
    size = min(TEST_SIZE, len(entries) // 2)
    by_class: dict[int, list[Entry]] = {}
    for entry in sorted(
        entries, key=lambda entry: hashlib.sha256(entry.file.encode("utf-8", "surrogateescape")).digest()
    ):
        by_class.setdefault(entry.label, []).append(entry)
    # Where a picture stands among its class, in [0, 1): the first ones of all classes alike go to the test.
    place = {entry: i / len(group) for group in by_class.values() for i, entry in enumerate(group)}
    test = set(sorted(entries, key=lambda entry: (place[entry], entry.file))[:size])
    return [entry for entry in entries if (entry in test) == (split == "test")]
