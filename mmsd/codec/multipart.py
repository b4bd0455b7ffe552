"""Multiparts in their binary form (WAP-230 8.5): the entries of an MMS body, both ways, their contents never copied.

Tolerant in: what breaks a rule is named in `faults` and the rest is read; a last entry that was cut is given as far as it goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, cast

from mmsd.codec import text, wsp
from mmsd.codec.tables import charsets
from mmsd.codec.tables import wsp as table
from mmsd.codec.wsp import ContentType, HeaderValue
from mmsd.errors import DecodeError, EncodeError
from mmsd.fast import read_parts
from mmsd.fast.wire_py import PARAMETERS

_CLAUSE: Final = "WAP-230 8.5.3"
_LIMIT: Final = 1000
"""Entries of one multipart. Handsets send a dozen; this bounds what a megabyte of garbage costs."""

UNKNOWN: Final = ContentType("application/octet-stream")
"""Of a part whose own Content-Type cannot be read."""


class Part(NamedTuple):
    """One entry: its headers, and its content as a view of the bytes it was read from."""

    content_type: ContentType
    headers: tuple[tuple[str, HeaderValue], ...]
    body: memoryview
    at: int = 0  # place of the content in those bytes

    def get(self, name: str) -> HeaderValue | None:
        """The first header of that name, as it stands."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def location(self) -> str:
        """Content-Location; empty when there is none."""
        return _text(self.get("content-location"))

    @property
    def cid(self) -> str:
        """Content-ID, in the angle brackets it came with; empty when there is none."""
        return _text(self.get("content-id")).removesuffix('"')

    @property
    def name(self) -> str:
        """What the content was called: name or filename of its Content-Type or its Content-Disposition; empty when nothing is said."""
        pairs = list(self.content_type.parameters)
        match self.get("content-disposition"):
            case (str(), tuple(said)):
                pairs += cast("tuple[tuple[str, int | bytes], ...]", said)
        return next((_text(value) for name, value in pairs if isinstance(value, bytes) and name in {"name", "filename"}), "")

    @property
    def charset(self) -> int | None:
        """MIBenum of the charset parameter; None when there is none, 0 for one that is not known or that says "any"."""
        value = self.content_type.get("charset")
        if isinstance(value, int):
            return value
        return None if value is None else charsets.NAMES.get(value.decode("latin-1").lower(), charsets.ANY)

    @property
    def text(self) -> str:
        """The content as text, in its character set or in what is guessed."""
        return text.decode(bytes(self.body), self.charset or charsets.ANY)


def _text(value: object) -> str:
    """A text header as people read it, its opening quote gone."""
    return text.decode(value.removeprefix(b'"')) if isinstance(value, bytes) else ""


class Multipart(NamedTuple):
    """Entries, what was survived in reading them, the places behind the last one and of the first."""

    parts: tuple[Part, ...]
    faults: tuple[DecodeError, ...]
    stop: int
    first: int


NAMES: Final = tuple(
    row.name if row.alone == "t" else "" for row in (*table.HEADERS, *(table.Header("") for _ in range(128 - len(table.HEADERS))))
)


def is_multipart(media: str) -> bool:
    """Whether a content of that media type has entries.

    >>> is_multipart("application/vnd.wap.multipart.related"), is_multipart("multipart/mixed"), is_multipart("image/jpeg")
    (True, True, False)
    """
    return media in _ASSIGNED or media.lower().startswith(_PREFIXES)


_PREFIXES: Final = ("application/vnd.wap.multipart.", "multipart/")
_ASSIGNED: Final = frozenset(media for media in table.MEDIA if media.startswith(_PREFIXES))


def decode(data: bytes, start: int, stop: int) -> Multipart:
    """The multipart at [start, stop). Never raises.

    >>> [bytes(part.body) for part in decode(bytes.fromhex("01 0102 83 6869"), 0, 6).parts]
    [b'hi']
    """
    parts: list[Part] = []
    faults: list[DecodeError] = []
    if start < stop and data[start] < 0x80:  # nearly always
        count, first = data[start], start + 1
    else:
        try:
            count, first = wsp.decode_uintvar(data, start)
        except DecodeError:
            first = len(data) + 1
        if first > stop:
            fault = DecodeError("no entries, and not even their number", offset=start, clause="WAP-230 8.5.2")
            return Multipart((), (fault,), start, start)
    allowed = count if count < _LIMIT else _LIMIT
    at = read_parts(data, first, stop, allowed, wsp.KINDS, NAMES, Part, parts)
    if at == stop and len(parts) == count:
        return Multipart(tuple(parts), (), at, first)
    while len(parts) < allowed and at < stop:
        try:
            part, at = _entry(data, at, stop, faults)
        except DecodeError as fault:
            faults.append(fault)
            break
        parts.append(part)
        at = read_parts(data, at, stop, allowed, wsp.KINDS, NAMES, Part, parts)
    if count > _LIMIT:
        faults.append(DecodeError("too many entries", offset=start, clause=_CLAUSE))
    elif len(parts) < count:
        faults.append(DecodeError(f"{count} entries are announced, {len(parts)} are there", offset=start, clause="WAP-230 8.5.2"))
    elif at < stop:
        faults.append(DecodeError(f"{stop - at} octets follow the last entry", offset=at, clause="WAP-230 8.5.2"))
    return Multipart(tuple(parts), tuple(faults), at, first)


