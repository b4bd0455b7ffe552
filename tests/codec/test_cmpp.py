"""CMPP 2.0 and 3.0: gocmpp's and SMSGate's PDUs, our own both ways in both versions, logins, reports of either length."""

from __future__ import annotations

import struct

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import cmpp
from mmsd.codec.cmpp import Deliver, Pdu, Report, Submit
from mmsd.codec.sms import Concat, Reassembly
from mmsd.codec.tables import cmpp as t
from mmsd.errors import DecodeError, EncodeError

R = t.RESPONSE
BOTH = (t.VERSION_2, t.VERSION_3)
UDH = bytes.fromhex("050003070201")

OURS: list[Pdu] = [
    Pdu(t.CONNECT, 1, cmpp.Connect(b"900001", cmpp.authenticator(b"900001", b"888888", 1021080510), 0x20, 1021080510)),
    Pdu(t.TERMINATE, 2),
    Pdu(R | t.TERMINATE, 2),
    Pdu(
        t.SUBMIT,
        3,
        Submit(
            pk_total=2,
            pk_number=1,
            registered_delivery=1,
            service_id=b"SEED",
            fee_user_type=2,
            tp_udhi=1,
            msg_fmt=8,
            msg_src=b"900001",
            fee_code=b"000010",
            source=b"1065880001",
            destinations=(b"13900000001", b"13900000002"),
            content=UDH + b"\x7a\xef",
        ),
    ),
    Pdu(R | t.SUBMIT, 3, cmpp.SubmitAnswer(0x0123456789ABCDEF, 8)),
    Pdu(t.DELIVER, 4, Deliver(77, b"1065880001", b"SEED", source=b"13900000001", msg_fmt=15, content="好".encode("gbk"))),
    Pdu(R | t.DELIVER, 4, cmpp.DeliverAnswer(77, 0)),
    Pdu(t.QUERY, 5, cmpp.Query(b"20261122", 0)),
    Pdu(R | t.QUERY, 5, cmpp.QueryAnswer(b"20261122", 0, b"", 1, 2, 3, 4, 5, 6, 7, 8)),
    Pdu(t.CANCEL, 6, cmpp.Cancel(77)),
    Pdu(R | t.CANCEL, 6, cmpp.CancelAnswer(1)),
    Pdu(t.ACTIVE_TEST, 7),
    Pdu(R | t.ACTIVE_TEST, 7, cmpp.ActiveTestAnswer()),
    Pdu(t.FORWARD, 8, cmpp.Raw(b"only recognised")),
    Pdu(0x77, 9, cmpp.Raw(b"nobody's")),
]
each = pytest.mark.parametrize("pdu", OURS, ids=lambda pdu: pdu.name)
versions = pytest.mark.parametrize("version", BOTH)


@versions
@each
def test_every_pdu_both_ways(pdu, version):
    data = cmpp.encode(pdu, version)
    seen = cmpp.decode(data, version)
    assert (seen, seen.faults) == (pdu, ())
    tail = cmpp.decode((len(data) + 1).to_bytes(4, "big") + data[4:] + b"\0", version)
    assert tail.faults or isinstance(tail.body, cmpp.Raw)


@versions
@each
def test_cut_anywhere(pdu, version):
    """A request gives what could be read or is refused; an answer's sequence is always had."""
    data = cmpp.encode(pdu, version)
    for stop in range(t.HEADER, len(data)):
        seen = None
        try:
            seen = cmpp.decode(stop.to_bytes(4, "big") + data[4:stop], version)
        except DecodeError:
            assert not pdu.command & R
        if seen is not None:
            assert (seen.command, seen.sequence) == (pdu.command, pdu.sequence)
            assert seen.faults or stop == t.HEADER or isinstance(seen.body, cmpp.Raw | cmpp.ConnectAnswer)


@pytest.mark.parametrize(("version", "size"), [(t.VERSION_2, 30), (t.VERSION_3, 33)])
def test_the_answer_to_a_login_tells_its_version(version, size):
    pdu = Pdu(R | t.CONNECT, 1, cmpp.ConnectAnswer(3, bytes(range(16)), version))
    data = cmpp.encode(pdu, version)
    assert len(data) == size
    assert all(cmpp.decode(data, other) == pdu for other in BOTH)


