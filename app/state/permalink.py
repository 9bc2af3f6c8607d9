"""What the link to a page says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.state import keys


def query() -> dict[str, list[str]]:
    """The query parameters of the page as it is now."""
    return {key: st.query_params.get_all(key) for key in st.query_params}


def texts(value: Any) -> list[str]:
    """What a widget's value is as a query parameter."""
    values = value if isinstance(value, list | tuple) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def explicit(*widgets: str) -> dict[str, list[str]]:
    """Query parameters that say what these controls say, also where that is their first choice."""
    return {key: texts(st.session_state[key]) for key in widgets if st.session_state.get(key) not in (None, [])}


def in_link(key: str) -> str:
    """What the link says of something that is chosen in a component; empty where it says nothing."""
    return str(st.query_params.get(key, ""))


def keep_in_link(key: str, value: str, default: str = "") -> None:
    """Has the link say it; the default needs no mention there."""
    if value != default:
        if st.query_params.get(key) != value:
            st.query_params[key] = value
    elif key in st.query_params:
        del st.query_params[key]


def not_here(key: str, offered: Sequence[str]) -> str:
    """What the link chose in a control that does not offer it, until something is chosen there; empty where it offers
    all that was chosen. Called before the control is drawn, which drops it from the link."""
    asked = in_link(key)
    if asked and key not in st.session_state and asked not in offered:
        st.session_state[keys.not_here(key)] = asked
    return str(st.session_state.get(keys.not_here(key), ""))


def forget_not_here(key: str) -> None:
    """Called when something is chosen in that control."""
    st.session_state.pop(keys.not_here(key), None)


def thumbnail(key: str, names: Sequence[str]) -> str:
    """The scene or object, or the cell of the study, chosen here, else by the link.

    Kept in the session: a redraw that was on its way when one was picked still carries the link of before. The
    browser's Back and Forward mean the link.
    """
    context = get_script_run_ctx()
    is_back = context is not None and getattr(context, "is_history_navigation", False)
    kept = None if is_back else st.session_state.get(keys.PICKED[key])
    chosen = kept or st.query_params.get(key, names[0])
    if chosen not in names:
        chosen = names[0]
    choose_thumbnail(key, chosen, names[0])
    return chosen


def choose_thumbnail(key: str, name: str, default: str) -> None:
    """Remembers the scene or object, in the link too; the default needs no mention there."""
    st.session_state[keys.PICKED[key]] = name
    keep_in_link(key, name, default)
