"""CMPP 2.0 and 3.0: PDUs both ways, status reports, and the MD5 of both ends' login.

A frame does not say its version; the login does, so `decode` and `encode` are told it. Texts stay bytes without the NULs that fill them.
What breaks a rule and can be survived stands in `Pdu.faults`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple, get_args

from mmsd.codec import sms
from mmsd.codec.shown import Line, Shown, one_after_another, one_line, plain, warnings
from mmsd.codec.tables import cmpp as table
from mmsd.errors import DecodeError, EncodeError

_CLAUSE: Final = "CMPP 8"


@dataclass(frozen=True, slots=True)
class Connect:
    """CMPP_CONNECT: the service provider's login; `timestamp` is the number MMDDHHMMSS."""

    source_addr: bytes = b""
    authenticator: bytes = field(default=bytes(16), repr=False)
    version: int = table.VERSION_2
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class ConnectAnswer:
    """CMPP_CONNECT_RESP: `version` is the highest that the gateway speaks."""

    status: int = 0
    authenticator: bytes = field(default=bytes(16), repr=False)
    version: int = table.VERSION_2


@dataclass(frozen=True, slots=True)
class Submit:
    """CMPP_SUBMIT; the *_type fields and link_id are 3.0's, reserve 2.0's."""

    msg_id: int = 0
    pk_total: int = 1
    pk_number: int = 1
    registered_delivery: int = 0
    msg_level: int = 0
    service_id: bytes = b""
    fee_user_type: int = 0
    fee_terminal: bytes = b""
    fee_terminal_type: int = 0
    tp_pid: int = 0
    tp_udhi: int = 0
    msg_fmt: int = 0
    msg_src: bytes = b""
    fee_type: bytes = b"01"
    fee_code: bytes = b""
    valid_time: bytes = b""
    at_time: bytes = b""
    source: bytes = b""
    destinations: tuple[bytes, ...] = ()
    destination_type: int = 0
    content: bytes = b""
    reserve: bytes = b""
    link_id: bytes = b""


@dataclass(frozen=True, slots=True)
class SubmitAnswer:
    """CMPP_SUBMIT_RESP."""

    msg_id: int = 0
    result: int = 0


@dataclass(frozen=True, slots=True)
class Deliver:
    """CMPP_DELIVER: a message of a handset, or a status report (registered_delivery 1)."""

    msg_id: int = 0
    destination: bytes = b""
    service_id: bytes = b""
    tp_pid: int = 0
    tp_udhi: int = 0
    msg_fmt: int = 0
    source: bytes = b""
    source_type: int = 0
    registered_delivery: int = 0
    content: bytes = b""
    reserve: bytes = b""
    link_id: bytes = b""


@dataclass(frozen=True, slots=True)
class DeliverAnswer:
    """CMPP_DELIVER_RESP."""

    msg_id: int = 0
    result: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """CMPP_QUERY: counts of a day."""

    time: bytes = b""
    query_type: int = 0
    query_code: bytes = b""
    reserve: bytes = b""


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """CMPP_QUERY_RESP."""

    time: bytes = b""
    query_type: int = 0
    query_code: bytes = b""
    mt_tlmsg: int = 0
    mt_tlusr: int = 0
    mt_scs: int = 0
    mt_wt: int = 0
    mt_fl: int = 0
    mo_scs: int = 0
    mo_wt: int = 0
    mo_fl: int = 0


@dataclass(frozen=True, slots=True)
class Cancel:
    """CMPP_CANCEL."""

    msg_id: int = 0


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    """CMPP_CANCEL_RESP; success_id 0 = done."""

    success_id: int = 0


