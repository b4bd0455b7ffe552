"""The SMS centre: accounts, submits of every kind, receipts, messages, limits; held against smpp34's client and tshark."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp
import msgspec
import pytest
import smpp34
import uvloop

from mmsd.codec import cmpp, session, smpp, sms
from mmsd.codec.tables import cmpp as cmpp_table
from mmsd.codec.tables import smpp as smpp_table
from mmsd.errors import ConfigError
from sim.centre import Account, Centre, Fault, Ids, Incoming, Receipts, Rule, Settings, command, ledger, receipts, settings
from tests.sim.centre_client import bound, client

PATIENCE = 60
ACCOUNT = Account(name="loop", password="secret", numbers=("10657",))
QUICK = Receipts(after=0.0, again=0.01)
SMPP = Settings(accounts=(ACCOUNT,), receipts=QUICK)
CMPP = Settings(protocol="cmpp", accounts=(ACCOUNT,), receipts=QUICK)
PLAIN = {"smpp": SMPP, "cmpp": CMPP}
HANDSET = "8613900000001"

both = pytest.mark.parametrize("protocol", ["smpp", "cmpp"])


def wall() -> int:
    return time.time_ns() // 1000


def settled(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, PATIENCE))


def changed(settings: Settings, **changes: Any) -> Settings:
    return msgspec.structs.replace(settings, **changes)


async def delivered(bound: smpp34.Smsc, count: int) -> AsyncIterator[smpp34.DeliverSmEvent]:
    for _ in range(count):
        event = await bound.next()
        assert isinstance(event, smpp34.DeliverSmEvent)
        yield event


# --------------------------------------------------------------------------------------------------------- smpp34's client


def test_smpp34_binds_submits_and_gets_receipts_and_messages(tmp_path):
    async def scenario() -> None:
        async with Centre(SMPP, wall=wall, ledger=tmp_path / "ledger.jsonl") as centre:
            client = smpp34.Client("127.0.0.1", centre.port, "loop", "secret", bind_type="TRX")
            bound = await client.connect()
            answer = await bound.submit_sm(
                "8613900000001", "端午".encode("utf-16-be"), source_addr="10657", data_coding=8, registered_delivery=1
            )
            assert answer.is_success
            (part,) = centre.taken
            assert (part.submit.text, part.receiver, answer.message_id) == ("端午", "8613900000001", part.identity)
            receipt = await bound.next()
            assert isinstance(receipt, smpp34.DeliverSmEvent)
            assert receipt.esm_class == 4
            assert receipt.short_message.startswith(b"id:%s sub:001 dlvrd:001 submit date:" % part.identity.encode())
            assert b" stat:DELIVRD err:000 text:??" in receipt.short_message
            centre.send(Incoming("8613900000001", "1065701", "好" * 100))
            pieces = [piece.short_message async for piece in delivered(bound, 2)]
            assert "".join(piece[6:].decode("utf-16-be") for piece in pieces) == "好" * 100
            await centre.until(lambda: centre.counts["incomings acknowledged"] == 2)
            await bound.unbind()
            await client.stop()
            await centre.until(lambda: not centre.connections)
            ledger = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
            assert [(line["id"], line["text"], line["account"]) for line in ledger] == [(part.identity, "端午", "loop")]

    settled(scenario())


# -------------------------------------------------------------------------------------------------------------- who may bind


@both
@pytest.mark.parametrize(
    ("name", "password", "status"), [("loop", "wrong", {"smpp": 0x0E, "cmpp": 3}), ("nobody", "secret", {"smpp": 0x0F, "cmpp": 2})]
)
def test_strangers_are_refused(protocol, name, password, status):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre, client(protocol, centre.port) as peer:
            refused = await peer.bind(name[:6], password)
            assert isinstance(refused, session.BindRefused)
            assert refused.status == status[protocol]
            assert [bind.status for bind in centre.binds] == [refused.status]

    settled(scenario())


@pytest.mark.parametrize("version", [cmpp_table.VERSION_2, cmpp_table.VERSION_3])
def test_a_cmpp_gateway_proves_that_it_knows_the_secret(version):
    async def scenario() -> None:
        async with Centre(CMPP, wall=wall) as centre, client("cmpp", centre.port, version) as peer:
            came = await peer.bind("loop", "secret", version=version)
            asked = cmpp.authenticator(b"loop", b"secret", 1122150000)
            assert came.pdu.body == cmpp.ConnectAnswer(0, cmpp.gateway_authenticator(0, asked, b"secret", version), cmpp_table.VERSION_3)

    settled(scenario())


def test_a_gateway_of_2_0_refuses_3_0_and_says_why():
    async def scenario() -> None:
        async with Centre(changed(CMPP, version="2.0"), wall=wall) as centre:
            async with client("cmpp", centre.port) as peer:
                refused = await peer.bind("loop", "secret")
                assert (refused.status, refused.pdu.body.version) == (4, cmpp_table.VERSION_2)
            async with client("cmpp", centre.port) as peer:
                assert isinstance(await peer.bind("loop", "secret", version=cmpp_table.VERSION_2), session.Bound)

    settled(scenario())


@both
def test_an_account_binds_so_often_and_no_more(protocol):
    async def scenario() -> None:
        settings = changed(PLAIN[protocol], accounts=(msgspec.structs.replace(ACCOUNT, binds=1),))
        async with Centre(settings, wall=wall) as centre, bound(protocol, centre.port), client(protocol, centre.port) as second:
            assert isinstance(await second.bind("loop", "secret"), session.BindRefused)

    settled(scenario())


# ---------------------------------------------------------------------------------------------------- submits of every kind

UCS2 = "端午安康" * 30
PUSH = bytes(range(200))


def to(number: str = HANDSET) -> smpp.Address:
    return smpp.Address(1, 1, number.encode())


def text_parts(text: str) -> list[tuple[bytes, int]]:
    return [(piece.user_data.udh + piece.user_data.data, piece.dcs) for piece in sms.compose(text, 7)]


SMPP_SUBMITS: dict[str, tuple[list[tuple[session.Body, session.Tlvs, int | None]], str | bytes]] = {
    "GSM 7-bit with extension": ([(smpp.Message(destination=to(), short_message=b"\x1be5 for you \x00"), (), None)], "€5 for you @"),
    "UCS-2": ([(smpp.Message(destination=to(), data_coding=8, short_message="端午".encode("utf-16-be")), (), None)], "端午"),
    "binary": ([(smpp.Message(destination=to(), data_coding=4, short_message=PUSH[:100]), (), None)], PUSH[:100]),
    "long by header": (
        [
            (smpp.Message(destination=to(), esm_class=0x40, data_coding=dcs, short_message=octets), (), None)
            for octets, dcs in text_parts(UCS2)
        ],
        UCS2,
    ),
    "long by header, last part first": (
        [
            (smpp.Message(destination=to(), esm_class=0x40, data_coding=dcs, short_message=octets), (), None)
            for octets, dcs in reversed(text_parts("seven bits " * 30))
        ],
        "seven bits " * 30,
    ),
    "long by sar parameters": (
        [
            (
                smpp.Message(destination=to(), data_coding=8, short_message=UCS2[at : at + 60].encode("utf-16-be")),
                ((smpp_table.SAR_REFERENCE, b"\1\2"), (smpp_table.SAR_TOTAL, b"\2"), (smpp_table.SAR_SEQUENCE, bytes((1 + at // 60,)))),
                None,
            )
            for at in (0, 60)
        ],
        UCS2,
    ),
    "long by payload": (
        [(smpp.Message(destination=to(), data_coding=8), ((smpp_table.MESSAGE_PAYLOAD, UCS2.encode("utf-16-be")),), None)],
        UCS2,
    ),
    "data_sm": (
        [
            (
                smpp.DataMessage(destination=to(), data_coding=8),
                ((smpp_table.MESSAGE_PAYLOAD, "端".encode("utf-16-be")),),
                smpp_table.DATA_SM,
            )
        ],
        "端",
    ),
    "push": (
        [
            (smpp.Message(destination=to(), esm_class=0x40, data_coding=4, short_message=udh + data), (), None)
            for udh, data in sms.split(sms.Udh(sms.PUSH_PORT, sms.WSP_PORT), PUSH, 9)
        ],
        PUSH,
    ),
}
CMPP_TO = (HANDSET.encode(),)
CMPP_SUBMITS: dict[str, tuple[list[cmpp.Submit], str | bytes]] = {
    "ASCII": ([cmpp.Submit(destinations=CMPP_TO, content=b"hello")], "hello"),
    "UCS-2": ([cmpp.Submit(destinations=CMPP_TO, msg_fmt=8, content="端午".encode("utf-16-be"))], "端午"),
    "GBK": ([cmpp.Submit(destinations=CMPP_TO, msg_fmt=15, content="端午".encode("gbk"))], "端午"),
    "binary": ([cmpp.Submit(destinations=CMPP_TO, msg_fmt=4, content=PUSH[:100])], PUSH[:100]),
    "long by header": (
        [cmpp.Submit(destinations=CMPP_TO, tp_udhi=1, msg_fmt=dcs, content=octets) for octets, dcs in text_parts(UCS2)],
        UCS2,
    ),
    "long by Pk_number": (
        [
            cmpp.Submit(destinations=CMPP_TO, pk_total=2, pk_number=1 + at // 60, msg_fmt=8, content=UCS2[at : at + 60].encode("utf-16-be"))
            for at in (0, 60)
        ],
        UCS2,
    ),
    "push": (
        [
            cmpp.Submit(destinations=CMPP_TO, tp_udhi=1, msg_fmt=4, content=udh + data)
            for udh, data in sms.split(sms.Udh(sms.PUSH_PORT, sms.WSP_PORT), PUSH, 9)
        ],
        PUSH,
    ),
}


def read_back(centre: Centre, carried: str | bytes, parts: int) -> None:
    (message,) = centre.messages
    assert len(message.parts) == parts
    assert carried == (message.text if isinstance(carried, str) else message.data)
    assert message.parts[0].submit.is_text is isinstance(carried, str)


@pytest.mark.parametrize("name", SMPP_SUBMITS)
def test_smpp_submits_are_read_as_the_handset_reads_them(name):
    submits, carried = SMPP_SUBMITS[name]

    async def scenario() -> None:
        async with Centre(SMPP, wall=wall) as centre, bound("smpp", centre.port) as peer:
            answers = [await peer.submit(*submit) for submit in submits]
            assert [answer.pdu.body.message_id.decode() for answer in answers] == [part.identity for part in centre.taken]
            read_back(centre, carried, len(submits))

    settled(scenario())


@pytest.mark.parametrize("version", [cmpp_table.VERSION_2, cmpp_table.VERSION_3])
@pytest.mark.parametrize("name", CMPP_SUBMITS)
def test_cmpp_submits_are_read_as_the_handset_reads_them(name, version):
    submits, carried = CMPP_SUBMITS[name]

    async def scenario() -> None:
        async with Centre(CMPP, wall=wall) as centre, client("cmpp", centre.port, version) as peer:
            await peer.bind("loop", "secret", version=version)
            answers = [await peer.submit(submit) for submit in submits]
            assert [answer.pdu.body.msg_id for answer in answers] == [part.number for part in centre.taken]
            assert len({part.number for part in centre.taken}) == len(submits)
            read_back(centre, carried, len(submits))

    settled(scenario())


@both
def test_one_submit_to_several_receivers_is_a_line_for_each(protocol, tmp_path):
    async def scenario() -> None:
        others = tuple(f"861390000000{digit}" for digit in range(3))
        async with Centre(PLAIN[protocol], wall=wall, ledger=tmp_path / "l") as centre, bound(protocol, centre.port) as peer:
            if protocol == "smpp":
                await peer.submit(smpp.MultiMessage(destinations=tuple(map(to, others)), short_message=b"x"), (), smpp_table.SUBMIT_MULTI)
            else:
                await peer.submit(cmpp.Submit(destinations=tuple(other.encode() for other in others), content=b"x"))
            assert tuple(part.receiver for part in centre.taken) == others
        assert tuple(line.receiver for line in ledger.read(tmp_path / "l")) == others

    settled(scenario())


@both
def test_a_submit_without_receiver_is_refused(protocol):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre, bound(protocol, centre.port) as peer:
            answer = await peer.submit(smpp.Message(short_message=b"x") if protocol == "smpp" else cmpp.Submit(content=b"x"))
            assert answer.status == 1
            assert not centre.taken

    settled(scenario())


# -------------------------------------------------------------------------------------------------------- receipts, messages


def asked(protocol: str, *, text: bytes = b"hello", number: str = HANDSET, receipt: int = 1, source: str = "10657") -> session.Body:
    if protocol == "smpp":
        return smpp.Message(
            source=smpp.Address(0, 1, source.encode()), destination=to(number), registered_delivery=receipt, short_message=text
        )
    return cmpp.Submit(registered_delivery=receipt, source=source.encode(), destinations=(number.encode(),), content=text)


@pytest.mark.parametrize("form", [*receipts.FORMS, "Nachricht {id} ist {stat}; id:{id} stat:{stat} err:{err}"])
@pytest.mark.parametrize(("answer", "receipt"), [("{:08x}", "{:08x}"), ("{:x}", "{:d}"), ("{:d}", "{:X}")])
def test_receipts_are_read_in_every_form_and_spelling(form, answer, receipt):
    async def scenario() -> None:
        told = Receipts(form=form, after=0.0, parameters=form == "no text")
        ids = Ids(answer=answer, receipt=receipt, first=0xF3A0)
        rules = (Rule(receiver="*02", state="UNDELIV", error=27),)
        async with Centre(changed(SMPP, receipts=told, ids=ids, handsets=rules), wall=wall) as centre, bound("smpp", centre.port) as peer:
            await peer.submit(asked("smpp"))
            await peer.submit(asked("smpp", number="8613900000002"))
            read = [smpp.receipt(event.pdu) for event in await peer.event(session.Asked, 2)]
            assert [(each.state, each.final) for each in read if each] == [("DELIVRD", True), ("UNDELIV", True)]
            for part, each in zip(centre.taken, read, strict=True):
                assert each is not None
                assert smpp.canonical(part.identity.encode()) in smpp.spellings(each.message_id)
            assert read[1] is not None
            assert form == "no text" or int(read[1].err) == 27
            assert read[1].network == (3, 27)

    settled(scenario())


@pytest.mark.parametrize(("version", "short", "size"), [(0x20, False, 60), (0x30, False, 71), (0x30, True, 60)])
def test_cmpp_reports_have_their_version_s_length(version, short, size):
    async def scenario() -> None:
        settings = changed(CMPP, receipts=Receipts(after=0.0, short_frames=short), handsets=(Rule(state="MK:0012"),))
        async with Centre(settings, wall=wall) as centre, client("cmpp", centre.port, version) as peer:
            await peer.bind("loop", "secret", version=version)
            answer = await peer.submit(asked("cmpp"))
            (event,) = await peer.event(session.Asked)
            report = cmpp.report(event.pdu.body)
            assert report is not None
            assert (len(event.pdu.body.content), report.msg_id, report.state) == (size, answer.pdu.body.msg_id, "UNDELIV")
            assert not report.faults

    settled(scenario())


def test_receipts_come_when_they_are_wanted():
    async def scenario() -> None:
        rules = (Rule(receiver="*2", state="EXPIRED"),)
        async with Centre(changed(SMPP, handsets=rules), wall=wall) as centre, bound("smpp", centre.port) as peer:
            for receipt in (0, 1, 2):
                for number in ("8613900000001", "8613900000002"):
                    await peer.submit(asked("smpp", number=number, receipt=receipt))
            await centre.until(lambda: all(part.state != "ENROUTE" for part in centre.taken))
            await centre.until(lambda: centre.counts["receipts acknowledged"] == 3)
            states = [part.state for part in centre.taken]
            assert states == ["DELIVRD", "EXPIRED"] * 3
            told = [smpp.receipt(event.pdu) for event in peer.of(session.Asked)]
            assert [each.state for each in told if each] == ["DELIVRD", "EXPIRED", "EXPIRED"]

    settled(scenario())


def test_a_receipt_repeats_user_message_reference():
    async def scenario() -> None:
        async with Centre(SMPP, wall=wall) as centre, bound("smpp", centre.port) as peer:
            await peer.submit(asked("smpp"), ((smpp_table.USER_MESSAGE_REFERENCE, b"\x12\x34"),))
            (event,) = await peer.event(session.Asked)
            assert event.pdu.number(smpp_table.USER_MESSAGE_REFERENCE) == 0x1234
            assert centre.taken[0].submit.reference == 0x1234

    settled(scenario())


@both
@pytest.mark.parametrize("long", ["udh", "sar", "payload"])
@pytest.mark.parametrize("text", ["yes", "是", "a line of text " * 20, "龙舟😀" * 60])
def test_long_messages_of_subscribers_are_joined_again(protocol, long, text):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre, bound(protocol, centre.port) as peer:
            centre.send(Incoming(HANDSET, "1065701", text, long=long))
            sent = centre.counts["incomings sent"]
            await centre.until(lambda: centre.counts["incomings acknowledged"] == sent)
            pieces: dict[int, bytes] = {}
            coding = 0
            for event in peer.of(session.Asked):
                if protocol == "smpp":
                    content = smpp.content(event.pdu)
                    assert not content.faults
                    header, data, coding = content.header, content.data, content.data_coding
                else:
                    user_data, header, found = cmpp.content(event.pdu.body)
                    assert not found
                    data, coding = user_data.data, event.pdu.body.msg_fmt
                pieces[header.concat.sequence if header.concat else 1] = data
            octets = b"".join(pieces[at] for at in sorted(pieces))
            assert (smpp.text if protocol == "smpp" else cmpp.text)(octets, coding) == text

    settled(scenario())


@both
def test_a_delivery_is_kept_until_it_is_acknowledged(protocol):
    """Refused it comes again, and after a lost connection in the next session, also one that was said already."""

    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre:
            async with bound(protocol, centre.port) as peer:
                refusals = iter([9, 9])
                peer.settles = lambda asked: next(refusals, None)  # refuse two, then say nothing
                centre.send(Incoming(HANDSET, "10657", "yes"))
                await peer.event(session.Asked, 3)
            async with bound(protocol, centre.port) as peer:
                await peer.event(session.Asked)
                await centre.until(lambda: centre.counts["incomings acknowledged"] == 1)
            assert centre.counts["incomings refused"] == 2
            assert centre.counts["incomings sent"] == 4
            assert not centre.customers["loop"].waiting

    settled(scenario())


@both
def test_a_message_finds_the_account_with_the_longest_number(protocol):
    async def scenario() -> None:
        other = Account(name="vip", password="secret", numbers=("106570",))
        async with Centre(changed(PLAIN[protocol], accounts=(ACCOUNT, other)), wall=wall) as centre:
            centre.send(Incoming(HANDSET, "1065701", "to the other"))
            centre.send(Incoming(HANDSET, "1065711", "to the first"))
            assert [len(customer.waiting) for customer in centre.customers.values()] == [1, 1]
            with pytest.raises(ConfigError, match="95555"):
                centre.send(Incoming(HANDSET, "95555", "to nobody"))
            async with bound(protocol, centre.port, "vip") as peer:
                (event,) = await peer.event(session.Asked)
                assert b"to the other" in (event.pdu.body.short_message if protocol == "smpp" else event.pdu.body.content)

    settled(scenario())


# -------------------------------------------------------------------------------------------- limits, handsets, queries


@both
def test_more_than_the_window_is_refused(protocol):
    async def scenario() -> None:
        settings = changed(PLAIN[protocol], accounts=(msgspec.structs.replace(ACCOUNT, window=2),))
        async with Centre(settings, wall=wall) as centre, bound(protocol, centre.port) as peer:
            centre.order(Fault.SILENT, times=2)
            for _ in range(2):
                peer.ask(asked(protocol))
            answer = await peer.submit(asked(protocol))
            assert (answer.throttled, answer.status) == (True, {"smpp": 0x14, "cmpp": 8}[protocol])
            assert len(centre.taken) == 2

    settled(scenario())


@both
def test_more_than_the_rate_is_throttled(protocol):
    async def scenario() -> None:
        settings = changed(PLAIN[protocol], accounts=(msgspec.structs.replace(ACCOUNT, rate=0.001),))
        async with Centre(settings, wall=wall) as centre, bound(protocol, centre.port) as peer:
            assert not (await peer.submit(asked(protocol))).status
            assert (await peer.submit(asked(protocol))).throttled
            assert len(centre.taken) == 1

    settled(scenario())


@both
def test_handsets_follow_their_rules(protocol):
    async def scenario() -> None:
        rules = (
            Rule(receiver="*04", status=11),
            Rule(text="TD?", reply="TD", reply_after=0.0),
            Rule(receiver="*05", state=""),
        )
        async with Centre(changed(PLAIN[protocol], handsets=rules), wall=wall) as centre, bound(protocol, centre.port) as peer:
            assert (await peer.submit(asked(protocol, number="8613900000004"))).status == 11
            await peer.submit(asked(protocol, number="8613900000005"))
            await peer.submit(asked(protocol, text=b"TD?"))
            await centre.until(lambda: centre.counts["incomings acknowledged"] and centre.counts["receipts acknowledged"])
            assert [part.state for part in centre.taken] == ["ENROUTE", "DELIVRD"]
            contents = [getattr(event.pdu.body, "short_message", None) or event.pdu.body.content for event in peer.of(session.Asked)]
            assert b"TD" in contents

    settled(scenario())


def test_a_message_can_be_queried_and_cancelled():
    async def scenario() -> None:
        rules = (Rule(receiver="*05", state=""),)
        async with Centre(changed(SMPP, handsets=rules), wall=wall) as centre, bound("smpp", centre.port) as peer:
            identity = (await peer.submit(asked("smpp", number="8613900000005"))).pdu.body.message_id
            answer = await peer.submit(smpp.Query(identity), (), smpp_table.QUERY_SM)
            assert smpp_table.STATES[answer.pdu.body.message_state] == "ENROUTE"
            assert not (await peer.submit(smpp.Cancel(message_id=identity), (), smpp_table.CANCEL_SM)).status
            assert (await peer.submit(smpp.Cancel(message_id=identity), (), smpp_table.CANCEL_SM)).status == 0x11
            answer = await peer.submit(smpp.Query(identity), (), smpp_table.QUERY_SM)
            assert smpp_table.STATES[answer.pdu.body.message_state] == "DELETED"
            assert (await peer.submit(smpp.Query(b"nothing"), (), smpp_table.QUERY_SM)).status == 0x0C
            assert (await peer.submit(smpp.Replace(identity), (), smpp_table.REPLACE_SM)).status == 0x13
            (event,) = await peer.event(session.Asked)
            assert smpp.receipt(event.pdu) is not None

    settled(scenario())


def test_a_gateway_counts_the_day_and_cancels():
    async def scenario() -> None:
        rules = (Rule(receiver="*05", state=""), Rule(receiver="*02", state="UNDELIV"))
        stopped = functools.partial(int, 1_790_000_000_000_000)
        async with Centre(changed(CMPP, handsets=rules), wall=stopped) as centre, bound("cmpp", centre.port) as peer:
            numbers = [(await peer.submit(asked("cmpp", number=f"861390000000{digit}"))).pdu.body.msg_id for digit in "125"]
            await centre.until(lambda: centre.counts["receipts acknowledged"] == 2)
            body = (await peer.submit(cmpp.Query(b"20260921"), (), cmpp_table.QUERY)).pdu.body
            assert (body.mt_tlmsg, body.mt_tlusr, body.mt_scs, body.mt_wt, body.mt_fl) == (3, 3, 1, 1, 1)
            assert (await peer.submit(cmpp.Query(b"20260920"), (), cmpp_table.QUERY)).pdu.body.mt_tlmsg == 0
            done = [(await peer.submit(cmpp.Cancel(number), (), cmpp_table.CANCEL)).pdu.body.success_id for number in numbers]
            assert done == [1, 1, 0]

    settled(scenario())


# ------------------------------------------------------------------------------------------------------- ledger, settings


def test_a_centre_that_is_started_again_gives_no_id_twice(tmp_path):
    async def scenario() -> None:
        for _ in range(2):
            async with Centre(SMPP, wall=wall, ledger=tmp_path / "ledger.jsonl") as centre, bound("smpp", centre.port) as peer:
                await peer.submit(asked("smpp"), ((smpp_table.USER_MESSAGE_REFERENCE, b"\0\7"),))

    settled(scenario())
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(b'{"at":1,"numb')  # of a centre that was killed
    lines = ledger.read(tmp_path / "ledger.jsonl")
    assert [(line.id, line.text, line.receiver, line.reference) for line in lines] == [
        ("00010001", "hello", HANDSET, 7),
        ("00010002", "hello", HANDSET, 7),
    ]


@both
def test_it_serves_within_uvloop_too(protocol):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre, bound(protocol, centre.port) as peer:
            await peer.submit(asked(protocol))
            await centre.until(lambda: centre.counts["receipts sent"] == 1)
            assert centre.hang_up("reset") == 1
            await centre.until(lambda: not centre.connections)

    uvloop.run(asyncio.wait_for(scenario(), PATIENCE))


def test_settings_are_read_and_refused_by_name(tmp_path):
    path = tmp_path / "centre.toml"
    path.write_text('protocol = "cmpp"\n[[accounts]]\nname = "900001"\nnumbers = ["10657"]\n[receipts]\nafter = 1\n')
    read = settings.load(path)
    assert (read.protocol, read.accounts[0].numbers, read.receipts.after) == ("cmpp", ("10657",), 1.0)
    path.write_text("[receipts]\naftr = 1\n")
    with pytest.raises(ConfigError, match="aftr"):
        settings.load(path)
    with pytest.raises(ConfigError, match="there is none"):
        command.settings(None, None, 0, ())
    assert command.settings(None, None, 0, ("abc:",)).accounts[0].password == ""
    for account in ("abc", ":secret"):
        with pytest.raises(ConfigError, match="--account: expected NAME:PASSWORD"):
            command.settings(None, None, 0, (account,))
    with pytest.raises(ConfigError, match="same name"):
        Centre(changed(SMPP, accounts=(ACCOUNT, ACCOUNT)), wall=wall)
    with pytest.raises(ConfigError, match="slient"):
        Centre(changed(SMPP, faults=settings_of({"slient": 0.1})), wall=wall)
    assert "secret" not in repr(SMPP)


def settings_of(rates: dict[str, float]) -> settings.Drawn:
    return settings.Drawn(rates=rates)


# ------------------------------------------------------------------------------------------------------- as a process, with TLS


@contextlib.asynccontextmanager
async def process(*options: str) -> AsyncIterator[tuple[int, str]]:
    """`python -m sim centre`: its port, and the address of its control. Ended by SIGTERM, in good order."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sim", "centre", "--port", "0", "--control", "0", *options, stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    try:
        port = int((await running.stdout.readline()).rpartition(b":")[2])
        yield port, (await running.stdout.readline()).decode().split()[-1]
    finally:
        running.send_signal(signal.SIGTERM)
        await running.stdout.read()
        assert await running.wait() == 0


