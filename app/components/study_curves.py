"""The study's curves: by steps, epsilon and norm, and the network of all tasks."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from app import study_charts, study_map, study_words
from app.state import keys, pages
from mta_core.study.findings import Findings

CONFIG = {"displaylogo": False, "displayModeBar": False}


def draw(findings: Findings) -> None:
    """What was measured of them."""
    if mains := study_charts.mains(findings):
        _curves(findings, mains)
    if study_charts.has_all_tasks(findings):
        st.subheader("One network for all eleven tasks", anchor=False)
        _chart(study_charts.all_tasks(findings), "study_all", study_words.ALL_TASKS)
        for words in study_words.unmoved(findings):
            st.caption(words)


def _curves(findings: Findings, mains: list[str]) -> None:
    st.subheader("By steps, epsilon and norm", anchor=False)
    names = {study_map.label(main): main for main in mains}
    chosen = st.segmented_control(
        "Main task", list(names), default=next(iter(names)), key=keys.STUDY_MAIN, required=True, **keys.LINKED
    )
    pages.note_drawn(keys.STUDY_MAIN)
    main = names[chosen or next(iter(names))]
    left, right = st.columns(2, gap="medium")
    with left:
        _titled("Error by steps", study_charts.steps(findings, main), "study_steps", study_words.STEPS)
    with right:
        _titled("Vulnerability by steps", study_charts.by_steps(findings, main), "study_by_steps", study_words.BY_STEPS)
    left, right = st.columns(2, gap="medium")
    with left:
        figure = study_charts.by_epsilon(findings, main)
        _titled("Vulnerability by epsilon", figure, "study_by_epsilon", study_words.BY_EPSILON)
    with right:
        _titled("Vulnerability by norm", study_charts.by_norm(findings, main), "study_by_norm", study_words.BY_NORM)
        if study_charts.has_norms(findings, main):
            st.caption(study_words.RELEASED_L2)


def _titled(title: str, figure: go.Figure, key: str, words: str) -> None:
    """Nothing where there is nothing to see yet."""
    if figure.data:
        st.markdown(f"**{title}**")
        _chart(figure, key, words)


def _chart(figure: go.Figure, key: str, words: str) -> None:
    st.plotly_chart(figure, key=key, config=CONFIG, alt=figure.layout.meta["title"])
    st.caption(words)
