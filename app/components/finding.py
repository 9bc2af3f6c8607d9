"""The side bar of the page Results: what is searched for, and files to import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from app import found, remembered
from app.state import choices, keys
from mta_core import exchange
from mta_core.attacks import attack_class
from mta_core.search import Search
from mta_core.store import Store
from mta_core.tasks import task

NORMS = {"linf": "L-inf", "l2": "L2"}


def choose(store: Store) -> Search:
    """Raises StoreError where the store cannot be read."""
    options = store.choices()
    st.text_input(
        "Search", key="found_text", placeholder="words in rows and settings", help="Every word must be somewhere in a "
        "run: in its rows, its command, its weights, its device.", **keys.LINKED,
    )  # fmt: skip
    _several("Attack", "attack", options["attack"], _attack)
    _several("Victim", "victim", options["victim"])
    _several("Data", "data", options["data"])
    _several("Task", "task", options["task"], _task)
    low, high = st.columns(2)
    for place, name, label in ((low, "from", "Epsilon from"), (high, "to", "to")):
        with place:
            st.number_input(label, min_value=0.0, value=None, key=f"found_{name}", **keys.LINKED)
    for name, label in (("since", "Finished from"), ("until", "Finished to")):
        st.date_input(label, value=None, key=f"found_{name}", format="YYYY-MM-DD", **keys.LINKED)
    _several("Norm", "norm", options["norm"], lambda name: NORMS.get(name, name))
    _several("Goal", "goal", options["goal"])
    st.toggle("Deleted ones", key="found_deleted", help="They can be restored for 30 days.", **keys.LINKED)
    st.file_uploader(
        "Import", key=keys.FILE, on_change=_import, args=(store,), help="JSON lines or CSV as exported here, or what "
        "`--json` of the command line wrote. A file with a mistake is refused whole.",
    )  # fmt: skip
    return found.search({key.removeprefix("found_"): choices.value_of(key) for key in keys.FOUND})


def _several(label: str, name: str, options: list[str], say: Callable[[str], str] = str) -> None:
    """Nothing chosen is no condition. What is gone from the options is not chosen any more."""
    st.multiselect(label, options, format_func=say, key=f"found_{name}", placeholder="any", **keys.LINKED)


def _attack(name: str) -> str:
    try:
        return attack_class(name).label
    except ValueError:
        return name


def _task(name: str) -> str:
    try:
        return task(name).label
    except ValueError:
        return name


def _import(store: Store) -> None:
    """Called when a file was chosen."""
    file: Any = choices.value_of(keys.FILE)
    if file is None:
        return
    try:
        taken = store.take_in(exchange.read(file.name, file.getvalue()))
    except ValueError as error:
        remembered.tell(f"Nothing imported from {file.name}: {error}.", is_error=True)
    else:
        remembered.tell(f"{file.name}: {taken.sentence}.")
