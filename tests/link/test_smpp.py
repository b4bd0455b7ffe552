"""A link by SMPP: in virtual time against a centre in memory, and over sockets against smpp34's server, the simulator's centre, and TLS."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import random
import ssl
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import smpp34
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from mmsd.codec import push, session, smpp, sms
from mmsd.codec.tables import smpp as t
from mmsd.errors import ConfigError, DecodeError, EncodeError, LinkDown
from mmsd.link import smpp as link
from mmsd.link.carry import Accepted, Down, Event, Incoming, Late, Message, Octets, Receipt, Refused, Text, Uncertain, Up
from mmsd.link.channel import Socket
from mmsd.link.messenger import Messenger
from mmsd.link.smpp import Settings
from tests.link.virtual import Centre, Said, Talk, run, stall

NUMBER = "8613900000001"
SUBSCRIBER = smpp.Address(1, 1, NUMBER.encode())
NOON = int(datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC).timestamp()) * session.SECOND


def settings(**changes: Any) -> Settings:
    return Settings(**{"host": "centre", "system_id": "loop", "source": "10657", "rate": 1000.0, **changes})


def text(words: str = "hello", key: str = "a", **more: Any) -> Message:
    return Message(key, NUMBER, Text(words), **more)


def taking() -> Callable[[smpp.Pdu], Said]:
    """A centre that takes everything and counts: ids 1, 2, 3 …"""
    count = iter(range(1, 1_000_000))
    return lambda pdu: Said(0, smpp.MessageAnswer(b"%d" % next(count)))


def centre(answer: Callable[[Any], Said] | None = None, **more: Any) -> Centre:
    return Centre(session.Smpp, smpp.BindAnswer(b"smsc"), answer or taking(), **more)


class Linked:
    """A link whose events are kept in a list."""

    def __init__(self, of: Messenger) -> None:
        self.link = of
        self.events: list[Event] = []
        self.settles = True

    async def follow(self) -> None:
        async for event in self.link.events():
            self.events.append(event)
            if self.settles and isinstance(event, Receipt | Incoming):
                await event.settle()

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@contextlib.asynccontextmanager
async def linked(to: Centre, random: Callable[[], float] = lambda: 0.5, **changes: Any) -> AsyncIterator[Linked]:
    """A link to that centre, entered; let in, unless nobody can be."""
    made = Linked(link.link(settings(**changes), random=random, wall=lambda: NOON, connect=to.connect))
    async with made.link:
        following = asyncio.create_task(made.follow())
        await asyncio.sleep(0.01)
        yield made
        await made.link.leave()
        await following


def deliver(short_message: bytes = b"", *, esm_class: int = 0, data_coding: int = 0, source: smpp.Address = SUBSCRIBER) -> smpp.Message:
    return smpp.Message(
        source=source, destination=smpp.Address(0, 0, b"1065701"), esm_class=esm_class, data_coding=data_coding, short_message=short_message
    )


def receipt(message_id: str, stat: str = "DELIVRD", source: smpp.Address = SUBSCRIBER) -> smpp.Message:
    words = f"id:{message_id} sub:001 dlvrd:001 submit date:2611222000 done date:2611222001 stat:{stat} err:027 text:hello"
    return deliver(words.encode(), esm_class=t.ESM_RECEIPT, source=source)


def submits(of: Centre) -> list[smpp.Pdu]:
    return [pdu for _, pdu in of.asked if isinstance(pdu, smpp.Pdu)]


def joined(pdus: list[smpp.Pdu]) -> str:
    """The text of a message's parts as a handset reads it."""
    return "".join(smpp.content(pdu).text for pdu in pdus)


# ---------------------------------------------------------------------------------------------------- connecting, and again


def test_binds_as_its_account_says():
    async def scenario() -> None:
        smsc = centre()
        more: dict[str, Any] = {"system_type": "VMA", "address_range": "^1065", "address_ton": 5, "address_npi": 9}
        async with linked(smsc, **more) as made:
            assert made.link.health == ("up", "")
        ((_, asked),) = smsc.binds
        assert asked.command == t.BIND_TRANSCEIVER
        assert asked.body == smpp.Bind(b"loop", b"", b"VMA", 0x34, smpp.Address(5, 9, b"^1065"))
        assert made.events == [Up(), Down("left", None)]
        assert smsc.ended == ["the peer unbound"]

    run(scenario())


@pytest.mark.parametrize(
    ("chance", "waits"), [(1.0, [2, 4, 8, 16, 32, 60, 60, 60]), (0.0, [1] * 8), (0.5, [1.5, 2.5, 4.5, 8.5, 16.5, 30.5, 30.5])]
)
def test_tries_again_after_pauses_that_double_and_are_drawn(chance: float, waits: list[float]):
    async def scenario() -> None:
        smsc = centre(reachable=False)
        async with linked(smsc, lambda: chance) as made:
            await asyncio.sleep(sum(waits))
            with pytest.raises(LinkDown, match="nobody there"):
                await made.link.send(text())
        times = smsc.tried
        assert [round(after - before, 6) for before, after in pairwise(times)][: len(waits) - 1] == waits[:-1]
        assert [event.retry_in for event in made.of(Down)][: len(waits)] == waits
        assert made.link.health.state == "down"

    run(scenario())


def test_a_refused_bind_is_not_hammered():
    async def scenario() -> None:
        smsc = centre(admit=lambda pdu: t.INVALID_PASSWORD)
        async with linked(smsc) as made:
            await asyncio.sleep(3600)
            assert made.link.health == ("down", "the centre refused the bind: ESME_RINVPASWD")
        assert 3600 / 60 < len(smsc.binds) < 3600 / 25
        gaps = [after - before for (before, _), (after, _) in pairwise(smsc.binds)]
        assert min(gaps) >= 1
        assert made.link.counts["binds_refused"] == len(smsc.binds)

    run(scenario())


def test_a_centre_that_lets_in_and_hangs_up_is_not_hammered_either():
    async def scenario() -> None:
        smsc = centre()

        async def hang_up() -> None:
            while True:
                await asyncio.sleep(0.5)
                if smsc.talks[-1].session.state is session.State.BOUND_TRX:
                    smsc.talks[-1].end.lose(ConnectionResetError(104, "reset"))

        hanging = asyncio.create_task(hang_up())
        async with linked(smsc) as made:
            await asyncio.sleep(600)
            hanging.cancel()
        assert len(smsc.binds) < 40
        assert [event for event in made.events if isinstance(event, Up | Down)][:3] == [
            Up(), Down("the connection is lost: [Errno 104] reset", 1.5), Up(),
        ]  # fmt: skip

    run(scenario())


def test_after_a_good_connection_the_pauses_begin_anew():
    async def scenario() -> None:
        smsc = centre(reachable=False)
        async with linked(smsc) as made:
            await asyncio.sleep(100)
            smsc.reachable = True
            await asyncio.sleep(100)
            smsc.talks[-1].end.lose()
            await asyncio.sleep(10)
        assert made.of(Down)[-2] == Down("the centre closed the connection", 1.5)

    run(scenario())


def test_a_centre_that_does_not_answer_the_bind_is_left():
    async def scenario() -> None:
        smsc = centre(admit=lambda pdu: -1)
        async with linked(smsc) as made:
            await asyncio.sleep(12)
        assert made.of(Down)[0].why == "no answer to the bind in time"

    run(scenario())


def test_a_centre_without_transceiver_is_told_apart():
    async def scenario() -> None:
        smsc = centre(admit=lambda pdu: t.INVALID_COMMAND)
        async with linked(smsc) as made:
            pass
        assert 'set bind = "pair"' in made.of(Down)[0].why

    run(scenario())


def test_a_pair_sends_on_one_connection_and_hears_on_the_other():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc, bind="pair") as made:
            assert [pdu.command for _, pdu in smsc.binds] == [t.BIND_TRANSMITTER, t.BIND_RECEIVER]
            assert made.events == [Up()]
            await made.link.send(text())
            smsc.deliver(t.DELIVER_SM, receipt("1"))
            await asyncio.sleep(1)
            assert made.of(Receipt)[0].key == "a"
            smsc.talks[1].end.lose()
            await asyncio.sleep(0.5)
            assert made.link.health.state == "down"
            await asyncio.sleep(2)
            assert made.link.health.state == "up"
        assert [event for event in made.events if not isinstance(event, Receipt)] == [
            Up(), Down("the centre closed the connection", 1.5), Up(), Down("left", None),
        ]  # fmt: skip
        assert len(smsc.ended) == 3

    run(scenario())


