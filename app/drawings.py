"""Panels of the stage as PNG files with the values behind them. No streamlit here."""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from app.readings import Reading, of_answer
from mta_core import imaging
from mta_core.tasks import Task
from mta_core.tasks.base import Span

Rows = list[dict[str, Any]]
_encoders = ThreadPoolExecutor(min(8, os.cpu_count() or 1), "png")


@dataclass(frozen=True)
class Files:
    """What the cells of the stage name by digest: PNG files, and the values of some of them."""

    pngs: Mapping[str, bytes]
    readings: Mapping[str, Reading]


@dataclass(frozen=True)
class Drawing:
    """A picture that becomes a PNG file: (H, W, 3), or (H, W) places in a palette of RGB bytes."""

    pixels: NDArray[np.uint8]
    palette: tuple[int, ...] = ()
    reading: Reading | None = None
    """Its values, for the cursor."""

    @cached_property
    def png(self) -> bytes:
        """Quick: several times faster than the default, and hardly larger: noise has nothing to find but runs."""
        picture, buffer = Image.fromarray(self.pixels), io.BytesIO()
        if self.palette:
            picture.putpalette(self.palette)
        picture.save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
        return buffer.getvalue()

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.png).hexdigest()[:16]


def drawing(picture: Tensor, tones: Tensor | None = None, reading: Reading | None = None) -> Drawing:
    """(3, H, W) in [0, 1], or (H, W) places in `tones`."""
    if tones is None:
        return Drawing(imaging.to_uint8(picture), reading=reading)
    return Drawing(picture.numpy(), tuple((tones * 255).round().byte().flatten().tolist()), reading)


def coloured(
    t: Task, value: Tensor, span: Span | None, probability: Tensor | None = None, *, is_label: bool = False
) -> Drawing:
    """A task's answer in its colours and with its values: see `app.readings.of_answer`."""
    reading = of_answer(t, value, probability, is_label=is_label)
    if t.tones is None:
        return drawing(t.colour(value, span)[0], reading=reading)
    return drawing(t.tone(value, span)[0], t.tones, reading)


def cell(caption: str, alt: str, made: Drawing, *, panel: str = "", before: int | None = None) -> dict[str, Any]:
    """A panel of the stage.

    Args:
        panel: which picture it is: "clean", "adversarial", "perturbation", "noise" or "target".
        before: the place in its row of the panel that shows the same before the attack.
    """
    more = {"panel": panel} if panel else {}
    return {"caption": caption, "alt": alt, "drawing": made, **more, **({} if before is None else {"before": before})}


def split(rows: Rows) -> tuple[Rows, Files]:
    """The rows with digests in the place of each drawing, and what those name."""
    cells = [cell for row in rows for cell in row["cells"] if "drawing" in cell]
    drawings = [cell.pop("drawing") for cell in cells]
    # All at once and only now: PyTorch's small operations wait for a core that is busy with a file.
    digests = list(_encoders.map(lambda made: (made.digest, made.reading and made.reading.digest), drawings))
    pngs, readings = {}, {}
    for cell, made, (digest, values) in zip(cells, drawings, digests, strict=True):
        cell["digest"], pngs[digest] = digest, made.png
        if made.reading is not None and values is not None:
            cell["values"], readings[values] = values, made.reading
    return rows, Files(pngs, readings)
