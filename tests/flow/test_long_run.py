"""Two hours of virtual time over two links: weather at the centres, a stop in the middle, quiet hours, caps and ceilings in three zones.

What is judged is what the centres took, at the second they took it, by a few lines of arithmetic that share nothing with the governor.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest

from mmsd.model import DAY, HOUR, MINUTE, SECOND, Batch, Outgoing
from mmsd.rules import outbox
from mmsd.rules.settings import ClassSettings
from mmsd.store import Needs
from sim.centre import Fault
from tests.flow.leaving import NOON, OPEN, Desk, desk, row, run

ZONES: Final = [("Asia/Magadan", "23:40-00:20"), ("Asia/Kathmandu", "18:00-18:40"), ("America/St_Johns", "09:05-09:31")]
"""NOON is 23:00, 17:45 and 8:30 there: quiet hours begin and end within the two hours, in Magadan with midnight between."""
STOPPED: Final = (NOON + 70 * MINUTE, NOON + 80 * MINUTE)
CALM: Final = STOPPED[1] + 5 * MINUTE
"""From the stop until then nothing goes wrong, so that the order in which the queue leaves can be told."""
LAST_DUE: Final = 100 * MINUTE
CEILING: Final = 15
ONE_IN: Final = 30 * MINUTE  # to one subscriber, of marketing
TWO_IN: Final = 20 * MINUTE  # of service
RULES: Final = msgspec.structs.replace(
    OPEN,
    service=ClassSettings(switch="on", caps=("2 in 20 minutes",)),
    marketing=ClassSettings(switch="on", caps=("1 in 30 minutes",), daily=CEILING),
)
WEATHER: Final = (Fault.THROTTLED, Fault.QUEUE_FULL, Fault.LOST, Fault.RESET, Fault.RECEIPT_TWICE, Fault.AWAY, None)


class Taken(NamedTuple):
    """What a centre took, and what had been asked for."""

    link: str
    at: int
    asked: Outgoing


def asked_for(drawn: random.Random) -> list[Outgoing]:
    rows = []
    for number in range(240):
        kind = drawn.choice(("transactional", "service", "marketing"))
        due = NOON + drawn.randrange(LAST_DUE)
        if number >= 200:  # a queue for the end of the stop
            kind, due = "transactional", drawn.randrange(*STOPPED)
        receiver = f"86139123400{drawn.randrange(25):02}"
        rows.append(
            row(f"m{number}", kind=kind, msisdn=receiver, priority=drawn.randrange(4), purpose="x", due=due, expires=NOON + 3 * DAY)
        )
    return rows


async def weather(it: Desk, drawn: random.Random, until: int) -> None:
    """Every few minutes something goes wrong at one of the centres, or a connection ends."""
    while it.wall() < until:
        centre = it.centres[drawn.choice(("link0", "link0", "link1"))]
        fault = drawn.choice(WEATHER)
        match fault:
            case None:
                centre.hang_up(drawn.choice(("unbind", "close", "reset")))
            case Fault.AWAY:
                centre.order(fault, times=0, seconds=drawn.uniform(60, 300))
                centre.hang_up("reset")
            case _:
                centre.order(fault, times=drawn.randrange(1, 4), seconds=60.0)
        await asyncio.sleep(min(drawn.uniform(20, 240), max((until - it.wall()) / SECOND, 1)))


@pytest.mark.parametrize(("zone", "quiet"), ZONES)
def test_two_hours(zone, quiet, seed, tmp_path):
    drawn = random.Random(f"{seed} {zone}")
    rows = asked_for(drawn)
    rules = msgspec.structs.replace(RULES, quiet_hours=(quiet,))

    async def scenario() -> None:
        settings = outbox.Settings(poll_seconds=20.0, grace_seconds=1200.0, max_resend=5)
        link = {"window": 4, "retry_limit_seconds": 30.0}
        async with desk(tmp_path, "smpp", "smpp", governor=rules, settings=settings, zone=zone, link=link) as it:
            it.ask(*rows)
            await weather(it, drawn, STOPPED[0] - 6 * MINUTE)
            await it.until(lambda: it.wall() >= STOPPED[0])
            it.store.transact(Needs(), lambda _: Batch(it.wall(), stops=[("all", True)]))
            since = it.wall()
            await it.until(lambda: it.wall() >= STOPPED[1])
            released = it.wall()
            waiting = {name for name, each in it.rows().items() if (each.state, each.tries) == ("ready", 0) and each.due <= released}
            it.store.transact(Needs(), lambda _: Batch(it.wall(), stops=[("all", False)]))
            it.dispatcher.look()
            await it.until(lambda: it.wall() >= CALM)
            await weather(it, drawn, NOON + 2 * HOUR)
            await it.until(lambda: all(each.state == "delivered" or each.due > NOON + 6 * HOUR for each in it.rows().values()))
            stood = it.rows()
            asked = {each.body: each for each in rows}
            taken = [Taken(name, part.at, asked[part.submit.text]) for name, centre in it.centres.items() for part in centre.taken]
            taken.sort(key=lambda each: each.at)
            once(taken, stood)
            in_their_hours(taken, zone, quiet)
            within_caps(taken)
            within_ceiling(taken, stood, zone)
            stopped(taken, since, released)
            by_priority(taken, {name for name in waiting if asked[name].kind == "transactional"}, released)

    run(scenario())


def once(taken: list[Taken], stood: dict[str, Outgoing]) -> None:
    """Nothing is lost, nothing doubled: receipts come before the grace is over, however the answers were lost."""
    times = Counter(each.asked.body for each in taken)
    assert times == Counter(name for name, each in stood.items() if each.state == "delivered")
    assert len(stood) == 240
    assert {each.link for each in taken} == {"link0", "link1"}
    assert all(each.at >= each.asked.due for each in taken)


def in_their_hours(taken: list[Taken], zone: str, quiet: str) -> None:
    begins, ends = quiet.split("-")
    for each in taken:
        clock = f"{datetime.fromtimestamp(each.at / SECOND, UTC).astimezone(ZoneInfo(zone)):%H:%M}"
        inside = begins <= clock < ends if begins < ends else clock >= begins or clock < ends
        assert not inside or each.asked.kind == "transactional", f"{each.asked.body} at {clock}"


def within_caps(taken: list[Taken]) -> None:
    for kind, many, length in (("marketing", 1, ONE_IN), ("service", 2, TWO_IN)):
        sent: defaultdict[str, list[int]] = defaultdict(list)
        for each in taken:
            if each.asked.kind == kind:
                sent[each.asked.msisdn].append(each.at)
        close = [
            (earlier - NOON, later - NOON)
            for ats in sent.values()
            for earlier, later in zip(ats, ats[many:], strict=False)
            if later - earlier < length - SECOND
        ]
        assert close == [], kind


def within_ceiling(taken: list[Taken], stood: dict[str, Outgoing], zone: str) -> None:
    """On every local day as many as may leave; the others wait for the next."""

    def day(at: int) -> date:
        return datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(zone)).date()

    days = Counter(day(each.at) for each in taken if each.asked.kind == "marketing")
    assert max(days.values()) == CEILING
    assert len(days) == (2 if zone == "Asia/Magadan" else 1)
    waiting = [each for each in stood.values() if each.state == "ready"]
    assert waiting
    assert {(each.kind, day(each.due) - max(days)) for each in waiting} == {("marketing", timedelta(days=1))}


def stopped(taken: list[Taken], since: int, released: int) -> None:
    """Nothing is claimed after the stop; what was claimed before it may be on its way for a second."""
    assert [each for each in taken if since + SECOND < each.at < released] == []


def by_priority(taken: list[Taken], queue: set[str], released: int) -> None:
    """The queue leaves by the first link, which is up, the most urgent first."""
    left = [each for each in taken if each.asked.body in queue]
    assert len(left) == len(queue) >= 30
    assert all(released <= each.at < CALM and each.link == "link0" for each in left)
    assert all(earlier.asked.priority >= later.asked.priority for earlier, later in pairwise(left))
