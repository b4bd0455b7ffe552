"""Charging files of a 3GPP MMSC (TS 32.297) with MMS records in BER (TS 32.298): a dialect whose records are not lines.

Traps: MM status counts from 0 (retrieved), X-Mms-Status from 128 (expired). A submit record is written for a refused submit, too. Records
of deletion (MMOMD, MMRMD) and another MMSC's answers (MMO4FRs) name the message, not the receiver. Most time stamps may be missing. One
record may name many recipients.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import Any, ClassVar, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from mmsd import fast
from mmsd.codec import ber, cdr
from mmsd.codec.cdr_values import decode_msisdn
from mmsd.codec.tables import cdr as table
from mmsd.errors import DecodeError
from mmsd.fast.ber_py import FAULT, FAULT_OFFSET, OFFSET, REASONS, TAG, Walk
from mmsd.fast.values_py import address as as_address
from mmsd.fast.values_py import authority as as_authority
from mmsd.logs.dialect import Columns, Dialect, Key, Texts
from mmsd.logs.options import Options
from mmsd.logs.plan import Explained, Numbering
from mmsd.model import OFFSET_BITS, SECOND, CodeSet, I64Array, Kind, Parsed, Records, Reject, Rejects, Stretch, TextColumn, U64Array

_KINDS: Final[Mapping[int, Kind]] = {
    30: Kind.SUBMIT,  # MMO1S
    31: Kind.SENT_OUT,  # MMO4FRq
    32: Kind.PEER_ANSWER,  # MMO4FRs
    33: Kind.REPORT,  # MMO4D
    34: Kind.REPORT,  # MMO1D
    35: Kind.READ_REPORT,  # MMO4R
    36: Kind.READ_REPORT,  # MMO1R
    37: Kind.REPORT,  # MMOMD
    38: Kind.SUBMIT,  # MMR4F: taken from another MMSC
    39: Kind.NOTIFY,  # MMR1NRq
    40: Kind.RESPONSE,  # MMR1NRs
    41: Kind.FETCH,  # MMR1Rt
    42: Kind.RESPONSE,  # MMR1A
    43: Kind.REPORT,  # MMR4DRq
    45: Kind.READ_REPORT,  # MMR1RR
    46: Kind.READ_REPORT,  # MMR4RRq
    48: Kind.REPORT,  # MMRMD
    49: Kind.FORWARD,  # MMF
    54: Kind.SUBMIT,  # MM7S
    55: Kind.SENT_OUT,  # MM7DRq: to an application
    56: Kind.PEER_ANSWER,  # MM7DRs
    59: Kind.REPORT,  # MM7DRRq
    61: Kind.READ_REPORT,  # MM7RRq
}
"""What a record says; the other types (answers to reports, cancel, replace) are known and make no rows."""

_INTERFACES: Final[Mapping[str, int]] = {"MMO1": 1, "MMR1": 1, "MMO4": 4, "MMR4": 4, "MM7": 7, "MMF": 1, "MMOM": 0, "MMRM": 0}

_DEFERRED: Final = 0x83
_STATUS: Final = np.array([0x81, 0x86, 0x80, 0x82, _DEFERRED, 0x84, 0x81, -1], np.int64)
"""X-Mms-Status of each MMStatusCodeType: what was read was retrieved; what was deleted unread is no word on retrieval."""

_EXPIRED: Final = 2
_NOT_FETCHED: Final = (_EXPIRED, 3, 5)
_DELETIONS: Final = (37, 48)
_ABROAD: Final = (31, 32, 37)
"""Types whose `recipientMmsRSAddress` is another MMSC."""
_MM7: Final = 54
"""From this type on `statusText` is MM7's."""

# ---------------------------------------------------------------------------------------------------- roles of fields

