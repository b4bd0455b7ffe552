"""How each feed does, as far as judgement has to know: since when it is read, where something of it is missing, how late its lines come.

What is missing is a *hole*: a stretch of event time with its reason. An absence that reaches into one, or before the feed's first line,
is not covered. Silences are found by `rhythm`, missing numbers by `series`; a file that was lost unread and lines that could not be read
are told by whoever reads. `Conditions` holds all feeds' and packs what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec
import numpy as np

from mmsd.model import I64Array
from mmsd.rules.lateness import Lateness

SILENCE: Final = "silence out of rhythm"
LOST: Final = "a file was lost unread"
AWAY: Final = "its files could not be read"
MISFIT: Final = "most lines did not fit their format"
FILES_MISSING: Final = "files are missing"

MOST_HOLES: Final = 256
"""Of one feed. With more the oldest are put together with what lies between."""
EVERY: Final = 256
"""Chunks of a feed between two times that its distributions are packed, when nothing else about it changed."""
ENOUGH: Final = 100
"""Lines before a distribution says anything."""


class Hole(NamedTuple):
    """From `start` up to `stop` (µs) something of the feed is missing; `stop` 0: until now."""

    start: int
    stop: int
    reason: str


class Condition(msgspec.Struct, array_like=True):
    """One feed's."""

    late: Lateness = msgspec.field(default_factory=Lateness)  # from event time until a line was read, live
    disorder: Lateness = msgspec.field(default_factory=Lateness)  # behind the newest line before it in its files
    holes: list[Hole] = []
    doubted: bool = False  # a verdict rests on its silence now having been taken for a gap
    orphans: int = 0  # deliveries whose submit was never seen, known by lines of this feed

    def wait(self, patience: int) -> int:
        """So long (µs), but no longer than `patience`, its lines are waited for, live."""
        return min(self.late.share(0.99), patience) if self.late.n >= ENOUGH else 0

    def back(self, patience: int) -> int:
        """So far behind its newest line there may be more, while it is being read."""
        return min(self.disorder.share(0.99), patience) if self.disorder.n >= ENOUGH else 0

    def broken(self, start: int, stop: int) -> bool:
        return any(hole.start < stop and (start < hole.stop or not hole.stop) for hole in self.holes)


class Conditions:
    """All feeds', by their index in State.

    >>> conditions = Conditions()
    >>> conditions.read(1, np.array([5, 9, 7]), 4), conditions.lose(1, 9, LOST), conditions.read(1, np.array([20]), 9)
    ([], True, [Hole(start=9, stop=20, reason='a file was lost unread')])
    >>> conditions.of(1).broken(10, 12), conditions.of(1).broken(20, 30), conditions.of(2).broken(10, 12)
    (True, False, False)
    """

    def __init__(self) -> None:
        self.held: dict[int, Condition] = {}
        self._fresh: set[int] = set()
        self._chunks: dict[int, int] = {}

    def of(self, feed: int) -> Condition:
        """A feed's condition; of one never heard of, an empty one."""
        return self.held.get(feed, _NONE)

    def _change(self, feed: int) -> Condition:
        self._fresh.add(feed)
        return self.held.setdefault(feed, Condition())

    def read(self, feed: int, at: I64Array, before: int) -> list[Hole]:
        """Lines in the order of their file, the newest before them at `before` (0: none). The holes that end with them."""
        condition = self.held.setdefault(feed, Condition())
        if (not before or at[0] >= before) and (at[1:] >= at[:-1]).all():
            condition.disorder.take_in_time(len(at))
        else:
            newest = np.maximum.accumulate(np.concatenate(([before or at[0]], at)))[:-1]
            condition.disorder.take(newest - at)
        self._chunks[feed] = self._chunks.get(feed, 0) + 1
        if self._chunks[feed] % EVERY == 1:
            self._fresh.add(feed)
        ended = []
        for place, hole in enumerate(condition.holes):
            if not hole.stop and (later := at[at > hole.start]).size:
                condition.holes[place] = hole._replace(stop=int(later.min()))
                ended.append(condition.holes[place])
                self._fresh.add(feed)
        return ended

    def came(self, feed: int, delays: I64Array) -> None:
        """Lines that were read so long (µs) after what they tell, as soon as they were there."""
        self.held.setdefault(feed, Condition()).late.take(delays)

    def lose(self, feed: int, start: int, reason: str, stop: int = 0) -> bool:
        """Something is missing from `start` on, up to `stop` or, without it, the next line. False: that was known."""
        hole = Hole(start, stop, reason)
        if hole in self.of(feed).holes:
            return False
        condition = self._change(feed)
        condition.holes = _bounded([*condition.holes, hole])
        return True

    def replace(self, feed: int, reason: str, holes: Iterable[Hole]) -> list[Hole]:
        """The holes of a reason as they are known now; those that are new, were filled or became narrower."""
        found = [hole for hole in holes if hole.stop > hole.start]
        held = [hole for hole in self.of(feed).holes if hole.reason == reason]
        if found == held:
            return []
        condition = self._change(feed)
        condition.holes = _bounded([*(hole for hole in condition.holes if hole.reason != reason), *found])
        return [hole for hole in {*found, *held} if hole not in found or hole not in held]

    def doubt(self, feed: int, *, doubted: bool = True) -> None:
        """A verdict rests on the feed's silence now being a gap, or: no more does."""
        if self.of(feed).doubted != doubted:
            self._change(feed).doubted = doubted

    def orphan(self, feed: int, n: int) -> None:
        """`n` more deliveries (or fewer) whose submit was never seen."""
        self._change(feed).orphans += n

    def prune(self, before: int) -> None:
        """Forgets holes that ended before this time."""
        for feed, condition in self.held.items():
            kept = [hole for hole in condition.holes if not hole.stop or hole.stop >= before]
            if len(kept) < len(condition.holes):
                self._change(feed).holes = kept

    # ------------------------------------------------------------------------------------------------------------ durability

    def forget_changes(self) -> None:
        self._fresh.clear()

    def changes(self) -> dict[int, Condition]:
        return {feed: self.held[feed] for feed in sorted(self._fresh)}

    def load(self, packed: Mapping[int, Condition]) -> None:
        """Takes back what `changes` gave, or all of `held`."""
        self.held.update(packed)


_NONE: Final = Condition()


def _bounded(holes: list[Hole]) -> list[Hole]:
    holes.sort()
    while len(holes) > MOST_HOLES:
        first, second, *rest = holes
        holes = [first._replace(stop=second.stop), *rest]
    return holes
