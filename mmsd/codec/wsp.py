"""WSP (WAP-230-WSP-20010705): the integers, texts and lengths that every header of MMS and push is made of, content types, all headers
with an assigned number, and the frame of a push.

Decoders take the whole buffer and a place, return the value and the place behind it, and raise DecodeError when the bytes
end or break the rule. Encoders raise EncodeError for what the rule cannot carry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeGuard

from mmsd.codec import text
from mmsd.codec.tables import charsets
from mmsd.codec.tables import wsp as table
from mmsd.errors import DecodeError, EncodeError
from mmsd.fast import read_content_type
from mmsd.fast.wire_py import MEDIA, ODD, PARAMETERS, PLAIN, Kinds

_SHORT: Final = 0x80
_LENGTH_QUOTE: Final = 0x1F
_QUOTE: Final = 0x7F


def decode_uintvar(data: bytes, at: int) -> tuple[int, int]:
    """A uintvar of at most five octets (8.1.2).

    >>> decode_uintvar(bytes.fromhex("8e02"), 0)
    (1794, 2)
    """
    value = 0
    for place in range(at, min(at + 5, len(data))):
        octet = data[place]
        value = value << 7 | octet & 0x7F
        if octet < 0x80:
            return value, place + 1
    raise DecodeError("uintvar does not end", offset=at, clause="WAP-230 8.1.2")


def encode_uintvar(value: int) -> bytes:
    """The shortest uintvar. EncodeError outside 0 … 2³²−1.

    >>> encode_uintvar(1794).hex()
    '8e02'
    """
    if not 0 <= value <= 0xFFFFFFFF:
        raise EncodeError(f"uintvar cannot hold {value}")
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(value & 0x7F | 0x80)
    return bytes(reversed(octets))


def decode_length(data: bytes, at: int) -> tuple[int, int]:
    """A Value-length (8.4.2.2): one octet up to 30, or 31 and a uintvar.

    >>> decode_length(b"\\x1f\\x2a\\x83", 0)
    (42, 2)
    """
    if at >= len(data) or data[at] > _LENGTH_QUOTE:
        raise DecodeError("no value length here", offset=at, clause="WAP-230 8.4.2.2")
    if data[at] < _LENGTH_QUOTE:
        return data[at], at + 1
    return decode_uintvar(data, at + 1)


def encode_length(length: int) -> bytes:
    """The shortest Value-length.

    >>> encode_length(30).hex(), encode_length(31).hex()
    ('1e', '1f1f')
    """
    return bytes((length,)) if 0 <= length < _LENGTH_QUOTE else bytes((_LENGTH_QUOTE,)) + encode_uintvar(length)


def decode_integer(data: bytes, at: int) -> tuple[int, int]:
    """An Integer-value (8.4.2.3): Short-integer or Long-integer of up to 30 octets.

    >>> decode_integer(b"\\x93", 0), decode_integer(b"\\x02\\x28\\x00", 0)
    ((19, 1), (10240, 3))
    """
    if at < len(data):
        first = data[at]
        if first >= _SHORT:
            return first & 0x7F, at + 1
        stop = at + 1 + first
        if 0 < first < _LENGTH_QUOTE and stop <= len(data):
            return int.from_bytes(data[at + 1 : stop], "big"), stop
    raise DecodeError("no integer here", offset=at, clause="WAP-230 8.4.2.3")


def encode_short(value: int) -> bytes:
    """A Short-integer (8.4.2.1). EncodeError outside 0 … 127.

    >>> encode_short(19).hex()
    '93'
    """
    if not 0 <= value < _SHORT:
        raise EncodeError(f"short integer cannot hold {value}")
    return bytes((value | _SHORT,))


def encode_long(value: int) -> bytes:
    """A Long-integer (8.4.2.1) in as few octets as hold it. EncodeError outside 0 … 2²⁴⁰−1.

    >>> encode_long(10240).hex(), encode_long(0).hex()
    ('022800', '0100')
    """
    size = max(1, (value.bit_length() + 7) // 8)
    if value < 0 or size > 30:
        raise EncodeError(f"long integer cannot hold {value}")
    return bytes((size,)) + value.to_bytes(size, "big")


def encode_integer(value: int) -> bytes:
    """The shorter Integer-value.

    >>> encode_integer(106).hex(), encode_integer(1000).hex()
    ('ea', '0203e8')
    """
    return encode_short(value) if 0 <= value < _SHORT else encode_long(value)


def decode_text(data: bytes, at: int, stop: int | None = None) -> tuple[bytes, int]:
    """A Text-string (8.4.2.1) without its Quote and its NUL, which stands before `stop`.

    >>> decode_text(b"\\x7f\\xc7\\xe5\\0", 0)
    (b'\\xc7\\xe5', 4)
    """
    nul = data.find(0, at, stop)
    if nul < 0:
        raise DecodeError("text does not end", offset=at, clause="WAP-230 8.4.2.1")
    return data[at + (data[at] == _QUOTE) : nul], nul + 1


def encode_text(text: bytes) -> bytes:
    """A Text-string: quoted when its first octet would be read as a length or an integer. EncodeError for
    what no reader takes for text: a NUL inside, a control octet at its head.

    >>> encode_text(b"T0001"), encode_text("清".encode("gb2312"))
    (b'T0001\\x00', b'\\x7f\\xc7\\xe5\\x00')
    """
    if 0 in text or (text and text[0] < 0x20):
        raise EncodeError("a text string holds no NUL and begins with no control octet")
    quote = b"\x7f" if text and text[0] >= _QUOTE else b""
    return quote + text + b"\0"


def skip_value(data: bytes, at: int) -> int:
    """The place behind the header value that starts at `at`, whatever it is (8.4.1.2). DecodeError when it runs past the end.

    >>> skip_value(b"\\x03\\x81\\x01\\x12\\x83", 0)
    4
    """
    if at < len(data):
        first = data[at]
        if first >= _SHORT:
            return at + 1
        if first > _LENGTH_QUOTE:
            stop = data.find(0, at)
            if stop < 0:
                raise DecodeError("text does not end", offset=at, clause="WAP-230 8.4.2.1")
            return stop + 1
        length, start = decode_length(data, at)
        if start + length <= len(data):
            return start + length
    raise DecodeError("value runs past the end", offset=at, clause="WAP-230 8.4.1.2")


# ------------------------------------------------------------------------------------------------------------ content types


class ContentType(NamedTuple):
    """A Content-Type: the media type's name and its parameters in order; character sets and types inside them by number or name."""

    media: str
    parameters: tuple[tuple[str, int | bytes], ...] = ()

    def get(self, name: str) -> int | bytes | None:
        """The first parameter of that name.

        >>> ContentType("text/plain", (("charset", 106),)).get("charset")
        106
        """
        return next((value for key, value in self.parameters if key.lower() == name), None)