def test_a_half_open_connection_is_found_within_two_probe_intervals():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc, probe_seconds=30.0, probe_answer_seconds=30.0) as made:
            smsc.talks[0].end.deaf = True
            sending = asyncio.create_task(made.link.send(text()))
            began = asyncio.get_running_loop().time()
            assert await sending == Uncertain("a", "the peer is silent")
            assert asyncio.get_running_loop().time() - began <= 60
            await asyncio.sleep(3)
            assert made.link.health.state == "up"
            assert isinstance(await made.link.send(text()), Accepted)

    run(scenario())


def test_an_idle_connection_lives_on_probes():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            await asyncio.sleep(24 * 3600)
            assert made.events == [Up()]

    run(scenario())


def test_a_process_that_stood_still_hears_first_what_came_meanwhile():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(None))
        async with linked(smsc) as made:
            sending = asyncio.create_task(made.link.send(text()))
            await asyncio.sleep(35)  # a probe is under way
            smsc.talks[0].end.write(smpp.encode(smpp.Pdu(t.RESPONSE | t.SUBMIT_SM, 0, 2, smpp.MessageAnswer(b"1"))))
            stall(120)
            assert await sending == Accepted("a", ("1",))
            await asyncio.sleep(60)
            assert made.events == [Up()]

    run(scenario())


def test_a_peer_that_leaves_is_let_go_and_called_again():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            smsc.talks[0].unbind()
            await asyncio.sleep(3)
        assert made.events == [Up(), Down("the peer unbound", 1.5), Up(), Down("left", None)]

    run(scenario())


# ------------------------------------------------------------------------------------------------------------ pace and window


def test_no_more_wait_for_answers_than_the_window_has():
    async def scenario() -> None:
        underway, most = 0, 0
        numbers = taking()

        def slow(pdu: smpp.Pdu) -> Said:
            nonlocal underway, most
            underway += 1
            most = max(most, underway)
            asyncio.get_running_loop().call_later(1.0, done)
            said = numbers(pdu)
            said.after = 1.0
            return said

        def done() -> None:
            nonlocal underway
            underway -= 1

        smsc = centre(slow)
        async with linked(smsc, window=4) as made:
            answers = await asyncio.gather(*(made.link.send(text(key=str(key))) for key in range(40)))
        assert [answer.key for answer in answers] == [str(key) for key in range(40)]
        assert all(isinstance(answer, Accepted) for answer in answers)
        assert most == 4
        assert [answer.ids[0] for answer in answers if isinstance(answer, Accepted)] == [
            str(key + 1) for key in range(40)
        ]  # in their order

    run(scenario())


def test_the_rate_is_kept_in_every_second():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc, rate=50.0) as made:
            await asyncio.gather(*(made.link.send(text(key=str(key))) for key in range(500)))
        times = [at for at, _ in smsc.asked]
        assert times[-1] - times[0] == pytest.approx(499 / 50, abs=0.1)
        assert all(sum(start <= at < start + 1 for at in times) <= 51 for start in times)

    run(scenario())


@pytest.mark.parametrize("status", [t.THROTTLED, t.QUEUE_FULL])
def test_a_minute_of_throttling_loses_nothing_and_the_rate_comes_back(status: int):
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        numbers = taking()
        smsc = centre(lambda pdu: Said(status) if 10 <= loop.time() < 70 else numbers(pdu))
        done: dict[str, float] = {}

        async def until_taken(made: Linked, key: str) -> int:
            throttlings = 0
            while True:
                answer = await made.link.send(text(key=key))
                if isinstance(answer, Accepted):
                    done[key] = loop.time()
                    return throttlings
                assert isinstance(answer, Refused)
                assert answer.throttled
                assert not answer.permanent
                throttlings += 1

        async with linked(smsc, rate=20.0, window=5) as made:
            await asyncio.gather(*(until_taken(made, str(key)) for key in range(2000)))
            counts = made.link.counts
        assert len(done) == 2000
        assert counts["accepted"] == 2000
        assert 0 < counts["throttled"] < 40  # of the 1,200 that the rate would have sent
        times = sorted(at - 70 for at in done.values() if at >= 70)
        assert 0 <= times[0] <= 48  # the longest silence that 60 s of throttling can have brought
        in_second = [sum(second <= at - times[0] < second + 1 for at in times) for second in range(90)]
        assert in_second[1] < 15
        assert in_second[70] == pytest.approx(20, abs=1)

    run(scenario())


def test_one_burst_that_is_throttled_halves_the_rate_once():
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        numbers = taking()
        smsc = centre(lambda pdu: Said(t.THROTTLED, after=0.5) if loop.time() < 0.5 else numbers(pdu))
        async with linked(smsc, rate=100.0, window=10) as made:
            assert {type(answer) for answer in await asyncio.gather(*(made.link.send(text(key=str(key))) for key in range(10)))} == {
                Refused
            }
            await asyncio.gather(*(made.link.send(text(key=str(key))) for key in range(60)))
        times = [at for at, _ in smsc.asked][10:]
        assert times[-1] - times[0] == pytest.approx(59 / 50.5, abs=0.05)

    run(scenario())


def test_a_part_that_is_throttled_is_sent_again_when_another_was_taken():
    async def scenario() -> None:
        numbers = taking()
        said = iter([0, t.THROTTLED, 0, t.QUEUE_FULL, 0])
        smsc = centre(lambda pdu: numbers(pdu) if not (status := next(said)) else Said(status))
        async with linked(smsc) as made:
            answer = await made.link.send(text("龙舟" * 80))
        assert answer == Accepted("a", ("1", "3", "2"))
        assert [smpp.content(pdu).header.concat.sequence for pdu in submits(smsc)] == [1, 2, 3, 2, 2]  # type: ignore[union-attr]  # a long text's

    run(scenario())


# ---------------------------------------------------------------------------------------------------------- what is answered


@pytest.mark.parametrize(
    ("status", "name", "permanent"),
    [
        (0x0B, "ESME_RINVDSTADR", True),
        (0x0A, "ESME_RINVSRCADR", True),
        (0x08, "ESME_RSYSERR", False),
        (0x64, "ESME_RX_T_APPN", False),
        (0x45, "ESME_RSUBMITFAIL", False),
        (0x401, "0x00000401", False),
    ],
)
def test_a_refusal_says_whether_to_try_again(status: int, name: str, permanent: bool):
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(status))
        async with linked(smsc) as made:
            assert await made.link.send(text()) == Refused("a", status, name, permanent)
            assert len(smsc.asked) == 1

    run(scenario())


def test_an_answer_that_comes_too_late_is_told_late():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(0, smpp.MessageAnswer(b"77"), after=75))
        async with linked(smsc) as made:
            assert await made.link.send(text()) == Uncertain("a", "no answer in time")
            await asyncio.sleep(20)
            assert made.of(Late) == [Late(Accepted("a", ("77",)))]
            smsc.deliver(t.DELIVER_SM, receipt("77"))
            await asyncio.sleep(1)
            assert made.of(Receipt)[0].key == "a"
            assert made.link.counts["late_answers"] == 1

    run(scenario())


def test_answers_repeated_unknown_or_of_another_connection_are_counted_and_change_nothing():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            await made.link.send(text())
            again = smpp.encode(smpp.Pdu(t.RESPONSE | t.SUBMIT_SM, 0, 2, smpp.MessageAnswer(b"1")))
            for octets in (again, again, again.replace(b"\0\0\0\2", b"\0\0\x77\x77")):
                smsc.talks[0].end.write(octets)
            await asyncio.sleep(1)
            assert made.link.counts["answers_to_nothing"] == 3
            assert made.of(Late) == []
            assert isinstance(await made.link.send(text(key="b")), Accepted)

    run(scenario())


def test_a_connection_lost_before_the_answer_leaves_it_uncertain():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(None))
        async with linked(smsc) as made:
            sending = [asyncio.create_task(made.link.send(text(key=str(key)))) for key in range(12)]
            await asyncio.sleep(1)
            smsc.talks[0].end.lose(ConnectionResetError(104, "reset"))
            outcomes = await asyncio.gather(*sending, return_exceptions=True)
            why = "the connection is lost: [Errno 104] reset"
            assert outcomes[:10] == [Uncertain(str(key), why) for key in range(10)]
            assert [(type(outcome), str(outcome)) for outcome in outcomes[10:]] == [(LinkDown, why)] * 2  # never written

    run(scenario())


def test_whoever_stops_waiting_is_told_late():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(0, smpp.MessageAnswer(b"5"), after=5))
        async with linked(smsc) as made:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await made.link.send(text())
            await asyncio.sleep(5)
            assert made.of(Late) == [Late(Accepted("a", ("5",)))]

    run(scenario())


