"""MMS PDUs: hand-written vectors both ways, faults survived, what the encoder refuses."""

from __future__ import annotations

import pytest

from mmsd.codec import mms
from mmsd.codec.mms import Moment, Text
from mmsd.codec.tables import mms as t
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
