"""SMPP 3.4: PDUs both ways, receipts in any spelling, and what a PDU carries, however its SMSC chose to carry it.

Strings stay bytes as on the wire: ids are compared with other nodes' logs. What breaks a rule and can be survived stands in `Pdu.faults`;
a PDU whose body cannot be told at all raises DecodeError. Framing and order are `mmsd.codec.session`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, NamedTuple, get_args

from mmsd.codec import sms
from mmsd.codec.shown import Line, Shown, one_after_another, one_line, plain, put, warnings
from mmsd.codec.tables import smpp as table
from mmsd.errors import DecodeError, EncodeError


class Address(NamedTuple):
    """Type of number, numbering plan, and the number or name."""

    ton: int = 0
    npi: int = 0
    number: bytes = b""

    def __str__(self) -> str:
        return f"{self.number.decode('latin-1')} ({self.ton}/{self.npi})"


_NOBODY: Final = Address()


@dataclass(frozen=True, slots=True)
class Bind:
    """bind_transmitter, bind_receiver, bind_transceiver (4.1)."""

    system_id: bytes = b""
    password: bytes = field(default=b"", repr=False)
    system_type: bytes = b""
    interface_version: int = 0x34
    address_range: Address = _NOBODY


@dataclass(frozen=True, slots=True)
class BindAnswer:
    """Their answers: whom we talk to."""

    system_id: bytes = b""


@dataclass(frozen=True, slots=True)
class Outbind:
    """outbind (4.1.7): an SMSC asks for a bind."""

    system_id: bytes = b""
    password: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """submit_sm (4.4) and deliver_sm (4.6)."""

    service_type: bytes = b""
    source: Address = _NOBODY
    destination: Address = _NOBODY
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: bytes = b""
    validity_period: bytes = b""
    registered_delivery: int = 0
    replace_if_present: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""


@dataclass(frozen=True, slots=True)
class MultiMessage:
    """submit_multi (4.5); a destination in bytes is a distribution list's name."""

    service_type: bytes = b""
    source: Address = _NOBODY
    destinations: tuple[Address | bytes, ...] = ()
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: bytes = b""
    validity_period: bytes = b""
    registered_delivery: int = 0
    replace_if_present: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""


@dataclass(frozen=True, slots=True)
class MultiAnswer:
    """submit_multi_resp: who was refused, and why."""

    message_id: bytes = b""
    unsuccessful: tuple[tuple[Address, int], ...] = ()


@dataclass(frozen=True, slots=True)
class DataMessage:
    """data_sm (4.7); its content stands in TLV message_payload."""

    service_type: bytes = b""
    source: Address = _NOBODY
    destination: Address = _NOBODY
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0


@dataclass(frozen=True, slots=True)
class MessageAnswer:
    """submit_sm_resp, deliver_sm_resp (there unused, empty), data_sm_resp."""

    message_id: bytes = b""


@dataclass(frozen=True, slots=True)
class Query:
    """query_sm (4.8)."""

    message_id: bytes = b""
    source: Address = _NOBODY


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """query_sm_resp."""

    message_id: bytes = b""
    final_date: bytes = b""
    message_state: int = 0
    error_code: int = 0


@dataclass(frozen=True, slots=True)
class Cancel:
    """cancel_sm (4.9)."""

    service_type: bytes = b""
    message_id: bytes = b""
    source: Address = _NOBODY
    destination: Address = _NOBODY


@dataclass(frozen=True, slots=True)
class Replace:
    """replace_sm (4.10)."""

    message_id: bytes = b""
    source: Address = _NOBODY
    schedule_delivery_time: bytes = b""
    validity_period: bytes = b""
    registered_delivery: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""


@dataclass(frozen=True, slots=True)
class Alert:
    """alert_notification (4.12): a mobile can be reached again."""

    source: Address = _NOBODY
    esme: Address = _NOBODY


@dataclass(frozen=True, slots=True)
class Raw:
    """The body of a command nobody assigned."""

    octets: bytes = b""


Body = (
    Bind
    | BindAnswer
    | Outbind
    | Message
    | MultiMessage
    | MultiAnswer
    | DataMessage
    | MessageAnswer
    | Query
    | QueryAnswer
    | Cancel
    | Replace
    | Alert
    | Raw
)

