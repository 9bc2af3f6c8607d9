"""The theory of the robustness study on the page Vulnerability: measured against predicted, and the gradients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app import theory_job, theory_words
from app.components import linked, theory_gradients, theory_result, theory_run
from app.components.hearing import hear
from app.state import choices, keys, pages
from app.theory_words import OWN
from app.words import plain, sentence
from mta_core.results import dumps
from mta_core.study import shipped


def section() -> None:
    """All of it, with everything that it asks for. Called once, while a page is drawn."""
    linked.restore(theory_job.KIND)
    pages.count_redraws()
    pages.note_study()
    used = choices.side_bar()
    st.subheader("Measured against predicted", anchor=False)
    st.markdown(theory_words.INTRO)
    st.fragment(_numbers)(used)
    st.subheader("The gradients of one picture", anchor=False)
    st.fragment(theory_gradients.draw)(used)


def _numbers(used: Mapping[str, object]) -> None:
    """What is shipped, or what is measured here."""
    hear(used, *keys.THEORY)
    documents = _documents()
    if not documents:
        st.info(theory_words.NOTHING_SHIPPED)
    options = [*documents, OWN]
    chosen = st.selectbox(
        "Numbers", options, key=keys.THEORY_OF, **keys.LINKED,
        help="What comes with the program, or what you have measured now.",
    ) if documents else OWN  # fmt: skip
    document = documents.get(chosen or options[0])
    if document is None:
        theory_run.draw()
    else:
        rows = document["rows"]
        theory_result.draw(rows)
        st.download_button(
            "Rows (JSON)", lambda: dumps(document).encode(), "vulnerability.json", "application/json",
            key="get_theory", on_click="ignore",
        )  # fmt: skip
    for key in keys.THEORY:
        pages.note_drawn(key)


def _documents() -> dict[str, dict[str, Any]]:
    """What is shipped, by a title each; says so where a file is damaged."""
    found, titles = {}, {}
    for path in sorted(shipped.theories(), key=_place):
        try:
            found[path.stem] = shipped.theory(path)
        except ValueError as error:
            st.error(plain(sentence(str(error))))
        else:
            titles[path.stem] = theory_words.title_of(found[path.stem]["rows"])
    counts = list(titles.values())
    return {title if counts.count(title) == 1 else f"{title} ({stem})": found[stem] for stem, title in titles.items()}


def _place(path: Path) -> tuple[int, str]:
    """The study's own network comes first, and L-infinity, which the paper attacks in."""
    names = ("short-all-linf", "short-all-l2", "dmtl-linf", "dmtl-l2")
    return (names.index(path.stem) if path.stem in names else len(names), path.stem)
