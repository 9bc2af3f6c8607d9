"""A measurement of vulnerability, asked for here and followed while it is made."""

from __future__ import annotations

import streamlit as st

from app import resources, theory_job
from app.components import downloads, linked, measuring, theory_form, theory_result
from app.components.measuring import Measurement
from app.components.theory_form import Chosen
from app.state import keys, session
from app.theory_job import Known
from app.theory_words import OWN
from mta_core import victims
from mta_core.wording import counted


def draw() -> None:
    """The form, the buttons, and the figures as they fill in; looks again by itself while more is being measured."""
    chosen = theory_form.choose()
    if chosen is None:
        return
    wanted = _wanted(chosen)
    record = measuring.find(wanted)
    is_live = measuring.is_live(record)
    found = theory_job.known(resources.board().folder_of(record.id)) if record else Known()
    measuring.toolbar(wanted, record, found.num_pictures)
    if record is None:
        st.caption("It goes on while another page is shown, or none; its link is this page's.")
    else:
        theory_result.draw(found.rows)
        downloads.rows(
            "vulnerability", lambda: theory_job.final_rows(found), lambda: found.made, "theory_downloads",
            has_rows=bool(found.rows) and not is_live, has_provenance=bool(found.made),
        )  # fmt: skip
    with st.expander("This on the command line"):
        st.code(theory_job.command_of(chosen.asked, chosen.shelf), language=None, wrap_lines=True)
    measuring.beat(wanted, record)


def _wanted(chosen: Chosen) -> Measurement:
    asked, shelf = chosen.asked, chosen.shelf
    digests, query = victims.digests(chosen.card), linked.query(*keys.THEORY) | {keys.THEORY_OF: [OWN]}
    order = theory_job.order_of(asked, digests, shelf, session.owner(), query)
    what = f"{counted(len(asked.tasks), 'task')} on {counted(asked.count, 'picture')}"
    return Measurement("theory", order, lambda it: theory_job.is_of(it, asked), what, asked.count, "picture")
