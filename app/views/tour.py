"""Six prepared scenes for an audience: nothing is computed, so that nothing can fail."""

from __future__ import annotations

import streamlit as st

from app.components import tour as view
from app.words import plain
from mta_core import tour

NONE = "There is no tour here yet: `python -m mta_core tour` draws it."


def page() -> None:
    try:
        scenes, files = tour.read()
    except ValueError as error:
        st.error(plain(str(error)))
        return
    if scenes:
        view.draw(scenes, files)
    else:
        st.info(NONE)


page()
