"""How the web speaks: JSON answers, errors that say what to do, and query parameters that are checked.

No answer repeats what a caller sent when it could be a phone number, and no error shows an address, a path of this host or a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, NoReturn, Protocol, TypeVar

import msgspec
from aiohttp import web

from mmsd.model import masked

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_T = TypeVar("_T")
_D = TypeVar("_D")

_encoder: Final = msgspec.json.Encoder(order="deterministic")
_DIGITS: Final = re.compile(r"\d{6,}")
_CONTROL: Final = re.compile(r"[^\x20-\x7e]")
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_2200: Final = 7_258_118_400_000_000
_MICROSECOND: Final = datetime.resolution


class Route(NamedTuple):
    """One address of the site. `scope`: what a token needs to allow for it; "" = open to everybody who can connect."""

    method: str
    path: str
    handler: Handler
    scope: str


class Ask(Protocol):
    """Runs a blocking read off the loop, within the time limit; Problem 503 when the store cannot answer."""

    def __call__(self, read: Callable[[], _T]) -> Awaitable[_T]: ...


class Problem(Exception):
    """A request we refuse: becomes the JSON {error, detail, remedy} with this status."""

    def __init__(self, status: int, error: str, detail: str, remedy: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.error = error
        self.detail = detail
        self.remedy = remedy
        self.headers = headers
        super().__init__(f"{status} {error}: {detail}")

    def response(self) -> web.Response:
        body = {"error": self.error, "detail": self.detail, "remedy": self.remedy}
        return reply(body, status=self.status, headers=self.headers)


def encoded(value: object) -> bytes:
    return _encoder.encode(value)


def reply(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=encoded(value), status=status, content_type="application/json", charset="utf-8", headers=headers)


def shown(text: str) -> str:
    """A caller's word fit for an error text or a log line: printable, short, long runs of digits struck out.

    >>> shown("8613812341234\\x1b[31m")
    '…?[31m'
    """
    return _DIGITS.sub("…", _CONTROL.sub("?", text[:64]))


def refuse(parameter: str, value: str, wanted: str) -> NoReturn:
    raise Problem(400, "bad_parameter", f"{parameter}={shown(value)!r} is not {wanted}", "See docs/http.md for what each parameter takes.")


def known_only(request: web.Request, *names: str) -> dict[str, str]:
    """The query as a dict. Problem 400 names a key that is unknown or there twice."""
    query: dict[str, str] = {}
    for key, value in request.query.items():
        if key not in names:
            taken = f"This address takes: {', '.join(names)}." if names else "This address takes no parameters."
            remedy = f"{taken} A phone number goes in a POST body, never in an address."
            raise Problem(400, "unknown_parameter", f"unknown parameter {shown(key)!r}", remedy)
        if key in query:
            raise Problem(400, "repeated_parameter", f"parameter {key!r} stands more than once", "Give it once.")
        query[key] = value
    return query


def whole(query: Mapping[str, str], name: str, default: _D, lowest: int, highest: int) -> int | _D:
    """A whole number in [lowest, highest]. Problem 400 otherwise."""
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 19 or not lowest <= int(text) <= highest:
        refuse(name, text, f"a whole number from {lowest} to {highest}")
    return int(text)


def moment(query: Mapping[str, str], name: str) -> int | None:
    """An ISO 8601 time with zone as µs UTC. Problem 400 otherwise."""
    text = query.get(name)
    if text is None:
        return None
    try:
        # A plus sign in a query is a blank: 10:00:00+08:00 arrives as "10:00:00 08:00".
        value = datetime.fromisoformat(re.sub(r" (?=\d\d:\d\d\Z)", "+", text[:40]))
    except ValueError:
        refuse(name, text, "an ISO 8601 time such as 2026-11-22T10:00:00Z")
    if value.tzinfo is None:
        refuse(name, text, "a time with a zone such as 2026-11-22T10:00:00Z")
    micros = (value - _FIRST) // _MICROSECOND
    if not 0 <= micros < _YEAR_2200:
        refuse(name, text, "a time between 1970 and 2200")
    return micros


def iso(micros: int) -> str | None:
    """µs UTC as ISO 8601; None for 0, which stands for "never".

    >>> iso(1_795_341_600_000_000), iso(1_500_000), iso(0)
    ('2026-11-22T10:00:00Z', '1970-01-01T00:00:01.500000Z', None)
    """
    if micros == 0:
        return None
    return (_FIRST + micros * _MICROSECOND).isoformat().removesuffix("+00:00") + "Z"


_NUMBER: Final = re.compile(r"\+?\d{9,15}\Z")


def veiled(value: Any) -> Any:
    """`value` with every string in it that is a phone number masked.

    >>> veiled({"of": ["8613812341234", "mmsc1"], "n": 7})
    {'of': ['86138****1234', 'mmsc1'], 'n': 7}
    """
    if isinstance(value, str):
        return masked(value) if _NUMBER.match(value) else value
    if isinstance(value, dict):
        return {key: veiled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [veiled(item) for item in value]
    return value


_NUMBER_IN: Final = re.compile(r"(?<![0-9A-Za-z])\d{9,20}(?![0-9A-Za-z])")


def veiled_in(text: str) -> str:
    """A text of a log, such as a path, with whatever in it may be a number masked: nine digits or more on their own.

    >>> veiled_in("/mms?to=8613812341234&t=12")
    '/mms?to=86138****1234&t=12'
    """
    return _NUMBER_IN.sub(lambda found: masked(found[0]), text)


async def posted(request: web.Request, kind: type[_T], *, limit: int = 0) -> _T:
    """The JSON body as `kind`; `limit`: octets, where it may be longer than others.

    Problem 415 for another type, 413 for one too long, 400 for a body that does not fit (its contents are not repeated).
    """
    if request.content_type != "application/json":
        raise Problem(415, "not_json", "the body is not application/json", "Send `Content-Type: application/json`.")
    body = await _long(request, limit) if limit else await request.read()
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):  # the library's words may quote the body
        raise Problem(400, "bad_body", "the body is not the JSON object this address takes", "See docs/http.md for an example.") from None


async def _long(request: web.Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise Problem(413, "body_too_long", "the body is longer than allowed", f"{limit:,} octets are the most here.")
    return bytes(body)
