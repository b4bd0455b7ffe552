"""Kannel's bearerbox log: events, reports, pushes, custom formats, and the traps of the README."""

from __future__ import annotations

from typing import Any

import pytest

from mmsd import fast
from mmsd.codec.push import PUSH_UDH, encode_delivery_report, encode_notification
from mmsd.errors import ConfigError
from mmsd.model import SECOND, CodeSet, Kind, PushState
from tests.logs.tables import CUSTOM, KEY, make, rows, whole

AT = 1795339834_000000


def line(event: str, **fields: Any) -> str:
    have: dict[str, Any] = {
        "SMSC": "smpp1", "SVC": "loop", "ACT": "", "FID": "4097", "META": "?smpp_resp?", "from": "10086", "to": "+8613900000001",
        "flags": "-1:0:-1:-1:31", "msg": "hi", "udh": "",
    }  # fmt: skip
    have |= fields
    body = have["msg"]
    text = body if isinstance(body, str) else body.hex().upper()
    return (
        f"2026-11-22 17:30:34 {event} [SMSC:{have['SMSC']}] [SVC:{have['SVC']}] [ACT:{have['ACT']}] [BINF:] [FID:{have['FID']}]"
        f" [META:{have['META']}] [from:{have['from']}] [to:{have['to']}] [flags:{have['flags']}] [msg:{len(body)}:{text}]"
        f" [udh:{len(have['udh']) // 2}:{have['udh']}]\n"
    )


def receipt(stat: str, flag: int, *, meta: str = "?smpp?dlr_err=%03%00%1B&", err: str = "027", **fields: Any) -> str:
    body = f"id:00001001 sub:001 dlvrd:001 submit date:2611221730 done date:2611221730 stat:{stat} err:{err} text:"
    return line("Receive DLR", flags=f"-1:-1:-1:-1:{flag}", msg=body, META=meta, **fields)


def push(udh: bytes, data: bytes, event: str = "Sent SMS", **fields: Any) -> str:
    return line(event, flags="-1:1:-1:-1:31", msg=data, udh=udh.hex().upper(), **fields)


TITLE = "您好"
NOTIFICATION = encode_notification(
    transaction=b"mmsc-qf1",
    location=b"http://MMS.example:80/qf1@2/wx?a=b",
    size=237,
    sender=b"+8613900000021/TYPE=PLMN",
    subject=TITLE.encode(),
    charset=106,
    expiry_relative=18,
)


# --------------------------------------------------------------------------------------------------------------------- events


@pytest.mark.parametrize(
    ("event", "kind", "state"),
    [
        ("Sent SMS", Kind.SMS, PushState.SUBMITTED),
        ("REJECTED Send SMS", Kind.SMS, PushState.REFUSED),
        ("FAILED Send SMS", Kind.SMS, PushState.DISCARDED),
        ("DISCARDED SMS", Kind.SMS, PushState.DISCARDED),
        ("EXPIRED SMS", Kind.SMS, PushState.DISCARDED),
        ("Receive SMS", Kind.MO, PushState.NONE),
        ("DROPPED Received SMS", Kind.MO, PushState.NONE),
        ("REJECTED Receive SMS - black-listed SMS", Kind.MO, PushState.NONE),
    ],
)
def test_words(event: str, kind: Kind, state: PushState) -> None:
    records = rows("kannel-sms", line(event))
    assert (records["kind"][0], records["push_state"][0], records["at"][0]) == (kind, state, AT)


def test_the_subscriber_is_the_receiver_of_his_own_sms() -> None:
    records = rows("kannel-sms", line("Receive SMS", **{"from": "+8613900000051", "to": "+10086"}))
    assert (records["receiver"][0], records["sender"][0]) == (8613900000051, 10086)
    assert records.text("receiver", 0) == b"+8613900000051"


@pytest.mark.parametrize("event", ["Sent DLR", "REJECTED Send DLR", "FAILED Send DLR", "DISCARDED DLR", "EXPIRED DLR"])
def test_reports_that_leave_the_gateway_say_nothing(event: str) -> None:
    parsed = whole(make("kannel-sms"), line(event).encode())
    assert (parsed.records.rows, parsed.lines, parsed.rejects.total) == (0, 1, 0)


