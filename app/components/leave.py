"""Goes to another page of the program in the same session, as a click on its name at the top does.

`st.switch_page` empties the address first, which leaves the browser's Back with an address that shows something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from app.components import goals
from app.components.registering import register, together
from app.state import pages

_component = register("leave", together("leave.js"))


def to_explore(answers: Mapping[str, object]) -> None:
    """Shows Explore with its controls set to these answers, by their keys; called by a click."""
    pages.leave_for("Explore", answers)


def go() -> None:
    """Goes where a click led to; drawn by whatever part of the page may be drawn after it."""
    if asked := pages.leaving():
        _, since, answers = asked
        _component(key="leave", data={"link": explore_link(answers), "token": since})


def explore_link(answers: Mapping[str, object]) -> str:
    """The address of Explore, as seen from any other page, that sets its controls in a new session."""
    values = {key: in_link(key, value) for key, value in answers.items()}
    return f"./?{urlencode(values, doseq=True)}"


def in_link(key: str, value: object) -> object:
    """A control's value as the control writes it into the address."""
    if isinstance(value, bool):
        return str(value).lower()
    if key.startswith(goals.TARGET):
        return goals.shown(str(value))
    return f"{value:g}" if isinstance(value, float) else value