@pytest.mark.parametrize("command", sorted(t.NAMES))
def test_every_command_is_recognised(command):
    octets = struct.pack(">III", 12, command, 1)
    if command in t.BODIES and not command & R:
        with pytest.raises(DecodeError):  # its fields are missing
            cmpp.decode(octets)
    else:
        assert cmpp.decode(octets).name == t.NAMES[command]


@pytest.mark.parametrize(
    "pdu",
    [
        Pdu(t.SUBMIT, 1),
        Pdu(t.SUBMIT, 1, Deliver()),
        Pdu(t.SUBMIT, 1, Submit(content=bytes(256))),
        Pdu(t.SUBMIT, 1, Submit(destinations=(b"1",) * 100)),
        Pdu(t.SUBMIT, 1, Submit(destinations=(b"1" * 33,))),
        Pdu(t.SUBMIT, 1, Submit(service_id=b"x" * 11)),
        Pdu(t.SUBMIT, 1, Submit(msg_fmt=256)),
        Pdu(t.CONNECT, 1, cmpp.Connect(authenticator=b"short")),
        Pdu(t.ACTIVE_TEST, 1 << 32),
    ],
)
def test_what_does_not_fit_is_not_written(pdu):
    with pytest.raises(EncodeError):
        cmpp.encode(pdu, t.VERSION_3)


# ------------------------------------------------------------------------------------------------------------------ vectors

BARE = {16: "authenticator", 60: "report"}


def test_gocmpps_pdus(shared):
    """Those named for 3.0 in 3.0, the others in 2.0: all come out as they went in."""
    seen = 0
    for path in sorted((shared / "vectors/gocmpp").glob("*.bin")):
        data = path.read_bytes()
        if len(data) in BARE:
            continue
        version = t.VERSION_3 if "Cmpp3" in path.name else t.VERSION_2
        pdu = cmpp.decode(data, version)
        assert pdu.faults == (), path
        assert cmpp.encode(pdu, version) == data, path
        seen += 1
    assert seen == 22


def test_gocmpps_login(shared):
    folder = shared / "vectors/gocmpp"
    connect = cmpp.decode((folder / "TestCmppConnReqPktPack.bin").read_bytes()).body
    assert isinstance(connect, cmpp.Connect)
    assert (connect.source_addr, connect.version, connect.timestamp) == (b"900001", 0x21, 1021080510)
    assert cmpp.authenticator(b"900001", b"888888", 1021080510) == connect.authenticator
    answer = cmpp.decode((folder / "TestCmpp2ConnRspPktPack-1.bin").read_bytes()).body
    assert isinstance(answer, cmpp.ConnectAnswer)
    assert cmpp.gateway_authenticator(answer.status, connect.authenticator, b"888888") == answer.authenticator


def test_gocmpps_messages(shared):
    folder = shared / "vectors/gocmpp"
    submit = cmpp.decode((folder / "TestCmpp2SubmitReqPktPack.bin").read_bytes()).body
    assert isinstance(submit, Submit)
    assert (submit.destinations, submit.msg_fmt) == ((b"13500002696",), 8)
    assert cmpp.text(cmpp.content(submit)[0].data, submit.msg_fmt) == "测试gocmpp submit"
    deliver = cmpp.decode((folder / "TestCmpp2DeliverReqPktPack.bin").read_bytes()).body
    assert isinstance(deliver, Deliver)
    assert (deliver.source, deliver.content, cmpp.report(deliver)) == (b"13412340000", b"This is a test MO.", None)


def test_gocmpps_report(shared):
    octets = (shared / "vectors/gocmpp/TestCmppReceiptPktPack.bin").read_bytes()
    report = cmpp.report(Deliver(registered_delivery=1, content=octets))
    assert report is not None
    assert (report.stat, report.submit_time, report.done_time, report.destination) == (
        b"DELIVRD",
        b"1511120955",
        b"1511120957",
        b"13412340000",
    )
    assert (report.smsc_sequence, report.faults, report.final) == (0x12345678, (), True)
    assert cmpp.encode_report(report) == octets


