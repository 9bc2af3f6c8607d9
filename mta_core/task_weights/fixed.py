"""Weights that stay as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mta_core.task_weights.base import TaskWeights
from mta_core.tasks import task


class Uniform(TaskWeights):
    """1/M each, as in the paper."""

    name = "uniform"

    def alphas(self) -> dict[str, float]:
        return dict.fromkeys(self.tasks, 1 / len(self.tasks))


class Fixed(TaskWeights):
    """Given numbers above 0, divided by their sum."""

    name = "fixed"

    def __init__(self, tasks: Sequence[str], given: Sequence[tuple[str, float]]) -> None:
        super().__init__(tasks)
        self._alphas = shares(given, tasks)

    def alphas(self) -> dict[str, float]:
        return dict(self._alphas)


def shares(given: Sequence[tuple[str, float]], tasks: Sequence[str]) -> dict[str, float]:
    """Numbers above 0, one a task, divided by their sum.

    Raises:
        ValueError: they are others.
    """
    values = dict(given)
    sound = all(math.isfinite(value) and value > 0 for value in values.values())
    if not sound or set(values) != set(tasks) or len(values) < len(given):
        typed = ", ".join(f"{name}={value:g}" for name, value in given) or "none"
        raise ValueError(f"expected one weight above 0 for each of {', '.join(tasks)}, got {typed}")
    total = sum(values.values())
    return {name: values[name] / total for name in tasks}


def parse_weights(text: str, tasks: Sequence[str]) -> dict[str, float]:
    """`segmentation=2,depth=1` as shares of the tasks.

    Raises:
        ValueError: a piece is no TASK=NUMBER, or a task has no number, two, or one that is not above 0.
    """
    given = []
    for piece in text.split(","):
        key, equals, value = piece.partition("=")
        try:
            number = float(value)
        except ValueError:
            number, equals = 0.0, ""
        if not equals:
            raise ValueError(f"expected --weights TASK=NUMBER,TASK=NUMBER, got {piece[:100]!r}")
        given.append((task(key.strip()).name, number))
    return shares(given, tasks)
