"""Trainings that are watched: what is asked for becomes an order of the job board, done here. No streamlit here."""

from __future__ import annotations

import json
import math
import shlex
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from app import board_words
from app.watching import Audience, Seat, Show
from app.workshop import Workshop
from mta_core import PROGRAM, data, presets, victims, weights
from mta_core.board import Board
from mta_core.events import Event, Message, Progress, Row
from mta_core.job_records import Order, Record
from mta_core.jobs import Job
from mta_core.locks import is_locked
from mta_core.recipe_settings import override
from mta_core.tasks import SCENE_TASKS, Task, answered, suited
from mta_core.train_generator import GeneratorRecipe, GeneratorTraining
from mta_core.train_run import LOCK, train
from mta_core.train_victim import VictimRecipe, VictimTraining
from mta_core.turns import Stopwatch
from mta_core.weights import Card

KIND = "training"
PRESETS = {"generator": "live", "victim": "dmtl-tiny"}
"""What a form changes, by what is trained."""
Recipe = GeneratorRecipe | VictimRecipe


def order_of(
    what: str, settings: Mapping[str, str], minutes: float, patience: int = 0, owner: str = "",
    records: Iterable[Record] = (),
) -> tuple[Order, Recipe]:  # fmt: skip
    """The order of a training, and its recipe.

    Args:
        what: "generator" or "victim".
        settings: what of the preset of `PRESETS` is changed, as texts.
        minutes: of computing after which it ends with what it has; 0 to go on to its last epoch.
        records: what is on the board: its trainings have names, too.

    Raises:
        ValueError: a setting makes no sense, or the name is taken.
    """
    recipe = _recipe(what, settings)
    if is_taken(recipe.name, records):
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


def is_taken(name: str, records: Iterable[Record] = ()) -> bool:
    """Whether there are weights or a training of that name, on disk or on the board."""
    known = {card.name for kind in weights.KINDS for card, _ in weights.find_cards(kind)}
    return name in known | _names_on(records) or _is_used(weights.RUNS / name)


def _names_on(records: Iterable[Record]) -> set[str]:
    """Of the trainings among these that are done or may be yet; what others have saved lies in their folders."""
    found = set()
    for record in records:
        if record.order.kind == KIND and record.state not in ("cancelled", "failed"):
            try:
                found.add(recipe_of(record.order).name)
            except ValueError:  # of another version
                continue
    return found


def _is_used(folder: Path) -> bool:
    """Whether a training has saved something there, or is about to."""
    if not folder.is_dir():
        return folder.exists()
    return any(path.name != LOCK for path in folder.iterdir()) or is_locked(folder / LOCK)


def free_name(stem: str, records: Sequence[Record] = ()) -> str:
    number = 1
    while is_taken(f"{stem}-{number}", records):
        number += 1
    return f"{stem}-{number}"


def sources_for(spaces: Mapping[str, str]) -> list[str]:
    """The data that need no folder and have labels for all these tasks."""
    found = [source for source in data.SOURCES if not source.needs_path]
    return [s.name for s in found if all(s.spaces.get(name) == space for name, space in spaces.items())]


