"""A forward is released and stopped in the store: figures, serial, SMS and audit move in one transaction, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from mmsd.model import Batch, Forward
from mmsd.rules import outbox
from mmsd.rules.reviews import Refusal
from mmsd.rules.settings import CampaignSettings
from mmsd.store import Needs, Ordinal, Store, reviews
from mmsd.store.sqlite import Faults
from tests.store.conftest import NOW, failing, put, see
from tests.store.values import LI, WANG, ZHAO, forward

RELAY = CampaignSettings("relay", "Relay", "2026-01-01", "2026-12-31", ())
HELD = {"counted": False, "reason": "fan_in", "review": "held"}
_bits = count(1 << 70)


def say(store: Store, act: str, number: int) -> Forward | Refusal:
    return reviews.act(store, act, number, {"relay": RELAY}, bits=next(_bits), who="li", why="seen", now=NOW)


@pytest.fixture
def held(store: Store) -> Store:
    put(store, Batch(NOW, forwards=[forward(1), forward(2, **HELD), forward(3, **HELD, sender=WANG, receiver=ZHAO)]))
    return store


def counts(store: Store) -> tuple[int, int, int]:
    found = store.counts("relay")
    return found.forwards, found.people, found.serials


def test_they_are_listed_by_what_was_said(held: Store):
    assert [issued.id for issued in held.forwards(None, 10, review="held")] == [2, 3]
    assert [issued.id for issued in held.forwards("relay", 10, 2, review="held")] == [3]
    assert held.forwards("other", 10, review="held") == []
    say(held, "release", 2)
    say(held, "stop", 3)
    assert held.reviews() == {("relay", "released", "fan_in"): 1, ("relay", "stopped", "fan_in"): 1}
    assert held.reviews("other") == {}


def test_release_issues_the_serial_and_stop_takes_back_what_counts(held: Store):
    assert counts(held) == (1, 1, 0)
    say(held, "release", 3)
    issued = held.forward(3)
    assert issued is not None
    assert issued.serial
    assert (issued.forward.counted, issued.forward.review) == (True, "released")
    assert counts(held) == (2, 2, 1)
    say(held, "stop", 3)
    assert counts(held) == (1, 1, 1)
    say(held, "release", 3)
    again = held.forward(3)
    assert again is not None
    assert again.serial == issued.serial
    assert counts(held) == (2, 2, 1)
    assert [(row.state, row.reason) for _, row in held.outbox(None, 10)] == [(outbox.DROPPED, "withdrawn"), (outbox.READY, "")]
    assert [(deed.who, deed.what, deed.subject) for _, _, deed in held.deeds(10)] == [
        ("li", "release forward", "forward 3"), ("li", "stop forward", "forward 3"), ("li", "release forward", "forward 3")
    ]  # fmt: skip
    assert [event.topic for event in held.events(0, 10)] == ["forward", "forward_stopped", "forward"]


def test_a_refused_order_leaves_nothing(held: Store):
    assert say(held, "release", 1) == "counts"
    assert say(held, "release", 99) == "no_such_forward"
    assert (held.deeds(10), counts(held)) == ([], (1, 1, 0))


def test_two_who_release_at_once_issue_one_serial(held: Store):
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda _: say(held, "release", 2), range(8)))
    assert sorted(isinstance(one, Refusal) for one in outcomes) == [False] + [True] * 7
    assert counts(held) == (2, 1, 1)
    assert len(held.outbox(None, 10)) == len(held.deeds(10)) == 1


def test_a_release_that_breaks_off_has_done_nothing(open_store):
    class Break(Exception):
        pass

    put(open_store(), Batch(NOW, forwards=[forward(1, **HELD)]))
    broken = open_store(faults=Faults(point=failing("before_commit", Break())))
    with pytest.raises(Break):
        say(broken, "release", 1)
    store = open_store()
    assert (counts(store), store.deeds(10), store.outbox(None, 10)) == ((0, 0, 0), [], [])
    say(store, "release", 1)
    assert counts(store) == (1, 1, 1)


def test_the_number_of_a_leg_counts_those_before(held: Store):
    say(held, "release", 2)
    seen = see(held, Needs(ordinals=frozenset({Ordinal("relay", LI, "nanjing")})))
    assert seen.ordinals[Ordinal("relay", LI, "nanjing")] == (2, 2, 2)
    (row,) = [row for _, row in held.outbox(None, 10)]
    assert "第2次" in row.body
