"""Event rows to the world: nothing skipped, nothing forgotten, the cursor never ahead of what was taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mmsd.errors import StoreBusy, StoreDoubt, StoreError, StoreFull
from mmsd.flow.announce import CURSOR, Announcer, Settings
from mmsd.link.mqtt import Publisher
from mmsd.link.mqtt import Settings as MqttSettings
from mmsd.model import Batch, Event
from mmsd.store import Needs
from mmsd.store.keys import Keys
from mmsd.store.sqlite import SqliteStore
from tests.link.broker import Broker, broker
from tests.link.test_mqtt import Gate, reader

PATIENCE = 60


class Fallen(Exception):
    """Ends a run where the test wants it."""


class Shelf:
    """Event rows in memory; `fails` raises what it likes before a method works."""

    def __init__(self, count: int) -> None:
        self.rows = [Event(id=number, at=number, topic="totals", subject="", data={}) for number in range(1, count + 1)]
        self.cursors: dict[str, int] = {}
        self.asked: list[tuple[int, int]] = []
        self.fails: Callable[[str], None] = lambda method: None

    def events(self, after: int, limit: int) -> list[Event]:
        self.fails("events")
        self.asked.append((after, limit))
        return [row for row in self.rows if row.id > after][:limit]

    def cursor(self, name: str) -> int:
        self.fails("cursor")
        return self.cursors.get(name, 0)

    def save_cursor(self, name: str, id: int) -> None:
        self.fails("save_cursor")
        self.cursors[name] = id


class Listener:
    """Takes every event, or falls before the one it is told."""

    def __init__(self, falls_at: int = 0) -> None:
        self.taken: list[int] = []
        self.falls_at = falls_at

    async def publish(self, events: Sequence[Event]) -> None:
        await asyncio.sleep(0)
        for event in events:
            if event.id == self.falls_at:
                raise Fallen
            self.taken.append(event.id)


async def inline(work: Callable[..., Any], *arguments: Any) -> Any:
    return work(*arguments)


class Naps:
    """A `sleep` that ends the run at the nth."""

    def __init__(self, last: int) -> None:
        self.slept: list[float] = []
        self._last = last

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == self._last:
            raise Fallen


def until_fallen(shelf: Shelf, listener: Listener, naps: Naps, batch: int = 10) -> None:
    announcer = Announcer(shelf, listener, Settings(batch=batch), thread=inline, sleep=naps.sleep)
    with pytest.raises(Fallen):
        asyncio.run(announcer.run())


def test_all_rows_in_order_then_it_waits():
    shelf, listener, naps = Shelf(25), Listener(), Naps(2)
    until_fallen(shelf, listener, naps)
    assert listener.taken == list(range(1, 26))
    assert shelf.cursors == {CURSOR: 25}
    assert shelf.asked == [(0, 10), (10, 10), (20, 10), (25, 10), (25, 10)]
    assert naps.slept == [0.2, 0.2]


def test_rows_that_come_later_are_seen():
    shelf, listener, naps = Shelf(3), Listener(), Naps(2)
    later = Event(id=9, at=9, topic="totals", subject="", data={})

    async def sleep(seconds: float) -> None:
        if not naps.slept:
            shelf.rows.append(later)
        await Naps.sleep(naps, seconds)

    with pytest.raises(Fallen):
        asyncio.run(Announcer(shelf, listener, Settings(), thread=inline, sleep=sleep).run())
    assert listener.taken == [1, 2, 3, 9]


def test_the_cursor_waits_for_the_listener():
    """It fell in the middle of the second batch: that batch comes again, whole."""
    shelf, listener = Shelf(25), Listener(falls_at=15)
    until_fallen(shelf, listener, Naps(1))
    assert shelf.cursors == {CURSOR: 10}
    again = Listener()
    until_fallen(shelf, again, Naps(1))
    assert listener.taken == list(range(1, 15))
    assert again.taken == list(range(11, 26))


def test_a_cursor_stands_before_the_first_event():
    """Else a purge could not know that nobody has been told of them yet."""
    shelf = Shelf(5)
    until_fallen(shelf, Listener(falls_at=1), Naps(1))
    assert shelf.cursors == {CURSOR: 0}


@pytest.mark.parametrize("trouble", [StoreBusy("locked"), StoreFull("no space")])
@pytest.mark.parametrize("method", ["events", "cursor", "save_cursor"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_busy_store_is_waited_for(trouble, method, nth):
    shelf, listener, naps = Shelf(25), Listener(), Naps(2)
    calls: list[str] = []

    def fails(called: str) -> None:
        calls.append(called)
        if called == method and calls.count(method) == nth:
            raise trouble

    shelf.fails = fails
    until_fallen(shelf, listener, naps)
    assert shelf.cursors == {CURSOR: 25}
    assert list(dict.fromkeys(listener.taken)) == list(range(1, 26))


def test_a_store_in_doubt_ends_the_run():
    shelf = Shelf(1)

    def fails(called: str) -> None:
        raise StoreDoubt("COMMIT: I/O error")

    shelf.fails = fails
    with pytest.raises(StoreError, match="I/O error"):
        asyncio.run(Announcer(shelf, Listener(), Settings(), thread=inline).run())


def test_from_the_store_to_a_broker_that_dies_on_the_way(debian, tmp_path, root, free_port):
    """Half of the rows arrive; the broker is killed; the other half waits, in spite of a restart of ours, until a broker is back."""
    store = SqliteStore.memory(keys=Keys(bytes(64), bytes), wall=lambda: 0)
    rows = [Event(at=number, topic="delivery", subject=f"s{number}", data={"n": number}) for number in range(300)]

    def commit(part: list[Event]) -> None:
        store.transact(Needs(), lambda _: Batch(at=0, events=part))

    async def scenario(made: Broker) -> None:
        secret = made.password_file("mmsd")
        settings = MqttSettings("127.0.0.1", "house1", made.port, username="mmsd", password_file=secret, message_octets=256)
        down, idle = Gate(), Gate()
        async with Publisher(settings, random=lambda: 0.5, sleep=down.sleep) as publisher:
            commit(rows[:150])
            async with reader(made.port) as listener:
                first = asyncio.create_task(Announcer(store, publisher, Settings(batch=50, poll_seconds=0.01)).run())
                arrived = await listener.take(150)
            made.kill()
            commit(rows[150:])
            await down.asked.wait()
            first.cancel()
            await asyncio.wait([first])
        reached = store.cursor(CURSOR)
        assert reached in {100, 150}  # the last batch's mark may not have been saved when the broker died
        await asyncio.to_thread(made.start)
        async with reader(made.port) as listener, Publisher(settings, random=lambda: 0.5) as publisher:
            second = asyncio.create_task(Announcer(store, publisher, Settings(batch=50), sleep=idle.sleep).run())
            arrived += await listener.take(300 - reached)
            await idle.asked.wait()
            second.cancel()
            await asyncio.wait([second])
        assert store.cursor(CURSOR) == 300
        assert [event.id for event in arrived] == [*range(1, 151), *range(reached + 1, 301)]
        assert {event.subject for event in arrived} == {row.subject for row in rows}

    with broker(debian("mosquitto"), tmp_path, root, free_port()) as made:
        try:
            asyncio.run(asyncio.wait_for(scenario(made), PATIENCE))
        finally:
            store.close()
