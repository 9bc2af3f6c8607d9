"""What there is: victims, generators and data sets with their cards; others are brought in here and taken away."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from app import cards, remembered
from app.components import leave, library_data, library_weights
from app.state import keys
from app.words import plain
from mta_core.tasks import TASKS

STYLE = Path(__file__).parent.parent / "components" / "library.css"
VICTIMS, GENERATORS, DATA = "Victims", "Generators", "Data"
SHELVES = {VICTIMS: "victim", GENERATORS: "generator"}


def page() -> None:
    leave.go()
    st.html(STYLE)
    with st.sidebar:
        shelf, text, labels, places = choose()
    if told := remembered.told():
        (st.error if told.is_error else st.success)(plain(told.words))
    if shelf == DATA:
        library_data.draw(text, labels)
    else:
        library_weights.draw(SHELVES[shelf], text, labels, places)


def choose() -> tuple[str, str, list[str], list[str]]:
    """What is shown, and what is searched for."""
    shelves = [VICTIMS, GENERATORS, DATA]
    for_shelf, for_text, for_tasks, for_places = keys.LIBRARY
    shelf = st.segmented_control(
        "Show", shelves, default=VICTIMS, required=True, key=for_shelf, width="stretch", **keys.LINKED
    )
    text = st.text_input(
        "Search", key=for_text, placeholder="words of a card", help="Every word must be somewhere in the card: its "
        "name, tasks, architecture, data, terms, digest or path.", **keys.LINKED,
    )  # fmt: skip
    labels = list(dict.fromkeys(t.label for t in TASKS))
    tasks = st.multiselect("Task", labels, key=for_tasks, placeholder="any", **keys.LINKED)
    if shelf == DATA:
        return DATA, text, tasks, []
    known = {entry.place for entry in cards.entries(SHELVES[shelf])}
    places = [place for place in cards.PLACES if place in known]
    where = st.multiselect(
        "Where", places, key=for_places, placeholder="anywhere",
        help="Shipped with the program, trained here (own runs), imported, or a model of the operator's own.",
        **keys.LINKED,
    )  # fmt: skip
    return shelf, text, tasks, where


page()
