"""Headers of MMS PDUs and of their parts in the shapes that nearly every sender writes: the twin of ext/wire_c.pyx, and the
specification of both.

Each function stops (or answers None) at the first thing of another shape, and leaves it to `codec`, which reads it with care, names what is
wrong with it, and asks again behind it. So a kernel knows no errors, and raises on no octets. The types given to make values with are
NamedTuples. Grammar: WAP-230-WSP-20010705 and OMA-TS-MMS-ENC-V1_3.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

LEAVE: Final = 0
"""Forms of an MMS field's value, one octet for each code in a table of 128 (code − 0x80). LEAVE: the kernel stops before the field."""
OCTET: Final = 1  # one octet above 127
TEXT: Final = 2  # Text-string
STRING: Final = 3  # Encoded-string-value
INTEGER: Final = 4  # Integer-value
MOMENT: Final = 5  # absolute or relative time
FROM: Final = 6  # address or token
CLASS: Final = 7  # OCTET or token
TYPE: Final = 8  # a content type, behind which nothing is a field

PLAIN: Final = 0
"""Forms of a parameter's value: whatever its first octet says, a media type, or left to `codec`."""
MEDIA: Final = 1
ODD: Final = 2

FIELDS: Final = 10_000
PARAMETERS: Final = 64
"""What one PDU has of fields, and one value of parameters, at most; beyond that the kernel stops."""

LARGEST: Final = (1 << 40) - 1
"""Octets or seconds that can be meant: a terabyte, 34,000 years. What is more is garbage, and would not fit µs in 64 bits."""

WIDE: Final = (1000, 1013, 1014, 1015)  # tables.charsets.WIDE: two octets a character


class Kinds(NamedTuple):
    """What a content type is read with."""

    media: tuple[str, ...]  # by number
    parameters: tuple[tuple[str, int], ...]  # (name, form) by number
    make: type  # a NamedTuple of (media: str, parameters: tuple[tuple[str, int | bytes], ...])


def read_fields(
    data: bytes, at: int, forms: bytes, text: type, moment: type, kinds: Kinds, headers: list[tuple[int, Any]]
) -> tuple[int, int]:
    """Appends (code, value) of the MMS header fields from `at` on; answers where it stopped and which codes it met (bit code − 0x80).

    Values: int (OCTET, INTEGER, CLASS, FROM's token 0x81), bytes (TEXT, CLASS), `text(raw, charset)` (STRING, FROM), `moment(seconds,
    relative)`, what `read_content_type` makes (TYPE). Stops at the end, behind a TYPE, before a field whose form is LEAVE, before a
    value of another shape, at FIELDS headers.
    """
    seen = 0
    while at + 1 < len(data) and data[at] >= 0x80 and len(headers) < FIELDS:
        code, start = data[at], at + 1
        form, first = forms[code - 0x80], data[start]
        value: Any = None
        stop = start + 1
        if form in {OCTET, CLASS} and first >= 0x80:
            value = first
        elif (form in {TEXT, CLASS, STRING} and 0x20 <= first < 0x80) or (form in {TEXT, STRING} and first == 0):
            nul = data.find(0, start)
            if nul >= 0:
                raw = data[start + (first == 0x7F and form != CLASS) : nul]
                value, stop = (text(raw, 0) if form == STRING else raw), nul + 1
        elif form == STRING and first < 0x20:
            value, stop = _encoded(data, start, len(data), text)
        elif form == INTEGER:
            value, stop = _integer(data, start, len(data))
        elif form == MOMENT and 2 <= first <= 30 and start + 1 + first <= len(data) and data[start + 1] in {0x80, 0x81}:
            stop = start + 1 + first
            seconds, behind = _integer(data, start + 2, stop)
            if seconds is not None and behind == stop:
                value = moment(seconds, data[start + 1] == 0x81)
        elif form == FROM and first < 0x20:
            value, stop = _from(data, start, text)
        elif form == TYPE:
            value, stop = read_content_type(data, start, len(data), kinds) or (None, start)
        if value is None:
            break
        headers.append((code, value))
        seen |= 1 << (code - 0x80)
        at = stop
        if form == TYPE:
            break
    return at, seen


def _length(data: bytes, at: int, stop: int) -> tuple[int, int]:
    """A Value-length as (its value's place, the place behind the value), the latter −1 when that lies behind `stop`."""
    if data[at] < 0x1F:
        start, behind = at + 1, at + 1 + data[at]
    else:
        size, start = _uintvar(data, at + 1, stop)
        behind = start + size
        if size < 0:
            return start, -1
    return start, behind if behind <= stop else -1


def _uintvar(data: bytes, at: int, stop: int) -> tuple[int, int]:
    """A uintvar of at most five octets, −1 when it is none."""
    value = 0
    for place in range(at, min(at + 5, stop)):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    return -1, at


def _integer(data: bytes, at: int, stop: int) -> tuple[int | None, int]:
    """An Integer-value up to LARGEST in at most eight octets, else None."""
    if at < stop:
        first = data[at]
        if first >= 0x80:
            return first & 0x7F, at + 1
        if 1 <= first <= 8 and at + 1 + first <= stop:
            value = int.from_bytes(data[at + 1 : at + 1 + first], "big")
            if value <= LARGEST:
                return value, at + 1 + first
    return None, at