_CLASSES: Final[dict[str, Callable[..., Body]]] = {kind.__name__: kind for kind in get_args(Body)}
_LAYOUTS: Final = {command: (_CLASSES[name], table.LAYOUTS[name]) for command, name in table.BODIES.items()}


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU. `body` is None where the command has none, or where an answer came without the one it should have."""

    command: int
    status: int = 0
    sequence: int = 0
    body: Body | None = None
    tlvs: tuple[tuple[int, bytes], ...] = ()
    faults: tuple[DecodeError, ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """As the specification calls it; a number for one that it does not know."""
        return table.NAMES.get(self.command, f"0x{self.command:08x}")

    def tlv(self, tag: int) -> bytes | None:
        """The first optional parameter of that tag."""
        for given, value in self.tlvs:
            if given == tag:
                return value
        return None

    def number(self, tag: int) -> int | None:
        """The first optional parameter of that tag as a number; None when it is missing, empty, or longer than four octets."""
        value = self.tlv(tag)
        return int.from_bytes(value, "big") if value and len(value) <= 4 else None


# ------------------------------------------------------------------------------------------------------------------- PDUs


class _Reader:
    """A place in a PDU, and what was wrong with it so far."""

    __slots__ = ("at", "data", "faults")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = table.HEADER
        self.faults: list[DecodeError] = []

    def fault(self, reason: str, clause: str) -> None:
        self.faults.append(DecodeError(reason, offset=self.at, clause=clause))

    def octet(self) -> int:
        if self.at >= len(self.data):
            raise DecodeError("the PDU ends in its mandatory parameters", offset=self.at, clause="SMPP 3.4 3.2.2")
        self.at += 1
        return self.data[self.at - 1]

    def text(self, most: int) -> bytes:
        """Up to NUL, or up to the end where a node leaves the last one out."""
        stop = self.data.find(0, self.at)
        if stop < 0:
            if self.at >= len(self.data):
                raise DecodeError("the PDU ends in its mandatory parameters", offset=self.at, clause="SMPP 3.4 3.2.2")
            self.fault("a text without its NUL", "SMPP 3.4 3.1")
            stop = len(self.data)
        value = self.data[self.at : stop]
        if len(value) >= most:
            self.fault(f"a text of {len(value)} octets where {most - 1} may stand", "SMPP 3.4 3.1")
        self.at = min(stop + 1, len(self.data))
        return value

    def address(self, most: int) -> Address:
        return Address(self.octet(), self.octet(), self.text(most))

    def short_message(self, most: int) -> bytes:
        length = self.octet()
        value = self.data[self.at : self.at + length]
        if len(value) < length:
            self.fault("short_message is cut short", "SMPP 3.4 5.2.21")
        elif length > most:
            self.fault("short_message of 255 octets", "SMPP 3.4 5.2.21")
        self.at += len(value)
        return value

    def destinations(self) -> tuple[Address | bytes, ...]:
        found: list[Address | bytes] = []
        for _ in range(self.octet()):
            match self.octet():
                case 1:
                    found.append(self.address(21))
                case 2:
                    found.append(self.text(21))
                case _:
                    raise DecodeError("a destination of neither kind", offset=self.at - 1, clause="SMPP 3.4 5.2.25")
        return tuple(found)

    def unsuccessful(self) -> tuple[tuple[Address, int], ...]:
        return tuple((self.address(21), int.from_bytes(bytes(self.octet() for _ in range(4)), "big")) for _ in range(self.octet()))

    def tlvs(self) -> tuple[tuple[int, bytes], ...]:
        found = []
        data, end = self.data, len(self.data)
        while self.at < end:
            at = self.at
            stop = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
            if end - at < 4 or stop > end:
                self.fault("an optional parameter runs past the end", "SMPP 3.4 3.2.4.1")
                break
            found.append((int.from_bytes(data[at : at + 2], "big"), data[at + 4 : stop]))
            self.at = stop
        return tuple(found)


def decode(data: bytes) -> Pdu:
    """One whole PDU, header included; what its command_length says must have been cut out before.

    Raises DecodeError when the header is short or disagrees with the octets, or the mandatory parameters of a request are cut short.

    >>> decode(bytes.fromhex("00000010000000150000000000000002")).name
    'enquire_link'
    """
    if len(data) < table.HEADER:
        raise DecodeError("a header has 16 octets", offset=0, clause="SMPP 3.4 3.2")
    length, command, status, sequence = (int.from_bytes(data[at : at + 4], "big") for at in (0, 4, 8, 12))
    if length != len(data):
        raise DecodeError(f"command_length says {length} of {len(data)} octets", offset=0, clause="SMPP 3.4 5.1.1")
    return _decode(data, command, status, sequence)


def _decode(data: bytes, command: int, status: int, sequence: int) -> Pdu:
    read = _Reader(data)
    body: Body | None = None
    tlvs: tuple[tuple[int, bytes], ...] = ()
    layout = _LAYOUTS.get(command)
    if layout is not None and (len(data) > table.HEADER or not command & table.RESPONSE):
        try:
            body = _body(read, layout)
        except DecodeError as refusal:
            if not command & table.RESPONSE:
                raise
            read.faults.append(refusal)  # an answer's status and sequence are what counts
            read.at = len(data)
        tlvs = read.tlvs()
    elif command in table.NAMES:
        tlvs = read.tlvs()
    else:
        body = Raw(data[table.HEADER :])
    if not 0 < sequence <= table.MAX_SEQUENCE and command != table.GENERIC_NACK:
        read.faults.append(DecodeError(f"sequence_number {sequence}", offset=12, clause="SMPP 3.4 5.1.4"))
    return Pdu(command, status, sequence, body, tlvs, tuple(read.faults))


def _body(read: _Reader, layout: tuple[Callable[..., Body], tuple[tuple[str, str, int], ...]]) -> Body:
    return layout[0](*[_field(read, kind, most) for _, kind, most in layout[1]])


def _field(read: _Reader, kind: str, most: int) -> object:
    if kind is table.OCTET:
        return read.octet()
    if kind is table.TEXT:
        return read.text(most)
    if kind is table.ADDRESS:
        return read.address(most)
    if kind is table.SHORT_MESSAGE:
        return read.short_message(most)
    return read.destinations() if kind is table.DESTINATIONS else read.unsuccessful()


def encode(pdu: Pdu) -> bytes:
    """The PDU's octets. EncodeError for what its fields cannot carry, or for a body of another command.

    >>> encode(Pdu(table.SUBMIT_SM | table.RESPONSE, 0, 4, MessageAnswer(b"00010101"))).hex()
    '00000019800000040000000000000004303030313031303100'
    """
    out = bytearray(table.HEADER)
    body = pdu.body
    layout = _LAYOUTS.get(pdu.command)
    if isinstance(body, Raw) and pdu.command not in table.NAMES:
        out += body.octets
    elif body is not None:
        if layout is None or layout[0] is not type(body):
            raise EncodeError(f"{pdu.name} has no body {type(body).__name__}")
        for name, kind, most in layout[1]:
            _append(out, name, kind, most, getattr(body, name))
    elif layout is not None and not pdu.command & table.RESPONSE:
        raise EncodeError(f"{pdu.name} needs a body")
    try:
        for tag, value in pdu.tlvs:
            out += tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value
        out[0:16] = b"".join(number.to_bytes(4, "big") for number in (len(out), pdu.command, pdu.status, pdu.sequence))
    except OverflowError:
        raise EncodeError("a number of the header or of an optional parameter is too large") from None
    return bytes(out)


def _append(out: bytearray, name: str, kind: str, most: int, value: object) -> None:
    match kind, value:
        case table.OCTET, int() if 0 <= value <= 255:
            out.append(value)
        case table.TEXT, bytes() if len(value) < most and 0 not in value:
            out += value + b"\0"
        case table.ADDRESS, Address(ton, npi, number) if 0 <= ton <= 255 and 0 <= npi <= 255 and len(number) < most and 0 not in number:
            out += bytes((ton, npi)) + number + b"\0"
        case table.SHORT_MESSAGE, bytes() if len(value) <= most:
            out.append(len(value))
            out += value
        case table.DESTINATIONS, tuple() if len(value) <= most:
            out.append(len(value))
            for destination in value:
                out.append(1 if isinstance(destination, Address) else 2)
                _append(out, name, table.ADDRESS if isinstance(destination, Address) else table.TEXT, 21, destination)
        case table.UNSUCCESSFUL, tuple() if len(value) <= most:
            out.append(len(value))
            for address, status in value:
                _append(out, name, table.ADDRESS, 21, address)
                out += status.to_bytes(4, "big")
        case _:
            raise EncodeError(f"{name} cannot carry its value")  # which may be a number or a password: not told


# --------------------------------------------------------------------------------------------------- what a message carries


class Content(NamedTuple):
    """A message's content, wherever it stood: header and TLVs told as one, data behind the header."""

    udh: bytes  # with its length octet; empty without one
    header: sms.Udh  # ports and concatenation of both
    data: bytes
    data_coding: int
    faults: tuple[DecodeError, ...] = ()

    @property
    def text(self) -> str:
        """The data as people read it."""
        return text(self.data, self.data_coding)


