"""As many pairs as can be, at the least cost together: held against trying all."""

from __future__ import annotations

import itertools
import random

import pytest

from mmsd.rules.matching import matched


def best(costs: dict[tuple[int, int], int]) -> tuple[int, int]:
    """(pairs, cost) of the best of all choices."""
    found = (0, 0)
    for size in range(len(costs) + 1):
        for chosen in itertools.combinations(costs, size):
            if len({left for left, _ in chosen}) == len({right for _, right in chosen}) == size:
                found = max(found, (size, -sum(costs[pair] for pair in chosen)))
    return found[0], -found[1]


@pytest.mark.parametrize("number", range(150))
def test_nothing_is_better(number: int) -> None:
    draw = random.Random(number)
    pairs = [pair for pair in itertools.product(range(4), range(4)) if draw.random() < 0.6]
    costs = {pair: draw.randrange(20) for pair in draw.sample(pairs, min(len(pairs), 11))}
    found = matched(costs)
    assert len(set(found.values())) == len(found)
    assert (len(found), sum(costs[pair] for pair in found.items())) == best(costs)


def test_equals_go_by_their_numbers() -> None:
    assert matched({(left, right): 1 for left in (2, 1, 0) for right in (1, 0)}) == {0: 0, 1: 1}


def test_nothing_to_give() -> None:
    assert matched({}) == {}
