"""Charging records in the shapes that nearly every MMSC writes, as typed values: the twin of ext/charging_c.pyx, and the specification
of both.

`read_records` takes what `walk` found. A record with anything of another shape in it (an indefinite length within, a field twice, a
string in pieces, a value that breaks its rule) is answered None and left to `codec`, which reads it with care and names what is wrong.
So a kernel knows no errors, and raises on no octets. Grammar: X.690, TS 32.298 (module MMSChargingDataTypes).
"""

from __future__ import annotations

import datetime
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mmsd.fast.ber_py import BODY, STOP, TAG

LEAVE: Final = 0
"""Forms of a field's value. LEAVE: the kernel leaves the record."""
INTEGER: Final = 1  # INTEGER or ENUMERATED of up to eight octets → int
FLAG: Final = 2  # BOOLEAN → bool
TEXT: Final = 3  # OCTET STRING → str, what is not UTF-8 as surrogates
OCTETS: Final = 4  # OCTET STRING → bytes
MOMENT: Final = 5  # TimeStamp
WAIT: Final = 6  # WaitTime
ADDRESS: Final = 7  # MMSAgentAddress
ADDRESSES: Final = 8  # SET OF them → tuple
RELAY: Final = 9  # MMSRSAddress
ACCESS: Final = 10  # AccessCorrelation
COMPONENTS: Final = 11  # MMComponentType
OPAQUE: Final = 12  # whatever it is constructed of → bytes

Forms = tuple[tuple[tuple[str, int], ...], ...]
"""(name, form) of every field by record tag and field number; none where the tag is no record's."""

TAGS: Final = 64
UNKNOWN_LIMIT: Final = 64
"""Fields no table knows, kept of one record; with more it is left."""
DIGITS_LIMIT: Final = 32
"""Octets of a number."""


class Types(NamedTuple):
    """The NamedTuples to make values with; their fields are those of `mmsd.codec.cdr_values`, in their order."""

    record: type  # type: int, fields: dict, unknown: tuple
    unknown: type  # class, number, constructed, content
    moment: type  # µs since 1970 UTC, minutes east
    wait: type  # moment or None, seconds
    address: type  # kind, text, role, nature
    relay: type  # domain, address
    circuit: type  # msc, reference
    packet: type  # gsn, charging id
    components: type  # subject or None, media
    part: type  # type, size


def read_records(data: bytes, records: npt.NDArray[np.int64], forms: Forms, types: Types) -> list[Any]:
    """`types.record` of each row of `records` (as `Walk.records`), None for one that is left."""
    made: list[Any] = []
    for row in records.tolist():
        tag = row[TAG]
        known = forms[tag] if 0 <= tag < len(forms) else ()
        try:
            made.append(_record(data, row[BODY], row[STOP], tag, known, types) if known else None)
        except _Other:
            made.append(None)
    return made


class _Other(Exception):
    """Another shape."""


class _Item(NamedTuple):
    """One TLV of definite length: class, number, constructed, its content."""

    kind: int
    number: int
    constructed: bool
    start: int
    stop: int


def _item(data: bytes, at: int, stop: int) -> _Item:
    """The element at `at`, whole before `stop`: tag numbers up to 2¹⁴−1, lengths up to 2²⁴−1."""
    try:
        first = data[at]
        number, at = first & 0x1F, at + 1
        if number == 0x1F:
            number, at = data[at], at + 1
            if number >= 0x80:
                number, at = (number & 0x7F) << 7 | data[at], at + 1
                if data[at - 1] >= 0x80:
                    raise _Other
        length, at = data[at], at + 1
        if length >= 0x80:
            octets = length & 0x7F
            if not 1 <= octets <= 3:
                raise _Other
            length, at = int.from_bytes(data[at : at + octets], "big"), at + octets
    except IndexError:
        raise _Other from None
    if at + length > stop:
        raise _Other
    return _Item(first & 0xC0, number, bool(first & 0x20), at, at + length)


def _inner(data: bytes, start: int, stop: int, number: int, *, constructed: bool) -> _Item:
    """The element at `start`, which must have this context tag."""
    item = _item(data, start, stop)
    if item[:3] != (0x80, number, constructed):
        raise _Other
    return item


