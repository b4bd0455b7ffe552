"""MM7 with peers that say the standard's own octets, and what others' parsers make of ours."""

from __future__ import annotations

import asyncio
import base64
import logging
import random
import re
import ssl
from collections.abc import Callable
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from xml.etree import ElementTree

import aiohttp
import pytest

from mmsd.codec import smil
from mmsd.codec.tables import mm7 as table
from mmsd.errors import ConfigError, EncodeError, LinkDown
from mmsd.link import endpoint, mm7
from mmsd.link.carry import Accepted, Down, Message, Octets, Receipt, Refused, Text, Uncertain, Up
from mmsd.link.mm7 import Mms, Multimedia, Partly, part
from tests.link.hearing import SECRET, Hearing, private, run
from tests.link.peer import CUT, HANG, answer, certificate, peer

SUBSCRIBER = "8613900000001"
FRIEND = "8613900000002"
NOW = 1_795_358_452_000_000  # 2026-11-22T14:40:52Z
JPEG = bytes(range(256)) * 40 + b"\r\n--mm7-root--\r\n"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"


@pytest.fixture
def settings(tmp_path: Path, free_port: Callable[[], int]) -> Callable[..., mm7.Settings]:
    ours = endpoint.Settings(port=free_port(), secret_file=private(tmp_path / "secret", SECRET))

    def make(url: str, **changes: object) -> mm7.Settings:
        told: dict[str, object] = {"url": url, "vasp_id": "teasp", "vas_id": "spring", "source": "10658366", "endpoint": ours}
        return mm7.Settings(**(told | {"retry_seconds": 0.05} | changes))  # type: ignore[arg-type]  # of every type

    return make


def link(settings: mm7.Settings) -> mm7.Link:
    return mm7.Link(settings, random=lambda: 0.5, wall=lambda: NOW)


def seed(key: str = "t1", *receivers: str, presented: bool = True) -> Multimedia:
    """A picture and a text, with or without a presentation."""
    slide = smil.Slide((smil.Item("img", "card.jpg", "Image"), smil.Item("text", "text.txt", "Text")), 8000)
    shown = (part("smil", "application/smil", smil.encode([slide])),) if presented else ()
    media = (part("card.jpg", "image/jpeg", JPEG), part("text.txt", "text/plain", "一杯春茶 <&>".encode()))
    return Multimedia(key, receivers or (SUBSCRIBER,), (*shown, *media), subject="春茶 <彩信> & more")


