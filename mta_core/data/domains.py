"""Pictures of single objects in several domains: what Office-31 and the procedural objects share.

Each domain is a task with pictures of its own (MTA section 4.1); a sample has the label of its own domain alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import torch

from mta_core import imaging
from mta_core.data.base import DataError, DataSource, Sample, Size
from mta_core.data.objects.kinds import CLASS_NAMES
from mta_core.data.objects.picture import DOMAINS

SPACES = dict.fromkeys(DOMAINS, "office31")


@dataclass(frozen=True)
class Entry:
    """One picture: its domain, its class and its file, below the root of the data."""

    domain: str
    label: int
    file: str

    @property
    def name(self) -> str:
        return f"{self.domain}/{CLASS_NAMES[self.label]}/{Path(self.file).stem}"


class DomainPictures(DataSource):
    """Pictures that each belong to one domain, in the layout `<domain>/images/<class>/<picture>`."""

    spaces: ClassVar[Mapping[str, str]] = SPACES
    is_divided = True

    def __init__(self, root: Path, entries: Sequence[Entry], split: str, size: Size) -> None:
        self.root, self.entries, self.split, self.size = root, list(entries), split, size

    def for_task(self, task: str) -> Self:
        """The pictures of one domain.

        Raises:
            DataError: there are none.
        """
        entries = [entry for entry in self.entries if entry.domain == task]
        if not entries:
            raise DataError(f"expected one of the domains {', '.join(DOMAINS)} of {self.label}, got {task!r}")
        return type(self)(self.root, entries, self.split, self.size)

    def name_of(self, index: int) -> str:
        return self.entries[index].name

    def read(self, index: int) -> Sample:
        entry = self.entries[index]
        image = imaging.fit(imaging.read(self.path_of(entry)), self.size)
        return Sample(entry.name, image, {entry.domain: torch.tensor([[entry.label]])})

    def files_of(self, index: int) -> list[Path]:
        return [self.path_of(self.entries[index])]

    def path_of(self, entry: Entry) -> Path:
        return self.root / entry.file

    def __len__(self) -> int:
        return len(self.entries)
