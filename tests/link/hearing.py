"""Listening to a link in a test: every event in its order, settled as they come or as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from mmsd.link.carry import Owed

PATIENCE = 60.0
SECRET = "n0t-known-to-Anybody-else_1"
E_co = TypeVar("E_co", covariant=True)
T = TypeVar("T")


class Heard(Protocol[E_co]):
    def events(self) -> AsyncIterator[E_co]: ...


class Hearing(Generic[E_co]):
    """`async with Hearing(link) as heard: await heard.first(Receipt)`. `settle`: what is owed is settled when it comes."""

    def __init__(self, link: Heard[E_co], *, settle: bool = True) -> None:
        self.all: list[Any] = []
        self._link = link
        self._settle = settle
        self._came = asyncio.Condition()

    async def __aenter__(self) -> Hearing[E_co]:
        self._task = asyncio.create_task(self._hear())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _hear(self) -> None:
        async for event in self._link.events():
            if self._settle and isinstance(event, Owed):
                await event.settle()
            async with self._came:
                self.all.append(event)
                self._came.notify_all()

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.all if isinstance(event, kind)]

    async def first(self, kind: type[T], *, count: int = 1, that: Callable[[T], bool] = lambda event: True) -> list[T]:
        """The first so many of a kind, waited for."""

        def there() -> list[T]:
            return [event for event in self.of(kind) if that(event)]

        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: len(there()) >= count)
        return there()[:count]


async def until(true: Callable[[], bool]) -> None:
    """Looks again and again, for what another process does."""
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110  # of other processes no Event tells
            await asyncio.sleep(0.02)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 2 * PATIENCE))


def private(path: Path, text: str) -> str:
    """A file that nobody else may read: its name."""
    path.touch(0o600)
    path.write_text(f"{text}\n")
    return str(path)