def content(pdu: Pdu) -> Content:
    """What a submit_sm, deliver_sm or data_sm carries. DecodeError when `pdu` is none of these.

    message_payload counts where short_message is empty (5.3.2.32); where a header and sar_* or port TLVs say different things, the header,
    since it is what the handset sees.

    >>> seen = content(Pdu(table.DELIVER_SM, body=Message(esm_class=0x40, short_message=bytes.fromhex("050003070201") + b"hello ")))
    >>> seen.header.concat, seen.text
    (Concat(reference=7, total=2, sequence=1, wide=False), 'hello ')
    """
    body = pdu.body
    if not isinstance(body, Message | DataMessage | MultiMessage):
        raise DecodeError(f"{pdu.name} carries no message", offset=4, clause="SMPP 3.4 4")
    faults: list[DecodeError] = []
    payload = pdu.tlv(table.MESSAGE_PAYLOAD)
    data = b"" if isinstance(body, DataMessage) else body.short_message
    if payload is not None:
        if data and payload:
            faults.append(DecodeError("short_message and message_payload at once", offset=0, clause="SMPP 3.4 5.3.2.32"))
        data = data or payload
    udh, header = b"", sms.Udh()
    if body.esm_class & table.ESM_UDHI:
        size = data[0] + 1 if data else 0
        try:
            header = sms.decode_udh(data[:size])
            udh, data = data[:size], data[size:]
        except DecodeError as refusal:
            faults.append(refusal)
    spoken = _spoken(pdu)
    for mine, theirs in ((header.concat, spoken.concat), (header.destination or None, spoken.destination or None)):
        if mine is not None and theirs is not None and mine != theirs:
            faults.append(DecodeError("header and optional parameters disagree", offset=0, clause="SMPP 3.4 5.3.2.22"))
    if body.data_coding == table.UCS2 and len(data) % 2:
        end = len(udh) + len(data) - 1
        faults.append(DecodeError("UCS-2 of an odd number of octets: the last is no text", offset=end, clause="SMPP 3.4 5.2.19"))
    ports = header if header.destination or header.source else spoken
    merged = sms.Udh(ports.destination, ports.source, header.concat or spoken.concat, header.others)
    if faults:
        place = _place(pdu)
        faults = [fault.moved(place) for fault in faults]
    return Content(udh, merged, data, body.data_coding, tuple(faults))