_ROLES: Final[Mapping[str, str]] = {
    "message": "messageID",
    "sender": "originatorAddress senderAddress",
    "receiver": "recipientAddress recipientAddresses",
    "size": "messageSize",
    "mm": "mmStatusCode readStatus",
    "request": "requestStatusCode",
    "said": "statusText mmStatusText",
    "stamp": "recordTimeStamp",
    "happened": "mmDateAndTime",
    "submitted": "submissionTime",
    "location": "messageReference",
    "expiry": "timeOfExpiry",
    "lasted": "durationOfTransmission",
    "access": "accessCorrelation",
    "account": "vaspID",
    "service": "vasID",
    "sequence": "localSequenceNumber",
    "peer": "",  # see _ABROAD
    "none": "",
    "new": "",  # a field no table knows
}
"""What this dialect takes a field for; every other field is passed over."""

_ROLE: Final = {name: number for number, name in enumerate(_ROLES)}
_WIDE: Final = 64  # tags of records we know, and of fields in a path, are below


def _roles() -> npt.NDArray[np.uint8]:
    """Role by record tag and by the first octet of a path."""
    roles = np.full((_WIDE, 256), _ROLE["new"], np.uint8)
    names = {name: _ROLE[role] for role, fields in _ROLES.items() for name in fields.split()}
    for tag, record in table.RECORDS.items():
        for number, name in enumerate(record.fields):
            roles[tag, 0x80 | number] = names.get(name, _ROLE["none"])
    roles[49, 0x80 | table.RECORDS[49].fields.index("forwardingAddress")] = _ROLE["sender"]
    for tag in _ABROAD:
        roles[tag, 0x80 | table.RECORDS[tag].fields.index("recipientMmsRSAddress")] = _ROLE["peer"]
    return roles


_TABLE: Final = _roles()
_KNOWN: Final = np.isin(np.arange(_WIDE), list(table.RECORDS))
_KIND: Final = np.array([_KINDS.get(tag, Kind.NONE) for tag in range(_WIDE)], np.uint8)
_SPEAKS: Final = np.isin(np.arange(_WIDE), list(_KINDS))
_INTERFACE: Final = np.array(
    [
        next((number for name, number in _INTERFACES.items() if tag in table.RECORDS and table.RECORDS[tag].name.startswith(name)), 0)
        for tag in range(_WIDE)
    ],
    np.uint8,
)


class _Cells(NamedTuple):
    """Leaves of one role: record, path below the field, start and stop of the octets."""

    record: I64Array
    path: I64Array
    start: I64Array
    stop: I64Array

    def where(self, chosen: npt.NDArray[np.bool_]) -> _Cells:
        return _Cells(self.record[chosen], self.path[chosen], self.start[chosen], self.stop[chosen])


