"""Does an attack survive what happens to a picture before a victim sees it?

Kurakin, Goodfellow, Bengio: "Adversarial examples in the physical world" (ICLR workshop 2017) count how many
misclassifications a transformation destroys. Here answers are numbers as often as classes, so what is told is how much
of the damage is left (`left`), task by task, beside the clean picture and random noise of the same size.
"""

from __future__ import annotations

from collections.abc import Sequence

from mta_core.survival.base import Transformation, Trial
from mta_core.survival.camera import Blur, Brightness, SensorNoise
from mta_core.survival.geometry import Crop, Resize
from mta_core.survival.saving import UNTOUCHED, BitDepth, Jpeg, Rounding, WebP

TRANSFORMATIONS: tuple[Transformation, ...] = (
    Jpeg(), WebP(), Rounding(), BitDepth(), Resize(), Crop(), Blur(), SensorNoise(), Brightness(),
)  # fmt: skip
MAX_STRENGTHS = 64
"""Of a transformation, in one measurement."""


def transformation(name: str) -> Transformation:
    """Raises ValueError where there is no such transformation."""
    for known in TRANSFORMATIONS:
        if known.name == name:
            return known
    names = ", ".join(t.name for t in TRANSFORMATIONS)
    raise ValueError(f"expected a transformation among {names}, got {name[:100]!r}")


def trials_of(kind: Transformation) -> list[Trial]:
    """At every strength of its curve, in its order."""
    return [Trial(kind, strength) for strength in kind.strengths]


def middle_of(kind: Transformation) -> Trial:
    return Trial(kind, kind.middle)


def curve_of(kind: Transformation) -> list[Trial]:
    """The same with the untouched picture in its place."""
    trials = trials_of(kind)
    return [*trials[: kind.num_before], UNTOUCHED, *trials[kind.num_before :]]


def parse_trials(text: str | None) -> list[Trial]:
    """What `jpeg,blur=0.5:2` names: transformations, each at its usual strengths or at those that follow it.

    None and an empty text are all of them.

    Raises:
        ValueError: a transformation is unknown or named twice, or a number is no strength of it.
    """
    if not text:
        return [trial for kind in TRANSFORMATIONS for trial in trials_of(kind)]
    found: dict[str, list[Trial]] = {}
    for piece in text.split(","):
        name, equals, numbers = piece.strip().partition("=")
        kind = transformation(name)
        if name in found:
            raise ValueError(f"expected each transformation once, got {name} twice")
        found[name] = [Trial(kind, s) for s in _strengths(kind, numbers)] if equals else trials_of(kind)
    return [trial for trials in found.values() for trial in trials]


def _strengths(kind: Transformation, text: str) -> Sequence[float]:
    """Raises ValueError where these are no numbers, too many, or it takes none."""
    if not kind.axis:
        raise ValueError(f"expected {kind.name} without a strength: it has none")
    pieces = text.split(":")
    try:
        strengths = list(dict.fromkeys(map(float, pieces)))
    except ValueError:
        raise ValueError(f"expected {kind.name}=NUMBER:NUMBER:..., got {text[:100]!r}") from None
    if len(strengths) > MAX_STRENGTHS:
        raise ValueError(f"expected at most {MAX_STRENGTHS} strengths of {kind.name}, got {len(strengths)}")
    return strengths


__all__ = [
    "TRANSFORMATIONS",
    "UNTOUCHED",
    "Transformation",
    "Trial",
    "curve_of",
    "middle_of",
    "parse_trials",
    "transformation",
    "trials_of",
]
