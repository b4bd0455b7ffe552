"""SMS (3GPP TS 23.040): user data with its header, texts cut into messages and joined again, and TPDUs both ways.

Three parts. *User data headers* (9.2.3.24): ports and concatenation, in any order, with whatever stands between them. *User data*: one form
for all bearers, 7-bit text as septets, one an octet, so that SMPP, CMPP and TPDUs meet here. *TPDUs* (9.2.2): what a modem or an SMSC's
interface carries. What breaks a rule and can be survived stands in `faults`.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

from mmsd.codec import gsm7
from mmsd.codec.shown import Line, Shown, put, warnings
from mmsd.codec.tables import sms as table
from mmsd.errors import DecodeError, EncodeError

CONCAT_8: Final = 0x00  # 9.2.3.24.1
PORTS_8: Final = 0x04  # 9.2.3.24.3
PORTS_16: Final = 0x05  # 9.2.3.24.4
CONCAT_16: Final = 0x08  # 9.2.3.24.8

PUSH_PORT: Final = 2948  # WAP-259 6.5: connectionless, not secure
WSP_PORT: Final = 9200
OTA_PORT: Final = 49999  # Nokia/Ericsson OTA settings

CAPACITY: Final = 140  # octets of TP-User-Data


# ------------------------------------------------------------------------------------------------------- user data headers


@dataclass(frozen=True, slots=True)
class Concat:
    """This piece's place: `sequence` of `total`, both from 1; `wide`: the reference has 16 bits."""

    reference: int
    total: int
    sequence: int
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Udh:
    """What a user data header says. `others` keeps every element not understood: (identifier, its octets)."""

    destination: int = 0  # port; 0 = none
    source: int = 0
    concat: Concat | None = None
    others: tuple[tuple[int, bytes], ...] = ()


def decode_udh(udh: bytes) -> Udh:
    """A header with its length octet in front. A repeated element: the last one counts (9.2.3.24). DecodeError when one runs past the end.

    >>> decode_udh(bytes.fromhex("0b05040b8423f00003100201"))
    Udh(destination=2948, source=9200, concat=Concat(reference=16, total=2, sequence=1, wide=False), others=())
    """
    if not udh or udh[0] + 1 != len(udh):
        raise DecodeError("header length and octets disagree", offset=0, clause="TS 23.040 9.2.3.24")
    destination = source = 0
    concat: Concat | None = None
    others: list[tuple[int, bytes]] = []
    at = 1
    while at < len(udh):
        if at + 2 > len(udh) or at + 2 + udh[at + 1] > len(udh):
            raise DecodeError("element runs past the end", offset=at, clause="TS 23.040 9.2.3.24")
        identifier, value = udh[at], udh[at + 2 : at + 2 + udh[at + 1]]
        match identifier, len(value):
            case (0x05, 4):
                destination, source = value[0] << 8 | value[1], value[2] << 8 | value[3]
            case (0x04, 2):
                destination, source = value
            case (0x00, 3) if _in_order(value[2], value[1]):
                concat = Concat(value[0], value[1], value[2])
            case (0x08, 4) if _in_order(value[3], value[2]):
                concat = Concat(value[0] << 8 | value[1], value[2], value[3], wide=True)
            case _:
                others.append((identifier, value))
        at += 2 + len(value)
    return Udh(destination, source, concat, tuple(others))


def _in_order(sequence: int, total: int) -> bool:
    """Else the receiver ignores the element (9.2.3.24.1)."""
    return 0 < sequence <= total


def encode_udh(udh: Udh) -> bytes:
    """Ports, then concatenation, then the others: the order in which Kannel writes them. EncodeError for what does not fit.

    >>> encode_udh(Udh(PUSH_PORT, WSP_PORT)).hex()
    '0605040b8423f0'
    """
    octets = bytearray(1)
    if udh.destination or udh.source:
        if not (0 <= udh.destination <= 0xFFFF and 0 <= udh.source <= 0xFFFF):
            raise EncodeError("a port has 16 bits")
        octets += bytes((PORTS_16, 4)) + udh.destination.to_bytes(2, "big") + udh.source.to_bytes(2, "big")
    if udh.concat is not None:
        concat = udh.concat
        size = 2 if concat.wide else 1
        if not (0 <= concat.reference < 1 << 8 * size and 0 < concat.sequence <= concat.total <= 255):
            raise EncodeError(f"no such place in a concatenated message: {concat}")
        octets += bytes((CONCAT_16 if concat.wide else CONCAT_8, 2 + size)) + concat.reference.to_bytes(size, "big")
        octets += bytes((concat.total, concat.sequence))
    for identifier, value in udh.others:
        octets += bytes((identifier, len(value))) + value
    if len(octets) > CAPACITY:
        raise EncodeError(f"a user data header of {len(octets)} octets fills the message")
    octets[0] = len(octets) - 1
    return bytes(octets)


