"""What becomes of an outgoing row: the table of states, parts, time; over random stories nothing is ever unlearnt."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mmsd.model import MINUTE, SECOND, Outgoing, Part
from mmsd.rules import outbox
from mmsd.rules.outbox import FINAL, FOLLOWS, Settings, claimed, moved, not_taken, overdue, refused_for_now, told, uncertain

NOW = 1_795_348_800_000_000
SETTINGS = Settings()


def row(**fields: Any) -> Outgoing:
    given: dict[str, Any] = {
        "key": b"k" * 16, "kind": "service", "purpose": "ask", "msisdn": "8613912340001", "body": "?", "state": "ready", "due": NOW,
        "expires": NOW + 24 * 3600 * SECOND,
    }  # fmt: skip
    return Outgoing(**given | fields)


def part(number: int, state: str = "", *, name: str = "", final: bool | None = None) -> Part:
    return Part("smsc1", name or f"id{number}", b"k" * 16, number, state, bool(state) if final is None else final)


def sent(parts: int = 1, tries: int = 1) -> Outgoing:
    return row(state="sent", parts=parts, tries=tries)


def test_the_table_is_closed_and_its_ends_are_ends():
    assert set().union(*FOLLOWS.values()) <= set(FOLLOWS)
    reachable, open_ = {"ready"}, ["ready"]
    while open_:
        fresh = FOLLOWS[open_.pop()] - reachable
        reachable |= fresh
        open_ += fresh
    assert reachable == set(FOLLOWS)
    assert {state for state, after in FOLLOWS.items() if not after} <= set(FINAL)
    assert all("sending" not in FOLLOWS[state] for state in FOLLOWS if state != "ready")


@pytest.mark.parametrize("state", FOLLOWS)
def test_a_row_moves_as_the_table_says(state):
    for after in FOLLOWS:
        if after in FOLLOWS[state]:
            assert moved(row(state=state, reason="old"), after) == row(state=after)
        else:
            with pytest.raises(ValueError, match="never followed"):
                moved(row(state=state), after)


def test_a_claim_counts_as_a_try_until_it_is_known_to_be_none():
    out = claimed(row(), "smsc1", 2, now=NOW + 5, fence=3)
    assert (out.state, out.tries, out.link, out.parts, out.submitted, out.reserved, out.fence) == (
        "sending", 1, "smsc1", 2, NOW + 5, NOW + 5, 3
    )  # fmt: skip
    back = not_taken(out, outbox.THROTTLED)
    assert (back.state, back.tries, back.reserved, back.reason) == ("ready", 0, 0, "throttled")


@pytest.mark.parametrize(("refusals", "wait"), [(0, 30), (1, 60), (4, 480), (5, 900), (500, 900)])
def test_refusals_wait_longer_each_time(refusals, wait):
    out = claimed(row(refusals=refusals), "smsc1", 1, now=NOW, fence=1)
    back = refused_for_now(out, "ESME_RSYSERR", now=NOW, taken=False, settings=SETTINGS)
    assert (back.state, back.due, back.tries, back.refusals) == ("ready", NOW + wait * SECOND, 0, refusals + 1)
    assert refused_for_now(out, "x", now=NOW, taken=True, settings=SETTINGS).state == "uncertain"


def test_time_moves_what_waited_long_enough():
    def later(one: Outgoing, minutes: int, *parts: Part) -> Outgoing | None:
        return overdue(one, parts, now=NOW + minutes * MINUTE, fence=2, settings=SETTINGS)

    first = uncertain(claimed(row(), "smsc1", 1, now=NOW, fence=2), "why", now=NOW, settings=SETTINGS)
    assert later(first, 14) is None
    again = later(first, 15)
    assert again is not None
    assert (again.state, again.reason, again.tries, again.reserved) == ("ready", "no_answer", 1, 0)
    second = uncertain(claimed(again, "smsc1", 1, now=NOW, fence=2), "why", now=NOW, settings=SETTINGS)
    parked = later(second, 15)
    assert parked is not None
    assert (parked.state, parked.tries) == ("parked", 2)
    late = later(first, 24 * 60)
    assert late is not None
    assert (late.state, late.reason) == ("expired", "no_proof")
    gone = later(row(), 24 * 60)
    assert gone is not None
    assert gone.state == "expired"
    assert later(row(), 1) is None
    left = claimed(row(), "smsc1", 1, now=NOW, fence=1)
    behind = later(left, 0)
    assert behind is not None
    assert (behind.state, behind.reason) == ("uncertain", "restarted")
    proven = later(left, 0, part(1, "DELIVRD"))
    assert proven is not None
    assert proven.state == "delivered"
    assert later(claimed(row(), "smsc1", 1, now=NOW, fence=2), 600) is None


@pytest.mark.parametrize(
    ("before", "parts", "after"),
    [
        (sent(), [part(1)], "sent"),
        (sent(), [part(1, "DELIVRD")], "delivered"),
        (sent(), [part(1, "ENROUTE", final=False)], "sent"),
        (sent(), [part(1, "UNDELIV")], "failed"),
        (sent(2), [part(1, "DELIVRD"), part(2)], "sent"),
        (sent(2), [part(1, "DELIVRD"), part(2, "EXPIRED")], "failed"),
        (sent(2), [part(1, "DELIVRD"), part(2, "DELIVRD")], "delivered"),
        (sent(2, 2), [part(1, "DELIVRD"), part(2, "EXPIRED"), part(2, "DELIVRD", name="b"), part(1, "EXPIRED", name="c")], "delivered"),
        (sent(2, 2), [part(1, "DELIVRD"), part(2, "EXPIRED"), part(2, name="b")], "sent"),
        (row(state="uncertain", parts=2, tries=1), [part(0, name="x")], "uncertain"),
        (row(state="uncertain", parts=2, tries=1), [part(0, name="x"), part(0, name="y")], "sent"),
        (row(state="uncertain", parts=2, tries=1), [part(2), part(0, "DELIVRD", name="y")], "sent"),
        (row(state="uncertain", parts=1, tries=1), [part(0, "DELIVRD", name="x")], "delivered"),
        (row(state="ready", parts=1, tries=1), [part(0, "DELIVRD", name="x")], "delivered"),
        (row(state="ready", parts=1, tries=1), [part(1)], "sent"),
        (row(state="parked", parts=1, tries=2), [part(1)], "sent"),
        (row(state="expired", parts=1, tries=1), [part(1, "DELIVRD")], "delivered"),
        (row(state="failed", parts=1, tries=2), [part(1, "EXPIRED"), part(1, "DELIVRD", name="b")], "delivered"),
        (row(state="delivered", parts=1, tries=1), [part(1, "UNDELIV")], "delivered"),
        (row(state="dropped", parts=1, tries=2), [part(1, "DELIVRD")], "dropped"),
        (row(state="sending", parts=1, tries=1), [part(1, "DELIVRD")], "sending"),
        (row(state="uncertain", parts=0, tries=1), [part(0, "DELIVRD", name="x")], "delivered"),
    ],
)
def test_what_centres_said_of_parts(before, parts, after):
    assert told(before, parts).state == after
    assert told(told(before, parts), parts) == told(before, parts)


def test_over_random_stories_nothing_is_unlearnt(seed, effort):
    """Answers, receipts, time in any order: never more tries than there may be, and no step that the table has not."""
    drawn = random.Random(seed)
    for _ in range(300 * effort):
        one, now, fence = row(), NOW, 1
        parts: list[Part] = []
        for _ in range(25):
            before = one
            now += drawn.randrange(1, 600) * SECOND
            if one.state == "ready":
                one = claimed(one, "smsc1", drawn.choice((1, 1, 2, 3)), now=now, fence=fence)
            elif one.state == "sending":
                one = drawn.choice(
                    (
                        lambda row: moved(row, "sent"),
                        lambda row: not_taken(row, "throttled"),
                        lambda row, now=now: uncertain(row, "lost", now=now, settings=SETTINGS),
                        lambda row, now=now: refused_for_now(row, "no", now=now, taken=False, settings=SETTINGS),
                    )
                )(one)
            elif drawn.random() < 0.3:
                state = drawn.choice(("", "ENROUTE", "DELIVRD", "UNDELIV", "EXPIRED"))
                name, number = f"id{drawn.randrange(6)}", drawn.randrange(one.parts + 1)
                parts = [each for each in parts if each.message != name]
                parts.append(part(number, state, name=name, final=state not in ("", "ENROUTE")))
                one = told(one, parts)
            else:
                fence += drawn.random() < 0.1
                one = overdue(one, parts, now=now, fence=fence, settings=SETTINGS) or one
            assert one.state == before.state or one.state in FOLLOWS[before.state]
            assert 0 <= one.tries <= 1 + SETTINGS.max_resend
            assert not (before.state == "delivered" and one != before)
            assert bool(one.reserved) == (one.state not in ("ready", "held") and one.tries > 0) or one.state == "expired"
