"""A link by CMPP: in virtual time against a gateway in memory, and over sockets against the simulator's."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsd.codec import cmpp, push, session, sms
from mmsd.codec.session import SECOND
from mmsd.codec.tables import cmpp as t
from mmsd.errors import ConfigError, DecodeError, EncodeError, LinkDown
from mmsd.link import cmpp as link
from mmsd.link.carry import Accepted, Down, Event, Incoming, Message, Octets, Receipt, Refused, Text, Uncertain, Up
from mmsd.link.channel import Connect
from mmsd.link.cmpp import Settings
from mmsd.link.messenger import Messenger
from tests.link.virtual import Centre, End, Said, pair, run

NUMBER = "8613900000001"
SECRET = b"888888"
NOON = int(datetime.datetime(2026, 11, 22, 4, tzinfo=datetime.UTC).timestamp()) * SECOND  # in China

versions = pytest.mark.parametrize("version", ["2.0", "3.0"])
HIGHEST = {"2.0": t.VERSION_2, "3.0": t.VERSION_3}


def settings(**changes: Any) -> Settings:
    return Settings(**{"host": "gateway", "sp_id": "900001", "source": "10657", "rate": 1000.0, **changes})


def text(words: str = "hello", key: str = "a", **more: Any) -> Message:
    return Message(key, NUMBER, Text(words), **more)


def taking() -> Callable[[cmpp.Pdu], Said]:
    count = iter(range(1, 1_000_000))
    return lambda pdu: Said(0, cmpp.SubmitAnswer(next(count), 0))


class Gateway(Centre):
    """An ISMG in memory that knows our secret and checks the login as the specification says."""

    def __init__(self, version: str = "3.0", answer: Callable[[Any], Said] | None = None, *, secret: bytes = SECRET) -> None:
        super().__init__(
            lambda: session.Cmpp(HIGHEST[version]), cmpp.ConnectAnswer(0, bytes(16), HIGHEST[version]), answer or taking(), self._admitted
        )
        self.version = version
        self.secret = secret

    def _admitted(self, pdu: Any) -> int:
        asked = pdu.body
        if asked.version > HIGHEST[self.version]:
            return 4
        if asked.authenticator != cmpp.authenticator(asked.source_addr, self.secret, asked.timestamp):
            return 3
        proof = cmpp.gateway_authenticator(0, asked.authenticator, self.secret, min(asked.version, HIGHEST[self.version]))
        self.accept = cmpp.ConnectAnswer(0, proof, HIGHEST[self.version])
        return 0


class Linked:
    """A link whose events are kept in a list and settled."""

    def __init__(self, of: Messenger) -> None:
        self.link = of
        self.events: list[Event] = []

    async def follow(self) -> None:
        async for event in self.link.events():
            self.events.append(event)
            if isinstance(event, Receipt | Incoming):
                await event.settle()

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "secret"
    file.write_bytes(SECRET + b"\n")
    file.chmod(0o600)
    return str(file)


@contextlib.asynccontextmanager
async def linked(to: Centre, password: str, *, connect: Connect | None = None, **changes: Any) -> AsyncIterator[Linked]:
    asked = settings(password_file=password, **changes)
    made = Linked(link.link(asked, random=lambda: 0.5, wall=lambda: NOON, connect=connect or to.connect))
    async with made.link:
        following = asyncio.create_task(made.follow())
        await asyncio.sleep(0.01)
        yield made
        await made.link.leave()
        await following


def deliver(content: bytes = b"", *, msg_fmt: int = 0, tp_udhi: int = 0, report: bool = False, msg_id: int = 77) -> cmpp.Deliver:
    return cmpp.Deliver(
        msg_id=msg_id, destination=b"1065701", service_id=b"HELP", msg_fmt=msg_fmt, tp_udhi=tp_udhi, source=b"13900000001",
        registered_delivery=int(report), content=content, link_id=b"L42",
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------------ the login


@versions
def test_logs_in_with_the_proof_of_its_secret(version: str, password: str):
    async def scenario() -> None:
        ismg = Gateway(version)
        async with linked(ismg, password, version=version, verify_gateway=True) as made:
            assert made.link.health == ("up", "")
        ((_, asked),) = ismg.binds
        assert asked.body == cmpp.Connect(b"900001", cmpp.authenticator(b"900001", SECRET, 1122120000), HIGHEST[version], 1122120000)
        assert made.events == [Up(), Down("left", None)]
        assert ismg.ended == ["the peer unbound"]

    run(scenario())


def test_a_gateway_that_knows_no_3_0_is_asked_in_2_0_at_once_and_from_then_on(password: str):
    async def scenario() -> None:
        ismg = Gateway("2.0")
        async with linked(ismg, password) as made:
            await asyncio.sleep(1)
            assert ismg.tried == [0, 0]
            assert isinstance(await made.link.send(text("端午")), Accepted)
            assert ismg.asked[0][1].body.content.decode("utf-16-be") == "端午"  # type: ignore[union-attr]  # a submit's
            ismg.talks[-1].end.lose()
            await asyncio.sleep(5)
            assert made.link.health.state == "up"
        assert [pdu.body.version for _, pdu in ismg.binds] == [0x30, 0x20, 0x20]  # type: ignore[union-attr]  # a login's
        assert made.of(Down)[0] == Down("the gateway refused CMPP 3.0", 0.0)

    run(scenario())


def test_a_gateway_that_takes_3_0_and_speaks_2_0_is_understood(password: str):
    async def scenario() -> None:
        ismg = Gateway("2.0")
        ismg.admit = lambda pdu: 0
        async with linked(ismg, password) as made:
            assert isinstance(await made.link.send(text()), Accepted)
        assert len(ismg.binds) == 1

    run(scenario())


@pytest.mark.parametrize(("status", "why"), [(3, "authentication failed"), (2, "illegal source address"), (5, "other error"), (99, "99")])
def test_a_refused_login_is_not_hammered(password: str, status: int, why: str):
    async def scenario() -> None:
        ismg = Gateway()
        ismg.admit = lambda pdu: status
        async with linked(ismg, password) as made:
            await asyncio.sleep(3600)
            assert made.link.health == ("down", f"the gateway refused the login: {why}")
        assert 60 < len(ismg.binds) < 144

    run(scenario())


def test_a_wrong_secret_is_refused_and_shown_nowhere(password: str):
    async def scenario() -> None:
        async with linked(Gateway(secret=b"other"), password) as made:
            pass
        assert made.of(Down)[0].why == "the gateway refused the login: authentication failed"
        assert SECRET.decode() not in str(made.events)

    run(scenario())


def test_a_gateway_that_cannot_prove_itself_is_left_where_that_is_asked(password: str):
    async def scenario(check: bool) -> list[Event]:
        ismg = Gateway()
        ismg.admit = lambda pdu: 0
        async with linked(ismg, password, verify_gateway=check) as made:
            pass
        return made.events

    first, last = run(scenario(check=True))
    assert isinstance(first, Down)
    assert "does not prove" in first.why
    assert last == Down(first.why, None)
    assert run(scenario(check=False))[0] == Up()


def test_what_comes_in_one_breath_with_a_wrong_proof_is_not_believed(password: str):
    async def scenario() -> None:
        answered: list[cmpp.Pdu] = []

        async def serve(theirs: End) -> None:
            asked = cmpp.decode(await theirs.read(), t.VERSION_3)
            accepted = cmpp.Pdu(t.RESPONSE | t.CONNECT, asked.sequence, cmpp.ConnectAnswer(0, bytes(16), t.VERSION_3))
            message = cmpp.Pdu(t.DELIVER, 9, deliver(b"TD"))
            theirs.write(cmpp.encode(accepted, t.VERSION_3) + cmpp.encode(message, t.VERSION_3))
            octets = await theirs.read()
            answered.append(cmpp.decode(octets[: int.from_bytes(octets[:4], "big")], t.VERSION_3))

        serving: list[asyncio.Task[None]] = []

        async def connect() -> End:
            ours, theirs = pair()
            serving.append(asyncio.create_task(serve(theirs)))
            return ours

        async with linked(Gateway(), password, verify_gateway=True, connect=connect) as made:
            await serving[0]
        assert made.of(Incoming) == []
        (said,) = answered
        assert (said.command, said.body) == (t.RESPONSE | t.DELIVER, cmpp.DeliverAnswer(77, t.FLOW_CONTROL))

    run(scenario())


# ------------------------------------------------------------------------------------------------------------------ submits


@versions
def test_every_field_of_an_account_goes_out(version: str, password: str):
    async def scenario() -> None:
        ismg = Gateway(version)
        account: dict[str, Any] = {
            "service_id": "MMSHELP", "msg_src": "900002", "fee_user_type": 3, "fee_terminal": "13800000000", "fee_terminal_type": 1,
            "fee_type": "02", "fee_code": "000010", "registered_delivery": 1, "msg_level": 1, "tp_pid": 2, "destination_type": 1,
        }  # fmt: skip
        async with linked(ismg, password, version=version, national=True, **account) as made:
            await made.link.send(text("yes", sub_code="01", validity=86400, priority=3, link_id="L42"))
            await made.link.send(text("yes", sender="10086", want_report=False))
        first, second = (pdu.body for _, pdu in ismg.asked)
        third = version == "3.0"
        assert first == cmpp.Submit(
            registered_delivery=1, msg_level=3, service_id=b"MMSHELP", fee_user_type=3, fee_terminal=b"13800000000",
            fee_terminal_type=int(third), tp_pid=2, msg_src=b"900002", fee_type=b"02", fee_code=b"000010", valid_time=b"000001000000000R",
            source=b"1065701", destinations=(b"13900000001",), destination_type=int(third), content=b"yes",
            link_id=b"L42" if third else b"",
        )  # fmt: skip
        assert isinstance(second, cmpp.Submit)
        assert (second.registered_delivery, second.msg_level, second.source) == (0, 1, b"10086")

    run(scenario())


def sent(message: Message, **changes: Any) -> list[cmpp.Submit]:
    account = link.Account(settings(**changes), lambda: NOON)
    return [body for request in account.requests(message) if isinstance(body := request.body, cmpp.Submit)]


def test_what_is_not_set_is_free_and_ours():
    (submit,) = sent(text(validity=3600), validity="absolute")
    assert (submit.msg_src, submit.fee_type, submit.fee_code, submit.destinations) == (b"900001", b"01", b"0", (NUMBER.encode(),))
    assert submit.valid_time == b"261122130000032+"


@given(words=st.text(st.sampled_from("a@[龙😀~"), min_size=1, max_size=300))
def test_any_text_arrives_and_no_character_is_cut(words: str):
    submits = sent(text(words))
    contents = [cmpp.content(submit) for submit in submits]
    assert "".join(cmpp.text(data.data, submit.msg_fmt) for (data, _, _), submit in zip(contents, submits, strict=True)) == words
    assert {submit.msg_fmt for submit in submits} == ({0} if words.isascii() else {8})
    for number, (submit, (user_data, header, faults)) in enumerate(zip(submits, contents, strict=True), 1):
        assert not faults
        assert "\ufffd" not in cmpp.text(user_data.data, submit.msg_fmt)
        assert (submit.pk_total, submit.pk_number, submit.tp_udhi) == (len(submits), number, int(len(submits) > 1))
        assert len(submit.content) <= (160 if words.isascii() else 140)
        if len(submits) > 1:
            assert header.concat is not None
            assert (header.concat.sequence, header.concat.total) == (number, len(submits))


def test_a_push_goes_with_its_header():
    pieces = sms.split(sms.Udh(sms.PUSH_PORT, sms.WSP_PORT), bytes(range(200)), 16)
    submits = sent(Message("a", NUMBER, Octets(tuple(pieces))))
    assert b"".join(cmpp.content(submit)[0].data for submit in submits) == bytes(range(200))
    assert [(submit.tp_udhi, submit.msg_fmt, submit.pk_total, submit.pk_number) for submit in submits] == [(1, 4, 2, 1), (1, 4, 2, 2)]
    assert {cmpp.content(submit)[1].destination for submit in submits} == {2948}


def test_what_cannot_be_sent_is_refused_whole(password: str):
    async def scenario() -> None:
        ismg = Gateway()
        async with linked(ismg, password) as made:
            for message in (text("龙" * 700), text(sender="1" * 22), text(sender="龙"), Message("a", "1" * 33, Text("龙" * 100))):
                with pytest.raises(EncodeError) as refused:
                    await made.link.send(message)
                assert message.receiver not in str(refused.value)
            assert ismg.asked == []

    run(scenario())


@pytest.mark.parametrize(
    ("result", "name", "permanent", "throttled"),
    [(13, "destination", True, False), (10, "source", True, False), (8, "flow control", False, True), (77, "result 77", False, False)],
)
def test_a_refusal_says_whether_to_try_again(password: str, result: int, name: str, permanent: bool, throttled: bool):
    async def scenario() -> None:
        ismg = Gateway(answer=lambda pdu: Said(result))
        async with linked(ismg, password) as made:
            assert await made.link.send(text()) == Refused("a", result, name, permanent, throttled)

    run(scenario())


def test_flow_control_slows_the_link_and_loses_nothing(password: str):
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        numbers = taking()
        ismg = Gateway(answer=lambda pdu: Said(t.FLOW_CONTROL) if loop.time() < 20 else numbers(pdu))

        async def until_taken(made: Linked, key: str) -> None:
            while not isinstance(await made.link.send(text(key=key)), Accepted):
                pass

        async with linked(ismg, password, rate=10.0, window=4) as made:
            await asyncio.gather(*(until_taken(made, str(key)) for key in range(100)))
            assert made.link.counts["accepted"] == 100
            assert made.link.counts["throttled"] < 25

    run(scenario())


def test_a_lost_connection_leaves_it_uncertain_and_a_silent_gateway_is_found(password: str):
    async def scenario() -> None:
        ismg = Gateway(answer=lambda pdu: Said(None))
        async with linked(ismg, password) as made:
            sending = asyncio.create_task(made.link.send(text()))
            await asyncio.sleep(1)
            ismg.talks[0].end.deaf = True
            began = asyncio.get_running_loop().time()
            assert await sending == Uncertain("a", "the peer is silent")
            assert asyncio.get_running_loop().time() - began <= 60
            with pytest.raises(LinkDown, match="the peer is silent"):
                await made.link.send(text())

    run(scenario())


# ----------------------------------------------------------------------------------------------------- reports and messages


@versions
@pytest.mark.parametrize("short", [True, False], ids=["60 octets", "71 octets"])
def test_reports_of_either_length_in_either_version(version: str, short: bool, password: str):
    async def scenario() -> None:
        ismg = Gateway(version)
        async with linked(ismg, password, version=version) as made:
            assert await made.link.send(text()) == Accepted("a", ("1",))
            for stat in (b"DELIVRD", b"MK:0012", b"ACCEPTD", b"CB:0053"):
                report = cmpp.Report(1, stat, b"2611221159", b"2611221200", b"13900000001", 9)
                content = cmpp.encode_report(report, t.VERSION_2 if short else t.VERSION_3)
                ismg.deliver(t.DELIVER, deliver(content, report=True))
            await asyncio.sleep(1)
            assert set(ismg.statuses().values()) == {0}
        told = made.of(Receipt)
        assert [(heard.key, heard.id, heard.receiver, heard.submitted, heard.done) for heard in told] == [
            ("a", "1", NUMBER, "2611221159", "2611221200")
        ] * 4
        assert [(heard.state, heard.error, heard.final) for heard in told] == [
            ("DELIVRD", "", True), ("UNDELIV", "MK:0012", True), ("ACCEPTD", "", False), ("CB:0053", "", True),
        ]  # fmt: skip

    run(scenario())


def test_a_report_that_overtakes_the_answer_waits_for_it(password: str):
    async def scenario() -> None:
        ismg = Gateway(answer=lambda pdu: Said(0, cmpp.SubmitAnswer(5, 0), after=1.0))
        async with linked(ismg, password) as made:
            sending = asyncio.create_task(made.link.send(text()))
            await asyncio.sleep(0.1)
            ismg.deliver(t.DELIVER, deliver(cmpp.encode_report(cmpp.Report(5, b"DELIVRD"), t.VERSION_3), report=True))
            await asyncio.sleep(0.1)
            assert made.of(Receipt) == []
            await sending
            await asyncio.sleep(0.1)
            assert made.of(Receipt)[0].key == "a"

    run(scenario())


@versions
def test_messages_of_subscribers(version: str, password: str):
    async def scenario() -> None:
        ismg = Gateway(version)
        async with linked(ismg, password, version=version) as made:
            for charset, msg_fmt in (("utf-16-be", 8), ("gbk", 15)):
                ismg.deliver(t.DELIVER, deliver("要".encode(charset), msg_fmt=msg_fmt))
            ismg.deliver(t.DELIVER, deliver(push.PUSH_UDH + b"\1\6", msg_fmt=4, tp_udhi=1))
            for piece in reversed(sms.compose("端午" * 80, 7)):
                ismg.deliver(t.DELIVER, deliver(piece.user_data.udh + piece.user_data.data, msg_fmt=8, tp_udhi=1))
            await asyncio.sleep(1)
            assert list(ismg.statuses().values()) == [0] * 6
        link_id = "L42" if version == "3.0" else ""
        common: dict[str, Any] = {
            "sender": NUMBER,
            "receiver": "1065701",
            "sub_code": "01",
            "service": "HELP",
            "link_id": link_id,
            "at": NOON,
        }
        udh = sms.compose("端午" * 80, 7)[0].user_data.udh
        assert made.of(Incoming) == [
            Incoming(text="要", **common),
            Incoming(text="要", **common),
            Incoming(text="\1\6", data=b"\1\6", udh=push.PUSH_UDH, **common),
            Incoming(text="端午" * 80, parts=3, udh=udh, **common),
        ]

    run(scenario())


def test_what_cannot_be_read_is_refused_for_good(password: str):
    async def scenario() -> None:
        ismg = Gateway()
        async with linked(ismg, password) as made:
            sequence = ismg.deliver(t.DELIVER, deliver(b"short", report=True))
            await asyncio.sleep(1)
            assert ismg.statuses() == {sequence: t.OTHER}
            assert made.link.counts["unreadable"] == 1

    run(scenario())


@given(st.binary(max_size=140), st.integers(0, 255), st.integers(0, 1), st.integers(0, 1), st.binary(max_size=20))
def test_whatever_a_gateway_writes_is_a_report_a_piece_or_refused(octets, msg_fmt, tp_udhi, report, number):
    account = link.Account(settings(), lambda: NOON)
    body = cmpp.Deliver(msg_fmt=msg_fmt, tp_udhi=tp_udhi, registered_delivery=report, source=number, content=octets)
    try:
        heard = account.hear(cmpp.Pdu(t.DELIVER, body=body))
    except DecodeError:
        assert report
    else:
        assert isinstance(heard, Receipt) or isinstance(account.text(heard.data, heard.coding), str | None)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"sp_id": "9000011"}, "sp_id: 6 ASCII"),
        ({"service_id": "é"}, "service_id: 10 ASCII"),
        ({"fee_user_type": 3}, "fee_terminal: fee_user_type 3 bills it"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], fault: str):
    with pytest.raises(ConfigError, match=fault):
        settings(**changes)