_FORMS: Final = {table.TYPE: MEDIA, table.Q: ODD}
KINDS: Final = Kinds(
    table.MEDIA,
    tuple(
        (name, _FORMS.get(form, PLAIN))
        for name, form in (table.PARAMETERS.get(number, (f"0x{number:02x}", table.Q)) for number in range(max(table.PARAMETERS) + 1))
    ),
    ContentType,
)
"""What the kernels read content types with; a number nobody assigned is left to `decode_content_type`."""


def decode_content_type(data: bytes, start: int, stop: int) -> ContentType:
    """The Content-Type value (8.4.2.24) at [start, stop). DecodeError where it breaks its form.

    >>> decode_content_type(bytes.fromhex("0383 81ea"), 0, 4)
    ContentType(media='text/plain', parameters=(('charset', 106),))
    """
    if not start < stop <= len(data):
        raise DecodeError("no media type here", offset=min(start, len(data)), clause="WAP-230 8.4.2.24")
    plain = read_content_type(data, start, stop, KINDS)
    if plain is not None and plain[1] == stop:
        value: ContentType = plain[0]
        return value
    if data[start] <= _LENGTH_QUOTE:
        length, at = decode_length(data, start)
        if at + length != stop:
            raise DecodeError("content type ends at another place than its length says", offset=start, clause="WAP-230 8.4.2.24")
        media, at = _decode_media(data, at, stop)
        parameters, at = _decode_parameters(data, at, stop)
    else:
        parameters = ()
        media, at = _decode_media(data, start, stop)
    if at != stop:
        raise DecodeError("content type's last value ends at another place than it", offset=start, clause="WAP-230 8.4.2.24")
    return ContentType(media, parameters)


def _decode_parameters(data: bytes, at: int, stop: int) -> tuple[tuple[tuple[str, int | bytes], ...], int]:
    parameters: list[tuple[str, int | bytes]] = []
    while at < stop:
        if len(parameters) == PARAMETERS:
            raise DecodeError("too many parameters", offset=at, clause="WAP-230 8.4.2.4")
        name, value, at = _decode_parameter(data, at, stop)
        parameters.append((name, value))
    return tuple(parameters), at


