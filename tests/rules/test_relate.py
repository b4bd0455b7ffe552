"""Which line belongs to which delivery: every trap that no common key decides."""

from __future__ import annotations

import itertools
import random

import pytest

from mmsd.model import SECOND, Kind, PushState
from mmsd.rules.relate import Covered, Thread
from mmsd.rules.traces import ORIGIN, TRANSACTION, Trace
from tests.rules.dossiers import (
    ANN,
    BOB,
    CAT,
    OTHER_MMSC,
    answer,
    context,
    dossier,
    fetched,
    get,
    name,
    notify,
    only,
    post,
    push,
    receipt,
    report,
    seconds,
    submit,
    trace,
)  # fmt: skip

WITHOUT_SMS = Covered(0, None, 0, 0)


def by_message(threads: list[Thread]) -> dict[int, Thread]:
    return {thread.identity: thread for thread in threads}


def leg_of(thread: Thread) -> int:
    assert thread.leg is not None
    return thread.leg.transaction


def test_all_lines_of_one_delivery_come_together():
    whole = dossier(
        submit(0), notify(1), push(1), receipt(2), get(3), fetched(4), answer(5), report(6, 129),
        trace(Kind.SENT_OUT, 7, message="m1", other=BOB),
    )  # fmt: skip
    thread = only(whole)
    assert (thread.identity, thread.message, thread.sender, thread.domain) == (name("m1"), name("m1"), BOB, 0)
    assert leg_of(thread) == name("t1")
    parts = (thread.notifies, thread.reports, thread.gets, thread.fetches, thread.answers, thread.finals, thread.out)
    assert [seconds(part) for part in parts] == [[1], [2], [3], [4], [5], [6], [7]]
    assert (thread.began, thread.retrieved_at) == (0, 4 * SECOND)


def test_a_dossier_is_a_set_of_lines():
    lines = [submit(0), notify(1), push(1), receipt(2), get(3), fetched(4), answer(5)]
    whole = dossier(*lines)
    for seed in range(5):
        random.Random(seed).shuffle(lines)
        assert dossier(*lines) == whole


# ---------------------------------------------------------------------------------------------------- which push is whose


@pytest.mark.parametrize("swapped", [False, True])
def test_two_messages_within_two_seconds_are_told_apart_by_their_later_pushes(swapped: bool):
    """Both Notify lines stand beside both first pushes; the repetitions do not."""
    first, second = ("t2", "t1") if swapped else ("t1", "t2")
    found = by_message(
        dossier(
            submit(0, "m1"), submit(0, "m2"), notify(1, "m1"), notify(1, "m2"), push(1, first), push(1, second),
            notify(20, "m1"), push(20, first), notify(27, "m2"), push(27, second),
        ).threads
    )  # fmt: skip
    assert (leg_of(found[name("m1")]), leg_of(found[name("m2")])) == (name(first), name(second))


def test_two_messages_of_two_senders_are_told_apart_by_them():
    found = by_message(
        dossier(
            submit(0, "m1", BOB), submit(0, "m2", CAT), notify(1, "m1"), notify(1, "m2"), push(1, "t1", CAT), push(1, "t2", BOB)
        ).threads
    )  # fmt: skip
    assert (leg_of(found[name("m1")]), leg_of(found[name("m2")])) == (name("t2"), name("t1"))


def test_a_push_before_its_submit_is_not_its():
    thread, orphan = dossier(push(1), submit(5)).threads
    assert thread.leg is None
    assert orphan.opened is None
    assert leg_of(orphan) == name("t1")


def test_a_push_whose_submit_was_never_seen_is_an_orphan_of_its_own():
    orphan = only(dossier(push(1), push(9), receipt(2), get(3), answer(4)))
    assert orphan.opened is None
    assert (seconds(orphan.reports), seconds(orphan.gets), seconds(orphan.answers)) == ([2], [3], [4])
    assert orphan.began == 1 * SECOND


def test_without_a_notify_line_the_oldest_waiting_delivery_comes_first():
    found = by_message(dossier(submit(0, "m1"), submit(2, "m2"), push(3, "t1"), push(4, "t2")).threads)
    assert (leg_of(found[name("m1")]), leg_of(found[name("m2")])) == (name("t1"), name("t2"))


def test_an_address_that_is_no_number_fits_any_that_is_none():
    short_code = 1 << 63 | 5
    thread = only(dossier(submit(0, sender=short_code), notify(1), push(1, sender=1 << 63 | 9)))
    assert leg_of(thread) == name("t1")


