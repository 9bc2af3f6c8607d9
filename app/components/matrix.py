"""The heat map: a table whose cells are links; it fills in place while something is being computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app.state import heard, keys

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "mta_matrix",
    css=(_FOLDER / "matrix.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "matrix.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def draw(
    message: Mapping[str, Any], caption: str, open_cell: Callable[[str, str], None], key: str = keys.MATRIX
) -> None:
    """Shows what `app.heatmap.message` makes, or `app.study_map.message`.

    Args:
        open_cell: called by a click, with the label of the row and the name of the task.
        key: of the map, where a page has several.
    """

    def clicked() -> None:
        if cell := heard.opened(key):
            open_cell(*cell)

    data = json.dumps({**message, "caption": caption}, allow_nan=False).encode()
    _component(key=key, data=data, on_opened_change=clicked)