def _record(data: bytes, at: int, stop: int, tag: int, known: tuple[tuple[str, int], ...], types: Types) -> Any:
    fields: dict[str, Any] = {}
    unknown: list[Any] = []
    while at < stop:
        item = _item(data, at, stop)
        at = item.stop
        if item.kind != 0x80 or item.number >= len(known):
            if len(unknown) == UNKNOWN_LIMIT:
                raise _Other
            unknown.append(types.unknown(*item[:3], data[item.start : item.stop]))
            continue
        name, form = known[item.number]
        if name in fields:
            raise _Other
        fields[name] = _value(data, item, form, types)
    return types.record(tag, fields, tuple(unknown))


def _value(data: bytes, item: _Item, form: int, types: Types) -> Any:
    start, stop = item.start, item.stop
    if item.constructed != (form >= WAIT):
        raise _Other
    match form:
        case _ if form == OPAQUE:
            return data[start:stop]
        case _ if form == INTEGER:
            return _integer(data, start, stop)
        case _ if form == FLAG and stop - start == 1:
            return data[start] != 0
        case _ if form == TEXT:
            return _text(data, start, stop)
        case _ if form == OCTETS:
            return data[start:stop]
        case _ if form == MOMENT:
            return _moment(data, start, stop, types)
        case _ if form == WAIT:
            return _wait(data, start, stop, types)
        case _ if form == ADDRESS:
            return _address(data, start, stop, types)
        case _ if form == ADDRESSES:
            return _addresses(data, start, stop, types)
        case _ if form == RELAY:
            return _relay(data, start, stop, types)
        case _ if form == ACCESS:
            return _access(data, start, stop, types)
        case _ if form == COMPONENTS:
            return _components(data, start, stop, types)
    raise _Other


def _integer(data: bytes, start: int, stop: int) -> int:
    if not 1 <= stop - start <= 8:
        raise _Other
    return int.from_bytes(data[start:stop], "big", signed=True)


def _text(data: bytes, start: int, stop: int) -> str:
    return data[start:stop].decode("utf-8", "surrogateescape")


