"""Everything that is made once and shared by all sessions: the only `st.cache_resource` of the app."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from app import library, orders
from app.costs import Costs
from app.library import Shelf
from app.tidying import Tidying
from app.trainings import Trainings
from app.workshop import Workshop
from mta_core import devices, weights
from mta_core.board import Board
from mta_core.jobs import Job

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


@st.cache_resource(show_spinner=False)
def board() -> Board:
    """The job board, whose jobs the worker does beside the attacks of all browsers."""
    made = workshop()
    return Board(jobs_folder(), made.worker, made.device, orders.kinds(made, shelves, trainings()))


@st.cache_resource(show_spinner=False)
def trainings() -> Trainings:
    """What trains, and what those see who watch."""
    return Trainings(workshop(), shelves)


def jobs_folder() -> Path:
    """Where jobs lie."""
    return weights.RUNS / "jobs"


@st.cache_resource(show_spinner=False)
def connected() -> dict[str, Shelf]:
    """The data sets the operator connected, by label."""
    return library.open_connected()


def warm() -> None:
    """Makes ready what the first page needs; a server calls it before anybody asks."""
    board()  # goes on with what was waiting when the server ended
    shelf, cards = gallery(), workshop().victims()
    if shelf:
        shelf.thumbnails()
    if shelf and cards:
        workshop().prepare(cards[0].name, shelf.read(0))


@st.cache_resource(show_spinner=False)
def tidying() -> Tidying:
    """Gives memory back when people have gone."""
    return Tidying(workshop().forget)


@dataclass
class Connection:
    """One browser, from when it came until it is gone.

    Attributes:
        jobs: tells what is being computed for its page.
    """

    tidying: Tidying
    jobs: Callable[[], list[Job[Any]]] = list

    def end(self) -> None:
        for job in self.jobs():
            job.patience = min(job.patience, GRACE)
        self.tidying.go()


@st.cache_resource(scope="session", on_release=Connection.end, show_spinner=False)
def connection() -> Connection:
    """Of the browser whose page is being drawn; ends when that is closed or loaded anew."""
    here = tidying()
    here.come()
    return Connection(here)