@dataclass(frozen=True, slots=True)
class ActiveTestAnswer:
    """CMPP_ACTIVE_TEST_RESP."""

    reserved: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """A status report: the content of a CMPP_DELIVER with registered_delivery 1. Times are YYMMDDHHMM, local."""

    msg_id: int = 0
    stat: bytes = b""
    submit_time: bytes = b""
    done_time: bytes = b""
    destination: bytes = b""
    smsc_sequence: int = 0
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)

    @property
    def state(self) -> str:
        """`stat` in SMPP's words where a gateway's prefix or the word itself says it; else `stat` as it stands.

        >>> Report(stat=b"MK:0012").state, Report(stat=b"DELIVRD").state, Report(stat=b"CB:0053").state
        ('UNDELIV', 'DELIVRD', 'CB:0053')
        """
        return table.PREFIXES.get(self.stat[:3]) or self.stat.decode("ascii", "replace")

    @property
    def final(self) -> bool:
        """Nothing more will come."""
        return self.state not in {"", "ACCEPTD", "UNKNOWN"}


@dataclass(frozen=True, slots=True)
class Raw:
    """The body of a command that is only recognised, or not even that."""

    octets: bytes = b""


Body = (
    Connect
    | ConnectAnswer
    | Submit
    | SubmitAnswer
    | Deliver
    | DeliverAnswer
    | Query
    | QueryAnswer
    | Cancel
    | CancelAnswer
    | ActiveTestAnswer
    | Raw
)
_CLASSES: Final[dict[str, Callable[..., Body]]] = {kind.__name__: kind for kind in get_args(Body)}
_LAYOUTS: Final = {command: (_CLASSES[name], table.LAYOUTS[name]) for command, name in table.BODIES.items()}


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU; `body` is None where the command has none, or where an answer came without the one it should have."""

    command: int
    sequence: int = 0
    body: Body | None = None
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """As the specification calls it; a number for one that it does not know."""
        return table.NAMES.get(self.command, f"0x{self.command:08x}")


def decode(data: bytes, version: int = table.VERSION_2) -> Pdu:
    """One whole PDU of that version, header included. A CONNECT_RESP's version is told by its length.

    Raises DecodeError when the header is short or disagrees with the octets, or a request's fields are cut short.

    >>> decode(bytes.fromhex("0000000c0000000800000017")).name
    'CMPP_ACTIVE_TEST'
    """
    if len(data) < table.HEADER:
        raise DecodeError("a header has 12 octets", offset=0, clause=_CLAUSE)
    length, command, sequence = (int.from_bytes(data[at : at + 4], "big") for at in (0, 4, 8))
    if length != len(data):
        raise DecodeError(f"Total_Length says {length} of {len(data)} octets", offset=0, clause=_CLAUSE)
    faults: list[DecodeError] = []
    layout = _LAYOUTS.get(command)
    body: Body | None = None
    if layout is None:
        if length > table.HEADER and command in table.EMPTY:
            faults.append(DecodeError("octets behind the end", offset=table.HEADER, clause=_CLAUSE))
        elif command not in table.EMPTY:
            body = Raw(data[table.HEADER :])
    elif length > table.HEADER or not command & table.RESPONSE:
        if command == table.RESPONSE | table.CONNECT:
            version = table.VERSION_3 if length >= 33 else table.VERSION_2
        try:
            values, at = _fields(data, table.HEADER, layout[1], version, faults)
            body = layout[0](*values)
            if at < length:
                faults.append(DecodeError("octets behind the end", offset=at, clause=_CLAUSE))
        except DecodeError as refusal:
            if not command & table.RESPONSE:
                raise
            faults.append(refusal)
    return Pdu(command, sequence, body, tuple(faults))


def _fields(data: bytes, at: int, layout: table.Layout, version: int, faults: list[DecodeError]) -> tuple[list[object], int]:
    """Values of a layout and the place behind it. Reserve and link_id, which some gateways leave out, may be missing."""
    values: list[object] = []
    for value, behind in _each(data, at, layout, version, faults):
        values.append(value)
        at = behind
    return values, at


def _each(data: bytes, at: int, layout: table.Layout, version: int, faults: list[DecodeError]) -> Iterator[tuple[object, int]]:
    """Each value of a layout and the place behind it. DecodeError at the first that is cut short."""
    third = version >= table.VERSION_3
    for name, kind, second_size, third_size in layout:
        size = third_size if third else second_size
        if not size:
            yield 0 if kind is table.NUMBER else b"", at
            continue
        if kind is table.TERMINALS:
            count, at = _octet(data, at, name), at + 1
            if at + count * size > len(data):
                raise DecodeError(f"the PDU ends in {name}", offset=at, clause=_CLAUSE)
            numbers = tuple(data[place : place + size].rstrip(b"\0") for place in range(at, at + count * size, size))
            at += count * size
            yield numbers, at
            continue
        if kind is table.CONTENT:
            size, at = _octet(data, at, name), at + 1
        if at + size > len(data):
            if name not in {"reserve", "link_id", "content"}:
                raise DecodeError(f"the PDU ends in {name}", offset=at, clause=_CLAUSE)
            faults.append(DecodeError(f"{name} is cut short", offset=at, clause=_CLAUSE))
        octets = data[at : at + size]
        at += len(octets)
        yield int.from_bytes(octets, "big") if kind is table.NUMBER else octets.rstrip(b"\0") if kind is table.TEXT else octets, at


def _octet(data: bytes, at: int, name: str) -> int:
    if at >= len(data):
        raise DecodeError(f"the PDU ends in {name}", offset=at, clause=_CLAUSE)
    return data[at]


def encode(pdu: Pdu, version: int = table.VERSION_2) -> bytes:
    """The PDU's octets in that version. EncodeError for what its fields cannot carry, or for a body of another command.

    >>> encode(Pdu(table.SUBMIT | table.RESPONSE, 23, SubmitAnswer(12878564852733378560, 0))).hex()
    '000000158000000400000017b2b9da800001000000'
    """
    body, layout = pdu.body, _LAYOUTS.get(pdu.command)
    out = bytearray(table.HEADER)
    if isinstance(body, Raw) and layout is None:
        out += body.octets
    elif body is not None:
        if layout is None or layout[0] is not type(body):
            raise EncodeError(f"{pdu.name} has no body {type(body).__name__}")
        _append(out, layout[1], body, version)
    elif layout is not None and not pdu.command & table.RESPONSE:
        raise EncodeError(f"{pdu.name} needs a body")
    try:
        out[:12] = b"".join(number.to_bytes(4, "big") for number in (len(out), pdu.command, pdu.sequence))
    except OverflowError:
        raise EncodeError("a number of the header is too large") from None
    return bytes(out)


def _append(out: bytearray, layout: table.Layout, body: Body | Report, version: int) -> None:
    third = version >= table.VERSION_3
    for name, kind, second_size, third_size in layout:
        size = third_size if third else second_size
        match kind, getattr(body, name):
            case _ if not size:
                pass
            case table.NUMBER, int(number) if 0 <= number < 1 << 8 * size:
                out += number.to_bytes(size, "big")
            case table.TEXT, bytes(octets) if len(octets) <= size:
                out += octets.ljust(size, b"\0")
            case table.OCTETS, bytes(octets) if len(octets) == size:
                out += octets
            case table.CONTENT, bytes(octets) if len(octets) <= 255:
                out.append(len(octets))
                out += octets
            case table.TERMINALS, tuple(numbers) if len(numbers) < 100 and all(len(number) <= size for number in numbers):
                out.append(len(numbers))
                out += b"".join(number.ljust(size, b"\0") for number in numbers)
            case _:
                raise EncodeError(f"{name} cannot carry its value")  # which may be a number: not told


# ---------------------------------------------------------------------------------------------------------------- login


def authenticator(source_addr: bytes, secret: bytes, timestamp: int) -> bytes:
    """AuthenticatorSource: MD5 of Source_Addr, nine NULs, the shared secret, and the timestamp as ten digits.

    >>> authenticator(b"900001", b"888888", 1021080510).hex()
    '90d00c1d517abd0b4f65f6bcf8535d16'
    """
    return _md5(source_addr + bytes(9) + secret + b"%010d" % timestamp)


def gateway_authenticator(status: int, source: bytes, secret: bytes, version: int = table.VERSION_2) -> bytes:
    """AuthenticatorISMG: MD5 of Status (one octet, four in 3.0), AuthenticatorSource and the shared secret."""
    return _md5(status.to_bytes(4 if version >= table.VERSION_3 else 1, "big") + source + secret)


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()  # what the protocol says; the link's secrecy is TLS's


# ------------------------------------------------------------------------------------------------------ reports and content


def report(deliver: Deliver) -> Report | None:
    """The status report in a CMPP_DELIVER; None when it is a handset's message. DecodeError when it is too short to be one.

    Its own length tells 60 octets (2.0) from 71 (3.0): gateways send either in frames of 3.0.
    """
    if not deliver.registered_delivery:
        return None
    octets = deliver.content
    version = table.VERSION_3 if len(octets) >= table.REPORT_3 else table.VERSION_2
    faults: list[DecodeError] = []
    values, at = _fields(octets.ljust(table.REPORT_2, b"\0") if len(octets) > 14 else octets, 0, table.LAYOUTS["Report"], version, faults)
    if at != len(octets):
        faults.append(DecodeError(f"a report of {len(octets)} octets", offset=min(at, len(octets)), clause=_CLAUSE))
    made: Callable[..., Report] = Report
    return made(*values, tuple(faults))


def encode_report(value: Report, version: int = table.VERSION_2) -> bytes:
    """The 60 octets of a report, or 71 in 3.0. EncodeError for what does not fit."""
    out = bytearray()
    _append(out, table.LAYOUTS["Report"], value, version)
    return bytes(out)


def content(message: Submit | Deliver) -> tuple[sms.UserData, sms.Udh, tuple[DecodeError, ...]]:
    """What a message carries: header and data, the header's meaning, and what was wrong with it, placed in the content.

    Without a header of its own a Submit is placed by Pk_total and Pk_number, which have no reference: 0 stands for it.
    """
    octets = message.content
    faults: tuple[DecodeError, ...] = ()
    if message.tp_udhi:
        size = octets[0] + 1 if octets else 0
        try:
            header = sms.decode_udh(octets[:size])
            return sms.UserData(octets[:size], octets[size:]), header, _odd(message.msg_fmt, octets, size)
        except DecodeError as refusal:
            faults = (refusal,)
    concat = None
    if isinstance(message, Submit) and 1 <= message.pk_number <= message.pk_total and message.pk_total > 1:
        concat = sms.Concat(0, message.pk_total, message.pk_number)
    return sms.UserData(b"", octets), sms.Udh(concat=concat), faults + _odd(message.msg_fmt, octets, 0)


def _odd(msg_fmt: int, octets: bytes, size: int) -> tuple[DecodeError, ...]:
    if msg_fmt != table.UCS2 or (len(octets) - size) % 2 == 0:
        return ()
    return (DecodeError("UCS-2 of an odd number of octets: the last is no text", offset=len(octets) - 1, clause=_CLAUSE),)


def text(data: bytes, msg_fmt: int) -> str:
    """Octets as people read them; binary ones as Latin-1. Never raises.

    >>> text(bytes.fromhex("b6cbcee7"), 15), text(bytes.fromhex("7aef5348"), 8)
    ('端午', '端午')
    """
    charset = table.CHARSETS.get(msg_fmt, "latin-1")
    return (data[: len(data) & ~1] if charset == "utf-16-be" else data).decode(charset, "replace")


# ------------------------------------------------------------------------------------------------------- for mmsd decode cmpp


class _Seen(NamedTuple):
    """A PDU, and how many of its fields are there; None = all."""

    pdu: Pdu
    there: int | None = None


class _Told(NamedTuple):
    """One thing of a PDU: for programs, for people, and where it stands in it."""

    name: str
    value: object
    words: str
    start: int
    size: int


def show(data: bytes) -> Shown:
    """PDUs, one after another, in the version that reads better; of a last one that is cut short the fields that are there.

    DecodeError when the first is none in either version.
    """
    readings: list[tuple[Shown, tuple[int, int]]] = []
    refusals: list[DecodeError] = []
    for version in (table.VERSION_2, table.VERSION_3):
        try:
            readings.append(_shown(data, version))
        except DecodeError as refusal:
            refusals.append(refusal)
    if not readings:
        raise refusals[0]
    return min(readings, key=lambda reading: reading[1])[0]


def _shown(data: bytes, version: int) -> tuple[Shown, tuple[int, int]]:
    """A reading in one version; how many PDUs' faults it has, and how many texts that are none, as they begin elsewhere in the other."""
    pdus, faults = one_after_another(
        data, table.HEADER, lambda octets: _Seen(decode(octets, version)), lambda octets: _decode_cut(octets, version), _CLAUSE
    )
    values: list[dict[str, object]] = []
    lines: list[Line] = []
    inner: list[DecodeError] = []  # which says nothing about the version
    strange = 0
    for at, length, (pdu, there) in pdus:
        spoken = (table.VERSION_3 if length >= 33 else table.VERSION_2) if pdu.command == table.RESPONSE | table.CONNECT else version
        row: dict[str, object] = {"command": pdu.name, "sequence": pdu.sequence}
        words: dict[str, object] = {}
        lines.append(Line(at, length, pdu.name, f"sequence {pdu.sequence}"))
        for name, value, said, start, size in _told(pdu, there, spoken, length):
            row[name] = value
            if said and isinstance(value, int | str):
                words[name] = said
            text = f"{one_line(value)}: {said}" if said and isinstance(value, int | str) else said or one_line(value)
            lines.append(Line(at + start, size, name, text, 1))
        values.append(row | ({"words": words} if words else {}))
        strange += _strange(pdu)
        told = [fault.moved(at) for fault in pdu.faults]
        if there is None:
            faults += told
            inner += [fault.moved(at) for fault in _more_faults(pdu, spoken)]
        else:  # of a message cut short nothing more is known
            inner += told
    warned = warnings(sorted((*faults, *inner), key=lambda fault: fault.offset))
    return Shown({"version": f"{version >> 4}.0", "pdus": values}, tuple(lines), warned), (len(faults), strange)


