"""What Transfer measures on a data set, as a job of the board: an order, the work, what was known. No streamlit here.

Each attack keeps its rows, and what it goes on from, in the job's folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from app import library, series
from app.library import Shelf
from app.request_json import are_alike, check_weights, read_request, written
from app.series import Measured, Series
from app.workshop import Workshop
from mta_core import victims
from mta_core.board import Board
from mta_core.checkpoints import load_state, save_state
from mta_core.events import Event, Message, Progress, Row
from mta_core.job_records import Order, Record
from mta_core.jobs import Job
from mta_core.results import to_json
from mta_core.tasks import suited
from mta_core.transfer import transfer
from mta_core.turns import Stopwatch
from mta_core.weights import write_atomically
from mta_core.wording import counted

KIND, PAGE = "evaluation", "transfer"
MEASURED, STATE = "measured.json", "attack.pt"
"""In the job's folder: what is known so far of each attack, and what the one under way goes on from."""
SAVED_EVERY = 10.0
"""Seconds between two checkpoints."""
UNIT = "attacked pictures"


def order_of(asked: Sequence[Series], owner: str, query: Mapping[str, Any]) -> Order:
    """Attacks on the first pictures of a data set, random noise first.

    Args:
        query: the page's query parameters that show them.
    """
    first = asked[0]
    attacks = [{"label": one.label, "to": one.request.to, **written(one.request)} for one in asked]
    others = f"{counted(len(asked) - 1, 'attack')} on {counted(first.num_pictures, 'picture')} of {first.shelf}"
    title = f"{others}, made on {first.request.victim}, tried on {first.request.to}"
    settings = {"shelf": first.request.picture.key, "name": first.shelf, "count": first.count, "attacks": attacks}
    return Order(KIND, title, to_json(settings), owner, page=PAGE, query=query)


def is_of(order: Order, asked: Sequence[Series]) -> bool:
    """Whether an order is that of these attacks, with whatever weights."""
    return are_alike(order, order_of(asked, "", {}), "attacks")


def run(
    workshop: Workshop, shelves: Mapping[str, Shelf], order: Order, folder: Path, job: Job[Event]
) -> Iterator[Event]:
    """Measures one attack after the other, and keeps their rows among the results when all have ended.

    Raises:
        ValueError: the data set, a victim or a generator is not there any more, or is another one now; an attack cannot
            be made: the others are.
    """
    asked = read(order, shelves)
    known = read_measured(folder, len(asked))
    total, before = sum(one.num_pictures for one in asked), 0
    problem: ValueError | None = None
    for number, one in enumerate(asked):
        if (elsewhere := series.known(workshop, one)) is not None and elsewhere.is_whole:
            known[number] = elsewhere
        elif (found := known[number]) is not None and found.is_whole:
            series.keep(workshop, one, found)
        else:
            try:
                for event in _measure(workshop, one, number, known, folder, job):
                    if isinstance(event, Progress):
                        yield replace(event, done=before + event.done, total=total, unit=UNIT, stage=one.label)
                    else:
                        yield event
            except ValueError as error:  # the others go on
                problem = problem or ValueError(f"{one.label}: {error}")
        if job.is_stopping:
            break
        before += one.num_pictures
        yield Progress(before, total, UNIT, stage=one.label)
    whole = {one: found for one, found in zip(asked, known, strict=True) if found is not None and found.is_whole}
    yield from (Row(row) for found in whole.values() for row in found.rows)
    if whole and not job.is_stopping:
        series.store(workshop, whole, folder.name)
        yield Message("kept among the results")
    if problem is not None:
        raise problem


def _measure(
    workshop: Workshop, one: Series, number: int, known: list[Measured | None], folder: Path, job: Job[Event]
) -> Iterator[Event]:
    """One attack; `known` and the folder are told what comes of it."""
    check_weights(one.request)
    setting, watch = series.setting_of(workshop, one), Stopwatch()
    kept = load_state(folder / STATE) or {}
    state = kept if kept.get("number") == number else None
    earlier = known[number].seconds if state and known[number] else 0.0  # type: ignore[union-attr]
    rows: list[Mapping[str, Any]] = []
    left_out: list[str] = []
    saved, done = time.monotonic(), 0

    def keep() -> None:
        seconds = earlier + watch.seconds
        known[number] = new = Measured(tuple(rows), done, tuple(left_out), seconds)
        series.keep(workshop, one, new)

    def save(make: Callable[[], dict[str, Any]]) -> None:
        nonlocal saved
        if job.is_stopping or time.monotonic() - saved > SAVED_EVERY:
            save_state(folder / STATE, {"number": number, **make()})
            _write_measured(folder, known)
            saved = time.monotonic()

    events = transfer(
        setting, workshop.subject(one.request.to), limit=one.count, batch_size=1, unreadable=left_out, is_live=True,
        state=state, save=save,
    )  # fmt: skip
    try:
        for event in watch.over(events):
            if isinstance(event, Row):
                rows.append(event.values)
                continue
            if isinstance(event, Progress):
                done = event.done
            elif rows:
                keep()
                rows.clear()
                if job.is_stopping:
                    break
            yield event
    except (KeyError, TypeError, RuntimeError) as error:
        if state is None:
            raise
        raise ValueError(f"expected the state of this measurement in {folder / STATE}") from error
    else:
        found = known[number]
        if found is not None and found.num_pictures + len(left_out) >= one.num_pictures:
            known[number] = whole = replace(found, is_whole=True, left_out=tuple(left_out))
            series.keep(workshop, one, whole)
    _write_measured(folder, known)


def recall(workshop: Workshop, board: Board, record: Record, asked: Sequence[Series]) -> None:
    """Brings back what was found, where this server has not heard of it."""
    if any(series.known(workshop, one) is not None for one in asked):
        return
    for one, found in zip(asked, read_measured(board.folder_of(record.id), len(asked)), strict=True):
        if found is not None:
            series.keep(workshop, one, found)


def read(order: Order, shelves: Mapping[str, Shelf]) -> list[Series]:
    """What an order asks for.

    Raises:
        ValueError: it is no such order, or something that it names is not there.
    """
    try:
        name, count, attacks = order.settings["shelf"], order.settings["count"], order.settings["attacks"]
        shown, victim = order.settings["name"], attacks[0]["victim"]
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError("expected the order of an evaluation") from error
    if name not in shelves:
        raise ValueError(f"expected the data set {name}, it is not connected now")
    shelf, card = shelves[name], victims.find(victim)
    tasks, size = suited(attacks[0]["tasks"], card.tasks), card.input_size
    first = shelf.first_readable(series.parts_of(shelf.data, tasks)[0])
    picture = library.at_size(shelf.read(first), size)
    made = [(one["label"], read_request(one, picture, shelves, one["to"])) for one in attacks]
    return [series.series_of(request, label, shown, shelf, count) for label, request in made]


def read_measured(folder: Path, count: int) -> list[Measured | None]:
    """What is known of each attack; nothing of any where the file is not there or damaged."""
    try:
        kept = json.loads((folder / MEASURED).read_text(encoding="utf-8"))
        found = [Measured(**one) if one else None for one in kept]
    except (OSError, ValueError, TypeError):
        return [None] * count
    if len(found) != count:
        return [None] * count
    return [replace(one, rows=tuple(one.rows), left_out=tuple(one.left_out)) if one else None for one in found]


def _write_measured(folder: Path, known: Sequence[Measured | None]) -> None:
    kept = [asdict(one) if one else None for one in known]
    write_atomically(folder / MEASURED, json.dumps(to_json(kept)).encode())