def envelope(body: str, transaction: str = "t1", schema: str = table.REL_6) -> bytes:
    """SOAP as Annex L's examples have it: the envelope's prefix `env`, the message in its namespace as the default."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/">\n<env:Header>'
        f'<mm7:TransactionID xmlns:mm7="{schema}" env:mustUnderstand="1">{transaction}</mm7:TransactionID></env:Header>\n<env:Body>'
        f"{body.replace('XMLNS', f'xmlns={chr(34)}{schema}{chr(34)}')}</env:Body>\n</env:Envelope>\n"
    ).encode()


def submitted(code: int | str, more: str = "", *, http: int = 200, **where: str) -> bytes:
    status = f"<Status><StatusCode>{code}</StatusCode><StatusText>Text</StatusText>{more}</Status>"
    body = f"<SubmitRsp XMLNS><MM7Version>6.8.0</MM7Version>{status}<MessageID>041502073667</MessageID></SubmitRsp>"
    return answer(http, envelope(body, **where), 'text/xml; charset="utf-8"')


def fault(who: str, detail: str = "", *, http: int = 500) -> bytes:
    body = f"<env:Fault><faultcode>env:{who}</faultcode><faultstring>Said</faultstring>{detail}</env:Fault>"
    return answer(http, envelope(body), "text/xml")


# ---------------------------------------------------------------------------------------------------------------- submitting


@pytest.mark.parametrize("schema", ["REL-5-MM7-1-0", "REL-6-MM7-1-4"])
@pytest.mark.parametrize("presented", [True, False], ids=["SMIL", "parts alone"])
def test_a_submit_as_others_read_it(settings: Callable[..., mm7.Settings], tmp_path: Path, schema: str, presented: bool) -> None:
    """Python's own MIME and XML parsers: nothing of ours."""

    async def scenario() -> None:
        async with peer(submitted(1000)) as mmsc:
            url = f"http://127.0.0.1:{mmsc.port}/mm7/submit"
            account = {"username": "seed", "password_file": private(tmp_path / "password", "päss:word")}
            told = settings(url, schema=schema, service_code="SPRINGTEA", message_class="Advertisement", charged_party="Sender", **account)
            async with link(told) as ours:
                assert await ours.send(seed("t1", SUBSCRIBER, FRIEND, presented=presented)) == Accepted("t1", ("041502073667",))
        (asked,) = mmsc.asked
        assert asked.line == "POST /mm7/submit HTTP/1.1"
        assert asked.headers["soapaction"] == '""'
        assert base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode() == "seed:päss:word"
        whole = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode() + asked.body)
        assert whole.get_content_type() == "multipart/related"
        assert whole["content-type"].params["type"] == "text/xml"
        soap, content = whole.iter_parts()
        assert isinstance(soap, EmailMessage)
        assert soap["content-id"] == whole["content-type"].params["start"]
        space = f"{{http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/{schema}}}"
        root = ElementTree.fromstring(soap.get_payload(decode=True))  # type: ignore[arg-type]  # octets, of a part that is no multipart
        header = root.find(f"{SOAP}Header/{space}TransactionID")
        assert header is not None
        assert (header.text, header.get(f"{SOAP}mustUnderstand")) == ("t1", "1")
        found = root.find(f"{SOAP}Body")
        assert found is not None
        (request,) = found
        assert request.tag == f"{space}SubmitReq"
        said = [(element.tag.removeprefix(space), element.text) for element in request.iter() if not len(element)]
        assert said == [
            ("MM7Version", "5.3.0" if schema.startswith("REL-5") else "6.8.0"),
            ("VASPID", "teasp"), ("VASID", "spring"), ("Number", "10658366"), ("Number", f"+{SUBSCRIBER}"), ("Number", f"+{FRIEND}"),
            ("ServiceCode", "SPRINGTEA"), ("MessageClass", "Advertisement"), ("TimeStamp", "2026-11-22T14:40:52Z"),
            ("DeliveryReport", "true"), ("ReadReply", "false"), ("Priority", "Normal"), ("Subject", "春茶 <彩信> & more"),
            ("ChargedParty", "Sender"), ("DistributionIndicator", "true"), ("Content", None),
        ]  # fmt: skip
        href = request[-1].get("href")
        assert isinstance(content, MIMEPart)
        assert f"cid:{content['content-id'].strip('<>')}" == href
        parts = list(content.iter_parts())
        if presented:
            assert (content.get_content_type(), content["content-type"].params["start"]) == ("multipart/related", parts[0]["content-id"])
            assert parts[0].get_content_type() == "application/smil"
        else:
            assert content.get_content_type() == "multipart/mixed"
        picture, words = parts[-2:]
        assert (picture.get_content_type(), picture.get_payload(decode=True)) == ("image/jpeg", JPEG)
        assert (words.get_content_type(), words.get_content_charset()) == ("text/plain", "utf-8")
        assert words.get_payload(decode=True) == "一杯春茶 <&>".encode()
        assert [one["content-location"] for one in (picture, words)] == ["card.jpg", "text.txt"]

    run(scenario())


def test_a_short_message_goes_as_a_multimedia_message(settings: Callable[..., mm7.Settings]) -> None:
    async def scenario() -> None:
        async with peer(submitted(1000, transaction="k")) as mmsc, link(settings(f"http://127.0.0.1:{mmsc.port}/", source="10658")) as ours:
            message = Message("k", SUBSCRIBER, Text("端午安康"), sub_code="1", validity=3600.0, priority=2, want_report=False, link_id="L1")
            assert isinstance(await ours.send(message), Accepted)
            for wrong in (
                Message("k", SUBSCRIBER, Octets(((b"", b"x"),))),
                Message("k", "+861390", Text("x")),
                Multimedia("k", (), seed().parts),
                Multimedia("k", (SUBSCRIBER,), ()),
                Multimedia("k\0", (SUBSCRIBER,), seed().parts),
            ):
                with pytest.raises(EncodeError):
                    await ours.send(wrong)
        (asked,) = mmsc.asked
        assert "端午安康".encode() in asked.body
        for words in (
            "<ShortCode>106581</ShortCode>", "<ExpiryDate>2026-11-22T15:40:52Z</ExpiryDate>", "<Priority>High</Priority>",
            "<DeliveryReport>false</DeliveryReport>", "<LinkedID>L1</LinkedID>",
        ):  # fmt: skip
            assert words.encode() in asked.body

    run(scenario())


