"""The loop of group sendings: counts who would get a seed, and asks for it, part by part of a list, in its hours and at its rate.

Each part is one transaction: rows of the outbox, who holds the seed or is compared with, and how far the list was read. A crash leaves a
part done or to be done. What was asked for and could not leave while its hours lasted has expired, and is asked for again in the next ones.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import tzinfo
from typing import Any, Final, Protocol, TypeVar

import msgspec

from mmsd.errors import StoreBusy, StoreFull
from mmsd.flow.glance import Glance
from mmsd.model import SECOND, Batch, Event, Mailing
from mmsd.rules.audience import Pace, Plan, Seen, State, Tally, Window, in_control, moved, turn, verdict
from mmsd.rules.models import Model
from mmsd.store import MailingAsk, Needs, Page, Rows, Store

_log = logging.getLogger(__name__)

PART: Final = 1000
"""Of a list, that one transaction looks at."""
_POLL: Final = 1.0  # seconds
_END: Final = 30 * SECOND
"""Between two looks at what a list that was read to its end still waits for."""

Result = TypeVar("Result")
Call = Callable[[Callable[[], Result]], Awaitable[Result]]


class Models(Protocol):
    """Which handset a number has. Any thread; it never waits for the store."""

    def model(self, number: str) -> Model | None: ...


class Mailer:
    """See the module. `run` until cancelled. `zones`: of each campaign; `key` draws who is compared with, and names rows of the outbox."""

    def __init__(
        self,
        store: Store,
        models: Models,
        zones: Callable[[str], tzinfo],
        key: bytes,
        *,
        wall: Callable[[], int],
        call: Call[Any] = asyncio.to_thread,
        fault_point: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._store = store
        self._models = models
        self._zones = zones
        self._key = key
        self._wall = wall
        self._call = call
        self._fault_point = fault_point
        self._paces: dict[int, Pace] = {}
        self._ends: dict[int, int] = {}  # by mailing: when its end was looked at last
        self._running = False  # a mailing runs: what leaves next is a matter of time
        self.trouble = ""

    async def run(self) -> None:
        glance = Glance(self._store)
        while True:
            looks = glance.anew() or self._running or self.trouble
            if not (looks and await self.turn()):
                await asyncio.sleep(_POLL)

    async def turn(self) -> bool:
        """A part of each mailing. Whether there is more to do at once: counting waits for nothing."""
        try:
            more = await self.count()
            running = await self._call(lambda: self._store.mailings(state=State.RUNNING))
            self._running = bool(running)
            for mailing in running:
                await self._send(mailing)
        except (StoreFull, StoreBusy) as error:
            if not self.trouble:
                _log.warning("group sendings wait: %s", error)
            self.trouble = str(error)
            return False
        self.trouble = ""
        return more

    async def count(self) -> bool:
        """A part of each list that is counted. Whether there was one."""
        counting = await self._call(lambda: self._store.mailings(state=State.COUNTING))
        for mailing in counting:
            await self._count(mailing)
        return bool(counting)

    async def _count(self, mailing: Mailing) -> None:
        now = self._wall()

        def decide(page: Page) -> Batch:
            told, plan = page.mailing, plan_of(page.mailing)
            if told.state != State.COUNTING:
                return Batch(now)
            if page.over:
                return self._now_is(told, State.STOPPED, now, page.over)
            tally = Tally.of(told.counts)
            for seen in self._seen(page):
                if not plan.labels or seen.member.label in plan.labels:
                    control = in_control(self._key, told.campaign, seen.member.msisdn, plan.control)
                    tally.add(seen, verdict(seen, control=control))
            last = page.members[-1][0].subscriber if page.members else told.after
            told = msgspec.structs.replace(told, after=last, counts=tally.kept())
            if len(page.members) == PART:
                return Batch(now, mailings=[told])
            return self._now_is(msgspec.structs.replace(told, after=0, counted=now), State.COUNTED, now)

        self._fault_point("counting")
        await self._transact(mailing, decide)

    async def _send(self, mailing: Mailing) -> None:
        now, plan = self._wall(), plan_of(mailing)
        window = Window(plan.starts, plan.ends, plan.hours, plan.days, self._zones(mailing.campaign))
        if window.opens(now) is None:
            await self._transact(mailing, lambda page: self._now_is(page.mailing, State.DONE, now))
            return
        until = window.open_until(now)
        if not until or now - self._ends.get(mailing.id, 0) < _END:
            return
        pace = self._paces.setdefault(mailing.id, Pace(plan.rate))
        room = pace.room(now, await self._call(lambda: self._store.waiting_seeds(mailing.campaign)))
        if not room:
            return
        asked: list[int] = []
        ended: list[bool] = []

        def decide(page: Page) -> Batch:
            told = page.mailing
            asked[:], ended[:] = [0], [False]
            if told.state == State.RUNNING and page.over:
                return self._now_is(told, State.STOPPED, now, page.over)
            if told.state != State.RUNNING or page.stopped:
                return Batch(now)
            made = turn(told, plan_of(told), self._seen(page), most=room, until=until, key=self._key, now=now)
            asked[:] = [len(made.rows)]
            ended[:] = [len(page.members) < PART and (not page.members or made.last == page.members[-1][0].subscriber)]
            return Batch(
                now, outbox=made.rows, holders=made.holders, mailings=[msgspec.structs.replace(told, after=made.last)]
            )  # fmt: skip

        self._fault_point("mailing")
        await self._transact(mailing, decide)
        self._fault_point("mailed")
        pace.took(sum(asked))
        if any(ended):
            await self._end(mailing, now)

    async def _end(self, mailing: Mailing, now: int) -> None:
        """The list is read to its end: over, once nothing waits; else once more, for those whose row expired before it could leave."""
        self._ends[mailing.id] = now
        waits, unsent = await self._call(lambda: self._store.mailing_waits(mailing.id, now))
        if waits:
            return

        def decide(page: Page) -> Batch:
            if page.mailing.state != State.RUNNING:
                return Batch(now)
            if unsent:
                return Batch(now, mailings=[msgspec.structs.replace(page.mailing, after=0)])
            return self._now_is(page.mailing, State.DONE, now)

        await self._transact(mailing, decide)
        if unsent:
            del self._ends[mailing.id]

    def _seen(self, page: Page) -> Sequence[Seen]:
        return [
            Seen(
                member, held.holder if held is not None else None, held.row if held is not None else None, out,
                self._models.model(member.msisdn) if member.msisdn else None,
            )
            for member, held, out in page.members
        ]  # fmt: skip

    @staticmethod
    def _now_is(mailing: Mailing, state: State, now: int, reason: str = "") -> Batch:
        after = moved(mailing, state, now)
        data = {"mailing": mailing.id, "seed": mailing.seed, "state": state.value} | ({"reason": reason} if reason else {})
        return Batch(now, mailings=[after], events=[Event(now, "mailing", mailing.campaign, data)])

    async def _transact(self, mailing: Mailing, decide: Callable[[Page], Batch]) -> None:
        def on(rows: Rows) -> Batch:
            return decide(rows.page) if rows.page is not None else Batch(self._wall())

        needs = Needs(page=MailingAsk(mailing.id, PART))
        await self._call(lambda: self._store.transact(needs, on))


def plan_of(mailing: Mailing) -> Plan:
    """As it is stored."""
    return msgspec.convert(mailing.plan, Plan)
