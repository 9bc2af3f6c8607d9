"""One attack in the eyes of two victims: one message for the stage component. No streamlit here."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from typing import Any

from app import scaled
from app.drawings import Files, Rows, cell, coloured, drawing, split
from app.heatmap import Column, fall, text
from app.pair import cosine
from app.panels import ANSWERS, Moving, View, answers, aspect_of, following, last_picture, packed, picture_row
from app.readings import of_perturbation
from app.result import LossStep, Result
from app.scaled import Place, Slider
from app.tables import Values
from app.words import automatic_gain, direction, measure_line, perturbation_title, psnr, reference, sentence
from mta_core.amplified import amplify
from mta_core.explore import TaskOutcome
from mta_core.tasks import Task
from mta_core.tasks.classification import Classification
from mta_core.tasks.colours import CIVIDIS

Names = tuple[str, str]
"""Of the victim that the page is about, and of the second one."""
WAITING = "still being computed"


def message(
    first: Result,
    second: Result | None,
    names: Names,
    view: View,
    progress: float | None = None,
    live: Sequence[LossStep] = (),
    *,
    is_transfer: bool = False,
    with_files: bool = False,
    values: Collection[str] = (),
    slider: Slider | None = None,
) -> bytes:
    """The stage's data: see `app.panels.message`.

    Args:
        second: what came of it for the second victim; None as long as that is not known.
        is_transfer: whether the second victim sees the pictures of the first.
    """
    rows, files = drawn(first, second, names, view, is_transfer=is_transfer)
    shown, aspect = with_files or (progress is None and not values), aspect_of(first.request.picture.image)
    moving: Moving = (None, b"")
    if slider and is_transfer:
        moving = following(first, view, slider, with_files=shown)
    elif slider:
        moving = scaled.message(_panels(first, second, view), first, slider, with_files=shown)
    return packed(
        rows, files, progress, live or first.history, with_files=shown, values=values, aspect=aspect, moving=moving
    )


def drawn(
    first: Result, second: Result | None, names: Names, view: View, *, is_transfer: bool = False
) -> tuple[Rows, Files]:
    """The rows of the stage, and the files they name."""
    known = (second.is_precise, second.is_complete, second.stopped_at) if second else None
    key = ("versus", names, view, is_transfer, first.is_complete, known)
    return first.once(key, lambda: split(_rows(first, second, names, view, is_transfer=is_transfer)))


def _panels(first: Result, second: Result | None, view: View) -> scaled.Panels:
    """Those of `_pictures` that follow epsilon."""
    results = [first] if second is None else [first, second]
    gain = _gain(results, view)
    return [
        panel
        for i, result in enumerate(results)
        for panel in scaled.panels(result, view.perturbation, Place("picture", 1 + i), Place("perturbation", i, gain))
    ]


def _gain(results: Sequence[Result], view: View) -> float:
    """For all perturbations alike."""
    return view.gain or min(automatic_gain(result.outcome.perturbations[view.perturbation]) for result in results)


def _rows(first: Result, second: Result | None, names: Names, view: View, *, is_transfer: bool) -> Rows:
    above = [picture_row(first, view)] if is_transfer else _pictures(first, second, names, view)
    return [*above, *(_task(first, second, names, o) for o in first.outcome.tasks.values())]


def _pictures(first: Result, second: Result | None, names: Names, view: View) -> Rows:
    """Each victim has its own adversarial picture: both, and both perturbations, amplified alike."""
    name, clean = first.request.picture.name, first.outcome.clean
    results = [first] if second is None else [first, second]
    made = [result.outcome.perturbations[view.perturbation] for result in results]
    gain = _gain(results, view)
    noise = last_picture(first, replace(view, beside="noise"))
    pictures = [
        cell(
            f"Adversarial, {victim}",
            f"Adversarial picture made on {victim}: {name}",
            drawing(one.adversarial),
            panel="adversarial",
            before=0,
        )
        for victim, one in zip(names, made, strict=False)
    ]
    amplified = [
        cell(
            f"On {victim}, ×{gain:g}",
            f"Perturbation made on {victim}, amplified {gain:g} times; grey is no change",
            drawing(amplify(one.perturbation, gain), reading=of_perturbation(one.perturbation)),
            panel="perturbation",
        )
        for victim, one in zip(names, made, strict=False)
    ]
    if second is None:
        pictures.append(_waiting(f"Adversarial, {names[1]}"))
        amplified.append(_waiting(f"On {names[1]}, ×{gain:g}"))
    first_cell = cell("Clean", f"Clean picture: {name}", drawing(clean), panel="clean")
    return [
        {
            "id": "picture",
            "title": name,
            "words": first.request.picture.credit,
            "facts": [[f"PSNR, {victim}", psnr(one)] for victim, one in zip(names, made, strict=False)],
            "cells": [first_cell, *pictures, noise | {"chart": True}],
        },
        {
            "id": "perturbation",
            "title": "Perturbations",
            "words": f"For {perturbation_title(view.perturbation)}, ×{gain:g}.{_alike(made)}",
            "cells": amplified,
        },
    ]  # fmt: skip


def _alike(made: Sequence[Any]) -> str:
    if len(made) < 2 or made[0].perturbation.shape != made[1].perturbation.shape:
        return ""
    alike = cosine(made[0].perturbation, made[1].perturbation)
    return f" Cosine similarity {alike:.2f}: 1 is the same direction, 0 is unrelated."


def _task(first: Result, second: Result | None, names: Names, one: TaskOutcome) -> dict[str, Any]:
    """Each victim's answers before and after, a map in one colour scale for all, and what became of each."""
    t, other = one.task, second.on_other.tasks[one.task.name] if second else None
    is_targeted = first.request.is_targeted
    m = one.main_measure
    note = f" ({against})" if (against := reference(one, is_targeted)) else ""
    sides = [_side(names[0], sentence(first.verdict(t.name)), one, first)]
    if second is not None and other is not None:
        sides.append(_side(names[1], sentence(second.verdict_on_other(t.name)), other, second))
    else:
        sides.append({"name": names[1], "words": f"{WAITING}.".capitalize()})
    return {
        "id": t.name,
        "title": t.label,
        "words": compared(one, other, names),
        "sides": sides,
        "note": f"{m.named(is_targeted).label}, {direction(m.higher_is_better)}{note}",
        **_cells(t, one, other, names),
    }


