"""Pictures opened within limits, and on the canonical grid."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mmsd.errors import DecodeError
from mmsd.seeds import alterations as alter
from mmsd.seeds import pictures
from mmsd.seeds.pictures import Limits
from tests.seeds.drawn import card


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, rows: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def test_every_cut_of_a_picture_is_a_picture_or_an_error() -> None:
    small = card().resize((64, 48))
    for octets in (alter.jpeg(small, 75), alter.png(small), alter.gif(small, 16)):
        for stop in range(0, len(octets), 37):
            try:
                pictures.canonical(pictures.grey(pictures.opened(octets[:stop])))
            except DecodeError:
                continue


def test_random_octets_are_a_picture_or_an_error(seed: int) -> None:
    noise = np.random.default_rng(seed)
    whole = [alter.jpeg(card().resize((64, 48)), 75), alter.png(card().resize((64, 48))), alter.gif(card().resize((64, 48)), 16)]
    for number in range(300):
        octets = bytearray(whole[number % 3])
        for place in noise.integers(0, len(octets), 8).tolist():
            octets[place] = int(noise.integers(0, 256))
        try:
            pictures.canonical(pictures.grey(pictures.opened(bytes(octets))))
        except DecodeError:
            continue


@pytest.mark.parametrize("octets", [b"", b"\xff\xd8\xff", b"GIF89a", b"<svg/>", b"%PDF-1.4", b"II*\0" + bytes(40), b"RIFF\0\0\0\0WEBPVP8 "])
def test_what_is_no_picture_of_the_four_kinds(octets: bytes) -> None:
    with pytest.raises(DecodeError):
        pictures.opened(octets)


def test_huge_dimensions_are_refused_before_a_pixel_is_decoded() -> None:
    with pytest.raises(DecodeError, match="far more pixels"):
        pictures.opened(png_of(65_000, 65_000))
    with pytest.raises(DecodeError, match="8000x8000 "):
        pictures.opened(png_of(8000, 8000))
    with pytest.raises(DecodeError, match="400x1 "):
        pictures.opened(png_of(400, 1, bytes(401)), Limits(pixels=399))


def test_too_many_octets_and_frames_are_refused() -> None:
    with pytest.raises(DecodeError, match="octets"):
        pictures.opened(alter.png(card()), Limits(octets=100))
    out = io.BytesIO()
    stills = [Image.new("L", (4, 4), level) for level in range(5)]
    stills[0].save(out, "GIF", save_all=True, append_images=stills[1:])
    with pytest.raises(DecodeError, match="5 frames"):
        list(pictures.frames(pictures.opened(out.getvalue()), Limits(frames=4)))


def test_what_is_transparent_is_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (200, 100), (255, 0, 0, 0)).save(out, "PNG")
    assert pictures.grey(pictures.opened(out.getvalue())).getextrema() == (255, 255)


def test_sixteen_bits_are_scaled_not_cut() -> None:
    out = io.BytesIO()
    Image.fromarray(np.linspace(0, 60_000, 10_000, dtype=np.uint16).reshape(100, 100)).save(out, "PNG")
    values = pictures.canonical(pictures.grey(pictures.opened(out.getvalue())))
    assert values[:8].mean() < 20
    assert values[-8:].mean() > 235


def test_a_jpeg_is_decoded_as_small_as_will_do() -> None:
    image = pictures.opened(alter.jpeg(card().resize((1280, 960)), 80))
    grey = pictures.grey(image)
    assert pictures.SEEN <= min(grey.size) < 480


@pytest.mark.parametrize("shape", [(640, 480), (128, 160), (96, 96), (1000, 40)])
def test_any_shape_fits_the_grid(shape: tuple[int, int]) -> None:
    assert pictures.canonical(card().convert("L").resize(shape)).shape == (128, 128)


@pytest.mark.parametrize("ground", ["white", "black", "#808080"])
def test_margins_of_any_colour_are_found(ground: str) -> None:
    inner = card("lantern").convert("L").resize((150, 100))
    screen = Image.new("L", (176, 220), ground)
    screen.paste(inner, (13, 60))
    box = pictures.margins(pictures.colour(pictures.opened(alter.jpeg(screen.convert("RGB"), 85))).convert("L"))
    assert box is not None
    assert np.allclose(box, (13 / 176, 60 / 220, 163 / 176, 160 / 220), atol=0.025)


def test_a_picture_without_margins_or_nothing_but_ground_has_none() -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (90, 90), np.uint8))
    assert pictures.margins(noise) is None
    assert pictures.margins(Image.new("L", (90, 90), 40)) is None