def test_a_message_of_which_a_part_was_throttled_and_one_lost_is_uncertain():
    async def scenario() -> None:
        said = iter([t.THROTTLED, None])
        smsc = centre(lambda pdu: Said(next(said)))
        async with linked(smsc) as made:
            assert await made.link.send(text("龙舟" * 60)) == Uncertain("a", "no answer in time", parts=2)

    run(scenario())


def test_a_message_of_which_a_part_was_refused_for_now_and_one_lost_is_uncertain():
    """Whether the other was taken nobody knows: sent again at once it could come twice, and that again and again."""

    async def scenario() -> None:
        said = iter([t.SYSTEM_ERROR, None])
        smsc = centre(lambda pdu: Said(next(said)))
        async with linked(smsc) as made:
            assert await made.link.send(text("龙舟" * 60)) == Uncertain("a", "no answer in time", parts=2)

    run(scenario())


def test_a_message_of_which_a_part_was_refused_for_good_is_refused_whatever_was_lost():
    async def scenario() -> None:
        said = iter([0x0B, None])  # ESME_RINVDSTADR
        smsc = centre(lambda pdu: Said(next(said)))
        async with linked(smsc) as made:
            refused = await made.link.send(text("龙舟" * 60))
            assert isinstance(refused, Refused)
            assert refused.permanent

    run(scenario())


def test_a_late_answer_says_which_try_it_answers():
    async def scenario() -> None:
        said = iter([Said(t.SYSTEM_ERROR, after=75), Said(0, smpp.MessageAnswer(b"6"), after=80)])
        smsc = centre(lambda pdu: next(said))
        async with linked(smsc) as made:
            for submitted in (NOON, NOON + 1):
                assert isinstance(await made.link.send(text(submitted=submitted)), Uncertain)
            await asyncio.sleep(90)
            assert [(type(late.answer), late.submitted) for late in made.of(Late)] == [(Refused, NOON), (Accepted, NOON + 1)]

    run(scenario())


def test_a_message_of_which_a_part_was_refused():
    async def scenario() -> None:
        numbers = taking()
        said = iter([0, 0x0B, 0])
        smsc = centre(lambda pdu: numbers(pdu) if not (status := next(said)) else Said(status))
        async with linked(smsc) as made:
            answer = await made.link.send(text("龙舟" * 80))
        assert answer == Refused("a", 0x0B, "ESME_RINVDSTADR", permanent=True, ids=("1", "2"))

    run(scenario())


# ------------------------------------------------------------------------------------------------------------------- receipts


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("a3f", "2623"),
        ("2623", "A3F"),
        ("00000a3f", "a3f"),
        ("74e02ee1-4e2f", "74E02EE1-4E2F"),
        ("18446744073709551615", "ffffffffffffffff"),
    ],
)
def test_a_receipt_finds_its_message_however_the_id_is_spelt(given: str, told: str):
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(0, smpp.MessageAnswer(given.encode())))
        async with linked(smsc) as made:
            assert await made.link.send(text()) == Accepted("a", (given,))
            smsc.deliver(t.DELIVER_SM, receipt(told, "UNDELIV"))
            await asyncio.sleep(1)
        (heard,) = made.of(Receipt)
        assert (heard.id, heard.key, heard.state, heard.final, heard.error, heard.receiver) == (told, "a", "UNDELIV", True, "027", NUMBER)
        assert (heard.submitted, heard.done, heard.text) == ("2611222000", "2611222001", "hello")

    run(scenario())


def test_another_spelling_counts_only_for_the_same_receiver():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(0, smpp.MessageAnswer(b"10")))
        async with linked(smsc) as made:
            await made.link.send(text())
            smsc.deliver(t.DELIVER_SM, receipt("16", source=smpp.Address(1, 1, b"8613900000002")))
            smsc.deliver(t.DELIVER_SM, receipt("16"))
            await asyncio.sleep(3)
        assert [heard.key for heard in made.of(Receipt)] == [None, "a"]
        assert made.link.counts["receipts_unmatched"] == 1

    run(scenario())


def test_a_receipt_whose_addresses_were_not_swapped():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(0, smpp.MessageAnswer(b"10")))
        async with linked(smsc) as made:
            await made.link.send(text())
            body = dataclasses.replace(receipt("16"), source=smpp.Address(0, 0, b"1065701"), destination=SUBSCRIBER)
            smsc.deliver(t.DELIVER_SM, body)
            await asyncio.sleep(1)
        assert [(heard.key, heard.receiver) for heard in made.of(Receipt)] == [("a", NUMBER)]

    run(scenario())


def test_a_receipt_that_overtakes_the_answer_waits_for_it():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(0, smpp.MessageAnswer(b"9"), after=1.0))
        async with linked(smsc) as made:
            sending = asyncio.create_task(made.link.send(text()))
            await asyncio.sleep(0.1)
            smsc.deliver(t.DELIVER_SM, receipt("9"))
            smsc.deliver(t.DELIVER_SM, receipt("8"))
            await asyncio.sleep(0.5)
            assert made.of(Receipt) == []
            await sending
            await asyncio.sleep(0.1)
            assert [(heard.id, heard.key) for heard in made.of(Receipt)] == [("9", "a"), ("8", None)]

    run(scenario())


def test_other_receivers_do_not_hold_it_up():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(None))
        async with linked(smsc) as made:
            sending = asyncio.create_task(made.link.send(text()))
            await asyncio.sleep(0.1)
            smsc.deliver(t.DELIVER_SM, receipt("9", source=smpp.Address(1, 1, b"8613900000002")))
            await asyncio.sleep(0.1)
            assert [heard.key for heard in made.of(Receipt)] == [None]
            sending.cancel()

    run(scenario())


def test_it_does_not_wait_for_an_answer_that_does_not_come():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(None))
        async with linked(smsc) as made:
            sending = asyncio.create_task(made.link.send(text()))
            await asyncio.sleep(0.1)
            smsc.deliver(t.DELIVER_SM, receipt("9"))
            await asyncio.sleep(2.1)
            assert [heard.key for heard in made.of(Receipt)] == [None]
            sending.cancel()

    run(scenario())


def test_our_reference_tells_whose_receipt_it_is_when_the_answer_was_lost():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(None))
        async with linked(smsc) as made:
            sending = asyncio.create_task(made.link.send(text(reference=4711)))
            await asyncio.sleep(0.1)
            (asked,) = submits(smsc)
            assert asked.number(t.USER_MESSAGE_REFERENCE) == 4711
            smsc.deliver(t.DELIVER_SM, receipt("f00"), tlvs=((t.USER_MESSAGE_REFERENCE, (4711).to_bytes(2, "big")),))
            smsc.deliver(t.DELIVER_SM, receipt("f01"), tlvs=((t.USER_MESSAGE_REFERENCE, (4712).to_bytes(2, "big")),))
            await asyncio.sleep(3)
            assert [(heard.key, heard.reference) for heard in made.of(Receipt)] == [("a", 4711), (None, 4712)]
            assert (await sending).key == "a"

    run(scenario())


def test_only_an_smsc_known_to_mark_no_receipts_is_believed():
    async def scenario(trust: bool) -> list[Event]:
        smsc = centre()
        async with linked(smsc, trust_receipts=trust) as made:
            await made.link.send(text())
            smsc.deliver(t.DELIVER_SM, deliver(receipt("1").short_message))
            await asyncio.sleep(1)
        return [event for event in made.events if isinstance(event, Receipt | Incoming)]

    assert isinstance(run(scenario(trust=False))[0], Incoming)
    assert run(scenario(trust=True))[0].key == "a"  # type: ignore[union-attr]  # a receipt's


def test_a_receipt_by_optional_parameters_alone():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            await made.link.send(text())
            tlvs = ((t.RECEIPTED_MESSAGE_ID, b"1\0"), (t.MESSAGE_STATE, b"\x03"), (t.NETWORK_ERROR_CODE, b"\x03\x00\x1b"))
            smsc.deliver(t.DELIVER_SM, deliver(esm_class=t.ESM_RECEIPT), tlvs)
            await asyncio.sleep(1)
        assert [(heard.key, heard.state, heard.error) for heard in made.of(Receipt)] == [("a", "EXPIRED", "3:27")]

    run(scenario())


# --------------------------------------------------------------------------------------------------- acknowledged when settled


