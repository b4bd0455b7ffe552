"""MMS charging records (TS 32.298, BER) and the files they come in (TS 32.297), both ways.

A record is its type and the fields that were there, typed. What a release later than ours added is kept as octets, so that a record
decoded and encoded again says the same. Files are read with or without file header, CDR headers and padding.
"""

from __future__ import annotations

import datetime
import ipaddress
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mmsd import fast
from mmsd.codec import ber
from mmsd.codec.cdr_values import (
    FIELDS,
    FORMS,
    OPAQUE,
    STRINGS,
    Address,
    Circuit,
    Coding,
    Components,
    Leaf,
    Moment,
    Packet,
    Part,
    Relay,
    Unknown,
    Wait,
    broken,
    coding_of,
    encode_text,
)
from mmsd.codec.shown import Line, Shown, Warned
from mmsd.codec.tables import cdr as table
from mmsd.errors import DecodeError, EncodeError
from mmsd.fast.ber_py import BODY, FIRST, OFFSET, REASONS, STOP
from mmsd.fast.charging_py import Types

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_UNKNOWN_LENGTH: Final = 0xFFFFFFFF
_CLAUSE: Final = "TS 32.298"

# ------------------------------------------------------------------------------------------------------------------ values


class Record(NamedTuple):
    """One record: its tag (`type`), its fields by name, in the order they came, and what no table knows."""

    type: int
    fields: Mapping[str, Any]
    unknown: tuple[Unknown, ...] = ()

    @property
    def name(self) -> str:
        return table.RECORDS[self.type].name


class FileTime(NamedTuple):
    """A file header's time: there is no year. `offset` in minutes east of UTC."""

    month: int
    day: int
    hour: int
    minute: int
    offset: int = 0


class FileHeader(NamedTuple):
    """The header of a file (TS 32.297 6.1.1). `length` and `header_length` None: the writer did not know."""

    sequence: int
    node: bytes = b"\xff" * 4 + bytes(10) + b"\xff\xff" + bytes(4)  # 20 octets: 4 × FF, then an IPv6 or mapped IPv4 address
    opened: FileTime = FileTime(0, 0, 0, 0)
    appended: FileTime = FileTime(0, 0, 0, 0)
    records: int = 0
    closure: int = 0
    lost: int = 0  # 0: none
    high: tuple[int, int] = (6, 2)  # release, version of the newest record; release 7 is 10 + the extension
    low: tuple[int, int] = (6, 2)
    high_extension: int = 0
    low_extension: int = 0
    filter: bytes = b""
    extension: bytes = b""
    length: int | None = None
    header_length: int | None = None

    @property
    def address(self) -> str:
        """The node's IP address as people write it."""
        found = ipaddress.IPv6Address(self.node[4:])
        return str(found.ipv4_mapped or found)


class Fault(NamedTuple):
    """What was survived: where, what, and the clause it breaks."""

    offset: int
    text: str
    clause: str


class Gap(NamedTuple):
    """Numbers `first` to `last` are missing."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class File:
    """Everything in a file. `foreign` counts records of other kinds by their tags; `offsets[i]` is where record i begins,
    `contents[i]` where its fields begin and end."""

    header: FileHeader | None
    records: tuple[Record, ...]
    offsets: tuple[int, ...]
    contents: tuple[tuple[int, int], ...] = ()
    foreign: Mapping[int, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    padding: int = 0

    @property
    def unknown(self) -> Mapping[str, int]:
        """How often each field that no table knows was there, by "record.tag"."""
        return Counter(f"{record.name}.{found.number}" for record in self.records for found in record.unknown)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Missing local sequence numbers between records that follow each other in the file."""
        numbers = [record.fields["localSequenceNumber"] for record in self.records if "localSequenceNumber" in record.fields]
        return _gaps(numbers)


