"""Which pictures does a training see: at which size, which are held out, in which order?"""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized

from mta_core import data
from mta_core.data.cached import Cached
from mta_core.data.loader import Place, epoch_order
from mta_core.tasks import Task


class Views:
    """Data sources for training, every picture at one size and kept in memory until another size is asked for.

    Args:
        texts: the sources, as `open_data` reads them.
        tasks: have labels, those that the data have any for, in the tasks' own label spaces.
        task: only the pictures of this task, where tasks have pictures of their own; empty for all.
    """

    def __init__(self, texts: Sequence[str], tasks: Sequence[Task], task: str = "") -> None:
        self.texts, self.tasks, self.task = texts, tasks, task
        self.size: data.Size | None = None
        self.kept: list[Cached] = []

    def at(self, size: data.Size) -> list[Cached]:
        if size != self.size:
            found = [data.open_data(text, "train", size) for text in self.texts]
            opened = [source.for_tasks([t for t in self.tasks if t.name in source.known]) for source in found]
            self.size = size
            self.kept = [Cached(source.for_task(self.task) if self.task else source) for source in opened]
        return self.kept


def split_places(
    sources: Sequence[Sized], every: int, limit: int = 0, most: int = 40
) -> tuple[list[list[Place]], list[Place]]:
    """Places to train on, by source, and places held out: every n-th of each source, `most` of which are measured.

    Only the first `limit` pictures of a source count, all of them where it is 0.

    Raises:
        DataError: a source has fewer than two pictures.
    """
    train: list[list[Place]] = []
    held: list[Place] = []
    for number, source in enumerate(sources):
        places = [(number, index) for index in range(min(limit or len(source), len(source)))]
        if len(places) < 2:
            raise data.DataError("expected at least two pictures of each data source to train on")
        train.append([place for place in places if place[1] % every])
        held += places[::every][:most]
    return train, held


def epoch_places(by_source: Sequence[Sequence[Place]], per_epoch: int, seed: int, epoch: int) -> list[Place]:
    """The places of one epoch in random order, `per_epoch` of each source, whatever its length."""
    chosen: list[Place] = []
    for number, places in enumerate(by_source):
        order = epoch_order(places, seed + 17 * number, epoch)
        chosen += (order * math.ceil(per_epoch / len(order)))[:per_epoch]
    return epoch_order(chosen, seed, epoch)
