"""MMS PDUs: hand-written vectors both ways, faults survived, what the encoder refuses."""

from __future__ import annotations

from hashlib import sha256

import pytest

from mmsd.codec import mms, multipart
from mmsd.codec.mms import Moment, Text
from mmsd.codec.tables import mms as t
from mmsd.codec.wsp import ContentType
from mmsd.errors import DecodeError, EncodeError
from tests.codec.pdus import PDUS

EACH = pytest.mark.parametrize(("octets", "headers", "body"), [row[1:] for row in PDUS], ids=[row[0] for row in PDUS])


@EACH
def test_vector_is_read(octets, headers, body):
    data = bytes.fromhex(octets)
    pdu = mms.decode(data)
    assert list(pdu.headers) == headers
    assert data[pdu.body] == body
    assert pdu.faults == ()
    assert pdu.type == headers[0][1]


@EACH
def test_vector_is_written(octets, headers, body):
    assert mms.encode(headers, body).hex() == octets.replace(" ", "")


@EACH
def test_every_beginning_of_a_pdu_is_read_or_refused(octets, headers, body):
    """Cut anywhere, what stands before the cut is read as it is in the whole; only a last value may be shorter."""
    data = bytes.fromhex(octets)
    for length in range(len(data)):
        try:
            cut = mms.decode(data[:length])
        except DecodeError:
            assert length < 2
        else:
            assert list(cut.headers[:-1]) == headers[: len(cut.headers) - 1]
            assert cut.faults or cut.headers == tuple(headers[: len(cut.headers)])


@EACH
def test_a_tail_changes_no_header(octets, headers, body):
    """What follows belongs to the body, or is named as a fault."""
    data = bytes.fromhex(octets) + b"\xff\xff"
    pdu = mms.decode(data)
    assert list(pdu.headers[: len(headers)]) == headers
    assert pdu.faults or data[pdu.body] == body + b"\xff\xff"


def test_all_eleven_types_have_a_vector():
    assert {headers[0][1] for _, _, headers, _ in PDUS} == set(t.MANDATORY) == set(t.OPTIONAL)


@pytest.mark.parametrize(
    ("octets", "code", "value", "reason"),
    [
        ("8c83 985400 8d90 96c7e5c3f700", t.SUBJECT, Text("清明".encode("gb2312")), "text without its quote"),
        ("8c83 985400 8d90 96104e2d00 9583", t.SUBJECT, Text(b"\x10N-"), "text begins with a control octet"),
        ("8c83 985400 8d90 9503414200", t.STATUS, b"\x03AB\x00", "value has not the form of octet"),
        ("8c83 985400 8d90 8803830101 9581", t.EXPIRY, b"\x03\x83\x01\x01", "value has not the form of moment"),
        ("8c83 985400 8d90 ff81 9581", 0xFF, b"\x81", "field 0xff is not assigned"),
        ("8c82 985400 8d90", t.TRANSACTION_ID, b"T", "X-Mms-Content-Location is missing from m-notification-ind"),
        ("8c83 985400 8d90 9581 9312", t.STATUS, t.RETRIEVED, "header is cut short"),
        ("8c83 985400 8d90 9581 8505010203", t.STATUS, t.RETRIEVED, "value runs past the end"),
        ("8c83 985400 8d90 9581 0009", t.STATUS, t.RETRIEVED, "no field begins here"),
        ("8c84 8d90 850165 84028381", t.CONTENT_TYPE, bytes.fromhex("028381"), "parameter without value"),
    ],
)
def test_fault_is_survived_and_named(octets, code, value, reason):
    pdu = mms.decode(bytes.fromhex(octets))
    assert pdu.get(code) == value
    assert reason in [fault.reason for fault in pdu.faults]
    assert all(fault.clause and 0 <= fault.offset <= len(octets) // 2 for fault in pdu.faults)


def test_a_header_by_its_name_is_kept():
    pdu = mms.decode(b"\x8c\x83X-Own\0value\0\x98T\0\x8d\x90\x95\x81")
    assert pdu.headers[1] == (0, b"X-Own\0value\0")
    assert pdu.faults == ()


def test_an_address_may_be_there_and_empty():
    assert mms.decode(bytes.fromhex("8c80 89028000")).get(t.FROM) == Text(b"")
    assert mms.decode(bytes.fromhex("8c80 890181")).get(t.FROM) == t.INSERT_ADDRESS
    assert mms.decode(bytes.fromhex("8c80 89 2b383600")).get(t.FROM) == Text(b"+86")  # no length, no token


def test_repeated_fields_stay_in_order():
    pdu = mms.decode(b"\x8c\x80\x97a\0\x97b\0")
    assert pdu.all(t.TO) == (Text(b"a"), Text(b"b"))
    assert pdu.get(t.TO) == Text(b"a")


@pytest.mark.parametrize("data", [b"", b"<html><body>404</body></html>", b"\x98T\0", b"\x00" * 9], ids=["empty", "html", "no type", "NUL"])
def test_what_is_no_pdu_is_refused(data):
    with pytest.raises(DecodeError, match="no message type"):
        mms.decode(data)


NOTIFY_RESPONSE = [(t.MESSAGE_TYPE, 0x83), (t.TRANSACTION_ID, b"T"), (t.MMS_VERSION, 0x90), (t.STATUS, 0x81)]


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ([], b"", "opens with a message type"),
        ([(t.STATUS, 0x81)], b"", "opens with a message type"),
        ([(t.MESSAGE_TYPE, 0x8B)], b"", "opens with a message type"),
        (NOTIFY_RESPONSE[:3], b"", "lacks X-Mms-Status"),
        ([NOTIFY_RESPONSE[0], NOTIFY_RESPONSE[2], NOTIFY_RESPONSE[1], NOTIFY_RESPONSE[3]], b"", "opens with message type, transaction"),
        ([*NOTIFY_RESPONSE, (t.STATUS, 0x81)], b"", "holds X-Mms-Status once"),
        ([*NOTIFY_RESPONSE, (t.SUBJECT, Text(b"s"))], b"", "holds no field 0x96"),
        ([*NOTIFY_RESPONSE, (0, b"X\0y\0")], b"", "holds no field 0x00"),
        (NOTIFY_RESPONSE, b"body", "has no body"),
        ([*NOTIFY_RESPONSE[:3], (t.STATUS, b"text")], b"", "X-Mms-Status does not take b'text'"),
        ([NOTIFY_RESPONSE[0], (t.TRANSACTION_ID, b"a\0b"), *NOTIFY_RESPONSE[2:]], b"", "holds no NUL"),
        (PDUS[0][2][:5] + PDUS[0][2][7:], b"", "has a receiver"),
        ([*PDUS[0][2][:-2], PDUS[0][2][-1], PDUS[0][2][-2]], b"", "Content-Type is the last"),
    ],
)
def test_what_breaks_clause_6_is_not_written(headers, body, reason):
    with pytest.raises(EncodeError, match=reason):
        mms.encode(headers, body)


