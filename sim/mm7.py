"""The MMSC's door for applications: MM7 over HTTP (TS 23.140 8.7). It takes submits into a ledger, and reports what became of them.

A server on loopback. `taken` is the truth of what an MMSC would deliver, and so would be seen by subscribers; a report is told until the
application answers 1000 to it. `order` makes something go wrong. It shares the codec with mmsd, and no judgement.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import json
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import aiohttp
from aiohttp import web

from mmsd.codec import mm7
from mmsd.codec.mm7 import Address
from mmsd.errors import DecodeError
from mmsd.model import SECOND


class Fault(enum.Enum):
    """What goes wrong, once for each order, with the next submit."""

    SILENT = "taken, never answered"
    RESET = "taken, the connection is cut instead of an answer"
    LOST = "not taken, and cut"
    THROTTLED = "4006: not so fast"
    REFUSED = "2001: operation restricted, for good"
    BUSY = "3000: not now"
    REPORT_FIRST = "the report comes before the answer"
    REPORT_TWICE = "and comes again"
    REPORT_LOST = "it never comes"


class Taken(NamedTuple):
    """A message that the MMSC took, for one of its receivers."""

    at: int  # µs UTC
    transaction: str
    message: str
    receiver: str  # E.164 digits
    sender: str
    subject: str
    media: tuple[tuple[str, bytes], ...]  # of the parts of the message: type, content


@dataclass(slots=True)
class Settings:
    """How the MMSC does; durations are seconds. `report_url`: where the application hears; "" = it does not."""

    report_url: str = ""
    report_after: float = 5.0
    report_again: float = 1.0  # until it is answered
    status: str = "Retrieved"
    port: int = 0  # 0: any
    first: int = 1  # MessageIDs count from here


class Door:
    """An async context manager: it listens while entered. `wall`: µs UTC; `ledger`: a file that gets a line for each message taken."""

    def __init__(self, settings: Settings, *, wall: Callable[[], int], ledger: Path | None = None) -> None:
        self.settings = settings
        self.taken: list[Taken] = []
        self.submits: Counter[str] = Counter()  # by transaction, taken or not
        self.answers: list[int] = []  # status of the application's answers to reports
        self.port = 0
        self._wall = wall
        self._ledger = ledger
        self._orders: deque[Fault] = deque()
        self._closing = asyncio.Event()
        self._number = settings.first
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mm7"

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=8 << 20)
        application.router.add_post("/mm7", self._submit)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.settings.port).start()
        self.port = self._runner.addresses[0][1]
        self._client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def order(self, fault: Fault, times: int = 1) -> None:
        """So many of the next submits meet this fault."""
        self._orders.extend([fault] * times)

    def report(self, taken: Taken, status: str = "") -> None:
        """The MMSC tells the application what became of a message."""
        self._later(self._report(taken, status or self.settings.status, 0.0))

    async def _submit(self, request: web.Request) -> web.Response:
        told = mm7.decode(request.headers.get("Content-Type", ""), await request.read())
        self.submits[told.transaction] += 1
        fault = self._orders.popleft() if self._orders else None
        match fault:
            case Fault.LOST:
                return self._cut(request)
            case Fault.THROTTLED:
                return _said(mm7.answer(told, 4006))
            case Fault.REFUSED:
                return _said(mm7.answer(told, 2001))
            case Fault.BUSY:
                return _said(mm7.answer(told, 3000))
        mine = self._take(told)
        if fault is not Fault.REPORT_LOST and self.settings.report_url:
            for number in range(2 if fault is Fault.REPORT_TWICE else 1):
                after = 0.0 if fault is Fault.REPORT_FIRST else self.settings.report_after + number
                for taken in mine:
                    self._later(self._report(taken, self.settings.status, after))
        match fault:
            case Fault.RESET:
                return self._cut(request)
            case Fault.SILENT:
                await self._closing.wait()
                return self._cut(request)
            case Fault.REPORT_FIRST:
                await asyncio.sleep(self.settings.report_after)
        return _said(mm7.answer(told, 1000, MessageID=mine[0].message))

    def _take(self, told: mm7.Message) -> list[Taken]:
        """Into the ledger, one entry a receiver."""
        message, self._number = f"mm7-{self._number:06d}", self._number + 1
        media = tuple((part.content_type.media, bytes(part.content())) for part in told.content)
        sender = told.fields.get("SenderAddress")
        name = sender.text if isinstance(sender, Address) else ""
        mine = [
            Taken(self._wall(), told.transaction, message, receiver.text.lstrip("+"), name, str(told.fields.get("Subject", "")), media)
            for receiver in told.fields["Recipients"]
        ]
        self.taken += mine
        if self._ledger is not None:
            with self._ledger.open("a", encoding="utf-8") as file:
                for taken in mine:
                    file.write(json.dumps({"transaction": taken.transaction, "message": message, "receiver": taken.receiver}) + "\n")
        return mine

    async def _report(self, taken: Taken, status: str, after: float) -> None:
        """Told again and again, as an MMSC does, until the application says that it has it."""
        assert self._client is not None
        await asyncio.sleep(after)
        fields = {
            "MessageID": taken.message,
            "Recipient": Address("number", f"+{taken.receiver}"),
            "Sender": Address("number", taken.sender),
            "Date": f"{datetime.fromtimestamp(self._wall() // SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}",
            "MMStatus": status,
        }
        content_type, body = mm7.encode(mm7.Message("DeliveryReportReq", f"r{len(self.answers)}-{taken.message}", fields))
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, DecodeError):
                async with self._client.post(self.settings.report_url, data=body, headers={"Content-Type": content_type}) as answer:
                    told = mm7.decode(answer.headers.get("Content-Type", ""), await answer.read())
                    self.answers.append(int(told.fields.get("StatusCode", 0)))
                    if self.answers[-1] == 1000:
                        return
            await asyncio.sleep(self.settings.report_again)

    def _later(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _cut(request: web.Request) -> web.Response:
        """No answer: the connection ends."""
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


def _said(message: mm7.Message) -> web.Response:
    content_type, body = mm7.encode(message)
    return web.Response(body=body, headers={"Content-Type": content_type})
