"""Rows P01–P07 of the fault catalogue for the outbox: whatever a centre does, no message is lost, and none is sent twice but the one whose
answer was lost, and that once. The truth is the centre's own ledger.
"""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import pytest

from mmsd.codec.tables import smpp as table
from mmsd.model import HOUR, MINUTE, SECOND, Batch, Deed
from mmsd.rules import outbox
from mmsd.store import Needs
from mmsd.store.orders import discard, release
from sim import centre as sim
from sim.centre import Account, Fault, Ids, Rule
from tests.flow.leaving import LI, NOON, desk, row, run

both = pytest.mark.parametrize("protocol", ["smpp", "cmpp"])
GRACE = outbox.Settings(poll_seconds=30.0)  # 15 minutes of grace, one more try
NO_REFERENCE: dict[str, Any] = {"receipts": sim.Receipts(after=5.0, again=1.0, reference=False)}
MUTE: dict[str, Any] = {"handsets": (Rule(state=""),)}  # no receipt, ever


# ------------------------------------------------------------- P01: response never comes / connection reset after submit


@both
@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.RESET])
def test_P01_taken_and_not_answered_a_receipt_tells_and_nothing_is_sent_again(protocol, fault, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, protocol, centre={"receipts": sim.Receipts(after=120.0, again=1.0)}, settings=GRACE) as it:
            it.centre.order(fault)
            it.ask(row("one"))
            await it.until(lambda: it.states() == {"one": "uncertain"})
            await it.stand(one="delivered")
            assert it.taken() == {"one": 1}
            assert it.rows()["one"].tries == 1
            how = "by_time" if protocol == "cmpp" else "by_key"
            assert dict(it.dispatcher.receipts) == {how: 1}

    run(scenario())


@both
def test_P01_not_taken_and_not_answered_it_is_sent_again_after_the_grace(protocol, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, protocol, settings=GRACE) as it:
            it.centre.order(Fault.LOST)
            it.ask(row("one"), row("two", due=NOON + 30 * SECOND))
            await it.until(lambda: it.states() == {"one": "uncertain", "two": "delivered"})
            await it.stand(one="delivered", two="delivered")
            assert it.taken() == {"one": 1, "two": 1}
            assert it.rows()["one"].tries == 2
            assert it.rows()["one"].submitted >= NOON + 15 * MINUTE

    run(scenario())


def test_P01_a_centre_without_references_costs_one_more_message_and_no_third(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, centre=NO_REFERENCE, settings=GRACE) as it:
            it.centre.order(Fault.SILENT, times=0)
            it.ask(row("one"))
            await it.stand(one="parked")
            assert it.taken() == {"one": 2}
            assert (it.rows()["one"].reason, it.rows()["one"].tries) == ("no_proof", 2)
            [event] = it.store.events(0, 10)
            assert (event.topic, event.subject, event.data["link"], event.data["tries"]) == ("outbox", "transactional", "link0", 2)
            assert dict(it.dispatcher.receipts) == {"unknown": 2}

    run(scenario())


def test_P01_our_mark_in_the_text_tells_where_no_reference_does(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, centre=NO_REFERENCE, link={"mark": True}, settings=GRACE) as it:
            it.centre.order(Fault.SILENT, times=0)
            it.ask(row("one"), row("two"))
            await it.stand(one="delivered", two="delivered")
            assert [part.submit.text[4:] for part in it.centre.taken] == [" one", " two"]
            assert dict(it.dispatcher.receipts) == {"by_mark": 2}

    run(scenario())


def test_P01_over_cmpp_two_that_fit_are_none(tmp_path):
    """Two uncertain messages to one number in one minute: neither can be told by its time, so each is sent once more."""

    async def scenario() -> None:
        async with desk(tmp_path, "cmpp", settings=GRACE) as it:
            it.centre.order(Fault.SILENT, times=2)
            it.ask(row("one"), row("two"), row("other", msisdn="8613912340002"))
            await it.until(lambda: it.states() == {"one": "uncertain", "two": "uncertain", "other": "delivered"})
            await it.stand(one="delivered", two="delivered", other="delivered")
            assert it.taken() == {"one": 2, "two": 2, "other": 1}

    run(scenario())


