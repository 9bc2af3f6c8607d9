"""Batches of a data source, read ahead by threads, in an order that the seed alone decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import torch
from torch import Tensor

from mta_core.data.base import Sample, collate
from mta_core.data.cached import Cached
from mta_core.imaging import ImageError

Batch = tuple[Tensor, dict[str, Tensor]]
Place = tuple[int, int]
"""A sample: which source, which index in it."""
Transform = Callable[[Sample, torch.Generator], Sample]
LOOK = 0.05


def epoch_order(places: Sequence[Place], seed: int, epoch: int) -> list[Place]:
    """The places in the order of one epoch."""
    random = torch.Generator().manual_seed(seed * 100_003 + epoch)
    return [places[i] for i in torch.randperm(len(places), generator=random).tolist()]


def batches(
    sources: Sequence[Sequence[Sample] | Cached],
    places: Sequence[Place],
    batch_size: int,
    transform: Transform | None = None,
    *,
    seed: int = 0,
    drop_last: bool = False,
    first: int = 0,
    ahead: int = 3,
    unreadable: deque[tuple[Place, ImageError]] | None = None,
    share: Callable[[int], range] | None = None,
) -> Iterator[Batch]:
    """The samples at `places`, in that order, a batch at a time, from the batch of number `first` on; `transform` gets
    randomness of its own for each.

    Only `ahead` batches are ever held, so memory does not grow with the data. Pictures that cannot be read are left
    out of their batch and appended to `unreadable`; without it they end the stream.

    Args:
        share: which samples of a batch of so many to read, one or more; all of them without it. They get the same
            randomness as in the whole batch.
    """
    stream = arriving(
        sources, places, batch_size, transform, seed=seed, drop_last=drop_last, first=first, ahead=ahead,
        unreadable=unreadable, share=share, look=None,
    )  # fmt: skip
    for batch in stream:
        if batch is not None:
            yield batch


def arriving(
    sources: Sequence[Sequence[Sample] | Cached],
    places: Sequence[Place],
    batch_size: int,
    transform: Transform | None = None,
    *,
    seed: int = 0,
    drop_last: bool = False,
    first: int = 0,
    ahead: int = 3,
    unreadable: deque[tuple[Place, ImageError]] | None = None,
    share: Callable[[int], range] | None = None,
    look: float | None = LOOK,
) -> Iterator[Batch | None]:
    """The same, and None every `look` seconds while the next one is not there: a picture may have to be rendered."""
    groups = [places[i : i + batch_size] for i in range(0, len(places), batch_size)]
    if drop_last and len(groups) > 1 and len(groups[-1]) < batch_size:
        groups.pop()
    mine = {count: share(count) if share else range(count) for count in {len(group) for group in groups}}

    def make(number: int) -> Batch | None:
        samples = []
        for offset in mine[len(groups[number])]:
            source, index = groups[number][offset]
            try:
                sample = sources[source][index]
            except ImageError as error:
                if unreadable is None:
                    raise
                unreadable.append(((source, index), error))
                continue
            if transform is not None:
                random = torch.Generator().manual_seed(seed * 1_000_003 + number * batch_size + offset)
                sample = transform(sample, random)
            samples.append(sample)
        return collate(samples) if samples else None

    pool = ThreadPoolExecutor(1, thread_name_prefix="loader")
    waiting: deque[Future[Batch | None]] = deque()
    try:
        for number in range(first, len(groups) + ahead):
            if number < len(groups):
                waiting.append(pool.submit(make, number))
            if waiting and (len(waiting) >= ahead or number >= len(groups)):
                while not wait([waiting[0]], look).done:
                    yield None
                if (batch := waiting.popleft().result()) is not None:
                    yield batch
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # whoever ends the stream early need not wait for a picture


def together(streams: Sequence[Iterator[Batch | None]]) -> Iterator[tuple[Batch, ...] | None]:
    """A batch of each of the streams, which are as long; None while one of them waits."""
    while True:
        found: list[Batch] = []
        for stream in streams:
            for batch in stream:
                if batch is not None:
                    found.append(batch)
                    break
                yield None
        if len(found) < len(streams):
            return
        yield tuple(found)
