"""The values in MMS charging records (TS 32.298): one coding a field, octets ↔ value.

Times, addresses, relays, access sessions, message components. DecodeError carries the offset within the field's own octets.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from mmsd.codec import ber
from mmsd.codec.tables import cdr as table
from mmsd.errors import DecodeError, EncodeError
from mmsd.fast import charging_py

_EPOCH: Final = datetime.datetime(1970, 1, 1)  # noqa: DTZ001  # plain arithmetic; offsets are added by hand
_SECOND: Final = 1_000_000
_CLAUSE: Final = "TS 32.298"
_CONTEXT: Final = 0x80

# ------------------------------------------------------------------------------------------------------------------ values


class Moment(NamedTuple):
    """TimeStamp: µs since 1970 UTC (whole seconds), and minutes east of UTC of the clock that wrote it."""

    at: int
    offset: int = 0


class Wait(NamedTuple):
    """WaitTime: a moment, or so many seconds."""

    until: Moment | None = None
    seconds: int = 0


class Address(NamedTuple):
    """MMSAgentAddress: `kind` is "email", "msisdn" (digits), or "short"; `role` 0 To, 1 Cc, 2 Bcc, −1 where none is given.

    `nature` is the octet before an MSISDN's digits, 0x91 for international; 0 where the writer left it out.
    """

    kind: str
    text: str
    role: int = -1
    nature: int = 0x91


class Relay(NamedTuple):
    """MMSRSAddress: a relay by its domain, its IP address, or both."""

    domain: str = ""
    address: str = ""


class Circuit(NamedTuple):
    """Circuit-switched access: MSC identifier and call reference, as octets."""

    msc: bytes
    reference: bytes


class Packet(NamedTuple):
    """Packet-switched access: (GSN address, charging id) names the session's accounting."""

    gsn: str
    charging_id: int


class Part(NamedTuple):
    """A subject or a medium: its type, its octets."""

    type: str
    size: int


class Components(NamedTuple):
    """MMComponentType."""

    subject: Part | None
    media: tuple[Part, ...]


class Unknown(NamedTuple):
    """A field no table knows, or one that could not be read: class and number of its tag, its content as it stands."""

    kind: int
    number: int
    constructed: bool
    content: bytes


# ---------------------------------------------------------------------------------------------- one coding: octets ↔ value

_SWAPPED: Final = bytes((octet & 15) << 4 | octet >> 4 for octet in range(256))
_TBCD: Final = str.maketrans("abcde", "*#abc")  # TS 29.002 TBCD-STRING
_TBCD_BACK: Final = str.maketrans("*#abc", "abcde")
_SIGNS: Final = {0x2B: 1, 0x2D: -1}


def broken(what: str, clause: str = _CLAUSE) -> DecodeError:
    return DecodeError(what, offset=0, clause=clause)


def decode_text(raw: bytes) -> str:
    """Octets as text; what is not UTF-8 comes back unchanged from `encode_text`."""
    return raw.decode("utf-8", "surrogateescape")


