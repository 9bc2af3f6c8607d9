"""Attacks compared: what is asked, the work, and what is known of it so far. No streamlit here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app import exports
from app.kept import Recent
from app.library import Picture
from app.request import Request
from app.result import Tick
from app.workshop import Workshop
from mta_core.compare import Comparisons, Standing
from mta_core.data import DataSource, Sample, Size
from mta_core.data.content import content_of
from mta_core.events import Message, Progress
from mta_core.explore import Subject
from mta_core.jobs import Job
from mta_core.setting import Setting
from mta_core.tasks import Task
from mta_core.transfer import at_size


class OnePicture(DataSource):
    """The picture of the page as data."""

    name = "picture"
    label = "this picture"
    terms = "as its owner says"
    spaces = {}  # noqa: RUF012 - empty, never changed
    splits = ("all",)
    split = "all"

    def __init__(self, picture: Picture, tasks: Sequence[Task] = ()) -> None:
        self.picture, self.tasks = picture, tasks

    @classmethod
    def open(cls, path: Path | None, split: str, size: Size) -> OnePicture:
        raise NotImplementedError("it is made from a picture that is open already")

    def name_of(self, index: int) -> str:
        return self.picture.name

    def read(self, index: int) -> Sample:
        return Sample(self.picture.name, self.picture.image, {**self.picture.targets, **self.picture.truth(self.tasks)})

    def __len__(self) -> int:
        return 1


@dataclass(frozen=True)
class Trial:
    """One attack, tried on a picture or on the first ones of a data set.

    Attributes:
        request: the attack; its picture is the only one, or the first.
        shelf: name of the data set; empty for the one picture.
        count: how many pictures.
        label: for people.
        pictures: these, at the victim's input size.
    """

    request: Request
    shelf: str = ""
    count: int = 1
    label: str = field(default="", compare=False)
    pictures: DataSource | None = field(default=None, compare=False, repr=False)


Event = Progress | Message | Tick


def standing(workshop: Workshop, trial: Trial) -> Standing | None:
    """What is known of a trial, whoever asked for it."""
    return _kept(workshop, trial).get(trial)


def is_open(workshop: Workshop, trial: Trial) -> bool:
    """Whether there is more to be known of it."""
    known = standing(workshop, trial)
    return known is None or not known.is_complete


def start(workshop: Workshop, trials: Sequence[Trial]) -> Job[Event]:
    """Tries what is not known yet, picture by picture; what is known is kept as it comes.

    What was measured on a whole data set is stored for good, see `mta_core.store`.
    Stopped, it keeps all attacks as they were after the last picture that all of them had, if there was one.

    Args:
        trials: of the same pictures; those of a second victim come after those of the first.
    """
    missing = [trial for trial in trials if is_open(workshop, trial)]
    return workshop.start(trials, lambda job: _run(workshop, missing, job))


def _run(workshop: Workshop, trials: Sequence[Trial], job: Job[Event]) -> Iterator[Event]:
    if not trials:
        return
    latest: dict[int, Standing] = {}
    level: dict[int, Standing] = {}
    tick, done = Tick(), -1
    whole = Comparisons(settings_of(workshop, trials), trials[0].count)
    for event in whole.run():
        if isinstance(event, Standing):
            latest[event.number] = event
            keep(workshop, trials[event.number], event)
            if _is_level(trials, latest):
                level = dict(latest)
        if isinstance(event, Progress) and event.done != done:
            done = event.done
            yield replace(event, stage=trials[int(event.values["number"])].label)
        elif isinstance(event, Message):
            yield event
        else:
            yield tick  # one for all: a long comparison has very many steps
        if job.is_stopping:
            for number, known in level.items():
                put(workshop, trials[number], known)
            return
    if trials[0].shelf:
        store(workshop, trials, latest, whole.seconds)


def store(
    workshop: Workshop, trials: Sequence[Trial], latest: Mapping[int, Standing], seconds: float, **more: str
) -> None:
    """Puts what was measured to its end where the page Results finds it.

    Args:
        more: further fields of its provenance.

    Raises:
        ValueError: it cannot be kept there; the comparison itself is not lost.
    """
    whole = {trials[number]: one for number, one in latest.items() if one.is_complete and not one.problem and one.rows}
    if not whole:
        return
    trial, most = next(iter(whole.items()))
    made = exports.provenance(
        {trial.label: trial.request for trial in whole}, workshop.device.label, str(most.rows[0]["data"]),
        names(trial, most), contents(trial), unreadable=list(most.left_out), seconds=seconds, **more,
    )  # fmt: skip
    exports.keep([row for one in whole.values() for row in one.rows], made)


def settings_of(workshop: Workshop, trials: Sequence[Trial]) -> list[Setting]:
    """For `mta_core.compare`. Only the worker asks for them."""
    subjects: dict[str, Subject] = {}
    sources: dict[str, DataSource] = {}
    others: dict[tuple[str, str], tuple[Subject, ...]] = {}
    for trial in trials:
        r = trial.request
        sources.setdefault(r.victim, trial.pictures or OnePicture(r.picture, r.tasks))
        subject = subjects[r.victim] = subjects.get(r.victim) or workshop.subject(r.victim)
        if (r.victim, r.to) not in others:
            size = subject.precise.input_size
            others[r.victim, r.to] = (at_size(workshop.subject(r.to), size),) if r.to else ()
    return [
        Setting(
            subjects[r.victim], sources[r.victim], r.attack, r.budget, r.tasks, sources[r.victim].split, r.scope,
            goal=workshop.goal(subjects[r.victim], r), seed=r.seed, others=others[r.victim, r.to],
        )
        for r in (trial.request for trial in trials)
    ]  # fmt: skip


def names(trial: Trial, known: Standing) -> list[str]:
    """Of the pictures that were measured, in their order."""
    if trial.pictures is None:
        return [trial.request.picture.name]
    asked = map(trial.pictures.name_of, range(trial.count))
    return [name for name in asked if name not in known.left_out][: known.num_pictures]


def contents(trial: Trial) -> dict[str, str]:
    """What the pictures are, by name: see `content_of`."""
    source = trial.pictures or OnePicture(trial.request.picture, trial.request.tasks)
    return {source.name_of(i): content_of(source, i) for i in range(trial.count)}


def _is_level(trials: Sequence[Trial], known: Mapping[int, Standing]) -> bool:
    """Whether all attacks on a victim that could be made have had the same pictures; one may wait for its turn."""
    for victim in {trial.request.victim for trial in trials}:
        own = [number for number, trial in enumerate(trials) if trial.request.victim == victim]
        begun = [known[number] for number in own if number in known]
        counts = {one.num_pictures for one in begun if not one.problem}
        if begun and (len(begun) < len(own) or len(counts) != 1):
            return False
    return True


def keep(workshop: Workshop, trial: Trial, new: Standing) -> None:
    """Unless more is known: another browser may be ahead, or this one was before somebody stopped it."""
    known = standing(workshop, trial)
    if known is None or new.is_complete or new.num_pictures >= known.num_pictures:
        put(workshop, trial, new)


def put(workshop: Workshop, trial: Trial, new: Standing) -> None:
    """Whatever is known."""
    _kept(workshop, trial).put(trial, new)


def _kept(workshop: Workshop, trial: Trial) -> Recent[Standing]:
    return workshop.kept(trial.request.picture).standings
