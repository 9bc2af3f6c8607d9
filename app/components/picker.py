"""The gallery's thumbnails: a group of radio buttons that are pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from app import state

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "mta_picker",
    css=(_FOLDER / "picker.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "picker.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def pick(
    label: str,
    names: Sequence[str],
    titles: Sequence[str],
    pngs: Sequence[bytes],
    chosen: str,
    on_pick: Callable[[str], None],
) -> None:
    """Shows the thumbnails; calls `on_pick` with the name of the one chosen."""

    def changed() -> None:
        name = state.picked()
        if name in names:
            on_pick(name)

    header = {
        "label": label,
        "names": list(names),
        "titles": list(titles),
        "chosen": chosen,
        "sizes": [len(p) for p in pngs],
    }
    data = b"\n".join((json.dumps(header).encode(), b"".join(pngs)))
    _component(key=state.PICKER, data=data, on_picked_change=changed)
