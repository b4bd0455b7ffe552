"""What `make recognise` runs over: seeds of several families, what is done to them, and pictures that are no seeds.

Everything is drawn from fixed numbers; a family that is *held back* had no part in choosing any constant of `mmsd.seeds`.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from bench import cards
from mmsd.seeds import alterations as alter
from mmsd.seeds.pictures import colour, opened

SIZES: Final = ((640, 480), (400, 300), (320, 240), (240, 320), (352, 288), (240, 240))


@dataclass(frozen=True)
class Source:
    """A picture to make a seed of."""

    name: str
    family: str  # of pictures: photo, card …
    siblings: str  # seeds that share it are siblings; "" stands alone
    held_back: bool
    octets: bytes


def _animated(frames: list[Image.Image]) -> bytes:
    out = io.BytesIO()
    first, *others = [frame.quantize(64, dither=Image.Dither.NONE) for frame in frames]
    first.save(out, "GIF", save_all=True, append_images=others, duration=250, loop=0)
    return out.getvalue()


def _photos(count: int) -> Iterator[Source]:
    for number in range(count):
        name = cards.PHOTOS[number % len(cards.PHOTOS)]
        image = cards.photograph(name)
        if image is None:
            return
        draw = random.Random(f"photo {number}")
        octets = alter.jpeg(cards.cutting(image, draw, draw.choice(SIZES)), draw.choice((85, 90, 95)))
        yield Source(f"photo-{number:03}", "photograph", "", cards.PHOTOS.index(name) % 2 == 1, octets)


def _cards(count: int) -> Iterator[Source]:
    for number in range(count):
        template = tuple(cards.TEMPLATES)[number % len(cards.TEMPLATES)]
        draw = random.Random(f"card {number}")
        image = cards.TEMPLATES[template](draw, draw.choice(SIZES))
        octets = alter.png(image) if number % 3 else alter.jpeg(image, 92, fine=True)
        yield Source(f"{template}-{number:03}", f"card: {template}", "", template in HELD_BACK, octets)


def _siblings(families: int, each: int) -> Iterator[Source]:
    """The same card with other numbers; every second family's differ in one digit."""
    for family in range(families):
        template = ("torch", "numbered", "lantern", "river")[family % 4]
        size = SIZES[family % len(SIZES)]
        for number in range(each):
            said = f"{20080000 + number:08}" if family % 2 else f"{random.Random(f'{family} {number}').randint(0, 10**8):08}"
            image = cards.TEMPLATES[template](random.Random(f"family {family}"), size, number=said)
            yield Source(
                f"sibling-{family}-{number:02}", "siblings", f"family-{family}", template in HELD_BACK, alter.png(image)
            )  # fmt: skip


def _animations(count: int) -> Iterator[Source]:
    for number in range(count):
        template = tuple(cards.TEMPLATES)[number % len(cards.TEMPLATES)]
        frames = cards.animation(cards.TEMPLATES[template], 7000 + number, ((176, 144), (200, 160), (160, 200))[number % 3], 3 + number % 3)
        yield Source(f"moving-{number:03}", "animation", "", template in HELD_BACK, _animated(frames))


def _landscapes(count: int) -> Iterator[Source]:
    for number in range(count):
        draw = random.Random(f"landscape {number}")
        yield Source(
            f"landscape-{number:03}", "landscape", "", number % 2 == 1, alter.jpeg(cards.landscape(draw, draw.choice(SIZES)), 90)
        )  # fmt: skip


HELD_BACK: Final = frozenset({"river", "numbered"})


def sources(share: float = 1.0) -> list[Source]:
    """The pictures of all seeds, or a share of each family: at least one, siblings at least two."""

    def some(count: int, least: int = 1) -> int:
        return max(least, round(count * share))

    return [
        *_photos(some(36, 2)),
        *_cards(some(32, 4)),
        *_siblings(some(6), some(6, 2)),
        *_animations(some(12)),
        *_landscapes(some(10)),
    ]


# ----------------------------------------------------------------------------------------------------------------- alterations

Change = Callable[[Image.Image, random.Random], bytes]
HANDSET, PEOPLE, HARD = "handset", "people", "hard"


def _quality(quality: int) -> Change:
    return lambda image, draw: alter.jpeg(image, quality)


def _side(side: int) -> Change:
    return lambda image, draw: alter.jpeg(alter.scaled(image, side), 75)


def _squashed(width: int, height: int) -> Change:
    return lambda image, draw: alter.jpeg(image.resize((width, height), Image.Resampling.BILINEAR), 75)


