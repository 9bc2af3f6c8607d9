"""What a panel of the stage says at the cursor: its values, packed for the browser. No streamlit here."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mta_core.tasks import Task
from mta_core.tasks.classification import Classification
from mta_core.tasks.normals import Normals

NUMBER, PERTURBATION = 1000, 100
"""Steps that the span of a panel's values is told in, at least: of a number, and of each channel of a perturbation."""
PLACES = {"m": 3, "°": 1}
"""Decimal places of values in a unit, as measures have them."""
MOST = 65_000
"""And at most, where there are decimal places: a value takes two bytes then."""


@dataclass(frozen=True, eq=False)
class Reading:
    """The values of a panel, rounded to the decimal places that are shown.

    Attributes:
        kind: how the browser words them: "classes", "changed", "number", "vector", "direction" or "perturbation".
        planes: each (H, W); NaN where there is no value.
        digits: decimal places of each plane; empty for as many as tell their common span in `steps`.
        told: what else the browser must know: names and colours of classes, the unit of numbers.
    """

    kind: str
    planes: Sequence[Tensor]
    digits: tuple[int, ...] = ()
    steps: int = NUMBER
    told: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """The same for the same values, so that the browser need not ask again for what it has."""
        shape = tuple(self.planes[0].shape)
        seen = hashlib.sha256(repr((self.kind, shape, self.digits, self.steps, self.told)).encode())
        for plane in self.planes:
            seen.update(plane.contiguous().numpy().tobytes())
        return seen.hexdigest()[:16]

    def packed(self) -> bytes:
        """A line of JSON, then a zlib stream of the planes, one after the other.

        A plane holds whole numbers q of one, two or four bytes: the value is (q + least) / 10^digits; the largest q
        there can be means that there is none. What is stored of each q is the difference from the one before it, since
        neighbours are alike: first the low bytes of all, then the next ones.
        """
        height, width = self.planes[0].shape
        digits = self.digits or (_digits(self.planes, self.steps),) * len(self.planes)
        made = [_whole(plane, places) for plane, places in zip(self.planes, digits, strict=True)]
        planes = [
            {"bytes": q.itemsize, "least": least, "digits": places}
            for (q, least), places in zip(made, digits, strict=True)
        ]
        header = {"kind": self.kind, "width": width, "height": height, "planes": planes, **self.told}
        return json.dumps(header).encode() + b"\n" + zlib.compress(b"".join(_differences(q) for q, _ in made), 1)


def of_answer(t: Task, value: Tensor, probability: Tensor | None = None, *, is_label: bool = False) -> Reading | None:
    """What a task answers, (1, ...) in label space; None where that is one answer for the whole picture.

    Args:
        probability: of classes, (1, H, W).
        is_label: whether it is no victim's answer but a label, which some pixels may lack.
    """
    if isinstance(t, Classification):
        return None
    known = t.valid(value) if is_label or not value.is_floating_point() else value.isfinite().all(1)
    planes = [torch.where(known[0], plane, torch.nan) for plane in (value[0] if value.ndim == 4 else value)]
    if not value.is_floating_point():
        if probability is not None:
            planes.append(100 * probability[0])
        told = {"names": list(t.classes), "colours": list(t.palette)}  # type: ignore[attr-defined]
        return Reading("classes", planes, (0,) * len(planes), told=told)
    if isinstance(t, Normals):
        aside = torch.rad2deg(torch.atan2(planes[0], planes[2]))
        up = torch.rad2deg(torch.asin(planes[1].clamp(-1, 1)))
        return Reading("direction", [*planes, aside, up], (2, 2, 2, 0, 0))
    if len(planes) > 1:
        return Reading("vector", planes, (2,) * len(planes))
    return _number(planes[0], t.legend(value).unit)


def of_difference(t: Task, difference: Tensor) -> Reading:
    """How far two answers of a task are apart, (1, H, W): see `Task.difference`."""
    if hasattr(t, "classes"):
        return Reading("changed", [difference[0]], (0,))
    return _number(difference[0], unit_of_difference(t))


def of_perturbation(perturbation: Tensor) -> Reading:
    """A signed change of a picture, (3, H, W) on the [0, 1] pixel scale, in 1/255."""
    return Reading("perturbation", list(255 * perturbation), steps=PERTURBATION)


def unit_of_difference(t: Task) -> str:
    return t.difference_label.partition("(")[2].rstrip(")")


def _number(plane: Tensor, unit: str) -> Reading:
    return Reading("number", [plane], (PLACES[unit],) if unit in PLACES else (), told={"unit": unit})


def _digits(planes: Sequence[Tensor], steps: int) -> int:
    """Decimal places that tell the span of all these values in as many steps at least, but in no more than two bytes
    hold."""
    values = torch.stack(list(planes))
    known = values[values.isfinite()].double()
    if not len(known):
        return 0
    span = float(known.max() - known.min()) or float(known.abs().max()) or 1.0
    return max(0, min(math.floor(math.log10(MOST / span)), math.ceil(math.log10(steps / span)), 6))


def _whole(plane: Tensor, digits: int) -> tuple[NDArray[Any], int]:
    """Values times 10^digits as whole numbers above the least of them, and that one."""
    values = plane.double().numpy() * 10.0**digits
    known = np.isfinite(values)
    whole = np.rint(np.where(known, values, 0)).astype(np.int64)
    least = int(whole[known].min()) if known.any() else 0
    whole -= least
    most = int(whole.max(where=known, initial=0))
    kind = next(kind for kind in (np.uint8, np.uint16, np.uint32) if most < np.iinfo(kind).max)
    return np.where(known, whole, np.iinfo(kind).max).astype(kind), least


def _differences(q: NDArray[Any]) -> bytes:
    steps = np.diff(q.reshape(-1), prepend=q.dtype.type(0))  # wraps around
    return b"".join((steps >> 8 * byte).astype(np.uint8).tobytes() for byte in range(q.itemsize))
