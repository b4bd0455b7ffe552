"""The pace of links over HTTP, in virtual time: what is asked when, and what is not asked at all."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Mapping

import pytest

from mmsd.errors import LinkDown
from mmsd.link.carry import Down, Receipt, Up
from mmsd.link.http import HttpLink, Peer, Reply, Unanswered
from tests.link.virtual import run

PEER = Peer("the peer", "http://peer/", "", rate=10.0, window=4, timeout=60.0, retry=1.0, retry_limit=60.0, answer_octets=100, leave=5.0)


class Scripted(HttpLink[Receipt]):
    """A link whose peer is a list of statuses: 0 is no connection; the last one stays. `times`: when it was asked, in seconds."""

    def __init__(self, *statuses: int, takes: float = 0.0, random: float = 0.0, peer: Peer = PEER) -> None:
        super().__init__(peer, None, random=lambda: random)
        self.statuses = deque(statuses)
        self.takes = takes
        self.times: list[float] = []
        self.looks: list[float] = []
        self.bodies: list[bytes] = []
        self.most = 0  # requests at once
        self.open = True

    async def _ask(self, session: object, headers: Mapping[str, str], body: bytes) -> Reply:
        asked = asyncio.get_running_loop().time()
        self.times.append(asked)
        self.bodies.append(body)
        self.most = max(self.most, self._asking)
        await asyncio.sleep(self.takes)
        status = self.statuses.popleft() if len(self.statuses) > 1 else self.statuses[0]
        if not status:
            raise Unanswered("lost")
        return Reply(status, {}, b"", int(asked * 1_000_000))

    async def _look(self) -> str:
        self.looks.append(asyncio.get_running_loop().time())
        return "" if self.open else "nobody there"

    async def send(self, body: bytes = b"") -> int:
        """As the links do: 200 is taken, 503 throttled, 403 turned away as a whole."""
        reply = await self._post({}, body)
        if reply.status == 200:
            self._well()
        elif reply.status == 503:
            self._throttled(reply)
        elif reply.status == 403:
            raise self._down("turned away")
        return reply.status


def gaps(times: list[float]) -> list[float]:
    return [round(later - before, 3) for before, later in itertools.pairwise(times)]


def test_requests_go_at_the_rate_in_their_order_and_so_many_at_once() -> None:
    async def scenario() -> None:
        async with Scripted(200, takes=1.0, peer=PEER._replace(rate=100.0)) as link:
            await asyncio.gather(*(link.send(bytes([number])) for number in range(20)))
            assert link.bodies == [bytes([number]) for number in range(20)]
            assert link.most == PEER.window
            assert link.times[-1] == pytest.approx(4.0, abs=0.1)  # twenty by fours, a second each
        async with Scripted(200) as link:
            await asyncio.gather(*(link.send() for _ in range(101)))
            assert gaps(link.times) == [0.1] * 100

    run(scenario())


def test_a_throttling_is_followed_by_silence_that_doubles_then_by_half_the_rate() -> None:
    async def scenario() -> None:
        async with Scripted(*[503] * 8, 200) as link:
            while await link.send() == 503:
                pass
            assert gaps(link.times) == [1, 2, 4, 8, 16, 32, 60, 60]
            began = len(link.times)
            await asyncio.gather(*(link.send() for _ in range(5)))
            slow = gaps(link.times[began - 1 :])
            assert min(slow) > 0.11  # far from ten a second
            await asyncio.sleep(120)
            began = len(link.times)
            await asyncio.gather(*(link.send() for _ in range(5)))
            assert gaps(link.times[began:]) == [0.1] * 4  # and ten again
            link.statuses = deque([503, 200])
            await link.send()
            await link.send()
            assert gaps(link.times)[-1] == 1  # a new beginning

    run(scenario())


def test_what_is_throttled_together_counts_once() -> None:
    async def scenario() -> None:
        async with Scripted(*[503] * 4, 200, takes=1.0, random=1.0) as link:
            assert await asyncio.gather(*(link.send() for _ in range(4))) == [503] * 4
            assert await link.send() == 200
            silence = link.times[-1] - link.times[0] - link.takes
            assert silence == pytest.approx(1.5, abs=0.1)  # a second, and half of it by chance
            assert link.counts["throttled"] == 4

    run(scenario())


def test_turned_away_it_asks_nothing_for_growing_pauses() -> None:
    async def scenario() -> None:
        async with Scripted(403, random=1.0) as link:
            for _ in range(4):
                with pytest.raises(LinkDown, match="turned away"):
                    await link.send()
                with pytest.raises(LinkDown, match="turned away"):
                    await link.send()  # not asked
                await asyncio.sleep(60)
            assert len(link.times) == 4
            link.open = False
            with pytest.raises(LinkDown):
                await link.send()
            await asyncio.sleep(600)
            assert link.health.error == "nobody there"
            assert gaps(link.looks[-5:]) == [60] * 4
            link.open = True
            await asyncio.sleep(60)
            link.statuses = deque([200])
            assert await link.send() == 200
            events = [event async for event in _left(link)]
            assert [event.retry_in for event in events if isinstance(event, Down)][:5] == [2, 4, 8, 16, 32]
            assert isinstance(events[0], Up)

    run(scenario())


async def _left(link: Scripted):
    """What it told, to its end."""
    await link.leave()
    async for event in link.events():
        yield event


def test_leaving_waits_for_answers_so_long() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        for takes, waits in ((2.0, 2.0), (50.0, 5.0)):
            async with Scripted(200, takes=takes) as link:
                sending = asyncio.create_task(link.send())
                await asyncio.sleep(0.01)
                began = loop.time()
                await link.leave()
                assert loop.time() - began == pytest.approx(waits, abs=0.1)
                with pytest.raises(LinkDown, match="closed"):
                    await link.send()
            assert await sending == 200

    run(scenario())


def test_nobody_waits_for_the_end_of_a_silence_when_we_leave_or_the_link_is_down() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        for leaves in (True, False):
            async with Scripted(*[503] * 6, 200) as link:
                while len(link.times) < 6:
                    await link.send()
                sending = [asyncio.create_task(link.send()) for _ in range(2)]  # the second waits for the first's turn
                await asyncio.sleep(0.01)
                began = loop.time()
                if leaves:
                    await link.leave()
                else:
                    link._down("turned away")
                for task in sending:
                    with pytest.raises(LinkDown, match="closed" if leaves else "turned away"):
                        await task
                assert loop.time() - began < 0.1
                assert len(link.times) == 6

    run(scenario())
