"""A second opinion on SMPP: Wireshark's dissector names the same fields with the same values, in the same order, and nothing else.

Read here, in one capture: our own PDUs of every command, hundreds of generated ones with every optional parameter, cloudhopper's, and all
that Kannel and Mbuni said to an SMSC on the sample day.

Faults of tshark 4.0, and what it does otherwise:

- it leaves out the body of a bind's or a submission's answer whose status is not 0 (FAILED_BODIES);
- it reads no months and years of a relative time, so none is drawn;
- it calls an empty validity_period of a submit_multi a second schedule_delivery_time;
- it knows nothing of a command that nobody assigned, and hands the octets to nobody (NO_COMMAND).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import pytest

from mmsd.codec import gsm7, smpp
from mmsd.codec.smpp import Address, Message, Pdu
from mmsd.codec.tables import smpp as t
from tests.codec import tshark
from tests.codec.test_smpp import OURS, SHE, WE, sample_pdus
from tests.codec.tshark import Field

pytestmark = pytest.mark.debian("tshark")

R = t.RESPONSE
OPTIONS: Final = ["-d", "tcp.port==2775,smpp", "-o", "smpp.decode_sms_over_smpp:GSM 7-bit"]
FAILED_BODIES: Final = frozenset({R | t.BIND_RECEIVER, R | t.BIND_TRANSMITTER, R | t.BIND_TRANSCEIVER, R | t.SUBMIT_SM, R | t.DATA_SM})
NO_HEADER: Final = {"decodeLessThan16Bytes", "decodeLessThan4Bytes", "decodeOnly4Bytes"}
NO_COMMAND: Final = {"decodeUnsupportedRequestCommandId", "decodeUnsupportedResponseCommandId"}

# ------------------------------------------------------------------------------------------- what a PDU's fields look like there


def told(pdu: Pdu, octets: bytes) -> list[Field]:
    """All that tshark should name of a PDU of these octets."""
    fields = [("command_length", str(len(octets))), ("command_id", f"0x{pdu.command:08x}")]
    if pdu.command & R:
        fields.append(("command_status", f"0x{pdu.status:08x}"))
    fields.append(("sequence_number", str(pdu.sequence)))
    if pdu.status and pdu.command in FAILED_BODIES:
        return prefixed(fields)
    fields += body(pdu)
    for tag, value in pdu.tlvs:
        fields += [("opt_param_tag", f"0x{tag:04x}"), ("opt_param_len", str(len(value))), *optional(tag, value)]
    if isinstance(pdu.body, Message | smpp.MultiMessage | smpp.DataMessage):
        fields += words(pdu)
    return prefixed(fields)


def prefixed(fields: list[Field]) -> list[Field]:
    return [(f"smpp.{name}", value) for name, value in fields]


def body(pdu: Pdu) -> Iterator[Field]:
    match pdu.body:
        case smpp.Bind() as bind:
            yield from text("system_id", bind.system_id)
            yield from text("password", bind.password)
            yield from text("system_type", bind.system_type)
            yield "interface_version", str(bind.interface_version)
            yield "addr_ton", octet(bind.address_range.ton)
            yield "addr_npi", octet(bind.address_range.npi)
            yield from text("address_range", bind.address_range.number)
        case smpp.BindAnswer() as answer:
            yield from text("system_id", answer.system_id)
        case smpp.Outbind() as outbind:
            yield from text("system_id", outbind.system_id)
            yield from text("password", outbind.password)
        case smpp.MessageAnswer() as answer:
            yield from text("message_id", answer.message_id)
        case smpp.Message() | smpp.MultiMessage() | smpp.DataMessage() as message:
            yield "service_type", message.service_type.decode() or "(Default)"
            yield from address("source_addr", message.source)
            if isinstance(message, smpp.MultiMessage):
                for one in message.destinations:
                    yield from address("dest", one) if isinstance(one, Address) else text("dl_name", one)
            else:
                yield from address("dest", message.destination)
            yield "esm.submit.msg_mode", octet(message.esm_class & 3)
            yield "esm.submit.msg_type", octet(message.esm_class >> 2 & 15)
            yield "esm.submit.features", octet(message.esm_class >> 6)
            yield from sent(message) if isinstance(message, smpp.DataMessage) else sent_shortly(message)
        case smpp.MultiAnswer() as answers:
            yield from text("message_id", answers.message_id)
            for one, status in answers.unsuccessful:
                yield from address("dest", one)
                yield "error_status_code", f"0x{status:08x}"
        case smpp.Query() as query:
            yield from text("message_id", query.message_id)
            yield from address("source_addr", query.source)
        case smpp.QueryAnswer() as answer:
            yield from text("message_id", answer.message_id)
            yield moment("final_date", answer.final_date)
            yield "message_state", str(answer.message_state)
            yield "error_code", str(answer.error_code)
        case smpp.Cancel() as cancel:
            yield "service_type", cancel.service_type.decode() or "(Default)"
            yield from text("message_id", cancel.message_id)
            yield from address("source_addr", cancel.source)
            yield from address("dest", cancel.destination)
        case smpp.Replace() as replaced:
            yield from text("message_id", replaced.message_id)
            yield from address("source_addr", replaced.source)
            yield moment("schedule_delivery_time", replaced.schedule_delivery_time)
            yield moment("validity_period", replaced.validity_period)
            yield from registered(replaced.registered_delivery)
            yield "sm_default_msg_id", str(replaced.sm_default_msg_id)
            yield from short(replaced.short_message)
            yield from text("message_text", gsm7.decode(replaced.short_message).encode())  # which has no data_coding
        case smpp.Alert() as alert:
            yield from address("source_addr", alert.source)
            yield from address("esme_addr", alert.esme)


def sent(message: smpp.DataMessage) -> Iterator[Field]:
    yield from registered(message.registered_delivery)
    yield from coding(message.data_coding)


def sent_shortly(message: smpp.Message | smpp.MultiMessage) -> Iterator[Field]:
    yield "protocol_id", octet(message.protocol_id)
    yield "priority_flag", octet(message.priority_flag)
    yield moment("schedule_delivery_time", message.schedule_delivery_time)
    multi = isinstance(message, smpp.MultiMessage) and not message.validity_period
    yield moment("schedule_delivery_time" if multi else "validity_period", message.validity_period)
    yield from registered(message.registered_delivery)
    yield "replace_if_present_flag", octet(message.replace_if_present)
    yield from coding(message.data_coding)
    yield "sm_default_msg_id", str(message.sm_default_msg_id)
    yield from short(message.short_message)


def text(name: str, octets: bytes) -> list[Field]:
    """An empty one is not shown."""
    return [(name, octets.decode())] if octets else []


def octet(value: int) -> str:
    return f"0x{value:02x}"


def address(name: str, given: Address) -> list[Field]:
    kind, number = ("dest_addr", "destination_addr") if name == "dest" else (name, name)
    return [(f"{kind}_ton", octet(given.ton)), (f"{kind}_npi", octet(given.npi)), *text(number, given.number)]


def registered(value: int) -> list[Field]:
    return [("regdel.receipt", octet(value & 3)), ("regdel.acks", octet(value >> 2 & 3)), ("regdel.notif", octet(value >> 4 & 1))]


def coding(value: int) -> Iterator[Field]:
    """data_coding, and of GSM's groups (5.2.19, TS 23.038) what it is made of."""
    yield "data_coding", octet(value)
    if value < 0xC0:
        return
    yield "dcs.sms_coding_group", octet(value >> 4)
    if value >= 0xF0:
        yield from (("dcs.reserved", str(value >> 3 & 1)), ("dcs.charset", octet(value >> 2 & 1)), ("dcs.class", octet(value & 3)))
    else:
        yield from (("dcs.wait_ind", octet(value >> 3 & 1)), ("dcs.reserved", str(value >> 2 & 1)), ("dcs.wait_type", octet(value & 3)))