def split(udh: Udh, data: bytes, reference: int) -> list[tuple[bytes, bytes]]:
    """8-bit user data as one SMS, or as many with an 8-bit concatenation element each: (header, data). EncodeError above 255 pieces.

    >>> [len(header) + len(data) for header, data in split(Udh(PUSH_PORT, WSP_PORT), bytes(150), 16)]
    [140, 34]
    """
    header = encode_udh(udh)
    if len(header) + len(data) <= CAPACITY:
        return [(header, data)]
    room = CAPACITY - len(header) - 5  # of the concatenation element
    if room < 1:
        raise EncodeError("the header leaves no room for data")
    total = -(-len(data) // room)
    pieces = []
    for sequence in range(1, total + 1):
        header = encode_udh(replace(udh, concat=Concat(reference, total, sequence)))
        pieces.append((header, data[(sequence - 1) * room : sequence * room]))
    return pieces


# --------------------------------------------------------------------------------------------------------------- user data


class Coding(enum.IntEnum):
    """What the octets of user data are (TS 23.038 4)."""

    GSM7 = 0
    OCTETS = 1
    UCS2 = 2


def coding(dcs: int) -> Coding:
    """What a data coding scheme says of the octets. Compressed text counts as octets; reserved schemes as GSM 7-bit, as 4 wants.

    >>> coding(0x08).name, coding(0x11).name, coding(0xF5).name, coding(0xE0).name
    ('UCS2', 'GSM7', 'OCTETS', 'UCS2')
    """
    group = dcs >> 4
    if group < 8:
        return Coding.OCTETS if dcs & 0x20 else (Coding.GSM7, Coding.OCTETS, Coding.UCS2, Coding.GSM7)[dcs >> 2 & 3]
    if group == 0xE:
        return Coding.UCS2
    return Coding.OCTETS if group == 0xF and dcs & 4 else Coding.GSM7


class UserData(NamedTuple):
    """TP-UD: `udh` with its length octet, or empty; `data` behind it: septets, one an octet, or octets."""

    udh: bytes = b""
    data: bytes = b""

    def text(self, dcs: int) -> str:
        """The data as people read it; octets as Latin-1, half a surrogate pair as U+FFFD.

        >>> UserData(data=bytes.fromhex("7aef5348")).text(8)
        '端午'
        """
        match coding(dcs):
            case Coding.GSM7:
                return gsm7.decode(self.data)
            case Coding.UCS2:
                return self.data[: len(self.data) & ~1].decode("utf-16-be", "replace")
            case _:
                return self.data.decode("latin-1")


class Piece(NamedTuple):
    """One message of a text: what to send, and the scheme that says how to read it."""

    user_data: UserData
    dcs: int


def compose(text: str, reference: int, *, udh: Udh = Udh(), wide: bool = False, limit: int = 255, ucs2: bool = False) -> list[Piece]:
    """A text as the fewest SMS: GSM 7-bit where it has all characters, else UCS-2 (astral characters as surrogate pairs).

    A pair, or an escape and its character, is never cut. `wide` takes a 16-bit reference, `ucs2` UCS-2 in any case. EncodeError above
    `limit` pieces.

    >>> [len(piece.user_data.text(piece.dcs)) for piece in compose("龙舟" * 33 + "😀" * 3, 7)]
    [66, 3]
    >>> compose("hello", 7)
    [Piece(user_data=UserData(udh=b'', data=b'hello'), dcs=0)]
    """
    short = not ucs2 and gsm7.fits(text)
    try:
        units = gsm7.encode(text) if short else text.encode("utf-16-be")
    except UnicodeEncodeError:
        raise EncodeError("the text holds half a surrogate pair") from None
    dcs = 0 if short else 8
    header = encode_udh(udh) if udh != Udh() else b""
    if len(units) <= _room(len(header), short=short):
        return [Piece(UserData(header, units), dcs)]
    probe = len(encode_udh(replace(udh, concat=Concat(0, 2, 1, wide))))
    room = _room(probe, short=short)
    if room < 4:
        raise EncodeError("the header leaves no room for text")
    cuts = [0]
    while cuts[-1] + room < len(units):
        cuts.append(_cut(units, cuts[-1] + room, short=short))
    if len(cuts) > min(limit, 255):
        raise EncodeError(f"a text of {len(text)} characters needs {len(cuts)} messages")
    pieces = []
    for sequence, (start, stop) in enumerate(zip(cuts, [*cuts[1:], len(units)], strict=True), 1):
        header = encode_udh(replace(udh, concat=Concat(reference, len(cuts), sequence, wide)))
        pieces.append(Piece(UserData(header, units[start:stop]), dcs))
    return pieces


def _room(header: int, *, short: bool) -> int:
    """Septets or octets that fit behind a header of so many octets; whole UCS-2 units."""
    return (CAPACITY - header) * 8 // 7 if short else (CAPACITY - header) & ~1


def _cut(units: bytes, stop: int, *, short: bool) -> int:
    """`stop`, or the place before the character that it would cut."""
    if short:
        return stop - (units[stop - 1] == 0x1B)
    return stop - 2 * (units[stop - 2] & 0xFC == 0xD8)


P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a Reassembly holds at most; times in µs."""

    messages: int = 10_000
    octets: int = 8 << 20
    lifetime: int = 24 * 3600 * 1_000_000


class Incomplete(NamedTuple, Generic[P]):
    """A message given up: what came of it, by sequence."""

    key: Hashable
    total: int
    pieces: dict[int, P]
    why: str  # "late", "limit", "replaced"


class _Open(NamedTuple, Generic[P]):
    begun: int
    total: int
    pieces: dict[int, P]
    sizes: dict[int, int]


class Reassembly(Generic[P]):
    """Joins the pieces of long messages. Sans-IO: time comes as an argument, pieces are whatever the caller wants back.

    A piece that comes again is dropped; another piece in a taken place means that the reference was given anew, so the old one is given up.
    What is given up, for its age or for the limits (oldest first), is told once by `given_up`.

    >>> joins = Reassembly[str]()
    >>> joins.add("8613900000001", Concat(7, 2, 2), "world", 5, at=0)
    >>> joins.add("8613900000001", Concat(7, 2, 1), "hello ", 6, at=1)
    ['hello ', 'world']
    """

    def __init__(self, limits: Limits = Limits()) -> None:  # frozen
        self._limits = limits
        self._open: dict[Hashable, _Open[P]] = {}  # in the order in which they began
        self._octets = 0
        self._lost: list[Incomplete[P]] = []

    def __len__(self) -> int:
        """How many messages wait for pieces."""
        return len(self._open)

    def add(self, key: Hashable, concat: Concat, piece: P, size: int, *, at: int) -> list[P] | None:
        """Take a piece of `size` octets from the parties `key`, at `at` µs; all pieces in order once the last has come."""
        self.expire(at)
        whole_key = (key, concat.reference, concat.total, concat.wide)
        held = self._open.get(whole_key)
        if held is not None and concat.sequence in held.pieces:
            if held.pieces[concat.sequence] == piece:
                return None
            self._give_up(whole_key, "replaced")
            held = None
        if held is None:
            held = self._open[whole_key] = _Open(at, concat.total, {}, {})
        held.pieces[concat.sequence] = piece
        held.sizes[concat.sequence] = size
        self._octets += size
        if len(held.pieces) == held.total:
            del self._open[whole_key]
            self._octets -= sum(held.sizes.values())
            return [held.pieces[sequence] for sequence in range(1, held.total + 1)]
        while len(self._open) > self._limits.messages or self._octets > self._limits.octets:
            self._give_up(next(iter(self._open)), "limit")
        return None

    def expire(self, at: int) -> None:
        """Give up what began longer ago than the lifetime."""
        while self._open:
            key, oldest = next(iter(self._open.items()))
            if at - oldest.begun <= self._limits.lifetime:
                break
            self._give_up(key, "late")

    def given_up(self) -> list[Incomplete[P]]:
        """What was given up since the last call."""
        lost, self._lost = self._lost, []
        return lost

    def _give_up(self, key: Hashable, why: str) -> None:
        held = self._open.pop(key)
        self._octets -= sum(held.sizes.values())
        self._lost.append(Incomplete(key, held.total, held.pieces, why))


# ------------------------------------------------------------------------------------------------------------ fields of TPDUs


class Address(NamedTuple):
    """A number or a name, and its type-of-address octet (9.1.2.5)."""

    number: str
    toa: int = 0x91  # international, E.164

    @property
    def ton(self) -> int:
        """Type of number; 5 = alphanumeric."""
        return self.toa >> 4 & 7


class Stamp(NamedTuple):
    """A time in seven semi-octet pairs (9.2.3.11), kept as it came: many nodes write zeros or nonsense."""

    octets: bytes = bytes(7)

    @property
    def seconds(self) -> int | None:
        """Seconds since 1970, UTC; None when it is no time.

        >>> Stamp(bytes.fromhex("70605031650323")).seconds
        1181022990
        """
        year, month, day, hour, minute, second = (_swapped(octet) for octet in self.octets[:6])
        zone = self.octets[6]
        quarters = (zone & 7) * 10 + (zone >> 4)
        try:
            local = datetime(2000 + year - 100 * (year >= 70), month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            return None
        if zone >> 4 > 9:
            return None
        return int(local.timestamp()) - (-quarters if zone & 8 else quarters) * 900

    @classmethod
    def of(cls, seconds: int, quarters: int = 32) -> Stamp:
        """The stamp of a time since 1970, in a zone so many quarters of an hour east of UTC (32 = China). EncodeError outside 1970 … 2069.

        >>> Stamp.of(1181042730, 8).octets.hex()
        '70605031520380'
        """
        try:
            local = datetime.fromtimestamp(seconds + 900 * quarters, UTC)
        except (ValueError, OverflowError, OSError):
            raise EncodeError(f"no stamp can hold the time {seconds}") from None
        if not (1970 <= local.year < 2070 and -79 <= quarters <= 79):
            raise EncodeError(f"no stamp can hold the time {seconds} in zone {quarters}")
        fields = (local.year % 100, local.month, local.day, local.hour, local.minute, local.second)
        zone = abs(quarters) % 10 << 4 | abs(quarters) // 10 | 8 * (quarters < 0)
        return cls(bytes(value % 10 << 4 | value // 10 for value in fields) + bytes((zone,)))


def _swapped(octet: int) -> int:
    """Two digits, the first in the low half; −1 when they are none."""
    tens, ones = octet & 15, octet >> 4
    return tens * 10 + ones if tens < 10 and ones < 10 else -1


class Validity(NamedTuple):
    """TP-VP: its form as in TP-VPF (0 none, 1 enhanced, 2 relative, 3 absolute) and its octets."""

    form: int = 0
    octets: bytes = b""

    @classmethod
    def relative(cls, seconds: int) -> Validity:
        """The shortest relative period (9.2.3.12.1) that is not shorter than `seconds`.

        >>> [Validity.relative(seconds).octets[0] for seconds in (1, 43200, 43201, 86400, 172800, 10**9)]
        [0, 143, 144, 167, 168, 255]
        """
        for octet in range(256):
            if _period(octet) >= seconds:
                return cls(table.RELATIVE, bytes((octet,)))
        return cls(table.RELATIVE, b"\xff")

    @property
    def seconds(self) -> int | None:
        """Of a relative period; None for the other forms."""
        return _period(self.octets[0]) if self.form == table.RELATIVE and self.octets else None


def _period(octet: int) -> int:
    if octet < 144:
        return (octet + 1) * 300
    if octet < 168:
        return 43200 + (octet - 143) * 1800
    return (octet - 166) * 86400 if octet < 197 else (octet - 192) * 604800


# ------------------------------------------------------------------------------------------------------------------- TPDUs


class Parameters(NamedTuple):
    """TP-PI (9.2.3.27) and what it announces, for the reports, where all of it is optional."""

    indicator: int = 0  # 1: pid, 2: dcs, 4: user data
    pid: int = 0
    dcs: int = 0
    user_data: UserData = UserData()


_NO_STAMP: Final = Stamp()
_NO_DATA: Final = UserData()
_NO_VALIDITY: Final = Validity()
_NO_PARAMETERS: Final = Parameters()


@dataclass(frozen=True, slots=True)
class Deliver:
    """SMS-DELIVER (9.2.2.1): a message to the mobile."""

    sender: Address
    stamp: Stamp = _NO_STAMP
    user_data: UserData = _NO_DATA
    dcs: int = 0
    pid: int = 0
    flags: int = 0x04  # first octet without TP-MTI and TP-UDHI: no more messages waiting (0x04), status report (0x20), reply path (0x80)
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Submit:
    """SMS-SUBMIT (9.2.2.2): a message from the mobile."""

    destination: Address
    user_data: UserData = _NO_DATA
    dcs: int = 0
    pid: int = 0
    reference: int = 0
    validity: Validity = _NO_VALIDITY
    flags: int = 0  # first octet without TP-MTI, TP-VPF and TP-UDHI: reject duplicates (0x04), report wanted (0x20), reply path (0x80)
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """SMS-STATUS-REPORT (9.2.2.3): what became of a message."""

    reference: int
    recipient: Address
    stamp: Stamp = _NO_STAMP  # when the SMSC took it
    discharge: Stamp = _NO_STAMP
    status: int = 0  # TP-ST; below 0x20 done, from 0x40 on failed
    parameters: Parameters | None = None
    flags: int = 0x04
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class DeliverReport:
    """SMS-DELIVER-REPORT (9.2.2.1a): the mobile's answer; `failure` is TP-FCS, None when it took the message."""

    failure: int | None = None
    parameters: Parameters | None = _NO_PARAMETERS
    flags: int = 0
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class SubmitReport:
    """SMS-SUBMIT-REPORT (9.2.2.2a): the SMSC's answer; `failure` is TP-FCS, None when it took the message."""

    failure: int | None = None
    stamp: Stamp = _NO_STAMP
    parameters: Parameters | None = _NO_PARAMETERS
    flags: int = 0
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Command:
    """SMS-COMMAND (9.2.2.4): enquire about, cancel or delete message `number`."""

    destination: Address
    reference: int = 0
    pid: int = 0
    kind: int = 0
    number: int = 0
    data: bytes = b""
    flags: int = 0
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)