def test_nothing_is_acknowledged_before_it_is_settled():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            made.settles = False
            first, second, third, fourth = (smsc.deliver(t.DELIVER_SM, deliver(b"%d" % number)) for number in range(4))
            await asyncio.sleep(30)
            assert smsc.statuses() == {}
            one, two, three, four = made.of(Incoming)
            await three.settle()
            await one.settle()
            await one.settle()  # said once already
            await two.refuse()
            await four.refuse(permanent=True)
            await four.settle()
            await asyncio.sleep(1)
            assert smsc.statuses() == {first: 0, second: 0x64, third: 0, fourth: 0x65}
            assert [event.sequence for _, event in smsc.answered] == [third, first, second, fourth]

    run(scenario())


def test_what_a_lost_connection_left_unsettled_comes_again_and_is_settled_there():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            made.settles = False
            smsc.deliver(t.DELIVER_SM, deliver(b"yes"))
            await asyncio.sleep(1)
            smsc.talks[0].end.lose()
            await asyncio.sleep(3)
            sequence = smsc.deliver(t.DELIVER_SM, deliver(b"yes"))
            await asyncio.sleep(1)
            before, after = made.of(Incoming)
            await before.settle()
            await asyncio.sleep(1)
            assert smsc.statuses() == {}
            await after.settle()
            await asyncio.sleep(1)
            assert smsc.statuses() == {sequence: 0}

    run(scenario())


def test_nobody_takes_events_and_the_centre_comes_again_and_again():
    """What an ended connection brought is not kept beside what the next one brings."""

    async def scenario() -> None:
        smsc = centre()
        smsc.settings = dataclasses.replace(smsc.settings, window=200)
        made = link.link(settings(backlog=100), random=lambda: 0.0, wall=lambda: NOON, connect=smsc.connect)
        async with made:
            await asyncio.sleep(0.1)
            for _ in range(9):
                sequences = [smsc.deliver(t.DELIVER_SM, deliver(b"%d" % number)) for number in range(60)]
                sequences += [smsc.deliver(t.DELIVER_SM, receipt(f"{number}")) for number in range(20)]
                sequences += [smsc.deliver(t.DELIVER_SM, *part) for part in long_text("端午" * 60, 7)]
                await asyncio.sleep(20)
                assert set(smsc.statuses()) <= set(sequences)
                last = smsc.talks[-1]
                last.end.lose()
                await asyncio.sleep(1.5)
                assert smsc.talks[-1] is not last
            for part in long_text("端午" * 60, 7):
                smsc.deliver(t.DELIVER_SM, *part)
            await asyncio.sleep(1)
            told: list[Event] = []

            async def take() -> None:
                async for event in made.events():
                    told.append(event)
                    if isinstance(event, Incoming):
                        await event.settle()

            taking = asyncio.create_task(take())
            await asyncio.sleep(1)
            assert [type(event) for event in told] == [Down, Up, Incoming]
            assert list(smsc.statuses().values()) == [0, 0]
            taking.cancel()

    run(scenario())


def test_what_was_acknowledged_early_is_kept_though_its_connection_ends():
    async def scenario() -> None:
        smsc = centre()
        made = Linked(link.link(settings(), random=lambda: 0.0, wall=lambda: NOON, connect=smsc.connect))
        async with made.link:
            await asyncio.sleep(0.1)
            parts = long_text("端午" * 60, 7)
            smsc.deliver(t.DELIVER_SM, *parts[0])
            await asyncio.sleep(6)
            smsc.deliver(t.DELIVER_SM, *parts[1])
            await asyncio.sleep(1)
            assert list(smsc.statuses().values()) == [0]
            smsc.talks[-1].end.lose()
            await asyncio.sleep(3)
            smsc.deliver(t.DELIVER_SM, *parts[1])
            following = asyncio.create_task(made.follow())
            await asyncio.sleep(1)
            assert [heard.text for heard in made.of(Incoming)] == ["端午" * 60]
            assert [event.status for _, event in smsc.answered] == [0, 0]
            following.cancel()

    run(scenario())


def test_nothing_is_acknowledged_early_while_nobody_takes_what_came():
    async def scenario() -> None:
        smsc = centre()
        made = Linked(link.link(settings(backlog=10), random=lambda: 0.0, wall=lambda: NOON, connect=smsc.connect))
        async with made.link:
            await asyncio.sleep(0.1)
            for number in range(9):  # and Up is the tenth
                smsc.deliver(t.DELIVER_SM, deliver(b"%d" % number))
            part = smsc.deliver(t.DELIVER_SM, *long_text("端午" * 60, 7)[0])
            await asyncio.sleep(100)
            assert smsc.statuses() == {}
            following = asyncio.create_task(made.follow())
            await asyncio.sleep(10)
            assert smsc.statuses()[part] == 0
            following.cancel()

    run(scenario())


def test_what_cannot_be_read_is_refused_for_good():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            smsc.talks[0].end.write(bytes.fromhex("00000014000000050000000000000009") + b"\0\0\0\0")
            await asyncio.sleep(1)
            assert made.link.counts["odd"] == 1
            assert made.of(Incoming) == []

    run(scenario())


# ----------------------------------------------------------------------------------------------------- messages of subscribers


def long_text(words: str, reference: int, *, wide: bool = False) -> list[tuple[smpp.Message, tuple[tuple[int, bytes], ...]]]:
    return [
        (deliver(piece.user_data.udh + piece.user_data.data, esm_class=t.ESM_UDHI, data_coding=piece.dcs), ())
        for piece in sms.compose(words, reference, wide=wide)
    ]


def by_parameters(words: str, reference: int) -> list[tuple[smpp.Message, tuple[tuple[int, bytes], ...]]]:
    """Cut in the middle of a surrogate pair, as only a careless centre does."""
    units = words.encode("utf-16-be")
    cuts = [units[:66], units[66:132], units[132:]]
    tags = (t.SAR_REFERENCE, t.SAR_TOTAL, t.SAR_SEQUENCE)
    values = [(reference.to_bytes(2, "big"), b"\3", bytes((place,))) for place in (1, 2, 3)]
    return [(deliver(cut, data_coding=8), tuple(zip(tags, value, strict=True))) for cut, value in zip(cuts, values, strict=True)]


WORDS = "龙" * 32 + "😀" + "舟竞渡" * 20


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize(
    "parts",
    [long_text("端午" * 80, 7), long_text("端午" * 80, 0x1234, wide=True), by_parameters(WORDS, 300), long_text("hello [€] " * 33, 9)],
    ids=["8 bit", "16 bit", "sar", "GSM"],
)
def test_a_long_message_is_told_whole_and_acknowledged_together(parts: list[Any], order: tuple[int, ...]):
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            made.settles = False
            for place in order:
                await asyncio.sleep(1)
                assert smsc.statuses() == {}
                smsc.deliver(t.DELIVER_SM, *parts[place])
            await asyncio.sleep(1)
            (heard,) = made.of(Incoming)
            wanted = {0x08: WORDS if parts[0][1] else "端午" * 80, 0: "hello [€] " * 33}
            assert heard.text == wanted[parts[0][0].data_coding]
            assert (heard.sender, heard.receiver, heard.sub_code, heard.parts, heard.missing) == (NUMBER, "1065701", "01", 3, 0)
            assert heard.at == NOON
            await heard.settle()
            await asyncio.sleep(1)
            assert list(smsc.statuses().values()) == [0, 0, 0]

    run(scenario())


def test_a_message_in_message_payload_and_by_data_sm():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            payload = ((t.MESSAGE_PAYLOAD, ("端午" * 200).encode("utf-16-be")),)
            smsc.deliver(t.DELIVER_SM, deliver(data_coding=8), payload)
            smsc.deliver(t.DATA_SM, smpp.DataMessage(source=SUBSCRIBER, data_coding=8), payload)
            await asyncio.sleep(1)
        assert [heard.text for heard in made.of(Incoming)] == ["端午" * 200] * 2

    run(scenario())


def test_octets_and_their_header_come_as_they_are():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            smsc.deliver(t.DELIVER_SM, deliver(push.PUSH_UDH + b"\1\6\3\xbe", esm_class=t.ESM_UDHI, data_coding=4))
            await asyncio.sleep(1)
        (heard,) = made.of(Incoming)
        assert (heard.data, heard.udh, heard.text) == (b"\1\6\3\xbe", push.PUSH_UDH, "\1\6\3¾")

    run(scenario())


