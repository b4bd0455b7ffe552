"""What links over HTTP share: requests one by one at a pace, an endpoint for what comes back, and the events of both.

A request has its own connection, so that what is known of it is certain: no connection, nothing was written; no answer, it may have been
taken. There is no session: a link is up when the peer's port opens, until a connection fails or the peer turns us away as a whole; then it
is down for a growing pause, and looks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import re
import socket
import ssl
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Final, Generic, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp

from mmsd.errors import ConfigError, LinkDown, LinkError
from mmsd.link.carry import Down, Health, Owed, Refuse, Settle, Up
from mmsd.link.endpoint import Endpoint, Word
from mmsd.link.pace import SECOND, Pace, pause

_CONNECT_SECONDS: Final = 10.0
_NOT_YET: Final = "not connected yet"
_E = TypeVar("_E")


class Peer(NamedTuple):
    """Whom to ask, and how hard. Durations are seconds, `rate` requests a second."""

    name: str  # for people: "Kannel"
    url: str
    ca_file: str
    rate: float
    window: int
    timeout: float
    retry: float
    retry_limit: float
    answer_octets: int
    leave: float


class Reply(NamedTuple):
    """What the peer answered; `asked`: when, µs of the loop's clock."""

    status: int
    headers: Mapping[str, str]  # of any case
    body: bytes
    asked: int


class Unanswered(LinkError):
    """The request went out, no whole answer came back."""


def check_url(url: str, key: str) -> None:
    """ConfigError, naming `key`, for what is no address to post to."""
    parts = urlsplit(url)
    try:
        sound = parts.scheme in ("http", "https") and parts.hostname and not parts.username and not parts.fragment and parts.port != 0
    except ValueError:  # of the port
        sound = False
    if not sound:
        raise ConfigError(f"{key}: expected an http or https address without user or password")


def spoken(said: str, otherwise: str) -> str:
    """A peer's words as they may be shown: none with digits enough for a number, none too long.

    >>> spoken("Not routable", "HTTP 403"), spoken("no 8613900000001 here", "HTTP 403")
    ('Not routable', 'HTTP 403')
    """
    fit = 0 < len(said) <= 100 and said.isprintable() and not re.search(r"[0-9]{5}", said)
    return said if fit else otherwise


