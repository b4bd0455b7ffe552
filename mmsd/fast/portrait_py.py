"""Portraits: a subscriber of the express lane, packed. This is the specification; ext/express_c.pyx keeps them so in memory, too.

A *portrait* is a head (PORTRAIT: number, octets of what was said, how many said, how, octets of lines), lines as they came, and what was
said. Each line and each said is 16 fields behind one 64-bit word that has a nibble for each: so many octets of it follow (little-endian),
0 for zero, SAME or ENDLESS for none of them. A line that names another message than the one before stands for itself; one that names the
same, or none, is told relative to it. What was said of a delivery is told relative to such a line as well. Little-endian throughout.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from mmsd.fast.trace import NEVER, ORIGIN, SAID, TRACE
from mmsd.model import NOT_A_NUMBER

PORTRAIT: Final = struct.Struct("<QHBBI")
WHOLE: Final = 0
"""How: all there is of him. With nothing in it, there is nothing."""
GROWN: Final = 1
"""How: lines to come behind those there are; what was said replaces what was."""

SAME: Final = 15
"""As in the line it is told relative to."""
ENDLESS: Final = 14
"""`trace.NEVER`."""
LONGEST_TEXT: Final = 200
DAMAGED: Final = "a portrait is damaged"

_MARKS: Final = {0: {(0, SAME), (2, ENDLESS)}, 2: {(2, SAME), (4, SAME)}}
"""Texts of a record → which of its fields may be what instead of a number."""

_WORD: Final = (1 << 64) - 1
_NO_ROW: Final = np.zeros((), TRACE)[()]


class Line(NamedTuple):
    """A TRACE row, and the texts behind its message and transaction; b"" where they are kept elsewhere, or by another line."""

    row: Any
    message: bytes = b""
    transaction: bytes = b""


NOTHING: Final = Line(_NO_ROW)
"""What a line is told relative to when there is none."""


class Portrait(NamedTuple):
    number: int
    how: int
    entries: int
    lines: bytes
    said: bytes

    @property
    def octets(self) -> int:
        """All of it, packed."""
        return PORTRAIT.size + len(self.lines) + len(self.said)


def names(row: Any, named: Any) -> bool:
    """Whether a line spells its message, and stands for itself."""
    return bool(row["message"]) and row["message"] != named["message"]


def last_named(lines: Iterable[Line]) -> Line:
    """What the next line is told relative to."""
    named = NOTHING
    for line in lines:
        if names(line.row, named.row):
            named = line
    return named


def speaks(row: Any, named: Line) -> bool:
    """Whether a line is to keep the text of its message: the one it is told relative to may have it. A sender's copy needs none."""
    return bool(row["kind"] != ORIGIN and (names(row, named.row) or not named.message))


def unspoken(lines: Iterable[Line]) -> set[int]:
    """Hashes that may have a text behind them elsewhere."""
    found: set[int] = set()
    named = NOTHING
    for line in lines:
        row = line.row
        if names(row, named.row):
            named = line
        if not line.message and speaks(row, named if row["message"] else NOTHING):
            found.add(int(row["message"]))
        if not line.transaction and row["kind"] != ORIGIN:
            found.add(int(row["transaction"]))
        found.update(int(row[name]) for name in ("authority", "path"))
        found.update(int(row[name]) for name in ("other", "subscriber") if row[name] & np.uint64(NOT_A_NUMBER))
    return found - {0}


def pack_lines(lines: Sequence[Line], start: int = 0) -> bytes:
    """Lines from place `start` on, told after those before it."""
    packed: list[bytes] = []
    named = NOTHING
    for place, line in enumerate(lines):
        alone = names(line.row, named.row)
        if place >= start:
            packed.append(_pack_line(line, _NO_ROW if alone else named.row))
        if alone:
            named = line
    return b"".join(packed)


