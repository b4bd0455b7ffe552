"""A second opinion on SMS: Wireshark's dissector names the same fields with the same values, in the same order, and nothing else.

Read here, in one capture, each TPDU in an RP message (TS 24.011 7.3), which tells tshark the direction: our own of every type, hundreds of
generated ones, and all 152 of gammu's, ofono's and python-messaging's modems.

Faults of tshark 4.0, and what it does otherwise:

- a time zone is shown without its sign;
- an address of an odd number of digits, filled with another half octet than 1111, is shown with the fill (FILLED);
- behind an escape it shows U+FFFD for a character that the extension has not, where TS 23.038 6.2.1.1 wants the main table's (ESCAPED);
- it takes apart elements of a header that we keep as octets, text formatting and pictures: these fields are dropped (EMS);
- it hands the data behind a port of WAP's to the WSP dissector, so that one is switched off.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mmsd.codec import gsm7, sms
from mmsd.codec.sms import (
    Address,
    Coding,
    Command,
    Deliver,
    DeliverReport,
    Parameters,
    Stamp,
    StatusReport,
    Submit,
    SubmitReport,
    Tpdu,
    UserData,
    Validity,
)
from mmsd.codec.tables.sms import ALPHANUMERIC
from tests.codec import tshark
from tests.codec.test_sms_tpdus import TPDUS
from tests.codec.tshark import Field

pytestmark = pytest.mark.debian("tshark")

OPTIONS: Final = [
    "-o",
    'uat:user_dlts:"User 0 (DLT=147)","gsm_a_rp","0","","0",""',
    "-o",
    "gsm_sms.reassemble:FALSE",
    "--disable-protocol",
    "wsp",
]
USER_0: Final = 147  # the link type that stands for RP
EMS: Final = ("gsm_sms.dis_iei_", "gsm_sms.formatting_mode", "gsm_sms.udh_created")
FILLED: Final = {"ofono/sms_charset_default_ext.bin", "ofono/sms_charset_spain.bin"}
ESCAPED: Final = {"ofono/sms_charset_spain.bin"}
CENTRE: Final = bytes.fromhex("069168310810f0")

# ------------------------------------------------------------------------------------------ what a TPDU's fields look like there


def told(tpdu: Tpdu, octets: bytes) -> list[Field]:
    """All that tshark should name of a TPDU of these octets."""
    return [(f"gsm_sms.{name}", value) for name, value in fields(tpdu, octets[0])]


def fields(tpdu: Tpdu, first: int) -> Iterator[Field]:
    match tpdu:
        case Deliver():
            yield from bits(first, ("tp-rp", 7), ("tp-udhi", 6), ("tp-sri", 5), ("tp-lp", 3), ("tp-mms", 2))
            yield "tp-mti", "0"
            yield from address("tp-oa", tpdu.sender)
            yield from protocol(tpdu.pid)
            yield from coding(tpdu.dcs)
            yield from stamp(tpdu.stamp)
            yield from user_data(tpdu.user_data, tpdu.dcs)
        case Submit():
            form, validity = tpdu.validity
            yield from bits(first, ("tp-rp", 7), ("tp-udhi", 6), ("tp-srr", 5))
            yield "tp-vpf", str(form)
            yield from bits(first, ("tp-rd", 2))
            yield "tp-mti", "1"
            yield "tp-mr", str(tpdu.reference)
            yield from address("tp-da", tpdu.destination)
            yield from protocol(tpdu.pid)
            yield from coding(tpdu.dcs)
            if form == 2:
                yield "vp.validity_period", str(validity[0])
            elif form == 3:
                yield from stamp(Stamp(validity))
            yield from user_data(tpdu.user_data, tpdu.dcs)
        case StatusReport():
            yield from bits(first, ("tp-udhi", 6), ("tp-srq", 5), ("tp-lp", 3), ("tp-mms", 2))
            yield "tp-mti", "2"
            yield "tp-mr", str(tpdu.reference)
            yield from address("tp-ra", tpdu.recipient)
            yield from stamp(tpdu.stamp)
            yield from stamp(tpdu.discharge)
            yield "dis_field.definition", str(tpdu.status >> 7)
            yield "dis_field.st_error", str(tpdu.status >> 5 & 3)
            yield "dis.field_st_reason", str(tpdu.status & 31)
            if tpdu.parameters is not None:
                yield from indicated(tpdu.parameters)
                yield from carried(tpdu.parameters)
        case DeliverReport() | SubmitReport():
            yield from bits(first, ("tp-udhi", 6))
            yield "tp-mti", str(int(isinstance(tpdu, SubmitReport)))
            if tpdu.failure is not None:
                yield "tp-fcs", f"0x{tpdu.failure:02x}"
            yield from indicated(tpdu.parameters or Parameters())
            if isinstance(tpdu, SubmitReport):
                yield from stamp(tpdu.stamp)
            yield from carried(tpdu.parameters or Parameters())
        case Command():
            yield from bits(first, ("tp-udhi", 6), ("tp-srr", 5))
            yield "tp-mti", "2"
            yield "tp-mr", str(tpdu.reference)
            yield from protocol(tpdu.pid)
            yield "tp.command_type", str(tpdu.kind)
            yield "tp.message_number", str(tpdu.number)
            yield from address("tp-da", tpdu.destination)
            yield "tp.command_data_length", str(len(tpdu.data))


def bits(first: int, *asked: tuple[str, int]) -> Iterator[Field]:
    """Of the first octet: whether each bit is set."""
    for name, place in asked:
        yield name, str(first >> place & 1)


def address(name: str, given: Address) -> Iterator[Field]:
    named = given.ton == ALPHANUMERIC
    yield "dis_field_addr.length", str((len(gsm7.encode(given.number)) * 7 + 3) // 4 if named else len(given.number))
    yield "dis_field_addr.extension", str(given.toa >> 7)
    yield "dis_field_addr.num_type", str(given.toa >> 4 & 7)
    yield "dis_field_addr.num_plan", str(given.toa & 15)
    yield name, given.number


def protocol(pid: int) -> Iterator[Field]:
    """TP-PID (9.2.3.9)."""
    yield "tp-pid", str(pid)
    yield "tp.pid.format_subsequent_bits", f"0x{pid >> 6:02x}"
    match pid >> 6, pid >> 5 & 1:
        case 0, 0:
            yield from (("tp.pid.telematic_interworking", "0"), ("tp.pid.sm_al_proto", str(pid & 31)))
        case 0, 1:
            yield from (("tp.pid.telematic_interworking", "1"), ("tp.pid.device_type", str(pid & 31)))
        case 1, _:
            yield "tp.pid.message_type", str(pid & 63)
        case 2, _:
            yield "tp.pid.reserved", f"0x{pid & 63:02x}"
        case _:
            yield "tp.pid.undefined", f"0x{pid & 63:02x}"


def coding(dcs: int) -> Iterator[Field]:
    """TP-DCS (TS 23.038 4)."""
    yield "tp-dcs", str(dcs)
    if dcs < 0x80:
        yield "coding_group_bits2", str(dcs >> 6)
        if dcs == 0:
            yield "gsm_7_bit_default_alphabet", ""
            return
        yield "dcs.text_compressed", str(dcs >> 5 & 1)
        yield "dcs.message_class_defined", str(dcs >> 4 & 1)
        yield "dcs.character_set", f"0x{dcs >> 2 & 3:02x}"
        yield "dcs.message_class", f"0x{dcs & 3:02x}"
    else:
        yield "coding_group_bits4", str(dcs >> 4)
        if dcs < 0xF0:
            yield "dcs.indication_sense", str(dcs >> 3 & 1)
            yield "dcs.reserved", str(dcs >> 2 & 1)
            yield "dcs.message_waiting", f"0x{dcs & 3:02x}"
        else:
            yield "dcs.reserved", str(dcs >> 3 & 1)
            yield "dcs.message_coding", str(dcs >> 2 & 1)
            yield "dcs.message_class", f"0x{dcs & 3:02x}"


def stamp(given: Stamp) -> Iterator[Field]:
    """TP-SCTS (9.2.3.11), as it is written: the local time, and the quarters of an hour."""
    pairs = [(octet & 15) * 10 + (octet >> 4) for octet in given.octets]
    for name, value in zip(("year", "month", "day", "hour", "minutes", "seconds"), pairs[:6], strict=True):
        yield f"scts.{name}", str(value)
    zone = given.octets[6]
    yield "scts.timezone", str((zone & 7) * 10 + (zone >> 4))


def user_data(given: UserData, dcs: int) -> Iterator[Field]:
    udh, data = given
    kind = sms.coding(dcs)
    septets = kind is Coding.GSM7
    yield "tp.user_data_length", str(((len(udh) * 8 + 6) // 7 if septets else len(udh)) + len(data))
    if udh:
        yield "dis_field_udh.user_data_header_length", str(udh[0])
        yield from elements(udh)
        fill = -len(udh) * 8 % 7
        if septets and fill:
            yield "dis_field_udh.gsm.fill_bits", "0x00"
    if udh or data:
        yield ("sms_body", data.hex(":")) if kind is Coding.OCTETS else ("sms_text", given.text(dcs))


def elements(udh: bytes) -> Iterator[Field]:
    at = 1
    while at < len(udh):
        identifier, value = udh[at], udh[at + 2 : at + 2 + udh[at + 1]]
        yield "ie_identifier", f"0x{identifier:02x}"
        yield "dis_field_ud_iei.length", str(len(value))
        yield from element(identifier, value)
        at += 2 + len(value)


def element(identifier: int, value: bytes) -> Iterator[Field]:
    match identifier, len(value):
        case (sms.CONCAT_8, 3) | (sms.CONCAT_16, 4):
            yield "udh.mm.msg_id", str(int.from_bytes(value[:-2], "big"))
            yield "udh.mm.msg_parts", str(value[-2])
            yield "udh.mm.msg_part", str(value[-1])
        case (sms.PORTS_8, 2) | (sms.PORTS_16, 4):
            half = len(value) // 2
            yield "destination_port", str(int.from_bytes(value[:half], "big"))
            yield "originator_port", str(int.from_bytes(value[half:], "big"))


def indicated(parameters: Parameters) -> Iterator[Field]:
    indicator = parameters.indicator
    yield "tp.parameter_indicator", f"0x{indicator:02x}"
    yield "tp.extension", str(indicator >> 7)
    yield "tp.reserved", str(indicator >> 3 & 15)
    for place, name in ((2, "udl"), (1, "dcs"), (0, "pid")):
        yield f"tp.{name}.present", str(indicator >> place & 1)


def carried(parameters: Parameters) -> Iterator[Field]:
    indicator, pid, dcs, given = parameters
    if indicator & 1:
        yield from protocol(pid)
    if indicator & 2:
        yield from coding(dcs)
    if indicator & 4:
        yield from user_data(given, dcs)


# -------------------------------------------------------------------------------------------------------------- what is read


def in_rp(octets: bytes, tpdu: Tpdu) -> bytes:
    """In an RP message (TS 24.011 7.3)."""
    match tpdu:
        case Deliver() | StatusReport():
            return b"\x01\1" + CENTRE + b"\0" + bytes((len(octets),)) + octets
        case Submit() | Command():
            return b"\x00\1\0" + CENTRE + bytes((len(octets),)) + octets
        case DeliverReport() | SubmitReport():
            up = isinstance(tpdu, DeliverReport)
            head = (b"\x02\1" if up else b"\x03\1") if tpdu.failure is None else (b"\x04\1\1\x16" if up else b"\x05\1\1\x16")
            return head + bytes((0x41, len(octets))) + octets


def generated(draw: random.Random) -> list[Tpdu]:
    """TPDUs of every type with every field drawn."""
    made: list[Tpdu] = []
    texts = ["hello", "[€]{}^~\\|", "端午安康", "", "你好" * 40, "x" * 200, "Grüße @£$ Ω"]
    for _ in range(120):
        digits = "86" + "".join(draw.choices("0123456789", k=draw.randrange(3, 14)))
        number = Address(digits, 0x80 | draw.choice([0, 1, 2, 3, 4, 6]) << 4 | draw.choice([0, 1, 9]))
        stamps = [Stamp.of(draw.randrange(1 << 31), draw.randrange(-48, 57)) for _ in range(2)]
        ports = draw.choice([sms.Udh(), sms.Udh(draw.randrange(1, 1 << 16), draw.randrange(1 << 16))])
        for piece in sms.compose(draw.choice(texts), draw.randrange(256), wide=draw.random() < 0.5, udh=ports):
            dcs = draw.choice([0, 0x11, 0x40, 0xC8, 0xF1] if piece.dcs == 0 else [8, 0x19, 0xE1])
            made.append(
                Deliver(number, stamps[0], piece.user_data, dcs, draw.choice([0, 0x41, 0x7F, 0x24, 0x1F]), draw.choice([0, 4, 0x24, 0x84]))
            )
            validity = draw.choice([Validity(), Validity.relative(draw.randrange(10**6)), Validity(3, stamps[1].octets)])
            made.append(
                Submit(number, piece.user_data, dcs, draw.randrange(32), draw.randrange(256), validity, draw.choice([0, 4, 0x20, 0x80]))
            )
        octets = UserData(sms.encode_udh(ports) if ports != sms.Udh() else b"", draw.randbytes(draw.randrange(1, 100)))
        made.append(Deliver(number, stamps[0], octets, draw.choice([4, 0x15, 0xF5])))
        said = Parameters(7, 0, 0, UserData(data=b"ok"))
        status = draw.choice([0, 1, 0x20, 0x46, 0x65])
        made.append(
            StatusReport(draw.randrange(256), number, stamps[0], stamps[1], status, draw.choice([None, said]), draw.choice([0, 4, 0x20]))
        )
        made.append(DeliverReport(draw.choice([None, 0xD0, 0x81]), draw.choice([Parameters(), said])))
        made.append(SubmitReport(draw.choice([None, 0xC0, 0x80]), stamps[1], draw.choice([Parameters(), said])))
    return made


def vectors(shared: Path) -> list[tuple[str, bytes, Tpdu]]:
    """(name, octets, as we read them) of what others' modems listed, without the centre's address."""
    found = []
    folder = shared / "vectors"
    patterns = ("gammu/at-sms*/*.dump", "ofono/[!c]*.bin", "python-messaging/*.hex")
    for path in [path for pattern in patterns for path in sorted(folder.glob(pattern))]:
        listed = [path.read_bytes()]
        if path.suffix != ".bin":
            listed = [bytes.fromhex(line) for line in re.findall(r"^([0-9A-Fa-f]{20,})\b", listed[0].decode("latin-1"), re.MULTILINE)]
        found += [(f"{path.parent.name}/{path.name}", octets[octets[0] + 1 :], sms.decode_framed(octets)[1]) for octets in listed]
    return found


def test_all_that_tshark_names_of_every_tpdu(debian, tmp_path, shared, seed):
    ours = [value for *_, value in TPDUS] + generated(random.Random(seed))
    theirs = vectors(shared)
    assert len(theirs) == 152
    read = [("ours", sms.encode(tpdu), tpdu) for tpdu in ours] + theirs
    capture = tmp_path / "sms.pcap"
    tshark.write(capture, USER_0, (in_rp(octets, tpdu) for _, octets, tpdu in read))
    rows = tshark.named(debian("tshark"), capture, "gsm_sms", OPTIONS)
    assert len(rows) == len(read) > 700
    for (name, octets, tpdu), row in zip(read, rows, strict=True):
        asked = [field for field in row if not field[0].startswith(EMS)]
        assert without_faults(name, asked) == without_faults(name, told(tpdu, octets)), (name, octets.hex())


def without_faults(name: str, fields: list[Field]) -> list[Field]:
    """Without those of this vector's fields that tshark reads wrongly."""
    wrong = ({"gsm_sms.tp-da"} if name in FILLED else set()) | ({"gsm_sms.sms_text"} if name in ESCAPED else set())
    return [field for field in fields if field[0] not in wrong]


def test_the_oracle_does_complain(debian, tmp_path):
    tpdu = Deliver(Address("8613900000001"), user_data=UserData(data=b"hello"))
    capture = tmp_path / "cut.pcap"
    tshark.write(capture, USER_0, [in_rp(sms.encode(tpdu)[:-9], tpdu)])
    (row,) = tshark.named(debian("tshark"), capture, "gsm_sms", OPTIONS)
    assert any(name.startswith("_ws.") for name, _ in row)