def _place(pdu: Pdu) -> int:
    """Where the octets stand that a message carries."""
    spans = _spans(pdu)
    start, size = spans.get("short_message", (table.HEADER, 0))
    if size > 1:
        return start + 1
    payload = spans.get("message_payload")
    return payload[0] + 4 if payload is not None else start


def _spoken(pdu: Pdu) -> sms.Udh:
    """Ports and concatenation of the TLVs (5.3.2.20 to 24)."""
    if not pdu.tlvs:
        return sms.Udh()
    reference, total, sequence = (pdu.number(tag) for tag in (table.SAR_REFERENCE, table.SAR_TOTAL, table.SAR_SEQUENCE))
    concat = None
    if reference is not None and total is not None and sequence is not None and 0 < sequence <= total <= 255:
        concat = sms.Concat(reference & 0xFFFF, total, sequence, wide=True)
    return sms.Udh(pdu.number(table.DESTINATION_PORT) or 0, pdu.number(table.SOURCE_PORT) or 0, concat)


def text(data: bytes, data_coding: int) -> str:
    """Octets as people read them (5.2.19); binary ones as Latin-1. Never raises.

    >>> text(bytes.fromhex("7aef5348"), 8), text(b"\\x1be5", 0)
    ('端午', '€5')
    """
    charset = table.CHARSETS.get(data_coding)
    if charset is not None:
        return (data[: len(data) & ~1] if charset == "utf-16-be" else data).decode(charset, "replace")
    if data_coding == table.GSM7 or data_coding >= 0xC0:
        return sms.UserData(data=data).text(data_coding)
    return data.decode("latin-1")


