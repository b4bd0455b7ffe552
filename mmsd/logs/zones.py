"""Local wall-clock times of logs to UTC, whole columns at a time.

Nodes write naive local times. The scanner reads them as if they were UTC; `to_utc` moves them by the zone's offset, which it asks
of the given `tzinfo` once for each different minute (zones change on whole minutes; a chunk of log spans few of them).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

import numpy as np

from mmsd.model import MINUTE, I64Array

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # wall clock: the zone is what is asked for
_ALIKE = 180
_LIMIT = 200 * 366 * 24 * 60  # minutes: times beyond ±200 years are nonsense, and beyond datetime's reach


@lru_cache(maxsize=1 << 14)
def _offset(zone: tzinfo, minute: int) -> int:
    """Offset of `zone` in µs at a local minute counted from 1970; of an hour that comes twice that of its first coming."""
    if not -_LIMIT < minute < _LIMIT:
        return 0
    offset = zone.utcoffset(_EPOCH + timedelta(minutes=minute))
    return 0 if offset is None else offset // timedelta(microseconds=1)


def to_utc(local: I64Array, zone: tzinfo) -> I64Array:
    """`local` (int64 µs, wall clock read as if UTC) as µs UTC, element by element.

    In the hour that autumn repeats the first reading is taken, so those times may be an hour early: the log does not say which it was.

    >>> from zoneinfo import ZoneInfo
    >>> to_utc(np.array([8 * 3600 * 1_000_000]), ZoneInfo("Asia/Shanghai")).tolist()
    [0]
    """
    if zone is UTC or local.size == 0:
        return local
    if isinstance(zone, timezone):
        return local - _offset(zone, 0)
    first, last = int(local.min()) // MINUTE, int(local.max()) // MINUTE
    if last - first < _ALIKE:  # a chunk of a log that is being written: one look at each of its minutes
        passed = {_offset(zone, minute) for minute in range(first, last + 1)}
        if len(passed) == 1:
            return local - passed.pop()
    minutes, index = np.unique(local // MINUTE, return_inverse=True)
    offsets = np.fromiter((_offset(zone, minute) for minute in minutes.tolist()), np.int64, minutes.size)
    return local - offsets[index]
