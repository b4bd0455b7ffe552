"""Listening, and how to leave off so that nobody is left standing in the door."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

_TURNS: Final = 3
"""Of the loop: one hands an accepted connection over, one gives it its protocol, one is to spare."""


class Door(asyncio.Protocol):
    """Stands before a connection until it is made, hands shaken; then it is the handler's, or closed when there is none for it."""

    def __init__(self, handler: Callable[[], asyncio.Protocol | None]) -> None:
        self._handler = handler

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        handler = self._handler()
        if handler is None:
            transport.close()
        else:
            cast(asyncio.Transport, transport).set_protocol(handler)
            handler.connection_made(transport)


async def leave(listening: asyncio.Server) -> None:
    """Accept nothing more; what was accepted gets its protocol first.

    Closed at once, a server of CPython 3.11 forgets a connection between the two: it stays open, served and closed by nobody.
    """
    loop = asyncio.get_running_loop()
    for each in listening.sockets:
        loop.remove_reader(each)
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    listening.close()
