"""The classes of label spaces: those of the data this program knows, and those that somebody's own model answers.

A label space of one's own is called by the number of its classes and a digest of their names, so that two models of the
same classes answer in the same space. It is known in a process as soon as a model that answers in it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mta_core.wording import plain

NYU13 = (
    "bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa", "table", "tv", "wall",
    "window",
)  # fmt: skip
TASKONOMY = (
    "background", "bottle", "chair", "couch", "potted plant", "bed", "dining table", "toilet", "tv", "microwave",
    "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase",
)  # fmt: skip
BY_NAME: Mapping[str, tuple[str, ...]] = {"nyu13": NYU13, "taskonomy": TASKONOMY}
"""Of segmentation, in the data's own order."""
MAX_CLASSES = 255
"""As many as a byte tells apart, beside what is not labelled."""
UNLABELLED = 255
MAX_LETTERS = 60


@dataclass(frozen=True)
class Classes:
    """A label space of segmentation.

    Attributes:
        names: of the classes, in the order of their logits; all different, whatever their case.
        takes: other spaces whose labels fit, with the class here of each class there, `UNLABELLED` where it is none.
    """

    space: str
    names: tuple[str, ...]
    takes: tuple[tuple[str, tuple[int, ...]], ...] = ()


_own: dict[str, Classes] = {}


def declare(names: Sequence[str], takes: Mapping[str, Sequence[int]] | None = None) -> Classes:
    """The label space of these classes, which tasks know from now on; the one of the data where they are the same.

    Raises:
        ValueError: there are too few, too many, or they are no names.
    """
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"expected names of classes, got {str(names)[:100]!r}")
    if not 2 <= len(names) <= MAX_CLASSES:
        raise ValueError(f"expected 2 to {MAX_CLASSES} classes, got {len(names)}")
    shown = _distinct([clean(name) or f"class {number}" for number, name in enumerate(names)])
    for space, known in BY_NAME.items():
        if shown == known:
            return Classes(space, known)
    also = tuple((space, tuple(places)) for space, places in sorted((takes or {}).items()))
    digest = hashlib.sha256(json.dumps([shown, also]).encode()).hexdigest()
    return _own.setdefault(space := f"{len(shown)}-classes-{digest[:8]}", Classes(space, shown, also))


def clean(name: str) -> str:
    """A class as it can stand in a sentence and in a target such as `segmentation=wall,depth=2`."""
    kept = plain(name).replace(",", " /").replace("=", "-").replace(":", " ")
    return " ".join(kept.split())[:MAX_LETTERS].strip()


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """With numbers behind names that were there before."""
    seen: set[str] = set()
    found = []
    for name in names:
        other, number = name, 1
        while other.casefold() in seen:
            number += 1
            other = f"{name} {number}"
        seen.add(other.casefold())
        found.append(other)
    return tuple(found)


def own() -> tuple[Classes, ...]:
    """All that were declared in this process and are not among those of the data, the first one first."""
    return tuple(_own.values())


def names_of(space: str) -> tuple[str, ...] | None:
    """The classes of a label space of segmentation; None where it is none that is known."""
    return BY_NAME.get(space) or (_own[space].names if space in _own else None)