@pytest.mark.parametrize("text", ["a] [udh:0:]", "x [to:1] [flags:", "]]]]", "", "stat:EXPIRED err:9 NACK/0x00000bad/", "dots..line"])
def test_a_text_is_read_by_its_length(text: str) -> None:
    records = rows("kannel-sms", line("Sent SMS", msg=text) * 2)
    assert records["kind"].tolist() == [Kind.SMS] * 2
    assert records["push_state"].tolist() == [PushState.SUBMITTED] * 2
    assert (records["push_error"][0], records["status"][0]) == (-1, -1)
    assert records.text("status", 0) == b""


def test_no_text_of_an_sms_is_kept_or_shown() -> None:
    secret = "my PIN is 4711 [udh"
    broken = line("Sent SMS", msg=secret).replace("[msg:19:", "[msg:999:")
    parsed = whole(make("kannel-sms"), (line("Sent SMS", msg=secret) + broken).encode())
    assert parsed.rejects.total == 1
    assert b"4711" not in parsed.rejects.samples[0].head
    assert not any(b"4711" in column[0] for column in parsed.records.texts.values())


@pytest.mark.parametrize("missing", ["[FID:4097] [META:?smpp_resp?] ", "[META:?smpp_resp?] ", "[BINF:] [FID:4097] [META:?smpp_resp?] "])
def test_older_releases_wrote_fewer_fields(missing: str) -> None:
    records = rows("kannel-sms", push(*NOTIFICATION).replace(missing, ""))
    assert records["kind"].tolist() == [Kind.PUSH]
    assert (records["link"][0] == 0) == ("FID" in missing)


# -------------------------------------------------------------------------------------------------------------------- reports


@pytest.mark.parametrize(
    ("stat", "flag", "state"),
    [
        ("DELIVRD", 1, PushState.DELIVERED),
        ("UNDELIV", 2, PushState.UNDELIVERABLE),
        ("EXPIRED", 2, PushState.EXPIRED),  # no message_state TLV: the flag says failed only
        ("EXPIRED", 34, PushState.EXPIRED),
        ("REJECTD", 2, PushState.REJECTED),
        ("DELETED", 2, PushState.DELETED),
        ("ACCEPTD", 4, PushState.ACCEPTD),
        ("ENROUTE", 4, PushState.BUFFERED),
        ("UNKNOWN", 66, PushState.UNKNOWN),
        ("NEWWORD", 2, PushState.UNDELIVERABLE),
        ("MI:0010", 2, PushState.EXPIRED),
        ("MK:0001", 2, PushState.UNDELIVERABLE),
        ("MN:0023", 2, PushState.REJECTED),
        ("", 34, PushState.EXPIRED),
        ("", 77, PushState.NONE),
    ],
)
def test_receipts(stat: str, flag: int, state: PushState) -> None:
    records = rows("kannel-sms", receipt(stat, flag))
    assert (records["kind"][0], records["push_state"][0], records["push_error"][0]) == (Kind.PUSH_REPORT, state, 3 << 16 | 27)
    assert records.text("status", 0) == (stat.encode() if stat not in ("NEWWORD", "") else b"")


@pytest.mark.parametrize(
    ("meta", "err", "error"),
    [
        ("?smpp?dlr_err=%03%00%1B&", "000", 3 << 16 | 27),
        ("?orig_msg?dlr_mask=31&?smpp?dlr_err=%03%00A&", "000", 3 << 16 | 65),  # printable octets stand bare
        ("?orig_msg?dlr_mask=31&", "027", 27),  # no TLV: the receipt's own number, of no known type
        ("?orig_msg?dlr_mask=31&", "00B", -1),
        ("", "000", -1),
    ],
)
def test_the_networks_error(meta: str, err: str, error: int) -> None:
    assert rows("kannel-sms", receipt("UNDELIV", 2, meta=meta, err=err))["push_error"][0] == error


@pytest.mark.parametrize(
    ("text", "flag", "state", "status", "codes"),
    [
        ("ACK/", 8, PushState.ACCEPTED, -1, CodeSet.NONE),
        ("NACK/0x0000000b/Invalid Destination Address", 16, PushState.REFUSED, 11, CodeSet.SMPP),
        ("NACK/", 16, PushState.REFUSED, -1, CodeSet.NONE),
        ("NACK/0xzz/", 16, PushState.REFUSED, -1, CodeSet.NONE),
        ("NACK/Retries Exceeded", 16, PushState.DISCARDED, -1, CodeSet.NONE),
    ],
)
def test_what_the_smsc_said_at_once(text: str, flag: int, state: PushState, status: int, codes: CodeSet) -> None:
    records = rows("kannel-sms", line("Receive DLR", flags=f"-1:-1:-1:-1:{flag}", msg=text))
    assert (records["push_state"][0], records["status"][0], records["code_set"][0]) == (state, status, codes)


