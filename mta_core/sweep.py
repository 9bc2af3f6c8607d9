"""How an attack's cost changes with one thing: a measurement at each of its values, resumable to the batch.

Every point is what `mta_core.evaluate` measures there, to the last digit, with the spread between pictures beside it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mta_core import results, victims
from mta_core.attacked import answer_clean, in_double, make
from mta_core.attacks import Noise
from mta_core.data import DataSource, open_data
from mta_core.data.content import content_of
from mta_core.devices import Device
from mta_core.events import Event, Pause, Progress, Row
from mta_core.explore import Subject
from mta_core.kinds import Aim
from mta_core.setting import Setting
from mta_core.streaming import stream
from mta_core.sweep_points import EXTENT, Finished, PointRow, Shelf, quartiles_of
from mta_core.sweep_recipe import SweepRecipe
from mta_core.tally import Meters, rows_of
from mta_core.targets import parse_goal
from mta_core.tasks import Task, suited
from mta_core.turns import PAUSE, Stopwatch
from mta_core.variables import AttackOf, points, variable

Batch = dict[str, Tensor]
"""Statistics of every picture (B, S) float64 under `TASK.clean`, `0.TASK` of the attack and `1.TASK` of noise; and
`EXTENT`."""


@dataclass(frozen=True)
class SweepRow(Row):
    """A row of one point, of the contract, and what the sweep adds.

    Attributes:
        point: `variable`; `value`; `said`, the value for people; `number` of the value, from 0; `quartiles` over the
            pictures, [first, median, third] or None, and `clean_quartiles`; `is_final`, false where it tells of the
            pictures so far.
    """

    point: Mapping[str, Any] = field(default_factory=dict)


def sweep(
    recipe: SweepRecipe,
    device: Device,
    folder: Path,
    *,
    subject: Subject | None = None,
    source: DataSource | None = None,
) -> Iterator[Event]:
    """Progress with every step, the rows of the pictures so far after every batch, the final rows of every point.

    What is done is kept in `folder`; the same call goes on there after it was stopped or killed, and its rows are those
    of one that was not. Points of other sweeps that measured the very same, the same pictures with the same
    weights on such a device, are taken from there too.

    Args:
        subject: the recipe's victim, where it is at hand already.
        source: the recipe's data, likewise.

    Raises:
        ValueError: in one sentence, what does not go together, before anything is computed.
        DataError: labels cannot be read, or no picture at all.
        OSError: the folder cannot be written.
    """
    yield from Sweep(recipe, device, subject=subject, source=source).run(folder)


class Sweep:
    """A recipe whose victim and data are at hand and go together; arguments and errors as of `sweep`.

    Attributes:
        settings: of every point.
        weights: sha256 of every weight file that is used, by name.
        unreadable: names of pictures that were left out.
        seconds: that the finished points took, whenever that was.
        max_perturbation: of all points that ran, on the scale of each one's budget, as a share of epsilon.
    """

    def __init__(
        self, recipe: SweepRecipe, device: Device, *, subject: Subject | None = None, source: DataSource | None = None
    ) -> None:
        self.recipe, self.variable = recipe, variable(recipe.variable)
        self._points = points(recipe)
        if subject is None:
            victim, card = victims.load(recipe.victim)
            subject = Subject.prepare(card.name, victim, device, card)
        self.subject = subject
        height, width = subject.precise.input_size
        self.source = source or open_data(recipe.data, recipe.split, (height, width))
        self.goal = parse_goal(recipe.target, self._tasks(recipe), subject)
        self._used: list[dict[str, str]] = []
        self.settings = [self._setting(point) for point in self._points]
        self.weights = {name: digest for used in self._used for name, digest in used.items()}
        self.unreadable: list[str] = []
        self.seconds, self.max_perturbation, self.num_outside = 0.0, 0.0, 0
        self.names = self.settings[0].names(recipe.limit)
        self._contents: list[str] = []

    def _tasks(self, point: SweepRecipe) -> tuple[Task, ...]:
        """In the label spaces that the victim answers in."""
        return suited(point.parsed_tasks(), self.subject.precise.tasks)

    def _setting(self, point: SweepRecipe) -> Setting:
        tasks, budget, attack = self._tasks(point), point.budget(), point.made()
        used: dict[str, str] = {}
        if card := self.subject.card:
            aim = Aim(tuple(t.name for t in tasks), point.scope, self.goal.text, budget)
            attack = attack.resolve(card, aim)
            used = victims.digests(card) | attack.weights(card, aim)
        self._used.append(used)
        has_noise = self.recipe.with_noise and self.variable.name != AttackOf.name and not attack.is_baseline
        setting = Setting(
            self.subject, self.source, attack, budget, tasks, self.source.split, point.scope, point.form,
            point.shares(), goal=self.goal, seed=point.seed, baselines=(Noise(),) if has_noise else (),
        )  # fmt: skip
        setting.check()
        return setting

    def look(self) -> Iterator[Pause]:
        """Finds out what the pictures are, one a turn; what has to know it does that by itself."""
        pictures = self.settings[0].pictures(self.recipe.limit)
        for source, i in islice(pictures, len(self._contents), None):
            self._contents.append(content_of(source, i))
            yield PAUSE

    def shelf(self, folder: Path, number: int) -> Shelf:
        """Where a point is kept: under everything that its numbers depend on."""
        for _ in self.look():
            pass
        told = replace(self._points[number], variable="", values=(), batch_size=1).to_json()
        told |= {"victim": self.subject.name, "target": self.goal.text, "split": self.source.split}
        told |= {"device": self.subject.device.label, "torch": torch.__version__}
        pictures = list(zip(self.names, self._contents, strict=True))
        noise = [attack.name for attack in self.settings[number].baselines]
        return Shelf(folder, {**told, "files": self._used[number], "pictures": pictures, "noise": noise})

    def run(self, folder: Path) -> Iterator[Event]:
        """The events of `sweep`."""
        yield from self.look()
        pace = _Pace(len(self.names), len(self.settings))
        yield from pace.watch.over(self._run(folder, pace))

    def _run(self, folder: Path, pace: _Pace) -> Iterator[Event]:
        for number, value in enumerate(self.recipe.values):
            pace.stage, pace.before = self.variable.said(self.recipe, value), number
            shelf = self.shelf(folder, number)
            finished = shelf.read()
            if finished is None:
                finished = yield from self._measure(number, shelf, pace)
                shelf.write(finished)
            self._note(finished)
            yield from (self._row(number, row, is_final=True) for row in finished.rows)
            pace.done = 0
            yield pace.progress(number + 1)

    def _measure(self, number: int, shelf: Shelf, pace: _Pace) -> Generator[Event, None, Finished]:
        setting, tally = self.settings[number], _Tally.empty(self.settings[number])
        unreadable: list[str] = []
        pace.lap()
        for place, part in enumerate(setting.parts()):
            work = partial(_attacked, part, shelf, place, pace)

            def keep(batch: Batch, part: Setting = part) -> Iterator[Event]:
                tally.add(part.tasks, batch)
                pace.done = tally.num_pictures
                yield pace.progress()
                yield from (self._row(number, row, is_final=False) for row in tally.rows(setting))

            indices = range(min(self.recipe.limit, len(part.source)))
            yield from stream(part.source, indices, self.recipe.batch_size, unreadable, work, keep)
        share, rows = tally.max_perturbation / setting.budget.epsilon, list(tally.rows(setting))
        return Finished(rows, tally.seconds + pace.lap(), share, tally.num_outside, unreadable)

    def _note(self, finished: Finished) -> None:
        self.unreadable += [name for name in finished.unreadable if name not in self.unreadable]
        self.seconds += finished.seconds
        self.max_perturbation = max(self.max_perturbation, finished.max_perturbation)
        self.num_outside += finished.num_outside

    def _row(self, number: int, row: PointRow, *, is_final: bool) -> SweepRow:
        value = self.recipe.values[number]
        added = {
            "variable": self.variable.text, "value": value, "said": self.variable.said(self.recipe, value),
            "number": number, "quartiles": row.quartiles, "clean_quartiles": row.clean_quartiles, "is_final": is_final,
        }  # fmt: skip
        return SweepRow(row.values, added)

    def provenance(self, command: str = "", **more: Any) -> dict[str, Any]:
        """Of the rows that came of it, with `more` fields."""
        for _ in self.look():
            pass
        names = [name for name in self.names if name not in self.unreadable]
        labelled = {t.name: t.name in self.source.known for t in self.settings[0].tasks}
        reference = {
            name: "target" if self.goal.is_targeted else "labels" if known else "clean output"
            for name, known in labelled.items()
        }
        contents = dict(zip(self.names, self._contents, strict=True))
        recipe = self.recipe.to_json() | {"data": self.source.name, "target": self.goal.text}  # no paths
        return results.provenance(
            command=command, device=self.subject.device.label, seed=self.recipe.seed,
            seconds=self.seconds, weights=self.weights, data=self.source.name, names=names, contents=contents,
            sweep=recipe, unreadable=self.unreadable, max_perturbation_of_epsilon=self.max_perturbation,
            num_outside=self.num_outside, reference=reference, **more,
        )  # fmt: skip


@dataclass
class _Pace:
    """How far a sweep is: `before` points of so many pictures, and `done` pictures of the next."""

    num_pictures: int
    num_points: int
    before: int = 0
    done: int = 0
    stage: str = ""
    watch: Stopwatch = field(default_factory=Stopwatch)
    lapped: float = 0.0

    def lap(self) -> float:
        """Seconds of work since it was asked for last."""
        before, self.lapped = self.lapped, self.watch.seconds
        return self.lapped - before

    def progress(self, points: int | None = None) -> Progress:
        done = (self.before if points is None else points) * self.num_pictures + self.done
        return Progress(done, self.num_points * self.num_pictures, "pictures", stage=self.stage)


def _attacked(
    setting: Setting,
    shelf: Shelf,
    part: int,
    pace: _Pace,
    images: Tensor,
    targets: Mapping[str, Tensor],
    first: int,
) -> Generator[Event, None, Batch]:
    """The statistics of one batch under every attack, kept or computed with a pause after each step."""
    names = [f"{t.name}.clean" for t in setting.tasks]
    names += [f"{place}.{t.name}" for place in range(len(setting.attacks)) for t in setting.tasks]
    kept = shelf.batch(part, first, len(images), names)
    if kept is not None:
        return kept
    clean = answer_clean(setting, images, targets)
    before, references = clean.answers[0], clean.references[0]
    batch = {f"{t.name}.clean": _read(t, before[t.name], references[t.name], before[t.name]) for t in setting.tasks}
    largest, num_outside = 0.0, 0
    for place, attack in enumerate(setting.attacks):
        work = make(setting, attack, clean, first)
        while True:
            try:
                next(work)
            except StopIteration as end:
                made = end.value
                break
            yield pace.progress()
        after = made.answers[0].adversarial
        batch |= {
            f"{place}.{t.name}": _read(t, after[t.name], references[t.name], before[t.name]) for t in setting.tasks
        }
        for pictures in map(in_double, made.pictures.values()):
            own = in_double(clean.images)
            largest = max(largest, float(setting.budget.norm_of(pictures - own).max()))
            num_outside += int((~setting.budget.contains(pictures, own)).sum())
    batch[EXTENT] = torch.tensor([largest, num_outside, pace.lap()], dtype=torch.float64)
    shelf.keep_batch(part, first, batch)
    return batch


def _read(task: Task, value: Tensor, reference: Tensor, before: Tensor) -> Tensor:
    return task.statistics(in_double(value), in_double(reference), in_double(before)).cpu()


@dataclass
class _Tally:
    """What was measured of one point: meters by attack, and the measures of each picture by their place in a batch."""

    meters: list[Meters]
    values: dict[str, list[Mapping[str, Tensor]]] = field(default_factory=dict)
    num_pictures: int = 0
    max_perturbation: float = 0.0
    num_outside: int = 0
    seconds: float = 0.0

    @classmethod
    def empty(cls, setting: Setting) -> _Tally:
        return cls([Meters.empty(setting) for _ in setting.attacks])

    def add(self, tasks: Sequence[Task], batch: Batch) -> None:
        for t in tasks:
            before = batch[f"{t.name}.clean"]
            self._keep(t, "clean", before)
            for place, meters in enumerate(self.meters):
                after = batch[f"{place}.{t.name}"]
                meters.clean[t.name].add(before)
                meters.adversarial[t.name].add(after)
                self._keep(t, str(place), after)
        largest, num_outside, seconds = batch[EXTENT].tolist()
        self.seconds += seconds
        self.max_perturbation = max(self.max_perturbation, largest)
        self.num_outside += int(num_outside)
        self.num_pictures += len(batch[f"{tasks[0].name}.clean"])

    def _keep(self, t: Task, kind: str, statistics: Tensor) -> None:
        self.values.setdefault(f"{kind}.{t.name}", []).append(t.measures_of(statistics))

    def rows(self, setting: Setting) -> Iterator[PointRow]:
        """Of the attack by task, then of noise."""
        for place, (attack, meters) in enumerate(zip(setting.attacks, self.meters, strict=True)):
            identity = setting.identity(setting.subject, attack)
            for t in (t for t in setting.tasks if meters.clean[t.name].num_pictures):
                spread, clean = self._quartiles(t, str(place)), self._quartiles(t, "clean")
                for row in rows_of(identity, t, meters, setting.goal):
                    name = t.measure(row.values["metric"]).name
                    yield PointRow(row.values, spread[name], clean[name])

    def _quartiles(self, t: Task, kind: str) -> dict[str, list[float] | None]:
        found = self.values[f"{kind}.{t.name}"]
        return {m.name: quartiles_of(torch.cat([values[m.name] for values in found])) for m in t.measures}
