"""The gradients of a victim's tasks in one picture, computed and made visible. No streamlit here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from app import theory_job
from app.drawings import Drawing
from app.library import Shelf
from app.theory_charts import Table
from app.workshop import Workshop
from mta_core import victims
from mta_core.budget import Norm
from mta_core.imaging import encode_png
from mta_core.tasks.colours import SCALE, tone
from mta_core.vulnerability import cosines, dual_norm, products, task_gradients

BRIGHTEST = 0.99
"""Share of the pixels that are darker than the brightest."""


@dataclass(frozen=True)
class Seen:
    """What the gradients in a picture are.

    Attributes:
        picture: PNG.
        gradients: PNG by task: the size of each pixel's gradient, on a scale of its own.
        losses, norms: by task; norms are L1, which goes with an L-infinity budget.
        products, cosines: of all pairs.
        unlabelled: tasks that this picture has no labels of.
    """

    name: str
    picture: bytes
    gradients: Mapping[str, bytes]
    losses: Mapping[str, float]
    norms: Mapping[str, float]
    products: Table
    cosines: Table
    unlabelled: tuple[str, ...]


def look(workshop: Workshop, shelf: Shelf, victim: str, index: int) -> Iterator[Seen]:
    """One forward pass and a backward pass a task; on the worker.

    Raises:
        ValueError: the victim is not there; DataError: the labels cannot be read; ImageError: nor can the picture.
    """
    card = victims.find(victim)
    tasks = theory_job.offered(shelf.data, card)
    sample = shelf.data_at(card.input_size).for_tasks(tasks)[index]
    subject = workshop.subject(victim)
    own = {t.name: sample.targets[t.name] for t in tasks if t.name in sample.targets}
    placed = {name: target[None].to(subject.device.torch_device) for name, target in own.items()}
    losses, gradients = task_gradients(subject.precise, subject.device.put(sample.image[None]), placed)
    known = ~losses.isnan()[:, 0]
    names = tuple(name for name, is_known in zip(own, known.tolist(), strict=True) if is_known)
    gradients = gradients[known]
    inner = products(gradients) if names else torch.zeros(1, 0, 0)
    sizes = dual_norm(gradients, Norm.LINF)[:, 0].tolist()
    yield Seen(
        sample.name, encode_png(sample.image), {n: drawn(g[0]) for n, g in zip(names, gradients, strict=True)},
        dict(zip(names, losses[known, 0].tolist(), strict=True)), dict(zip(names, sizes, strict=True)),
        _table(names, inner[0], is_cosine=False), _table(names, cosines(inner)[0], is_cosine=True),
        tuple(t.name for t in tasks if t.name not in names),
    )  # fmt: skip


def drawn(gradient: Tensor) -> bytes:
    """PNG of (3, H, W): the largest of a pixel's three values, whatever its sign, dark to bright; all dark where it is
    zero."""
    size = gradient.abs().amax(0).cpu()
    most = float(size.flatten().kthvalue(max(1, round(BRIGHTEST * size.numel()))).values) or float(size.max())
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = tone(size / (most or 1.0)).numpy()
    return Drawing(pixels, tuple((SCALE * 255).round().int().flatten().tolist())).png


def _table(names: tuple[str, ...], values: Tensor, *, is_cosine: bool) -> Table:
    found = {(a, b): float(values[i, j]) for i, a in enumerate(names) for j, b in enumerate(names)}
    return Table(names, {pair: None if value != value else value for pair, value in found.items()}, is_cosine)
