"""MMS PDUs (OMA-TS-MMS-ENC-V1_3), both ways: the walk over their headers, the values in them, whole PDUs, their parts.

Tolerant in: what breaks a rule is named in `faults` and the rest is read. Strict out. A body is a slice of the bytes given. Fields in the
shape that nearly every sender writes are read by a kernel (`fast.read_fields`); one of another shape is read here, and the kernel goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from mmsd.codec import multipart, text, wsp
from mmsd.codec.multipart import Multipart, Part
from mmsd.codec.shown import Line, Shown, warnings
from mmsd.codec.tables import charsets
from mmsd.codec.tables import mms as table
from mmsd.codec.wsp import ContentType
from mmsd.errors import DecodeError, EncodeError
from mmsd.fast import read_fields, wire_py

_CLAUSE: Final = "OMA-MMS-ENC 7.1"
_FIELD_LIMIT: Final = wire_py.FIELDS
"""More than any list of receivers; bounds what a megabyte of garbage costs."""
_LARGEST: Final = wire_py.LARGEST


class Walk(NamedTuple):
    """Where the header fields of a PDU stand: (code, start, stop) of each value, code 0 for a header given by name."""

    fields: list[tuple[int, int, int]]
    body_at: int
    faults: tuple[DecodeError, ...]  # survived: read as well as could be


def walk(data: bytes, at: int = 0) -> Walk:
    """Finds the header fields from `at` up to Content-Type, the last one, or the end. Never raises: a fault that hides where the next
    field begins ends the walk there.

    >>> walk(bytes.fromhex("8c82985430008d90")).fields
    [(140, 1, 2), (152, 3, 6), (141, 7, 8)]
    """
    fields: list[tuple[int, int, int]] = []
    faults: list[DecodeError] = []
    try:
        while at < len(data):
            field = _field(data, at, faults)
            fields.append(field)
            at = field[2]
            if field[0] == table.CONTENT_TYPE:
                break
            if len(fields) == _FIELD_LIMIT and at < len(data):
                raise DecodeError("too many fields", offset=at, clause=_CLAUSE)
    except DecodeError as fault:
        faults.append(fault)
    return Walk(fields, at, tuple(faults))


def _field(data: bytes, at: int, faults: list[DecodeError]) -> tuple[int, int, int]:
    """The field at `at` as `walk` gives it. DecodeError for a fault that hides where the next one begins."""
    try:
        code, start = data[at], at + 1
        if code < 0x80:  # a header by its name: two text strings
            if code < 0x20:
                raise DecodeError("no field begins here", offset=at, clause=_CLAUSE)
            return 0, at, wsp.skip_value(data, wsp.decode_text(data, at)[1])
        first = data[start]
        if 0x1F < first < 0x80:
            return code, start, data.index(0, start) + 1
        if first > 0x7F:
            if code not in table.TEXT_FIELDS:
                return code, start, start + 1
            stop = data.index(0, start) + 1  # the sender left out the Quote before a text in another character set
            faults.append(DecodeError("text without its quote", offset=start, clause="WAP-230 8.4.2.1"))
            return code, start, stop
        length, stop = wsp.decode_length(data, start)
        stop += length
        if code in table.TEXT_FIELDS and length and (stop > len(data) or data[stop - 1]):
            stop = data.index(0, start) + 1  # no length but a control octet, half of a character
            faults.append(DecodeError("text begins with a control octet", offset=start, clause="WAP-230 8.4.2.1"))
    except (IndexError, ValueError):
        raise DecodeError("header is cut short", offset=at, clause=_CLAUSE) from None
    if stop > len(data):
        raise DecodeError("value runs past the end", offset=start, clause=_CLAUSE)
    return code, start, stop


# -------------------------------------------------------------- values at [start, stop), a place that `walk` found; never raise


def text_string(data: bytes, start: int, stop: int) -> bytes:
    """A Text-string or URI-value without its Quote and its NUL.

    >>> text_string(b"\\x7f\\xc7\\xe5\\0", 0, 4)
    b'\\xc7\\xe5'
    """
    return data[start + (data[start] == 0x7F) : stop - 1]


def encoded_string(data: bytes, start: int, stop: int) -> tuple[bytes, int]:
    """An Encoded-string-value (7.3.19) as (text without NUL, MIBenum; 0 = none given).

    >>> encoded_string(bytes.fromhex("05eae4b8ad00"), 0, 6)
    (b'\\xe4\\xb8\\xad', 106)
    """
    charset = 0
    if data[start] < 0x20 and stop - start > 1:
        try:
            at = wsp.decode_length(data, start)[1]
            charset, at = wsp.decode_integer(data, at)
        except DecodeError:
            charset = 0
        else:
            start = at
    if start < stop and data[start] == 0x7F:
        start += 1
    if start < stop and not data[stop - 1] and not (charset in charsets.WIDE and (stop - start) % 2 == 0):
        stop -= 1  # the NUL; of an even number of UTF-16 octets the last is half of a character
    return data[start:stop], charset


def integer(data: bytes, start: int, stop: int) -> int:
    """An Integer-value; −1 when it is none, or larger than anybody means.

    >>> integer(b"\\x02\\x28\\x00", 0, 3), integer(b"ten\\0", 0, 4)
    (10240, -1)
    """
    first = data[start]
    if first >= 0x80:
        return first & 0x7F
    if first < 0x1F and stop > start + 1:
        value = int.from_bytes(data[start + 1 : stop], "big")
        if value <= _LARGEST:
            return value
    return -1


def from_address(data: bytes, start: int, stop: int) -> tuple[bytes, int] | None:
    """The address of a From value (7.3.12) and its character set; None when there is none but a token (insert-address).

    >>> from_address(bytes.fromhex("0480312f00"), 0, 5)
    (b'1/', 0)
    """
    if data[start] < 0x1F:
        at = start + 1
    elif data[start] == 0x1F:
        at = wsp.decode_length(data, start)[1]
    else:
        return encoded_string(data, start, stop)  # no length, no token: a text alone, from senders that took From for To
    if at + 1 < stop and data[at] == table.ADDRESS_PRESENT:
        return encoded_string(data, at + 1, stop)
    return None


def expiry(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """An X-Mms-Expiry value (7.3.10) as (absolute seconds since 1970, relative seconds), −1 for the one not given.

    >>> expiry(bytes.fromhex("05810303f480"), 0, 6)
    (-1, 259200)
    """
    if data[start] < 0x1F and stop > start + 2:
        token, seconds = data[start + 1], integer(data, start + 2, stop)
        if token == table.RELATIVE:
            return -1, seconds
        if token == table.ABSOLUTE:
            return seconds, -1
    return -1, -1


# ------------------------------------------------------------------------------------------------------------ values, written


def encode_string(raw: bytes, charset: int = 0) -> bytes:
    """An Encoded-string-value (7.3.19): bare octets, or with their MIBenum. EncodeError for what it cannot carry.

    >>> encode_string(b"Seed"), encode_string("中".encode(), 106).hex()
    (b'Seed\\x00', '06ea7fe4b8ad00')
    """
    if not charset:
        return wsp.encode_text(raw)
    quote = b"\x7f" if raw and raw[0] >= 0x7F else b""  # a Text-string here too, though half the handsets forget it
    value = wsp.encode_integer(charset) + quote + raw + b"\0"
    return wsp.encode_length(len(value)) + value


def encode_from(address: bytes, charset: int = 0) -> bytes:
    """A From value for an address.

    >>> encode_from(b"1/").hex()
    '0480312f00'
    """
    value = bytes((table.ADDRESS_PRESENT,)) + encode_string(address, charset)
    return wsp.encode_length(len(value)) + value


def encode_expiry(seconds: int, relative: bool) -> bytes:
    """An X-Mms-Expiry value. EncodeError for a negative number.

    >>> encode_expiry(259200, relative=True).hex()
    '05810303f480'
    """
    value = bytes((table.RELATIVE if relative else table.ABSOLUTE,)) + wsp.encode_long(seconds)
    return wsp.encode_length(len(value)) + value


# --------------------------------------------------------------------------------------------------------------- whole PDUs


class Text(NamedTuple):
    """An Encoded-string-value: its octets and the MIBenum it came with (0 = none). `str()` reads it.

    >>> str(Text("清明".encode("gb2312")))
    '清明'
    """

    raw: bytes
    charset: int = 0

    def __str__(self) -> str:
        return text.decode(self.raw, self.charset)


class Moment(NamedTuple):
    """Seconds since 1970 (UTC), or from when the MMSC takes the PDU."""

    seconds: int
    relative: bool = False


class Previously(NamedTuple):
    """One station of a forwarded message: who (an address) or when (seconds since 1970), counted from 1."""

    hop: int
    value: Text | int


Value = int | bytes | Text | Moment | Previously | ContentType
Header = tuple[int, Value]
"""A field's code and value: octets of a list (tables.mms.VALUES) and integers as int, ids and URIs as bytes. Code 0: a header given
by name, its octets as they stand. From without an address is INSERT_ADDRESS."""


class Pdu(NamedTuple):
    """A PDU's headers in their order, and where its body stands in the bytes it was read from: no octet of it is copied."""

    type: int
    headers: tuple[Header, ...]
    body: slice
    faults: tuple[DecodeError, ...] = ()  # survived

    def get(self, code: int) -> Value | None:
        """The first value of a field, or None."""
        return next((value for name, value in self.headers if name == code), None)

    def all(self, code: int) -> tuple[Value, ...]:
        """Every value of a field that may be repeated (To)."""
        return tuple(value for name, value in self.headers if name == code)