# --------------------------------------------------------------------------------------------------------------- receipts


class Receipt(NamedTuple):
    """What became of a message of ours. Texts as the SMSC wrote them, empty where it left them out."""

    message_id: bytes
    state: str  # one of table.STATES, or the SMSC's own word in capitals; "" when nothing says it
    stat: bytes = b""
    err: bytes = b""
    submitted: bytes = b""
    done: bytes = b""
    text: bytes = b""
    network: tuple[int, int] | None = None  # network_error_code: network type (3 = GSM), code
    intermediate: bool = False

    @property
    def final(self) -> bool:
        """Nothing more will come."""
        return not self.intermediate and self.state not in {"", "ENROUTE", "ACCEPTD", "UNKNOWN"}


_FIELD: Final = re.compile(rb"(?:^|(?<=\s))(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat(?:us)?|err(?:or)?|text)\s*:", re.IGNORECASE)
_NAMES: Final = {b"id": "message_id", b"su": "submitted", b"do": "done", b"st": "stat", b"er": "err", b"te": "text"}
_LONGEST: Final = 1024  # octets of text looked at: a receipt has about 120
_WORDS: Final = {word[:4].encode(): word for word in table.STATES if word}


def receipt(pdu: Pdu, *, trusting: bool = False) -> Receipt | None:
    """What a deliver_sm or data_sm says became of a message; None when it is no receipt.

    Read from the optional parameters and from the text, whose fields may stand in any order, in any case, be misspelt or missing.
    `trusting` takes a text that only looks like a receipt for one (esm_class 0, no optional parameter), as some SMSCs send them; any
    subscriber can write such a text, so it is for an SMSC known to do so.

    >>> told = receipt(Pdu(table.DELIVER_SM, body=Message(esm_class=4, short_message=b"id:00010103 sub:001 stat:UNDELIV err:001 text:")))
    >>> told.message_id, told.state, told.err, told.final
    (b'00010103', 'UNDELIV', b'001', True)
    """
    body = pdu.body
    if not isinstance(body, Message | DataMessage):
        return None
    kind = body.esm_class & table.ESM_TYPE
    named = pdu.tlv(table.RECEIPTED_MESSAGE_ID)
    if kind not in {table.ESM_RECEIPT, table.ESM_INTERMEDIATE} and (kind or named is None) and not trusting:
        return None
    told = fields(content(pdu).data)
    number = pdu.number(table.MESSAGE_STATE)
    if kind == 0 and named is None and not (told.get("message_id") and told.get("stat")):
        return None
    network = pdu.tlv(table.NETWORK_ERROR_CODE)
    stat = told.get("stat", b"")
    return Receipt(
        (named or b"").rstrip(b"\0") or told.get("message_id", b""),
        table.STATES[number] if number is not None and 0 < number < len(table.STATES) else state(stat),
        stat,
        told.get("err", b""),
        told.get("submitted", b""),
        told.get("done", b""),
        told.get("text", b""),
        (network[0], int.from_bytes(network[1:], "big")) if network is not None and len(network) == 3 else None,
        kind == table.ESM_INTERMEDIATE,
    )