class Cdr(Dialect):
    """`cdr`: `duration` says the unit of durationOfTransmission, `status_text` whose codes the four digits in a statusText are."""

    name: ClassVar[str] = "cdr"
    summary: ClassVar[str] = "3GPP charging records of an MMSC"

    def __init__(self, *, key: Key, numbering: Numbering, seconds: bool = False, cmcc: bool = False) -> None:
        self.key: Final = key
        self.numbering: Final = numbering
        self.seconds: Final = seconds
        self.cmcc: Final = cmcc

    @classmethod
    def build(cls, options: Options, *, zone: tzinfo, key: Key, numbering: Numbering) -> Self:
        """The records' times carry their offset: `zone` is not asked."""
        return cls(
            key=key,
            numbering=numbering,
            seconds=options.text("duration", "ms", among=("ms", "s")) == "s",
            cmcc=options.text("status_text", "", among=("", "cmcc")) == "cmcc",
        )

    def sample(self, line: str) -> bytes:
        """Records in the configuration are hex."""
        return _from_hex(line.encode())

    def scan(self, data: bytes, *, ordinal: int, offset: int, final: bool) -> Parsed:
        """As every dialect's. CDR headers and padding are passed over, and so is a file header at offset 0."""
        start = 0
        stretches: list[Stretch] = []
        if offset == 0:
            if not final and cdr.header_unfinished(data):
                return Parsed(Records.empty(), Rejects(), 0, 0)
            found = cdr.decode_header(data)
            if found is not None:
                start, sequence = found[1], found[0].sequence
                stretches.append(Stretch("files", sequence, sequence, found[0].address))
        walk = fast.walk(data, start, final)
        base = ordinal << OFFSET_BITS | offset
        records, untimed, notes, runs = self._records(data, walk, base)
        return Parsed(
            records,
            _rejects(data, walk, untimed, base),
            walk.consumed,
            len(walk.records) + len(walk.faults),
            walk.skipped,
            notes,
            (*stretches, *runs),
        )

    # -------------------------------------------------------------------------------------------------------- columns

    def _records(self, data: bytes, walk: Walk, base: int) -> tuple[Records, I64Array, dict[str, int], list[Stretch]]:
        """The rows, which records have no time (by number), what was passed over, and the records' own numbers."""
        tags = walk.records[:, TAG]
        known = (tags < _WIDE) & _KNOWN[np.minimum(tags, _WIDE - 1)]
        tag = np.where(known, tags, 0)
        octets = np.frombuffer(data, np.uint8)
        leaves = _Leaves(walk, tag)
        notes = _notes(tags, known, leaves)
        runs = _stretches(_integers(octets, leaves.of("sequence")))
        speaks = _SPEAKS[tag] & known
        count = len(tags)

        at = self._times(octets, leaves, count)
        untimed = np.flatnonzero(speaks & (at == 0))
        speaks &= at != 0

        receivers = self._addresses(data, octets, leaves.of("receiver"))
        row = _rows(receivers.record, speaks)
        record = row.record
        single = _Single(record, count)
        who = np.where(row.place >= 0, row.place, 0)
        has = row.place >= 0
        senders = self._addresses(data, octets, leaves.of("sender"))
        texts: Texts = {
            name: single.text(data, leaves.of(role))
            for name, role in (("message", "message"), ("status", "said"), ("account", "account"), ("service", "service"))
        }
        texts["receiver"] = TextColumn(data, _pick(receivers.start, who, has), _pick(receivers.stop, who, has))
        texts["sender"] = single.text(data, _Cells(senders.record, senders.record, senders.start, senders.stop))
        columns: Columns = {
            "at": at[record],
            "kind": _KIND[tag[record]],
            "where": walk.records[record, OFFSET] + base,
            "interface": _INTERFACE[tag[record]],
            "receiver": _pick(receivers.number, who, has),
            "sender": single.values(senders.record, senders.number, 0),
            "message": fast.hash64_many(data, texts["message"].start, texts["message"].stop, self.key),
            "size": single.numbers(octets, leaves.of("size")),
            "latency": single.numbers(octets, leaves.of("lasted")),
        }
        if self.seconds:
            columns["latency"] = np.where(columns["latency"] >= 0, columns["latency"] * 1000, -1)
        columns["ggsn"] = single.values(*_gsn(octets, leaves.of("access")), 0)
        self._locate(data, columns, texts, single.text(data, leaves.of("location")))
        self._name_peers(data, columns, texts, single, leaves.of("peer"))
        self._expire(octets, columns, single, leaves.of("expiry"))
        said = _Said(
            tag[record],
            single.numbers(octets, leaves.of("mm")),
            single.numbers(octets, leaves.of("request")),
            _four_digits(octets, texts["status"], tag[record] < _MM7 if self.cmcc else np.zeros(len(record), bool)),
        )
        _judge(columns, said)
        return Records(len(record), columns, texts), untimed, notes, runs

    def _times(self, octets: npt.NDArray[np.uint8], leaves: _Leaves, count: int) -> I64Array:
        """When each record was written, else when what it tells of happened; 0 where it says neither."""
        at = np.zeros(count, np.int64)
        for role in ("submitted", "happened", "stamp"):
            cells = leaves.of(role)
            made = _moments(octets, cells)
            at[cells.record[made != 0]] = made[made != 0]
        return at

    def _addresses(self, data: bytes, octets: npt.NDArray[np.uint8], cells: _Cells) -> _Addresses:
        """Every MMSAgentAddress among the leaves: international numbers at once, what is rarer one by one."""
        path = np.where(cells.path & 0xFF == 0x10, cells.path >> 8, cells.path)  # out of its SET
        cells = cells.where((path & 0xFF == 0x80) & (path >> 8 >= 0x80) & (path >> 8 <= 0x82))
        choice = (np.where(cells.path & 0xFF == 0x10, cells.path >> 8, cells.path) >> 8).astype(np.int64)
        number, plain = _international(octets, cells)
        plain &= choice == 0x81
        start, stop = cells.start.copy(), cells.stop.copy()
        stop[choice == 0x81] = start[choice == 0x81]  # its digits stand nowhere in the data
        rule = self.numbering.packed().tolist()
        seen: dict[tuple[int, bytes], int] = {}
        for place in np.flatnonzero(~plain).tolist():
            held = int(choice[place]), data[cells.start[place] : cells.stop[place]]
            if held not in seen:
                seen[held] = self._address(*held, rule)
            number[place] = seen[held]
        return _Addresses(cells.record, number, start, stop)

    def _address(self, choice: int, raw: bytes, rule: list[int]) -> int:
        if choice == 0x81:
            try:
                digits, nature = decode_msisdn(raw)
            except DecodeError:
                return 0
            raw = (b"+" if nature & 0x70 == 0x10 else b"") + digits.encode()
        return as_address(raw, rule, self.key)

    def _locate(self, data: bytes, columns: Columns, texts: Texts, location: TextColumn) -> None:
        """messageReference is the content location of the notification: a URL, its path, or a bare name."""
        rows = np.flatnonzero(location.stop > location.start)
        host, path = location.start.copy(), location.stop.copy()
        for row, start, stop in zip(rows.tolist(), location.start[rows].tolist(), location.stop[rows].tolist(), strict=True):
            host[row], path[row] = _split(data, start, stop)
        columns["location"] = fast.hash64_many(data, path, location.stop, self.key)
        bare = rows[path[rows] == location.stop[rows]]
        columns["location"][bare] = fast.hash64(b"/", self.key)
        named = rows[path[rows] > host[rows]]
        columns["authority"] = np.zeros(len(host), np.uint64)
        hosts = [data[start:stop] for start, stop in zip(host[named].tolist(), path[named].tolist(), strict=True)]
        hashes = {text: as_authority(text, self.key) for text in set(hosts)}
        columns["authority"][named] = np.array([hashes[text] for text in hosts], np.uint64)
        texts["location"] = location
        texts["host"], texts["path"] = TextColumn(data, host, path), TextColumn(data, path, location.stop)

    def _name_peers(self, data: bytes, columns: Columns, texts: Texts, single: _Single, cells: _Cells) -> None:
        """The other MMSC, by its domain or else its IPv4 address, stands where a location's host stands in other records."""
        address = cells.where((cells.path == _RELAY_IPV4) & (cells.stop - cells.start == 4))
        domain = cells.where((cells.path == _RELAY_DOMAIN) & (cells.stop > cells.start))
        for chosen, read in ((address, _dotted), (domain, bytes)):
            raws = [data[start:stop] for start, stop in zip(chosen.start.tolist(), chosen.stop.tolist(), strict=True)]
            hashes = {raw: as_authority(read(raw), self.key) for raw in set(raws)}
            named = single.values(chosen.record, np.array([hashes[raw] for raw in raws], np.uint64), 0)
            columns["authority"] = np.where(named != 0, named, columns["authority"])
        peer, host = single.text(data, domain), texts["host"]
        there = peer.stop > peer.start
        texts["host"] = TextColumn(data, np.where(there, peer.start, host.start), np.where(there, peer.stop, host.stop))

    def _expire(self, octets: npt.NDArray[np.uint8], columns: Columns, single: _Single, cells: _Cells) -> None:
        """timeOfExpiry: a time stamp, or seconds from the record's own time."""
        absolute, relative = cells.where(cells.path == 0x80), cells.where((cells.path == 0x81) & (cells.stop - cells.start == 8))
        until = single.values(absolute.record, _moments(octets, absolute), 0)
        seconds = single.values(relative.record, np.minimum(_integers(octets, relative), 1 << 40), -1)
        columns["expires"] = np.where(seconds >= 0, columns["at"] + seconds * SECOND, until)

    # ------------------------------------------------------------------------------------------------------- for people

    def explain(self, line: bytes) -> Explained:
        """The fields of one record, given in hex or as it stands; of hex, characters are counted."""
        data = _from_hex(line)
        width = 1 if data == line else 2
        walk = fast.walk(data, 0, final=True)
        if not len(walk.records):
            fault = walk.faults[0].tolist() if len(walk.faults) else [1, 0, 0]
            return Explained((), fault[2] * width, REASONS[fault[0]])
        _, tag_at, body, stop, tag, _ = walk.records[0].tolist()
        if tag not in table.RECORDS:
            return Explained((), tag_at * width, f"tag {tag} is {table.OTHERS.get(tag, 'no MMS record')}: passed over")
        try:
            record = cdr.decode_record(data[tag_at:stop])
        except DecodeError as error:
            return Explained((), (tag_at + error.offset) * width, error.reason)
        known = table.RECORDS[tag].fields
        shown = [("record", tag_at * width, body * width, record.name)]
        for element in ber.children(data, body, stop):
            name = known[element.number] if element.number < len(known) else f"[{element.number}]"
            value = cdr.shown_value(name, record.fields[name]) if name in record.fields else "(passed over)"
            shown.append((name, element.start * width, element.after * width, value))
        rows = self.scan(data, ordinal=0, offset=1, final=True).records
        if rows.rows:
            at = datetime.fromtimestamp(int(rows["at"][0]) / SECOND, UTC).isoformat(timespec="milliseconds")
            shown += [("kind", 0, 0, Kind(int(rows["kind"][0])).name), ("at", 0, 0, at)]
        return Explained(tuple(shown))


