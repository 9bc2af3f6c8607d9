"""One picture of a data source with its labels, as it is attacked: found again by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor

from mta_core import imaging
from mta_core.data.base import DataError, DataSource, Labelled, follow_picture


def index_of(source: DataSource, name: str) -> int:
    """Where the picture of that name stands in it.

    Raises:
        DataError: there is none.
    """
    for index in range(len(source)):
        if source.name_of(index) == name:
            return index
    known = ", ".join(source.name_of(index) for index in range(min(3, len(source))))
    raise DataError(f"expected the name of a picture of {source.label} ({known}, ...), got {name!r}")


def labelled_picture(source: DataSource, name: str, tasks: Iterable[Labelled]) -> tuple[Tensor, dict[str, Tensor]]:
    """The picture of that name, (3, H, W) on the 8-bit grid, and the labels of those of the tasks that it has some for.

    Raises:
        DataError, ImageError: there is no such picture, or it cannot be read.
    """
    wanted = list(tasks)
    sample = source.labelled([t.name for t in wanted if t.name in source.known])[index_of(source, name)]
    image = imaging.on_grid(sample.image)
    return image, labels_for(wanted, follow_picture(image, sample.targets), source.known)


def labels_for(
    tasks: Iterable[Labelled], targets: Mapping[str, Tensor], spaces: Mapping[str, str]
) -> dict[str, Tensor]:
    """The labels of those of these tasks that have some they can take, in the tasks' own label spaces.

    Args:
        targets: label maps by task, in the label spaces that `spaces` names.
    """
    return {
        t.name: t.convert(targets[t.name], spaces[t.name])
        for t in tasks
        if t.name in targets and t.accepts(spaces[t.name])
    }
