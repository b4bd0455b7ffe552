"""Where a forward came from: of the copies that its sender held, the one delivered to him last before he sent it on (design §6).

It may have been another of them: so how many there were is kept beside it. A late line can bring a copy to light that was delivered in
between; until a day is final its forwards are resolved again. No serial depends on any of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple


class Copy(NamedTuple):
    """A copy of a seed in somebody's hands. `key` b"": of the service itself, generation 0."""

    at: int  # when it was retrieved, µs
    key: bytes
    generation: int


class Lineage(NamedTuple):
    """`parent` None: the service, or nobody that was seen. `candidates`: how many copies he held by then."""

    parent: bytes | None
    generation: int
    candidates: int
    received: int = 0  # when the copy that he sent on came to him, µs; 0 = none was seen


UNSEEN = Lineage(None, 1, 0)


def lineage(held: Sequence[Copy], submitted: int) -> Lineage:
    """Of a forward submitted then by whoever holds these copies, in order of time.

    >>> lineage([Copy(10, b"", 0), Copy(20, b"k", 3), Copy(90, b"l", 1)], 50)
    Lineage(parent=b'k', generation=4, candidates=2, received=20)
    >>> lineage([], 50)
    Lineage(parent=None, generation=1, candidates=0, received=0)
    """
    place = bisect_right(held, submitted, key=lambda copy: copy.at)
    if not place:
        return UNSEEN
    last = held[place - 1]
    return Lineage(last.key or None, last.generation + 1, place, last.at)


class Link(NamedTuple):
    """A forward as `resolve` needs it, and what is said of it so far."""

    key: bytes
    seed: str  # its name in the campaign
    sender: int
    heir: int  # whatever stands for its receiver with those who look for what came of it
    submitted: int
    retrieved: int
    said: Lineage


def resolve(
    doubted: Iterable[Link], held: Callable[[Link], Sequence[Copy]], came_of: Callable[[Link], Iterable[Link]]
) -> dict[bytes, Lineage]:
    """What is to be said otherwise of these forwards, and of whatever came of them, now that more is known. `held`: the copies of
    its seed in the hands of its sender then, in order; `came_of`: forwards whose parent this one is said to be.

    A copy is retrieved before it is sent on, so in the order of submission each has its generation when those that came of it are looked
    at. A forward that a node's clock has retrieved before it was submitted comes from what its sender held all the same.

    >>> late, child = Link(b"b", "s", 2, 3, 30, 40, UNSEEN), Link(b"c", "s", 3, 4, 50, 60, Lineage(b"b", 2, 1, 40))
    >>> hands = {2: [Copy(20, b"a", 1)], 3: [Copy(40, b"b", 1)]}
    >>> found = resolve([late], lambda link: hands[link.sender], lambda link: [child] if link is late else [])
    >>> found[b"b"]
    Lineage(parent=b'a', generation=2, candidates=1, received=20)
    >>> found[b"c"]
    Lineage(parent=b'b', generation=3, candidates=1, received=40)
    """
    todo = [(link.submitted, link.retrieved, link.key, link) for link in doubted]
    heapify(todo)
    found: dict[bytes, Lineage] = {}
    seen: set[bytes] = set()
    while todo:
        *_, link = heappop(todo)
        if link.key in seen:
            continue
        seen.add(link.key)
        copies = [copy._replace(generation=found[copy.key].generation) if copy.key in found else copy for copy in held(link)]
        now = lineage(copies, link.submitted)
        if now != link.said:
            found[link.key] = now
        if now.generation != link.said.generation:
            for child in came_of(link):
                heappush(todo, (child.submitted, child.retrieved, child.key, child))
    return found