class _Addresses(NamedTuple):
    """Addresses in the order they stand: record, number (`Records.receiver`), slice of the text of what is no MSISDN."""

    record: I64Array
    number: U64Array
    start: I64Array
    stop: I64Array


class _Leaves:
    """The leaves of a walk by role."""

    def __init__(self, walk: Walk, tag: I64Array) -> None:
        record, path = walk.leaves[:, 0], walk.leaves[:, 1]
        self.role: Final = _TABLE[tag[record], path & 0xFF]
        self._cells = _Cells(record, path, walk.leaves[:, 2], walk.leaves[:, 3])

    @cached_property
    def _order(self) -> tuple[I64Array, I64Array]:
        """Leaves sorted by role, each role's in their order; where each role begins."""
        order = np.argsort(self.role, kind="stable")
        return order, np.searchsorted(self.role[order], np.arange(len(_ROLES) + 1))

    def of(self, role: str) -> _Cells:
        order, begins = self._order
        chosen = order[begins[_ROLE[role]] : begins[_ROLE[role] + 1]]
        record, path, start, stop = (column[chosen] for column in self._cells)
        return _Cells(record, path >> 8, start, stop)


class _Rows(NamedTuple):
    """One row a record and receiver: the record, and the place of the receiver among all (−1: none)."""

    record: I64Array
    place: I64Array


