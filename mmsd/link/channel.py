"""One connection to an SMS centre, kept up: connect, bind, talk, and again, whenever it is lost, after a growing pause.

The play itself is `mmsd.codec.session`'s; here are its socket, its clock (the event loop's) and its pace. Requests go one by one, in the
order in which they were asked, as fast as the window, the rate and the centre's throttling allow.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, Protocol

from mmsd.codec import session
from mmsd.codec.session import Pdu, Role, Session
from mmsd.errors import EncodeError, LinkDown, LinkError
from mmsd.link.account import Account, Request, Settings, limits, secret
from mmsd.link.pace import Pace, pause

_STEADY: Final = 10.0  # seconds; a connection that lasted so long was a good one
_STALLED: Final = 1_000_000  # µs that a timer is late when something held up the loop
_HEARING: Final = 200_000  # µs to hear what came meanwhile
_CHUNK: Final = 1 << 16
_UNREAD: Final = 1 << 20  # octets that a peer may leave unread: far more than a window and a backlog come to
_REMEMBERED: Final = session.Settings().remembered


class Wire(Protocol):
    """A connected socket, or what stands for one."""

    async def read(self) -> bytes:
        """What came; b"" at the end. OSError when the connection is lost."""
        ...

    def write(self, octets: bytes) -> None: ...
    async def close(self) -> None: ...


Connect = Callable[[], Awaitable[Wire]]
Tag = Any
"""What the asker wants to be told with a late answer."""


class Socket:
    """A Wire over TCP, or TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._stuck = False

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None = None, name: str | None = None) -> Socket:
        """`name`: in the peer's certificate, when it is not the host's."""
        return cls(*await asyncio.open_connection(host, port, ssl=tls, server_hostname=(name or host) if tls else None))

    async def read(self) -> bytes:
        octets = await self._reader.read(_CHUNK)
        if self._stuck:
            raise OSError("the centre asks, and does not read the answers")
        return octets

    def write(self, octets: bytes) -> None:
        """Never waited for: window and backlog bound what can lie there, and whoever goes on asking without reading is left."""
        if self._stuck:
            return
        self._writer.write(octets)
        if self._writer.transport.get_write_buffer_size() > _UNREAD:
            self._stuck = True
            self._writer.transport.abort()

    async def close(self) -> None:
        """What is written may still go out, for a second."""
        self._writer.close()
        try:
            async with asyncio.timeout(1.0):  # the peer may not read, nor hear the good-bye of TLS
                await self._writer.wait_closed()
        except TimeoutError:
            self._writer.transport.abort()
        except OSError:
            pass  # it was lost before
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise


class Reply(NamedTuple):
    """The centre's answer."""

    status: int
    pdu: Pdu
    throttled: bool


class Lost(NamedTuple):
    """There was none."""

    why: str


class Ticket(NamedTuple):
    """An answer owed to the peer, on the connection that the request came by."""

    talk: _Talk
    sequence: int

    def settle(self, status: int = 0) -> None:
        """Once; what the connection took with it is settled by itself."""
        self.talk.settle(self.sequence, status)

    @property
    def lost(self) -> bool:
        """The connection is gone: nothing can be said any more, and the peer asks again."""
        return self.talk.play.closed


class Listener(Protocol):
    """What a channel tells. Called within the loop; must not wait."""

    def asked(self, pdu: Pdu, ticket: Ticket) -> None: ...
    def late(self, tag: Tag, reply: Reply) -> None: ...
    def up(self, channel: Channel) -> None: ...
    def down(self, channel: Channel, why: str, retry_in: float | None) -> None: ...


