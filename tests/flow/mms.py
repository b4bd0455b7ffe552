"""The sending half beside the simulator's MMSC: composed messages over MM7, in time that jumps when all wait."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from mmsd.codec.tables import charsets
from mmsd.flow.dispatch import Dispatcher, Route
from mmsd.flow.settle import Listener, Way
from mmsd.link import endpoint, mm7
from mmsd.model import SECOND, Batch, Composed
from mmsd.rules import outbox
from mmsd.rules.governor import CLASSES, Governor
from mmsd.rules.outbox import Form, composed
from mmsd.rules.settings import GovernorSettings
from mmsd.seeds import compose
from mmsd.seeds.contents import Content
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore
from sim import mm7 as sim
from tests.flow.leaving import NOON, OPEN, Desk, inline
from tests.link.hearing import SECRET, private

CARD: Final = b"\xff\xd8\xff\xe0 a card \r\n--boundary--\r\n" + bytes(range(256)) * 8


def seed(subject: str = "火炬 <1>") -> Composed:
    """A picture and a text, composed as `mmsd seed make` does."""
    message = compose.composed([Content("image/jpeg", CARD), Content("text/plain", "第 1 棒".encode(), charsets.UTF_8)])
    return composed(subject, compose.mm7_body(message))


class MmsDesk(Desk):
    """A desk whose one centre is an MMSC."""

    door: sim.Door

    def compose(self, made: Composed) -> bytes:
        self.store.transact(Needs(), lambda _: Batch(self.wall(), composed=[made]))
        return made.name

    def sent(self) -> dict[str, int]:
        """How often the MMSC took each row, by what was asked for."""
        names = [bytes.fromhex(taken.transaction).rstrip(b"\0").decode() for taken in self.door.taken]
        return {name: names.count(name) for name in names}


@contextlib.asynccontextmanager
async def mms_desk(
    folder: Path,
    report_port: int,
    *,
    door: dict[str, Any] | None = None,
    link: dict[str, Any] | None = None,
    governor: GovernorSettings = OPEN,
    settings: outbox.Settings = outbox.Settings(poll_seconds=5.0),  # noqa: B008 frozen
    listener: Listener | None = None,
) -> AsyncIterator[MmsDesk]:
    """One MM7 link, `link0`, for all classes."""
    loop = asyncio.get_running_loop()

    def wall() -> int:
        return NOON + round(loop.time() * SECOND)

    keys = Keys(bytes(range(32)), os.urandom)
    ours = endpoint.Settings(port=report_port, secret_file=private(folder / "secret", SECRET))
    made = sim.Settings(**{"report_url": f"http://127.0.0.1:{report_port}/{SECRET}/mm7", **(door or {})})
    async with sim.Door(made, wall=wall) as opened:
        with SqliteStore.open(folder / "state", settings=Settings(durable=False), keys=keys, wall=lambda: NOON) as store:
            to_mmsc = mm7.Settings(url=opened.url, source="10658366", vasp_id="mmsd", endpoint=ours, **(link or {}))
            route = Route(
                "link0", mm7.Link(to_mmsc, random=lambda: 0.5, wall=wall), frozenset(CLASSES), 0, to_mmsc.window, frozenset({Form.MMS}),
                Way(by_receiver=True),
            )  # fmt: skip
            on = [kind for kind in CLASSES if getattr(governor, kind).switch == "on"]
            dispatcher = Dispatcher(
                store, [route], Governor(governor, ZoneInfo("UTC")), on, settings=settings, wall=wall, listener=listener, call=inline
            )
            running = asyncio.create_task(dispatcher.run())
            desk = MmsDesk(store, {}, dispatcher, wall, running)
            desk.door = opened
            try:
                await desk.until(lambda: all(each.health.state == "up" for each in dispatcher.health()))
                yield desk
            finally:
                dispatcher.stop()
                await running
