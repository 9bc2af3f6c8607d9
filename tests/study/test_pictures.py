"""Sheets of pictures: what they show is what the victim answers, within the budget, and they come apart again."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from mta_core import imaging
from mta_core.data import DataError, DataSource, open_data
from mta_core.events import Progress
from mta_core.explore import Subject
from mta_core.study import pictures
from mta_core.study.pictures import encode, render, sheet, tiles
from mta_core.study.plan import Probe
from mta_core.study.shipped import stem
from mta_core.study_presets import LETTERS
from mta_core.tasks import STUDY_TASKS, suited
from mta_core.victims import EncoderDecoder
from mta_core.weights import Card
from tests.toys import CPU, make_pictures, stir_batch_norm, write_scenes, write_taskonomy

SIZE = (32, 64)
PROBES = (Probe("sdp", "d", steps=3), Probe("sdp", "sdp", steps=3), Probe("sdp", "s", "l2", 2.0, steps=3))


def subject_of(model: str) -> Subject:
    torch.manual_seed(len(model))
    tasks = suited([LETTERS[letter] for letter in model], {t.name: t.space for t in STUDY_TASKS})
    victim = EncoderDecoder({t.name: t.space for t in tasks}, SIZE, fraction=0.125)
    stir_batch_norm(victim, make_pictures(8, 2 * SIZE[0], 2 * SIZE[1]))
    return Subject.prepare(model, victim.eval(), CPU)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return subject_of("sdp")


@pytest.fixture
def source(tmp_path: Path) -> DataSource:
    write_taskonomy(tmp_path / "views", "{kind}/{point}_domain_{kind}.png", ["house"], side=64)
    return open_data(f"taskonomy:{tmp_path / 'views'}", "test", SIZE)


def pixels(picture: Image.Image) -> NDArray[np.int64]:
    return np.asarray(picture).astype(np.int64)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: f"{probe.attacked}-{probe.norm}")
def test_every_tile_is_what_it_says(probe: Probe, subject: Subject, source: DataSource) -> None:
    shown = tiles(sheet(probe, subject, source, 1), SIZE)
    assert len(shown) == 1 + len(probe.model) and {tile.size for row in shown for tile in row} == {SIZE[::-1]}
    tasks = suited([LETTERS[letter] for letter in probe.model], subject.precise.tasks)
    sample = source.for_tasks(tasks)[1]
    truth = {t.name: sample.targets[t.name][None] for t in tasks}
    clean = sample.image[None]
    adversarial = pictures.attacked(probe, subject, tasks, clean, truth, 1, 0)
    assert probe.budget.contains(adversarial, clean).all() and not torch.equal(adversarial, clean)
    first = np.stack([pixels(tile) for tile in shown[0]])
    assert np.abs(first[0] - 255 * clean[0].movedim(0, -1).numpy()).max() <= 0.51
    assert np.abs(first[1] - 255 * adversarial[0].movedim(0, -1).numpy()).max() <= 0.51
    change = first[1] - first[0]
    assert (np.sign(change) == np.sign(first[2] - 127.5))[np.abs(change) > 1].all(), "grey is no change"
    assert 250 < first[2].max() or first[2].min() < 5, "the largest change spans the range"
    for t, row in zip(tasks, shown[1:], strict=True):
        values = [truth[t.name], subject.answer(clean, tasks)[t.name], subject.answer(adversarial, tasks)[t.name]]
        span = t.span(*values)
        for value, tile in zip(values, row, strict=True):
            drawn = 255 * t.colour(value, span)[0].movedim(0, -1).numpy()
            assert np.abs(pixels(tile) - drawn).max() <= 0.51, t.name


def test_the_attack_is_that_of_the_probe(subject: Subject, source: DataSource) -> None:
    stronger = replace(PROBES[0], epsilon=16.0)
    sheets = [pixels(sheet(*given)) for given in (
        (PROBES[0], subject, source, 0), (PROBES[0], subject, source, 0), (PROBES[0], subject, source, 0, 1),
        (PROBES[1], subject, source, 0), (stronger, subject, source, 0),
    )]  # fmt: skip
    assert (sheets[0] == sheets[1]).all()
    for other in sheets[2:]:
        assert (other != sheets[0]).any() and (other[: SIZE[0], : SIZE[1]] == sheets[0][: SIZE[0], : SIZE[1]]).all()


def test_a_file_shows_the_same_and_comes_apart() -> None:
    made = imaging.to_pil(make_pictures(1, 4 * SIZE[0], 3 * SIZE[1])[0])
    kept = Image.open(io.BytesIO(encode(made)))
    assert kept.format == "WEBP" and kept.size == made.size
    for top, row in enumerate(tiles(kept, SIZE)):
        for left, tile in enumerate(row):
            part = pixels(made)[top * SIZE[0] :, left * SIZE[1] :][: SIZE[0], : SIZE[1]]
            assert np.abs(pixels(tile) - part).mean() < 4


def test_large_sheets_are_pressed_harder(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8))
    best = len(encode(noise))
    monkeypatch.setattr(pictures, "MAX_BYTES", best - 1)
    assert len(encode(noise)) < best


@pytest.mark.parametrize("size", [(32, 32), (31, 64), (128, 64)])
def test_what_is_no_sheet_is_said(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"^expected a sheet of 3 columns of {size[0]}x{size[1]}, got 128x192 pixels"):
        tiles(Image.new("RGB", (3 * 64, 4 * 32)), size)


def test_files_are_written_once_and_models_asked_for_once(source: DataSource, tmp_path: Path) -> None:
    asked: list[str] = []

    def subjects(model: str) -> Subject:
        asked.append(model)
        return replace(subject_of(model), card=card_of(model, "1"))

    probes = [PROBES[0], Probe("k", "k", steps=1), PROBES[1]]
    folder = tmp_path / "study" / "pictures"
    folder.mkdir(parents=True)
    paths = [folder / f"{stem(probe)}.webp" for probe in probes]
    paths[0].write_bytes(b"nothing of the kind")
    events = list(render(probes, subjects, source, folder))
    assert [(event.done, event.total) for event in events if isinstance(event, Progress)] == [(1, 3), (2, 3), (3, 3)]
    assert sorted(asked) == ["k", "sdp"] and sorted(folder.iterdir()) == sorted(paths)
    assert len(tiles(Image.open(paths[1]), SIZE)) == 2

    def written(**changes: Any) -> list[bool]:
        """Which files another call writes."""
        before = [path.stat().st_mtime_ns for path in paths]
        list(render(**{"probes": probes, "subjects": subjects, "source": source, "folder": folder} | changes))
        return [path.stat().st_mtime_ns != known for path, known in zip(paths, before, strict=True)]

    assert written() == [False] * 3
    trained = {"k": replace(subject_of("k"), card=card_of("k", "2"))}
    assert written(subjects=lambda model: trained.get(model) or subjects(model)) == [False, True, False]
    assert written() == [False, True, False], "other weights draw another sheet"
    assert written(index=1) == written(seed=3) == [True] * 3


def card_of(model: str, digest: str) -> Card:
    return Card(model, "victim", "encoder-decoder", {}, {}, SIZE, sha256=64 * digest)


def test_data_without_labels_say_so(subject: Subject, tmp_path: Path) -> None:
    write_scenes(tmp_path, 2)
    with pytest.raises(DataError, match=r"curvature \(curvatures\); NYUv2 has none$"):
        sheet(PROBES[0], subject, open_data(f"nyuv2:{tmp_path}", "test", SIZE), 0)
