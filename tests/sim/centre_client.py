"""A client for tests of the SMS centre: the codec's session over a socket, and every octet that came."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from mmsd.codec import cmpp, session, smpp
from mmsd.codec.session import Asked, Cmpp, Dialect, Role, Session, Smpp
from mmsd.codec.tables import cmpp as cmpp_table
from mmsd.codec.tables import smpp as smpp_table

STAMP = 1122150000  # CMPP's timestamp of a login


class Client:
    """`ask` returns a sequence number; what came stands in `events`, in order. Requests are acknowledged when `settles`."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.session = Session(dialect, Role.CLIENT, session.Settings(window=1000), now=0)
        self.events: list[Any] = []
        self.chunks: list[bytes] = []
        self.lost: str | None = None
        self.settles: Callable[[Asked], int | None] = lambda asked: 0
        self._changed = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, port: int) -> None:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self._task = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(65536):
                self.chunks.append(data)
                events = self.session.feed(data, now=0)
                self.events += events
                for event in events:
                    if isinstance(event, Asked):
                        status = self.settles(event)
                        if status is not None:
                            self.session.settle(event.pdu.sequence, now=0, status=status)
                self.flush()
                self._changed.set()
            self.lost = "end"
        except OSError as error:
            self.lost = type(error).__name__
        self._changed.set()

    def flush(self) -> None:
        assert self._writer is not None
        if octets := self.session.take():
            self._writer.write(octets)

    def read_on(self, *, yes: bool) -> None:
        """Or not: what comes then waits in the socket."""
        assert self._writer is not None
        transport = cast(asyncio.Transport, self._writer.transport)
        (transport.resume_reading if yes else transport.pause_reading)()

    def write(self, octets: bytes) -> None:
        assert self._writer is not None
        self._writer.write(octets)

    async def until(self, true: Callable[[], Any]) -> Any:
        while not (found := true()):
            self._changed.clear()
            await self._changed.wait()
        return found

    async def event(self, kind: type, count: int = 1) -> list[Any]:
        """The first `count` events of a kind, once they came."""
        await self.until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[:count]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def bind(self, name: str, password: str, *, version: int = cmpp_table.VERSION_3, command: int | None = None) -> Any:
        """Bound, or BindRefused."""
        if isinstance(self.dialect, Cmpp):
            proof = cmpp.authenticator(name.encode(), password.encode(), STAMP)
            self.session.bind(cmpp.Connect(name.encode(), proof, version, STAMP), now=0)
        else:
            self.session.bind(smpp.Bind(name.encode(), password.encode()), now=0, command=command)
        self.flush()
        return (await self.until(lambda: self.of(session.Bound) + self.of(session.BindRefused)))[-1]

    def ask(self, body: session.Body, tlvs: session.Tlvs = (), command: int | None = None) -> int:
        usual = cmpp_table.SUBMIT if isinstance(self.dialect, Cmpp) else smpp_table.SUBMIT_SM
        sequence = self.session.ask(usual if command is None else command, body, now=0, tlvs=tlvs)
        self.flush()
        return sequence

    async def submit(self, body: session.Body, tlvs: session.Tlvs = (), command: int | None = None) -> Any:
        """Answered."""
        sequence = self.ask(body, tlvs, command)
        return await self.until(lambda: next((each for each in self.of(session.Answered) if each.sequence == sequence), None))

    async def close(self) -> None:
        assert self._writer is not None
        assert self._task is not None
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        await self._task


@contextlib.asynccontextmanager
async def client(protocol: str, port: int, version: int = cmpp_table.VERSION_3) -> AsyncIterator[Client]:
    """Connected, not bound."""
    made = Client(Smpp() if protocol == "smpp" else Cmpp(version))
    await made.open(port)
    try:
        yield made
    finally:
        await made.close()


@contextlib.asynccontextmanager
async def bound(protocol: str, port: int, name: str = "loop", password: str = "secret") -> AsyncIterator[Client]:
    async with client(protocol, port) as made:
        assert isinstance(await made.bind(name, password), session.Bound)
        yield made
