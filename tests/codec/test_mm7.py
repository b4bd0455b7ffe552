"""MM7 both ways, the real requests and answers of a gateway, and what XML must not be."""

from __future__ import annotations

import hashlib
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsd.codec import mime
from mmsd.codec.mime import Part
from mmsd.codec.mm7 import Address, Message, answer, attach, decode, decode_http, encode, encode_xml, show, status
from mmsd.codec.tables import mm7 as table
from mmsd.errors import DecodeError, EncodeError

SENDER = {"VASPID": "teasp", "VASID": "spring", "SenderAddress": Address("number", "10658366")}
TIME = "2026-11-22T18:56:06+08:00"
REPORT = {"MMSRelayServerID": "mms.hexi.example", "MessageID": "m1@mms", "Recipient": Address("number", "+8613900000001")}

MESSAGES: list[tuple[str, dict[str, Any]]] = [
    (
        "SubmitReq",
        SENDER
        | {
            "Recipients": (
                Address("number", "+8613900000001", "To"),
                Address("email", "li@mail.example", "Cc"),
                Address("short", "77", "Bcc"),
            ),
            "ServiceCode": "SPRINGTEA",
            "LinkedID": "l1",
            "MessageClass": "Informational",
            "TimeStamp": TIME,
            "EarliestDeliveryTime": TIME,
            "ExpiryDate": TIME,
            "DeliveryReport": True,
            "ReadReply": False,
            "Priority": "Normal",
            "Subject": '春茶 <彩信> & "more"',
            "ChargedParty": "Sender",
            "DistributionIndicator": False,
            "Content": "mms",
        },
    ),
    ("SubmitRsp", {"StatusCode": 1000, "StatusText": "Success", "MessageID": "m1@mms"}),
    (
        "DeliverReq",
        {
            "MMSRelayServerID": "mms",
            "LinkedID": "l1",
            "Sender": Address("number", "+86139"),
            "TimeStamp": TIME,
            "Subject": "回复",
            "Content": "c",
        },
    ),
    ("DeliverRsp", {"StatusCode": 2001, "StatusText": "Operation restricted", "Details": "no & no", "ServiceCode": "s"}),
    ("DeliveryReportReq", REPORT | {"Sender": Address("short", "10658"), "Date": TIME, "MMStatus": "Retrieved", "StatusText": "fine"}),
    ("DeliveryReportRsp", {"StatusCode": 1000}),
    ("ReadReplyReq", REPORT | {"Sender": Address("email", "a@b.example"), "TimeStamp": TIME, "MMStatus": "Read"}),
    ("ReadReplyRsp", {"StatusCode": 1000, "StatusText": "Success"}),
    ("CancelReq", SENDER | {"MessageID": "m1@mms"}),
    ("RSErrorRsp", {"faultcode": "env:Client", "faultstring": "Client error", "StatusCode": 2007, "StatusText": "Message format corrupt"}),
    ("VASPErrorRsp", {"faultcode": "env:Server", "faultstring": "Server error", "StatusCode": 4004}),
    ("Fault", {"faultcode": "env:Server", "faultstring": "out of order"}),
]
each = pytest.mark.parametrize(("kind", "fields"), MESSAGES, ids=[kind for kind, _ in MESSAGES])


@each
@pytest.mark.parametrize("namespace", [table.REL_5, table.REL_6])
def test_messages_return(kind: str, fields: dict[str, Any], namespace: str) -> None:
    sent = Message(kind, "t&1", fields, (), namespace)
    content_type, body = encode(sent)
    got = decode(content_type, body)
    version = {} if kind == "Fault" else {"MM7Version": table.VERSIONS[namespace]}
    assert (got.kind, got.transaction, got.fields, got.warnings) == (kind, "t&1", version | fields, ())
    assert got.namespace == (table.SOAP if kind == "Fault" else namespace)
    assert encode(Message(kind, got.transaction, got.fields, (), namespace)) == (content_type, body)


@each
def test_elements_stand_in_the_schemas_order(kind: str, fields: dict[str, Any]) -> None:
    shuffled = dict(sorted(fields.items(), key=lambda item: hashlib.md5(item[0].encode()).digest()))
    assert encode_xml(Message(kind, "t", shuffled)) == encode_xml(Message(kind, "t", fields))


