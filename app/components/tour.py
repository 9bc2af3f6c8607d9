"""The tour in the browser: one component that has everything from the start, so that nothing can fail later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from mta_core.tour import Scene

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "mta_tour",
    css=(_FOLDER / "tour.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "tour.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def draw(scenes: Sequence[Scene], files: Mapping[str, bytes]) -> None:
    """Shows the scenes; which one stands in the page's address (`?scene=2`), kept there by the browser itself."""
    header = {
        "scenes": [asdict(scene) for scene in scenes],
        "files": [[name, len(data)] for name, data in files.items()],
    }
    _component(key="tour", data=json.dumps(header).encode() + b"\n" + b"".join(files.values()))