def fields(text: bytes) -> dict[str, bytes]:
    """The fields of a receipt's text by our names (message_id, submitted, done, stat, err, text); the first of each counts.

    Words before a colon that are no field's name are left out with what follows them, up to the next blank.

    >>> fields(b"sub:001 ID:74e02 one date:1005242339 Stat:DELIVRD rr:000 text:Gewonnen hat")
    {'message_id': b'74e02', 'stat': b'DELIVRD', 'text': b'Gewonnen hat'}
    """
    found: dict[str, bytes] = {}
    text = text[:_LONGEST]
    marks = list(_FIELD.finditer(text))
    for mark, following in zip_longest(marks, marks[1:]):
        name = _NAMES.get(mark[1][:2].lower() if mark[1].lower() != b"sub" else b"")
        value = text[mark.end() : following.start() if following else None].strip(b" \0\r\n\t")
        if name is not None:
            found.setdefault(name, value if name == "text" else value.split(None, 1)[0] if value else b"")
    return found


def state(stat: bytes) -> str:
    """A receipt's word as one of table.STATES, told by its first four letters; an unknown one as it stands, in capitals.

    >>> state(b"DELIVRD"), state(b"Undeliverable"), state(b"MK:0012"), state(b"")
    ('DELIVRD', 'UNDELIV', 'MK:0012', '')
    """
    return _WORDS.get(stat[:4].upper()) or stat[:32].decode("ascii", "replace").upper()


def canonical(message_id: bytes) -> bytes:
    """An id without what its spelling may vary in: case and leading zeros. What is kept of an answer's id.

    >>> canonical(b"0000F3A0")
    b'f3a0'
    """
    return message_id.strip().lower().lstrip(b"0") or b"0"


def spellings(message_id: bytes) -> tuple[bytes, ...]:
    """Canonical ids that a receipt's id may mean, likeliest first: as it stands, decimal read as hexadecimal's, hexadecimal as decimal's.

    SMSCs answer a submit with one and write the other into the receipt. Try them in order: two may belong to different messages.

    >>> spellings(b"62368"), spellings(b"F3A0"), spellings(b"74e02ee1-4e2f")
    ((b'62368', b'f3a0', b'402280'), (b'f3a0', b'62368'), (b'74e02ee1-4e2f',))
    """
    plain = canonical(message_id)
    found = [plain]
    if len(plain) <= 20 and plain.isdigit():
        found.append(b"%x" % int(plain))
    if len(plain) <= 16 and re.fullmatch(rb"[0-9a-f]+", plain):
        found.append(b"%d" % int(plain, 16))
    return tuple(dict.fromkeys(found))


# ------------------------------------------------------------------------------------------------------- for mmsd decode smpp


class _Seen(NamedTuple):
    """A PDU, and how many of its mandatory parameters are there; None = all."""

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
    """PDUs, one after another; of a last one that is cut short the fields that are there. DecodeError when the first is none."""
    pdus, faults = one_after_another(data, table.HEADER, lambda octets: _Seen(decode(octets)), _decode_cut, "SMPP 3.4 3.2")
    values: list[dict[str, object]] = []
    lines: list[Line] = []
    for at, length, (pdu, there) in pdus:
        row: dict[str, object] = {"command": pdu.name, "status": _status(pdu.status), "sequence": pdu.sequence}
        words: dict[str, object] = {}
        lines.append(Line(at, length, pdu.name, f"sequence {pdu.sequence}, {_status(pdu.status)}"))
        inner = _more_faults(pdu) if there is None else []  # of a message cut short nothing more is known
        faults = [*(fault.moved(at) for fault in (*pdu.faults, *inner)), *faults]
        for name, value, said, start, size in _told(pdu, there, length):
            put(row, name, value)
            if said and isinstance(value, int | str):
                words[name] = said
            text = f"{one_line(value)}: {said}" if said and isinstance(value, int | str) else said or one_line(value)
            lines.append(Line(at + start, size, name, text, 1))
        values.append(row | ({"words": words} if words else {}))
    return Shown({"pdus": values}, tuple(lines), warnings(sorted(faults, key=lambda fault: fault.offset)))


def _decode_cut(data: bytes) -> _Seen:
    """A PDU whose end is missing, as far as its fields go. DecodeError for a command nobody assigned: then these octets are no PDU."""
    command, status, sequence = (int.from_bytes(data[at : at + 4], "big") for at in (4, 8, 12))
    if command not in table.NAMES:
        raise DecodeError(f"command_length says {int.from_bytes(data[:4], 'big')} of {len(data)} octets", offset=0, clause="SMPP 3.4 5.1.1")
    layout = _LAYOUTS.get(command)
    read = _Reader(data)
    values: list[object] = []
    try:
        for _, kind, most in layout[1] if layout is not None else ():
            values.append(_field(read, kind, most))
    except DecodeError:
        pass  # here it was cut: that is told
    tlvs = read.tlvs() if layout is None or len(values) == len(layout[1]) else ()
    body = layout[0](*values) if layout is not None and values else None
    return _Seen(Pdu(command, status, sequence, body, tlvs, tuple(fault for fault in read.faults if fault.offset < read.at)), len(values))


