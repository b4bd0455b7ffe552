"""Rows P01–P06 of the fault catalogue: our links against the simulator's SMS centre, over real sockets, in time that jumps when all wait.

What the outbox does with an unknown outcome (wait for a receipt, send again at most once, park) is tested with the outbox. Here: the link
says Uncertain and nothing more than it knows, sends nothing twice by itself, and counts what cannot be.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import selectors
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from mmsd.codec import smpp as codec
from mmsd.codec.tables import cmpp as cmpp_table
from mmsd.codec.tables import smpp as smpp_table
from mmsd.errors import LinkDown
from mmsd.link import cmpp, smpp
from mmsd.link.carry import Accepted, Answer, Down, Incoming, Late, Message, Owed, Receipt, Refused, Text, Uncertain, Up
from mmsd.link.messenger import Messenger
from sim import centre as sim
from sim.centre import Account, Centre, Fault, Ids
from sim.centre.settings import Drawn
from tests.link.hearing import private

HANDSET = "8613900000001"
ACCOUNT = Account(name="loop", password="secret", numbers=("10657",))
BEFORE_THE_CLOCK = 0.01  # real seconds of silence on all sockets, before time jumps
AT_MOST = 20.0  # and before a test that waits for nothing is given up

both = pytest.mark.parametrize("protocol", ["smpp", "cmpp"])
only_smpp = pytest.mark.parametrize("protocol", ["smpp"])


class _Selector(selectors.DefaultSelector):
    """Waits a little for sockets, which time cannot hurry; then moves the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(AT_MOST)
            assert ready, "everybody waits, and nothing will come"
            return ready
        ready = super().select(BEFORE_THE_CLOCK if timeout > 0 else 0)
        if not ready and timeout > 0:
            self.now += timeout
        return ready


class Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def run(scenario: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(scenario)


class House:
    """A centre, our link to it, and every event of the link with its time, settled as it comes."""

    def __init__(self, centre: Centre, link: Messenger) -> None:
        self.centre = centre
        self.link = link
        self.events: list[Any] = []
        self.times: list[float] = []
        self.up = asyncio.Event()  # set while the link is
        self._came = asyncio.Event()

    async def listen(self) -> None:
        async for event in self.link.events():
            self.events.append(event)
            self.times.append(asyncio.get_running_loop().time())
            match event:
                case Up():
                    self.up.set()
                case Down():
                    self.up.clear()
                case Owed():
                    await event.settle()
            self._came.set()

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def event(self, kind: type, count: int = 1) -> list[Any]:
        """The first `count` of a kind, once they came."""
        while len(self.of(kind)) < count:
            self._came.clear()
            await self._came.wait()
        return self.of(kind)[:count]

    async def again(self) -> None:
        """Down and up again."""
        await self.event(Down)
        await self.event(Up, 2)

    def nacks(self) -> list[int]:
        """Statuses of the generic_nacks that the centre heard."""
        heard = [odd.pdu for odd in self.centre.odd if isinstance(odd.pdu, codec.Pdu)]
        return [pdu.status for pdu in heard if pdu.command == smpp_table.GENERIC_NACK]

    def taken(self) -> Counter[str]:
        """How often the centre took each text."""
        return Counter(part.submit.text for part in self.centre.taken)


@contextlib.asynccontextmanager
async def house(protocol: str, folder: Path, *, centre: dict[str, Any] | None = None, **link: Any) -> AsyncIterator[House]:
    """Up."""
    asked = {"receipts": sim.Receipts(after=5.0, again=1.0)} | (centre or {})
    settings = sim.Settings(protocol=protocol, accounts=(ACCOUNT,), **asked)  # type: ignore[arg-type]  # one of the two
    async with Centre(settings, wall=lambda: time.time_ns() // 1000, ledger=folder / "ledger.jsonl") as made:
        common: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": made.port,
            "password_file": private(folder / "password", "secret"),
            "source": "10657",
        } | link
        outer: dict[str, Any] = {"random": lambda: 0.5, "wall": lambda: time.time_ns() // 1000}
        ours = (
            smpp.link(smpp.Settings(system_id="loop", **common), **outer)
            if protocol == "smpp"
            else cmpp.link(cmpp.Settings(sp_id="loop", **common), **outer)
        )
        async with ours:
            told = House(made, ours)
            listening = asyncio.create_task(told.listen())
            await told.event(Up)
            try:
                yield told
            finally:
                await ours.leave()
                await listening


def message(key: str = "one", text: str | None = None, reference: int | None = 7) -> Message:
    return Message(key, HANDSET, Text(key if text is None else text), reference=reference)


# ------------------------------------------------------------- P01: response never comes / connection reset after submit


@both
def test_P01_response_never_comes(protocol, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(Fault.SILENT)
            answer = await it.link.send(message())
            assert answer == Uncertain("one", "no answer in time")
            (receipt,) = await it.event(Receipt)
            assert (receipt.state, receipt.reference) == ("DELIVRD", 7 if protocol == "smpp" else None)
            assert receipt.key == ("one" if protocol == "smpp" else None)  # CMPP has no reference to match by
            assert isinstance(await it.link.send(message("two")), Accepted)  # in the same session
            assert it.taken() == {"one": 1, "two": 1}
            assert (it.link.counts["uncertain"], it.link.counts["overdue"], it.link.counts["binds"]) == (1, 1, 1)

    run(scenario())


@both
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.LOST])
def test_P01_connection_reset_after_submit(protocol, fault, tmp_path):
    """Taken or not: from here both look alike, so the receipt alone tells."""

    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(fault)
            answer = await it.link.send(message())
            assert isinstance(answer, Uncertain)
            await it.again()
            assert isinstance(await it.link.send(message("two", reference=8)), Accepted)
            receipts = await it.event(Receipt, 2 if fault is Fault.RESET else 1)
            assert it.taken() == ({"one": 1, "two": 1} if fault is Fault.RESET else {"two": 1})
            if protocol == "smpp":
                assert [receipt.key for receipt in receipts] == (["one", "two"] if fault is Fault.RESET else ["two"])

    run(scenario())


@both
def test_P01_one_part_of_a_long_message_is_not_answered(protocol, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(Fault.SILENT)
            answer = await it.link.send(message(text="端午安康" * 40))
            assert isinstance(answer, Uncertain)
            assert answer.ids == tuple(part.identity for part in it.centre.taken[1:])
            assert [part.submit.header.concat.sequence for part in it.centre.taken if part.submit.header.concat] == [1, 2, 3]
            assert [read.text for read in it.centre.messages] == ["端午安康" * 40]

    run(scenario())


# ------------------------------------------------------------- P02: response late, repeated, unknown sequence, after re-bind


@both
def test_P02_response_late(protocol, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(Fault.LATE, delay=90)
            assert isinstance(await it.link.send(message()), Uncertain)
            (late,) = await it.event(Late)
            assert late.answer == Accepted("one", (it.centre.taken[0].identity,))
            assert it.taken() == {"one": 1}
            assert it.link.counts["late_answers"] == 1

    run(scenario())


@both
@pytest.mark.parametrize("fault", [Fault.TWICE, Fault.STRANGER])
def test_P02_response_repeated_or_of_unknown_sequence(protocol, fault, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(fault)
            assert await it.link.send(message()) == Accepted("one", (it.centre.taken[0].identity,))
            assert isinstance(await it.link.send(message("two")), Accepted)
            assert it.link.counts["answers_to_nothing"] == 1
            assert not it.of(Late)
            assert it.taken() == {"one": 1, "two": 1}

    run(scenario())


@both
def test_P02_response_after_re_bind(protocol, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(Fault.AFTER_REBIND)
            assert isinstance(await it.link.send(message()), Uncertain)
            await it.again()
            assert isinstance(await it.link.send(message("two", reference=8)), Accepted)
            assert it.link.counts["answers_to_nothing"] == 1
            assert not it.of(Late)
            assert it.taken() == {"one": 1, "two": 1}

    run(scenario())


# -------------------------------------------- P03: receipt before response, repeated, out of order, hex/decimal id, unknown id


@both
def test_P03_receipt_before_response(protocol, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(Fault.EARLY_RECEIPT)
            assert isinstance(await it.link.send(message(reference=None)), Accepted)
            (receipt,) = await it.event(Receipt)
            assert (receipt.key, receipt.state) == ("one", "DELIVRD")
            assert it.link.counts["receipts_unmatched"] == 0
            await it.centre.until(lambda: it.centre.counts["receipts acknowledged"] == 1)

    run(scenario())


@both
@pytest.mark.parametrize("answer", ["{:08x}", "{:d}", "{:X}"])
def test_P03_ids_hexadecimal_and_decimal(protocol, answer, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path, centre={"ids": Ids(answer=answer, receipt="{:d}" if "d" not in answer else "{:x}")}) as it:
            for key in ("one", "two", "three"):
                assert isinstance(await it.link.send(message(key, reference=None)), Accepted)
            receipts = await it.event(Receipt, 3)
            assert [receipt.key for receipt in receipts] == ["one", "two", "three"]
            if protocol == "smpp":
                it.centre.order(Fault.RECEIPT_BASE)
                await it.link.send(message("four", reference=None))
                assert (await it.event(Receipt, 4))[3].key == "four"

    run(scenario())


@both
def test_P03_receipts_repeated_out_of_order_and_of_unknown_ids(protocol, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            for fault in (Fault.RECEIPT_TWICE, Fault.RECEIPT_SHUFFLED, Fault.RECEIPT_BACKWARDS, Fault.RECEIPT_UNKNOWN, Fault.RECEIPT_LOST):
                it.centre.order(fault)
            keys = ["twice", "shuffled", "backwards", "unknown", "lost"]
            for key in keys:
                assert isinstance(await it.link.send(message(key, reference=None)), Accepted)
            receipts = await it.event(Receipt, 7)
            earlier = "ENROUTE" if protocol == "smpp" else "ACCEPTD"
            assert [(receipt.key, receipt.state, receipt.final) for receipt in receipts] == [
                ("twice", "DELIVRD", True),
                ("twice", "DELIVRD", True),
                ("backwards", "DELIVRD", True),
                ("backwards", earlier, False),  # whoever keeps the state sees that it is none to go back to
                ("shuffled", "DELIVRD", True),
                (None, "DELIVRD", True),
                ("unknown", "DELIVRD", True),
            ]
            assert it.link.counts["receipts_unmatched"] == 1
            await it.centre.until(lambda: it.centre.counts["receipts acknowledged"] == 7)

    run(scenario())


# --------------------------------------------------------------------------------- P04: ESME_RTHROTTLED, ESME_RMSGQFUL


@both
@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.QUEUE_FULL])
def test_P04_throttled_for_a_minute(protocol, fault, tmp_path):
    """Asked again by its caller whenever it is told "not so fast": all arrive, once, and the centre is left in peace meanwhile."""

    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(fault, times=0, seconds=60)

            async def deliver(key: str) -> int:
                refusals = 0
                while not isinstance(answer := await it.link.send(message(key, reference=None)), Accepted):
                    assert isinstance(answer, Refused)
                    assert (answer.throttled, answer.permanent) == (True, False)
                    refusals += 1
                return refusals

            keys = [f"message {number}" for number in range(20)]
            refusals = await asyncio.gather(*map(deliver, keys))
            assert it.taken() == dict.fromkeys(keys, 1)
            assert it.link.counts["throttled"] == sum(refusals) == it.centre.counts[f"fault: {fault}"]
            assert sum(refusals) <= 80  # 3,000 at the full rate; a burst of the window at 0, 1.x, 3.x, 7.x … s
            assert it.link.counts["binds"] == 1

    run(scenario())


# --------------------------------------------------------------------------------- P05: permanent refusals, bind refused


@pytest.mark.parametrize(
    ("protocol", "status", "name"),
    [
        ("smpp", 0x0A, "ESME_RINVSRCADR"),
        ("smpp", 0x0B, "ESME_RINVDSTADR"),
        ("smpp", 0x45, "ESME_RSUBMITFAIL"),
        ("cmpp", 10, "source"),
        ("cmpp", 13, "destination"),
    ],
)
def test_P05_refusals(protocol, status, name, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(Fault.REFUSED, status=status)
            answer = await it.link.send(message())
            assert answer == Refused("one", status, name, permanent=status != 0x45)
            assert isinstance(await it.link.send(message("two")), Accepted)
            assert it.taken() == {"two": 1}

    run(scenario())


@both
@pytest.mark.parametrize("fault", [Fault.BIND_REFUSED, Fault.BIND_SILENT])
def test_P05_bind_refused(protocol, fault, tmp_path):
    """Ten minutes: tried again after 1 … 60 s, never faster; then up, by itself."""

    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(fault, times=0, seconds=600)
            it.centre.hang_up("close")
            await it.event(Up, 2)
            tries = [bind.at for bind in it.centre.binds[1:]]
            gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
            waited = 10 if fault is Fault.BIND_SILENT else 0  # for an answer
            assert all(1 <= gap - waited <= 61 for gap in gaps)
            assert gaps == sorted(gaps)
            assert 590 <= tries[-1] - tries[0] <= 680
            assert isinstance(await it.link.send(message()), Accepted)
            it.centre.order(Fault.BIND_REFUSED)
            it.centre.hang_up("close")
            await it.event(Down, len(it.of(Down)) + 1)
            with pytest.raises(LinkDown):
                await it.link.send(message("two"))
            assert it.taken() == {"one": 1}

    run(scenario())


# ---------------------------------- P06: half-open; fragments; coalesced; command_length 0, 15, 2³²−1; unknown command; wrap


@both
def test_P06_half_open(protocol, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(Fault.DEAF)
            began = asyncio.get_running_loop().time()
            answer = await it.link.send(message())
            assert answer == Uncertain("one", "the peer is silent")
            await it.event(Down)
            assert it.times[it.events.index(it.of(Down)[0])] - began <= 2 * 30
            await it.event(Up, 2)
            assert isinstance(await it.link.send(message("two")), Accepted)
            assert it.taken() == {"two": 1}

    run(scenario())


@both
@pytest.mark.debian("iproute2")
def test_P06_half_open_when_every_packet_is_dropped(protocol, tmp_path, root):
    """In a network namespace, where the line goes down and the sockets never hear of it: the probe alone finds out."""
    alone = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces for us on this machine")
    command = [*alone, sys.executable, "-m", "tests.link.cut_off", protocol, str(tmp_path)]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    assert told[:2] == ["the peer is silent", "the peer is silent"]
    assert told[2] in {"Accepted {'two': 1}", "Accepted {'one': 1, 'two': 1}"}  # TCP may still bring the first, when the line is back


@both
@pytest.mark.parametrize("fault", [Fault.DRIP, Fault.COALESCED])
def test_P06_fragments_and_coalesced_pdus(protocol, fault, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(fault)
            answers = await asyncio.gather(*(it.link.send(message(f"message {number}", reference=None)) for number in range(5)))
            assert [answer.key for answer in answers if isinstance(answer, Accepted)] == [f"message {number}" for number in range(5)]
            it.centre.send(sim.Incoming(HANDSET, "1065701", "好" * 100))
            (incoming,) = await it.event(Incoming)
            assert (incoming.text, incoming.parts) == ("好" * 100, 2)
            assert {receipt.key for receipt in await it.event(Receipt, 5)} == {f"message {number}" for number in range(5)}
            assert (it.link.counts["odd"], it.link.counts["answers_to_nothing"], it.link.counts["binds"]) == (0, 0, 1)

    run(scenario())


@both
@pytest.mark.parametrize("fault", [Fault.LENGTH_0, Fault.LENGTH_15, Fault.LENGTH_MAX])
def test_P06_lengths_that_no_pdu_has(protocol, fault, tmp_path):
    """No octet more is waited for: SMPP is told with a generic_nack, and the connection is made anew."""

    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(Fault.SILENT)
            sending = asyncio.create_task(it.link.send(message()))
            await it.centre.until(lambda: it.centre.taken)
            began = asyncio.get_running_loop().time()
            it.centre.order(fault)
            answer = await sending
            assert answer == Uncertain("one", "the peer's framing is lost")
            assert asyncio.get_running_loop().time() - began < 1
            await it.again()
            assert it.link.counts["odd"] == 1
            assert it.nacks() == ([smpp_table.INVALID_COMMAND_LENGTH] if protocol == "smpp" else [])
            assert isinstance(await it.link.send(message("two")), Accepted)
            assert it.taken() == {"one": 1, "two": 1}

    run(scenario())


@both
def test_P06_unknown_command(protocol, tmp_path):
    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(Fault.UNKNOWN_COMMAND)
            assert isinstance(await it.link.send(message()), Accepted)
            assert (it.link.counts["odd"], it.link.counts["binds"]) == (1, 1)
            assert it.nacks() == ([smpp_table.INVALID_COMMAND] if protocol == "smpp" else [])  # CMPP has no answer for it
            assert len(it.centre.odd) == len(it.nacks())

    run(scenario())


@both
def test_P06_sequence_wrap(protocol, tmp_path):
    last = smpp_table.MAX_SEQUENCE if protocol == "smpp" else cmpp_table.MAX_SEQUENCE

    async def scenario() -> None:
        async with house(protocol, tmp_path) as it:
            it.centre.order(Fault.WRAP)
            it.centre.hang_up("reset")
            await it.event(Up, 2)
            texts = [f"number {number}" for number in range(6)]
            for text in texts:
                it.centre.send(sim.Incoming(HANDSET, "10657", text))
            assert [incoming.text for incoming in await it.event(Incoming, 6)] == texts
            await it.centre.until(lambda: it.centre.counts["incomings acknowledged"] == 6)
            assert it.centre.sequences[-6:] == [last - 2, last - 1, last, 1, 2, 3]

    run(scenario())


# ------------------------------------------------------------------------------------------------------------- all at once

RATES = dict.fromkeys(
    ["silent", "reset", "lost", "late", "twice", "stranger", "after-rebind", "early-receipt", "throttled", "queue-full", "refused"], 0.02
) | dict.fromkeys(
    ["receipt-twice", "receipt-shuffled", "receipt-backwards", "receipt-unknown", "deaf", "drip", "length-0", "length-max", "bind-refused"],
    0.01,
)


@both
def test_P01_to_P06_drawn_at_random(protocol, tmp_path, seed, effort):
    """Whatever happens, the centre has taken what was Accepted once, what is Uncertain at most once, and nothing that was Refused."""

    async def scenario() -> None:
        settings = {"faults": Drawn(seed=seed, rates=RATES)}
        async with house(protocol, tmp_path, centre=settings, answer_seconds=20.0) as it:

            async def deliver(key: str) -> Answer:
                while True:
                    try:
                        answer = await it.link.send(message(key, reference=None))
                    except LinkDown:  # nothing was written
                        await asyncio.sleep(0.1)
                        await it.up.wait()
                        continue
                    if not (isinstance(answer, Refused) and answer.throttled):
                        return answer

            keys = [f"message {number}" for number in range(60 * effort)]
            answers = dict(zip(keys, await asyncio.gather(*map(deliver, keys)), strict=True))
            taken = it.taken()
            assert all(taken[key] == 1 for key, answer in answers.items() if isinstance(answer, Accepted))
            assert all(taken[key] <= 1 for key, answer in answers.items() if isinstance(answer, Uncertain))
            assert all(taken[key] == 0 for key, answer in answers.items() if isinstance(answer, Refused))
            assert sum(count for what, count in it.centre.counts.items() if what.startswith("fault: "))
            texts = {part.identity: part.submit.text for part in it.centre.taken}
            named = [receipt for receipt in it.of(Receipt) if receipt.key is not None]
            assert all(receipt.key == texts[receipt.id] for receipt in named)
            assert {key for key, answer in answers.items() if isinstance(answer, Accepted)} & {receipt.key for receipt in named}

    run(scenario())
