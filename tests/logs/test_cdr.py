"""Dialect `cdr`: what each record type becomes, whatever the file's framing and wherever its chunks are cut."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC
from typing import Any

import numpy as np
import pytest

from mmsd.codec import ber
from mmsd.codec.cdr import FileHeader, Record, encode_file, encode_record
from mmsd.codec.cdr_values import Address, Components, Moment, Packet, Part, Relay, Wait
from mmsd.codec.tables import cdr as table
from mmsd.errors import ConfigError
from mmsd.fast.values_py import authority, url_hashes
from mmsd.logs import guess
from mmsd.logs.cdr import Cdr
from mmsd.model import NOT_A_NUMBER, SECOND, CodeSet, Kind, Parsed, Records, Stretch
from tests.codec import charging
from tests.logs.tables import KEY, ZONE

AT = Moment(1795340662 * SECOND, 480)
SENDER, FRIEND, OTHER = (Address("msisdn", f"861390000000{digit}", 0) for digit in (1, 2, 3))
URL = "http://mms.hexi.example/m?id=x608.93"


def dialect(**options: Any) -> Cdr:
    return Cdr.from_options(options, zone=ZONE, key=KEY)


def record(tag: int, **fields: Any) -> Record:
    common = {"recordType": tag, "messageID": "m1@mms.hexi.example", "recordTimeStamp": AT}
    return Record(tag, {name: value for name, value in common.items() if name in table.RECORDS[tag].fields} | fields)


def scan(*records: Record, data: bytes = b"", **options: Any) -> Parsed:
    return dialect(**options).scan(data or encode_file(records), ordinal=2, offset=0, final=True)


def only(*records: Record, **options: Any) -> Records:
    """The rows of records that must all be read."""
    parsed = scan(*records, **options)
    assert not parsed.rejects.counts
    return parsed.records


# ------------------------------------------------------------------------------------------------------------ each record


def test_a_submit_is_a_row_for_each_recipient() -> None:
    rows = only(
        record(
            30,
            originatorAddress=SENDER,
            recipientAddresses=(FRIEND, Address("email", "li@mail.example", 1), OTHER),
            messageSize=30720,
            accessCorrelation=Packet("10.36.255.1", 77),
            statusText="4441",
            durationOfTransmission=1200,
        )
    )
    assert rows["kind"].tolist() == [Kind.SUBMIT] * 3
    assert rows["sender"].tolist() == [8613900000001] * 3
    assert rows["receiver"][[0, 2]].tolist() == [8613900000002, 8613900000003]
    assert int(rows["receiver"][1]) & NOT_A_NUMBER
    assert [rows.text("receiver", row) for row in range(3)] == [b"", b"li@mail.example", b""]
    assert rows.text("message", 2) == b"m1@mms.hexi.example"
    assert len(set(rows["message"].tolist())) == 1
    assert rows["at"].tolist() == [AT.at] * 3
    assert rows["size"].tolist() == [30720] * 3
    assert rows["latency"].tolist() == [1200] * 3
    assert rows["ggsn"].tolist() == [(10 << 24) + (36 << 16) + (255 << 8) + 1] * 3
    assert rows["interface"].tolist() == [1] * 3
    assert rows["where"].tolist() == [2 << 44] * 3
    assert rows.text("status", 0) == b"4441"
    assert rows["status"].tolist() == [-1] * 3


@pytest.mark.parametrize("tag", [30, 38, 54])
def test_a_refused_submit_took_nothing(tag: int) -> None:
    rows = only(record(tag, originatorAddress=SENDER, recipientAddresses=(FRIEND,), requestStatusCode=30))
    assert (rows["kind"][0], rows["status"][0], rows["code_set"][0]) == (Kind.SUBMIT_REFUSED, 30, CodeSet.CDR)
    assert (rows["sender"][0], rows["receiver"][0]) == (8613900000001, 8613900000002)
    rows = only(record(tag, originatorAddress=SENDER, recipientAddresses=(FRIEND,), requestStatusCode=0))
    assert (rows["kind"][0], rows["status"][0]) == (Kind.SUBMIT, -1)


def test_a_notification_carries_its_content_location_and_expiry() -> None:
    rows = only(
        record(39, senderAddress=SENDER, recipientAddress=FRIEND, messageReference=URL, timeOfExpiry=Wait(None, 3600), messageSize=9),
        record(39, senderAddress=SENDER, recipientAddress=FRIEND, messageReference="http://mms:80", timeOfExpiry=Wait(AT)),
        record(39, senderAddress=SENDER, recipientAddress=FRIEND, messageReference="x608.93"),
    )
    assert rows["kind"].tolist() == [Kind.NOTIFY] * 3
    assert (int(rows["authority"][0]), int(rows["location"][0])) == url_hashes(URL.encode(), KEY)
    assert (int(rows["authority"][1]), int(rows["location"][1])) == url_hashes(b"http://mms:80", KEY)
    assert int(rows["authority"][2]) == 0
    assert rows["location"][2] != 0
    assert [rows.text(name, 0) for name in ("location", "host", "path")] == [URL.encode(), b"mms.hexi.example", b"/m?id=x608.93"]
    assert rows["expires"].tolist() == [AT.at + 3600 * SECOND, AT.at, 0]


MM_STATUS = {0: 0x81, 1: 0x86, 2: 0x80, 3: 0x82, 4: 0x83, 5: 0x84, 6: 0x81}


@pytest.mark.parametrize("tag", [33, 34, 43, 59])
@pytest.mark.parametrize(("status", "expected"), MM_STATUS.items())
def test_a_delivery_report_speaks_in_x_mms_status(tag: int, status: int, expected: int) -> None:
    rows = only(record(tag, originatorAddress=SENDER, recipientAddress=FRIEND, mmStatusCode=status))
    assert (rows["kind"][0], rows["status"][0], rows["code_set"][0]) == (Kind.REPORT, expected, CodeSet.MM1_STATUS)
    assert rows["receiver"][0] == 8613900000002


@pytest.mark.parametrize(("fields", "status"), [({"mmStatusCode": 3}, 0x82), ({"mmStatusCode": 4}, 0x83), ({}, 0x83)])
def test_a_notifications_answer(fields: dict[str, int], status: int) -> None:
    rows = only(record(40, recipientAddress=FRIEND, **fields))
    assert (rows["kind"][0], rows["status"][0], rows["receiver"][0]) == (Kind.RESPONSE, status, 8613900000002)


def test_an_acknowledgement_needs_no_status() -> None:
    rows = only(record(42, recipientAddress=FRIEND))
    assert (rows["kind"][0], rows["status"][0], rows["code_set"][0]) == (Kind.RESPONSE, -1, CodeSet.NONE)


@pytest.mark.parametrize(
    ("status", "kind"), [(None, Kind.FETCH), (0, Kind.FETCH), (4, Kind.FETCH), (2, Kind.FETCH_FAILED), (5, Kind.FETCH_FAILED)]
)
def test_a_retrieval_fails_by_its_status(status: int | None, kind: Kind) -> None:
    rows = only(record(41, recipientAddress=FRIEND, messageReference=URL, **({} if status is None else {"mmStatusCode": status})))
    assert rows["kind"][0] == kind
    assert (rows["status"][0], rows["code_set"][0]) == ((status, CodeSet.CDR) if kind == Kind.FETCH_FAILED else (-1, CodeSet.NONE))


@pytest.mark.parametrize("tag", [37, 48])
def test_deletion_after_expiry_names_no_receiver(tag: int) -> None:
    rows = only(record(tag, mmStatusCode=2), record(tag, mmStatusCode=0), record(tag))
    assert rows["kind"].tolist() == [Kind.EXPIRE, Kind.REPORT, Kind.NONE]
    assert rows["status"].tolist() == [0x80, 0x81, -1]
    assert rows["receiver"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("tag", [35, 36, 45, 46, 61])
def test_read_reports_keep_their_own_numbers(tag: int) -> None:
    name = "mmStatusCode" if tag in (45, 46) else "readStatus"
    who = {"recipientAddresses": (FRIEND,)} if tag == 35 else {"recipientAddress": FRIEND}
    rows = only(record(tag, **who, **{name: 7}))
    assert (rows["kind"][0], rows["status"][0], rows["code_set"][0]) == (Kind.READ_REPORT, 7, CodeSet.CDR)


ABROAD = Relay("mms.other.example", "10.9.9.9")


def test_on_the_way_out_and_on() -> None:
    rows = only(
        record(31, originatorAddress=SENDER, recipientAddresses=(FRIEND,), forwardingAddress=(OTHER,), recipientMmsRSAddress=ABROAD),
        record(32, requestStatusCode=34, recipientMmsRSAddress=ABROAD),
        record(38, originatorAddress=SENDER, recipientAddresses=(FRIEND,)),
        record(49, forwardingAddress=FRIEND, recipientAddresses=(OTHER,)),
        record(55, originatorAddress=SENDER, recipientAddress=Address("short", "10658366")),
    )
    assert rows["kind"].tolist() == [Kind.SENT_OUT, Kind.PEER_ANSWER, Kind.SUBMIT, Kind.FORWARD, Kind.SENT_OUT]
    assert rows["interface"].tolist() == [4, 4, 4, 1, 7]
    assert rows["sender"].tolist() == [8613900000001, 0, 8613900000001, 8613900000002, 8613900000001]
    assert rows["receiver"].tolist() == [8613900000002, 0, 8613900000002, 8613900000003, 10658366]
    assert (rows["status"][1], rows["code_set"][1]) == (34, CodeSet.CDR)


def test_another_mmscs_answer_is_joined_to_what_was_sent_there() -> None:
    bare = Relay("", "10.9.9.9")
    rows = only(
        record(31, originatorAddress=SENDER, recipientAddresses=(FRIEND,), recipientMmsRSAddress=ABROAD),
        record(32, requestStatusCode=0, recipientMmsRSAddress=ABROAD._replace(domain="MMS.Other.example")),
        record(31, originatorAddress=SENDER, recipientAddresses=(OTHER,), recipientMmsRSAddress=bare),
        record(32, recipientMmsRSAddress=bare),
        record(39, senderAddress=SENDER, recipientAddress=FRIEND, recipientMmsRSAddress=ABROAD, messageReference=URL),
    )
    sent, answered, also_sent, also_answered, notified = rows["authority"].tolist()
    assert sent == answered == authority(b"mms.other.example", KEY)
    assert also_sent == also_answered == authority(b"10.9.9.9", KEY)
    assert notified == authority(b"mms.hexi.example", KEY)  # of the location: our own relay is nobody's peer
    assert [rows.text("host", row) for row in range(5)] == [
        b"mms.other.example", b"MMS.Other.example", b"", b"", b"mms.hexi.example",
    ]  # fmt: skip
    assert len(set(rows["message"].tolist())) == 1
    assert [(int(rows["status"][row]), int(rows["code_set"][row])) for row in (1, 3)] == [(0, CodeSet.CDR), (-1, CodeSet.NONE)]


def test_an_application_is_named_by_its_account() -> None:
    rows = only(
        record(54, vaspID="hexi-torch", vasID="8366", originatorAddress=Address("short", "10658366"), recipientAddresses=(FRIEND,)),
        record(56, recipientAddress=Address("short", "10658366"), requestStatusCode=34),
    )
    assert (rows.text("account", 0), rows.text("service", 0), rows["interface"][0]) == (b"hexi-torch", b"8366", 7)
    assert (rows["kind"][1], rows["status"][1], rows["receiver"][1]) == (Kind.PEER_ANSWER, 34, 10658366)


CODED: dict[str, tuple[Record, Kind, int, CodeSet]] = {
    "a report says how it ended": (
        record(33, originatorAddress=SENDER, recipientAddress=FRIEND, mmStatusCode=2, statusText="4441"), Kind.REPORT, 4441, CodeSet.CMCC
    ),
    "deleted after expiry": (record(48, mmStatusCode=2, statusText="4442"), Kind.EXPIRE, 4442, CodeSet.CMCC),
    "deleted, and only the vendor says why": (record(37, statusText="2000"), Kind.REPORT, 2000, CodeSet.CMCC),
    "a retrieval that failed": (
        record(41, recipientAddress=FRIEND, mmStatusCode=2, statusText="4442"), Kind.FETCH_FAILED, 4442, CodeSet.CMCC
    ),
    "a submit that was refused": (
        record(30, recipientAddresses=(FRIEND,), requestStatusCode=30, statusText="6101"), Kind.SUBMIT_REFUSED, 6101, CodeSet.CMCC
    ),
    "another MMSC's error": (record(32, requestStatusCode=34, statusText="5001"), Kind.PEER_ANSWER, 5001, CodeSet.CMCC),
    "another MMSC's Ok": (record(32, requestStatusCode=0, statusText="0000"), Kind.PEER_ANSWER, 0, CodeSet.CDR),
    "a submit that was taken": (record(30, recipientAddresses=(FRIEND,), statusText="0000"), Kind.SUBMIT, -1, CodeSet.NONE),
    "a retrieval": (record(41, recipientAddress=FRIEND, mmStatusCode=0, statusText="1000"), Kind.FETCH, -1, CodeSet.NONE),
    "the handset's own answer": (
        record(40, recipientAddress=FRIEND, mmStatusCode=3, statusText="2001"), Kind.RESPONSE, 0x82, CodeSet.MM1_STATUS
    ),
    "MM7's codes look alike": (
        record(54, recipientAddresses=(FRIEND,), requestStatusCode=4, statusText="4001"), Kind.SUBMIT_REFUSED, 4, CodeSet.CDR
    ),
    "no four digits": (
        record(33, recipientAddress=FRIEND, mmStatusCode=2, statusText="4441 expired"), Kind.REPORT, 0x80, CodeSet.MM1_STATUS
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CODED)
def test_a_vendors_four_digits(name: str) -> None:
    given, kind, status, codes = CODED[name]
    rows = only(given, status_text="cmcc")
    assert (rows["kind"][0], rows["status"][0], rows["code_set"][0]) == (kind, status, codes)
    assert rows.text("status", 0).decode() == given.fields["statusText"]
    assert CodeSet.CMCC not in only(given)["code_set"]  # nobody said whose they are


def test_whose_codes_they_are() -> None:
    with pytest.raises(ConfigError, match=r"options\.status_text"):
        dialect(status_text="mine")


@pytest.mark.parametrize("tag", [44, 47, 57, 58, 60, 62])
def test_records_that_say_nothing_make_no_rows(tag: int) -> None:
    parsed = scan(record(tag))
    assert (parsed.records.rows, parsed.lines, parsed.rejects.total) == (0, 1, 0)


# ----------------------------------------------------------------------------------------------------- times and numbers


def test_the_next_best_time_stands_in() -> None:
    late, early = Moment(AT.at + 60 * SECOND, 0), Moment(AT.at - 60 * SECOND, -210)
    parsed = scan(
        Record(33, {"recipientAddress": FRIEND, "mmStatusCode": 0, "mmDateAndTime": late}),
        Record(41, {"recipientAddress": FRIEND, "submissionTime": early}),
        Record(42, {"recipientAddress": FRIEND}),
    )
    assert parsed.records["at"].tolist() == [late.at, early.at]
    assert parsed.rejects.counts == {"no time stamp": 1}
    assert parsed.rejects.samples[0].step == "recordTimeStamp"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address("msisdn", "8613900000002", 0, 0x91), 8613900000002),
        (Address("msisdn", "13900000002", 0, 0xA1), 8613900000002),  # a national number
        (Address("msisdn", "13900000002", 0, 0), 8613900000002),  # without nature of address
        (Address("short", "10658366"), 10658366),
        (Address("email", "+8613900000002/TYPE=PLMN"), 8613900000002),
    ],
)
def test_numbers_as_they_are_written(address: Address, expected: int) -> None:
    assert only(record(42, recipientAddress=address))["receiver"].tolist() == [expected]


def test_seconds_when_the_mmsc_counts_them() -> None:
    assert only(record(41, recipientAddress=FRIEND, durationOfTransmission=3), duration="s")["latency"].tolist() == [3000]
    with pytest.raises(ConfigError, match=r"options\.duration"):
        dialect(duration="minutes")


# -------------------------------------------------------------------------------------------------------- whole columns


def test_columns_say_what_the_codec_says(seed: int) -> None:
    dice = random.Random(seed)
    records = [charging.record(tag, dice, 0.7) for tag in table.RECORDS for _ in range(20)]
    dice.shuffle(records)
    parsed = scan(*records)
    rows, row = parsed.records, 0
    for found in records:
        fields = found.fields
        who = fields.get("recipientAddresses") or ((fields["recipientAddress"],) if "recipientAddress" in fields else ())
        stamp = fields.get("recordTimeStamp") or fields.get("mmDateAndTime") or fields.get("submissionTime")
        if found.type in (44, 47, 57, 58, 60, 62) or stamp is None:
            continue
        for address in who or (None,):
            assert rows["at"][row] == stamp.at
            assert rows.text("message", row) == fields.get("messageID", "").encode()
            assert rows["size"][row] == fields.get("messageSize", -1)
            if address is None:
                assert rows["receiver"][row] == 0
            elif address.kind == "email":
                assert rows.text("receiver", row) == address.text.encode()
            elif address.nature == 0x91:
                assert rows["receiver"][row] == int(address.text)
            row += 1
    assert row == rows.rows
    assert parsed.lines == len(records)


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("header", [None, FileHeader(7), FileHeader(7, high=(7, 1), low=(7, 0), high_extension=6, filter=b"ab")])
def test_chunks_may_be_cut_anywhere(seed: int, framed: bool, header: FileHeader | None) -> None:
    dice = random.Random(seed)
    records = [charging.record(tag, dice, 0.5) for tag in table.RECORDS]
    data = encode_file(records, header, framed=framed) + b"\0" * 37
    reader = dialect()
    whole = reader.scan(data, ordinal=0, offset=0, final=True)
    for step in (61, 509):
        at, got, reached, lines = 0, [], 0, 0
        while at < len(data):
            reached = min(reached + step, len(data))
            parsed = reader.scan(data[at:reached], ordinal=0, offset=at, final=reached == len(data))
            assert not parsed.rejects.total or whole.rejects.total
            got += [(int(parsed.records["where"][row]), int(parsed.records["receiver"][row])) for row in range(parsed.records.rows)]
            at, lines = at + parsed.consumed, lines + parsed.lines
            if reached == len(data):
                break
        assert at == len(data)
        assert lines == whole.lines
        assert got == list(zip(whole.records["where"].tolist(), whole.records["receiver"].tolist(), strict=True))


def test_padding_foreign_records_and_new_fields_are_passed_over_and_counted() -> None:
    newer = encode_record(record(42, recipientAddress=FRIEND))
    newer = newer[:3].replace(newer[2:3], bytes((newer[2] + 4,))) + newer[3:] + bytes.fromhex("9f210101")
    mailbox, packet = bytes.fromhex("bf3203800132"), bytes.fromhex("bf4f0380014f")
    data = newer + b"\xff" * 30 + mailbox + b"\0" * 5 + packet + packet + newer
    parsed = scan(data=data)
    assert parsed.records["kind"].tolist() == [Kind.RESPONSE] * 2
    assert parsed.notes == {"record MMBx1S passed over": 1, "record of tag 79 passed over": 2, "unknown fields": 2}
    assert (parsed.skipped, parsed.rejects.total, parsed.consumed) == (35, 0, len(data))


def test_numbers_of_files_and_records_are_told() -> None:
    numbered = [record(42, recipientAddress=FRIEND, localSequenceNumber=number) for number in (6, 5, 9, 10, 10, 14)]
    header = FileHeader(7, node=b"\xff" * 4 + bytes(10) + b"\xff\xff\x0a\x01\x02\x03")
    first = scan(data=encode_file(numbered, header))
    assert first.stretches == (
        Stretch("files", 7, 7, "10.1.2.3"), Stretch("records", 5, 6), Stretch("records", 9, 10), Stretch("records", 14, 14),
    )  # fmt: skip
    assert first.notes == {}
    later = dialect().scan(encode_file(numbered[:2]), ordinal=2, offset=1 << 20, final=True)
    assert later.stretches == (Stretch("records", 5, 6),)
    assert only(record(42, recipientAddress=FRIEND)).rows == 1
    assert scan(record(42, recipientAddress=FRIEND)).stretches == ()


def test_kinds_of_other_records_are_counted_by_a_few_words() -> None:
    data = b"".join(ber.constructed(tag, [ber.primitive(0, b"x")]) for tag in (79, *range(200, 300)))
    assert scan(data=data).notes == {"record of tag 79 passed over": 1, "record of a higher tag passed over": 100}


def test_a_broken_record_costs_only_itself() -> None:
    good = encode_record(record(42, recipientAddress=FRIEND))
    bad = bytearray(good)
    bad[4] = 0x7F  # the first field runs past the record's end
    parsed = scan(data=good + bytes(bad) + good + b"what is this" + good)
    assert parsed.records.rows == 3
    assert parsed.rejects.counts == {"a length runs past the end of what holds it": 1, "no record begins here": 1}
    assert [sample.where - (2 << 44) for sample in parsed.rejects.samples] == [len(good), 3 * len(good)]
    assert parsed.lines == 5


# -------------------------------------------------------------------------------------------------------------- for people


def test_files_are_guessed() -> None:
    data = encode_file([record(42, recipientAddress=FRIEND)] * 5, FileHeader(7))
    (found,) = guess(data[:-3], "mmsc1_-_7.20261122_-_1744")
    assert (found.dialect, found.score) == ("cdr", 1.0)
    assert found.why == "4 of 4 records read as 3GPP charging records of an MMSC: 4 response"


def test_a_record_is_explained_by_its_fields() -> None:
    raw = encode_record(
        record(
            39,
            recipientMmsRSAddress=Relay("mms.hexi.example"),
            recipientAddress=FRIEND,
            mmStatusCode=4,
            mmComponentType=Components(None, (Part("image/jpeg", 3),)),
        )
    )
    shown = dialect().explain(raw.hex().encode())
    assert shown.stopped == -1
    fields = {name: (start, stop, value) for name, start, stop, value in shown.fields}
    start, stop, value = fields["mmStatusCode"]
    assert (bytes.fromhex(raw.hex()[start:stop]), value) == (bytes.fromhex("900104"), "4 (deferred)")
    assert fields["kind"][2] == "NOTIFY"
    assert dialect().explain(raw).fields[1][1:3] == tuple(place // 2 for place in shown.fields[1][1:3])
    assert dialect().explain(b"2026-11-22 a line").reason == "no record begins here"
    assert dialect().explain(b"bf3203800132").reason == "tag 50 is MMBx1S: passed over"


def test_samples_in_the_configuration_are_hex() -> None:
    raw = encode_record(record(42, recipientAddress=FRIEND))
    assert dialect().sample(raw.hex(" ")) == raw


def test_the_zone_of_the_feed_is_not_asked() -> None:
    data = encode_file([record(42, recipientAddress=FRIEND)])
    one, other = (Cdr.from_options({}, zone=zone, key=KEY).scan(data, ordinal=0, offset=0, final=True) for zone in (UTC, ZONE))
    assert one.records["at"].tolist() == other.records["at"].tolist()


def test_garbage_is_counted_not_fatal(seed: int) -> None:
    reader, kinds, dice = dialect(), Counter[str](), random.Random(seed)
    for _ in range(200):
        data = bytearray(encode_file([charging.record(tag, dice, 0.3) for tag in dice.sample(sorted(table.RECORDS), 3)]))
        for _ in range(dice.randrange(1, 12)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        parsed = reader.scan(bytes(data), ordinal=0, offset=0, final=True)
        assert parsed.consumed == len(data)
        assert all(len(column) == parsed.records.rows for column in parsed.records.columns.values())
        assert np.isin(parsed.records["kind"], list(Kind)).all()
        kinds.update(parsed.rejects.counts)
    assert len(kinds) >= 4
