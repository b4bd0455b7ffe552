"""The whole of it in time that jumps: a town's logs, the intake, care, the outbox, an SMS centre, and handsets that read the octets.

What is pushed here is what leaves the daemon; what confirms it is what the handsets do from then on, as the nodes' logs tell it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from mmsd import app, config
from mmsd.flow.care import CareLoop
from mmsd.flow.dispatch import Dispatcher
from mmsd.flow.sequencer import Sequencer
from mmsd.link import registry
from mmsd.model import SECOND
from mmsd.rules.causes import OUTCOMES
from mmsd.rules.settings import CareSettings, ClassSettings, GovernorSettings, Operator, Own
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore
from sim.air import Air
from sim.centre import Account, Centre
from sim.centre import Settings as CentreSettings
from sim.people import Behaviour
from sim.province import Province
from sim.scenario import SCENARIOS, load
from tests.flow.leaving import inline, run
from tests.flow.rig import DIALECTS, JUDGEMENT
from tests.link.hearing import private

START: Final = 1_795_312_800_000_000  # 2026-11-22 10:00 in Shanghai
ON: Final = ClassSettings(switch="on", caps=(), quiet=False)
OPERATORS: Final = """
[[operators]]
name = "Suyun Mobile"
plmns = ["460-02"]
internet_apns = ["cmnet"]

[[operators.mms]]
apn = "cmwap"
mmsc = "http://mms.suyun.example/"
proxy = "10.0.0.172:80"
signed_by = "desk 4"
signed_on = "2026-11-20"
"""


@dataclass
class Town:
    province: Province
    store: SqliteStore
    sequencer: Sequencer
    care: CareLoop
    dispatcher: Dispatcher
    centre: Centre
    step: Callable[[], None]

    async def live(self, seconds: float) -> None:
        """So much time passes, in steps of a second."""
        for _ in range(round(seconds)):
            await asyncio.sleep(1.0)
            self.step()

    def cases(self) -> Counter[str]:
        return Counter(state for (state,) in self.store._all("SELECT state FROM care_case"))

    def ratio(self, since: float, until: float) -> float:
        """Delivered of closed, of legs submitted so many seconds after the start, as everybody's story tells."""
        found: Counter[str] = Counter()
        for subscriber in self.province.people.subscribers:
            told = self.store.story(subscriber.digits.decode())
            here = (told["at"] >= START + round(since * SECOND)) & (told["at"] < START + round(until * SECOND))
            found.update(OUTCOMES[outcome] for outcome in told["outcome"][here].tolist())
        return found["delivered"] / ((found["delivered"] + found["failed"]) or 1)


