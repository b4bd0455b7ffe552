"""Days of sessions: as a plain set of days would answer, in any order; bounded; what is packed comes back."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

from mmsd.model import DAY
from mmsd.rules.history import RUN, SLACK, History

DAYS = 30


def taken(days: list[tuple[int, int]], pieces: int = 1) -> History:
    """A history of (number, day), given in so many pieces."""
    history = History(DAYS)
    history.begin(min(day for _, day in days) * DAY)
    for start in range(pieces):
        part = days[start::pieces]
        history.take(np.array([n for n, _ in part], np.uint64), np.array([day * DAY + 5 for _, day in part], np.int64))
    return history


def test_a_month_is_answered_as_a_set_of_days_would(seed: int) -> None:
    chance = random.Random(seed)
    newest = 200
    for _ in range(40):
        days = [(chance.randrange(6), chance.randrange(100, newest + 1)) for _ in range(chance.randrange(1, 60))]
        chance.shuffle(days)
        history = taken(days, chance.randrange(1, 6))
        for number in range(6):
            mine = sorted(day for n, day in days if n == number)
            gaps = [b - a for a, b in pairwise(mine)]
            if any(DAYS < gap <= DAYS + SLACK for gap in gaps):
                continue  # such a silence may read as none once it is over
            for day in range(newest - SLACK, newest + 1):
                wanted = any(day - DAYS <= other <= day for other in mine)
                assert history.seen(number, day * DAY) == wanted, (mine, day)


def test_a_later_session_does_not_undo_what_was_said() -> None:
    history = taken([(1, 100), (2, 145)])
    assert not history.seen(1, 145 * DAY)
    history.take(np.array([1], np.uint64), np.array([146 * DAY]))
    assert not history.seen(1, 145 * DAY)
    assert history.seen(1, 146 * DAY)


def test_a_short_memory_is_not_whole() -> None:
    history = taken([(1, 100)])
    assert not history.whole(129 * DAY)
    assert history.whole(130 * DAY)
    assert not History(DAYS).whole(130 * DAY)


def test_what_nobody_asks_for_goes() -> None:
    history = taken([(1, 100), (2, 130)])
    history.prune(138 * DAY)
    assert len(history) == 2
    history.prune(139 * DAY)
    assert len(history) == 1
    assert history.whole(140 * DAY)


def test_of_too_many_the_longest_silent_go_and_the_memory_is_shorter() -> None:
    history = History(DAYS, most=3)
    history.begin(100 * DAY)
    numbers = np.arange(1, 6, dtype=np.uint64)
    history.take(numbers, (100 + numbers.astype(np.int64)) * DAY)
    history.prune(106 * DAY)
    assert len(history) <= 3
    assert [number for number in range(1, 6) if history.seen(number, 106 * DAY)] == [4, 5]
    assert history.began == 104 * DAY
    assert not history.whole(133 * DAY)


@pytest.mark.parametrize("cuts", [1, 2, 5])
def test_changes_and_snapshots_come_back(seed: int, cuts: int) -> None:
    chance = random.Random(seed)
    days = [(chance.randrange(50), chance.randrange(100, 160)) for _ in range(200)]
    whole, again = History(DAYS), History(DAYS)
    whole.begin(100 * DAY)
    for start in range(cuts):
        part = days[start::cuts]
        whole.take(np.array([n for n, _ in part], np.uint64), np.array([day * DAY for _, day in part], np.int64))
        again.load(*whole.changes())
        whole.forget_changes()
    packed = History(DAYS)
    packed.load(*whole.packed())
    for history in (again, packed):
        assert history.began == whole.began
        assert [history.seen(n, 160 * DAY) for n in range(50)] == [whole.seen(n, 160 * DAY) for n in range(50)]


def test_what_is_known_already_is_no_change() -> None:
    history = taken([(1, 100)])
    history.forget_changes()
    history.take(np.array([1, 1], np.uint64), np.array([100 * DAY, 100 * DAY + 7]))
    assert history.changes() == (100 * DAY, b"")
    assert RUN.itemsize == 16


def test_a_month_may_be_short() -> None:
    history = History(3600 / 86400)
    history.begin(50 * DAY)
    history.take(np.array([1], np.uint64), np.array([50 * DAY]))
    hour = 3600 * 1_000_000
    assert (history.whole(50 * DAY + hour - 1), history.whole(50 * DAY + hour)) == (False, True)
    assert (history.seen(1, 50 * DAY + hour), history.seen(1, 50 * DAY + 2 * hour)) == (True, False)


def test_where_some_are_not_seen_any_more_nothing_is_known() -> None:
    history = taken([(1, 100)])
    history.end()
    assert not history.whole(200 * DAY)
    assert not history.seen(1, 100 * DAY)
