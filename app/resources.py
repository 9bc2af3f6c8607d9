"""Everything that is made once and shared by all sessions: the only `st.cache_resource` of the app."""

from __future__ import annotations

import os

import streamlit as st

from app import library
from app.costs import Costs
from app.library import Shelf
from app.workshop import Workshop
from mta_core import devices


@st.cache_resource(show_spinner=False)
def workshop() -> Workshop:
    """The device, the victims and the one worker that computes."""
    return Workshop(devices.pick(os.environ.get("MTA_DEVICE", "auto")))


@st.cache_resource(show_spinner=False)
def costs() -> Costs:
    """What attacks cost, measured on the same worker."""
    return Costs(workshop().device, workshop().worker)


@st.cache_resource(show_spinner=False)
def gallery() -> Shelf | None:
    """The shipped scenes; None where there are none."""
    return library.open_gallery()


@st.cache_resource(show_spinner=False)
def objects() -> Shelf | None:
    """The shipped pictures of objects; None where there are none, or no victim that classifies them."""
    known = {space for card in workshop().victims() for space in card.tasks.values()}
    return library.open_objects() if "office31" in known else None


@st.cache_resource(show_spinner=False)
def connected() -> dict[str, Shelf]:
    """The data sets the operator connected, by label."""
    return library.open_connected()


def warm() -> None:
    """Makes ready what the first page needs; a server calls it before anybody asks."""
    shelf, cards = gallery(), workshop().victims()
    if shelf:
        shelf.thumbnails()
    if shelf and cards:
        workshop().prepare(cards[0].name, shelf.read(0))