def test_a_report_is_joined_by_link_and_fid() -> None:
    text = push(*NOTIFICATION) + receipt("DELIVRD", 1) + receipt("DELIVRD", 1, SMSC="smpp2") + receipt("DELIVRD", 1, FID="4098")
    links = rows("kannel-sms", text)["link"].tolist()
    assert links[0] == links[1] != 0
    assert len({*links}) == 3
    assert rows("kannel-sms", line("Sent SMS", FID=""))["link"][0] == 0


# --------------------------------------------------------------------------------------------------------------------- pushes


@pytest.mark.parametrize(("event", "state"), [("Sent SMS", PushState.SUBMITTED), ("REJECTED Send SMS", PushState.REFUSED)])
def test_a_notification(event: str, state: PushState) -> None:
    records = rows("kannel-sms", push(*NOTIFICATION, event=event))
    assert (records["kind"][0], records["pdu"][0], records["push_state"][0]) == (Kind.PUSH, 0x82, state)
    assert (records["receiver"][0], records["sender"][0]) == (8613900000001, 8613900000021)
    assert records.text("transaction", 0) == b"mmsc-qf1"
    assert records["transaction"][0] == fast.hash64(b"mmsc-qf1", KEY)
    assert records["location"][0] == fast.hash64(b"/qf1@2/wx?a=b", KEY)
    assert records["authority"][0] == fast.hash64(b"mms.example", KEY)
    assert records.text("location", 0) == b"http://MMS.example:80/qf1@2/wx?a=b"
    assert (records.text("host", 0), records.text("path", 0)) == (b"MMS.example:80", b"/qf1@2/wx?a=b")
    assert records.text("subject", 0).decode() == TITLE
    assert (records["size"][0], records["expires"][0]) == (237, AT + 18 * SECOND)


def test_an_absolute_expiry() -> None:
    made = encode_notification(transaction=b"T", location=b"http://m/a", size=1, expiry_absolute=1795340000)
    assert rows("kannel-sms", push(*made))["expires"][0] == 1795340000 * SECOND


@pytest.mark.parametrize(
    ("to", "sender", "speaks_of"),
    [
        (b"+8613900000009/TYPE=PLMN", b"", 8613900000009),  # by the standard: To is the recipient the report speaks of
        (b"+8613900000001/TYPE=PLMN", b"+8613900000009/TYPE=PLMN", 8613900000009),  # Mbuni adds a From and puts the recipient there
    ],
)
def test_a_delivery_report(to: bytes, sender: bytes, speaks_of: int) -> None:
    made = encode_delivery_report(message_id=b"qf9@mmsc", to=to, date=1795340000, status=0x80, sender=sender)
    records = rows("kannel-sms", push(*made))
    assert (records["kind"][0], records["pdu"][0], records["receiver"][0], records["sender"][0]) == (
        Kind.PUSH,
        0x86,
        8613900000001,
        speaks_of,
    )
    assert (records["status"][0], records["code_set"][0]) == (0x80, CodeSet.MM1_STATUS)
    assert records.text("message", 0) == b"qf9@mmsc"
    assert records["transaction"][0] == 0


OTA = bytes.fromhex("01062F1F2DB6918192") + b"2" * 42 + bytes.fromhex("00030B6A00C54503312E310001C6550101")


@pytest.mark.parametrize(
    ("udh", "data"),
    [
        (PUSH_UDH, OTA),  # OMA client provisioning: our own mends
        (PUSH_UDH, bytes.fromhex("010601AE02056A")),  # service indication
        (PUSH_UDH, b"\x01"),  # damaged
        (PUSH_UDH, b""),
        (bytes.fromhex("06050415811581"), NOTIFICATION[1]),  # to another port: a ringing tone
        (bytes.fromhex("05000300"), NOTIFICATION[1]),  # a header that lies about its length
        (b"", b"\x01\x02"),  # 8-bit data of an application
    ],
)
def test_other_binary_messages_are_sms(udh: bytes, data: bytes) -> None:
    records = rows("kannel-sms", push(udh, data))
    assert (records["kind"][0], records["pdu"][0], records["transaction"][0]) == (Kind.SMS, 0, 0)
    assert (records["receiver"][0], records["sender"][0]) == (8613900000001, 10086)


