"""What a sweep has found so far, followed while it is measured: its charts, numbers and downloads."""

from __future__ import annotations

import html
from collections.abc import Mapping

import streamlit as st

from app import exports, orders, resources, state, sweep_charts, sweeps, trainings
from app.charts import KINDS
from app.components import linked, livechart, pulse
from app.components.asking import answer, ask
from app.components.hearing import hear
from app.components.sweep_form import Asked
from app.sweeps import Known, Shown
from app.words import direction, plain
from mta_core.job_records import CUT_OFF, Order, Record
from mta_core.sweep_recipe import SweepRecipe
from mta_core.tasks import TASKS, Task
from mta_core.variables import AttackOf, variable
from mta_core.wording import counted

LIVE, WAITING = 0.7, 2.0
"""Seconds between two looks at a sweep that is measured, and at one that waits."""
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
    record = find(asked)
    is_live = record is not None and record.state in ("queued", "running")  # asked first: what ends is drawn next time
    found = sweeps.known(resources.board().folder_of(record.id)) if record else Known()
    _toolbar(asked, record, found)
    _notes(asked, record)
    if record is not None:
        _charts(asked.recipe, found)
        _numbers(asked.recipe, found, is_live)
    pulse.beat("watch_sweep", LIVE if is_live else WAITING if record and record.state == "paused" else None)


def find(asked: Asked) -> Record | None:
    """The job of it, whoever asked for it; the link names it, and means that one also where other weights are at hand
    by now."""
    named = linked.named(sweeps.KIND)
    if named is not None and sweeps.is_of(named.order, asked.recipe, asked.shelf):
        return named
    record = orders.find(resources.board(), _order(asked))
    if record is not None and st.query_params.get(state.JOB) != record.id:
        st.query_params[state.JOB] = record.id
    elif record is None:
        linked.forget()
    return record


def _order(asked: Asked) -> Order:
    recipe = asked.recipe
    settings = [f"{recipe.attack}_{name}" for name, _ in recipe.settings]
    query = linked.query(*FORM, f"values_{recipe.variable.partition(':')[0]}", *settings)
    return sweeps.order_of(recipe, asked.weights, asked.shelf, state.owner(), query)


def is_out_of_date(asked: Asked, record: Record) -> bool:
    """Whether it was measured with weights that are others now, or was cancelled: it is shown, and never goes on."""
    return record.state == "cancelled" or record.order.settings != _order(asked).settings


def _start(asked: Asked) -> None:
    """Called by a button."""
    board = resources.board()
    record = find(asked)
    if record is not None and is_out_of_date(asked, record):
        record = orders.find(board, _order(asked))
    if record is None:
        st.query_params[state.JOB] = board.submit(_order(asked))
        return
    st.query_params[state.JOB] = record.id
    if record.can_go_on:
        ask(record.id, board.resume)


def _stop(id: str) -> None:
    """Called by a button: what was not begun is taken back."""
    board = resources.board()
    record = board.record(id)
    if record is not None and record.state == "queued" and not record.is_live:
        ask(id, board.cancel)
    else:
        ask(id, board.finish)


def _toolbar(asked: Asked, record: Record | None, found: Known) -> None:
    board = resources.board()
    with st.container(horizontal=True, vertical_alignment="center", key="sweep_toolbar", gap="small"):
        is_live = record is not None and record.state in ("queued", "running")
        if record is not None and is_live:
            st.button(
                "Stop", key="sweep_stop", on_click=_stop, args=(record.id,), disabled=record.is_finishing,
                help="Ends it and keeps what it has.",
            )  # fmt: skip
            st.button(
                "Pause", key="sweep_pause", on_click=ask, args=(record.id, board.pause), disabled=record.is_finishing,
                help="Lets others have the device; it goes on exactly where it was.",
            )  # fmt: skip
        else:
            is_old = record is not None and is_out_of_date(asked, record)
            if record is None or record.can_go_on or is_old:
                label = "Start" if record is None else linked.START_ANEW if is_old else "Go on"
                st.button(
                    label, key="sweep_start", type="primary", on_click=_start, args=(asked,),
                    disabled=bool(asked.problem),
                )  # fmt: skip
            else:
                st.html('<i class="mta-none"></i>')
            st.html('<i class="mta-none"></i>')  # takes the place of a button, which would stay for a while
        alive, role = ("mta-alive", "") if is_live else ("", 'role="status"')
        st.html(f'<div class="mta-status {alive}" {role}>{html.escape(status(asked, record, found))}</div>')
    share = 100 * record.done / record.total if record and record.total and is_live else 0.0
    role = f'role="progressbar" aria-label="Progress" aria-valuenow="{share:.0f}"' if is_live else ""
    st.html(f'<div class="mta-done {"mta-on" if is_live else ""}" {role}><i style="width:{share:.1f}%"></i></div>')


def status(asked: Asked, record: Record | None, found: Known) -> str:
    recipe = asked.recipe
    what = f"{counted(len(recipe.values), 'value')} on {counted(min(recipe.limit, len(asked.shelf)), 'picture')}"
    if record is None:
        return f"{what}: not measured yet"
    if record.is_finishing and record.state == "running":
        return "Stopping after this step …"
    if record.state == "queued":
        before = resources.board().place(record.id)
        return f"Waiting for its turn, {counted(before, 'job')} before it …" if before else "Getting ready …"
    if record.state == "running":
        left = f" · about {_duration(record.left)} left" if record.left else ""
        return f"{record.stage or 'Getting ready'}{left} …"
    done = f"{found.num_points} of {counted(len(recipe.values), 'value')} measured"
    if record.state in ("paused", "cancelled"):
        return f"{record.state.capitalize()}: {done}"
    return f"Stopped: {done}" if found.num_points < len(recipe.values) else what


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def _notes(asked: Asked, record: Record | None) -> None:
    answer(record)
    if asked.problem:
        st.error(plain(f"{asked.problem[:1].upper()}{asked.problem[1:]}."))
    if record is not None and record.state == "failed":
        st.error(plain(f"{record.note}."))
    elif record is not None and record.note == CUT_OFF:
        st.info(CUT_OFF)
    if record is not None and record.state != "cancelled" and is_out_of_date(asked, record):
        st.info(linked.OTHER_WEIGHTS)


def _key(t: Task) -> str:
    return f"sweep_measure_{t.name}"


def _choose(recipe: SweepRecipe, t: Task) -> Shown:
    """Chosen above the chart of its task."""
    offered = {shown.label: shown for shown in sweeps.shown_of(t, bool(recipe.target))}
    chosen = st.selectbox(t.label, list(offered), key=_key(t), **state.LINKED)
    state.note_drawn(_key(t))
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
    is_ready = bool(rows and found.made) and not is_live
    with st.container(horizontal=True, key="sweep_downloads", gap="small"):
        st.download_button(
            "Rows (JSON)", lambda: exports.rows_json(rows, dict(found.made or {})), "sweep.json", "application/json",
            key="get_sweep_json", on_click="ignore", disabled=not is_ready,
        )  # fmt: skip
        st.download_button(
            "Rows (CSV)", lambda: exports.rows_csv(rows), "sweep.csv", "text/csv", key="get_sweep_csv",
            on_click="ignore", disabled=not rows or is_live,
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
