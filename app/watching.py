"""What those see who look at a training: their picture, in the eyes of the training as it is now. No streamlit here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from weakref import WeakSet

from torch import Tensor

from app import drawings, library, panels
from app.library import Picture
from app.panels import View
from app.request import Request
from app.result import Result
from mta_core.attacks import make_attack
from mta_core.events import Message, Pause
from mta_core.explore import PROBABILITY, Subject, finish, noisy_picture
from mta_core.tasks import Task
from mta_core.tasks.colours import CIVIDIS
from mta_core.train_generator import GeneratorTraining
from mta_core.train_victim import VictimTraining
from mta_core.turns import PAUSE
from mta_core.weights import brief

WATCHED = 6.0
"""Seconds after somebody looked in which pictures are made for those who look."""
EVERY = 4.0
"""Seconds between two of them, whoever they are for: those who look at different pictures take turns."""


@dataclass(frozen=True)
class Frame:
    """A picture in the eyes of a training as it was after so many steps.

    Attributes:
        picture: key of the picture.
        perturbations: of which one is shown.
        message: what the stage shows, with its pictures or without, and with the values asked for, of one of the
            perturbations.
    """

    step: int
    picture: str
    perturbations: tuple[str, ...]
    message: Callable[[bool, Collection[str], str], bytes] = field(repr=False)


@dataclass(eq=False)
class Seat:
    """One who looks at a training: who has the seat keeps it, and what is seen from there goes with it.

    Attributes:
        job: id of the training.
        frame: the latest, of this picture and no other.
        asked_at, made_at: when it was looked at, and when there was a frame last, on the monotonic clock.
        known: what the victim answers to the picture, clean and with noise.
    """

    job: str
    picture: Picture
    frame: Frame | None = None
    asked_at: float = 0.0
    made_at: float = 0.0
    known: dict[str, dict[str, Tensor]] = field(default_factory=dict, repr=False)


class Audience:
    """All who look at trainings. It holds nobody's picture. Safe among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seats: WeakSet[Seat] = WeakSet()

    def look(self, seat: Seat) -> None:
        """Somebody looks from there."""
        with self._lock:
            seat.asked_at = time.monotonic()
            self._seats.add(seat)

    def of(self, job: str) -> list[Seat]:
        """Those who looked at a training lately; who did not, anywhere, is let go."""
        with self._lock:
            for seat in list(self._seats):
                if time.monotonic() - seat.asked_at >= WATCHED:
                    self._seats.discard(seat)
            return [seat for seat in self._seats if seat.job == job]

    def leave(self, job: str) -> None:
        """There is nothing more to see there."""
        with self._lock:
            for seat in [seat for seat in self._seats if seat.job == job]:
                self._seats.discard(seat)


@dataclass
class Show:
    """What is made for those who look at a training while it runs."""

    job: str
    audience: Audience
    made_at: float = 0.0
    has_failed: bool = False

    def turn(self, training: GeneratorTraining | VictimTraining, step: int) -> Iterator[Message | Pause]:
        """A picture for one of those who look, if it is time: for who waits longest."""
        if time.monotonic() - self.made_at > EVERY and (seats := self.audience.of(self.job)):
            yield from self._draw(training, min(seats, key=lambda seat: seat.made_at), step)

    def end(self, training: GeneratorTraining | VictimTraining, step: int) -> Iterator[Message | Pause]:
        """The last picture for everybody who looks."""
        for seat in {seat.picture.key: seat for seat in self.audience.of(self.job)}.values():
            if seat.frame is None or seat.frame.step != step:
                yield from self._draw(training, seat, step)

    def _draw(
        self, training: GeneratorTraining | VictimTraining, seat: Seat, step: int
    ) -> Generator[Message | Pause, None, None]:
        frame = None
        try:
            picture = library.at_size(seat.picture, training.card.input_size)
            if isinstance(training, GeneratorTraining):
                frame = yield from _attacked(training, picture, seat, step)
            else:
                frame = yield from _answered(training, picture, seat, step)
        except Exception as error:  # whoever looks changes nothing: the training goes on
            if not self.has_failed:
                yield Message(f"a picture of it could not be made: {brief(error)}")
            self.has_failed = True
        self.made_at = time.monotonic()
        for other in {seat, *self.audience.of(self.job)}:
            if other.picture.key == seat.picture.key:
                other.frame, other.made_at = frame or other.frame, self.made_at


