"""What handsets, MMSCs and people do to a picture: the battery that a seed must survive before it is sent, and what the evaluation uses."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from PIL import Image

from mmsd.seeds.pictures import colour, opened

Alteration: TypeAlias = Callable[[Image.Image], bytes]
"""From a picture in RGB to the octets of what became of it."""


def jpeg(image: Image.Image, quality: int, *, fine: bool = False) -> bytes:
    """A JPEG file; `fine` keeps the colours of every pixel."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=0 if fine else 2)
    return out.getvalue()


def gif(image: Image.Image, colours: int) -> bytes:
    """A GIF file of so many colours, scattered as handsets do."""
    out = io.BytesIO()
    image.quantize(colours, dither=Image.Dither.FLOYDSTEINBERG).save(out, "GIF")
    return out.getvalue()


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def scaled(image: Image.Image, side: int) -> Image.Image:
    """Its longer side so many pixels, never larger than it was."""
    share = min(1.0, side / max(image.size))
    size = max(1, round(image.width * share)), max(1, round(image.height * share))
    return image.resize(size, Image.Resampling.BILINEAR)


def cut(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """Without those shares of its width and height."""
    width, height = image.size
    return image.crop((round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height)))


def turned(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BILINEAR, fillcolor="black")


def hops(image: Image.Image, stations: Sequence[tuple[int, int]]) -> bytes:
    """Passed on again and again: (longer side, JPEG quality) of each station."""
    octets = b""
    for side, quality in stations:
        octets = jpeg(scaled(image, side), quality)
        image = colour(opened(octets))
    return octets


BATTERY: Final[dict[str, Alteration]] = {
    "JPEG quality 50": lambda image: jpeg(image, 50),
    "JPEG quality 20": lambda image: jpeg(image, 20),
    "160 pixels, quality 50": lambda image: jpeg(scaled(image, 160), 50),
    "128 pixels, quality 60": lambda image: jpeg(scaled(image, 128), 60),
    "128 pixels, quality 40": lambda image: jpeg(scaled(image, 128), 40),
    "96 pixels": lambda image: jpeg(scaled(image, 96), 75),
    "128 pixels, 16 colours": lambda image: gif(scaled(image, 128), 16),
    "64 colours": lambda image: gif(image, 64),
    "brighter": lambda image: jpeg(image.point([min(255, level * 6 // 5) for level in range(256)] * 3), 75),
    "more contrast": lambda image: jpeg(image.point([min(255, max(0, 128 + (level - 128) * 4 // 3)) for level in range(256)] * 3), 75),
    "4 bits of grey": lambda image: png(image.convert("L").point([level & 0xF0 for level in range(256)])),
    "cropped": lambda image: jpeg(cut(image, 0.06, 0.0, 0.02, 0.08), 75),
    "turned": lambda image: jpeg(turned(image, 3.0), 75),
    "five hops": lambda image: hops(image, ((400, 80), (320, 60), (240, 75), (176, 60), (160, 60))),
    "five hops to 128 pixels": lambda image: hops(
        colour(opened(gif(scaled(image, 400), 64))), ((320, 65), (240, 70), (176, 45), (128, 65))
    ),
}
"""A score of ACCEPTED after each, or the seed is weak."""
