"""The pictures a person can choose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from helpers import png
from PIL import Image

from app import library
from app.library import SIZE, parse_roots
from mta_core import imaging
from mta_core.budget import Budget
from mta_core.imaging import Fit, ImageError
from mta_core.tasks import task
from tests.toys import write_domains


@pytest.mark.parametrize(
    ("text", "separator", "expected"),
    [
        ("", ":", []),
        ("nyuv2:/data/nyuv2", ":", ["nyuv2:/data/nyuv2"]),
        ("nyuv2:/a:pictures:/b c", ":", ["nyuv2:/a", "pictures:/b c"]),
        (r"nyuv2:C:\a;pictures:D:\b", ";", [r"nyuv2:C:\a", r"pictures:D:\b"]),
        ("nonsense:/a", ":", []),
        ("nyuv2", ":", []),
    ],
)
def test_roots_are_named_by_the_operator(text: str, separator: str, expected: list[str]) -> None:
    assert parse_roots(text, separator) == expected


def test_what_cannot_be_opened_is_left_out(tmp_path: Path) -> None:
    assert library.open_connected(f"pictures:{tmp_path / 'none'}") == {}


def test_data_sets_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [tmp_path / name / "data" for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "one.png").write_bytes(png((40, 30)))
    shelves = library.open_connected(os.pathsep.join(f"pictures:{folder}" for folder in folders))
    assert [shelf.name for shelf in shelves.values()] == [f"pictures:{folder}" for folder in folders]


def test_an_upload_is_fitted_and_known_by_its_bytes() -> None:
    picture = library.read_upload("My photo.PNG", png((300, 500)))["crop"]
    assert tuple(picture.image.shape) == (3, *SIZE)
    assert picture.stem == "my-photo"
    assert picture == library.read_upload("My photo.PNG", png((300, 500)))["crop"]
    with pytest.raises(ImageError):
        library.read_upload("x", b"nothing")


@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_a_png_of_an_upload_is_exactly_it_so_its_adversarial_stays_inside_small_budgets(mode: Fit) -> None:
    clean = library.read_upload("mine.png", png((300, 500)))[mode].image[None]
    assert torch.equal(imaging.decode(imaging.encode_png(clean)), clean[0])
    budget = Budget.from_units("l2", 0.5)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    rounded = budget.round_to_8_bits(budget.project_adversarial(clean + noise, clean), clean)
    assert budget.contains(rounded, clean).all()


def test_padding_shows_everything_between_black_bars() -> None:
    cropped, padded = library.read_upload("mine.png", png((300, 500))).values()
    assert cropped != padded
    assert padded.image[:, 0].max() == 0 or padded.image[:, :, 0].max() == 0


def test_a_victim_of_another_size_gets_pictures_of_its_size(gallery: library.Shelf) -> None:
    picture = gallery.read(0)
    small = library.at_size(picture, (96, 128))
    assert small.image.shape == (3, 96, 128) and small != picture
    assert {target.shape[-2:] for target in small.targets.values()} == {(96, 128)}
    assert library.at_size(picture, SIZE) is picture


def test_a_picture_is_cut_once(tmp_path: Path) -> None:
    """A square one for a square victim is whole, though the page shows it wider than high."""
    image = Image.new("RGB", (300, 300), "teal")
    image.paste((255, 0, 0), (0, 0, 300, 20))
    image.save(tmp_path / "square.png")
    (shelf,) = library.open_connected(f"pictures:{tmp_path}").values()
    shown, made = shelf.read(0), library.at_size(shelf.read(0), (224, 224))
    assert shown.image.shape[-2:] == SIZE and shown.image[0, 0].max() < 0.5, "the page cuts the red line off"
    assert made.image[0, 0].min() > 0.9 and made != shown
    assert torch.allclose(made.image, shelf.data_at((224, 224))[0].image, atol=1 / 255), "as a data set has it"
    assert torch.equal(library.at_size(made, SIZE).image, shown.image), "and back"


@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_an_upload_is_fitted_anew_for_a_victim_of_another_size(mode: Fit) -> None:
    data = png((300, 500))
    made = library.at_size(library.read_upload("mine.png", data)[mode], (224, 224)).image
    whole = imaging.fit(imaging.decode(data), (224, 224), mode)
    assert torch.allclose(made, whole, atol=1 / 255)
    assert (made[:, :, 0].max() == 0) == (mode == "pad"), "bars beside all of it"


def test_the_objects_are_opened_at_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_domains(tmp_path / "objects", per_class=2)
    monkeypatch.setenv("MTA_GALLERY", str(tmp_path))
    objects = library.open_objects()
    assert objects is not None
    for size in ((224, 224), SIZE):
        assert objects.data_at(size)[0].image.shape[-2:] == size


def test_thumbnails_are_png(gallery: library.Shelf) -> None:
    assert len(gallery.thumbnails()) == len(gallery)
    assert all(data.startswith(b"\x89PNG") for data in gallery.thumbnails())


def test_thumbnails_of_squares_are_not_cropped() -> None:
    assert library.thumbnail_size(torch.zeros(3, 224, 224)) == (72, 72)
    assert library.thumbnail_size(torch.zeros(3, 288, 384)) == library.THUMBNAIL


def test_labels_that_are_derived_are_there_for_those_who_ask(gallery: library.Shelf) -> None:
    picture = library.at_size(gallery.read(0), (72, 96))
    asked = [task(name) for name in ("depth", "euclidean_depth", "curvature", "autoencoding")]
    truth = picture.truth(asked)
    assert list(truth) == [t.name for t in asked]
    expected = gallery.data_at((72, 96)).labelled(list(truth))[0].targets
    for name in ("depth", "euclidean_depth", "curvature"):
        assert torch.equal(truth[name].nan_to_num(9), expected[name].nan_to_num(9)), name
    assert torch.equal(truth["autoencoding"], picture.image * 2 - 1), "of the picture that is shown"
    assert "euclidean_depth" not in picture.targets