def _letterboxed(width: int, height: int, ground: str) -> Change:
    def change(image: Image.Image, draw: random.Random) -> bytes:
        share = min(width / image.width, height / image.height)
        inner = image.resize((max(1, int(image.width * share)), max(1, int(image.height * share))), Image.Resampling.BILINEAR)
        screen = Image.new("RGB", (width, height), ground)
        screen.paste(inner, ((width - inner.width) // 2, (height - inner.height) // 2))
        return alter.jpeg(screen, 80)

    return change


def _bits(bits: int) -> Change:
    mask = 0xFF << (8 - bits) & 0xFF
    return lambda image, draw: alter.png(image.point([level & mask for level in range(256)] * 3))


def _hops(count: int) -> Change:
    """JPEG again and again at the sizes and qualities of handsets, never below 128 pixels."""

    def change(image: Image.Image, draw: random.Random) -> bytes:
        sides = sorted((draw.choice((640, 480, 320, 240, 176, 160)) for _ in range(count)), reverse=True)
        return alter.hops(image, [(side, draw.choice((55, 65, 75, 85, 90))) for side in sides])

    return change


def _mixed(image: Image.Image, draw: random.Random) -> bytes:
    """Five hops, formats mixed, down to 128 pixels."""
    for side, step in zip((400, 320, 240, 176, 128), draw.sample(("jpeg", "gif", "jpeg", "grey", "low"), 5), strict=True):
        image = alter.scaled(image, side)
        octets = {
            "jpeg": lambda image: alter.jpeg(image, 65),
            "gif": lambda image: alter.gif(image, 64),
            "grey": lambda image: alter.jpeg(image.convert("L").convert("RGB"), 70),
            "low": lambda image: alter.jpeg(image, 45),
        }[step](image)
        image = colour(opened(octets))
    return octets


def _cropped(share: float) -> Change:
    """So much of width and height is gone, from wherever."""

    def change(image: Image.Image, draw: random.Random) -> bytes:
        left, top = draw.uniform(0, share), draw.uniform(0, share)
        return alter.jpeg(alter.cut(image, left, top, share - left, share - top), 80)

    return change


def _framed(share: float, ground: str) -> Change:
    def change(image: Image.Image, draw: random.Random) -> bytes:
        edge = max(1, round(share * image.width))
        framed = Image.new("RGB", (image.width + 2 * edge, image.height + 2 * edge), ground)
        framed.paste(image, (edge, edge))
        return alter.jpeg(framed, 80)

    return change


def _captioned(share: float, above: bool) -> Change:
    def change(image: Image.Image, draw: random.Random) -> bytes:
        bar = max(8, round(share * image.height))
        paper = Image.new("RGB", (image.width, image.height + bar), draw.choice(("white", "black", "#ffe0a0")))
        paper.paste(image, (0, bar if above else 0))
        ImageDraw.Draw(paper).text((4, 0 if above else image.height), "To you and yours 2008", "gray", cards.font("hei", int(bar * 0.7)))
        return alter.jpeg(paper, 80)

    return change


def _written(image: Image.Image, draw: random.Random) -> bytes:
    image = image.copy()
    for tint in ("red", "yellow"):
        place = (draw.uniform(0, 0.2) * image.width, draw.uniform(0.05, 0.8) * image.height)
        ImageDraw.Draw(image).text(place, "Happy New Year!", tint, cards.font("hei", image.height // 9))
    return alter.jpeg(image, 80)


def _curve(curve: Callable[[float], float]) -> Change:
    table = [min(255, max(0, round(255 * curve(level / 255)))) for level in range(256)]
    return lambda image, draw: alter.jpeg(image.point(table * 3), 80)


def _turned(degrees: float) -> Change:
    return lambda image, draw: alter.jpeg(alter.turned(image, degrees), 80)


def _grey4(image: Image.Image, draw: random.Random) -> bytes:
    return alter.png(image.convert("L").point([level & 0xF0 for level in range(256)]))


def _as_gif(colours: int, side: int = 10_000) -> Change:
    return lambda image, draw: alter.gif(alter.scaled(image, side), colours)


CHANGES: Final[dict[str, tuple[str, Change]]] = {
    **{f"JPEG {quality}": (HANDSET, _quality(quality)) for quality in (95, 85, 75, 65, 50, 35)},
    **{f"{side} px": (HANDSET, _side(side)) for side in (640, 480, 320, 240, 176, 160, 128)},
    "squashed to 160x120": (HANDSET, _squashed(160, 120)),
    "squashed to 128x128": (HANDSET, _squashed(128, 128)),
    "squashed to 320x200": (HANDSET, _squashed(320, 200)),
    "letterbox 176x220": (HANDSET, _letterboxed(176, 220, "black")),
    "letterbox 320x240": (HANDSET, _letterboxed(320, 240, "white")),
    "letterbox 240x320": (HANDSET, _letterboxed(240, 320, "black")),
    "GIF 256": (HANDSET, _as_gif(256)),
    "GIF 64": (HANDSET, _as_gif(64)),
    "PNG": (HANDSET, lambda image, draw: alter.png(image)),
    "grey": (HANDSET, lambda image, draw: alter.jpeg(image.convert("L"), 75)),
    "4 bits a colour": (HANDSET, _bits(4)),
    "4 bits of grey": (HANDSET, _grey4),
    "2 hops": (HANDSET, _hops(2)),
    "3 hops": (HANDSET, _hops(3)),
    "4 hops": (HANDSET, _hops(4)),
    "5 hops": (HANDSET, _hops(5)),
    **{f"cropped {share} %": (PEOPLE, _cropped(share / 100)) for share in (2, 5, 10)},
    "frame 5 % white": (PEOPLE, _framed(0.05, "white")),
    "frame 10 % black": (PEOPLE, _framed(0.10, "black")),
    "brighter": (PEOPLE, _curve(lambda level: level * 1.2)),
    "darker": (PEOPLE, _curve(lambda level: level * 0.75)),
    "more contrast": (PEOPLE, _curve(lambda level: 0.5 + (level - 0.5) * 1.3)),
    "less contrast": (PEOPLE, _curve(lambda level: 0.5 + (level - 0.5) * 0.7)),
    "gamma 0.7": (PEOPLE, _curve(lambda level: level**0.7)),
    "gamma 1.5": (PEOPLE, _curve(lambda level: level**1.5)),
    "more colour": (PEOPLE, lambda image, draw: alter.jpeg(ImageEnhance.Color(image).enhance(1.6), 80)),
    "blurred 1": (PEOPLE, lambda image, draw: alter.jpeg(image.filter(ImageFilter.GaussianBlur(1.0)), 80)),
    "blurred 2": (PEOPLE, lambda image, draw: alter.jpeg(image.filter(ImageFilter.GaussianBlur(2.0)), 80)),
    "sharpened": (PEOPLE, lambda image, draw: alter.jpeg(image.filter(ImageFilter.UnsharpMask(2, 150, 0)), 80)),
    **{f"turned {degrees}°": (PEOPLE, _turned(degrees)) for degrees in (2, -3.5, 5)},
    "written over": (PEOPLE, _written),
    "caption below": (PEOPLE, _captioned(0.15, above=False)),
    "caption above": (PEOPLE, _captioned(0.18, above=True)),
    "JPEG 20": (HARD, _quality(20)),
    "96 px": (HARD, _side(96)),
    "128 px, JPEG 40": (HARD, lambda image, draw: alter.jpeg(alter.scaled(image, 128), 40)),
    "128 px, GIF 16": (HARD, _as_gif(16, 128)),
    "5 mixed hops": (HARD, _mixed),
    "1 bit": (HARD, lambda image, draw: alter.png(image.convert("1"))),
}

# ------------------------------------------------------------------------------------------------------------------- negatives


TURNED: Final = (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)


def unrelated(number: int) -> bytes:
    """A picture that has nothing to do with any seed: a photograph's cutting, a landscape, a card; as handsets send them."""
    draw = random.Random(f"unrelated {number}")
    size = draw.choice(((160, 120), (176, 144), (320, 240), (240, 320), (640, 480)))
    kind = number % 4
    image = cards.photograph(draw.choice(cards.PHOTOS)) if kind == 0 else None
    if image is not None:
        image = cards.cutting(image, draw, size).transpose(draw.choice(TURNED))  # so it is no other cutting of a seed's photograph
    elif kind < 3:
        image = cards.landscape(draw, size)
    else:
        image = cards.TEMPLATES[draw.choice(tuple(cards.TEMPLATES))](draw, size, name=draw.choice(("hei", "ming")))
        image = cards.cutting(image, draw, size)
    return alter.gif(image, 64) if number % 11 == 0 else alter.jpeg(image, draw.choice((50, 65, 75, 85)))


def same_template(number: int) -> bytes:
    """Unmarked and like a seed: a card of its template, its own drawing with another number, another cutting of its photograph."""
    draw = random.Random(f"template {number}")
    image = cards.photograph(draw.choice(cards.PHOTOS)) if number % 5 == 0 else None
    if image is not None:
        image = cards.cutting(image, draw, draw.choice(SIZES))
    elif number % 2:
        family = draw.randrange(6)
        template = ("torch", "numbered", "lantern", "river")[family % 4]
        said = f"{draw.randint(0, 10**8 - 1):08}"
        image = cards.TEMPLATES[template](random.Random(f"family {family}"), SIZES[family % len(SIZES)], number=said)
    else:
        template = tuple(cards.TEMPLATES)[number // 2 % len(cards.TEMPLATES)]
        image = cards.TEMPLATES[template](draw, draw.choice(SIZES))
    return alter.jpeg(alter.scaled(image, draw.choice((640, 320, 176))), draw.choice((50, 75, 90)))