Tpdu = Deliver | Submit | StatusReport | DeliverReport | SubmitReport | Command

_UDHI: Final = 0x40


class _Reader:
    """A place in the octets, and what was wrong with them so far."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at
        self.faults: list[DecodeError] = []
        self.spans: dict[str, tuple[int, int]] = {}  # name → (first octet, place behind the last)

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def fault(self, reason: str, clause: str) -> None:
        self.faults.append(DecodeError(reason, offset=self.at, clause=clause))

    def take(self, count: int, what: str) -> bytes:
        if count > self.left:
            raise DecodeError(f"the TPDU ends in its {what}", offset=self.at, clause="TS 23.040 9.2.2")
        self.spans[what] = (self.spans.get(what, (self.at, 0))[0], self.at + count)
        self.at += count
        return self.data[self.at - count : self.at]

    def octet(self, what: str) -> int:
        return self.take(1, what)[0]

    def address(self, what: str) -> Address:
        """Length in semi-octets, type, digits or 7-bit text (9.1.2.5)."""
        length = self.octet(what)
        if length > 20:
            raise DecodeError(f"an address of {length} semi-octets", offset=self.at - 1, clause="TS 23.040 9.1.2.5")
        toa = self.octet(what)
        value = self.take((length + 1) // 2, what)
        if toa >> 4 & 7 == table.ALPHANUMERIC:
            return Address(gsm7.decode(gsm7.unpack(value, length * 4 // 7)), toa)
        return Address(_digits(value)[:length], toa)

    def stamp(self, what: str) -> Stamp:
        stamp = Stamp(self.take(7, what))
        if stamp.seconds is None:
            self.faults.append(DecodeError(f"{what} is no time", offset=self.at - 7, clause="TS 23.040 9.2.3.11"))
        return stamp

    def user_data(self, dcs: int, *, header: bool) -> UserData:
        """TP-UDL and TP-UD (9.2.3.16, 9.2.3.24); what is missing is a fault."""
        short = coding(dcs) is Coding.GSM7
        start = self.at + 1
        length = self.octet("user_data")
        size = (length * 7 + 7) // 8 if short else length
        if size > CAPACITY:
            self.fault("user data of more than 140 octets", "TS 23.040 9.2.3.16")
        if size > self.left:
            self.fault("user data is cut short", "TS 23.040 9.2.3.16")
        data = self.take(min(size, self.left), "user_data")
        udh = b""
        if header:
            if not data or data[0] >= len(data):
                self.faults.append(DecodeError("no whole header in user data", offset=start, clause="TS 23.040 9.2.3.24"))
            else:
                udh = data[: data[0] + 1]
                self.header(udh, start)
        if dcs >> 4 < 8 and dcs & 0x20:
            self.faults.append(DecodeError("compressed text: kept as octets", offset=start, clause="TS 23.038 4"))
        elif coding(dcs) is Coding.UCS2 and (len(data) - len(udh)) % 2:
            odd = "UCS-2 of an odd number of octets: the last is no text"
            self.faults.append(DecodeError(odd, offset=self.at - 1, clause="TS 23.040 9.2.3.16"))
        if not short:
            return UserData(udh, data[len(udh) :])
        gone = (len(udh) * 8 + 6) // 7
        return UserData(udh, gsm7.unpack(data[len(udh) :], max(length - gone, 0), gone * 7 - len(udh) * 8))

    def header(self, udh: bytes, start: int) -> None:
        """What a header says that is not followed; `start` is where it stands."""
        try:
            elements = decode_udh(udh).others
        except DecodeError as refusal:
            self.faults.append(refusal.moved(start))
            return
        for identifier, _ in elements:
            if identifier in table.LANGUAGES:
                reason = f"{table.ELEMENTS[identifier]} table: not applied"
                self.faults.append(DecodeError(reason, offset=start, clause="TS 23.040 9.2.3.24.15"))

    def indicator(self) -> int:
        """TP-PI, without its extension octets: nothing is assigned in them."""
        first = more = self.octet("parameters")
        while more & 0x80:
            more = self.octet("parameters")
        return first & 0x7F

    def announced(self, indicator: int, *, header: bool) -> Parameters:
        """What TP-PI says that follows."""
        pid = self.octet("pid") if indicator & 1 else 0
        dcs = self.octet("dcs") if indicator & 2 else 0
        return Parameters(indicator, pid, dcs, self.user_data(dcs, header=header) if indicator & 4 else UserData())

    def parameters(self, *, header: bool) -> Parameters | None:
        """Both; None when the TPDU ends before, as most status reports do."""
        return self.announced(self.indicator(), header=header) if self.left else None


def _digits(octets: bytes) -> str:
    """Semi-octets, the first digit of each pair in the low half; a fill ends nothing, it is left out."""
    return "".join(table.DIGITS[half] for octet in octets for half in (octet & 15, octet >> 4) if half < 15)


def decode(data: bytes, *, to_mobile: bool) -> Tpdu:
    """A TPDU, whole, without SMSC address. DecodeError when its fixed part is cut short or its type is reserved.

    The answers' TP-FCS is told from TP-PI by its top bit (9.2.3.22).

    >>> tpdu = decode(bytes.fromhex("040b911234567890f000009921729191612308c8329bfd66b5f321"), to_mobile=True)
    >>> tpdu.sender.number, tpdu.user_data.text(tpdu.dcs)
    ('21436587090', 'Hello,my')
    """
    return _decode(_Reader(data), to_mobile=to_mobile)


def _decode(read: _Reader, *, to_mobile: bool) -> Tpdu:
    start = read.at
    first = read.octet("flags")
    header, flags = bool(first & _UDHI), first & 0xBC
    tpdu: Tpdu
    match first & 3, to_mobile:
        case table.DELIVER, True:
            sender = read.address("sender")
            pid, dcs = read.octet("pid"), read.octet("dcs")
            stamp = read.stamp("stamp")
            tpdu = Deliver(sender, stamp, read.user_data(dcs, header=header), dcs, pid, flags)
        case table.SUBMIT, False:
            reference = read.octet("reference")
            destination = read.address("destination")
            pid, dcs = read.octet("pid"), read.octet("dcs")
            form = first >> 3 & 3
            validity = Validity(form, read.take(table.VALIDITY_SIZE[form], "validity"))
            tpdu = Submit(destination, read.user_data(dcs, header=header), dcs, pid, reference, validity, first & 0xA4)
        case table.STATUS_REPORT, True:
            reference, recipient = read.octet("reference"), read.address("recipient")
            stamp, discharge = read.stamp("stamp"), read.stamp("discharge")
            tpdu = StatusReport(reference, recipient, stamp, discharge, read.octet("status"), read.parameters(header=header), flags)
        case table.DELIVER, False:
            failure = read.octet("failure") if read.left and read.data[read.at] & 0x80 else None
            tpdu = DeliverReport(failure, read.parameters(header=header), flags)
        case table.SUBMIT, True:
            failure = read.octet("failure") if read.left and read.data[read.at] & 0x80 else None
            indicator = read.indicator()
            stamp = read.stamp("stamp")
            parameters = read.announced(indicator, header=header)
            tpdu = SubmitReport(failure, stamp, parameters, flags)
        case table.STATUS_REPORT, False:
            reference, pid, kind, number = (read.octet(what) for what in ("reference", "pid", "kind", "number"))
            destination = read.address("destination")
            tpdu = Command(destination, reference, pid, kind, number, read.take(read.octet("data"), "data"), flags)
        case _:
            raise DecodeError("reserved message type", offset=start, clause="TS 23.040 9.2.3.1")
    if read.left:
        read.fault("octets behind the end", "TS 23.040 9.2.2")
    return replace(tpdu, faults=tuple(read.faults)) if read.faults else tpdu


def decode_framed(data: bytes) -> tuple[Address | None, Tpdu]:
    """What a modem lists (AT+CMGR, TS 27.005): the SMSC's address, then a TPDU, its direction told by TP-MTI. DecodeError as `decode`.

    >>> decode_framed(bytes.fromhex("0791448720003023040b911234567890f000009921729191612302e834"))[0]
    Address(number='447802000332', toa=145)
    """
    read = _Reader(data)
    smsc = _centre(read)
    return smsc, _decode(read, to_mobile=not read.left or data[read.at] & 3 != table.SUBMIT)


def _centre(read: _Reader) -> Address | None:
    """The SMSC's address: its length is in octets, not digits."""
    length = read.octet("smsc")
    if not length:
        return None
    octets = read.take(length, "smsc")
    return Address(_digits(octets[1:]), octets[0])