def framed(body: bytes) -> bytes:
    return struct.pack(">III", len(body) + 12, t.DELIVER, 1) + body


def test_smsgates_report_of_71_octets_and_a_bare_segment(shared):
    folder = shared / "vectors/smsgate/cmpp"
    data = framed((folder / "TestMsgErrDeliverRequestDecoder-3.bin").read_bytes())
    pdu = cmpp.decode(data, t.VERSION_3)
    assert isinstance(pdu.body, Deliver)
    report = cmpp.report(pdu.body)
    assert report is not None
    assert (report.stat, report.state, report.done_time, report.faults) == (b"AF:4", "AF:4", b"0001010000", ())
    assert len(pdu.body.content) == t.REPORT_3
    assert cmpp.encode(pdu, t.VERSION_3) == data
    data = framed((folder / "TestMsgErrDeliverRequestDecoder-1.bin").read_bytes())
    pdu = cmpp.decode(data, t.VERSION_3)
    assert isinstance(pdu.body, Deliver)
    user_data, header, faults = cmpp.content(pdu.body)
    assert (header.concat, faults, pdu.faults) == (Concat(0, 1, 1), (), ())
    assert cmpp.text(user_data.data, pdu.body.msg_fmt).startswith("有过不去的经历")
    assert cmpp.encode(pdu, t.VERSION_3) == data


def test_smsgates_long_message(shared):
    """Four submits back to back, of one text."""
    data = (shared / "vectors/smsgate/cmpp/TestDiffrentMsgFmt-1.bin").read_bytes()
    joins = Reassembly[bytes]()
    whole, at = None, 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        pdu = cmpp.decode(data[at : at + length])
        assert cmpp.encode(pdu) == data[at : at + length]
        assert isinstance(pdu.body, Submit)
        user_data, header, _ = cmpp.content(pdu.body)
        assert header.concat is not None
        whole = joins.add(pdu.body.destinations, header.concat, user_data.data, len(user_data.data), at=0)
        at += length
    assert whole is not None
    assert len(whole) == 4
    text = cmpp.text(b"".join(whole), 8)
    assert "\ufffd" not in text
    assert len(text) > 200


# ------------------------------------------------------------------------------------------------------------------ reports


@pytest.mark.parametrize("size", [60, 71])
@versions
def test_a_report_of_either_length_in_a_frame_of_either_version(version, size):
    value = Report(77, b"MK:0012", b"2611221744", b"2611221745", b"13900000001", 5)
    octets = cmpp.encode_report(value, t.VERSION_2 if size == 60 else t.VERSION_3)
    assert len(octets) == size
    pdu = Pdu(t.DELIVER, 1, Deliver(registered_delivery=1, content=octets))
    seen = cmpp.decode(cmpp.encode(pdu, version), version).body
    assert isinstance(seen, Deliver)
    report = cmpp.report(seen)
    assert report is not None
    assert (report, report.faults, report.state) == (value, (), "UNDELIV")


@pytest.mark.parametrize("size", [15, 40, 59, 61, 70, 72, 100])
def test_a_report_of_no_length_is_read_with_a_fault(size):
    octets = cmpp.encode_report(Report(77, b"EXPIRED", destination=b"13900000001"), t.VERSION_3).ljust(100, b"\0")[:size]
    report = cmpp.report(Deliver(registered_delivery=1, content=octets))
    assert report is not None
    assert (report.msg_id, report.state, len(report.faults)) == (77, "EXPIRED", 1)


def test_what_is_too_short_for_a_report():
    with pytest.raises(DecodeError):
        cmpp.report(Deliver(registered_delivery=1, content=bytes(14)))


