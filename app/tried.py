"""One picture in the eyes of two victims: the row of a task on the page Transfer. No streamlit here."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.drawings import cell
from app.panels import ANSWERS, View, answer, answers
from app.result import Result
from app.words import measure_line
from mta_core.explore import TaskOutcome
from mta_core.tasks.classification import Classification
from mta_core.tasks.colours import CIVIDIS
from mta_core.transfer import Pair, format_share


def task_row(result: Result, outcome: TaskOutcome, view: View) -> dict[str, Any]:
    """Both victims' answers before and after, a map in one colour scale; the words are of the one they are tried on."""
    request, t = result.request, outcome.task
    other = result.on_other.tasks[t.name]
    on_source, on_other = measure_line(outcome), measure_line(other)
    return {
        "id": t.name,
        "title": t.label,
        "words": f"{request.to}: {result.verdict_on_other(t.name)}.",
        "measure": {**on_other, "rough": not result.is_precise},
        "facts": [
            [request.victim, f"{on_source['clean']} → {on_source['adversarial']}"],
            ["carries over", format_share(main_pair(outcome, other).share)],
        ],
        **(_probabilities if isinstance(t, Classification) else _maps)(result, outcome, other),
    }


def _maps(result: Result, outcome: TaskOutcome, other: TaskOutcome) -> dict[str, Any]:
    t = outcome.task
    every = (outcome.clean, outcome.adversarial, other.clean, other.adversarial)
    legend = t.legend(*every)
    span = legend.span or t.span(*every)
    cells = []
    for name, part, one in _victims(result, outcome, other):
        clean = answer(result, one, "clean", one.clean, span, part)
        attacked = answer(result, one, "adversarial", one.adversarial, span, part)
        cells.append(cell(f"{name}, clean", f"{t.label} of {name} for the clean picture", clean))
        said = f"{t.label} of {name} for the attacked picture"
        cells.append(cell(f"{name}, attacked", said, attacked, before=len(cells) - 1))
    return {"legend": asdict(legend) | {"scale": CIVIDIS if legend.span else None}, "cells": cells}


def _probabilities(result: Result, outcome: TaskOutcome, other: TaskOutcome) -> dict[str, Any]:
    """One answer for the whole picture: the likeliest ones, marked where the first is another than before."""
    t = outcome.task
    assert isinstance(t, Classification)
    cells = [
        answers(t, f"{name}, {state}", f"for the {state} picture, {name}", value, one.clean)
        for name, _, one in _victims(result, outcome, other)
        for state, value in (("clean", one.clean), ("attacked", one.adversarial))
    ]
    return {"legend": {"entries": ANSWERS}, "cells": cells}


def _victims(result: Result, outcome: TaskOutcome, other: TaskOutcome) -> tuple[tuple[str, str, TaskOutcome], ...]:
    """Both victims by name and by part, with what became of them."""
    return (result.request.victim, "source", outcome), (result.request.to, "to", other)


def main_pair(outcome: TaskOutcome, other: TaskOutcome) -> Pair:
    """The main measure of a task for one picture."""
    return pair(outcome, other, outcome.task.main_measure.name)


def pair(outcome: TaskOutcome, other: TaskOutcome, metric: str, kind: str = "adversarial") -> Pair:
    """A measure of one picture, both victims' beside each other; `kind` is what is done to the picture."""
    identity = {"task": outcome.task.name, "metric": metric, "aggregation": "pooled", "ci95": None}
    source, to = (
        {**identity, "clean": one.measures["clean"][metric], "adversarial": one.measures[kind][metric]}
        for one in (outcome, other)
    )
    return Pair(source, to)


def pairs_of(result: Result, kind: str = "adversarial") -> list[Pair]:
    """Every measure of every task of one picture."""
    return [
        pair(outcome, result.on_other.tasks[name], measure.name, kind)
        for name, outcome in result.outcome.tasks.items()
        for measure in outcome.task.measures
    ]