def _decode_cut(data: bytes, version: int) -> _Seen:
    """A PDU whose end is missing, as far as its fields go. DecodeError for a command nobody assigned: then these octets are no PDU."""
    length, command, sequence = (int.from_bytes(data[at : at + 4], "big") for at in (0, 4, 8))
    if command not in table.NAMES:
        raise DecodeError(f"Total_Length says {length} of {len(data)} octets", offset=0, clause=_CLAUSE)
    layout = _LAYOUTS.get(command)
    if layout is None:
        return _Seen(Pdu(command, sequence, None if command in table.EMPTY else Raw(data[table.HEADER :])))
    if command == table.RESPONSE | table.CONNECT:
        version = table.VERSION_3 if length >= 33 else table.VERSION_2
    faults: list[DecodeError] = []
    values: list[object] = []
    with suppress(DecodeError):  # where it was cut: that is told
        for value, _ in _each(data, table.HEADER, layout[1], version, faults):
            values.append(value)
    body = layout[0](*values) if values else None
    return _Seen(Pdu(command, sequence, body, tuple(fault for fault in faults if fault.offset < len(data))), len(values))


def _strange(pdu: Pdu) -> int:
    """Texts that go on behind a NUL, which fills them up."""
    body = pdu.body
    return sum(kind is table.TEXT and 0 in getattr(body, name) for name, kind, _, _ in _layout(pdu))


