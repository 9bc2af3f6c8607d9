"""Pictures from outside, and back: bytes, files and Pillow images <-> (3, H, W) float32 RGB in [0, 1].

Hostile uploads stop here: `decode` either returns a picture or raises `ImageError` with one sentence for people.
Colour profiles are not applied: the numbers in the file are taken as sRGB.
"""

from __future__ import annotations

import hashlib
import io
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

# Importing a plugin registers it; Pillow otherwise loads TIFF and WebP only together with every format it knows.
from PIL import (  # isort: skip
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    TiffImagePlugin,
    WebPImagePlugin,  # noqa: F401
)
from torch import Tensor

from mta_core.vectors import is_finite

Fit = Literal["crop", "pad"]
FITS: tuple[Fit, ...] = ("crop", "pad")
MAX_PIXELS = 40_000_000
"""The largest picture that is decoded, width times height: 480 MB as a float tensor."""

MAX_SIDE = 65_535
"""The longest side that is read, the limit of JPEG: resampling takes memory by the row and column too, not only by the
pixel."""

MAX_BYTES = 64 * 2**20
"""The largest file that is looked at."""

# Formats without scripting, external programs or fonts. JPEG covers MPO and ultra-HDR files, whose first picture is a
# plain JPEG; HEIC and AVIF are left to the program that made them.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_NAMES = "JPEG, PNG, WebP, GIF, BMP, TIFF or PPM"
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# A progressive JPEG is decoded once over for each of its scans, ten as a rule; a small file can ask for a million.
_MAX_JPEG_SCANS = 100

# Text formats and run-lengths are decoded by Python loops, at worst quadratic in the file (a text of comments).
_MAX_SLOW_BYTES = 2 * 2**20

# One picture at a time: it bounds the memory that simultaneous uploads take, and the warning filters that are
# switched off meanwhile belong to the whole process.
_ONE_AT_A_TIME = threading.Lock()


class ImageError(ValueError):
    """A picture that cannot be read; the message is one sentence for people."""


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> Tensor:
    """A picture file's first (or only) picture, (3, H, W) float32 RGB in [0, 1], turned as its EXIF data say.

    Transparency is laid over white. 16-bit grey is divided by 65535; 16-bit colour loses its low byte. Of 32-bit
    integers and floats the file does not say where white is: see `from_pil`.

    Args:
        data: the bytes of the file.
        max_pixels: the most pixels to decode, checked before anything is decoded.
        max_bytes: the most bytes to look at.

    Raises:
        ImageError: empty, too large, not a picture, a format that is not read here, damaged or cut short.
    """
    if not data:
        raise ImageError("the file is empty")
    if len(data) > max_bytes:
        raise ImageError(f"the file has {_mega(len(data))} MB; at most {_mega(max_bytes)} MB are read")

    def convert() -> Tensor:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _check_size(image, max_pixels)
            _check_effort(image, data)
            return _tensor(image)

    return _guarded(convert, max_pixels, _known_format(data))


