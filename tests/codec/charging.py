"""Charging records with a value in every field, drawn at random, for tests; and the same record as pycrate's schema says it."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from typing import Any, Final

from mmsd.codec.cdr import Record
from mmsd.codec.cdr_values import Address, Circuit, Components, Moment, Packet, Part, Relay, Wait
from mmsd.codec.tables import cdr as table

Draw = Callable[[random.Random], Any]

FIRST: Final = 1795340662  # 2026-11-22 17:44:22 +0800


def moment(dice: random.Random) -> Moment:
    return Moment((FIRST + dice.randrange(86400)) * 1_000_000, dice.choice((480, 0, -210)))


def wait(dice: random.Random) -> Wait:
    return Wait(moment(dice)) if dice.random() < 0.5 else Wait(None, dice.randrange(1 << 40))


def number(dice: random.Random) -> str:
    return f"86139{dice.randrange(10**8):08}"


def address(dice: random.Random) -> Address:
    role = dice.choice((-1, 0, 1, 2))
    kind = dice.choice(("msisdn", "msisdn", "msisdn", "email", "short"))
    if kind == "msisdn":
        return Address(kind, number(dice) + dice.choice(("", "0")), role, dice.choice((0x91, 0xA1)))
    return Address(kind, "li@mail.example" if kind == "email" else "10658366", role)


def addresses(dice: random.Random) -> tuple[Address, ...]:
    return tuple(address(dice) for _ in range(dice.randrange(1, 4)))


def relay(dice: random.Random) -> Relay:
    return dice.choice((Relay("mms.hexi.example"), Relay("", "10.1.2.3"), Relay("mms.example", "2001:db8::5"), Relay("a", "mmsc.local")))


def access(dice: random.Random) -> Circuit | Packet:
    if dice.random() < 0.3:
        return Circuit(bytes.fromhex("916831980000f1"), b"\x01\x02\x03")
    return Packet(dice.choice(("10.36.255.1", "2001:db8::1")), dice.randrange(1 << 32))


def components(dice: random.Random) -> Components:
    media = tuple(Part(dice.choice(("image/jpeg", "text/plain")), dice.randrange(300000)) for _ in range(dice.randrange(3)))
    return Components(Part("text/plain", dice.randrange(40)), media)


def text(dice: random.Random) -> str:
    return dice.choice(("", "4441", "mmsc-qf663.2.x608.93", "清明", f"m-{dice.randrange(10**12):x}@mms.hexi.example"))


def flag(dice: random.Random) -> bool:
    return dice.random() < 0.5


def small(limit: int) -> Draw:
    return lambda dice: dice.randrange(limit)


def octets(size: int) -> Draw:
    return lambda dice: dice.randbytes(size)


_DRAWS: Final[list[tuple[Draw, str]]] = [
    (moment, "submissionTime recordTimeStamp mmDateAndTime"),
    (wait, "timeOfExpiry earliestTimeOfDelivery replyDeadline"),
    (address, "originatorAddress recipientAddress senderAddress"),
    (addresses, "recipientAddresses forwardingAddress"),
    (relay, "originatorMmsRSAddress recipientMmsRSAddress forwardingMmsRSAddress"),
    (access, "accessCorrelation"),
    (components, "mmComponentType"),
    (
        text,
        "messageID replyChargingID contentType statusText mmStatusText mms3GPPVersion messageReference vaspID vasID linkedID serviceCode",
    ),
    (
        flag,
        "deliveryReportRequested replyCharging readReplyRequested acknowledgementRequest reportAllowed senderVisibility"
        " messageDistributionIndicator",
    ),
    (small(1 << 31), "messageSize durationOfTransmission replyChargingSize localSequenceNumber forwardCounter"),
    (small(256), "rATType"),
    (small(37), "requestStatusCode"),
    (small(8), "mmStatusCode readStatus"),
    (small(4), "messageClass"),
    (small(3), "priority"),
    (octets(3), "sGSNPLMNIdentifier"),
    (octets(2), "mSTimeZone"),
    (lambda dice: bytes.fromhex("80010081010" + dice.choice("01")), "chargeInformation"),
    (lambda _: bytes.fromhex("8003313233"), "mscfInformation"),
    (lambda _: bytes.fromhex("800101810141820100830142840143"), "mMBoxstorageInformation"),
]
DRAWS: Final = {name: draw for draw, names in _DRAWS for name in names.split()}

OPAQUE: Final = frozenset({"chargeInformation", "mscfInformation", "mMBoxstorageInformation", "recordExtensions"})


def record(tag: int, dice: random.Random, share: float = 1.0) -> Record:
    """A record of this type with this share of its optional fields, without record extensions."""
    kind = table.RECORDS[tag]
    fields: dict[str, Any] = {"recordType": tag}
    for name in kind.fields:
        if name in DRAWS and (name in kind.required or dice.random() < share):
            value = DRAWS[name](dice)
            fields[name] = value[0] if tag == 49 and name == "forwardingAddress" else value
    return Record(tag, fields)


# ------------------------------------------------------------------------------------- as pycrate's values, in JSON


def _stamp(value: Moment) -> str:
    """TimeStamp by another road than the codec's: hex of the nine octets."""
    zone = datetime.timezone(datetime.timedelta(minutes=value.offset))
    local = datetime.datetime.fromtimestamp(value.at / 1_000_000, zone)
    return local.strftime("%y%m%d%H%M%S") + ("2b" if value.offset >= 0 else "2d") + local.strftime("%z")[1:]


