"""A comparison on a data set as a job of the board: an order, the work, what was known. No streamlit here."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from app import comparison, library
from app.comparison import Trial
from app.library import Picture, Shelf
from app.request_json import are_alike, check_weights, read_request, written
from app.workshop import Workshop
from mta_core import victims
from mta_core.board import Board
from mta_core.checkpoints import load_state, save_state
from mta_core.compare import PICTURE_DONE, Comparisons, Standing
from mta_core.data import DataSource
from mta_core.events import Event, Message, Progress, Row
from mta_core.job_records import Order, Record
from mta_core.jobs import Job
from mta_core.results import to_json
from mta_core.tasks import suited
from mta_core.weights import Card, write_atomically
from mta_core.wording import counted

KIND, PAGE = "comparison", "compare"
STATE, STANDINGS = "comparison.pt", "standings.json"
"""Files in a comparison's folder: what it goes on from, and what is known so far."""
SAVED_EVERY = 10.0
"""Seconds between two checkpoints of a comparison."""


def order_of(trials: Sequence[Trial], owner: str, query: Mapping[str, Any] | None = None) -> Order:
    """A comparison on a data set, random noise first.

    Args:
        query: the page's query parameters that show it.
    """
    first = trials[0]
    settings = {
        "shelf": first.shelf,
        "count": first.count,
        "trials": [_written(trial) for trial in trials],
    }
    attacks = sum(trial.request.victim == first.request.victim for trial in trials) - 1
    title = f"{counted(attacks, 'attack')} on {counted(first.count, 'picture')} of {first.shelf}"
    names = dict.fromkeys(name for trial in trials for name in (trial.request.victim, trial.request.to) if name)
    return Order(
        KIND,
        f"{title}, victim{'s' if len(names) > 1 else ''} {' and '.join(names)}",
        to_json(settings),
        owner,
        page=PAGE,
        query=query or {},
    )


def _written(trial: Trial) -> dict[str, Any]:
    to = {"to": trial.request.to} if trial.request.to else {}
    return {"label": trial.label, **written(trial.request), **to}


def is_of(order: Order, trials: Sequence[Trial]) -> bool:
    """Whether an order is that of a comparison, with whatever weights."""
    return are_alike(order, order_of(trials, ""), "trials")


def run(
    workshop: Workshop, shelves: Mapping[str, Shelf], order: Order, folder: Path, job: Job[Event]
) -> Iterator[Event]:
    """Does a comparison; goes on from what its folder holds.

    Raises:
        ValueError: the data set, a victim or a generator is not there any more, or is another one now.
    """
    trials = read_trials(order, shelves)
    for trial in trials:
        check_weights(trial.request)
    whole = Comparisons(comparison.settings_of(workshop, trials), trials[0].count)
    if state := load_state(folder / STATE):
        try:
            whole.restore(state)
        except (KeyError, TypeError, RuntimeError, AttributeError) as error:
            raise ValueError(f"expected the state of this comparison in {folder / STATE}") from error
        yield Message(f"goes on after {whole.seen} of {counted(whole.total, 'picture')}")
    latest: dict[int, Standing] = {}
    saved = time.monotonic()
    for event in whole.run():
        if isinstance(event, Standing):
            latest[event.number] = event
            comparison.keep(workshop, trials[event.number], event)
        elif isinstance(event, Progress):
            yield replace(event, stage=trials[int(event.values["number"])].label)
        else:
            yield event
        if event is PICTURE_DONE and (job.is_stopping or time.monotonic() - saved > SAVED_EVERY):
            _save(folder, whole, latest)
            saved = time.monotonic()
        if event is PICTURE_DONE and job.is_stopping:
            break
    _save(folder, whole, latest)
    for number, standing in sorted(latest.items()):
        comparison.put(workshop, trials[number], standing)  # all have had the same pictures now
        yield from (Row(row) for row in standing.rows)
    if len(latest) == len(trials) and all(standing.is_complete for standing in latest.values()):
        comparison.store(workshop, trials, latest, whole.seconds, job=folder.name)
        yield Message("kept among the results")


def recall(workshop: Workshop, board: Board, record: Record, trials: Sequence[Trial]) -> None:
    """Brings back what a comparison had found, where this server has not heard of it."""
    if all(comparison.standing(workshop, trial) is not None for trial in trials):
        return
    try:
        kept = json.loads((board.folder_of(record.id) / STANDINGS).read_text(encoding="utf-8"))
        found = {number: Standing(**one) for number, one in enumerate(kept) if one}
    except (OSError, ValueError, TypeError):
        return
    for number, standing in found.items():
        if number < len(trials) and comparison.standing(workshop, trials[number]) is None:
            comparison.put(workshop, trials[number], replace(standing, rows=tuple(standing.rows)))


def _save(folder: Path, whole: Comparisons, latest: Mapping[int, Standing]) -> None:
    save_state(folder / STATE, whole.state())
    kept = [asdict(latest[number]) if number in latest else None for number in range(len(whole.settings))]
    write_atomically(folder / STANDINGS, json.dumps(to_json(kept)).encode())


def read_trials(order: Order, shelves: Mapping[str, Shelf]) -> list[Trial]:
    """What an order asks for.

    Raises:
        ValueError: it is no such order, or something that it names is not there.
    """
    try:
        name, count, attacks = order.settings["shelf"], order.settings["count"], order.settings["trials"]
        asked = [str(t) for t in attacks[0]["tasks"]]
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError("expected the order of a comparison") from error
    if name not in shelves:
        raise ValueError(f"expected the data set {name}, it is not connected now")
    shelf, trials = shelves[name], []
    pictures: dict[str, tuple[Picture, DataSource]] = {}
    for one in attacks:
        if one["victim"] not in pictures:
            pictures[one["victim"]] = _pictures(shelf, victims.find(one["victim"]), asked)
        picture, data = pictures[one["victim"]]
        trials.append(Trial(read_request(one, picture, shelves, one.get("to", "")), name, count, one["label"], data))
    return trials


def _pictures(shelf: Shelf, card: Card, asked: Sequence[str]) -> tuple[Picture, DataSource]:
    """The first picture and all of them, at the input size of a victim."""
    tasks = suited(asked, card.tasks)
    data = shelf.data_at(card.input_size)
    data = data.for_task(tasks[0].name) if data.is_divided else data
    return library.at_size(shelf.read(shelf.first_readable(data)), card.input_size), data
