"""Time that passes when nothing else can, and connections without sockets: an hour of back-off in a millisecond, the same every time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mmsd.codec import session
from mmsd.codec.session import Body, Dialect, Pdu, Role, Session, Tlvs
from mmsd.link.channel import Wire

T = TypeVar("T")


def stall(seconds: float) -> None:
    """The process stands still: time passes, and nothing runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    loop.clock.now += seconds


class _Selector(selectors.DefaultSelector):
    """Instead of waiting, moves the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits, and nothing will come")
        if not ready and timeout:
            self.now += timeout
        return ready


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time is nobody's."""

    def __init__(self) -> None:
        self.clock = _Selector()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in virtual time."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)


class End:
    """One end of a connection in memory; a `Wire`."""

    def __init__(self) -> None:
        self.other: End = self
        self._arrived: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self.deaf = False  # what is written to it is lost
        self.closed = False

    async def read(self) -> bytes:
        octets = await self._arrived.get()
        await asyncio.sleep(0)  # a socket's octets come a turn of the loop later, too
        if isinstance(octets, OSError):
            raise octets
        return octets

    def write(self, octets: bytes) -> None:
        if not self.other.deaf and not self.closed:
            self.other._arrived.put_nowait(octets)

    def lose(self, error: OSError | None = None) -> None:
        """The connection ends for the other end: in order, or with an error."""
        self.other._arrived.put_nowait(error or b"")

    def drop(self, *, unread: bool) -> None:
        """It ends for both, and nothing more is written here; `unread`: what came and was not read is lost."""
        while unread and not self._arrived.empty():
            self._arrived.get_nowait()
        self._arrived.put_nowait(b"")
        self.lose(ConnectionResetError(104, "reset"))
        self.closed = True

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.lose()


def pair() -> tuple[End, End]:
    ours, theirs = End(), End()
    ours.other, theirs.other = theirs, ours
    return ours, theirs


@dataclass
class Said:
    """What the centre answers; `after` seconds, or, with status None, never."""

    status: int | None = 0
    body: Body | None = None
    after: float = 0.0


@dataclass
class Centre:
    """A centre in memory that does what a test says, and remembers what it was told and when (s)."""

    dialect: Callable[[], Dialect]
    accept: Body
    answer: Callable[[Any], Said]
    admit: Callable[[Pdu], int] = lambda pdu: 0  # status of a bind's answer; below 0: none
    reachable: bool = True
    settings: session.Settings = field(default_factory=lambda: session.Settings(probe_after=3600 * session.SECOND))
    binds: list[tuple[float, Pdu]] = field(default_factory=list)
    asked: list[tuple[float, Pdu]] = field(default_factory=list)
    tried: list[float] = field(default_factory=list)
    answered: list[tuple[float, session.Answered]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)

    async def connect(self) -> Wire:
        self.tried.append(asyncio.get_running_loop().time())
        if not self.reachable:
            raise ConnectionRefusedError(111, "nobody there")
        ours, theirs = pair()
        self.talks.append(Talk(self, theirs))
        return ours

    def deliver(self, command: int, body: Body, tlvs: Tlvs = (), talk: int = -1) -> int:
        return self.talks[talk].ask(command, body, tlvs)

    def statuses(self) -> Mapping[int, int]:
        """What the client answered, by sequence."""
        return {event.sequence: event.status for _, event in self.answered}


class Talk:
    """The centre's end of one connection."""

    def __init__(self, centre: Centre, end: End) -> None:
        self._loop = asyncio.get_running_loop()
        self._centre = centre
        self.end = end
        self.session = Session(centre.dialect(), Role.CENTRE, centre.settings, now=self._now())
        self._awaited: dict[int, asyncio.Future[int | None]] = {}
        self.task = asyncio.create_task(self._serve())

    def _now(self) -> int:
        return round(self._loop.time() * session.SECOND)

    def ask(self, command: int, body: Body, tlvs: Tlvs) -> int:
        sequence = self.session.ask(command, body, tlvs=tlvs, now=self._now())
        self._flush()
        return sequence

    def asks(self, command: int, body: Body, tlvs: Tlvs = ()) -> asyncio.Future[int | None]:
        """A request; its answer's status, None when the connection ends before it."""
        answer: asyncio.Future[int | None] = self._loop.create_future()
        self._awaited[self.ask(command, body, tlvs)] = answer
        return answer

    def drop(self, *, unread: bool) -> None:
        """The connection is gone at once, and with it, `unread`, what the centre had not read yet."""
        self.end.drop(unread=unread)

    def unbind(self) -> None:
        self.session.unbind(now=self._now())
        self._flush()

    def _flush(self) -> None:
        octets = self.session.take()
        if octets:
            self.end.write(octets)

    async def _serve(self) -> None:
        while not self.session.closed:
            try:
                octets = await self.end.read()
            except OSError:
                octets = b""
            for event in self.session.feed(octets, now=self._now()) if octets else self.session.lost():
                self._hear(event)
            self._flush()
        for event in self.session.tick(now=self._now()):
            self._hear(event)
        await self.end.close()

    def _hear(self, event: session.Event) -> None:
        centre, now = self._centre, self._loop.time()
        match event:
            case session.BindAsked(pdu):
                centre.binds.append((now, pdu))
                status = centre.admit(pdu)
                if status < 0:
                    pass
                elif status:
                    self.session.refuse(status, now=self._now())
                else:
                    self.session.accept(centre.accept, now=self._now())
            case session.Asked(pdu):
                centre.asked.append((now, pdu))
                said = centre.answer(pdu)
                if said.status is not None:
                    self._loop.call_later(said.after, self._settle, pdu.sequence, said)
            case session.Answered():
                centre.answered.append((now, event))
                if event.sequence in self._awaited:
                    self._awaited.pop(event.sequence).set_result(event.status)
            case session.Closed(why):
                centre.ended.append(why)
                for answer in self._awaited.values():
                    answer.set_result(None)

    def _settle(self, sequence: int, said: Said) -> None:
        self.session.settle(sequence, status=said.status or 0, body=said.body, now=self._now())
        self._flush()