def test_a_centre_that_sends_one_part_at_a_time_is_not_kept_waiting():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc, part_seconds=5.0) as made:
            made.settles = False
            loop = asyncio.get_running_loop()
            began = loop.time()
            for part in long_text("端午" * 80, 7):
                sequence = smsc.deliver(t.DELIVER_SM, *part)
                while not made.of(Incoming) and sequence not in smsc.statuses():  # noqa: ASYNC110  # its time is virtual
                    await asyncio.sleep(0.1)
            assert loop.time() - began == pytest.approx(10, abs=0.5)
            (heard,) = made.of(Incoming)
            await heard.settle()
            await asyncio.sleep(1)
            assert list(smsc.statuses().values()) == [0, 0, 0]
            assert made.link.counts["parts_acknowledged_early"] == 2

    run(scenario())


def test_each_part_has_its_time_and_what_is_whole_has_no_timer():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:

            def timers() -> int:
                return sum(not timer.cancelled() for timer in asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]

            parts = long_text("端午" * 60, 7)
            before = timers()
            smsc.deliver(t.DELIVER_SM, *parts[0])
            await asyncio.sleep(4)
            smsc.deliver(t.DELIVER_SM, *parts[1])
            await asyncio.sleep(0.5)
            assert list(smsc.statuses().values()) == [0, 0]
            sequence = smsc.deliver(t.DELIVER_SM, *long_text("龙舟" * 60, 7)[0])  # another of the same name
            await asyncio.sleep(4)  # the first message's parts would be due
            assert sequence not in smsc.statuses()
            await asyncio.sleep(1.5)
            assert smsc.statuses()[sequence] == 0
            for reference in range(8, 108):
                for part in long_text("端午" * 60, reference):
                    smsc.deliver(t.DELIVER_SM, *part)
                await asyncio.sleep(0.1)
            assert len(made.of(Incoming)) == 101
            assert timers() <= before + 1
            await asyncio.sleep(3600)
            assert made.of(Incoming)[-1].missing == 1

    run(scenario())


def test_parts_that_come_again_are_settled_with_the_others():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            made.settles = False
            parts = long_text("端午" * 60, 7)
            for part in (parts[0], parts[0], parts[1], parts[1]):
                smsc.deliver(t.DELIVER_SM, *part)
            await asyncio.sleep(1)
            (heard,) = made.of(Incoming)
            assert smsc.statuses() == {}
            await heard.settle()
            smsc.talks[0].drop(unread=True)  # and with it its acknowledgements
            await asyncio.sleep(3)
            assert smsc.statuses() == {}
            for part in parts:
                smsc.deliver(t.DELIVER_SM, *part)
            await asyncio.sleep(1)
            assert list(smsc.statuses().values()) == [0, 0]
            await asyncio.sleep(4000)
            assert len(made.of(Incoming)) == 1

    run(scenario())


def test_a_part_that_was_settled_too_late_for_the_centre_is_known_when_it_comes_again():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            made.settles = False
            parts = long_text("端午" * 60, 7)
            for part in parts:
                smsc.deliver(t.DELIVER_SM, *part)
            await asyncio.sleep(30)
            await made.of(Incoming)[0].settle()
            for part in parts:  # they are on their way already
                smsc.deliver(t.DELIVER_SM, *part)
            await asyncio.sleep(4000)
            assert list(smsc.statuses().values()) == [0] * 4
            assert len(made.of(Incoming)) == 1

    run(scenario())


@pytest.mark.parametrize("reconnects", [False, True])
def test_the_same_words_with_the_same_reference_are_another_message(reconnects: bool):
    """Handsets whose references begin anew: every long message of theirs has the same one."""

    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            for count in range(1, 4):
                for part in long_text("端午" * 60, 0):
                    smsc.deliver(t.DELIVER_SM, *part)
                await asyncio.sleep(1)
                assert [heard.text for heard in made.of(Incoming)] == ["端午" * 60] * count
                if reconnects:
                    smsc.talks[-1].end.lose()
                    await asyncio.sleep(301)
            assert made.link.counts["repeated_parts"] == 0

    run(scenario())


def test_a_long_message_refused_for_now_waits_for_what_comes_again():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            made.settles = False
            parts = long_text("端午" * 80, 7)
            for part in parts:
                smsc.deliver(t.DELIVER_SM, *part)
                await asyncio.sleep(6)  # the first two are acknowledged for themselves
            await made.of(Incoming)[0].refuse()
            await asyncio.sleep(1)
            assert list(smsc.statuses().values()) == [0, 0, t.TRY_LATER]
            smsc.deliver(t.DELIVER_SM, *parts[2])
            await asyncio.sleep(1)
            assert made.of(Incoming)[1].text == "端午" * 80
            await made.of(Incoming)[1].settle()
            await asyncio.sleep(1)
            assert list(smsc.statuses().values()) == [0, 0, t.TRY_LATER, 0]

    run(scenario())


def test_a_message_whose_parts_never_come_is_told_without_them():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc, join_seconds=600.0) as made:
            parts = long_text("端午" * 120, 7)
            smsc.deliver(t.DELIVER_SM, *parts[1])
            await asyncio.sleep(599)
            assert made.of(Incoming) == []
            await asyncio.sleep(2)
            (heard,) = made.of(Incoming)
            assert heard.text == "…" + ("端午" * 120)[67:134] + "…"
            assert (heard.parts, heard.missing) == (4, 3)

    run(scenario())


def test_numbers_come_as_e164():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            for address in (
                smpp.Address(2, 1, b"13900000001"),
                smpp.Address(0, 0, b"+8613900000001"),
                smpp.Address(1, 1, b"8613900000001"),
            ):
                smsc.deliver(t.DELIVER_SM, deliver(b"yes", source=address))
            smsc.deliver(t.DELIVER_SM, deliver(b"yes", source=smpp.Address(5, 0, b"Bank")))
            await asyncio.sleep(1)
        assert [heard.sender for heard in made.of(Incoming)] == [NUMBER, NUMBER, NUMBER, "Bank"]

    run(scenario())


@given(
    st.binary(max_size=200), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=20).filter(lambda number: 0 not in number),
    st.lists(st.tuples(st.sampled_from([*t.TLVS, 0x1400]), st.binary(max_size=40)), max_size=4), st.booleans(),
)  # fmt: skip
def test_whatever_a_centre_writes_is_a_receipt_a_piece_or_refused(octets, esm_class, coding, number, tlvs, trust):
    body = deliver(octets, esm_class=esm_class, data_coding=coding, source=smpp.Address(coding, 1, number))
    account = link.Account(settings(trust_receipts=trust), lambda: NOON)
    heard = account.hear(smpp.Pdu(t.DELIVER_SM, body=body, tlvs=tuple(tlvs)))
    assert isinstance(heard, Receipt) or isinstance(account.text(heard.data, heard.coding), str | None)
    with pytest.raises(DecodeError):
        account.hear(smpp.Pdu(t.ENQUIRE_LINK))


# ------------------------------------------------------------------------------------------------------------------ what goes out


def sent(message: Message, **changes: Any) -> list[smpp.Pdu]:
    account = link.Account(settings(**changes), lambda: NOON)
    return [smpp.Pdu(*request[:1], body=request.body, tlvs=request.tlvs) for request in account.requests(message)]  # type: ignore[arg-type]  # SMPP's


def test_every_field_of_a_message():
    message = text("yes", sub_code="42", validity=3600, priority=2, reference=0x1234, want_report=False)
    (pdu,) = sent(message, service_type="CMT", source_ton=3, source_npi=8, destination_ton=2, national=True)
    assert pdu.body == smpp.Message(
        service_type=b"CMT", source=smpp.Address(3, 8, b"1065742"), destination=smpp.Address(2, 1, b"13900000001"), priority_flag=2,
        validity_period=b"000000010000000R", short_message=b"yes",
    )  # fmt: skip
    assert pdu.tlvs == ((t.USER_MESSAGE_REFERENCE, b"\x12\x34"),)
    (pdu,) = sent(text("yes", sender="MMS", validity=3600), validity="absolute", reference=False)
    assert isinstance(pdu.body, smpp.Message)
    assert pdu.body.source == smpp.Address(5, 0, b"MMS")
    assert pdu.body.validity_period == b"261122130000000+"
    assert pdu.body.registered_delivery == 1
    assert sent(text("yes", reference=7), version="3.3", bind="pair")[0].tlvs == ()


