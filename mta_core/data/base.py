"""A data source: pictures, and for each task the labels it has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from mta_core import imaging

Size = tuple[int, int]
"""Height and width."""


class Labelled(Protocol):
    """What data have to know of a task: see `mta_core.tasks.Task`."""

    name: ClassVar[str]
    space: ClassVar[str]

    def accepts(self, space: str) -> bool: ...

    def convert(self, target: Tensor, space: str) -> Tensor: ...


@dataclass(frozen=True)
class Sample:
    """One picture with its labels.

    Attributes:
        name: unique in its data set.
        image: (3, H, W) float32 in [0, 1].
        targets: label maps by task, on the same grid: segmentation (H, W) int64, depth (1, H, W) metres, normals
            (3, H, W), those of `mta_core.data.derived`; of one pixel, (1, 1) int64, where the whole picture has one
            label; empty where the source has none.
        unlabelled: tasks that others of the source have labels of, but not this picture.
    """

    name: str
    image: Tensor
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    unlabelled: tuple[str, ...] = ()


class DataSource(ABC, Sequence[Sample]):
    """A sequence of samples, all of one size, each read when it is asked for."""

    name: ClassVar[str]
    label: ClassVar[str]
    terms: ClassVar[str]
    """Under which terms its pictures may be used."""
    spaces: ClassVar[Mapping[str, str]]
    """Label space of each task it has labels for."""
    derived: ClassVar[Mapping[str, str]] = {}
    """Label space of each task that it has labels for only when asked (`labelled`), since they take time to make."""
    splits: ClassVar[tuple[str, ...]]
    needs_path: ClassVar[bool] = True
    is_divided: ClassVar[bool] = False
    """Whether every task has pictures of its own."""
    asked: tuple[str, ...] | None = None
    """The tasks that samples have labels of; None for all of `spaces`."""
    split: str
    """Which of them these pictures are; "all" where they are not divided."""

    @property
    def known(self) -> dict[str, str]:
        """Label space of every task that it has labels for, or makes them when asked."""
        return {**self.spaces, **self.derived}

    @classmethod
    @abstractmethod
    def open(cls, path: Path | None, split: str, size: Size) -> DataSource:
        """The source at `path`, its pictures brought to `size`.

        Raises:
            DataError: the folder is not there or not in a layout that this source knows.
        """

    def for_tasks(self, tasks: Sequence[Labelled]) -> DataSource:
        """The same pictures with the labels of these tasks alone, in the tasks' own label spaces.

        Nothing else is read or derived (see `labelled`). Where every task has pictures of its own a picture has but the
        label of its task.

        Raises:
            DataError: a task has no labels here, or has them in a label space that it does not take.
        """
        known = self.known
        lacking = [f"{t.name} ({t.space})" for t in tasks if t.name not in known]
        if lacking:
            raise DataError(f"expected data with labels for {', '.join(lacking)}; {self.label} has none")
        for t in tasks:
            if not t.accepts(space := known[t.name]):
                advice = getattr(t, "advice", "")
                raise DataError(f"{self.label} has {t.name} labels in {space}, the task answers in {t.space}{advice}")
        is_as_wanted = dict(self.spaces) == {t.name: t.space for t in tasks}
        return self if is_as_wanted else Relabelled(self, tasks)

    def for_task(self, task: str) -> DataSource:
        """The pictures that a task is to be tried on: all of them, unless tasks have pictures of their own.

        Raises:
            DataError: there are none.
        """
        return self

    def labelled(self, names: Sequence[str]) -> DataSource:
        """The same pictures with the labels of these tasks, among `spaces` and `derived`, and of no others; only what
        is asked for is read or computed.

        Raises:
            DataError: it has no labels of one of them.
        """
        known = self.known
        lacking = [name for name in names if name not in known]
        if lacking:
            raise DataError(f"expected tasks that {self.label} has labels for ({', '.join(known) or 'none'}), got "
                            f"{', '.join(lacking)}")  # fmt: skip
        other = copy(self)
        other.asked = tuple(dict.fromkeys(names))
        return other

    @abstractmethod
    def name_of(self, index: int) -> str: ...

    @abstractmethod
    def read(self, index: int) -> Sample: ...

    def files_of(self, index: int) -> Sequence[Path]:
        """What a sample is read from, its labels too; nothing where that is in no files.

        Raises:
            DataError: one of them is not there.
        """
        return ()

    def focal_of(self, index: int) -> float | None:
        """Focal length of the camera in pixels of the picture as `read` brings it; None where nobody knows it."""
        return None

    @abstractmethod
    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(index)
        sample = self.read(index)
        if self.asked is None or (sample.targets.keys() <= set(self.asked) >= set(sample.unlabelled)):
            return sample
        targets = {name: target for name, target in sample.targets.items() if name in self.asked}
        return replace(sample, targets=targets, unlabelled=tuple(t for t in sample.unlabelled if t in self.asked))

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))


class Relabelled(DataSource):
    """Another source with the labels of some tasks alone, in their own label spaces: see `DataSource.for_tasks`."""

    def __init__(self, source: DataSource, tasks: Sequence[Labelled]) -> None:
        self.source, self.tasks, self.split = source, tuple(tasks), source.split
        self._known = source.known
        self._labelled = source.labelled([t.name for t in tasks])
        # What others say once for all their objects.
        for key in ("name", "label", "terms", "splits", "needs_path", "is_divided"):
            setattr(self, key, getattr(source, key))
        setattr(self, "spaces", {t.name: t.space for t in tasks})  # noqa: B010 - of the class elsewhere

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> DataSource:
        raise NotImplementedError("it is made from a source that is open already")

    def for_task(self, task: str) -> DataSource:
        return Relabelled(self.source.for_task(task), self.tasks)

    def for_tasks(self, tasks: Sequence[Labelled]) -> DataSource:
        return self.source.for_tasks(tasks)

    def name_of(self, index: int) -> str:
        return self.source.name_of(index)

    def read(self, index: int) -> Sample:
        sample = self._labelled[index]
        own = [t for t in self.tasks if t.name in sample.targets]
        targets = {t.name: t.convert(sample.targets[t.name], self._known[t.name]) for t in own}
        return replace(sample, targets=targets)

    def files_of(self, index: int) -> Sequence[Path]:
        return self.source.files_of(index)

    def focal_of(self, index: int) -> float | None:
        return self.source.focal_of(index)

    def __len__(self) -> int:
        return len(self.source)


class DataError(ValueError):
    """A data source cannot be opened or read; the message says what was expected."""


def fit_sample(sample: Sample, size: Size) -> Sample:
    """The sample cropped to the aspect of `size` around its centre and resized; labels by nearest neighbour."""
    height, width = sample.image.shape[-2:]
    if (height, width) == tuple(size):
        return sample
    rows, columns = _nearest_grid((height, width), size)
    targets = {
        task: target[..., rows[:, None], columns] if target.shape[-2:] == (height, width) else target
        for task, target in sample.targets.items()
    }
    return replace(sample, image=(image := imaging.fit(sample.image, size)), targets=follow_picture(image, targets))


def fitted_focal(focal: float, native: Size, size: Size) -> float:
    """The focal length of a picture in its own pixels, in those of what `fit_sample` makes of it."""
    return focal / min(native[0] / size[0], native[1] / size[1])


def follow_picture(image: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The labels, those that are the picture itself as it is now."""
    return {task: image * 2 - 1 if task == "autoencoding" else target for task, target in targets.items()}