def _rows(receivers: I64Array, speaks: npt.NDArray[np.bool_]) -> _Rows:
    """`receivers`: the record of each receiver, ascending. Records that say nothing get no row; those without receivers one."""
    count = len(speaks)
    owned = np.bincount(receivers, minlength=count)
    times = np.where(speaks, np.maximum(owned, 1), 0)
    record = np.repeat(np.arange(count), times)
    first = np.cumsum(owned) - owned
    nth = np.arange(len(record)) - np.repeat(np.cumsum(times) - times, times)
    return _Rows(record, np.where(owned[record] > 0, first[record] + nth, -1))


class _Single:
    """Fields that a record has once, given to each of its rows; of repeated ones the first counts."""

    def __init__(self, record: I64Array, count: int) -> None:
        self._record = record
        self._count = count

    def values(self, record: I64Array, value: npt.NDArray[Any], default: int) -> npt.NDArray[Any]:
        held = np.full(self._count, default, value.dtype)
        held[record[::-1]] = value[::-1]
        return held[self._record]

    def numbers(self, octets: npt.NDArray[np.uint8], cells: _Cells) -> I64Array:
        """INTEGERs; −1 where there is none, or one beyond what a column holds."""
        return self.values(cells.record, _integers(octets, cells), -1)

    def text(self, data: bytes, cells: _Cells) -> TextColumn:
        return TextColumn(data, self.values(cells.record, cells.start, 0), self.values(cells.record, cells.stop, 0))


