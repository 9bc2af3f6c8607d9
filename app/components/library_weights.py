"""The cards of victims and generators; weights from elsewhere are taken in and taken away."""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Mapping
from pathlib import PurePath
from typing import Any

import streamlit as st

from app import cards, remembered
from app.cards import Entry
from app.components import leave, opening
from app.state import keys
from mta_core import PROGRAM, connections, imported
from mta_core.data import DataError
from mta_core.weights import MAX_BYTES, WeightsError
from mta_core.wording import counted

KIND = "weights"
"""Of what `remembered` can bring back."""
MAX_UPLOAD_MB = 500
WIDE = 2
"""Cards beside each other; on a phone they are below each other."""
NONE = {
    "victim": f"`{PROGRAM} train victim --preset dmtl-tiny --out runs/dmtl-tiny`",
    "generator": f"`{PROGRAM} train generator --preset live --out runs/live`",
}


def draw(kind: str, text: str, labels: Collection[str], places: Collection[str]) -> None:
    known = cards.entries(kind)
    shown = [entry for entry in known if cards.is_wanted(entry, text, labels, places)]
    said = counted(len(shown), kind) + (f" of {len(known)}" if len(shown) < len(known) else "")
    st.html(f'<div class="mta-status" role="status">{html.escape(said)}</div>')
    undo()
    with st.expander("Import weights", key="library_import"):
        form()
    if not known:
        st.info(f"There is none yet. Train one on the page Train, or {NONE[kind]}.")
    elif not shown:
        st.caption("None is like that: take back some of what is asked for in the side bar.")
    for first in range(0, len(shown), WIDE):
        for place, entry in zip(st.columns(WIDE), shown[first : first + WIDE], strict=False):
            with place:
                card(entry)


def card(entry: Entry) -> None:
    made = entry.card
    with st.container(border=True, key=f"card_{made.kind}_{made.name}", gap="small"):
        st.html(cards.head(entry))
        answers, reason = opening.of_victim(made) if made.kind == "victim" else opening.of_generator(made)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button(
                "Use in Explore", key=f"use_{made.kind}_{made.name}", on_click=leave.to_explore, args=(answers,),
                disabled=not answers, help=reason or None,
            )  # fmt: skip
            if entry.place == imported.IMPORTED_PLACE:
                st.button("Remove", key=f"remove_{made.kind}_{made.name}", on_click=remove, args=(made.name,))
        with st.expander("The whole card", key=f"whole_{made.kind}_{made.name}", type="compact"):
            st.html(cards.facts_table(cards.facts(entry)))
            if table := cards.measures_table(made):
                st.html(table)
            if made.command:
                st.caption("The command that makes it:")
                st.code(made.command, language="bash", wrap_lines=True)


def form() -> None:
    """Two files at once, or one after the other."""
    st.caption(
        "A `.safetensors` file and its card, the `.json` beside it. Both are checked before anything is kept: the "
        "digest, the architecture, every number. Pickled files (`.pt`, `.pth`) are not opened: they can run programs."
    )
    files = st.file_uploader(
        "Weights and card", key=keys.LIBRARY_FILES, accept_multiple_files=True, max_upload_size=MAX_UPLOAD_MB
    )
    path = ""
    if connections.folders():
        path = st.text_input(
            "Or where they lie on this machine", key=keys.LIBRARY_FILE, placeholder="…/NAME.safetensors",
            help="Below the folders that the operator named, with the card beside it.",
        ).strip()  # fmt: skip
    name = st.text_input("Name here", key=keys.LIBRARY_NAME, placeholder="as in the card").strip()
    found = _parted({file.name: file for file in files or []})
    missing = [what for what, file in found.items() if file is None]
    if missing and path:
        st.button("Import", key="import_weights", type="primary", on_click=take_path, args=(path, name))
        return
    asked = f"Choose {' and '.join(missing)} {'too' if files else 'first'}." if missing else ""
    st.button(
        "Import", key="import_weights", type="primary", on_click=take_files, args=(found, name),
        disabled=bool(missing), help=asked or None,
    )  # fmt: skip
    if files and asked:
        st.info(asked)


def _parted(files: Mapping[str, Any]) -> dict[str, Any]:
    """The card is what is called JSON, the weights whatever else there is, so that a wrong file is told why."""
    jsons = [file for name, file in files.items() if PurePath(name).suffix.lower() == ".json"]
    others = [file for file in files.values() if file not in jsons]
    return {"the weights": others[0] if others else None, "the card": jsons[0] if jsons else None}


def take_files(found: Mapping[str, Any], name: str) -> None:
    """Called by the button."""
    weights, card = found["the weights"], found["the card"]
    _take_in(weights.name, lambda: (weights.getvalue(), card.getvalue()), name)


def take_path(path: str, name: str) -> None:
    """Called by the button."""

    def read() -> tuple[bytes, bytes]:
        file = connections.below(path)
        card = connections.below(str(file.with_suffix(".json")))
        return imported.read_file(file), imported.read_file(card, MAX_BYTES)

    _take_in(PurePath(path).name, read, name)


def _take_in(title: str, read: Callable[[], tuple[bytes, bytes]], name: str) -> None:
    try:
        made = imported.take_in(*read(), name)
    except (DataError, WeightsError) as error:
        remembered.tell(f"Nothing imported from {title}: {error}.", is_error=True)
    except OSError as error:
        remembered.tell(f"Nothing imported from {title}: {error.strerror or error}.", is_error=True)
    else:
        remembered.note_away(KIND, "")
        remembered.tell(f"The {made.kind} {made.name} is imported. It is offered on every page from now on.")


def remove(name: str) -> None:
    """Called by a button."""
    _do(lambda: imported.remove(name), name)


def restore(name: str) -> None:
    """Called by a button."""
    _do(lambda: imported.restore(name), "")


def _do(change: Callable[[], None], away: str) -> None:
    try:
        change()
    except (WeightsError, OSError) as error:
        remembered.tell(f"{error}.", is_error=True)
    else:
        remembered.note_away(KIND, away)


def undo() -> None:
    """Offered while what was removed last can come back."""
    name = remembered.away(KIND)
    if name and name in imported.removed():
        with st.container(horizontal=True, vertical_alignment="center", key="library_undo", gap="small"):
            st.button("Undo", key="undo_remove", on_click=restore, args=(name,))
            st.html(f'<div class="mta-status" role="status">{html.escape(name)} removed</div>')
