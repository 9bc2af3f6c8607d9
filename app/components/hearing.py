"""Choices that the browser made while the page was being drawn, and would go unheard."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.components import pulse
from app.state import choices, pages


def check(used: Mapping[str, object], redraws: int) -> None:
    """Draws the page again where a choice went unheard.

    Two quick choices are two redraws that overlap, and the earlier one may put its choices in the place of the later
    one's. Looking again a moment later tells.
    """
    hear(used)
    pulse.beat("check", 0.5 if redraws > 1 else None, times=2, since=redraws)


def hear(used: Mapping[str, object], *parts: str) -> None:
    """Draws the page again where something was chosen that it does not show; `parts` look after themselves.

    Every fragment that beats asks this first: Streamlit's browser side sends what happens within a few milliseconds as
    one message, and redraws only the fragment that was first. A choice that falls together with a beat arrives with it.
    """
    if choices.side_bar() != used or not pages.are_parts_current(*parts):
        st.rerun()
