"""Pictures of a data source, a batch at a time that fits into memory; what cannot be read is left out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from mta_core.data import DataError, DataSource
from mta_core.data.loader import Place, batches
from mta_core.devices import is_out_of_memory
from mta_core.events import Event, Message
from mta_core.imaging import ImageError

Found = TypeVar("Found")
Work = Callable[[Tensor, Mapping[str, Tensor], int], Generator[Event, None, Found]]
"""Pictures (B, 3, H, W), their labels, and how many pictures came before, to what is found in them; it keeps nothing
yet, since it begins anew with fewer pictures where memory ends."""


def stream(
    source: DataSource,
    indices: Sequence[int],
    batch_size: int,
    left_out: list[str],
    work: Work[Found],
    keep: Callable[[Found], Iterator[Event]],
    *,
    first: int = 0,
) -> Iterator[Event]:
    """The pictures of these indices through `work`, and what is found in each batch to `keep`; yields their events.

    A batch that does not fit into the device's memory is halved, and a picture that cannot be read is left out, its
    name appended to `left_out`; a message says so.

    Args:
        first: how many pictures come before these, in the hands of other processes.

    Raises:
        ValueError: one picture alone does not fit.
        DataError: labels cannot be read, or none of these pictures, where none came before.
    """
    size, before = batch_size, first
    problems: deque[tuple[Place, ImageError]] = deque()
    tell = partial(leave_out, source, problems, lambda name, _: left_out.append(name))
    for images, targets in batches([source], [(0, index) for index in indices], batch_size, unreadable=problems):
        yield from tell()
        done = 0
        while done < len(images):
            window = slice(done, done + size)
            part = images[window], {name: target[window] for name, target in targets.items()}
            found = yield from _fitting(work(*part, before + done))
            if found is not None:
                done += len(part[0])
                yield from keep(found)
                found = None  # not held on to while the next batch needs its memory
            elif size == 1:
                raise ValueError(
                    "one picture does not fit into the device's memory: choose a smaller victim or the CPU"
                )
            else:
                size = max(1, size // 2)
                yield Message(f"out of memory on the device: going on with batches of {size}")
        before += done
    yield from tell()
    if not before and indices:
        raise none_readable(source, len(indices))


def rest_of(
    source: DataSource, indices: Sequence[int], done: int, known: Sequence[str], left_out: list[str]
) -> Sequence[int]:
    """The indices after the first `done` pictures that can be read; `known` are names of those that cannot, which are
    added to `left_out` where they come before."""
    for place, index in enumerate(indices):
        if not done:
            return indices[place:]
        if (name := source.name_of(index)) in known:
            left_out.append(name)
        else:
            done -= 1
    return indices[len(indices) :]


def none_readable(source: DataSource, count: int) -> DataError:
    return DataError(f"expected pictures that can be read in {source.label}, none of {count} can")


def _fitting(work: Generator[Event, None, Found]) -> Generator[Event, None, Found | None]:
    """What the work returns; None where the device's memory is too small for it."""
    try:
        return (yield from work)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        # The traceback holds on to every tensor of the failed batch.
        error.__traceback__ = None
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def leave_out(
    source: DataSource, problems: deque[tuple[Place, ImageError]], note: Callable[[str, str], object]
) -> Iterator[Message]:
    """A message for each picture that could not be read since last time; `note` is given its name and the reason."""
    while problems:
        (_, index), error = problems.popleft()
        name = source.name_of(index)
        note(name, str(error))
        yield Message(f"left out {name}: {error}")
