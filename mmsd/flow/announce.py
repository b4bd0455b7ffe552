"""Event rows to the world: follows `events` with a cursor of its own, kept in the store, and hands batches to a publisher.

The cursor moves when the publisher has returned: an event is announced at least once, in the order of ids, across restarts too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from mmsd.errors import StoreBusy, StoreFull
from mmsd.model import Event


class EventRows(Protocol):
    """The part of a store that is read here; called in another thread."""

    def events(self, after: int, limit: int) -> list[Event]: ...
    def cursor(self, name: str) -> int: ...
    def save_cursor(self, name: str, id: int) -> None: ...


class Publisher(Protocol):
    """Returns when whoever listens has taken every event; tries until then."""

    async def publish(self, events: Sequence[Event]) -> None: ...


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How eagerly event rows are followed."""

    batch: int = 500  # events at once
    poll_seconds: float = 0.2  # between looks when there are none


CURSOR: Final = "mqtt"


class Announcer:
    """Follows event rows until cancelled. `thread` runs a store's method beside the loop, as `asyncio.to_thread`."""

    def __init__(
        self,
        rows: EventRows,
        publisher: Publisher,
        settings: Settings,
        *,
        name: str = CURSOR,
        thread: Callable[..., Awaitable[Any]] = asyncio.to_thread,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._rows = rows
        self._publisher = publisher
        self._settings = settings
        self._name = name
        self._thread = thread
        self._sleep = sleep

    async def run(self) -> None:
        """Never returns. Raises StoreError when the store is lost; a store that is busy or full is waited for."""
        after: int | None = None
        while True:
            try:
                if after is None:
                    after = await self._thread(self._rows.cursor, self._name)
                    await self._thread(self._rows.save_cursor, self._name, after)  # from now on nothing behind it is purged
                events: list[Event] = await self._thread(self._rows.events, after, self._settings.batch)
                if events:
                    await self._publisher.publish(events)
                    await self._thread(self._rows.save_cursor, self._name, events[-1].id)
                    after = events[-1].id
                    continue
            except (StoreBusy, StoreFull):
                after = None
            await self._sleep(self._settings.poll_seconds)