def unpack_lines(number: int, packed: bytes, before: Sequence[Line] = ()) -> list[Line]:
    """Lines of this subscriber that come behind those `before`. Raises ValueError where there is none."""
    named = last_named(before)
    found: list[Line] = []
    at = 0
    while at < len(packed):
        fields, texts, at = _read(packed, at, texts=2)
        alone = fields[2] not in (0, SAME << 64)
        try:
            line = Line(_row(number, fields, _NO_ROW if alone else named.row), *texts)
        except OverflowError:
            raise ValueError(DAMAGED) from None
        if alone:
            named = line
        found.append(line)
    return found


def pack_said(lines: Sequence[Line], said: Iterable[Any]) -> bytes:
    """SAID rows, each told relative to the first line that spells its message."""
    places = _spelled(lines)
    return b"".join(_pack_said(entry, *places.get(int(entry["identity"]), (0, _NO_ROW))) for entry in said)


def unpack_said(number: int, lines: Sequence[Line], packed: bytes, count: int) -> list[Any]:
    """So many SAID rows. Raises ValueError when they are not as many, or told relative to no line that spells its message."""
    by_place = {0: _NO_ROW} | dict(_spelled(lines).values())
    found: list[Any] = []
    at = 0
    while at < len(packed):
        fields, _, at = _read(packed, at)
        if fields[15] not in by_place or (fields[0] == SAME << 64) != (fields[15] != 0):
            raise ValueError(DAMAGED)
        try:
            found.append(_said(number, fields, by_place[fields[15]]))
        except OverflowError:
            raise ValueError(DAMAGED) from None
    if len(found) != count:
        raise ValueError(DAMAGED)
    return found


def pack_portrait(number: int, how: int, lines: Sequence[Line], start: int, said: Sequence[Any]) -> bytes:
    """The lines from `start` on, and all that was said."""
    rows, told = pack_lines(lines, start), pack_said(lines, said)
    return PORTRAIT.pack(number, len(told), len(said), how, len(rows)) + rows + told


def portraits(packed: bytes | memoryview) -> Iterator[Portrait]:
    """The portraits that stand one behind the other; one that is cut off at the end is left."""
    at, data = 0, bytes(packed)
    while at + PORTRAIT.size <= len(data):
        number, told, count, how, rows = PORTRAIT.unpack_from(data, at)
        at += PORTRAIT.size
        if at + rows + told > len(data):
            return
        yield Portrait(number, how, count, data[at : at + rows], data[at + rows : at + rows + told])
        at += rows + told


# --------------------------------------------------------------------------------------------------------------------- records


def zigzag(value: int) -> int:
    """A signed number as one that is small when it is near zero."""
    value = _signed(value)
    return (value << 1 ^ value >> 63) & _WORD


def unzigzag(value: int) -> int:
    return _signed(value >> 1 ^ -(value & 1))


def _signed(value: int) -> int:
    value &= _WORD
    return value - (1 << 64) if value >> 63 else value


def _pack(fields: Sequence[int], texts: Sequence[bytes] = ()) -> bytes:
    """Fields of at most 64 bits, or SAME << 64 or ENDLESS << 64."""
    word, body = 0, b""
    for place, value in enumerate(fields):
        octets = value >> 64 or (value.bit_length() + 7) // 8
        word |= octets << 4 * place
        if not value >> 64:
            body += value.to_bytes(octets, "little")
    for place, text in enumerate(texts, len(fields)):
        if text:
            word |= 1 << 4 * place
            body += bytes([len(text)]) + text
    return word.to_bytes(8, "little") + body


def _read(packed: bytes, at: int, texts: int = 0) -> tuple[list[int], list[bytes], int]:
    """A record's fields, its texts, and where the next one begins. Raises ValueError where it is not whole."""
    word, at = int.from_bytes(packed[at : at + 8], "little"), at + 8
    fields: list[int] = []
    spoken: list[bytes] = []
    marked = _MARKS[texts]
    for place in range(16):
        octets = word >> 4 * place & 15
        if place >= 16 - texts:
            behind = at + bool(octets)
            length = int.from_bytes(packed[at:behind], "little")
            spoken.append(packed[behind : behind + length])
            at = behind + length
        elif octets > 8 and (place, octets) not in marked:
            raise ValueError(DAMAGED)
        elif octets in (SAME, ENDLESS):
            fields.append(octets << 64)
        else:
            fields.append(int.from_bytes(packed[at : at + octets], "little"))
            at += octets
    if at > len(packed):
        raise ValueError(DAMAGED)
    return fields, spoken, at