class Channel:
    """One of a link's connections. `random`: a number in [0, 1)."""

    def __init__(
        self, account: Account, settings: Settings, connection: int, *, connect: Connect, random: Callable[[], float], listener: Listener,
        counts: Counter[str],
    ) -> None:  # fmt: skip
        self._account = account
        self._settings = settings
        self._connection = connection
        self._connect = connect
        self._random = random
        self._listener = listener
        self._counts = counts
        self._loop = asyncio.get_running_loop()
        self._talk: _Talk | None = None
        self._error = "not connected yet"
        self._leaving = asyncio.Event()
        self._turn = asyncio.Lock()  # of those who ask, first come first served
        self._moved = asyncio.Event()  # something that the first of them waits for may have come
        self._pace = Pace(settings.rate, now=self.now())
        self._resume = 0  # after a throttling

    def now(self) -> int:
        """µs of the loop's clock."""
        return round(self._loop.time() * 1_000_000)

    @property
    def bound(self) -> bool:
        return self._talk is not None and self._talk.let_in

    @property
    def connected(self) -> bool:
        return self._talk is not None

    # ------------------------------------------------------------------------------------------------------------- keeping it up

    async def run(self) -> None:
        """Until `leave`."""
        failures = 0
        while not self._leaving.is_set():
            talk, otherwise = await self._converse()
            if self._leaving.is_set():
                break
            failures = 1 if talk is not None and talk.lasted >= _STEADY else failures + 1
            settings = self._settings
            wait = 0.0 if otherwise else pause(settings.retry_seconds, settings.retry_limit_seconds, failures, self._random())
            self._listener.down(self, self._error, wait)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._leaving.wait()
        self._listener.down(self, self._error or "left", None)

    def leave(self) -> None:
        """No more requests; what is open is waited for, then the connection ends."""
        self._leaving.set()
        self._moved.set()
        if self._talk is not None:
            self._talk.leave()

    async def _converse(self) -> tuple[_Talk | None, bool]:
        """One connection, to its end; `_error` then says why. And whether the next try is another one."""
        talk: _Talk | None = None
        otherwise = False
        try:
            login = self._account.login(self._connection, secret(self._settings.password_file))
            async with asyncio.timeout(self._settings.connect_seconds):
                wire = await self._connect()
            try:
                play = Session(self._account.dialect(), Role.CLIENT, limits(self._settings), now=self.now())
                try:
                    play.bind(login.body, command=login.command, now=self.now())
                except EncodeError as error:
                    raise LinkError(f"the login cannot be written: {error}") from error
                self._talk = talk = _Talk(self, play, wire, self._loop)
                if self._leaving.is_set():
                    talk.leave()
                self._error, otherwise = await talk.run()
            finally:
                self._talk = None
                self._moved.set()
                await wire.close()
        except TimeoutError:
            self._error = f"no connection in {self._settings.connect_seconds:g} s"
        except (OSError, UnicodeError, LinkError) as error:  # the second: of a host that can be no name
            self._error = str(error)
        self._counts["connections_ended" if talk is not None else "connections_failed"] += 1
        return talk, otherwise

    # ------------------------------------------------------------------------------------------------------------------- asking

    async def ask(self, request: Request, tag: Tag) -> Reply | Lost:
        """Send it as soon as it may go. LinkDown when it was not sent, because there is no connection to send it by."""
        async with self._turn:
            talk = await self._clear_way()
            answer = talk.ask(request, tag)
        return await answer

    async def _clear_way(self) -> _Talk:
        """The conversation, once its window, the pace and the centre let one more request go."""
        while True:
            if self._talk is None or not self._talk.let_in or self._leaving.is_set():
                raise LinkDown("leaving" if self._leaving.is_set() else self._error)
            self._moved.clear()
            now = self.now()
            wait = self._resume - now
            if wait <= 0 and self._talk.play.room(now):
                wait = self._pace.take(now)
                if not wait:
                    return self._talk
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait / 1_000_000 if wait > 0 else None):
                    await self._moved.wait()

    # ---------------------------------------------------------------------------------------- what a conversation tells its channel

    def hear(self, talk: _Talk, event: session.Event) -> None:
        """One event of the session."""
        match event:
            case session.Asked(pdu) if not talk.let_in:  # in one breath with an answer to the bind that we do not take
                talk.settle(pdu.sequence, self._account.refusals[0])
            case session.Asked(pdu):
                self._listener.asked(pdu, Ticket(talk, pdu.sequence))
            case session.Bound(pdu):
                turned = self._account.let_in(pdu)
                if turned is None:
                    talk.enter()
                    self._counts["binds"] += 1
                    self._error = ""
                    self._listener.up(self)
                else:
                    talk.turn_away(turned.why, otherwise=turned.otherwise)
            case session.BindRefused(status, pdu):
                self._counts["binds_refused"] += 1
                turned = self._account.turned_away(status, pdu)
                talk.turn_away(turned.why, otherwise=turned.otherwise)
            case session.Odd(what):
                self._counts["answers_to_nothing" if what == session.ANSWER_TO_NOTHING else "odd"] += 1
            case session.Noticed():
                self._counts["notices"] += 1
            case _:
                pass  # Leaving and Closed show in `room`; answers are the conversation's

    def throttled(self, asked: int, held: int) -> None:
        """The centre wants less: half the rate, and when its time is over, not all of us at once."""
        now = self.now()
        self._counts["throttled"] += 1
        if held:
            self._resume = max(self._resume, now + held + int(held * self._random() / 2))
        self._pace.throttled(asked=asked, now=now, silent_until=self._resume)

    def answered_late(self, tag: Tag, reply: Reply) -> None:
        self._counts["late_answers"] += 1
        self._listener.late(tag, reply)

    def overdue(self) -> None:
        self._counts["overdue"] += 1

    def moved(self) -> None:
        """Something changed that an asker may wait for."""
        self._moved.set()


class _Waiting(NamedTuple):
    """A request without answer."""

    answer: asyncio.Future[Reply | Lost]
    tag: Tag
    asked: int