def file_gaps(headers: Iterable[FileHeader]) -> dict[str, tuple[Gap, ...]]:
    """Missing file sequence numbers of each node, by its address; headers in any order, repeated ones once.

    >>> file_gaps([FileHeader(7), FileHeader(9), FileHeader(9)])
    {'0.0.0.0': (Gap(first=8, last=8),)}
    """
    numbers: dict[str, set[int]] = {}
    for header in headers:
        numbers.setdefault(header.address, set()).add(header.sequence)
    found = {node: _gaps(sorted(held)) for node, held in numbers.items()}
    return {node: gaps for node, gaps in found.items() if gaps}


def _gaps(numbers: Sequence[int]) -> tuple[Gap, ...]:
    return tuple(Gap(one + 1, other - 1) for one, other in itertools.pairwise(numbers) if other > one + 1)


# ----------------------------------------------------------------------------------------------------------------- records

_OCTET_STRING: Final = 0x04
_MOST: Final = 64  # faults told of a file, and unknown fields kept of a record
_SEEN: Final = 4096
_DUPLICATE: Final = "a field twice: the first counts"


def decode_record(data: bytes) -> Record:
    """The one record that `data` holds, without CDR header. DecodeError when it is none of those we know, or not alone.

    >>> decode_record(bytes.fromhex("bf2a0680012a860100"))
    Record(type=42, fields={'recordType': 42, 'mmStatusCode': 0}, unknown=())
    """
    found = decode_file(data)
    if found.header is not None or len(found.records) != 1 or found.foreign:
        raise DecodeError("not one MMS record", offset=0, clause=_CLAUSE)
    if found.faults:
        raise DecodeError(found.faults[0].text, offset=found.faults[0].offset, clause=found.faults[0].clause)
    return found.records[0]


TYPES: Final = Types(Record, Unknown, Moment, Wait, Address, Relay, Circuit, Packet, Components, Part)
"""What the kernel makes."""


def _decode(
    data: bytes, tag: int, body: int, stop: int, leaves: Sequence[Sequence[int]], faults: list[Fault], seen: dict[tuple[int, bytes], Any]
) -> Record:
    """One record that the kernel left, from its leaves (`fast.walk`); what is wrong in it goes to `faults`.

    `seen` holds nested values by their octets from the end of the leaf before: relays, sessions and numbers come again and again.
    """
    known = FIELDS[tag]
    fields: dict[str, Any] = {}
    odd: set[int] = set()  # first octets of paths of fields that stay octets
    count, place, end = len(leaves), 0, body
    while place < count:
        before = end
        _, path, start, end = leaves[place]
        first = path & 0xFF
        place += 1
        found = known.get(first)
        if found is None:
            odd.add(first)
            continue
        name, coding = found
        if coding.plain is not None and path == first and name not in fields:
            try:
                fields[name] = coding.plain(data[start:end])
            except DecodeError as error:
                odd.add(first)
                _tell(faults, Fault(start, f"{name}: {error.reason}", error.clause))
            continue
        begun = place - 1
        while place < count and leaves[place][1] & 0xFF == first:
            place += 1
        end = leaves[place - 1][3]
        if name in fields:
            _tell(faults, Fault(start, f"{name}: {_DUPLICATE}", "X.690 8.11"))
        elif coding is OPAQUE:
            odd.add(first)
            fields[name] = None  # holds its place
        else:
            key = id(coding), data[before:end]
            value = seen.get(key)
            try:
                if value is None:
                    value = seen[key] = _nested(data, coding, [(path >> 8, at, after) for _, path, at, after in leaves[begun:place]])
            except DecodeError as error:
                odd.add(first)
                _tell(faults, Fault(start, f"{name}: {error.reason}", error.clause))
            else:
                fields[name] = value
    return Record(tag, fields, _keep(data, body, stop, known, fields, odd) if odd else ())


def _tell(faults: list[Fault], fault: Fault) -> None:
    if len(faults) < _MOST:
        faults.append(fault)


def _nested(data: bytes, coding: Coding, leaves: Sequence[Leaf]) -> Any:
    if coding.nested is not None:
        path, start, stop = leaves[0]
        if path == 0 and start < stop:
            raise broken("a plain value where a nested one should be")
        return coding.nested(data, leaves if path else [])  # path 0: a SEQUENCE or SET without members
    if coding in STRINGS and coding.plain is not None and all(path == _OCTET_STRING for path, _, _ in leaves):
        return coding.plain(b"".join(data[start:stop] for _, start, stop in leaves))  # X.690 8.7.3: a string in pieces
    raise broken("a nested value where a plain one should be")