def test_a_message_travels_with_its_parts() -> None:
    picture = bytes(range(256)) * 40
    smil = Part((("content-type", "application/smil"), ("content-id", "<smil>")), memoryview(b"<smil/>"))
    card = Part((("content-type", 'image/jpeg; name="card.jpg"'), ("content-location", "card.jpg")), memoryview(picture))
    sent = Message("SubmitReq", "t1", {"VASPID": "v", "Content": "mms"}, (attach("mms", [smil, card], start="<smil>"),))
    content_type, body = encode(sent)
    got = decode(content_type, body)
    assert [(part.content_type.media, part.name, bytes(part.content())) for part in got.content] == [
        ("application/smil", "", b"<smil/>"),
        ("image/jpeg", "card.jpg", picture),
    ]
    assert got.parts[0].content_type.parameters["start"] == "<smil>"
    assert encode(got)[1] == body


# -------------------------------------------------------------------------------------------------------- real messages


def test_a_real_submit(shared: Path) -> None:
    card = (shared / "samples/real-day/seed/card.jpg").read_bytes()
    for number in ("01", "02"):
        got = decode_http((shared / f"samples/real-day/mm7/{number}-submit.http").read_bytes())
        assert (got.kind, got.transaction, got.namespace, got.warnings) == ("SubmitReq", f"seed0{number}", table.REL_6, ())
        assert got.fields["SenderAddress"] == Address("number", "10658366")
        assert len(got.fields["Recipients"]) == 13
        assert {found.role for found in got.fields["Recipients"]} == {"To"}
        assert (got.fields["Subject"], got.fields["DeliveryReport"], got.fields["ServiceCode"]) == ("春茶彩信", False, "SPRINGTEA")
        parts = got.content
        assert [part.content_type.media for part in parts] == ["application/smil", "text/plain", "image/jpeg"]
        assert bytes(parts[2].content()) == card
        answered = decode_http((shared / f"samples/real-day/mm7/{number}-answer.http").read_bytes())
        assert (answered.kind, answered.transaction, answered.namespace) == ("SubmitRsp", f"seed0{number}", table.REL_5)
        assert answered.fields["StatusCode"] == 1000
        assert answered.fields["MessageID"].endswith("@mms.hexi.example")


def test_a_real_answer_is_shown_with_its_places(shared: Path) -> None:
    data = (shared / "samples/real-day/mm7/01-answer.http").read_bytes()
    shown = show(data)
    places = {line.name: data[line.offset : line.offset + 20] for line in shown.lines}
    assert places["StatusCode"].startswith(b"<mm7:StatusCode>")
    assert places["MessageID"].startswith(b"<mm7:MessageID>")
    assert {line.name: line.text for line in shown.lines}["StatusCode"] == "1000 (Success)"
    assert shown.values["fields"]["StatusText"] == "Success"


def test_a_real_submit_is_said_again(shared: Path) -> None:
    got = decode_http((shared / "samples/real-day/mm7/01-submit.http").read_bytes())
    again = decode(*encode(got))
    assert (again.kind, again.transaction, again.fields) == (got.kind, got.transaction, got.fields)
    assert [bytes(part.raw) for part in again.content] == [bytes(part.raw) for part in got.content]


def test_a_real_report_that_was_cut(shared: Path) -> None:
    """The sample's own log cut the bodies after 400 octets."""
    lines = (shared / "samples/mbuni/mmsc/origin-http.txt").read_text().splitlines()
    bodies = [bytes.fromhex(found[1]) for line in lines if "POST /mm7" in line and (found := re.search(r"body=([0-9a-f]+)", line))]
    assert len(bodies) == 2
    for body in bodies:
        with pytest.raises(DecodeError, match="XML") as caught:
            decode("text/xml", body)
        assert caught.value.offset >= len(body) - 80
        whole = (
            body.partition(b"<mm7:DeliveryReportReq")[0]
            + (
                f'<mm7:DeliveryReportReq xmlns:mm7="{table.REL_5}"><mm7:MMStatus>Retrieved</mm7:MMStatus></mm7:DeliveryReportReq>'
                "</SOAP-ENV:Body></SOAP-ENV:Envelope>"
            ).encode()
        )
        got = decode("text/xml", whole)
        assert (got.kind, got.transaction, got.fields) == ("DeliveryReportReq", "qf385.1.x710.84@mmsc", {"MMStatus": "Retrieved"})


# --------------------------------------------------------------------------------------------------------- what XML may be