def _pick(column: npt.NDArray[Any], place: I64Array, has: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """`column[place]`, zero where there is none."""
    if not len(column):
        return np.zeros(len(place), column.dtype)
    return np.where(has, column[place], column.dtype.type(0))


# ------------------------------------------------------------------------------------------- codings, whole columns at a time


def _gather(octets: npt.NDArray[np.uint8], start: I64Array, width: int) -> npt.NDArray[np.int64]:
    """int64[n, width]: the octets from each start on; behind the data's end its last octet again."""
    if not len(octets):
        return np.zeros((len(start), width), np.int64)
    gathered: npt.NDArray[np.int64] = octets[np.minimum(start[:, None] + np.arange(width), len(octets) - 1)].astype(np.int64)
    return gathered


def _integers(octets: npt.NDArray[np.uint8], cells: _Cells) -> I64Array:
    """Two's complement of up to eight octets; −1 for none, or more."""
    size = cells.stop - cells.start
    raw = _gather(octets, cells.start, 8)
    value = np.where(raw[:, 0] >= 0x80, -1, 0)
    for place in range(8):
        value = np.where(place < size, value << 8 | raw[:, place], value)
    return np.where((size > 0) & (size <= 8), value, -1)


def _moments(octets: npt.NDArray[np.uint8], cells: _Cells) -> I64Array:
    """TimeStamps as µs UTC; 0 for what is none."""
    raw = _gather(octets, cells.start, 9)
    high, low = raw >> 4, raw & 15
    pair = high * 10 + low
    year, month, day, hour, minute, second, _, east, minutes = pair.T
    good = (cells.stop - cells.start == 9) & np.isin(raw[:, 6], (0x2B, 0x2D))
    digits = np.delete(np.maximum(high, low), 6, axis=1)
    good &= (digits <= 9).all(axis=1) & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60) & (day >= 1)
    months = (np.where(good, (2000 + year - 1970) * 12 + month - 1, 0)).astype("M8[M]")
    first = months.astype("M8[D]").astype(np.int64)
    good &= day <= (months + 1).astype("M8[D]").astype(np.int64) - first
    local = (((first + day - 1) * 24 + hour) * 60 + minute) * 60 + second
    offset = np.where(raw[:, 6] == 0x2D, -60, 60) * (60 * east + minutes)
    return np.where(good, (local - offset) * SECOND, 0)


_DIGITS: Final = 8  # octets of digits: fifteen digits at most


