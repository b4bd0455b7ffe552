"""Cards and seeds for the tests of recognition: the same for the same arguments."""

from __future__ import annotations

import random
from hashlib import sha256
from typing import NamedTuple

from PIL import Image

from bench import cards
from mmsd.seeds.library import Library
from mmsd.seeds.making import Marked, Original
from mmsd.seeds.pictures import colour, opened

KEY = bytes(range(32))


def payload(name: str) -> bytes:
    return sha256(name.encode()).digest()[:16]


def card(template: str = "torch", number: str = "", seed: int = 1) -> Image.Image:
    """A card in a size of handsets; the same for the same arguments."""
    return cards.TEMPLATES[template](random.Random(seed), (320, 240), number=number)


def make(name: str, octets: bytes, key: bytes = KEY) -> Marked:
    return Original(octets, key, payload(name)).marked(name)


class Campaign(NamedTuple):
    """Three siblings and a card of another template, live together."""

    made: dict[str, Marked]
    library: Library

    def picture(self, name: str) -> Image.Image:
        return colour(opened(self.made[name].octets))
