"""Messages, receipts and replies through a real Kannel, and what smsbox might answer."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import msgspec
import pytest
from yarl import URL

from mmsd.codec import sms
from mmsd.codec.push import encode_notification
from mmsd.errors import ConfigError, EncodeError, LinkDown, LinkError
from mmsd.link import endpoint, kannel
from mmsd.link.carry import Accepted, Down, Health, Incoming, Message, Octets, Receipt, Refused, Text, Uncertain, Up
from sim.centre import Account, Centre, Ids, Receipts, Rule
from sim.centre import Settings as SmscSettings
from tests.link.gateway import GET, PASSWORD, POST, USER, Gateway, Taken, gateway
from tests.link.hearing import PATIENCE, SECRET, Hearing, private, run, until
from tests.link.peer import CUT, HANG, answer, peer

SUBSCRIBER = "8613900000001"
LONG = "【彩信设置】您的手机尚未设置彩信，回复" + "端午安康，龙舟竞渡；" * 20 + "😀" * 30
LATIN = "[é€]abc" * 40
NOW = 1_790_000_000_000_000


@pytest.fixture
def box(debian: Callable[[str], str], tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Gateway]:
    with gateway(debian, tmp_path, free_port) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, free_port: Callable[[], int]) -> Callable[..., kannel.Settings]:
    """Of a link to an address, with an endpoint of its own."""
    ours = endpoint.Settings(port=free_port(), secret_file=private(tmp_path / "secret", SECRET))

    def make(url: str, **changes: object) -> kannel.Settings:
        told: dict[str, object] = {"url": url, "username": USER, "source": "10086", "endpoint": ours, "retry_seconds": 0.05}
        told["password_file"] = private(tmp_path / "password", PASSWORD)
        return kannel.Settings(**(told | changes))  # type: ignore[arg-type]  # of every type

    return make


def link(settings: kannel.Settings) -> kannel.Link:
    return kannel.Link(settings, random=lambda: 0.5, wall=lambda: NOW)


def service(settings: kannel.Settings, form: str) -> str:
    """An sms-service that calls our endpoint."""
    assert settings.endpoint is not None
    return form.format(url=f"http://127.0.0.1:{settings.endpoint.port}/{SECRET}/message")


def joined(taken: list[Taken]) -> tuple[bytes, list[bytes]]:
    """The data of a message's parts in their order, and the octets of each part's header and data together."""
    concats = [sms.decode_udh(one.udh).concat for one in taken]
    places = [concat.sequence for concat in concats if concat is not None]
    assert sorted(places) == list(range(1, len(taken) + 1))
    assert len({concat.reference for concat in concats if concat is not None}) == 1
    ordered = [one for _, one in sorted(zip(places, taken, strict=True), key=lambda pair: pair[0])]
    return b"".join(one.data for one in ordered), [one.udh + one.data for one in ordered]


# --------------------------------------------------------------------------------------------------------------- a real Kannel


def test_what_is_sent_arrives_as_it_is(box: Gateway, settings: Callable[..., kannel.Settings]) -> None:
    """Chinese beyond the first plane and cut at its borders, GSM 7-bit with its extension, octets with their headers."""

    async def scenario() -> None:
        box.configure()
        box.start()
        async with link(settings(box.url)) as ours, Hearing(ours) as heard:
            udh, pdu = encode_notification(
                transaction=b"T1", location=b"http://mmsc.example/" + b"a" * 150, size=30000, expiry_relative=86400
            )
            pieces = tuple(sms.split(sms.decode_udh(udh), pdu, 7))
            assert len(pieces) == 2
            sent = [
                Message("short", SUBSCRIBER, Text("hello [1]")),
                Message("long", SUBSCRIBER, Text(LONG)),
                Message("latin", SUBSCRIBER, Text(LATIN), sub_code="17"),
                Message("push", SUBSCRIBER, Octets(pieces), sender="10657000"),
            ]
            answers = [await ours.send(message) for message in sent]
            numbers = {answer.key: len(answer.ids) for answer in answers if isinstance(answer, Accepted)}
            assert numbers == {"short": 1, "long": len(sms.compose(LONG, 0)), "latin": 3, "push": 2}
            await heard.first(Receipt, count=sum(numbers.values()))
            taken = iter(box.taken())
            short, *others = ([next(taken) for _ in range(count)] for count in numbers.values())
            assert short == [Taken("10086", f"+{SUBSCRIBER}", b"", "text", b"hello [1]")]
            long, octets = joined(others[0])
            assert long.decode("utf-16-be") == LONG
            assert all(len(part) <= sms.CAPACITY for part in octets)
            assert joined(others[1])[0].decode() == LATIN
            assert {one.sender for one in others[1]} == {"1008617"}
            assert [(one.udh, one.data) for one in others[2]] == list(pieces)
            assert joined(others[2])[0] == pdu
            assert {one.sender for one in others[2]} == {"10657000"}

    run(scenario())


def test_receipts_bring_our_key_and_come_until_they_are_settled(box: Gateway, settings: Callable[..., kannel.Settings]) -> None:
    key = "forward 17/端午 50%d&part=x#"

    async def scenario() -> None:
        box.configure()
        box.start()
        async with link(settings(box.url, dlr_mask=31)) as ours, Hearing(ours, settle=False) as heard:
            answer = await ours.send(Message(key, SUBSCRIBER, Text("hello"), validity=90.0, priority=2))
            assert answer == Accepted(key, (f"{key}.1",))
            taken, delivered = await heard.first(Receipt, count=2)
            assert [(one.state, one.final, one.key) for one in (taken, delivered)] == [("ENROUTE", False, key), ("DELIVRD", True, key)]
            assert delivered.candidates[0] == f"{key}.1"
            assert delivered.id
            await taken.settle()
            await delivered.refuse()
            (_, again) = await heard.first(Receipt, count=2, that=lambda one: one.final)
            assert again == delivered
            await again.settle()
            for message in (Message("next", SUBSCRIBER, Text("x"), want_report=False), Message("last", SUBSCRIBER, Text("x"))):
                assert isinstance(await ours.send(message), Accepted)
            (last,) = await heard.first(Receipt, that=lambda one: one.key == "last" and one.final)
            assert [one.key for one in heard.of(Receipt) if one.final] == [key, key, "last"]  # of "next" nothing was asked
            for one in heard.of(Receipt):
                await one.settle()
            assert last.receiver == ""  # Kannel is not asked to put a number into an address

    run(scenario())


@pytest.mark.parametrize("repeats", [True, False], ids=["http-request-retry", "by default"])
def test_receipts_while_nobody_listens(box: Gateway, settings: Callable[..., kannel.Settings], repeats: bool) -> None:
    """smsbox calls again if it is told to; by default what it cannot deliver at once is lost."""

    async def scenario() -> None:
        box.configure(smsbox="http-request-retry = 60\nhttp-queue-delay = 1" if repeats else "")
        box.boxes()  # without a centre Kannel keeps what it takes
        async with link(settings(box.url)) as ours:
            assert isinstance(await ours.send(Message("early", SUBSCRIBER, Text("x"))), Accepted)
        box.centre()
        await until(lambda: "Couldn't fetch" in box.said("smsbox"))
        async with link(settings(box.url)) as ours, Hearing(ours) as heard:
            assert isinstance(await ours.send(Message("later", SUBSCRIBER, Text("x"))), Accepted)
            receipts = await heard.first(Receipt, count=2 if repeats else 1)
            assert {one.key for one in receipts} == ({"early", "later"} if repeats else {"later"})

    run(scenario())


@pytest.mark.parametrize("form", [POST, GET], ids=["post-url", "get-url"])
def test_what_subscribers_write(box: Gateway, settings: Callable[..., kannel.Settings], form: str) -> None:
    written = "端午😀".encode("utf-16-be")

    async def scenario() -> None:
        ours = settings(box.url)
        box.configure(services=service(ours, form))
        box.start()
        async with link(ours) as client, Hearing(client) as heard:
            for number, words in enumerate(
                (
                    "+8613900000001 1008617 text hello [1]",
                    f"13900000002 10086 ucs2 {''.join(f'%{octet:02X}' for octet in written)}",
                    "8613900000003 10086 udh-data %06%05%04%0B%84%23%F0 %01%06%00%FF",
                ),
                1,
            ):
                box.centre(words)
                await heard.first(Incoming, count=number)
            text, wide, binary = heard.of(Incoming)
            assert (text.sender, text.receiver, text.sub_code, text.text, text.data) == (SUBSCRIBER, "1008617", "17", "hello [1]", None)
            assert (wide.sender, wide.sub_code, wide.text) == ("8613900000002", "", "端午😀")
            assert (binary.udh.hex(), binary.data) == ("0605040b8423f0", bytes.fromhex("010600ff"))
            assert {one.service for one in (text, wide, binary)} == {"default"}
            assert all(0 < one.at != NOW for one in heard.of(Incoming))  # smsbox's time, not ours

    run(scenario())


def test_a_long_message_that_bearerbox_joins(box: Gateway, settings: Callable[..., kannel.Settings]) -> None:
    async def scenario() -> None:
        ours = settings(box.url)
        box.configure(services=service(ours, POST))
        box.start()
        async with link(ours) as client, Hearing(client, settle=False) as heard:
            box.centre("8613900000001 10086 udh-text %05%00%03%08%02%02 .world")
            await until(lambda: "Msg object ends" in box.said("bearerbox"))
            box.centre("8613900000001 10086 udh-text %05%00%03%08%02%01 hello")
            (whole,) = await heard.first(Incoming)
            assert whole.text == "hello.world"
            await whole.refuse()
            (_, again) = await heard.first(Incoming, count=2)
            assert again == whole
            await again.settle()

    run(scenario())


def test_through_smpp_and_back(box: Gateway, settings: Callable[..., kannel.Settings]) -> None:
    """To the simulator's centre: what Kannel makes of our parts on the wire, and of the centre's receipts, ids and messages for us."""
    handsets = (
        Rule(receiver="*02", state="UNDELIV", error=27),
        Rule(receiver="*03", status=0x0B),
        Rule(receiver="*04", reply="是，" * 40, reply_after=0),
    )
    smsc = SmscSettings(
        accounts=(Account(name=USER, password="secret", numbers=("10086",)),),
        ids=Ids(answer="{:08x}", receipt="{:d}"),
        receipts=Receipts(after=0.05),
        handsets=handsets,
    )

    async def scenario() -> None:
        told = settings(box.url, dlr_mask=31)
        async with Centre(smsc, wall=lambda: time.time_ns() // 1000) as centre:
            box.configure(services=service(told, POST), smpp=centre.port)
            box.boxes()
            await asyncio.wait_for(centre.until(lambda: centre.counts["binds"]), PATIENCE)
            async with link(told) as ours, Hearing(ours) as heard:
                udh, pdu = encode_notification(transaction=b"T1", location=b"http://m/" + b"a" * 150, size=3, expiry_relative=86400)
                for key, number, content in (
                    ("long", 1, Text(LONG)),
                    ("latin", 2, Text(LATIN)),
                    ("push", 1, Octets(tuple(sms.split(sms.decode_udh(udh), pdu, 7)))),
                    ("nobody", 3, Text("x")),
                    ("asked", 4, Text("?")),
                ):
                    message = Message(key, f"861390000000{number}", content, sub_code="17")
                    assert isinstance(await ours.send(message), Accepted)
                final = await heard.first(Receipt, count=len(sms.compose(LONG, 0)) + 3 + 2 + 1 + 1, that=lambda one: one.final)
                told_of = {one.key: (one.state, one.error) for one in final}
                assert told_of == {
                    "long": ("DELIVRD", "000"), "latin": ("UNDELIV", "027"), "push": ("DELIVRD", "000"), "asked": ("DELIVRD", "000"),
                    "nobody": ("REJECTD", "0x0000000b"),
                }  # fmt: skip
                identities = {str(part.number) for part in centre.taken}
                assert {one.id for one in final if one.key != "nobody"} == identities  # as the receipt's text spells them
                assert all(one.submitted and one.done for one in final if one.key != "nobody")
                long, latin, push, asked = sorted(centre.messages, key=lambda one: one.parts[0].number)
                assert (long.text, long.sender, long.receiver) == (LONG, "1008617", SUBSCRIBER)
                assert (latin.text, len(latin.parts)) == (LATIN, 3)
                assert (push.data, push.ports) == (pdu, (2948, 9200))
                assert asked.text == "?"
                (reply,) = await heard.first(Incoming)
                assert (reply.sender, reply.receiver, reply.sub_code) == ("8613900000004", "1008617", "17")
                assert reply.text == "是，" * 40  # its two parts were joined by bearerbox

    run(scenario())


def test_what_kannel_does_not_take(box: Gateway, settings: Callable[..., kannel.Settings], tmp_path: Path) -> None:
    async def scenario() -> None:
        box.configure(core="sms-outgoing-queue-limit = 1")
        box.start()
        async with link(settings(box.url)) as ours:
            denied = await ours.send(Message("denied", "8699900000001", Text("x")))
            assert denied == Refused("denied", 400, "Number(s) has/have been denied by white- and/or black-lists.", permanent=True)
            await until(lambda: "Fakesmsc client connected" in box.said("bearerbox"))
            box.stop("fakesmsc")  # now the queue of one fills up
            await until(lambda: "EOF from fakesmsc client" in box.said("bearerbox"))  # else the message may be written to who is gone
            assert isinstance(await ours.send(Message("last", SUBSCRIBER, Text("x"))), Accepted)
            full = await ours.send(Message("full", SUBSCRIBER, Text("x")))
            assert full == Refused("full", 503, "Temporal failure, try again later.", permanent=False, throttled=True)
            box.centre()
            await until(lambda: len(box.taken()) == 1)
            sending = asyncio.create_task(ours.send(Message("long", SUBSCRIBER, Text(LATIN))))
            assert await sending == Accepted("long", ("long.1", "long.2", "long.3"))  # however often a part was throttled
        async with link(settings(box.url, password_file=private(tmp_path / "wrong", "no"))) as ours, Hearing(ours) as heard:
            with pytest.raises(LinkDown, match="HTTP 403"):
                await ours.send(Message("wrong", SUBSCRIBER, Text("x")))
            (down,) = await heard.first(Down)
            assert "user-allow-ip" in down.why
            await heard.first(Up, count=2)  # the port is open: the next message may try
            assert ours.health.state == "up"

    run(scenario())


# ------------------------------------------------------------------------------------------------- what smsbox might answer


OURS = Message("k", SUBSCRIBER, Text("hello"))
ACCEPTED = answer(202, b"0: Accepted for delivery")


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (ACCEPTED, Accepted("k", ("k.1",))),
        (answer(202, b"3: Queued for later delivery"), Accepted("k", ("k.1",))),
        (answer(202, b"Sent. Message splits: 2"), Accepted("k", ("k.1",))),
        (answer(400, b"UDH field misformed, rejected"), Refused("k", 400, "UDH field misformed, rejected", permanent=True)),
        (answer(403, b"Not routable. Do not try again."), Refused("k", 403, "Not routable. Do not try again.", permanent=True)),
        (answer(403, f"Not routable: {SUBSCRIBER}".encode()), Refused("k", 403, "HTTP 403", permanent=True)),
        (answer(302), Refused("k", 302, "HTTP 302", permanent=True)),
        (answer(429), Refused("k", 429, "HTTP 429", permanent=False, throttled=True)),
        (answer(503, b"x"), Refused("k", 503, "x", permanent=False, throttled=True)),
        (answer(202, b"<html>welcome to our hotel</html>"), Uncertain("k", "Kannel answered HTTP 202, which says nothing")),
        (answer(200, b"0: Accepted for delivery"), Uncertain("k", "Kannel answered HTTP 200, which says nothing")),
        (answer(500, b"Sending failed."), Uncertain("k", "Kannel answered HTTP 500, which says nothing")),
        (answer(202, bytes(5000)), Uncertain("k", "an answer of more than 4096 octets")),
        (ACCEPTED[:-5], Uncertain("k", "the answer was lost: ClientPayloadError")),
        (CUT, Uncertain("k", "the answer was lost: ServerDisconnectedError")),
        (b"nonsense\r\n\r\n", Uncertain("k", "the answer was lost: ClientResponseError")),
        (HANG, Uncertain("k", "no answer within 0.2 s")),
    ],
)
def test_answers(settings: Callable[..., kannel.Settings], said: bytes, means: object) -> None:
    async def scenario() -> None:
        async with peer(said) as smsbox:
            async with link(settings(f"http://127.0.0.1:{smsbox.port}/sendsms", answer_seconds=0.2)) as ours:
                assert await ours.send(OURS) == means
                assert ours.counts[type(means).__name__.lower()] == 1
                assert ours.health.state == "up"
            assert len(smsbox.asked) == 1

    run(scenario())


def test_what_stands_in_a_request(settings: Callable[..., kannel.Settings]) -> None:
    async def scenario() -> None:
        async with peer(ACCEPTED) as smsbox:
            url = f"http://127.0.0.1:{smsbox.port}/cgi-bin/sendsms"
            async with link(settings(url, smsc="cmcc1", account="care", prefix="00")) as ours:
                await ours.send(Message("a%b", SUBSCRIBER, Text("端"), sub_code="17", validity=61.0, priority=9))
                await ours.send(Message("c", SUBSCRIBER, Text("x"), want_report=False))
            async with link(settings(url, source="", endpoint=None)) as ours:
                await ours.send(OURS)
        full, quiet, bare = smsbox.asked
        assert full.line == quiet.line == bare.line == "POST /cgi-bin/sendsms HTTP/1.1"
        assert (full.headers["content-type"], full.body) == ("text/plain; charset=UTF-16BE", "端".encode("utf-16-be"))
        said = {name.removeprefix("x-kannel-"): value for name, value in full.headers.items() if name.startswith("x-kannel-")}
        base = re.sub(r"[?].*", "", said["dlr-url"])
        assert base.endswith(f"/{SECRET}/receipt")
        assert said == {
            "username": USER, "password": PASSWORD, "smsc": "cmcc1", "account": "care", "to": f"00{SUBSCRIBER}", "from": "1008617",
            "coding": "2", "validity": "2", "priority": "3", "dlr-mask": "19",
            "dlr-url": f"{base}?key=a%%25b&part=a%%25b.1&status=%d&id=%F&answer=%A&smsc=%i&at=%T",
        }  # fmt: skip
        assert quiet.headers["x-kannel-dlr-mask"] == "16"  # what the centre refuses is told in any case
        assert not {"x-kannel-dlr-url", "x-kannel-from", "x-kannel-dlr-mask"} & set(bare.headers)

    run(scenario())


def test_a_long_message_that_ends_half_way(settings: Callable[..., kannel.Settings]) -> None:
    long = Message("k", SUBSCRIBER, Text("x" * 200))

    async def scenario() -> None:
        async with peer() as smsbox, link(settings(f"http://127.0.0.1:{smsbox.port}/", answer_seconds=0.5)) as ours:
            for answers, means in (
                ((ACCEPTED, answer(400)), Refused("k", 400, "HTTP 400", permanent=True, ids=("k.1",))),
                ((ACCEPTED, CUT), Uncertain("k", "the answer was lost: ServerDisconnectedError", ids=("k.1",))),
                ((ACCEPTED, answer(503), answer(503), ACCEPTED), Accepted("k", ("k.1", "k.2"))),
                ((answer(503),), Refused("k", 503, "HTTP 503", permanent=False, throttled=True)),
            ):
                smsbox.tell(*answers)
                assert await ours.send(long) == means
            smsbox.tell(ACCEPTED, answer(403, b"Authorization failed for sendsms"))
            half = await ours.send(long)
            assert isinstance(half, Uncertain)
            assert half.why.startswith("parts were not sent: Kannel does not let us send: HTTP 403")

    run(scenario())


def test_nobody_there_and_then_somebody(settings: Callable[..., kannel.Settings], free_port: Callable[[], int]) -> None:
    """Down for growing pauses, without asking for every message; up when the port opens."""

    async def scenario() -> None:
        port = free_port()
        async with link(settings(f"http://127.0.0.1:{port}/")) as ours, Hearing(ours) as heard:
            for _ in range(3):
                with pytest.raises(LinkDown, match="no connection to Kannel: Connection refused"):
                    await ours.send(OURS)
            assert ours.health == Health("down", "no connection to Kannel: Connection refused")
            downs = await heard.first(Down, count=3)
            pauses = [down.retry_in for down in downs if down.retry_in is not None]
            assert pauses == sorted(set(pauses))
            async with peer(ACCEPTED, port=port):
                await heard.first(Up)
                assert isinstance(await ours.send(OURS), Accepted)
            for _ in range(2):
                with pytest.raises(LinkDown, match="no connection to Kannel: Connection refused"):
                    await ours.send(OURS)
            assert ours.counts["down"] == 1  # a link that never was up did not go down

    run(scenario())


def test_leaving_waits_for_answers_and_for_what_is_owed(settings: Callable[..., kannel.Settings]) -> None:
    async def scenario() -> None:
        async with peer(HANG) as smsbox:
            async with link(settings(f"http://127.0.0.1:{smsbox.port}/", answer_seconds=0.2)) as ours:
                sending = asyncio.create_task(ours.send(OURS))
                await until(lambda: bool(smsbox.asked))
            assert isinstance(await sending, Uncertain)
            with pytest.raises(LinkDown):
                await ours.send(OURS)
            told = settings(f"http://127.0.0.1:{smsbox.port}/")
            async with link(told) as ours, Hearing(ours, settle=False) as heard:
                asking = asyncio.create_task(call(told, "receipt?key=k&status=1"))
                (receipt,) = await heard.first(Receipt)
                leaving = asyncio.create_task(ours.leave())
                await asyncio.sleep(0)  # it has begun
                assert await call(told, "receipt?key=other&status=1") == 503
                await receipt.settle()
                await leaving
                assert await asking == 200
                await heard.first(Down)
                assert [type(event) for event in heard.all] == [Up, Receipt, Down]
            async with link(told) as ours:  # nobody takes events
                asking = asyncio.create_task(call(told, "receipt?key=k&status=1"))
                await until(lambda: ours.counts.get("receipts") == 1)
            assert await asking == 503

    run(scenario())


# ------------------------------------------------------------------------------------------------- what smsbox might call


async def call(told: kannel.Settings, what: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> int:
    """The status that smsbox gets for a call of our endpoint; posted when there is a body."""
    assert told.endpoint is not None
    url = URL(f"http://127.0.0.1:{told.endpoint.port}/{SECRET}/{what}", encoded=True)
    async with (
        aiohttp.ClientSession() as session,
        session.request("GET" if body is None else "POST", url, headers=headers, data=body) as got,
    ):
        return got.status


SMPP = "id%3A00001002+sub%3A001+dlvrd%3A000+submit+date%3A2611221730+done+date%3A2611221731+stat%3AUNDELIV+err%3A001+text%3A"


@pytest.mark.parametrize(
    ("query", "state", "final", "more"),
    [
        ("status=1", "DELIVRD", True, {"id": "", "candidates": ("k.1",)}),
        (
            f"status=2&id=4098&answer={SMPP}", "UNDELIV", True,
            {"id": "00001002", "candidates": ("k.1", "1002", "3ea", "4098", "16536"), "error": "001", "submitted": "2611221730",
             "done": "2611221731"},
        ),
        ("status=34&answer=stat%3AEXPIRED+err%3A027", "EXPIRED", True, {"error": "027"}),
        ("status=34", "EXPIRED", True, {}),
        ("status=4", "ACCEPTD", False, {}),
        ("status=4&answer=stat%3AENROUTE", "ENROUTE", False, {}),
        ("status=8&answer=ACK%2F", "ENROUTE", False, {"error": ""}),
        ("status=16&answer=NACK%2F0x0000000b%2FInvalid+Destination+Address", "REJECTD", True, {"error": "0x0000000b"}),
        ("status=16&answer=NACK%2FRetries+Exceeded", "REJECTD", True, {"error": "Retries Exceeded"}),
        ("status=2&answer=%FF%00", "UNDELIV", True, {"raw": b"\xff\0"}),
    ],
)  # fmt: skip
def test_receipts(settings: Callable[..., kannel.Settings], query: str, state: str, final: bool, more: dict[str, object]) -> None:
    async def scenario() -> None:
        told = settings("http://127.0.0.1:1/")
        async with link(told) as ours, Hearing(ours) as heard:
            assert await call(told, f"receipt?key=k&part=k.1&{query}") == 200
            (receipt,) = await heard.first(Receipt)
            assert (receipt.key, receipt.state, receipt.final) == ("k", state, final)
            assert {name: getattr(receipt, name) for name in more} == more

    run(scenario())


def test_what_cannot_be_read_is_counted(settings: Callable[..., kannel.Settings]) -> None:
    async def scenario() -> None:
        told = settings("http://127.0.0.1:1/")
        async with link(told) as ours, Hearing(ours) as heard:
            bad = [
                "receipt", "receipt?key=k", "receipt?key=&status=1", "receipt?key=k&status=64", "receipt?key=k&status=x",
                f"receipt?key={'k' * 2000}&status=1", "receipt?" + "a&" * 60, "message", "message?from=8613900000001", "message?to=10086",
            ]  # fmt: skip
            for what in bad:
                assert await call(told, what) == 400
            assert await call(told, "message", {"X-Kannel-To": "10086"}, b"hello") == 400
            assert ours.counts["unreadable"] == len(bad) + 1
            assert {type(event) for event in heard.all} == {Down}

    run(scenario())


@pytest.mark.parametrize(
    ("headers", "body", "means"),
    [
        ({}, b"hi", {"text": "hi", "data": None, "at": NOW, "sub_code": ""}),
        ({"Content-Type": 'text/plain; charset="GB18030"', "X-Kannel-Coding": "0"}, "端午".encode("gb18030"), {"text": "端午"}),
        ({"Content-Type": "text/plain; charset=nonsense"}, "端午".encode(), {"text": "端午"}),
        ({"X-Kannel-Coding": "2"}, "端".encode("utf-16-be") + b"x", {"text": "端"}),
        ({"X-Kannel-Time": "2026-11-22 14:41:35"}, b"", {"text": "", "at": 1795358495 * 1_000_000}),
        ({"X-Kannel-Time": "yesterday"}, b"", {"at": NOW}),
        ({"X-Kannel-UDH": "%05%00%03+%03%02"}, b"part", {"text": "…part…", "parts": 3, "missing": 2, "udh": bytes.fromhex("050003200302")}),
        ({"X-Kannel-UDH": "%ff%00"}, b"x", {"text": "x", "udh": b"", "parts": 1}),
        ({"X-Kannel-From": "0013900000001"}, b"x", {"sender": "13900000001"}),
        ({"X-Kannel-From": "Bank"}, b"x", {"sender": "Bank"}),
    ],
)
def test_messages(settings: Callable[..., kannel.Settings], headers: dict[str, str], body: bytes, means: dict[str, object]) -> None:
    async def scenario() -> None:
        told = settings("http://127.0.0.1:1/", numbering="none" if headers.get("X-Kannel-From", "").startswith("00") else "china")
        async with link(told) as ours, Hearing(ours) as heard:
            assert await call(told, "message", {"X-Kannel-From": "+8613900000001", "X-Kannel-To": "10086"} | headers, body) == 200
            (incoming,) = await heard.first(Incoming)
            assert {name: getattr(incoming, name) for name in means} == means

    run(scenario())


def test_never_is_an_acknowledgement_too(settings: Callable[..., kannel.Settings]) -> None:
    async def scenario() -> None:
        told = settings("http://127.0.0.1:1/")
        async with link(told) as ours, Hearing(ours, settle=False) as heard:
            for number, (permanent, status) in enumerate(((True, 200), (False, 503)), 1):
                asking = asyncio.create_task(call(told, f"receipt?key={number}&status=1"))
                receipt = (await heard.first(Receipt, count=number))[-1]
                await receipt.refuse(permanent=permanent)
                await receipt.settle()  # the second word does nothing
                assert await asking == status

    run(scenario())


def test_any_call_is_taken_or_refused(settings: Callable[..., kannel.Settings], seed: int, effort: int) -> None:
    """Random octets in every place: never a fault of ours."""
    draw = random.Random(seed)
    names = ["key", "part", "status", "id", "answer", "at", "smsc", "from", "to", "text", "coding", "charset", "udh", "service"]
    values = ["", "k", "1", "2", "63", "id:1 stat:DELIVRD", "UTF-8", "hex", "%U", "8613900000001", "9" * 12, "NACK/", "NACK//"]

    def some() -> str:
        return draw.choice(values) if draw.random() < 0.7 else "".join(chr(draw.randrange(256)) for _ in range(draw.randrange(12)))

    async def scenario() -> None:
        told = settings("http://127.0.0.1:1/")
        async with link(told) as ours, Hearing(ours) as heard:
            statuses = set()
            for _ in range(200 * effort):
                query = "&".join(f"{name}={quote(some(), safe='', encoding='latin-1')}" for name in draw.choices(names, k=6))
                head = {f"X-Kannel-{name}": quote(some()) for name in ("From", "To", "Coding", "UDH", "Time")}
                what = draw.choice(["receipt", "message"])
                posted = draw.random() < 0.5
                statuses.add(await call(told, f"{what}?{query}", head if posted else None, draw.randbytes(9) if posted else None))
            assert statuses == {200, 400}
            assert len(heard.of(Receipt)) + len(heard.of(Incoming)) == ours.counts["settled"]

    run(scenario())


def test_what_nobody_took_in_time_is_not_kept(settings: Callable[..., kannel.Settings]) -> None:
    """A receipt comes again and again while nobody takes events: there is one of it all the same."""

    async def scenario() -> None:
        told = settings("http://127.0.0.1:1/")
        assert told.endpoint is not None
        told = msgspec.structs.replace(told, endpoint=msgspec.structs.replace(told.endpoint, settle_seconds=0.01))
        async with link(told) as ours:
            for _ in range(5):
                assert await call(told, "receipt?key=k&status=1") == 503
            asking = asyncio.create_task(call(told, "receipt?key=last&status=1"))
            await until(lambda: ours.counts["receipts"] == 6)
            async with Hearing(ours) as heard:
                await heard.first(Down)
                assert await asking in {200, 503}
                assert {one.key for one in heard.of(Receipt)} <= {"last"}

    run(scenario())


# ------------------------------------------------------------------------------------------------------------------- secrecy


def test_no_number_and_no_secret_in_logs_and_texts(
    settings: Callable[..., kannel.Settings], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Of addresses too: Kannel's own logs keep them."""
    caplog.set_level(logging.DEBUG)

    async def scenario() -> None:
        async with peer(answer(400, f"bad number {SUBSCRIBER}".encode()), answer(403), ACCEPTED) as smsbox:
            told = settings(f"http://127.0.0.1:{smsbox.port}/cgi-bin/sendsms")
            async with link(told) as ours, Hearing(ours) as heard:
                said = [repr(await ours.send(OURS))]
                with pytest.raises(LinkDown) as caught:
                    await ours.send(OURS)
                said.append(str(caught.value))
                await heard.first(Up, count=2)
                await ours.send(OURS)
                await call(told, f"message?from={SUBSCRIBER}&to=10086&text={SUBSCRIBER}")
                await call(told, f"receipt?from={SUBSCRIBER}")
                await heard.first(Incoming)
                said += [repr(event) for event in heard.all] + [repr(ours.counts)]
            said += [one.line + one.headers.get("x-kannel-dlr-url", "") for one in smsbox.asked]
            assert not re.search(r"139[0-9]{8}", "".join(said) + caplog.text)
            for secret in (PASSWORD, SECRET):
                assert secret not in caplog.text
                assert secret not in repr(told)

    run(scenario())


