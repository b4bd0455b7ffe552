"""The outbox through a real Kannel to the simulator's centre: what the guarantee says of Kannel. A pipe before smsbox loses answers."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

import pytest

from mmsd.flow.dispatch import Dispatcher, Route
from mmsd.link import endpoint, kannel
from mmsd.model import DAY, SECOND, Batch
from mmsd.rules import outbox
from mmsd.rules.governor import CLASSES, Governor
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore
from sim.centre import Account, Centre, Ids, Incoming, Receipts
from sim.centre import Settings as CentreSettings
from tests.flow.leaving import OPEN, row
from tests.link.gateway import PASSWORD, PATIENCE, POST, USER, Gateway, gateway
from tests.link.hearing import SECRET, private


@pytest.fixture
def box(debian: Callable[[str], str], tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Gateway]:
    with gateway(debian, tmp_path, free_port) as made:
        yield made


def wall() -> int:
    return time.time_ns() // 1000


class Pipe:
    """To smsbox and back; of `losing` requests to come the answer is lost."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.losing = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            lost = self.losing > 0
            self.losing -= lost
            outer.write(head + await reader.readexactly(length))
            answer = await inner.read(4096)
            if not lost:
                writer.write(answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass  # a look at the port
        finally:
            for each in (outer, writer):
                each.close()


@asynccontextmanager
async def pipe(port: int) -> AsyncIterator[Pipe]:
    made = Pipe(port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110  # the store is looked at from outside
            await asyncio.sleep(0.05)


def test_an_answer_that_is_lost_is_made_up_for_by_the_receipt(box, tmp_path, free_port):
    """Three answers are lost; each message is taken once, and what a subscriber writes comes too."""
    ours = endpoint.Settings(port=free_port(), secret_file=private(tmp_path / "secret", SECRET))
    smsc = CentreSettings(
        accounts=(Account(name=USER, password="secret", numbers=("10086",)),),
        ids=Ids(receipt="{:d}"),
        receipts=Receipts(after=0.05, again=0.2),
    )

    async def scenario() -> None:
        async with Centre(smsc, wall=wall) as centre, pipe(box.ports["sendsms"]) as between:
            box.configure(services=POST.format(url=f"http://127.0.0.1:{ours.port}/{SECRET}/message"), smpp=centre.port)
            box.boxes()
            await asyncio.wait_for(centre.until(lambda: centre.counts["binds"]), PATIENCE)
            settings = kannel.Settings(
                url=f"http://127.0.0.1:{between.port}/cgi-bin/sendsms", username=USER, source="10086", endpoint=ours,
                password_file=private(tmp_path / "password", PASSWORD), retry_seconds=0.05, classes=("transactional",),
            )  # fmt: skip
            keys = Keys(bytes(range(32)), os.urandom)
            with SqliteStore.open(tmp_path / "state", settings=Settings(durable=False), keys=keys, wall=wall) as store:
                route = Route("kannel1", kannel.Link(settings, random=lambda: 0.5, wall=wall), frozenset(CLASSES), 0, 10)
                dispatcher = Dispatcher(
                    store,
                    [route],
                    Governor(OPEN, UTC),
                    CLASSES,
                    settings=outbox.Settings(grace_seconds=3600.0, poll_seconds=0.1),
                    wall=wall,
                )
                running = asyncio.create_task(dispatcher.run())
                between.losing = 3
                rows = [row(f"m{n}", due=wall(), expires=wall() + DAY) for n in range(4)]
                rows.append(row("long", due=wall() + SECOND, expires=wall() + DAY, body="端午安康" * 40))  # when no more answers are lost
                store.transact(Needs(), lambda _: Batch(wall(), outbox=rows))
                await until(lambda: running.done() or store.outbox_states() == {"delivered": 5})
                centre.send(Incoming("8613900000004", "1008617", "yes"))
                await until(lambda: running.done() or store.heard(None, 1))
                assert Counter(message.text for message in centre.messages) == Counter(each.body for each in rows)
                assert store.heard(None, 1)[0][1].text == "yes"
                assert {each.tries for _, each in store.outbox(None, 9)} == {1}
                assert dispatcher.receipts["by_key"] >= 2
                dispatcher.stop()
                await running

    asyncio.run(scenario())