def fallback(card: Card) -> str:
    """The rooms; without their labels where a model of one's own tells other classes apart."""
    spaces = data.source("rooms").spaces
    fits = all(t.accepts(spaces[t.name]) for t in answered(card.tasks) if t.name in spaces)
    return "rooms" if fits else f"{data.UNLABELLED}:rooms"


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
    """Does the orders, and shows those who look what comes of them."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._starting = threading.Lock()
        self.audience = Audience()

    def start(
        self, board: Board, what: str, settings: Mapping[str, str], minutes: float, patience: int = 0, owner: str = ""
    ) -> str:
        """Puts a training on the board, one of each name though two ask at once; its id.

        Raises:
            ValueError: see `order_of`.
            OSError: it cannot be written.
        """
        with self._starting:
            return board.submit(order_of(what, settings, minutes, patience, owner, board.records())[0])

    def look(self, seat: Seat) -> None:
        """Somebody looks at a training: `seat.frame` will be what there is to see."""
        self.audience.look(seat)

    def run(self, order: Order, folder: Path, job: Job[Event]) -> Iterator[Event]:
        """Trains, or goes on; ends early where it is asked to, or when its minutes are over, which stops the job.

        Raises:
            ValueError: see `mta_core.train_run.train`.
        """
        recipe, watch = recipe_of(order), Stopwatch()
        record = Record.read(folder) or Record(folder.name, order)
        left = limit(record) - record.before
        yield Message(f"making {recipe.name} ready")
        training = self._training(recipe)
        events = train(
            training, weights.RUNS / recipe.name, resume=True, command=order.command, measure_every=1,
            patience=int(order.settings.get("patience", 0)),
        )  # fmt: skip
        show, at = Show(folder.name, self.audience), Progress(0, 1, "steps")
        try:
            for event in watch.over(events):
                yield event
                at = event if isinstance(event, Progress) else at
                if watch.seconds >= left and at.done < at.total:
                    job.stop()
                if job.is_stopping:
                    training.stop_early()
                if event is at:
                    yield from show.turn(training, at.done)
            yield from show.end(training, at.done)
        finally:
            self.audience.leave(folder.name)

    def _training(self, recipe: Recipe) -> GeneratorTraining | VictimTraining:
        device = self._workshop.device
        if isinstance(recipe, GeneratorRecipe):
            return GeneratorTraining(recipe, device)
        return VictimTraining(recipe, device)


def limit(record: Record) -> float:
    """Seconds of computing after which a training ends with what it has; infinite where it goes on to its last epoch.

    What goes on after its minutes has as many once more.
    """
    seconds = _minutes(record) * 60
    return (seconds if record.before < seconds else record.before + seconds) or math.inf


def _minutes(record: Record) -> float:
    return float(record.order.settings.get("minutes", 0))


def going_on(record: Record) -> str:
    """What that would mean, for people."""
    minutes = board_words.duration(60 * _minutes(record))
    if record.is_live:
        return "Goes on exactly where it was."
    if not _minutes(record):
        return "From what it has saved, to its end."
    until = f"for {minutes} more" if record.seconds >= 60 * _minutes(record) else f"until {minutes} are computed"
    return f"From what it has saved, {until}, or to its end if that comes first."


def share(record: Record) -> float:
    """How much of a training is done, in [0, 1], by its minutes where it has some."""
    return max(board_words.share(record), min(1.0, record.seconds / limit(record)))


def told(record: Record) -> Record:
    """The record as people are told of it: a training of so many minutes ends with them, unless its steps end first;
    without a total where it is never to reach that."""
    if record.order.kind != KIND or record.done >= record.total:
        return record
    if record.is_finishing or (record.is_ended and _minutes(record)):
        return replace(record, total=0)
    left = max(0.0, limit(record) - record.seconds)
    if record.left is None or record.left < left:
        return record
    steps = round(record.speed * left)
    return replace(record, total=record.done + max(1, steps))


def steps_of(events: Sequence[Event]) -> list[Progress]:
    return [event for event in events if isinstance(event, Progress)]


def rows_of(events: Sequence[Event]) -> list[Mapping[str, Any]]:
    """The held-out measures, in their order."""
    return [event.values for event in events if isinstance(event, Row)]


def told_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """What was told while it learnt, as rows: a `step` with its losses, then the measures on held-out pictures."""
    steps = [{"step": each.done, "of": each.total, "stage": each.stage, **each.values} for each in steps_of(events)]
    return steps + [dict(row) for row in rows_of(events)]


def provenance(order: Order) -> dict[str, Any]:
    """What was asked for."""
    return {"title": order.title, "settings": dict(order.settings), "command": order.command}


def attackable(card: Card) -> list[Task]:
    """Tasks of a victim that can be shown and trained on."""
    return list(answered(card.tasks))


def taught(victim: str, names: Iterable[str]) -> tuple[Task, ...]:
    """These tasks in the label spaces of a victim; in the usual ones where it is gone."""
    try:
        return suited(names, victims.find(victim).tasks)
    except ValueError:
        return suited(names, {})


def trainable() -> list[Task]:
    """Tasks that a new victim can learn from data that need no folder."""
    return [t for t in SCENE_TASKS if data.source("rooms").spaces.get(t.name) == t.space]


def names_of(rows: Sequence[Mapping[str, Any]], t: Task, *, is_fooling: bool) -> dict[str, str]:
    """Where the held-out rows have the main measure of a task, by what people call it."""
    main = t.main_measure.name
    known = set().union(*rows) if rows else set()
    if not is_fooling:
        return {"Held out": f"{t.name} {main}" if f"{t.name} {main}" in known else main}
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
