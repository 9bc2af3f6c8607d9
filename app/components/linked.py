"""The job that the page's link names."""

from __future__ import annotations

import streamlit as st

from app import resources
from app.state import keys, pages, permalink
from mta_core.job_records import Record

START_ANEW = "Start anew"
OTHER_WEIGHTS = "Other weights are at hand now than those that this was measured with."


def named(kind: str) -> Record | None:
    """None where the link names none of this kind."""
    record = resources.board().record(st.query_params.get(keys.JOB, ""))
    return record if record is not None and record.order.kind == kind else None


def forget() -> None:
    """What is chosen now is not what the job is of."""
    if keys.JOB in st.query_params:
        del st.query_params[keys.JOB]


def restore(kind: str) -> None:
    """A link that names a job means its choices too, also where other ones would be the first by now. Called before the
    page is drawn."""
    record = named(kind) if pages.is_first_draw() else None
    if record is None:
        return
    before = permalink.query()
    query = {key: permalink.texts(value) for key, value in record.order.query.items() if value}
    if before | query != before:
        st.query_params.from_dict(before | query)
        st.rerun()


def query(*widgets: str) -> dict[str, list[str]]:
    """The query parameters that an order keeps: those of the page, and what these controls say also where that is their
    first choice."""
    return {key: value for key, value in permalink.query().items() if key != keys.JOB} | permalink.explicit(*widgets)