def _layout(pdu: Pdu) -> table.Layout:
    return table.LAYOUTS[table.BODIES[pdu.command]] if pdu.command in table.BODIES and pdu.body is not None else ()


def _more_faults(pdu: Pdu, version: int) -> list[DecodeError]:
    """What is wrong with what a PDU carries."""
    body = pdu.body
    if not isinstance(body, Submit | Deliver):
        return []
    place = _spans(pdu, version)["content"][0] + 1
    try:
        told = report(body) if isinstance(body, Deliver) else None
        faults = told.faults if told is not None else content(body)[2]
    except DecodeError as refusal:
        faults = (refusal,)
    return [fault.moved(place) for fault in faults if fault.offset <= len(body.content)]


def _spans(pdu: Pdu, version: int) -> dict[str, tuple[int, int]]:
    """Where each field stands in the PDU: name → (offset, octets)."""
    spans: dict[str, tuple[int, int]] = {}
    at = table.HEADER
    for name, kind, second_size, third_size in _layout(pdu):
        size = third_size if version >= table.VERSION_3 else second_size
        if kind is table.TERMINALS:
            size = 1 + size * len(getattr(pdu.body, name))
        elif kind is table.CONTENT:
            size = 1 + len(getattr(pdu.body, name))
        if size:
            spans[name] = (at, size)
        at += size
    return spans