def test_settings_that_cannot_be(settings: Callable[..., kannel.Settings], tmp_path: Path) -> None:
    for changes, why in (
        ({"url": "kannel:13013"}, "url: "),
        ({"url": "http://me:secret@kannel/"}, "url: "),
        ({"url": "http://kannel:99999/"}, "url: "),
        ({"dlr_mask": 64}, "dlr_mask: "),
        ({"source": "端午"}, "source: "),
        ({"retry_seconds": 90.0}, "retry_limit_seconds: "),
    ):
        with pytest.raises(ConfigError, match=f"^{why}"):
            settings(**({"url": "http://127.0.0.1/"} | changes))

    async def scenario() -> None:
        open_to_all = tmp_path / "open"
        open_to_all.write_text("secret")
        open_to_all.chmod(0o644)
        with pytest.raises(LinkError, match="others may read"):
            await link(settings("http://127.0.0.1/", password_file=str(open_to_all))).__aenter__()
        with pytest.raises(LinkError, match="cannot be read"):
            await link(settings("http://127.0.0.1/", password_file=str(tmp_path / "none"))).__aenter__()
        with pytest.raises(ConfigError, match="password_file: ASCII"):
            await link(settings("http://127.0.0.1/", password_file=private(tmp_path / "two", "a\r\nX-Kannel-To: b"))).__aenter__()
        with pytest.raises(ConfigError, match="ca_file: cannot"):
            await link(settings("https://127.0.0.1/", ca_file=str(tmp_path / "none"))).__aenter__()
        async with link(settings("http://127.0.0.1/")) as ours:
            for message in (
                Message("k", "+86139", Text("x")),
                Message("k", SUBSCRIBER, Text("x" * 2000)),
                Message("k", SUBSCRIBER, Text("\ud83d")),
                Message("k", SUBSCRIBER, Text("x"), sender="端午"),
                Message("k" * 300, SUBSCRIBER, Text("x")),
            ):
                with pytest.raises(EncodeError):
                    await ours.send(message)

    run(scenario())
