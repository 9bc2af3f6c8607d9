"""Several attacks on the same pictures, a picture at a time: at any moment all of them have seen the same ones.

The rows are those of `mta_core.evaluate`. Unlike it, this tells of every step, so that work beside it gets its turn,
and gives the rows so far after every picture, so that they can be watched, and kept when somebody stops it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from mta_core.data import DataError
from mta_core.data.loader import Place, batches
from mta_core.evaluate import CleanBatch, Meters, Setting, answer, make, rows_of
from mta_core.events import Message, Progress
from mta_core.imaging import ImageError
from mta_core.streaming import leave_out

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


Event = Progress | Message | Standing


class _Entry:
    """An attack and what was measured of it."""

    def __init__(self, number: int, setting: Setting) -> None:
        self.number, self.setting = number, setting
        self.identity = setting.identity(
            setting.subject, setting.attack
        )  # now: what it names may be gone when the work is done
        self.meters = Meters.empty(setting)
        self.num_pictures = 0

    def attack(self, images: Tensor, clean: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> Iterator[None]:
        """Attacks the next picture (1, 3, H, W), measures what came of it, and yields after every step on the way.

        Args:
            clean: the victim's answers to it.
            labels: label maps; a task that has none is led away from its clean answer.
        """
        setting = self.setting
        truth = {
            t.name: labels[t.name].to(images.device) if t.name in labels else t.as_target(clean[t.name])
            for t in setting.tasks
        }
        known = CleanBatch(images, [clean], [setting.goal.targets(truth)])
        made = yield from make(setting, setting.attack, known, self.num_pictures)
        self.meters.add(setting.tasks, made.answers[0])
        self.num_pictures += 1

    def standing(self, left_out: Mapping[str, str], *, is_complete: bool = False, problem: str = "") -> Standing:
        setting = self.setting
        found = [r.values for t in setting.tasks for r in rows_of(self.identity, t, self.meters, setting.goal)]
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
    if not settings or (limit is not None and limit < 1):
        raise ValueError("expected at least one attack and one picture")
    source, subject = settings[0].source, settings[0].subject
    if any(s.source is not source or s.subject is not subject for s in settings):
        raise ValueError("expected attacks on the same pictures and the same victim")
    if source.is_divided:
        source = source.for_task(_only_task(settings))
    left_out: dict[str, str] = {}
    entries: list[_Entry] = []
    for number, setting in enumerate(settings):
        try:
            setting.check()
        except ValueError as error:
            yield Standing(number, is_complete=True, problem=str(error))
        else:
            entries.append(_Entry(number, setting))
    total = len(source) if limit is None else min(limit, len(source))
    problems: deque[tuple[Place, ImageError]] = deque()
    tasks = tuple({t.name: t for entry in entries for t in entry.setting.tasks}.values())
    begin, done = time.perf_counter(), 0
    for images, targets in batches([source], [(0, i) for i in range(total)], 1, unreadable=problems):
        yield from leave_out(source, problems, left_out.setdefault)
        clean_images = subject.device.put(images)
        clean = answer(subject, clean_images, tasks)
        for place, entry in enumerate(tuple(entries)):
            shown, all_of_them = done * len(entries) + place, total * len(entries)
            try:
                for _ in entry.attack(clean_images, clean, targets):
                    values = {"seconds": time.perf_counter() - begin, "number": entry.number}
                    yield Progress(shown, all_of_them, "attacked pictures", values, entry.setting.attack.label)
            except ValueError as error:
                entries.remove(entry)
                yield entry.standing(left_out, is_complete=True, problem=str(error))
            else:
                yield entry.standing(left_out, is_complete=done + 1 + len(left_out) == total)
        done += 1
        if not entries:
            return
    yield from leave_out(source, problems, left_out.setdefault)
    if entries and not done:
        raise DataError(f"expected pictures that can be read in {source.label}, none of {total} can")
    for entry in entries:
        yield entry.standing(left_out, is_complete=True)
