"""What a browser needs to make adversarial pictures of other epsilons by itself. No streamlit here.

At epsilon e a picture is `clip(clean + step * min(e, reach) * direction)`, in grey levels, with a direction of whole
numbers that is the same at every epsilon where the attack scales, so that it is sent once. Where an attack does not,
its direction is that of the result at hand, and what comes of it a preview.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from app.request import Request
from app.result import Result
from mta_core import victims
from mta_core.budget import MAX_L2, MIN_L2, Budget, Norm
from mta_core.kinds import Aim

LARGEST = 32767
"""What the largest value of a direction becomes: precise to a thousandth of a grey level at any epsilon that shows."""
FILLED = 0.999
"""Share of its budget from which on a perturbation may well be one that a larger budget would let grow."""
ENDS = {Norm.LINF: (1e-6, 1.0), Norm.L2: (MIN_L2, MAX_L2)}


@dataclass(frozen=True)
class Direction:
    """(3, H, W), of any scale, for a browser."""

    values: Tensor

    @cached_property
    def top(self) -> float:
        return float(self.values.abs().max()) or 1.0

    @cached_property
    def file(self) -> bytes:
        """Little-endian 16-bit numbers, red, green and blue of each pixel together."""
        scaled = (self.values.double() * (LARGEST / self.top)).round().permute(1, 2, 0)
        return np.ascontiguousarray(scaled.numpy().astype("<i2")).tobytes()

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.file).hexdigest()[:16]


@dataclass(frozen=True)
class Place:
    """A panel of the stage that follows epsilon.

    Attributes:
        row, cell: where it is.
        gain: of an amplified perturbation, 0 for the automatic one; None for an adversarial picture.
    """

    row: str
    cell: int
    gain: float | None = None


@dataclass(frozen=True)
class Slider:
    """Where epsilon is chosen on the page.

    Attributes:
        key: of the widget.
        asked: what it said when the page was drawn, in units of the budget.
        is_moved: whether the stage shows what it has been moved to since.
        may_follow: whether the victim's answers may follow while it is moved.
        known: digests of the directions that the browser has.
    """

    key: str
    asked: Budget
    is_moved: bool = False
    may_follow: bool = True
    known: Collection[str] = ()


def digest(result: Result, name: str) -> str:
    """Of the direction of a perturbation."""
    return _direction_of(result, name)[0].digest


Panels = list[tuple[dict[str, Any], Direction]]
"""Panels as the browser reads them, each with the direction it names."""


def panels(result: Result, name: str, *places: Place) -> Panels:
    """Those that show a perturbation of a result, or the picture with it."""
    direction, length, reach = _direction_of(result, name)
    unit = Budget.from_units(result.request.budget.norm, 1).epsilon
    told = {
        "file": direction.digest,
        "step": 255 * unit * direction.top / LARGEST / length,
        "reach": None if math.isinf(reach) else reach / unit,
        "exact": is_exact(result, name),
    }
    return [(told | {"row": place.row, "cell": place.cell, "gain": place.gain}, direction) for place in places]


def message(made: Panels, result: Result, slider: Slider, *, with_files: bool) -> tuple[dict[str, Any] | None, bytes]:
    """What the stage's message says of epsilon, and the files that this names by digest and length: 16-bit numbers,
    red, green and blue of each pixel together.

    Args:
        result: what is seen. Nothing is said where the slider is of another norm.
        with_files: whether to send those that the browser has not got.
    """
    budget = result.request.budget
    if budget.norm is not slider.asked.norm:
        return None, b""
    files = {d.digest: d.file for _, d in made if d.digest not in slider.known} if with_files else {}
    header = {
        "key": slider.key,
        "asked": slider.asked.units,
        "moved": slider.is_moved,
        "seconds": result.preview_seconds if slider.may_follow else None,
        "shown": budget.units,
        "unit": "/255" if budget.norm is Norm.LINF else " (L2)",
        "panels": [panel for panel, _ in made],
        "files": [[digest, len(file)] for digest, file in files.items()],
    }
    return header, b"".join(files.values())


def _direction_of(result: Result, name: str) -> tuple[Direction, float, float]:
    """It, its length, and the epsilon from which on it gets no longer."""
    return result.once(("direction", name), lambda: _direction(result, name))


def _direction(result: Result, name: str) -> tuple[Direction, float, float]:
    budget = result.request.budget
    values = result.directions.get(name)
    is_capped = result.request.attack.scaling == "capped"
    if values is None:
        values = result.outcome.perturbations[name].perturbation
    length = float(budget.norm_of(values[None])) or 1.0
    if name not in result.directions:
        is_capped = length < FILLED * budget.epsilon
    return Direction(values), length, length if is_capped else math.inf


def is_exact(result: Result, name: str) -> bool:
    """Whether the attack's own answer at another epsilon is this perturbation scaled."""
    return name in result.directions and result.once(("one generator",), lambda: _is_one(result.request))


def _is_one(request: Request) -> bool:
    """Whether the same weights draw at every epsilon: of several generators the one trained for it is chosen."""
    low, high = (Budget(request.budget.norm, epsilon) for epsilon in ENDS[request.budget.norm])
    aim = Aim(tuple(t.name for t in request.tasks), request.scope, request.target)
    try:
        card = victims.find(request.victim)
        return request.attack.weights(card, replace(aim, budget=low)) == request.attack.weights(
            card, replace(aim, budget=high)
        )
    except ValueError:  # whatever it was drawn with is gone
        return False
