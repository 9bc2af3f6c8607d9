"""The job board: everything that takes long, whoever asked for it, and what can be done about it."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import replace

import streamlit as st

from app import board_words, remembered, resources, trainings
from app.components import pulse
from app.components.asking import answer, ask
from app.components.hearing import hear
from app.state import choices
from app.words import plain
from mta_core.job_records import Record

INTRO = (
    "One job at a time has the device; browsers are served in turn, and attacks in Explore always go first. A job goes "
    "on when its tab is closed, and can be continued when the server was restarted."
)
EMPTY = (
    "No jobs yet. Trainings, sweeps and comparisons on a data set appear here as soon as somebody starts one, on the "
    "page of that name."
)
LOOK, REST = 1.0, 3.0
"""Seconds between two looks at the board, and while nothing is under way."""


def page() -> None:
    st.subheader("Jobs", anchor=False)
    st.caption(INTRO)
    st.fragment(board)(choices.side_bar())


def board(used: dict[str, object]) -> None:
    hear(used)
    records = [trainings.told(record) for record in resources.board().records()]
    undo()
    if damaged := resources.board().unreadable():
        st.warning(plain(board_words.damaged(damaged)))
    if not records:
        st.info(EMPTY)
    places = resources.board().places(records)
    for record in sorted(records, key=lambda record: _urgency(record, places)):
        card(record, places.get(record.id, 0))
    is_live = any(record.state in ("queued", "running") for record in records)
    pulse.beat("watch_jobs", LOOK if is_live else REST)


def _urgency(record: Record, places: Mapping[str, int]) -> tuple[int, int]:
    """What runs, then what waits in the order of its turns, then what is paused, then what has ended."""
    rank = 3 if record.is_ended else ["running", "queued", "paused"].index(record.state)
    return rank, places.get(record.id, 0)


def card(record: Record, before: int) -> None:
    """Args: `before`, how many jobs come before one that waits."""
    with st.container(border=True, key=f"job_{record.id}", gap="small"):
        st.html(_head(record, before))
        if record.note and record.state in ("failed", "paused"):
            (st.error if record.state == "failed" else st.info)(plain(record.note))
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            buttons(record)
        answer(record)
        happened = board_words.happened(record, resources.board().messages(record.id))
        if happened or record.order.command:
            with st.expander("What happened", key=f"more_{record.id}"):
                for line in happened:
                    st.caption(plain(line))
                if record.order.command:
                    st.caption("The same on the command line:")
                    st.code(record.order.command, language=None, wrap_lines=True)


def buttons(record: Record) -> None:
    of_board = resources.board()
    if record.state in ("queued", "running"):
        _button(record, "Pause", of_board.pause, "Lets others have the device; it goes on exactly where it was.")
    if record.can_go_on:
        means = trainings.going_on(record) if record.order.kind == trainings.KIND else "From what it has saved."
        _button(record, "Go on", of_board.resume, means, is_first=True)
    if record.can_finish:
        _button(record, "Finish now", of_board.finish, "Comes to its end with what it has.")
    if not record.is_ended:
        _button(record, "Cancel", of_board.cancel, "Ends it at once; what it has saved stays.")
    if record.state != "running":
        _button(record, "Delete", delete, "Takes it off the board; what it made stays.")
    if address := board_words.link(record):
        st.html(f'<a class="mta-link" href="{html.escape(address)}" target="_self">Open</a>')


def _button(record: Record, label: str, do: Callable[[str], None], explained: str, is_first: bool = False) -> None:
    key = f"{label.split()[0].lower()}_{record.id}"
    st.button(
        label, key=key, on_click=ask, args=(record.id, do), help=explained, type="primary" if is_first else "secondary"
    )


def delete(id: str) -> None:
    """Called by a button."""
    record = resources.board().record(id)
    resources.board().delete(id)
    if record is not None:
        remembered.note_deleted_job(id, record.order.title)


def undo() -> None:
    """Offers to bring back what was deleted last."""
    deleted = remembered.deleted_job()
    if deleted is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="undo"):
        st.html(f'<div class="mta-status" role="status">Deleted: {html.escape(deleted[1])}</div>')
        st.button("Undo", key="undo_delete", on_click=bring_back)


def bring_back() -> None:
    """Called by a button."""
    deleted = remembered.deleted_job()
    if deleted is not None:
        resources.board().restore(deleted[0])
    remembered.forget_deleted_job()


def _head(record: Record, before: int) -> str:
    """Title, state, how far it is."""
    done = 100 * board_words.share(record)
    kind = board_words.KINDS.get(record.order.kind, record.order.kind)
    is_said = record.stage == kind.lower()
    words = html.escape(board_words.standing(replace(record, stage="") if is_said else record, before))
    bar = ""
    if not (record.is_ended or record.is_finishing):
        role = f'role="progressbar" aria-label="Progress" aria-valuenow="{done:.0f}"'
        bar = f'<div class="mta-done mta-on" {role}><i style="width:{done:.1f}%"></i></div>'
    return (
        f'<div class="mta-job"><h3>{html.escape(record.order.title)}</h3>'
        f'<p><span class="mta-state mta-{record.state}">{html.escape(board_words.state(record))}</span> '
        f"{html.escape(kind)}{' · ' + words if words else ''}</p>{bar}"
        f'<p class="mta-note">{html.escape(board_words.place(record))}</p></div>'
    )


page()