def test_the_answers_of_a_real_mmsc(settings: Callable[..., mm7.Settings], shared: Path) -> None:
    async def scenario() -> None:
        for number, key, message_id in (("01", "seed001", "m-qf4966.4.x768.66@mms.hexi.example"), ("02", "seed002", None)):
            said = (shared / f"samples/real-day/mm7/{number}-answer.http").read_bytes()
            async with peer(said) as mmsc, link(settings(f"http://127.0.0.1:{mmsc.port}/")) as ours:
                got = await ours.send(seed(key))
                assert isinstance(got, Accepted)
                assert got.ids[0].encode() in said
                assert message_id in (None, *got.ids)

    run(scenario())


RS_ERROR = "<detail><RSErrorRsp XMLNS><Status><StatusCode>{}</StatusCode><StatusText>No</StatusText></Status></RSErrorRsp></detail>"


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (submitted(1000), Accepted("t1", ("041502073667",))),
        (submitted(1000, schema=table.REL_5), Accepted("t1", ("041502073667",))),
        (submitted(1000, schema=table.REL_6.replace("1-4", "1-0"), http=202), Accepted("t1", ("041502073667",))),
        (submitted(1000, transaction=""), Accepted("t1", ("041502073667",))),
        (submitted(1100, "<Details>one of two</Details>"), Partly("t1", ("041502073667",), "one of two")),
        (submitted(1100, f"<Details>not +{FRIEND}</Details>"), Partly("t1", ("041502073667",), "")),
        (submitted(2002), Refused("t1", 2002, "Text", permanent=True)),
        (submitted(2002, f"<Details>+{SUBSCRIBER}</Details>"), Refused("t1", 2002, "Address error", permanent=True)),
        (submitted(2999), Refused("t1", 2999, "Text", permanent=True)),
        (submitted(3000), Refused("t1", 3000, "Text", permanent=False)),
        (submitted(3003, "<Details>one only</Details>"), Refused("t1", 3003, "Text one only", permanent=True)),
        (submitted(4006), Refused("t1", 4006, "Text", permanent=False, throttled=True)),
        (submitted(4000, http=503), Refused("t1", 4000, "Text", permanent=False, throttled=True)),
        (fault("Client", RS_ERROR.format(2007)), Refused("t1", 2007, "No", permanent=True)),
        (fault("Server", RS_ERROR.format(4006), http=200), Refused("t1", 4006, "No", permanent=False, throttled=True)),
        (fault("Client"), Refused("t1", 0, "Said", permanent=True)),
        (fault("Server"), Refused("t1", 0, "Said", permanent=False)),
        (fault("Server", http=503), Refused("t1", 0, "Said", permanent=False, throttled=True)),
        (answer(413), Refused("t1", 413, "HTTP 413", permanent=True)),
        (answer(302), Refused("t1", 302, "HTTP 302", permanent=True)),
        (answer(503, b"<html>"), Refused("t1", 503, "HTTP 503", permanent=False, throttled=True)),
        (answer(429), Refused("t1", 429, "HTTP 429", permanent=False, throttled=True)),
        (answer(200, b"<html>OK</html>"), Uncertain("t1", "the MMSC answered HTTP 200 without a word of MM7")),
        (answer(502, b"bad gateway"), Uncertain("t1", "the MMSC answered HTTP 502 without a word of MM7")),
        (submitted("many"), Uncertain("t1", "the MMSC answered with a SubmitRsp, which says nothing")),
        (submitted(1000, transaction="t2"), Uncertain("t1", "the MMSC answered another request")),
        (
            answer(200, envelope("<CancelRsp XMLNS><Status><StatusCode>1000</StatusCode></Status></CancelRsp>"), "text/xml"),
            Uncertain("t1", "the MMSC answered with a CancelRsp, which says nothing"),
        ),
        (submitted(1000)[:-30], Uncertain("t1", "the answer was lost: ClientPayloadError")),
        (CUT, Uncertain("t1", "the answer was lost: ServerDisconnectedError")),
        (HANG, Uncertain("t1", "no answer within 0.2 s")),
    ],
)
def test_answers(settings: Callable[..., mm7.Settings], said: bytes, means: object) -> None:
    async def scenario() -> None:
        async with peer(said) as mmsc, link(settings(f"http://127.0.0.1:{mmsc.port}/", answer_seconds=0.2)) as ours:
            got = await ours.send(seed())
            assert (type(got), got) == (type(means), means)
            assert ours.health.state == "up"

    run(scenario())


