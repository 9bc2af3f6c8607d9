"""Trainings that are watched: choose, start, look on while it learns."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import cast

import streamlit as st

from app import board_words, remembered, resources, trainings
from app.components import controls, downloads, leave, livechart, pictures, pulse, stage, training_form
from app.components.asking import answer, ask
from app.components.grid import grid
from app.library import Picture
from app.request import Request
from app.state import choices, keys, session
from app.training_charts import HEIGHT, held_out, losses
from app.words import plain, sentence
from mta_core.attacks import JOINT, Scope, make_attack
from mta_core.budget import Budget
from mta_core.events import Event, Progress
from mta_core.job_records import Record
from mta_core.tasks import Task, task
from mta_core.train_generator import GeneratorRecipe

INTRO = (
    "Train a generator that fools a victim, or a victim, and look on while it learns. It goes on when this page is "
    "closed; what it makes appears in every menu."
)
LOOK, REST = 1.0, 3.0
JOB = "job"
"""The query parameter that names the training on the page."""


def page() -> None:
    id = st.query_params.get(JOB, "")
    record = resources.board().record(id) if id else None
    if record is not None and record.order.kind != trainings.KIND:
        record = None
    with st.sidebar:
        picture = pictures.choose()
        asked = training_form.choose() if record is None else None
    st.subheader("Train", anchor=False)
    if picture is not None and picture.is_missing:
        pictures.ask()
        picture = None
    if record is None:
        if id:
            st.info("There is no such training any more.")
        st.markdown(INTRO)
        begin(asked)
        others()
        return
    st.fragment(watch)(record.id, picture, choices.answers(*keys.TRAIN))


def begin(asked: training_form.Asked | None) -> None:
    """What would be trained, and the button."""
    if asked is None:
        st.info("There is no victim to fool yet: train one first.")
        return
    try:
        order, _ = trainings.order_of(
            asked.what, asked.settings, asked.minutes, asked.patience, session.owner(), resources.board().records()
        )  # fmt: skip
    except ValueError as error:
        st.error(plain(sentence(str(error))))
        st.button("Start", key="train_start", type="primary", disabled=True)
        return
    if told := remembered.told():
        st.error(plain(told.words))
    st.button("Start", key="train_start", type="primary", on_click=start, args=(asked,))
    st.markdown(plain(asked.said))
    with st.expander("The same on the command line", key="train_command"):
        st.code(order.command, language=None, wrap_lines=True)


def start(asked: training_form.Asked) -> None:
    """Called by a button."""
    try:
        st.query_params[JOB] = resources.trainings().start(
            resources.board(), asked.what, asked.settings, asked.minutes, asked.patience, session.owner()
        )  # fmt: skip
    except ValueError as error:  # somebody else took the name meanwhile
        remembered.tell(sentence(str(error)), is_error=True)


def others() -> None:
    """Trainings on the board, to be looked at."""
    found = [record for record in resources.board().records() if record.order.kind == trainings.KIND]
    if found:
        st.markdown("**Trainings on this server**")
    for record in found[:8]:
        words = f"{board_words.state(record)} · {board_words.standing(trainings.told(record))}"
        st.html(
            f'<p class="mta-line"><a class="mta-link" href="{html.escape(board_words.link(record))}" target="_self">'
            f"{html.escape(record.order.title)}</a> {html.escape(words)}</p>"
        )


def watch(id: str, picture: Picture | None, used: Mapping[str, object]) -> None:
    """Everything there is to see of a training; looks again by itself."""
    if choices.answers(*keys.TRAIN) != used or st.query_params.get(JOB) != id:
        st.rerun()
    record = resources.board().record(id)
    if record is None:
        st.info("This training was deleted.")
        return
    events = resources.board().events(id)
    toolbar(record)
    if record.note and record.state in ("failed", "paused"):
        (st.error if record.state == "failed" else st.info)(plain(record.note))
    try:
        recipe = trainings.recipe_of(record.order)
    except ValueError as error:
        st.error(plain(f"{error}."))
        return
    if isinstance(recipe, GeneratorRecipe):
        tasks, is_fooling = list(trainings.taught(recipe.victim, recipe.tasks)), True
    else:
        tasks, is_fooling = [task(name) for name, _ in recipe.weights], False
    finished(record, recipe, picture)
    numbers(events, is_fooling)
    charts(events, tasks, is_fooling)
    taken_away(record, events)
    shown(record, picture)
    pulse.beat("watch_training", LOOK if record.state in ("queued", "running") else REST)


def toolbar(record: Record) -> None:
    """Where it stands, and what can be done about it."""
    board = resources.board()
    before = board.place(record.id) if record.state == "queued" else 0
    words = board_words.standing(trainings.told(record), before)
    st.html(
        f'<div class="mta-job"><h3>{html.escape(record.order.title)}</h3><p><span class="mta-state '
        f'mta-{record.state}">{html.escape(board_words.state(record))}</span> <span class="mta-standing">'
        f"{html.escape(words)}</span></p>{_bar(record)}</div>"
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="train_toolbar"):
        if record.state in ("queued", "running"):
            st.button("Pause", key="train_pause", on_click=ask, args=(record.id, board.pause))
        if record.can_go_on:
            st.button("Go on", key="train_go", type="primary", on_click=ask, args=(record.id, board.resume),
                      help=trainings.going_on(record))  # fmt: skip
        if record.can_finish:
            st.button("Finish now", key="train_finish", on_click=ask, args=(record.id, board.finish),
                      help="Ends after this step, measures and saves what it has learnt.")  # fmt: skip
        if not record.is_ended:
            st.button("Cancel", key="train_cancel", on_click=ask, args=(record.id, board.cancel),
                      help="Ends it at once; its last checkpoint stays.")  # fmt: skip
        if record.is_ended:
            st.button("New training", key="train_new", on_click=anew)
    answer(record)


def _bar(record: Record) -> str:
    """How far it is; without a mark where nothing more is to come of it."""
    if record.is_ended or record.is_finishing:
        return '<div class="mta-done"></div>'
    done = 100 * trainings.share(record)
    role = f'role="progressbar" aria-label="Progress" aria-valuenow="{done:.0f}"'
    return f'<div class="mta-done mta-on" {role}><i style="width:{done:.1f}%"></i></div>'


def anew() -> None:
    """Called by a button."""
    st.query_params.pop(JOB, None)


def numbers(events: list[Event], is_fooling: bool) -> None:
    """What it is doing, at what speed."""
    latest = next((event for event in reversed(events) if isinstance(event, Progress)), None)
    values: Mapping[str, float] = latest.values if latest else {}
    written = {
        "Loss" if not is_fooling else "Weighted loss": _written(values.get("loss"), "{:.3f}"),
        "Learning rate": _written(values.get("learning rate"), "{:.1e}"),
        "Pictures a second": _written(values.get("pictures per second"), "{:.1f}"),
        "Memory": _written(values.get("MB"), "{:,.0f} MB"),
    }
    cells = "".join(f"<div><span>{name}</span><b>{value}</b></div>" for name, value in written.items())
    st.html(f'<div class="mta-numbers">{cells}</div>')


def _written(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def charts(events: list[Event], tasks: list[Task], is_fooling: bool) -> None:
    steps, rows = trainings.steps_of(events), trainings.rows_of(events)
    figure = losses(steps, tasks, is_fooling=is_fooling)
    last = f", {steps[-1].values.get('loss', 0):.2f} at step {steps[-1].done}" if steps else ""
    livechart.draw("train_losses", figure, f"{figure.layout.meta['title']}{last}", HEIGHT)
    if not rows:
        st.caption("Measures on held-out pictures come after the first epoch.")
        return
    st.caption("On held-out pictures, after every epoch")
    for column, t in zip(grid([1] * len(tasks), gap="medium"), tasks, strict=True):
        with column:
            figure = held_out(rows, t, trainings.names_of(rows, t, is_fooling=is_fooling))
            alt = f"{figure.layout.meta['title']}, {len(rows)} times on held-out pictures"
            livechart.draw(f"train_{t.name}", figure, alt, HEIGHT)


def taken_away(record: Record, events: list[Event]) -> None:
    """What the charts show, to be taken away."""
    is_live = record.state in ("queued", "running")
    st.caption("What the charts show:")
    downloads.records(
        "training", lambda: trainings.told_rows(events), lambda: trainings.provenance(record.order), "train_downloads",
        has_rows=bool(events) and not is_live,
    )  # fmt: skip


def shown(record: Record, picture: Picture | None) -> None:
    """The picture in the eyes of the training, as it is now, or was at its end for who looked on until then."""
    if picture is None:
        return
    seat = session.seat(record.id, picture)
    if not record.is_ended:
        resources.trainings().look(seat)
    frame = seat.frame
    if frame is None:
        if record.state in ("queued", "running"):
            st.caption("The picture in its eyes comes with its next steps.")
        elif record.state == "paused":
            st.caption("The picture in its eyes comes when it goes on.")
        return
    names = {("All tasks" if name == JOINT else task(name).label): name for name in frame.perturbations}
    chosen = next(iter(names.values()), "")
    if len(names) > 1:
        label = st.segmented_control(
            "Perturbation of", list(names), default=next(iter(names)), required=True, key=keys.TRAIN_SHOWN,
            label_visibility="collapsed",
        )  # fmt: skip
        chosen = names.get(label or "", chosen)
    st.caption(f"After step {frame.step}")
    stage.draw(lambda wanted: frame.message(wanted.files, wanted.values, chosen))


def finished(record: Record, recipe: trainings.Recipe, picture: Picture | None) -> None:
    """Where to find what it made."""
    if record.state != "done":
        return
    if isinstance(recipe, GeneratorRecipe):
        st.success(plain(f"{recipe.name} is finished."))
        st.html(
            f'<p class="mta-line"><a class="mta-link" href="{html.escape(_explore(recipe, picture))}" target="_self" '
            "data-mta-leaves>Try it in Explore</a></p>"
        )
    else:
        st.success(plain(f"{recipe.name} is finished: find it in every menu of victims."))
    with st.expander("Its card", key="train_card"):
        st.json(trainings.card_of(recipe.name))


def _explore(recipe: GeneratorRecipe, picture: Picture | None) -> str:
    """The address of Explore with a trained generator chosen, as strong as it was trained for, on this picture."""
    if picture is None:
        return leave.explore_link({})
    attack = make_attack(recipe.method, instance=recipe.instance, generator=recipe.name)
    budget = Budget.from_units(recipe.norm, recipe.epsilon)
    tasks, scope = tuple(map(task, recipe.tasks)), cast(Scope, recipe.scope)
    request = Request(picture, recipe.victim, tasks, attack, scope, budget, target=recipe.target)
    return leave.explore_link({**pictures.place(), **controls.answers(request)})


page()
