"""What surrounds every page: title, icon, logo, style."""

from __future__ import annotations

import html
from pathlib import Path

import streamlit as st

from app import resources
from app.components import turning
from mta_core.weights import ROOT

ICONS = ROOT / "assets" / "icons"
STYLE = Path(__file__).with_name("chrome.css")
SIDEBAR_WIDTH = 296
NAME = "Multi-task attack explorer"
FIRST_PRESET = "dmtl-tiny"
"""Needs nothing but rooms, and minutes."""
TRAIN = (
    "There is no trained victim yet: make one with "
    f"`python -m mta_core train victim --preset {FIRST_PRESET} --out runs/{FIRST_PRESET}`, then reload this page."
)


def page() -> None:
    """The frame of a page, with the device that computes; call it first."""
    st.set_page_config(
        page_title=NAME, page_icon=str(ICONS / "icon.png"), layout="wide", initial_sidebar_state=SIDEBAR_WIDTH
    )
    st.logo(str(ICONS / "icon.svg"), size="large")
    st.html(STYLE)
    turning.watch()
    resources.connection()
    st.sidebar.html(f'<h1 class="mta-brand">{NAME}</h1>')
    st.html(f'<div class="mta-device">{html.escape(resources.workshop().device.label)}</div>')


def heading(title: str) -> None:
    """The name of the page for those who go from heading to heading; others see it above."""
    st.html(f'<h2 class="mta-hidden">{title}</h2>')


def has_victims() -> bool:
    """Whether there is anything to attack; says how to come by it where there is not."""
    if resources.workshop().victims():
        return True
    st.info(TRAIN)
    return False
