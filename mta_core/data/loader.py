"""Batches of a data source, read ahead by threads, in an order that the seed alone decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from mta_core.data.base import Sample, collate
from mta_core.data.cached import Cached
from mta_core.imaging import ImageError

Batch = tuple[Tensor, dict[str, Tensor]]
Place = tuple[int, int]
"""A sample: which source, which index in it."""


def epoch_order(places: Sequence[Place], seed: int, epoch: int) -> list[Place]:
    """The places in the order of one epoch."""
    random = torch.Generator().manual_seed(seed * 100_003 + epoch)
    return [places[i] for i in torch.randperm(len(places), generator=random).tolist()]


def batches(
    sources: Sequence[Sequence[Sample] | Cached],
    places: Sequence[Place],
    batch_size: int,
    transform: Callable[[Sample, torch.Generator], Sample] | None = None,
    *,
    seed: int = 0,
    drop_last: bool = False,
    ahead: int = 3,
    unreadable: deque[tuple[Place, ImageError]] | None = None,
    share: Callable[[int], range] | None = None,
) -> Iterator[Batch]:
    """The samples at `places`, in that order, a batch at a time; `transform` gets randomness of its own for each.

    Only `ahead` batches are ever held, so memory does not grow with the data. Pictures that cannot be read are left
    out of their batch and appended to `unreadable`; without it they end the stream.

    Args:
        share: which samples of a batch of so many to read, one or more; all of them without it. They get the same
            randomness as in the whole batch.
    """
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

    with ThreadPoolExecutor(1, thread_name_prefix="loader") as pool:
        waiting: deque[Future[Batch | None]] = deque()
        try:
            for number in range(len(groups)):
                waiting.append(pool.submit(make, number))
                if len(waiting) >= ahead and (batch := waiting.popleft().result()) is not None:
                    yield batch
            while waiting:
                if (batch := waiting.popleft().result()) is not None:
                    yield batch
        finally:
            for future in waiting:
                future.cancel()
