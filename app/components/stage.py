"""The stage: every picture, verdict and legend of a result in one component, so that they change together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from app import state

_FOLDER = Path(__file__).parent


def _read(*names: str) -> str:
    """Files as one."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


SCRIPT = _read("live_epsilon.js", "stage.js")
_component = st.components.v2.component(
    "mta_stage",
    css=_read("stage.css", "live_epsilon.css"),
    js=SCRIPT,
    isolate_styles=False,
)


def draw(message: Callable[[bool], bytes]) -> None:
    """Shows what `app.panels.message` makes: with the pictures where the browser has asked for them."""
    _component(
        key=state.STAGE,
        data=message(state.take_lacks()),
        on_lacks_change=state.note_lacks,
        on_moved_change=state.note_moved,
    )
