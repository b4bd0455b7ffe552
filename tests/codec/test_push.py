"""WAP push: what Mbuni handed to Kannel is read, and written again octet by octet."""

from __future__ import annotations

import re
from collections import Counter

import hypothesis
import hypothesis.strategies as st
import pytest

from mmsd.codec import push
from mmsd.codec.push import PUSH_UDH, Push, PushKind
from mmsd.codec.tables import mms as t
from mmsd.errors import DecodeError, EncodeError

HEAD = "0106 03 beaf84 "

SEEN: list[tuple[str, str, dict[str, object]]] = [
    (
        "notification, subject in ASCII",
        "010603BEAF848C82986D6D73632D71663636332E322E783630382E3933008D90891A802B383631333930303030303032312F545950453D504C4D4E00965365"
        "656420374B324D008A808E01ED880381011283687474703A2F2F6D6D73632F71663636332E322E783630382E393340322F7778393000",
        {
            "pdu_type": t.M_NOTIFICATION_IND,
            "version": 0x90,
            "transaction": b"mmsc-qf663.2.x608.93",
            "location": b"http://mmsc/qf663.2.x608.93@2/wx90",
            "sender": b"+8613900000021/TYPE=PLMN",
            "subject": b"Seed 7K2M",
            "title": "Seed 7K2M",
            "message_class": b"\x80",
            "size": 237,
            "expiry_relative": 18,
            "expiry_absolute": -1,
        },
    ),
    (
        "notification, subject in UTF-16 without its character set",
        "010603BEAF848C82986D6D732E686578692E6578616D706C652D632D7166343936352E322E783736382E36008D90891A802B383631333437303830393339342F"
        "545950453D504C4D4E00967FFFFEEF7A4853895BB75E008A808E02022F880381019F83687474703A2F2F6D6D732E686578692E6578616D706C652F632D716634"
        "3936352E322E783736382E3640322F7778383800",
        {"subject": bytes.fromhex("fffeef7a4853895bb75e"), "title": "端午安康", "size": 559, "expiry_relative": 159},
    ),
    (
        "notification, subject in GB 2312 without its character set",
        "210603BEAF848C82986D6D732E686578692E6578616D706C652D7166343937322E34392E783736382E3835008D90891A802B383631333739393938343334332F54"
        "5950453D504C4D4E00967FC7E5C3F7BBD8BCD2008A808E021D7B880381019F83687474703A2F2F6D6D732E686578692E6578616D706C652F7166343937322E34"
        "392E783736382E383540322F7778323700",
        {"push_id": 0x21, "title": "清明回家", "charset": 0, "transaction": b"mms.hexi.example-qf4972.49.x768.85"},
    ),
    (
        "delivery report with Mbuni's From",
        "180603BEAF848C868D908B7166343936372E352E783736382E3736406D6D732E686578692E6578616D706C6500972B383631333437313534313430332F54595045"
        "3D504C4D4E00891A802B383631333737303030323837382F545950453D504C4D4E0085046B02CA4B9581",
        {
            "pdu_type": t.M_DELIVERY_IND,
            "message_id": b"qf4967.5.x768.76@mms.hexi.example",
            "to": b"+8613471541403/TYPE=PLMN",
            "sender": b"+8613770002878/TYPE=PLMN",
            "date": 0x6B02CA4B,
            "status": t.RETRIEVED,
            "size": -1,
        },
    ),
]


def written_again(seen: Push) -> tuple[bytes, bytes]:
    if seen.pdu_type == t.M_DELIVERY_IND:
        return push.encode_delivery_report(
            message_id=seen.message_id,
            to=seen.to,
            date=seen.date,
            status=seen.status,
            sender=seen.sender,
            version=seen.version,
            push_id=seen.push_id,
        )
    return push.encode_notification(
        transaction=seen.transaction,
        location=seen.location,
        size=seen.size,
        sender=seen.sender,
        subject=seen.subject,
        charset=seen.charset,
        expiry_relative=seen.expiry_relative,
        expiry_absolute=seen.expiry_absolute,
        message_class=seen.message_class,
        version=seen.version,
        push_id=seen.push_id,
    )


@pytest.mark.parametrize(("octets", "fields"), [row[1:] for row in SEEN], ids=[row[0] for row in SEEN])
def test_seen_push_both_ways(octets, fields):
    seen = push.decode_push(bytes.fromhex(octets), PUSH_UDH)
    assert {name: getattr(seen, name) for name in fields} == fields
    assert (seen.kind, seen.faults) == (PushKind.MMS, ())
    assert written_again(seen) == (PUSH_UDH, bytes.fromhex(octets))


