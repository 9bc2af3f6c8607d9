"""A result as the pictures, words and legends of the page: one message for the stage component. No streamlit here."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import Any, Literal

from torch import Tensor

from app import scaled
from app.drawings import Drawing, Files, Rows, cell, coloured, drawing, split
from app.readings import Reading, of_difference, of_perturbation, unit_of_difference
from app.request import Request
from app.result import LossStep, Result
from app.scaled import Place, Slider
from app.words import automatic_gain, facts, measure_line, perturbation_title, sentence, with_unit
from mta_core.amplified import amplify
from mta_core.explore import TaskOutcome, noisy_picture
from mta_core.tasks import Task, names, task
from mta_core.tasks.base import Span
from mta_core.tasks.classification import Classification
from mta_core.tasks.colours import CIVIDIS, SCALE, tone
from mta_core.tasks.numbers import Numbers

Moving = tuple[dict[str, Any] | None, bytes]
Beside = Literal["target", "truth", "noise"]
"""What the last column shows."""
TASK_COLOURS = dict(zip(names(), cycle(("#0072b2", "#d55e00", "#009e73", "#cc79a7")), strict=False))
ANSWERS = (("the answer", "#0072b2"), ("another than before", "#d55e00"))
"""Marks of an answer for the whole picture."""
GAINS = (0, 1, 2, 5, 10, 20, 50, 100)
"""0 lets the largest value of the perturbation span the whole range."""


@dataclass(frozen=True)
class View:
    """How a result is looked at.

    Attributes:
        perturbation: whose perturbation is shown, of those the result has.
        gain: amplification of the perturbation, 0 for the automatic one.
    """

    perturbation: str
    gain: int = 0
    beside: Beside = "truth"


TaskRow = Callable[[Result, TaskOutcome, View], dict[str, Any]]
"""What the stage shows of a task."""


def outline(request: Request, progress: float | None, live: Sequence[LossStep] = ()) -> bytes:
    """The stage's data before the first result: what is known of it, and the running attack's losses."""
    waiting = [{"caption": "", "alt": ""}] * 3
    clean = cell("Clean", f"Clean picture: {request.picture.name}", drawing(request.picture.image), panel="clean")
    picture = {
        "id": "picture",
        "title": request.picture.name,
        "words": request.picture.credit,
        "cells": [clean, *waiting[:2], {"caption": "", "alt": "", "chart": True}],
    }
    tasks = [{"id": t.name, "title": t.label, "words": "", "cells": [*waiting, *waiting[:1]]} for t in request.tasks]
    return packed(*split([picture, *tasks]), progress, live, aspect=aspect_of(request.picture.image))


def message(
    result: Result,
    view: View,
    progress: float | None = None,
    live: Sequence[LossStep] = (),
    *,
    task_row: TaskRow | None = None,
    with_files: bool = False,
    values: Collection[str] = (),
    slider: Slider | None = None,
) -> bytes:
    """The stage's data: a line of JSON, then the PNG files it names by digest and length, and the values asked for.

    While something is being computed (`progress` is given), and where values are asked for, the pictures are left out
    unless `with_files`: the browser has them, or asks for them.

    Args:
        task_row: makes the row of each task: by default clean, adversarial, the difference, and what is beside them.
        values: digests of the values at the cursor that the browser asks for.
        slider: of epsilon, which the pictures follow in the browser.
    """
    rows, files = drawn(result, view, task_row)
    shown, aspect = with_files or (progress is None and not values), aspect_of(result.request.picture.image)
    moving = following(result, view, slider, with_files=shown) if slider else (None, b"")
    return packed(
        rows, files, progress, live or result.history, with_files=shown, values=values, aspect=aspect, moving=moving
    )


def following(result: Result, view: View, slider: Slider, *, with_files: bool) -> Moving:
    """What the browser needs to have `picture_row` follow epsilon."""
    places = Place("picture", 1), Place("picture", 2, view.gain)
    return scaled.message(scaled.panels(result, view.perturbation, *places), result, slider, with_files=with_files)


def drawn(result: Result, view: View, task_row: TaskRow | None = None) -> tuple[Rows, Files]:
    """The rows of the stage, and the files they name."""
    make = task_row or _task_row
    return result.once(("rows", make, view, result.is_complete), lambda: split(_rows(result, view, make)))


def aspect_of(image: Tensor) -> str:
    """Of pictures (..., H, W), as CSS writes it."""
    height, width = image.shape[-2:]
    return f"{width} / {height}"


def packed(
    rows: Rows,
    files: Files,
    progress: float | None,
    history: Sequence[LossStep],
    *,
    with_files: bool = True,
    values: Collection[str] = (),
    aspect: str = "4 / 3",
    columns: int = 4,
    moving: Moving = (None, b""),
) -> bytes:
    """The stage's data.

    Args:
        values: digests of the values that are asked for.
        columns: pictures in a row.
        moving: see `app.scaled.message`.
    """
    pngs = files.pngs if with_files else {}
    readings = {digest: files.readings[digest].packed() for digest in values if digest in files.readings}
    chart = loss_chart(history)
    header = {
        "rows": rows, "progress": progress, "chart": chart, "aspect": aspect, "columns": columns, "live": moving[0],
        "files": [[digest, len(png)] for digest, png in pngs.items()],
        "values": [[digest, len(made)] for digest, made in readings.items()],
    }  # fmt: skip
    return b"".join((json.dumps(header).encode(), b"\n", *pngs.values(), moving[1], *readings.values()))


def _rows(result: Result, view: View, task_row: TaskRow) -> Rows:
    return [picture_row(result, view), *(task_row(result, o, view) for o in result.outcome.tasks.values())]


def picture_row(result: Result, view: View) -> dict[str, Any]:
    request = result.request
    shown = result.outcome.perturbations[view.perturbation]
    gain = view.gain or automatic_gain(shown)
    what = f"{request.attack.label}, {request.budget.label}"
    cells = [
        cell(
            "Clean",
            f"Clean picture: {request.picture.name}",
            _draw(result, ("clean",), lambda: result.outcome.clean),
            panel="clean",
        ),
        cell(
            "Adversarial",
            f"Adversarial picture for {perturbation_title(view.perturbation)}: {request.picture.name}, {what}",
            _draw(result, ("adversarial", shown.name), lambda: shown.adversarial),
            panel="adversarial",
            before=0,
        ),
        cell(
            f"Perturbation ×{gain:g}",
            f"Perturbation for {perturbation_title(view.perturbation)}, amplified {gain:g} times; grey is no change",
            _draw(
                result,
                ("perturbation", shown.name, gain),
                lambda: amplify(shown.perturbation, gain),
                reading=lambda: of_perturbation(shown.perturbation),
            ),
            panel="perturbation",
        ),
        last_picture(result, view) | {"chart": True},
    ]
    return {
        "id": "picture",
        "title": request.picture.name,
        "words": request.picture.credit,
        "facts": facts(shown),
        "cells": cells,
    }


def last_picture(result: Result, view: View) -> dict[str, Any]:
    """Random noise, or the picture whose answers are the target."""
    request = result.request
    if view.beside == "target" and (like := request.like) is not None:
        return cell(
            f"Target: {like.name}",
            f"The picture to be taken for: {like.name}",
            _draw(result, ("like",), lambda: like.image),
            panel="target",
        )
    noisy = _draw(
        result, ("noise",), lambda: noisy_picture(request.budget, result.outcome.clean[None], request.seed)[0]
    )
    alt = f"The picture with random noise of the same size, {request.budget.label}"
    return cell("Random noise", alt, noisy, panel="noise")


def _task_row(result: Result, outcome: TaskOutcome, view: View) -> dict[str, Any]:
    t = outcome.task
    if isinstance(t, Classification):
        return _answer_row(result, outcome, t)
    verdict = result.verdict(t.name)
    target = outcome.reference if outcome.is_targeted else None
    every = [v for v in (outcome.clean, outcome.adversarial, outcome.truth, target) if v is not None]
    legend = t.legend(*every)
    span = legend.span or t.span(*every)
    difference = t.difference(outcome.clean, outcome.adversarial)
    top = scale_end(difference)

    def shown(kind: str, value: Tensor) -> Drawing:
        return answer(result, outcome, kind, value, span)

    cells = [
        cell("Clean", f"{t.label} of the clean picture", shown("clean", outcome.clean)),
        cell(
            "Adversarial",
            f"{t.label} of the adversarial picture: {verdict}",
            shown("adversarial", outcome.adversarial),
            before=0,
        ),
        cell(
            "Difference",
            f"{t.difference_label} between the two, from dark for none to yellow for {top:.2g} or more",
            _draw(
                result,
                (t.name, "difference", result.is_precise),
                lambda: tone(difference / top)[0],
                SCALE,
                reading=lambda: of_difference(t, difference),
            ),
        ),
    ]
    if view.beside == "target" and target is not None:
        cells.append(cell("Target", f"{t.label}: the answer that the attack is after", shown("target", target)))
    elif view.beside != "noise" and outcome.truth is not None:
        cells.append(cell("Ground truth", f"{t.label}: ground truth", shown("truth", outcome.truth)))
    elif outcome.noisy is not None:
        cells.append(cell("With noise", f"{t.label} of the picture with random noise", shown("noise", outcome.noisy)))
    else:
        cells.append({"caption": "With noise", "alt": "still being computed"})
    return {
        "id": t.name,
        "title": t.label,
        "words": sentence(verdict),
        "measure": measure_line(outcome, is_targeted=result.request.is_targeted) | {"rough": not result.is_precise},
        "legend": asdict(legend) | {"scale": CIVIDIS if legend.span else None},
        "difference": {"label": t.difference_label, "top": scale_end_words(t, top), "scale": CIVIDIS},
        "cells": cells,
    }


def _answer_row(result: Result, outcome: TaskOutcome, t: Classification) -> dict[str, Any]:
    """A task with one answer for the whole picture: the likeliest ones with their probabilities."""
    verdict, before = result.verdict(t.name), outcome.clean
    cells = [
        answers(t, "Clean", "for the clean picture", before, before),
        answers(t, "Adversarial", f"for the adversarial picture: {verdict}", outcome.adversarial, before),
    ]
    if outcome.noisy is not None:
        cells.append(answers(t, "With noise", "for the picture with random noise", outcome.noisy, before))
    else:
        cells.append({"caption": "With noise", "alt": "still being computed"})
    if outcome.truth is not None:
        cells.append(answers(t, "Ground truth", "is right", outcome.truth, before))
    return {
        "id": t.name,
        "title": t.label,
        "words": sentence(verdict),
        "measure": measure_line(outcome, is_targeted=result.request.is_targeted) | {"rough": not result.is_precise},
        "legend": {"entries": ANSWERS},
        "cells": cells,
    }


def answers(t: Classification, caption: str, of: str, value: Tensor, before: Tensor) -> dict[str, Any]:
    """The likeliest answers with their probabilities; the first is marked by whether it is that of `before`."""
    ranking = t.ranking(value)
    first = "clean" if ranking and ranking[0][0] == t.ranking(before)[0][0] else "fooled"
    marked = [[name, share, "" if place else first] for place, (name, share) in enumerate(ranking)]
    return {"caption": caption, "alt": f"{t.label}: what the classifier answers {of}", "bars": marked}


def answer(
    result: Result, outcome: TaskOutcome, kind: str, value: Tensor, span: Span | None, victim: str = ""
) -> Drawing:
    """A victim's answer, or a label, in the task's colours.

    Args:
        kind: "clean", "adversarial", "noise", "truth" or "target".
        victim: which of several it is.
    """

    def make() -> Drawing:
        probability, is_label = outcome.probabilities.get(kind), kind in ("truth", "target")
        return coloured(outcome.task, value, span, probability, is_label=is_label)

    return result.once((outcome.task.name, victim, kind, result.is_precise), make)


def scale_end(difference: Tensor) -> float:
    """The value the difference's scale ends at: what 99 % of the pixels stay under."""
    values = difference.flatten()
    return max(
        float(values.kthvalue(max(1, round(0.99 * len(values)))).values),
        1e-3 if values.max() < 1e-3 else 0.05 * float(values.max()),
    )


def scale_end_words(t: Task, top: float) -> str:
    """The end of the difference's scale with its unit; nothing where a difference is yes or no."""
    unit = unit_of_difference(t)
    return with_unit(f"{top:.3g}", unit) if unit or isinstance(t, Numbers) else ""


def loss_chart(history: Sequence[LossStep]) -> dict[str, Any] | None:
    """The loss of each task by step; None where there are no steps to draw."""
    if not history or history[0].total < 2:
        return None
    series: dict[str, list[list[float]]] = {}
    for step in history:
        for name, loss in step.losses.items():
            series.setdefault(name, []).append([step.done, loss])
    return {
        "total": history[-1].total,
        "series": [
            {"label": task(name).label, "colour": TASK_COLOURS[name], "points": points}
            for name, points in series.items()
        ],
    }


def _draw(
    result: Result,
    key: tuple[Any, ...],
    make: Callable[[], Tensor],
    tones: Tensor | None = None,
    reading: Callable[[], Reading] | None = None,
) -> Drawing:
    return result.once(key, lambda: drawing(make(), tones, reading() if reading else None))