@pytest.mark.parametrize(
    ("said", "why"), [(answer(401), "HTTP 401"), (answer(404), "HTTP 404"), (submitted(4001), "4001"), (submitted(2568), "2568")]
)
def test_turned_away_as_a_whole(settings: Callable[..., mm7.Settings], said: bytes, why: str) -> None:
    """Of an account that is not let in no message is tried up; pauses grow until one is taken."""

    async def scenario() -> None:
        async with peer(said) as mmsc, link(settings(f"http://127.0.0.1:{mmsc.port}/")) as ours, Hearing(ours) as heard:
            for count in (1, 2):
                with pytest.raises(LinkDown, match=why):
                    await ours.send(seed())
                await heard.first(Up, count=count + 1)
            mmsc.tell(submitted(1000))
            assert isinstance(await ours.send(seed()), Accepted)
            first, second = (down.retry_in for down in heard.of(Down))
            assert first is not None
            assert second is not None
            assert first < second

    run(scenario())


# ------------------------------------------------------------------------------------------------------ reports and messages


async def post(told: mm7.Settings, body: bytes, content_type: str = "text/xml", *, method: str = "POST") -> tuple[int, bytes]:
    assert told.endpoint is not None
    url = f"http://127.0.0.1:{told.endpoint.port}/{SECRET}/mm7"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, data=body, headers={"Content-Type": content_type, "SOAPAction": '""'}) as got,
    ):
        return got.status, await got.read()


def verdict(body: bytes, kind: str, schema: str = table.REL_6, transaction: str = "r1") -> str | None:
    """The status code of a response, as an XML parser that is not ours finds it."""
    root = ElementTree.fromstring(body)
    assert root.findtext(f"{SOAP}Header/{{{schema}}}TransactionID") == transaction
    found = root.find(f".//{{{schema}}}{kind}")
    assert found is not None
    return found.findtext(f"{{{schema}}}Status/{{{schema}}}StatusCode")


def report(
    status: str, more: str = "", *, kind: str = "DeliveryReportReq", schema: str = table.REL_6, message_id: str = "041502073667"
) -> bytes:
    body = (
        f"<{kind} XMLNS><MM7Version>6.8.0</MM7Version><MMSRelayServerID>240.110.75.34</MMSRelayServerID><MessageID>{message_id}</MessageID>"
        f"<Recipient><Number>+{SUBSCRIBER}/TYPE=PLMN</Number></Recipient><Sender><ShortCode>10658366</ShortCode></Sender>"
        f"<Date>2026-11-22T22:41:00+08:00</Date><MMStatus>{status}</MMStatus>{more}</{kind}>"
    )
    return envelope(body, "r1", schema)


@pytest.mark.parametrize(
    ("status", "state", "final"),
    [
        ("Retrieved", "DELIVRD", True), ("Expired", "EXPIRED", True), ("Rejected", "REJECTD", True), ("Deferred", "ENROUTE", False),
        ("Indeterminate", "UNKNOWN", True), ("Forwarded", "FORWARDED", False), ("Unrecognised", "UNDELIV", True),
        ("Lost in space", "LOST IN SPACE", False),
    ],
)  # fmt: skip
def test_delivery_reports(settings: Callable[..., mm7.Settings], status: str, state: str, final: bool) -> None:
    async def scenario() -> None:
        told = settings("http://127.0.0.1:1/")
        async with link(told) as ours, Hearing(ours) as heard:
            http, body = await post(told, report(status, "<MMStatusExtension>RejectionByOtherRS</MMStatusExtension>"))
            assert (http, verdict(body, "DeliveryReportRsp")) == (200, "1000")
            (receipt,) = await heard.first(Receipt)
            assert (receipt.state, receipt.final, receipt.receiver, receipt.key) == (state, final, SUBSCRIBER, None)
            assert (receipt.id, receipt.candidates, receipt.error) == ("041502073667", ("041502073667",), "RejectionByOtherRS")
            assert receipt.done == "2026-11-22T22:41:00+08:00"

    run(scenario())


def test_a_report_is_answered_when_it_is_settled(settings: Callable[..., mm7.Settings]) -> None:
    async def scenario() -> None:
        async with peer(submitted(1000)) as mmsc:
            told = settings(f"http://127.0.0.1:{mmsc.port}/")
            async with link(told) as ours, Hearing(ours, settle=False) as heard:
                await ours.send(seed())
                for count, (permanent, http, code) in enumerate(((None, 200, "1000"), (False, 503, "4006"), (True, 200, "3002")), 1):
                    asking = asyncio.create_task(post(told, report("Read", kind="ReadReplyReq", schema=table.REL_5)))
                    receipt = (await heard.first(Receipt, count=count))[-1]
                    assert (receipt.state, receipt.final, receipt.key) == ("READ", True, "t1")  # the message is known
                    assert not asking.done()
                    if permanent is None:
                        await receipt.settle()
                    else:
                        await receipt.refuse(permanent=permanent)
                    status, body = await asking
                    assert (status, verdict(body, "ReadReplyRsp", table.REL_5)) == (http, code)
                assert ours.counts == {"accepted": 1, "receipts": 3, "settled": 1, "unsettled": 2}

    run(scenario())


