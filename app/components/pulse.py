"""The heartbeat of a fragment that follows something."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "mta_pulse", js=Path(__file__).with_name("pulse.js").read_text(encoding="utf-8"), isolate_styles=False
)


def beat(key: str, seconds: float | None, *, times: int = 0, since: int = 0) -> None:
    """Runs the fragment that calls this again and again, every so many seconds; None ends it.

    Args:
        times: how many times, without end where it is 0.
        since: a number; another one starts the counting anew.
    """
    period = round(1000 * seconds) if seconds else 0
    _component(key=key, data={"period": period, "times": times, "since": since}, on_beat_change=lambda: None)
