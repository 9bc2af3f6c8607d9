"""Several attacks on the same pictures, a picture at a time: at any moment all of them have seen the same ones.

The rows are those of `mta_core.evaluate`. Unlike it, this tells of every step, so that work beside it gets its turn,
and gives the rows so far after every picture, so that they can be watched, and kept when somebody stops it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from torch import Tensor

from mta_core.attacked import CleanBatch, answer, make
from mta_core.data import DataError
from mta_core.data.loader import Place, batches
from mta_core.events import Message, Pause, Progress
from mta_core.imaging import ImageError
from mta_core.setting import Setting
from mta_core.streaming import leave_out
from mta_core.tally import Meters, rows_of
from mta_core.turns import Stopwatch

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Standing:
    """What is known of one of the attacks so far.

    Attributes:
        number: which of the settings it is.
        rows: with the keys of `mta_core.results.ROW_KEYS`, over the pictures so far.
        num_pictures: how many these are.
        is_complete: whether nothing more will come of it.
        problem: why it ended early, in a sentence; empty where it did not.
        left_out: why pictures could not be read, by their names.
    """

    number: int
    rows: tuple[Values, ...] = ()
    num_pictures: int = 0
    is_complete: bool = False
    problem: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)


Event = Progress | Message | Standing | Pause


class _Entry:
    """An attack and what was measured of it, on the attacked victim and on the `others` of its setting."""

    def __init__(self, number: int, setting: Setting) -> None:
        self.number, self.setting = number, setting
        # Now: what they name may be gone when the work is done.
        self.identities = [setting.identity(each, setting.attack) for each in setting.subjects]
        self.meters = [Meters.empty(setting) for _ in setting.subjects]
        self.num_pictures = 0

    def attack(
        self, images: Tensor, clean: Sequence[Mapping[str, Tensor]], labels: Mapping[str, Tensor]
    ) -> Iterator[None]:
        """Attacks the next picture (1, 3, H, W), measures what came of it, and yields after every step on the way.

        Args:
            clean: each victim's answers to it.
            labels: label maps; a task that has none is led away from its clean answer, and each victim is measured
                against its own.
        """
        setting = self.setting
        references = []
        for own in clean:
            truth = {
                t.name: labels[t.name].to(images.device) if t.name in labels else t.as_target(own[t.name])
                for t in setting.tasks
            }
            references.append(setting.goal.targets(truth))
        made = yield from make(setting, setting.attack, CleanBatch(images, clean, references), self.num_pictures)
        for meters, answers in zip(self.meters, made.answers, strict=True):
            meters.add(setting.tasks, answers)
        self.num_pictures += 1

    def state(self) -> dict[str, Any]:
        first, *others = (meters.state() for meters in self.meters)
        return {"num_pictures": self.num_pictures, "meters": first, "others": others}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.num_pictures = int(state["num_pictures"])
        for meters, kept in zip(self.meters, [state["meters"], *state.get("others", ())], strict=True):
            meters.restore(kept)

    def standing(self, left_out: Mapping[str, str], *, is_complete: bool = False, problem: str = "") -> Standing:
        setting = self.setting
        found = [
            row.values
            for identity, meters in zip(self.identities, self.meters, strict=True)
            for t in setting.tasks
            for row in rows_of(identity, t, meters, setting.goal)
        ]
        known = tuple(found) if self.num_pictures else ()
        return Standing(self.number, known, self.num_pictures, is_complete, problem, dict(left_out))


def _only_task(settings: Sequence[Setting]) -> str:
    """The task of attacks on pictures that are one task's own.

    Raises:
        ValueError: they attack several.
    """
    names = {t.name for setting in settings for t in setting.tasks}
    if len(names) > 1:
        raise ValueError(f"expected one task: {settings[0].source.label} has pictures of its own for each")
    return names.pop()


class Comparison:
    """Several attacks on the same pictures: see `compare`. Between two pictures its state can be taken, and another one
    made alike goes on from there.

    Raises:
        ValueError: see `compare`.
    """

    def __init__(self, settings: Sequence[Setting], limit: int | None = None) -> None:
        if not settings or (limit is not None and limit < 1):
            raise ValueError("expected at least one attack and one picture")
        source, self.subject = settings[0].source, settings[0].subject
        self.subjects = settings[0].subjects
        if any(s.source is not source or [*map(id, s.subjects)] != [*map(id, self.subjects)] for s in settings):
            raise ValueError("expected attacks on the same pictures and the same victim")
        self.source = source.for_task(_only_task(settings)) if source.is_divided else source
        self.total = len(self.source) if limit is None else min(limit, len(self.source))
        self.settings = settings
        self.entries: list[_Entry] = []
        self.failed: dict[int, Standing] = {}
        """Of attacks that could not be made, or ended early, by their numbers."""
        for number, setting in enumerate(settings):
            try:
                setting.check()
            except ValueError as error:
                self.failed[number] = Standing(number, is_complete=True, problem=str(error))
            else:
                self.entries.append(_Entry(number, setting))
        self.left_out: dict[str, str] = {}
        self.seen = 0
        """Pictures that are done with, those that were left out among them."""
        self.watch, self._before = Stopwatch(), 0.0

    @property
    def seconds(self) -> float:
        """Of work, over all runs; not those in which others had their turns."""
        return self._before + self.watch.seconds

    @property
    def done(self) -> int:
        """Pictures that were attacked."""
        return self.seen - len(self.left_out)

    def state(self) -> dict[str, Any]:
        """As tensors, numbers and texts; to be taken after the `Standing` of the last attack on a picture."""
        entries = {entry.number: entry.state() for entry in self.entries}
        failed = {number: asdict(standing) for number, standing in self.failed.items()}
        return {
            "entries": entries, "failed": failed, "left_out": dict(self.left_out), "seen": self.seen,
            "seconds": self.seconds,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError, ValueError or RuntimeError where that is the state of nothing alike."""
        self.failed = {number: Standing(**kept) for number, kept in state["failed"].items()}
        self.entries = [entry for entry in self.entries if entry.number not in self.failed]
        for entry in self.entries:
            entry.restore(state["entries"][entry.number])
        self.left_out = {str(name): str(why) for name, why in state["left_out"].items()}
        self.seen, self._before = int(state["seen"]), float(state["seconds"])

    def standings(self) -> Iterator[Standing]:
        """Of each attack that goes on, as of now."""
        for entry in self.entries:
            yield entry.standing(self.left_out, is_complete=self.seen >= self.total)

    def run(self) -> Iterator[Event]:
        """See `compare`; each picture ends with `PICTURE_DONE`."""
        yield from self.watch.over(self._run())

    def _run(self) -> Iterator[Event]:
        yield from self.failed.values()
        yield from self.standings() if self.seen else ()
        problems: deque[tuple[Place, ImageError]] = deque()
        tasks = tuple({t.name: t for entry in self.entries for t in entry.setting.tasks}.values())
        places = [(0, i) for i in range(self.seen, self.total)]
        for images, targets in batches([self.source], places, 1, unreadable=problems):
            yield from self._leave_out(problems)
            clean_images = self.subject.device.put(images)
            clean = [answer(each, clean_images, tasks) for each in self.subjects]
            all_of_them = self.total * len(self.entries)
            for place, entry in enumerate(tuple(self.entries)):
                shown, label = self.done * len(self.entries) + place, entry.setting.attack.label
                try:
                    for _ in entry.attack(clean_images, clean, targets):
                        values = {"seconds": self.seconds, "number": entry.number}
                        yield Progress(shown, all_of_them, "attacked pictures", values, label)
                except ValueError as error:
                    self.entries.remove(entry)
                    self.failed[entry.number] = entry.standing(self.left_out, is_complete=True, problem=str(error))
                    yield self.failed[entry.number]
                else:
                    yield entry.standing(self.left_out, is_complete=self.seen + 1 == self.total)
            self.seen += 1
            if not self.entries:
                return
            yield PICTURE_DONE
        yield from self._leave_out(problems)
        if self.entries and not self.done:
            raise DataError(f"expected pictures that can be read in {self.source.label}, none of {self.total} can")
        yield from self.standings()

    def _leave_out(self, problems: deque[tuple[Place, ImageError]]) -> Iterator[Message]:
        before = len(self.left_out)
        yield from leave_out(self.source, problems, self.left_out.setdefault)
        self.seen += len(self.left_out) - before