def test_every_push_of_the_sample_logs_is_read_and_written_again(shared):
    record = re.compile(rb"\[msg:\d+:([0-9A-F]+)\] \[udh:[1-9]\d*:([0-9A-F]+)\]")
    kinds: Counter[tuple[PushKind, int]] = Counter()
    for log in sorted((shared / "samples").glob("**/bearerbox-access.log")):
        for body, udh in record.findall(log.read_bytes()):
            sent = bytes.fromhex(udh.decode()), bytes.fromhex(body.decode())
            seen = push.decode_push(sent[1], sent[0])
            kinds[seen.kind, seen.pdu_type] += 1
            assert seen.faults == ()
            assert "\ufffd" not in seen.title
            assert seen.kind != PushKind.MMS or written_again(seen) == sent
    assert kinds == {
        (PushKind.MMS, t.M_NOTIFICATION_IND): 1103,
        (PushKind.MMS, t.M_DELIVERY_IND): 212,
        (PushKind.PROVISIONING, 0): 33,
        (PushKind.SETTINGS, 0): 2,
    }


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        ("0106 03 beaf84 8c82", PushKind.MMS),
        ("0106 20 6170706c69636174696f6e2f766e642e7761702e6d6d732d6d65737361676500 8c82", PushKind.MMS),
        ("0106 02 01be 8c82", PushKind.MMS),
        ("0106 01 ae 01", PushKind.SERVICE_INDICATION),
        ("0106 01 b0 01", PushKind.SERVICE_LOADING),
        ("0106 08 07b6 91 80 92 41 4200 01", PushKind.PROVISIONING),
        ("0106 01 83 41", PushKind.OTHER),
        ("0106 02 01c4 41", PushKind.OTHER),
    ],
)
def test_kind_by_content_type(octets, kind):
    assert push.decode_push(bytes.fromhex(octets)).kind == kind


@pytest.mark.parametrize(
    "udh", ["0605040b8423f0", "0b000310020105040b8423f0", "060504c34fc002", "0605040b850000", "06050423f023f0"], ids=lambda udh: udh
)
def test_push_ports_in_any_order(udh):
    assert push.decode_push(bytes.fromhex("010603beaf848c82"), bytes.fromhex(udh)).pdu_type == t.M_NOTIFICATION_IND


@pytest.mark.parametrize(
    ("octets", "udh", "reason"),
    [
        ("301063d0793a3011", "", "no Push PDU"),  # 【提示】: a Chinese text
        ("010603beaf848c82", "0605041582158a", "addressed to no push port"),  # a ringing tone
        ("010603beaf848c82", "0500032a0201", "addressed to no push port"),
        ("010603beaf848c82", "05", "disagree"),
        ("010603beaf84", "", "no message type"),
        ("010603beaf84985400", "", "no message type"),
        ("", "", "no Push PDU"),
    ],
)
def test_what_is_no_push_is_refused(octets, udh, reason):
    with pytest.raises(DecodeError, match=reason):
        push.decode_push(bytes.fromhex(octets), bytes.fromhex(udh))


def test_numbers_nobody_means_are_not_passed_on():
    """30 octets of size and of expiry fit the grammar, and no column."""
    value = "1e" + "ff" * 30
    seen = push.decode_push(bytes.fromhex(f"010603beaf848c82985400 8e{value} 881f2081{value} 85{value} 836100"))
    assert (seen.size, seen.expiry_relative, seen.expiry_absolute, seen.date, seen.location) == (-1, -1, -1, -1, b"a")
    padded = push.decode_push(bytes.fromhex("010603beaf848c828e0800000000000002f9"))
    assert padded.size == 761


def test_a_first_piece_alone_tells_what_it_holds():
    """The log of a gateway that split before it wrote: the URL is cut, the rest is known."""
    whole = bytes.fromhex(SEEN[0][1])
    seen = push.decode_push(whole[:100])
    assert (seen.transaction, seen.title, seen.size, seen.location) == (b"mmsc-qf663.2.x608.93", "Seed 7K2M", 237, b"")
    assert [fault.reason for fault in seen.faults] == ["header is cut short"]


IDS = st.binary(min_size=1, max_size=40).filter(lambda raw: 0 not in raw and raw[0] >= 0x20)