ENVELOPE = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><TransactionID>t</TransactionID></e:Header><e:Body>{}</e:Body></e:Envelope>'


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        ('<!DOCTYPE x [<!ENTITY a "aaaa">]>' + ENVELOPE.format("<SubmitRsp>&a;</SubmitRsp>"), "document type"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd">' + ENVELOPE.format("<SubmitRsp/>"), "document type"),
        (ENVELOPE.format("<SubmitRsp>&a;</SubmitRsp>"), "undefined entity"),
        (ENVELOPE.format("<a>" * 40 + "</a>" * 40), "too deep"),
        (ENVELOPE.format("<SubmitRsp>" + "<a/>" * 21000 + "</SubmitRsp>"), "too many"),
        ("<" + "a" * (1 << 20) + "/>", "octets of XML"),
        ("<html><body>404</body></html>", "no SOAP envelope"),
        (ENVELOPE.format(""), "without body"),
        (ENVELOPE.format("<PayReq/>"), "no MM7 message"),
        ('<?xml version="1.0" encoding="punycode"?>' + ENVELOPE.format("<SubmitRsp/>"), "not in punycode"),
        ("", "no element found"),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno" + ENVELOPE, "XML"),
        ("POST /mm7 HTTP/1.1\r\nContent-Type: multipart/related\r\n\r\n--b\r\n", "without a boundary"),
        ("POST /mm7 HTTP/1.1\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--c\r\n", "boundary is nowhere"),
        ("POST /mm7 HTTP/1.1\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b--\r\n", "without parts"),
    ],
)
def test_what_is_refused(xml: str, says: str) -> None:
    with pytest.raises(DecodeError, match=says):
        show(xml.encode())


def test_what_is_not_known_is_passed_over_with_a_warning() -> None:
    inner = (
        "<SubmitReq><MM7Version>6.8.0</MM7Version><New><Deep/></New><Recipients><To><Number>1</Number><Fax>2</Fax></To></Recipients>"
        "<DeliveryReport>maybe</DeliveryReport><Subject>a</Subject><Subject>b</Subject></SubmitReq>"
    )
    got = decode("text/xml", ENVELOPE.format(inner).replace("<TransactionID>t</TransactionID>", "").encode())
    assert got.fields == {"MM7Version": "6.8.0", "Recipients": (Address("number", "1", "To"),), "Subject": "a"}
    assert [warned.text for warned in got.warnings] == [
        "no TransactionID",
        "New: element not known",
        "Fax: no address of a kind we know",
        "DeliveryReport: 'maybe' is no boolean",
        "Subject twice: the first counts",
    ]


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "utf-8", "utf-16", "big5"])
@pytest.mark.parametrize("declared", [True, False])
def test_chinese_in_any_encoding(charset: str, declared: bool) -> None:
    head = f'<?xml version="1.0" encoding="{charset}"?>' if declared else ""
    xml = (head + ENVELOPE.format("<SubmitReq><Subject>彩信 中文</Subject></SubmitReq>")).encode(charset)
    assert decode("text/xml" if declared else f"text/xml; charset={charset}", xml).fields["Subject"] == "彩信 中文"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("PayReq", {}),
        ("SubmitRsp", {"Subject": "x"}),
        ("SubmitRsp", {"StatusCode": "1000"}),
        ("SubmitRsp", {"faultcode": "x"}),
        ("SubmitReq", {"Subject": "bell \x07"}),
        ("SubmitReq", {"Recipients": ()}),
        ("SubmitReq", {"Recipients": (Address("number", "1", "Toll"),)}),
        ("SubmitReq", {"DeliveryReport": "true"}),
        ("DeliverReq", {"Sender": Address("fax", "1")}),
        ("Fault", {"StatusCode": 1000}),
    ],
)
def test_what_does_not_fit_is_an_error_of_ours(kind: str, fields: dict[str, Any]) -> None:
    with pytest.raises(EncodeError):
        encode(Message(kind, "t", fields))


def test_answers() -> None:
    asked = Message("DeliveryReportReq", "t9", {}, (), table.REL_5)
    got = decode(*encode(answer(asked, 2005)))
    assert (got.kind, got.transaction, got.namespace) == ("DeliveryReportRsp", "t9", table.REL_5)
    assert got.fields == {"MM7Version": "5.3.0", "StatusCode": 2005, "StatusText": "Message ID not found"}
    with pytest.raises(EncodeError):
        answer(Message("SubmitRsp", "t"), 1000)


def test_status_codes() -> None:
    assert len(table.STATUS) == 24 + 15
    assert [status(code).text for code in (1000, 1999, 2004, 2599, 3777, 4007, 5000, 0)] == [
        "Success", "Success", "Multimedia content refused", "Client error", "Server error", "Service denied",
        "Server error", "Server error",
    ]  # fmt: skip


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    for raw in (data, b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + data, ENVELOPE.encode() + data):
        with pytest.raises(DecodeError):
            show(raw)