def _nearest_grid(source: Size, size: Size) -> tuple[Tensor, Tensor]:
    """Source rows and columns of each pixel of a centred crop that fills `size`."""
    scale = min(source[0] / size[0], source[1] / size[1])
    grids = []
    for have, want in zip(source, size, strict=True):
        first = (have - want * scale) / 2
        positions = first + (torch.arange(want) + 0.5) * scale
        grids.append(positions.floor().long().clamp(0, have - 1))
    return grids[0], grids[1]


def no_label(task: str, size: Size) -> Tensor:
    """A map that has no label anywhere, in the form of the task's labels: 255 of classes, else NaN, which is no label
    in every label space."""
    if task == "segmentation":
        return torch.full(size, 255)
    return torch.full(({"normals": 3, "autoencoding": 3, "curvature": 2}.get(task, 1), *size), torch.nan)


def collate(samples: Sequence[Sample]) -> tuple[Tensor, dict[str, Tensor]]:
    """Pictures (B, 3, H, W) and the labels that all of them have, each with a batch dimension.

    A picture of a source that has labels of a task, but not for this picture, has maps without labels there: the batch
    still counts for the task by what others have.
    """
    tasks = set.intersection(*(set(sample.targets) | set(sample.unlabelled) for sample in samples))
    size = (samples[0].image.shape[-2], samples[0].image.shape[-1])

    def target(sample: Sample, task: str) -> Tensor:
        return sample.targets[task] if task in sample.targets else no_label(task, size)

    targets = {task: torch.stack([target(sample, task) for sample in samples]) for task in sorted(tasks)}
    return torch.stack([sample.image for sample in samples]), targets
