"""What the job board does for the pages: a comparison on a data set, written as an order and read back. No streamlit.

An order outlives its server, so it names everything by what finds it again: a data set by its name on the shelves, an
attack by its settings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from app import comparison, library, sweeps
from app.comparison import Trial
from app.library import Shelf
from app.workshop import Request, Workshop
from mta_core import victims
from mta_core.attacks import make_attack
from mta_core.board import Board, Order, Record, Run
from mta_core.budget import Budget
from mta_core.checkpoints import load_state, save_state
from mta_core.compare import PICTURE_DONE, Comparison, Standing
from mta_core.events import Event, Message, Progress, Row
from mta_core.jobs import Job
from mta_core.kinds import Aim
from mta_core.results import to_json
from mta_core.tasks import task
from mta_core.weights import write_atomically
from mta_core.wording import counted

Shelves = Callable[[], Mapping[str, Shelf]]
"""The data sets by `Shelf.name`, as they are now."""
COMPARISON = "comparison"
STATE, STANDINGS = "comparison.pt", "standings.json"
"""Files in a comparison's folder: what it goes on from, and what is known so far."""
SAVED_EVERY = 10.0
"""Seconds between two checkpoints of a comparison."""


def kinds(workshop: Workshop, shelves: Shelves) -> dict[str, Run]:
    """What does an order of each kind."""
    return {
        COMPARISON: lambda order, folder, job: compare(workshop, shelves(), order, folder, job),
        sweeps.KIND: lambda order, folder, job: sweeps.run(workshop, shelves, order, folder, job),
    }


def order_of(trials: Sequence[Trial], owner: str, query: Mapping[str, Any] | None = None) -> Order:
    """A comparison on a data set, random noise first.

    Args:
        query: the page's query parameters that show it.
    """
    first = trials[0]
    settings = {
        "shelf": first.shelf,
        "count": first.count,
        "trials": [{"label": trial.label, **_written(trial.request)} for trial in trials],
    }
    title = f"{counted(len(trials) - 1, 'attack')} on {counted(first.count, 'picture')} of {first.shelf}"
    return Order(
        COMPARISON,
        f"{title}, victim {first.request.victim}",
        to_json(settings),
        owner,
        page="compare",
        query=query or {},
    )


def find(board: Board, order: Order) -> Record | None:
    """The newest job that does what an order asks for, whoever asked; None where there is none that counts."""
    for record in board.records():
        if (record.order.kind, record.order.settings) == (order.kind, order.settings) and record.state != "cancelled":
            return record
    return None


def compare(
    workshop: Workshop, shelves: Mapping[str, Shelf], order: Order, folder: Path, job: Job[Event]
) -> Iterator[Event]:
    """Does a comparison; goes on from what its folder holds.

    Raises:
        ValueError: the data set, a victim or a generator is not there any more, or is another one now.
    """
    trials = read_trials(order, shelves)
    whole = Comparison(comparison.settings_of(workshop, trials), trials[0].count)
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
    if all(standing.is_complete for standing in latest.values()):
        comparison.store(workshop, trials, latest, whole.seconds)
        yield Message("kept among the results")


def recall(workshop: Workshop, board: Board, record: Record, trials: Sequence[Trial]) -> None:
    """Brings back what a comparison had found, where this server has not heard of it."""
    if any(comparison.standing(workshop, trial) is not None for trial in trials):
        return
    try:
        kept = json.loads((board.folder_of(record.id) / STANDINGS).read_text(encoding="utf-8"))
        found = {number: Standing(**one) for number, one in enumerate(kept) if one}
    except (OSError, ValueError, TypeError):
        return
    for number, standing in found.items():
        if number < len(trials):
            comparison.put(workshop, trials[number], replace(standing, rows=tuple(standing.rows)))


def _save(folder: Path, whole: Comparison, latest: Mapping[int, Standing]) -> None:
    save_state(folder / STATE, whole.state())
    kept = [asdict(latest[number]) if number in latest else None for number in range(len(whole.settings))]
    write_atomically(folder / STANDINGS, json.dumps(to_json(kept)).encode())


def _written(request: Request) -> dict[str, Any]:
    """A request without its picture, of JSON's types."""
    return {
        "victim": request.victim, "tasks": [t.name for t in request.tasks], "attack": request.attack.name,
        "settings": asdict(request.attack), "scope": request.scope, "norm": str(request.budget.norm),
        "epsilon": request.budget.units, "weights": [list(pair) for pair in request.weights], "seed": request.seed,
        "target": request.target, "like": request.like.name if request.like else "",
    }  # fmt: skip


def read_trials(order: Order, shelves: Mapping[str, Shelf]) -> list[Trial]:
    """What an order asks for.

    Raises:
        ValueError: it is no such order, or something that it names is not there, or is another one now.
    """
    try:
        name, count, written = order.settings["shelf"], order.settings["count"], order.settings["trials"]
        victim, tasks = written[0]["victim"], [task(t) for t in written[0]["tasks"]]
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError("expected the order of a comparison") from error
    if name not in shelves:
        raise ValueError(f"expected the data set {name}, it is not connected now")
    shelf, (_, card) = shelves[name], victims.load(victim)
    data = shelf.data_at(card.input_size)
    data = data.for_task(tasks[0].name) if data.is_divided else data
    picture = library.at_size(shelf.read(shelf.first_readable(data)), card.input_size)
    trials = []
    for one in written:
        attack = make_attack(one["attack"], **one["settings"])
        budget = Budget.from_units(one["norm"], one["epsilon"])
        of_tasks = tuple(task(t) for t in one["tasks"])
        like = _like(one["like"], shelves, card.input_size)
        weights = tuple((str(a), str(b)) for a, b in one["weights"])
        request = Request(
            picture, victim, of_tasks, attack, one["scope"], budget, weights, one["seed"], target=one["target"],
            like=like,
        )  # fmt: skip
        now = victims.digests(card) | attack.weights(
            card, Aim(tuple(one["tasks"]), one["scope"], one["target"], budget)
        )
        if now != dict(weights):
            raise ValueError(f"{one['label']}: the weights of {', '.join(now)} are others now, start it anew")
        trials.append(Trial(request, name, count, one["label"], data))
    return trials


def _like(name: str, shelves: Mapping[str, Shelf], size: tuple[int, int]) -> library.Picture | None:
    """The picture of the gallery with that title."""
    if not name:
        return None
    shelf = shelves.get("gallery")
    for picture in map(shelf.read, range(len(shelf))) if shelf else ():
        if picture.name == name:
            return library.at_size(picture, size)
    raise ValueError(f"expected {name} in the gallery")