@pytest.mark.parametrize("long", ["udh", "sar", "payload"])
@given(words=st.text(st.sampled_from("aé€[龙😀~"), min_size=1, max_size=300))
def test_any_text_arrives_and_no_character_is_cut(long: str, words: str):
    pdus = sent(text(words), long=long)
    assert joined(pdus) == words
    for pdu in pdus:
        seen = smpp.content(pdu)
        assert "\ufffd" not in seen.text
        assert len(smpp.encode(pdu)) < 16 + 400 or long == "payload"
        if long != "payload":
            assert len(seen.data) <= (153 if seen.data_coding == 0 else 134) or len(pdus) == 1
    assert len(pdus) == (1 if long == "payload" else len(sms.compose(words, 0)))
    places = [smpp.content(pdu).header.concat for pdu in pdus]
    if len(pdus) > 1:
        assert [(place.sequence, place.total) for place in places if place] == [(number, len(pdus)) for number in range(1, len(pdus) + 1)]
        assert len({place.reference for place in places if place}) == 1


@pytest.mark.parametrize(
    ("alphabet", "words", "coding", "octets"),
    [
        ("gsm7", "a@€", 0, b"a\x00\x1be"),
        ("ascii", "a@[", 0, b"a@["),
        ("ascii", "é", 8, b"\0\xe9"),
        ("ascii", "`", 8, b"\0`"),
        ("latin-1", "é@", 0, b"\xe9@"),
        ("latin-1", "€", 8, b"\x20\xac"),
    ],
)
def test_the_alphabet_of_the_centre(alphabet: str, words: str, coding: int, octets: bytes):
    (pdu,) = sent(text(words), alphabet=alphabet)
    assert isinstance(pdu.body, smpp.Message)
    assert (pdu.body.data_coding, pdu.body.short_message) == (coding, octets)
    account = link.Account(settings(alphabet=alphabet), lambda: NOON)
    assert account.text(octets, coding) == words


def test_the_same_message_again_has_the_same_reference():
    first, again, other = (sent(text("龙舟" * 80, key=key)) for key in ("a", "a", "b"))
    assert first == again
    assert smpp.content(first[0]).header.concat != smpp.content(other[0]).header.concat


def test_a_push_goes_with_its_header():
    pieces = sms.split(sms.Udh(sms.PUSH_PORT, sms.WSP_PORT), bytes(range(256)), 16)
    pdus = sent(Message("a", NUMBER, Octets(tuple(pieces))), binary_coding=0xF5)
    seen = [smpp.content(pdu) for pdu in pdus]
    assert b"".join(part.data for part in seen) == bytes(range(256))
    assert [(part.header.destination, part.header.source, part.data_coding) for part in seen] == [(2948, 9200, 0xF5)] * 2


def test_what_cannot_be_sent_is_refused_whole_before_any_of_it_is_written():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            for message in (
                text("龙" * 700), text("\ud800"), text(sender="端午"), text(reference=65536), text(sender="1" * 21),
                Message("a", NUMBER, Octets(((b"", b"ab"), (b"", bytes(141))))), Message("a", NUMBER, Octets(())),
                Message("a", "+1", Text("")), Message("a", "1" * 21, Text("龙" * 100)),
            ):  # fmt: skip
                with pytest.raises(EncodeError) as refused:
                    await made.link.send(message)
                assert message.receiver not in str(refused.value)
            assert smsc.asked == []

    run(scenario())


# ------------------------------------------------------------------------------------------------------------------- the end


def test_leaving_waits_for_answers_and_for_what_is_owed():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(0, smpp.MessageAnswer(b"1"), after=3))
        made = Linked(link.link(settings(), random=lambda: 0.5, wall=lambda: NOON, connect=smsc.connect))
        async with made.link:
            made.settles = False
            following = asyncio.create_task(made.follow())
            await asyncio.sleep(0.1)
            sending = asyncio.create_task(made.link.send(text()))
            sequence = smsc.deliver(t.DELIVER_SM, deliver(b"yes"))
            await asyncio.sleep(0.1)
            leaving = asyncio.create_task(made.link.leave())
            await asyncio.sleep(0.1)
            with pytest.raises(LinkDown, match="leaving"):
                await made.link.send(text(key="b"))
            assert await sending == Accepted("a", ("1",))
            assert smsc.ended == []
            await made.of(Incoming)[0].settle()
            await leaving
            await following
            assert smsc.statuses() == {sequence: 0}
            assert asyncio.get_running_loop().time() < 4
        assert smsc.ended == ["the peer unbound"]

    run(scenario())


def test_leaving_ends_though_nobody_answers_or_settles():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(None))
        began = 0.0
        async with linked(smsc, leave_seconds=5.0) as made:
            made.settles = False
            sending = asyncio.create_task(made.link.send(text()))
            smsc.deliver(t.DELIVER_SM, deliver(b"yes"))
            await asyncio.sleep(0.1)
            smsc.talks[0].end.other.deaf = True
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began <= 10.1
        assert await sending == Uncertain("a", "left")

    run(scenario())


def test_a_link_whose_events_nobody_takes_leaves_them_to_the_centre():
    async def scenario() -> None:
        smsc = centre()
        parts = long_text("端午" * 60, 7)
        async with link.link(settings(), random=lambda: 0.5, wall=lambda: NOON, connect=smsc.connect):
            await asyncio.sleep(0.1)
            sequences = [
                smsc.deliver(t.DELIVER_SM, deliver(b"yes")),
                smsc.deliver(t.DELIVER_SM, receipt("1")),
                smsc.deliver(t.DELIVER_SM, *parts[0]),
            ]
            await asyncio.sleep(1)
        assert smsc.statuses() == dict.fromkeys(sequences, t.TRY_LATER)
        assert asyncio.get_running_loop().time() < 2

    run(scenario())


def test_what_comes_while_we_leave_is_left_to_the_centre():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(0, smpp.MessageAnswer(b"1"), after=5))
        sequences = []

        def write() -> None:
            sequences.extend([smsc.deliver(t.DELIVER_SM, deliver(b"yes")), smsc.deliver(t.DELIVER_SM, *long_text("端午" * 60, 7)[0])])

        async with link.link(settings(), random=lambda: 0.5, wall=lambda: NOON, connect=smsc.connect) as made:
            await asyncio.sleep(0.1)
            sending = asyncio.create_task(made.send(text()))
            asyncio.get_running_loop().call_later(1, write)
            await asyncio.sleep(0)
        assert await sending == Accepted("a", ("1",))
        assert smsc.statuses() == dict.fromkeys(sequences, t.TRY_LATER)
        assert asyncio.get_running_loop().time() < 6

    run(scenario())


def test_a_part_that_comes_while_we_leave_is_left_to_the_centre_though_events_are_taken():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(0, smpp.MessageAnswer(b"1"), after=5))
        async with linked(smsc, part_seconds=60.0) as made:
            sending = asyncio.create_task(made.link.send(text()))
            await asyncio.sleep(0.1)
            leaving = asyncio.create_task(made.link.leave())
            await asyncio.sleep(0.1)
            sequence = smsc.deliver(t.DELIVER_SM, *long_text("端午" * 60, 7)[0])
            await asyncio.sleep(0.1)
            assert smsc.statuses() == {sequence: t.TRY_LATER}
            await leaving
            assert isinstance(await sending, Accepted)

    run(scenario())


def test_parts_that_were_acknowledged_are_told_when_we_leave():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            one, another = long_text("端午" * 60, 7), long_text("龙舟" * 60, 8)
            early = smsc.deliver(t.DELIVER_SM, *one[0])
            await asyncio.sleep(6)
            late = smsc.deliver(t.DELIVER_SM, *another[0])
            await asyncio.sleep(1)
        assert smsc.statuses() == {early: 0, late: t.TRY_LATER}
        (heard,) = made.of(Incoming)  # the other one is the centre's still
        assert (heard.text, heard.parts, heard.missing) == (("端午" * 60)[:67] + "…", 2, 1)
        assert made.events[-2:] == [heard, Down("left", None)]

    run(scenario())


def test_parts_acknowledged_early_are_kept_though_their_message_is_refused_twice():
    async def scenario() -> None:
        smsc = centre()
        async with linked(smsc) as made:
            made.settles = False
            parts = long_text("端午" * 60, 7)
            smsc.deliver(t.DELIVER_SM, *parts[0])
            await asyncio.sleep(6)
            for count in range(1, 4):
                smsc.deliver(t.DELIVER_SM, *parts[1])
                await asyncio.sleep(1)
                assert [heard.text for heard in made.of(Incoming)] == ["端午" * 60] * count
                await made.of(Incoming)[-1].refuse()
                await asyncio.sleep(1)
        assert made.of(Incoming)[-1].missing == 1

    run(scenario())


