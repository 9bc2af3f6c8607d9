"""Which page is drawn, which parts of it with which choices, and what it is left for."""

from __future__ import annotations

import time
from collections.abc import Mapping

import streamlit as st

from app import resources
from app.state import choices, heard, keys, session

_PAGE, _LEAVING, _REDRAWS, _DRAWN = "_page", "_leaving", "_redraws", "_drawn"


def page() -> object:
    """The page that is drawn."""
    return st.session_state.get(_PAGE)


def turn_to(page: str) -> bool:
    """Called before a page is drawn: the controls say what a click on the one before asked for.

    Returns:
        whether there was another one before, at whose work nobody looks any more.
    """
    resources.connection().hold(session.held())
    is_other = bool(st.session_state.get(_PAGE, page) != page)
    if is_other:
        choices.take_along()
        session.leave_seat()
        asked = st.session_state.pop(_LEAVING, None)
        if asked and asked[0] == page:
            for key, value in asked[2].items():
                st.session_state[keys.PICKED.get(key, key)] = value
    st.session_state[_PAGE] = page
    return is_other


def leave_for(page: str, answers: Mapping[str, object]) -> None:
    """Remembers what the controls of another page are to say, by their keys, until it is drawn: those of the page that
    is left may have the same ones."""
    st.session_state[_LEAVING] = (page, time.monotonic(), dict(answers))


def leaving() -> tuple[str, float, Mapping[str, object]] | None:
    """For which page this one is left, since when, and with which answers; None where it is not."""
    return st.session_state.get(_LEAVING)


def is_first_draw() -> bool:
    """Whether no page has been drawn in this session yet, so that a link alone says what is asked for."""
    return _REDRAWS not in st.session_state


def count_redraws() -> int:
    """How often the whole page was drawn in this session; called when it is drawn anew, before its parts are."""
    st.session_state[_DRAWN] = {}
    heard.forget_moved()
    st.session_state[_REDRAWS] = st.session_state.get(_REDRAWS, 0) + 1
    return int(st.session_state[_REDRAWS])


def note_drawn(key: str) -> None:
    """Remembers with which choice the part of the page that has it (`WHOSE`, say) was drawn."""
    st.session_state.setdefault(_DRAWN, {})[key] = st.session_state.get(key)


def note_study() -> None:
    """The same of the parts of the page Vulnerability that do not look again by themselves."""
    note_study_map()
    note_drawn(keys.STUDY_MAIN)


def note_study_map() -> None:
    """The same of the map of the study, with the cell whose pictures are below it."""
    cell = keys.PICKED[keys.STUDY_CELL]
    for key in (keys.STUDY_BLOCK, keys.STUDY_WHOSE, keys.STUDY_TABLE, keys.STUDY_ATTACK, cell):
        note_drawn(key)


def are_parts_current(*but: str) -> bool:
    """Whether the parts drawn so far, `but` for those named, show what the browser last told."""
    drawn = st.session_state.get(_DRAWN, {})
    return all(st.session_state.get(key) == value for key, value in drawn.items() if key not in but)