# ---------------------------------------------------------------------------------------------- the same id more than once


def forward(at: float, message: str, sender: int) -> Trace:
    return trace(Kind.FORWARD, at, message=message, other=sender)


def test_a_forward_learns_the_original_id_from_its_notify_line():
    thread = only(dossier(forward(0, "never-seen-again", BOB), notify(1, "m1"), push(1), get(2), fetched(3), answer(4)))
    assert (thread.identity, thread.message, thread.forwarded) == (name("never-seen-again"), name("m1"), True)
    assert (seconds(thread.fetches), seconds(thread.answers)) == ([3], [4])


def test_a_forward_learns_the_original_id_from_its_fetch_when_the_push_was_not_seen():
    thread = only(dossier(forward(0, "f1", BOB), fetched(3, "m1", BOB)))
    assert (thread.message, seconds(thread.fetches)) == (name("m1"), [3])


def test_one_message_comes_twice_from_two_friends():
    """Bob sends m1; later Cat passes the same m1 on by M-Forward: two legs, two deliveries."""
    sent, passed = dossier(
        submit(0, "m1", BOB), notify(1, "m1"), push(1, "t1", BOB), fetched(3, "m1", BOB), answer(4, "t1"),
        forward(20, "f1", CAT), notify(21, "m1"), push(21, "t2", CAT), fetched(25, "m1", CAT), answer(26, "t2", status=130),
    ).threads  # fmt: skip
    assert (leg_of(sent), seconds(sent.fetches), seconds(sent.answers)) == (name("t1"), [3], [4])
    assert (leg_of(passed), seconds(passed.fetches), seconds(passed.answers)) == (name("t2"), [25], [26])
    assert (sent.message, passed.message) == (name("m1"), name("m1"))


def test_one_message_forwarded_twice_by_one_friend():
    first, second = dossier(
        forward(0, "f1", CAT), notify(1, "m1"), push(1, "t1", CAT), fetched(2, "m1", CAT),
        forward(20, "f2", CAT), notify(21, "m1"), push(21, "t2", CAT), fetched(25, "m1", CAT),
    ).threads  # fmt: skip
    assert (leg_of(first), seconds(first.fetches)) == (name("t1"), [2])
    assert (leg_of(second), seconds(second.fetches)) == (name("t2"), [25])


def test_one_message_forwarded_again_and_again_by_several_friends():
    """Cat's first forward is of what came before by Bob: it does not take the push of her second, of another message."""
    bobs, first, second = dossier(
        forward(0, "f1", BOB), notify(1, "m1"), push(1, "t1", BOB), fetched(3, "m1", BOB),
        forward(10, "f2", CAT), notify(11, "m1"), push(11, "t2", CAT), fetched(13, "m1", CAT),
        forward(30, "f3", CAT), notify(31, "m2"), push(31, "t3", CAT), fetched(33, "m2", CAT),
    ).threads  # fmt: skip
    for thread, message, leg, at in ((bobs, "m1", "t1", 3), (first, "m1", "t2", 13), (second, "m2", "t3", 33)):
        assert (thread.message, leg_of(thread), seconds(thread.fetches)) == (name(message), name(leg), [at])


def test_a_report_beside_the_push_does_not_name_what_was_forwarded():
    """Ann got m1 and passed it on: the report on that is pushed to her in the very second in which Cat's m9 is announced."""
    got, passed = dossier(
        submit(0, "m1", BOB), notify(1, "m1"), push(1, "t1", BOB), fetched(3, "m1", BOB), answer(4, "t1"),
        forward(20, "f1", CAT), notify(21, "m1"), push(21, "t2", CAT), notify(22, "m9"), fetched(25, "m9", CAT), answer(26, "t2"),
    ).threads  # fmt: skip
    assert (got.message, seconds(got.fetches)) == (name("m1"), [3])
    assert (passed.identity, passed.message, leg_of(passed)) == (name("f1"), name("m9"), name("t2"))
    assert (seconds(passed.fetches), seconds(passed.answers)) == ([25], [26])


def test_of_two_forwards_of_one_friend_each_has_the_message_beside_its_push():
    """The first is not fetched yet; reports stand nearer to both pushes."""
    got, first, second = dossier(
        submit(0, "m1", BOB), notify(1, "m1"), push(1, "t1", BOB), fetched(3, "m1", BOB),
        forward(20, "f1", CAT), notify(21, "m1"), push(21, "t2", CAT), notify(22, "m8"),
        forward(40, "f2", CAT), notify(41, "m1"), push(41, "t3", CAT), notify(42, "m9"), fetched(45, "m9", CAT),
    ).threads  # fmt: skip
    assert seconds(got.fetches) == [3]
    assert (leg_of(first), first.fetches) == (name("t2"), [])
    assert (leg_of(second), second.message, seconds(second.fetches)) == (name("t3"), name("m9"), [45])


