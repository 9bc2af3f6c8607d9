"""The cards of data sets; others are connected below the operator's folders, after a check."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from app import cards, remembered, resources
from app.components import leave, opening
from app.components.pictures import GALLERY, OBJECTS
from app.library import Shelf, gallery_folder
from app.state import keys
from app.words import plain
from mta_core import connections, data
from mta_core.check_data import FIRST, Check, check
from mta_core.data import DataError
from mta_core.imaging import ImageError
from mta_core.wording import counted

KIND = "data"
"""Of what `remembered` can bring back."""
SHIPPED, OPERATOR, CONNECTED = "shipped", "named at start", "connected"
LAYOUTS = {
    "nyuv2": "`rgb/`, `seg13/`, `depth/`, `normal/` and lists of names (`train.txt`, `test.txt`); or "
    "`{train,val}/{image,label,depth,normal}/N.npy`; or the official `nyu_depth_v2_labeled.mat`, with `splits.mat` and "
    "`classMapping40.mat` beside it where there are to be splits and classes",
    "taskonomy": "a folder for each kind of file, `rgb/.../point_I_view_V_domain_rgb.png`, or one for each view",
    "office31": "`amazon`, `dslr` and `webcam`, each with `images/<class>/*.jpg`",
    "pictures": "any folder of pictures, without labels",
    "rooms": "what the command `rooms` wrote",
}
"""What is looked for, by source."""
NO_FOLDER = (
    "Folders of this machine can be connected where whoever starts the program allows it: "
    "`MTA_DATA_ROOTS=/data make app` lets people connect what lies below `/data`, and "
    "`MTA_DATA_ROOTS=nyuv2:/data/nyuv2` connects a data set from the start."
)
OTHER = "another folder"
LASTING = 15.0
"""Seconds for which what was found below the folders is taken as it was."""


@dataclass(frozen=True)
class Held:
    """A data set: its label on pages, what it is called, where it is from, and its shelf, None if it does not open."""

    label: str
    entry: str
    place: str
    shelf: Shelf | None


def draw(text: str, labels: Collection[str]) -> None:
    known = held()
    shown = [one for one in known if _is_wanted(one, text, labels)]
    said = counted(len(shown), "data set") + (f" of {len(known)}" if len(shown) < len(known) else "")
    st.html(f'<div class="mta-status" role="status">{html.escape(said)}</div>')
    undo()
    with st.expander("Connect a data set", key="library_connect"):
        form()
    for one in shown:
        card(one)
    if not shown:
        st.caption("None is like that: take back some of what is asked for in the side bar.")


def held() -> list[Held]:
    """All data sets, those that do not open too."""
    gallery, objects = resources.gallery(), resources.objects()
    found = [Held(label, "", SHIPPED, shelf) for label, shelf in ((GALLERY, gallery), (OBJECTS, objects)) if shelf]
    by_entry = {shelf.name: (label, shelf) for label, shelf in resources.connected().items()}
    mine = connections.people()
    for entry in connections.entries():
        label, shelf = by_entry.get(entry, (data.source(entry.partition(":")[0]).label, None))
        found.append(Held(label, entry, CONNECTED if entry in mine else OPERATOR, shelf))
    return found


def _is_wanted(one: Held, text: str, labels: Collection[str]) -> bool:
    said = " ".join([one.label, one.place, *(f"{name} {value}" for name, value in _facts(one))]).lower()
    known = {cards.label_of(name, space) for name, space in (one.shelf.data.known if one.shelf else {}).items()}
    return all(word in said for word in text.lower().split()) and (not labels or bool(known & set(labels)))


def _facts(one: Held) -> list[cards.Fact]:
    if one.shelf is None:
        return [("Lies in", one.entry)]
    source = one.shelf.data
    derived = [cards.label_of(name, space) for name, space in source.known.items() if name not in source.spaces]
    count = counted(len(source), "picture") + ("" if source.split in ("all", "gallery") else f" to {source.split}")
    return [
        ("Pictures", count),
        ("Labels", cards.answers_of(source.spaces) or "none: attacks go by the clean answer"),
        *([("Derived from these", ", ".join(derived))] if derived else []),
        ("Terms", source.terms),
        ("On the command line", f"--data {one.entry or _command(source.name)}"),
        *([("Lies in", one.entry.partition(":")[2])] if one.entry else []),
    ]


def _command(name: str) -> str:
    """How the command line calls what is shipped of a source."""
    folder = gallery_folder() if name == "rooms" else gallery_folder() / "objects"
    return f"{name}:{cards.shown_path(folder)} --split gallery"


def card(one: Held) -> None:
    key = f"{one.place.split()[0]}_{one.entry or one.label}"
    with st.container(border=True, key=f"card_{key}", gap="small"):
        title = f"<h3>{html.escape(one.label)}</h3><p>{cards.badge(one.place)}</p>"
        st.html(f'<div class="mta-job">{title}</div>{cards.facts_table(_facts(one))}')
        if one.shelf is None:
            st.warning("It cannot be opened now: check it, to see why.")
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if one.shelf is not None:
                answers, _ = _opening(one.label, one.shelf)
                st.button("Use in Explore", key=f"use_{key}", on_click=leave.to_explore, args=(answers,))
            wanted = bool(one.entry) and st.button(
                "Check", key=f"check_{key}", help=f"Looks for every file and reads {FIRST} pictures of each split."
            )
            if one.place == CONNECTED:
                st.button("Disconnect", key=f"disconnect_{key}", on_click=disconnect, args=(one.entry,),
                          help="Takes it off the pages; its files stay as they are.")  # fmt: skip
        if wanted:
            look(one.entry, FIRST)
        found = remembered.last_check()
        if one.entry and found is not None and found.data == one.entry:
            tell(found)


def _opening(label: str, shelf: Shelf) -> opening.Opening:
    try:
        return opening.of_data(label, shelf)
    except (DataError, ImageError, OSError):
        return {}, "Its first picture cannot be read."


def form() -> None:
    folders = connections.folders()
    if not folders:
        st.markdown(NO_FOLDER)
        return
    entry = _chosen([str(folder) for folder in folders])
    every = st.toggle("Read every picture", key=keys.LIBRARY_EVERY, help=f"Else {FIRST} of each split, evenly spread.")
    if st.button("Check", key="check_new", type="primary", disabled=not entry):
        _look_at(entry, None if every else FIRST)
    found = remembered.last_check()
    if found is None or found.data in connections.entries():
        return
    st.markdown(plain(f"{found.label}: {found.data}"))
    tell(found)
    if found.is_usable:
        st.button("Connect", key="connect_new", type="primary", on_click=connect, args=(found.data,))


def _chosen(folders: list[str]) -> str:
    """`NAME:PATH` of what was found or typed; empty where nothing was yet."""
    suggestions = _suggestions((int(time.monotonic() // LASTING), *folders, *connections.entries()))
    options = [*suggestions, OTHER]
    chosen = st.selectbox(
        "Data set", options, key=keys.LIBRARY_FOUND, help=f"What was found below {', '.join(folders)}."
    )  # fmt: skip
    if chosen in suggestions:
        st.caption(f"Expected: {LAYOUTS[str(chosen).partition(':')[0]]}.")
        return str(chosen)
    kinds = {data.source(name).label: name for name in connections.connectable()}
    label = st.selectbox("Kind", list(kinds), index=list(kinds.values()).index("nyuv2"), key=keys.LIBRARY_KIND)
    st.caption(f"Expected: {LAYOUTS[kinds[label]]}.")
    path = st.text_input("Folder", key=keys.LIBRARY_PATH, placeholder=f"{folders[0]}/…", help="On the machine that "
                         "runs the program, below what its operator named.")  # fmt: skip
    return f"{kinds[label]}:{path.strip()}" if path.strip() else ""


@lru_cache(maxsize=4)
def _suggestions(_asked: tuple[object, ...]) -> list[str]:
    """Looked for again after some seconds, or where something else is connected: a page is drawn often."""
    return connections.suggestions()


def _look_at(entry: str, most: int | None) -> None:
    name, _, path = entry.partition(":")
    try:
        entry = connections.checked(name, path)
        if entry in connections.entries():
            raise DataError(f"{entry} is connected already")
    except DataError as error:
        remembered.keep_check(None)
        st.error(plain(f"{error}."))
        return
    look(entry, most)


def look(entry: str, most: int | None) -> None:
    """Checks a data set, with a bar while it does; what was found is remembered."""
    bar = st.progress(0.0, "Looking for its files …")
    for event in check(entry, most):
        if isinstance(event, Check):
            remembered.keep_check(event)
        else:
            bar.progress(
                event.done / event.total, f"{event.stage.capitalize()}: {event.done} of {event.total} pictures"
            )
    bar.empty()


def tell(found: Check) -> None:
    """What a check found."""
    there = "".join(f"<li>{html.escape(capital(sentence))}</li>" for sentence in found.sentences)
    if there:
        st.html(f'<ul class="mta-check">{there}</ul>')
    if found.is_sound:
        st.success(found.verdict)
        return
    lines = "\n".join(f"- {plain(capital(problem))}" for problem in found.problems)
    (st.warning if found.is_usable else st.error)(f"{plain(found.verdict.replace(' above', ''))}\n\n{lines}")


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def connect(entry: str) -> None:
    """Called by a button."""
    if _do(lambda: connections.connect(entry)):
        remembered.note_away(KIND, "")
        remembered.tell("It is connected, and offered wherever data sets are chosen.")


def disconnect(entry: str) -> None:
    """Called by a button."""
    if _do(lambda: connections.disconnect(entry)):
        remembered.note_away(KIND, entry)


def _do(change: Callable[[], None]) -> bool:
    try:
        change()
    except (DataError, OSError) as error:
        remembered.tell(f"{error}.", is_error=True)
        return False
    resources.connected.clear()
    return True


def undo() -> None:
    """Offered while what was disconnected last is."""
    entry = remembered.away(KIND)
    if entry and entry not in connections.entries():
        with st.container(horizontal=True, vertical_alignment="center", key="library_undo", gap="small"):
            st.button("Undo", key="undo_disconnect", on_click=connect, args=(entry,))
            st.html(f'<div class="mta-status" role="status">{html.escape(entry)} disconnected</div>')
