"""How late lines come, as a distribution that forgets: half and ninety-nine of a hundred, and the worst.

Counts stand in bins a fifth wide each, from a millisecond to a month. When there are many they are all halved: what has not happened
again for long is gone. So a feed that is mended is waited for a little longer, and then no more.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from mmsd.model import Delays, I64Array

MILLI: Final = 1000
PER_OCTAVE: Final = 4
BINS: Final = 32 * PER_OCTAVE
MOST: Final = 1 << 16
"""Lines counted before all counts are halved."""


class Lateness(msgspec.Struct, array_like=True):
    """One feed's. Packed with State.

    >>> late = Lateness()
    >>> late.take(np.array([0] * 98 + [3_000_000, 60_000_000]))
    >>> [round(late.share(part) / 1e6) for part in (0.5, 0.99, 1.0)]
    [0, 3, 66]
    """

    counts: dict[int, int] = {}

    def take(self, delays: I64Array) -> None:
        """So much later (µs) than it might have been each of these lines came; what came early is on time."""
        late = delays[delays > 0]
        self.take_in_time(len(delays) - len(late))
        if not len(late):
            return
        bins = np.ceil(PER_OCTAVE * np.log2(late / MILLI + 1)).astype(np.int64)
        places, counts = np.unique(np.minimum(bins, BINS), return_counts=True)
        for place, n in zip(places.tolist(), counts.tolist(), strict=True):
            self.counts[place] = self.counts.get(place, 0) + n
        self._forget()

    def take_in_time(self, n: int) -> None:
        """`n` lines that came no later than they might have."""
        if n:
            self.counts[0] = self.counts.get(0, 0) + n
            self._forget()

    def _forget(self) -> None:
        while self.n > MOST:
            self.counts = {place: n // 2 for place, n in self.counts.items() if n > 1}

    @property
    def n(self) -> int:
        """Lines counted, those long ago for less."""
        return sum(self.counts.values())

    def share(self, part: float) -> int:
        """Within this (µs) so great a part of the lines came; 0: in time, or none were seen."""
        left = part * self.n
        for place in sorted(self.counts):
            left -= self.counts[place]
            if left <= 0:
                return round((2 ** (place / PER_OCTAVE) - 1) * MILLI)
        return 0

    def told(self) -> Delays:
        return Delays(self.share(0.5), self.share(0.99), self.share(1.0), self.n)
