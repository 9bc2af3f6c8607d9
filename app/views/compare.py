"""Attacks beside each other: choose, run, show."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import comparison_job, works
from app.components import chrome, contest, duel, linked, pictures, ranking
from app.components.contest import Contest, Pair
from app.components.hearing import check
from app.state import choices, pages


def page() -> None:
    if not chrome.has_victims():
        return
    linked.restore(comparison_job.KIND)
    with st.sidebar:
        asked = contest.choose()
        used = choices.side_bar()
        st.fragment(check)(used, pages.count_redraws())
    if asked is None or asked.is_missing:
        pictures.ask()
        return
    show(asked, used)


def show(asked: Contest | Pair, used: Mapping[str, object]) -> None:
    """Both follow what is computed by themselves. What is out of sight is dropped, but for work on a data set."""
    if isinstance(asked, Pair):
        works.drop(ranking.PICTURE_PLACE)
        st.fragment(duel.draw)(asked, used)
    else:
        for place in (*duel.PLACES, *([ranking.PICTURE_PLACE] if asked.is_data else [])):
            works.drop(place)
        st.fragment(ranking.draw)(asked, used)


page()
