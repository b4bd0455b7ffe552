"""Pictures as the recogniser sees them: opened within limits, flat and grey, any rectangle of them on the canonical grid.

Whatever the octets are, `opened` gives a picture or raises DecodeError. Only a worker process calls it on what came from outside: what a
decoder does with hostile octets is bounded by the process, not by this file.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mmsd.errors import DecodeError
from mmsd.seeds.seed import SIDE, Box, Floats

SEEN: Final = 160
"""Pixels of the shorter side that are decoded, where the format lets us choose: the mark ends at 40 periods a side."""
FORMATS: Final = ("JPEG", "PNG", "GIF", "BMP")
_BROKEN: Final = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error, zlib.error,
    UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
"""What Pillow's plug-ins raise for octets that are no picture."""


class Limits(NamedTuple):
    """What a picture from outside may be, told from its header before a pixel is decoded."""

    octets: int = 2 << 20
    pixels: int = 16_000_000  # of one frame
    frames: int = 60


LIMITS: Final = Limits()


def opened(data: bytes, limits: Limits = LIMITS) -> Image.Image:
    """The picture of those octets, its pixels not decoded yet. DecodeError when it is none, or larger than the limits."""
    if len(data) > limits.octets:
        raise DecodeError(f"{len(data)} octets are more than a picture may have", offset=limits.octets)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DecodeError("far more pixels than a picture may have", offset=0) from error
    except _BROKEN as error:
        raise DecodeError(f"no picture: {type(error).__name__}", offset=0) from error
    width, height = image.size
    if not width or not height or width * height > limits.pixels:
        raise DecodeError(f"{width}x{height} pixels are not decoded", offset=0)
    return image


def grey(image: Image.Image) -> Image.Image:
    """The picture in shades of grey, what is transparent on white; a JPEG only as large as needed. DecodeError if it breaks off."""
    try:
        if image.format == "JPEG":
            image.draft("L", (SEEN, SEEN))
        return _flat(image, "L")
    except _BROKEN as error:
        raise DecodeError(f"the picture breaks off: {type(error).__name__}", offset=0) from error


def colour(image: Image.Image) -> Image.Image:
    """The picture in RGB, what is transparent on white. DecodeError when it cannot be decoded."""
    try:
        return _flat(image, "RGB")
    except _BROKEN as error:
        raise DecodeError(f"the picture breaks off: {type(error).__name__}", offset=0) from error


def _flat(image: Image.Image, mode: str) -> Image.Image:
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        ground.alpha_composite(layer)
        return ground.convert(mode)
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits a pixel: Pillow would cut them off, not scale them
        values = np.asarray(image, np.float64)
        return Image.fromarray((values / max(float(values.max()), 1.0) * 255).astype(np.uint8)).convert(mode)
    image.load()
    return image.convert(mode) if image.mode != mode else image.copy()


def frames(image: Image.Image, limits: Limits = LIMITS) -> Iterator[Image.Image]:
    """Each frame of the picture in RGB, as it is seen. DecodeError when there are more than the limit, or one cannot be decoded."""
    count = getattr(image, "n_frames", 1)
    if count > limits.frames:
        raise DecodeError(f"{count} frames are more than a picture may have", offset=0)
    for number in range(count):
        try:
            image.seek(number)
        except _BROKEN as error:
            raise DecodeError(f"frame {number} cannot be decoded: {type(error).__name__}", offset=0) from error
        yield colour(image)


def canonical(image: Image.Image, box: Box | None = None) -> Floats:
    """A grey picture, or a rectangle of it in pixels, on the canonical grid: (128, 128) of 0 to 255.

    >>> canonical(Image.new("L", (640, 480), 7)).mean()
    np.float32(7.0)
    """
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0), np.float32)


_EVEN: Final = 5.0  # grey levels that a row of a margin may be away from its colour in the mean: JPEG's noise beside an edge
_WIDEST: Final = 0.36


def margins(image: Image.Image) -> Box | None:
    """What lies within the even margins of a grey picture, in shares of its sides; None when it has none.

    >>> bars = Image.new("L", (200, 200)); bars.paste(255, (0, 50, 200, 150)); margins(bars)
    (0.0, 0.25, 1.0, 0.75)
    """
    image = image.resize((min(image.width, 2 * SIDE), min(image.height, 2 * SIDE)), Image.Resampling.BOX)
    values = np.asarray(image, np.int16)
    top, bottom = _margin(values), _margin(values[::-1])
    left, right = _margin(values.T), _margin(values.T[::-1])
    if not (top or bottom or left or right):
        return None
    return left, top, 1.0 - right, 1.0 - bottom


def _margin(values: NDArray[np.int16]) -> float:
    """How much of it, from its first row on, has the colour of that row; 0 when that is most of it."""
    colour = np.median(values[0])
    even = np.abs(values[: int(len(values) * _WIDEST)] - colour).mean(axis=1) <= _EVEN
    rows = len(even) if even.all() else int(even.argmin())
    return 0.0 if rows == len(even) else rows / len(values)