def _side(name: str, words: str, outcome: TaskOutcome, result: Result) -> dict[str, Any]:
    line = measure_line(outcome, is_targeted=result.request.is_targeted)
    return {"name": name, "words": words, "measure": line | {"rough": not result.is_precise}}


def _cells(t: Task, one: TaskOutcome, other: TaskOutcome | None, names: Names) -> dict[str, Any]:
    states = [
        (name, state, value, o)
        for name, o in zip(names, (one, other), strict=True)
        if o is not None
        for state, value in (("clean", o.clean), ("adversarial", o.adversarial))
    ]
    missing = [] if other else [_waiting(f"{names[1]}, {state}") for state in ("clean", "adversarial")]
    if isinstance(t, Classification):
        bars = [answers(t, f"{n}, {state}", f"for the {state} picture, {n}", v, o.clean) for n, state, v, o in states]
        return {"legend": {"entries": ANSWERS}, "cells": [*bars, *missing]}
    values = [value for _, _, value, _ in states]
    legend = t.legend(*values)
    span = legend.span or t.span(*values)
    maps = [
        cell(
            f"{name}, {state}",
            f"{t.label} of {name} for the {state} picture",
            coloured(t, value, span, o.probabilities.get(state)),
            before=place - 1 if state == "adversarial" else None,
        )
        for place, (name, state, value, o) in enumerate(states)
    ]
    return {"legend": asdict(legend) | {"scale": CIVIDIS if legend.span else None}, "cells": [*maps, *missing]}


def _waiting(caption: str) -> dict[str, Any]:
    return {"caption": caption, "alt": WAITING}


def compared(one: TaskOutcome, other: TaskOutcome | None, names: Names) -> str:
    """Which of the two victims a task falls less on, in a sentence; empty as long as one of them is not known."""
    if other is None:
        return ""
    column = Column(one.task, one.main_measure, is_targeted=one.is_targeted)
    falls = [fall(column.harm, *_before_and_after(o, column.measure.name)) for o in (one, other)]
    changes = [change(o, column) for o in (one, other)]
    if any(map(math.isnan, falls)):
        return "There is nothing to compare."
    if changes[0] == changes[1]:
        return f"Both change alike: {changes[0]}."
    better = falls[1] < falls[0]
    does = "is moved less towards the target" if one.is_targeted else "holds up better"
    return f"{names[better]} {does}: {changes[better]} against {changes[not better]}."


def change(outcome: TaskOutcome, column: Column) -> str:
    """How far a measure of a task moved, in its own unit."""
    return text(column, *_before_and_after(outcome, column.measure.name), "unit")


def measures(first: Result, second: Result | None) -> dict[str, list[tuple[str, list[Values | None]]]]:
    """Every measure of every task, the values of both victims beside each other: see `app.tables.versus_table`."""
    groups: dict[str, list[tuple[str, list[Values | None]]]] = {}
    for name, one in first.outcome.tasks.items():
        both = (one, second.on_other.tasks[name] if second else None)
        groups[one.task.label] = [
            (
                f"{m.named(one.is_targeted).label} {'↑' if m.higher_is_better else '↓'}",
                [_values(o, Column(o.task, m, is_targeted=o.is_targeted)) if o else None for o in both],
            )
            for m in one.task.measures
        ]
    return groups


def _values(outcome: TaskOutcome, column: Column) -> Values:
    m, found = column.measure, outcome.measures
    noise = m.format(found["noise"][m.name]) if "noise" in found else "…"
    clean, adversarial = (m.format(found[kind][m.name]) for kind in ("clean", "adversarial"))
    return Values(clean, noise, adversarial, change(outcome, column))


def _before_and_after(outcome: TaskOutcome, metric: str) -> tuple[float, float]:
    return outcome.measures["clean"][metric], outcome.measures["adversarial"][metric]
