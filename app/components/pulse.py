"""The heartbeat of a fragment that follows something being computed."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "mta_pulse", js=Path(__file__).with_name("pulse.js").read_text(encoding="utf-8"), isolate_styles=False
)


def beat(key: str, seconds: float | None) -> None:
    """Runs the fragment that calls this again and again, every so many seconds; None ends it."""
    _component(key=key, data={"period": round(1000 * seconds) if seconds else 0}, on_beat_change=lambda: None)
