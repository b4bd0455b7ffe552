"""Seeds that are made once for all tests here: making one takes half a second."""

from __future__ import annotations

import pytest

from mmsd.seeds import alterations as alter
from mmsd.seeds.library import Library
from mmsd.seeds.seed import RegisteredSeed, key_name
from tests.seeds.drawn import KEY, Campaign, card, make


@pytest.fixture(scope="session")
def campaign() -> Campaign:
    originals = {f"leg-{number}": alter.png(card("torch", f"Leg 0000{number}")) for number in (1, 2, 3)}
    originals["river"] = alter.jpeg(card("river"), 92, fine=True)
    made = {name: make(name, octets) for name, octets in originals.items()}
    texts = {"river": ("一路平安早日回家团圆",)}
    seeds = [
        RegisteredSeed(name, "relay", name[:3], key_name(KEY), (marked.registered,), texts.get(name, ())) for name, marked in made.items()
    ]
    return Campaign(made, Library(KEY, seeds))