class Headers(NamedTuple):
    """The header fields of a PDU, read."""

    headers: list[Header]
    body_at: int
    faults: list[DecodeError]  # survived
    seen: int  # the fields met: bit (code − 0x80) of each


_SHAPES: Final = {
    table.OCTET: wire_py.OCTET,
    table.TEXT: wire_py.TEXT,
    table.STRING: wire_py.STRING,
    table.INTEGER: wire_py.INTEGER,
    table.MOMENT: wire_py.MOMENT,
    table.FROM_FORM: wire_py.FROM,
    table.CLASS: wire_py.CLASS,
    table.TYPE: wire_py.TYPE,
}
FORMS: Final = bytes(_SHAPES.get(table.FIELDS.get(code, ("", table.RAW))[1], wire_py.LEAVE) for code in range(0x80, 0x100))
_MANDATORY: Final = {kind: sum(1 << code - 0x80 for code in codes) for kind, codes in table.MANDATORY.items()}


def read(data: bytes, at: int = 0) -> Headers:
    """The header fields from `at` up to Content-Type or the end, with their values. Never raises: a value of another form than its
    field's is kept as octets and named.

    >>> read(bytes.fromhex("8c82985430008d90")).headers
    [(140, 130), (152, b'T0'), (141, 144)]
    """
    headers: list[Header] = []
    faults: list[DecodeError] = []
    at, seen = read_fields(data, at, FORMS, Text, Moment, wsp.KINDS, headers)
    if at < len(data) and not seen & _TYPED:
        at, seen = _read_on(data, at, seen, headers, faults)
    return Headers(headers, at, faults, seen)