def encode(tpdu: Tpdu) -> bytes:
    """The TPDU's octets. EncodeError for what its fields cannot carry.

    >>> encode(Submit(Address("8613900000001"), UserData(data=gsm7.encode("hello")))).hex()
    '01000d91683109000000f1000005e8329bfd06'
    """
    octets = bytearray()
    match tpdu:
        case Deliver():
            octets += _first(table.DELIVER, tpdu.flags, tpdu.user_data) + _address(tpdu.sender) + _octets(tpdu.pid, tpdu.dcs)
            octets += _fixed(tpdu.stamp.octets, 7) + _user_data(tpdu.user_data, tpdu.dcs)
        case Submit():
            form, validity = tpdu.validity
            if not 0 <= form <= 3:
                raise EncodeError(f"no validity has form {form}")
            octets += _first(table.SUBMIT, tpdu.flags | form << 3, tpdu.user_data) + _octets(tpdu.reference) + _address(tpdu.destination)
            octets += _octets(tpdu.pid, tpdu.dcs) + _fixed(validity, table.VALIDITY_SIZE[form]) + _user_data(tpdu.user_data, tpdu.dcs)
        case StatusReport():
            octets += _first(table.STATUS_REPORT, tpdu.flags, _carried(tpdu.parameters)) + _octets(tpdu.reference)
            octets += _address(tpdu.recipient) + _fixed(tpdu.stamp.octets, 7) + _fixed(tpdu.discharge.octets, 7) + _octets(tpdu.status)
            octets += _parameters(tpdu.parameters)
        case DeliverReport():
            octets += _first(table.DELIVER, tpdu.flags, _carried(tpdu.parameters)) + _failure(tpdu.failure) + _parameters(tpdu.parameters)
        case SubmitReport():
            parameters = _parameters(tpdu.parameters or Parameters())
            octets += _first(table.SUBMIT, tpdu.flags, _carried(tpdu.parameters)) + _failure(tpdu.failure)
            octets += parameters[:1] + _fixed(tpdu.stamp.octets, 7) + parameters[1:]
        case Command():
            octets += _octets(tpdu.flags | table.STATUS_REPORT, tpdu.reference, tpdu.pid, tpdu.kind, tpdu.number)
            octets += _address(tpdu.destination) + _octets(len(tpdu.data)) + tpdu.data
    return bytes(octets)