def _pack_line(line: Line, named: Any) -> bytes:
    row = line.row
    message = int(row["message"])
    same = bool(message) and message == int(named["message"])
    other = int(row["other"])
    fields = [
        zigzag(int(row["at"]) - int(named["at"])), zigzag(int(row["where"]) - int(named["where"])),
        SAME << 64 if same else message, int(row["transaction"]),
        SAME << 64 if other and other == int(named["other"]) else other,
        *(int(row[name]) for name in ("link", "path", "authority")),
        *(zigzag(int(row[name])) for name in ("extra", "size", "status", "error")),
        int(row["feed"]) << 16 | int(row["code_set"]) << 8 | int(row["kind"]),
        int(row["a"]) | int(row["b"]) << 8 | int(row["c"]) << 16 | int(row["d"]) << 24 | int(row["seed"]) << 32,
    ]  # fmt: skip
    return _pack(fields, (line.message, line.transaction))


def _row(number: int, fields: Sequence[int], named: Any) -> Any:
    at, where, message, transaction, other, link, path, authority, extra, size, status, error, sort, marks = fields
    return np.array(
        (
            number, _signed(unzigzag(at) + int(named["at"])), _signed(unzigzag(where) + int(named["where"])),
            named["message"] if message == SAME << 64 else message, transaction, named["other"] if other == SAME << 64 else other,
            link, path, authority, unzigzag(extra), unzigzag(size), unzigzag(status), unzigzag(error),
            sort >> 16, sort & 255, sort >> 8 & 255, marks & 255, marks >> 8 & 255, marks >> 16 & 255,
            marks >> 24 & 255, marks >> 32, 0,
        ),
        TRACE,
    )[()]  # fmt: skip


def _pack_said(entry: Any, place: int, named: Any) -> bytes:
    began, closed, due = int(entry["began"]), int(entry["closed"]), int(entry["due"])
    fields = [
        SAME << 64 if place else int(entry["identity"]), zigzag(began - int(named["at"])),
        ENDLESS << 64 if due == NEVER else zigzag(due - began), zigzag(closed - began) + 1 if closed else 0,
        zigzag(int(entry["settled"]) - closed),
        *(int(entry[name]) for name in ("stamp", "domain", "node", "city", "rule", "confidence")),
        zigzag(int(entry["bin"])), int(entry["own"]), zigzag(int(entry["notified"])), zigzag(int(entry["retrieved"])), place,
    ]  # fmt: skip
    return _pack(fields)


def _said(number: int, fields: Sequence[int], named: Any) -> Any:
    identity, began, due, closed, settled, stamp, domain, node, city, rule, confidence, bin_, own, notified, retrieved, place = fields
    began = _signed(unzigzag(began) + int(named["at"]))
    closed = _signed(unzigzag(closed - 1) + began) if closed else 0
    return np.array(
        (
            number, named["message"] if place else identity, began,
            NEVER if due == ENDLESS << 64 else _signed(unzigzag(due) + began), closed, _signed(unzigzag(settled) + closed), stamp,
            domain, node, city, rule, confidence, unzigzag(bin_), own, unzigzag(notified), unzigzag(retrieved), 0,
        ),
        SAID,
    )[()]  # fmt: skip


def _spelled(lines: Sequence[Line]) -> dict[int, tuple[int, Any]]:
    """Message → (1 + octets before the first line that spells it, its row)."""
    found: dict[int, tuple[int, Any]] = {}
    named, at = NOTHING, 0
    for place, line in enumerate(lines):
        if names(line.row, named.row):
            named = line
            found.setdefault(int(line.row["message"]), (at + 1, line.row))
        at += len(pack_lines(lines[: place + 1], place))
    return found