def _read_on(data: bytes, at: int, seen: int, headers: list[Header], faults: list[DecodeError]) -> tuple[int, int]:
    """Where the kernel stopped before Content-Type, the last field: one of another shape, behind which it goes on."""
    end = len(data)
    while at < end and not seen & _TYPED:
        try:
            if len(headers) >= _FIELD_LIMIT:
                raise DecodeError("too many fields", offset=at, clause=_CLAUSE)
            code, start, at = _field(data, at, faults)
        except DecodeError as fault:
            faults.append(fault)
            break
        headers.append((code, _value(data, code, start, at, faults)))
        seen |= 1 << (code & 0x7F) if code else 0
        if code != table.CONTENT_TYPE:
            at, more = read_fields(data, at, FORMS, Text, Moment, wsp.KINDS, headers)
            seen |= more
    return at, seen


_TYPED: Final = 1 << table.CONTENT_TYPE - 0x80


def _value(data: bytes, code: int, start: int, stop: int, faults: list[DecodeError]) -> Value:
    """The value of a field that `_field` found; octets where it has not the form of its field."""
    name, form = table.FIELDS.get(code, ("", table.RAW))
    if not name and code:
        faults.append(DecodeError(f"field 0x{code:02x} is not assigned", offset=start - 1, clause="OMA-MMS-ENC 7.4"))
    try:
        return _decode_value(data, start, stop, form)
    except DecodeError as fault:
        faults.append(fault)
        return data[start:stop]


