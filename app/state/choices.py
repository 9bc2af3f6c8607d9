"""What the controls say, and what has them say something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.state import keys, uploaded


def side_bar() -> dict[str, object]:
    """What was chosen in the side bar, as the browser last told, with the scene, the object and the upload."""
    every = (*keys.CHOICES, keys.PICKED[keys.SCENE], keys.PICKED[keys.OBJECT], *keys.settings())
    values = {key: st.session_state.get(key) for key in every}
    chosen = {key: getattr(value, "file_id", value) for key, value in values.items()}
    return chosen | {"_upload": (uploaded.upload() or ("",))[0]}


def answers(*widgets: str) -> dict[str, object]:
    """What these controls say, those left out that say nothing."""
    found = {key: st.session_state.get(keys.PICKED.get(key, key)) for key in widgets}
    return {key: value for key, value in found.items() if value is not None}


def value_of(key: str) -> Any:
    """What a control says as of now; for callbacks."""
    return st.session_state.get(key)


def restore_choice(key: str, options: Sequence[str]) -> None:
    """Chooses all options of a control, before it is drawn, where none of them is chosen any more."""
    chosen = st.session_state.get(key)
    if isinstance(chosen, list) and not set(chosen) & set(options):
        st.session_state[key] = list(options)


def limit(key: str, most: int) -> None:
    """Takes back a number that became too large, before its control is drawn."""
    if (st.session_state.get(key) or 0) > most:
        st.session_state[key] = most


def take_over_beside(options: Sequence[str]) -> None:
    """Random noise in the last column stays where an attack gets a target, before that control is drawn."""
    noise, asked = options[-1], st.query_params.get(keys.BESIDE)
    if asked == noise and keys.BESIDE_TARGET not in st.session_state and keys.BESIDE_TARGET not in st.query_params:
        st.session_state[keys.BESIDE_TARGET] = noise


def choose_study_attack(label: str) -> None:
    """Which attack on the study's cell is shown; called by a click."""
    st.session_state[keys.STUDY_ATTACK] = label


def take_along() -> None:
    """What a link chose is chosen on the next page, too: Streamlit takes from page to page what the browser has told
    of a widget, which it does not do before something is chosen or looked at again. Not what has another range there.
    """
    for key in (*keys.CHOICES, *keys.settings()):
        if key not in (keys.UPLOADER, "number", "count") and key in st.session_state:
            st.session_state[key] = st.session_state[key]
