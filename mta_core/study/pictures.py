"""What probes do to a picture, drawn once and for all: one sheet of tiles a probe.

A sheet has three columns of tiles of the victim's input size, without gaps: in the first row the clean picture, the
adversarial one and the perturbation, amplified so that its largest value just spans the range, grey being no change;
then a row for each task of the model, in the order of its letters: the truth, the clean answer and the adversarial one,
in the task's colours, on a scale that the three share.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from PIL import ExifTags, Image
from torch import Tensor

from mta_core import imaging
from mta_core.amplified import amplify, gain_of
from mta_core.data import DataSource
from mta_core.data.content import content_of
from mta_core.events import Event, Progress
from mta_core.explore import Subject
from mta_core.objective import make_problem
from mta_core.study.measure import tasks_of
from mta_core.study.plan import Probe
from mta_core.study.shipped import stem
from mta_core.tasks import Task
from mta_core.weights import write_atomically

PICTURE = 0
"""Which of the test pictures is shown."""
COLUMNS = 3
QUALITIES = (85, 75, 65, 50, 35)
"""Of WebP; the first at which a sheet is small enough, or else the last."""
MAX_BYTES = 80_000
DESCRIPTION = ExifTags.Base.ImageDescription


def sheet(probe: Probe, subject: Subject, source: DataSource, index: int, seed: int = 0) -> Image.Image:
    """The sheet of one picture, attacked as the study attacks it.

    Args:
        subject: answers the tasks of the probe's model.
        source: pictures of the subject's input size, with labels of these tasks.
        index: of the picture.

    Raises:
        ValueError: the subject does not answer one of the tasks.
        DataError: the source has no labels of one of them.
    """
    tasks = tasks_of(probe.model, subject.precise.tasks)
    sample = source.for_tasks(tasks)[index]
    clean = sample.image[None]
    truth = {t.name: sample.targets[t.name][None] for t in tasks}
    adversarial = attacked(probe, subject, tasks, clean, truth, index, seed)
    change = (adversarial - clean)[0]
    rows = [torch.stack([clean[0], adversarial[0], amplify(change, gain_of(change))])]
    answers = [subject.answer(picture, tasks) for picture in (clean, adversarial)]
    rows += [_coloured(t, truth[t.name], *(answer[t.name] for answer in answers)) for t in tasks]
    return imaging.to_pil(torch.cat([torch.cat(list(row), -1) for row in rows], -2))


def attacked(
    probe: Probe, subject: Subject, tasks: Sequence[Task], clean: Tensor, truth: Mapping[str, Tensor], index: int,
    seed: int,
) -> Tensor:  # fmt: skip
    """The adversarial picture (1, 3, H, W) on the CPU: one perturbation of all the attacked tasks, away from the truth.

    The L2 step of the released code, which shares epsilon out among a batch, has here a batch of one.
    """
    own = [t for t in tasks if t.letter in probe.attacked]
    attack, pictures = probe.attack, subject.device.put(clean)
    targets = {t.name: truth[t.name].to(pictures.device) for t in own}
    victim = subject.followed_by(attack, own)
    problem = make_problem(victim, pictures, targets, probe.budget, scope="joint", seed=seed, first=index)
    (adversarial,) = attack(problem).values()
    return adversarial.cpu().contiguous()


def _coloured(task: Task, *values: Tensor) -> Tensor:
    """(N, 3, H, W) in [0, 1] of N maps (1, ...)."""
    span = task.legend(*values).span or task.span(*values)
    return torch.cat([task.colour(value, span) for value in values])


def tiles(image: Image.Image, size: tuple[int, int]) -> list[list[Image.Image]]:
    """The rows of a sheet, each its three tiles of (H, W) pixels.

    Raises:
        ValueError: the picture is no sheet of such tiles.
    """
    (height, width), (columns, rows) = size, image.size
    if columns != COLUMNS * width or rows % height or rows < 2 * height:
        raise ValueError(f"expected a sheet of {COLUMNS} columns of {height}x{width}, got {rows}x{columns} pixels")
    return [
        [image.crop((left, top, left + width, top + height)) for left in range(0, columns, width)]
        for top in range(0, rows, height)
    ]


def encode(image: Image.Image, stamp: str = "") -> bytes:
    """As a WebP file of at most `MAX_BYTES`, if that can be had; its description is the stamp."""
    data, exif = b"", Image.Exif()
    exif[DESCRIPTION] = stamp
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=6, exif=exif)
        data = buffer.getvalue()
        if len(data) <= MAX_BYTES:
            break
    return data


def render(
    probes: Iterable[Probe], subjects: Callable[[str], Subject], source: DataSource, folder: Path,
    index: int = PICTURE, seed: int = 0,
) -> Iterator[Event]:  # fmt: skip
    """Writes the sheet of each probe to `folder`, named as `shipped.sheet` looks for it, and tells how far it is. Files
    that are there stay, if they are of the same weights, picture and seed.

    Args:
        subjects: the victim of a model's letters, asked for once a model.
        source, index, seed: see `sheet`.

    Raises:
        ValueError, DataError: see `sheet`.
    """
    files = {probe: folder / f"{stem(probe)}.webp" for probe in probes}
    content, known = content_of(source, index), ""
    for done, probe in enumerate(sorted(files, key=lambda probe: probe.model), 1):
        if probe.model != known:
            subject, known = subjects(probe.model), probe.model
            stamp = f"weights {subject.card.sha256 if subject.card else ''}, picture {index} {content}, seed {seed}"
        if _stamp_of(files[probe]) != stamp:
            write_atomically(files[probe], encode(sheet(probe, subject, source, index, seed), stamp))
        yield Progress(done, len(files), "sheets", stage=f"drawing {probe.model}")


def _stamp_of(path: Path) -> str | None:
    """None where there is no picture."""
    try:
        with Image.open(path) as opened:
            return str(opened.getexif().get(DESCRIPTION, ""))
    except OSError:
        return None