def test_damaged_messages(seed: int) -> None:
    dice = random.Random(seed)
    content_type, body = encode(Message("SubmitReq", "t", {"Content": "c", "Subject": "s"}, (attach("c", [Part((), memoryview(b"x"))]),)))
    whole = f"POST /mm7 HTTP/1.1\r\nContent-Type: {content_type}\r\n\r\n".encode() + body
    read = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            json.dumps(show(bytes(data)).values)
        except DecodeError:
            continue
        read += 1
    assert 0 < read < 400


# -------------------------------------------------------------------------------------------------------------------- MIME


def test_parts_by_their_encodings() -> None:
    data = (
        b"preamble\n--b\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n--b  \r\ncontent-transfer-encoding: Quoted-Printable\r\n\r\n"
        b"=E4=B8=AD\r\n--b\r\n\r\n\r\n--bb\r\n--b\r\n"
    )
    parts = mime.decode_multipart(data, "b")
    assert [bytes(part.content()) for part in parts[:2]] == [b"hello", "中".encode()]
    assert [bytes(part.raw) for part in parts[2:]] == [b"\r\n--bb", b""]
    for encoding in ("x-uuencode", "base64"):
        with pytest.raises(DecodeError):
            Part((("content-transfer-encoding", encoding),), memoryview(b"a")).content()


def test_a_part_of_headers_alone() -> None:
    (part, other) = mime.decode_multipart(b"--b\r\nA: 1\r\n--b\r\nB: 2\r\n\r\nx\r\n--b--", "b")
    assert (part.headers, bytes(part.raw)) == ((("a", "1"),), b"")
    assert (other.headers, bytes(other.raw)) == ((("b", "2"),), b"x")


@pytest.mark.parametrize("data", [b"--b\n" * 2000, b"--b\nA: " + b"a" * (1 << 17)])
def test_multiparts_have_limits(data: bytes) -> None:
    with pytest.raises(DecodeError):
        mime.decode_multipart(data, "b")


def test_multiparts_nest_so_far() -> None:
    part = Part((), memoryview(b"x"))
    for depth in range(6):
        part = attach("c", [part], boundary=f"b{depth}")
    with pytest.raises(DecodeError, match="too deeply"):
        _ = Message("SubmitReq", "t", {}, (part,)).content


@given(st.text("abc;=\"\\ '/", max_size=60))
def test_content_types_never_raise(text: str) -> None:
    kind = mime.decode_content_type(text)
    assert mime.decode_content_type(str(kind)).media == kind.media


@pytest.mark.parametrize(("parts", "boundary"), [([], "b "), ([((), b"x--b")], "b"), ([((("A", "1\r\nB: 2"),), b"")], "b")])
def test_a_multipart_that_would_lie_is_not_written(parts: list[tuple[mime.Headers, bytes]], boundary: str) -> None:
    with pytest.raises(EncodeError):
        mime.encode_multipart(parts, boundary)


def test_a_message_cut_short_is_shown_as_far_as_it_goes() -> None:
    """At every octet from the message's name on: no value is half a value."""
    whole = ENVELOPE.format("<SubmitRsp><MM7Version>6.8.0</MM7Version><Status><StatusCode>1000</StatusCode></Status></SubmitRsp>")
    for stop in range(whole.index("<SubmitRsp>") + len("<SubmitRsp>"), len(whole)):
        shown = show(whole[:stop].encode())
        assert (shown.values["type"], shown.values["transaction_id"]) == ("SubmitRsp", "t")
        assert shown.warnings[-1].text.endswith("read as far as it goes")
        assert shown.warnings[-1].clause
        code = whole[:stop].find("</StatusCode>") >= 0
        version = whole[:stop].find("</MM7Version>") >= 0
        assert shown.values["fields"] == ({"MM7Version": "6.8.0"} if version else {}) | ({"StatusCode": 1000} if code else {})
    with pytest.raises(DecodeError):
        decode("text/xml", whole[:-3].encode())  # a message to act on is whole


def test_a_request_cut_short_is_shown_as_far_as_it_goes(shared: Path) -> None:
    """One that an application sent, at a few hundred places."""
    data = (shared / "samples/real-day/mm7/01-submit.http").read_bytes()
    begins = data.index(b"<SubmitReq") if b"<SubmitReq" in data else data.index(b"SubmitReq")
    assert show(data).warnings == ()
    seen = set()
    for stop in range(begins + 400, len(data), 97):
        shown = show(data[:stop])
        assert (shown.values["type"], shown.values["transaction_id"]) == ("SubmitReq", "seed001")
        assert any(warned.text.startswith("the body is cut short") for warned in shown.warnings)
        assert all(line.offset + line.length <= stop for line in shown.lines)
        assert all(0 <= warned.offset <= stop for warned in shown.warnings)
        seen.add(len(shown.values["parts"]))
    assert seen >= {1, 2, 3}