def _ip(value: str) -> list[Any]:
    if ":" in value:
        packed = "20010db8" + f"{int(value.rsplit(':', 1)[1]):024x}"
        return ["iPBinaryAddress", ["iPBinV6Address", ["iPBinV6Address", packed]]]
    if value.replace(".", "").isdigit():
        return ["iPBinaryAddress", ["iPBinV4Address", "".join(f"{int(part):02x}" for part in value.split("."))]]
    return ["iPTextRepresentedAddress", ["iPTextV4Address", value]]


def _address(value: Address) -> dict[str, Any]:
    if value.kind == "msisdn":
        padded = value.text + "f" * (len(value.text) % 2)
        pairs = [padded[place + 1] + padded[place] for place in range(0, len(padded), 2)]
        data = ["mSISDN", f"{value.nature:02x}" + "".join(pairs)]
    else:
        data = ["eMail-address" if value.kind == "email" else "shortCode", value.text.encode().hex()]
    role = {} if value.role < 0 else {"mMSRecipientType": [("tO", "cC", "bCC")[value.role]]}
    return {"mMSAgentAddressData": data, **role}


def _part(value: Part, kind: str) -> dict[str, Any]:
    return {f"{kind}Type": value.type.encode().hex(), f"{kind}Size": value.size}


def _named(name: str, value: Any) -> Any:
    """A value as pycrate has it; octets in hex."""
    if isinstance(value, Moment):
        return _stamp(value)
    if isinstance(value, Wait):
        return ["delta-seconds", f"{value.seconds:016x}"] if value.until is None else ["http-date", _stamp(value.until)]
    if isinstance(value, Address):
        return _address(value)
    if isinstance(value, Relay):
        domain = {"domainName": value.domain.encode().hex()} if value.domain else {}
        return {**domain, **({"iPAddress": _ip(value.address)} if value.address else {})}
    if isinstance(value, Circuit):
        return ["circuitSwitched", {"mSCIdentifier": value.msc.hex(), "callReferenceNumber": value.reference.hex()}]
    if isinstance(value, Packet):
        return ["packetSwitched", {"gSNAddress": _ip(value.gsn), "chargingID": value.charging_id}]
    if isinstance(value, Components):
        subject = {"subject": _part(value.subject, "subject")} if value.subject else {}
        return {**subject, "media": [_part(part, "media") for part in value.media]}
    if isinstance(value, tuple):
        return [_address(found) for found in value]
    if name in ("mmStatusCode", "readStatus"):
        return table.MM_STATUS[value]
    if name == "messageClass":
        return table.MESSAGE_CLASS[value]
    if name == "priority":
        return table.PRIORITY[value]
    if isinstance(value, str):
        return value.encode().hex()
    return value.hex() if isinstance(value, bytes) else value


def as_pycrate(found: Record) -> dict[str, Any]:
    """The record's fields as pycrate's `get_val` gives them, octets in hex, tuples as lists; opaque fields left out."""
    return {name: _named(name, value) for name, value in found.fields.items() if name not in OPAQUE}