def short(octets: bytes) -> list[Field]:
    return [("sm_length", str(len(octets))), *([("message", octets.hex(":"))] if octets else [])]


def words(pdu: Pdu) -> list[Field]:
    """The text behind a header, of the codings that tshark reads."""
    content = smpp.content(pdu)
    read = content.data_coding in {0, 1, 3, 6, 7, 8, 14} or 0xC0 <= content.data_coding < 0xF4
    return [("message_text", content.text)] if read and content.data else []


def moment(name: str, octets: bytes) -> Field:
    """YYMMDDhhmmsstnnp (7.1.1): in UTC what is absolute, in seconds what is relative."""
    if not octets:
        return f"{name}_r", "0.000000000"
    pairs = [int(octets[at : at + 2]) for at in range(0, 12, 2)]
    if octets[-1:] == b"R":
        span = timedelta(days=pairs[2], hours=pairs[3], minutes=pairs[4], seconds=pairs[5])
        return f"{name}_r", f"{span.total_seconds():.0f}.000000000"
    away = timedelta(minutes=15 * int(octets[13:15]))
    zone = timezone(-away if octets[-1:] == b"-" else away)
    year = 2000 + pairs[0] if pairs[0] < 38 else 1900 + pairs[0]  # as tshark turns the century
    then = datetime.strptime(f"{year}{octets[2:12].decode()}", "%Y%m%d%H%M%S").replace(tzinfo=zone).astimezone(UTC)
    return name, f"{then:%b} {then.day:2d}, {then:%Y %H:%M:%S}.{octets[12:13].decode()}00000000 UTC"


