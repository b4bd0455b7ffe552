"""Two hours of virtual time with every fault of a centre by chance, lost connections, throttling, and a stop in the middle.

Nothing is lost; caps, ceilings and quiet hours hold to the second. A failure repeats from its seed. `make faults` tries every time zone.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from mmsd.model import DAY, HOUR, MINUTE, SECOND, Batch, Outgoing
from mmsd.rules import outbox
from mmsd.rules.settings import ClassSettings
from mmsd.store import Needs
from sim.centre import Part
from sim.centre.settings import Drawn
from tests.flow.leaving import NOON, OPEN, desk, row, run

RATES = {
    "silent": 0.02, "reset": 0.01, "lost": 0.02, "late": 0.01, "twice": 0.02, "throttled": 0.03, "queue-full": 0.02, "receipt-twice": 0.05,
    "receipt-backwards": 0.05, "receipt-unknown": 0.02,
}  # fmt: skip
ROWS = 240
PEOPLE = 30
HOURS = 2 * HOUR
CEILING = 25
ZONES = [("Asia/Shanghai", "20:30-21:15"), ("Asia/Kathmandu", "18:00-18:40"), ("America/St_Johns", "09:00-09:31")]


def local(zone: str, at: int) -> datetime:
    return datetime.fromtimestamp(at / SECOND, UTC).astimezone(ZoneInfo(zone))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("zone", "quiet"), ZONES if os.environ.get("MMSD_KILLS") == "all" else ZONES[:1])
def test_two_hours_of_everything(zone, quiet, seed, tmp_path):
    """NOON is 12:00 UTC: 20:00 in Shanghai, 17:45 in Kathmandu, 8:30 in Newfoundland. Quiet hours lie in the middle of the two."""
    drawn = random.Random(f"{seed} {zone}")
    rules = msgspec.structs.replace(
        OPEN,
        quiet_hours=(quiet,),
        marketing=ClassSettings(switch="on", caps=("2 in 40 minutes",), daily=CEILING),
        service=ClassSettings(switch="on", caps=(), quiet=True),
    )
    kinds = ("transactional", "service", "marketing")
    rows = [
        row(
            f"m{n}", kind=drawn.choice(kinds), purpose="x", msisdn=f"86139123400{drawn.randrange(PEOPLE):02}", priority=drawn.randrange(4),
            due=NOON + drawn.randrange(HOURS), expires=NOON + 3 * DAY,
        )
        for n in range(ROWS)
    ]  # fmt: skip
    stopped = (NOON + HOUR - 10 * MINUTE, NOON + HOUR)

    async def scenario() -> None:
        settings = outbox.Settings(poll_seconds=20.0, grace_seconds=300.0)
        async with desk(tmp_path, centre={"faults": Drawn(seed, RATES)}, governor=rules, settings=settings, zone=zone) as it:
            it.ask(*rows)
            while it.wall() < stopped[0]:
                await asyncio.sleep(drawn.uniform(60, 600))
                it.centre.hang_up(drawn.choice(("unbind", "close", "reset")))
            it.store.transact(Needs(), lambda _: Batch(NOON, stops=[("all", True)]))
            since = it.wall()
            await asyncio.sleep(600)
            until = it.wall()
            it.store.transact(Needs(), lambda _: Batch(NOON, stops=[("all", False)]))
            it.dispatcher.look()
            await it.until(lambda: it.wall() > NOON + HOURS)
            await it.until(
                lambda: all(
                    state in ("delivered", "sent") or (kind, state) == ("marketing", "ready") for kind, state in it.store.outbox_counts()
                )
            )
            stood = {each.body: each for each in it.rows().values()}
            judge(it.centre.taken, stood, since, until)

    def judge(taken: list[Part], stood: dict[str, Outgoing], since: int, until: int) -> None:
        times = Counter(part.submit.text for part in taken)
        asked = {each.body: each for each in rows}
        for name, each in asked.items():
            now = stood[name]
            if now.state == "ready":
                assert each.kind == "marketing"
                assert now.reason in ("cap", "ceiling")
                assert not times[name]
            else:
                assert 1 <= times[name] <= 2, f"{name} was taken {times[name]} times"
                assert times[name] <= now.tries <= 2
        begins, ends = (clock.replace(":", "") for clock in quiet.split("-"))
        sent: defaultdict[str, list[int]] = defaultdict(list)
        first: set[str] = set()
        for part in taken:
            each = asked[part.submit.text]
            assert part.at >= each.due
            assert not since + 2 * SECOND < part.at < until, "sent while it was stopped"
            if each.kind != "transactional":
                assert not begins <= f"{local(zone, part.at):%H%M}" < ends, f"{part.submit.text} at {local(zone, part.at)}"
            if each.kind == "marketing" and part.submit.text not in first:
                first.add(part.submit.text)
                sent[each.msisdn].append(part.at)
        assert len(first) <= CEILING
        for ats in sent.values():
            assert all(later - earlier > 40 * MINUTE - 5 * SECOND for earlier, later in zip(ats, ats[2:], strict=False))

    run(scenario())
