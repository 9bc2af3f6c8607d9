"""What lets the parts of a page know in the browser that a person is leaving it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "mta_turning", js=Path(__file__).with_name("turning.js").read_text(encoding="utf-8"), isolate_styles=False
)


def watch() -> None:
    """Drawn on every page before the names of the pages are: no click on them may be missed."""
    _component(key="turning")
