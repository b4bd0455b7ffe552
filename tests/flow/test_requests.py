"""Seeds that are asked for: an SMS comes in by SMPP, the seed goes out by MM7, once; what the store makes of it, and who hears the rest."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mmsd.flow.dispatch import Dispatcher, Route
from mmsd.flow.requests import Requests, Shelved
from mmsd.flow.settle import Deaf, Way
from mmsd.link import endpoint, mm7
from mmsd.model import DAY, HOUR, SECOND, Batch, Composed, Heard
from mmsd.rules import outbox
from mmsd.rules.asking import Words
from mmsd.rules.governor import CLASSES, Governor
from mmsd.rules.outbox import Form
from mmsd.rules.settings import CampaignSettings, RequestSettings, SeedSettings
from mmsd.store import Needs, Rows
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore
from sim import centre as sim_centre
from sim import mm7 as sim
from sim.centre import Account, Centre, Incoming
from tests.flow.leaving import LI, NOON, OPEN, Desk, account_of, inline, run
from tests.flow.mms import CARD, seed
from tests.link.hearing import SECRET, private

WU = "8613912340002"
TORCH = CampaignSettings("torch", "Torch", "2026-11-01", "2026-11-30", seeds=(SeedSettings("one"),), zone="UTC")

LAMPS = CampaignSettings("lamps", "Lamps", "2026-10-01", "2026-10-31", zone="UTC", seeds=(), request=RequestSettings(keywords=("灯笼",)))


class Others(Deaf):
    """Who listens to all else."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def decide(self, heard: Sequence[Heard], rows: Rows, now: int) -> Batch:
        self.heard = [one.text for one in heard]
        return Batch(now)


class Office:
    """Messages as the dispatcher stores them."""

    def __init__(self, folder: Path, campaign: CampaignSettings = TORCH) -> None:
        self.now = NOON
        self.others = Others()
        self.store = SqliteStore.open(folder, settings=Settings(durable=False), keys=Keys(bytes(32), os.urandom), wall=lambda: self.now)
        self.shelf: dict[str, Composed] = {"torch/one": seed()}
        self.listener = Requests(Words([campaign], lambda _: UTC), Shelved(self.shelf.get, lambda campaign: "one"), b"key", self.others)

    def write(self, *said: tuple[str, str]) -> None:
        heard = [Heard("smsc1", number, "106587999", "7999", text, self.now) for number, text in said]

        def decide(rows: Rows) -> Batch:
            self.listener.decide(heard, rows, self.now)  # it may run again
            batch = Batch(self.now, heard=heard)
            batch.add(self.listener.decide(heard, rows, self.now))
            return batch

        self.store.transact(self.listener.needs(heard), decide)

    def asked_for(self) -> list[tuple[str, str]]:
        return [(row.msisdn, row.purpose) for _, row in self.store.outbox(None, 100)]

    def leave(self, state: str = outbox.SENT) -> None:
        rows = [row for _, row in self.store.outbox(outbox.READY, 100)]
        moved = [outbox.moved(outbox.claimed(row, "mm7", 1, now=self.now, fence=1), state) for row in rows]
        self.store.transact(Needs(), lambda _: Batch(self.now, moved=moved))


@pytest.fixture
def office(tmp_path: Path) -> Any:
    made = Office(tmp_path / "state")
    yield made
    made.store.close()


def test_asked_for_twice_at_once_and_again_it_is_one(office: Office) -> None:
    office.write((LI, "2008"), (LI, "２００８"), (WU, "hello"), (WU, "2008"))
    assert sorted(office.asked_for()) == [(LI, "seed"), (WU, "seed")]
    assert office.others.heard == ["hello"]
    assert office.store.holds(LI) == frozenset()  # nothing left yet
    office.write((LI, "2008"))
    office.leave()
    assert office.store.holds(LI) == office.store.holds(WU) == {"torch/one"}
    office.now += HOUR
    office.write((LI, "2008"))
    assert len(office.asked_for()) == 2
    office.now += DAY
    office.write((LI, "2008"))
    assert len(office.asked_for()) == 3
    (found,) = [office.store.composed(row.content) for _, row in office.store.outbox(outbox.READY, 10)]
    assert found == seed()


