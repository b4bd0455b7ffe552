"""The sending half of the daemon beside the simulator's SMS centre, over real sockets, in time that jumps when all wait."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from mmsd.flow.dispatch import Dispatcher, Route
from mmsd.flow.settle import Listener, Way
from mmsd.link import cmpp, smpp
from mmsd.link.messenger import Messenger
from mmsd.model import DAY, SECOND, Batch, Outgoing
from mmsd.rules import outbox
from mmsd.rules.governor import CLASSES, Governor
from mmsd.rules.outbox import Form
from mmsd.rules.settings import ClassSettings, GovernorSettings
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore
from sim import centre as sim
from sim.centre import Account, Centre
from tests.link.hearing import private
from tests.link.test_centre_faults import Loop

LI: Final = "8613912340001"
NOON: Final = 1_795_348_800_000_000
"""2026-11-22 12:00 UTC, when the clock of these tests begins."""
FREE: Final = ClassSettings(switch="on", caps=(), quiet=False)
OPEN: Final = GovernorSettings(caps=(), transactional=FREE, service=FREE, marketing=FREE, provisioning=FREE)
"""Everything may leave at any time."""


def run(scenario: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(scenario)


def row(text: str, **fields: Any) -> Outgoing:
    given: dict[str, Any] = {
        "key": text.encode().ljust(16, b"\0"), "kind": "transactional", "purpose": "serial", "msisdn": LI, "body": text, "state": "ready",
        "due": NOON, "expires": NOON + DAY,
    }  # fmt: skip
    return Outgoing(**given | fields)


class Desk:
    """A store, a centre for each account, and the dispatcher between them."""

    def __init__(
        self,
        store: SqliteStore,
        centres: Mapping[str, Centre],
        dispatcher: Dispatcher,
        wall: Callable[[], int],
        running: asyncio.Task[None],
    ) -> None:
        self.store = store
        self.centres = centres
        self.dispatcher = dispatcher
        self.wall = wall
        self._running = running

    @property
    def centre(self) -> Centre:
        """The only one, or the first."""
        return next(iter(self.centres.values()))

    def ask(self, *rows: Outgoing) -> None:
        batch = Batch(self.wall(), outbox=list(rows))
        self.store.transact(Needs(), lambda _: batch)
        self.dispatcher.look()

    def rows(self) -> dict[str, Outgoing]:
        """As they stand, by what was asked for."""
        return {each.key.rstrip(b"\0").decode(): each for _, each in self.store.outbox(None, 10_000)}

    def states(self) -> dict[str, str]:
        return {name: each.state for name, each in self.rows().items()}

    async def until(self, true: Callable[[], Any], *, ending: bool = False) -> None:
        """Looks again and again, at growing distances. `ending`: the dispatcher may be over."""
        pause = 0.25
        async with asyncio.timeout(6 * 3600.0):
            while not true():
                if not ending and self._running.done():
                    self._running.result()
                await asyncio.sleep(pause)
                pause = min(pause * 1.2, 20.0)

    async def all(self, *states: str) -> None:
        """Until every row is in one of these states, and some are in each."""
        await self.until(lambda: set(self.store.outbox_states()) == set(states))

    async def stand(self, **states: str) -> None:
        """Until rows are in these states; the error says how they stood instead."""
        try:
            await self.until(lambda: self.states() == states)
        except TimeoutError:
            raise AssertionError(f"they stand as {self.states()}") from None

    def taken(self, centre: str | None = None) -> Counter[str]:
        """How often a centre took each text."""
        chosen = self.centres[centre] if centre is not None else self.centre
        return Counter(part.submit.text for part in chosen.taken)


async def inline(work: Callable[[], Any]) -> Any:
    """In place of a thread, for which a clock that jumps would not wait."""
    return work()


@contextlib.asynccontextmanager
async def desk(
    folder: Path,
    *protocols: str,
    centre: Mapping[str, Any] | None = None,
    link: Mapping[str, Any] | None = None,
    governor: GovernorSettings = OPEN,
    settings: outbox.Settings = outbox.Settings(poll_seconds=5.0),  # noqa: B008 frozen
    listener: Listener | None = None,
    zone: str = "UTC",
    kinds: Mapping[str, tuple[str, ...]] | None = None,
) -> AsyncIterator[Desk]:
    """One account for each protocol, named link0, link1 …, in that order of use. `kinds` by name; all otherwise."""
    loop = asyncio.get_running_loop()

    def wall() -> int:
        """Goes with the loop's clock, in any thread."""
        return NOON + round(loop.time() * SECOND)

    keys = Keys(bytes(range(32)), os.urandom)
    names = [f"link{number}" for number in range(len(protocols) or 1)]
    async with contextlib.AsyncExitStack() as stack:
        store = stack.enter_context(SqliteStore.open(folder / "state", settings=Settings(durable=False), keys=keys, wall=lambda: NOON))
        centres: dict[str, Centre] = {}
        routes: list[Route] = []
        for number, (name, protocol) in enumerate(itertools.zip_longest(names, protocols or ("smpp",))):
            account = Account(name="loop", password="secret", numbers=("10657",), binds=1000)
            given = {"accounts": (account,), "receipts": sim.Receipts(after=5.0, again=1.0)} | dict(centre or {})
            made = sim.Settings(protocol=protocol, **given)  # type: ignore[arg-type]  # one of the two
            centres[name] = await stack.enter_async_context(Centre(made, wall=wall, ledger=folder / f"{name}.jsonl"))
            messenger = account_of(protocol, centres[name].port, folder, wall, **dict(link or {}))
            served = frozenset((kinds or {}).get(name, CLASSES))
            window = int((link or {}).get("window", 10))
            way = Way(by_time=protocol == "cmpp", marked=bool((link or {}).get("mark")))
            routes.append(Route(name, messenger, served, number, window, forms_of(protocol), way))
        on = [kind for kind in CLASSES if getattr(governor, kind).switch == "on"]
        dispatcher = Dispatcher(
            store, routes, Governor(governor, ZoneInfo(zone)), on, settings=settings, wall=wall, listener=listener, call=inline
        )
        running = asyncio.create_task(dispatcher.run())
        made_desk = Desk(store, centres, dispatcher, wall, running)
        try:
            await made_desk.until(lambda: all(each.health.state == "up" for each in dispatcher.health()))
            yield made_desk
        finally:
            dispatcher.stop()
            await running


def account_of(protocol: str, port: int, folder: Path, wall: Callable[[], int], **link: Any) -> Messenger:
    common: dict[str, Any] = {
        "host": "127.0.0.1", "port": port, "password_file": private(folder / "password", "secret"), "source": "10657",
    } | link  # fmt: skip
    outer: dict[str, Any] = {"random": lambda: 0.5, "wall": wall}
    if protocol == "smpp":
        return smpp.link(smpp.Settings(system_id="loop", **common), **outer)
    return cmpp.link(cmpp.Settings(sp_id="loop", **common), **outer)


def forms_of(protocol: str) -> frozenset[Form]:
    return frozenset({Form.TEXT, Form.OCTETS} if protocol == "smpp" else {Form.TEXT})