def test_pieces_an_application_made_itself_are_one_push() -> None:
    udh, data = NOTIFICATION
    header = bytes([len(udh) - 1 + 5]) + udh[1:] + bytes((0, 3, 7, 2))
    text = push(header + b"\1", data[:60]) + push(header + b"\2", data[60:])
    assert rows("kannel-sms", text)["kind"].tolist() == [Kind.PUSH, Kind.NONE]


def test_texts_decoded_and_logged_live_in_one_column() -> None:
    records = rows("kannel-sms", line("Sent SMS") + push(*NOTIFICATION) + line("Sent SMS", **{"from": "ACME"}))
    assert [records.text("sender", row) for row in range(3)] == [b"10086", b"+8613900000021/TYPE=PLMN", b"ACME"]
    assert [records.text("transaction", row) for row in range(3)] == [b"", b"mmsc-qf1", b""]


# ------------------------------------------------------------------------------------------------------------- custom formats


def custom(form: str, text: str, *, clean: bool = False) -> Any:
    return rows("kannel-sms", text, {"format": form, "clean": clean})


def test_a_custom_format_with_the_logs_own_time() -> None:
    records = custom(
        "%l;%i;%F;%p;%P;%c;%d;%L;%b;%u",
        "2026-11-22 17:30:34 Log begins\n2026-11-22 17:30:34 Sent SMS;s;1;10;+8613900000001;0;31;5;a;b;c;\n",
    )
    assert (records["kind"][0], records["at"][0], records["receiver"][0]) == (Kind.SMS, AT, 8613900000001)


def test_a_clean_format_takes_the_messages_time_as_utc() -> None:
    for form, time in (("%t|%l|%P", "2026-11-22 09:30:34"), ("%T|%l|%P", "1795339834"), ("%t|%T|%l|%P", "2026-11-22 09:30:00|1795339834")):
        assert custom(form, f"{time}|Sent SMS|+8613900000001\n", clean=True)["at"][0] == AT


def test_pushes_and_receipts_in_a_custom_format() -> None:
    udh, data = NOTIFICATION
    head = "2026-11-22 09:33:26|1795339834|"
    text = head + f"Sent SMS|smpp1|mmsc|||id|77||10657|+8613900000001|-1:1:-1:-1:31|{len(data)}|7|{udh.hex()}||?smpp?|k|{data.hex()}\n"
    text += head + "Receive DLR|smpp1|mmsc|||id|77||10657|+8613900000001|-1:-1:-1:-1:2|10|0||id:1 stat:EXPIRED err:027 text:"
    text += "|?smpp?dlr_err=%03%00%1B&|id|id:1\n"
    records = custom(CUSTOM, text, clean=True)
    assert records["kind"].tolist() == [Kind.PUSH, Kind.PUSH_REPORT]
    assert records["push_state"].tolist() == [PushState.SUBMITTED, PushState.EXPIRED]
    assert records["push_error"].tolist() == [-1, 3 << 16 | 27]
    assert records["link"][0] == records["link"][1] != 0
    assert records.text("transaction", 0) == b"mmsc-qf1"


def test_a_separator_in_a_text_at_the_end_does_no_harm() -> None:
    text = "1795339834|Sent SMS|+8613900000001|a|b|c|stat:x\n"
    assert custom("%T|%l|%P|%b", text, clean=True)["receiver"][0] == 8613900000001


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "%l%P"}, "options.format: %l and %P stand side by side"),
        ({"format": "%l %q"}, "options.format: %q is no field"),
        ({"format": "%t %P"}, "options.format: %l (the event) and %P (the receiver) must be"),
        ({"format": "%l %P", "clean": True}, "options.format: with access-log-clean a line has no time"),
        ({"format": "%l|%P|%b|%F"}, "options.format: nothing tells where %b ends"),
        ({"format": "%l|%c|%L|%k|%P"}, "options.format: nothing tells where %k ends"),
        ({"clean": True}, "options.clean: the default format has no time"),
        ({"format": 7}, "options.format: must be a text"),
        ({"fromat": "%l"}, "options.fromat: no such option; did you mean format?"),
        ({"numbering": "mars"}, "options.numbering: must be one of china, none"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as fault:
        make("kannel-sms", options)
    assert str(fault.value).startswith(said)
