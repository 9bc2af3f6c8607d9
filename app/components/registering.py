"""How the files of a component become one: its script and its style lie beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

_FOLDER = Path(__file__).parent


def together(*names: str) -> str:
    """Files as one: parts of a script see each other's functions."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


def register(name: str, script: str, style: str | None = None, html: str | None = None) -> ComponentRenderer:
    """A component of the page itself, whose style is seen by all of it; called once, when its module is imported."""
    return st.components.v2.component(f"mta_{name}", html=html, css=style, js=script, isolate_styles=False)