def test_of_two_forwards_of_one_friend_the_first_does_not_take_the_push_of_the_second():
    """A Notify line stands in the very second of the second push, and a second away from the first."""
    first, second = dossier(
        forward(11, "f1", CAT), notify(11, "m1"), push(12, "t1", CAT), fetched(14, "m1", CAT),
        forward(35, "f2", CAT), notify(36, "m2"), push(36, "t2", CAT), fetched(37, "m2", CAT), notify(43, "m1"),
    ).threads  # fmt: skip
    for thread, message, leg, at in ((first, "m1", "t1", 14), (second, "m2", "t2", 37)):
        assert (thread.message, leg_of(thread), seconds(thread.fetches)) == (name(message), name(leg), [at])


def test_two_forwards_of_one_friend_are_announced_in_their_order():
    first, second = dossier(
        forward(10, "f1", CAT), forward(11, "f2", CAT), notify(13, "m1"), push(13, "t1", CAT), notify(14, "m2"), push(14, "t2", CAT)
    ).threads  # fmt: skip
    assert [(thread.message, leg_of(thread)) for thread in (first, second)] == [(name("m1"), name("t1")), (name("m2"), name("t2"))]


def test_what_was_never_announced_does_not_take_the_push_of_what_the_same_friend_passed_on_later():
    first, second = dossier(forward(0, "f1", CAT), forward(40, "f2", CAT), notify(41, "m2"), push(41, "t2", CAT)).threads
    assert first.leg is None
    assert (second.message, leg_of(second)) == (name("m2"), name("t2"))


def test_nodes_with_id_spaces_of_their_own_keep_them():
    here, there = dossier(submit(0), submit(1, feed=OTHER_MMSC), fetched(4, feed=OTHER_MMSC)).threads
    assert (here.domain, seconds(here.fetches)) == (0, [])
    assert (there.domain, seconds(there.fetches)) == (4, [4])


# ---------------------------------------------------------------------------------------------- what Notify lines also say


def test_a_notify_after_the_retrieval_is_a_report_to_him_as_sender():
    thread = only(dossier(submit(0), notify(1), push(1), fetched(3), notify(10)))
    assert seconds(thread.notifies) == [1]


def test_a_notify_of_a_message_never_sent_to_him_opens_nothing():
    assert dossier(notify(1, "his-own-message")).threads == []


def test_reports_and_finals_join_by_message_and_sender():
    mine, other = dossier(
        submit(0, "m1", BOB), notify(1, "m1"), push(1, "t1", BOB), fetched(2, "m1", BOB),
        forward(5, "f1", CAT), notify(6, "m1"), push(6, "t2", CAT), report(9, 128, "m1", CAT),
    ).threads  # fmt: skip
    assert seconds(mine.finals) == []
    assert seconds(other.finals) == [9]


# ---------------------------------------------------------------------------------------------------- fetches and failures


def test_a_repeated_fetch_is_one_delivery_and_its_first_time_counts():
    thread = only(dossier(submit(0), notify(1), push(1), fetched(3), fetched(9)))
    assert (seconds(thread.fetches), thread.retrieved_at) == ([3, 9], 3 * SECOND)


def test_a_fetch_without_a_submit_is_an_orphan():
    orphan = only(dossier(fetched(3, "old")))
    assert (orphan.opened, orphan.message) == (None, name("old"))


def failed(at: float, message: str = "") -> Trace:
    return trace(Kind.FETCH_FAILED, at, status=226, message=message)


def test_a_failed_fetch_joins_by_the_gateways_path():
    one, two = dossier(
        submit(0, "m1"), submit(10, "m2"), notify(1, "m1"), notify(11, "m2"), push(1, "t1"), push(11, "t2"),
        get(20, "t2"), failed(21),
    ).threads  # fmt: skip
    assert (seconds(one.failed), seconds(two.failed)) == ([], [21])


def test_a_failed_fetch_without_a_gateway_joins_the_only_open_delivery():
    one, two = dossier(submit(0, "m1"), submit(10, "m2"), fetched(5, "m1"), failed(21)).threads
    assert (seconds(one.failed), seconds(two.failed)) == ([], [21])


