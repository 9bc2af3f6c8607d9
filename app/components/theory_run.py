"""A measurement of vulnerability, asked for here and followed while it is made."""

from __future__ import annotations

import html

import streamlit as st

from app import exports, orders, resources, state, theory_job
from app.board_words import duration
from app.components import linked, pulse, theory_form, theory_result
from app.components.asking import answer, ask
from app.components.theory_form import Chosen
from app.theory_job import Known
from app.theory_words import OWN
from app.words import plain, sentence
from mta_core import victims
from mta_core.job_records import CUT_OFF, Order, Record
from mta_core.wording import counted

LIVE, WAITING = 0.7, 2.0
"""Seconds between two looks at what is measured, and at what waits."""


def draw() -> None:
    """The form, the buttons, and the figures as they fill in; looks again by itself while more is being measured."""
    chosen = theory_form.choose()
    if chosen is None:
        return
    record = find(chosen)
    is_live = record is not None and record.state in ("queued", "running")  # asked first: what ends is drawn next time
    found = theory_job.known(resources.board().folder_of(record.id)) if record else Known()
    _toolbar(chosen, record, found)
    _notes(chosen, record)
    if record is not None:
        theory_result.draw(found.rows)
        _downloads(found, is_live)
    with st.expander("This on the command line"):
        st.code(theory_job.command_of(chosen.asked, chosen.shelf), language="bash", wrap_lines=True)
    pulse.beat("watch_theory", LIVE if is_live else WAITING if record and record.state == "paused" else None)


def find(chosen: Chosen) -> Record | None:
    """The job of it, whoever asked for it; the link names it, and means that one also where other weights are at hand
    by now."""
    named = linked.named(theory_job.KIND)
    if named is not None and theory_job.is_of(named.order, chosen.asked):
        return named
    record = orders.find(resources.board(), _order(chosen))
    if record is not None and st.query_params.get(state.JOB) != record.id:
        st.query_params[state.JOB] = record.id
    elif record is None:
        linked.forget()
    return record


def _order(chosen: Chosen) -> Order:
    digests, query = victims.digests(chosen.card), linked.query(*state.THEORY) | {state.THEORY_OF: [OWN]}
    return theory_job.order_of(chosen.asked, digests, chosen.shelf, state.owner(), query)


def is_out_of_date(chosen: Chosen, record: Record) -> bool:
    """Whether it was measured with weights that are others now, or was cancelled: it is shown, and never goes on."""
    return record.state == "cancelled" or record.order.settings != _order(chosen).settings


def _start(chosen: Chosen) -> None:
    """Called by a button."""
    board = resources.board()
    record = find(chosen)
    if record is not None and is_out_of_date(chosen, record):
        record = orders.find(board, _order(chosen))
    if record is None:
        st.query_params[state.JOB] = board.submit(_order(chosen))
        return
    st.query_params[state.JOB] = record.id
    if record.can_go_on:
        ask(record.id, board.resume)


def _toolbar(chosen: Chosen, record: Record | None, found: Known) -> None:
    board = resources.board()
    is_live = record is not None and record.state in ("queued", "running")
    with st.container(horizontal=True, vertical_alignment="center", key="theory_toolbar", gap="small"):
        if record is not None and is_live:
            is_waiting = record.state == "queued" and not record.is_live
            st.button(
                "Stop", key="theory_stop", on_click=ask, args=(record.id, board.cancel if is_waiting else board.finish),
                disabled=record.is_finishing, help="Ends it and keeps the pictures that are in.",
            )  # fmt: skip
            st.button(
                "Pause", key="theory_pause", on_click=ask, args=(record.id, board.pause), disabled=record.is_finishing,
                help="Lets others have the device; it goes on exactly where it was.",
            )  # fmt: skip
            st.button(
                "Cancel", key="theory_cancel", on_click=ask, args=(record.id, board.cancel),
                help="Ends it; nothing of it goes among the results.",
            )  # fmt: skip
        else:
            is_old = record is not None and is_out_of_date(chosen, record)
            if record is None or record.can_go_on or is_old:
                label = "Start" if record is None else linked.START_ANEW if is_old else "Go on"
                st.button(label, key="theory_start", type="primary", on_click=_start, args=(chosen,))
            else:
                st.html('<i class="mta-none"></i>')
            for _ in range(2):  # take the places of buttons, which would stay for a while
                st.html('<i class="mta-none"></i>')
        alive, role = ("mta-alive", "") if is_live else ("", 'role="status"')
        st.html(f'<div class="mta-status {alive}" {role}>{html.escape(status(chosen, record, found))}</div>')
    share = 100 * record.done / record.total if record and record.total and is_live else 0.0
    role = f'role="progressbar" aria-label="Progress" aria-valuenow="{share:.0f}"' if is_live else ""
    st.html(f'<div class="mta-done {"mta-on" if is_live else ""}" {role}><i style="width:{share:.1f}%"></i></div>')


def status(chosen: Chosen, record: Record | None, found: Known) -> str:
    total = min(chosen.asked.count, len(chosen.shelf))
    what = f"{counted(len(chosen.asked.tasks), 'task')} on {counted(total, 'picture')}"
    if record is None:
        return f"{what}: not measured yet"
    if record.is_finishing and record.state == "running":
        return "Stopping after this step …"
    if record.state == "queued":
        before = resources.board().place(record.id)
        return f"Waiting for its turn, {counted(before, 'job')} before it …" if before else "Getting ready …"
    if record.state == "running":
        left = f" · about {duration(record.left)} left" if record.left else ""
        return f"{record.stage[:1].upper()}{record.stage[1:] or 'Getting ready'}{left} …"
    done = f"{found.num_pictures} of {counted(total, 'picture')} measured"
    if record.state in ("paused", "cancelled"):
        return f"{record.state.capitalize()}: {done}"
    return f"Stopped: {done}" if record.is_finishing else what


def _notes(chosen: Chosen, record: Record | None) -> None:
    answer(record)
    if record is None:
        st.caption("It goes on while another page is shown, or none; its link is this page's.")
        return
    if record.state == "failed":
        st.error(plain(sentence(record.note.removesuffix("."))))
    elif record.note == CUT_OFF:
        st.info(CUT_OFF)
    if record.state != "cancelled" and is_out_of_date(chosen, record):
        st.info(linked.OTHER_WEIGHTS)


def _downloads(found: Known, is_live: bool) -> None:
    rows = theory_job.final_rows(found)
    with st.container(horizontal=True, key="theory_downloads", gap="small"):
        st.download_button(
            "Rows (JSON)", lambda: exports.rows_json(rows, dict(found.made)), "vulnerability.json", "application/json",
            key="get_theory_json", on_click="ignore", disabled=is_live or not found.made,
        )  # fmt: skip
        st.download_button(
            "Rows (CSV)", lambda: exports.rows_csv(rows), "vulnerability.csv", "text/csv", key="get_theory_csv",
            on_click="ignore", disabled=is_live or not rows,
        )  # fmt: skip