def _more_faults(pdu: Pdu) -> list[DecodeError]:
    """What is wrong with what a PDU carries."""
    if not isinstance(pdu.body, Message | DataMessage | MultiMessage):
        return []
    faults = list(content(pdu).faults)
    told = receipt(pdu)
    if told is not None and not told.message_id:
        faults.append(DecodeError("a receipt that does not say of which message", offset=_place(pdu), clause="SMPP 3.4 B"))
    if told is not None and not told.state:
        faults.append(DecodeError("a receipt that says no state", offset=_place(pdu), clause="SMPP 3.4 B"))
    return faults + [
        DecodeError(f"{_tlv_name(tag)} {count} times: the first counts", offset=at, clause="SMPP 3.4 3.2.4")
        for tag, (count, at) in _repeated(pdu).items()
    ]


def _repeated(pdu: Pdu) -> dict[int, tuple[int, int]]:
    """Optional parameters that stand there more than once: how often, and where the second stands."""
    at = _body_size(pdu) + table.HEADER
    found: dict[int, tuple[int, int]] = {}
    for tag, octets in pdu.tlvs:
        count, second = found.get(tag, (0, at))
        found[tag] = (count + 1, at if count == 1 else second)
        at += 4 + len(octets)
    return {tag: seen for tag, seen in found.items() if seen[0] > 1}


_SECRET: Final = frozenset({"password"})


def _status(status: int) -> str:
    return table.STATUSES.get(status, f"0x{status:08x}")


def _tlv_name(tag: int) -> str:
    return table.TLVS.get(tag, (f"0x{tag:04x}", ""))[0]


def _layout(pdu: Pdu) -> tuple[tuple[str, str, int], ...]:
    return table.LAYOUTS.get(table.BODIES.get(pdu.command, ""), ()) if pdu.body is not None else ()


def _body_size(pdu: Pdu) -> int:
    return sum(_size(kind, getattr(pdu.body, name)) for name, kind, _ in _layout(pdu))


def _spans(pdu: Pdu) -> dict[str, tuple[int, int]]:
    """Where each field stands in the PDU: name → (offset, octets); the first of optional parameters."""
    spans: dict[str, tuple[int, int]] = {}
    at = table.HEADER
    for name, kind, _ in _layout(pdu):
        spans[name] = (at, _size(kind, getattr(pdu.body, name)))
        at += spans[name][1]
    for tag, octets in pdu.tlvs:
        spans.setdefault(_tlv_name(tag), (at, 4 + len(octets)))
        at += 4 + len(octets)
    return spans


def _size(kind: str, value: object) -> int:
    """Octets of a field on the wire."""
    match kind, value:
        case table.OCTET, _:
            return 1
        case table.ADDRESS, Address(_, _, number):
            return len(number) + 3
        case table.DESTINATIONS, tuple(destinations):
            return 1 + sum(1 + (len(item.number) + 3 if isinstance(item, Address) else len(item) + 1) for item in destinations)
        case table.UNSUCCESSFUL, tuple(refused):
            return 1 + sum(len(address.number) + 7 for address, _ in refused)
        case _, bytes(octets):
            return len(octets) + 1
        case _:
            return 0


