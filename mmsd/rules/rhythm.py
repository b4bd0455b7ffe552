"""Silences that are out of a feed's own rhythm: while one lasts, what the feed does not show proves nothing.

A gateway of a province that writes nothing for ten minutes has lost its log, its disk or its link; a small node is silent for hours each
night. So a silence counts as a gap when it is several times as long as any of the last `HOURS` hours in which the feed spoke, and never in
the first day of a feed. Gaps stay as they are: lines that come later from within one are used, but what was missing around them is unknown.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from mmsd.model import DAY, HOUR, SECOND, I64Array

HOURS: Final = 24
FACTOR: Final = 4
"""So many times the longest silence of those hours."""
SILENT: Final = "silences out of rhythm"


class Rhythm(msgspec.Struct, array_like=True):
    """One feed's. Times are event times in µs. Packed with State.

    >>> feed = Rhythm()
    >>> found = [feed.take(np.arange(start, start + HOUR, 60 * SECOND), 600.0) for start in range(0, 25 * HOUR, HOUR)]
    >>> sum(found), feed.take(np.array([27 * HOUR]), 600.0), feed.gaps
    (0, 1, [(89940000000, 97200000000)])
    """

    since: int = 0
    newest: int = 0
    longest: dict[int, int] = {}  # hour → longest silence that ended in it, of the last HOURS that had lines
    gaps: list[tuple[int, int]] = []
    days: list[tuple[int, int]] = []  # silences of a day and more, in or out of rhythm

    def take(self, at: I64Array, least: float) -> int:
        """Lines at these times, in any order; how many gaps that shows. `least`: seconds, what is shorter is none; 0 = there are none."""
        times = at[at > self.newest] if len(at) and at[0] <= self.newest else at
        if not len(times):
            return 0
        before = self.newest
        if not before:
            self.since = self.newest = int(times.min())
        silences = np.empty_like(times)
        silences[0], silences[1:] = times[0] - self.newest, times[1:] - times[:-1]
        if silences.min() < 0:
            times = np.sort(times)
            times = times[times > before]
            silences = np.diff(times, prepend=self.newest)
        self.days += [(int(times[place] - silences[place]), int(times[place])) for place in np.flatnonzero(silences > DAY).tolist()]
        found = start = 0
        while start < len(times):
            hour = int(times[start]) // HOUR
            stop = int(times.searchsorted((hour + 1) * HOUR))
            limit = self.limit(least)
            part = silences[start:stop]
            if limit and int(part.max()) > limit:
                for place in (np.flatnonzero(part > limit) + start).tolist():
                    self.gaps.append((int(times[place] - silences[place]), int(times[place])))
                    found += 1
            self.longest[hour] = max(int(part.max()), self.longest.get(hour, 0))
            while len(self.longest) > HOURS:
                del self.longest[min(self.longest)]
            self.newest, start = int(times[stop - 1]), stop
        return found

    def limit(self, least: float) -> int:
        """Longer than this (µs) is no silence of its own; 0 = it is not known for long enough to tell."""
        if not least or self.newest - self.since < DAY or not self.longest:
            return 0
        return max(int(least * SECOND), FACTOR * max(self.longest.values()))

    def broken(self, start: int, stop: int, least: float, now: int = 0) -> bool:
        """Whether a gap lies within these times. `now`: up to when a feed that is followed has been read; it may be silent now."""
        if any(a < stop and start < b for a, b in self.gaps):
            return True
        limit = self.limit(least)
        return bool(now and limit) and now - self.newest > limit and self.newest < stop

    def prune(self, before: int) -> None:
        """Forgets gaps that ended before this time."""
        self.gaps = [gap for gap in self.gaps if gap[1] >= before]
        self.days = [gap for gap in self.days if gap[1] >= before]
