"""Days of sessions: as a plain set of days would answer, in any order; bounded; what is packed comes back."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from mmsd.model import DAY
from mmsd.rules.history import RUN, History

DAYS = 30
WEEK = 7 * 86400.0


def taken(days: list[tuple[int, float]], pieces: int = 1, **bounds: Any) -> History:
    """A history of (number, day), given in so many pieces."""
    history = History(DAYS, **bounds)
    history.begin(round(min(day for _, day in days) * DAY))
    for start in range(pieces):
        part = days[start::pieces]
        history.take(np.array([n for n, _ in part], np.uint64), np.array([round(day * DAY) for _, day in part], np.int64))
    return history


def runs(history: History) -> list[tuple[int, int, int]]:
    """What is left when all parts are joined, as loading does."""
    again = History(DAYS)
    again.load(*history.packed())
    found: list[tuple[int, int, int]] = np.frombuffer(again.packed()[2], RUN).tolist()
    return found


def test_a_month_is_answered_as_the_set_of_sessions_would(seed: int) -> None:
    """For every moment, whatever came later, in any order and pieces: a session no later, and none longer ago than thirty whole days."""
    chance = random.Random(seed)
    for _ in range(60):
        times = [(chance.randrange(6), chance.randrange(100 * 24, 300 * 24) / 24) for _ in range(chance.randrange(1, 40))]
        chance.shuffle(times)
        history = taken(times, chance.randrange(1, 6))
        for number in range(6):
            mine = [time for n, time in times if n == number]
            for asked in (chance.randrange(90 * 24, 310 * 24) / 24 for _ in range(60)):
                wanted = any(time <= asked and int(time) >= int(asked) - DAYS for time in mine)
                assert history.seen(number, round(asked * DAY)) == wanted, (sorted(mine), asked)


def test_pieces_and_order_leave_the_same_runs(seed: int) -> None:
    chance = random.Random(seed)
    times = [(chance.randrange(9), chance.randrange(100 * 24, 400 * 24) / 24) for _ in range(300)]
    whole = taken(times)
    for _ in range(5):
        chance.shuffle(times)
        parts = taken(times, chance.randrange(2, 40))
        assert runs(parts) == runs(whole)


def test_a_later_session_does_not_undo_what_was_said() -> None:
    history = taken([(1, 100), (2, 145)])
    assert not history.seen(1, 145 * DAY)
    history.take(np.array([1], np.uint64), np.array([145 * DAY + DAY // 2]))
    assert not history.seen(1, 145 * DAY)
    assert history.seen(1, 145 * DAY + DAY // 2)


def test_a_short_memory_is_not_whole() -> None:
    history = taken([(1, 100)])
    assert not history.whole(129 * DAY)
    assert history.whole(130 * DAY)
    assert not History(DAYS).whole(130 * DAY)


def test_nor_is_one_with_a_hole() -> None:
    history = taken([(1, 100)])
    history.breaks = [(140 * DAY, 142 * DAY)]
    assert [history.whole(day * DAY) for day in (140, 141, 171, 172)] == [True, False, False, True]


def test_what_nobody_asks_for_goes() -> None:
    history = taken([(1, 100), (2, 130)], slack=WEEK)
    history.prune(137 * DAY)
    assert (len(history), history.whole(130 * DAY)) == (2, True)
    history.prune(138 * DAY)
    assert len(history) == 1
    assert [history.whole(day * DAY) for day in (130, 131)] == [False, True], "of what was forgotten nothing is said"


def test_of_too_many_the_longest_silent_go_and_the_memory_is_shorter() -> None:
    history = History(DAYS, most=3)
    history.begin(100 * DAY)
    numbers = np.arange(1, 6, dtype=np.uint64)
    history.take(numbers, (100 + numbers.astype(np.int64)) * DAY)
    history.prune(106 * DAY)
    assert len(history) <= 3
    assert [number for number in range(1, 6) if history.seen(number, 106 * DAY)] == [4, 5]
    assert history.floor == 104
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
    assert history.changes() == (100 * DAY, 0, b"")
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
