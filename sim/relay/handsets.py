"""What handsets of the relay do to a picture before they send it on, as octets → octets. Pillow; drawn from a given chance."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from PIL import Image

Treatment = Callable[[bytes, random.Random], bytes]

_SCREENS: Final = (160, 176, 208, 240)
"""Pixels of the longer side that is left."""


def keep(octets: bytes, draw: random.Random) -> bytes:
    """Every octet as it came."""
    return octets


def strip(octets: bytes, draw: random.Random) -> bytes:
    """A JPEG without what is said about it (JFIF, EXIF, comments), and with a comment of its own. What is no JPEG stays as it is."""
    if not octets.startswith(b"\xff\xd8"):
        return octets
    note = b"IMG%04d" % draw.randrange(10_000)
    comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note
    return b"\xff\xd8" + comment + b"".join(segment for segment in _segments(octets) if not _about(segment[1]))


def _about(marker: int) -> bool:
    """APP0 to APP13 and COM; APP14 tells how the colours are meant (ISO 10918-1 B.1.1.3)."""
    return 0xE0 <= marker <= 0xED or marker == 0xFE


def _segments(octets: bytes) -> Iterator[bytes]:
    """What follows SOI; the scan and all behind it are one."""
    at = 2
    while octets[at + 1] != 0xDA:
        stop = at + 2 + int.from_bytes(octets[at + 2 : at + 4], "big")
        yield octets[at:stop]
        at = stop
    yield octets[at:]


def recompress(octets: bytes, draw: random.Random) -> bytes:
    """The same size, fewer octets."""
    return _jpeg(_opened(octets), draw.randint(45, 85))


def resize(octets: bytes, draw: random.Random) -> bytes:
    """As large as a screen."""
    image = _opened(octets)
    return _jpeg(_scaled(image, draw.choice(_SCREENS)), draw.randint(55, 85))


def crop(octets: bytes, draw: random.Random) -> bytes:
    """Some of its edges are gone."""
    image = _opened(octets)
    width, height = image.size
    left, top, right, bottom = (draw.uniform(0.0, 0.06) for _ in range(4))
    box = round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height)
    return _jpeg(image.crop(box), draw.randint(65, 85))


def palette(octets: bytes, draw: random.Random) -> bytes:
    """A GIF of few colours."""
    out = io.BytesIO()
    shown = _scaled(_opened(octets), draw.choice(_SCREENS))
    shown.quantize(draw.randint(32, 128), dither=Image.Dither.FLOYDSTEINBERG).save(out, "GIF")
    return out.getvalue()


TREATMENTS: Final[Mapping[str, Treatment]] = {
    "keep": keep, "strip": strip, "recompress": recompress, "resize": resize, "crop": crop, "palette": palette,
}  # fmt: skip
UNTOUCHED: Final = frozenset({"keep"})
"""Those that leave the octets of the picture as they are."""


def _opened(octets: bytes) -> Image.Image:
    with Image.open(io.BytesIO(octets)) as image:
        return image.convert("RGB")


def _scaled(image: Image.Image, side: int) -> Image.Image:
    share = min(1.0, side / max(image.size))
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.BILINEAR)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()
