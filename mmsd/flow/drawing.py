"""Draws that somebody ordered to be closed or drawn: the order is a row, committed with its audit, and this does it. What stops it is tried
again; the draw stays ordered meanwhile, whatever becomes of the process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mmsd.errors import ConfigError, StoreBusy, StoreFull
from mmsd.flow.glance import Glance
from mmsd.model import Draw
from mmsd.rules.draw import CLOSING, DRAWING
from mmsd.store import Store, drawing
from mmsd.store.drawing import Draws

_log = logging.getLogger(__name__)

POLL: Final = 1.0


class Drawing:
    """A loop of its own; `run` until cancelled. `draws` are those of the configuration."""

    def __init__(
        self, store: Store, draws: Draws, *, wall: Callable[[], int], call: Callable[..., Awaitable[Any]] = asyncio.to_thread
    ) -> None:  # fmt: skip
        self._store = store
        self._draws = draws
        self._wall = wall
        self._call = call
        self._ordered = False  # something is to be closed or drawn, and was not at the last look
        self.trouble: dict[str, str] = {}

    async def run(self) -> None:
        glance = Glance(self._store)
        while True:
            if glance.anew() or self._ordered:
                await self.turn()
            await asyncio.sleep(POLL)

    async def turn(self) -> int:
        """How many went on."""
        ordered = [draw for draw in await self._call(self._store.draws) if draw.state in (CLOSING, DRAWING)]
        self._ordered = bool(ordered)
        return sum([await self._go_on(draw) for draw in ordered])

    async def _go_on(self, draw: Draw) -> bool:
        name = f"{draw.campaign}/{draw.name}"
        known = self._draws.get((draw.campaign, draw.name))
        try:
            if known is None:
                raise ConfigError(f"no campaign file has the draw {name}")
            await self._call(drawing.go_on, self._store, draw, known, self._wall)
        except (ConfigError, StoreFull, StoreBusy) as error:
            if self.trouble.get(name) != str(error):
                _log.warning("draw %s waits: %s", name, error)
            self.trouble[name] = str(error)
            return False
        self.trouble.pop(name, None)
        return True