def decode(data: bytes) -> Pdu:
    """Any MMS PDU. What breaks its rule is named in `faults`, its octets kept as bytes, and the rest read. The types of the mailbox, of
    cancelling and of deleting (0x8B to 0x97) are read like the others, and held to no list of fields.

    Raises DecodeError when no X-Mms-Message-Type stands in it: HTML, say, or another protocol.

    >>> pdu = decode(bytes.fromhex("8c83985431008d909581"))
    >>> table.TYPES[pdu.type], pdu.get(table.TRANSACTION_ID), pdu.get(table.STATUS)
    ('m-notifyresp-ind', b'T1', 129)
    """
    headers: list[Header] = []
    faults: list[DecodeError] = []
    body_at, seen = read_fields(data, 0, FORMS, Text, Moment, wsp.KINDS, headers)
    end = len(data)
    if body_at < end and not seen & _TYPED:
        body_at, seen = _read_on(data, body_at, seen, headers, faults)
    pdu_type = headers[0][1] if headers and headers[0][0] == table.MESSAGE_TYPE else _first(headers, table.MESSAGE_TYPE)
    if not isinstance(pdu_type, int):
        raise no_pdu(data)
    missing = _MANDATORY.get(pdu_type, 0) & ~seen
    if missing:
        faults += [
            DecodeError(f"{table.FIELDS[code][0]} is missing from {table.TYPES[pdu_type]}", offset=body_at, clause="OMA-MMS-ENC 6")
            for code in sorted(table.MANDATORY[pdu_type])
            if missing >> code - 0x80 & 1
        ]
    return Pdu(pdu_type, tuple(headers), slice(body_at, end), tuple(faults))


def _first(headers: Sequence[Header], code: int) -> Value | None:
    return next((value for name, value in headers if name == code), None)


def no_pdu(data: bytes) -> DecodeError:
    """Why these octets, in which no X-Mms-Message-Type stands, are no PDU; what they look like instead.

    >>> no_pdu(b"<html><body>").reason
    'no message type: this is markup, a page perhaps'
    """
    head = data[:64].lstrip(b"\xef\xbb\xbf\r\n\t ")
    looks = ""
    if not data:
        looks = ": there is nothing"
    elif head[:1] == b"<":
        looks = ": this is markup, a page perhaps"
    elif head[:5] == b"HTTP/":
        looks = ": these are HTTP headers"
    elif head and all(0x20 <= octet < 0x7F or octet in b"\r\n\t" for octet in head):
        looks = ": this is text"
    elif data[:1] == b"\x8c":
        looks = ", but the octet that announces one"
    elif data[1:2] == b"\x06":
        looks = ": this is a WSP push"
    return DecodeError(f"no message type{looks}", offset=0, clause="OMA-MMS-ENC 7.3.30")


def parts(data: bytes, pdu: Pdu) -> Multipart:
    """The parts of a PDU's body: the entries of a multipart, or the body as the only part; none without a Content-Type. Never raises.

    >>> data = bytes.fromhex("8c848d9085046500000084a3010102836869")
    >>> [bytes(part.body) for part in parts(data, decode(data)).parts]
    [b'hi']
    """
    content_type = pdu.headers[-1][1]  # the last, where there is one
    start, stop = pdu.body.start, pdu.body.stop
    if not isinstance(content_type, ContentType):
        return Multipart((), (), start, start)
    if multipart.is_multipart(content_type.media):
        return multipart.decode(data, start, stop)
    return Multipart((Part(content_type, (), memoryview(data)[start:stop], start),), (), stop, start)


def _decode_value(data: bytes, start: int, stop: int, form: str) -> Value:
    """The value at [start, stop), a place `walk` found. DecodeError when it has another form."""
    first = data[start]
    match form:
        case table.OCTET if first >= 0x80:
            return first
        case table.CLASS:
            return first if first >= 0x80 else data[start : stop - 1]
        case table.TEXT:
            return text_string(data, start, stop)
        case table.STRING:
            return Text(*encoded_string(data, start, stop))
        case table.INTEGER if (value := integer(data, start, stop)) >= 0:
            return value
        case table.MOMENT:
            absolute, relative = expiry(data, start, stop)
            if max(absolute, relative) >= 0:
                return Moment(max(absolute, relative), relative >= 0)
        case table.FROM_FORM:
            address = from_address(data, start, stop)
            return Text(*address) if address else table.INSERT_ADDRESS
        case table.SENT_BY | table.SENT_DATE if first < 0x20:
            hop, at = wsp.decode_integer(data, wsp.decode_length(data, start)[1])
            if at < stop:
                return Previously(hop, Text(*encoded_string(data, at, stop)) if form == table.SENT_BY else integer(data, at, stop))
        case table.TYPE:
            return wsp.decode_content_type(data, start, stop)
        case table.RAW:
            return data[start:stop]
    raise DecodeError(f"value has not the form of {form}", offset=start, clause="OMA-MMS-ENC 7.3")


