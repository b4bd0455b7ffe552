"""Pace: before, within and after the dates; days without forwards; a target that is reached, will be, never will."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from mmsd.rules.pace import SPAN, Pace, pace

FIRST, LAST = date(2026, 11, 20), date(2026, 11, 29)


def told(today: int, *days: int, target: int = 100) -> Pace:
    """On the `today`-th day (0: the first), with so many on each day from the first on."""
    counts = {(FIRST + timedelta(place)).isoformat(): n for place, n in enumerate(days) if n}
    return pace(target, FIRST, LAST, FIRST + timedelta(today), counts)


def test_before_and_on_the_first_day_there_is_no_pace_yet() -> None:
    for today in (-3, 0):
        found = told(today)
        assert (found.daily, found.expected, found.reached, found.days_left, found.needed) == (None, None, None, 10, 10.0)


def test_days_without_a_forward_are_days() -> None:
    found = told(4, 20, 0, 0, 20)
    assert (found.daily, found.needed, found.expected, found.reached) == (10.0, 10.0, 100, "2026-11-29")


def test_what_is_long_ago_says_nothing_of_tomorrow() -> None:
    assert told(9, 70, 70, *[7] * SPAN).daily == 7.0


@pytest.mark.parametrize(("target", "reached"), [(60, "2026-11-21"), (61, "2026-11-22"), (1_000, None)])
def test_when_it_is_reached(target: int, reached: str | None) -> None:
    assert told(2, 40, 20, target=target).reached == reached


def test_what_came_today_counts_at_once_and_lowers_nothing() -> None:
    assert told(1, 10, 500).expected == 510
    assert told(1, 10, 500).reached == "2026-11-21"
    assert told(1, 10, 500).needed == 10.0


def test_after_the_end_it_is_what_it_is() -> None:
    found = told(20, 30, 30)
    assert (found.days_left, found.needed, found.expected, found.reached, found.share) == (0, None, 60, None, 0.6)
