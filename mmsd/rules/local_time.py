"""Local wall time: which day it is, and when hours that are kept free are over, over every change of the clocks.

A zone is a run of stretches with one offset each. Inside a stretch local time is arithmetic; at its end the clocks jump, forward over an
hour that does not exist or back into one that comes twice. Instants are µs UTC.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from mmsd.model import DAY, HOUR, MINUTE, SECOND

LOOK: Final = 36 * HOUR
"""How far ahead a change of the clocks is looked for at once; no zone changes them twice within it."""
FAR: Final = 8 * DAY
"""An instant that is not found so far ahead does not come."""
_HOURS: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")


class Hours(NamedTuple):
    """Hours of every local day, µs from its 00:00: from `start` until `stop`, over midnight when `stop` is not later."""

    start: int
    stop: int

    def left(self, moment: int) -> int:
        """How long from `moment` (µs of the day) until they are over; 0 outside of them."""
        length = (self.stop - self.start - 1) % DAY + 1
        return max(0, length - (moment - self.start) % DAY)

    def __str__(self) -> str:
        return "-".join(f"{moment // HOUR:02}:{moment % HOUR // MINUTE:02}" for moment in self)


def hours(text: str) -> Hours:
    """Hours as people write them. Raises ValueError for anything else.

    >>> night = hours("21:00-08:00")
    >>> night.left(23 * HOUR) // HOUR, night.left(8 * HOUR), str(night)
    (9, 0, '21:00-08:00')
    >>> hours("8-9")
    Traceback (most recent call last):
    ...
    ValueError: '8-9' are no hours: write HH:MM-HH:MM
    """
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} are no hours: write HH:MM-HH:MM")
    from_hour, from_minute, to_hour, to_minute = (int(part or 0) for part in found.groups())
    stop = DAY if found[3] is None else to_hour * HOUR + to_minute * MINUTE
    return Hours(from_hour * HOUR + from_minute * MINUTE, stop)


def leave_some(taken: Sequence[Hours]) -> bool:
    """Whether hours leave some of the day free.

    >>> leave_some([hours("21:00-08:00")]), leave_some([hours("21:00-08:00"), hours("07:00-21:00")])
    (True, False)
    """
    moment = 0
    while moment < DAY:
        wait = max((one.left(moment) for one in taken), default=0)
        if not wait:
            return True
        moment += wait
    return False


class LocalTime:
    """Wall time in one zone.

    >>> from zoneinfo import ZoneInfo
    >>> berlin = LocalTime(ZoneInfo("Europe/Berlin"))
    >>> gap = 1774746000 * SECOND  # 2026-03-29 01:00 UTC: the clocks jump from 02:00 to 03:00
    >>> berlin.free(gap - HOUR, [hours("01:00-02:30")]) == gap
    True
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def day(self, at: int) -> str:
        """Local date, YYYY-MM-DD."""
        return self._local(at).date().isoformat()

    def clock(self, at: int) -> str:
        """Local date and time to the minute.

        >>> from datetime import UTC
        >>> LocalTime(UTC).clock(0)
        '1970-01-01 00:00'
        """
        return self._local(at).strftime("%Y-%m-%d %H:%M")

    def weekday(self, at: int) -> int:
        """Of the local date, 0 = Monday.

        >>> from datetime import UTC
        >>> LocalTime(UTC).weekday(0)
        3
        """
        return self._local(at).weekday()

    def moment(self, at: int) -> int:
        """µs of the local day, by its clocks."""
        return (at + self._offset(at)) % DAY

    def other_day(self, at: int) -> int:
        """The first instant after `at` with another local date."""
        offset, until = self._stretch(at)
        midnight = at + DAY - (at + offset) % DAY
        while midnight >= until:
            if self.day(until) != self.day(at):
                return until
            offset, after = self._stretch(until)
            midnight, until = until + DAY - (until + offset) % DAY, after
        return midnight

    def free(self, at: int, taken: Sequence[Hours]) -> int | None:
        """The first instant from `at` on that lies in none of the hours; None when they leave none."""
        moment = at
        offset, until = self._stretch(moment)
        while moment - at < FAR:
            wait = max((one.left((moment + offset) % DAY) for one in taken), default=0)
            if not wait:
                return moment
            moment = min(moment + wait, until)
            if moment == until:
                offset, until = self._stretch(moment)
        return None

    def _local(self, at: int) -> datetime:
        return datetime.fromtimestamp(at // SECOND, self._zone)

    def _offset(self, at: int) -> int:
        return (self._local(at).utcoffset() or timedelta()) // timedelta(microseconds=1)

    def _stretch(self, at: int) -> tuple[int, int]:
        """The offset at an instant, and until when it holds: the next change of the clocks, or LOOK when none is so near."""
        offset, low, high = self._offset(at), at // SECOND, (at + LOOK) // SECOND
        if self._offset(high * SECOND) == offset:
            return offset, at + LOOK
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(middle * SECOND) == offset:
                low = middle
            else:
                high = middle
        return offset, high * SECOND
