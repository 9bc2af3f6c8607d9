"""Which runs of a store are wanted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

WORDS = ("data", "split", "victim", "source", "attack", "task", "metric", "aggregation", "goal", "scope", "norm")
"""Fields of rows that are searched for whole words."""

Condition = tuple[str, list[Any]]
"""In SQL, with the values of its question marks."""


@dataclass(frozen=True)
class Search:
    """Runs that meet every condition and have rows that do; an empty condition is met by all.

    Attributes:
        words: accepted values of fields among `WORDS`, such as `{"task": ["depth"]}`.
        epsilon: least and largest, in the unit of the row; None where there is no bound.
        text: words that the run has somewhere in its rows or provenance, in any case.
        since, until: when it was finished; the end does not belong to it.
        is_deleted: runs that were deleted instead of those that are there.
    """

    words: Mapping[str, Collection[str]] = field(default_factory=dict)
    epsilon: tuple[float | None, float | None] = (None, None)
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    is_deleted: bool = False

    def of_runs(self) -> Condition:
        parts, values = [f"runs.deleted_at IS {'NOT ' if self.is_deleted else ''}NULL"], []
        for word in dict.fromkeys(searchable(self.text).split()):
            parts.append("instr(runs.words, ?) > 0")
            values.append(word)
        for sign, date in ((">=", self.since), ("<", self.until)):
            if date is not None:
                parts.append(f"runs.date {sign} ?")
                values.append(written(date))
        return " AND ".join(parts), values

    def of_rows(self) -> Condition:
        parts, values = ["rows.run = runs.id"], list[Any]()
        for key, accepted in self.words.items():
            assert key in WORDS, key
            if accepted:
                parts.append(f'rows."{key}" IN ({",".join("?" * len(accepted))})')
                values += map(_kept, accepted)
        for sign, bound in zip((">=", "<="), self.epsilon, strict=True):
            if bound is not None:
                parts.append(f"rows.epsilon {sign} ?")
                values.append(bound)
        return " AND ".join(parts), values


EVERYTHING = Search()


def searchable(text: str) -> str:
    """The same for texts that differ in capitals alone; without halves of surrogate pairs, which SQLite lacks."""
    return _kept(text).casefold()


def _kept(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def written(date: datetime) -> str:
    """In UTC, so that texts sort as times do."""
    return date.astimezone(UTC).isoformat(timespec="seconds")