def _told(pdu: Pdu, there: int | None, length: int) -> Iterator[_Told]:
    """The fields of a PDU of so many octets in their order, then what they mean together."""
    body = pdu.body
    plain_text = isinstance(body, Message | MultiMessage | DataMessage | Replace) and _plain_text(body)
    at = table.HEADER
    for name, kind, _ in _layout(pdu)[:there]:
        value = getattr(body, name)
        size = max(min(_size(kind, value), length - at), 0)  # a last NUL may be missing
        if name in _SECRET:
            yield _Told(name, "…", "", at, size)
        elif kind == table.SHORT_MESSAGE and not plain_text:
            yield _Told(name, value.hex(), "", at, size)
        else:
            yield _Told(name, plain(value), _field_words(name, value, pdu.command), at, size)
        at += size
    if isinstance(body, Raw):
        yield _Told("octets", plain(body.octets), "", at, length - at)
    for tag, octets in pdu.tlvs:
        name, kind = table.TLVS.get(tag, (f"0x{tag:04x}", table.OCTETS))
        number = int.from_bytes(octets, "big") if kind == table.NUMBER and 0 < len(octets) <= 4 else None
        whole = (
            octets.hex()
            if tag == table.MESSAGE_PAYLOAD and not plain_text
            else plain(octets.rstrip(b"\0") if kind == table.TEXT else octets)
        )
        yield _Told(name, whole if number is None else number, _tlv_words(tag, octets, number), at, 4 + len(octets))
        at += 4 + len(octets)
    if not isinstance(body, Message | DataMessage | MultiMessage):
        return
    spans = _spans(pdu)
    start, size = spans.get("short_message", (table.HEADER, 0))
    if size <= 1:
        start, size = spans.get("message_payload", (start, size))
    size = max(min(size, length - start), 0)
    seen = content(pdu)
    if there is not None and not seen.data:
        return  # cut before
    yield _Told("text", seen.text, "", start, size)
    if seen.header != sms.Udh():
        words = ", ".join(f"{name} {value}" for name, value in sms.header_words(seen.header))
        yield _Told("header", sms.header_values(seen.header), words, start, size)
    told = receipt(pdu)
    if told is not None:
        row = {"message_id": plain(told.message_id), "state": told.state, "err": plain(told.err), "submitted": plain(told.submitted),
               "done": plain(told.done), "final": told.final}  # fmt: skip
        yield _Told("receipt", row, one_line({name: value for name, value in row.items() if value != ""}), start, size)


def _plain_text(body: Message | MultiMessage | DataMessage | Replace) -> bool:
    """Whether its octets, where they are printable, are what people read."""
    return isinstance(body, Replace) or (
        not body.esm_class & table.ESM_UDHI and body.data_coding in {table.GSM7, table.ASCII, table.LATIN_1}
    )


def _field_words(name: str, value: object, command: int) -> str:
    """What the number of a mandatory parameter means; "" where it says it all."""
    match name, value:
        case "esm_class", int():
            mode = "" if command == table.DELIVER_SM else table.ESM_MODES[value & 3]
            parts = [mode, table.ESM_TYPES.get(value & table.ESM_TYPE, ""), *_bits(value, table.ESM_FEATURES)]
            return ", ".join(filter(None, parts))
        case "registered_delivery", int():
            wanted = "" if command == table.DELIVER_SM else table.RECEIPTS[value & 3]
            return ", ".join(filter(None, [wanted, *_bits(value, table.ACKNOWLEDGEMENTS)]))
        case "data_coding", int() if value >= 0xC0:
            return f"{sms.coding(value).name}, as TS 23.038 4"
        case "data_coding", int():
            return table.CODINGS.get(value, "reserved")
        case "message_state", int() if 0 < value < len(table.STATES):
            return table.STATES[value]
        case "interface_version", int():
            return f"{value >> 4}.{value & 15}"
        case "replace_if_present", 1:
            return "replace"
        case _, Address(ton, npi, _) if value != _NOBODY:
            return f"{table.TONS[ton] if ton < len(table.TONS) else 'reserved'}, {table.NPIS.get(npi, 'reserved')}"
    return ""


def _tlv_words(tag: int, octets: bytes, number: int | None) -> str:
    if tag == table.MESSAGE_STATE and number is not None and 0 < number < len(table.STATES):
        return table.STATES[number]
    if tag == table.SC_INTERFACE_VERSION and number is not None:
        return f"{number >> 4}.{number & 15}"
    if tag == table.NETWORK_ERROR_CODE and len(octets) == 3:
        return f"{table.NETWORKS.get(octets[0], 'reserved')} {int.from_bytes(octets[1:], 'big')}"
    return ""


def _bits(value: int, names: Mapping[int, str]) -> list[str]:
    return [name for bit, name in names.items() if value & bit]