def _decode_media(data: bytes, at: int, stop: int) -> tuple[str, int]:
    """A number or a name; an unassigned number is written as one ("0x7e")."""
    if at < len(data) and not _LENGTH_QUOTE < data[at] < _SHORT:
        number, at = decode_integer(data, at)
        return (table.MEDIA[number] if number < len(table.MEDIA) else f"0x{number:02x}"), at
    name, at = decode_text(data, at, stop)
    return name.decode("latin-1"), at


def _decode_parameter(data: bytes, at: int, stop: int) -> tuple[str, int | bytes, int]:
    """One parameter (8.4.2.4): (name, value, place behind it). A text value loses its quotes; no value is b""."""
    form = ""
    if at < len(data) and not _LENGTH_QUOTE < data[at] < _SHORT:
        number, at = decode_integer(data, at)
        name, form = table.PARAMETERS.get(number, (f"0x{number:02x}", ""))
    else:
        raw, at = decode_text(data, at, stop)
        name = raw.decode("latin-1")
    if at >= len(data):
        raise DecodeError("parameter without value", offset=at, clause="WAP-230 8.4.2.4")
    value: int | bytes
    if form == table.Q:
        value, at = decode_uintvar(data, at)
    elif form == table.TYPE:
        media, at = _decode_media(data, at, stop)
        value = media.encode("latin-1").removeprefix(b'"').removesuffix(b'"')
    elif data[at] == 0:
        value, at = b"", at + 1
    elif _LENGTH_QUOTE < data[at] < _SHORT:
        value, at = decode_text(data, at, stop)
        value = value.removeprefix(b'"').removesuffix(b'"')
    else:
        value, at = decode_integer(data, at)
    return name, value, at


_MEDIA_NUMBERS: Final = {name: number for number, name in enumerate(table.MEDIA)}
_PARAMETER_NUMBERS: Final = {name: (number, form) for number, (name, form) in reversed(table.PARAMETERS.items()) if number != 0x03}
_PLAIN_TYPE: Final = 0x03  # "type" as a number; 0x09 is a media type


def encode_content_type(content_type: ContentType) -> bytes:
    """The shortest Content-Type value; assigned numbers of encoding version 1.2, which every handset reads, where there are any.

    >>> encode_content_type(ContentType("text/plain", (("charset", 106), ("name", b"a.txt")))).hex()
    '0a8381ea85612e74787400'
    """
    media = _encode_media(content_type.media)
    if not content_type.parameters:
        return media
    value = media + b"".join(_encode_parameter(name, value) for name, value in content_type.parameters)
    return encode_length(len(value)) + value


def _encode_media(name: str) -> bytes:
    number = _MEDIA_NUMBERS.get(name)
    return encode_short(number) if number is not None else _encode_name(name)


def _encode_name(name: str) -> bytes:
    """A name where a number might stand: an empty one, whose NUL alone would be read as a length, cannot be written."""
    try:
        octets = name.encode("latin-1")
    except UnicodeEncodeError:
        raise EncodeError(f"no name of WSP: {name!r:.40}") from None
    if not octets:
        raise EncodeError("a name is not empty")
    return encode_text(octets)


def _encode_parameter(name: str, value: int | bytes) -> bytes:
    number, form = _PARAMETER_NUMBERS.get(name, (-1, ""))
    if form == table.TYPE and (isinstance(value, int) or not value):
        number, form = _PLAIN_TYPE, ""
    elif form == table.Q and isinstance(value, bytes):
        number = -1
    token = encode_short(number) if number >= 0 else _encode_name(name)
    if isinstance(value, int):
        return token + (encode_uintvar(value) if form == table.Q else encode_integer(value))
    if value[:1] == b'"' or value[-1:] == b'"':
        value = b'"' + value + b'"'  # of which a reader takes one pair
    return token + (_encode_media(value.decode("latin-1")) if form == table.TYPE else encode_text(value))


# ---------------------------------------------------------------------------------------------------------------- headers


class Raw(NamedTuple):
    """The octets of a value that is not understood, written again as they were read."""

    octets: bytes