@hypothesis.given(
    st.fixed_dictionaries(
        {"transaction": IDS, "location": IDS, "size": st.integers(0, (1 << 40) - 1), "push_id": st.integers(0, 255)},
        optional={
            "sender": st.sampled_from([b"+8613900000021/TYPE=PLMN", b"106587999", b"a@b.example"]),
            "subject": st.text(max_size=40).map(str.encode).filter(lambda raw: 0 not in raw and raw[:1] != b"\x7f"),
            "message_class": st.sampled_from([b"\x80", b"\x81", b"own-class"]),
            "version": st.sampled_from([0x90, 0x92, 0x93]),
        },
    ),
    st.fixed_dictionaries({"expiry_relative": st.integers(0, 1 << 33)})
    | st.fixed_dictionaries({"expiry_absolute": st.integers(0, 1 << 33)}),
)
def test_what_is_written_is_read_back(values, expiry):
    """A subject is given with its character set: bare, it could begin with a control octet."""
    udh, data = push.encode_notification(**values, **expiry, charset=106)
    seen = push.decode_push(data, udh)
    assert seen.faults == ()
    assert {name: getattr(seen, name) for name in values | expiry} == values | expiry
    assert written_again(seen) == (udh, data)


@pytest.mark.parametrize(
    "values",
    [
        {"transaction": b"a\0", "location": b"l", "size": 1, "expiry_relative": 1},
        {"transaction": b"a", "location": b"l", "size": -1, "expiry_relative": 1},
        {"transaction": b"a", "location": b"l", "size": 1 << 40, "expiry_relative": 1},
        {"transaction": b"a", "location": b"l", "size": 1, "expiry_relative": 1 << 40},
        {"transaction": b"a", "location": b"l", "size": 1},
        {"transaction": b"a", "location": b"l", "size": 1, "expiry_relative": 1, "expiry_absolute": 1},
        {"transaction": b"a", "location": b"l", "size": 1, "expiry_relative": 1, "push_id": 256},
        {"transaction": b"a", "location": b"l", "size": 1, "expiry_relative": 1, "version": 0x12},
    ],
)
def test_what_the_format_cannot_carry_is_not_written(values):
    with pytest.raises(EncodeError):
        push.encode_notification(**values)


def test_a_status_is_an_octet():
    with pytest.raises(EncodeError, match="X-Mms-Status does not take 5"):
        push.encode_delivery_report(message_id=b"m", to=b"t", date=1, status=5)


# ------------------------------------------------------------------------------------------------------------------- shown


@pytest.mark.parametrize(("octets", "fields"), [row[1:] for row in SEEN], ids=[row[0] for row in SEEN])
def test_seen_push_is_shown(octets, fields):
    bare = bytes.fromhex(octets)
    shown = push.show(PUSH_UDH + bare)
    assert (shown.values["type"], shown.values["port"], shown.warnings) == ("mms", 2948, ())
    assert shown.values["mms"]["type"] == t.TYPES[fields.get("pdu_type", t.M_NOTIFICATION_IND)]
    assert shown.values["mms"]["subject"] == fields.get("title")
    assert sum(line.length for line in shown.lines) == len(PUSH_UDH + bare) - 1  # all but the length of the headers
    assert push.show(bare).values == shown.values | {"port": None}


@pytest.mark.parametrize(
    ("octets", "kind", "warning"),
    [
        ("0106 06 03ae81ea b487 02056a00 45 c6 0d 03612f00 01 03686900 01 01", "service-indication", ""),
        ("0106 01 83 6869", "other", ""),
        ("0106 03 be 0561 8c85985400 8d90", "mms", "no header field begins here, or one of another code page"),
        ("0106 05 be af84 8c82 985400 8d90", "mms", "length of headers reaches into the content"),
        ("0106 03 beaf84 3c68746d6c3e", "mms", "no message type: this is markup, a page perhaps"),
        ("0106 08 07b6 9181 9230 4100 ffff", "provisioning", None),
    ],
)
def test_shown_as_far_as_it_goes(octets, kind, warning):
    shown = push.show(bytes.fromhex(octets))
    reasons = [warned.text for warned in shown.warnings]
    assert shown.values["type"] == kind
    assert warning is None or (warning in reasons if warning else reasons == [])
    assert all(0 <= warned.offset <= len(octets) // 2 for warned in shown.warnings)


def test_what_is_no_push_is_not_shown():
    for octets in ("", "0106", "8c82985400", "05", "0605040b8423f0"):
        with pytest.raises(DecodeError):
            push.show(bytes.fromhex(octets))