async def polled(http: aiohttp.ClientSession, url: str, true: Callable[[Any], Any]) -> Any:
    """What the control says there, once it is `true`."""
    while True:
        async with http.get(url) as answer:
            value = await answer.json()
        if true(value):
            return value
        await asyncio.sleep(0.02)


@both
def test_the_command_serves_and_is_controlled(protocol, tmp_path):
    async def scenario() -> None:
        path = tmp_path / "ledger.jsonl"
        options = ("--protocol", protocol, "--account", "loop:secret:10657", "--ledger", str(path), "--capture", str(tmp_path / "c.pcap"))
        async with process(*options) as (port, control), aiohttp.ClientSession() as http:

            async def post(name: str, expected: int = 200, /, **body: object) -> Any:
                async with http.post(f"{control}/{name}", json=body) as answer:
                    assert answer.status == expected, await answer.text()
                    return await answer.json() if expected == 200 else await answer.text()

            async with bound(protocol, port) as peer:
                await post("faults", fault="receipt-lost")
                await post("faults", fault="refused", status=11)
                assert (await peer.submit(asked(protocol))).status == 11
                assert not (await peer.submit(asked(protocol))).status
                (line,) = await polled(http, f"{control}/taken", lambda lines: lines and lines[0]["state"] == "DELIVRD")
                assert (line["text"], line["receiver"], line["account"]) == ("hello", HANDSET, "loop")
                assert [message["text"] for message in await polled(http, f"{control}/messages", bool)] == ["hello"]
                assert (await polled(http, f"{control}/taken?after=1", lambda lines: True)) == []
                await post("receipts", id=line["id"], state="UNDELIV", error=27)
                await post("incoming", sender=HANDSET, receiver="1065701", text="yes")
                await post("incoming", sender=HANDSET, receiver="1065701", data="0001", port=2948)
                await peer.event(session.Asked, 3)
                state = await polled(http, f"{control}/state", lambda state: state["counts"].get("incomings acknowledged") == 2)
                assert state["accounts"] == {"loop": {"sessions": 1, "waiting": 0}}
                await post("faults", fault="silent", receiver="*77", times=0)
                assert (await polled(http, f"{control}/state", bool))["orders"] == [{"fault": "silent", "times": 0, "receiver": "*77"}]
                async with http.delete(f"{control}/faults") as answer:
                    assert await answer.json() == {"orders": []}
                assert "no account" in await post("incoming", 400, sender=HANDSET, receiver="95555", text="yes")
                assert "hex" in await post("incoming", 400, sender=HANDSET, receiver="10657", data="x")
                assert "Invalid enum value" in await post("faults", 400, fault="slient")
                await post("receipts", 404, id="4711")
                assert await post("hang-up", how="unbind") == {"connections": 1}
                assert (await peer.event(session.Leaving)) is not None
                await peer.until(lambda: peer.lost)
        assert [line.text for line in ledger.read(path)] == ["hello"]
        assert len(path.with_name("c.pcap").read_bytes()) > 24

    settled(scenario())


def test_the_command_says_why_it_cannot_run(tmp_path):
    async def said(*options: str) -> str:
        running = await asyncio.create_subprocess_exec(sys.executable, "-m", "sim", "centre", *options, stderr=asyncio.subprocess.PIPE)
        _, told = await running.communicate()
        assert running.returncode == 78
        return told.decode()

    async def scenario() -> None:
        account = ("--account", "loop:secret")
        assert await said() == "accounts: there is none; give --account NAME:PASSWORD or a settings file\n"
        assert "No such file or directory" in await said(*account, "--port", "0", "--ledger", str(tmp_path / "nowhere/ledger"))
        async with Centre(SMPP, wall=wall) as centre:
            assert "address already in use" in await said(*account, "--port", str(centre.port))

    settled(scenario())
