"""Forgetting whom somebody ordered to be forgotten. The order is a row, committed with its audit and with the news for care; this does it
once care has let go of him and nothing of his is on its way: an answer or a receipt that came later would find nobody to tell of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mmsd.errors import StoreBusy, StoreFull
from mmsd.flow.glance import Glance
from mmsd.store import Store

_log = logging.getLogger(__name__)

POLL: Final = 1.0
_AT_ONCE: Final = 50


class Erasing:
    """A loop of its own; `run` until cancelled."""

    def __init__(self, store: Store, *, call: Callable[..., Awaitable[Any]] = asyncio.to_thread) -> None:
        self._store = store
        self._call = call
        self.trouble = ""

    async def run(self) -> None:
        glance = Glance(self._store)
        while True:
            if glance.anew() or self.trouble:
                await self.turn()
            await asyncio.sleep(POLL)

    async def turn(self) -> int:
        """How many were forgotten."""
        done = 0
        try:
            for number in await self._call(self._store.erasures, _AT_ONCE):
                done += await self._call(self._store.erase, number)
        except (StoreFull, StoreBusy) as error:
            if not self.trouble:
                _log.warning("erasures wait: %s", error)
            self.trouble = str(error)
            return done
        self.trouble = ""
        return done