SIZES: Final = {
    0x0008: 2, 0x0017: 4, t.USER_MESSAGE_REFERENCE: 2, t.SOURCE_PORT: 2, t.DESTINATION_PORT: 2, t.SAR_REFERENCE: 2, 0x1203: 2,
    0x1383: 2, 0x0501: 1, t.NETWORK_ERROR_CODE: 3,
}  # fmt: skip
"""Octets of an optional parameter (5.3.2), where more or fewer than one, or of octets that mean something each."""

HEX: Final = frozenset(
    {0x05, 0x06, 0x07, 0x08, 0x0D, 0x0E, 0x0F, 0x10, t.USER_MESSAGE_REFERENCE, 0x0205, t.SOURCE_PORT, t.DESTINATION_PORT, 0x1203}
)
"""Shown in hex by tshark."""

UNREAD: Final = frozenset({0x0303, 0x0381})
"""callback_num and its atag: tshark shows that they are there."""


def optional(tag: int, value: bytes) -> list[Field]:
    """One optional parameter; those that are not one number or text, by their parts (5.3.2.23, .31, .36, .43, .44)."""
    name, kind = t.TLVS[tag]
    match tag, value:
        case (0x0030, _):
            return [("msg_wait.ind", octet(value[0] >> 7)), ("msg_wait.type", octet(value[0] & 3))]
        case (0x0302, _):
            return [("callback_num.pres", octet(value[0] >> 2 & 3)), ("callback_num.scrn", octet(value[0] & 3))]
        case t.NETWORK_ERROR_CODE, _:
            return [("network_error.type", str(value[0])), ("network_error.code", f"0x{value[1:].hex()}")]
        case (0x0501, _):
            return [(name, str(value[0]))]
        case (0x130C, _):
            return [("alert_on_message_delivery_null", "")]
        case (0x1383, _):
            return [
                ("its_session.number", str(value[0])), ("its_session.sequence", octet(value[1] >> 1)),
                ("its_session.ind", octet(value[1] & 1)),
            ]  # fmt: skip
        case t.SC_INTERFACE_VERSION, _:
            return [("SC_interface_version", str(value[0]))]
    if kind == t.NUMBER:
        return [(name, f"0x{value.hex()}" if tag in HEX else str(int.from_bytes(value, "big")))]
    if tag in UNREAD:
        return [(name, "")]
    return [(name, value.rstrip(b"\0").decode() if kind == t.TEXT else value.hex(":"))]


# -------------------------------------------------------------------------------------------------------------- what is read


def drawn_value(draw: random.Random, tag: int) -> bytes:
    kind = t.TLVS[tag][1]
    if kind == t.NOTHING:
        return b""
    if kind == t.TEXT:
        return b"%08x\0" % draw.getrandbits(32)
    return draw.randbytes(SIZES.get(tag, 1 if kind == t.NUMBER else draw.randrange(2, 20)))


