"""How much an attack costs a victim over a data set: any victim, data, attack, budget and tasks to rows.

Pictures stream: only one batch and running sums are held. Attacks climb gradients in the device's fast precision,
measures are always taken in float32. Every picture draws its own random numbers, so rows do not depend on the batch
size beyond the rounding of the fast precision.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from mta_core import distributed
from mta_core.attacked import AttackedBatch, attack_batch
from mta_core.events import Event, Message, Pause, Progress, Row
from mta_core.setting import Setting
from mta_core.shares import Share, share_out
from mta_core.streaming import rest_of, stream
from mta_core.tally import Tally, rows
from mta_core.tasks.meter import PUBLISHED_BATCH

Save = Callable[[Callable[[], dict[str, Any]]], object]
"""Takes what makes the state, which costs something only where it is called."""
BATCH_DONE = Pause()


def evaluate(
    setting: Setting,
    *,
    limit: int | None = None,
    batch_size: int = 8,
    unreadable: list[str] | None = None,
    is_live: bool = False,
    state: Mapping[str, Any] | None = None,
    save: Save | None = None,
) -> Iterator[Event]:
    """Progress after every batch, then a `Row` for each attack, victim, task, measure and aggregation, in that order.

    A batch that does not fit into the device's memory is halved, and a picture that cannot be read is left out; a
    message says so.

    Of several processes each takes its share of the pictures; progress is that of its own, the rows are those of all.

    Args:
        limit: how many pictures, from the first; all where it is None.
        unreadable: filled with the names of the pictures that were left out.
        is_live: for one who follows, and shares the accelerator: progress comes with every step of the attack too, and
            all rows, of the pictures so far, follow that of each batch; the last ones are the result. In one process.
        state: what an earlier call with the same arguments gave to `save`: it goes on from there. In one process.
        save: given, after each batch, what makes that state, of tensors and numbers.

    Raises:
        KeyError, TypeError, RuntimeError: `state` is of nothing alike.
        ValueError: the victim, attack, data and tasks do not go together, or a number is below 1.
        DataError: labels cannot be read, or no picture at all.
    """
    left_out: list[str] = [] if unreadable is None else unreadable
    if batch_size < 1 or (limit is not None and limit < 1):
        raise ValueError("expected a batch size and a limit of at least 1")
    setting.check()
    # Now: what they name may be gone when the work is done.
    identities = [[setting.identity(subject, attack) for subject in setting.subjects] for attack in setting.attacks]
    assert not is_live or distributed.size() == 1, "one who follows would see a share of the pictures only"
    parts = yield from _shared_out(setting, limit, left_out)
    yield from _Run(setting, identities, parts, left_out, is_live, Tally.empty(setting)).events(batch_size, state, save)


def _shared_out(
    setting: Setting, limit: int | None, left_out: list[str]
) -> Generator[Message, None, list[tuple[Setting, Share]]]:
    """The parts of a setting, each with this process's share of its pictures."""
    found = []
    for part in setting.parts():
        together = PUBLISHED_BATCH if setting.has_published else 1
        found.append((part, (yield from share_out(part.source, part.count(limit), left_out, together))))
    return found


@dataclass(frozen=True)
class _Run:
    """An evaluation under way."""

    setting: Setting
    identities: Sequence[Sequence[Mapping[str, Any]]]
    """By attack and victim."""
    parts: Sequence[tuple[Setting, Share]]
    left_out: list[str]
    is_live: bool
    tally: Tally

    @property
    def total(self) -> int:
        return sum(len(share.indices) for _, share in self.parts)

    def events(self, batch_size: int, state: Mapping[str, Any] | None, save: Save | None) -> Iterator[Event]:
        known: list[str] = []
        if state is not None:
            self.tally.restore(state["tally"])
            known = list(state["left_out"])
            yield self._progress()
            yield from self._so_far()
            yield BATCH_DONE
        for number in range(len(self.parts)):
            for event in self._part(number, known, batch_size):
                if save is not None and event is BATCH_DONE:
                    save(self._state)
                yield event
        if distributed.size() > 1:
            self.tally.unite()
            yield self.tally.progress(self.tally.num_pictures, self.setting.budget)
        if not self.is_live:
            yield from self._rows()

    def _state(self) -> dict[str, Any]:
        return {"tally": self.tally.state(), "left_out": list(self.left_out)}

    def _progress(self) -> Progress:
        return self.tally.progress(self.total, self.setting.budget)

    def _rows(self) -> Iterator[Row]:
        return rows(self.setting, self.identities, self.tally)

    def _so_far(self) -> Iterator[Row]:
        """The rows of the pictures so far, for one who follows."""
        if self.is_live:
            yield from self._rows()

    def _part(self, number: int, known: Sequence[str], batch_size: int) -> Iterator[Event]:
        """The pictures of a part that are not done yet."""
        part, share = self.parts[number]
        done = self.tally.by_part.get(number, 0)
        rest = rest_of(part.source, share.indices, done, known, self.left_out)
        work, keep = partial(self._attacked, part), partial(self._kept, number)
        self.tally.skip(part.tasks, share.before)
        yield from stream(part.source, rest, batch_size, self.left_out, work, keep, first=share.before + done)

    def _attacked(
        self, part: Setting, images: Tensor, targets: Mapping[str, Tensor], first: int
    ) -> Generator[Event, None, AttackedBatch]:
        """One batch under attack, which is paused after every step where somebody follows."""
        pause = self._progress()
        work = attack_batch(part, images, targets, first)
        while True:
            try:
                next(work)
            except StopIteration as end:
                made: AttackedBatch = end.value
                return made
            if self.is_live:
                yield pause

    def _kept(self, number: int, batch: AttackedBatch) -> Iterator[Event]:
        """Adds a batch of a part to the tally."""
        self.tally.add(self.parts[number][0], batch)
        self.tally.by_part[number] = self.tally.by_part.get(number, 0) + len(batch.images)
        yield self._progress()
        yield from self._so_far()
        yield BATCH_DONE
