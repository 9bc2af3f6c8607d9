"""Trainings that are watched: what is asked for becomes an order of the job board, done here. No streamlit here."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from app import board_words, library, panels
from app.library import Picture, Shelf
from app.panels import View
from app.workshop import Request, Result, Workshop
from mta_core import PROGRAM, data, presets, weights
from mta_core.attacks import make_attack
from mta_core.events import Event, Message, Pause, Progress, Row
from mta_core.explore import Subject, finish, noisy_picture
from mta_core.job_records import Order, Record
from mta_core.jobs import Job
from mta_core.recipe_settings import override
from mta_core.tasks import TASKS, Task, task
from mta_core.tasks.colours import CIVIDIS
from mta_core.train import Training
from mta_core.train_generator import GeneratorRecipe, GeneratorTraining
from mta_core.train_run import train
from mta_core.train_victim import VictimRecipe, VictimTraining
from mta_core.turns import PAUSE, Stopwatch
from mta_core.weights import Card

KIND = "training"
PRESETS = {"generator": "live", "victim": "dmtl-tiny"}
"""What a form changes, by what is trained."""
WATCHED = 6.0
"""Seconds after somebody looked in which pictures are made for those who look."""
EVERY = 4.0
"""Seconds between two of them."""
Recipe = GeneratorRecipe | VictimRecipe


@dataclass(frozen=True)
class Frame:
    """A picture in the eyes of a training as it was after so many steps.

    Attributes:
        perturbations: of which one is shown.
        message: what the stage shows, with its pictures or without, of one of the perturbations.
    """

    step: int
    picture: str
    perturbations: tuple[str, ...]
    message: Callable[[bool, str], bytes] = field(repr=False)


@dataclass
class _Watched:
    """What somebody looks at."""

    picture: Picture | None = None
    asked_at: float = 0.0
    made_at: float = 0.0
    frame: Frame | None = None
    known: tuple[str, dict[str, dict[str, Tensor]]] = ("", {})
    """Key of a picture, and what the victim answers to it, clean and with noise."""


def order_of(
    what: str, settings: Mapping[str, str], minutes: float, patience: int = 0, owner: str = ""
) -> tuple[Order, Recipe]:
    """The order of a training, and its recipe.

    Args:
        what: "generator" or "victim".
        settings: what of the preset of `PRESETS` is changed, as texts.
        minutes: of computing after which it ends with what it has; 0 to go on to its last epoch.

    Raises:
        ValueError: a setting makes no sense, or the name is taken.
    """
    recipe = _recipe(what, settings)
    if is_taken(recipe.name):
        raise ValueError(f"there are weights or a training called {recipe.name} already: choose another name")
    kept = {"what": what, "set": dict(settings), "minutes": minutes, "patience": patience}
    whom = f" against {recipe.victim}" if isinstance(recipe, GeneratorRecipe) else ""
    title = f"{what.capitalize()} {recipe.name}{whom}"
    return Order(KIND, title, kept, owner, command(what, settings, recipe.name), page="train"), recipe


def command(what: str, settings: Mapping[str, str], name: str) -> str:
    """The same on the command line."""
    words = ["train", what, "--preset", PRESETS[what]]
    for key, value in settings.items():
        words += ["--set", f"{key}={value}"]
    return f"{PROGRAM} {shlex.join([*words, '--out', f'runs/{name}'])}"


def recipe_of(order: Order) -> Recipe:
    """Raises ValueError where it is no order of a training."""
    try:
        return _recipe(order.settings["what"], order.settings["set"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("expected the order of a training") from error


def _recipe(what: str, settings: Mapping[str, str]) -> Recipe:
    if what == "victim":
        return override(presets.victim_preset(PRESETS[what]), settings)
    return override(presets.generator_preset(PRESETS[what]), settings)


def is_taken(name: str) -> bool:
    known = {card.name for kind in weights.KINDS for card, _ in weights.find_cards(kind)}
    return name in known or (weights.RUNS / name).exists()


def free_name(stem: str) -> str:
    number = 1
    while is_taken(f"{stem}-{number}"):
        number += 1
    return f"{stem}-{number}"


def sources_for(spaces: Mapping[str, str]) -> list[str]:
    """The data that need no folder and have labels for all these tasks."""
    found = [source for source in data.SOURCES if not source.needs_path]
    return [s.name for s in found if all(s.spaces.get(name) == space for name, space in spaces.items())]


def generator_settings(
    card: Card, tasks: Sequence[Task], shares: Mapping[str, float], *, epochs: int, **chosen: Any
) -> dict[str, str]:
    """The settings of a generator against that victim; `chosen` are fields of its recipe."""
    made = {"victim": card.name, "tasks": ",".join(t.name for t in tasks)}
    if len(set(shares.values())) > 1:
        made |= {"weighting": "fixed", "weights": json.dumps([[t.name, float(shares[t.name])] for t in tasks])}
    drawing = presets.generator_preset(PRESETS["generator"]).pattern_epochs
    if (pattern := min(drawing, max(1, epochs // 2))) != drawing:
        made["pattern_epochs"] = str(pattern)
    return made | {"phases": json.dumps([[epochs, *card.input_size]])} | _texts(chosen)


def victim_settings(tasks: Sequence[Task], shares: Mapping[str, float], *, epochs: int, size: tuple[int, int],
                    **chosen: Any) -> dict[str, str]:  # fmt: skip
    made = {"height": str(size[0]), "input_width": str(size[1]), "phases": json.dumps([[epochs, *size]])}
    return made | {"weights": json.dumps([[t.name, float(shares[t.name])] for t in tasks])} | _texts(chosen)


def _texts(chosen: Mapping[str, Any]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in chosen.items()}


class Trainings:
    """Does the orders, and keeps what those see who watch."""

    def __init__(self, workshop: Workshop, shelves: Callable[[], Mapping[str, Shelf]]) -> None:
        self._workshop, self._shelves = workshop, shelves
        self._watched: dict[str, _Watched] = {}

    def look(self, id: str, picture: Picture | None) -> Frame | None:
        """What there is to see of a job; `picture` is what it should be of from now on."""
        watched = self._watched.setdefault(id, _Watched())
        if picture is not None and (watched.picture is None or watched.picture.key != picture.key):
            watched.picture, watched.made_at = picture, 0.0
        watched.asked_at = time.monotonic()
        return watched.frame

    def run(self, order: Order, folder: Path, job: Job[Event]) -> Iterator[Event]:
        """Trains, or goes on; ends early where it is asked to, or when its minutes are over.

        Raises:
            ValueError: see `mta_core.train_run.train`.
        """
        recipe, watch, minutes = recipe_of(order), Stopwatch(), float(order.settings.get("minutes", 0))
        record = Record.read(folder)
        before = record.seconds if record else 0.0
        limit = 60 * minutes if before < 60 * minutes else before + 60 * minutes  # it was asked to go on
        yield Message(f"making {recipe.name} ready")
        training = self._training(recipe)
        events = train(
            training, weights.RUNS / recipe.name, resume=True, command=order.command, measure_every=1,
            patience=int(order.settings.get("patience", 0)),
        )  # fmt: skip
        step = 0
        for event in watch.over(events):
            yield event
            if job.is_stopping or (minutes and before + watch.seconds >= limit):
                training.stop_early()
            if isinstance(event, Progress):
                step = event.done
                if self._is_due(folder.name):
                    yield from self._picture(training, folder.name, step)
        yield from self._picture(training, folder.name, step)

    def _training(self, recipe: Recipe) -> Training:
        device = self._workshop.device
        if isinstance(recipe, GeneratorRecipe):
            return GeneratorTraining(recipe, device)
        return VictimTraining(recipe, device)

    def _is_due(self, id: str) -> bool:
        watched, now = self._watched.get(id), time.monotonic()
        return watched is not None and now - watched.asked_at < WATCHED and now - watched.made_at > EVERY

    def _picture(self, training: Training, id: str, step: int) -> Iterator[Pause]:
        watched = self._watched.get(id)
        if watched is None or watched.picture is None:
            return
        picture = library.at_size(watched.picture, training.card.input_size)  # type: ignore[attr-defined]
        if isinstance(training, GeneratorTraining):
            watched.frame = yield from _attacked(training, picture, watched, step)
        elif isinstance(training, VictimTraining):
            watched.frame = yield from _answered(training, picture, step)
        watched.made_at = time.monotonic()


def _attacked(
    training: GeneratorTraining, picture: Picture, watched: _Watched, step: int
) -> Generator[Pause, None, Frame]:
    """The picture under the generator as it is now, a turn for every pass."""
    subject, tasks, clean = training.subject, tuple(training.tasks), picture.image[None]
    if watched.known[0] != picture.key:
        noisy = noisy_picture(training.budget, clean, training.recipe.seed)
        known = {"clean": subject.answer(clean, tasks, fast=True)}
        yield PAUSE
        watched.known = (picture.key, known | {"noise": subject.answer(noisy, tasks, fast=True)})
        yield PAUSE
    drawn = training.drawn_for(subject.device.put(clean))
    yield PAUSE
    known = dict(watched.known[1])
    for name, adversarial in drawn.items():
        known[name] = subject.answer(adversarial, [t for t in tasks if t.name in training.groups[name]], fast=True)
        yield PAUSE
    truth = {t.name: picture.targets[t.name] for t in tasks if t.name in picture.targets}
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

    def message(with_files: bool, shown: str) -> bytes:
        view = View(shown if shown in names else names[0])
        return panels.packed(*panels.drawn(result, view), None, (), with_files=with_files, aspect=aspect)

    return Frame(step, picture.key, names, message)


def _answered(training: VictimTraining, picture: Picture, step: int) -> Generator[Pause, None, Frame]:
    """What the victim answers now, beside the truth."""
    live = training.live_victim()
    subject = Subject(training.recipe.name, live, live, training.device)
    answers = subject.answer(picture.image[None], training.tasks)
    yield PAUSE
    shown = panels.cell("Picture", f"Clean picture: {picture.name}", panels.drawing(picture.image))
    rows = [{"id": "picture", "title": picture.name, "words": picture.credit, "cells": [shown]}]
    rows += [_answer_row(t, answers[t.name], picture) for t in training.tasks]
    made = panels.split(rows)
    aspect = panels.aspect_of(picture.image)

    def message(with_files: bool, _: str) -> bytes:
        return panels.packed(*made, None, (), with_files=with_files, aspect=aspect)

    return Frame(step, picture.key, (), message)


def _answer_row(t: Task, value: Tensor, picture: Picture) -> dict[str, Any]:
    truth = picture.targets[t.name][None] if t.name in picture.targets else None
    legend = t.legend(*(v for v in (value, truth) if v is not None))

    def coloured(of: Tensor) -> panels.Drawing:
        if t.tones is None:
            return panels.drawing(t.colour(of, legend.span)[0])
        return panels.drawing(t.tone(of, legend.span)[0], t.tones)

    cells = [panels.cell("Answer", f"{t.label}: what the victim answers now", coloured(value))]
    words = ""
    if truth is not None:
        cells.append(panels.cell("Ground truth", f"{t.label}: ground truth", coloured(truth)))
        reached = float(t.measures_of(t.statistics(value, truth, value))[t.main_measure.name][0])
        words = f"{t.main_measure.label} {t.main_measure.format(reached)}"
    scale = CIVIDIS if legend.span else None
    return {"id": t.name, "title": t.label, "words": words, "legend": asdict(legend) | {"scale": scale}, "cells": cells}


def share(record: Record) -> float:
    """How much of a training is done, in [0, 1], by its minutes where it has some."""
    minutes = float(record.order.settings.get("minutes", 0))
    done = board_words.share(record)
    return done if record.state == "done" or not minutes else max(done, min(1.0, record.seconds / (60 * minutes)))


def told(record: Record) -> Record:
    """The record as people are told of it: a training of so many minutes ends with them, unless its steps end first."""
    minutes = float(record.order.settings.get("minutes", 0))
    left = max(0.0, 60 * minutes - record.seconds)
    if not minutes or record.left is None or record.left < left:
        return record
    steps = round(record.speed * left)
    return replace(record, total=record.done + max(1, steps))


def steps_of(events: Sequence[Event]) -> list[Progress]:
    return [event for event in events if isinstance(event, Progress)]


def rows_of(events: Sequence[Event]) -> list[Mapping[str, Any]]:
    """The held-out measures, in their order."""
    return [event.values for event in events if isinstance(event, Row)]


def attackable(card: Card) -> list[Task]:
    """Tasks of a victim that can be shown and trained on."""
    return [t for t in TASKS if card.tasks.get(t.name) == t.space]


def trainable() -> list[Task]:
    """Tasks that a new victim can learn from data that need no folder."""
    found = [source.spaces for source in data.SOURCES if not source.needs_path and source.name == "rooms"]
    return [task(name) for spaces in found for name in spaces]


def names_of(rows: Sequence[Mapping[str, Any]], t: Task, *, is_fooling: bool) -> dict[str, str]:
    """Where the held-out rows have the main measure of a task, by what people call it."""
    main = t.main_measure.name
    if not is_fooling:
        return {"Held out": main}
    known = set().union(*rows) if rows else set()
    kinds = {"Under attack": "adversarial", "Clean": "clean"}
    return {
        label: f"{kind} {t.name} {main}" if f"{kind} {t.name} {main}" in known else f"{kind} {main}"
        for label, kind in kinds.items()
    }


def card_of(name: str) -> dict[str, Any]:
    """The card of finished weights; empty where they are gone."""
    try:
        return asdict(Card.read(weights.RUNS / name / f"{name}.json"))
    except weights.WeightsError:
        return {}
