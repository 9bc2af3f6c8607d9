"""The stage: every picture, verdict and legend of a result in one component, so that they change together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app import state

_FOLDER = Path(__file__).parent
_PARTS = ("stage_view", "stage_values", "stage_inspect", "stage_before", "stage_tools", "stage")
"""One script, in parts that see each other's functions."""


def _read(kind: str) -> str:
    files = (_FOLDER / f"{part}.{kind}" for part in _PARTS)
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.exists())


_component = st.components.v2.component("mta_stage", css=_read("css"), js=_read("js"), isolate_styles=False)


@dataclass(frozen=True)
class Wanted:
    """What the browser asks for: the pictures that it has not got, and values at the cursor by their digests."""

    files: bool = False
    values: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.files


def draw(message: Callable[[Wanted], bytes]) -> None:
    """Shows what `app.panels.message` makes, with what the browser has asked for."""
    _component(
        key=state.STAGE, data=message(Wanted(state.take_lacks(), state.take_inspected())),
        on_lacks_change=state.note_lacks, on_inspects_change=state.note_inspected,
    )  # fmt: skip
