"""A victim, a generator, an attack or a data set, chosen by its name.

A link may name one that is not here, or no longer: another one is not taken in its place in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.state import keys, permalink
from app.words import plain


def choose(label: str, names: Sequence[str], first: int = 0, *, key: str, **settings: Any) -> str:
    asked = permalink.not_here(key, names)
    chosen = st.selectbox(label, names, first, **_bound(key), **settings)
    return _said(chosen, asked)


def choose_of_few(label: str, names: Sequence[str], *, key: str, **settings: Any) -> str:
    """All of them are seen at once."""
    asked = permalink.not_here(key, names)
    chosen = st.segmented_control(label, names, default=names[0], required=True, **_bound(key), **settings)
    return _said(chosen or names[0], asked)


def _bound(key: str) -> dict[str, Any]:
    return {"key": key, "on_change": permalink.forget_not_here, "args": (key,), **keys.LINKED}


def _said(chosen: str, asked: str) -> str:
    if asked:
        st.warning(plain(f"The link names {asked}, which is not here: this is {chosen}."))
    return chosen
