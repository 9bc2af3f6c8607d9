"""A measurement that a page asks for: its job on the board, found again, started, stopped and followed."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from app import orders, resources
from app.board_words import duration
from app.components import linked, pulse
from app.components.asking import answer, ask
from app.state import keys
from app.words import plain, sentence
from mta_core.job_records import CUT_OFF, Order, Record
from mta_core.wording import counted

LIVE, WAITING = 0.7, 2.0
"""Seconds between two looks at what is measured, and at what waits."""


@dataclass(frozen=True)
class Measurement:
    """What the controls of a page ask for.

    Attributes:
        name: what the keys of its buttons begin with.
        order: what starts it, with the weights that are at hand now.
        is_of: whether an order is that of these choices, with whatever weights.
        what: is measured, for people.
        total, unit: of the parts that its result is made of: 3, "value".
        problem: why it cannot be started; empty where it can.
    """

    name: str
    order: Order
    is_of: Callable[[Order], bool]
    what: str
    total: int
    unit: str
    problem: str = ""

    def is_out_of_date(self, record: Record) -> bool:
        """Whether it was measured with weights that are others now, or was cancelled: it is shown, and never goes
        on."""
        return record.state == "cancelled" or record.order.settings != self.order.settings


def is_live(record: Record | None) -> bool:
    """Whether more of it comes by itself. Asked before its result is read: what ends is drawn next time."""
    return record is not None and record.state in ("queued", "running")


def find(asked: Measurement) -> Record | None:
    """The job of it, whoever asked for it; the link names it, and means that one also where other weights are at hand
    by now."""
    named = linked.named(asked.order.kind)
    if named is not None and asked.is_of(named.order):
        return named
    record = orders.find(resources.board(), asked.order)
    if record is not None and st.query_params.get(keys.JOB) != record.id:
        st.query_params[keys.JOB] = record.id
    elif record is None:
        linked.forget()
    return record


def _start(asked: Measurement) -> None:
    """Called by a button."""
    board = resources.board()
    record = find(asked)
    if record is not None and asked.is_out_of_date(record):
        record = orders.find(board, asked.order)
    if record is None:
        st.query_params[keys.JOB] = board.submit(asked.order)
        return
    st.query_params[keys.JOB] = record.id
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


def toolbar(asked: Measurement, record: Record | None, num_done: int) -> None:
    """Its buttons, where it stands, and what is to be said of that.

    Args:
        num_done: parts of the result that are in.
    """
    key, live = asked.name, is_live(record)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_toolbar", gap="small"):
        if record is not None and live:
            _stopping(key, record)
        else:
            _starting(asked, record)
        alive, role = ("mta-alive", "") if live else ("", 'role="status"')
        st.html(f'<div class="mta-status {alive}" {role}>{html.escape(status(asked, record, num_done))}</div>')
    share = 100 * record.done / record.total if record and record.total and live else 0.0
    role = f'role="progressbar" aria-label="Progress" aria-valuenow="{share:.0f}"' if live else ""
    st.html(f'<div class="mta-done {"mta-on" if live else ""}" {role}><i style="width:{share:.1f}%"></i></div>')
    _notes(asked, record)


def _stopping(key: str, record: Record) -> None:
    board = resources.board()
    st.button(
        "Stop", key=f"{key}_stop", on_click=_stop, args=(record.id,), disabled=record.is_finishing,
        help="Ends it and keeps what it has.",
    )  # fmt: skip
    st.button(
        "Pause", key=f"{key}_pause", on_click=ask, args=(record.id, board.pause), disabled=record.is_finishing,
        help="Lets others have the device; it goes on exactly where it was.",
    )  # fmt: skip
    st.button(
        "Cancel", key=f"{key}_cancel", on_click=ask, args=(record.id, board.cancel),
        help="Ends it; nothing of it goes among the results.",
    )  # fmt: skip


def _starting(asked: Measurement, record: Record | None) -> None:
    is_old = record is not None and asked.is_out_of_date(record)
    if record is None or record.can_go_on or is_old:
        label = "Start" if record is None else linked.START_ANEW if is_old else "Go on"
        st.button(
            label, key=f"{asked.name}_start", type="primary", on_click=_start, args=(asked,),
            disabled=bool(asked.problem),
        )  # fmt: skip
    else:
        st.html('<i class="mta-none"></i>')
    for _ in range(2):  # take the places of buttons, which would stay for a while
        st.html('<i class="mta-none"></i>')


def status(asked: Measurement, record: Record | None, num_done: int) -> str:
    """Where it stands, for people."""
    if record is None:
        return f"{asked.what}: not measured yet"
    if record.is_finishing and record.state == "running":
        return "Stopping after this step …"
    if record.state == "queued":
        before = resources.board().place(record.id)
        return f"Waiting for its turn, {counted(before, 'job')} before it …" if before else "Getting ready …"
    if record.state == "running":
        left = f" · about {duration(record.left)} left" if record.left else ""
        return f"{record.stage[:1].upper()}{record.stage[1:] or 'Getting ready'}{left} …"
    done = f"{num_done} of {counted(asked.total, asked.unit)} measured"
    if record.state in ("paused", "cancelled"):
        return f"{record.state.capitalize()}: {done}"
    is_short = record.state == "failed" or (record.is_finishing and num_done < asked.total)
    return f"Stopped: {done}" if is_short else asked.what


def _notes(asked: Measurement, record: Record | None) -> None:
    answer(record)
    if asked.problem:
        st.error(plain(sentence(asked.problem)))
    if record is None:
        return
    if record.state == "failed":
        st.error(plain(sentence(record.note)))
    elif record.note == CUT_OFF:
        st.info(CUT_OFF)
    if record.state != "cancelled" and asked.is_out_of_date(record):
        st.info(linked.OTHER_WEIGHTS)


def beat(asked: Measurement, record: Record | None) -> None:
    """Looks again by itself while more is being measured; called last."""
    is_waiting = record is not None and record.state == "paused"
    pulse.beat(f"watch_{asked.name}", LIVE if is_live(record) else WAITING if is_waiting else None)
