"""An attack on many pictures, made on one victim and tried on another: asked, worked on, kept. No streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch

from app import exports
from app.kept import Recent
from app.library import Picture, Shelf
from app.request import Request
from app.workshop import Workshop
from mta_core import results
from mta_core.data import DataSource
from mta_core.data.content import content_of
from mta_core.setting import Setting
from mta_core.tasks import Task
from mta_core.transfer import Pair, pairs

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Series:
    """What is asked for.

    Attributes:
        request: the attack; its picture stands for all of them.
        label: the attack's, for people.
        shelf: the data set's name, for people.
        count: how many of its pictures, from the first; where tasks have pictures of their own, of each task's.
        data: these, at the size of the victim that the attack is made on.
    """

    request: Request
    label: str = field(compare=False)
    shelf: str
    count: int
    data: DataSource = field(compare=False, repr=False)

    @property
    def names(self) -> list[str]:
        """Of the pictures, in their order."""
        parts = parts_of(self.data, self.request.tasks)
        return [part.name_of(i) for part in parts for i in range(min(self.count, len(part)))]

    @property
    def contents(self) -> dict[str, str]:
        """What the pictures are, by name: see `content_of`."""
        parts = parts_of(self.data, self.request.tasks)
        return {part.name_of(i): content_of(part, i) for part in parts for i in range(min(self.count, len(part)))}

    @property
    def num_pictures(self) -> int:
        return sum(min(self.count, len(part)) for part in parts_of(self.data, self.request.tasks))


@dataclass(frozen=True)
class Measured:
    """What is known of a series so far.

    Attributes:
        rows: as of the command line; see `mta_core.transfer`.
        left_out: names of the pictures that cannot be read.
        is_whole: whether all pictures that were asked for are in.
    """

    rows: tuple[Values, ...]
    num_pictures: int
    left_out: tuple[str, ...]
    seconds: float
    is_whole: bool = False

    def pairs(self, request: Request) -> list[Pair]:
        """Those that are told to people."""
        return [p for p in pairs(self.rows, request.victim, request.to) if results.is_brief(p.source)]


def series_of(request: Request, label: str, name: str, shelf: Shelf, count: int) -> Series:
    """The attack of a request on the first pictures of a data set.

    Args:
        request: for a picture at the input size of the victim that the attack is made on.
        label: of the attack, `name` of the data set, for people.

    Raises:
        DataError: the data cannot be opened.
    """
    height, width = request.picture.image.shape[-2:]
    data = shelf.data_at((height, width))
    everyone = Picture(shelf.name, name, data.terms, torch.empty(0), lambda _: data[0])
    longest = max(len(part) for part in parts_of(data, request.tasks))
    return Series(replace(request, picture=everyone), label, name, min(count, longest), data)


def parts_of(data: DataSource, tasks: Sequence[Task]) -> list[DataSource]:
    """The pictures of each task where tasks have pictures of their own, else those of all.

    Raises:
        DataError: a task has none.
    """
    return [data.for_task(t.name) for t in tasks] if data.is_divided else [data]


def known(workshop: Workshop, series: Series) -> Measured | None:
    """What is known of a series, whoever asked for it."""
    return _kept(workshop, series).get(series)


def is_open(workshop: Workshop, series: Series) -> bool:
    """Whether there is more to be known of it."""
    found = known(workshop, series)
    return found is None or not found.is_whole


def provenance(workshop: Workshop, asked: Sequence[Series], found: Sequence[Measured]) -> dict[str, Any]:
    """Where the rows come from, for the file that is taken away; see `mta_core.results.provenance`.

    Args:
        found: what is known of each series that is asked for.
    """
    first, most = asked[0], max(found, key=lambda one: one.num_pictures + len(one.left_out))
    request, seen = first.request, most.num_pictures + len(most.left_out)
    weights = {name: digest for one in asked for name, digest in one.request.weights}
    return results.provenance(
        command="the page Transfer", device=workshop.device.label, seed=request.seed,
        seconds=sum(one.seconds for one in found), weights=weights, data=first.data.name,
        names=[name for name in first.names[:seen] if name not in most.left_out],
        contents=first.contents,
        attacks={one.label: {"name": one.request.attack.name, **asdict(one.request.attack)} for one in asked},
        unreadable=list(most.left_out),
        reference={t.name: "labels" if t.name in first.data.known else "clean output" for t in request.tasks},
        **{"from": request.victim, "to": request.to},
    )  # fmt: skip


def store(workshop: Workshop, found: Mapping[Series, Measured], job: str) -> None:
    """Puts what was measured to its end where the page Results finds it, as the run of a job.

    Raises:
        ValueError: it cannot be kept there; what was measured is not lost.
    """
    rows = [row for measured in found.values() for row in measured.rows]
    exports.keep(rows, provenance(workshop, list(found), list(found.values())) | {"job": job})


def setting_of(workshop: Workshop, series: Series) -> Setting:
    """For `mta_core.transfer`. Only the worker asks for it."""
    request = series.request
    return Setting(
        workshop.subject(request.victim), series.data, request.attack, request.budget, request.tasks,
        series.data.split, request.scope, seed=request.seed,
    )  # fmt: skip


def keep(workshop: Workshop, series: Series, new: Measured) -> None:
    """Unless more is known: another browser may be ahead, or this one was before somebody stopped it."""
    before = known(workshop, series)
    if before is None or new.is_whole or (not before.is_whole and new.num_pictures >= before.num_pictures):
        _kept(workshop, series).put(series, new)


def _kept(workshop: Workshop, series: Series) -> Recent[Measured]:
    return workshop.kept(series.request.picture).series
