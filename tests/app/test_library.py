"""The pictures a person can choose."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import png

from app import library
from app.library import SIZE, parse_roots
from mta_core.imaging import ImageError


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
    if separator == ":":
        assert parse_roots(text, separator) == expected
    else:
        assert parse_roots(text, separator) == expected


def test_what_cannot_be_opened_is_left_out(tmp_path: Path) -> None:
    assert library.open_connected(f"pictures:{tmp_path / 'none'}") == {}


def test_an_upload_is_fitted_and_known_by_its_bytes() -> None:
    picture = library.read_upload("My photo.PNG", png((300, 500)))
    assert tuple(picture.image.shape) == (3, *SIZE)
    assert picture.stem == "my-photo"
    assert picture == library.read_upload("My photo.PNG", png((300, 500)))
    with pytest.raises(ImageError):
        library.read_upload("x", b"nothing")


def test_thumbnails_are_png(gallery: library.Shelf) -> None:
    assert len(gallery.thumbnails()) == len(gallery)
    assert all(data.startswith(b"\x89PNG") for data in gallery.thumbnails())