def test_whoever_cannot_wait_ends_at_once():
    async def scenario() -> None:
        smsc = centre(lambda pdu: Said(None))
        answers = []

        async def hold() -> None:
            async with link.link(settings(), random=lambda: 0.5, wall=lambda: NOON, connect=smsc.connect) as made:
                await asyncio.sleep(0.1)
                answers.append(asyncio.create_task(made.send(text())))
                await asyncio.sleep(3600)

        holding = asyncio.create_task(hold())
        await asyncio.sleep(1)
        holding.cancel()
        await asyncio.sleep(1)
        assert not holding.done()  # it leaves in good order
        holding.cancel()
        await asyncio.wait([holding])
        assert asyncio.get_running_loop().time() == 2
        assert await answers[0] == Uncertain("a", "left")
        assert smsc.talks[0].session.closed

    run(scenario())


def test_leaving_while_a_connection_is_being_made_is_at_once():
    async def scenario() -> None:
        async with link.link(settings(), random=lambda: 0.5, wall=lambda: NOON, connect=asyncio.get_running_loop().create_future):
            await asyncio.sleep(1)
        assert asyncio.get_running_loop().time() == 1

    run(scenario())


def test_leaving_while_there_is_no_connection_is_at_once():
    async def scenario() -> None:
        for smsc, why in ((centre(reachable=False), "[Errno 111] nobody there"), (centre(admit=lambda pdu: -1), "left")):
            began = asyncio.get_running_loop().time()
            async with linked(smsc) as made:
                await asyncio.sleep(5)
            assert asyncio.get_running_loop().time() - began <= 5.1
            assert made.events[-1] == Down(why, None)
            assert [event.retry_in for event in made.of(Down)].count(None) == 1

    run(scenario())


# ------------------------------------------------------------------------------------------------------------------ secrets


def test_the_password_comes_from_a_file_that_only_its_owner_may_read(tmp_path: Path):
    async def scenario() -> None:
        smsc = centre()
        file = tmp_path / "password"
        file.write_text("secret\n")
        file.chmod(0o640)
        async with linked(smsc, password_file=str(file)) as made:
            await asyncio.sleep(1)
            assert made.of(Down)[0].why == f"others may read the password file {file}: chmod 600"
            assert smsc.tried == []
            file.chmod(0o600)
            await asyncio.sleep(10)
            assert made.link.health.state == "up"
            assert smsc.binds[0][1].body.password == b"secret"  # type: ignore[union-attr]  # a bind's
            file.write_text("far too long\n")
            smsc.talks[-1].end.lose()
            await asyncio.sleep(10)
            assert made.of(Down)[-1].why == "an SMPP password has 8 octets at most"
            file.write_bytes(b"a\0b\n")
            await asyncio.sleep(10)
            assert made.of(Down)[-1].why.startswith("the login cannot be written: ")
            assert "a\0b" not in made.of(Down)[-1].why
            file.write_bytes(b"windows\r\n")
            await asyncio.sleep(60)
            assert made.link.health.state == "up"
            assert smsc.binds[-1][1].body.password == b"windows"  # type: ignore[union-attr]  # a bind's
            smsc.talks[-1].end.lose()
            file.unlink()
            await asyncio.sleep(10)
            assert made.of(Down)[-1].why == f"the password file {file} cannot be read: No such file or directory"

    run(scenario())


def test_no_number_and_no_text_shows():
    message = text("confidential", sender=None)
    heard = Incoming(NUMBER, "10657", "confidential", 0)
    shown = f"{message} {heard} {Receipt('1', ('1',), 'DELIVRD', True, receiver=NUMBER)} {message.content}"
    assert NUMBER not in shown
    assert "confidential" not in shown


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"host": ""}, "host: is empty"),
        ({"system_id": "x" * 16}, "system_id: 15 ASCII"),
        ({"system_type": "é"}, "system_type: 12 ASCII"),
        ({"version": "3.3"}, "bind: SMPP 3.3 knows no transceiver"),
        ({"version": "3.3", "bind": "pair", "long": "sar"}, "long: SMPP 3.3 has no optional parameters"),
        ({"certificate": "c"}, "certificate: certificate and key come together"),
        ({"ca_file": "c"}, "tls: set it true"),
        ({"probe_answer_seconds": 31.0}, "probe_answer_seconds: longer than probe_seconds"),
        ({"retry_limit_seconds": 0.5}, "retry_limit_seconds: less than retry_seconds"),
        ({"source": "1" * 21}, "source: no number"),
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any], fault: str):
    with pytest.raises(ConfigError, match=fault):
        settings(**changes)


# ------------------------------------------------------------------------------------------------------------ others' servers


async def up(made: Messenger) -> AsyncIterator[Event]:
    """The link's events, after the one that it is up."""
    events = made.events()
    assert await anext(events) == Up()
    return events


def real(port: int, **changes: Any) -> Messenger:
    return link.link(settings(host="127.0.0.1", port=port, **changes), random=lambda: 0.5, wall=lambda: NOON)


def test_smpp34s_server_takes_texts_and_pushes_and_sends_receipts_and_messages(free_port, tmp_path: Path):
    """Another's implementation at the other end: bind, submit, Chinese long text, binary push, receipts and messages."""

    async def serve(server: smpp34.Server, bound: asyncio.Future[smpp34.Esme], taken: list[smpp34.SubmitSmEvent]) -> None:
        while True:
            event = await server.next()
            if isinstance(event, smpp34.Esme):
                bound.set_result(event)
            elif isinstance(event, smpp34.SubmitSmEvent):
                taken.append(event)
                if event.destination_addr.endswith("9"):
                    event.reject(0x0B)
                else:
                    event.accept(f"{len(taken):X}")

    async def scenario() -> None:
        server = smpp34.Server("127.0.0.1", port := free_port(), system_id="smpp34")
        await server.start()
        bound: asyncio.Future[smpp34.Esme] = asyncio.get_running_loop().create_future()
        taken: list[smpp34.SubmitSmEvent] = []
        serving = asyncio.create_task(serve(server, bound, taken))
        (password := tmp_path / "password").write_text("secret")
        password.chmod(0o600)
        try:
            async with real(port, password_file=str(password)) as made:
                events = await up(made)
                esme = await bound
                assert (esme.system_id, esme.can_receive) == ("loop", True)
                words = "端午安康😀" * 30
                answer = await made.send(text(words, reference=7))
                assert isinstance(answer, Accepted)
                assert sorted(answer.ids) == ["1", "2", "3"]
                parts = sorted(event.short_message for event in taken)  # its threads tell them in any order
                assert b"".join(part[6:] for part in parts).decode("utf-16-be") == words
                assert {(event.esm_class, event.data_coding, event.registered_delivery) for event in taken} == {(0x40, 8, 1)}
                assert {(event.source_addr, event.destination_addr, event.dest_addr_ton) for event in taken} == {("10657", NUMBER, 1)}
                pieces = sms.split(sms.Udh(sms.PUSH_PORT, sms.WSP_PORT), bytes(range(200)), 3)
                assert isinstance(await made.send(Message("b", NUMBER, Octets(tuple(pieces)))), Accepted)
                parts = sorted(event.short_message for event in taken[3:])
                assert b"".join(part[12:] for part in parts) == bytes(range(200))
                assert all(part.startswith(bytes.fromhex("0b05040b8423f0")) for part in parts)
                refused = await made.send(Message("c", NUMBER[:-1] + "9", Text("no")))
                assert refused == Refused("c", 0x0B, "ESME_RINVDSTADR", permanent=True)

                telling = asyncio.ensure_future(
                    esme.deliver_sm("10657", receipt("2").short_message, source_addr=NUMBER, source_addr_ton=1, esm_class=4)
                )
                heard = await anext(events)
                assert isinstance(heard, Receipt)
                assert (heard.key, heard.state) == ("a", "DELIVRD")
                assert not telling.done()
                await heard.settle()
                assert (await telling).is_success

                writing = [
                    asyncio.ensure_future(
                        esme.deliver_sm("1065701", part.short_message, source_addr=NUMBER, source_addr_ton=1, esm_class=0x40, data_coding=8)
                    )
                    for part, _ in long_text("我要参加" * 30, 9)
                ]
                heard = await anext(events)
                assert isinstance(heard, Incoming)
                assert (heard.text, heard.sender, heard.sub_code) == ("我要参加" * 30, NUMBER, "01")
                await heard.settle()
                assert [(await wrote).is_success for wrote in writing] == [True, True]
                refusing = asyncio.ensure_future(esme.deliver_sm("1065701", b"no", source_addr=NUMBER))
                heard = await anext(events)
                assert isinstance(heard, Incoming)
                await heard.refuse()
                assert (await refusing).command_status == t.TRY_LATER
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await server.stop()

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_centre_that_asks_and_does_not_read_is_left_and_its_socket_closed():
    async def scenario() -> None:
        left: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked = smpp.decode(await reader.readuntil(b"loop\0") + await reader.read(100))
            writer.write(smpp.encode(smpp.Pdu(t.RESPONSE | asked.command, 0, asked.sequence, smpp.BindAnswer(b"smsc"))))
            cast(asyncio.Transport, writer.transport).pause_reading()
            probes = smpp.encode(smpp.Pdu(t.ENQUIRE_LINK, 0, 5)) * 4096
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(probes)
                    await writer.drain()
            left.append(b"")
            writer.transport.abort()

        async def connect() -> Socket:
            return await Socket.open("127.0.0.1", port)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        made = Linked(link.link(settings(retry_seconds=60.0), random=lambda: 0.0, wall=lambda: NOON, connect=connect))
        async with made.link:
            following = asyncio.create_task(made.follow())
            while not left:  # noqa: ASYNC110  # of another task
                await asyncio.sleep(0.01)
            while not made.of(Down):  # noqa: ASYNC110  # of another task
                await asyncio.sleep(0.01)
            assert made.of(Down)[0].why == "the connection is lost: the centre asks, and does not read the answers"
            following.cancel()
        server.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_a_socket_is_closed_though_its_peer_does_not_read():
    async def scenario() -> None:
        done = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            cast(asyncio.Transport, writer.transport).pause_reading()
            await done.wait()
            writer.transport.abort()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        line = writer.get_extra_info("socket")
        wire = Socket(reader, writer)
        for _ in range(200):  # what the kernel does not take lies in our buffer
            if not writer.transport.get_write_buffer_size():
                wire.write(bytes(1 << 16))
        assert writer.transport.get_write_buffer_size()
        await wire.close()
        await asyncio.sleep(0)
        assert line.fileno() == -1
        done.set()
        server.close()

    asyncio.run(asyncio.wait_for(scenario(), 60))


