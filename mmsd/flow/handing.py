"""Tells the hand-over list to the business system: a row stands on the list first, is told, and only then counts as told.

At least once: when the answer was lost, or we were killed between answer and commit, it is told again under the same name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Any, Final, Protocol

from mmsd.errors import LinkDown, StoreBusy, StoreFull
from mmsd.model import Batch, Deed, Handed
from mmsd.store import Handover, Needs, Rows, Store

_log = logging.getLogger(__name__)

POLL: Final = 1.0
"""Seconds between two looks at a list that is told."""
_AT_ONCE: Final = 50


class Answer(Protocol):
    """As `link.webhook.Said`."""

    @property
    def verdict(self) -> Enum: ...
    @property
    def reason(self) -> str: ...


class Receiver(Protocol):
    """As `link.webhook.Webhook`. LinkDown: to be told again."""

    async def tell(self, name: str, row: Any, /) -> Answer: ...


class Handing:
    """A loop of its own; `run` until cancelled. `line`: what is told of a case."""

    def __init__(
        self,
        store: Store,
        receiver: Receiver,
        line: Callable[[Handover], Any],
        *,
        kinds: Sequence[str],
        retry: float,
        retry_limit: float,
        wall: Callable[[], int],
        call: Callable[..., Awaitable[Any]] = asyncio.to_thread,
        fault_point: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._store = store
        self._receiver = receiver
        self._line = line
        self._kinds = tuple(kinds)
        self._retry, self._limit = retry, retry_limit
        self._wall = wall
        self._call = call
        self._fault_point = fault_point
        self._failures = 0
        self.trouble = ""

    async def run(self) -> None:
        while True:
            more = await self.turn()
            wait = min(self._retry * 2.0 ** (self._failures - 1), self._limit) if self._failures else 0.0 if more else POLL
            await asyncio.sleep(wait)

    async def turn(self) -> bool:
        """Tells some of what was not told yet, the oldest first. Whether there may be more."""
        try:
            rows: list[Handover] = await self._call(self._store.handovers_untold, self._kinds, _AT_ONCE)
            for row in rows:
                if not await self._tell(row):
                    return False
        except (StoreFull, StoreBusy) as error:
            self._warn(str(error))
            return False
        return len(rows) == _AT_ONCE

    async def _tell(self, row: Handover) -> bool:
        try:
            said = await self._receiver.tell(row.id, self._line(row))
        except LinkDown as error:
            self._failures += 1
            self._warn(str(error))
            return False
        self._fault_point("handed")
        taken = said.verdict.value == "taken"
        what = "handover_told" if taken else "handover_refused"
        deed = Deed("mmsd", what, f"subscriber {row.subscriber} case {row.case}", said.reason)
        now = self._wall()

        def decide(_: Rows) -> Batch:
            return Batch(now, handed=[Handed(row.subscriber, row.case, said.reason)], deeds=[deed])

        await self._call(self._store.transact, Needs(), decide)
        if self.trouble:
            _log.info("the hand-over list is told again")
        self._failures, self.trouble = 0, ""
        return True

    def _warn(self, trouble: str) -> None:
        if not self.trouble:
            _log.warning("the hand-over list waits: %s", trouble)
        self.trouble = trouble
