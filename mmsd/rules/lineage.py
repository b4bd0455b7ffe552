"""Where a forward came from: of the copies that its sender held, the one delivered to him last before he sent it on (design §6).

It may have been another of them: so how many there were is kept beside it. A late line can bring a copy to light that was delivered in
between; until a day is final its forwards are resolved again. No serial depends on any of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Copy(NamedTuple):
    """A copy of a campaign's seed in somebody's hands. `key` b"": of the service itself, generation 0."""

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
    """A forward as `resolve` needs it. People are whatever stands for them, such as the store's ids."""

    key: bytes
    sender: int
    receiver: int
    submitted: int
    retrieved: int


def resolve(links: Iterable[Link], served: Mapping[int, Sequence[int]]) -> dict[bytes, Lineage]:
    """Parents and generations of all forwards of one campaign, from all that is known by now. `served`: to whom the service itself brought
    the seed, and when (µs).

    A copy is retrieved before it is sent on, so in the order of submission each copy that a forward may come from has its generation. A
    forward that a node's clock has retrieved before it was submitted comes from what its sender held all the same.

    >>> found = resolve([Link(b"b", 2, 3, 30, 40), Link(b"a", 1, 2, 10, 20)], {1: [5]})
    >>> found[b"a"]
    Lineage(parent=None, generation=1, candidates=1, received=5)
    >>> found[b"b"]
    Lineage(parent=b'a', generation=2, candidates=1, received=20)
    """
    held: dict[int, list[Copy]] = {who: [Copy(at, b"", 0) for at in sorted(times)] for who, times in served.items()}
    found: dict[bytes, Lineage] = {}
    for link in sorted(links, key=lambda one: (one.submitted, one.retrieved, one.key)):
        found[link.key] = lineage(held.get(link.sender, ()), link.submitted)
        copies = held.setdefault(link.receiver, [])
        copy = Copy(link.retrieved, link.key, found[link.key].generation)
        copies.insert(bisect_right(copies, copy.at, key=lambda other: other.at), copy)
    return found
