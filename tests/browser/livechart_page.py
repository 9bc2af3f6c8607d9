"""Two charts that change by themselves as soon as they are told to: a page for the test beside it."""

import math
import sys
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.components import livechart, pulse

UPDATES = 50


def wave(turn: int, colour: str) -> go.Figure:
    figure = go.Figure(
        go.Scatter(x=list(range(100)), y=[math.sin(0.1 * (x + turn)) for x in range(100)], line_color=colour)
    )
    return figure.update_layout(meta={"turn": turn}, margin={"l": 40, "r": 10, "t": 10, "b": 30}, showlegend=False)


@st.fragment
def charts() -> None:
    turn = st.session_state.get("turn", 0)
    livechart.draw("first", wave(turn, "#0072b2"), f"A wave, turn {turn}", 240)
    livechart.draw("second", wave(2 * turn, "#d55e00"), f"Another wave, turn {turn}", 180)
    is_running = st.toggle("Run", key="run") and turn < UPDATES
    if is_running:
        st.session_state["turn"] = turn + 1
    pulse.beat("watch", 0.1 if is_running else None)


charts()