def _octets(*values: int) -> bytes:
    try:
        return bytes(values)
    except ValueError:
        raise EncodeError(f"not all of {values} are octets") from None


def _fixed(octets: bytes, size: int) -> bytes:
    if len(octets) != size:
        raise EncodeError(f"{len(octets)} octets where {size} belong")
    return octets


def _first(kind: int, flags: int, user_data: UserData) -> bytes:
    return _octets(kind | flags & 0xBC | (_UDHI if user_data.udh else 0))


def _carried(parameters: Parameters | None) -> UserData:
    return parameters.user_data if parameters is not None else UserData()


def _failure(failure: int | None) -> bytes:
    if failure is None:
        return b""
    if not 0x80 <= failure <= 0xFF:
        raise EncodeError(f"no failure cause is {failure}")
    return bytes((failure,))


def _parameters(parameters: Parameters | None) -> bytes:
    if parameters is None:
        return b""
    indicator, pid, dcs, user_data = parameters
    octets = _octets(indicator & 0x7F)
    octets += _octets(pid) if indicator & 1 else b""
    octets += _octets(dcs) if indicator & 2 else b""
    return octets + (_user_data(user_data, dcs) if indicator & 4 else b"")


def _address(address: Address) -> bytes:
    number, toa = address
    if address.ton == table.ALPHANUMERIC:
        septets = gsm7.encode(number)
        if len(septets) > 11:
            raise EncodeError("an alphanumeric address of more than 11 septets")
        return _octets((len(septets) * 7 + 3) // 4, toa) + gsm7.pack(septets)
    if len(number) > 20 or not all(digit in table.DIGITS for digit in number):
        raise EncodeError("an address has at most 20 digits, *, #, a, b or c")
    halves = [table.DIGITS.index(digit) for digit in number] + [15] * (len(number) % 2)
    return _octets(len(number), toa) + bytes(low | high << 4 for low, high in zip(halves[::2], halves[1::2], strict=True))


def _user_data(user_data: UserData, dcs: int) -> bytes:
    udh, data = user_data
    if udh and udh[0] + 1 != len(udh):
        raise EncodeError("the header's length and octets disagree")
    if coding(dcs) is not Coding.GSM7:
        length, octets = len(udh) + len(data), udh + data
    else:
        gone = (len(udh) * 8 + 6) // 7
        length, octets = gone + len(data), udh + gsm7.pack(data, gone * 7 - len(udh) * 8)
    if len(octets) > CAPACITY:
        raise EncodeError(f"{len(octets)} octets of user data are more than {CAPACITY}")
    return bytes((length,)) + octets


# -------------------------------------------------------------------------------------------------------- for mmsd decode sms

_CODING_NAMES: Final = {Coding.GSM7: "GSM 7-bit", Coding.OCTETS: "octets", Coding.UCS2: "UCS-2"}


def show(data: bytes) -> Shown:
    """A TPDU with or without an SMSC's address before it, to the mobile or from it: what reads best. DecodeError when nothing does."""
    refusals: list[DecodeError] = []
    readings: list[tuple[_Reader, Address | None, Tpdu]] = []
    for framed, turned in ((True, False), (False, False), (False, True)):
        read = _Reader(data)
        try:
            smsc = _centre(read) if framed else None
            submitted = bool(read.left) and data[read.at] & 3 == table.SUBMIT
            readings.append((read, smsc, _decode(read, to_mobile=submitted is turned)))
        except DecodeError as refusal:
            refusals.append(refusal)
    if not readings:
        raise refusals[1]
    read, smsc, tpdu = min(readings, key=lambda reading: len(reading[2].faults) + (reading[1] is not None and reading[1].toa < 0x80))
    at = read.spans.get("smsc", (0, 0))[1]
    values: dict[str, object] = {"type": type(tpdu).__name__}
    lines = []
    if smsc is not None:
        values["smsc"] = smsc.number
        lines.append(Line(0, at, "SMSC", smsc.number))
    lines.append(Line(at, len(data) - at, "TPDU", type(tpdu).__name__))
    for name, value, dcs in _parts(tpdu):
        start, stop = read.spans.get(name, (at, at))
        for key, told in _told(name, value, dcs):
            put(values, key, told)
            lines.append(Line(start, stop - start, key, str(told), 1))
    lines.sort(key=lambda line: (line.offset, line.depth))  # as they stand on the wire
    return Shown(values, tuple(lines), warnings(tpdu.faults))


def _parts(tpdu: Tpdu) -> Iterator[tuple[str, object, int]]:
    """(name, value, data coding that it is in) of each field; of parameters, those that are there."""
    for name in tpdu.__dataclass_fields__:
        value = getattr(tpdu, name)
        if isinstance(value, Parameters):
            yield name, value.indicator, 0
            there = {"pid": value.indicator & 1, "dcs": value.indicator & 2, "user_data": value.indicator & 4}
            yield from ((part, getattr(value, part), value.dcs) for part in there if there[part])
        elif name != "faults" and value is not None:
            yield name, value, getattr(tpdu, "dcs", 0)


def _told(name: str, value: object, dcs: int) -> list[tuple[str, str | int]]:
    """A field in words: its own name, or the names of what it holds."""
    match value:
        case Address():
            return [(name, value.number)]
        case Stamp():
            seconds = value.seconds
            return [(name, value.octets.hex() if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat())]
        case Validity():
            return [(name, value.octets.hex() if value.seconds is None else f"{value.seconds} s")] if value.form else []
        case UserData():
            told: list[tuple[str, str | int]] = [("coding", _CODING_NAMES[coding(dcs)])]
            if value.udh:
                told.append(("udh", value.udh.hex()))
                with suppress(DecodeError):  # a broken one is told as it stands; user_data() named it
                    told += header_words(decode_udh(value.udh))
            return [*told, ("data", value.data.hex()) if coding(dcs) is Coding.OCTETS else ("text", value.text(dcs))]
        case bytes():
            return [(name, value.hex())]
        case int():
            known = table.STATUS.get(value, "") if name == "status" else ""
            return [(name, f"{value} {known}" if known else value)]
        case _:
            return [(name, str(value))]


def header_words(header: Udh) -> list[tuple[str, str | int]]:
    """What a header says: (name, value as people read it).

    >>> header_words(Udh(2948, 9200, Concat(7, 2, 1)))
    [('destination_port', 2948), ('source_port', 9200), ('concatenation', '1 of 2, reference 7')]
    """
    told: list[tuple[str, str | int]] = []
    if header.destination or header.source:
        told += [("destination_port", header.destination), ("source_port", header.source)]
    if header.concat is not None:
        told.append(("concatenation", f"{header.concat.sequence} of {header.concat.total}, reference {header.concat.reference}"))
    return told + [("element", f"{table.ELEMENTS.get(number, hex(number))}: {value.hex()}") for number, value in header.others]


def header_values(header: Udh) -> dict[str, Any]:
    """The same for programs.

    >>> header_values(Udh(concat=Concat(7, 2, 1), others=((0x24, b"\\x01"),)))["elements"]
    [{'element': 36, 'name': 'national single shift', 'octets': '01'}]
    """
    values: dict[str, Any] = {}
    if header.destination or header.source:
        values |= {"destination_port": header.destination, "source_port": header.source}
    if header.concat is not None:
        reference, total, sequence = header.concat.reference, header.concat.total, header.concat.sequence
        values["concatenation"] = {"reference": reference, "total": total, "sequence": sequence}
    if header.others:
        values["elements"] = [
            {"element": number, "name": table.ELEMENTS.get(number), "octets": octets.hex()} for number, octets in header.others
        ]
    return values
