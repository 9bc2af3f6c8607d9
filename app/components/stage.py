"""The stage: every picture, verdict and legend of a result in one component, so that they change together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app import state

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "mta_stage",
    css=(_FOLDER / "stage.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "stage.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def draw(message: Callable[[bool], bytes]) -> None:
    """Shows what `app.panels.message` makes: with the pictures where the browser has asked for them."""
    _component(key="stage", data=message(state.take_lacks()), on_lacks_change=state.note_lacks)