def certified(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for that name, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*form))
    return pem, secret


def test_tls_lets_in_only_who_proves_its_name(tmp_path: Path):
    async def scenario() -> None:
        certificate, key = certified(tmp_path, "smsc.example.net")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        smsc = centre()

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            end: Any = Socket(reader, writer)
            smsc.talks.append(Talk(smsc, end))

        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            async with real(port, tls=True, tls_name="smsc.example.net", ca_file=str(certificate)) as made:
                await up(made)
                assert isinstance(await made.send(text()), Accepted)
            for changes in ({"tls_name": "other.example.net", "ca_file": str(certificate)}, {"tls_name": "smsc.example.net"}):
                async with real(port, tls=True, **changes) as made:
                    down = await anext(made.events())
                    assert isinstance(down, Down)
                    assert "certificate verify failed" in down.why
            assert len(smsc.binds) == 1

    asyncio.run(asyncio.wait_for(scenario(), 60))


# ---------------------------------------------------------------------------------------------------------------- by chance


class Weather:
    """A centre in bad weather, drawn: it refuses, throttles, answers late or never, hangs up, is away; and it has messages for us, each of
    which it sends again until it is acknowledged."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.smsc = centre(self.answer, admit=lambda pdu: self.draw((0.9, 0), (0.05, t.SYSTEM_ERROR), (0.05, -1)))
        self.taken: dict[int, dict[int, list[str]]] = {}  # our reference → part → ids
        self.asked: set[int] = set()
        self.owed = {f"message {number}": self.parts(number) for number in range(30)}
        self.settled: set[str] = set()
        self.count = 0
        self.storm = True

    def draw(self, *shares: tuple[float, Any]) -> Any:
        return self.random.choices([what for _, what in shares], [share for share, _ in shares])[0] if self.storm else shares[0][1]

    def parts(self, number: int) -> list[tuple[smpp.Message, tuple[tuple[int, bytes], ...]]]:
        return long_text(f"message {number}" + " 龙舟" * self.random.choice((0, 30, 70)), number)

    def answer(self, pdu: smpp.Pdu) -> Said:
        reference = pdu.number(t.USER_MESSAGE_REFERENCE) or 0
        place = smpp.content(pdu).header.concat
        self.asked.add(reference)
        status = self.draw((0.85, 0), (0.05, t.THROTTLED), (0.03, 0x0B), (0.04, t.SYSTEM_ERROR), (0.03, None))
        if status == 0:
            self.count += 1
            self.taken.setdefault(reference, {}).setdefault(place.sequence if place else 1, []).append(f"{self.count:x}")
        delay = self.draw((0.9, self.random.uniform(0, 2)), (0.1, self.random.uniform(50, 80)))
        return Said(status, smpp.MessageAnswer(f"{self.count:x}".encode()) if status == 0 else None, after=delay)

    async def blow(self) -> None:
        """Hang up, be away, and deliver, until it clears up."""
        while self.storm:
            await asyncio.sleep(self.random.uniform(0, 20))
            self.smsc.reachable = self.random.random() < 0.8
            if self.smsc.talks and self.random.random() < 0.4:
                self.smsc.talks[-1].drop(unread=self.random.random() < 0.5)
        self.smsc.reachable = True

    async def deliver(self) -> None:
        """One message after another, all its parts at once or each after the other's acknowledgement, until none is left."""
        while self.owed:
            name, parts = self.random.choice(list(self.owed.items()))
            if await (self.at_once if self.random.random() < 0.7 else self.in_turn)(parts):
                assert name in self.settled or len(parts) > 1  # of which some may be acknowledged early
                del self.owed[name]
            await asyncio.sleep(1)

    async def at_once(self, parts: list[Any]) -> bool:
        talk = self.smsc.talks[-1] if self.smsc.talks else None
        if talk is None or talk.session.room(round(asyncio.get_running_loop().time() * session.SECOND)) < len(parts):
            return False
        answers = await asyncio.gather(*(talk.asks(t.DELIVER_SM, *part) for part in parts))
        return not any(status != 0 for status in answers)

    async def in_turn(self, parts: list[Any]) -> bool:
        return all([await self.at_once([part]) for part in parts])


@pytest.mark.parametrize("draw", range(20))
def test_whatever_happens_what_is_told_is_true(seed: int, draw: int):
    """Accepted: the centre took each part, with these ids. LinkDown: it saw nothing of it. Refused: no part beyond those named was taken.
    And every message of the centre's arrives whole, and is acknowledged only when it was settled."""

    async def scenario() -> None:
        weather = Weather(seed + draw)
        chance = weather.random
        told: dict[int, Any] = {}
        uncertain: set[int] = set()
        long: set[int] = set()

        async def one(reference: int) -> None:
            await asyncio.sleep(chance.uniform(0, 600))
            words = "龙舟" * chance.choice((1, 40, 90))
            long.update({reference} if len(words) > 70 else ())
            try:
                told[reference] = await made.send(text(words, key=str(reference), reference=reference))
            except LinkDown as down:
                told[reference] = down

        async def follow() -> None:
            async for event in made.events():
                if isinstance(event, Incoming) and not event.missing:
                    await asyncio.sleep(chance.uniform(0, 3))
                    if chance.random() < 0.8:
                        weather.settled.add(" ".join(event.text.split()[:2]))
                        await event.settle()
                    else:
                        await event.refuse()
                elif isinstance(event, Incoming):
                    await event.settle()
                elif isinstance(event, Late):
                    uncertain.add(int(event.answer.key))

        made = link.link(settings(window=5), random=chance.random, wall=lambda: NOON, connect=weather.smsc.connect)
        async with made:
            following, blowing = asyncio.create_task(follow()), asyncio.create_task(weather.blow())
            delivering = asyncio.create_task(weather.deliver())
            await asyncio.gather(*(one(reference) for reference in range(1, 301)))
            weather.storm = False
            await blowing
            await asyncio.wait_for(delivering, 3600)
            await asyncio.sleep(100)
            assert isinstance(await made.send(text(key="last")), Accepted)
            await made.leave()
            await following
        for reference, answer in told.items():
            parts = weather.taken.get(reference, {})
            if isinstance(answer, Accepted):
                assert len(parts) == len(answer.ids)
                assert all(message_id in parts[place] for place, message_id in enumerate(answer.ids, 1))
            elif isinstance(answer, LinkDown):
                assert reference not in weather.asked
            elif isinstance(answer, Refused):
                assert {message_id for ids in parts.values() for message_id in ids} >= set(answer.ids)
                assert not parts or reference in long
        assert {reference for reference, answer in told.items() if isinstance(answer, Uncertain)} | long >= uncertain
        assert {f"message {number}" for number in range(30)} <= weather.settled
        assert len({type(answer) for answer in told.values()}) >= 3

    run(scenario())
