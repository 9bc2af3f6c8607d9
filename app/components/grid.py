"""Places side by side, in rows that a desk's screen has room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

MOST = 4
"""Places in a row."""


def grid(widths: Sequence[int], **options: Any) -> list[DeltaGenerator]:
    """One for each width, relative to others of its row; `options` are those of `st.columns`. A last row that is not
    full keeps the room of those that it lacks."""
    rows = [list(widths[first : first + MOST]) for first in range(0, len(widths), MOST)]
    lacking = [rows[-1][-1]] * (MOST - len(rows[-1])) if len(rows) > 1 else []
    return [
        place
        for row in rows
        for place in st.columns([*row, *(lacking if row is rows[-1] else [])], **options)[: len(row)]
    ]