def test_a_text_reads_as_people_do():
    assert str(Text(b"\xfe\xff\x4e\x00\x4e\x2d", 1000)) == "一中"
    assert Moment(1) == (1, False)


# ------------------------------------------------------------------------------------------------------------------- shown

ASKED = {
    "type", "transaction_id", "version", "from", "to", "cc", "subject", "message_class", "date", "expiry", "message_size",
    "content_location", "message_id", "response_status", "retrieve_status", "status", "content_type", "parts",
}  # fmt: skip


@EACH
def test_shown_without_warning(octets, headers, body):
    data = bytes.fromhex(octets)
    shown = mms.show(data)
    assert shown.values.keys() >= ASKED
    assert shown.values["type"] == t.TYPES[headers[0][1]]
    assert shown.warnings == ()
    fields = [line for line in shown.lines if line.depth == 0 and not line.name.startswith("Part ")]
    assert [line.offset for line in fields] == [sum(line.length for line in fields[:n]) for n in range(len(fields))]  # gapless
    assert sum(line.length for line in fields) == len(data) - len(body)
    assert [line.name for line in fields] == [t.FIELDS[code][0] for code, _ in headers]


def test_values_for_programs():
    shown = mms.show(bytes.fromhex(PDUS[0][1])).values
    assert {name: shown[name] for name in ASKED - {"parts"}} == {
        "type": "m-send-req",
        "transaction_id": "T1",
        "version": "1.3",
        "from": "insert-address",
        "to": ["+86"],
        "cc": ["a-b"],
        "subject": "中",
        "message_class": "Personal",
        "date": 0x65000000,
        "expiry": None,
        "message_size": None,
        "content_location": None,
        "message_id": None,
        "response_status": None,
        "retrieve_status": None,
        "status": None,
        "content_type": "application/vnd.wap.multipart.related",
    }
    (part,) = shown["parts"]
    assert part == {
        "content_type": "text/plain",
        "name": None,
        "content_location": None,
        "content_id": None,
        "charset": None,
        "size": 2,
        "sha256": sha256(b"hi").hexdigest(),
    }


def test_values_of_an_answer():
    shown = mms.show(bytes.fromhex(PDUS[2][1])).values
    assert (shown["expiry"], shown["message_size"], shown["message_class"]) == ({"absolute": 0x65000000}, 10240, "cl")
    assert (shown["subject"], shown["content_location"], shown["from"]) == ("一中", "h/", "+86")
    assert mms.show(bytes.fromhex(PDUS[9][1])).values["expiry"] == {"relative": 86400}
    assert mms.show(bytes.fromhex(PDUS[10][1])).values["response_status"] == "Error-permanent-message-not-found"


