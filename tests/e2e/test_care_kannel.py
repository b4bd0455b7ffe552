"""Care through a real Kannel: question, answer, consent, PIN and settings, receipts, in real time.

mmsd's Kannel link asks smsbox, bearerbox speaks SMPP with the simulator's centre, behind it are handsets that read the octets and owners
who answer. A finding is told by hand; from there on nothing is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from mmsd import app, config
from mmsd.codec import sms
from mmsd.flow.care import CareLoop
from mmsd.flow.dispatch import Dispatcher
from mmsd.link import endpoint, kannel, registry
from mmsd.model import SECOND, Batch
from mmsd.rules import handsets
from mmsd.rules.casework import Found
from mmsd.rules.settings import CareSettings, ClassSettings, GovernorSettings, Operator
from mmsd.rules.tidings import tiding
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore
from sim import ota
from sim.air import Air
from sim.centre import Account, Centre, Ids, Receipts
from sim.centre import Settings as CentreSettings
from sim.people import Subscriber
from sim.province import Province
from sim.scenario import Habits, load
from tests.flow.test_closed_loop import OPERATORS
from tests.link.gateway import PASSWORD, PATIENCE, POST, USER, Gateway, gateway
from tests.link.hearing import SECRET, private

pytestmark = pytest.mark.debian("kannel")

SHORT_CODE: Final = "10657"
ON: Final = ClassSettings(switch="on", caps=(), quiet=False)
HABITS: Final = Habits(yes=0.6, no=0.2, other=0.1, stop=0.1, install=1.0, type_pin=1.0, reply=(0.2, 0.6), legacy=0.0, none=0.0)
CENTRE: Final = CentreSettings(
    accounts=(Account(name=USER, password="secret", numbers=(SHORT_CODE,)),), ids=Ids(receipt="{:d}"), receipts=Receipts(again=0.2)
)


@pytest.fixture
def box(debian: Callable[[str], str], tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Gateway]:
    with gateway(debian, tmp_path, free_port) as made:
        yield made


def wall() -> int:
    return time.time_ns() // 1000


@dataclass
class Care:
    """What a test looks at."""

    province: Province
    centre: Centre
    store: SqliteStore
    care: CareLoop
    dispatcher: Dispatcher

    def find(self, *subscribers: Subscriber, cause: str) -> None:
        """As the sequencer tells it, in the transaction that raises the finding."""
        now = wall()
        news = [tiding(subscriber.digits.decode(), now, Found(cause, 0.95)) for subscriber in subscribers]
        self.store.transact(Needs(), lambda _: Batch(now, tidings=news))
        self.care.look()

    async def until(self, true: Callable[[], bool], missing: Callable[[], object]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not true():  # noqa: ASYNC110  # other processes are looked at from outside
                    await asyncio.sleep(0.05)
        assert true(), missing()


def wrong(province: Province) -> list[Subscriber]:
    """Whose settings are wrong."""
    return [each for each in province.people.subscribers if each.behaviour.value.startswith("wrong")]


@contextlib.asynccontextmanager
async def caring(folder: Path, box: Gateway, port: int, known: Callable[[int], bool]) -> AsyncIterator[Care]:
    """A town, and mmsd. `known(n)`: accounting told the card of the nth whose settings are wrong."""
    (operators := folder / "operators.toml").write_text(OPERATORS)
    own = endpoint.Settings(port=port, secret_file=private(folder / "secret", SECRET))
    link = kannel.Settings(
        url=box.url, username=USER, password_file=private(folder / "password", PASSWORD), source=SHORT_CODE, endpoint=own,
        retry_seconds=0.05, classes=("service", "provisioning"),
    )  # fmt: skip
    settings = config.Settings(
        feeds={},
        operator=Operator(plmns=("460-02",)), reference=config.settings.ReferenceFiles(operators=(operators,)), links={"kannel1": link},
        care=CareSettings(holdout=0.0), governor=GovernorSettings(quiet_hours=(), caps=(), service=ON, provisioning=ON),
        state=config.State(directory=folder / "state"),
    )  # fmt: skip
    world = app.World(wall=wall, link=lambda each: registry.make(each, random=lambda: 0.5, wall=wall))
    keys = Keys(bytes(range(32)), os.urandom)
    air = Air(CENTRE, wall=wall)
    async with contextlib.AsyncExitStack() as stack:
        centre = await stack.enter_async_context(Centre(CENTRE, wall=wall, mobiles=air))
        air.use(centre)
        start = wall() // SECOND * SECOND
        province = Province(load(Path("care")), folder / "logs", start, cutoff=start + 1)
        stack.callback(province.finish)
        move = air.inhabit(province, HABITS)

        async def live() -> None:
            while True:
                move()
                province.agenda.run(max(wall(), province.agenda.now))
                await asyncio.sleep(0.05)

        box.configure(services=POST.format(url=f"http://127.0.0.1:{port}/{SECRET}/message"), smpp=centre.port)
        box.boxes()
        await asyncio.wait_for(centre.until(lambda: centre.counts["binds"]), PATIENCE)
        store = stack.enter_context(SqliteStore.open(folder / "state", settings=Settings(durable=False), keys=keys, wall=wall))
        reference = app.imported(settings, store, keys)
        seen = [subscriber for number, subscriber in enumerate(wrong(province)) if known(number)]
        columns = [np.array([int(getattr(each, name)) for each in seen], np.uint64) for name in ("digits", "imei", "imsi")]
        numbers, imei, imsi = columns
        told = reference.known.observe(handsets.sightings(numbers, np.full(len(seen), wall()), imei, imsi), watched=0)
        store.transact(Needs(), lambda _: Batch(wall(), handsets=told.rows))
        reference.known.adopt(told.rows)
        care = app.care_loop(settings, store, keys, world, reference)
        dispatcher = app.dispatcher(settings, store, world, care.noted, care)
        async with asyncio.TaskGroup() as group:
            living, minding, leaving = (group.create_task(each) for each in (live(), care.run(), dispatcher.run()))
            yield Care(province, centre, store, care, dispatcher)
            dispatcher.stop()
            await leaving
            minding.cancel()
            living.cancel()


def test_asked_answered_pushed_and_installed_through_kannel(box, tmp_path, free_port):
    """Who says yes gets settings that his handset takes, the PIN told where his card is not known; nobody else gets any."""

    async def scenario() -> None:
        async with caring(tmp_path, box, free_port(), known=lambda number: number % 2 == 0) as it:
            people = wrong(it.province)
            cards = {each.digits.decode() for each in people[::2]}
            owners = it.province.owners
            assert owners is not None
            it.find(*people, cause="BAD_PROXY")
            stories = owners.stories

            def over() -> bool:
                installed = all(story.installed for story in stories.values() if "yes" in story.said)
                heard = len(stories) == len(people) and all(story.said for story in stories.values())
                return heard and installed and set(it.store.outbox_states()) == {"delivered"}

            await it.until(over, lambda: (stories, it.store.outbox_states(), it.dispatcher.health()))
            said = {digits.decode(): story.said[0] for digits, story in stories.items()}
            agreed = {number for number, word in said.items() if word == "yes"}
            assert agreed & cards
            assert agreed - cards
            assert set(said.values()) >= {"yes", "no", "stop"}
            assert owners.totals()["unasked"] == 0
            assert owners.totals()["refused"] == {}  # every seal fits, every PIN, every address in the settings
            assert all(bool(story.mended) is (digits.decode() in agreed) for digits, story in stories.items())
            assert it.care.counts["yes"] == it.care.counts["push"] == len(agreed)
            assert set(it.store._all("SELECT channel, who, revoked FROM consent")) == {("sms", "subscriber", None)}
            assert dict(it.store._all("SELECT state, count(*) FROM care_case GROUP BY 1"))["pushed"] == len(agreed)
            came = {number: [each for each in it.centre.messages if each.receiver == number] for number in agreed}
            for number, (question, beside, settings) in came.items():
                assert question.ports == beside.ports == (0, 0)
                assert settings.ports == (sms.PUSH_PORT, sms.WSP_PORT)
                assert len(settings.parts) > 1
                assert ota.read_push(settings.data).sec == (0 if number in cards else 1)
                assert ("PIN" in beside.text) is (number not in cards)
            parts = sum(len(each.parts) for each in it.centre.messages)
            assert it.dispatcher.receipts.total() == parts == len(it.centre.taken)  # each SMS once, and one receipt of it

    asyncio.run(scenario())