def read(path: str | Path, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> Tensor:
    """A picture file on disk, (3, H, W) float32 RGB in [0, 1]; see `decode`.

    Raises:
        ImageError: as `decode`, and for a missing or unreadable file; the message names the file.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise ImageError("there is no such file")
        if not path.is_file():  # a folder, or a device that never ends
            raise ImageError("it is not a file")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise ImageError(f"the file is larger than the {_mega(max_bytes)} MB that are read at most")
        return decode(data, max_pixels=max_pixels, max_bytes=max_bytes)
    except ImageError as error:
        raise ImageError(f"cannot read {path.name}: {error}") from error.__cause__
    except (OSError, ValueError) as error:  # no permission; a name with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"cannot read {path.name}: {reason}") from error


def from_pil(image: Image.Image, *, max_pixels: int = MAX_PIXELS) -> Tensor:
    """A Pillow image of any mode, (3, H, W) float32 RGB in [0, 1], turned as its EXIF data say.

    Modes I and F do not say what is white. The smallest of these ranges that holds all values is taken for the
    whole scale: [0, 1], [0, 255], [0, 65535]; failing that, the picture's own least value becomes black and its
    greatest white. PPM files are the exception: Pillow brings their 16-bit values to [0, 65535] in mode I.

    Raises:
        ImageError: too large, of a mode that cannot be converted, or a lazy image whose file turns out damaged.
    """

    def convert() -> Tensor:
        _check_size(image, max_pixels)
        return _tensor(image)

    return _guarded(convert, max_pixels, known_format=True)


def to_uint8(image: Tensor) -> NDArray[np.uint8]:
    """(3, H, W) or (1, 3, H, W) in [0, 1] -> (H, W, 3) uint8, rounded to the nearest level, ties to even.

    Values outside [0, 1] are clipped.

    Raises:
        ValueError: another shape, or values that are not finite.
    """
    picture = _one_picture(image)
    if not is_finite(picture):
        raise ValueError("expected a picture of finite values, got NaN or infinity")
    levels = (picture.float() * 255).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(1, 2, 0).contiguous().numpy()


def to_pil(image: Tensor) -> Image.Image:
    """(3, H, W) or (1, 3, H, W) in [0, 1] -> an 8-bit RGB Pillow image; see `to_uint8`."""
    return Image.fromarray(to_uint8(image))


def encode_png(image: Tensor) -> bytes:
    """(3, H, W) or (1, 3, H, W) in [0, 1] -> an 8-bit RGB PNG; lossless for multiples of 1/255. See `to_uint8`."""
    buffer = io.BytesIO()
    to_pil(image).save(buffer, format="PNG")
    return buffer.getvalue()


def encode_npy(values: Tensor) -> bytes:
    """Any shape -> a NumPy file of float32."""
    buffer = io.BytesIO()
    np.save(buffer, values.to(torch.float32).contiguous().numpy())
    return buffer.getvalue()


def fit(image: Tensor, size: tuple[int, int], mode: Fit = "crop") -> Tensor:
    """A picture brought to a victim's input size, its aspect kept.

    Antialiased bicubic resampling in float, clipped to [0, 1]; a picture that already has the size comes back as it
    is. `crop` fills the size and cuts what stands over, evenly on both sides; `pad` shows everything, between
    black bars.

    Args:
        image: (3, H, W) or (1, 3, H, W) in [0, 1].
        size: (height, width) of the result, in pixels.
        mode: `crop` or `pad`.

    Returns:
        (3, height, width) in [0, 1], of the dtype and on the device of `image`.

    Raises:
        ValueError: another shape, a size below 1, or an unknown mode.
    """
    height, width = size
    if height < 1 or width < 1:
        raise ValueError(f"expected a size of at least 1 x 1 pixel, got {height} x {width}")
    if mode not in FITS:
        raise ValueError(f"expected the mode crop or pad, got {mode!r}")
    picture = _one_picture(image)
    rows, columns = picture.shape[1:]
    if (rows, columns) == (height, width):
        return image.reshape(3, height, width)
    if mode == "crop":
        # The box is cut from the source, in fractions of its pixels: enlarging a 1 x 40,000 strip first would not
        # fit in memory.
        scale = max(height / rows, width / columns)
        fitted = _resample(picture, (height, width), (height / scale, width / scale))
    else:
        scale = min(height / rows, width / columns)
        inner = max(1, min(height, round(rows * scale))), max(1, min(width, round(columns * scale)))
        top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
        fitted = torch.zeros(3, height, width)
        fitted[:, top : top + inner[0], left : left + inner[1]] = _resample(picture, inner, (rows, columns))
    return fitted.to(device=image.device, dtype=image.dtype)


def on_grid(image: Tensor) -> Tensor:
    """Pixels in [0, 1] rounded to multiples of 1/255: what an 8-bit file keeps, so that one of it is exactly it."""
    return (image * 255).round() / 255


def read_fitted(path: str | Path, size: tuple[int, int], mode: Fit = "crop") -> Tensor:
    """A picture file on disk as it is attacked: brought to (height, width), on the 8-bit grid; (3, H, W).

    Raises:
        ImageError: it cannot be read.
    """
    return on_grid(fit(read(path), size, mode))


def digest(data: bytes) -> str:
    """The SHA-256 of a file's bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _guarded(convert: Callable[[], Tensor], max_pixels: int, known_format: bool) -> Tensor:
    """Runs Pillow: no warning gets out, and no exception but ImageError."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return convert()
        except ImageError:
            raise
        except Image.DecompressionBombError as error:
            raise ImageError(f"the picture is too large: at most {_mega(max_pixels)} megapixels are read") from error
        except MemoryError as error:
            raise ImageError("there is not enough memory for this picture") from error
        except UnidentifiedImageError as error:
            raise ImageError(_DAMAGED if known_format else f"it is not a picture in {_NAMES} format") from error
        except Exception as error:  # damaged files raise nearly everything: SyntaxError, struct.error, KeyError, ...
            raise ImageError(_DAMAGED) from error


_DAMAGED = "the picture is damaged or cut short"


def _known_format(data: bytes) -> bool:
    """Whether the bytes begin like a picture that could be read if it were whole.

    Raises:
        ImageError: they are a picture of a phone's format that is not read here.
    """
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis"):
        raise ImageError(f"HEIC and AVIF pictures are not read here; save it as {_NAMES} first")
    return data.startswith(_SIGNATURES) or (data[:1] == b"P" and data[1:2] in (b"1", b"2", b"3", b"4", b"5", b"6"))


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise ImageError(f"the picture has no pixels ({width} x {height})")
    if width * height > max_pixels:
        raise ImageError(
            f"the picture is too large: {width} x {height} pixels, at most {_mega(max_pixels)} megapixels are read"
        )
    if max(width, height) > MAX_SIDE:
        raise ImageError(f"the picture is too long: {width} x {height} pixels, at most {MAX_SIDE} a side are read")


def _check_effort(image: Image.Image, data: bytes) -> None:
    """Refuses small files that ask for far more memory or time than their pixels.

    Raises:
        ImageError: a TIFF of huge tiles, a JPEG of too many scans, or a text or run-length file of many megabytes.
    """
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tile = [int(image.tag_v2.get(tag, 1)) for tag in (TiffImagePlugin.TILEWIDTH, TiffImagePlugin.TILELENGTH)]
        if tile[0] * tile[1] > max(2**20, 4 * image.width * image.height):
            raise ImageError(f"the picture is stored in tiles of {tile[0]} x {tile[1]} pixels, far larger than itself")
    if image.format in ("JPEG", "MPO") and data.count(b"\xff\xda") > _MAX_JPEG_SCANS:
        raise ImageError(f"the picture is stored in more than {_MAX_JPEG_SCANS} progressive scans")
    slow = any(tile.codec_name in ("ppm_plain", "bmp_rle", "ppm") for tile in getattr(image, "tile", []))
    if slow and len(data) > _MAX_SLOW_BYTES:
        raise ImageError(f"a picture in this form is read up to {_mega(_MAX_SLOW_BYTES)} MB only; save it as PNG")


def _tensor(image: Image.Image) -> Tensor:
    """Any Pillow image -> (3, H, W) float32 in [0, 1]."""
    image.load()
    full_scale = 65535 if image.format == "PPM" or image.mode.startswith("I;16") else None  # turning forgets the format
    image = _turned(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey = torch.from_numpy(_grey(image, full_scale))
        return grey.expand(3, -1, -1).contiguous()
    if image.has_transparency_data and image.mode in ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa"):
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    levels = torch.from_numpy(np.array(image.convert("RGB")))
    return levels.permute(2, 0, 1).contiguous().float().div_(255)


def _turned(image: Image.Image) -> Image.Image:
    """The image turned as its EXIF (or XMP) orientation says; as stored where those data are broken."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the picture itself is fine
        return image


def _grey(image: Image.Image, full_scale: int | None) -> NDArray[np.float32]:
    """An image of mode I;16, I or F -> (H, W) float32 in [0, 1]; see `from_pil` for what is white where it is None."""
    stored = np.asarray(image)
    if full_scale is not None:
        grey = stored.astype(np.float32)
        grey /= full_scale
        transparent = image.info.get("transparency")  # a PNG may declare one grey value to be see-through
        if isinstance(transparent, int):
            grey[stored == transparent] = 1
        return grey.clip(0, 1, out=grey)
    # In place on one copy, in float32 but where that would lose bits: there may be 40 million pixels.
    values: NDArray[Any] = stored.astype(np.float64 if stored.dtype.kind == "i" else np.float32)
    black, white = _finite_range(values)
    np.nan_to_num(values, copy=False, nan=black, posinf=white, neginf=black)
    if black >= 0 and white <= 65535:
        black, white = 0.0, next(scale for scale in (1.0, 255.0, 65535.0) if white <= scale)
    if white - black > np.finfo(np.float32).max:
        values = values.astype(np.float64)
    values -= black
    values /= (white - black) or 1.0
    return values.clip(0, 1, out=values).astype(np.float32, copy=False)


def _finite_range(values: NDArray[Any]) -> tuple[float, float]:
    """The least and the greatest value; (0, 0) where none is finite."""
    finite = np.isfinite(values)
    if not finite.any():
        return 0.0, 0.0
    return float(values.min(where=finite, initial=np.inf)), float(values.max(where=finite, initial=-np.inf))


def _one_picture(image: Tensor) -> Tensor:
    """(3, H, W) on the CPU from (3, H, W) or (1, 3, H, W) anywhere."""
    picture = image.detach().cpu()
    if picture.ndim == 4 and len(picture) == 1:
        picture = picture[0]
    if picture.ndim != 3 or len(picture) != 3 or 0 in picture.shape:
        raise ValueError(f"expected one picture of shape (3, H, W) or (1, 3, H, W), got {tuple(image.shape)}")
    return picture


def _resample(picture: Tensor, size: tuple[int, int], box: tuple[float, float]) -> Tensor:
    """The central `box` (height, width, in source pixels) of a (3, H, W) picture at `size`, (3, *size) in [0, 1]."""
    rows, columns = picture.shape[1:]
    top, left = max(0.0, (rows - box[0]) / 2), max(0.0, (columns - box[1]) / 2)
    corners = (left, top, min(float(columns), left + box[1]), min(float(rows), top + box[0]))
    channels = [
        # Pillow's filter widens as it shrinks (so nothing aliases), takes a fractional box and works on floats.
        np.array(Image.fromarray(channel).resize((size[1], size[0]), Image.Resampling.BICUBIC, box=corners))
        for channel in picture.float().numpy()
    ]
    return torch.from_numpy(np.stack(channels)).clamp_(0, 1)


def _mega(count: int) -> str:
    return f"{count / 1e6:.3g}"
