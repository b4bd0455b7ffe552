"""MIME as HTTP and SOAP carry it (RFC 2045, 2046, 2387): header blocks, content types, multiparts in text form.

Contents are views, never copied unless a transfer encoding must be undone. Tolerant of bare line feeds, of a missing closing
delimiter and of a preamble; everything is one pass over the octets.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from mmsd.errors import DecodeError, EncodeError

PARTS_LIMIT: Final = 1000
HEADER_LIMIT: Final = 1 << 16
"""Octets of one header block."""

Octets = bytes | memoryview

Headers = tuple[tuple[str, str], ...]
"""(name in lower case, value), in their order."""

_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_LINE_END: Final = re.compile(rb"\r?\n")
_VALUE_LIMIT: Final = 4096  # characters of a Content-Type
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_IDENTITY: Final = ("", "7bit", "8bit", "binary")


class ContentType(NamedTuple):
    """A media type in lower case and its parameters, names in lower case."""

    media: str
    parameters: Mapping[str, str] = {}

    def __str__(self) -> str:
        return self.media + "".join(f'; {name}="{_escaped(value)}"' for name, value in self.parameters.items())


class Part(NamedTuple):
    """One part: its headers, and its content as it stands."""

    headers: Headers
    raw: memoryview
    at: int = 0  # place of the content in the octets it was read from

    def get(self, name: str) -> str:
        """The first header of that name; empty when there is none."""
        return get(self.headers, name)

    @property
    def content_type(self) -> ContentType:
        return decode_content_type(self.get("content-type") or "text/plain")

    @property
    def cid(self) -> str:
        """Content-ID without its angle brackets."""
        return self.get("content-id").strip("<>")

    @property
    def name(self) -> str:
        """Content-Location, else the name of the Content-Type."""
        return self.get("content-location") or self.content_type.parameters.get("name", "")

    def content(self) -> Octets:
        """The content without its transfer encoding. DecodeError for one that is broken or not known."""
        encoding = self.get("content-transfer-encoding").strip().lower()
        if encoding in _IDENTITY:
            return self.raw
        try:
            if encoding == "base64":
                return binascii.a2b_base64(self.raw)
            if encoding == "quoted-printable":
                return binascii.a2b_qp(self.raw)
        except binascii.Error as error:
            raise DecodeError(f"broken {encoding}: {error}", offset=self.at, clause="RFC 2045 6.8") from None
        raise DecodeError("transfer encoding not known", offset=self.at, clause="RFC 2045 6.1")


def get(headers: Headers, name: str) -> str:
    """The first header of that name; empty when there is none.

    >>> get((("host", "mms"),), "Host")
    'mms'
    """
    name = name.lower()
    return next((value for key, value in headers if key == name), "")


def decode_headers(data: Octets, at: int = 0, stop: int | None = None) -> tuple[Headers, int]:
    """The header block at `at` and the place behind its blank line, or `stop` when there is none. What is no UTF-8 reads as Latin-1.

    >>> decode_headers(b"A: b\\r\\n  c\\r\\n\\r\\nx")
    ((('a', 'b c'),), 13)
    """
    stop = len(data) if stop is None else stop
    empty = _LINE_END.match(data, at, stop)
    if empty is not None:
        return (), empty.end()
    found = _BLANK_LINE.search(data, at, min(stop, at + HEADER_LIMIT))
    if found is None and stop - at > HEADER_LIMIT:
        raise DecodeError("header block does not end", offset=at, clause="RFC 2046 5.1")
    block = bytes(data[at : found.start() if found else stop])
    try:
        text = block.decode()
    except UnicodeDecodeError:
        text = block.decode("latin-1")
    headers: list[list[str]] = []
    for line in text.split("\n"):
        if line[:1] in (" ", "\t") and headers:
            headers[-1].append(line.strip())
            continue
        name, colon, value = line.partition(":")
        if colon:
            headers.append([name.strip().lower(), value.strip()])
    return tuple((name, " ".join(filter(None, values))) for name, *values in headers), found.end() if found else stop


def decode_content_type(text: str) -> ContentType:
    """A Content-Type's media type and parameters; never raises. Of a repeated parameter the first counts.

    >>> decode_content_type('multipart/related; boundary="=\\\\"1"; Type=text/xml;')
    ContentType(media='multipart/related', parameters={'boundary': '="1', 'type': 'text/xml'})
    """
    media, _, rest = text[:_VALUE_LIMIT].partition(";")
    parameters: dict[str, str] = {}
    while rest := rest.strip().lstrip("; \t"):
        name, equals, rest = rest.partition("=")
        if not equals:
            break
        rest = rest.lstrip()
        quoted = _QUOTED.match(rest)
        if quoted is not None:
            value, rest = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), rest[quoted.end() :]
        else:
            value, _, rest = rest.partition(";")
        parameters.setdefault(name.strip().lower(), value.strip())
    return ContentType(media.strip().lower(), parameters)


def decode_multipart(data: Octets, boundary: str) -> tuple[Part, ...]:
    """The parts between the delimiters of `boundary`. DecodeError without any delimiter, or with too many parts.

    >>> [bytes(part.raw) for part in decode_multipart(b"--b\\r\\n\\r\\none\\r\\n--b\\nA: b\\n\\ntwo\\n--b--", "b")]
    [b'one', b'two']
    """
    if not boundary:
        raise DecodeError("multipart without a boundary", offset=0, clause="RFC 2046 5.1.1")
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary.encode("utf-8", "surrogateescape")) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    view = memoryview(data)
    parts: list[Part] = []
    begun = -1
    for found in delimiter.finditer(data):
        if begun >= 0:
            parts.append(_part(view, begun, found.start()))
        if len(parts) > PARTS_LIMIT:
            raise DecodeError(f"more than {PARTS_LIMIT} parts", offset=found.start(), clause="RFC 2046 5.1")
        begun = found.end()
        if found[1]:
            return tuple(parts)
    if begun < 0:
        raise DecodeError("the boundary is nowhere", offset=0, clause="RFC 2046 5.1.1")
    parts.append(_part(view, begun, len(data)))
    return tuple(parts)


def _part(data: memoryview, start: int, stop: int) -> Part:
    """The part whose delimiter ends at `start`, before its line end."""
    start = min(start + (2 if bytes(data[start : start + 2]) == b"\r\n" else 1), stop)
    headers, body = decode_headers(data, start, stop)
    return Part(headers, data[body:stop], body)


def encode_multipart(parts: Iterable[tuple[Headers, Octets]], boundary: str) -> bytes:
    """Parts between delimiters, binary. EncodeError for a boundary that is none, that a content holds, or for a broken header.

    >>> encode_multipart([((("Content-Type", "text/plain"),), b"one")], "b")
    b'--b\\r\\nContent-Type: text/plain\\r\\n\\r\\none\\r\\n--b--\\r\\n'
    """
    if _BOUNDARY.fullmatch(boundary) is None:
        raise EncodeError(f"{boundary!r} is no boundary")
    delimiter = b"--" + boundary.encode()
    out: list[Octets] = []
    for headers, content in parts:
        if delimiter in bytes(content):
            raise EncodeError("a part holds the boundary")
        lines = [f"{name}: {value}" for name, value in headers]
        if any("\r" in line or "\n" in line for line in lines):
            raise EncodeError("a header holds a line end")
        out += (delimiter, b"\r\n", "\r\n".join((*lines, "", "")).encode(), content, b"\r\n")
    return b"".join((*out, delimiter, b"--\r\n"))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
