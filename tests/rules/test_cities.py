"""Prefixes and cities: the operator's own word first."""

from __future__ import annotations

import random

import pytest

from mmsd.model import NOT_A_NUMBER
from mmsd.rules.cities import Cities, compact, prefix_of


def test_the_operators_own_prefixes_are_the_authority():
    cities = Cities({"86138": "Nanjing", "8613812": "Suzhou"}, {"861381299": "Wuxi", "861391": "Xuzhou", "8613": "Jiangsu"})
    assert cities.of(8613812991234) == "Suzhou"  # an imported prefix, however long, counts where none of the own fits
    assert cities.of(8613899991234) == "Nanjing"
    assert cities.of(8613911991234) == "Xuzhou"
    assert cities.of(8613111991234) == "Jiangsu"
    assert cities.of(8615111991234) == ""
    assert cities.of(86) == ""
    assert cities.of(NOT_A_NUMBER | 8613812991234) == ""
    assert Cities({}).of(8613812991234) == ""


@pytest.mark.parametrize(
    ("number", "prefix"),
    [(8613812341234, "861381234"), (12125550100, "1212555"), (10086, ""), (106571234, ""), (8610086, ""), (NOT_A_NUMBER | 7, "")],
)
def test_an_unknown_prefix_never_tells_a_number(number: int, prefix: str):
    assert prefix_of(number) == prefix


def test_fewer_prefixes_say_the_same(seed: int, effort: int):
    chance = random.Random(seed)
    for _ in range(20 * effort):
        prefixes = {}
        for _ in range(200):
            start = f"86{chance.choice('13')}{chance.randrange(10 ** chance.randrange(1, 3))}"
            for digit in "0123456789" if chance.random() < 0.7 else chance.sample("0123456789", 3):
                prefixes[start + digit] = chance.choice(["Wuxi", "Wuxi", "Wuxi", "Suzhou"])
        fewer = compact(prefixes.items())
        assert len(fewer) <= len(prefixes)
        full, small = Cities(prefixes), Cities(fewer)
        for _ in range(200):
            number = int(f"86{chance.choice('13')}{chance.randrange(10**8):08}")
            assert small.of(number) == full.of(number)
    assert compact([]) == {}
