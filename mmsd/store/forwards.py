"""Forwards, their serials, and the campaign counters that follow from them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from mmsd.errors import StoreError
from mmsd.model import Batch, Forward
from mmsd.store import Counted, Ordinal
from mmsd.store.people import Person
from mmsd.store.sql import select_in

_WRITE: Final = """
INSERT INTO forward (key, campaign, seed, message, sender, receiver, generation, parent, submitted, retrieved, city, day, method, score,
    counted, reason, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET seed = excluded.seed, message = excluded.message, generation = excluded.generation,
    parent = excluded.parent, submitted = excluded.submitted, retrieved = excluded.retrieved, city = excluded.city,
    day = excluded.day, method = excluded.method, score = excluded.score, counted = excluded.counted, reason = excluded.reason
"""


class _Place(NamedTuple):
    """Where a forward stands in the counters, and what about it can never change."""

    campaign: str
    sender: int
    receiver: int
    day: str
    city: str
    counted: bool


def write_forwards(connection: sqlite3.Connection, batch: Batch, people: dict[str, Person]) -> None:
    """Insert or restate forwards, move the counters by the difference, insert serials.

    Raises StoreError when a key comes back with another campaign, sender or receiver; sqlite3.IntegrityError when a serial's number
    or forward already has a serial. A restated forward keeps the serial it has.
    """
    if batch.forwards:
        places = dict(_places(connection, {forward.key for forward in batch.forwards}))
        moves = _Moves()
        for forward in batch.forwards:
            new = _Place(
                forward.campaign, people[forward.sender].id, people[forward.receiver].id, forward.day, forward.city, forward.counted
            )
            old = places.get(forward.key)
            if old is not None:
                if old[:3] != new[:3]:
                    raise StoreError(f"a forward of campaign {forward.campaign} comes with the key of another")
                moves.add(old, -1)
            moves.add(new, +1)
            places[forward.key] = new
            connection.execute(_WRITE, _row(forward, new, batch.at))
        moves.write(connection)
    if batch.serials:
        connection.executemany(
            "INSERT INTO serial (number, forward, at) VALUES (?, ?, ?)",
            [(serial.number, serial.forward, batch.at) for serial in batch.serials],
        )
        statement = "SELECT campaign, count(*) FROM forward WHERE key IN ({}) GROUP BY campaign"
        issued = list(select_in(connection, statement, [serial.forward for serial in batch.serials]))
        connection.executemany(
            "INSERT INTO campaign_total (campaign, forwards, people, serials) VALUES (?, 0, 0, ?)"
            " ON CONFLICT (campaign) DO UPDATE SET serials = serials + excluded.serials",
            issued,
        )


def _places(connection: sqlite3.Connection, keys: Iterable[bytes]) -> Iterable[tuple[bytes, _Place]]:
    statement = "SELECT key, campaign, sender, receiver, day, city, counted FROM forward WHERE key IN ({})"
    for key, campaign, sender, receiver, day, city, counted in select_in(connection, statement, keys):
        yield key, _Place(campaign, sender, receiver, day, city, bool(counted))


def _row(forward: Forward, place: _Place, at: int) -> tuple[Any, ...]:
    return (
        forward.key, forward.campaign, forward.seed, forward.message, place.sender, place.receiver, forward.generation, forward.parent,
        forward.submitted, forward.retrieved, forward.city, forward.day, forward.method, forward.score, forward.counted, forward.reason, at,
    )  # fmt: skip


class _Moves:
    """Changes of the campaign counters in one Batch, netted before they are written."""

    def __init__(self) -> None:
        self._days: Counter[tuple[str, str, str, bool]] = Counter()
        self._cities: Counter[tuple[str, str]] = Counter()
        self._senders: Counter[tuple[str, int]] = Counter()
        self._totals: Counter[str] = Counter()

    def add(self, place: _Place, n: int) -> None:
        self._days[place.campaign, place.day, place.city, place.counted] += n
        if place.counted:
            self._cities[place.campaign, place.city] += n
            self._senders[place.campaign, place.sender] += n
            self._totals[place.campaign] += n

    def write(self, connection: sqlite3.Connection) -> None:
        connection.executemany(
            "INSERT INTO campaign_day (campaign, day, city, counted, other) VALUES (?, ?, ?, ?, ?) ON CONFLICT (campaign, day, city)"
            " DO UPDATE SET counted = counted + excluded.counted, other = other + excluded.other",
            [
                (campaign, day, city, n if counted else 0, 0 if counted else n)
                for (campaign, day, city, counted), n in self._days.items()
                if n
            ],
        )
        connection.executemany(
            "INSERT INTO campaign_city (campaign, city, n) VALUES (?, ?, ?) ON CONFLICT (campaign, city) DO UPDATE SET n = n + excluded.n",
            [(*place, n) for place, n in self._cities.items() if n],
        )
        people: Counter[str] = Counter()
        for (campaign, sender), n in self._senders.items():
            if n:
                now: int = connection.execute(
                    "INSERT INTO campaign_sender (campaign, sender, n) VALUES (?, ?, ?)"
                    " ON CONFLICT (campaign, sender) DO UPDATE SET n = n + excluded.n RETURNING n",
                    (campaign, sender, n),
                ).fetchone()[0]
                people[campaign] += (now > 0) - (now - n > 0)
        connection.executemany(
            "INSERT INTO campaign_total (campaign, forwards, people, serials) VALUES (?, ?, ?, 0)"
            " ON CONFLICT (campaign) DO UPDATE SET forwards = forwards + excluded.forwards, people = people + excluded.people",
            [(campaign, n, people[campaign]) for campaign, n in self._totals.items()],
        )


def read_ordinals(connection: sqlite3.Connection, wanted: Iterable[Ordinal], people: dict[str, Person]) -> dict[Ordinal, Counted]:
    """How many forwards count so far, for each of `wanted`."""

    def number(statement: str, *values: Any) -> int:
        row = connection.execute(statement, values).fetchone()
        return int(row[0]) if row else 0

    found = {}
    for ordinal in wanted:
        sender = people.get(ordinal.sender)
        found[ordinal] = Counted(
            number("SELECT n FROM campaign_sender WHERE campaign = ? AND sender = ?", ordinal.campaign, sender.id) if sender else 0,
            number("SELECT n FROM campaign_city WHERE campaign = ? AND city = ?", ordinal.campaign, ordinal.city),
            number("SELECT forwards FROM campaign_total WHERE campaign = ?", ordinal.campaign),
        )
    return found
