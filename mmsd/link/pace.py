"""How fast to send, and how long to wait before the next try: arithmetic of times, without a clock of its own."""

from __future__ import annotations

import math
from typing import Final

SECOND: Final = 1_000_000
RECOVERY: Final = 60  # seconds without throttling from nothing back to the full rate
LEAST: Final = 1 / 64  # of the full rate


class Pace:
    """A token bucket whose rate halves when the centre throttles, and grows back over a minute. Times in µs.

    >>> pace = Pace(10.0, now=0)
    >>> pace.take(0), pace.take(0), pace.take(100_000)
    (0, 100000, 0)
    >>> pace.throttled(asked=100_000, now=200_000, silent_until=1_200_000)
    >>> pace.rate(1_200_000), pace.rate(31_200_000)
    (5.0, 10.0)
    """

    def __init__(self, rate: float, *, now: int) -> None:
        self._full = rate
        self._room = max(rate / 50, 1.0)  # what 20 ms bring: timers are no finer
        self._tokens = self._room
        self._at = now  # of the tokens
        self._slowed = rate  # the rate after the last throttling …
        self._slowed_at = now - RECOVERY * SECOND  # … and from when on it grows

    def rate(self, now: int) -> float:
        """Messages a second at this time."""
        return min(self._slowed + self._full * max(now - self._slowed_at, 0) / (RECOVERY * SECOND), self._full)

    def take(self, now: int) -> int:
        """0: one may go now; else µs until it may."""
        rate = self.rate(now)
        self._tokens = min(self._tokens + rate * max(now - self._at, 0) / SECOND, self._room)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return math.ceil((1 - self._tokens) * SECOND / rate)

    def throttled(self, *, asked: int, now: int, silent_until: int) -> None:
        """A request sent at `asked` was throttled: half the rate from then on, once for all that were on their way together."""
        if asked >= self._slowed_at:
            self._slowed = max(self.rate(now) / 2, self._full * LEAST)
            self._slowed_at = max(now, silent_until)
            self._tokens = min(self._tokens, 1.0)


def pause(first: float, longest: float, failures: int, random: float) -> float:
    """Seconds before the next connection, after so many failures in a row: any from `first` up to a bound that doubles to `longest`.

    >>> [pause(1.0, 60.0, failures, 1.0) for failures in (1, 2, 3, 500)], pause(1.0, 60.0, 9, 0.0)
    ([2.0, 4.0, 8.0, 60.0], 1.0)
    """
    bound = min(longest, math.ldexp(first, min(failures, 60)))
    return first + max(bound - first, 0.0) * random
