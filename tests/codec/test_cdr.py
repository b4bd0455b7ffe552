"""Charging records and their files, both ways. pycrate reads and writes the same records in test_cdr_pycrate.py."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsd.codec.cdr import (
    File,
    FileHeader,
    FileTime,
    Gap,
    Record,
    decode_file,
    decode_header,
    decode_record,
    encode_cdr_header,
    encode_file,
    encode_header,
    encode_record,
    file_gaps,
    show,
    shown_value,
)
from mmsd.codec.cdr_values import (
    Address,
    Circuit,
    Components,
    Moment,
    Packet,
    Part,
    Relay,
    Unknown,
    Wait,
    decode_moment,
    decode_msisdn,
    encode_moment,
    encode_msisdn,
)
from mmsd.codec.tables import cdr as table
from mmsd.errors import DecodeError, EncodeError
from tests.codec import charging

AT = Moment(1795340662000000, 480)

VECTORS: list[tuple[str, str, Record]] = [
    (
        "a submit to an e-mail address and a short code",
        "be7f 80011e 82066d31406d6d73 a411a00a810891683109000000f1a1030a0100"
        "a528 3018a011800f6c69406d61696c2e6578616d706c65a1030a0101 300ca00a82083130363538333636"
        "890300f000 a825a00f800a746578742f706c61696e810109a1123010800a696d6167652f6a70656781020bb8 99092611221744222b0800",
        Record(
            30,
            {
                "recordType": 30,
                "messageID": "m1@mms",
                "originatorAddress": Address("msisdn", "8613900000001", 0),
                "recipientAddresses": (Address("email", "li@mail.example", 1), Address("short", "10658366")),
                "messageSize": 61440,
                "mmComponentType": Components(Part("text/plain", 9), (Part("image/jpeg", 3000),)),
                "recordTimeStamp": AT,
            },
        ),
    ),
    (
        "a notification: relay, packet session, relative expiry, large unsigned numbers",
        "bf2740 800127 a115800b6d6d732e6578616d706c65a20680040a010203 a611a10fa00680040a24ff01810500f0000000"
        "aa0a81080000000000015180 900104 930200c8",
        Record(
            39,
            {
                "recordType": 39,
                "recipientMmsRSAddress": Relay("mms.example", "10.1.2.3"),
                "accessCorrelation": Packet("10.36.255.1", 4026531840),
                "timeOfExpiry": Wait(None, 86400),
                "mmStatusCode": 4,
                "localSequenceNumber": 200,
            },
        ),
    ),
    (
        "a retrieval: circuit session, flag, western time zone, Chinese status text",
        "bf2931 800129 a609a007800291688101018c01ff8a092611220614222d0330b40b80092611221744222b08009006e6b885e6988e",
        Record(
            41,
            {
                "recordType": 41,
                "accessCorrelation": Circuit(b"\x91\x68", b"\x01"),
                "deliveryReportRequested": True,
                "submissionTime": Moment(1795340662000000, -210),
                "timeOfExpiry": Wait(AT),
                "statusText": "清明",
            },
        ),
    ),
]
vectors = pytest.mark.parametrize(("raw", "value"), [(bytes.fromhex(raw), value) for _, raw, value in VECTORS], ids=[v[0] for v in VECTORS])


@vectors
def test_vectors_both_ways(raw: bytes, value: Record) -> None:
    assert decode_record(raw) == value
    assert encode_record(value) == raw
    assert decode_record(encode_record(value, indefinite=True)) == value


@vectors
def test_vectors_with_a_tail(raw: bytes, value: Record) -> None:
    file = decode_file(raw + b"\0\0\0" + raw + b"\xff")
    assert (file.records, file.offsets, file.padding, file.faults) == ((value, value), (0, len(raw) + 3), 4, ())


@vectors
def test_vectors_byte_by_byte(raw: bytes, value: Record) -> None:
    for cut in range(len(raw)):
        with pytest.raises(DecodeError):
            decode_record(raw[:cut])


def test_every_type_returns(seed: int, pytestconfig: pytest.Config) -> None:
    dice = random.Random(seed)
    for tag in table.RECORDS:
        for _ in range(5 * pytestconfig.option.effort):
            record = charging.record(tag, dice, dice.random())
            raw = encode_record(record)
            again = decode_record(raw)
            assert again == record
            assert encode_record(again) == raw


def test_what_no_table_knows_is_kept() -> None:
    raw = bytes.fromhex("bf2a11" + "80012a" + "9f2102abcd" + "bf280480020102" + "c100")
    record = decode_record(raw)
    assert record.fields == {"recordType": 42}
    assert record.unknown == (
        Unknown(0x80, 33, False, b"\xab\xcd"),
        Unknown(0x80, 40, True, bytes.fromhex("80020102")),
        Unknown(0xC0, 1, False, b""),
    )
    assert encode_record(record) == raw
    assert decode_file(raw + raw).unknown == {"MMR1A.33": 2, "MMR1A.40": 2, "MMR1A.1": 2}


def test_record_extensions_stay_as_they_are() -> None:
    nested = bytes.fromhex("300e0603550403a20780052b0601040180")[:16]
    record = Record(42, {"recordType": 42, "recordExtensions": nested, "mmStatusCode": 0})
    raw = encode_record(record)
    assert decode_record(raw) == record
    assert list(decode_record(raw).fields) == ["recordType", "recordExtensions", "mmStatusCode"]


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("880100", "recordTimeStamp: no time stamp"),
        ("88093011221744222b0800" + "88093011221744222b0800", "recordTimeStamp: a field twice: the first counts"),
        ("a305a003830141", "recipientAddress: no address of a kind we know"),
        ("8302" + "4142", "recipientAddress: a plain value where a nested one should be"),
        ("a300", "recipientAddress: not one address"),
        ("a303810141", "recipientAddress: no address"),
        ("850100" + "85020000", "reportAllowed: a field twice: the first counts"),
        ("85020000", "reportAllowed: no BOOLEAN of one octet"),
        ("8600", "mmStatusCode: no integer of one to nine octets"),
        ("a603020100", "mmStatusCode: a nested value where a plain one should be"),
        ("a409a107a002890081" + "0101", "accessCorrelation: no IP address"),
        ("a403800141", "accessCorrelation: no access correlation"),
    ],
)
def test_a_field_that_cannot_be_read_is_a_fault(field: str, says: str) -> None:
    content = bytes.fromhex("80012a" + field)
    (record,), faults = (file := decode_file(bytes((0xBF, 0x2A, len(content))) + content)).records, file.faults
    assert [fault.text for fault in faults] == [says]
    assert record.fields["recordType"] == 42
    with pytest.raises(DecodeError, match=says):
        decode_record(bytes((0xBF, 0x2A, len(content))) + content)


def test_strings_in_pieces_are_one() -> None:
    raw = bytes.fromhex("bf2a80" + "80012a" + "a2800402" + "6d31" + "0403" + "406d6d" + "0000" + "0000")
    assert decode_record(raw).fields["messageID"] == "m1@mm"


@pytest.mark.parametrize(
    ("type", "fields", "says"),
    [
        (50, {}, "no record type has the tag 50"),
        (42, {"vaspID": "x"}, "MMR1A has no field vaspID"),
        (42, {"mmStatusCode": "retrieved"}, r"MMR1A\.mmStatusCode: 'retrieved' does not fit"),
        (42, {"recipientAddress": Address("name", "li")}, "an address is an email, a msisdn or short"),
        (42, {"recipientAddress": Address("msisdn", "86 139")}, "no digits of a number"),
        (39, {"timeOfExpiry": Wait(None, -1)}, "delta-seconds cannot hold -1"),
        (42, {"recordTimeStamp": Moment(0)}, "two digits for the year"),
        (42, {"messageID": "\ud800"}, "surrogate"),
    ],
)
def test_what_does_not_fit_is_an_error_of_ours(type: int, fields: dict[str, object], says: str) -> None:
    with pytest.raises(EncodeError, match=says):
        encode_record(Record(type, fields))


@given(st.text("0123456789*#abc", max_size=18), st.sampled_from((0x91, 0xA1, 0x81, 0)))
def test_numbers_return(digits: str, nature: int) -> None:
    try:
        raw = encode_msisdn(digits, nature)
    except EncodeError:
        assert not nature
        return
    assert decode_msisdn(raw) == (digits, nature)


@given(st.integers(946771200, 4102358400), st.integers(-1439, 1439))
def test_times_return(seconds: int, offset: int) -> None:
    moment = Moment(seconds * 1_000_000, offset)
    assert decode_moment(encode_moment(moment)) == moment


# ------------------------------------------------------------------------------------------------------------------ files

HEADER = FileHeader(
    sequence=7,
    node=b"\xff" * 4 + bytes(10) + b"\xff\xff\x0a\x01\x02\x03",
    opened=FileTime(11, 22, 17, 44, 480),
    appended=FileTime(11, 22, 18, 0, -210),
    closure=2,
)


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        HEADER._replace(filter=b"route", extension=b"\1\2\3", lost=1),
        HEADER._replace(high=(7, 3), high_extension=6),
        HEADER._replace(high=(7, 3), low=(7, 0), high_extension=6, low_extension=5),
    ],
)
@pytest.mark.parametrize("framed", [True, False])
def test_files_return(seed: int, header: FileHeader, framed: bool) -> None:
    dice = random.Random(seed)
    records = tuple(charging.record(tag, dice, 0.5) for tag in table.RECORDS)
    data = encode_file(records, header, framed=framed)
    file = decode_file(data)
    assert file.records == records
    assert file.header is not None
    assert file.header == header._replace(records=len(records), length=len(data), header_length=file.header.header_length)
    assert file.header.address == "10.1.2.3"
    assert [fault.text for fault in file.faults] == (["the node says that records were lost (indicator 1)"] if header.lost else [])
    assert file.offsets[0] == file.header.header_length
    assert encode_file(file.records, file.header, framed=framed) == data


def test_the_header_octet_by_octet() -> None:
    raw = encode_header(HEADER._replace(records=3), 100)
    assert len(raw) == 52
    assert raw[:10] == bytes.fromhex("0000009800000034c2c2")
    assert raw[10:14] == (11 << 28 | 22 << 23 | 17 << 18 | 44 << 12 | 1 << 11 | 8 << 6).to_bytes(4, "big")
    assert raw[14:18] == (11 << 28 | 22 << 23 | 18 << 18 | 0 << 12 | 0 << 11 | 3 << 6 | 30).to_bytes(4, "big")
    assert raw[18:27] == bytes.fromhex("0000000300000007") + b"\x02"
    assert raw[27:47].hex() == "ffffffff00000000000000000000ffff0a010203"
    assert raw[47:] == bytes(5)


def test_a_header_of_unknown_length() -> None:
    raw = encode_header(HEADER, None)
    found = decode_header(raw)
    assert found is not None
    assert (found[0].length, found[1]) == (None, 52)
    raw = raw[:4] + b"\xff" * 4 + raw[8:]
    found = decode_header(raw)
    assert found is not None
    assert (found[0].header_length, found[1]) == (None, 52)


def test_what_a_header_says_is_held_against_what_is_there() -> None:
    data = encode_file([Record(42, {"recordType": 42, "mmStatusCode": 0, "messageID": "m1"})] * 3, HEADER)
    cut = decode_file(data[:-2])
    assert [fault.text for fault in cut.faults] == [
        "the record does not end",
        f"file length {len(data)}, but {len(data) - 2} octets are here",
        "3 records announced, 2 found",
    ]


@pytest.mark.parametrize("change", [{"records": 1 << 32}, {"node": b"\1"}, {"filter": bytes(1 << 16)}, {"high": (8, 0)}, {"closure": 256}])
def test_headers_have_limits(change: dict[str, object]) -> None:
    with pytest.raises(EncodeError):
        encode_header(HEADER._replace(**change), 0)  # type: ignore[arg-type]  # any field


def test_a_cdr_header_announces_its_record() -> None:
    assert encode_cdr_header(243, release=7, version=1, extension=6).hex() == "00f3e12a06"
    with pytest.raises(EncodeError):
        encode_cdr_header(1 << 16)


def test_gaps() -> None:
    numbered = tuple(Record(42, {"recordType": 42, "localSequenceNumber": number}) for number in (1, 2, 5, 6, 4, 9))
    assert File(None, numbered, ()).gaps == (Gap(3, 4), Gap(5, 8))
    here, there = HEADER, HEADER._replace(node=FileHeader(0).node)
    headers = [here._replace(sequence=9), here._replace(sequence=6), there._replace(sequence=1), there._replace(sequence=2)]
    assert file_gaps(headers) == {"10.1.2.3": (Gap(7, 8),)}


@pytest.mark.parametrize("data", [b"", b"2026-11-22 17:44:22 Log begins\n", b"\0" * 4096, b"<html>"])
def test_what_is_no_file_of_records(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_file(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_file_or_refused(data: bytes) -> None:
    for raw in (data, bytes.fromhex("be8080011e") + data, encode_header(HEADER, len(data)) + data):
        try:
            shown = show(raw)
        except DecodeError:
            continue
        json.dumps(shown.values)


def test_damaged_records_are_read_as_far_as_they_go(seed: int) -> None:
    dice, refused = random.Random(seed), set()
    for _ in range(200):
        data = bytearray(encode_record(charging.record(dice.choice(sorted(table.RECORDS)), dice, 0.5)))
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            shown = show(bytes(data))
        except DecodeError as error:
            refused.add(0 <= error.offset <= len(data))
            continue
        json.dumps(shown.values)
        assert all(0 <= warned.offset <= len(data) for warned in shown.warnings)
    assert refused == {True}


# ------------------------------------------------------------------------------------------------------------------- show


def test_show() -> None:
    numbered = [Record(40, {"recordType": 40, "mmStatusCode": 4, "recordTimeStamp": AT, "localSequenceNumber": n}) for n in (1, 4)]
    data = encode_file(numbered, HEADER, framed=False) + bytes.fromhex("bf4f0380014f")
    shown = show(data)
    assert shown.values["header"]["address"] == "10.1.2.3"
    assert shown.values["records"][0] == {
        "type": "MMR1NRs",
        "recordType": 40,
        "mmStatusCode": 4,
        "recordTimeStamp": "2026-11-22T17:44:22+08:00",
        "localSequenceNumber": 1,
        "unknown": [],
    }
    status = [line for line in shown.lines if line.name == "mmStatusCode"]
    assert [(data[line.offset : line.offset + line.length].hex(), line.text) for line in status] == [("860104", "4 (deferred)")] * 2
    assert shown.lines[0].text == "file 7 of 10.1.2.3, 2 records, closed: open time limit"
    texts = [warned.text for warned in shown.warnings]
    assert "1 records of tag 79 are none of MMS: passed over" in texts
    assert "local sequence numbers 2 to 3 are missing" in texts


def test_networks_zones_and_waits_are_shown_in_words() -> None:
    fields = {"sGSNPLMNIdentifier": bytes.fromhex("64f000"), "rATType": 6, "mSTimeZone": bytes.fromhex("2300")}
    record = Record(30, {"recordType": 30, "timeOfExpiry": Wait(AT), "earliestTimeOfDelivery": Wait(None, 0), **fields})
    shown = show(encode_record(record))
    said = {line.name: line.text for line in shown.lines}
    assert said["sGSNPLMNIdentifier"] == "64f000 (460-00)"
    assert said["mSTimeZone"] == "2300 (+08:00)"
    assert said["rATType"] == "6 (E-UTRAN)"
    assert said["timeOfExpiry"] == "until 2026-11-22T17:44:22+08:00"
    assert said["earliestTimeOfDelivery"] == "seconds 0"
    (values,) = shown.values["records"]
    assert values["timeOfExpiry"] == {"until": "2026-11-22T17:44:22+08:00"}
    assert (values["earliestTimeOfDelivery"], values["mSTimeZone"]) == ({"seconds": 0}, "2300")


@pytest.mark.parametrize(
    ("name", "octets", "said"),
    [
        ("sGSNPLMNIdentifier", "130014", "130014 (310-410)"),
        ("sGSNPLMNIdentifier", "64ff", "64ff"),
        ("sGSNPLMNIdentifier", "fff000", "fff000"),
        ("mSTimeZone", "4001", "4001 (+01:00, 1 h of it summer time)"),
        ("mSTimeZone", "0a00", "0a00 (-05:00)"),
        ("mSTimeZone", "2203", "2203"),
        ("mSTimeZone", "23", "23"),
    ],
)
def test_octets_that_have_words(name: str, octets: str, said: str) -> None:
    assert shown_value(name, bytes.fromhex(octets)) == said
