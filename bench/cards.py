"""Pictures that people send and that nobody owns: cards of a few templates, number cards, little animations, landscapes of noise.

All drawn from fixed numbers, so a run can be repeated; with Debian's Chinese fonts (fonts-wqy-zenhei, fonts-arphic-uming) where they are
installed, in Latin letters where they are not. Photographs come from scikit-image's wheel; only those in the public domain are taken.
"""

from __future__ import annotations

import importlib.util
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Size: TypeAlias = tuple[int, int]

FONTS: Final = {
    "hei": Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
    "ming": Path("/usr/share/fonts/truetype/arphic/uming.ttc"),
}
PHRASES: Final = ("端午安康", "清明回家", "一路平安", "中秋快乐", "国泰民安", "身体健康", "万事如意", "生日快乐", "恭喜发财", "前程似锦")
LATIN: Final = ("Good luck", "Safe home", "Well done", "Best wishes", "Be happy", "Many returns", "Keep going", "Cheers", "Thank you")
PHOTOS: Final = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
    "hubble_deep_field.jpg", "ihc.png", "retina.jpg", "rocket.jpg",
)  # fmt: skip
"""Of scikit-image's pictures those whose documentation there says CC0, public domain or no known restriction."""


def font(name: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = FONTS[name]
    return ImageFont.truetype(path, size) if path.exists() else ImageFont.load_default(size)


def phrase(draw: random.Random, name: str) -> str:
    return draw.choice(PHRASES if FONTS[name].exists() else LATIN)


def photograph(name: str) -> Image.Image | None:
    """One of PHOTOS; None where scikit-image is not installed."""
    package = importlib.util.find_spec("skimage")  # found, not imported: that takes a second and SciPy
    if package is None or package.origin is None:
        return None
    with Image.open(Path(package.origin).parent / "data" / name) as image:
        return image.convert("RGB")


def cutting(image: Image.Image, draw: random.Random, size: Size) -> Image.Image:
    """A rectangle of the picture, half of it or more, turned round now and then, in that size."""
    share = draw.uniform(0.45, 0.85)
    width, height = int(image.width * share), int(image.height * share)
    left, top = draw.randint(0, image.width - width), draw.randint(0, image.height - height)
    return image.crop((left, top, left + width, top + height)).resize(size, Image.Resampling.LANCZOS)


def _shade(draw: random.Random, low: int = 0, high: int = 255) -> tuple[int, int, int]:
    return draw.randint(low, high), draw.randint(low, high), draw.randint(low, high)


def landscape(draw: random.Random, size: Size) -> Image.Image:
    """Noise of all sizes in two tints, a sky above it, a few round things: nearer to a photograph than to a card."""
    noise = np.random.default_rng(draw.getrandbits(32))
    values = np.zeros((size[1], size[0]), np.float32)
    for step in range(2, 8):
        coarse = Image.fromarray(noise.standard_normal((1 << step, 1 << step)).astype(np.float32))
        values += np.asarray(coarse.resize(size, Image.Resampling.BICUBIC)) * (2.2 / 2 ** (step * draw.uniform(0.6, 0.95)))
    values = (values - values.min()) / float(np.ptp(values))
    one, other = (np.array(_shade(draw), np.float32) for _ in range(2))
    picture = one + (other - one) * values[..., None]
    horizon = int(size[1] * draw.uniform(0.1, 0.6))
    picture[:horizon] = picture[:horizon] * 0.3 + 0.7 * np.array(_shade(draw, 120), np.float32)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    brush = ImageDraw.Draw(image)
    for _ in range(draw.randint(1, 8)):
        x, y, r = draw.uniform(0, size[0]), draw.uniform(0, size[1]), draw.uniform(0.02, 0.15) * size[0]
        brush.ellipse((x - r, y - r, x + r, y + r), fill=_shade(draw))
    return image


def _gradient(size: Size, above: tuple[int, int, int], below: tuple[int, int, int]) -> Image.Image:
    share = np.linspace(0, 1, size[1], dtype=np.float32)[:, None, None]
    rows = np.array(above, np.float32) * (1 - share) + np.array(below, np.float32) * share
    return Image.fromarray(np.broadcast_to(rows, (size[1], size[0], 3)).astype(np.uint8))


def _words(image: Image.Image, at: tuple[float, float], text: str, name: str, height: float, fill: tuple[int, int, int]) -> None:
    """Text with its middle at a place given in shares of the picture, `height` a share of its height."""
    brush = ImageDraw.Draw(image)
    brush.text(
        (at[0] * image.width, at[1] * image.height), text, fill, font(name, max(9, int(height * image.height))), anchor="mm"
    )  # fmt: skip


def lantern(draw: random.Random, size: Size, words: str = "", number: str = "", moved: float = 0.0, name: str = "hei") -> Image.Image:
    """Red on gold: lanterns above, words in the middle, a number below. `moved` swings the lanterns (animations)."""
    image = _gradient(size, _shade(draw, 200), _shade(draw, 140, 230))
    brush = ImageDraw.Draw(image)
    w, h = size
    ink = (draw.randint(150, 220), draw.randint(0, 50), draw.randint(0, 50))
    for place in range(draw.randint(2, 5)):
        x, y, r = (place * 0.23 + draw.uniform(0.05, 0.15)) * w + moved * w, draw.uniform(0.12, 0.25) * h, draw.uniform(0.05, 0.09) * w
        brush.line((x - moved * w, 0, x, y - r), fill=ink, width=max(1, w // 160))
        brush.ellipse((x - r, y - r * 0.8, x + r, y + r * 0.8), fill=ink, outline=(250, 210, 60), width=max(1, w // 110))
        brush.line((x, y + r * 0.8, x, y + r * 1.6), fill=(250, 200, 40), width=max(1, w // 100))
    for step in range(0, w, max(6, w // 24)):
        brush.arc((step, h * 0.86, step + w // 12, h * 1.02), 180, 360, fill=ink, width=max(1, w // 200))
    _words(image, (0.5, 0.52), words or phrase(draw, name), name, draw.uniform(0.16, 0.22), ink)
    _words(image, (0.5, 0.75), number or f"No. {draw.randint(1, 999_999):06}", name, 0.09, (70, 40, 20))
    return image


def river(draw: random.Random, size: Size, words: str = "", number: str = "", moved: float = 0.0, name: str = "ming") -> Image.Image:
    """Waves and a sun in cold tints, words on the right, a number on the left."""
    image = _gradient(size, _shade(draw, 150, 240), _shade(draw, 190, 255))
    brush = ImageDraw.Draw(image)
    w, h = size
    sun = draw.uniform(0.08, 0.16) * w
    x, y = draw.uniform(0.1, 0.4) * w + moved * w, draw.uniform(0.15, 0.35) * h
    brush.ellipse((x - sun, y - sun, x + sun, y + sun), fill=(240, draw.randint(80, 180), 40))
    for row in range(draw.randint(3, 6)):
        level, swell, period = h * (0.55 + 0.08 * row), draw.uniform(0.01, 0.03) * h, draw.uniform(0.12, 0.3) * w
        shift = draw.uniform(0, 6) + moved * 12
        shore = [(px, level + swell * math.sin(px / period * 6.28 + shift)) for px in range(0, w + 8, 4)]
        brush.polygon([*shore, (w, h), (0, h)], fill=(draw.randint(0, 90), draw.randint(60, 160), draw.randint(130, 230)))
    _words(image, (0.68, 0.3), words or phrase(draw, name), name, draw.uniform(0.12, 0.17), _shade(draw, 0, 70))
    _words(image, (0.3, 0.88), number or f"{draw.randint(1, 999_999):06}", name, 0.1, (250, 250, 240))
    return image


def torch(draw: random.Random, size: Size, words: str = "", number: str = "", moved: float = 0.0, name: str = "hei") -> Image.Image:
    """A flame with rays and a runner of sticks; the card of a relay."""
    image = _gradient(size, _shade(draw, 180), _shade(draw, 210))
    brush = ImageDraw.Draw(image)
    w, h = size
    cx, cy = draw.uniform(0.2, 0.35) * w, draw.uniform(0.3, 0.42) * h
    for ray in range(0, 360, draw.choice((15, 20, 24, 30))):
        a, b = math.cos(math.radians(ray)), math.sin(math.radians(ray))
        brush.line((cx + a * w * 0.1, cy + b * w * 0.1, cx + a * w * 0.19, cy + b * w * 0.19), fill=(250, 170, 40), width=max(1, w // 90))
    flame = ((-0.05, 0.1), (-0.06, -0.03), (moved, -0.17), (0.06, 0.0), (0.04, 0.1))
    stem = ((-0.04, 0.1), (0.04, 0.1), (0.012, 0.45), (-0.012, 0.45))
    brush.polygon([(cx + x * w, cy + y * h) for x, y in flame], fill=(225, draw.randint(30, 100), 30), outline=(160, 20, 20))
    brush.polygon([(cx + x * w, cy + y * h) for x, y in stem], fill=(120, 120, 130))
    x = draw.uniform(0.62, 0.8) * w
    ink = _shade(draw, 0, 110)
    brush.ellipse((x - w * 0.03, h * 0.2, x + w * 0.03, h * 0.2 + w * 0.06), fill=ink)
    for near, far in _LIMBS:
        brush.line((x + near[0] * w, near[1] * h, x + far[0] * w, far[1] * h), fill=ink, width=max(2, w // 40))
    leg = draw.randint(1, 99_999)
    _words(image, (0.5, 0.78), words or phrase(draw, name), name, draw.uniform(0.12, 0.16), (180, 30, 30))
    said = number or (f"第 {leg:05} 棒" if FONTS[name].exists() else f"Leg {leg:05}")
    _words(image, (0.5, 0.93), said, name, 0.08, (60, 60, 60))
    return image


_LIMBS: Final = (
    ((0.0, 0.27), (-0.02, 0.48)),
    ((-0.02, 0.48), (-0.09, 0.62)),
    ((-0.02, 0.48), (0.07, 0.6)),
    ((0.0, 0.33), (-0.12, 0.3)),
    ((0.0, 0.33), (0.09, 0.42)),
)


def numbered(draw: random.Random, size: Size, words: str = "", number: str = "", moved: float = 0.0, name: str = "hei") -> Image.Image:
    """Nearly all ground: a frame, a line of words, a number. What siblings differ in is one digit."""
    image = Image.new("RGB", size, _shade(draw, 215, 250))
    brush = ImageDraw.Draw(image)
    w, h = size
    edge = draw.uniform(0.03, 0.06) * w
    ink = _shade(draw, 0, 150)
    brush.rectangle((edge, edge, w - edge, h - edge), outline=ink, width=max(2, w // 60))
    for x, y in ((edge, edge), (w - edge, edge), (edge, h - edge), (w - edge, h - edge)):
        brush.ellipse((x - edge, y - edge, x + edge, y + edge), fill=ink)
    _words(image, (0.5, 0.3), words or phrase(draw, name), name, 0.15, ink)
    _words(image, (0.5, 0.62 + moved), number or f"{draw.randint(0, 99_999_999):08}", name, 0.2, _shade(draw, 0, 90))
    return image


Card = Callable[..., Image.Image]  # drawn by a random generator in a size; words, number and the rest by name
TEMPLATES: Final[dict[str, Card]] = {"lantern": lantern, "river": river, "torch": torch, "numbered": numbered}


def animation(card: Card, seed: int, size: Size, count: int, **said: str) -> list[Image.Image]:
    """The same card `count` times, its moving things a little further each time."""
    return [card(random.Random(seed), size, moved=0.03 * math.sin(6.28 * step / count), **said) for step in range(count)]
