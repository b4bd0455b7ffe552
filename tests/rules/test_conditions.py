"""Holes of feeds: when they begin, when they end, and that they come back after a restart."""

from __future__ import annotations

import msgspec
import numpy as np

from mmsd.model import HOUR, MINUTE, SECOND
from mmsd.rules.conditions import ENOUGH, FILES_MISSING, LOST, MISFIT, MOST_HOLES, Condition, Conditions, Hole

FEED = 3


def at(*times: int) -> np.ndarray:
    return np.array(times, np.int64)


def test_a_hole_without_an_end_ends_with_the_next_later_line() -> None:
    conditions = Conditions()
    assert conditions.lose(FEED, 100, LOST)
    assert conditions.of(FEED).broken(5_000, 6_000)
    assert conditions.read(FEED, at(90, 100), 100) == [], "lines that are no later end nothing"
    assert conditions.read(FEED, at(400, 300), 100) == [Hole(100, 300, LOST)]
    assert not conditions.of(FEED).broken(300, 6_000)
    assert conditions.of(FEED).broken(200, 6_000)


def test_what_is_known_is_told_once() -> None:
    conditions = Conditions()
    assert conditions.lose(FEED, 100, MISFIT, 200)
    assert not conditions.lose(FEED, 100, MISFIT, 200)
    assert len(conditions.of(FEED).holes) == 1


def test_missing_files_that_come_are_no_hole_any_more() -> None:
    conditions = Conditions()
    conditions.lose(FEED, 5, LOST, 6)
    assert conditions.replace(FEED, FILES_MISSING, [Hole(10, 20, FILES_MISSING), Hole(30, 30, FILES_MISSING)]) == [
        Hole(10, 20, FILES_MISSING)
    ]
    assert conditions.replace(FEED, FILES_MISSING, [Hole(10, 20, FILES_MISSING)]) == []
    narrower = conditions.replace(FEED, FILES_MISSING, [Hole(15, 20, FILES_MISSING)])
    assert sorted(narrower) == [Hole(10, 20, FILES_MISSING), Hole(15, 20, FILES_MISSING)]
    assert conditions.replace(FEED, FILES_MISSING, []) == [Hole(15, 20, FILES_MISSING)]
    assert conditions.of(FEED).holes == [Hole(5, 6, LOST)]


def test_disorder_is_measured_behind_the_newest_line_of_the_feed() -> None:
    conditions = Conditions()
    conditions.read(FEED, at(*range(0, 200 * SECOND, SECOND)), 0)
    assert conditions.of(FEED).back(HOUR) == 0
    conditions.read(FEED, np.arange(100, dtype=np.int64) * SECOND, 199 * SECOND)
    assert 150 * SECOND < conditions.of(FEED).back(HOUR) < 250 * SECOND
    assert conditions.of(FEED).back(MINUTE) == MINUTE, "never further than patience"


def test_a_feed_is_waited_for_as_long_as_its_lines_came_late_but_no_longer_than_patience() -> None:
    conditions = Conditions()
    conditions.came(FEED, np.full(ENOUGH - 1, HOUR, np.int64))
    assert conditions.of(FEED).wait(2 * HOUR) == 0, "a few lines say nothing"
    conditions.came(FEED, np.full(10, HOUR, np.int64))
    assert HOUR <= conditions.of(FEED).wait(2 * HOUR) < 1.25 * HOUR
    assert conditions.of(FEED).wait(MINUTE) == MINUTE


def test_changes_and_the_whole_come_back() -> None:
    conditions, again = Conditions(), Conditions()
    conditions.read(FEED, at(5, 9, 7), 0)
    conditions.lose(FEED, 9, LOST)
    conditions.orphan(FEED, 2)
    conditions.doubt(4)
    packed = msgspec.msgpack.encode(conditions.changes())
    again.load(msgspec.msgpack.decode(packed, type=dict[int, Condition]))
    assert again.held == conditions.held
    conditions.forget_changes()
    assert conditions.changes() == {}
    conditions.doubt(4)
    assert conditions.changes() == {}, "it was doubted before"
    conditions.prune(10)
    assert conditions.of(FEED).holes == [Hole(9, 0, LOST)], "it has not ended"


def test_holes_are_bounded() -> None:
    conditions = Conditions()
    for start in range(0, 20 * MOST_HOLES, 10):
        conditions.lose(FEED, start + 1, LOST, start + 2)
    holes = conditions.of(FEED).holes
    assert len(holes) == MOST_HOLES
    assert holes[0].start == 1
    assert conditions.of(FEED).broken(5, 6), "what lies between the oldest counts with them"
