"""How far the clocks of nodes are apart, by lines that tell the same moment in two of them.

An MMSC's Notify line and the push at the SMS gateway; the answer to a GET at the gateway and the MMSC's word that the message was fetched;
a session's Start and the first line of its subscriber at the gateway, which is later by as long as the handset takes, and never earlier.
Only what stands alone is a pair: nothing else of its kind within a minute. Of each two feeds the median is told and the spread of the
middle two thirds. Clocks that are further apart than `skew` widen the windows by as much; no time is ever changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from mmsd.model import MINUTE, SECOND, Kind
from mmsd.rules.relate import Dossier, Thread
from mmsd.rules.traces import AT, FEED, KIND, STATUS, Trace

STEP: Final = SECOND // 10
"""Differences are counted so finely."""
ALONE: Final = MINUTE
MOST: Final = 4096
"""Pairs counted before all counts are halved: a clock that was set right is believed again."""
ENOUGH: Final = 30
"""Pairs before anything is said."""
EVERY: Final = 16
"""Pairs between two times that a distribution is packed."""
WIDEST: Final = MINUTE
WIDENED: Final = SECOND // 2
"""Windows are widened in such steps, so that they seldom change."""
SOONEST: Final = 0.05
"""Of differences that are a delay as well as a skew, the part that counts as the quickest."""

Key = tuple[int, int]
"""Two feeds, by their index in State."""


class Pair(msgspec.Struct, array_like=True):
    """Differences between two feeds, in STEPs: the second's time less the first's."""

    counts: dict[int, int] = {}
    delayed: bool = False  # the second tells of something that follows

    def see(self, difference: int) -> None:
        step = round(difference / STEP)
        self.counts[step] = self.counts.get(step, 0) + 1
        if self.n > MOST:
            self.counts = {step: n // 2 for step, n in self.counts.items() if n > 1}

    @property
    def n(self) -> int:
        return sum(self.counts.values())

    def share(self, part: float) -> int:
        """The difference (µs) that so great a part does not exceed."""
        left = part * self.n
        for step in sorted(self.counts):
            left -= self.counts[step]
            if left <= 0:
                return step * STEP
        return 0


class Apart(NamedTuple):
    """So far (µs) the second feed's clock is ahead of the first's, `spread` more or less, by `n` pairs of lines."""

    first: int
    second: int
    ahead: int
    spread: int
    n: int


class Clocks:
    """All pairs. `allowed`: by how much (µs) windows are to be wider than configured, at least.

    >>> clocks = Clocks(2.0)
    >>> for tenth in range(40):
    ...     clocks.see(0, 1, 5 * SECOND + tenth * SECOND // 100)
    >>> clocks.told(), clocks.widen(), clocks.allowed / SECOND
    ([Apart(first=0, second=1, ahead=5200000, spread=100000, n=40)], True, 5.5)
    >>> clocks.ahead(0, 1), clocks.ahead(1, 0)
    (5200000, -5200000)
    """

    def __init__(self, skew: float) -> None:
        self._configured = int(skew * SECOND)
        self._far: list[Apart] = []
        self._measured: dict[Key, int] = {}  # … by lines of one moment
        self.allowed = 0
        self.held: dict[Key, Pair] = {}
        self._seen = 0  # pairs since the last look
        self._fresh: set[Key] = set()

    def see(self, first: int, second: int, difference: int, *, delayed: bool = False) -> None:
        if abs(difference) <= ALONE:
            pair = self.held.setdefault((first, second), Pair(delayed=delayed))
            pair.see(difference)
            self._seen += 1
            if pair.n % EVERY == 1:
                self._fresh.add((first, second))

    def told(self) -> list[Apart]:
        """What is known of each pair that was seen often enough."""
        found = []
        for (first, second), pair in sorted(self.held.items()):
            if pair.n >= ENOUGH:
                middle = min(pair.share(SOONEST), 0) if pair.delayed else pair.share(0.5)
                spread = 0 if pair.delayed else (pair.share(5 / 6) - pair.share(1 / 6)) // 2
                found.append(Apart(first, second, middle, spread, pair.n))
        return found

    def is_far(self, apart: Apart) -> bool:
        return abs(apart.ahead) + apart.spread > self._configured

    def far(self) -> list[Apart]:
        """Pairs further apart than configured, as at the last look."""
        return self._far

    def ahead(self, first: int, second: int) -> int:
        """How far (µs) the second feed's clock is ahead of the first's, where that is more than configured; 0 otherwise."""
        for apart in self._far:
            if (apart.first, apart.second) == (first, second):
                return apart.ahead
            if (apart.second, apart.first) == (first, second):
                return -apart.ahead
        return 0

    def measured(self, first: int, second: int) -> int | None:
        """By how much (µs) a line of the second feed is later than one of the first that tells of the same moment, however little that
        is, as at the last look. None: not measured."""
        if (first, second) in self._measured:
            return self._measured[first, second]
        back = self._measured.get((second, first))
        return None if back is None else -back

    def widen(self) -> bool:
        """Looks at what was measured; whether windows change by it. They become narrower again only by two steps at once."""
        if not self._seen:
            return False
        self._seen = 0
        told = self.told()
        self._far = [apart for apart in told if self.is_far(apart)]
        same = [apart for apart in told if not self.held[apart.first, apart.second].delayed]
        self._measured = {(apart.first, apart.second): apart.ahead for apart in same}
        need = _widest(told)
        need = need if need > self._configured else 0
        wide = min(-(-need // WIDENED) * WIDENED, WIDEST)
        if self.allowed - 2 * WIDENED < wide <= self.allowed:
            return False
        self.allowed = wide
        return True

    # ------------------------------------------------------------------------------------------------------------ durability

    def forget_changes(self) -> None:
        self._fresh.clear()

    def changes(self) -> list[tuple[Key, Pair]]:
        return [(key, self.held[key]) for key in sorted(self._fresh)]

    def whole(self) -> list[tuple[Key, Pair]]:
        return sorted(self.held.items())

    def load(self, packed: Sequence[tuple[Key, Pair]]) -> None:
        self.held.update(packed)
        self._seen += len(packed)
        self.widen()


def _widest(told: Sequence[Apart]) -> int:
    """How far (µs) the two clocks are apart that are furthest, by what their lines tell of each other or of clocks between them."""
    near: dict[int, list[tuple[int, int]]] = {}
    for apart in told:
        near.setdefault(apart.first, []).append((apart.second, apart.ahead))
        near.setdefault(apart.second, []).append((apart.first, -apart.ahead))
    widest, known = 0, dict[int, int]()
    for start in near:
        if start in known:
            continue
        known[start] = 0
        together = [start]
        for feed in together:  # grows while it is walked
            for other, ahead in near[feed]:
                if other not in known:
                    known[other] = known[feed] + ahead
                    together.append(other)
        offsets = [known[feed] for feed in together]
        widest = max(widest, max(offsets) - min(offsets))
    return widest + max((apart.spread for apart in told), default=0)


def moments(dossier: Dossier, closed: Sequence[Thread]) -> Iterator[tuple[int, int, int, bool]]:
    """(feed, feed, difference, whether it is a delay too) of the lines of threads that have just closed."""
    pushes = [push for thread in dossier.threads if thread.leg for push in thread.leg.pushes]
    notifies = [notify for thread in dossier.threads for notify in thread.notifies]
    gets = [get for get in dossier.gets if 200 <= get[STATUS] < 300]
    fetches = [fetch for thread in dossier.threads for fetch in thread.fetches]
    for thread in closed:
        for notify in thread.notifies[:1]:
            if thread.leg and _alone(notify, notifies) and _alone(thread.leg.pushes[0], pushes):
                yield notify[FEED], thread.leg.pushes[0][FEED], thread.leg.pushes[0][AT] - notify[AT], False
        for fetch in thread.fetches[:1]:
            got = [get for get in thread.gets if 200 <= get[STATUS] < 300]
            if len(got) == 1 and _alone(fetch, fetches) and _alone(got[0], gets):
                yield got[0][FEED], fetch[FEED], fetch[AT] - got[0][AT], False
    if closed:
        yield from _starts(dossier)


def _starts(dossier: Dossier) -> Iterator[tuple[int, int, int, bool]]:
    sessions = [line for line in dossier.sessions if Kind.SESSION_START <= line[KIND] <= Kind.SESSION_INTERIM]
    requests = sorted([*dossier.posts, *dossier.gets], key=lambda line: line[AT])
    for start in sessions:
        near = [line for line in requests if abs(line[AT] - start[AT]) <= ALONE]
        if start[KIND] == Kind.SESSION_START and near and _alone(start, sessions):
            yield start[FEED], near[0][FEED], near[0][AT] - start[AT], True


def _alone(line: Trace, among: Sequence[Trace]) -> bool:
    return all(other is line or abs(other[AT] - line[AT]) > ALONE for other in among)
