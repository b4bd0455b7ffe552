"""The SMS centre beside a province: what the operator submits reaches the owners of handsets, and what they write reaches the operator.

The centre serves sockets on a loop and thread of its own; the province moves in steps. Between the two stands a queue each way, so that
nothing of the province is touched while it moves.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from sim.agenda import Streams
from sim.centre import Centre, Incoming, Message, Part, Settings
from sim.centre.mobiles import Outcome, Reply
from sim.centre.values import Submit
from sim.owners import OTA_PORT, PUSH_PORT, Owners
from sim.people import Behaviour, Subscriber
from sim.province import Province
from sim.scenario import Habits

_FATES: Final[Mapping[Behaviour, Outcome]] = {
    Behaviour.OFF_EXPIRED: Outcome("EXPIRED", 0, 8.0),
    Behaviour.OFF_ALIVE: Outcome("EXPIRED", 0, 8.0),
    Behaviour.UNDELIV: Outcome("UNDELIV", 1, 0.5),
    Behaviour.FULL: Outcome("UNDELIV", 22, 0.5),
    Behaviour.SMSC_REJECTED: Outcome("REJECTD", 0, 0.5),
    Behaviour.SILENT: Outcome("", 0, 0.0),
}
"""Who gets no messages; the others have them after half a second."""
_ARRIVES: Final = Outcome("DELIVRD", 0, 0.5)
_SUBMIT_FAILED: Final = 0x45  # ESME_RSUBMITFAIL: a number the SMSC will not send to


class Air:
    """`with Air(settings, …) as air:` listens at `air.port` until the block ends. `told`: a file that gets the port."""

    def __init__(self, settings: Settings, *, wall: Callable[[], int], ledger: Path | None = None, told: Path | None = None) -> None:
        self._settings = settings
        self._wall = wall
        self._ledger = ledger
        self._told = told
        self._known: dict[str, Subscriber] = {}
        self._news: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="air", daemon=True)
        self.centre: Centre | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            raise self._failed
        if self._told is not None:
            self._told.write_bytes(msgspec.json.encode({"port": self.port}))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def inhabit(self, province: Province, habits: Habits) -> Callable[[], None]:
        """Whose handsets these are. What comes back is called before each step of the province: the owners hear what came meanwhile."""
        owners = Owners(habits, province.right, province.agenda, Streams(province.seed_number), self, province.mend)
        self._known = {subscriber.digits.decode(): subscriber for subscriber in province.people.subscribers}
        province.owners = owners
        owners.begin(province.people.subscribers, self._settings.accounts[0].numbers[0])
        return lambda: self._move(owners)

    def _move(self, owners: Owners) -> None:
        while True:
            try:
                message = self._news.get_nowait()
            except queue.Empty:
                return
            subscriber = self._known[message.receiver.removeprefix("+")]
            port, _ = message.ports
            if port in (PUSH_PORT, OTA_PORT):
                owners.push(subscriber, port, message.data)
            elif not port:
                owners.text(subscriber, message.sender, message.text)

    def use(self, centre: Centre) -> None:
        """A centre that somebody else runs, in this thread's loop, with this as its mobiles."""
        self._loop, self.centre, self.port = asyncio.get_running_loop(), centre, centre.port

    def send(self, sender: Subscriber, to: str, text: str) -> None:
        """In the province's thread: a subscriber writes to the operator."""
        assert self._loop is not None
        assert self.centre is not None
        self._loop.call_soon_threadsafe(self.centre.send, Incoming(sender.digits.decode(), to.removeprefix("+"), text))

    # ------------------------------------------------------------------------------------------------- in the centre's thread

    def refuses(self, submit: Submit, receiver: str) -> int:
        subscriber = self._known.get(receiver.removeprefix("+"))
        return _SUBMIT_FAILED if subscriber is None or subscriber.behaviour is Behaviour.SMSC_REFUSED else 0

    def receive(self, part: Part) -> Outcome:
        return _FATES.get(self._known[part.receiver.removeprefix("+")].behaviour, _ARRIVES)

    def read(self, message: Message) -> Reply | None:
        if self._known[message.receiver.removeprefix("+")].behaviour not in _FATES:
            self._news.put(message)
        return None

    def _serve(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001 raised in __enter__, whose thread waits for it
            self._failed = error
            self._ready.set()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with Centre(self._settings, wall=self._wall, ledger=self._ledger, mobiles=self) as centre:
            self.centre, self.port = centre, centre.port
            self._ready.set()
            await self._stop.wait()