@pytest.mark.parametrize("name", ["related", "mixed"])
def test_what_subscribers_send(settings: Callable[..., mm7.Settings], name: str) -> None:
    """Made by Python's email package: base64, quoted-printable, GBK, a preamble."""
    content = EmailMessage()
    content.set_content("我要参加端午活动", charset="gb18030", cte="base64")
    content.add_attachment(JPEG, "image", "jpeg", filename="a.jpg", cte="base64")
    content["Content-ID"] = "<forwarded>"
    body = (
        "<DeliverReq XMLNS><MM7Version>6.8.0</MM7Version><MMSRelayServerID>relay</MMSRelayServerID><LinkedID>wthwe</LinkedID>"
        "<Sender><Number>13900000001</Number></Sender><Recipients><To><ShortCode>1065836601</ShortCode></To></Recipients>"
        '<TimeStamp>2026-11-22T22:41:00+08:00</TimeStamp><Priority>Normal</Priority><Subject>回复</Subject><Content href="cid:forwarded"/>'
        "</DeliverReq>"
    )
    root = EmailMessage()
    root.set_content(envelope(body, "r1"), "text", "xml", cte="8bit")
    root["Content-ID"] = "<start>"
    whole = EmailMessage(policy=HTTP)
    whole.make_mixed()
    whole.attach(root)
    whole.attach(content)
    whole.set_param("start", "<start>")
    whole.set_param("type", "text/xml")
    whole.replace_header("Content-Type", str(whole["Content-Type"]).replace("multipart/mixed", f"multipart/{name}"))
    whole.preamble = "This is a multi-part message."
    headers, _, octets = whole.as_bytes().partition(b"\r\n\r\n")
    content_type = re.sub(
        r"\s+", " ", dict(line.split(": ", 1) for line in re.sub(r"\r\n\s+", " ", headers.decode()).split("\r\n"))["Content-Type"]
    )

    async def scenario() -> None:
        told = settings("http://127.0.0.1:1/")
        async with link(told) as ours, Hearing(ours) as heard:
            status, body = await post(told, octets, content_type)
            assert (status, verdict(body, "DeliverRsp")) == (200, "1000")
            (got,) = await heard.first(Mms)
            assert (got.sender, got.receiver, got.sub_code) == (SUBSCRIBER, "1065836601", "01")
            assert (got.subject, got.text.strip(), got.linked, got.at) == ("回复", "我要参加端午活动", "wthwe", NOW)
            assert [bytes(found.content()) for found in got.media if found.content_type.media == "image/jpeg"] == [JPEG]
            assert SUBSCRIBER not in repr(got)

    run(scenario())


def test_what_is_not_for_us_is_a_fault(settings: Callable[..., mm7.Settings]) -> None:
    deliver = "<DeliverReq XMLNS><Recipients><To><ShortCode>1</ShortCode></To></Recipients></DeliverReq>"
    bad = [
        (b"<html>", "2007", ""),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "2007", ""),
        (b"\xff\xfe\x00", "2007", ""),
        (report("Retrieved", message_id=""), "2007", ""),
        (report(""), "2007", ""),
        (envelope(deliver, "r1"), "2007", ""),
        (envelope("<SubmitReq XMLNS><VASPID>x</VASPID></SubmitReq>", "r1"), "4003", "r1"),
        (envelope("<SubmitRsp XMLNS></SubmitRsp>", "r1"), "4003", "r1"),
    ]

    async def scenario() -> None:
        told = settings("http://127.0.0.1:1/")
        async with link(told) as ours, Hearing(ours) as heard:
            for octets, code, transaction in bad:
                status, body = await post(told, octets)
                assert (status, verdict(body, "VASPErrorRsp", transaction=transaction)) == (500, code)
                assert ElementTree.fromstring(body).findtext(f"{SOAP}Body/{SOAP}Fault/faultcode") == "env:Client"
            assert (await post(told, b"", method="GET"))[0] == 405
            assert ours.counts["unreadable"] == len(bad)
            assert {type(event) for event in heard.all} == {Down}

    run(scenario())


