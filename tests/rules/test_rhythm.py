"""What is a gap in a feed and what is its night."""

from __future__ import annotations

import numpy as np
import pytest

from mmsd.model import DAY, HOUR, MINUTE, SECOND
from mmsd.rules.rhythm import FACTOR, HOURS, Rhythm

LEAST = 600.0


def fed(*parts: tuple[int, int, int]) -> tuple[Rhythm, int]:
    """A feed with lines from start to stop at every step; how many gaps were found."""
    rhythm, found = Rhythm(), 0
    for start, stop, step in parts:
        for begin in range(start, stop, HOUR):
            found += rhythm.take(np.arange(begin, min(begin + HOUR, stop), step, dtype=np.int64), LEAST)
    return rhythm, found


BUSY = (0, 2 * DAY, 10 * SECOND)


def test_a_busy_feed_that_stops_for_an_hour_has_a_gap() -> None:
    rhythm, found = fed(BUSY, (2 * DAY + HOUR, 2 * DAY + 2 * HOUR, 10 * SECOND))
    assert found == 1
    assert rhythm.gaps == [(2 * DAY - 10 * SECOND, 2 * DAY + HOUR)]
    assert rhythm.broken(2 * DAY + 5 * MINUTE, 2 * DAY + 6 * MINUTE, LEAST)
    assert not rhythm.broken(DAY, 2 * DAY - MINUTE, LEAST)
    assert not rhythm.broken(2 * DAY + HOUR, 3 * DAY, LEAST)


def test_what_is_shorter_than_the_least_is_none() -> None:
    assert fed(BUSY, (2 * DAY + 9 * MINUTE, 2 * DAY + HOUR, 10 * SECOND))[1] == 0


def test_a_node_that_sleeps_each_night_has_a_rhythm() -> None:
    days = [(day * DAY + 8 * HOUR, day * DAY + 20 * HOUR, MINUTE) for day in range(6)]
    assert fed(*days)[1] == 0


def test_its_first_day_tells_nothing() -> None:
    assert fed((0, DAY // 2, SECOND * 10), (DAY // 2 + 5 * HOUR, DAY, 10 * SECOND))[1] == 0


@pytest.mark.parametrize(("later", "broken"), [(5 * MINUTE, False), (HOUR, True)])
def test_one_that_is_followed_may_be_silent_now(later: int, broken: bool) -> None:
    rhythm, _ = fed(BUSY)
    assert rhythm.broken(2 * DAY, 2 * DAY + MINUTE, LEAST, now=2 * DAY + later) is broken
    assert not rhythm.broken(2 * DAY, 2 * DAY + MINUTE, LEAST), "read to its end in a replay it is not"


def test_chunks_and_late_lines_change_nothing() -> None:
    times = np.concatenate([np.arange(0, 2 * DAY, MINUTE), np.arange(2 * DAY + HOUR, 2 * DAY + 3 * HOUR, MINUTE)]).astype(np.int64)
    whole, parts = Rhythm(), Rhythm()
    assert whole.take(times, LEAST) == 1
    assert sum(parts.take(part, LEAST) for part in np.array_split(times, 31)) == 1
    assert whole == parts
    assert parts.take(times[:500], LEAST) == 0
    assert whole == parts


def test_what_it_remembers_is_bounded() -> None:
    rhythm, _ = fed(BUSY, (2 * DAY + HOUR, 5 * DAY, 10 * SECOND))
    assert len(rhythm.longest) == HOURS
    assert rhythm.limit(LEAST) == max(600 * SECOND, FACTOR * 10 * SECOND)
    rhythm.prune(2 * DAY + HOUR + 1)
    assert rhythm.gaps == []


def test_none_are_looked_for_where_the_least_is_nought() -> None:
    rhythm, _ = fed(BUSY)
    assert rhythm.take(np.array([9 * DAY]), 0.0) == 0


def test_a_day_without_a_line_is_remembered_in_or_out_of_rhythm() -> None:
    weekly = np.arange(0, 5) * 7 * DAY
    whole, parts = Rhythm(), Rhythm()
    whole.take(weekly, LEAST)
    for at in weekly:
        parts.take(np.array([at]), LEAST)
    assert whole.days == parts.days == [(at, at + 7 * DAY) for at in weekly[:-1].tolist()][-len(whole.days) :]
    assert fed(BUSY)[0].days == []