Item = int | bytes | str | None | ContentType | tuple[tuple[str, int | bytes], ...] | tuple[tuple[bytes, ...], ...]
HeaderValue = int | bytes | str | ContentType | Raw | tuple[Item, ...]
"""Alone: integers, dates (seconds since 1970) and numbers of character sets and languages as int; texts and URIs as bytes, the opening
quote of a Quoted-string included; words with an assigned number, tokens and field names as str. Behind a Value-length: a tuple of such
items, parameters as one tuple of pairs, an unknown length as None."""

_HEADER_NUMBERS: Final = {row.name.lower(): number for number, row in reversed(tuple(enumerate(table.HEADERS)))}
_UNASSIGNED: Final = re.compile("0x[0-7][0-9a-f]")  # what a header with a number that nobody assigned is called
_HEADER: Final = "WAP-230 8.4.2"


def decode_header(data: bytes, at: int, stop: int) -> tuple[str, HeaderValue, int]:
    """One header field (8.4.1) at `at`: (its name, its value, the place behind it). A value of another form than its field's is Raw.

    DecodeError when it runs past `stop`, or shifts to another code page.

    >>> decode_header(bytes.fromhex("ae0481 8561 00"), 0, 6)
    ('Content-Disposition', ('attachment', (('name', b'a'),)), 6)
    >>> decode_header(bytes.fromhex("8d8a"), 0, 2), decode_header(b"X-A\\0b\\0", 0, 6)
    (('Content-Length', 10, 2), ('X-A', b'b', 6))
    """
    if at >= stop or data[at] < 0x20 or data[at] == 0x7F:
        raise DecodeError("no header field begins here, or one of another code page", offset=at, clause="WAP-230 8.4.1.1")
    number = -1
    if data[at] >= _SHORT:
        number, start = data[at] & 0x7F, at + 1
        row = table.HEADERS[number] if number < len(table.HEADERS) else table.Header(f"0x{number:02x}")
    else:
        raw, start = decode_text(data, at, stop)
        row = table.Header(raw.decode("latin-1"), "t")
    behind = skip_value(data, start)
    if row.alone == "t" and data[start] >= _SHORT and (nul := data.find(0, start, stop)) >= 0:  # the sender left out the Quote
        behind = nul + 1
    if behind > stop:
        raise DecodeError("value runs past the end", offset=start, clause=_HEADER)
    try:
        value = _decode_value(data, start, behind, row)
    except DecodeError:
        value = Raw(data[start:behind])
    return row.name, value, behind


def _decode_value(data: bytes, at: int, stop: int, row: table.Header) -> HeaderValue:
    if row.alone == "m":
        return decode_content_type(data, at, stop)
    if data[at] <= _LENGTH_QUOTE and (row.items or row.within):
        at = decode_length(data, at)[1]
        found: list[Item] = []
        if row.within:
            word, at = _decode_item(data, at, stop, "w", row)
            found.append(word)
        _decode_items(data, at, stop, _items(row, found), row, found)
        return tuple(found)
    for form in row.alone:
        try:
            value, behind = _decode_item(data, at, stop, form, row)
        except DecodeError:
            continue
        if behind == stop and value is not None and not isinstance(value, tuple):
            return value
    raise DecodeError("value has another form than its field's", offset=at, clause=_HEADER)


def _items(row: table.Header, found: Sequence[Item]) -> str:
    """What stands behind a Value-length, and behind the leading word where there is one."""
    if not row.within:
        return row.items
    word = found[0] if found else ""
    return row.within[word] if isinstance(word, str) and word in row.within else row.within.get("", "")


def _decode_items(data: bytes, at: int, stop: int, items: str, row: table.Header, found: list[Item]) -> None:
    """Appends the items of [at, stop). DecodeError unless they fill it."""
    for form, optional, repeated in _rules(items):
        while at < stop or not optional:
            value, at = _decode_item(data, at, stop, form, row)
            found.append(value)
            if not repeated:
                break
    if at != stop:
        raise DecodeError("value is longer than its items", offset=at, clause=_HEADER)


def _rules(items: str) -> list[tuple[str, bool, bool]]:
    """(item, may be left out, may be repeated) of each.

    >>> _rules("itd*"), _rules("n[u")
    ([('i', False, False), ('t', False, False), ('d', True, True)], [('n', False, False), ('u', True, False)])
    """
    rules, optional = [], False
    for place, form in enumerate(items):
        repeated = items[place + 1 : place + 2] == "*"
        if form == "[":
            optional = True
        elif form != "*":
            rules.append((form, optional or repeated, repeated))
    return rules