def _keep(
    data: bytes, body: int, stop: int, known: Mapping[int, tuple[str, Coding]], fields: dict[str, Any], odd: set[int]
) -> tuple[Unknown, ...]:
    """Puts opaque fields in their places; what cannot be read, is not known, or is plain where it should be nested, as it stands."""
    unknown: list[Unknown] = []
    for element in ber.children(data, body, stop):
        first = element.kind | min(element.number, 0x3F)
        if first not in odd:
            continue
        content = data[element.body : element.stop]
        name = known[first][0] if first in known else ""
        if name in fields and (fields[name] is not None or element.constructed):
            if fields[name] is None:
                fields[name] = content
            continue
        fields.pop(name, None)
        if len(unknown) < _MOST:
            unknown.append(Unknown(element.kind, element.number, element.constructed, content))
    return tuple(unknown)


def encode_record(record: Record, *, indefinite: bool = False) -> bytes:
    """A record in BER, definite lengths throughout, or the outermost indefinite. EncodeError names a field that does not fit.

    >>> encode_record(Record(42, {"recordType": 42, "mmStatusCode": 0})).hex()
    'bf2a0680012a860100'
    """
    known = table.RECORDS.get(record.type)
    if known is None:
        raise EncodeError(f"no record type has the tag {record.type}")
    parts: list[bytes] = []
    for name, value in record.fields.items():
        if name not in known.fields:
            raise EncodeError(f"{known.name} has no field {name}")
        number = known.fields.index(name)
        coding = coding_of(record.type, name)
        try:
            content = coding.encode(value)
        except (TypeError, ValueError, AttributeError) as error:
            raise EncodeError(f"{known.name}.{name}: {value!r} does not fit") from error
        parts.append(ber.primitive(number, content) if coding.plain is not None else ber.constructed(number, [content]))
    for found in record.unknown:
        head = ber.identifier(found.kind, found.number, constructed=found.constructed)
        parts.append(head + ber.encode_length(len(found.content)) + found.content)
    return ber.constructed(record.type, parts, indefinite=indefinite)


# ------------------------------------------------------------------------------------------------------------------- files

_HEADER: Final = 50  # octets before the routeing filter
_HEADER_MOST: Final = _HEADER + 2 + 2 * 0xFFFF + 2
_RELEASE_EXTENDED: Final = 7
_MMS: Final = 10  # TS 32.270
_BER: Final = 1


def decode_header(data: bytes) -> tuple[FileHeader, int] | None:
    """The file header at the start of `data` and its length; None where there is none (6.1.1). Nothing is raised.

    >>> decode_header(encode_header(FileHeader(7), 0))[0].sequence
    7
    """
    if len(data) < _HEADER + 2:
        return None
    length, header_length = (int.from_bytes(data[place : place + 4], "big") for place in (0, 4))
    behind = _HEADER + int.from_bytes(data[48:50], "big")
    extension = behind + 2 + int.from_bytes(data[behind : behind + 2], "big")
    high, low = data[8], data[9]
    extended = [high >> 5 == _RELEASE_EXTENDED, low >> 5 == _RELEASE_EXTENDED]
    end = extension + sum(extended)
    if end > len(data) or header_length not in (end, _UNKNOWN_LENGTH) or length < end:
        return None
    extra = iter(data[extension:end])
    return FileHeader(
        int.from_bytes(data[22:26], "big"),
        data[27:47],
        _decode_file_time(data[10:14]),
        _decode_file_time(data[14:18]),
        int.from_bytes(data[18:22], "big"),
        data[26],
        data[47],
        (high >> 5, high & 0x1F),
        (low >> 5, low & 0x1F),
        next(extra) if extended[0] else 0,
        next(extra) if extended[1] else 0,
        data[50:behind],
        data[behind + 2 : extension],
        None if length == _UNKNOWN_LENGTH else length,
        None if header_length == _UNKNOWN_LENGTH else header_length,
    ), end