def test_a_failed_fetch_whose_message_is_named_is_that_messages():
    one, two = dossier(
        submit(0, "m1"), push(1, "t1"), notify(1, "m1"), submit(10, "m2"), push(11, "t2"), notify(11, "m2"), get(20, "t2"), failed(21, "m1")
    ).threads  # fmt: skip
    assert (seconds(one.failed), seconds(two.failed)) == ([21], [])
    assert dossier(submit(0, "m1"), submit(10, "m2"), failed(5, "m2")).threads[1].failed == []  # of a message that was not yet there


def test_a_failed_fetch_that_may_be_anybodys_is_nobodys():
    assert all(thread.failed == [] for thread in dossier(submit(0, "m1"), submit(10, "m2"), failed(21)).threads)


def test_a_get_is_the_delivery_whose_location_it_asks_for():
    found = by_message(
        dossier(
            submit(0, "m1"), submit(10, "m2"), notify(1, "m1"), notify(11, "m2"), push(1, "t1"), push(11, "t2"),
            get(20, "t1"), get(21, "t2"), get(22, "portal"),
        ).threads
    )  # fmt: skip
    assert (seconds(found[name("m1")].gets), seconds(found[name("m2")].gets)) == ([20], [21])


# ------------------------------------------------------------------------------------------------- answers without a push


def test_without_sms_an_acknowledgement_is_the_last_fetched_delivery():
    one, two = dossier(
        submit(0, "m1"), submit(1, "m2"), fetched(5, "m1"), fetched(9, "m2"), answer(10, "unknown"), around=context(covered=WITHOUT_SMS)
    ).threads
    assert (seconds(one.answers), seconds(two.answers)) == ([], [10])


def test_without_sms_a_refusal_is_the_only_waiting_delivery():
    thread = only(dossier(submit(0), answer(5, "unknown", status=130), around=context(covered=WITHOUT_SMS)))
    assert seconds(thread.answers) == [5]


def test_without_sms_a_refusal_that_may_be_anybodys_is_nobodys():
    found = dossier(submit(0, "m1"), submit(1, "m2"), answer(5, "unknown", status=130), around=context(covered=WITHOUT_SMS))
    assert all(thread.answers == [] for thread in found.threads)


def test_with_sms_an_answer_of_an_unknown_transaction_is_nobodys():
    assert only(dossier(submit(0), notify(1), push(1), answer(5, "another"))).answers == []


# ----------------------------------------------------------------------------------------------------------------- receipts


def test_a_receipt_goes_with_the_push_whose_id_it_has():
    thread = only(dossier(submit(0), notify(1), push(1), push(9), receipt(10, "t1@9"), receipt(11, "another")))
    assert seconds(thread.reports) == [10]


def test_a_refusal_without_an_id_stands_beside_its_push():
    refused = PushState.REFUSED
    thread = only(dossier(submit(0), notify(1), push(1, state=refused), receipt(1, "", refused), receipt(50, "", refused)))
    assert seconds(thread.reports) == [1]


def test_an_smsc_id_used_again_later_is_not_this_pushs():
    thread = only(dossier(submit(20), notify(21), push(21, link="again"), receipt(3, "again")))
    assert thread.reports == []


def test_requests_and_what_he_sent_stand_beside_the_threads():
    found = dossier(post(1), trace(ORIGIN, 1, message="his-own"), get(2, "portal"))
    assert (seconds(found.posts), seconds(found.gets), seconds(found.origins)) == ([1], [2], [1])
    assert (found.subscriber, found.threads) == (ANN, [])


def test_any_order_of_arrival_gives_the_same_legs(seed: int, effort: int):
    """Five messages of two senders, notified again and again: whatever is shuffled, the same answer; and no leg goes twice."""
    draw = random.Random(seed)
    for _ in range(20 * effort):
        lines = []
        for number, sender in itertools.product(range(3), (BOB, CAT)):
            at = draw.randrange(60)
            message, leg = f"m{number}{sender}", f"t{number}{sender}"
            lines.append(submit(at, message, sender))
            for wait in sorted(draw.sample(range(1, 60), 2)):
                lines += [notify(at + wait, message), push(at + wait + draw.choice((0, 0, 1)), leg, sender)]
        whole = dossier(*lines)
        pairs = {thread.identity: leg_of(thread) for thread in whole.threads if thread.opened is not None and thread.leg}
        assert len(set(pairs.values())) == len(pairs) == 6
        draw.shuffle(lines)
        assert dossier(*lines) == whole
        assert {push[TRANSACTION] for thread in whole.threads if thread.leg for push in thread.leg.pushes} == set(pairs.values())
