"""A second opinion on CMPP: Wireshark's dissector names the same fields with the same values, in the same order, and nothing else.

Read here, in one capture: our own PDUs and hundreds of generated ones in 3.0, gocmpp's and SMSGate's as they are, and those of 2.0 once
more as we write them in 3.0.

Faults of tshark 4.0, and what it does otherwise:

- it reads every PDU as one of 3.0: of 2.0's it is asked for the fields before the first that differs (BEFORE_3), and whatever it says
  behind them is not listened to;
- of the 22 bits of the gateway's code in a Msg_Id it shows the first 14, of Src_Id's 21 octets 17;
- it takes apart no CMPP_QUERY, CMPP_CANCEL, CMPP_FWD nor any of their answers (HEADER_ONLY), and no other command at all;
- of AuthenticatorSource, AuthenticatorISMG and Msg_Content it says only that they are there;
- it shows a version's second digit in two, and every flag as 0 or 1: Registered_Delivery 2 (a charging record) is 1.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mmsd.codec import cmpp
from mmsd.codec.cmpp import Deliver, Pdu, Report, Submit
from mmsd.codec.tables import cmpp as t
from tests.codec import tshark
from tests.codec.test_cmpp import BARE, OURS, UDH, framed
from tests.codec.tshark import Field

pytestmark = pytest.mark.debian("tshark")

R = t.RESPONSE
OPTIONS: Final = ["-d", "tcp.port==7890,cmpp"]
HEADER_ONLY: Final = frozenset({t.QUERY, R | t.QUERY, t.CANCEL, R | t.CANCEL, t.FORWARD, R | t.FORWARD, *t.EMPTY, R | t.ACTIVE_TEST})
BEFORE_3: Final = {
    t.SUBMIT: "submit.Fee_UserType", t.DELIVER: "Msg_Fmt", R | t.SUBMIT: "Msg_Id.sequence_id", R | t.DELIVER: "Msg_Id.sequence_id",
    R | t.CONNECT: "Sequence_Id",
}  # fmt: skip
"""The last field that stands at the same place in 2.0 and 3.0."""

# ------------------------------------------------------------------------------------------- what a PDU's fields look like there


def told(pdu: Pdu, octets: bytes) -> list[Field]:
    """All that tshark should name of a PDU of 3.0."""
    header = [("Total_Length", str(len(octets))), ("Command_Id", f"0x{pdu.command:08x}"), ("Sequence_Id", str(pdu.sequence))]
    fields = header if pdu.command in HEADER_ONLY else [*header, *body(pdu)]
    return [(f"cmpp.{name}", value) for name, value in fields]


def body(pdu: Pdu) -> Iterator[Field]:
    match pdu.body:
        case cmpp.Connect() as connect:
            yield "connect.Source_Addr", connect.source_addr.decode()
            yield "connect.AuthenticatorSource", "MD5 Hash"
            yield "Version", f"{connect.version >> 4:02}.{connect.version & 15:02}"
            then = f"{connect.timestamp:010}"
            yield "connect.Timestamp", f"{then[:2]}/{then[2:4]} {then[4:6]}:{then[6:8]}:{then[8:]}"
        case cmpp.ConnectAnswer() as answer:
            yield "connect_resp.Status", str(answer.status)
            yield "connect_resp.AuthenticatorISMG", "MD5 Hash"
            yield "Version", f"{answer.version >> 4:02}.{answer.version & 15:02}"
        case Submit() as submit:
            yield from submitted(submit)
        case cmpp.SubmitAnswer() as answer:
            yield from identity(answer.msg_id)
            yield "submit_resp.Result", str(answer.result)
        case Deliver() as deliver:
            yield from delivered(deliver)
        case cmpp.DeliverAnswer() as answer:
            yield from identity(answer.msg_id)
            yield "deliver_resp.Result", str(answer.result)


def identity(msg_id: int) -> list[Field]:
    """Msg_Id, and what it is made of: month, day, hour, minute, second, gateway, number."""
    month, day, hour, minute, second = (msg_id >> place & (1 << size) - 1 for place, size in ((60, 4), (55, 5), (50, 5), (44, 6), (38, 6)))
    return [
        ("Msg_Id", f"0x{msg_id:016x}"),
        ("Msg_Id.timestamp", f"{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}"),
        ("Msg_Id.ismg_code", str(msg_id >> 24 & 0x3FFF)),
        ("Msg_Id.sequence_id", str(msg_id & 0xFFFF)),
    ]


def submitted(submit: Submit) -> Iterator[Field]:
    yield from identity(submit.msg_id)
    yield "submit.Pk_total", str(submit.pk_total)
    yield "submit.Pk_number", str(submit.pk_number)
    yield "submit.Registered_Delivery", flag(submit.registered_delivery)
    yield "submit.Msg_level", str(submit.msg_level)
    yield "Servicd_Id", submit.service_id.decode()
    yield "submit.Fee_UserType", str(submit.fee_user_type)
    yield "submit.Fee_terminal_Id", submit.fee_terminal.decode()
    yield "submit.Fee_terminal_type", flag(submit.fee_terminal_type)
    yield "TP_pId", str(submit.tp_pid)
    yield "TP_udhi", str(submit.tp_udhi)
    yield "Msg_Fmt", str(submit.msg_fmt)
    yield "submit.Msg_src", submit.msg_src.decode()
    yield "submit.FeeType", submit.fee_type.decode()
    yield "submit.FeeCode", submit.fee_code.decode()
    yield "submit.Valld_Time", submit.valid_time.decode()
    yield "submit.At_time", submit.at_time.decode()
    yield "submit.Src_Id", submit.source[:17].decode()
    yield "submit.DestUsr_tl", str(len(submit.destinations))
    for number in submit.destinations:
        yield "Dest_terminal_Id", number.decode()
    yield "submit.Dest_terminal_type", flag(submit.destination_type)
    yield from content(submit.content)
    yield "LinkID", submit.link_id.decode()


def delivered(deliver: Deliver) -> Iterator[Field]:
    yield from identity(deliver.msg_id)
    yield "deliver.Dest_Id", deliver.destination.decode()
    yield "Servicd_Id", deliver.service_id.decode()
    yield "TP_pId", str(deliver.tp_pid)
    yield "TP_udhi", str(deliver.tp_udhi)
    yield "Msg_Fmt", str(deliver.msg_fmt)
    yield "deliver.Src_terminal_Id", deliver.source.decode()
    yield "deliver.Src_terminal_type", flag(deliver.source_type)
    yield "deliver.Registered_Delivery", flag(deliver.registered_delivery)
    report = cmpp.report(deliver)
    if report is None:
        yield from content(deliver.content)
    else:
        yield "Msg_Length", str(len(deliver.content))
        yield from identity(report.msg_id)
        yield "deliver.Report.Status", report.stat.decode()
        yield "deliver.Report.Submit_time", report.submit_time.decode()
        yield "deliver.Report.Done_time", report.done_time.decode()
        yield "Dest_terminal_Id", report.destination.decode()
        yield "Report.SMSC_sequence", str(report.smsc_sequence)
    yield "LinkID", deliver.link_id.decode()


def flag(value: int) -> str:
    return str(int(value != 0))


def content(octets: bytes) -> list[Field]:
    return [("Msg_Length", str(len(octets))), ("Msg_Content", "SMS Messages")]


# -------------------------------------------------------------------------------------------------------------- what is read


def digits(draw: random.Random, most: int) -> bytes:
    return "".join(draw.choices("0123456789", k=draw.randrange(1, most + 1))).encode()


def generated(draw: random.Random) -> list[Pdu]:
    """Submissions, deliveries and reports with every field drawn, up to the longest that it takes."""
    made: list[Pdu] = []
    for number in range(1, 150):
        msg_id = draw.getrandbits(64)
        headed = draw.random() < 0.3
        words = (UDH if headed else b"") + draw.choice([b"hello", "端午安康".encode("utf-16-be"), draw.randbytes(draw.randrange(1, 130))])
        times = [draw.choice([b"", b"261122174400032+", b"000003000000000R"]) for _ in range(2)]
        submit = Submit(
            msg_id=draw.choice([0, msg_id]),
            pk_total=draw.randrange(1, 256),
            pk_number=draw.randrange(1, 256),
            registered_delivery=draw.randrange(3),
            msg_level=draw.randrange(10),
            service_id=draw.choice([b"", b"SEED", b"MCN2210103"]),
            fee_user_type=draw.randrange(4),
            fee_terminal=draw.choice([b"", digits(draw, 32)]),
            fee_terminal_type=draw.randrange(2),
            tp_pid=draw.randrange(256),
            tp_udhi=int(headed),
            msg_fmt=draw.choice([0, 3, 4, 8, 15]),
            msg_src=digits(draw, 6),
            fee_type=draw.choice([b"01", b"02", b"05"]),
            fee_code=digits(draw, 6),
            valid_time=times[0],
            at_time=times[1],
            source=digits(draw, 21),
            destinations=tuple(digits(draw, 32) for _ in range(draw.randrange(1, 4))),
            destination_type=draw.randrange(2),
            content=words,
            link_id=draw.choice([b"", digits(draw, 20)]),
        )
        deliver = Deliver(
            msg_id=msg_id,
            destination=digits(draw, 21),
            service_id=draw.choice([b"", b"SEED"]),
            tp_pid=draw.randrange(256),
            tp_udhi=int(headed),
            msg_fmt=draw.choice([0, 4, 8, 15]),
            source=digits(draw, 32),
            source_type=draw.randrange(2),
            content=words,
            link_id=draw.choice([b"", digits(draw, 20)]),
        )
        stat = draw.choice([b"DELIVRD", b"MK:0012", b"CB:0053", b"UNDELIV"])
        report = Report(draw.getrandbits(64), stat, b"2611221744", b"2611221745", digits(draw, 32), draw.getrandbits(32))
        told = Deliver(msg_id, digits(draw, 21), source=digits(draw, 32), registered_delivery=1, content=cmpp.encode_report(report, 0x30))
        made += [
            Pdu(t.SUBMIT, number, submit),
            Pdu(R | t.SUBMIT, draw.getrandbits(32), cmpp.SubmitAnswer(msg_id, draw.getrandbits(32))),
            Pdu(t.DELIVER, number, deliver),
            Pdu(R | t.DELIVER, number, cmpp.DeliverAnswer(msg_id, draw.randrange(10))),
            Pdu(t.DELIVER, number, told),
        ]
    return made


def vectors(shared: Path) -> list[tuple[str, int, bytes]]:
    """(name, version, octets) of gocmpp's and SMSGate's PDUs, the latter's bare bodies with a header."""
    found = []
    for path in sorted((shared / "vectors/gocmpp").glob("*.bin")):
        octets = path.read_bytes()
        if len(octets) not in BARE:
            found.append((path.stem, t.VERSION_2 if "Cmpp2" in path.name else t.VERSION_3, octets))
    folder = shared / "vectors/smsgate/cmpp"
    for number in (1, 3):
        name = f"TestMsgErrDeliverRequestDecoder-{number}"
        found.append((name, t.VERSION_3, framed((folder / f"{name}.bin").read_bytes())))
    four, at = (folder / "TestDiffrentMsgFmt-1.bin").read_bytes(), 0
    while at < len(four):
        length = int.from_bytes(four[at : at + 4], "big")
        found.append((f"TestDiffrentMsgFmt at {at}", t.VERSION_2, four[at : at + length]))
        at += length
    return found


