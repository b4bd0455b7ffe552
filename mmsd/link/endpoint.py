"""A small HTTP server for what a centre tells us unasked: receipts, messages, reports.

An address is `BASE/SECRET/NAME`. The secret stands for a password, since most centres can be told an address and nothing else; it is
compared in constant time, and what has the wrong one is answered like what does not exist. A request is answered when the caller has
said a word about it: what is not settled is not acknowledged, and comes again.

Every answer closes its connection: some clients lose a report when they take up one that we are just closing.
"""

from __future__ import annotations

import asyncio
import enum
import errno
import hmac
import logging
import re
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from ipaddress import ip_address
from types import TracebackType
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from mmsd.errors import ConfigError
from mmsd.link.account import secret
from mmsd.link.carry import Refuse, Settle
from mmsd.link.door import Door, leave

_log: Final = logging.getLogger(__name__)
_SECRET: Final = re.compile(rb"[A-Za-z0-9_-]{22,128}")  # 128 bits, and safe in an address


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[links.NAME.endpoint]`. Durations are seconds."""

    secret_file: str  # a part of the address: 22 to 128 of A-Z a-z 0-9 _ -; nobody else may read the file
    port: int = 8091  # each link's own
    host: str = "127.0.0.1"  # anything but loopback needs `certificate` and `key`
    public_url: str = ""  # how the centre reaches us; "": host and port
    certificate: str = ""  # PEM file
    key: str = ""  # PEM file
    body_octets: int = 4 << 20
    body_seconds: float = 10.0  # to send a request's head, and again for its body
    settle_seconds: float = 30.0  # to commit what a request brought; then "later"
    waiting: int = 256  # requests at once; more are told "later". Connections: twice as many

    def __post_init__(self) -> None:
        if bool(self.certificate) != bool(self.key):
            raise ConfigError("certificate: it and key come together; set both or neither")
        if not _is_loopback(self.host) and not self.certificate:
            raise ConfigError(f"host: {self.host} is not loopback; set certificate and key, or put a TLS proxy before us")
        url = urlsplit(self.public_url)
        if self.public_url and (url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment):
            raise ConfigError("public_url: expected scheme, host and path, such as https://mmsd.example.net/reports")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Request(NamedTuple):
    """What was asked of a name; `query` as it stood in the address."""

    name: str
    method: str
    query: str
    headers: Mapping[str, str]  # of any case
    body: bytes


class Response(NamedTuple):
    status: int
    body: bytes = b""
    content_type: str = "text/plain"


LATER: Final = Response(503)


class Word(enum.Enum):
    """What the caller said of a request."""

    SETTLED = enum.auto()
    LATER = enum.auto()  # or nothing in time
    NEVER = enum.auto()


class Endpoint:
    """One listening socket. An async context manager; leaving it says "later" to all that waits."""

    def __init__(self, settings: Settings, names: Collection[str], answer: Callable[[Request], Awaitable[Response]]) -> None:
        """`answer` is given requests for one of `names`; what it raises is a fault of ours, answered 500 and logged."""
        self._settings = settings
        self._names = frozenset(names)
        self._answer = answer
        self._secret = b""
        self._base = ""
        self._waiting = 0
        self._owed: set[asyncio.Future[Word]] = set()
        self._closing = self._left = False
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None

    def url(self, name: str) -> str:
        """The whole address of a name, secret included, once we listen."""
        return f"{self._base}/{self._secret.decode()}/{name}"

    async def __aenter__(self) -> Self:
        """Listen. LinkError when the secret cannot be read, ConfigError when it or the certificate is no good or the port is taken."""
        settings = self._settings
        self._secret = await asyncio.to_thread(secret, settings.secret_file)
        if not _SECRET.fullmatch(self._secret):
            raise ConfigError("endpoint.secret_file: expected 22 to 128 of A-Z a-z 0-9 _ -; make one with `openssl rand -hex 16`")
        context = await asyncio.to_thread(_tls, settings)
        application = web.Application(client_max_size=settings.body_octets)
        application.router.add_route("*", "/{secret}/{name}", self._serve)
        wire = logging.getLogger(f"{__name__}.wire")
        wire.addFilter(_without_bytes)
        runner = web.AppRunner(
            application, access_log=None, logger=wire, handle_signals=False, shutdown_timeout=2.0, lingering_time=1.0,
            keepalive_timeout=settings.body_seconds,  # which aiohttp counts from the connection on, until a head is read
        )  # fmt: skip
        await runner.setup()
        handshake = settings.body_seconds if context is not None else None
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                lambda: Door(lambda: self._handler(runner)), settings.host, settings.port, ssl=context, ssl_handshake_timeout=handshake
            )
        except OSError as error:
            await runner.cleanup()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise ConfigError(f"endpoint.port: {settings.port} is taken or not ours to use; set another") from None
            raise ConfigError(f"endpoint.host: cannot listen on {settings.host}: {error.strerror}") from None
        self._runner, self._closing, self._left = runner, False, False
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        base = f"{'https' if context else 'http'}://{host}:{self._listening.sockets[0].getsockname()[1]}"
        self._base = settings.public_url.rstrip("/") or base
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing = self._left = True
        for owed in self._owed:
            _say(owed, Word.LATER)
        if self._listening is not None:
            await leave(self._listening)
            self._listening = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def busy(self) -> int:
        """Requests that are not answered yet."""
        return self._waiting

    def quiet(self) -> None:
        """Take nothing new: "later" to all that comes from now on."""
        self._closing = True

    async def paid(self) -> None:
        """Wait until nothing is owed any more."""
        if self._owed:
            await asyncio.wait(self._owed)

    async def owe(self, offer: Callable[[Settle, Refuse], None]) -> Word:
        """What the caller says of something offered to it with two ways to say it; "later" when it says nothing in time."""
        if self._closing:
            return Word.LATER
        owed: asyncio.Future[Word] = asyncio.get_running_loop().create_future()

        async def settle() -> None:
            _say(owed, Word.SETTLED)

        async def refuse(permanent: bool) -> None:
            _say(owed, Word.NEVER if permanent else Word.LATER)

        self._owed.add(owed)
        try:
            offer(settle, refuse)
            async with asyncio.timeout(self._settings.settle_seconds):
                return await owed
        except TimeoutError:
            return Word.LATER
        finally:
            self._owed.discard(owed)

    def _handler(self, runner: web.AppRunner) -> asyncio.Protocol | None:
        """What serves one more connection; None: it is one too many, or came too late."""
        server = runner.server
        if self._left or server is None or len(server.connections) >= 2 * self._settings.waiting:
            return None
        return server()

    async def _serve(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        given = request.match_info["secret"].encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._secret) or name not in self._names:
            answer = Response(404)
        elif self._waiting >= self._settings.waiting:
            answer = LATER
        else:
            self._waiting += 1
            try:
                answer = await self._read_and_answer(name, request)
            finally:
                self._waiting -= 1
        response = web.Response(status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type, "Server": "mmsd"})
        if answer.status == LATER.status:
            response.headers["Retry-After"] = "5"
        response.force_close()
        return response

    async def _read_and_answer(self, name: str, request: web.Request) -> Response:
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                body = await request.read()
        except TimeoutError:
            return Response(408)
        except web.HTTPRequestEntityTooLarge:
            return Response(413)
        try:
            return await self._answer(Request(name, request.method, request.rel_url.raw_query_string, request.headers, body))
        except Exception:  # noqa: BLE001 - a loop's edge: one request fails, the endpoint goes on
            _log.exception("a %s could not be answered", name)
            return Response(500)


def _say(owed: asyncio.Future[Word], word: Word) -> None:
    if not owed.done():
        owed.set_result(word)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"endpoint.certificate: cannot be used: {error}") from None
    return context


def _without_bytes(record: logging.LogRecord) -> bool:
    """aiohttp's tracebacks of bytes that are no HTTP quote them: keep the fact, drop the quotation."""
    if record.exc_info:
        kind = record.exc_info[0]
        record.msg, record.args = f"{record.getMessage()}: {kind.__name__ if kind else 'error'}", ()
        record.exc_info = record.exc_text = None
    return True
