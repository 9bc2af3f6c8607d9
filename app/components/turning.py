"""What lets the parts of a page know in the browser that a person is leaving it."""

from __future__ import annotations

from app.components.registering import register, together

_component = register("turning", together("turning.js"))


def watch() -> None:
    """Drawn on every page before the names of the pages are: no click on them may be missed."""
    _component(key="turning")
