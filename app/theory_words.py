"""What stands beneath each figure of the theory: what it shows and does not, where the paper errs. No streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app import theory_charts
from app.words import in_sentence
from mta_core import victims
from mta_core.tasks import task
from mta_core.weights import WeightsError
from mta_core.wording import counted

Values = Mapping[str, Any]
OWN = "Measure it here"
"""Beside what is shipped, in the choice of numbers."""

INTRO = (
    "The paper predicts from the gradients of the tasks how far an attack can move their losses. Here the prediction "
    "stands beside what attacks do move them by."
)
NOTHING_SHIPPED = (
    "Nothing is measured beforehand yet: `python -m mta_core vulnerability --victim dmtl --data rooms --json "
    "assets/study/theory/dmtl-linf.json` makes such a document, and Start below measures right here."
)
JOINT = (
    "It shows how far attacks move the mean loss of the first task, of the first two, and so on, with 95 % intervals "
    "over pictures, beside what the gradients at the clean pictures predict. It does not show that more tasks protect, "
    "since the mean falls wherever a loss of a smaller scale joins it, and another order of the tasks has other steps, "
    "nor the largest change there is, because attacks only find a lower bound of it."
)
MARGINAL = (
    "It shows by how much each added task moves the vulnerability of those before it, beside the most that the "
    "gradients allow, by a tight bound and by the paper's. It does not show a guarantee, since both "
    "bounds hold to first order only, and a measured point above them is no error."
)
COVARIANCE = (
    "It shows how the gradients of two tasks vary together over the pictures, blue where they oppose each other, with "
    "each task's own variance on the diagonal; colours follow the logarithm, over five powers of ten. It does not show "
    "which task is more fragile, because every loss has a scale of its own."
)
NO_COVARIANCE = "A covariance needs at least two pictures."
COSINE = (
    "It shows the cosine of the angle between two tasks' gradients, whatever their lengths, as the mean over pictures: "
    "1 where one perturbation raises both losses alike, 0 where it raises one and leaves the other, −1 where they "
    "oppose each other. It does not show how much either loss rises."
)
PRODUCTS = (
    "It shows the inner products of the tasks' gradients in this one picture, whose mean over pictures Theorem 3 takes "
    "for the covariance; colours follow the logarithm, over five powers of ten. It does not show a covariance, which "
    "needs several pictures."
)
ONE_COSINE = (
    "It shows the cosines of the angles between the tasks' gradients in this one picture. It does not show whether "
    "they are the same in others."
)
PICTURES = (
    "It shows how strongly each pixel moves the loss of each task, bright where a small change counts most, each task "
    "on its own scale. It does not show in which direction, nor what a larger change of many pixels at once does."
)
LENGTH = "‖r‖₁ is the length of the gradient r: times a small epsilon in L-inf, it is how far the loss can be moved."
TABLE = (
    "It shows each task attacked alone: how far its loss is moved, what the first order predicts, the ratio of the "
    "two, and the size of its gradient. It does not show which task is hurt more, since losses have different units."
)
RELEASED = (
    "**In the paper's code** the gradient norm is that of the summed outputs of the network, which knows neither loss "
    "nor labels; the text means the loss, as we do, and the last column has theirs."
)
JUMPS = (
    "**dmtl is not continuous**: its max-unpooling puts values where the maxima were, and these places jump. So "
    "measured over first order does not go to 1 as epsilon goes to 0: over four rooms it was 1.33, 1.80, 2.37, 2.54, "
    "2.23, 1.54 and 0.86 at 0.05, 0.25, 0.5, 1, 2, 4 and 8/255."
)
HEURISTIC = (
    "**Theorem 3** is derived for L2 budgets and tasks of equal variance. For L-inf nothing in its proof holds: its "
    "line is a heuristic here."
)
EQUAL = (
    "**Theorem 3** is derived for tasks of equal variance, and depends on their order where variances differ. The "
    "exact weighted form needs neither: it is epsilon times the root of the mean square of the joint gradient."
)
ROOTLESS = (
    "**Theorem 3** has no value for {counts} tasks, first where {name} joins: it divides by the variance of each "
    "task's gradient, and where one is far smaller than the others a negative number may stand under its root."
)
ON_THEOREM_3 = (
    "**In the paper's proof** equation 4 puts products of norms where inner products belong, which would make all "
    "gradients parallel, and equation 6 prints Cov(r_i, r_i) for Cov(r_i, r_j); the theorem itself has it right."
)
ON_THEOREM_7 = (
    "**In the paper's proof** of Theorem 7 there is a factor N + 1 that the triangle inequality does not need. The "
    "tight bound is epsilon · w · E‖r‖ of the added task, in the dual norm; with weights of 1/N a term for the "
    "re-weighting of the others is added. Lemma 6, which brings the factor in, is false for p > 1."
)


def about_joint(rows: Sequence[Values]) -> list[str]:
    """What is to be known of the first figure beside its two sentences."""
    first = HEURISTIC if theory_charts.is_heuristic(rows) else EQUAL
    return [*([JUMPS] if rows and jumps(rows[0]["victim"]) else []), first, *_rootless(rows), ON_THEOREM_3]


def _rootless(rows: Sequence[Values]) -> list[str]:
    """Why the line of Theorem 3 has gaps, where it has some."""
    own = theory_charts.of_first(rows, "theorem3")
    gaps = [row for row in own if theory_charts.number(row["adversarial"]) is None]
    if not gaps:
        return []
    counts = ", ".join(str(len(row["attacked"])) for row in gaps)
    return [ROOTLESS.format(counts=counts, name=_named(gaps[0]["attacked"][-1]))]


def jumps(victim: str) -> bool:
    """Whether it is the network that this was measured of, or one alike."""
    try:
        return victims.find(victim).architecture == "dmtl"
    except (WeightsError, ValueError):
        return victim == "dmtl"


def title_of(rows: Sequence[Values]) -> str:
    """What was measured, in a line."""
    first, tasks = rows[0], theory_charts.chain(rows)
    return f"{first['victim']}, {counted(len(tasks), 'task')}, {theory_charts.budget_of(rows).label}"


def headline(rows: Sequence[Values]) -> str:
    """What came out, in plain words; empty where nothing was attacked."""
    measured = theory_charts.of_first(rows, "vulnerability")
    predicted = {len(row["attacked"]): row for row in theory_charts.of_first(rows, "first_order")}
    if not measured:
        return ""
    words = []
    for row in {len(row["attacked"]): row for row in (measured[0], measured[-1])}.values():
        count = len(row["attacked"])
        value, guess = (theory_charts.number(one.get("adversarial")) for one in (row, predicted.get(count, {})))
        if value is None or guess is None:
            return ""
        together = "both" if count == 2 else f"all {count}"
        alone = f"the loss of {_named(row['attacked'][0])} alone"
        who = alone if count == 1 else f"the mean loss of {together} tasks"
        words.append(f"{who} moves by {value:.3g} where the first order predicts {guess:.3g}")
    said = ", ".join(words)
    return f"{said[:1].upper()}{said[1:]}, over {counted(measured[0]['n'], 'picture')}."


def _named(name: str) -> str:
    return in_sentence(task(name).label)


def has_released(rows: Sequence[Values]) -> bool:
    """Whether the gradient norm of the released code was asked for too."""
    return any(row["metric"] == "released_gradient_norm" for row in rows)


def columns(rows: Sequence[Values]) -> tuple[str, ...]:
    return COLUMNS if has_released(rows) else COLUMNS[:-1]


def table(rows: Sequence[Values]) -> list[tuple[str, ...]]:
    """A line for each task under `columns`."""
    lines, width = [], len(columns(rows))
    for name in theory_charts.chain(rows):
        own = {row["metric"]: theory_charts.number(row["adversarial"]) for row in rows if row["attacked"] == [name]}
        values = [
            own.get(metric) for metric in ("vulnerability", "first_order", "gradient_norm", "released_gradient_norm")
        ]
        measured, first, norm, released = values
        ratio = None if measured is None or not first else measured / first
        lines.append((task(name).label, *map(_written, (measured, first, ratio, norm, released)))[:width])
    return lines


COLUMNS = ("Task", "Measured", "First order", "Ratio", "Gradient norm", "As released")


def _written(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
