"""How a campaign does against its target: what a day brings, and what each of the days that are left would have to bring."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import msgspec

SPAN: Final = 7
"""Whole days that what a day brings is taken from, the last ones."""


class Pace(msgspec.Struct, frozen=True):
    """Forwards against a target. Days are local; today counts as one that is left."""

    target: int
    share: float  # of the target reached
    days_left: int  # 0: it is over
    daily: float | None  # what one of the last whole days brought; None: none is over yet
    needed: float | None  # what each day left would have to bring, today included; None: there is none left
    expected: int | None  # at the end, if every day left brings what one of the last did
    reached: str | None  # the day on which the target is reached then, or was; None: never


def pace(target: int, first: date, last: date, today: date, days: Mapping[str, int]) -> Pace:
    """Of a campaign from `first` to `last`, by forwards of its local days so far.

    >>> days = {"2026-11-20": 100, "2026-11-21": 300, "2026-11-22": 50}
    >>> told = pace(1_000, date(2026, 11, 20), date(2026, 11, 24), date(2026, 11, 22), days)
    >>> told.share, told.days_left, told.daily, told.needed, told.expected, told.reached
    (0.45, 3, 200.0, 200.0, 1000, '2026-11-24')
    """
    before = sum(n for day, n in days.items() if day < today.isoformat())
    forwards = sum(days.values())
    left = max((last - max(today, first)).days + 1, 0)
    daily = _daily(first, min(today, last + timedelta(days=1)), days)
    expected = max(forwards, before + round(daily * left)) if daily is not None and left else None if left else forwards
    return Pace(
        target, round(forwards / target, 5), left, daily, round(max(target - before, 0) / left, 1) if left else None, expected,
        _reached(target, before, daily, left, today, days),
    )  # fmt: skip


def _daily(first: date, end: date, days: Mapping[str, int]) -> float | None:
    """Mean of the last whole days before `end`, as many as there are and at most SPAN."""
    span = min((end - first).days, SPAN)
    if span < 1:
        return None
    looked = [(end - timedelta(days=back)).isoformat() for back in range(1, span + 1)]
    return round(sum(days.get(day, 0) for day in looked) / span, 1)


def _reached(target: int, before: int, daily: float | None, left: int, today: date, days: Mapping[str, int]) -> str | None:
    so_far = 0
    for day in sorted(days):
        so_far += days[day]
        if so_far >= target:
            return day
    if not daily or not left:
        return None
    wait = max(-(-(target - before) // daily), 1)
    return (today + timedelta(days=int(wait) - 1)).isoformat() if wait <= left else None