@pytest.mark.parametrize(
    ("stat", "state", "final"),
    [
        (b"DELIVRD", "DELIVRD", True),
        (b"ACCEPTD", "ACCEPTD", False),
        (b"UNKNOWN", "UNKNOWN", False),
        (b"MI:0000", "EXPIRED", True),
        (b"MJ:0001", "DELETED", True),
        (b"ML:0001", "ACCEPTD", False),
        (b"MN:0001", "REJECTD", True),
        (b"CB:0007", "CB:0007", True),
        (b"", "", False),
    ],
)
def test_what_a_report_says(stat, state, final):
    report = Report(stat=stat)
    assert (report.state, report.final) == (state, final)


# ------------------------------------------------------------------------------------------------------------------ content


def test_content_with_a_header_and_without():
    user_data, header, faults = cmpp.content(Submit(tp_udhi=1, content=UDH + b"hello"))
    assert (user_data.udh, user_data.data, header.concat, faults) == (UDH, b"hello", Concat(7, 2, 1), ())
    assert cmpp.content(Submit(pk_total=3, pk_number=2, content=b"x"))[1].concat == Concat(0, 3, 2)
    assert cmpp.content(Submit(pk_total=3, pk_number=4, content=b"x"))[1].concat is None
    user_data, header, faults = cmpp.content(Deliver(tp_udhi=1, content=b"\x30hello"))
    assert (user_data.data, len(faults)) == (b"\x30hello", 1)
    assert len(cmpp.content(Deliver(tp_udhi=1))[2]) == 1


@pytest.mark.parametrize(
    ("octets", "fmt", "text"), [("68656c6c6f", 0, "hello"), ("7aef53", 8, "端"), ("ff", 4, "ÿ"), ("ba", 15, "\ufffd"), ("ba", 99, "º")]
)
def test_text_by_its_format(octets, fmt, text):
    assert cmpp.text(bytes.fromhex(octets), fmt) == text


# -------------------------------------------------------------------------------------------------------------- any octets


@hypothesis.given(st.binary(max_size=300), st.sampled_from([*t.NAMES, 0x999]), st.sampled_from(BOTH))
def test_any_octets(data, command, version):
    for octets in (data, struct.pack(">III", len(data) + 12, command, 1) + data):
        refusal = pdu = None
        try:
            pdu = cmpp.decode(octets, version)
        except DecodeError as caught:
            refusal = caught
        faults = pdu.faults if pdu is not None else (refusal,)
        assert all(fault is not None and fault.clause and 0 <= fault.offset <= len(octets) for fault in faults)
        if pdu is not None:
            cmpp.show(octets)