def header_unfinished(data: bytes) -> bool:
    """Whether a file header may begin here whose end is still to come.

    >>> header_unfinished(b"\\xff\\xff"), header_unfinished(bytes.fromhex("be80") + bytes(100))
    (True, False)
    """
    if len(data) < _HEADER + 2:
        return True
    announced = int.from_bytes(data[4:8], "big")
    return len(data) < announced <= _HEADER_MOST and decode_header(data) is None


def encode_header(header: FileHeader, octets: int | None) -> bytes:
    """The header of a file with so many octets of records behind it; None: not known. The header's own lengths are not looked at.

    EncodeError for what does not fit.
    """
    extra = b"".join(
        bytes((extension,))
        for (release, _), extension in ((header.high, header.high_extension), (header.low, header.low_extension))
        if release == _RELEASE_EXTENDED
    )
    size = _HEADER + len(header.filter) + 2 + len(header.extension) + len(extra)
    try:
        return b"".join(
            (
                (_UNKNOWN_LENGTH if octets is None else size + octets).to_bytes(4, "big"),
                size.to_bytes(4, "big"),
                bytes(release << 5 | version for release, version in (header.high, header.low)),
                _encode_file_time(header.opened),
                _encode_file_time(header.appended),
                header.records.to_bytes(4, "big"),
                header.sequence.to_bytes(4, "big"),
                bytes((header.closure,)),
                _twenty(header.node),
                bytes((header.lost,)),
                len(header.filter).to_bytes(2, "big"),
                header.filter,
                len(header.extension).to_bytes(2, "big"),
                header.extension,
                extra,
            )
        )
    except (OverflowError, ValueError) as error:
        raise EncodeError("a number does not fit its place in the file header") from error


def _twenty(node: bytes) -> bytes:
    if len(node) != 20:
        raise EncodeError("a node address has twenty octets")
    return node


def _decode_file_time(raw: bytes) -> FileTime:
    """Month 4 bits, day 5, hour 5, minute 6, sign 1 (1 is east), hours 5, minutes 6 (6.1.1.5)."""
    bits = int.from_bytes(raw, "big")
    offset = 60 * (bits >> 6 & 0x1F) + (bits & 0x3F)
    return FileTime(bits >> 28, bits >> 23 & 0x1F, bits >> 18 & 0x1F, bits >> 12 & 0x3F, offset if bits >> 11 & 1 else -offset)


