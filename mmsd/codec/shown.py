"""What `mmsd decode` prints of any format: every decoder that an engineer may ask has `show(data: bytes) -> Shown` beside it.

`show` raises DecodeError, and nothing else, when the bytes are not of its format at all; whatever it survived is a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from mmsd.errors import DecodeError

P = TypeVar("P")
_MOST: Final = 5_000  # PDUs shown at once


class Line(NamedTuple):
    """One thing found in the bytes: where it stands, its name, its value as people read it."""

    offset: int
    length: int  # in octets
    name: str
    text: str
    depth: int = 0  # of nesting


class Warned(NamedTuple):
    """What breaks a rule and was survived."""

    offset: int
    text: str
    clause: str  # that it breaks


@dataclass(frozen=True, slots=True)
class Shown:
    """Bytes, decoded: for programs (`values`, JSON types only: what goes to --json beside "warnings") and for people (`lines`)."""

    values: dict[str, Any]
    lines: tuple[Line, ...]
    warnings: tuple[Warned, ...] = ()


def warnings(faults: Iterable[DecodeError]) -> tuple[Warned, ...]:
    """The faults a decoder survived, as warnings.

    >>> warnings([DecodeError("text without its quote", offset=7, clause="WAP-230 8.4.2.1")])
    (Warned(offset=7, text='text without its quote', clause='WAP-230 8.4.2.1'),)
    """
    return tuple(Warned(fault.offset, fault.reason, fault.clause) for fault in faults)


def one_line(value: object) -> str:
    """A value as one line of text.

    >>> one_line({"a": 1, "b": 2}), one_line([1, 2])
    ('a 1, b 2', '1, 2')
    """
    match value:
        case dict():
            return ", ".join(f"{name} {told}" for name, told in value.items())
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def plain(value: object) -> object:
    """A field for JSON: ASCII as text, other octets in hex, a tuple as a list, one with a name in its own words.

    >>> plain((b"DELIVRD", b"\\0\\xff", 5))
    ['DELIVRD', '00ff', 5]
    """
    match value:
        case bytes():
            return value.decode() if value.isascii() and value.decode().isprintable() else value.hex()
        case tuple():
            return [plain(item) for item in value] if type(value) is tuple else str(value)
        case _:
            return value


def put(values: dict[str, Any], name: str, value: object) -> None:
    """A value under its name for JSON; where the name is taken, all of them in a list.

    >>> values = {}
    >>> put(values, "port", 1), put(values, "port", 2), put(values, "port", 3)
    (None, None, None)
    >>> values
    {'port': [1, 2, 3]}
    """
    match values.get(name):
        case None:
            values[name] = value
        case list(several):
            several.append(value)
        case one:
            values[name] = [one, value]


def one_after_another(
    data: bytes, header: int, decode: Callable[[bytes], P], decode_cut: Callable[[bytes], P], clause: str
) -> tuple[list[tuple[int, int, P]], list[DecodeError]]:
    """PDUs that say their length in their first four octets: (place, octets there, PDU) of each, and what ends the row before they do.

    DecodeError when the first is none. `header`: octets that the shortest has. `decode_cut` reads a last PDU of which octets are missing,
    as far as it goes.
    """
    found: list[tuple[int, int, P]] = []
    at = 0
    while at < len(data) or not at:
        if len(found) == _MOST:
            return found, [DecodeError(f"more than {_MOST:,} PDUs: the rest is left out", offset=at, clause=clause)]
        length = int.from_bytes(data[at : at + 4], "big")
        octets = data[at : at + max(length, header)]
        try:
            if header <= len(octets) < length:
                found.append((at, len(octets), decode_cut(octets)))
                cut = DecodeError(f"the PDU is cut short: {len(octets)} of {length} octets", offset=len(data), clause=clause)
                return found, [cut]
            found.append((at, length, decode(octets)))
        except DecodeError as refusal:
            if not at:
                raise
            return found, [refusal.moved(at)]
        at += length
    return found, []