def _international(octets: npt.NDArray[np.uint8], cells: _Cells) -> tuple[U64Array, npt.NDArray[np.bool_]]:
    """MSISDNs of international nature and 1 to 15 plain digits as numbers, and which these are."""
    size = cells.stop - cells.start - 1
    raw = _gather(octets, cells.start, 1 + _DIGITS)
    number = np.zeros(len(size), np.int64)
    good = (raw[:, 0] & 0xF0 == 0x90) & (size >= 1) & (size <= _DIGITS)
    for place in range(_DIGITS):
        inside = place < size
        low, high = raw[:, 1 + place] & 15, raw[:, 1 + place] >> 4
        filler = inside & (place == size - 1) & (high == 15)
        good &= ~inside | ((low <= 9) & ((high <= 9) | filler))
        number = np.where(inside, number * 10 + low, number)
        number = np.where(inside & ~filler, number * 10 + high, number)
    good &= (number > 0) & (number < 10**15)
    return number.view(np.uint64), good


def _gsn(octets: npt.NDArray[np.uint8], cells: _Cells) -> tuple[I64Array, U64Array]:
    """(record, address) of packet sessions that name an IPv4 GSN in binary: path [1].[0].[0]."""
    chosen = cells.where((cells.path == 0x808081) & (cells.stop - cells.start == 4))
    raw = _gather(octets, chosen.start, 4)
    return chosen.record, (raw[:, 0] << 24 | raw[:, 1] << 16 | raw[:, 2] << 8 | raw[:, 3]).view(np.uint64)


_RELAY_DOMAIN: Final = 0x80
_RELAY_IPV4: Final = 0x8082


def _dotted(raw: bytes) -> bytes:
    return b"%d.%d.%d.%d" % tuple(raw)


def _four_digits(octets: npt.NDArray[np.uint8], text: TextColumn, wanted: npt.NDArray[np.bool_]) -> I64Array:
    """The number of a text that is four digits and nothing else, where it is wanted; −1."""
    digits = _gather(octets, text.start, 4) - 0x30
    good = wanted & (text.stop - text.start == 4) & ((digits >= 0) & (digits <= 9)).all(axis=1)
    return np.where(good, digits @ np.array([1000, 100, 10, 1]), -1)