def encode(headers: Sequence[Header], body: bytes = b"") -> bytes:
    """A PDU of headers in the order given. EncodeError unless it is what clause 6 asks of its type: message type, transaction id and
    version first, all mandatory fields, none foreign or twice, Content-Type last and only there a body.

    >>> encode([(table.MESSAGE_TYPE, 0x83), (table.TRANSACTION_ID, b"T1"), (table.MMS_VERSION, 0x90), (table.STATUS, 0x81)]).hex()
    '8c83985431008d909581'
    """
    _check(headers, bool(body))
    return encode_headers(headers) + body


def encode_headers(headers: Sequence[Header]) -> bytes:
    """Headers alone, each value by the form of its field: whether they belong together is not asked. EncodeError for another form.

    >>> encode_headers([(table.STATUS, 0x81)]).hex()
    '9581'
    """
    return b"".join(bytes((code,)) + _encode_value(code, value) for code, value in headers)


_OPENING: Final = (table.MESSAGE_TYPE, table.TRANSACTION_ID, table.MMS_VERSION)


def _check(headers: Sequence[Header], body: bool) -> None:
    codes = [code for code, _ in headers]
    if codes[:1] != [table.MESSAGE_TYPE] or (pdu_type := headers[0][1]) not in table.MANDATORY or not isinstance(pdu_type, int):
        raise EncodeError("a PDU opens with a message type of clause 6")
    name, mandatory = table.TYPES[pdu_type], table.MANDATORY[pdu_type]
    opening = [code for code in _OPENING if code in codes]
    if codes[: len(opening)] != opening:
        raise EncodeError(f"{name} opens with message type, transaction id and version")
    for code in sorted(mandatory.difference(codes)):
        raise EncodeError(f"{name} lacks {table.FIELDS[code][0]}")
    for code in codes[1:]:
        if code not in mandatory and code not in table.OPTIONAL[pdu_type]:
            raise EncodeError(f"{name} holds no field 0x{code:02x}")
        if code not in table.REPEATABLE and codes.count(code) > 1:
            raise EncodeError(f"{name} holds {table.FIELDS[code][0]} once")
    if pdu_type in table.ADDRESSED and table.RECEIVERS.isdisjoint(codes):
        raise EncodeError(f"{name} has a receiver in To, Cc or Bcc")
    if table.CONTENT_TYPE in codes and codes[-1] != table.CONTENT_TYPE:
        raise EncodeError("Content-Type is the last header")
    if body and codes[-1] != table.CONTENT_TYPE:
        raise EncodeError(f"{name} has no body")


def _encode_value(code: int, value: Value) -> bytes:
    name, form = table.FIELDS.get(code, (f"field 0x{code:02x}", ""))
    match form, value:
        case (table.OCTET | table.CLASS, int()) if 0x80 <= value <= 0xFF:
            return bytes((value,))
        case (table.TEXT, bytes()):
            return wsp.encode_text(value)
        case (table.CLASS, bytes()) if value and 0x20 <= value[0] < 0x80 and 0 not in value:  # a token has no Quote
            return value + b"\0"
        case (table.STRING, Text()):
            return encode_string(value.raw, value.charset)
        case (table.INTEGER, int()) if value <= _LARGEST:
            return wsp.encode_long(value)
        case (table.MOMENT, Moment()) if value.seconds <= _LARGEST:
            return encode_expiry(value.seconds, value.relative)
        case (table.FROM_FORM, Text()):
            return encode_from(value.raw, value.charset)
        case (table.FROM_FORM, table.INSERT_ADDRESS):
            return bytes((1, table.INSERT_ADDRESS))
        case (table.SENT_BY | table.SENT_DATE, Previously()):
            inner = value.value
            tail = wsp.encode_long(inner) if isinstance(inner, int) else encode_string(inner.raw, inner.charset)
            whole = wsp.encode_integer(value.hop) + tail
            return wsp.encode_length(len(whole)) + whole
        case (table.TYPE, ContentType()):
            return wsp.encode_content_type(value)
        case (table.RAW, bytes()):
            return value
    raise EncodeError(f"{name} does not take {value!r:.40}")


