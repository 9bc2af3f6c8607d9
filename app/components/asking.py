"""What is asked of the job board by a button, and what it says to that where it cannot be done."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import remembered, resources
from app.words import plain
from mta_core.job_records import Record
from mta_core.weights import brief


def ask(id: str, do: Callable[[str], object]) -> None:
    """Called by a button of a job."""
    remembered.forget_refusal()
    try:
        do(id)
    except (ValueError, OSError) as error:
        remembered.note_refusal(_standing(resources.board().record(id)), brief(error))


def answer(record: Record | None) -> None:
    """Says why what was asked last was not done, if that was asked of this job and it still stands as it did."""
    if record is not None and (text := remembered.refusal(_standing(record))):
        st.error(plain(f"{text[:1].upper()}{text[1:]}."))


def _standing(record: Record | None) -> str:
    return f"{record.id} {record.state}" if record else ""