@hypothesis.given(
    st.sampled_from(OURS), st.sampled_from(BOTH), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_any_octets_changed(pdu, version, changes):
    """Read or refused; what is read can be written and says the same."""
    data = bytearray(cmpp.encode(pdu, version))
    for place, octet in changes:
        data[4 + place % (len(data) - 4)] = octet
    try:
        seen = cmpp.decode(bytes(data), version)
        again = cmpp.encode(seen, version)
    except (DecodeError, EncodeError):
        return
    assert cmpp.decode(again, version) == seen


@versions
@each
def test_shown_where_it_stands(pdu, version):
    """The fields follow each other without a gap, from the header to the end."""
    data = cmpp.encode(pdu, version)
    places = sorted({(line.offset, line.length) for line in cmpp.show(data).lines if line.depth})
    at = t.HEADER
    for start, size in places:
        assert start == at
        at += size
    assert at == len(data)


@versions
def test_shown_in_the_version_that_fits(version):
    data = b"".join(cmpp.encode(pdu, version) for pdu in OURS)
    shown = cmpp.show(data)
    assert (shown.values["version"], shown.warnings) == (f"{version >> 4}.0", ())
    assert [pdu["command"] for pdu in shown.values["pdus"]] == [pdu.name for pdu in OURS]
    with pytest.raises(DecodeError):
        cmpp.show(b"")


@versions
@pytest.mark.parametrize(
    ("message", "wrong", "at"),
    [
        (Deliver(tp_udhi=1, content=bytes.fromhex("2000030102")), "header length and octets disagree", 0),
        (Deliver(msg_fmt=8, content=b"\x7a\xef\x53"), "UCS-2 of an odd number of octets: the last is no text", 2),
        (Deliver(registered_delivery=1, content=b"\0" * 8 + b"DELIVRD"), "a report of 15 octets", 15),
        (Deliver(registered_delivery=1, content=b"\0" * 8), "the PDU ends in stat", 8),
        (Submit(tp_udhi=1, content=b"\x30hello"), "header length and octets disagree", 0),
    ],
    ids=["header", "UCS-2", "short report", "shorter report", "submit"],
)
def test_what_is_wrong_inside_is_told(message, wrong, at, version):
    """`mmsd decode` ends with 1: the PDU is whole, what it carries is not. Nor does that change the version it is read in."""
    data = cmpp.encode(Pdu(t.SUBMIT if isinstance(message, Submit) else t.DELIVER, 9, message), version)
    seen = cmpp.show(data)
    assert seen.values["version"] == f"{version >> 4}.0"
    (warned,) = seen.warnings
    assert (warned.text, data[warned.offset - at - 1 :][: 1 + len(message.content)]) == (
        wrong,
        bytes((len(message.content),)) + message.content,
    )


@versions
def test_numbers_have_their_words(version):
    message = Submit(12878564852733378560, registered_delivery=1, fee_user_type=2, tp_udhi=1, msg_fmt=8, fee_type=b"01",
                     content=bytes.fromhex("050003AA0201") + bytes.fromhex("4E2D"))  # fmt: skip
    seen = cmpp.show(cmpp.encode(Pdu(t.SUBMIT, 9, message), version))
    said = {line.name: line.text for line in seen.lines}
    assert said["msg_id"] == "12878564852733378560: 0xb2b9da8000010000: 11-05 14:29:42, gateway 1, sequence 0"
    assert said["fee_user_type"] == "2: the service provider pays"
    assert said["fee_type"] == "01: free"
    assert said["msg_fmt"] == "8: UCS-2"
    assert said["header"] == "concatenation 1 of 2, reference 170"
    (values,) = seen.values["pdus"]
    assert values["msg_id"] == "12878564852733378560"  # a text: a double would round it
    assert values["header"] == {"concatenation": {"reference": 170, "total": 2, "sequence": 1}}
    assert (values["content"][-4:], values["text"], values["words"]["fee_user_type"]) == ("4e2d", "中", "the service provider pays")
    answer = cmpp.show(cmpp.encode(Pdu(t.RESPONSE | t.SUBMIT, 9, cmpp.SubmitAnswer(1, 8)), version))
    assert {line.name: line.text for line in answer.lines}["result"] == "8: flow control"


@versions
@each
def test_cut_short_is_shown_as_far_as_it_goes(pdu, version):
    """The last of several, at every octet: no field says what it does not say whole, but for the message itself."""
    data = cmpp.encode(pdu, version)
    whole = {line.name: line for line in cmpp.show(data).lines}
    for stop in range(t.HEADER, len(data) if pdu.command in t.NAMES else 0):
        seen = cmpp.show(data + data[:stop])
        assert seen.values["version"] == cmpp.show(data).values["version"]
        assert [row["command"] for row in seen.values["pdus"]] == [pdu.name] * 2
        assert seen.warnings[-1].text == f"the PDU is cut short: {stop} of {len(data)} octets"
        for line in seen.lines:
            assert line.offset + line.length <= len(data) + stop
            if line.depth and len(data) <= line.offset and line.offset + line.length < len(data) + stop:
                assert line == whole[line.name]._replace(offset=line.offset)


def test_a_cut_message_tells_its_version():
    """By its texts: in the other version they would begin in the middle of others."""
    message = Submit(msg_src=b"900001", service_id=b"S", source=b"10658", destinations=(b"13900000001",), content=b"hi")
    for version in BOTH:
        data = cmpp.encode(Pdu(t.SUBMIT, 9, message), version)
        assert cmpp.show(data[:-30]).values["version"] == f"{version >> 4}.0"


def test_nothing_is_made_of_markup():
    with pytest.raises(DecodeError):
        cmpp.show(b"<html><body>404</body></html>")