@contextlib.asynccontextmanager
async def town(folder: Path, *, care: CareSettings, governor: GovernorSettings, scenario: str = "care") -> AsyncIterator[Town]:
    loop = asyncio.get_running_loop()

    def wall() -> int:
        return START + round(loop.time() * SECOND)

    read = load(SCENARIOS / f"{scenario}.toml")
    logs = folder / "logs"
    (operators := folder / "operators.toml").write_text(OPERATORS)
    account = Account(name="mmsd", password="secret", numbers=("10657",))
    air = Air(CentreSettings(accounts=(account,)), wall=wall)
    async with Centre(CentreSettings(accounts=(account,)), wall=wall, ledger=folder / "taken.jsonl", mobiles=air) as centre:
        air.use(centre)
        province = Province(read, logs, START, cutoff=START + round(read.run.submitting * SECOND))
        move = air.inhabit(province, read.owners)
        link = {
            "kind": "smpp", "host": "127.0.0.1", "port": centre.port, "system_id": "mmsd",
            "password_file": private(folder / "password", "secret"), "source": "10657",
            "classes": ["transactional", "service", "provisioning"],
        }  # fmt: skip
        (file := folder / "mmsd.toml").write_text(
            f"{_feeds(logs)}\n[links.centre1]\n" + "".join(f"{k} = {msgspec.json.encode(v).decode()}\n" for k, v in link.items())
        )
        settings = msgspec.structs.replace(
            config.load(file), judgement=msgspec.structs.replace(JUDGEMENT, fault_window=5.0),
            operator=Operator(mmsc=("mms.suyun.example",), plmns=("460-02",)),
            own=Own(senders=("106587999", "10658366")), care=care, governor=governor, state=config.State(directory=folder / "state"),
            reference=config.settings.ReferenceFiles(operators=(operators,)),
        )  # fmt: skip
        world = app.World(wall=wall, monotonic=loop.time, link=lambda link: registry.make(link, random=lambda: 0.5, wall=wall))
        keys = Keys(bytes(range(32)), os.urandom)
        with SqliteStore.open(folder / "state", settings=Settings(durable=False), keys=keys, wall=wall) as store:
            reference = app.imported(settings, store, keys)
            caring = app.care_loop(settings, store, keys, world, reference, call=inline)
            sequencer = app.intake(settings, store, keys, world, mending=lambda: caring.mending, reference=reference, campaigns=())
            dispatcher = app.dispatcher(settings, store, world, caring.noted, caring, call=inline)

            def step() -> None:
                move()
                province.agenda.run(max(wall(), province.agenda.now))
                province.flush()
                while sequencer.tick():
                    pass

            async with asyncio.TaskGroup() as group:
                leaving, minding = group.create_task(dispatcher.run()), group.create_task(caring.run())
                yield Town(province, store, sequencer, caring, dispatcher, centre, step)
                minding.cancel()
                dispatcher.stop()
                await leaving
            sequencer.close()
        province.finish()


def _feeds(logs: Path) -> str:
    said = []
    for name, (dialect, glob, options) in DIALECTS.items():
        said.append(f"[feeds.{name}]\ndialect = {dialect!r}\npaths = ['{logs / glob}']\n")
        said.append("".join(f"options = {{ {key} = {value!r} }}\n" for key, value in options.items()))
        said.append("covers = { all = true }\n" if dialect == "radius" else "")
    return "".join(said)


@pytest.mark.timeout(300)
def test_found_asked_pushed_and_mended(tmp_path: Path) -> None:
    """With many wrong settings the success ratio rises; who agreed and installed ends confirmed; nobody is pushed who did
    not agree."""

    async def scenario() -> None:
        care = CareSettings(install=6.0, holdout=0.0, push_gap=30.0, answer=60.0, question_window=600.0)
        free = GovernorSettings(quiet_hours=(), caps=(), transactional=ON, service=ON, provisioning=ON)
        async with town(tmp_path, care=care, governor=free) as it:
            wrong = [s for s in it.province.people.subscribers if s.behaviour.value.startswith("wrong")]
            share = len(wrong) / len(it.province.people.subscribers)
            assert share > 0.1
            await it.live(240.0 + 40.0)
            owners = it.province.owners
            assert owners is not None
            told = owners.totals()
            assert told["unasked"] == 0
            assert told["asked"] == len(wrong)
            agreed = [digits for digits, story in owners.stories.items() if "yes" in story.said]
            installed = [digits for digits in agreed if owners.stories[digits].installed]
            assert told["pushed"] == len(agreed) > len(wrong) / 2
            states = dict(_states(it))
            assert {states[digits.decode()] for digits in installed} == {"confirmed"}
            blocked = [digits for digits in installed if owners.stories[digits].before in ("wrong_apn", "wrong_proxy")]
            assert blocked  # the others fetch, and only their answers go astray
            assert it.ratio(190, 240) > it.ratio(0, 50) + len(blocked) / len(it.province.people.subscribers) / 2
            by_number = {s.digits: s for s in it.province.people.subscribers}
            assert {by_number[digits].behaviour for digits in installed} == {Behaviour.HEALTHY}

    run(scenario())


def _states(it: Town) -> list[tuple[str, str]]:
    found: list[Any] = it.store._all("SELECT p.sealed, c.state FROM care_case c JOIN subscriber p ON p.id = c.subscriber ORDER BY c.number")
    return [(it.store._keys.open_number(sealed), state) for sealed, state in found]