def _encoded(data: bytes, at: int, end: int, text: type) -> tuple[Any, int]:
    """Value-length, character set, text, NUL; of an even number of UTF-16 octets the last 0 is half of a character."""
    start, stop = _length(data, at, end)
    if stop <= start or data[stop - 1]:
        return None, at
    charset, start = _integer(data, start, stop)
    if charset is None or start >= stop:
        return None, at
    start += data[start] == 0x7F
    if charset in WIDE and (stop - start) % 2 == 0:
        return text(data[start:stop], charset), stop
    return text(data[start : stop - 1], charset), stop


def _from(data: bytes, at: int, text: type) -> tuple[Any, int]:
    start, stop = _length(data, at, len(data))
    if stop <= start:
        return None, at
    if data[start] == 0x81 and start + 1 == stop:
        return 0x81, stop
    start += 1
    if data[start - 1] != 0x80 or start == stop or data[start] >= 0x80 or data[stop - 1]:
        return None, at
    if data[start] >= 0x20:
        return text(data[start + (data[start] == 0x7F) : stop - 1], 0), stop
    value, behind = _encoded(data, start, stop, text)
    return (value, stop) if behind == stop else (None, at)


def read_content_type(data: bytes, at: int, stop: int, kinds: Kinds) -> tuple[Any, int] | None:
    """The Content-Type value (WAP-230 8.4.2.24) at `at`, not beyond `stop`: (`kinds.make(media, parameters)`, the place behind it).

    A text loses its quotes; a parameter without value has b"". None: another shape.
    """
    if at >= stop:
        return None
    if data[at] >= 0x20:
        media, at = _media(data, at, stop, kinds.media)
        return None if media is None else (kinds.make(media, ()), at)
    at, stop = _length(data, at, stop)
    media, at = _media(data, at, stop, kinds.media)
    if media is None:
        return None
    parameters: list[tuple[str, int | bytes]] = []
    while at < stop:
        value: int | bytes | None
        if data[at] >= 0x80:
            number = data[at] & 0x7F
            if number >= len(kinds.parameters):
                return None
            name, form = kinds.parameters[number]
            at += 1
        else:
            named, at = _media(data, at, stop, ())
            if named is None:
                return None
            name, form = named, PLAIN
        if at >= stop or form == ODD or len(parameters) == PARAMETERS:
            return None
        first = data[at]
        if form == MEDIA:
            media_value, at = _media(data, at, stop, kinds.media)
            value = None if media_value is None else _bare(media_value.encode("latin-1"))
        elif first == 0:
            value, at = b"", at + 1
        elif 0x20 <= first < 0x80:
            nul = data.find(0, at, stop)
            value, at = (None, at) if nul < 0 else (_bare(data[at + (first == 0x7F) : nul]), nul + 1)
        else:
            value, at = _integer(data, at, stop)
        if value is None:
            return None
        parameters.append((name, value))
    return kinds.make(media, tuple(parameters)), stop


def _media(data: bytes, at: int, stop: int, names: tuple[str, ...]) -> tuple[str | None, int]:
    """A name by its number, or as text."""
    if at < stop:
        first = data[at]
        if first >= 0x80:
            if first & 0x7F < len(names):
                return names[first & 0x7F], at + 1
        elif first >= 0x20:
            nul = data.find(0, at, stop)
            if nul >= 0:
                return data[at + (first == 0x7F) : nul].decode("latin-1"), nul + 1
    return None, at


def _bare(raw: bytes) -> bytes:
    """Without the quote of a Quoted-string, and without the closing one that many senders add."""
    return raw.removeprefix(b'"').removesuffix(b'"')


def read_parts(
    data: bytes, at: int, stop: int, count: int, kinds: Kinds, names: tuple[str, ...], make: type, parts: list[Any]
) -> int:  # fmt: skip
    """Appends the entries of a multipart (WAP-230 8.5.3) from `at` on, until there are `count`; answers where it stopped.

    An entry is `make(content type, headers, body, place of the body in data)`, headers ((name, octets of its text) …), body a memoryview of
    `data`: nothing is copied. `names`: the name of each header (by number) whose value is a Text-string or a Quoted-string, "" for
    others. Stops before an entry that holds a header of another kind or shape, or runs past `stop`.
    """
    view = memoryview(data)
    while len(parts) < count and at < stop:
        header_size, start = _uintvar(data, at, stop)
        body_size, start = _uintvar(data, start, stop) if header_size >= 0 else (-1, start)
        body_at = start + header_size
        if body_size < 0 or body_at + body_size > stop:
            break
        typed = read_content_type(data, start, body_at, kinds)
        if typed is None:
            break
        content_type, place = typed
        headers: list[tuple[str, bytes]] = []
        while place < body_at - 1 and data[place] >= 0x80 and 0x20 <= data[place + 1] < 0x80 and len(headers) < PARAMETERS:
            name = names[data[place] & 0x7F]
            nul = data.find(0, place + 1, body_at)
            if not name or nul < 0:
                break
            headers.append((name, data[place + 1 + (data[place + 1] == 0x7F) : nul]))
            place = nul + 1
        if place != body_at:
            break
        at = body_at + body_size
        parts.append(make(content_type, tuple(headers), view[body_at:at], body_at))
    return at