def encode_text(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise EncodeError("half a surrogate pair is no text") from error


@lru_cache(4096)  # a number comes in several records of its message
def decode_msisdn(raw: bytes) -> tuple[str, int]:
    """(digits, nature of address) of an MSISDN. The nature is 0 where it was left out: its octet has the top bit set, digits never.

    >>> decode_msisdn(bytes.fromhex("916831980000f1")), decode_msisdn(bytes.fromhex("683198"))
    (('86138900001', 145), ('861389', 0))
    """
    nature = raw[0] if raw and raw[0] & 0x80 else 0
    digits = (raw[1:] if nature else raw).translate(_SWAPPED).hex()
    if digits.endswith("f"):
        digits = digits[:-1]
    if not digits.isdigit():
        if "f" in digits:
            raise broken("a filler among the digits", "TS 29.002 17.7.8")
        digits = digits.translate(_TBCD)
    return digits, nature


def encode_msisdn(digits: str, nature: int = 0x91) -> bytes:
    """The way back. EncodeError for what is no digit, `*`, `#`, a, b, c.

    >>> encode_msisdn("86138900001").hex()
    '916831980000f1'
    """
    if digits.strip("0123456789*#abc"):
        raise EncodeError("no digits of a number")
    packed = digits.translate(_TBCD_BACK)
    octets = bytes.fromhex(packed + "f" * (len(packed) & 1)).translate(_SWAPPED)
    if not nature and octets[:1] >= b"\x80":
        raise EncodeError("digits without a nature of address must not look like one")
    return (bytes((nature,)) if nature else b"") + octets


@lru_cache(4096)  # records of one second stand together
def decode_moment(raw: bytes) -> Moment:
    """TimeStamp: nine octets, YYMMDDhhmmss in BCD, a sign, hhmm.

    >>> decode_moment(bytes.fromhex("261122174422" "2b" "0800"))
    Moment(at=1795340662000000, offset=480)
    """
    digits = raw[:6].hex() + raw[7:].hex()
    sign = _SIGNS.get(raw[6]) if len(raw) == 9 and digits.isdigit() else None
    try:
        if sign is None:
            raise ValueError
        year, month, day, hour, minute, second, east, minutes = (int(digits[place : place + 2]) for place in range(0, 16, 2))
        local = datetime.datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001  # the offset follows
    except ValueError:
        raise broken("no time stamp", "TS 32.298 5.1.4") from None
    offset = sign * (60 * east + minutes)
    return Moment((local - _EPOCH) // datetime.timedelta(microseconds=1) - offset * 60 * _SECOND, offset)


def encode_moment(moment: Moment) -> bytes:
    """The way back; parts of a second are cut off. EncodeError for what the nine octets cannot say.

    >>> encode_moment(Moment(1795340662000000, 480)).hex()
    '2611221744222b0800'
    """
    try:
        local = _EPOCH + datetime.timedelta(microseconds=moment.at, minutes=moment.offset)
    except OverflowError:
        local = _EPOCH
    if not 2000 <= local.year < 2100 or abs(moment.offset) >= 100 * 60:
        raise EncodeError("a time stamp has two digits for the year and two for the hours of its offset")
    hours, minutes = divmod(abs(moment.offset), 60)
    return bytes.fromhex(f"{local:%y%m%d%H%M%S}{'2d' if moment.offset < 0 else '2b'}{hours:02}{minutes:02}")


def _decode_flag(raw: bytes) -> bool:
    if len(raw) != 1:
        raise broken("no BOOLEAN of one octet", "X.690 8.2.1")
    return raw != b"\0"


@lru_cache(4096)  # relays and gateways are few
def _decode_ip(number: int, raw: bytes) -> str:
    """IPAddress: a CHOICE by its tag (TS 32.298 5.1.1)."""
    if number == 0 and len(raw) == 4:
        return str(ipaddress.IPv4Address(raw))
    if number == 1 and len(raw) == 16:
        return str(ipaddress.IPv6Address(raw))
    if number in (2, 3):
        return decode_text(raw)
    raise broken("no IP address")


def _encode_ip(text: str) -> bytes:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ber.primitive(3 if ":" in text else 2, encode_text(text))
    return ber.primitive(0 if address.version == 4 else 1, address.packed)


# --------------------------------------------------------------------------------------- nested codings: leaves ↔ value
#
# A leaf is (path below the field, start, stop); a path has one octet a level, class and tag number, the outermost lowest.

Leaf = tuple[int, int, int]

_ENUMERATED: Final = 0x0A
_MEMBER: Final = 0x10  # a SEQUENCE within a SET OF


def _addresses(data: bytes, leaves: Sequence[Leaf]) -> tuple[Address, ...]:
    """MMSAgentAddress, alone or as SET OF: { [0] { [0] e-mail | [1] MSISDN | [2] short code }, [1] recipient type }."""
    found: list[Address] = []
    for path, start, stop in leaves:
        if path & 0xFF == _MEMBER:
            path >>= 8
        if path & 0xFF == 0x80:
            kind = path >> 8
            raw = data[start:stop]
            if kind == 0x81:
                digits, nature = decode_msisdn(raw)
                found.append(Address("msisdn", digits, -1, nature))
            elif kind in (0x80, 0x82):
                found.append(Address("email" if kind == 0x80 else "short", decode_text(raw)))
            else:
                raise broken("no address of a kind we know")
        elif path in (0x81, 0x81 | _ENUMERATED << 8) and found:  # later releases have a SEQUENCE OF here
            last = found[-1]
            if last.role < 0:
                found[-1] = Address(last.kind, last.text, ber.decode_integer(data[start:stop]), last.nature)
        else:
            raise broken("no address")
    return tuple(found)


def _address(data: bytes, leaves: Sequence[Leaf]) -> Address:
    found = _addresses(data, leaves)
    if len(found) != 1:
        raise broken("not one address")
    return found[0]


def _encode_address(address: Address) -> bytes:
    choice = {"email": 0, "msisdn": 1, "short": 2}.get(address.kind)
    if choice is None:
        raise EncodeError(f"an address is an email, a msisdn or short, not {address.kind!r}")
    raw = encode_msisdn(address.text, address.nature) if choice == 1 else encode_text(address.text)
    parts = [ber.constructed(0, [ber.primitive(choice, raw)])]
    if address.role != -1:
        role = ber.encode_integer(address.role)
        parts.append(ber.constructed(1, [b"\x0a" + ber.encode_length(len(role)) + role]))
    return b"".join(parts)


def _encode_addresses(addresses: Iterable[Address]) -> bytes:
    return b"".join(ber.sequence([_encode_address(address)]) for address in addresses)


def _relay(data: bytes, leaves: Sequence[Leaf]) -> Relay:
    domain = address = ""
    for path, start, stop in leaves:
        if path == 0x80:
            domain = decode_text(data[start:stop])
        elif path & 0xFF == 0x82:
            address = _decode_ip(path >> 8 & 0x3F, data[start:stop])
        else:
            raise broken("no relay address")
    return Relay(domain, address)


def _encode_relay(relay: Relay) -> bytes:
    parts = [ber.primitive(0, encode_text(relay.domain))] if relay.domain else []
    if relay.address:
        parts.append(ber.constructed(2, [_encode_ip(relay.address)]))
    return b"".join(parts)


def _access(data: bytes, leaves: Sequence[Leaf]) -> Circuit | Packet:
    """AccessCorrelation: { [0] { [0] MSC, [1] call reference } | [1] { [0] GSN address, [1] charging id } }."""
    held = {path: data[start:stop] for path, start, stop in leaves}
    if held.keys() == {0x8080, 0x8180}:
        return Circuit(held[0x8080], held[0x8180])
    gsn = next((path for path in held if path & 0xFFFF == 0x8081), 0)
    if gsn and held.keys() == {gsn, 0x8181}:
        return Packet(_decode_ip(gsn >> 16 & 0x3F, held[gsn]), ber.decode_integer(held[0x8181]))
    raise broken("no access correlation")


def _encode_access(access: Circuit | Packet) -> bytes:
    if isinstance(access, Circuit):
        return ber.constructed(0, [ber.primitive(0, access.msc), ber.primitive(1, access.reference)])
    return ber.constructed(1, [ber.constructed(0, [_encode_ip(access.gsn)]), ber.primitive(1, ber.encode_integer(access.charging_id))])


def _wait(data: bytes, leaves: Sequence[Leaf]) -> Wait:
    if len(leaves) == 1:
        path, start, stop = leaves[0]
        if path == 0x80:
            return Wait(decode_moment(data[start:stop]))
        if path == 0x81 and stop - start == 8:
            return Wait(None, int.from_bytes(data[start:stop], "big"))
    raise broken("no wait time")


def _encode_wait(wait: Wait) -> bytes:
    if wait.until is not None:
        return ber.primitive(0, encode_moment(wait.until))
    if not 0 <= wait.seconds < 1 << 64:
        raise EncodeError(f"delta-seconds cannot hold {wait.seconds}")
    return ber.primitive(1, wait.seconds.to_bytes(8, "big"))


def _components(data: bytes, leaves: Sequence[Leaf]) -> Components:
    """MMComponentType: { [0] subject { [0] type, [1] size }, [1] media SET OF { [0] type, [1] size } }."""
    subject: Part | None = None
    media: list[Part] = []
    for path, start, stop in leaves:
        raw = data[start:stop]
        if path == 0x8080:
            subject = Part(decode_text(raw), -1)
        elif path == 0x8180:
            subject = Part(subject.type if subject else "", ber.decode_integer(raw))
        elif path == 0x801081:
            media.append(Part(decode_text(raw), -1))
        elif path == 0x811081 and media and media[-1].size < 0:
            media[-1] = Part(media[-1].type, ber.decode_integer(raw))
        elif path != 0x81:  # 0x81: no media at all
            raise broken("no components of a message")
    return Components(subject, tuple(media))


def _encode_part(part: Part) -> list[bytes]:
    size = [ber.primitive(1, ber.encode_integer(part.size))] if part.size != -1 else []
    return [ber.primitive(0, encode_text(part.type)), *size]


def _encode_components(components: Components) -> bytes:
    subject = [ber.constructed(0, _encode_part(components.subject))] if components.subject else []
    media = ber.constructed(1, [ber.sequence(_encode_part(part)) for part in components.media])
    return b"".join((*subject, media))


# ------------------------------------------------------------------------------------------------------ fields by coding


class Coding(NamedTuple):
    """How a field's octets become its value and back: `plain` for one primitive value, `nested` for leaves, neither: left as octets.
    `form` says the same to the kernel."""

    form: int
    plain: Callable[[bytes], Any] | None
    nested: Callable[[bytes, Sequence[Leaf]], Any] | None
    encode: Callable[[Any], bytes]


_INTEGER: Final = Coding(charging_py.INTEGER, ber.decode_integer, None, ber.encode_integer)
_FLAG: Final = Coding(charging_py.FLAG, _decode_flag, None, lambda value: b"\xff" if value else b"\0")
_TEXT: Final = Coding(charging_py.TEXT, decode_text, None, encode_text)
_OCTETS: Final = Coding(charging_py.OCTETS, bytes, None, bytes)
_MOMENT: Final = Coding(charging_py.MOMENT, decode_moment, None, encode_moment)
_WAIT: Final = Coding(charging_py.WAIT, None, _wait, _encode_wait)
_ADDRESS: Final = Coding(charging_py.ADDRESS, None, _address, _encode_address)
_ADDRESSES: Final = Coding(
    charging_py.ADDRESSES, None, _addresses, lambda value: b"".join(ber.sequence([_encode_address(a)]) for a in value)
)
_RELAY: Final = Coding(charging_py.RELAY, None, _relay, _encode_relay)
_ACCESS: Final = Coding(charging_py.ACCESS, None, _access, _encode_access)
_COMPONENTS: Final = Coding(charging_py.COMPONENTS, None, _components, _encode_components)
OPAQUE: Final = Coding(charging_py.OPAQUE, None, None, bytes)

STRINGS: Final = (_TEXT, _OCTETS)
"""Codings of an OCTET STRING, which may come in pieces."""

_NAMES: Final[Mapping[Coding, str]] = {
    _INTEGER: "recordType messageSize durationOfTransmission requestStatusCode replyChargingSize localSequenceNumber rATType"
    " forwardCounter mmStatusCode readStatus messageClass priority",
    _FLAG: "deliveryReportRequested replyCharging readReplyRequested acknowledgementRequest reportAllowed senderVisibility"
    " messageDistributionIndicator",
    _TEXT: "messageID replyChargingID contentType statusText mmStatusText mms3GPPVersion messageReference"
    " vaspID vasID linkedID serviceCode",
    _OCTETS: "sGSNPLMNIdentifier mSTimeZone",
    _MOMENT: "submissionTime recordTimeStamp mmDateAndTime",
    _WAIT: "timeOfExpiry earliestTimeOfDelivery replyDeadline",
    _ADDRESS: "originatorAddress recipientAddress senderAddress",
    _ADDRESSES: "recipientAddresses forwardingAddress",
    _RELAY: "originatorMmsRSAddress recipientMmsRSAddress forwardingMmsRSAddress",
    _ACCESS: "accessCorrelation",
    _COMPONENTS: "mmComponentType",
    OPAQUE: "chargeInformation recordExtensions mMBoxstorageInformation mscfInformation",
}
_CODINGS: Final = {name: coding for coding, names in _NAMES.items() for name in names.split()}
_CODINGS_OF_MMF: Final = _CODINGS | {"forwardingAddress": _ADDRESS}  # everywhere else a SET OF them


def coding_of(record: int, name: str) -> Coding:
    return (_CODINGS_OF_MMF if record == 49 else _CODINGS)[name]


FIELDS: Final[Mapping[int, Mapping[int, tuple[str, Coding]]]] = {
    tag: {_CONTEXT | number: (name, coding_of(tag, name)) for number, name in enumerate(record.fields)}
    for tag, record in table.RECORDS.items()
}
"""Record tag → first octet of a path → field."""

FORMS: Final[charging_py.Forms] = tuple(
    tuple((name, coding.form) for name, coding in FIELDS.get(tag, {}).values()) for tag in range(charging_py.TAGS)
)
"""The same for the kernel."""