def _split(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Where the authority and the path of a content location begin; the first "/" or "?" begins the path."""
    scheme = data.find(b"://", start, min(stop, start + 11))
    at = scheme + 3 if scheme >= 0 else start
    path = data.find(b"/", at, stop)
    query = data.find(b"?", at, path if path >= 0 else stop)
    path = query if query >= 0 else path
    if path < 0:
        path = stop if scheme >= 0 else at  # a bare name is no authority
    return at, path


# ------------------------------------------------------------------------------------------------------ what records mean


class _Said(NamedTuple):
    """What the records say of how it went, a number a row: −1 where nothing."""

    tag: I64Array
    mm: I64Array  # MMStatusCodeType
    request: I64Array  # RequestStatusCodeType
    vendor: I64Array  # a four-digit code


def _judge(columns: Columns, said: _Said) -> None:
    """Status and its code set by kind, and the kinds that a status decides."""
    tag, mm, request, vendor = said
    kind = columns["kind"]
    mapped = _STATUS[np.where((mm >= 0) & (mm < len(_STATUS)), mm, len(_STATUS) - 1)]
    status, codes = np.full(len(kind), -1, np.int64), np.zeros(len(kind), np.uint8)

    word = (kind == Kind.REPORT) | (kind == Kind.RESPONSE)
    status[word] = mapped[word]
    # an answer without a status came from a handset that has the notification: all that is certain
    status[(tag == 40) & (mapped < 0)] = _DEFERRED
    codes[word & (status >= 0)] = CodeSet.MM1_STATUS
    kind = np.where((kind == Kind.REPORT) & (status < 0) & (vendor < 0), Kind.NONE, kind)
    kind = np.where(np.isin(tag, _DELETIONS) & (mm == _EXPIRED), Kind.EXPIRE, kind)

    kind = np.where((kind == Kind.FETCH) & np.isin(mm, _NOT_FETCHED), Kind.FETCH_FAILED, kind)
    kind = np.where((kind == Kind.SUBMIT) & (request > 0), Kind.SUBMIT_REFUSED, kind)
    for kinds, number in (((Kind.FETCH_FAILED, Kind.READ_REPORT), mm), ((Kind.SUBMIT_REFUSED, Kind.PEER_ANSWER), request)):
        own = np.isin(kind, kinds) & (number >= 0)
        status[own], codes[own] = number[own], CodeSet.CDR

    # the vendor's own code is finer than the standard's, wherever that tells of an end
    finer = np.isin(kind, (Kind.REPORT, Kind.EXPIRE, Kind.FETCH_FAILED, Kind.SUBMIT_REFUSED, Kind.PEER_ANSWER)) & (vendor >= 0)
    finer &= (kind != Kind.PEER_ANSWER) | (request != 0)
    status[finer], codes[finer] = vendor[finer], CodeSet.CMCC
    columns["kind"] = kind.astype(np.uint8)
    columns["status"], columns["code_set"] = np.clip(status, -1, (1 << 31) - 1).astype(np.int32), codes


_NAMED_TAGS: Final = 128
"""Octets that are no records at all must not make words for ever new."""


def _notes(tags: I64Array, known: npt.NDArray[np.bool_], leaves: _Leaves) -> dict[str, int]:
    """Records of other kinds, and fields no table knows."""
    notes: dict[str, int] = {}
    for tag, count in zip(*(found.tolist() for found in np.unique(tags[~known], return_counts=True)), strict=True):
        name = f"record {table.OTHERS.get(tag, f'of tag {tag}' if tag < _NAMED_TAGS else 'of a higher tag')} passed over"
        notes[name] = notes.get(name, 0) + count
    new = leaves.of("new")
    count = int(known[new.record].sum())
    return notes | {"unknown fields": count} if count else notes


_MOST_STRETCHES: Final = 256


def _stretches(numbers: I64Array) -> list[Stretch]:
    """Local sequence numbers of one chunk, in their order: writers of several threads mix neighbours up. Numbers that are no sequence at
    all are told in as many stretches as show it."""
    numbers = np.unique(numbers[numbers >= 0])
    if not len(numbers):
        return []
    ends = np.flatnonzero(np.diff(numbers, append=-1) != 1)[:_MOST_STRETCHES]
    begins = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    return [Stretch("records", first, last) for first, last in zip(numbers[begins].tolist(), numbers[ends].tolist(), strict=True)]


_SAMPLES: Final = 8
_HEAD: Final = 8
_UNTIMED: Final = "no time stamp"


def _rejects(data: bytes, walk: Walk, untimed: I64Array, base: int) -> Rejects:
    counts = {
        REASONS[code]: count
        for code, count in zip(*(found.tolist() for found in np.unique(walk.faults[:, FAULT], return_counts=True)), strict=True)
    }
    found = [(REASONS[code], "BER", at) for code, at in walk.faults[:_SAMPLES, [FAULT, FAULT_OFFSET]].tolist()]
    if len(untimed):
        counts[_UNTIMED] = len(untimed)
        found += ((_UNTIMED, "recordTimeStamp", at) for at in walk.records[untimed[:_SAMPLES], OFFSET].tolist())
    samples = tuple(Reject(why, step, base + at, data[at : at + _HEAD].hex(" ").encode()) for why, step, at in found[:_SAMPLES])
    return Rejects(counts, samples)


_HEX: Final = re.compile(rb"\s*(?:[0-9A-Fa-f]{2}\s*)+")


def _from_hex(line: bytes) -> bytes:
    """Octets that people write in hex; anything else as it is."""
    return bytes.fromhex(line.decode("ascii")) if _HEX.fullmatch(line) else line