def _decode_item(data: bytes, at: int, stop: int, form: str, row: table.Header) -> tuple[Item, int]:
    if form in "POC":
        match form:
            case "P":
                return _decode_parameters(data, at, stop)
            case "C":
                return _decode_cookies(data, at, stop)
            case _:
                return data[at:stop], stop
    if at >= stop:
        raise DecodeError("value is shorter than its items", offset=at, clause=_HEADER)
    first = data[at]
    match form:
        case "i" | "d":
            return decode_integer(data, at)
        case "t" if first > _LENGTH_QUOTE or first == 0:
            return decode_text(data, at, stop)
        case "u":
            return decode_uintvar(data, at)
        case "x" if first == _SHORT:
            return None, at + 1
        case "x":
            return decode_uintvar(data, at)
        case "m":
            return decode_content_type(data, at, stop), stop
        case "n" if first >= _SHORT or first < _LENGTH_QUOTE:
            return decode_integer(data, at)
        case "w" if first >= _SHORT and (word := row.words.get(first & 0x7F)) is not None:
            return word, at + 1
        case "F" if first >= _SHORT and first & 0x7F < len(table.HEADERS):
            return table.HEADERS[first & 0x7F].name, at + 1
        case "n" | "w" | "F" if _LENGTH_QUOTE < first < _SHORT:
            raw, behind = decode_text(data, at, stop)
            return raw.decode("latin-1"), behind
    raise DecodeError("value has another form than its field's", offset=at, clause=_HEADER)


def _decode_cookies(data: bytes, at: int, stop: int) -> tuple[tuple[tuple[bytes, ...], ...], int]:
    """Cookie (8.4.2.64): name, value and perhaps path and domain of each."""
    cookies: list[tuple[bytes, ...]] = []
    while at < stop:
        length, at = decode_length(data, at)
        behind = at + length
        texts: list[bytes] = []
        while at < behind <= stop:
            text, at = decode_text(data, at, behind)
            texts.append(text)
        if at != behind or not texts:
            raise DecodeError("cookie ends at another place than its length says", offset=at, clause="WAP-230 8.4.2.64")
        cookies.append(tuple(texts))
    return tuple(cookies), at


def encode_header(name: str, value: HeaderValue) -> bytes:
    """One header field, by its number where one is assigned. EncodeError for a value that its form does not take.

    >>> encode_header("Content-Disposition", ("attachment", (("name", b"a"),))).hex(), encode_header("X-A", b"b")
    ('ae0481856100', b'X-A\\x00b\\x00')
    """
    number = _HEADER_NUMBERS.get(name.lower())
    if number is None:
        if isinstance(value, Raw) and _UNASSIGNED.fullmatch(name):
            return bytes((_SHORT | int(name, 16),)) + value.octets
        row, token = table.Header(name, "t"), _encode_name(name)
        if token[0] == _QUOTE:
            raise EncodeError(f"no header is called {name!r:.40}")
    else:
        row, token = table.HEADERS[number], encode_short(number)
    if isinstance(value, Raw):
        if row.alone == "t" and value.octets[:1] >= b"\x80":
            raise EncodeError(f"{name} has no value of one octet: it would be read as a text without its quote")
        return token + value.octets
    if row.alone == "m" and isinstance(value, ContentType):
        return token + encode_content_type(value)
    if isinstance(value, tuple) and not isinstance(value, ContentType):
        return token + _encode_tuple(value, row)
    for form in row.alone:
        octets = _encode_item(value, form, row)
        if octets is not None:
            return token + octets
    raise EncodeError(f"{name} does not take {value!r:.40}")


def _encode_tuple(value: tuple[Item, ...], row: table.Header) -> bytes:
    rules = _rules(_items(row, value))
    if row.within:
        rules.insert(0, ("w", False, False))
    rest, octets = list(value), b""
    for form, optional, repeated in rules:
        while rest or not optional:
            part = _encode_item(rest.pop(0), form, row) if rest else None
            if part is None:
                raise EncodeError(f"{row.name} does not take {value!r:.40}")
            octets += part
            if not repeated:
                break
    if rest or not rules:
        raise EncodeError(f"{row.name} does not take {value!r:.40}")
    return encode_length(len(octets)) + octets