class Comparisons:
    """Attacks on several victims, a `Comparison` for each, one after the other; numbers and progress are those of all.

    Args:
        settings: those of one victim share their pictures, which another one may take at another size.

    Raises:
        ValueError: see `compare`.
    """

    def __init__(self, settings: Sequence[Setting], limit: int | None = None) -> None:
        numbers: dict[int, list[int]] = {}
        for number, setting in enumerate(settings):
            numbers.setdefault(id(setting.subject), []).append(number)
        if not numbers:
            raise ValueError("expected at least one attack and one picture")
        self.settings = settings
        self.parts = [(own, Comparison([settings[i] for i in own], limit)) for own in numbers.values()]

    @property
    def seconds(self) -> float:
        return sum(part.seconds for _, part in self.parts)

    @property
    def seen(self) -> int:
        return sum(part.seen for _, part in self.parts)

    @property
    def total(self) -> int:
        return sum(part.total for _, part in self.parts)

    def state(self) -> dict[str, Any]:
        states = [part.state() for _, part in self.parts]
        return {"parts": states} if len(states) > 1 else states[0]

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError, ValueError or RuntimeError where that is the state of nothing alike."""
        states = state["parts"] if len(self.parts) > 1 else [state]
        for (_, part), kept in zip(self.parts, states, strict=True):
            part.restore(kept)

    def run(self) -> Iterator[Event]:
        """The events of all. The values of progress also hold the "picture" that has its turn, from 1."""
        done = 0
        for place, (numbers, part) in enumerate(self.parts):
            later = sum(other.total * len(other.entries) for _, other in self.parts[place + 1 :])
            for event in part.run():
                if isinstance(event, Standing):
                    yield replace(event, number=numbers[event.number])
                elif isinstance(event, Progress):
                    picture = 1 + event.done * part.total // event.total
                    more = {"number": numbers[int(event.values["number"])], "seconds": self.seconds, "picture": picture}
                    values, total = {**event.values, **more}, done + event.total + later
                    yield replace(event, done=done + event.done, total=total, values=values)
                else:
                    yield event
            done += part.total * len(part.entries)


PICTURE_DONE = Pause()
"""All attacks have had a picture: the state of a comparison can be taken."""


def compare(settings: Sequence[Setting], *, limit: int | None = None) -> Iterator[Event]:
    """Progress after every step of every attack, and the `Standing` of an attack after every picture.

    Progress counts attacked pictures, each attack's for itself; its stage is the running attack's label, its values
    hold that one's "number" among the settings, and the "seconds" so far. An attack that cannot be made is left out
    with its reason, the others go on. A picture that cannot be read is left out for all of them; a message says so.

    Args:
        settings: of one victim and the same pictures.
        limit: how many pictures, from the first; all where it is None.

    Raises:
        ValueError: the settings are not of one victim and the same pictures, there are none, or the limit is below 1.
        DataError: no picture can be read.
    """
    yield from Comparison(settings, limit).run()
