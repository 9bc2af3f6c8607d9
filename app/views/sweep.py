"""How an attack's cost changes with one thing: choose, measure, show."""

from __future__ import annotations

import streamlit as st

from app import sweeps
from app.components import chrome, linked, sweep_form, sweep_result
from app.components.hearing import check
from app.state import choices, pages

INTRO = (
    "An attack measured again and again while one thing varies: how large it may be, how many steps it takes, or how "
    "much one task counts. It goes on while another page is shown, or none."
)


def page() -> None:
    if not chrome.has_victims():
        return
    linked.restore(sweeps.KIND)
    with st.sidebar:
        asked = sweep_form.choose()
        used = choices.side_bar()
        st.fragment(check)(used, pages.count_redraws())
    st.subheader("Sweep", anchor=False)
    st.caption(INTRO)
    if asked is not None:
        st.fragment(sweep_result.draw)(asked, used)
        if command := sweeps.command_of(asked.recipe, asked.shelf):
            with st.expander("The same on the command line"):
                st.code(command, language=None, wrap_lines=True)


page()