class HttpLink(Generic[_E]):
    """The half of a link that is the same for all: `_post`, the events, and leaving. `random`: a number in [0, 1)."""

    def __init__(self, peer: Peer, endpoint: Endpoint | None, *, random: Callable[[], float]) -> None:
        self._peer = peer
        self._endpoint = endpoint
        self._random = random
        self._counts: Counter[str] = Counter()
        self._events: deque[_E | Up | Down | None] = deque()  # None: the end
        self._came = asyncio.Event()
        self._window = asyncio.Semaphore(peer.window)
        self._pacing = asyncio.Lock()
        self._pace = Pace(peer.rate, now=0)  # of this loop once we are entered
        self._resume = 0  # µs: after a throttling
        self._moved = asyncio.Event()  # whoever waits for the pace may have nothing to wait for any more
        self._throttlings = 0  # in a row
        self._session: aiohttp.ClientSession | None = None
        self._asking = 0
        self._error = _NOT_YET
        self._known = asyncio.Event()  # whether we are up or down
        self._failures = 0
        self._probing: asyncio.Task[None] | None = None
        self._quiet = asyncio.Event()  # told when a request or a debt is done, while leaving

    # ------------------------------------------------------------------------------------------------------ as carry.Link has it

    async def __aenter__(self) -> Self:
        """LinkError or ConfigError when a file or the endpoint's port is no good."""
        self._pace = Pace(self._peer.rate, now=self._now())
        context = await asyncio.to_thread(trust, self._peer.ca_file) if urlsplit(self._peer.url).scheme == "https" else True
        if self._endpoint is not None:
            await self._endpoint.__aenter__()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, force_close=True, ssl=context),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "mmsd"},
        )
        self._probing = asyncio.create_task(self._probe(""))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """As `leave`, but nobody takes events any more: what was not taken comes again."""
        for event in list(self._events):
            if isinstance(event, Owed):
                await event.refuse()
        await self.leave()

    async def leave(self) -> None:
        """Take nothing new, wait for answers and for what is owed to be settled, as long as the settings allow, and end."""
        session, self._session = self._session, None
        if session is None:
            return
        if self._endpoint is not None:
            self._endpoint.quiet()
        self._known.set()
        self._moved.set()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._peer.leave):
                    while self._asking:
                        self._quiet.clear()
                        await self._quiet.wait()
                    if self._endpoint is not None:
                        await self._endpoint.paid()
        finally:
            await session.close()
            if self._probing is not None:
                self._probing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._probing
            if self._endpoint is not None:
                await self._endpoint.__aexit__(None, None, None)
            self._put(Down("left", None))
            self._put(None)

    async def events(self) -> AsyncIterator[_E | Up | Down]:
        """What comes in, for one task; it ends when the link does."""
        while True:
            while self._events:
                event = self._events.popleft()
                if event is None:
                    self._put(None)  # whoever asks again is told so again
                    return
                yield event
            self._came.clear()
            await self._came.wait()

    def canonical(self, message_id: str) -> str:
        return message_id

    @property
    def health(self) -> Health:
        return Health("down" if self._error else "up", self._error)

    @property
    def counts(self) -> Mapping[str, int]:
        """How often, by name: accepted, refused, throttled, uncertain, down; receipts, incoming, unreadable, settled, unsettled."""
        return dict(self._counts)

    # -------------------------------------------------------------------------------------------------------------- outwards

    async def _post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The peer's answer, whatever it says. LinkDown when nothing was written, Unanswered when the answer is lost."""
        async with self._window:
            async with self._pacing:
                await self._clear_way()
            await self._known.wait()
            session = self._open()
            self._asking += 1
            try:
                return await self._ask(session, headers, body)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                raise self._down(f"no connection to {self._peer.name}: {why(error)}") from None
            except TimeoutError:
                raise Unanswered(f"no answer within {self._peer.timeout:g} s") from None
            except (aiohttp.ClientError, OSError) as error:
                raise Unanswered(f"the answer was lost: {type(error).__name__}") from None
            finally:
                self._asking -= 1
                self._quiet.set()

    async def _ask(self, session: aiohttp.ClientSession, headers: Mapping[str, str], body: bytes) -> Reply:
        asked = self._now()
        async with (
            asyncio.timeout(self._peer.timeout),
            session.post(self._peer.url, headers=headers, data=body, allow_redirects=False) as response,
        ):
            octets = b""
            while chunk := await response.content.read(65536):
                octets += chunk
                if len(octets) > self._peer.answer_octets:
                    raise Unanswered(f"an answer of more than {self._peer.answer_octets} octets")
            return Reply(response.status, response.headers, octets, asked)

    async def _clear_way(self) -> None:
        """Until pace and throttling let one more go. LinkDown as soon as there is nobody to ask any more."""
        while True:
            self._moved.clear()
            if self._known.is_set():
                self._open()
            wait = self._wait()
            if not wait:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait / SECOND):
                    await self._moved.wait()

    def _open(self) -> aiohttp.ClientSession:
        """LinkDown while the peer is not to be asked."""
        if self._session is None:
            raise LinkDown("the link is being closed")
        if self._error:
            raise LinkDown(self._error)
        return self._session

    def _wait(self) -> int:
        """0: one may go now; else µs."""
        now = self._now()
        return max(self._resume - now, 0) or self._pace.take(now)

    def _well(self) -> None:
        """The peer took a message: the pauses begin anew."""
        self._failures = self._throttlings = 0

    def _throttled(self, reply: Reply) -> None:
        """Silence that doubles each time, then half the rate; once for all that were on their way together."""
        self._counts["throttled"] += 1
        now = self._now()
        if reply.asked >= self._resume:
            silent = min(math.ldexp(self._peer.retry, min(self._throttlings, 60)), self._peer.retry_limit)
            self._resume = now + int(silent * (1 + self._random() / 2) * SECOND)
            self._throttlings += 1
        self._pace.throttled(asked=reply.asked, now=now, silent_until=self._resume)

    def _down(self, why: str) -> LinkDown:
        """The peer cannot be reached, or turns us away as a whole: nothing is asked of it for a while."""
        if self._probing is None or self._probing.done():
            self._counts["down"] += 1
            self._error = why
            self._moved.set()
            self._probing = asyncio.create_task(self._probe(why))
        return LinkDown(why)

    async def _probe(self, why: str) -> None:
        """Up as soon as the peer's port opens; it is looked at after a pause where `why` says what was wrong just now."""
        while True:
            if why:
                self._failures += 1
                wait = pause(self._peer.retry, self._peer.retry_limit, self._failures, self._random())
                self._error = why
                self._put(Down(why, wait))
                self._known.set()
                await asyncio.sleep(wait)
            why = await self._look()
            if not why:
                break
        self._error = ""
        self._put(Up())
        self._known.set()

    async def _look(self) -> str:
        """What is wrong with the peer's port; "" when it opens."""
        url = urlsplit(self._peer.url)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(url.hostname, url.port or (443 if url.scheme == "https" else 80))
        except (OSError, TimeoutError, UnicodeError) as error:  # the last of a name that no host can have
            return f"no connection to {self._peer.name}: {why(error)}"
        writer.close()
        return ""

    # --------------------------------------------------------------------------------------------------------------- inwards

    async def _owe(self, told: Callable[[Settle, Refuse], _E]) -> Word:
        """Tell what came in, and what the caller says of it. What it has not taken in time it will not: it comes again."""
        assert self._endpoint is not None
        offered: list[_E] = []

        def offer(settle: Settle, refuse: Refuse) -> None:
            offered.append(told(settle, refuse))
            self._put(offered[0])

        word = await self._endpoint.owe(offer)
        left = [event for event in self._events if not any(event is one for one in offered)]  # the same one: another may be equal
        if len(left) < len(self._events):
            self._events.clear()
            self._events.extend(left)
        self._counts["settled" if word is Word.SETTLED else "unsettled"] += 1
        return word

    def _put(self, event: _E | Up | Down | None) -> None:
        self._events.append(event)
        self._came.set()

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * SECOND)


def trust(ca_file: str) -> ssl.SSLContext:
    """Whom to believe: the PEM file's, or without one the system's. ConfigError for a file that is none."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ca_file: cannot be used: {error}") from None


def why(error: BaseException) -> str:
    """In the system's words, without addresses."""
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    match inner:
        case ssl.SSLCertVerificationError():
            return str(inner.verify_message)
        case ssl.SSLError():
            return inner.reason or "TLS failed"
        case socket.gaierror():
            return str(inner.strerror)
        case OSError(errno=int(number)):
            return os.strerror(number)
        case _:
            return type(inner).__name__
