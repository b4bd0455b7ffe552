"""The hand-over list to the operator's business system: one POST for each case, signed, with the number in its body.

    POST <url>
    Content-Type: application/json
    Idempotency-Key: 17.1
    Mmsd-Timestamp: 1795344960
    Mmsd-Signature: sha256=<HMAC-SHA-256 over "timestamp.body" under the secret, in hex>

2xx: taken. 408, 425, 429, 5xx, or no answer: asked again. Anything else: refused, and not asked again. What was taken may come a second
time, when the answer to the first was lost; its Idempotency-Key is the same then.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import ssl
from collections.abc import Callable, Mapping
from enum import Enum
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec

from mmsd.errors import ConfigError, LinkDown
from mmsd.link.account import secret
from mmsd.link.http import check_url, spoken, trust, why
from mmsd.link.pace import SECOND

LEAST_SECRET: Final = 16
"""Octets."""
_ANSWER_OCTETS: Final = 4096
_AGAIN: Final = frozenset({408, 425, 429})


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[handover]`: whom the hand-over list is told to."""

    url: str  # https, or http on this host: a full number goes there
    secret_file: str  # what requests are signed with; nobody but its owner may read it
    ca_file: str = ""  # PEM; "": the system's
    kinds: tuple[str, ...] = ("activation", "settings")  # of cases
    timeout: float = 10.0  # seconds
    retry: float = 5.0  # seconds, doubled each time …
    retry_limit: float = 600.0  # … up to this


class Verdict(Enum):
    """What the other side said."""

    TAKEN = "taken"
    REFUSED = "refused"


class Said(NamedTuple):
    """`reason`: why not, in words that name nobody; "" of what was taken."""

    verdict: Verdict
    reason: str = ""


def check(settings: Settings) -> None:
    """ConfigError where a full number would leave this host in the clear."""
    check_url(settings.url, "url")
    parts = urlsplit(settings.url)
    if parts.scheme != "https" and not _here(parts.hostname or ""):
        raise ConfigError("url: full numbers go there: https, or an address of this host")


def signature(key: bytes, timestamp: int, body: bytes) -> str:
    """Of a request, as the receiver makes it again.

    >>> signature(b"sixteen octets..", 1795344960, b'{}')[:15]
    'sha256=d009f5fc'
    """
    return "sha256=" + hmac.new(key, b"%d." % timestamp + body, hashlib.sha256).hexdigest()


class Webhook:
    """An open way to the business system. `wall`: µs UTC."""

    def __init__(self, settings: Settings, *, wall: Callable[[], int]) -> None:
        self._settings = settings
        self._wall = wall
        self._key = b""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """ConfigError or LinkError when a file is no good."""
        check(self._settings)
        self._key = await asyncio.to_thread(secret, self._settings.secret_file)
        if len(self._key) < LEAST_SECRET:
            raise ConfigError(f"handover.secret_file: {LEAST_SECRET} octets at least; make one with `openssl rand -hex 16`")
        https = urlsplit(self._settings.url).scheme == "https"
        context: ssl.SSLContext | bool = await asyncio.to_thread(trust, self._settings.ca_file) if https else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, force_close=True, ssl=context),
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "mmsd"},
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()

    async def tell(self, name: str, row: Mapping[str, Any]) -> Said:
        """One case; `name` is the same whenever it is told. LinkDown: nobody took it, and it is to be told again."""
        assert self._session is not None  # we were entered
        body = msgspec.json.encode(row)
        timestamp = self._wall() // SECOND
        headers = {
            "Content-Type": "application/json", "Idempotency-Key": name, "Mmsd-Timestamp": str(timestamp),
            "Mmsd-Signature": signature(self._key, timestamp, body),
        }  # fmt: skip
        try:
            async with self._session.post(self._settings.url, data=body, headers=headers, allow_redirects=False) as answer:
                words = (await answer.content.read(_ANSWER_OCTETS)).decode("utf-8", "replace").strip()
        except TimeoutError as error:
            raise LinkDown(f"no answer within {self._settings.timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise LinkDown(why(error)) from error
        if 200 <= answer.status < 300:
            return Said(Verdict.TAKEN)
        if answer.status >= 500 or answer.status in _AGAIN:
            raise LinkDown(f"HTTP {answer.status}")
        return Said(Verdict.REFUSED, spoken(words, f"HTTP {answer.status}"))


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
