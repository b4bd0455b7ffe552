"""Copies of seeds, packed: the same as a table that knows them all, in whatever order they come and whenever they are folded."""

from __future__ import annotations

import random

import msgspec
import numpy as np

from mmsd.rules.holdings import HOLDING, Holding, Holdings, of_seed

NAMES = ["", "torch", "relay"]


def drawn(draw: random.Random) -> Holding:
    key = draw.randbytes(15) + b"\0" if draw.random() < 0.9 else b""  # a key may end in a zero
    campaign = draw.choice(NAMES[1:])
    return Holding(draw.randrange(1, 60), draw.randrange(20), campaign, draw.randrange(3), draw.randrange(9), key, draw.randrange(1 << 63))


def named(one: Holding) -> tuple[int, str, int, bytes]:
    return one.at, one.campaign, one.seed, one.key


def test_whoever_asks_whenever(seed: int) -> None:
    draw = random.Random(seed)
    holdings, known = Holdings(NAMES), dict[int, list[Holding]]()
    numbers = np.arange(1, 70, dtype=np.uint64)
    packed: list[bytes] = []
    for _ in range(600):
        if known and draw.random() < 0.2:
            one = draw.choice(draw.choice(list(known.values())))
            if draw.random() < 0.5:  # judged again, with more behind it
                one = msgspec.structs.replace(one, generation=one.generation + 1)
        else:
            one = drawn(draw)
        mine = known.setdefault(one.subscriber, [])
        new = named(one) not in map(named, mine)
        assert holdings.add(one, NAMES.index(one.campaign)) == new, f"seed {seed}"
        if new:
            mine.append(one)
            mine.sort(key=lambda holding: (holding.at, holding.key, holding.seed))
        if draw.random() < 0.1:
            holdings.bring(np.unique(np.array(draw.sample(range(1, 70), 9), np.uint64)))
        if draw.random() < 0.1:
            packed.append(holdings.fresh())
            holdings.fold()
    packed.append(holdings.fresh())
    whole, parts = Holdings(NAMES), Holdings(NAMES)
    whole.load(holdings.packed())
    for part in packed:
        parts.load(part)
    for each in (holdings, whole, parts):
        assert {number: each.of(number) for number in each.numbers()} == known, f"seed {seed}"
        assert each.known(numbers).tolist() == [number in known for number in numbers.tolist()]
        each.bring(numbers)
        assert {number: found for number in numbers.tolist() if (found := each.of(number))} == known


def test_nobody_holds_anything() -> None:
    holdings = Holdings(NAMES)
    assert holdings.of(7) == []
    holdings.bring(np.array([7], np.uint64))
    holdings.fold()
    assert (holdings.packed(), list(holdings.numbers()), holdings.known(np.array([7], np.uint64)).tolist()) == (b"", [], [False])


def test_a_copy_that_was_packed_before_seeds_were_written_down_may_be_of_any_sibling() -> None:
    """What is now the seed's number was 0 then."""
    old = np.zeros(1, HOLDING)
    old["subscriber"], old["at"], old["campaign"], old["generation"], old["key"] = 7, 10, 1, 2, b"k" * 16
    holdings = Holdings(NAMES)
    holdings.load(old.tobytes())
    before, one, two, other = (
        Holding(7, at, name, seed, 2, b"k" * 16)
        for at, name, seed in ((10, "torch", 0), (20, "torch", 1), (30, "torch", 2), (40, "relay", 1))
    )
    for each in (one, two, other):
        assert holdings.add(each, NAMES.index(each.campaign))
    assert of_seed(holdings.of(7), "torch", 1) == [before, one]
    assert of_seed(holdings.of(7), "torch", 2) == [before, two]
    assert of_seed(holdings.of(7), "relay", 1) == [other]
