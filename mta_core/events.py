"""What long work yields. The command line prints these, the browser draws them, tests list them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of work are finished.

    Attributes:
        unit: what is counted, in the plural: "pictures", "steps".
        values: named scalars to draw, e.g. `{"loss": 1.2, "learning rate": 1e-3}`.
        stage: what is being done, in a few words.
    """

    done: int
    total: int
    unit: str
    values: Mapping[str, float] = field(default_factory=dict)
    stage: str = ""


@dataclass(frozen=True)
class Row:
    """One finished result; `values` has the keys of `mta_core.results.ROW_KEYS` where it is a measurement."""

    values: Mapping[str, Any]


@dataclass(frozen=True)
class Message:
    """Something a person should know: a checkpoint was written, a batch was halved for want of memory."""

    text: str


@dataclass(frozen=True)
class Pause:
    """Nothing to show: others that need the device may have their turn now."""


Event = Progress | Row | Message | Pause
