"""What is made of late answers when a message went out more than once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mmsd.flow.settle import Deaf, Settling, Told, Way
from mmsd.link.carry import Accepted, Late, Receipt, Refused
from mmsd.model import MINUTE, SECOND, Outgoing
from mmsd.rules import outbox
from mmsd.store import Rows
from tests.flow.leaving import LI, NOON, row

FIRST, SECOND_TRY = NOON, NOON + 16 * MINUTE
NOW = SECOND_TRY + 70 * SECOND
DUE = NOW + 15 * MINUTE


def doubtful(**fields: Any) -> Outgoing:
    """Sent twice; of neither try there was an answer."""
    known = {
        "state": outbox.UNCERTAIN,
        "tries": 2,
        "link": "centre1",
        "parts": 1,
        "submitted": SECOND_TRY,
        "reserved": SECOND_TRY,
        "due": DUE,
    }
    return row("one", **known | fields)


def told(before: Outgoing, *lates: Late) -> Outgoing:
    settling = Settling([Told("centre1", late) for late in lates], {"centre1": Way()}, Deaf(), outbox.Settings(), lambda at: "2026-11-22")
    assert before.key in settling.needs.outbox
    moved = settling.decide(Rows(outbox={before.key: before}), NOW).moved
    return moved[0] if moved else before


def refusal(submitted: int, *, permanent: bool = False, throttled: bool = False) -> Late:
    answer = Refused(row("one").key.hex(), 8, "ESME_RSYSERR", permanent=permanent, throttled=throttled)
    return Late(answer, submitted=submitted)


@pytest.mark.parametrize("why", [{}, {"permanent": True}, {"throttled": True}])
def test_that_an_earlier_try_was_refused_says_nothing_of_the_last(why: dict[str, bool]) -> None:
    """It may have been taken: sent again now, one whose receipt is on its way would come twice."""
    after = told(doubtful(), refusal(FIRST, **why))
    assert (after.state, after.due) == (outbox.UNCERTAIN, DUE)
    assert after.tries == 1, "what was refused uses up no try"


def test_that_the_last_try_was_refused_lets_it_go_again() -> None:
    after = told(doubtful(), refusal(SECOND_TRY))
    assert (after.state, after.tries) == (outbox.READY, 1)
    assert told(doubtful(), refusal(SECOND_TRY, permanent=True)).state == outbox.FAILED


def test_any_try_that_was_taken_ends_the_doubt() -> None:
    key = row("one").key.hex()
    assert told(doubtful(), refusal(SECOND_TRY), Late(Accepted(key, ("7",)), submitted=FIRST)).state == outbox.SENT
    assert told(doubtful(), refusal(FIRST), Late(Accepted(key, ("7",)), submitted=SECOND_TRY)).state == outbox.SENT


def known_by(receipt: Receipt, *uncertain: Outgoing) -> tuple[dict[str, str], dict[str, int]]:
    """States of rows to one receiver after a receipt whose id nobody knows, and how it was known."""
    settling = Settling([Told("centre1", receipt)], {"centre1": Way()}, Deaf(), outbox.Settings(), lambda at: "2026-11-22")
    assert ("centre1", LI) in settling.needs.unsure
    rows = {each.key: each for each in uncertain}
    batch = settling.decide(Rows(outbox=rows, unsure={("centre1", LI): tuple(rows)}), NOW)
    return {each.body: each.state for each in batch.moved}, dict(settling.counts)


def test_after_a_restart_the_reference_that_a_receipt_repeats_tells_its_message() -> None:
    """The link knows no key then: two messages to one number are told apart by nothing else."""
    one, two = doubtful(reference=7), doubtful(key=b"two".ljust(16, b"\0"), body="two", reference=8)
    shared = msgspec.structs.replace(two, reference=7)

    def receipt(reference: int | None) -> Receipt:
        return Receipt("5", ("5",), "DELIVRD", True, LI, reference=reference)

    assert known_by(receipt(None), one, two) == ({}, {"unknown": 1})
    assert known_by(receipt(8), one, two) == ({"two": outbox.DELIVERED}, {"by_reference": 1})
    assert known_by(receipt(8), one, shared) == ({}, {"unknown": 1})
    assert known_by(receipt(7), one, shared) == ({}, {"unknown": 1}), "two share it: neither is told"
