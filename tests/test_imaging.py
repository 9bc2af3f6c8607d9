"""Pictures from outside: every odd file is read as it looks, every hostile one is refused in one sentence."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from mta_core import imaging
from mta_core.imaging import ImageError

GREY = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16)
COLOUR = np.stack([GREY, GREY[::-1], GREY.T.reshape(12, 16)], axis=2)


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def colours(tensor: Tensor) -> list[list[float]]:
    """The pixels in reading order, as [red, green, blue] in [0, 1]."""
    return tensor.permute(1, 2, 0).reshape(-1, 3).tolist()


def png(width: int, height: int, depth: int, colour_type: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG made by hand, for what Pillow does not write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = b"".join(
        chunk(*each) for each in ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + body


def assert_picture(tensor: Tensor) -> None:
    assert tensor.dtype == torch.float32
    assert tensor.ndim == 3 and len(tensor) == 3 and tensor.is_contiguous()
    assert tensor.min() >= 0 and tensor.max() <= 1  # also false for NaN


def assert_one_sentence(error: ImageError) -> None:
    message = str(error)
    assert message and "\n" not in message and len(message) < 200
    assert "Error" not in message and " object at 0x" not in message


# The data pack


def test_every_odd_file_is_read_or_refused(data_pack: Path) -> None:
    lines = (data_pack / "odd_images" / "MANIFEST.tsv").read_text().splitlines()
    assert len(lines) > 50
    wrong = []
    for name, fact, *_rest in (line.split("\t") for line in lines):
        loads = line_loads(lines, name)
        try:
            picture = imaging.read(data_pack / "odd_images" / name)
        except ImageError as error:
            assert_one_sentence(error)
            assert name in str(error)
            if loads:
                wrong.append(f"{name}: {error}")
            continue
        assert_picture(picture)
        with Image.open(data_pack / "odd_images" / name) as stored:
            size = stored.size
        if not loads or sorted(picture.shape[1:]) != sorted(size):
            wrong.append(f"{name}: {tuple(picture.shape)} from {fact}")
    assert wrong == []


def line_loads(lines: list[str], name: str) -> bool:
    """Whether the manifest says that the file is whole."""
    return next(line for line in lines if line.startswith(f"{name}\t")).rstrip().endswith("loads")


def test_turned_photographs_match_their_upright_twins(data_pack: Path) -> None:
    odd = data_pack / "odd_images"
    for upright, turned in (("Portrait_1.jpg", "Portrait_8.jpg"), ("hopper.jpg", "hopper_orientation_6.jpg")):
        expected, picture = imaging.read(odd / upright), imaging.read(odd / turned)
        assert picture.shape == expected.shape
        assert (picture - expected).abs().mean() < 0.02, turned
    webp = imaging.read(odd / "hopper_orientation_6.webp")
    assert (webp - imaging.read(odd / "hopper.jpg")).abs().mean() < 0.04
    stored = torch.from_numpy(np.array(Image.open(odd / "exif_imagemagick_orientation.png").convert("RGB")))
    upright = imaging.read(odd / "exif_imagemagick_orientation.png")
    assert torch.equal(upright, stored.permute(2, 0, 1).flip(1, 2) / 255)  # orientation 3: half a turn


def test_photographs_fit_a_victim(data_pack: Path) -> None:
    for path in sorted((data_pack / "photos").glob("*.jpg"))[:3]:
        assert_picture(imaging.fit(imaging.read(path), (288, 384)))


# Modes and formats


@pytest.mark.parametrize(
    ("format", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("PPM", {}),
     ("WEBP", {"lossless": True})],
)  # fmt: skip
def test_lossless_formats_are_read_exactly(format: str, options: dict[str, Any]) -> None:
    picture = imaging.decode(encoded(Image.fromarray(COLOUR), format, **options))
    assert_picture(picture)
    assert torch.equal(picture, torch.from_numpy(COLOUR).permute(2, 0, 1) / 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_opaque_modes_look_like_their_rgb(mode: str) -> None:
    image = Image.fromarray(COLOUR).convert(mode)
    expected = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1) / 255
    assert torch.equal(imaging.decode(encoded(image)), expected)


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk(format: str) -> None:
    image = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    cyan = imaging.decode(encoded(image, format)).mean(dim=(1, 2))
    torch.testing.assert_close(cyan, torch.tensor([0.0, 1.0, 1.0]), rtol=0, atol=0.03)


def test_transparency_is_laid_over_white() -> None:
    pixels = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 51]]], dtype=np.uint8)
    expected = [[1, 0, 0], [1, 1, 1], [0.8, 0.8, 0.8]]
    for format in ("PNG", "WEBP", "TIFF"):
        options = {"lossless": True, "exact": True} if format == "WEBP" else {}
        picture = imaging.decode(encoded(Image.fromarray(pixels), format, **options))
        np.testing.assert_allclose(colours(picture), expected, atol=1e-6)


def test_grey_with_alpha() -> None:
    image = Image.fromarray(np.array([[[0, 255], [0, 51], [100, 0]]], dtype=np.uint8), mode=None)
    assert image.mode == "LA"
    np.testing.assert_allclose(colours(imaging.decode(encoded(image))), [[0] * 3, [0.8] * 3, [1] * 3], atol=1e-6)


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 255])])
@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_palette_with_a_see_through_colour(transparency: int | bytes, format: str) -> None:
    if format == "GIF" and isinstance(transparency, bytes):
        pytest.skip("a GIF has one see-through colour")
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    picture = imaging.decode(encoded(image, format, transparency=transparency))
    assert colours(picture) == [[1, 0, 0], [1, 1, 1], [0, 0, 1]]


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGB", (7, 7, 7)), ("1", 0)])
def test_a_png_with_one_see_through_colour(mode: str, colour: Any) -> None:
    picture = imaging.decode(encoded(Image.new(mode, (2, 2), colour), transparency=colour))
    assert picture.min() == 1


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    values = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    for format in ("PNG", "TIFF", "PPM"):
        picture = imaging.decode(encoded(Image.fromarray(values), format))
        np.testing.assert_allclose(picture[1, 0], values[0] / 65535, atol=1e-6)
    dark = imaging.decode(b"P5 2 1 65535\n" + struct.pack(">HH", 0, 200))  # full scale is the format's, not its own
    assert dark.max().item() == pytest.approx(200 / 65535)


def test_sixteen_bit_grey_png_with_a_see_through_value() -> None:
    data = png(2, 1, 16, 0, b"\0" + struct.pack(">HH", 1000, 2000), (b"tRNS", struct.pack(">H", 1000)))
    np.testing.assert_allclose(imaging.decode(data)[0, 0], [1, 2000 / 65535], atol=1e-6)


def test_sixteen_bit_colour_is_scaled_not_clipped() -> None:
    data = png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 0, 32768, 65535, 256, 512, 1024))
    np.testing.assert_allclose(
        colours(imaging.decode(data)), [[0, 0.5, 1], [256 / 65535, 512 / 65535, 1024 / 65535]], atol=1 / 255
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 0.25, 1], [0, 0.25, 1]), ([0, 51, 255], [0, 0.2, 1]), ([0, 13107, 65535], [0, 0.2, 1]),
     ([-3, 0, 3], [0, 0.5, 1]), ([0, 50_000, 100_000], [0, 0.5, 1]), ([np.nan, 0.5, np.inf], [0.5, 0.5, 0.5]),
     ([-2, -2, -2], [0, 0, 0]), ([np.nan, np.nan, np.nan], [0, 0, 0]),
     ([-3e38, 0, 3e38], [0, 0.5, 1])],
)  # fmt: skip
def test_floats_take_the_smallest_range_that_holds_them(values: list[float], expected: list[float]) -> None:
    image = Image.fromarray(np.array([values], dtype=np.float32))
    for picture in (imaging.from_pil(image), imaging.decode(encoded(image, "TIFF"))):
        assert_picture(picture)
        np.testing.assert_allclose(picture[2, 0], expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["I;16", "F"])
def test_greys_are_converted_without_many_copies(mode: str) -> None:
    """A copy of the stored values and one of float32 are 8 bytes a pixel."""
    image = Image.new(mode, (500, 400), 1)
    tracemalloc.start()
    try:
        imaging.from_pil(image)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 14 * 500 * 400


def test_32_bit_integers() -> None:
    image = Image.fromarray(np.array([[-(2**31), 0, 2**31 - 1]], dtype=np.int32))
    np.testing.assert_allclose(imaging.decode(encoded(image, "TIFF"))[0, 0], [0, 0.5, 1], atol=1e-6)


def test_the_first_picture_of_an_animation() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "lime")]
    for format in ("GIF", "WEBP", "PNG", "TIFF"):
        options = {"lossless": True} if format == "WEBP" else {}
        data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
        assert colours(imaging.decode(data)) == [[1, 0, 0]] * 16, format


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1)])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_the_smallest_pictures(size: tuple[int, int], format: str) -> None:
    picture = imaging.decode(encoded(Image.new("RGB", size, "white"), format))
    assert picture.shape == (3, size[1], size[0])
    assert picture.min() > 0.99


# EXIF


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "JPEG"])
def test_exif_orientation_is_applied(orientation: int, format: str) -> None:
    upright = np.zeros((16, 32, 3), dtype=np.uint8)
    upright[:8, :16], upright[:8, 16:], upright[8:, :16] = 255, (255, 0, 0), (0, 0, 255)
    # What a camera that was held that way stores: the turn that the tag asks for, undone.
    turns = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.swapaxes(0, 1),
             6: np.rot90(upright), 7: np.rot90(upright, 2).swapaxes(0, 1), 8: np.rot90(upright, -1)}  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}.get(format, {})
    data = encoded(Image.fromarray(np.ascontiguousarray(turns[orientation])), format, exif=exif, **options)
    expected = torch.from_numpy(upright).permute(2, 0, 1) / 255
    torch.testing.assert_close(imaging.decode(data), expected, rtol=0, atol=0.03)


@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"?" * 50],
)
@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG"])
def test_broken_exif_does_not_cost_the_picture(exif: bytes, format: str) -> None:
    picture = imaging.decode(encoded(Image.fromarray(COLOUR), format, exif=b"Exif\0\0" + exif))
    assert picture.shape == (3, 12, 16)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_random_exif_does_not_cost_the_picture(exif: bytes) -> None:
    data = encoded(Image.fromarray(COLOUR), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + exif)
    assert sorted(imaging.decode(data).shape) == [3, 12, 16]


# What is refused


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"hello, world", "it is not a picture in JPEG, PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "it is not a picture"),
        (b"%PDF-1.7\n", "it is not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is not a picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC and AVIF pictures are not read here; save it as JPEG"),
        (b"\x89PNG\r\n\x1a\n", "the picture is damaged or cut short"),
        (b"\xff\xd8\xff", "the picture is damaged or cut short"),
        (b"GIF89a\0\0\0\0\0\0\0", "the picture is damaged or cut short"),
        (b"P6 0 5 255\n", "damaged"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        imaging.decode(data)
    assert_one_sentence(caught.value)


@pytest.mark.parametrize("format", ["ICO", "TGA", "PCX", "EPS", "PDF", "DDS"])
def test_formats_off_the_list_are_refused(format: str) -> None:
    with pytest.raises(ImageError, match="it is not a picture in JPEG, PNG, WebP, GIF, BMP, TIFF or PPM format"):
        imaging.decode(encoded(Image.fromarray(COLOUR), format))


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(ImageError, match=r"too large: 16 x 12 pixels, at most 0.000191 megapixels"):
        imaging.decode(encoded(Image.fromarray(COLOUR)), max_pixels=191)
    assert imaging.decode(encoded(Image.fromarray(COLOUR)), max_pixels=192).shape == (3, 12, 16)
    for side in (8_000, 11_000, 40_000, 2**31 - 1):  # the header alone is enough; Pillow warns, then raises
        with pytest.raises(ImageError, match="the picture is too large"):
            imaging.decode(png(side, side, 8, 2, b""))


@pytest.mark.parametrize("size", [(imaging.MAX_SIDE + 1, 1), (1, imaging.MAX_SIDE + 1)])
def test_too_long_a_side_is_refused(size: tuple[int, int]) -> None:
    long = Image.new("L", size)
    with pytest.raises(ImageError, match=rf"too long: {size[0]} x {size[1]} pixels, at most 65535 a side are read"):
        imaging.from_pil(long)
    assert imaging.from_pil(long.crop((0, 0, min(size[0], 65535), min(size[1], 65535)))).shape[0] == 3


def test_too_many_bytes_are_refused(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(COLOUR))
    with pytest.raises(ImageError, match=r"at most 0\.0001 MB are read"):
        imaging.decode(data, max_bytes=100)
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ImageError, match=r"cannot read a.png: the file is larger than the 0.0001 MB"):
        imaging.read(tmp_path / "a.png", max_bytes=100)


def test_small_files_that_ask_for_much_are_refused() -> None:
    tags = [
        (256, 1),
        (257, 1),
        (258, 8),
        (259, 8),
        (262, 1),
        (277, 1),
        (322, 30_000),
        (323, 30_000),
        (324, 8),
        (325, 9),
    ]
    tiles = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags))
    tiles += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + bytes(4)
    with pytest.raises(ImageError, match="tiles of 30000 x 30000 pixels"):
        imaging.decode(tiles)
    jpeg = encoded(Image.fromarray(COLOUR), "JPEG", progressive=True)
    with pytest.raises(ImageError, match="more than 100 progressive scans"):
        imaging.decode(jpeg[:-2] + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" * 200 + jpeg[-2:])
    with pytest.raises(ImageError, match=r"read up to 2\.1 MB only"):
        imaging.decode(b"P3 1400 1400 255\n" + b"#a\n" * 800_000)


def test_overlapping_tiff_tags_do_not_multiply_memory() -> None:
    size = 2**20
    tags = struct.pack("<H", 3000) + b"".join(struct.pack("<HHII", 40_000 + tag, 7, size, 8) for tag in range(3000))
    with pytest.raises(ImageError):
        imaging.decode(b"II*\0" + struct.pack("<I", 8 + size) + bytes(size) + tags + bytes(4))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "MPO"])
def test_a_file_cut_anywhere_is_read_or_refused(format: str) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 20, 3), dtype=np.uint8))
    data = encoded(image, format)
    refused = 0
    for length in np.linspace(0, len(data) - 1, 120).astype(int):
        try:
            assert imaging.decode(data[:length]).shape == (3, 24, 20)
        except ImageError as error:
            assert_one_sentence(error)
            refused += 1
    assert refused > 90  # a lost trailer costs nothing, lost pixels do


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]), st.data())
def test_damaged_files_are_read_or_refused(format: str, draw: st.DataObject) -> None:
    data = bytearray(encoded(Image.fromarray(COLOUR), format))
    for _ in range(draw.draw(st.integers(1, 6))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        assert_picture(imaging.decode(bytes(data), max_pixels=10**6))
    except ImageError as error:
        assert_one_sentence(error)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([b"", *imaging._SIGNATURES, b"RIFF\0\0\0\0WEBP", b"P2 ", b"P5 "]), st.binary(max_size=300))
def test_random_bytes_are_refused(signature: bytes, rest: bytes) -> None:
    try:
        assert_picture(imaging.decode(signature + rest, max_pixels=10**6))
    except ImageError as error:
        assert_one_sentence(error)


def test_read_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "picture.png").write_bytes(encoded(Image.fromarray(COLOUR)))
    assert imaging.read(tmp_path / "picture.png").shape == (3, 12, 16)
    assert imaging.read(str(tmp_path / "picture.png")).shape == (3, 12, 16)
    for path, message in (
        (tmp_path / "notes.txt", "cannot read notes.txt: it is not a picture"),
        (tmp_path / "gone.png", "cannot read gone.png: there is no such file"),
        (tmp_path, f"cannot read {tmp_path.name}: it is not a file"),
        (Path(os.devnull), "cannot read null: it is not a file"),
        (tmp_path / ("x" * 300), "cannot read x+: "),
        ("a\0b", "cannot read a\0b: "),
    ):
        with pytest.raises(ImageError, match=message):
            imaging.read(path)


# Back to files


def test_png_round_trip_is_lossless_for_8_bit_pictures() -> None:
    picture = torch.from_numpy(COLOUR).permute(2, 0, 1) / 255
    data = imaging.encode_png(picture)
    assert torch.equal(imaging.decode(data), picture)
    assert imaging.encode_png(picture[None]) == data
    assert np.array_equal(imaging.to_uint8(picture), COLOUR)
    assert np.array_equal(np.array(imaging.to_pil(picture)), COLOUR)


def test_to_uint8_rounds_to_the_nearest_level_and_clips() -> None:
    levels = torch.tensor([-5.0, 0.4, 0.6, 100.49, 100.51, 254.6, 300.0])
    assert imaging.to_uint8((levels / 255).expand(3, 1, 7))[0, :, 0].tolist() == [0, 0, 1, 100, 101, 255, 255]


@pytest.mark.parametrize("shape", [(3,), (4, 5), (1, 4, 5), (2, 3, 4, 5), (3, 0, 5)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    for call in (imaging.to_uint8, imaging.encode_png, lambda image: imaging.fit(image, (4, 4))):
        with pytest.raises(ValueError, match=r"expected one picture of shape \(3, H, W\) or \(1, 3, H, W\), got"):
            call(torch.zeros(shape))


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a picture of finite values"):
        imaging.encode_png(torch.full((3, 2, 2), torch.nan))


def test_digest() -> None:
    assert imaging.digest(b"picture") == hashlib.sha256(b"picture").hexdigest()


# The victim's size


@settings(max_examples=80, deadline=None)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.sampled_from(["crop", "pad"]),
)
def test_fit_has_the_size_and_stays_in_range(source: tuple[int, int], size: tuple[int, int], mode: Any) -> None:
    picture = (torch.rand(3, *source, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    fitted = imaging.fit(picture, size, mode)
    assert_picture(fitted)
    assert fitted.shape == (3, *size)
    if mode == "crop":  # a flat picture stays flat: nothing but the picture is in it
        torch.testing.assert_close(imaging.fit(torch.full_like(picture, 0.3), size), torch.full((3, *size), 0.3))


@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_fit_is_the_identity_at_the_right_size(mode: Any) -> None:
    picture = torch.rand(3, 7, 9, dtype=torch.float64)
    assert torch.equal(imaging.fit(picture, (7, 9), mode), picture)
    assert torch.equal(imaging.fit(picture[None], (7, 9), mode), picture)


def test_crop_keeps_the_centre_and_pad_keeps_everything() -> None:
    picture = torch.zeros(3, 40, 80)
    picture[0, :, 20:60], picture[1, :, :20], picture[2, :, 60:] = 1, 1, 1  # green | red, twice as wide | blue
    cropped = imaging.fit(picture, (20, 20))
    assert cropped[0, :, 2:-2].min() > 0.99 and cropped[1:, :, 2:-2].max() < 0.01
    padded = imaging.fit(picture, (80, 80), "pad")
    torch.testing.assert_close(padded[:, 20:60], picture, rtol=0, atol=1e-6)
    assert padded[:, :20].max() == 0 and padded[:, 60:].max() == 0


def test_shrinking_does_not_alias() -> None:
    stripes = (torch.arange(400) % 2).float().expand(3, 400, 400)
    torch.testing.assert_close(imaging.fit(stripes, (40, 40)), torch.full((3, 40, 40), 0.5), rtol=0, atol=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 40_000), (40_000, 1)])
@pytest.mark.parametrize("mode", ["crop", "pad"])
def test_elongated_pictures_fit(shape: tuple[int, int], mode: Any) -> None:
    assert_picture(imaging.fit(torch.rand(3, *shape), (288, 384), mode))


def test_fit_explains_mistakes() -> None:
    with pytest.raises(ValueError, match="expected a size of at least 1 x 1 pixel, got 0 x 5"):
        imaging.fit(torch.zeros(3, 4, 4), (0, 5))
    with pytest.raises(ValueError, match="expected the mode crop or pad, got 'stretch'"):
        imaging.fit(torch.zeros(3, 4, 4), (5, 5), "stretch")  # type: ignore[arg-type]
