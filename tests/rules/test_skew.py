"""Clocks that are apart: measured from lines that stand alone, told, and taken back when they were set right."""

from __future__ import annotations

import random

import msgspec
import pytest

from mmsd.model import SECOND, Kind, PushState
from mmsd.rules.relate import Thread
from mmsd.rules.skew import ALONE, ENOUGH, EVERY, MOST, WIDEST, Clocks, Key, Pair, moments
from tests.rules.dossiers import AAA, MMSC, SMS, WAP, dossier, fetched, get, notify, post, push, session, submit


def clocks(*seconds: float, skew: float = 2.0, delayed: bool = False) -> Clocks:
    found = Clocks(skew)
    for each in seconds:
        found.see(0, 1, round(each * SECOND), delayed=delayed)
    found.widen()
    return found


def test_the_median_and_the_middle_two_thirds(seed: int) -> None:
    draw = random.Random(seed)
    noisy = [draw.gauss(4.0, 0.3) if draw.random() < 0.9 else draw.uniform(-50, 50) for _ in range(2000)]
    (apart,) = clocks(*noisy).told()
    assert abs(apart.ahead - 4 * SECOND) <= SECOND // 5
    assert SECOND // 5 <= apart.spread <= SECOND // 2
    assert apart.n == 2000


def test_a_few_pairs_say_nothing() -> None:
    assert clocks(*[9.0] * (ENOUGH - 1)).told() == []
    assert clocks(*[9.0] * ENOUGH).far() != []


@pytest.mark.parametrize(("apart", "allowed"), [(0.0, 0.0), (1.9, 0.0), (-1.9, 0.0), (2.5, 2.5), (-2.6, 3.0), (59.0, 59.0)])
def test_windows_widen_when_clocks_are_further_apart_than_configured(apart: float, allowed: float) -> None:
    found = clocks(*[apart] * 50)
    assert found.allowed == allowed * SECOND
    assert found.ahead(0, 1) == (apart * SECOND if allowed else 0)
    assert found.ahead(1, 0) == -found.ahead(0, 1)
    assert found.allowed <= WIDEST


def test_clocks_between_which_there_is_a_third_are_as_far_apart_as_both_say() -> None:
    found = Clocks(2.0)
    for _ in range(50):
        found.see(0, 1, 3 * SECOND)
        found.see(2, 1, -4 * SECOND)
        found.see(7, 8, 5 * SECOND)
    assert found.widen()
    assert found.allowed == 7 * SECOND, "the first clock and the third"


def test_what_is_minutes_apart_is_no_pair() -> None:
    assert clocks(*[ALONE / SECOND + 1] * 50).held == {}


def test_a_delay_is_no_skew_but_a_line_before_what_it_follows_is() -> None:
    assert clocks(*[3.0] * 50, delayed=True).told()[0].ahead == 0
    assert clocks(*[-3.0] * 25, *[4.0] * 25, delayed=True).told()[0].ahead == -3 * SECOND


def test_a_clock_that_was_set_right_is_believed_again() -> None:
    found = clocks(*[5.0] * 500)
    assert found.allowed == 5 * SECOND
    for _ in range(3 * MOST):
        found.see(0, 1, 0)
    assert found.widen()
    assert (found.allowed, found.far()) == (0, [])
    assert not found.widen(), "nothing was seen since"


def test_changes_and_the_whole_come_back() -> None:
    found, again, whole = clocks(*[5.0] * (10 * EVERY + 1)), Clocks(2.0), Clocks(2.0)
    again.load(msgspec.msgpack.decode(msgspec.msgpack.encode(found.changes()), type=list[tuple[Key, Pair]]))
    whole.load(found.whole())
    assert again.held == whole.held == found.held
    assert again.allowed == whole.allowed == found.allowed
    found.forget_changes()
    assert found.changes() == []


def test_lines_that_tell_the_same_moment() -> None:
    lines = (submit(0), notify(1), push(3.5), session(Kind.SESSION_START, 8), get(9), fetched(10.25), post(11))
    told = dossier(*lines)
    found = {(first, second): difference / SECOND for first, second, difference, _ in moments(told, told.threads)}
    assert found == {(MMSC, SMS): 2.5, (WAP, MMSC): 1.25, (AAA, WAP): 1.0}
    assert list(moments(told, [])) == []


def test_what_does_not_stand_alone_is_no_pair() -> None:
    twice = dossier(submit(0), notify(1), push(3.5), submit(20, "m2"), notify(21, "m2"), push(23.5, "t2"))
    assert [each for each in moments(twice, twice.threads) if each[:2] == (MMSC, SMS)] == []


def legs(*lines: tuple[int, ...]) -> list[tuple[int, int]]:
    """(when a delivery began, when its push went) in seconds."""
    threads: list[Thread] = dossier(*lines).threads
    return [(thread.began // SECOND, thread.leg.first // SECOND) for thread in threads if thread.leg and thread.opened]


def test_clocks_apart_exchange_no_legs() -> None:
    """Two messages of one sender, each pushed 2.5 s after its Notify line by the gateway's clock: the first push beside the second line."""
    lines = (submit(0), notify(0.1), submit(2, "m2"), notify(2.4, "m2"), push(2.6), push(4.9, "t2"))
    assert legs(*lines) == [(0, 2), (2, 4)]


def test_a_push_that_was_held_up_keeps_its_place() -> None:
    """The clocks agree, and the gateway sent the second message's push at once and the first one's two seconds late."""
    lines = (submit(0), notify(0.1), submit(1, "m2"), notify(1.1, "m2"), push(1.15, "t2", state=PushState.SUBMITTED), push(2.1))
    assert legs(*lines) == [(0, 2), (1, 1)]