def test_what_nobody_made_yet_is_sent_once_it_is_there(office: Office) -> None:
    del office.shelf["torch/one"]
    office.write((LI, "2008"))
    assert office.asked_for() == [(LI, "answer")]
    office.shelf["torch/one"] = seed()
    office.write((LI, "2008"))
    assert office.asked_for() == [(LI, "answer"), (LI, "seed")]


def test_a_number_that_became_somebody_elses_holds_nothing_more(office: Office) -> None:
    office.write((LI, "2008"))
    office.leave()
    office.store.transact(Needs(), lambda _: Batch(office.now, let_go=[LI]))
    assert office.store.holds(LI) == frozenset()
    office.write((LI, "2008"))
    assert len(office.asked_for()) == 2


def test_whoever_is_erased_holds_nothing(office: Office) -> None:
    office.write((LI, "2008"))
    office.leave()
    office.store.erase(LI)
    assert office.store.holds(LI) == frozenset()


@contextlib.asynccontextmanager
async def both(folder: Path, report_port: int) -> AsyncIterator[tuple[Desk, sim.Door]]:
    """An SMS centre and an MMSC, and mmsd between them."""
    loop = asyncio.get_running_loop()

    def wall() -> int:
        return NOON + round(loop.time() * SECOND)

    account = Account(name="loop", password="secret", numbers=("10658",), binds=10)
    async with contextlib.AsyncExitStack() as stack:
        store = stack.enter_context(
            SqliteStore.open(folder / "state", settings=Settings(durable=False), keys=Keys(bytes(32), os.urandom), wall=lambda: NOON)
        )
        made = sim_centre.Settings(protocol="smpp", accounts=(account,))
        centre = await stack.enter_async_context(Centre(made, wall=wall, ledger=folder / "smsc.jsonl"))
        door = await stack.enter_async_context(sim.Door(sim.Settings(report_url=f"http://127.0.0.1:{report_port}/{SECRET}/mm7"), wall=wall))
        ours = endpoint.Settings(port=report_port, secret_file=private(folder / "secret", SECRET))
        to_mmsc = mm7.Link(mm7.Settings(url=door.url, source="106587999", endpoint=ours), random=lambda: 0.5, wall=wall)
        texts = account_of("smpp", centre.port, folder, wall, source="10658")
        routes = [
            Route("smsc", texts, frozenset(CLASSES), 0, 10),
            Route("mmsc", to_mmsc, frozenset(CLASSES), 1, 4, frozenset({Form.MMS}), Way(by_receiver=True)),
        ]
        listener = Requests(
            Words([TORCH, LAMPS], lambda _: UTC), Shelved({"torch/one": seed()}.get, lambda campaign: "one"), b"key", Deaf()
        )
        dispatcher = Dispatcher(
            store, routes, Governor(OPEN, ZoneInfo("UTC")), CLASSES, settings=outbox.Settings(poll_seconds=5.0), wall=wall,
            listener=listener, call=inline,
        )  # fmt: skip
        running = asyncio.create_task(dispatcher.run())
        desk = Desk(store, {"smsc": centre}, dispatcher, wall, running)
        try:
            await desk.until(lambda: all(each.health.state == "up" for each in dispatcher.health()))
            yield desk, door
        finally:
            dispatcher.stop()
            await running


def test_a_word_by_sms_brings_the_seed_by_mm7_and_that_of_another_campaign_a_text(tmp_path: Path, free_port: Any) -> None:
    async def scenario() -> None:
        async with both(tmp_path, free_port()) as (it, door):
            it.centre.send(Incoming(LI, "106587999", "２００８"))
            it.centre.send(Incoming(LI, "106587999", "2008"))
            await it.all("delivered")
            (taken,) = door.taken
            assert (taken.receiver, taken.sender, taken.subject) == (LI, "106587999", "火炬 <1>")
            assert ("image/jpeg", CARD) in taken.media
            assert it.store.holds(LI) == {"torch/one"}
            it.centre.send(Incoming(WU, "106587999", "灯笼"))
            await it.until(it.taken)
            assert list(it.taken()) == ["活动已结束，感谢您的参与。"]
            assert len(door.taken) == 1

    run(scenario())
