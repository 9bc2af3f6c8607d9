"""The heat map: a table whose cells are links; it fills in place while something is being computed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from app.components.registering import register, together
from app.state import heard, keys

_component = register("matrix", together("matrix.js"), together("matrix.css"))


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
