"""What is missing or wrong in a data set, said before anybody attacks or trains on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mta_core import data
from mta_core.data import DataError, DataSource, Sample, Size
from mta_core.events import Progress
from mta_core.tasks import task
from mta_core.wording import counted, plain

SIZE: Size = (144, 192)
"""Pictures are read as everywhere, then made so small: what is looked at needs no more."""
SHIPPED = "gallery"
"""A split that only the data shipped with the program have."""
FIRST = 50
"""Pictures of each split that are read whole unless more are asked for; the files of all are looked for anyway."""
NAMED = 3
"""Bad pictures that are named, of each kind."""
FLOOR = 4
UPRIGHT = 0.5
"""Of the mean height of floors' normals: they point up, along Y, or the axes are not as expected."""
MAX_LENGTH = 300
"""Letters of a sentence: a hostile file may quote itself in it."""
FARTHEST = 100.0
"""Metres: no room is so deep, but millimetres are so many."""


@dataclass(frozen=True)
class Part:
    """One split.

    Attributes:
        split: its name, "all" where pictures are not divided.
        count: how many pictures it has.
        read: how many of them were read.
        sound: how many of those could be.
        labels: for each task with labels, in how many of the sound ones.
    """

    split: str
    count: int
    read: int
    sound: int
    labels: Mapping[str, int]


@dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes:
        data: `NAME` or `NAME:PATH`.
        label: of the source.
        spaces: label space of each task that it has, or can derive, labels of.
        problems: what is missing or wrong, a sentence each.
    """

    data: str
    label: str
    parts: tuple[Part, ...] = ()
    spaces: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether there is at least one picture to attack, among those that pages show."""
        return any(part.sound > 0 and part.split in ("all", "test") for part in self.parts)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is missing or wrong."""
        return not self.problems

    @property
    def verdict(self) -> str:
        """The whole in a sentence."""
        if self.is_sound:
            return "Nothing is missing."
        told = counted(len(self.problems), "finding")
        return f"It can be used; {told} above." if self.is_usable else f"It cannot be used: {told} above."

    @property
    def sentences(self) -> list[str]:
        """What there is."""
        return [_said(part, self.spaces) for part in self.parts]


@dataclass
class _Findings:
    """What was found so far in one split."""

    missing: dict[int, str] = field(default_factory=dict)
    broken: dict[int, str] = field(default_factory=dict)
    labels: Counter[str] = field(default_factory=Counter)
    floors: Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))
    distances: list[float] = field(default_factory=list)

    def take(self, source: DataSource, sample: Sample) -> None:
        """Notes what a picture has labels of, and what tells axes and units apart."""
        valid = {
            name: task(name, source.spaces[name]).valid(target[None])[0] for name, target in sample.targets.items()
        }
        self.labels.update(name for name, known in valid.items() if known.any())
        if source.spaces.get("segmentation") == "nyu13" and {"segmentation", "normals"} <= valid.keys():
            floor = (sample.targets["segmentation"] == FLOOR) & valid["normals"]
            self.floors += sample.targets["normals"][:, floor].double().sum(1)
        if source.spaces.get("depth") == "metres" and "depth" in sample.targets:
            depth = sample.targets["depth"]
            if (known := (depth > 0) & depth.isfinite()).any():  # the task itself takes what is too far for none
                self.distances.append(float(depth[known].median()))

    def oddities(self) -> list[str]:
        """What the labels themselves give away."""
        told = []
        size = float(self.floors.norm())
        if size > 0 and float(self.floors[1]) / size < UPRIGHT:
            shown = ", ".join(f"{float(axis) / size:.1f}" for axis in self.floors)
            told.append(f"expected normals of floors to point up (0, 1, 0), they point to ({shown}): other axes")
        if self.distances and (middle := sorted(self.distances)[len(self.distances) // 2]) > FARTHEST:
            told.append(f"expected depth in metres, its middle is {middle:,.0f}: another unit")
        return told


def check(text: str, most: int | None = FIRST) -> Iterator[Progress | Check]:
    """Looks for every file and reads pictures, evenly spread over each split; the last event is the `Check`.

    Args:
        text: `NAME` or `NAME:PATH`.
        most: pictures to read of each split; None for all.

    Raises:
        DataError: there is no such source.
    """
    kind = data.source(text.partition(":")[0])
    sources, unopened = _opened(text, kind)
    if not sources:
        yield Check(text, kind.label, problems=tuple(dict.fromkeys(unopened.values())))
        return
    problems = [f"no split {split}: {problem}" for split, problem in unopened.items()]
    parts = []
    for source in sources:
        part = yield from _part(source, most, problems)
        parts.append(part)
    problems += _overlaps(sources)
    known = {name: space for source in sources for name, space in source.known.items()}
    yield Check(text, kind.label, tuple(parts), known, tuple(_sentence(problem) for problem in problems))


def _opened(text: str, kind: type[DataSource]) -> tuple[list[DataSource], dict[str, str]]:
    """Every split that can be opened, and why others cannot."""
    sources: list[DataSource] = []
    unopened = {}
    for split in kind.splits:
        if split == SHIPPED and ":" in text:
            continue
        try:
            source = data.open_data(text, split, SIZE)
        except (ValueError, OSError) as error:
            unopened[split] = _sentence(str(error))
            continue
        if source.split not in [other.split for other in sources]:  # one that is not divided opens as any
            sources.append(source)
    return sources, unopened


def _part(source: DataSource, most: int | None, problems: list[str]) -> Generator[Progress | Check, None, Part]:
    """Looks at one split; adds to `problems`."""
    found, count = _Findings(), len(source)
    for index in range(count):
        if problem := _missing(source, index):
            found.missing[index] = problem
    chosen = _spread(count, most)
    for done, index in enumerate(chosen, 1):
        try:
            found.take(source, source[index])
        except (ValueError, OSError) as error:
            name = source.name_of(index)
            found.broken[index] = str(error) if name in str(error) else f"{name}: {error}"
        yield Progress(done, len(chosen), "pictures", stage=f"reading {source.split}")
    problems += _told(source, found, len(chosen))
    return Part(source.split, count, len(chosen), len(chosen) - len(found.broken), dict(found.labels))


def _missing(source: DataSource, index: int) -> str:
    """Which file of a picture is not there; empty where all are."""
    try:
        lost = [path for path in source.files_of(index) if not path.is_file()]
    except DataError as error:
        return str(error)
    return f"expected {lost[0].parent.name}/{lost[0].name} for {source.name_of(index)}" if lost else ""


def _spread(count: int, most: int | None) -> list[int]:
    if most is None or count <= most:
        return list(range(count))
    return [index * count // most for index in range(most)]


def _told(source: DataSource, found: _Findings, read: int) -> list[str]:
    """What is wrong with a split: how many pictures in a sentence, the first of them in one each."""
    split = "" if source.split == "all" else f"{source.split}: "
    told = []
    if found.missing:
        told.append(f"{split}{len(found.missing):,} of {counted(len(source), 'picture')} lack a file")
        told += [f"{split}{problem}" for problem in list(found.missing.values())[:NAMED]]
    others = [problem for index, problem in found.broken.items() if index not in found.missing]
    if others:
        told.append(f"{split}{len(others):,} of {counted(read, 'picture')} that were looked at cannot be read")
        told += [f"{split}{problem}" for problem in others[:NAMED]]
    sound = read - len(found.broken)
    if sound and not source.is_divided:
        told += [f"{split}no picture has a label of {name}" for name in source.spaces if not found.labels[name]]
    return told + [f"{split}{problem}" for problem in found.oddities()]


def _overlaps(sources: Sequence[DataSource]) -> list[str]:
    """Pictures that are in two splits: a model trained on one would know the other."""
    names = {source.split: {_identity(source, index) for index in range(len(source))} for source in sources}
    told = []
    for number, one in enumerate(names):
        for other in list(names)[number + 1 :]:
            if both := sorted(names[one] & names[other]):
                told.append(f"{counted(len(both), 'picture')} in both {one} and {other}: {', '.join(both[:NAMED])}")
    return told


def _identity(source: DataSource, index: int) -> str:
    """The file of a picture, or its name where it has none of its own: names may begin anew in each split."""
    try:
        files = source.files_of(index)
    except DataError:
        files = ()
    return str(files[0]) if files else source.name_of(index)


def _said(part: Part, spaces: Mapping[str, str]) -> str:
    """One split in a sentence."""
    where = "" if part.split == "all" else f"{part.split}: "
    read = "all read" if part.read == part.count else f"{part.read:,} of them read"
    read += "" if part.sound == part.read else f", {part.sound:,} sound"
    return _sentence(f"{where}{counted(part.count, 'picture')}, {read}; {_labels(part, spaces)}")


def _labels(part: Part, spaces: Mapping[str, str]) -> str:
    labels = {task(name, spaces[name]).label.lower(): number for name, number in part.labels.items()}
    if not labels:
        return "no labels: attacks go by the clean answer"
    every = [label for label, number in labels.items() if number == part.sound]
    some = [f"{label} on {number:,}" for label, number in labels.items() if number != part.sound]
    return f"labels on each: {', '.join(every)}" * bool(every) + "; " * bool(every and some) + ", ".join(some)


def _sentence(text: str) -> str:
    """On one line, without what steers a terminal, with a full stop."""
    text = plain(" ".join(text.split()))
    text = text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 1]}…"
    return text if text.endswith((".", "…")) else f"{text}."
