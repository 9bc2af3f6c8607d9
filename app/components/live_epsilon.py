"""Epsilon under the finger: the pictures follow its slider in the browser, and the victim's answers as fast as they
come. What is computed while it moves is what would be computed if it were let go there."""

from __future__ import annotations

from dataclasses import replace

from app import scaled
from app.components.controls import RANGES
from app.panels import View
from app.request import Request
from app.request_json import digests
from app.result import Result
from app.scaled import Slider
from app.state import heard
from mta_core import victims
from mta_core.budget import Budget
from mta_core.kinds import Aim


def moved(request: Request) -> Request | None:
    """The same attack at the epsilon that the slider has been moved to since the page was drawn; None where it has not
    been, or where that epsilon is none of its range."""
    units = heard.moved()
    _, low, high, *_ = RANGES[request.budget.norm]
    if units is None or not low <= units <= high:
        return None
    budget = Budget.from_units(request.budget.norm, units)
    try:
        card = victims.find(request.victim)
        to = victims.find(request.to) if request.to else None
    except ValueError:  # taken away meanwhile
        return None
    aim = Aim(tuple(t.name for t in request.tasks), request.scope, request.target, budget)
    return replace(request, budget=budget, weights=digests(request.attack, card, aim, to))


def slider(request: Request, *, is_moved: bool, is_alone: bool) -> Slider:
    """What the stage is to follow.

    Args:
        request: what the side bar asks for.
        is_alone: whether there is one victim: two are not quick enough to follow.
    """
    key = RANGES[request.budget.norm][0]
    return Slider(key, request.budget, is_moved, is_alone)


def for_message(slider: Slider, result: Result, view: View, progress: float | None, *, with_files: bool) -> Slider:
    """The slider as the next message tells of it, see `app.panels.message`: with what the browser has of it, unless it
    asks for everything. What is sent is remembered."""
    known = () if with_files else heard.sent_directions()
    if with_files or progress is None:
        heard.note_directions([scaled.digest(result, view.perturbation)])
    return replace(slider, known=known)
