"""Wall clocks to UTC: fixed offsets, both ends of summer time, and no assumption about the order of rows."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mmsd.logs.zones import to_utc
from mmsd.model import HOUR, SECOND


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("Asia/Shanghai", "2026-11-22T17:44:22", "2026-11-22T09:44:22"),
        ("Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59"),
        ("Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00"),  # an hour that never was: as if winter went on
        ("Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00"),
        ("Europe/Berlin", "2026-10-25T01:59:59", "2026-10-24T23:59:59"),
        ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00"),  # comes twice: the first one
        ("Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00"),
        ("America/St_Johns", "2010-11-07T00:00:59", "2010-11-07T02:30:59"),  # changed at one minute past midnight
        ("America/St_Johns", "2010-11-07T00:01:00", "2010-11-07T03:31:00"),
        ("America/St_Johns", "2010-11-07T01:00:00", "2010-11-07T04:30:00"),
        ("Asia/Kathmandu", "1969-07-21T02:56:00", "1969-07-20T21:26:00"),  # before 1970, a half hour then
    ],
)
def test_zones(zone: str, local: str, utc: str) -> None:
    assert to_utc(np.array([micros(local)]), ZoneInfo(zone)).tolist() == [micros(utc)]


def test_a_column_equals_its_values_one_by_one(seed: int) -> None:
    rng, zone = random.Random(seed), ZoneInfo("America/New_York")
    local = [micros("2026-03-01T00:00:00") + rng.randrange(260 * 24 * HOUR) for _ in range(500)]
    expected = []
    for each in local:
        naive = datetime(1970, 1, 1) + timedelta(microseconds=each)  # wall clock
        expected.append(int((naive - (zone.utcoffset(naive) or timedelta()) - datetime(1970, 1, 1)) / timedelta(microseconds=1)))
    assert to_utc(np.array(local), zone).tolist() == expected


def test_nothing_and_nonsense_stay() -> None:
    assert to_utc(np.array([], np.int64), ZoneInfo("Asia/Shanghai")).size == 0
    assert to_utc(np.array([1 << 62]), ZoneInfo("Asia/Shanghai")).tolist() == [1 << 62]
    assert to_utc(np.array([5]), UTC).tolist() == [5]
    assert to_utc(np.array([8 * HOUR]), timezone(timedelta(hours=8))).tolist() == [0]