def _entry(data: bytes, at: int, stop: int, faults: list[DecodeError]) -> tuple[Part, int]:
    """An entry that the kernel left. DecodeError when its headers do not lie within the multipart."""
    header_size, start = wsp.decode_uintvar(data, at)
    body_size, start = wsp.decode_uintvar(data, start)
    body_at = start + header_size
    if body_at > stop:
        raise DecodeError("an entry's headers run past the end", offset=at, clause=_CLAUSE)
    content_type, place = UNKNOWN, start
    try:
        place = wsp.skip_value(data, start) if header_size else body_at
        content_type = wsp.decode_content_type(data, start, min(place, body_at))
    except DecodeError as fault:
        faults.append(fault)
    headers: list[tuple[str, HeaderValue]] = []
    try:
        while place < body_at:
            if len(headers) == PARAMETERS:
                raise DecodeError("too many headers", offset=place, clause=_CLAUSE)
            name, value, place = wsp.decode_header(data, place, body_at)
            headers.append((name, value))
    except DecodeError as fault:
        faults.append(fault)
    behind = body_at + body_size
    if behind > stop:
        faults.append(DecodeError(f"content is cut short: {stop - body_at} of {body_size} octets", offset=body_at, clause=_CLAUSE))
        behind = stop
    return Part(content_type, tuple(headers), memoryview(data)[body_at:behind], body_at), behind


def encode(parts: Iterable[Part]) -> bytes:
    """A multipart of the parts in the order given. EncodeError for a header value that its form does not take.

    >>> encode([Part(ContentType("text/plain"), (("Content-Location", b"a"),), memoryview(b"hi"))]).hex()
    '010402838e61006869'
    """
    octets: list[bytes | memoryview] = []
    count = 0
    for part in parts:
        headers = wsp.encode_content_type(part.content_type) + b"".join(wsp.encode_header(name, value) for name, value in part.headers)
        octets += [wsp.encode_uintvar(len(headers)) + wsp.encode_uintvar(part.body.nbytes) + headers, part.body]
        count += 1
    if count > _LIMIT:
        raise EncodeError(f"a multipart of {count} parts is nobody's message")
    return wsp.encode_uintvar(count) + b"".join(octets)


def part(media: str, content: bytes, *, charset: int = 0, name: str = "", cid: str = "") -> Part:
    """A part as handsets write it: `name` as parameter and Content-Location, `cid` as quoted Content-ID, charset by MIBenum (0 = none).

    >>> encode([part("text/plain", b"hi", charset=106, name="a", cid="1")]).hex()
    '011002068381ea856100c0223c313e008e61006869'
    """
    parameters: list[tuple[str, int | bytes]] = [("charset", charset)] if charset else []
    headers: list[tuple[str, HeaderValue]] = []
    if name:
        parameters.append(("name", name.encode()))
    if cid:
        headers.append(("Content-ID", b'"<' + cid.encode() + b">"))
    if name:
        headers.append(("Content-Location", name.encode()))
    return Part(ContentType(media, tuple(parameters)), tuple(headers), memoryview(content))


def find(parts: Iterable[Part], source: str) -> Part | None:
    """The part that a SMIL source means: behind `cid:` first of all a Content-ID, else a Content-Location, then a name.

    >>> find([part("text/plain", b"", name="a.txt", cid="1")], "cid:1").name
    'a.txt'
    """
    known = list(parts)
    bare = source[4:] if source.lower().startswith("cid:") else source
    if not bare:
        return None
    by_id = next((part for part in known if part.cid.strip("<>") == bare.strip("<>")), None)
    if by_id is not None and bare != source:
        return by_id
    return next((part for part in known if part.location == bare), next((part for part in known if part.name == bare), by_id))