def _told(pdu: Pdu, there: int | None, version: int, length: int) -> Iterator[_Told]:
    """The fields of a PDU of so many octets in their order, then what they mean together."""
    body = pdu.body
    if isinstance(body, Raw):
        yield _Told("octets", plain(body.octets), "", table.HEADER, length - table.HEADER)
    spans = _spans(pdu, version)
    for name, *_ in _layout(pdu)[:there]:
        if name in spans:
            start, size = spans[name]
            value = getattr(body, name)
            yield _Told(name, _plain(name, value, body), _words(name, value, body), start, max(min(size, length - start), 0))
    if not isinstance(body, Submit | Deliver) or (there is not None and not body.content):
        return
    start, size = spans["content"]
    size = min(size, length - start)
    try:
        told = report(body) if isinstance(body, Deliver) else None
    except DecodeError:
        return  # named among the faults
    if told is not None:
        row = {"msg_id": str(told.msg_id), "stat": plain(told.stat), "state": told.state, "submit_time": plain(told.submit_time),
               "done_time": plain(told.done_time), "destination": plain(told.destination), "smsc_sequence": told.smsc_sequence}  # fmt: skip
        yield _Told("report", row, one_line({name: value for name, value in row.items() if value != ""}), start, size)
        return
    user_data, header, _ = content(body)
    yield _Told("text", text(user_data.data, body.msg_fmt), "", start, size)
    if header != sms.Udh():
        words = ", ".join(f"{name} {value}" for name, value in sms.header_words(header))
        yield _Told("header", sms.header_values(header), words, start, size)


