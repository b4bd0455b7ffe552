"""Rows leave: claim → govern → send → settle. The outbox's one way out, and the one way in for what centres and subscribers say.

A claim commits before a byte is written: the row is SENDING, its caps reserved, under the number of this start of the daemon. Whatever
comes back is committed before it is acknowledged. Nothing here is remembered that matters: a crash leaves rows in SENDING, and the next
start makes them UNCERTAIN (design R9). `rules.outbox` has the states, `rules.claim` chooses, `flow.settle` folds in the answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

from mmsd.errors import AlreadyRunning, EncodeError, LinkDown, StoreBusy, StoreError, StoreFull
from mmsd.flow.glance import Glance
from mmsd.flow.settle import Answered, Deaf, Listener, News, NotSent, Settling, Told, Way, mark
from mmsd.link.carry import Content, Down, Health, Incoming, Late, Link, Message, Octets, Owed, Receipt, Text, Uncertain, Up
from mmsd.model import SECOND, Batch, Composed, Event, Outgoing
from mmsd.rules import outbox
from mmsd.rules.claim import Room, claim, lanes, restated
from mmsd.rules.governor import Governor
from mmsd.rules.outbox import Form
from mmsd.rules.tidings import of_outbox
from mmsd.store import Due, Needs, Overdue, Rows, Store

_log = logging.getLogger(__name__)

MOST: Final = 256
"""Rows that one transaction moves."""
NEWS: Final = 500
"""Answers and receipts that one transaction takes in."""
_REST: Final = 1.0  # seconds that a link is left alone after it wrote nothing, unless it says before that it is up again
_AGAIN: Final = 1.0  # seconds before a store that could not take something is asked again
_GOODBYE: Final = 3.0  # seconds for links that did not leave in time
_CONTENTS: Final = 16  # multimedia messages that are kept at hand
_TIDY: Final = 600.0  # seconds between two looks at old texts

Result = TypeVar("Result")
Call = Callable[[Callable[[], Result]], Awaitable[Result]]


@dataclass(slots=True)
class Route:
    """A link that rows may leave by. `order`: the least goes first; others take over while it is down."""

    name: str
    link: Link
    kinds: frozenset[str]
    order: int
    window: int
    forms: frozenset[Form] = frozenset({Form.TEXT, Form.OCTETS})  # what it carries
    way: Way = field(default_factory=Way)
    under_way: int = 0
    rests: bool = False  # it said it is up, and wrote nothing

    @property
    def open(self) -> bool:
        """Up, however full: while it is, no other takes what it should."""
        return not self.rests and self.link.health.state == "up"

    @property
    def room(self) -> int:
        return max(self.window - self.under_way, 0)


class RouteHealth(NamedTuple):
    """A link as an operator sees it."""

    name: str
    kinds: tuple[str, ...]
    order: int
    health: Health
    under_way: int
    window: int
    counts: Mapping[str, int]


class Dispatcher:
    """See the module. `run` until `stop`; it raises what ended it otherwise.

    `on`: classes whose switch is on. `call` runs what waits for the store: in a thread, but for tests in virtual time.
    """

    def __init__(
        self,
        store: Store,
        routes: Sequence[Route],
        governor: Governor,
        on: Collection[str],
        *,
        settings: outbox.Settings,
        wall: Callable[[], int],
        listener: Listener | None = None,
        call: Call[Any] = asyncio.to_thread,
        fault_point: Callable[[str], None] = lambda name: None,
        committed: Callable[[Batch], None] = lambda batch: None,
    ) -> None:
        self._store = store
        self._routes = {route.name: route for route in routes}
        self._ways = {route.name: route.way._replace(canonical=route.link.canonical) for route in routes}
        self._governor = governor
        self._on = frozenset(on)
        self._settings = settings
        self._wall = wall
        self._listener = listener or Deaf()
        self._call = call
        self._fault_point = fault_point
        self._committed = committed
        self._fence = 0
        self._stopping = asyncio.Event()
        self._look = asyncio.Event()  # something may be claimed
        self._came = asyncio.Event()  # there is news
        self._news: deque[News] = deque()
        self._over = False  # no more news will come
        self._contents: dict[bytes, Composed] = {}  # by name, the one used last at the end
        self._sends: set[asyncio.Task[None]] = set()
        self._resting = False  # nothing waited or was on its way at the last look
        self.trouble = ""  # why nothing moves, "" when it does
        self.receipts: Counter[str] = Counter()  # by how each was known, since the start

    def stop(self) -> None:
        """Claim nothing more, wait for answers, say good-bye. From the loop's thread; twice is once."""
        self._stopping.set()
        self._look.set()

    def look(self) -> None:
        """Something was asked for, or let go again: there may be something to claim. From the loop's thread."""
        self._look.set()

    def health(self) -> list[RouteHealth]:
        return [
            RouteHealth(
                each.name, tuple(sorted(each.kinds)), each.order, each.link.health, each.under_way, each.window, dict(each.link.counts)
            )
            for each in self._routes.values()
        ]

    async def run(self) -> None:
        """Raises LinkError or ConfigError when a link cannot begin, AlreadyRunning when another start took over, what the store raises."""
        if not await self._take_over():
            return
        while any(row.state == outbox.UNCERTAIN for row in await self._claim_once()):
            pass  # no link is open yet: what an earlier start left in SENDING is uncertain before a receipt of it can come
        links = AsyncExitStack()
        try:
            for route in self._routes.values():
                await links.enter_async_context(route.link)
            async with asyncio.TaskGroup() as group:
                ears = [group.create_task(self._listen(route)) for route in self._routes.values()]
                settling = group.create_task(self._settle())
                tidying = group.create_task(self._tidy())
                await self._claim(group)
                tidying.cancel()
                await self._leave(ears)
                self._over = True
                self._came.set()
                await settling
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE):
                    await links.aclose()

    async def _take_over(self) -> bool:
        """Numbers this start, as soon as the store can take that. False: asked to end before."""
        while not self._stopping.is_set():
            try:
                self._fence = await self._call(self._store.take_over)
            except (StoreFull, StoreBusy) as error:
                self._cannot(error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_AGAIN):
                        await self._stopping.wait()
            else:
                self.trouble = ""
                return True
        return False

    async def _leave(self, ears: Sequence[asyncio.Task[None]]) -> None:
        """Answers that are on their way and receipts that are owed still count, for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.stop_seconds):
                await asyncio.gather(*(route.link.leave() for route in self._routes.values()))
                await asyncio.gather(*self._sends, *ears)
        left = [task for task in (*self._sends, *ears) if not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    # ----------------------------------------------------------------------------------------------------------- claim, govern

    async def _claim(self, group: asyncio.TaskGroup) -> None:
        """Round and round until `stop`: at once while rows move, else when something may have changed. While no row waits or is on its
        way that is only once something was committed."""
        glance = Glance(self._store)
        while not self._stopping.is_set():
            self._look.clear()
            moved = await self._claim_once() if glance.anew() or not self._resting else []
            for row in moved:
                if row.state == outbox.SENDING:
                    route = self._routes[row.link]
                    route.under_way += 1
                    task = group.create_task(self._send(row, route))
                    self._sends.add(task)
                    task.add_done_callback(self._sends.discard)
            if not moved:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_AGAIN if self.trouble else self._settings.poll_seconds):
                        await self._look.wait()

    async def _claim_once(self) -> list[Outgoing]:
        """One transaction: what time did to waiting rows, and which of the others leave now. The rows that it moved."""
        now = self._wall()
        rooms = [
            Room(route.name, route.order, route.kinds, route.forms, route.room, self._cutter(route))
            for route in self._routes.values()
            if route.open
        ]
        due = Due(now, lanes(self._on, rooms, MOST), self._governor.memory, self._governor.day(now))
        made: list[Batch] = []
        resting = [False]

        def decide(rows: Rows) -> Batch:
            if rows.fence != self._fence:
                raise AlreadyRunning("another mmsd has taken the outbox over; this one ends")
            batch = Batch(now)
            for row in rows.overdue:
                after = outbox.overdue(row, rows.parts_of.get(row.key, ()), now=now, fence=self._fence, settings=self._settings)
                if after is not None:
                    batch.moved.append(after)
                    if after.state == outbox.PARKED:
                        told = {"purpose": row.purpose, "campaign": row.campaign, "link": row.link, "tries": row.tries}
                        batch.events.append(Event(now, "outbox", row.kind, told))
                    batch.reserved += restated(row, after, self._governor.day)
            done = {row.key for row in batch.moved}
            waiting = [each for each in rows.waiting if each.row.key not in done]
            claimed = claim(now, waiting, rows.usage, self._governor, self._on, rooms, self._fence)
            batch.moved += claimed.moved
            batch.reserved += claimed.reserved
            batch.tidings += of_outbox(batch.moved, now)
            made[:] = [batch]
            resting[:] = [rows.resting and not batch.moved]
            return batch

        self._fault_point("claim")
        if not await self._commit(Needs(due=due, overdue=Overdue(now, self._fence, MOST)), decide):
            self._resting = False
            return []
        self._resting = resting[0]
        self._fault_point("claimed")
        self._committed(made[0])
        return made[0].moved

    def _cutter(self, route: Route) -> Callable[[Outgoing], int]:
        """A multimedia message goes whole, so a claim need not look at it."""
        return lambda row: 1 if row.content else route.link.parts(self._message(row, route, self._words(row, route), None))

    # --------------------------------------------------------------------------------------------------------------------- send

    async def _send(self, row: Outgoing, route: Route) -> None:
        try:
            self._fault_point("send")
            answer = await route.link.send(await self._made(row, route))
            self._fault_point("answered")
        except LinkDown as down:
            self._rest(route)
            self._tell(Answered(row.key, route.name, NotSent(str(down))))
        except EncodeError:
            self._tell(Answered(row.key, route.name, NotSent(outbox.UNSENDABLE, never=True)))
        except asyncio.CancelledError:  # at the end, when an answer takes too long
            self._tell(Answered(row.key, route.name, Uncertain(row.key.hex(), outbox.ENDED, parts=row.parts)))
            raise
        else:
            self._tell(Answered(row.key, route.name, answer))

    async def _made(self, row: Outgoing, route: Route) -> Message:
        """EncodeError for a multimedia message that the store does not have. `expires` says when a row is too late to leave; how long an
        MMSC keeps what nobody fetches is its own affair: whoever turns his phone on in the morning shall have it."""
        if row.content:
            return self._message(row, route, await self._composed(row.content), None)
        return self._message(row, route, self._words(row, route), max((row.expires - self._wall()) / SECOND, 1.0))

    async def _composed(self, name: bytes) -> Composed:
        """The last few are kept: rows by the ten thousand refer to one."""
        found = self._contents.get(name) or await self._call(lambda: self._store.composed(name))
        if found is None:
            raise EncodeError("the store has no such multimedia message")
        self._contents.pop(name, None)
        self._contents[name] = found
        if len(self._contents) > _CONTENTS:
            del self._contents[next(iter(self._contents))]
        return found

    @staticmethod
    def _words(row: Outgoing, route: Route) -> Content:
        if row.pieces:
            return Octets(row.pieces)
        return Text(f"{mark(row.key)} {row.body}" if route.way.marked else row.body)

    @staticmethod
    def _message(row: Outgoing, route: Route, content: Content, validity: float | None) -> Message:
        return Message(
            row.key.hex(),
            row.msisdn,
            content,
            sender=row.sender,
            sub_code=row.sub_code,
            reference=row.reference,
            validity=validity,
            priority=row.priority,
            link_id=row.link_id,
            submitted=row.submitted,
        )

    def _rest(self, route: Route) -> None:
        """A link that has just lost its connection may not know it yet: asking it again at once would only turn in a circle."""

        def again() -> None:
            route.rests = False
            self._look.set()

        if not route.rests:
            route.rests = True
            asyncio.get_running_loop().call_later(_REST, again)

    # ------------------------------------------------------------------------------------------------------------------- settle

    async def _listen(self, route: Route) -> None:
        async for event in route.link.events():
            match event:
                case Receipt() | Incoming() | Late():
                    self._fault_point("receipt")
                    self._tell(Told(route.name, event))
                case Up():
                    _log.info("link %s: up", route.name)
                    route.rests = False
                    self._look.set()
                case Down(why, retry_in):
                    _log.log(logging.INFO if retry_in is None else logging.WARNING, "link %s: down: %s", route.name, why)

    def _tell(self, news: News) -> None:
        self._news.append(news)
        self._came.set()

    async def _settle(self) -> None:
        """What came is committed, then acknowledged. What the store cannot take now waits, and the centres with it."""
        while self._news or not self._over:
            if not self._news:
                self._came.clear()
                await self._came.wait()
                continue
            taken = [self._news[place] for place in range(min(len(self._news), NEWS))]
            settling = Settling(taken, self._ways, self._listener, self._settings, self._governor.day)
            now, made = self._wall(), list[Batch]()

            def decide(rows: Rows, settling: Settling = settling, now: int = now, made: list[Batch] = made) -> Batch:
                made[:] = [settling.decide(rows, now)]
                return made[0]

            self._fault_point("settle")
            if not await self._commit(settling.needs, decide):
                if self._over:
                    return  # rows stay in SENDING, and centres keep what was not acknowledged
                await asyncio.sleep(_AGAIN)
                continue
            self._fault_point("settled")
            self._committed(made[0])
            self.receipts.update(settling.counts)
            for news in taken:
                self._news.popleft()
                if isinstance(news, Answered):  # what is answered and not committed would go again after a crash: it keeps its place
                    self._routes[news.link].under_way -= 1
                elif isinstance(news.event, Owed):
                    await news.event.settle()
            self._fault_point("acknowledged")
            self._look.set()

    # -------------------------------------------------------------------------------------------------------------------- store

    async def _commit(self, needs: Needs, decide: Callable[[Rows], Batch]) -> bool:
        """False when the store cannot take it now. StoreDoubt, StoreDamaged and faults of our own propagate: the process must end."""
        try:
            await self._call(lambda: self._store.transact(needs, decide))
        except (StoreFull, StoreBusy) as error:
            self._cannot(error)
            return False
        self.trouble = ""
        return True

    def _cannot(self, error: StoreError) -> None:
        if not self.trouble:
            _log.warning("nothing leaves: %s", error)
        self.trouble = str(error)

    async def _tidy(self) -> None:
        def forget() -> None:
            self._store.forget_texts(self._wall() - int(self._settings.keep_seconds * SECOND))

        while True:
            with contextlib.suppress(StoreFull, StoreBusy):
                await self._call(forget)
            await asyncio.sleep(_TIDY)
