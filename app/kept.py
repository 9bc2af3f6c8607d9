"""What was computed lately: shared by all browsers for pictures that are there anyway, private for uploads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
RESULTS = 10
"""Of about 20 MB each."""
ANSWERS = 64
"""Of about 3 MB each."""
STANDINGS = 256
"""Of about 50 KB each."""


SERIES = 64
"""Of about 50 KB each."""


POINTS = 256
"""Of about 50 KB each."""


class Recent(Generic[Value]):
    """The values used last, by key; safe among threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> Value | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Hashable, value: Value) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)

    def shrink(self, size: int) -> None:
        """Forgets all but the values used last."""
        with self._lock:
            while len(self._values) > size:
                self._values.popitem(last=False)


class Kept:
    """Results of attacks and series, curves, victims' answers, rows of comparisons. An upload has its own, which end
    with its session."""

    def __init__(self, results: int = RESULTS, answers: int = ANSWERS) -> None:
        self.results: Recent[Any] = Recent(results)
        self.curves: Recent[Any] = Recent(results)
        self.answers: Recent[Any] = Recent(answers)
        self.standings: Recent[Any] = Recent(STANDINGS)
        self.series: Recent[Any] = Recent(SERIES)
        self.survival: Recent[Any] = Recent(POINTS)

    def shrink(self) -> None:
        """Forgets the large things that were kept for those who are gone."""
        self.results.shrink(1)
        self.curves.shrink(1)
        self.answers.shrink(4)
        self.survival.shrink(16)