# ------------------------------------------------------------------------------------------------------------------- shown


_DEPTH: Final = 4
"""Multiparts within multiparts that are opened."""
_PREVIEW: Final = 60
"""Characters of a text part that are shown."""
_CHECKED: Final = 1 << 20
"""Octets of a text part up to which its character set is tried on all of it."""


def show(data: bytes) -> Shown:
    """A PDU as an engineer reads it. DecodeError when it is none.

    >>> shown = show(bytes.fromhex("8c83985431008d909581"))
    >>> shown.values["type"], shown.values["version"], shown.values["status"], shown.lines[1].text
    ('m-notifyresp-ind', '1.0', 'Retrieved', 'T1')
    """
    pdu = decode(data)
    walked = walk(data)
    lines = [
        Line(start - (code > 0), stop - start + (code > 0), *_described(code, value))
        for (code, start, stop), (_, value) in zip(walked.fields, pdu.headers, strict=True)
    ]
    misnamed = [
        DecodeError(f"{table.FIELDS[code][0]}: {wrong}", offset=start, clause="OMA-MMS-ENC 7.3.19")
        for (_, start, _), (code, value) in zip(walked.fields, pdu.headers, strict=True)
        if isinstance(value, Text) and (wrong := text.trouble(value.raw, value.charset))
    ]
    body = parts(data, pdu)
    told, part_lines, faults = _show_parts(data, body, 0)
    lines += part_lines
    unread = _unread(pdu.type, next(start for code, start, _ in walked.fields if code == table.MESSAGE_TYPE))
    return Shown(_values(pdu) | {"parts": told}, tuple(lines), warnings((*unread, *pdu.faults, *misnamed, *body.faults, *faults)))


def _unread(pdu_type: int, at: int) -> tuple[DecodeError, ...]:
    """That a message type is unknown, or of those that are only recognised."""
    if pdu_type in table.MANDATORY:
        return ()
    name = table.TYPES.get(pdu_type)
    reason = (
        f"message type 0x{pdu_type:02x} is not assigned" if name is None else f"{name}: recognised, its own fields are not read further"
    )
    return (DecodeError(reason, offset=at, clause="OMA-MMS-ENC 7.3.30"),)


def _values(pdu: Pdu) -> dict[str, Any]:
    """The fields that programs ask for, None where there is none."""
    content_type = pdu.get(table.CONTENT_TYPE)
    expiry_value = pdu.get(table.EXPIRY)

    def said(code: int) -> str | None:
        value = pdu.get(code)
        return None if value is None else _described(code, value)[1]

    def number(code: int) -> int | None:
        value = pdu.get(code)
        return value if isinstance(value, int) else None

    return {
        "type": table.TYPES.get(pdu.type, f"0x{pdu.type:02x}"),
        "transaction_id": said(table.TRANSACTION_ID),
        "version": said(table.MMS_VERSION),
        "from": said(table.FROM),
        "to": [str(value) for value in pdu.all(table.TO) if isinstance(value, Text)],
        "cc": [str(value) for value in pdu.all(table.CC) if isinstance(value, Text)],
        "bcc": [str(value) for value in pdu.all(table.BCC) if isinstance(value, Text)],
        "subject": said(table.SUBJECT),
        "message_class": said(table.MESSAGE_CLASS),
        "date": number(table.DATE),
        "expiry": {"relative" if expiry_value.relative else "absolute": expiry_value.seconds} if isinstance(expiry_value, Moment) else None,
        "message_size": number(table.MESSAGE_SIZE),
        "content_location": said(table.CONTENT_LOCATION),
        "message_id": said(table.MESSAGE_ID),
        "response_status": said(table.RESPONSE_STATUS),
        "response_text": said(table.RESPONSE_TEXT),
        "retrieve_status": said(table.RETRIEVE_STATUS),
        "retrieve_text": said(table.RETRIEVE_TEXT),
        "status": said(table.STATUS),
        "read_status": said(table.READ_STATUS),
        "content_type": content_type.media if isinstance(content_type, ContentType) else None,
    }


