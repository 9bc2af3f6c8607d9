"""What a sweep keeps on disk: a file for each finished point, and for each batch of one that is not finished.

Files are named by a digest of everything that a point's numbers depend on, so that nothing is taken for another's, and
sweeps that share a folder share their points.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

import mta_core
from mta_core.results import dumps, to_json
from mta_core.weights import write_atomically

FORMAT = 2
"""Of the files; those of another one are left alone and made again."""
NAME_LENGTH = 32
Quartiles = list[float] | None


@dataclass(frozen=True)
class PointRow:
    """A row of `mta_core.results.ROW_KEYS`, and the first quartile, median and third quartile over the pictures that
    could be measured, None where none could."""

    values: Mapping[str, Any]
    quartiles: Quartiles
    clean_quartiles: Quartiles


@dataclass
class Finished:
    """What came of a point, and the seconds that it took, over all runs."""

    rows: list[PointRow]
    seconds: float = 0.0
    max_perturbation: float = 0.0
    num_outside: int = 0
    unreadable: list[str] = field(default_factory=list)


class Shelf:
    """The files of one point.

    Args:
        identity: of JSON's types, everything that its numbers depend on.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        told = json.dumps(to_json({"format": FORMAT, "program": mta_core.__version__, **identity}), sort_keys=True)
        self._folder, self._name = folder, hashlib.sha256(told.encode()).hexdigest()[:NAME_LENGTH]

    @property
    def name(self) -> str:
        """What its files' names begin with, `NAME_LENGTH` characters."""
        return self._name

    @property
    def _file(self) -> Path:
        return self._folder / f"{self._name}.json"

    def read(self) -> Finished | None:
        """None where it is not finished, or the file is damaged."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            if kept.pop("sha256") != _digest(kept):
                return None
            rows = [PointRow(_with_nan(r["values"]), r["quartiles"], r["clean_quartiles"]) for r in kept.pop("rows")]
            return Finished(rows, **kept)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None

    def write(self, finished: Finished) -> None:
        """Keeps it, and the batches no longer."""
        kept = to_json({**vars(finished), "rows": [vars(row) for row in finished.rows]})
        write_atomically(self._file, dumps({**kept, "sha256": _digest(kept)}).encode())
        for file in self._folder.glob(f"{self._name}-*.safetensors"):
            file.unlink(missing_ok=True)

    def forget(self) -> None:
        for file in (self._file, *self._folder.glob(f"{self._name}-*.safetensors")):
            file.unlink(missing_ok=True)

    def batch(self, part: int, first: int, count: int, names: Collection[str]) -> dict[str, Tensor] | None:
        """The tensors of that batch under these names and `EXTENT`, where so many pictures of it were kept."""
        try:
            found = load(self._batch_file(part, first).read_bytes())
        except (OSError, SafetensorError, ValueError):
            return None
        lengths = {name: value.shape[:1] for name, value in found.items()}
        return found if lengths == {**dict.fromkeys(names, (count,)), EXTENT: (3,)} else None

    def keep_batch(self, part: int, first: int, tensors: Mapping[str, Tensor]) -> None:
        """Keeps a batch; each tensor counts pictures in its first dimension, but for `EXTENT`."""
        data = save({name: tensor.contiguous() for name, tensor in tensors.items()})
        write_atomically(self._batch_file(part, first), data)

    def _batch_file(self, part: int, first: int) -> Path:
        return self._folder / f"{self._name}-{part}-{first}.safetensors"


EXTENT = "extent"
"""The norm of a batch's largest perturbation, how many pictures are outside the budget, and seconds it took, (3,)."""


def _digest(kept: Mapping[str, Any]) -> str:
    """Of a point as JSON has it: what somebody changed in the file is no measurement."""
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def quartiles_of(values: Tensor) -> Quartiles:
    """Of (n,) values with linear interpolation, NaN left out; None where there are none."""
    known = values[~values.isnan()]
    if not len(known):
        return None
    found: list[float] = torch.quantile(known, torch.tensor([0.25, 0.5, 0.75], dtype=known.dtype)).tolist()
    return found


def _with_nan(row: dict[str, Any]) -> dict[str, Any]:
    """NaN, which JSON has not, where there was nothing to measure."""
    return row | {key: math.nan for key in ("clean", "adversarial") if row[key] is None}
