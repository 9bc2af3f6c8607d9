"""Which pictures of a data source are this process's, where several have a share of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from mta_core import distributed
from mta_core.data import DataSource
from mta_core.events import Message
from mta_core.imaging import ImageError
from mta_core.streaming import leave_out, none_readable


@dataclass(frozen=True)
class Share:
    """Indices of pictures, in their order, and how many that can be read come before them."""

    indices: Sequence[int]
    before: int = 0


def share_out(
    source: DataSource, count: int, left_out: list[str], together: int = 1
) -> Generator[Message, None, Share]:
    """This process's share of the first `count` pictures: all of them, where it is alone.

    Every picture draws its own random numbers by its place among those that can be read. So these are found first: one
    that cannot is left out, its name appended to `left_out`; a message says so.

    Args:
        together: so many in a row are not parted.

    Raises:
        DataError: labels cannot be read, or no picture at all.
    """
    if distributed.size() == 1:
        return Share(range(count))
    found: list[tuple[int, str]] = []
    if source.needs_path:  # others make their pictures
        for index in distributed.share(count):
            try:
                source[index]
            except ImageError as error:
                found.append((index, str(error)))
    unread = {index: reason for each in distributed.gathered(found) for index, reason in each}
    problems = deque(((0, index), ImageError(reason)) for index, reason in unread.items())
    yield from leave_out(source, problems, lambda name, _: left_out.append(name))
    readable = [index for index in range(count) if index not in unread]
    if not readable:
        raise none_readable(source, count)
    groups = distributed.share(-(-len(readable) // together))
    mine = slice(groups.start * together, groups.stop * together)
    return Share(readable[mine], min(mine.start, len(readable)))
