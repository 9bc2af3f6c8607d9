"""The gallery's thumbnails: a group of radio buttons that are pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

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
    key = "picker"

    def changed() -> None:
        name = st.session_state[key].picked
        if name in names:
            on_pick(name)

    header = {
        "label": label,
        "names": list(names),
        "titles": list(titles),
        "chosen": chosen,
        "sizes": [len(p) for p in pngs],
    }
    _component(key=key, data=b"\n".join((json.dumps(header).encode(), b"".join(pngs))), on_picked_change=changed)
