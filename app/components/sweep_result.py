"""What a sweep has found so far, followed while it is measured: its charts, numbers and downloads."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from app import resources, sweep_charts, sweeps, trainings
from app.charts import KINDS
from app.components import downloads, linked, livechart, measuring
from app.components.hearing import hear
from app.components.measuring import Measurement
from app.components.sweep_form import Asked
from app.state import keys, pages, session
from app.sweeps import Known, Shown
from app.words import direction
from mta_core.sweep_recipe import SweepRecipe
from mta_core.tasks import TASKS, Task
from mta_core.variables import AttackOf, variable
from mta_core.wording import counted

FORM = (
    "data", "count", "victim", "tasks", "attack", "scope", "norm", "epsilon", "epsilon_l2", "varied", "varied_task",
    "varied_attacks",
)  # fmt: skip
"""Keys of the controls of a sweep, beside those of what varies and of the attack's settings."""
COLUMNS = 3
ATTACKED, NOISE, CLEAN = (KINDS[kind][1] for kind in ("adversarial", "noise", "clean"))
LINES = (
    ("", ATTACKED, "under attack, with its 95 % interval"),
    ("mta-band", ATTACKED, "middle half of the pictures"),
    ("mta-dashed", ATTACKED, "their median"),
    ("mta-dotted", NOISE, "random noise of the same size"),
    ("mta-dashed", CLEAN, "clean"),
)
"""Signs of a chart whose values are numbers: their kind, colour and meaning."""
DOTS = (
    ("mta-dot", ATTACKED, "under attack, with its 95 % interval"),
    ("mta-band", ATTACKED, "middle half of the pictures, with their median"),
    ("mta-cross", NOISE, "random noise of the same size"),
    ("mta-dashed", CLEAN, "clean"),
)
"""The same where they are not."""


def draw(asked: Asked, used: Mapping[str, object]) -> None:
    """Everything that is known of it; looks again by itself while more is being measured."""
    hear(used, *dict.fromkeys(_key(t) for t in TASKS))
    wanted = _wanted(asked)
    record = measuring.find(wanted)
    is_live = measuring.is_live(record)
    found = sweeps.known(resources.board().folder_of(record.id)) if record else Known()
    measuring.toolbar(wanted, record, found.num_points)
    if record is not None:
        _charts(asked.recipe, found)
        _numbers(asked.recipe, found, is_live)
    measuring.beat(wanted, record)


def _wanted(asked: Asked) -> Measurement:
    recipe = asked.recipe
    settings = [f"{recipe.attack}_{name}" for name, _ in recipe.settings]
    query = linked.query(*FORM, f"values_{recipe.variable.partition(':')[0]}", *settings)
    order = sweeps.order_of(recipe, asked.weights, asked.shelf, session.owner(), query)
    count = len(recipe.values)
    what = f"{counted(count, 'value')} on {counted(min(recipe.limit, len(asked.shelf)), 'picture')}"
    return Measurement(
        "sweep", order, lambda it: sweeps.is_of(it, recipe, asked.shelf), what, count, "value", asked.problem
    )


def _key(t: Task) -> str:
    return f"sweep_measure_{t.name}"


def _choose(recipe: SweepRecipe, t: Task) -> Shown:
    """Chosen above the chart of its task."""
    offered = {shown.label: shown for shown in sweeps.shown_of(t, bool(recipe.target))}
    chosen = st.selectbox(t.label, list(offered), key=_key(t), **keys.LINKED)
    pages.note_drawn(_key(t))
    shown = offered[chosen]
    note = direction(shown.measure.higher_is_better)
    st.caption(note if shown.has_spread else f"{note}; over all pictures at once, so without a spread between them")
    return shown


def _charts(recipe: SweepRecipe, found: Known) -> None:
    st.html(f'<p class="mta-headline">{html.escape(sweeps.headline(found, recipe))}</p>')
    tasks = trainings.taught(recipe.victim, recipe.tasks)
    for place, t in zip(st.columns(min(COLUMNS, len(tasks)), gap="medium") * len(tasks), tasks, strict=False):
        with place:
            shown = _choose(recipe, t)
            figure = sweep_charts.figure(found, recipe, t, shown)
            alt = sweep_charts.alt(found, recipe, t, shown)
            livechart.draw(f"sweep_{t.name}", figure, alt, sweep_charts.HEIGHT)
    signs = LINES if variable(recipe.variable).is_number else DOTS
    marks = [sign for sign in signs if recipe.variable != AttackOf.name or sign[1] != NOISE]
    items = "".join(
        f'<span><i class="{kind}" style="--mark:{colour}"></i>{text}</span>' for kind, colour, text in marks
    )
    st.html(f'<div class="mta-marks">{items}</div>')
    st.caption(
        "An open dot has not had all its pictures yet, and no line leads to it. Drag over a chart to zoom, "
        "double-click to see all of it."
    )


def _numbers(recipe: SweepRecipe, found: Known, is_live: bool) -> None:
    rows = [row.values for row in found.final]
    downloads.rows(
        "sweep", lambda: rows, lambda: found.made or {}, "sweep_downloads", has_rows=bool(rows) and not is_live,
        has_provenance=bool(found.made),
    )  # fmt: skip
    if rows:
        with st.expander("Numbers", key="sweep_numbers"):
            st.html(table(recipe, found))


def table(recipe: SweepRecipe, found: Known) -> str:
    """A line for each finished value and task, of the task's main measure."""
    head = (variable(recipe.variable).label, "Task", "Measure", "Clean", "Under attack", "95 % interval",
            "Middle half of the pictures", "Random noise")  # fmt: skip
    lines = []
    for t in trainings.taught(recipe.victim, recipe.tasks):
        shown = sweeps.shown_of(t, bool(recipe.target))[0]
        (rows, noise), measure = sweeps.series(found, t, shown), shown.measure
        beside = {row.point["number"]: measure.format(row.values["adversarial"]) for row in noise}
        for row in (row for row in rows if row.point["is_final"]):
            ends, half = row.values["ci95"], row.point["quartiles"]
            lines.append((
                sweeps.said(row), t.label, shown.label, measure.format(row.values["clean"]),
                measure.format(row.values["adversarial"]), " to ".join(map(measure.format, ends)) if ends else "–",
                f"{measure.format(half[0])} to {measure.format(half[2])}" if half else "–",
                beside.get(row.point["number"], "–"),
            ))  # fmt: skip
    top = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{html.escape(line[0])}</th>{"".join(f"<td>{html.escape(c)}</td>" for c in line[1:])}</tr>'
        for line in lines
    )
    frame = 'class="mta-cost" tabindex="0" role="region" aria-label="What was measured at each value"'
    return f"<div {frame}><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
