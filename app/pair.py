"""Two results side by side: one message for the stage component. No streamlit here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from app.drawings import Drawing, Rows, cell, coloured, drawing, split
from app.panels import ANSWERS, answers, aspect_of, packed, scale_end, scale_end_words
from app.readings import of_difference, of_perturbation
from app.result import Result
from app.words import automatic_gain, direction, perturbation_title, psnr, reference
from mta_core.amplified import amplify, gain_of
from mta_core.explore import PerturbationOutcome, TaskOutcome, noisy_picture
from mta_core.tasks import Task
from mta_core.tasks.classification import Classification
from mta_core.tasks.colours import CIVIDIS, SCALE, tone

Names = tuple[str, str]


def message(
    first: Result,
    second: Result,
    names: Names,
    task: str,
    progress: float | None,
    *,
    with_files: bool = False,
    values: Collection[str] = (),
) -> bytes:
    """The stage's data: see `app.panels.message`.

    Args:
        names: of the two, for people.
        task: whose perturbations are shown.
    """
    key = ("pair", second.request, second.stopped_at, names, task, first.is_complete, second.is_complete)
    rows, files = first.once(key, lambda: split(_rows((first, second), names, task)))
    shown, aspect = with_files or (progress is None and not values), aspect_of(first.request.picture.image)
    return packed(rows, files, progress, [], with_files=shown, values=values, aspect=aspect)


def cosine(one: Tensor, other: Tensor) -> float:
    """How far two perturbations point the same way: 1 the same direction, 0 unrelated, -1 opposite."""
    return float(torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0))


def _rows(results: Sequence[Result], names: Names, task: str) -> Rows:
    made = [result.outcome.perturbation_of(task) for result in results]
    tasks = [outcome.task for outcome in results[0].outcome.tasks.values()]
    return [_pictures(results, made, names), _perturbations(results, made, names, task),
            *(_answers(results, names, t) for t in tasks)]  # fmt: skip


def _pictures(results: Sequence[Result], made: Sequence[PerturbationOutcome], names: Names) -> dict[str, Any]:
    request, clean = results[0].request, results[0].outcome.clean
    difference = made[0].adversarial - made[1].adversarial
    gain = gain_of(difference)
    cells = [
        cell("Clean", f"Clean picture: {request.picture.name}", drawing(clean), panel="clean"),
        *(
            cell(
                name,
                f"Adversarial picture of {name}: {request.picture.name}",
                drawing(one.adversarial),
                panel="adversarial",
                before=0,
            )
            for name, one in zip(names, made, strict=True)
        ),
        cell(
            f"A − B, ×{gain:g}",
            f"A minus B, amplified {gain:g} times; grey: equal",
            drawing(amplify(difference, gain), reading=of_perturbation(difference)),
        ),
    ]
    size = [[name[:1], f"PSNR {psnr(one)}"] for name, one in zip(names, made, strict=True)]
    words = "The two adversarial pictures, and where they differ."
    return {"id": "picture", "title": request.picture.name, "words": words, "facts": size, "cells": cells}


def _perturbations(
    results: Sequence[Result], made: Sequence[PerturbationOutcome], names: Names, task: str
) -> dict[str, Any]:
    gain = min(automatic_gain(one) for one in made)
    alike = cosine(made[0].perturbation, made[1].perturbation)
    request, clean = results[0].request, results[0].outcome.clean
    noise = noisy_picture(request.budget, clean[None], request.seed)[0] - clean
    difference = made[0].perturbation - made[1].perturbation

    def signed(of: Tensor) -> Drawing:
        return drawing(amplify(of, gain), reading=of_perturbation(of))

    cells = [
        cell("Random noise", f"Random noise of the size of A, amplified {gain:g} times", signed(noise)),
        *(
            cell(name, f"Perturbation of {name}, amplified {gain:g} times", signed(one.perturbation))
            for name, one in zip(names, made, strict=True)
        ),
        cell("A − B", f"A minus B, amplified {gain:g} times; grey: equal", signed(difference)),
    ]
    whose = " and ".join(dict.fromkeys(perturbation_title(one.name) for one in made))
    size = [
        [name[:1], f"L-inf {255 * one.similarity.linf:.2f}/255, L2 {one.similarity.l2:.2f}"]
        for name, one in zip(names, made, strict=True)
    ]
    return {
        "id": "perturbation",
        "title": "Perturbation",
        "words": f"For {whose}, ×{gain:g}. Cosine similarity {alike:.2f}: 1 is the same direction, 0 is unrelated.",
        "facts": size,
        "cells": cells,
    }


def _answers(results: Sequence[Result], names: Names, t: Task) -> dict[str, Any]:
    one, other = (result.outcome.tasks[t.name] for result in results)
    m = one.main_measure
    values = [
        ("Clean", one.measures["clean"]),
        ("A", one.measures["adversarial"]),
        ("B", other.measures["adversarial"]),
    ]
    is_targeted = results[0].request.is_targeted
    note = f" ({against})" if (against := reference(one, is_targeted)) else ""
    said = {
        "id": t.name,
        "title": t.label,
        "words": verdict(results, t),
        "note": f"{m.named(is_targeted).label}, {direction(m.higher_is_better)}{note}",
        "facts": [[label, m.format(measures[m.name])] for label, measures in values],
    }
    if isinstance(t, Classification):
        after = zip(names, results, (one, other), strict=True)
        cells = [
            answers(t, "Clean", "for the clean picture", one.clean, one.clean),
            *(answers(t, name, f"after {name}: {r.verdict(t.name)}", o.adversarial, one.clean) for name, r, o in after),
        ]
        return said | {"legend": {"entries": ANSWERS}, "cells": cells}
    return said | _maps(results, names, t)


def _maps(results: Sequence[Result], names: Names, t: Task) -> dict[str, Any]:
    one, other = (result.outcome.tasks[t.name] for result in results)
    every = (one.clean, one.adversarial, other.adversarial)
    legend = t.legend(*every)
    span = legend.span or t.span(*every)
    difference = t.difference(one.adversarial, other.adversarial)
    top = scale_end(difference)

    def shown(value: Tensor, outcome: TaskOutcome, kind: str) -> Drawing:
        return coloured(t, value, span, outcome.probabilities.get(kind))

    cells = [
        cell("Clean", f"{t.label} of the clean picture", shown(one.clean, one, "clean")),
        *(
            cell(
                name,
                f"{t.label} after {name}: {result.verdict(t.name)}",
                shown(outcome.adversarial, outcome, "adversarial"),
                before=0,
            )
            for name, result, outcome in zip(names, results, (one, other), strict=True)
        ),
        cell(
            "Difference",
            f"{t.difference_label} between A and B, from dark for none to yellow for {top:.2g} or more",
            drawing(tone(difference / top)[0], SCALE, of_difference(t, difference)),
        ),
    ]
    return {
        "legend": asdict(legend) | {"scale": CIVIDIS if legend.span else None},
        "difference": {
            "label": t.difference_label,
            "top": scale_end_words(t, top),
            "scale": CIVIDIS,
        },
        "cells": cells,
    }


def verdict(results: Sequence[Result], t: Task) -> str:
    """Which of the two did more to a task, in a sentence."""
    m = results[0].outcome.tasks[t.name].main_measure
    a, b = (result.outcome.tasks[t.name].measures["adversarial"][m.name] for result in results)
    if a != a or b != b:
        return "There is nothing to measure."
    if m.format(a) == m.format(b):
        return "Both do the same."
    if results[0].request.is_targeted:
        return f"{'A' if m.is_worse(b, a) else 'B'} comes nearer to the target."
    return f"{'A' if m.is_worse(a, b) else 'B'} does more."