def test_P01_parts_are_proven_one_by_one(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, settings=GRACE) as it:
            it.centre.order(Fault.SILENT, times=2)
            it.ask(row("long", body="端午安康" * 40))
            await it.stand(long="delivered")
            assert len(it.centre.taken) == 3
            assert it.rows()["long"].tries == 1

    run(scenario())


def test_P01_a_message_of_which_a_part_was_lost_goes_whole_once_more(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, settings=GRACE) as it:
            it.centre.order(Fault.LOST)  # the first part, and the connection with the others
            it.ask(row("long", body="端午安康" * 40))
            await it.stand(long="delivered")
            assert "端午安康" * 40 in [message.text for message in it.centre.messages]
            assert it.rows()["long"].tries == 2

    run(scenario())


def test_P01_a_part_without_an_answer_uses_up_a_try_though_another_was_refused_for_now(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, centre=MUTE, settings=GRACE) as it:
            for _ in range(4):
                it.centre.order(Fault.SILENT)
                it.centre.order(Fault.REFUSED, status=table.SYSTEM_ERROR)
            it.ask(row("long", body="端午安康" * 20))  # two parts
            await it.stand(long="parked")
            assert it.rows()["long"].tries == len(it.centre.taken) == 2

    run(scenario())


@pytest.mark.parametrize("act", [release, discard])
def test_P01_a_parked_message_waits_for_a_person_whose_word_is_kept(act, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, centre=MUTE, settings=GRACE) as it:
            it.centre.order(Fault.SILENT, times=2)
            it.ask(row("one"))
            await it.stand(one="parked")
            [(number, _)] = it.store.outbox("parked", 10)
            assert act(it.store, number, who="li", why="asked him", now=it.wall())
            await it.stand(one="sent" if act is release else "dropped")
            assert it.taken() == {"one": 3 if act is release else 2}
            [(_, at, deed)] = it.store.deeds(10)
            assert (deed, it.store.verify_audit()) == (Deed("li", act.__name__, f"outbox {number}", "asked him"), 1)
            assert not act(it.store, number, who="li", why="again", now=it.wall())
            assert NOON < at <= it.wall()

    run(scenario())


def test_P01_a_receipt_that_comes_in_the_end_moves_what_was_parked(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, centre=MUTE, settings=GRACE) as it:
            it.centre.order(Fault.SILENT, times=2)
            it.ask(row("one"))
            await it.stand(one="parked")
            it.centre.report(it.centre.taken[0], "DELIVRD")
            await it.stand(one="delivered")
            assert it.taken() == {"one": 2}

    run(scenario())


def test_P01_a_receipt_before_the_second_try_calls_it_off(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, centre=MUTE, settings=GRACE) as it:
            it.centre.order(Fault.SILENT)
            it.ask(row("one"))
            await it.until(lambda: it.states() == {"one": "uncertain"})
            it.store.transact(Needs(), lambda _: Batch(it_at, stops=[("all", True)]))
            await it.until(lambda: it.states() == {"one": "ready"})
            it.centre.report(it.centre.taken[0], "DELIVRD")
            await it.stand(one="delivered")
            it.store.transact(Needs(), lambda _: Batch(it_at, stops=[("all", False)]))
            await asyncio.sleep(60)
            assert it.taken() == {"one": 1}

    it_at = NOON
    run(scenario())


# ------------------------------------------------------------- P02: response late, repeated, unknown sequence, after re-bind


