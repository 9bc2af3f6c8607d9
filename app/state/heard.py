"""What components in the browser told: what was clicked, what they lack, and where epsilon is being moved to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.state import keys

_LACKS, _INSPECTED, _MOVED, _DIRECTIONS = "_lacks", "_inspected", "_moved", "_directions"
DIRECTIONS = 4
"""How many of those sent last the browser keeps, as `live_epsilon.js` says."""


def told(component: str, what: str) -> Any:
    """What the browser's side of a component just told; None where the component is on no page any more by now: what a
    browser says may arrive after somebody has turned to another tab."""
    return getattr(st.session_state.get(component), what, None)


def picked(key: str) -> str:
    """The scene or object that was just clicked."""
    return str(told(keys.picker(key), "picked"))


def opened(key: str) -> tuple[str, str] | None:
    """The row and the task of the cell of the heat map of this key that was just clicked."""
    cell = told(key, "opened")
    return (str(cell[0]), str(cell[1])) if isinstance(cell, list | tuple) and len(cell) == 3 else None


def keep_told(component: str, what: dict[str, Any]) -> None:
    """Keeps it until the component is drawn, with what was told since it was last drawn."""
    st.session_state[f"_told_{component}"] = take_told(component) | what


def take_told(component: str) -> dict[str, Any]:
    """What was kept since this was last called."""
    return dict(st.session_state.pop(f"_told_{component}", {}))


def note_lacks(whose: str = _LACKS) -> None:
    """The browser has not got all the pictures that it is to show, on the stage unless `whose` they are is said."""
    st.session_state[whose] = True


def take_lacks(whose: str = _LACKS) -> bool:
    """Whether the browser asked for pictures since this was last called."""
    return bool(st.session_state.pop(whose, False))


def note_inspected() -> None:
    """The browser has not got all the values that it is to tell at the cursor."""
    digests = told(keys.STAGE, "inspects")
    st.session_state[_INSPECTED] = frozenset(str(one) for one in digests) if isinstance(digests, list) else frozenset()


def take_inspected() -> frozenset[str]:
    """Digests of the values that the browser asked for since this was last called."""
    return frozenset(st.session_state.pop(_INSPECTED, ()))


def note_moved() -> None:
    """Epsilon is being moved, and the browser asks for what comes of it."""
    to = told(keys.STAGE, "moved")
    number = to[0] if isinstance(to, list | tuple) and to else None
    if isinstance(number, int | float):
        st.session_state[_MOVED] = float(number)


def moved() -> float | None:
    """Where epsilon has been moved to since the page was drawn, in units; None where nobody asked."""
    return st.session_state.get(_MOVED)


def forget_moved() -> None:
    """The page is drawn anew, with epsilon where it is."""
    st.session_state.pop(_MOVED, None)


def sent_directions() -> tuple[str, ...]:
    """Digests of the directions of perturbations that the browser got last."""
    return st.session_state.get(_DIRECTIONS, ())


def note_directions(digests: Sequence[str]) -> None:
    """They have been sent, or were there and are used again."""
    before = [one for one in sent_directions() if one not in digests]
    st.session_state[_DIRECTIONS] = (*before, *digests)[-DIRECTIONS:]
