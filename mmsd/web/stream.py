"""`/events`: the live page's numbers as Server-Sent Events.

Once a second one task reads the totals and the new event rows, makes each frame once, and gives the same bytes to every client. A client
that falls a few frames behind is dropped, never waited for; its browser connects again by itself and is sent what it missed.

Frames: `history` (once, the chart so far), `totals` (each second), `event` (an event row; its id is the SSE id), `trouble` (the store
cannot be read just now).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from mmsd.errors import StoreError
from mmsd.model import Event
from mmsd.telemetry import Telemetry
from mmsd.web.answers import Ask, Problem, Route, encoded, iso, known_only, veiled
from mmsd.web.source import Health, Living
from mmsd.web.totals import Totals, totals, window

_log: Final = logging.getLogger(__name__)

PERIOD: Final = 1.0
LEISURE: Final = 5.0  # a tick rests at least so many times as long as it took
RECENT: Final = 100  # events kept for those who come later
BACKLOG: Final = 8  # frames a client may be behind
HISTORY: Final = 600  # points of the chart: ten minutes
RATE_SPAN: Final = 10.0  # seconds a rate is averaged over
EVENTS_A_READ: Final = 500
UNSHOWN: Final = frozenset({"totals"})  # said better by our own frames
WRITE_SECONDS: Final = 5.0


class Frame(msgspec.Struct, frozen=True):
    """Data of a `totals` frame. Rates are over the last RATE_SPAN, null before there are two readings."""

    at: str | None
    lines_per_second: float | None
    deliveries_per_minute: float | None
    totals: Totals


class Client:
    """One connected page: the frames it still has to be sent. `None` in the queue ends it."""

    def __init__(self) -> None:
        self.queue: deque[bytes] = deque()
        self.wake = asyncio.Event()
        self.ended = False

    def offer(self, frame: bytes) -> bool:
        """False when it is too far behind; it is ended then."""
        if len(self.queue) >= BACKLOG:
            self.end()
            return False
        self.queue.append(frame)
        self.wake.set()
        return True

    def end(self) -> None:
        self.ended = True
        self.wake.set()


class Stream:
    """Reads once for all, sends to each."""

    def __init__(
        self,
        reader: Living,
        ask: Ask,
        health: Callable[[], Health],
        telemetry: Telemetry,
        *,
        wall: Callable[[], int],
        monotonic: Callable[[], float],
        allowed: Callable[[web.Request], bool],
        most_clients: int,
    ) -> None:
        """`allowed`: whether the token or session of a request is still good; asked before each frame."""
        self._reader = reader
        self._ask = ask
        self._health = health
        self._telemetry = telemetry
        self._wall = wall
        self._monotonic = monotonic
        self._allowed = allowed
        self._most_clients = most_clients
        self._clients: set[Client] = set()
        self._cursor: int | None = None
        self._known: tuple[tuple[int, Health, tuple[int, int]], Totals] | None = None  # what was read last, and of what
        self._latest = b""
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=RECENT)
        self._history: deque[tuple[float, float, float]] = deque(maxlen=HISTORY)
        self._counts: deque[tuple[float, int, int]] = deque()  # (monotonic, lines, judged) over RATE_SPAN

    def routes(self) -> list[Route]:
        return [Route("GET", "/events", self.events, "read")]

    async def run(self, sleep: Callable[[float], Awaitable[object]]) -> None:
        """Tick until cancelled; end every client then. A store that takes long to answer is asked less often: a page is no load."""
        try:
            while True:
                began = self._monotonic()
                try:
                    await self.tick()
                except Exception:  # noqa: BLE001 - a loop's edge: a page that fails must not end the daemon it shows
                    _log.exception("live page: one tick failed")
                    self._send(_frame("trouble", {"at": iso(self._wall())}))
                await sleep(max(PERIOD, LEISURE * (self._monotonic() - began)))
        finally:
            self.end()

    def end(self) -> None:
        for client in self._clients:
            client.end()

    async def tick(self) -> None:
        """Read once, send to all. What cannot be read now is said to the clients and tried again at the next tick. Nothing is read that
        must be as it was."""
        health, now = self._health(), self._wall()
        stands = self._reader.changes(), health, window(health, now)
        events: list[Event] = []
        if self._known is not None and self._known[0] == stands:
            read = self._known[1]
        else:
            self._known = None
            try:
                read, (events, self._cursor) = await self._ask(lambda: (totals(self._reader, health, now), self._new_events()))
            except (Problem, StoreError):
                self._send(_frame("trouble", {"at": iso(now)}))
                return
            self._known = stands, read
        news = [(event.id, _frame("event", _shown(event), event.id)) for event in events]
        self._recent.extend(news)
        rates = self._rates(read)
        if rates is not None:
            self._history.append((now / 1e6, *rates))
        lines, judged = rates or (None, None)
        self._latest = _frame("totals", Frame(iso(now), lines, judged, read))
        self._send(b"".join(frame for _, frame in news) + self._latest)

    def _new_events(self) -> tuple[list[Event], int]:
        """Event rows since the cursor, and the cursor after them; of a flood only the newest RECENT, which is all a page shows."""
        cursor = self._reader.last_event() - EVENTS_A_READ if self._cursor is None else self._cursor
        newest: deque[Event] = deque(maxlen=RECENT)
        while rows := self._reader.events(max(0, cursor), EVENTS_A_READ):
            newest.extend(row for row in rows if row.topic not in UNSHOWN)
            cursor = rows[-1].id
            if len(rows) < EVENTS_A_READ:
                break
        return list(newest), cursor

    def _rates(self, read: Totals) -> tuple[float, float] | None:
        """Lines a second and deliveries judged a minute."""
        now = self._monotonic()
        self._counts.append((now, read.lines, read.outcomes.delivered + read.outcomes.failed))
        while len(self._counts) > 2 and now - self._counts[1][0] >= RATE_SPAN:
            self._counts.popleft()
        then, lines, judged = self._counts[0]
        if now <= then:
            return None
        # The window of the totals moves on the hour and takes old deliveries with it: never show that as a negative rate.
        per_second = max(0, self._counts[-1][1] - lines) / (now - then)
        per_minute = max(0, self._counts[-1][2] - judged) / (now - then) * 60
        return round(per_second, 1), round(per_minute, 1)

    def _send(self, frame: bytes) -> None:
        for client in list(self._clients):
            if not client.offer(frame):
                self._clients.discard(client)
                self._telemetry.dropped()
        self._telemetry.clients(len(self._clients))

    def welcome(self, last_seen: int) -> bytes:
        """What a new client is sent first: the chart so far, the events it has not seen, the newest totals."""
        news = b"".join(frame for number, frame in self._recent if number > last_seen)
        return b"retry: 2000\n\n" + _frame("history", list(self._history)) + news + self._latest

    async def events(self, request: web.Request) -> web.StreamResponse:
        known_only(request)
        if len(self._clients) >= self._most_clients:
            detail = f"{self._most_clients} live pages are open"
            raise Problem(503, "too_many_pages", detail, "Close one, or ask /api/v1/totals.", {"Retry-After": "10"})
        seen = request.headers.get("Last-Event-ID", "")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        client = Client()
        client.offer(self.welcome(int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 19 else 0))
        self._clients.add(client)  # no await since `welcome`: nothing falls between
        try:
            await self._feed(client, response, request)
        except (TimeoutError, ConnectionError):
            transport = request.transport
            if transport:  # gone already when the other side closed it
                transport.abort()
        finally:
            self._clients.discard(client)
            self._telemetry.clients(len(self._clients))
        return response

    async def _feed(self, client: Client, response: web.StreamResponse, request: web.Request) -> None:
        while not client.ended and self._allowed(request):
            client.wake.clear()
            while client.queue:
                async with asyncio.timeout(WRITE_SECONDS):
                    await response.write(client.queue.popleft())
            await client.wake.wait()


def _shown(event: Event) -> dict[str, Any]:
    # A number in an event's subject or data is a bug elsewhere; it must not become a leak here.
    return {"id": event.id, "at": iso(event.at), "topic": event.topic, "subject": veiled(event.subject), "data": veiled(event.data)}


def _frame(name: str, data: object, number: int | None = None) -> bytes:
    """One SSE frame. JSON has no raw line feeds, so one `data:` line holds it."""
    head = f"id: {number}\nevent: {name}\n" if number is not None else f"event: {name}\n"
    return head.encode() + b"data: " + encoded(data) + b"\n\n"