@both
def test_P02_a_late_answer_in_the_same_session_says_sent(protocol, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, protocol, centre=MUTE, settings=GRACE) as it:
            it.centre.order(Fault.LATE, delay=90)
            it.ask(row("one"))
            await it.until(lambda: it.states() == {"one": "uncertain"})
            await it.stand(one="sent")
            it.centre.report(it.centre.taken[0], "DELIVRD")
            await it.stand(one="delivered")
            assert it.taken() == {"one": 1}
            assert dict(it.dispatcher.receipts) == {"matched": 1}

    run(scenario())


@both
@pytest.mark.parametrize("fault", [Fault.TWICE, Fault.STRANGER, Fault.AFTER_REBIND])
def test_P02_other_answers_are_ignored(protocol, fault, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, protocol, settings=GRACE) as it:
            it.centre.order(fault)
            it.ask(row("one"), row("two"))
            await it.stand(one="delivered", two="delivered")
            assert it.taken() == {"one": 1, "two": 1}

    run(scenario())


# ------------------------------------------------------------- P03: receipts early, repeated, shuffled, backwards, unknown


@both
@pytest.mark.parametrize(
    ("fault", "odd"),
    [
        (Fault.EARLY_RECEIPT, {}),
        (Fault.RECEIPT_TWICE, {"repeated": 1}),
        (Fault.RECEIPT_SHUFFLED, {}),
        (Fault.RECEIPT_BACKWARDS, {"overtaken": 1}),
        (Fault.RECEIPT_UNKNOWN, {"unknown": 1}),
    ],
)
def test_P03_a_receipt_is_matched_once_and_no_state_goes_back(protocol, fault, odd, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, protocol, settings=GRACE) as it:
            it.centre.order(fault)
            it.ask(row("one"))
            await it.until(lambda: it.states() == {"one": "delivered"} or fault is Fault.RECEIPT_SHUFFLED)
            it.ask(row("two"))
            await it.stand(one="delivered", two="delivered")
            await asyncio.sleep(60)
            assert it.states() == {"one": "delivered", "two": "delivered"}
            known = it.dispatcher.receipts["matched"] + it.dispatcher.receipts["by_key"]  # the latter before the answer came
            assert known == 2
            assert {how: n for how, n in it.dispatcher.receipts.items() if how not in ("matched", "by_key")} == odd

    run(scenario())


@pytest.mark.parametrize("ids", [Ids(answer="{:x}", receipt="{:d}"), Ids(answer="{:d}", receipt="{:08X}")])
def test_P03_ids_in_another_base(ids, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, centre={"ids": ids, **NO_REFERENCE}, settings=GRACE) as it:
            it.ask(*(row(f"m{n}", msisdn=f"86139123400{n:02}") for n in range(20)))
            await it.all("delivered")

    run(scenario())


# ------------------------------------------------------------- P04: throttled, queue full


@both
@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.QUEUE_FULL])
def test_P04_throttled_for_a_minute_none_is_lost_and_no_try_used_up(protocol, fault, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, protocol, settings=GRACE) as it:
            it.centre.order(fault, times=0, seconds=60)
            it.ask(*(row(f"m{n}") for n in range(30)))
            await it.all("delivered")
            assert set(it.taken().values()) == {1}
            assert {each.tries for each in it.rows().values()} == {1}
            _, usage = it.store.usage(LI, 0, "2026-11-22")
            assert usage.days["transactional", "2026-11-22"].sent == 30

    run(scenario())


# ------------------------------------------------------------- P05: refused


@both
def test_P05_refused_for_good_is_failed_and_not_tried_again(protocol, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, protocol, settings=GRACE) as it:
            it.centre.order(Fault.REFUSED)
            it.ask(row("one"), row("two"))
            await it.stand(one="failed", two="delivered")
            assert it.taken() == {"two": 1}
            assert it.rows()["one"].reason == ("ESME_RINVDSTADR" if protocol == "smpp" else it.rows()["one"].reason) != ""

    run(scenario())