def _attacked(training: GeneratorTraining, picture: Picture, seat: Seat, step: int) -> Generator[Pause, None, Frame]:
    """The picture under the generator as it is now, a turn for every pass."""
    subject, tasks, clean = training.subject, tuple(training.tasks), picture.image[None]
    if not seat.known:
        noisy = noisy_picture(training.budget, clean, training.recipe.seed)
        known = {"clean": subject.answer(clean, tasks, fast=True)}
        yield PAUSE
        seat.known = known | {"noise": subject.answer(noisy, tasks, fast=True)}
        yield PAUSE
    drawn = training.drawn_for(subject.device.put(clean))
    yield PAUSE
    known = dict(seat.known)
    for name, adversarial in drawn.items():
        known[name] = subject.answer(adversarial, [t for t in tasks if t.name in training.groups[name]], fast=True)
        yield PAUSE
    truth = picture.truth(tasks)
    recipe = training.recipe
    outcome = finish(
        subject, picture.image, tasks, training.budget, drawn, truth=truth, known=known, fast=True, goal=training.goal,
        seed=recipe.seed,
    )  # fmt: skip
    attack = make_attack(recipe.method, instance=recipe.instance)
    request = Request(
        picture, recipe.victim, tasks, attack, recipe.scope, training.budget, seed=recipe.seed,
        target=training.goal.text,
    )  # fmt: skip
    result = Result(request, outcome, is_precise=True)
    names, aspect = tuple(outcome.perturbations), panels.aspect_of(picture.image)

    def message(with_files: bool, values: Collection[str], shown: str) -> bytes:
        made = panels.drawn(result, View(shown if shown in names else names[0]))
        return panels.packed(*made, None, (), with_files=with_files, values=values, aspect=aspect)

    return Frame(step, seat.picture.key, names, message)


def _answered(training: VictimTraining, picture: Picture, seat: Seat, step: int) -> Generator[Pause, None, Frame]:
    """What the victim answers now, beside the truth."""
    live = training.live_victim()
    subject = Subject(training.recipe.name, live, live, training.device)
    answers = subject.answer(picture.image[None], training.tasks)
    yield PAUSE
    shown = drawings.cell("Picture", f"Clean picture: {picture.name}", drawings.drawing(picture.image), panel="clean")
    rows = [{"id": "picture", "title": picture.name, "words": picture.credit, "cells": [shown]}]
    rows += [_answer_row(t, answers, picture) for t in training.tasks]
    made = drawings.split(rows)
    aspect = panels.aspect_of(picture.image)

    def message(with_files: bool, values: Collection[str], _: str) -> bytes:
        return panels.packed(*made, None, (), with_files=with_files, values=values, aspect=aspect)

    return Frame(step, seat.picture.key, (), message)


def _answer_row(t: Task, answers: Mapping[str, Tensor], picture: Picture) -> dict[str, Any]:
    value, probability = answers[t.name], answers.get(t.name + PROBABILITY)
    known = picture.truth([t]).get(t.name)
    truth = None if known is None else known[None]
    both = [v for v in (value, truth) if v is not None]
    legend = t.legend(*both)
    span = legend.span or t.span(*both)
    made = drawings.coloured(t, value, span, probability)
    cells = [drawings.cell("Answer", f"{t.label}: what the victim answers now", made)]
    words = ""
    if truth is not None:
        label = drawings.coloured(t, truth, span, is_label=True)
        cells.append(drawings.cell("Ground truth", f"{t.label}: ground truth", label))
        reached = float(t.measures_of(t.statistics(value, truth, value))[t.main_measure.name][0])
        words = f"{t.main_measure.label} {t.main_measure.format(reached)}"
    scale = CIVIDIS if legend.span else None
    return {"id": t.name, "title": t.label, "words": words, "legend": asdict(legend) | {"scale": scale}, "cells": cells}