def _encode_item(value: object, form: str, row: table.Header) -> bytes | None:
    """None when a value of that type has no such form."""
    match form, value:
        case "i", int():
            return encode_integer(value)
        case "d", int():
            return encode_long(value)
        case "n", int():
            return encode_integer(value)
        case "u" | "x", int():
            return encode_uintvar(value)
        case "x", None:
            return b"\x80"
        case "t", bytes():
            return encode_text(value)
        case "O", bytes():
            return value
        case "w", str():
            number = next((number for number, word in row.words.items() if word == value), None)
            return _encode_name(value) if number is None else encode_short(number)
        case "F", str():
            number = _HEADER_NUMBERS.get(value.lower())
            return _encode_name(value) if number is None else encode_short(number)
        case "n", str():
            return _encode_name(value)
        case "P", tuple():
            return b"".join(_encode_parameter(name, inner) for name, inner in value)
        case "C", tuple():
            return b"".join(encode_length(len(texts)) + texts for texts in (b"".join(map(encode_text, cookie)) for cookie in value))
    return None


# ------------------------------------------------------------------------------------------------------------------- shown


def describe_content_type(content_type: ContentType) -> str:
    """As HTTP writes it.

    >>> describe_content_type(ContentType("text/plain", (("charset", 106), ("name", b"a.txt"))))
    'text/plain; charset=utf-8; name=a.txt'
    """
    return "; ".join((content_type.media, *(_described(name, value) for name, value in content_type.parameters)))


def _described(name: str, value: int | bytes) -> str:
    if isinstance(value, int):
        return f"{name}={charsets.PREFERRED.get(value, value) if name == 'charset' else value}"
    return f"{name}={text.decode(value)}" if value else name


def describe_header(value: Item | HeaderValue) -> str:
    """A header's value in one line.

    >>> describe_header(("attachment", (("name", b"a"),))), describe_header(b'"<1>'), describe_header(Raw(b"\\1\\2"))
    ('attachment; name=a', '<1>', '01 02')
    """
    match value:
        case ContentType():
            return describe_content_type(value)
        case Raw(octets):
            return octets.hex(" ")
        case bytes():
            return text.decode(value.removeprefix(b'"'))
        case tuple():
            return "; ".join(_described(*item) if _is_parameter(item) else describe_header(item) for item in _flat(value))
        case _:
            return "" if value is None else str(value)


def _is_parameter(item: object) -> TypeGuard[tuple[str, int | bytes]]:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)


def _flat(items: Iterable[object]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, tuple) and not isinstance(item, ContentType):
            yield from item
        else:
            yield item


# --------------------------------------------------------------------------------------------------------------------- push


class PushPdu(NamedTuple):
    """A connectionless Push (8.2.4.1): where its parts stand in the buffer."""

    transaction: int  # TID: the pusher's count, 0 … 255
    type_at: int  # Content-Type
    headers_at: int
    body_at: int


def decode_push_pdu(data: bytes) -> PushPdu:
    """The frame of a push: TID, type 06, length of headers. DecodeError for another PDU or headers that run past the end.

    >>> decode_push_pdu(bytes.fromhex("010603beaf848c82"))
    PushPdu(transaction=1, type_at=3, headers_at=4, body_at=6)
    """
    if len(data) < 4 or data[1] != table.PUSH:
        raise DecodeError("no Push PDU", offset=min(1, len(data)), clause="WAP-230 8.2.4.1")
    length, type_at = decode_uintvar(data, 2)
    body_at = type_at + length
    if not length or body_at > len(data):
        raise DecodeError("headers run past the end", offset=2, clause="WAP-230 8.2.4.1")
    headers_at = skip_value(data, type_at)
    if headers_at > body_at:
        raise DecodeError("content type runs past the headers", offset=type_at, clause="WAP-230 8.2.4.1")
    return PushPdu(data[0], type_at, headers_at, body_at)


def encode_push_pdu(transaction: int, content_type: bytes, headers: bytes, body: bytes) -> bytes:
    """A connectionless Push of an encoded Content-Type and encoded headers. EncodeError for a TID outside 0 … 255.

    >>> encode_push_pdu(1, encode_short(0x3E), bytes.fromhex("af84"), bytes.fromhex("8c82")).hex()
    '010603beaf848c82'
    """
    if not 0 <= transaction <= 255:
        raise EncodeError(f"a push has an 8-bit TID, not {transaction}")
    return bytes((transaction, table.PUSH)) + encode_uintvar(len(content_type) + len(headers)) + content_type + headers + body
