"""An attack on many pictures, made on one victim and tried on another: asked, worked on, kept. No streamlit here."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.kept import Recent
from app.library import Shelf, at_size
from app.workshop import Request, Tick, Workshop
from mta_core import results
from mta_core.attacks import Noise
from mta_core.data import DataSource
from mta_core.evaluate import Setting
from mta_core.events import Row
from mta_core.jobs import Job
from mta_core.kinds import Aim
from mta_core.transfer import Pair, pairs, transfer
from mta_core.weights import Card, WeightsError

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Series:
    """What is asked for.

    Attributes:
        request: the attack; its picture is the first of them.
        shelf: the data set's name, for people.
        count: how many of its pictures, from the first.
        data: these, at the size of the victim that the attack is made on.
    """

    request: Request
    shelf: str
    count: int
    data: DataSource = field(compare=False, repr=False)

    @property
    def title(self) -> str:
        r, tasks = self.request, ", ".join(t.label.lower() for t in self.request.tasks)
        scope = "one for all tasks" if r.scope == "joint" else "one for each task"
        victims = f"made on {r.victim}, tried on {r.to}"
        return f"{r.attack.label} at {r.budget.label}, {scope} ({tasks}), {victims}; {self.shelf}"


@dataclass(frozen=True)
class Measured:
    """What is known of a series so far.

    Attributes:
        rows: as of the command line, of the attack, then of random noise; see `mta_core.transfer`.
        left_out: names of the pictures that cannot be read.
        is_whole: whether all pictures that were asked for are in.
    """

    rows: tuple[Values, ...]
    left_out: tuple[str, ...]
    seconds: float
    is_whole: bool = False

    @property
    def num_pictures(self) -> int:
        return int(self.rows[0]["n"])

    def pairs(self, request: Request) -> list[Pair]:
        """Those of the attack that are told to people."""
        return [p for p in self._brief(request) if p.source["attack"] == request.attack.name]

    def noise(self, request: Request) -> list[Pair]:
        """The same of random noise; none where that is the attack."""
        return [p for p in self._brief(request) if p.source["attack"] != request.attack.name]

    def _brief(self, request: Request) -> list[Pair]:
        return [p for p in pairs(self.rows, request.victim, request.to) if results.is_brief(p.source)]


def series_of(request: Request, label: str, shelf: Shelf, count: int, card: Card) -> Series:
    """The attack of a request on the first pictures of a data set.

    Args:
        card: of the victim that the attack is made on.

    Raises:
        DataError: the data or the first picture cannot be read.
        ImageError: the first picture is damaged.
    """
    first = at_size(shelf.read(0), card.input_size)
    return Series(replace(request, picture=first), label, min(count, len(shelf)), shelf.data_at(card.input_size))


def known(workshop: Workshop, series: Series) -> Measured | None:
    """What is known of a series, whoever asked for it."""
    return _kept(workshop, series).get(series)


def start(workshop: Workshop, series: Series) -> Job[Tick]:
    """Measures picture by picture; what is known is kept as it comes. Stopped, it has the pictures that were ready."""
    return workshop.worker.submit(lambda job: _run(workshop, series, job))


def provenance(workshop: Workshop, series: Series, measured: Measured) -> dict[str, Any]:
    """Where the rows come from, for the file that is taken away; see `mta_core.results.provenance`."""
    request, data = series.request, series.data
    asked = range(measured.num_pictures + len(measured.left_out))
    return results.provenance(
        device=workshop.device.label, seed=request.seed, seconds=measured.seconds, weights=_weights(workshop, request),
        data=data.name, names=[name for name in map(data.name_of, asked) if name not in measured.left_out],
        attack={"name": request.attack.name, **asdict(request.attack)}, unreadable=list(measured.left_out),
        reference={t.name: "labels" if t.name in data.spaces else "clean output" for t in request.tasks},
        **{"from": request.victim, "to": request.to},
    )  # fmt: skip


def _weights(workshop: Workshop, request: Request) -> dict[str, str]:
    cards = {card.name: card for card in workshop.victims()}
    used = {name: cards[name].sha256 for name in (request.victim, request.to) if name in cards}
    try:
        aim = Aim(tuple(t.name for t in request.tasks), request.scope, budget=request.budget)
        return used | request.attack.weights(cards[request.victim], aim)
    except (WeightsError, KeyError):  # deleted meanwhile
        return used


def _run(workshop: Workshop, series: Series, job: Job[Tick]) -> Iterator[Tick]:
    request, tick, begin = series.request, Tick(), time.perf_counter()
    baselines = () if request.attack.is_baseline else (Noise(),)
    setting = Setting(
        workshop.subject(request.victim), series.data, request.attack, request.budget, request.tasks,
        series.data.split, request.scope, seed=request.seed, baselines=baselines,
    )  # fmt: skip
    rows: list[Values] = []
    left_out: list[str] = []

    def keep(is_whole: bool = False) -> None:
        if rows:
            new = Measured(tuple(rows), tuple(left_out), time.perf_counter() - begin, is_whole)
            _keep(workshop, series, new)
            rows.clear()

    events = transfer(
        setting, workshop.subject(request.to), limit=series.count, batch_size=1, unreadable=left_out, is_live=True
    )
    for event in events:
        if isinstance(event, Row):
            rows.append(event.values)
            continue
        keep()
        yield tick  # one for all: there are very many
        if job.is_stopping:
            return
    keep(is_whole=True)


def _keep(workshop: Workshop, series: Series, new: Measured) -> None:
    """Unless more is known: another browser may be ahead, or this one was before somebody stopped it."""
    before = known(workshop, series)
    if before is None or new.is_whole or (not before.is_whole and new.num_pictures >= before.num_pictures):
        _kept(workshop, series).put(series, new)


def _kept(workshop: Workshop, series: Series) -> Recent[Measured]:
    return workshop.kept(series.request.picture).series
