"""Loops that wait for rows ask an idle store nothing."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from mmsd.errors import StoreBusy
from mmsd.flow import drawing, erasing, mailing
from mmsd.flow.drawing import Drawing
from mmsd.flow.erasing import Erasing
from mmsd.flow.mailing import Mailer
from mmsd.model import Audit, Batch
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import Settings, SqliteStore

POLL = 0.002
LOOPS: list[tuple[str, Callable[[SqliteStore, Any], Any]]] = [
    ("erasures", lambda store, call: Erasing(store, call=call)),
    ("draws", lambda store, call: Drawing(store, {}, wall=lambda: 0, call=call)),
    ("mailings", lambda store, call: Mailer(store, None, lambda _: UTC, b"key", wall=lambda: 0, call=call)),  # type: ignore[arg-type]
]


async def _until(found: Callable[[], bool]) -> None:
    for _ in range(5000):
        if found():
            return
        await asyncio.sleep(POLL)
    pytest.fail("it never asked")


@pytest.mark.parametrize(("question", "build"), LOOPS, ids=[name for name, _ in LOOPS])
def test_a_loop_asks_again_when_something_was_committed(
    question: str, build: Callable[[SqliteStore, Any], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    busy: list[str] = []

    async def here(work: Callable[..., Any], *arguments: Any) -> Any:
        asked["questions"] += 1
        if busy:
            raise StoreBusy(busy.pop())
        return work(*arguments)

    for module, name in ((erasing, "POLL"), (drawing, "POLL"), (mailing, "_POLL")):
        monkeypatch.setattr(module, name, POLL)

    async def go(store: SqliteStore) -> None:
        loop = asyncio.create_task(build(store, here).run())
        await _until(lambda: asked["questions"] > 0)
        await asyncio.sleep(20 * POLL)
        before = asked["questions"]
        await asyncio.sleep(20 * POLL)
        assert asked["questions"] == before, "nothing was committed"
        store.transact(Needs(), lambda rows: Batch(1))
        await asyncio.sleep(20 * POLL)
        assert asked["questions"] == before, "a transaction that changed nothing"
        if question != "draws":  # whose loop does not outlive a store that cannot be read
            busy.append("a reader does not end")
        store.transact(Needs(), lambda rows: Batch(1, audits=[Audit("mmsc", "gap", "", "")]))
        await _until(lambda: asked["questions"] > before and not busy)
        once = asked["questions"]
        if question != "draws":
            await _until(lambda: asked["questions"] > once)  # what went wrong is tried again, though nothing changed
        loop.cancel()

    with SqliteStore.open(tmp_path, settings=Settings(durable=False), keys=Keys(bytes(range(32)), os.urandom), wall=lambda: 1) as store:
        asyncio.run(go(store))
