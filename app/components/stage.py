"""The stage: every picture, verdict and legend of a result in one component, so that they change together."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "mta_stage",
    css=(_FOLDER / "stage.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "stage.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def draw(message: bytes) -> None:
    """Shows a message of `app.panels.message`."""
    _component(key="stage", data=message)
