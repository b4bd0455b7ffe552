"""`POST /taps/mm1`: what handsets submit, copied by a proxy that does not wait for us.

A request is answered when its body is here, before anything is done with it: 204, or 503 when too much waits. A message is sealed and
written to the spool behind that; acknowledgements and whatever else handsets post is let go. Who may send is said by address and by a
token, and nothing of what anybody else sends is looked at; who the handset was, by a header that the gateway sets.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import logging
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from types import TracebackType
from typing import Final, Self

import msgspec
from aiohttp import web

from mmsd.errors import ConfigError
from mmsd.link.account import secret
from mmsd.link.door import leave

_log: Final = logging.getLogger(__name__)

PATH: Final = "/taps/mm1"
MESSAGE: Final = b"\x8c\x80"
"""What an M-Send.req begins with: X-Mms-Message-Type (OMA-MMS-ENC 6.1.1). M-Forward.req holds no content."""
TOKEN: Final = "X-Tap-Token"  # noqa: S105  # the header it comes in


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[copies.mirror]`."""

    host: str = "127.0.0.1"
    port: int = 8092
    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")  # addresses that may send
    token_file: str = ""  # its text must come in X-Tap-Token; "": addresses alone say who may send
    number_headers: tuple[str, ...] = (
        "X-WAP-MSISDN",
    )  # that the gateway sets, whatever a handset sends; the first that is there names the sender
    body_octets: int = 1 << 20  # not below what the MMSC takes
    waiting: int = 64  # bodies that wait for the disk
    spooled: int = 100_000  # copies that may wait to be looked into
    nodes: tuple[str, ...] = ()  # MMSCs of which every submit comes here: those without a copy are told

    def __post_init__(self) -> None:
        for each in self.allow:
            try:
                ip_network(each)
            except ValueError:
                raise ConfigError(f"allow: {each!r} is no network, such as 10.1.0.0/16") from None


class Mirror:
    """One listening socket; an async context manager. `put(at, sender, pdu)` keeps a copy: False when there is no room, OSError."""

    def __init__(self, settings: Settings, put: Callable[[int, str, bytes], bool], *, wall: Callable[[], int]) -> None:
        self._settings = settings
        self._put = put
        self._wall = wall
        self._networks = tuple(ip_network(each) for each in settings.allow)
        self._token = b""
        self._waiting: asyncio.Queue[tuple[int, str, bytes]] = asyncio.Queue(settings.waiting)
        self._writing: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None
        self.address = ("", 0)
        self.counts: Counter[str] = Counter()  # taken, other, full, too large, refused

    async def __aenter__(self) -> Self:
        """Listen. ConfigError when the port is taken or the token cannot be read."""
        settings = self._settings
        if settings.token_file:
            self._token = await asyncio.to_thread(secret, settings.token_file)
        application = web.Application(client_max_size=settings.body_octets)
        application.router.add_post(PATH, self._take)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await self._runner.setup()
        server = self._runner.server
        assert server is not None, "it is set up"
        try:
            self._listening = await asyncio.get_running_loop().create_server(server, settings.host, settings.port)
        except OSError as error:
            await self._runner.cleanup()
            what = "is taken or not ours to use; set another" if error.errno in (errno.EADDRINUSE, errno.EACCES) else str(error.strerror)
            raise ConfigError(f"copies.mirror.port: {settings.host}:{settings.port} {what}") from None
        self.address = self._listening.sockets[0].getsockname()[:2]
        self._writing = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._listening is not None:
            await leave(self._listening)
        if self._runner is not None:
            await self._runner.cleanup()
        await self.written()
        if self._writing is not None:
            self._writing.cancel()

    async def written(self) -> None:
        """Waits until what was taken so far is kept, or dropped."""
        await self._waiting.join()

    async def _take(self, request: web.Request) -> web.Response:
        told = request.headers.get(TOKEN, "").encode("utf-8", "replace")
        peer = request.remote
        if peer is None or not any(ip_address(peer) in network for network in self._networks) or not hmac.compare_digest(told, self._token):
            self.counts["refused"] += 1
            return web.Response(status=404)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            self.counts["too large"] += 1
            return web.Response(status=413)
        if not body.startswith(MESSAGE):
            self.counts["other"] += 1
            return web.Response(status=204)
        try:
            self._waiting.put_nowait((self._wall(), self._sender(request), body))
        except asyncio.QueueFull:
            self.counts["full"] += 1
            return web.Response(status=503)
        return web.Response(status=204)

    def _sender(self, request: web.Request) -> str:
        """As the gateway says; "" where nothing does, or two headers of one name: one of them is the handset's own."""
        for name in self._settings.number_headers:
            told = request.headers.getall(name, [])
            if any(told):
                return told[0] if len(told) == 1 else ""
        return ""

    async def _write(self) -> None:
        while True:
            copy = await self._waiting.get()
            try:
                kept = await asyncio.to_thread(self._put, *copy)
                self.counts["taken" if kept else "full"] += 1
            except OSError as error:
                self.counts["full"] += 1
                _log.warning("a copy could not be kept: %s", error.strerror)
            finally:
                self._waiting.task_done()