class _Talk:
    """One connection from its bind to its end."""

    def __init__(self, channel: Channel, play: Session, wire: Wire, loop: asyncio.AbstractEventLoop) -> None:
        self.play = play
        self.let_in = False
        self._channel = channel
        self._wire = wire
        self._loop = loop
        self._over: asyncio.Future[None] = loop.create_future()
        self._why = ""
        self._otherwise = False
        self._waiting: dict[int, _Waiting] = {}
        self._late: dict[int, Tag] = {}  # of those told Lost, while the session knows them
        self._flushing = False
        self._set_for = 0
        self._timer: asyncio.TimerHandle | None = None
        self._bound_at: float | None = None
        self.lasted = 0.0  # seconds that we were let in for, told at the end

    def enter(self) -> None:
        """We were let in."""
        self.let_in = True
        self._bound_at = self._loop.time()

    async def run(self) -> tuple[str, bool]:
        """To the end: why it ended, and whether the next try is another one."""
        reading = self._loop.create_task(self._read())
        self._flush()
        try:
            await asyncio.wait((reading, self._over), return_when=asyncio.FIRST_COMPLETED)
            self._told(self.play.lost())
            self._wire.write(self.play.take())  # the last word of a session that closed by itself
        finally:
            self.let_in = False
            if self._bound_at is not None:
                self.lasted = self._loop.time() - self._bound_at
            self._closed("closed at once")  # of no effect but where `run` is cancelled, or fails
            if self._timer is not None:
                self._timer.cancel()
            reading.cancel()
            await asyncio.wait([reading])
        if not reading.cancelled():
            reading.result()
        self._over.result()
        return self._why, self._otherwise

    async def _read(self) -> None:
        while not self.play.closed:
            try:
                octets = await self._wire.read()
            except OSError as error:
                self._why = f"the connection is lost: {error}"
                return
            if not octets:
                self._why = "the centre closed the connection" if self.let_in else "the centre closed the connection before it let us in"
                return
            self._told(self.play.feed(octets, now=self._channel.now()))
            self._flush()

    # ------------------------------------------------------------------------------------------------------- what the channel asks

    def ask(self, request: Request, tag: Tag) -> asyncio.Future[Reply | Lost]:
        now = self._channel.now()
        sequence = self.play.ask(request.command, request.body, tlvs=request.tlvs, now=now)
        answer: asyncio.Future[Reply | Lost] = self._loop.create_future()
        self._waiting[sequence] = _Waiting(answer, tag, now)
        self._flush_soon()
        return answer

    def settle(self, sequence: int, status: int) -> None:
        self.play.settle(sequence, status=status, now=self._channel.now())
        self._flush_soon()

    def leave(self) -> None:
        self._why = self._why or "left"
        self.play.unbind(now=self._channel.now())
        self._flush_soon()

    def turn_away(self, why: str, *, otherwise: bool) -> None:
        """We were not let in, or do not want to be."""
        self._why, self._otherwise = why, otherwise
        self.play.unbind(now=self._channel.now())

    # ------------------------------------------------------------------------------------------------------------ octets and time

    def _flush_soon(self) -> None:
        """What is said within one turn of the loop goes out together."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        octets = self.play.take()
        if octets:
            self._wire.write(octets)
        self._channel.moved()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.play.due
        if due is not None and not self._over.done():
            self._set(max(due, self._channel.now()))

    def _set(self, at: int) -> None:
        self._set_for = at
        self._timer = self._loop.call_at(at / 1_000_000, self._tick)

    def _tick(self) -> None:
        if self._channel.now() > self._set_for + _STALLED:  # the process stood still: first hear what came meanwhile
            self._set(self._channel.now() + _HEARING)
            return
        try:
            self._told(self.play.tick(now=self._channel.now()))
            self._flush()
        except Exception as bug:  # noqa: BLE001  # a timer has nobody above it: `run` raises it
            if not self._over.done():
                self._over.set_exception(bug)

    def _told(self, events: list[session.Event]) -> None:
        for event in events:
            match event:
                case session.Answered():
                    self._answered(event)
                case session.Overdue(sequence):
                    self._overdue(sequence)
                case session.Closed(why):
                    self._closed(why)
                case _:
                    self._channel.hear(self, event)

    def _answered(self, event: session.Answered) -> None:
        reply = Reply(event.status, event.pdu, event.throttled)
        waiting = self._waiting.pop(event.sequence, None)
        if reply.throttled:
            now = self._channel.now()
            self._channel.throttled(waiting.asked if waiting is not None else 0, self.play.held(now))
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(reply)
        else:  # overdue before, or its asker gave up
            tag = self._late.pop(event.sequence, None) if waiting is None else waiting.tag
            self._channel.answered_late(tag, reply)

    def _overdue(self, sequence: int) -> None:
        waiting = self._waiting.pop(sequence)
        self._channel.overdue()
        self._late[sequence] = waiting.tag
        if len(self._late) > _REMEMBERED:
            del self._late[next(iter(self._late))]
        if not waiting.answer.done():
            waiting.answer.set_result(Lost("no answer in time"))

    def _closed(self, why: str) -> None:
        self._why = self._why or why
        for waiting in self._waiting.values():
            if not waiting.answer.done():
                waiting.answer.set_result(Lost(self._why))
        self._waiting.clear()
        if not self._over.done():
            self._over.set_result(None)
