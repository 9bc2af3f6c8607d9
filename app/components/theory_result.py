"""The figures of the theory, from its rows."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app import theory_charts, theory_words
from app.components import livechart
from app.state import keys
from app.theory_charts import JOINT, MARGINAL, Line

Values = Mapping[str, Any]


def draw(rows: Sequence[Values]) -> None:
    """Everything that rows say; empty figures where there are none yet."""
    st.html(f'<p class="mta-headline">{html.escape(theory_words.headline(rows))}</p>')
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Vulnerability by number of tasks**")
        alt = theory_charts.alt("Vulnerability by number of attacked tasks", JOINT, rows)
        livechart.draw("theory_joint", theory_charts.joint(rows), alt, theory_charts.HEIGHT)
        _signs(JOINT, rows)
        st.caption(theory_words.JOINT)
        for words in theory_words.about_joint(rows):
            st.caption(words)
    with right:
        st.markdown("**What each task adds**")
        place = st.container()
        with_paper = st.toggle(
            "With the paper's bound", True, key=keys.THEORY_BOUND, persist_state="session", **keys.LINKED,
            help="It is so large that the others hardly differ beside it.",
        )  # fmt: skip
        lines = MARGINAL if with_paper else MARGINAL[:-1]
        figure = theory_charts.marginal(rows, with_paper=with_paper)
        with place:
            alt = theory_charts.alt("Marginal vulnerability of each added task", lines, rows)
            livechart.draw("theory_marginal", figure, alt, theory_charts.HEIGHT)
            _signs(lines, rows)
        st.caption(theory_words.MARGINAL)
        st.caption(theory_words.ON_THEOREM_7)
    if rows:
        _pairs(rows)
        _table(rows)


def _pairs(rows: Sequence[Values]) -> None:
    if len(theory_charts.chain(rows)) < 2:
        return
    left, right = st.columns(2, gap="medium")
    with left:
        covariance = theory_charts.table_of(rows, "covariance", "pooled")
        if covariance.is_empty:
            st.markdown("**Covariance of the gradients**")
            st.caption(theory_words.NO_COVARIANCE)
        else:
            heat("theory_covariance", "Covariance of the gradients", covariance, theory_words.COVARIANCE)
    with right:
        cosine = theory_charts.table_of(rows, "cosine", "per-picture")
        heat("theory_cosine", "Cosine of the gradients", cosine, theory_words.COSINE)


def heat(key: str, title: str, table: theory_charts.Table, words: str) -> None:
    """A heat map with its two sentences."""
    st.markdown(f"**{title}**")
    height = theory_charts.heat_height(table)
    livechart.draw(key, theory_charts.heat(table), theory_charts.heat_alt(title, table), height)
    st.caption(words)


def _signs(lines: Sequence[Line], rows: Sequence[Values]) -> None:
    items = "".join(
        f'<span><i class="{line.kind}" style="--mark:{line.colour}"></i>'
        f"{html.escape(theory_charts.label_of(line, rows))}</span>"
        for line in theory_charts.lines_in(lines, rows)
    )
    st.html(f'<div class="mta-marks">{items}</div>')


def _table(rows: Sequence[Values]) -> None:
    with st.expander("Each task alone", key="theory_tasks_alone"):
        top = "".join(f'<th scope="col">{name}</th>' for name in theory_words.columns(rows))
        body = "".join(
            f'<tr><th scope="row">{html.escape(line[0])}</th>{"".join(f"<td>{cell}</td>" for cell in line[1:])}</tr>'
            for line in theory_words.table(rows)
        )
        frame = 'class="mta-cost" tabindex="0" role="region" aria-label="Each task attacked alone"'
        st.html(f"<div {frame}><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>")
        st.caption(theory_words.TABLE)
        if theory_words.has_released(rows):
            st.caption(theory_words.RELEASED)