def test_any_request_is_taken_or_a_fault(settings: Callable[..., mm7.Settings], seed: int, effort: int) -> None:
    """Damaged requests: an answer of MM7 each, never a fault of ours."""
    draw = random.Random(seed)
    deliver = envelope(
        "<DeliverReq XMLNS><Sender><Number>1</Number></Sender><Recipients><To><ShortCode>1</ShortCode></To></Recipients>"
        '<Content href="cid:a"/></DeliverReq>',
        "r1",
    )
    related = b"--b\r\n\r\n" + deliver + b"\r\n--b\r\nContent-ID: <a>\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n--b--\r\n"
    whole = [("text/xml", report("Retrieved")), ("multipart/related; boundary=b", related)]

    async def scenario() -> None:
        told = settings("http://127.0.0.1:1/")
        async with link(told) as ours, Hearing(ours) as heard:
            for _ in range(200 * effort):
                content_type, octets = draw.choice(whole)
                damaged = bytearray(octets)
                for _ in range(draw.randrange(4)):
                    at = draw.randrange(len(damaged))
                    put = draw.randbytes(draw.randrange(3)).replace(b"}", b"")  # ElementTree cannot read a namespace with one
                    damaged[at : at + draw.randrange(3)] = put
                status, body = await post(told, bytes(damaged), content_type)
                assert status in {200, 500}
                answered = ElementTree.fromstring(body).find(f"{SOAP}Body/*")
                assert answered is not None
                assert answered.tag.endswith("Rsp") if status == 200 else answered.tag == f"{SOAP}Fault"
            assert ours.counts["unreadable"] > 0
            assert len(heard.of(Receipt)) + len(heard.of(Mms)) == ours.counts["settled"] > 0

    run(scenario())


# ----------------------------------------------------------------------------------------------------------- TLS and secrecy


def test_a_certificate_is_checked(settings: Callable[..., mm7.Settings], tmp_path: Path) -> None:
    async def scenario() -> None:
        pem, key = certificate(tmp_path)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem, key)
        async with peer(submitted(1000), tls=context) as mmsc:
            url = f"https://127.0.0.1:{mmsc.port}/mm7"
            async with link(settings(url, ca_file=str(pem))) as ours:
                assert isinstance(await ours.send(seed()), Accepted)
            async with link(settings(url)) as ours:
                with pytest.raises(LinkDown, match="no connection to the MMSC: self-signed certificate"):
                    await ours.send(seed())
            async with link(settings(url.replace("127.0.0.1", "localhost"), ca_file=str(pem))) as ours:
                with pytest.raises(LinkDown, match="Hostname mismatch"):
                    await ours.send(seed())
        assert len(mmsc.asked) == 1

    run(scenario())


def test_no_number_in_logs_and_texts(settings: Callable[..., mm7.Settings], caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)

    async def scenario() -> None:
        said = [submitted(2002, f"<Details>{SUBSCRIBER}</Details>"), answer(200, SUBSCRIBER.encode()), submitted(4001)]
        async with peer(*said) as mmsc:
            told = settings(f"http://127.0.0.1:{mmsc.port}/", username="seed", password_file=private(tmp_path / "password", "open sesame"))
            async with link(told) as ours, Hearing(ours) as heard:
                shown = [repr(seed()), repr(await ours.send(seed())), repr(await ours.send(seed()))]
                with pytest.raises(LinkDown) as caught:
                    await ours.send(seed())
                await post(told, report("Retrieved"))
                await post(told, report("Retrieved", message_id="").replace(b"XML", SUBSCRIBER.encode()))
                await heard.first(Receipt)
                shown += [str(caught.value), repr(ours.counts), *map(repr, heard.all)]
        assert not re.search(r"139[0-9]{8}", "".join(shown) + caplog.text)
        assert SECRET not in caplog.text
        assert "sesame" not in caplog.text + repr(told)

    run(scenario())


def test_settings_that_cannot_be(settings: Callable[..., mm7.Settings]) -> None:
    for changes, why in (
        ({"url": "mmsc"}, "url: "),
        ({"username": "seed"}, "username: it and"),
        ({"username": "a:b", "password_file": "x"}, "username: HTTP"),
        ({"retry_seconds": 90.0}, "retry_limit_seconds: "),
    ):
        with pytest.raises(ConfigError, match=why):
            settings(**({"url": "http://127.0.0.1/"} | changes))