def test_P05_refused_for_now_is_tried_again_at_growing_distances(tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, settings=outbox.Settings(poll_seconds=5.0)) as it:
            it.centre.order(Fault.REFUSED, status=table.SYSTEM_ERROR, times=3)
            it.ask(row("one"))
            await it.until(lambda: it.states() == {"one": "delivered"})
            one = it.rows()["one"]
            assert (it.taken(), one.tries, one.refusals) == ({"one": 1}, 1, 0)
            assert NOON + (30 + 60 + 120) * SECOND <= one.submitted < NOON + (30 + 60 + 120 + 30) * SECOND

    run(scenario())


@both
def test_P05_a_bind_refused_leaves_rows_where_they_are(protocol, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, protocol, settings=GRACE) as it:
            it.centre.order(Fault.BIND_REFUSED, times=5)
            it.centre.hang_up("close")
            await it.until(lambda: it.dispatcher.health()[0].health.state == "down")
            it.ask(row("one"))
            await it.stand(one="delivered")
            assert (it.taken(), it.rows()["one"].tries) == ({"one": 1}, 1)

    run(scenario())


# ------------------------------------------------------------- P06: half-open, fragments, garbage


@both
@pytest.mark.parametrize(
    "fault",
    [Fault.DEAF, Fault.DRIP, Fault.COALESCED, Fault.LENGTH_0, Fault.LENGTH_15, Fault.LENGTH_MAX, Fault.UNKNOWN_COMMAND, Fault.WRAP],
)
def test_P06_whatever_stands_on_the_wire_each_message_arrives(protocol, fault, tmp_path):
    async def scenario() -> None:
        async with desk(tmp_path, protocol, settings=GRACE) as it:
            it.ask(*(row(f"m{n}", msisdn=f"86139123400{n:02}") for n in range(10)))
            it.centre.order(fault)
            it.ask(*(row(f"m{n}", msisdn=f"86139123400{n:02}") for n in range(10, 20)))
            await it.all("delivered")
            assert max(it.taken().values()) <= 2
            assert len(it.taken()) == 20

    run(scenario())


# ------------------------------------------------------------- P07: slow, full, down for an hour


@pytest.mark.timeout(1800)  # of 100,000 rows by MMSD_QUEUED
def test_P07_down_for_an_hour_the_queue_waits_in_the_store_and_goes_by_priority(tmp_path):
    many = int(os.environ.get("MMSD_QUEUED", "400"))

    async def scenario() -> None:
        async with desk(tmp_path, link={"rate": 1e6, "window": 50, "retry_limit_seconds": 600.0}, settings=GRACE) as it:
            it.centre.order(Fault.AWAY, times=0, seconds=3600)
            it.centre.hang_up("reset")
            await it.until(lambda: it.dispatcher.health()[0].health.state == "down")
            drawn = random.Random(7)
            rows = [
                row(f"m{n}", msisdn=f"86139{n:08}", priority=drawn.randrange(4), expires=NOON + (HOUR // 2 if n % 2 else 24 * HOUR))
                for n in range(many)
            ]
            it.ask(*rows)
            await it.all("delivered", "expired")
            assert it.taken() == {each.body: 1 for each in rows if each.expires > NOON + HOUR}
            priority = {each.body: each.priority for each in rows}
            order = [priority[part.submit.text] for part in it.centre.taken]
            assert order == sorted(order, reverse=True)

    run(scenario())


@both
def test_P07_a_centre_of_one_message_a_second(protocol, tmp_path):
    """Its window is full, its rate used up: it throttles, and the link finds its pace."""

    async def scenario() -> None:
        slow = {"accounts": (Account(name="loop", password="secret", numbers=("10657",), rate=1.0, window=2),)}
        async with desk(tmp_path, protocol, centre=slow, settings=GRACE) as it:
            it.ask(*(row(f"m{n}", priority=n % 4) for n in range(40)))
            await it.all("delivered")
            assert set(it.taken().values()) == {1}

    run(scenario())