def _encode_file_time(time: FileTime) -> bytes:
    hours = min(abs(time.offset) // 60, 0x1F)
    minutes = abs(time.offset) - 60 * hours  # up to 63, as it may be read
    if not (0 <= time.month < 16 and 0 <= time.day < 32 and 0 <= time.hour < 32 and 0 <= time.minute < 64 and minutes < 64):
        raise EncodeError("a number does not fit its place in a time of the file header")
    bits = time.month << 28 | time.day << 23 | time.hour << 18 | time.minute << 12 | (time.offset >= 0) << 11 | hours << 6 | minutes
    return bits.to_bytes(4, "big")


def decode_file(data: bytes, *, limit: int = 20_000) -> File:
    """What is in a file: with its header or without, with CDR headers or without, padded or not; at most `limit` records.

    DecodeError when there is neither a header nor a record in it; whatever else is wrong is a fault.
    """
    found = decode_header(data)
    header, start = found if found else (None, 0)
    walk = fast.walk(data, start, final=True)
    faults = [Fault(at, REASONS[code], "X.690 8.1") for code, _, at in walk.faults[:_MOST].tolist()]
    count = len(walk.records)
    read = fast.read_records(data, walk.records[:limit], FORMS, TYPES)
    seen: dict[tuple[int, bytes], Any] = {}
    foreign: Counter[int] = Counter()
    for place in [place for place, record in enumerate(read) if record is None]:
        _, _, body, stop, tag, first = walk.records[place].tolist()
        if tag not in FIELDS:
            foreign[tag] += 1
            continue
        last = walk.records[place + 1, FIRST] if place + 1 < count else len(walk.leaves)
        read[place] = _decode(data, tag, body, stop, walk.leaves[first:last].tolist(), faults, seen)
        if len(seen) > _SEEN:
            seen.clear()
    rows = walk.records[: len(read)][[record is not None for record in read]]
    records = tuple(record for record in read if record is not None)
    contents = tuple(zip(rows[:, BODY].tolist(), rows[:, STOP].tolist(), strict=True))
    if header is None and not count:
        raise DecodeError(faults[0].text if faults else "nothing but padding", offset=faults[0].offset if faults else 0, clause=_CLAUSE)
    if count > limit:
        faults.append(Fault(int(walk.records[limit - 1, STOP]), f"{count - limit} more records behind these", ""))
    if header is not None:
        faults += _check(header, len(data), count)
    return File(header, records, tuple(rows[:, OFFSET].tolist()), contents, foreign, tuple(faults), walk.skipped)


def _check(header: FileHeader, octets: int, records: int) -> list[Fault]:
    """What a file header says, beside what is there."""
    faults = []
    if header.length is not None and header.length != octets:
        faults.append(Fault(0, f"file length {header.length}, but {octets} octets are here", "TS 32.297 6.1.1.1"))
    if header.records != records:
        faults.append(Fault(18, f"{header.records} records announced, {records} found", "TS 32.297 6.1.1.7"))
    if header.lost:
        faults.append(Fault(47, f"the node says that records were lost (indicator {header.lost})", "TS 32.297 6.1.1.11"))
    return faults


def encode_cdr_header(octets: int, *, release: int = 6, version: int = 2, extension: int = 0) -> bytes:
    """The CDR header of a BER record of so many octets, of TS 32.270 (6.1.2). EncodeError where 16 bits do not hold the length.

    >>> encode_cdr_header(243).hex()
    '00f3c22a'
    """
    if not 0 <= octets < 1 << 16:
        raise EncodeError(f"a CDR header cannot announce {octets} octets")
    head = octets.to_bytes(2, "big") + bytes((release << 5 | version, _BER << 5 | _MMS))
    return head + bytes((extension,)) if release == _RELEASE_EXTENDED else head


def encode_file(records: Iterable[Record], header: FileHeader | None = None, *, framed: bool = True) -> bytes:
    """Records as a file: behind a file header, which gets their count, if there is one; each behind a CDR header if `framed`."""
    encoded = [encode_record(record) for record in records]
    body = b"".join((encode_cdr_header(len(raw)) + raw) if framed else raw for raw in encoded)
    if header is None:
        return body
    return encode_header(header._replace(records=len(encoded)), len(body)) + body


# -------------------------------------------------------------------------------------------------------------------- show

_SHOWN: Final = 5_000

_ENUMERATIONS: Final[Mapping[str, Mapping[int, str]]] = {
    "mmStatusCode": table.MM_STATUS,
    "readStatus": table.MM_STATUS,
    "requestStatusCode": table.REQUEST_STATUS,
    "messageClass": table.MESSAGE_CLASS,
    "priority": table.PRIORITY,
    "rATType": table.RAT_TYPE,
}


def show(data: bytes) -> Shown:
    """What `mmsd decode cdr` prints. DecodeError when the bytes hold neither a file header nor a record."""
    file = decode_file(data, limit=_SHOWN)
    lines: list[Line] = []
    values: dict[str, Any] = {"header": None, "records": [], "foreign": {str(tag): count for tag, count in file.foreign.items()}}
    if file.header is not None:
        values["header"] = {name: _plain(value) for name, value in file.header._asdict().items()} | {"address": file.header.address}
        lines.append(Line(0, file.header.header_length or 0, "file header", _summary(file.header)))
    for record, offset, (body, stop) in zip(file.records, file.offsets, file.contents, strict=True):
        lines.append(Line(offset, stop - offset, "record", record.name))
        lines += _fields(data, record, body, stop)
        fields = {name: _plain(value) for name, value in record.fields.items()}
        values["records"].append({"type": record.name, **fields, "unknown": [_plain(found) for found in record.unknown]})
    warned = [Warned(*fault) for fault in file.faults]
    warned += (Warned(0, f"{count} records of tag {tag} are none of MMS: passed over", _CLAUSE) for tag, count in file.foreign.items())
    warned += (Warned(0, f"local sequence numbers {gap.first} to {gap.last} are missing", _CLAUSE) for gap in file.gaps)
    return Shown(values, tuple(lines), tuple(warned))


def _fields(data: bytes, record: Record, body: int, stop: int) -> Iterator[Line]:
    """A line for each field as it stands."""
    names = table.RECORDS[record.type].fields
    for found in itertools.islice(ber.children(data, body, stop), _MOST):
        known = found.kind == ber.CONTEXT and found.number < len(names)
        name = names[found.number] if known else f"[{found.number}]"
        value = (
            shown_value(name, record.fields[name]) if name in record.fields else data[found.body : min(found.stop, found.body + 64)].hex()
        )
        yield Line(found.start, found.after - found.start, name, value, 1)


def _summary(header: FileHeader) -> str:
    closure = table.CLOSURE.get(header.closure, str(header.closure))
    return f"file {header.sequence} of {header.address}, {header.records} records, closed: {closure}"


def shown_value(name: str, value: Any) -> str:
    """A field's value as people read it.

    >>> shown_value("sGSNPLMNIdentifier", bytes.fromhex("64f000")), shown_value("mSTimeZone", bytes.fromhex("2300"))
    ('64f000 (460-00)', '2300 (+08:00)')
    """
    meaning = ""
    if isinstance(value, int):
        meaning = _ENUMERATIONS.get(name, {}).get(value, "")
    elif isinstance(value, bytes) and name in _OCTETS:
        meaning = _OCTETS[name](value)
    plain = _plain(value)
    return f"{plain} ({meaning})" if meaning else _said(plain)


def _network(octets: bytes) -> str:
    """PLMN-Id (TS 24.008 10.5.1.3): country code and network code; "" when it is none."""
    if len(octets) != 3:
        return ""
    digits = [half for octet in octets for half in (octet & 15, octet >> 4)]
    mcc, mnc = digits[:3], [*digits[4:], *([digits[3]] if digits[3] != 15 else [])]
    return f"{''.join(map(str, mcc))}-{''.join(map(str, mnc))}" if max(mcc + mnc) < 10 else ""


def _zone(octets: bytes) -> str:
    """MS Time Zone (TS 29.060 7.7.52): quarters of an hour as in TS 23.040 9.2.3.11, then hours of summer time; "" when it is none."""
    if len(octets) != 2 or octets[0] >> 4 > 9 or octets[1] & 3 == 3:
        return ""
    quarters = (octets[0] & 7) * 10 + (octets[0] >> 4)
    summer = f", {octets[1] & 3} h of it summer time" if octets[1] & 3 else ""
    return f"{'-' if octets[0] & 8 else '+'}{quarters // 4:02d}:{quarters % 4 * 15:02d}{summer}"


_OCTETS: Final = {"sGSNPLMNIdentifier": _network, "mSTimeZone": _zone}


def _said(value: Any) -> str:
    """JSON types in words."""
    if isinstance(value, dict):
        return " ".join(f"{name} {_said(part)}" for name, part in value.items() if part not in (None, "", -1))
    return ", ".join(map(_said, value)) if isinstance(value, list) else str(value)


def _plain(value: Any) -> Any:
    """A value as JSON types; times as ISO 8601."""
    if isinstance(value, Moment):
        zone = datetime.timezone(datetime.timedelta(minutes=value.offset)) if abs(value.offset) < 1440 else datetime.UTC
        return (_EPOCH + datetime.timedelta(microseconds=value.at)).astimezone(zone).isoformat()
    if isinstance(value, Wait):  # a choice: seconds 0 beside a moment would say that it is over
        return {"seconds": value.seconds} if value.until is None else {"until": _plain(value.until)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return encode_text(value).decode("utf-8", "replace")
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        return {name: _plain(part) for name, part in zip(names, value, strict=True)} if names else [_plain(part) for part in value]
    return value