def test_all_that_tshark_names_of_every_pdu(debian, tmp_path, shared, seed):
    theirs = vectors(shared)
    assert len(theirs) == 28
    unknown = {0x77}  # nobody's command, and none of tshark's
    pdus = [pdu for pdu in OURS if pdu.command not in unknown] + [Pdu(R | t.CONNECT, 1, cmpp.ConnectAnswer(3, version=0x30))]
    read = [("ours", t.VERSION_3, cmpp.encode(pdu, t.VERSION_3), pdu) for pdu in pdus + generated(random.Random(seed))]
    for name, version, octets in theirs:
        pdu = cmpp.decode(octets, version)
        read.append((name, version, octets, pdu))
        if version == t.VERSION_2 and not isinstance(pdu.body, cmpp.ConnectAnswer):
            read.append((f"{name}, written in 3.0", t.VERSION_3, cmpp.encode(pdu, t.VERSION_3), pdu))
    capture = tmp_path / "cmpp.pcap"
    tshark.write(capture, tshark.RAW_IP, tshark.segments(7890, (octets for _, _, octets, _ in read)))
    rows = tshark.named(debian("tshark"), capture, "cmpp", OPTIONS)
    assert len(rows) == len(read) > 700
    for (name, version, octets, pdu), row in zip(read, rows, strict=True):
        assert cmpp.decode(octets, version) == pdu
        wanted = told(pdu, octets)
        if version == t.VERSION_2 and pdu.command in BEFORE_3:
            stop = [field for field, _ in wanted].index(f"cmpp.{BEFORE_3[pdu.command]}") + 1
            assert row[:stop] == wanted[:stop], (name, octets.hex())
        else:
            assert row == wanted, (name, octets.hex())


def test_the_oracle_does_complain(debian, tmp_path):
    octets = cmpp.encode(Pdu(R | t.SUBMIT, 1, cmpp.SubmitAnswer(7, 0)), t.VERSION_3)
    capture = tmp_path / "cut.pcap"
    tshark.write(capture, tshark.RAW_IP, tshark.segments(7890, [(len(octets) - 3).to_bytes(4, "big") + octets[4:-3]]))
    (row,) = tshark.named(debian("tshark"), capture, "cmpp", OPTIONS)
    assert (tshark.MALFORMED, "Malformed Packet") in row
