"""Things of two kinds given to each other, each at most once: as many as can be, at the least cost together."""

from __future__ import annotations

from collections.abc import Mapping


def matched(costs: Mapping[tuple[int, int], int]) -> dict[int, int]:
    """left → right, from the costs (≥ 0) of the pairs that are possible. Of equals the lower numbers.

    By cheapest augmenting paths: right for the dozen that meet in a few seconds, cubic beyond.

    >>> matched({(0, 0): 15, (0, 1): 5, (1, 1): 5, (1, 2): 5, (2, 2): 5})  # the nearest first would leave one of three without
    {0: 0, 1: 1, 2: 2}
    """
    edges: dict[int, list[tuple[int, int]]] = {}
    for (left, right), cost in sorted(costs.items()):
        edges.setdefault(left, []).append((right, cost))
    given: dict[int, int] = {}
    while True:
        path = _cheapest(edges, given)
        if not path:
            return dict(sorted(given.items()))
        given.update(path)


def _cheapest(edges: Mapping[int, list[tuple[int, int]]], given: Mapping[int, int]) -> dict[int, int]:
    """What is to be given anew so that one more has something, at the least additional cost; empty when no more can. Bellman–Ford."""
    owner = {right: left for left, right in given.items()}
    best: dict[int, int] = {left: 0 for left in edges if left not in given}  # cost to free a left
    reached: dict[int, tuple[int, int]] = {}  # right → (cost, the left it is reached from)
    waiting = list(best)
    while waiting:
        left = waiting.pop(0)
        for right, cost in edges[left]:
            if given.get(left) == right:
                continue
            total = best[left] + cost
            if right not in reached or total < reached[right][0]:
                reached[right] = (total, left)
                if right in owner:
                    other = owner[right]
                    freed = total - dict(edges[other])[right]
                    if other not in best or freed < best[other]:
                        best[other] = freed
                        waiting.append(other)
    free = [(cost, right) for right, (cost, _) in reached.items() if right not in owner]
    if not free:
        return {}
    right = min(free)[1]
    path: dict[int, int] = {}
    while True:
        left = reached[right][1]
        path[left] = right
        if left not in given:
            return path
        right = given[left]