def generated(draw: random.Random) -> list[Pdu]:
    """Submissions and deliveries with every field drawn, and each optional parameter at least once."""
    texts = ["hello", "[€] Ω {x}", "端午安康", "Grüße", "x" * 70]
    made: list[Pdu] = []
    tags = sorted(set(t.TLVS) - {t.MESSAGE_PAYLOAD})
    for number in range(1, 300):
        who = Address(draw.randrange(7), draw.choice([0, 1, 3, 9]), b"86139%08d" % draw.randrange(10**8))
        data_coding = draw.choice([0, 1, 3, 4, 8, 2, 9, 0xC8, 0xE0, 0xF1, 0xF5])
        match data_coding:
            case 0 | 0xC8 | 0xF1:
                octets = gsm7.encode(draw.choice([text for text in texts if gsm7.fits(text)]))
            case 8 | 0xE0:
                octets = draw.choice(texts).encode("utf-16-be")
            case 1:
                octets = b"plain text"
            case 3:
                octets = "Grüße".encode("latin-1")
            case _:
                octets = draw.randbytes(draw.randrange(1, 100))
        headed = draw.random() < 0.3
        octets = (bytes((5, 0, 3, draw.randrange(256), 2, 1)) if headed else b"") + octets
        body = Message(
            draw.choice([b"", b"CMT", b"WAP"]),
            WE,
            who,
            draw.choice([0, 1, 2, 3, 4, 8, 0x10, 0x18, 0x20, 0x80]) | (0x40 if headed else 0),
            draw.randrange(256),
            draw.randrange(4),
            draw.choice([b"", b"261122174400032+", b"261122174400028-", b"000003000000000R"]),
            draw.choice([b"", b"%06d%06d000R" % (draw.randrange(30), draw.randrange(24) * 10000), b"991231235959900+"]),
            draw.randrange(32),
            draw.randrange(2),
            data_coding,
            draw.randrange(1, 255),
            octets,
        )
        tlvs = tuple((tag, drawn_value(draw, tag)) for tag in {tags[number % len(tags)], *draw.sample(tags, draw.randrange(4))})
        if draw.random() < 0.2:
            body = Message(source=SHE, destination=WE, esm_class=0x40 if headed else 0, data_coding=data_coding)
            tlvs = (*tlvs, (t.MESSAGE_PAYLOAD, octets))
        made.append(Pdu(draw.choice([t.SUBMIT_SM, t.DELIVER_SM]), 0, number, body, tlvs))
        made.append(Pdu(R | t.SUBMIT_SM, draw.choice([0, 0x58, 0x0B]), number, smpp.MessageAnswer(b"%d" % number)))
    return made


def vectors(shared: Path) -> list[tuple[str, bytes, Pdu]]:
    """(name, octets, as we read them) of cloudhopper's PDUs and those of the sample day, but for what is no whole header."""
    paths = sorted((shared / "vectors/cloudhopper-smpp").glob("*/*.bin"))
    theirs = [(path.stem, path.read_bytes()) for path in paths if path.stem not in NO_HEADER]
    assert len(theirs) == 46
    return [(name, octets, smpp.decode(octets)) for name, octets in theirs + sample_pdus(shared)]


def test_all_that_tshark_names_of_every_pdu(debian, tmp_path, shared, seed):
    ours = OURS + generated(random.Random(seed))
    read = [("ours", smpp.encode(pdu), pdu) for pdu in ours] + vectors(shared)
    capture = tmp_path / "smpp.pcap"
    tshark.write(capture, tshark.RAW_IP, tshark.segments(2775, (octets for _, octets, _ in read)))
    rows = tshark.named(debian("tshark"), capture, "smpp", OPTIONS)
    assert len(rows) == len(read) > 1000
    seen: set[str] = set()
    for (name, octets, pdu), row in zip(read, rows, strict=True):
        assert smpp.decode(octets) == pdu
        assert row == ([] if name in NO_COMMAND else told(pdu, octets)), (name, octets.hex())
        seen.update(field for field, _ in row)
    assert {f"smpp.{name}" for name in MUST_BE_SEEN} <= seen


MUST_BE_SEEN: Final = {
    "esm.submit.msg_type", "data_coding", "regdel.receipt", "receipted_message_id", "service_type", "source_addr_ton", "dest_addr_npi",
    "validity_period", "validity_period_r", "final_date", "message_text", "sar_msg_ref_num", "network_error.code", "dl_name",
    "error_status_code", "ms_availability_status", "SC_interface_version", "message_payload", "its_session.sequence",
}  # fmt: skip
"""Fields that a comparison without them would not deserve its name."""


def test_the_oracle_does_complain(debian, tmp_path):
    octets = bytearray(smpp.encode(OURS[8]))
    octets[-12] = 200  # sm_length
    capture = tmp_path / "cut.pcap"
    tshark.write(capture, tshark.RAW_IP, tshark.segments(2775, [bytes(octets)]))
    (row,) = tshark.named(debian("tshark"), capture, "smpp", OPTIONS)
    assert (tshark.MALFORMED, "Malformed Packet") in row