def test_parts_in_parts_are_shown_where_they_stand():
    inner = multipart.encode([multipart.part("text/plain", "清明".encode("gb2312"), charset=2025, name="t.txt", cid="t")])
    outer = multipart.encode([multipart.Part(ContentType(MIXED), (), memoryview(inner))])
    data = mms.encode([(t.MESSAGE_TYPE, 0x84), (t.MMS_VERSION, 0x90), (t.DATE, 1), (t.CONTENT_TYPE, ContentType(MIXED))], outer)
    shown = mms.show(data)
    (part,) = shown.values["parts"]
    (deep,) = part["parts"]
    assert (deep["name"], deep["content_id"], deep["charset"], deep["size"]) == ("t.txt", "<t>", "gb2312", 4)
    lines = {line.name: line for line in shown.lines}
    assert lines["Text"].text == "清明"
    assert data[lines["Content-Location"].offset :][: lines["Content-Location"].length] == b"\x8et.txt\0"
    assert lines["Content-Location"].depth == 2


MIXED = "application/vnd.wap.multipart.mixed"


@pytest.mark.parametrize(
    ("octets", "warning"),
    [
        ("8c85 985400 8d90 96 06 ea 7f c7e5c3 00", "Subject: text is not in the utf-8 it names"),
        ("8c85 985400 8d90 96 06 02 7a69 4142 00", "Subject: character set 31337 is not known"),
        ("8c85 985400 8d90 96c7e5c3f700", "text without its quote"),
        ("8c85 985400 8d", "header is cut short"),
        ("8c84 8d90 850165 84 a3 02 0102 83 6869", "2 entries are announced, 1 are there"),
        ("8c84 8d90 850165 84 a3 01 0109 83 6869", "content is cut short: 2 of 9 octets"),
        ("8c84 8d90 850165 84 a3 01 0402 0383 81ea d6d0", "part 1: text is not in the utf-8 it names"),
        ("8c84 8d90 850165 84 a3", "no entries, and not even their number"),
    ],
)
def test_what_could_be_read_and_a_named_warning(octets, warning):
    shown = mms.show(bytes.fromhex(octets))
    assert shown.values["type"] in {"m-acknowledge-ind", "m-retrieve-conf"}
    assert warning in [warned.text for warned in shown.warnings]
    assert all(warned.clause and 0 <= warned.offset <= len(octets) // 2 for warned in shown.warnings)


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"", "nothing"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html>", "markup"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "HTTP headers"),
        (b"Service unavailable", "text"),
        (b"\x8c", "the octet that announces one"),
        (b"\1\6\3\xbe\xaf\x84", "a WSP push"),
        (b"\0\1\2", "no message type"),
    ],
)
def test_what_is_no_pdu_is_named(data, looks):
    with pytest.raises(DecodeError, match=looks):
        mms.show(data)


@pytest.mark.parametrize("kind", sorted(set(t.TYPES) - set(t.MANDATORY)))
def test_types_of_the_mailbox_are_recognised(kind):
    """Read as far as they are like the others; counted by their name, and no list of fields is held against them."""
    data = bytes((0x8C, kind)) + bytes.fromhex("985400 8d92 83682f00 a30182 ad03010203 ff81")
    pdu = mms.decode(data)
    assert (pdu.type, pdu.get(t.TRANSACTION_ID), pdu.get(t.CONTENT_LOCATION)) == (kind, b"T", b"h/")
    assert mms.show(data).values["type"] == t.TYPES[kind]


def test_odd_values_in_words():
    shown = mms.show(bytes.fromhex("8c85 985400 8d9f 95c9 a0 03 81 6100 582d4100 6200 ad0101 a30103"))
    assert [(line.name, line.text) for line in shown.lines[2:]] == [
        ("X-Mms-MMS-Version", "1"),
        ("X-Mms-Status", "0xc9"),
        ("X-Mms-Previously-Sent-By", "1: a"),
        ("X-A", "b"),
        ("X-Mms-Message-Count", "1"),
        ("X-Mms-MM-State", "01 03"),
    ]
    far = mms.show(bytes.fromhex("8c85 985400 8d90 85 05 ffffffffff"))
    assert far.lines[-1].text == "1099511627775 s since 1970"


@pytest.mark.parametrize(
    ("octets", "said", "at"),
    [
        ("8cff8d90", "message type 0xff is not assigned", 1),
        ("8d90 8c98", "message type 0x98 is not assigned", 3),
        ("8c8b 985400 8d93", "m-mbox-store-req: recognised, its own fields are not read further", 1),
        ("8c96 985400 8d93", "m-cancel-req: recognised, its own fields are not read further", 1),
    ],
)
def test_a_type_that_is_not_read_is_named(octets, said, at):
    shown = mms.show(bytes.fromhex(octets))
    assert [(warned.text, warned.offset, warned.clause) for warned in shown.warnings] == [(said, at, "OMA-MMS-ENC 7.3.30")]
    assert "X-Mms-MMS-Version" in {line.name for line in shown.lines}