def _plain(name: str, value: object, body: Body | None) -> object:
    """A field for JSON; a Msg_Id as text: it has 64 bits, more than many readers' numbers."""
    if name == "msg_id":
        return str(value)
    if (
        name == "content"
        and isinstance(value, bytes)
        and isinstance(body, Submit | Deliver)
        and (body.msg_fmt != table.ASCII or body.tp_udhi)
    ):
        return value.hex()
    return plain(value)


def _words(name: str, value: object, body: Body | None) -> str:
    """What a field's value means; "" where it says it all."""
    match name, value:
        case "msg_id", int():
            return msg_id_words(value)
        case "version", int():
            return f"{value >> 4}.{value & 15}"
        case "timestamp", int():
            return _moment(value)
        case "fee_type", bytes():
            return table.FEE_TYPES.get(value, "")
        case "registered_delivery", int() if isinstance(body, Deliver):
            return table.IS_REPORT.get(value, "")
        case _, int():
            return table.WORDS_OF.get(name, {}).get(value, "")
    return ""


def _moment(value: int) -> str:
    """MMDDHHMMSS as people write it."""
    digits = f"{value:010d}"
    return f"{digits[:2]}-{digits[2:4]} {digits[4:6]}:{digits[6:8]}:{digits[8:]}" if len(digits) == 10 else ""


def msg_id_words(msg_id: int) -> str:
    """What a Msg_Id is made of: month, day and time, the gateway's code, a sequence; only in hexadecimal where a gateway made it otherwise.

    >>> msg_id_words(12878564852733378560)
    '0xb2b9da8000010000: 11-05 14:29:42, gateway 1, sequence 0'
    """
    if not msg_id:
        return ""
    month, day, hour = msg_id >> 60, msg_id >> 55 & 31, msg_id >> 50 & 31
    minute, second, gateway, sequence = msg_id >> 44 & 63, msg_id >> 38 & 63, msg_id >> 16 & 0x3FFFFF, msg_id & 0xFFFF
    said = f"0x{msg_id:016x}"
    if not (1 <= month <= 12 and day >= 1 and hour < 24 and minute < 60 and second < 60):
        return said
    return f"{said}: {month:02d}-{day:02d} {hour:02d}:{minute:02d}:{second:02d}, gateway {gateway}, sequence {sequence}"
