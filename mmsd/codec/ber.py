"""BER (X.690), as far as charging records need it: single values, and the way back. `fast.walk` takes whole records apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from mmsd.errors import DecodeError, EncodeError

UNIVERSAL, APPLICATION, CONTEXT, PRIVATE = 0x00, 0x40, 0x80, 0xC0
"""Classes, as they stand in the first identifier octet (8.1.2.2)."""

SEQUENCE: Final = 0x30
"""Identifier octet of a SEQUENCE, which is constructed (8.9)."""

DEPTH_LIMIT: Final = 16

_CONSTRUCTED: Final = 0x20
_HIGH: Final = 0x1F
_END: Final = b"\0\0"


class Element(NamedTuple):
    """One TLV: its class and tag number, and where it and its content stand."""

    kind: int
    number: int
    constructed: bool
    start: int
    body: int
    stop: int  # of the content
    after: int  # of the whole, end-of-contents octets included


def decode_header(data: bytes, at: int, stop: int) -> tuple[int, int, bool, int, int]:
    """(class, number, constructed, place of the content, length or −1 where it is indefinite) at `at`.

    >>> decode_header(bytes.fromhex("bf2703800127"), 0, 6)
    (128, 39, True, 3, 3)
    """
    start = at
    if at >= stop:
        raise DecodeError("nothing where an element should be", offset=start, clause="X.690 8.1.2")
    first = data[at]
    number = first & _HIGH
    at += 1
    if number == _HIGH:
        number = 0
        while True:
            if at >= stop or at - start > 3:
                raise DecodeError("tag does not end", offset=start, clause="X.690 8.1.2.4")
            octet = data[at]
            at += 1
            number = number << 7 | octet & 0x7F
            if octet < 0x80:
                break
    if at >= stop:
        raise DecodeError("no length", offset=start, clause="X.690 8.1.3")
    length = data[at]
    at += 1
    if length == 0x80:
        if not first & _CONSTRUCTED:
            raise DecodeError("a primitive value of indefinite length", offset=start, clause="X.690 8.1.3.2")
        return first & PRIVATE, number, True, at, -1
    if length > 0x80:
        octets = length & 0x7F
        if octets > 4 or at + octets > stop:
            raise DecodeError("length too long", offset=start, clause="X.690 8.1.3.5")
        length = int.from_bytes(data[at : at + octets], "big")
        at += octets
    if at + length > stop:
        raise DecodeError("a length runs past the end of what holds it", offset=start, clause="X.690 8.1.3")
    return first & PRIVATE, number, bool(first & _CONSTRUCTED), at, length


def element(data: bytes, at: int, stop: int, depth: int = 0) -> Element:
    """The element at `at`; of indefinite length, its contents are passed over to find its end. DecodeError where it breaks.

    >>> element(bytes.fromhex("a080810105" "0000"), 0, 7)
    Element(kind=128, number=0, constructed=True, start=0, body=2, stop=5, after=7)
    """
    kind, number, constructed, body, length = decode_header(data, at, stop)
    if length >= 0:
        return Element(kind, number, constructed, at, body, body + length, body + length)
    if depth >= DEPTH_LIMIT:
        raise DecodeError("nested too deeply", offset=at, clause="X.690 8.1.3.6")
    place = body
    while data[place : place + 2] != _END or place + 2 > stop:
        place = element(data, place, stop, depth + 1).after
    return Element(kind, number, constructed, at, body, place, place + 2)


def children(data: bytes, start: int, stop: int) -> Iterator[Element]:
    """The elements between two places, one after the other."""
    while start < stop:
        found = element(data, start, stop)
        yield found
        start = found.after


def decode_integer(raw: bytes) -> int:
    """INTEGER and ENUMERATED (8.3): two's complement. DecodeError for none or more than nine octets.

    >>> decode_integer(b"\\x00\\xff"), decode_integer(b"\\xff")
    (255, -1)
    """
    if not 0 < len(raw) <= 9:
        raise DecodeError("no integer of one to nine octets", offset=0, clause="X.690 8.3.1")
    return int.from_bytes(raw, "big", signed=True)


def encode_integer(value: int) -> bytes:
    """The shortest content octets of an INTEGER (8.3.2).

    >>> encode_integer(255).hex(), encode_integer(-1).hex()
    ('00ff', 'ff')
    """
    bits = (value if value >= 0 else ~value).bit_length()
    return value.to_bytes(bits // 8 + 1, "big", signed=True)


def encode_length(length: int) -> bytes:
    """The shortest definite form (8.1.3.4, 8.1.3.5).

    >>> encode_length(127).hex(), encode_length(128).hex()
    ('7f', '8180')
    """
    if length < 0x80:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def identifier(kind: int, number: int, *, constructed: bool = False) -> bytes:
    """Identifier octets (8.1.2). EncodeError outside 0 … 2²¹−1.

    >>> identifier(CONTEXT, 30, constructed=True).hex(), identifier(CONTEXT, 39, constructed=True).hex()
    ('be', 'bf27')
    """
    if not 0 <= number < 1 << 21:
        raise EncodeError(f"no tag has the number {number}")
    first = kind | (_CONSTRUCTED if constructed else 0)
    if number < _HIGH:
        return bytes((first | number,))
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes((first | _HIGH, *reversed(octets)))


def primitive(number: int, content: bytes) -> bytes:
    """A primitive value under a context tag.

    >>> primitive(16, encode_integer(0)).hex()
    '900100'
    """
    return identifier(CONTEXT, number) + encode_length(len(content)) + content


def constructed(number: int, parts: Iterable[bytes], *, indefinite: bool = False) -> bytes:
    """Elements under a context tag; of indefinite length (8.1.3.6) when asked.

    >>> constructed(1, [primitive(0, b"a")]).hex(), constructed(1, [], indefinite=True).hex()
    ('a103800161', 'a1800000')
    """
    content = b"".join(parts)
    head = identifier(CONTEXT, number, constructed=True)
    return head + b"\x80" + content + _END if indefinite else head + encode_length(len(content)) + content


def sequence(parts: Iterable[bytes]) -> bytes:
    """A SEQUENCE under its own tag, as the members of a SET OF are.

    >>> sequence([primitive(0, b"a")]).hex()
    '3003800161'
    """
    content = b"".join(parts)
    return bytes((SEQUENCE,)) + encode_length(len(content)) + content
