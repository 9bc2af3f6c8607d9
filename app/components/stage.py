"""The stage: every picture, verdict and legend of a result in one component, so that they change together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.components.registering import register, together
from app.state import heard, keys

SCRIPT = together(
    "shared.js", "stage_view.js", "stage_values.js", "stage_inspect.js", "stage_before.js", "stage_tools.js",
    "live_epsilon.js", "stage.js",
)  # fmt: skip
_component = register("stage", SCRIPT, together("stage.css", "stage_inspect.css", "live_epsilon.css"))


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
        key=keys.STAGE, data=message(Wanted(heard.take_lacks(), heard.take_inspected())),
        on_lacks_change=heard.note_lacks, on_inspects_change=heard.note_inspected, on_moved_change=heard.note_moved,
    )  # fmt: skip
