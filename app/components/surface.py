"""The scene as surfaces side by side, turned together: clean, adversarial, and the truth where there is one."""

from __future__ import annotations

import streamlit as st

from app import resources, surfaces
from app.components.registering import register, together
from app.result import Result
from app.state import heard, keys, permalink

_component = register("surface", together("shared.js", "surface_raster.js", "surface.js"), together("surface.css"))
LACKS = "_surface_lacks"


def draw(result: Result) -> None:
    """Shows the surfaces of a result, or why there are none. The arrays go to the browser once, when it asks."""
    data = surfaces.message(result, with_arrays=heard.take_lacks(LACKS), colour=permalink.in_link(keys.SURFACE))
    if data is None:
        st.info(surfaces.lacking(result, resources.workshop().victims()))
        return
    _component(key=keys.SURFACE_VIEW, data=data, on_lacks_change=_note_lacks, on_colour_change=_choose_colour)


def _note_lacks() -> None:
    heard.note_lacks(LACKS)


def _choose_colour() -> None:
    if colour := heard.told(keys.SURFACE_VIEW, "colour"):
        permalink.keep_in_link(keys.SURFACE, str(colour), surfaces.COLOURS[0])