def _moment(data: bytes, start: int, stop: int, types: Types) -> Any:
    """YYMMDDhhmmss in BCD, a sign, hhmm."""
    raw = data[start:stop]
    digits = raw[:6].hex() + raw[7:].hex()
    if len(raw) != 9 or raw[6] not in b"+-" or not digits.isdigit():
        raise _Other
    year, month, day, hour, minute, second, east, minutes = (int(digits[place : place + 2]) for place in range(0, 16, 2))
    try:
        local = datetime.datetime(2000 + year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:
        raise _Other from None
    offset = (60 * east + minutes) * (-1 if raw[6] == 0x2D else 1)
    return types.moment((int(local.timestamp()) - offset * 60) * 1_000_000, offset)


def _wait(data: bytes, start: int, stop: int, types: Types) -> Any:
    item = _item(data, start, stop)
    if item.kind == 0x80 and not item.constructed and item.stop == stop:
        if item.number == 0:
            return types.wait(_moment(data, item.start, stop, types), 0)
        if item.number == 1 and stop - item.start == 8:
            return types.wait(None, int.from_bytes(data[item.start : stop], "big"))
    raise _Other


_KINDS: Final = ("email", "msisdn", "short")
_DIGITS: Final = "0123456789*#abc"  # TS 29.002 TBCD-STRING


def _address(data: bytes, start: int, stop: int, types: Types) -> Any:
    """[0] { [0] e-mail | [1] MSISDN | [2] short code }, then perhaps [1] the recipient type, plain or as ENUMERATED within."""
    outer = _inner(data, start, stop, 0, constructed=True)
    choice = _item(data, outer.start, outer.stop)
    if choice.kind != 0x80 or choice.constructed or choice.number > 2 or choice.stop != outer.stop:
        raise _Other
    role, nature = -1, 0x91
    if choice.number == 1:
        text, nature = _msisdn(data[choice.start : choice.stop])
    else:
        text = _text(data, choice.start, choice.stop)
    if outer.stop < stop:
        item = _item(data, outer.stop, stop)
        if (item.kind, item.number) != (0x80, 1) or item.stop != stop:
            raise _Other
        if item.constructed:
            item = _item(data, item.start, stop)
            if item[:3] != (0, 0x0A, False) or item.stop != stop:
                raise _Other
        role = _integer(data, item.start, stop)
    return types.address(_KINDS[choice.number], text, role, nature)


def _msisdn(raw: bytes) -> tuple[str, int]:
    """(digits, nature of address); the nature's octet may be left out, and a filler stands only at the end."""
    if len(raw) > DIGITS_LIMIT:
        raise _Other
    nature = raw[0] if raw and raw[0] & 0x80 else 0
    nibbles = [nibble for octet in raw[1 if nature else 0 :] for nibble in (octet & 15, octet >> 4)]
    if nibbles and nibbles[-1] == 15:
        nibbles.pop()
    if 15 in nibbles:
        raise _Other
    return "".join(_DIGITS[nibble] for nibble in nibbles), nature


def _addresses(data: bytes, at: int, stop: int, types: Types) -> tuple[Any, ...]:
    found = []
    while at < stop:
        member = _item(data, at, stop)
        if member[:3] != (0, 0x10, True):
            raise _Other
        found.append(_address(data, member.start, member.stop, types))
        at = member.stop
    return tuple(found)


def _ip(data: bytes, start: int, stop: int) -> str:
    """One IPAddress: IPv4 in binary, or any as text."""
    item = _item(data, start, stop)
    if item.kind == 0x80 and not item.constructed and item.stop == stop:
        if item.number == 0 and stop - item.start == 4:
            return ".".join(map(str, data[item.start : stop]))
        if item.number in (2, 3):
            return _text(data, item.start, stop)
    raise _Other


def _relay(data: bytes, at: int, stop: int, types: Types) -> Any:
    """[0] the domain, [2] { the address }, either of which may be missing."""
    domain = address = ""
    if at < stop and data[at] == 0x80:
        item = _item(data, at, stop)
        domain, at = _text(data, item.start, item.stop), item.stop
    if at < stop:
        item = _inner(data, at, stop, 2, constructed=True)
        if item.stop != stop:
            raise _Other
        address = _ip(data, item.start, stop)
    return types.relay(domain, address)


def _access(data: bytes, start: int, stop: int, types: Types) -> Any:
    """[0] { [0] MSC, [1] call reference } | [1] { [0] { GSN address }, [1] charging id }"""
    outer = _item(data, start, stop)
    if outer.kind != 0x80 or not outer.constructed or outer.stop != stop or outer.number > 1:
        raise _Other
    one = _inner(data, outer.start, stop, 0, constructed=outer.number == 1)
    other = _inner(data, one.stop, stop, 1, constructed=False)
    if other.stop != stop:
        raise _Other
    if outer.number == 0:
        return types.circuit(data[one.start : one.stop], data[other.start : stop])
    return types.packet(_ip(data, one.start, one.stop), _integer(data, other.start, stop))


def _components(data: bytes, at: int, stop: int, types: Types) -> Any:
    """[0] the subject { [0] type, [1] size }, [1] media SET OF { [0] type, [1] size }, either of which may be missing."""
    subject: Any = None
    media: list[Any] = []
    if at < stop and data[at] == 0xA0:
        item = _item(data, at, stop)
        subject, at = _part(data, item.start, item.stop, types), item.stop
    if at < stop:
        outer = _inner(data, at, stop, 1, constructed=True)
        if outer.stop != stop:
            raise _Other
        at = outer.start
        while at < stop:
            item = _item(data, at, stop)
            if item[:3] != (0, 0x10, True):
                raise _Other
            media.append(_part(data, item.start, item.stop, types))
            at = item.stop
    return types.components(subject, tuple(media))


def _part(data: bytes, start: int, stop: int, types: Types) -> Any:
    item = _inner(data, start, stop, 0, constructed=False)
    named, size = _text(data, item.start, item.stop), -1
    if item.stop < stop:
        item = _inner(data, item.stop, stop, 1, constructed=False)
        if item.stop != stop:
            raise _Other
        size = _integer(data, item.start, stop)
    return types.part(named, size)
