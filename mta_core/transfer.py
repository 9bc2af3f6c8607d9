"""Do adversarial pictures made on one victim fool another? (MTA section 4.4, Table 6)

The perturbations are made once, on the pictures at the size of the victim they are made on, and both victims answer
the very same adversarial pictures. One that was made for another size is shown them resized, see `victims.Resized`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mta_core.evaluate import evaluate
from mta_core.events import Event, Message
from mta_core.explore import Subject
from mta_core.setting import Setting
from mta_core.tasks import Task
from mta_core.victims import Resized

Values = Mapping[str, Any]
JOINED_BY = ("attack", "task", "metric", "aggregation")
"""What the rows of two victims have in common where they belong together."""


def transfer(setting: Setting, to: Subject, **options: Any) -> Iterator[Event]:
    """The events of `evaluate` for both victims: the rows of the one that is attacked, then those of the other.

    Their keys are the same but for `victim`; `source` names the one that the attack was made on in all of them. From a
    victim to itself there is one set of rows, the white-box ones.

    Args:
        setting: the attack on a victim, and the pictures at that one's size.
        to: the victim that is tried on them.
        options: see `evaluate`.

    Raises:
        ValueError: as `evaluate` does; `to` does not answer the tasks in the same label spaces, or the two are
            different and bear one name.
    """
    source = setting.subject
    check_pair(source, to, setting.tasks)
    if to is source:
        yield from evaluate(setting, **options)
        return
    ready = at_size(to, source.precise.input_size)
    if ready is not to:
        yield Message(resizing(source.name, source.precise.input_size, to.name, to.precise.input_size))
    yield from evaluate(replace(setting, others=(ready,)), **options)


def check_pair(source: Subject, to: Subject, tasks: Sequence[Task]) -> None:
    """Raises ValueError, in one sentence, where the two cannot be compared on these tasks."""
    if to.name == source.name and to is not source:
        raise ValueError(f"expected victims of two names, got two called {to.name}: rows could not tell them apart")
    own = to.precise.tasks
    for t in tasks:
        if own.get(t.name) != t.space:
            found = f"it answers it in {own[t.name]}" if t.name in own else f"it answers {', '.join(own)}"
            raise ValueError(f"expected a victim that answers {t.name} in {t.space}, {to.name} does not: {found}")


def common_tasks(source: Mapping[str, str], to: Mapping[str, str]) -> tuple[str, ...]:
    """The tasks that both victims answer, given the label spaces of their tasks; in different spaces too, which
    `check_pair` refuses.

    Raises:
        ValueError: there is none.
    """
    names = tuple(name for name in source if name in to)
    if not names:
        raise ValueError(f"expected victims with a task in common, got {', '.join(source)} and {', '.join(to)}")
    return names


def at_size(subject: Subject, size: tuple[int, int]) -> Subject:
    """The subject for pictures of that size (H, W): itself, or resizing them to the one it was made for."""
    if subject.precise.input_size == tuple(size):
        return subject
    precise = Resized(subject.precise, size)
    return replace(subject, precise=precise, fast=precise if subject.is_exact else Resized(subject.fast, size))


def resizing(source: str, size: tuple[int, int], other: str, other_size: tuple[int, int]) -> str:
    """What is done to the pictures for a victim of another size, for people. Sizes are (H, W)."""
    made, shown = (f"{width}x{height}" for height, width in (size, other_size))
    return (
        f"the adversarial pictures are made at {made}, the size of {source}; for {other} they are resized to {shown}, "
        f"and its answers back"
    )


@dataclass(frozen=True)
class Pair:
    """One measure under one attack: the row of the victim that the attack was made on, and that of the other."""

    source: Values
    to: Values

    @property
    def share(self) -> float:
        """How far the measure moves on the other victim, of how far it moves on the attacked one; see `share`.

        NaN where it does not move there, or not beyond what chance does: where its clean value is inside the 95 %
        interval of the value under attack, since the ratio of two accidents means nothing.
        """
        interval = self.source["ci95"]
        if interval is not None and interval[0] <= self.source["clean"] <= interval[1]:
            return math.nan
        return share(
            self.source["clean"], self.source["adversarial"], self.to["clean"], self.to["adversarial"]
        )  # fmt: skip


def share(source_clean: float, source_adversarial: float, clean: float, adversarial: float) -> float:
    """What a measure moves on a victim under an attack that was made on another, over what it moves on that one.

    1 where the attack does the same to both, 0 where the victim is not moved, negative where it is moved the other
    way. NaN where the measure does not move on the source at all.
    """
    moved = source_adversarial - source_clean
    return (adversarial - clean) / moved if moved else math.nan


def format_share(value: float) -> str:
    """As people read it; a dash where there is none."""
    return "–" if math.isnan(value) else f"{round(100 * value)} %"


def pairs(rows: Iterable[Values], source: str, to: str) -> list[Pair]:
    """The rows of a transfer, both victims' beside each other, in their order.

    Args:
        source, to: names of the victims.
    """
    listed = list(rows)

    def key(row: Values) -> tuple[Any, ...]:
        return tuple(row[name] for name in JOINED_BY)

    of_other = {key(row): row for row in listed if row["victim"] == to}
    return [Pair(row, of_other[key(row)]) for row in listed if row["victim"] == source]
