"""What pictures are, whatever they are called: digests that tell data of the same names apart."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from mta_core.data.base import DataError, DataSource, Sample
from mta_core.imaging import ImageError


def content_of(source: DataSource, index: int) -> str:
    """sha256 of all that a sample is read from, its labels too, 64 hexadecimal digits: of the bytes of its files, or of
    its values where it lies in none; empty where it cannot be read. A file is read again only after it was written."""
    try:
        files = source.files_of(index)
        digests = b"".join(map(_digest_of_file, files)) if files else _of_values(source[index])
    except (OSError, DataError, ImageError):
        return ""
    return hashlib.sha256(digests).hexdigest()


def _digest_of_file(path: Path) -> bytes:
    found = path.stat()
    return _digest_of_state(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=1 << 14)
def _digest_of_state(path: Path, size: int, written: int) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _of_values(sample: Sample) -> bytes:
    tensors = {"": sample.image, **sample.targets}
    return b"".join(
        f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode() + tensor.contiguous().cpu().numpy().tobytes()
        for name, tensor in sorted(tensors.items())
    )