_DATES: Final = frozenset({table.DATE})


def _described(code: int, value: Value) -> tuple[str, str]:
    """A field's name and its value as people read it."""
    name = table.FIELDS.get(code, (f"0x{code:02x}", ""))[0]
    match value:
        case Text():
            said = str(value)
        case Moment(seconds, True):
            said = f"in {seconds} s"
        case Moment(seconds, False):
            said = _date(seconds)
        case Previously(hop, Text() as address):
            said = f"{hop}: {address}"
        case Previously(hop, int() as seconds):
            said = f"{hop}: {_date(seconds)}"
        case ContentType():
            said = wsp.describe_content_type(value)
        case int() if code == table.FROM:
            said = "insert-address"
        case int() if code == table.MMS_VERSION:
            said = f"{value >> 4 & 7}.{value & 15}" if value & 15 < 15 else str(value >> 4 & 7)
        case int() if code in _DATES:
            said = _date(value)
        case int() if code in table.VALUES:
            said = table.VALUES[code].get(value, f"0x{value:02x}")
        case int():
            said = str(value)
        case bytes() if code == 0:
            named, _, rest = value.partition(b"\0")
            name, said = text.decode(named), text.decode(rest)
        case bytes() if table.FIELDS.get(code, ("", ""))[1] in {table.TEXT, table.CLASS}:
            said = text.decode(value)
        case bytes():
            said = value.hex(" ")
    return name, said


def _date(seconds: int) -> str:
    """UTC.

    >>> _date(0x65000000)
    '2023-09-12T06:06:56Z'
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}" if seconds < 253402300800 else f"{seconds} s since 1970"


def _show_parts(data: bytes, body: Multipart, depth: int) -> tuple[list[dict[str, Any]], list[Line], list[DecodeError]]:
    """The parts for programs and for people, and what was survived inside them."""
    told: list[dict[str, Any]] = []
    lines: list[Line] = []
    faults: list[DecodeError] = []
    place = body.first
    for number, part in enumerate(body.parts, 1):
        charset = part.charset
        row: dict[str, Any] = {
            "content_type": part.content_type.media,
            "name": part.name or None,
            "content_location": part.location or None,
            "content_id": part.cid or None,
            "charset": None if charset is None else charsets.PREFERRED.get(charset, str(charset)),
            "size": part.body.nbytes,
            "sha256": sha256(part.body).hexdigest(),
        }
        said = f"{wsp.describe_content_type(part.content_type)}, {part.body.nbytes} octets"
        lines.append(Line(part.at, part.body.nbytes, f"Part {number}", said, depth))
        lines += _show_headers(data, place, part, depth + 1)
        place = part.at + part.body.nbytes
        if multipart.is_multipart(part.content_type.media) and depth < _DEPTH:
            inner = multipart.decode(data, part.at, part.at + part.body.nbytes)
            row["parts"], inner_lines, inner_faults = _show_parts(data, inner, depth + 1)
            lines += inner_lines
            faults += [*inner.faults, *inner_faults]
        elif part.content_type.media.startswith("text/") or part.content_type.media == "application/smil":
            shown = text.decode(bytes(part.body[: 4 * _PREVIEW]), charset or charsets.ANY)
            if part.body.nbytes <= _CHECKED and (wrong := text.trouble(bytes(part.body), charset or charsets.ANY)):
                faults.append(DecodeError(f"part {number}: {wrong}", offset=part.at, clause="WAP-230 8.4.2.8"))
            lines.append(Line(part.at, part.body.nbytes, "Text", " ".join(shown[:_PREVIEW].split()), depth + 1))
        told.append(row)
    return told, lines, faults


def _show_headers(data: bytes, at: int, part: Part, depth: int) -> Iterator[Line]:
    """The headers of the entry that begins at `at`."""
    try:
        _, at = wsp.decode_uintvar(data, at)
        _, at = wsp.decode_uintvar(data, at)
        at = wsp.skip_value(data, at)
        for _ in part.headers:
            start = at
            name, value, at = wsp.decode_header(data, at, part.at)
            yield Line(start, at - start, name, wsp.describe_header(value), depth)
    except DecodeError:  # named when the part was read
        return
