"""Everything that is made once and shared by all sessions: the only `st.cache_resource` of the app."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import streamlit as st

from app import library, orders
from app.costs import Costs
from app.front import COOKIE
from app.library import Shelf
from app.tidying import Tidying
from app.trainings import Trainings
from app.uploads import Uploads
from app.workshop import Workshop
from mta_core import devices, weights
from mta_core.board import Board

USER = "user"
"""Key of the connection among what a session keeps."""
GRACE = 10.0
"""Seconds that work goes on for a browser that is gone: it may be back at once, as after a fault of the network."""


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


def objects() -> Shelf | None:
    """The shipped pictures of objects; None where there are none, or no victim that classifies them, yet."""
    known = {space for card in workshop().victims() for space in card.tasks.values()}
    return _objects() if "office31" in known else None


@st.cache_resource(show_spinner=False)
def _objects() -> Shelf | None:
    return library.open_objects()


def shelves() -> dict[str, Shelf]:
    """All data sets by their own names, which orders keep: those of the page are for people."""
    found = (gallery(), _objects(), *connected().values())
    return {shelf.name: shelf for shelf in found if shelf}


@st.cache_resource(show_spinner=False, on_release=Board.close)
def board() -> Board:
    """The job board, whose jobs the worker does beside the attacks of all browsers."""
    made = workshop()
    return Board(jobs_folder(), made.worker, made.device, orders.kinds(made, shelves, trainings()))


@st.cache_resource(show_spinner=False)
def trainings() -> Trainings:
    """What trains, and what those see who watch."""
    return Trainings(workshop())


def jobs_folder() -> Path:
    """Where jobs lie."""
    return weights.RUNS / "jobs"


@st.cache_resource(show_spinner=False)
def connected() -> dict[str, Shelf]:
    """The data sets that are connected, by label; cleared where others are, or fewer."""
    return library.open_connected()


def warm() -> None:
    """Makes ready what the first page needs; a server calls it before anybody asks."""
    board()  # goes on with what was waiting when the server ended
    shelf, cards = gallery(), workshop().victims()
    if shelf:
        shelf.thumbnails()
    if shelf and cards:
        workshop().prepare(cards[0].name, shelf.read(0))


@st.cache_resource(show_spinner=False, on_release=Tidying.close)
def tidying() -> Tidying:
    """Gives memory back when people have gone."""
    return Tidying(workshop().forget)


@st.cache_resource(show_spinner=False)
def uploads() -> Uploads:
    """What browsers sent, for as long as their sessions hold it."""
    return Uploads()


def browser() -> str:
    """Names the browser to whose pages `app.front` gave a cookie; empty without one."""
    return str(st.context.cookies.get(COOKIE, ""))


class Connection:
    """One browser, from when it came until it is gone."""

    def __init__(self, tidying: Tidying) -> None:
        self._tidying = tidying
        self._held: dict[str, Any] = {}
        tidying.come()

    def hold(self, held: dict[str, Any]) -> None:
        """Called while its page is drawn, with what its session keeps that is large: its jobs as `work`, and more."""
        self._held = held
        held[USER] = self

    def end(self) -> None:
        for _, job in self._held.get("work", {}).copy().values():
            job.patience = min(job.patience, GRACE)
        self._tidying.go(self._let_go)

    def _let_go(self) -> None:
        if self._held.get(USER) is self:  # else the session has come back, with another connection
            for _, job in self._held.get("work", {}).values():
                job.forget()
            self._held.clear()
        self._held = {}


@st.cache_resource(scope="session", on_release=Connection.end, show_spinner=False)
def connection() -> Connection:
    """Of the browser whose page is being drawn; ends when that is closed or loaded anew."""
    return Connection(tidying())
